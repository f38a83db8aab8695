// Chat over sockets, on each kind of store and over two servers: opening and subscribing, messages and their order, history and
// `since`, repeats, reading, typing, deleting, coming and going, what other programs publish.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, connect, limit, mintToken, refused, soon, startServer, waitFor } from './harness.mjs';
import { signUp, BEHIND_PROXY, post } from './accounts.mjs';
import { chat, group, known, ok, seqOf, somebody } from './chat-rest.mjs';
import { assertInOrder, denied, enter, heard, lobby, rows, say, subscribe, until } from './chat-sockets.mjs';
import { startPair, stores } from './postgres.mjs';

for (const kind of stores) {
    describe(`chat sockets on ${kind.name}`, () => {
        let redis, store, a, b, stop;
        before(async () => {
            ({ redis, store, server: a, second: b, stop } = await startPair(kind, { ...BEHIND_PROXY, LECTERN_RATE_STUDENT: '500/1000',
                LECTERN_RATE_HOST: '500/1000', LECTERN_LOOPS: 2, LECTERN_CHAT_ROOMS_MAX: 300 }));
        });
        after(() => stop?.());

        const people = () => [somebody({ type: 'teacher', name: '김 선생님' }), somebody(), somebody({ name: '서연' })];

        test('the welcome says who, where and how far', async () => {
            const [t, s] = people();
            const room = await group(a, '3학년 2반', t, s);
            const said = ok(await chat(a, t).say(room.id, '안녕하세요'), 201);
            const client = await enter(b, s, room.id);
            const { welcome } = client;
            assert.equal(welcome.room, room.room);
            assert.equal(welcome.senderType, 'server');
            const { members, limits, server, ...rest } = welcome.message;
            // Who joins has nothing to catch up on: it is read up to there.
            assert.deepEqual(rest, {
                user: { id: s.id, name: s.name, userType: 'student' },
                chat: { kind: 'group', name: '3학년 2반', owner: t.id, count: 2 },
                last: said.id, unread: 1, lastReadMessage: `${room.id}.2`, ping: 25,
            });
            assert.deepEqual(members.map(({ id, name, userType, lastReadMessage }) => [id, name, userType, lastReadMessage]).sort(), [
                [t.id, t.name, 'teacher', said.id], [s.id, s.name, 'student', `${room.id}.2`],
            ].sort());
            assert.equal(limits.subscriptions, 200);
            assert.ok(limits.message > 0 && limits.rate > 0 && server.id);
            await until(client, said.id);
            assert.deepEqual(rows(client)[2], ok(await chat(a, s).history(room.id)).messages[2], 'as REST gives it');
            assert.deepEqual(rows(client).map(({ messageType }) => messageType), ['join', 'join', 'send']);
            await client.close();
        });

        test('a message is acknowledged with its number, and told to all on both servers, the sender too', async () => {
            const [t, s, u] = people();
            const room = await group(a, 'r', t, s, u);
            const [one, two, three] = await Promise.all([enter(a, t, room.id), enter(b, s, room.id), enter(b, u, room.id, {}, { deflate: false })]);
            const id = await say(one, { 한: '글', list: [1, 2.50, null], "'": '<script>' });
            for (const client of [one, two, three]) await until(client, id);
            const frames = [one, two, three].map((client) => client.frames.find((text) => text.startsWith(`{"id":"${id}"`)));
            assert.equal(frames[0], frames[1]);
            assert.equal(frames[0], frames[2]);
            assert.match(frames[0], /"message":\{"한":"글","list":\[1,2\.50?,null\],"'":"<script>"\}/);
            const told = rows(two).at(-1);
            assert.deepEqual({ ...told, ts: 0 }, {
                id, ts: 0, room: room.room, senderType: 'teacher', sender: t.id, senderName: t.name, targetType: 'all', messageType: 'send',
                message: { 한: '글', list: [1, 2.5, null], "'": '<script>' },
            });
            assert.ok(Math.abs(told.ts - Date.now()) < limit(60000));
            assert.equal(told.seal, undefined, 'the seal is nobody\'s');
            await Promise.all([one, two, three].map((client) => client.close()));
        });

        test('the door: who may come in', async () => {
            const [t, s] = people();
            await known(a, t, s);
            const room = await group(a, 'r', t);
            const refusal = async (options, status, code) => {
                const answer = await refused(a, options);
                assert.equal(answer.status, status, answer.text);
                assert.equal(answer.body.error.code, code, answer.text);
            };
            await refusal({ room: room.id }, 401, 'token_missing');
            await refusal({ query: { chat: 1 } }, 401, 'token_missing');
            await refusal({ room: room.id, token: 'x' }, 401, 'token_invalid');
            await refusal({ room: room.id, token: mintToken({ exp: 1 }) }, 401, 'token_expired');
            await refusal({ room: room.id, token: s.token }, 403, 'not_member');
            await refusal({ room: `c${'z'.repeat(15)}`, token: s.token }, 404, 'room_not_found');
            await refusal({ room: `c${'1'.repeat(15)}`, token: s.token }, 400, 'bad_room');
            for (const token of [mintToken({ room: 'FTYXPM' }), mintToken({ type: 'service' })]) {
                await refusal({ room: room.id, token }, 403, 'account_required');
                await refusal({ query: { chat: 1 }, token }, 403, 'account_required');
            }
            for (const since of ['x', `${room.id}`, `${room.id}.0`, "1' OR 1=1", `${room.id}.99999999999999999999`]) {
                await refusal({ room: room.id, token: t.token, query: { since } }, 400, 'bad_field');
            }
            for (const history of ['-1', '501', '1.5', 'x']) {
                await refusal({ room: room.id, token: t.token, query: { history } }, 400, 'bad_field');
            }
            await refusal({ room: room.id, token: t.token, headers: { Origin: 'https://elsewhere.example' } }, 403, 'origin_forbidden');
            const direct = ok(await chat(a, t).direct(s.id), 201);
            const [stranger] = await known(a, somebody());
            await refusal({ room: direct.id, token: stranger.token }, 404, 'room_not_found');
            const client = await enter(a, s, `room:${direct.id}`);
            assert.deepEqual(client.welcome.message.chat, { kind: 'direct', name: t.name, owner: '', count: 2 });
            await client.close();
        });

        test('many rooms on one socket', async () => {
            const [t, s] = people();
            const rooms = [];
            for (let i = 0; i < 12; i++) rooms.push(await group(a, `r${i}`, t, s));
            const [one, two] = await Promise.all([lobby(a, t), lobby(b, s)]);
            assert.equal(one.welcome.room, undefined);
            assert.deepEqual(one.welcome.message.user, { id: t.id, name: t.name, userType: 'teacher' });
            denied(await one.request({ messageType: 'send', message: 'where?' }), 'bad_field', 'room');
            for (const client of [one, two]) {
                for (const room of rooms) assert.equal((await subscribe(client, room.id)).messageType, 'welcome');
            }
            const ids = await Promise.all(rooms.map((room, i) => say(one, `in ${i}`, { room: room.room })));
            for (const id of ids) await until(two, id);
            for (const [i, room] of rooms.entries()) {
                assertInOrder(two, room.id);
                assert.deepEqual(heard(two, room.id), [`in ${i}`]);
            }
            const ack = await two.request({ messageType: 'unsubscribe', room: rooms[0].room });
            assert.equal(ack.messageType, 'ack');
            const last = await say(one, 'unheard', { room: rooms[0].room });
            await until(one, last);
            await until(two, await say(one, 'heard', { room: rooms[1].room }));
            await two.sync();
            assert.ok(!heard(two).includes('unheard'));
            await Promise.all([one.close(), two.close()]);
        });

        test('subscribing: errors, since, history, and again', async () => {
            const [t, s] = people();
            const room = await group(a, 'r', t);
            await known(a, s);
            const direct = ok(await chat(a, t).direct(s.id), 201);
            const [stranger] = await known(a, somebody());
            const client = await lobby(a, stranger);
            for (const [id, code] of [[room.id, 'not_member'], [direct.id, 'room_not_found'], [`c${'y'.repeat(15)}`, 'room_not_found']]) {
                const answer = await subscribe(client, id);
                denied(answer, code);
                assert.equal(answer.room, `room:${id}`);
            }
            for (const name of ['FTYXPM', "x' OR '1'='1", `c${'1'.repeat(15)}`, '']) denied(await subscribe(client, name), 'bad_field', 'room');
            const mine = await group(a, 'mine', stranger);
            const ids = [];
            for (let i = 0; i < 5; i++) ids.push(await say(client, `m${i}`, { room: mine.room }));
            for (const since of [7, 'x', `${mine.id}.01`, [], {}]) denied(await subscribe(client, mine.id, { since }), 'bad_field', 'since');
            for (const history of [-1, 501, '5', 1.5, 1e99, {}]) denied(await subscribe(client, mine.id, { history }), 'bad_field', 'history');
            assert.equal((await subscribe(client, mine.id, { history: 2 })).message.last, ids[4]);
            await until(client, ids[4]);
            assert.deepEqual(heard(client), ['m3', 'm4']);
            client.messages.length = 0;
            await subscribe(client, mine.id, { since: ids[0] });
            await until(client, ids[4]);
            assert.deepEqual(heard(client), ['m1', 'm2', 'm3', 'm4']);
            client.messages.length = 0;
            await subscribe(client, mine.id, { history: 0 });
            await client.sync();
            assert.deepEqual(heard(client), []);
            await until(client, await say(client, 'live', { room: mine.room }));
            assert.deepEqual(heard(client), ['live']);
            await client.close();
        });

        test('200 rooms on a socket and no more', async () => {
            const [t] = people();
            const client = await lobby(a, t);
            const rooms = [];
            for (let i = 0; i <= 200; i++) rooms.push(await group(a, `r${i}`, t));
            for (const { id } of rooms.slice(0, 200)) assert.equal((await subscribe(client, id, { history: 0 })).messageType, 'welcome');
            denied(await subscribe(client, rooms[200].id), 'too_many_rooms');
            assert.equal((await subscribe(client, rooms[7].id)).messageType, 'welcome', 'again is not one more');
            await client.request({ messageType: 'unsubscribe', room: rooms[7].room });
            assert.equal((await subscribe(client, rooms[200].id)).messageType, 'welcome');
            await until(client, await say(client, 'x', { room: rooms[200].room }));
            await client.close();
        });

        test('history and since over more than a page, in order and once', async () => {
            const [t, s] = people();
            const room = await group(a, 'r', t, s);
            const sender = await enter(a, t, room.id);
            const ids = [];
            for (let i = 0; i < 640; i += 40) {
                ids.push(...await Promise.all(Array.from({ length: 40 }, (_, k) => say(sender, `m${i + k}`))));
            }
            assert.deepEqual(ids.map((id) => Number(id.split('.')[1])), ids.map((_, i) => i + 3), 'numbered as they were sent');
            await until(sender, ids.at(-1));
            assertInOrder(sender);
            const newcomer = await enter(b, s, room.id);
            await until(newcomer, ids.at(-1));
            assert.deepEqual(heard(newcomer), Array.from({ length: 50 }, (_, i) => `m${i + 590}`));
            const all = await enter(b, s, room.id, { history: 500 });
            await until(all, ids.at(-1));
            assert.deepEqual(heard(all), Array.from({ length: 500 }, (_, i) => `m${i + 140}`));
            const back = await enter(b, s, room.id, { since: ids[200] });
            await until(back, ids.at(-1));
            assert.deepEqual(heard(back), Array.from({ length: 439 }, (_, i) => `m${i + 201}`));
            assert.equal(back.all('gap').length, 0);
            const late = await enter(b, s, room.id, { since: ids[5] });
            await until(late, ids.at(-1));
            assert.deepEqual(late.all('gap').map(({ message }) => message), [{ since: ids[5] }]);
            assert.deepEqual(heard(late), Array.from({ length: 500 }, (_, i) => `m${i + 140}`));
            for (const client of [newcomer, all, back, late]) assertInOrder(client);
            const other = await group(a, 'other', t, s);
            for (const since of [`${room.id}.5000`, `${other.id}.1`]) {
                const lost = await enter(b, s, room.id, { since });
                await until(lost, ids.at(-1));
                assert.equal(lost.all('gap').length, 1);
                assertInOrder(lost);
                await lost.close();
            }
            const known = await enter(a, s, room.id, { since: ids.at(-1) });
            await until(known, await say(sender, 'new'));
            assert.deepEqual(heard(known), ['new']);
            await Promise.all([sender, newcomer, all, back, late, known].map((client) => client.close()));
        });

        test('many who write at once on two servers: everybody is told the same, in one order', async () => {
            const writers = Array.from({ length: 8 }, (_, i) => somebody({ name: `w${i}` }));
            const room = await group(a, 'busy', ...writers);
            const clients = await Promise.all(writers.map((who, i) => enter(i % 2 ? a : b, who, room.id, { history: 0 })));
            const acked = (await Promise.all(clients.map(async (client, i) => {
                const ids = [];
                for (let n = 0; n < 30; n++) ids.push(await say(client, `${i}:${n}`));
                return ids;
            }))).flat();
            assert.equal(new Set(acked).size, 240);
            const last = `${room.id}.${Math.max(...acked.map((id) => Number(id.split('.')[1])))}`;
            for (const client of clients) await until(client, last);
            for (const client of clients) {
                assertInOrder(client);
                assert.deepEqual(rows(client), rows(clients[0]));
            }
            for (let i = 0; i < writers.length; i++) {
                assert.deepEqual(heard(clients[0]).filter((text) => text.startsWith(`${i}:`)), Array.from({ length: 30 }, (_, n) => `${i}:${n}`));
            }
            await Promise.all(clients.map((client) => client.close()));
        });

        test('a repeated ref is answered with the first one and told to nobody', async () => {
            const [t, s] = people();
            const room = await group(a, 'r', t, s);
            const [one, two] = await Promise.all([enter(a, t, room.id), enter(b, s, room.id)]);
            const first = await say(one, 'once', { ref: 'the-ref' });
            assert.equal(await say(one, 'twice', { ref: 'the-ref' }), first);
            const again = await enter(b, t, room.id);
            assert.equal(await say(again, 'thrice', { ref: 'the-ref' }), first);
            assert.notEqual(await say(two, 'another sender', { ref: 'the-ref' }), first, 'refs are the sender\'s own');
            await until(one, await say(one, 'end'));
            assert.deepEqual(heard(one), ['once', 'another sender', 'end']);
            assert.ok(rows(one).every((message) => message.ref === undefined), 'nobody sees refs');
            await Promise.all([one, two, again].map((client) => client.close()));
        });

        test('reading is stored, told to the others, remembered in Redis, and never goes back', async () => {
            const [t, s] = people();
            const room = await group(a, 'r', t, s);
            const [one, two] = await Promise.all([enter(a, t, room.id), enter(b, s, room.id)]);
            const ids = [];
            for (let i = 0; i < 4; i++) ids.push(await say(one, `m${i}`));
            const key = `room:${room.id}:read`;
            await waitFor(async () => await redis.client.hget(key, t.id) === ids[3], { timeout: limit(10000), what: 'the sender\'s reading' });
            await until(two, ids[3]);
            assert.equal((await two.request({ messageType: 'read', message: ids[2] })).messageType, 'ack');
            const { sender, senderType, message } = await one.next('read');
            assert.deepEqual([sender, senderType, message], [s.id, 'student', { lastReadMessage: ids[2] }]);
            await waitFor(async () => await redis.client.hget(key, s.id) === ids[2], { timeout: limit(10000), what: 'the reading' });
            assert.equal((await two.request({ messageType: 'read', message: ids[0] })).messageType, 'ack');
            const mine = ok(await chat(a, s).room(room.id));
            assert.equal(mine.people.find(({ id }) => id === s.id).lastReadMessage, ids[2]);
            assert.equal(ok(await chat(a, s).mine()).rooms[0].unread, 1);
            // Many at once: few are told, the last one is.
            const before = one.all('read').length;
            for (let i = 0; i < 20; i++) two.send({ messageType: 'read', message: ids[i % 4] });
            await one.next({ messageType: 'read', message: { lastReadMessage: ids[3] } }, { timeout: limit(10000) });
            assert.ok(one.all('read').length - before <= 2);
            // Beyond the end is the end.
            assert.equal((await two.request({ messageType: 'read', message: `${room.id}.4000` })).messageType, 'ack');
            assert.equal(ok(await chat(b, s).mine()).rooms[0].lastReadMessage, ids[3]);
            const welcome = await subscribe(two, room.id);
            assert.equal(welcome.message.lastReadMessage, ids[3]);
            assert.equal(welcome.message.unread, 0);
            // By REST it is told on sockets, too.
            const last = await say(one, 'last');
            ok(await chat(b, s).read(room.id, last));
            await one.next({ messageType: 'read', sender: s.id, message: { lastReadMessage: last } });
            await Promise.all([one.close(), two.close()]);
        });

        test('typing and what is ephemeral: told, not kept', async () => {
            const [t, s] = people();
            const room = await group(a, 'r', t, s);
            const [one, two] = await Promise.all([enter(a, t, room.id), enter(b, s, room.id)]);
            assert.equal((await one.request({ messageType: 'typing', message: true })).messageType, 'ack');
            const typing = await two.next('typing');
            assert.deepEqual([typing.sender, typing.message, typing.id, typing.senderName], [t.id, true, undefined, t.name]);
            for (let i = 0; i < 10; i++) one.send({ messageType: 'typing', message: true });
            one.send({ messageType: 'typing', message: false });
            await two.next({ messageType: 'typing', message: false });
            assert.equal(two.all('typing').length, 2, 'the same again is not passed on');
            for (const message of ['yes', 1, null, undefined]) denied(await one.request({ messageType: 'typing', message }), 'bad_field', 'message');
            const ack = await one.request({ messageType: 'wave', message: { x: 1 }, ephemeral: true });
            assert.deepEqual(ack.message, {});
            const wave = await two.next('wave');
            assert.deepEqual([wave.message, wave.id], [{ x: 1 }, undefined]);
            assert.equal(one.all('typing').length, 0, 'not to oneself');
            assert.ok(!ok(await chat(a, t).history(room.id)).messages.some(({ messageType }) => ['wave', 'typing'].includes(messageType)));
            const stranger = await lobby(a, s);
            denied(await stranger.request({ messageType: 'typing', room: room.room, message: true }), 'not_subscribed');
            denied(await stranger.request({ messageType: 'wave', room: room.room, ephemeral: true }), 'not_subscribed');
            await Promise.all([one, two, stranger].map((client) => client.close()));
        });

        test('deleting: by the sender or the owner, and it is seen nowhere any more', async () => {
            const [t, s, u] = people();
            const room = await group(a, 'r', t, s, u);
            const [owner, two, three] = await Promise.all([enter(a, t, room.id), enter(b, s, room.id), enter(b, u, room.id)]);
            const ids = [];
            for (const text of ['mine', 'to be deleted', 'kept']) ids.push(await say(two, text));
            denied(await three.request({ messageType: 'delete', message: ids[1] }), 'forbidden');
            for (const client of [owner, two, three]) await until(client, ids[2]);
            assert.equal((await two.request({ messageType: 'delete', message: ids[1] })).messageType, 'ack');
            const tombstone = await three.next('delete');
            assert.deepEqual([tombstone.sender, tombstone.message], [s.id, { id: ids[1] }]);
            assert.match(tombstone.id, new RegExp(`^${room.id}\\.`));
            denied(await two.request({ messageType: 'delete', message: ids[1] }), 'message_not_found');
            assert.equal((await owner.request({ messageType: 'delete', message: ids[0] })).messageType, 'ack', 'the owner may');
            const last = await say(two, 'end');
            const fresh = await enter(a, u, room.id);
            await until(fresh, last);
            assert.deepEqual(heard(fresh), ['kept', 'end']);
            assert.equal(fresh.all('delete').length, 0, 'of no use to who has not seen them');
            const back = await enter(a, u, room.id, { since: ids[2] });
            await until(back, last);
            assert.deepEqual(back.all('delete').map(({ message }) => message.id), [ids[1], ids[0]]);
            assert.ok(!back.frames.join('').includes('to be deleted'));
            for (const message of ['x', 5, null, `${room.id}.0`, { id: ids[2] }]) {
                denied(await two.request({ messageType: 'delete', message }), 'bad_field', 'message');
            }
            denied(await two.request({ messageType: 'delete', message: `${room.id}.999` }), 'message_not_found');
            denied(await two.request({ messageType: 'delete', message: `${room.id}.1` }), 'message_not_found', undefined);
            ok(await chat(b, t).erase(ids[2]), 204);
            await three.next({ messageType: 'delete', message: { id: ids[2] } });
            await Promise.all([owner, two, three, fresh, back].map((client) => client.close()));
        });

        test('who joins and leaves is told; who has left hears nothing any more, on any socket', async () => {
            const [t, s, u] = people();
            const room = await group(a, 'r', t, s);
            const [one, two, tab, alone] = await Promise.all([enter(a, t, room.id), lobby(b, s), lobby(a, s), enter(b, s, room.id)]);
            await Promise.all([two, tab].map((client) => subscribe(client, room.id)));
            ok(await chat(b, u).join(room.id));
            const join = await one.next({ messageType: 'join', sender: u.id });
            assert.deepEqual(join.message, { name: u.name, userType: 'student', count: 3 });
            ok(await chat(a, s).leave(room.id), 204);
            const leave = await one.next({ messageType: 'leave', sender: s.id });
            assert.deepEqual(leave.message, { name: s.name, userType: 'student', count: 2 });
            for (const client of [two, tab]) {
                const close = await client.next('close');
                assert.deepEqual([close.room, close.message], [room.room, { reason: 'left' }]);
            }
            assert.deepEqual(await alone.closed, { code: 4000, reason: 'left' });
            denied(await two.request({ messageType: 'send', room: room.room, message: 'x' }), 'not_member');
            denied(await two.request({ messageType: 'read', room: room.room, message: join.id }), 'not_member');
            denied(await two.request({ messageType: 'delete', room: room.room, message: join.id }), 'not_member');
            const secret = await say(one, 'secret');
            await until(one, secret);
            await two.sync();
            await tab.sync();
            for (const client of [two, tab, alone]) assert.ok(!client.frames.join('').includes('secret'));
            // Back again: what was said meanwhile is for members, and so it is told.
            ok(await chat(a, s).join(room.id));
            assert.equal((await subscribe(two, room.id)).messageType, 'welcome');
            await until(two, secret);
            ok(await chat(a, t).leave(room.id), 204);
            const handed = await two.next({ messageType: 'leave', sender: t.id });
            assert.equal(handed.message.owner, u.id, 'the longest-standing member');
            assert.deepEqual(await one.closed, { code: 4000, reason: 'left' });
            await Promise.all([two.close(), tab.close()]);
        });

        test('a room that is deleted ends on its sockets, and nothing of it stays in Redis', async () => {
            const [t] = people();
            const room = await group(a, 'r', t);
            const [one, two] = await Promise.all([enter(b, t, room.id), lobby(a, t)]);
            await subscribe(two, room.id);
            await say(one, 'x');
            await waitFor(async () => await redis.client.exists(`room:${room.id}:read`) === 1, { timeout: limit(10000), what: 'the hash' });
            ok(await chat(a, t).leave(room.id), 204);
            const close = await two.next('close');
            assert.deepEqual(close.message, { reason: 'deleted' });
            assert.deepEqual(await one.closed, { code: 4000, reason: 'deleted' });
            denied(await subscribe(two, room.id), 'room_not_found');
            await waitFor(async () => (await redis.client.keys(`room:${room.id}*`)).length === 0, { timeout: limit(10000), what: 'no keys' });
            await two.close();
        });

        test('how far somebody has read stays in Redis for as long as they are in the room', async () => {
            const [t, s] = people();
            const [kept, over, elsewhere] = [await group(a, 'kept', t, s), await group(a, 'over', s), await group(a, 'elsewhere', s)];
            const inRedis = (room) => redis.client.hget(`room:${room.id}:read`, s.id);
            for (const follows of [true, false]) {
                // Redis is told at once, and again when half a second has gone: of the second message after the leave.
                const client = await lobby(b, s);
                for (const room of [kept, over]) {
                    if (follows) await subscribe(client, room.id);
                    for (const text of ['one', 'two']) await say(client, text, { room: room.room });
                    ok(await chat(a, s).leave(room.id), 204);
                }
                const last = [await say(client, 'one', { room: elsewhere.room }), await say(client, 'two', { room: elsewhere.room })][1];
                await waitFor(async () => await inRedis(elsewhere) === last, { timeout: limit(10000), what: 'what was said last' });
                assert.equal(await inRedis(kept), null, `who follows: ${follows}`);
                assert.deepEqual(await redis.client.keys(`room:${over.id}*`), []);
                await client.close();
                ok(await chat(a, s).join(kept.id));
                assert.match(await inRedis(kept), /\.[1-9][0-9]*$/);
                Object.assign(over, await group(a, 'over again', s));
            }
        });

        test('whoever comes to be in a room is told on every socket', async () => {
            const [t, s] = people();
            await known(a, t, s);
            const sockets = await Promise.all([lobby(a, s), lobby(b, s)]);
            // The subscription to what concerns a user is made on the way: the first of two notices may be too early.
            const room = ok(await chat(a, t).direct(s.id), 201);
            await redis.client.publish(`user:${s.id}`, 'garbage');
            await redis.client.publish(`user:${s.id}`, '{"messageType":"invited","room":"room:FTYXPM","message":{}}');
            await redis.client.publish(`user:${s.id}`, '{"messageType":"close","room":"room:caaaaaaaaaaaaaaa","message":{}}');
            for (const client of sockets) {
                const invited = await client.next('invited');
                assert.equal(invited.room, room.room);
                assert.equal(invited.message.with.id, t.id);
                await client.sync();
                assert.equal(client.all('invited').length, 1);
                assert.equal(client.all('close').length, 0);
            }
            await Promise.all(sockets.map((client) => client.close()));
        });

        test('older clients\' messages', async () => {
            const who = somebody({ id: String(Math.floor(Math.random() * 1e9) + 1) });
            const room = await group(a, 'r', who);
            const client = await enter(a, who, room.id);
            client.sendRaw(`{"senderId":${who.id},"message":"안녕!","type":"TEXT"}`);
            client.sendRaw(`{"senderId":"${who.id}","message":"https://x/y.png","type":"IMAGE"}`);
            client.sendRaw('{"message":"no sender","type":"TEXT"}');
            const first = await client.next({ messageType: 'send', message: '안녕!' });
            assert.equal(first.sender, who.id);
            await client.next({ messageType: 'image', message: 'https://x/y.png' });
            await client.next({ messageType: 'send', message: 'no sender' });
            denied(await client.request({ senderId: 2, message: 'x', type: 'TEXT' }), 'forbidden', 'senderId');
            denied(await client.request({ senderId: [], message: 'x', type: 'TEXT' }), 'forbidden', 'senderId');
            denied(await client.request({ senderId: who.id, message: 'x', type: 'VIDEO' }), 'bad_field', 'type');
            denied(await client.request({ senderId: who.id, message: 'x', type: 5 }), 'bad_field', 'type');
            denied(await client.request({ message: 'x' }), 'bad_field', 'messageType');
            await client.close();
        });

        test('what other programs publish on a room\'s channel', async () => {
            const [t] = people();
            const room = await group(a, 'r', t);
            const client = await enter(a, t, room.id);
            const foreign = { room: room.room, senderType: 'service', sender: 'bot', targetType: 'all', messageType: 'news', message: { n: 1 } };
            const publish = (message) => redis.client.publish(room.room, typeof message === 'string' ? message : JSON.stringify(message));
            for (const bad of ['', 'x', '[]', '{}', '\xff', { ...foreign, id: `${room.id}.2` }, { ...foreign, id: `${room.id}.999` },
                { ...foreign, messageType: 'close' }, { ...foreign, messageType: 'leave', sender: t.id }, { ...foreign, messageType: 'delete' },
                { ...foreign, messageType: 'kick' }, { ...foreign, targetType: 'student' }, { ...foreign, target: 's1' },
                { ...foreign, room: 'room:FTYXPM' }, { ...foreign, sender: undefined }, { seal: 'aaaaaaaaaaaa', ...foreign, messageType: 'close' }]) {
                await publish(bad);
            }
            await publish({ ...foreign, extra: true, ts: 5 });
            const news = await client.next('news');
            assert.deepEqual(news, { ts: 5, room: room.room, senderType: 'service', sender: 'bot', targetType: 'all', messageType: 'news', message: { n: 1 } });
            await client.sync();
            assert.equal(client.all('news').length, 1);
            assert.equal(client.closeInfo, undefined);
            await until(client, await say(client, 'goes on'));
            assertInOrder(client);
            await client.close();
        });

        test('tokens: a fresh one, an expired one, one that was revoked', async () => {
            const [t] = people();
            const short = { ...t, token: mintToken({ type: 'teacher', sub: t.id, name: t.name, exp: soon() }) };
            const room = await group(a, 'r', t);
            const [kept, lost] = await Promise.all([enter(a, short, room.id), enter(a, short, room.id)]);
            denied(await kept.request({ messageType: 'token', message: 'x' }), 'token_invalid');
            denied(await kept.request({ messageType: 'token', message: 7 }), 'bad_field', 'message');
            denied(await kept.request({ messageType: 'token', message: mintToken({ sub: 'somebody.else' }) }), 'forbidden');
            assert.equal((await kept.request({ messageType: 'token', message: t.token })).messageType, 'ack');
            assert.deepEqual(await lost.closed, { code: 4003, reason: 'token expired' });
            assert.equal(kept.closeInfo, undefined);
            await kept.close();

            const account = await signUp(a);
            const client = await connect(b, { token: account.token, query: { chat: 1 } });
            assert.equal((await post(a, '/logout-all', {}, { token: account.token })).status, 200);
            assert.deepEqual(await client.closed, { code: 4003, reason: 'signed out' });
        });

        test('a server that ends says so, and what it had taken is kept', async (t) => {
            const env = { LECTERN_RATE_STUDENT: '500/1000', ...await store.fresh() };
            const server = await startServer({ redis, env });
            const [who] = people();
            const room = await group(server, 'r', who);
            const again = await startServer({ redis, env });
            t.after(() => again.stop());
            const [client, other] = await Promise.all([enter(server, who, room.id), enter(again, who, room.id)]);
            for (let i = 0; i < 50; i++) client.send({ messageType: 'send', message: `m${i}`, ref: `m${i}` });
            await client.next({ messageType: 'ack', ref: 'm0' });
            const ended = server.stop();
            assert.equal((await client.closed).code, 1001);
            assert.equal(await ended, 0);
            const { messages } = ok(await chat(again, who).history(room.id, { limit: 200 }));
            const acked = client.all('ack').map(({ message }) => message.id);
            const stored = messages.map(({ id }) => id);
            assert.deepEqual(acked.filter((id) => !stored.includes(id)), []);
            assert.deepEqual(messages.map(seqOf), messages.map((_, i) => i + 1));
            // It had published all of it before it ended: nobody had to look for it in the store.
            await until(other, stored.at(-1));
            assert.match((await api(again, 'GET', '/metrics')).text, /^lectern_chat_filled_total 0$/m);
            await other.close();
        });
    });
}
