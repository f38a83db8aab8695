// Chat rooms over REST, on each kind of store: making, finding, joining and leaving groups, direct rooms, one's own rooms,
// people. Two servers share the store and Redis.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, connect, limit, mintToken, randomId, startRedis, startServer, waitFor } from './harness.mjs';
import { BEHIND_PROXY, signUp } from './accounts.mjs';
import { chat, group, known, ok, refusedWith, seqOf, somebody, texts } from './chat-rest.mjs';
import { startPair, stores } from './postgres.mjs';

const ROOM_ID = /^c[a-z2-7]{15}$/;

for (const kind of stores) {
    describe(`chat rooms on ${kind.name}`, () => {
        let redis, server, second, stop;
        before(async () => { ({ redis, server, second, stop } = await startPair(kind, BEHIND_PROXY)); });
        after(() => stop?.());

        test('a group is made, found, joined and left, on either server', async () => {
            const [t, s] = [somebody({ type: 'teacher', name: '김 선생님' }), somebody()];
            const name = `3학년 ${randomId('g')}`;
            const room = ok(await chat(server, t).create(name), 201);
            assert.match(room.id, ROOM_ID);
            assert.ok(Math.abs(room.createdAt - Date.now()) < limit(600000));
            assert.deepEqual(room, {
                id: room.id, room: `room:${room.id}`, kind: 'group', name, owner: t.id, members: 1, createdAt: room.createdAt,
            });

            const listed = ok(await chat(second, s).groups({ q: name }));
            assert.deepEqual(listed, { rooms: [{ ...room, joined: false }], next: null });
            assert.deepEqual(ok(await chat(second, s).join(room.id)), { ...room, members: 2 });
            assert.equal(ok(await chat(server, s).groups({ q: name })).rooms[0].joined, true);

            const seen = ok(await chat(server, s).room(`room:${room.id}`));
            assert.deepEqual(seen, {
                ...room, members: 2, unread: 0, lastReadMessage: `${room.id}.2`,
                people: [
                    { id: s.id, name: s.name, userType: 'student', lastReadMessage: `${room.id}.2` },
                    { id: t.id, name: t.name, userType: 'teacher', lastReadMessage: `${room.id}.1` },
                ],
            }, 'me first; who joins has nothing unread');

            ok(await chat(second, s).leave(room.id), 204);
            refusedWith(await chat(server, s).room(room.id), 403, 'not_member');
            assert.equal(ok(await chat(server, t).room(room.id)).members, 1);
        });

        test('accounts chat like everybody else', async () => {
            const who = await signUp(server, { name: '이서연' });
            const room = ok(await chat(server, who).create('독서'), 201);
            assert.equal(room.owner, who.id);
            const { messages } = ok(await chat(second, who).history(room.id));
            assert.deepEqual(messages.map(({ sender, senderName, senderType, messageType }) => [sender, senderName, senderType, messageType]),
                [[who.id, '이서연', 'student', 'join']]);
            assert.equal((await api(server, 'POST', '/logout-all', { token: who.token, body: {} })).status, 200);
            refusedWith(await chat(server, who).mine(), 401, 'token_revoked');
            refusedWith(await chat(second, who).history(room.id), 401, 'token_revoked');
            refusedWith(await chat(second, who).say(room.id, 'x'), 401, 'token_revoked');
        });

        test('joining twice is joining once', async () => {
            const [t, s] = [somebody({ type: 'teacher' }), somebody()];
            const room = await group(server, 'twice', t);
            const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => chat(i % 2 ? server : second, s).join(room.id)));
            for (const answer of answers) assert.equal(ok(answer).members, 2);
            assert.equal(ok(await chat(server, s).join(room.id)).members, 2);
            const { messages } = ok(await chat(server, t).history(room.id));
            assert.deepEqual(messages.map(({ id, sender, messageType, message }) => [id, sender, messageType, message]), [
                [`${room.id}.1`, t.id, 'join', { name: t.name, userType: 'teacher', count: 1 }],
                [`${room.id}.2`, s.id, 'join', { name: s.name, userType: 'student', count: 2 }],
            ]);
        });

        test('a group goes to who has been in it longest when its owner leaves', async () => {
            const [t, a, b] = [somebody({ type: 'teacher' }), somebody(), somebody()];
            const room = await group(server, 'heirs', t, b, a);
            ok(await chat(second, t).leave(room.id), 204);
            assert.equal(ok(await chat(server, a).room(room.id)).owner, b.id);
            const { messages } = ok(await chat(server, a).history(room.id));
            const last = messages.at(-1);
            assert.deepEqual([last.messageType, last.sender, last.message],
                ['leave', t.id, { name: t.name, userType: 'teacher', count: 2, owner: b.id }]);
            ok(await chat(server, a).leave(room.id), 204);
            const next = ok(await chat(server, b).history(room.id)).messages.at(-1);
            assert.deepEqual([next.sender, next.message], [a.id, { name: a.name, userType: 'student', count: 1 }]);
            // Whoever comes back is not the owner any more.
            ok(await chat(server, t).join(room.id));
            assert.equal(ok(await chat(server, t).room(room.id)).owner, b.id);
        });

        test('who has left sees nothing, who comes back sees all', async () => {
            const [t, s] = [somebody({ type: 'teacher' }), somebody()];
            const room = await group(server, 'back', t, s);
            const said = ok(await chat(server, t).say(room.id, 'before'), 201);
            ok(await chat(second, s).leave(room.id), 204);
            ok(await chat(server, t).say(room.id, 'meanwhile'), 201);
            for (const where of [server, second]) {
                const gone = chat(where, s);
                refusedWith(await gone.history(room.id), 403, 'not_member');
                refusedWith(await gone.read(room.id, said.id), 403, 'not_member');
                refusedWith(await gone.say(room.id, 'x'), 403, 'not_member');
                refusedWith(await gone.erase(said.id), 403, 'not_member');
                refusedWith(await gone.search('before', { room: room.id }), 403, 'not_member');
                assert.deepEqual(ok(await gone.search('meanwhile')).messages, []);
                assert.deepEqual(ok(await gone.mine()).rooms, []);
                refusedWith(await gone.leave(room.id), 404, 'room_not_found');
            }
            ok(await chat(second, s).join(room.id));
            assert.deepEqual(texts(ok(await chat(server, s).history(room.id)).messages), ['before', 'meanwhile']);
        });

        test('the last one to leave takes the room along', async () => {
            const [t, s] = [somebody({ type: 'teacher' }), somebody()];
            const name = randomId('gone');
            const room = await group(server, name, t, s);
            const { id } = ok(await chat(server, t).say(room.id, `secret ${name}`), 201);
            ok(await chat(server, s).read(room.id, id));
            assert.equal(await redis.client.hget(`room:${room.id}:read`, s.id), id);
            ok(await chat(second, t).leave(room.id), 204);
            ok(await chat(server, s).leave(room.id), 204);
            refusedWith(await chat(server, s).leave(room.id), 404, 'room_not_found');
            for (const who of [t, s]) {
                refusedWith(await chat(second, who).room(room.id), 404, 'room_not_found');
                refusedWith(await chat(second, who).history(room.id), 404, 'room_not_found');
                refusedWith(await chat(second, who).join(room.id), 404, 'room_not_found');
                refusedWith(await chat(second, who).read(room.id, id), 404, 'room_not_found');
                refusedWith(await chat(second, who).say(room.id, 'x'), 404, 'room_not_found');
                refusedWith(await chat(second, who).erase(id), 404, 'message_not_found');
                assert.deepEqual(ok(await chat(second, who).search(name)).messages, []);
            }
            assert.deepEqual(ok(await chat(server, t).groups({ q: name })).rooms, []);
            assert.deepEqual(await redis.client.keys(`room:${room.id}*`), [], 'Redis has nothing of it');
        });

        test('of many who join and leave at once, none is lost or counted twice', async () => {
            const t = somebody({ type: 'teacher' });
            const room = await group(server, 'crowd', t);
            const crowd = Array.from({ length: 12 }, () => somebody());
            await Promise.all(crowd.map(async (who, i) => {
                const [here, there] = i % 2 ? [server, second] : [second, server];
                ok(await chat(here, who).join(room.id));
                if (i % 3 === 0) ok(await chat(there, who).leave(room.id), 204);
            }));
            const seen = ok(await chat(server, t).room(room.id));
            const stayed = crowd.filter((_, i) => i % 3 !== 0).map(({ id }) => id);
            assert.deepEqual(seen.people.map(({ id }) => id).filter((id) => id !== t.id).sort(), stayed.sort());
            assert.equal(seen.members, 9);
            const { messages } = ok(await chat(second, t).history(room.id, { limit: 200 }));
            assert.deepEqual(messages.map(seqOf), Array.from({ length: 17 }, (_, i) => i + 1), 'numbers without holes');
            let count = 0;
            for (const { messageType, message } of messages) {
                count += messageType === 'join' ? 1 : -1;
                assert.equal(message.count, count, 'each says how many there were after it');
            }
        });

        test('joining a room while its last member leaves finds it or does not, and nothing in between', async () => {
            for (let i = 0; i < 6; i++) {
                const [t, s] = [somebody({ type: 'teacher' }), somebody()];
                const room = await group(server, randomId('edge'), t);
                const [left, joined] = await Promise.all([chat(server, t).leave(room.id), chat(second, s).join(room.id)]);
                ok(left, 204);
                if (joined.status === 404) {
                    refusedWith(joined, 404, 'room_not_found');
                    assert.deepEqual(ok(await chat(server, s).mine()).rooms, []);
                } else {
                    ok(joined);
                    const seen = ok(await chat(server, s).room(room.id));
                    assert.deepEqual([seen.members, seen.owner], [1, s.id]);
                }
            }
        });

        test('two people have one direct room, whoever opens it and however often', async () => {
            const [a, b] = await known(server, somebody({ name: '하늘' }), somebody({ type: 'teacher', name: '바다' }));
            const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2
                ? chat(server, a).direct(b.id) : chat(second, b).direct(a.id))));
            const ids = new Set(answers.map(({ body }) => body.id));
            assert.equal(ids.size, 1, answers.map(({ text }) => text).join('\n'));
            assert.equal(answers.filter(({ status }) => status === 201).length, 1, 'one of them made it');
            const [id] = ids;
            const mine = ok(await chat(second, a).direct(b.id));
            assert.match(id, ROOM_ID);
            assert.deepEqual(mine, {
                id, room: `room:${id}`, kind: 'direct', name: '바다', owner: '', members: 2, createdAt: mine.createdAt,
                with: { id: b.id, name: '바다', userType: 'teacher', lastReadMessage: '' },
            });
            assert.equal(ok(await chat(server, b).direct(a.id)).name, '하늘', 'each sees the other\'s name');
        });

        test('a direct room is of these two: not listed, joined, left or seen by others', async () => {
            const name = randomId('direct');
            const [a, b, c] = await known(server, somebody({ name }), somebody({ name }), somebody());
            const { id } = ok(await chat(server, a).direct(b.id), 201);
            const said = ok(await chat(server, a).say(id, `between us ${name}`), 201);
            assert.deepEqual(ok(await chat(server, a).groups({ q: name })).rooms, []);
            assert.deepEqual(ok(await chat(server, c).groups({ q: name })).rooms, []);
            const other = chat(second, c);
            const unknown = `c${'a'.repeat(15)}`;
            // Word for word what is said of a room that does not exist.
            for (const [there, nowhere] of [
                [other.room(id), other.room(unknown)], [other.history(id), other.history(unknown)],
                [other.join(id), other.join(unknown)], [other.leave(id), other.leave(unknown)],
                [other.read(id, said.id), other.read(unknown, `${unknown}.1`)], [other.say(id, 'x'), other.say(unknown, 'x')],
                [other.search('us', { room: id }), other.search('us', { room: unknown })],
                [other.erase(said.id), other.erase(`${unknown}.1`)],
            ]) {
                const [one, two] = await Promise.all([there, nowhere]);
                assert.equal(one.status, 404, one.text);
                assert.deepEqual([one.status, one.text], [two.status, two.text]);
            }
            assert.deepEqual(ok(await other.search(name)).messages, []);
            for (const who of [a, b]) {
                refusedWith(await chat(server, who).leave(id), 404, 'room_not_found');
                refusedWith(await chat(server, who).join(id), 404, 'room_not_found');
            }
            assert.deepEqual(texts(ok(await chat(server, b).history(id)).messages), [`between us ${name}`]);
        });

        test('who is written to must exist and be somebody else', async () => {
            const [a] = await known(server, somebody());
            refusedWith(await chat(server, a).direct(a.id), 400, 'bad_field', 'userId');
            refusedWith(await chat(server, a).direct(randomId('nobody')), 404, 'user_not_found');
            for (const userId of ['', 'a b', '한글', 'x'.repeat(65), "x' OR '1'='1", 7, null, {}, ['x'], undefined]) {
                refusedWith(await chat(server, a).direct(userId), 400, 'bad_field', 'userId');
            }
        });

        test('my rooms: newest activity first, with what I have not read', async () => {
            const [t, s, u] = await known(server, somebody({ type: 'teacher', name: '선생님' }), somebody({ name: '지우' }), somebody());
            assert.deepEqual(ok(await chat(server, s).mine()), { rooms: [] });
            const first = await group(server, 'first', t, s);
            const direct = ok(await chat(server, t).direct(s.id), 201);
            const last = await group(server, 'last', t, s, u);
            for (const text of ['one', 'two']) ok(await chat(server, t).say(first.id, text), 201);
            const newest = ok(await chat(second, t).say(direct.id, '안녕'), 201);

            const { rooms } = ok(await chat(second, s).mine());
            assert.deepEqual(rooms.map(({ id, unread }) => [id, unread]), [[direct.id, 1], [first.id, 2], [last.id, 0]]);
            const { ref, ...told } = newest;
            assert.equal(ref, undefined);
            assert.deepEqual(rooms[0], {
                id: direct.id, room: `room:${direct.id}`, kind: 'direct', name: '선생님', owner: '', members: 2,
                createdAt: direct.createdAt,
                with: { id: t.id, name: '선생님', userType: 'teacher', lastReadMessage: newest.id },
                unread: 1, lastReadMessage: '', last: told,
            });
            assert.equal(rooms[2].last.messageType, 'join', 'also a join is activity');

            // The sender has read what was sent; reading brings the number down.
            assert.deepEqual(ok(await chat(server, t).mine()).rooms.map(({ unread }) => unread), [0, 0, 0]);
            const one = ok(await chat(server, s).history(first.id)).messages.find(({ message }) => message === 'one');
            assert.deepEqual(ok(await chat(server, s).read(first.id, one.id)), { lastReadMessage: one.id, unread: 1 });
            const again = ok(await chat(second, s).mine()).rooms.find(({ id }) => id === first.id);
            assert.deepEqual([again.unread, again.lastReadMessage], [1, one.id]);
        });

        test('groups are listed by name, page by page, each once', async () => {
            const t = somebody({ type: 'teacher' });
            const mark = randomId('page');
            const names = Array.from({ length: 23 }, (_, i) => `${['나', 'b', 'A', 'a', '가', 'Z'][i % 6]} ${mark} ${i % 4}`);
            const made = new Map();
            for (const name of names) {
                const room = await group(server, name, t);
                made.set(room.id, name);
            }
            const seen = [];
            let after;
            for (let pages = 0; pages < 20; pages++) {
                const page = ok(await chat(second, somebody()).groups({ q: mark.toUpperCase(), limit: 5, after }));
                assert.ok(page.rooms.length <= 5);
                seen.push(...page.rooms);
                // One that is made or goes meanwhile moves none of the others.
                if (pages === 1) await group(server, `0 ${mark}`, t);
                if (page.next === null) break;
                after = page.next;
            }
            assert.deepEqual(new Set(seen.map(({ id }) => id)), new Set(made.keys()));
            assert.equal(seen.length, made.size, 'none twice');
            const order = seen.map(({ name }) => name.replace(/[A-Z]/g, (c) => c.toLowerCase()));
            assert.deepEqual(order, [...order].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y))));
        });

        test('what is searched for in names is text', async () => {
            const t = somebody({ type: 'teacher' });
            const mark = randomId('lit');
            const names = ['100% sure', 'under_score', "it's \"so\"", 'back\\slash', '<b>bold</b>', "'; DROP TABLE chat_rooms;--", '😀 emoji'];
            for (const name of names) await group(server, `${name} ${mark}`, t);
            const find = async (q) => ok(await chat(server, t).groups({ q })).rooms.map(({ name }) => name);
            for (const name of names) assert.deepEqual(await find(`${name} ${mark}`), [`${name} ${mark}`]);
            assert.deepEqual(await find(`%${mark}`), []);
            assert.deepEqual(await find(`_${mark}`), []);
            assert.equal((await find(` ${mark}  `)).length, names.length, 'blanks around it do not matter');
            assert.deepEqual(await find('100%'), [`100% sure ${mark}`]);
        });

        test('people are found by the beginning of their id or a part of their name', async () => {
            const mark = randomId('who');
            const [a, b, c] = await known(server,
                somebody({ id: `${mark}-a`, name: `가나 ${mark}` }), somebody({ id: `${mark}-b`, type: 'teacher', name: '나다%_' }),
                somebody({ name: `Xx ${mark} yY` }));
            const find = async (q, who = c) => ok(await chat(second, who).people(q)).users;
            assert.deepEqual(await find(mark), [
                { id: b.id, name: '나다%_', userType: 'teacher' }, { id: a.id, name: a.name, userType: 'student' },
            ].sort((x, y) => Buffer.compare(Buffer.from(x.name), Buffer.from(y.name))), 'not oneself');
            assert.deepEqual((await find(`${mark.toUpperCase()}-A`)).map(({ id }) => id), [a.id], 'in upper or lower case');
            assert.deepEqual((await find(`x ${mark.toUpperCase()} YY`, a)).map(({ id }) => id), [c.id]);
            assert.deepEqual((await find(`%${mark}`)).length, 0);
            assert.deepEqual((await find('나다%_', a)).map(({ id }) => id), [b.id]);
            assert.deepEqual(await find(`o${mark}`), [], 'of an id only its beginning');
            refusedWith(await chat(server, a).people('  '), 400, 'bad_field', 'q');
            refusedWith(await chat(server, a).people(undefined), 400, 'bad_field', 'q');

            const crowd = Array.from({ length: 25 }, (_, i) => somebody({ id: `${mark}-m${i}` }));
            await known(server, ...crowd);
            assert.equal((await find(`${mark}-m`)).length, 20, 'so many at most');
        });

        test('people are known by the name in their newest token', async () => {
            const [a, b] = await known(server, somebody({ name: 'Old' }), somebody());
            const room = await group(server, 'renamed', b, a);
            ok(await chat(server, a).say(room.id, 'hello'), 201);
            const renamed = somebody({ id: a.id, name: '새 이름' });
            ok(await chat(server, renamed).mine());
            assert.deepEqual(ok(await chat(second, b).people(a.id)).users, [{ id: a.id, name: '새 이름', userType: 'student' }]);
            assert.equal(ok(await chat(second, b).history(room.id)).messages.at(-1).senderName, '새 이름');
        });

        test('guests, services and strangers do not chat', async () => {
            const [t] = [somebody({ type: 'teacher' })];
            const room = await group(server, 'closed', t);
            const said = ok(await chat(server, t).say(room.id, 'x'), 201);
            const calls = (who) => {
                const as = chat(server, who);
                return {
                    create: as.create('x'), groups: as.groups(), join: as.join(room.id), leave: as.leave(room.id), direct: as.direct(t.id),
                    mine: as.mine(), room: as.room(room.id), history: as.history(room.id), read: as.read(room.id, said.id),
                    search: as.search('x'), people: as.people('x'), say: as.say(room.id, 'x'), erase: as.erase(said.id),
                };
            };
            const expect = async (who, status, code) => {
                for (const [name, answer] of Object.entries(calls(who))) {
                    refusedWith(await answer, status, code);
                    assert.ok(name);
                }
            };
            await expect(undefined, 401, 'token_missing');
            await expect({ token: 'x.y.z' }, 401, 'token_invalid');
            await expect({ token: mintToken({ exp: 1 }) }, 401, 'token_expired');
            await expect({ token: mintToken({ room: 'FTYXPM', sub: 'g-x' }) }, 403, 'account_required');
            await expect({ token: mintToken({ type: 'service' }) }, 403, 'account_required');
        });

        test('methods, HEAD and OPTIONS are as everywhere', async () => {
            const t = somebody({ type: 'teacher' });
            const room = await group(server, 'methods', t);
            const allow = {
                '/chat/room/group/create': 'POST, OPTIONS', '/chat/room/group/list': 'GET, HEAD, OPTIONS',
                [`/chat/room/group/${room.id}/join`]: 'POST, OPTIONS', [`/chat/room/group/${room.id}/leave`]: 'DELETE, OPTIONS',
                '/chat/room/private/create': 'POST, OPTIONS', '/chat/my/rooms': 'GET, HEAD, OPTIONS',
                [`/chat/room/${room.id}`]: 'GET, HEAD, OPTIONS', [`/chat/history/${room.id}`]: 'GET, HEAD, OPTIONS',
                [`/chat/room/${room.id}/read`]: 'POST, OPTIONS', '/chat/search': 'GET, HEAD, OPTIONS', '/chat/people': 'GET, HEAD, OPTIONS',
                [`/chat/message/${room.id}.1`]: 'DELETE, OPTIONS', [`/chat/room/${room.id}/messages`]: 'POST, OPTIONS',
            };
            for (const [path, methods] of Object.entries(allow)) {
                const options = await api(server, 'OPTIONS', path);
                assert.deepEqual([options.status, options.headers.allow], [204, methods], path);
                const wrong = refusedWith(await api(server, 'PUT', path, { token: t.token, body: {} }), 405, 'method_not_allowed');
                assert.equal(wrong.headers.allow, methods);
            }
            const get = await chat(server, t).room(room.id);
            const head = await api(server, 'HEAD', `/chat/room/${room.id}`, { token: t.token });
            assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', get.headers['content-length']]);
            const elsewhere = { Origin: 'https://elsewhere.example' };
            refusedWith(await api(server, 'POST', '/chat/room/group/create', { token: t.token, body: { name: 'x' }, headers: elsewhere }),
                403, 'origin_forbidden');
            refusedWith(await api(server, 'DELETE', `/chat/room/group/${room.id}/leave`, { token: t.token, headers: elsewhere }),
                403, 'origin_forbidden');
            assert.equal(ok(await chat(server, t).room(room.id)).members, 1);
        });
    });

    describe(`limits and faults of chat on ${kind.name}`, () => {
        let redis;
        let store;

        before(async () => {
            redis = await startRedis();
            store = await kind.start();
        });
        after(async () => {
            await store?.stop();
            await redis?.stop();
        });

        test('so many rooms each, so many members each', async () => {
            const server = await startServer({ redis,
                env: { ...await store.fresh(), LECTERN_CHAT_ROOMS_MAX: 3, LECTERN_CHAT_MEMBERS_MAX: 2 } });
            const [t, a, b] = await known(server, somebody({ type: 'teacher' }), somebody(), somebody());
            const room = await group(server, 'small', t, a);
            refusedWith(await chat(server, b).join(room.id), 409, 'room_full');
            ok(await chat(server, a).join(room.id)); // who is in it is in it
            ok(await chat(server, a).leave(room.id), 204);
            // A race for the last place has one winner.
            const places = await Promise.all([a, b].map((who) => chat(server, who).join(room.id)));
            assert.deepEqual(places.map(({ status }) => status).sort(), [200, 409]);

            await group(server, 'two', t);
            const third = await group(server, 'three', t);
            refusedWith(await chat(server, t).create('four'), 409, 'too_many_rooms');
            refusedWith(await chat(server, t).direct(a.id), 409, 'too_many_rooms');
            const other = await group(server, 'other', b);
            refusedWith(await chat(server, t).join(other.id), 409, 'too_many_rooms');
            ok(await chat(server, t).join(third.id));
            // One cannot be kept from being written to.
            const direct = ok(await chat(server, b).direct(t.id), 201);
            assert.equal(ok(await chat(server, t).mine()).rooms.length, 4);
            assert.equal(ok(await chat(server, t).direct(b.id)).id, direct.id, 'what there is can be opened');
            ok(await chat(server, t).leave(third.id), 204);
            refusedWith(await chat(server, t).create('four'), 409, 'too_many_rooms');
            ok(await chat(server, t).leave(room.id), 204);
            ok(await chat(server, t).create('four'), 201);
            await server.stop();
        });

        test('messages are sent as often as sockets may, and no oftener', async () => {
            const env = await store.fresh();
            const server = await startServer({ redis, env: { ...env, LECTERN_RATE_STUDENT: '1/3', LECTERN_RATE_HOST: '1/5' } });
            const plain = await startServer({ redis, env }); // joining counts, too
            const [t, s] = [somebody({ type: 'teacher' }), somebody()];
            const room = await group(plain, 'rates', t, s);
            await plain.stop();
            for (const [who, burst] of [[s, 3], [t, 5]]) {
                const answers = await Promise.all(Array.from({ length: burst + 20 }, () => chat(server, who).say(room.id, 'x')));
                const taken = answers.filter(({ status }) => status === 201).length;
                assert.ok(taken >= burst && taken < burst + 20, `${taken} were taken`);
                const over = answers.find(({ status }) => status === 429);
                refusedWith(over, 429, 'rate_limited');
                assert.match(over.headers['retry-after'], /^[12]$/);
                await waitFor(async () => (await chat(server, who).say(room.id, 'later')).status === 201, { what: 'a place', every: 200 });
            }
            await server.stop();
        });

        test('so is everything else that changes something: nobody fills a room with joins, reads or files', async () => {
            const server = await startServer({ redis, env: { ...await store.fresh(), LECTERN_RATE_STUDENT: '1/3' } });
            const t = somebody({ type: 'teacher' });
            const room = await group(server, 'rates', t);
            const { id } = ok(await chat(server, t).say(room.id, 'x'), 201);
            const calls = {
                create: (c) => c.create('mine'), join: (c) => c.join(room.id), leave: (c) => c.leave(room.id), direct: (c) => c.direct(t.id),
                read: (c) => c.read(room.id, id), erase: (c) => c.erase(id),
                upload: (c) => c.post(`/chat/room/${room.id}/files`, {}),
            };
            for (const [name, call] of Object.entries(calls)) {
                const s = somebody();
                const answers = await Promise.all(Array.from({ length: 23 }, () => call(chat(server, s))));
                const refused = answers.filter(({ status }) => status === 429);
                assert.ok(refused.length > 0 && refused.length <= 20, `${name}: ${refused.length} were refused`);
                refusedWith(refused[0], 429, 'rate_limited');
            }
            await server.stop();
        });

        test('LECTERN_DELETE_EMPTY_ROOMS=0 keeps empty rooms for who comes next', async () => {
            const server = await startServer({ redis, env: { ...await store.fresh(), LECTERN_DELETE_EMPTY_ROOMS: 0 } });
            const [t, s] = [somebody({ type: 'teacher' }), somebody()];
            const room = await group(server, 'kept', t);
            ok(await chat(server, t).say(room.id, '남은 말'), 201);
            ok(await chat(server, t).leave(room.id), 204);
            const [listed] = ok(await chat(server, s).groups({ q: 'kept' })).rooms;
            assert.deepEqual([listed.id, listed.members, listed.owner], [room.id, 0, '']);
            assert.deepEqual(ok(await chat(server, s).join(room.id)), { ...room, members: 1, owner: s.id });
            assert.deepEqual(texts(ok(await chat(server, s).history(room.id)).messages), ['남은 말']);
            await server.stop();
        });

        test('LECTERN_ROLE: the api half answers, the socket half leaves it to the other', async () => {
            const env = await store.fresh();
            const apiHalf = await startServer({ redis, env: { ...env, LECTERN_ROLE: 'api' } });
            const socketHalf = await startServer({ redis, env: { ...env, LECTERN_ROLE: 'socket' } });
            const t = somebody({ type: 'teacher' });
            const room = await group(apiHalf, 'halves', t);
            refusedWith(await chat(socketHalf, t).room(room.id), 421, 'wrong_role');
            refusedWith(await chat(socketHalf, t).create('x'), 421, 'wrong_role');
            const client = await connect(socketHalf, { token: t.token, room: room.id });
            const said = ok(await chat(apiHalf, t).say(room.id, 'over there'), 201);
            assert.deepEqual(await client.next('send'), said);
            client.terminate();
            await apiHalf.stop();
            await socketHalf.stop();
        });

        test('pages of listed origins may use it, others may not', async () => {
            const origin = 'https://school.example';
            const server = await startServer({ redis, env: { ...await store.fresh(), LECTERN_ORIGINS: origin } });
            const t = somebody({ type: 'teacher' });
            const room = await group(server, 'origins', t);
            const preflight = await api(server, 'OPTIONS', `/chat/message/${room.id}.1`,
                { headers: { Origin: origin, 'Access-Control-Request-Method': 'DELETE' } });
            assert.equal(preflight.status, 204);
            assert.equal(preflight.headers['access-control-allow-origin'], origin);
            assert.match(preflight.headers['access-control-allow-methods'], /\bDELETE\b/);
            const said = await api(server, 'POST', `/chat/room/${room.id}/messages`,
                { token: t.token, body: { message: 'hi' }, headers: { Origin: origin } });
            assert.equal(ok(said, 201).message, 'hi');
            assert.equal(said.headers['access-control-allow-origin'], origin);
            const other = await api(server, 'GET', `/chat/history/${room.id}`, { token: t.token, headers: { Origin: 'https://x.example' } });
            assert.equal(other.headers['access-control-allow-origin'], undefined);
            await server.stop();
        });

        test('without Redis rooms go on: what is done is done', async () => {
            const own = await startRedis();
            const server = await startServer({ redis: own, env: { ...await store.fresh(), LECTERN_REDIS_TIMEOUT_MS: 300 } });
            const [t, s] = [somebody({ type: 'teacher' }), somebody()];
            const room = await group(server, 'alone', t);
            await own.kill();
            ok(await chat(server, s).join(room.id));
            const said = ok(await chat(server, s).say(room.id, 'hello'), 201);
            assert.deepEqual(ok(await chat(server, t).read(room.id, said.id)), { lastReadMessage: said.id, unread: 0 });
            ok(await chat(server, t).leave(room.id), 204);
            assert.equal(ok(await chat(server, s).room(room.id)).owner, s.id);
            ok(await chat(server, s).leave(room.id), 204);
            refusedWith(await chat(server, s).room(room.id), 404, 'room_not_found');
            await server.stop();
            await own.stop();
        });

        if (kind.name === 'PostgreSQL') {
            test('without the store every call says so, and all is as it was when it is back', async () => {
                const server = await startServer({ redis, env: { ...await store.fresh(), LECTERN_STORE_TIMEOUT_MS: 1000 } });
                const [t, s] = await known(server, somebody({ type: 'teacher' }), somebody());
                const room = await group(server, 'away', t, s);
                const said = ok(await chat(server, t).say(room.id, 'kept', { ref: 'r1' }), 201);
                await store.postgres.kill();
                const as = chat(server, t);
                for (const call of [
                    () => as.create('x'), () => as.groups(), () => as.join(room.id), () => as.leave(room.id), () => as.direct(s.id), () => as.mine(),
                    () => as.room(room.id), () => as.history(room.id), () => as.read(room.id, said.id), () => as.search('kept'), () => as.people('x'),
                    () => as.say(room.id, 'x', { ref: 'r2' }), () => as.erase(said.id),
                ]) {
                    const answer = refusedWith(await call(), 503, 'unavailable');
                    assert.ok(Number(answer.headers['retry-after']) >= 1, 'and when to come back');
                }
                await store.postgres.restart();
                await waitFor(async () => (await as.mine()).status === 200, { what: 'the store again', timeout: limit(30000), every: 100 });
                assert.equal(ok(await as.say(room.id, 'x', { ref: 'r2' }), 201).message, 'x', 'what was refused was not done');
                assert.deepEqual(ok(await as.say(room.id, 'other', { ref: 'r1' })), { ...said }, 'what was acknowledged is there');
                assert.deepEqual(texts(ok(await as.history(room.id)).messages), ['kept', 'x']);
                assert.equal(ok(await as.room(room.id)).members, 2);
                await server.stop();
            });

            test('a store that stands still keeps half of the threads, and the rest goes on', async () => {
                const server = await startServer({ redis,
                    env: { ...await store.fresh(), LECTERN_STORE_TIMEOUT_MS: 60000, LECTERN_HTTP_THREADS: 16 } });
                const who = await signUp(server);
                const room = await group(server, 'still', who);
                store.postgres.pause();
                const refused = [];
                const calls = Array.from({ length: 12 }, async (_, i) => {
                    const answer = await api(server, 'POST', `/chat/room/${room.id}/messages`,
                        { token: who.token, body: { message: i }, timeout: limit(60000) });
                    if (answer.status === 503) refused.push(answer.body.error.code);
                    return answer.status;
                });
                try {
                    await waitFor(() => refused.length === 4, { what: 'refusals', timeout: limit(20000) });
                    assert.equal((await api(server, 'GET', '/healthz')).status, 200);
                    assert.equal((await api(server, 'GET', '/rooms/ABCD')).status, 404);
                } finally {
                    store.postgres.resume();
                }
                const statuses = await Promise.all(calls);
                assert.deepEqual(statuses.sort(), [...Array(8).fill(201), ...Array(4).fill(503)]);
                assert.deepEqual(refused, ['chat_busy', 'chat_busy', 'chat_busy', 'chat_busy']);
                assert.equal(texts(ok(await chat(server, who).history(room.id)).messages).length, 8);
                await server.stop();
            });
        }
    });
}
