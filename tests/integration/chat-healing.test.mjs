// What is lost on the way to sockets is found in the store: publications that never came, Redis away for a while or emptied, a
// store that is away, much that was missed; and those who read slowly or send too much.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, limit, startRedis, startServer, waitFor } from './harness.mjs';
import { chat, group, ok, somebody } from './chat-rest.mjs';
import { assertInOrder, denied, enter, heard, lobby, rows, say, subscribe, until } from './chat-sockets.mjs';
import { stores } from './postgres.mjs';

for (const kind of stores) {
    describe(`chat goes on, on ${kind.name}`, () => {
        let store;
        before(async () => { store = await kind.start(); });
        after(() => store?.stop());

        /**
         * Two servers with a store of their own; `apart`: the second has another Redis, so nothing is published between them.
         * `second`: what the second one has besides `env`.
         */
        async function servers(t, { apart = false, env = {}, second = {} } = {}) {
            const redis = await startRedis({ persist: true });
            const other = apart ? await startRedis() : redis;
            t.after(async () => { await redis.stop(); if (apart) await other.stop(); });
            const all = { LECTERN_RATE_STUDENT: '2000/4000', LECTERN_RATE_HOST: '2000/4000', LECTERN_LOOPS: 1, ...await store.fresh(), ...env };
            const settings = [{ redis, env: all }, { redis: other, env: { ...all, ...second } }];
            const [a, b] = await Promise.all(settings.map((each) => startServer(each)));
            t.after(() => Promise.all([a.stop(), b.stop()]));
            return { redis, other, a, b };
        }

        const people = () => [somebody({ type: 'teacher' }), somebody()];

        test('publications that never come: sockets find messages, deletions and leaves by themselves', async (t) => {
            const { a, b } = await servers(t, { apart: true });
            const [x, y] = people();
            const z = somebody();
            const room = await group(a, 'r', x, y, z);
            const [one, two, three] = await Promise.all([enter(a, x, room.id), enter(b, y, room.id), lobby(b, z)]);
            await subscribe(three, room.id);
            const ids = [];
            for (let i = 0; i < 10; i++) ids.push(await say(one, `m${i}`));
            await until(two, ids[9]);
            assert.equal((await one.request({ messageType: 'delete', message: ids[3] })).messageType, 'ack');
            await two.next({ messageType: 'delete', message: { id: ids[3] } }, { timeout: limit(20000) });
            ok(await chat(a, z).leave(room.id), 204);
            const close = await three.next('close', { timeout: limit(20000) });
            assert.deepEqual(close.message, { reason: 'left' });
            assertInOrder(two);
            const back = await say(two, 'from the other side');
            await until(one, back);
            // Over there the room is deleted.
            ok(await chat(a, x).leave(room.id), 204);
            ok(await chat(a, y).leave(room.id), 204);
            assert.equal((await two.closed).code, 4000);
            await Promise.all([one.close(), three.close()]);
        });

        test('publications that overtake each other', async (t) => {
            const { redis, a } = await servers(t);
            const [x, y] = people();
            const room = await group(a, 'r', x, y);
            const [one, two] = await Promise.all([enter(a, x, room.id), enter(a, y, room.id)]);
            const [spy, sealed] = [redis.client.duplicate(), []];
            t.after(() => spy.disconnect());
            spy.on('error', () => {}); // Redis ends before it does
            await spy.subscribe(room.room);
            spy.on('message', (channel, text) => sealed.push(text));
            await until(two, await say(one, 'first'));
            await waitFor(() => sealed.length > 0, { what: 'a publication' });
            const seal = JSON.parse(sealed[0]).seal;
            // What the store knows nothing of stays unknown; what it does know is told once, whatever is published again.
            const made = (seq, message) => `{"seal":"${seal}",${JSON.stringify({ ...JSON.parse(sealed[0]), seal: undefined, id: `${room.id}.${seq}`, message }).slice(1)}`;
            await redis.client.publish(room.room, made(900, 'from the future'));
            for (let i = 0; i < 3; i++) await redis.client.publish(room.room, sealed[0]);
            for (let i = 0; i < 5; i++) await until(two, await say(one, `m${i}`));
            assert.deepEqual(heard(two), ['first', 'm0', 'm1', 'm2', 'm3', 'm4']);
            assertInOrder(two);
            await Promise.all([one.close(), two.close()]);
        });

        test('Redis goes and comes back, as it was and emptied', async (t) => {
            const { redis, a, b } = await servers(t);
            const [x, y] = people();
            const room = await group(a, 'r', x, y);
            const [one, two] = await Promise.all([enter(a, x, room.id), enter(b, y, room.id)]);
            for (const emptied of [false, true]) {
                await until(two, await say(one, 'before'));
                if (emptied) await redis.client.flushall();
                await redis.kill();
                await waitFor(async () => {
                    const answer = await one.request({ messageType: 'send', message: 'refused' }, { timeout: limit(10000) });
                    if (answer.messageType === 'error') denied(answer, 'unavailable');
                    return answer.messageType === 'error' && answer.message.retryAfterMs > 0;
                }, { timeout: limit(20000), what: 'a refusal' });
                denied(await one.request({ messageType: 'typing', message: true }), 'unavailable');
                // What is done without Redis (by REST) is found in the store, with Redis still away.
                const meanwhile = await waitFor(async () => {
                    const answer = await chat(a, x).say(room.id, 'meanwhile');
                    return answer.status === 201 && answer.body;
                }, { timeout: limit(20000), what: 'a message by REST' });
                await until(two, meanwhile.id);
                const late = await enter(b, y, room.id);
                await until(late, meanwhile.id);
                await late.close();
                await redis.restart();
                const id = await waitFor(async () => {
                    const answer = await one.request({ messageType: 'send', message: 'after' }, { timeout: limit(10000) });
                    return answer.messageType === 'ack' && answer.message.id;
                }, { timeout: limit(30000), what: 'an ack' });
                await until(two, id);
                assertInOrder(two);
                assertInOrder(one);
                await two.request({ messageType: 'read', message: id });
                await one.next({ messageType: 'read', sender: y.id, message: { lastReadMessage: id } }, { timeout: limit(20000) });
            }
            assert.equal(two.all('welcome').length, 1, 'nobody had to come back');
            await Promise.all([one.close(), two.close()]);
        });

        test('more was missed than is told: a new welcome, a gap, and the newest', async (t) => {
            const { redis, a, b, other } = await servers(t, { apart: true });
            assert.ok(redis && other);
            const [x, y] = people();
            const room = await group(a, 'r', x, y);
            const [one, two] = await Promise.all([enter(a, x, room.id), enter(b, y, room.id)]);
            await until(two, await say(one, 'seen'));
            // The other server stands still while much is said.
            await b.kill('SIGSTOP');
            const sent = await Promise.all(Array.from({ length: 700 }, (_, i) => say(one, `m${i}`)));
            const last = sent.at(-1);
            await b.kill('SIGCONT');
            await until(two, last, limit(40000));
            assert.equal(two.all('gap').length, 1);
            assert.equal(two.all('welcome').length, 2);
            const after = heard(two).slice(1);
            assert.deepEqual(after, Array.from({ length: 500 }, (_, i) => `m${i + 200}`));
            await until(two, await say(one, 'live'), limit(40000));
            await Promise.all([one.close(), two.close()]);
        });

        test('whoever reads slowly is closed or caught up, and nobody else notices', async (t) => {
            const { a } = await servers(t, { env: { LECTERN_QUEUE_MAX: 262144 } });
            const [x, y] = people();
            const z = somebody();
            const room = await group(a, 'r', x, y, z);
            const [one, quick, slow] = await Promise.all([enter(a, x, room.id), enter(a, y, room.id), enter(a, z, room.id, {}, { deflate: false })]);
            slow.pause();
            const text = 'x'.repeat(60000);
            let last;
            const more = async () => { for (let i = 0; i < 10; i++) last = await say(one, `${i}${text}`); };
            await waitFor(async () => { // how much a kernel takes, the machine knows
                await more();
                return /^lectern_queue_drops_total [1-9]/m.test((await api(a, 'GET', '/metrics')).text);
            }, { timeout: limit(60000), what: 'a full queue', every: 1 });
            await more();
            await until(quick, last);
            assertInOrder(quick);
            slow.resume();
            const { code } = await slow.closed;
            assert.ok([4005, 1006].includes(code), String(code));
            // A replay that is larger than the queue: paced, whole, and in order.
            const back = await enter(a, z, room.id, { since: rows(slow).at(-1).id });
            back.pause();
            await quick.sync();
            back.resume();
            await until(back, last, limit(60000));
            assertInOrder(back);
            await Promise.all([one, quick, back].map((client) => client.close()));
        });

        test('limits: rate, size, and what is no message', async (t) => {
            const { a } = await servers(t, { env: { LECTERN_RATE_STUDENT: '1/5' } });
            const [x, y] = people();
            const room = await group(a, 'r', x, y);
            const [one, two, many] = await Promise.all([enter(a, x, room.id), enter(a, y, room.id), enter(a, y, room.id)]);
            for (let i = 0; i < 8; i++) two.send({ messageType: 'send', message: i, ref: `r${i}` });
            const refusal = await two.next({ messageType: 'error' });
            denied(refusal, 'rate_limited');
            assert.ok(refusal.message.retryAfterMs > 0 && refusal.ref);
            for (let i = 0; i < 30 && !many.closeInfo; i++) many.send({ messageType: 'ping' });
            assert.deepEqual(await many.closed, { code: 4007, reason: 'too many messages' });

            one.sendRaw('x'.repeat(1 << 20));
            assert.equal((await one.closed).code, 1009);
            const binary = await enter(a, x, room.id);
            binary.sendRaw(Buffer.from('{}'));
            assert.equal((await binary.closed).code, 1003);
            assert.equal((await api(a, 'GET', '/readyz')).status, 200);
        });

        test('as many rooms as a socket may follow are followed at once, whatever the rate; more of it is a rate again', async (t) => {
            const { a, b } = await servers(t, { second: { LECTERN_RATE_HOST: '1/5' } });
            const [x] = people();
            const rooms = [];
            for (let i = 0; i < 200; i++) rooms.push(await group(a, `r${i}`, x));
            const client = await lobby(b, x);
            for (const { id, room } of rooms) client.send({ messageType: 'subscribe', room, history: 0, ref: id });
            // What one has to say does not wait for that.
            await say(client, 'at once', { room: rooms[199].room });
            const welcomed = () => client.messages.filter(({ messageType, ref }) => messageType === 'welcome' && ref).map(({ ref }) => ref);
            await waitFor(() => welcomed().length === 200, { timeout: limit(20000), what: 'all rooms' });
            assert.deepEqual(welcomed().sort(), rooms.map(({ id }) => id).sort());
            assert.equal(client.messages.filter(({ messageType }) => messageType === 'error').length, 0);
            for (let i = 0; i < 5; i++) client.send({ messageType: 'subscribe', room: rooms[i].room, history: 0, ref: `again${i}` });
            const refusal = await client.next({ messageType: 'error' }, { timeout: limit(10000) });
            denied(refusal, 'rate_limited');
            assert.match(refusal.ref, /^again/);
            for (let i = 0; i < 300 && !client.closeInfo; i++) client.send({ messageType: 'subscribe', room: rooms[0].room, ref: 'more' });
            assert.deepEqual(await client.closed, { code: 4007, reason: 'too many messages' });
        });

        test('bad input of every kind is answered, and texts come back byte for byte', async (t) => {
            const { a, b } = await servers(t);
            const [x, y] = people();
            const stranger = somebody();
            const room = await group(a, 'r', x, y);
            const foreign = await group(a, 'foreign', stranger);
            const secret = ok(await chat(a, stranger).say(foreign.id, 'secret'), 201);
            const [one, two] = await Promise.all([enter(a, x, room.id), enter(b, y, room.id)]);
            for (const text of ['', 'x', '[]', '7', 'null', '{', '{"messageType":}', '{"messageType":"send","messageType":"send"}', '{"messageType":"\\u0000"}',
                `${'['.repeat(200)}${']'.repeat(200)}`, `{${Array.from({ length: 40 }, (_, i) => `"k${i}":1`).join()}}`]) {
                one.sendRaw(text);
                denied(await one.next('error'), 'bad_json', /messageType":"(send|\\u0000)/.test(text) ? 'messageType' : undefined);
            }
            for (const [field, value] of [['messageType', 7], ['messageType', ''], ['messageType', 'x'.repeat(65)], ['messageType', '한'], ['messageType', null],
                ['targetType', 'student'], ['targetType', 'everybody'], ['targetType', 5], ['target', 's1'], ['ephemeral', 1], ['room', 'room:FTYXPM'],
                ['room', `c${'1'.repeat(15)}`]]) {
                denied(await one.request({ messageType: 'send', message: 'x', [field]: value }), 'bad_field', field);
            }
            for (const [field, value] of [['sender', 's1'], ['senderType', 'student'], ['sender', '<script>']]) {
                denied(await one.request({ messageType: 'send', message: 'x', [field]: value }), 'forbidden', field === 'sender' && value[0] === '<' ? 'sender' : undefined);
            }
            for (const ref of ['', 'x'.repeat(65), "' OR 1=1", 7, null, {}]) {
                one.send({ messageType: 'send', message: 'x', ref });
                denied(await one.next('error'), 'bad_field', 'ref');
            }
            for (const messageType of ['welcome', 'ack', 'error', 'gap', 'join', 'leave', 'file-state', 'enter', 'exit', 'invited', 'removed', 'pong', 'close',
                'host-away', 'host-back', 'kick', 'lock', 'unlock', 'settings', 'end', 'seen']) {
                denied(await one.request({ messageType, message: {} }), 'reserved_type', 'messageType');
            }
            // Other people's rooms and messages.
            denied(await one.request({ messageType: 'send', room: foreign.room, message: 'x' }), 'not_member');
            denied(await one.request({ messageType: 'send', room: `room:c${'y'.repeat(15)}`, message: 'x' }), 'room_not_found');
            denied(await one.request({ messageType: 'delete', message: secret.id }), 'not_member');
            denied(await one.request({ messageType: 'delete', room: foreign.room, message: secret.id }), 'not_member');
            denied(await one.request({ messageType: 'read', room: foreign.room, message: secret.id }), 'not_member');
            denied(await one.request({ messageType: 'read', room: room.room, message: secret.id }), 'bad_field', 'message');
            denied(await subscribe(one, foreign.id), 'not_member');
            for (const client of [one, two]) assert.ok(!client.frames.join('').includes('secret'));

            const bodies = ["'; DROP TABLE chat_messages;--", '<script>alert("x")</script>', '\u2028\u2029\u007f', '😀 가나다 ﷽', '$1 %s {0} \\', 'a'.repeat(60000)];
            const raw = ['1.0', '1e2', '-0', '{"a" : [ ] , "a" : 2}', '"\\u0000"', '"\\ud800"', '"\\/"', 'null', 'false'];
            const ids = [];
            for (const body of [...bodies.map((text) => JSON.stringify(text)), ...raw]) {
                one.sendRaw(`{"messageType":"send","ref":"b${ids.length}","message":${body}}`);
                const ack = await one.next({ ref: `b${ids.length}` });
                assert.equal(ack.messageType, 'ack', JSON.stringify(ack));
                ids.push(ack.message.id);
                await until(two, ack.message.id);
                const frame = two.frames.find((text) => text.startsWith(`{"id":"${ack.message.id}"`));
                assert.ok(frame.endsWith(`"messageType":"send","message":${body}}`), frame.slice(0, 300));
            }
            const page = await api(b, 'GET', `/chat/history/${room.id}?limit=200`, { token: x.token });
            for (const body of raw) assert.ok(page.text.includes(`"message":${body}}`), body);
            const replayed = await enter(b, x, room.id);
            await until(replayed, ids.at(-1));
            assert.deepEqual(replayed.frames.filter((text) => text.startsWith('{"id"')), two.frames.filter((text) => text.startsWith('{"id"')));
            await Promise.all([one, two, replayed].map((client) => client.close()));
            assert.match((await api(a, 'GET', '/readyz')).text, /"store":"up"/);
        });

        test('a crowd that comes back reads the store once for all', async (t) => {
            const { a } = await servers(t);
            const [x, y] = people();
            const room = await group(a, 'r', x, y);
            const writer = await enter(a, x, room.id);
            const ids = await Promise.all(Array.from({ length: 300 }, (_, i) => say(writer, `m${i}`)));
            await writer.close();
            const reads = async () => Number(/^lectern_store_read_seconds_count (\d+)$/m.exec((await api(a, 'GET', '/metrics')).text)[1]);
            const before = await reads();
            const crowd = await Promise.all(Array.from({ length: 60 }, () => enter(a, y, room.id, { since: ids[9] })));
            for (const client of crowd) {
                await until(client, ids.at(-1));
                assert.deepEqual(heard(client), Array.from({ length: 290 }, (_, i) => `m${i + 10}`));
                assertInOrder(client);
            }
            // Three for each of them: are they known, and twice whether they are members. With pages of their own it were three times as many.
            assert.ok(await reads() - before < 3 * 60 + 60, `${await reads() - before} reads`);
            await Promise.all(crowd.map((client) => client.close()));
        });

        test('rooms that nobody follows are not kept', async (t) => {
            const { a } = await servers(t);
            const [x] = people();
            const followed = async () => Number(/^lectern_chat_rooms (\d+)$/m.exec((await api(a, 'GET', '/metrics')).text)[1]);
            const rooms = await Promise.all(Array.from({ length: 5 }, (_, i) => group(a, `r${i}`, x)));
            const client = await lobby(a, x);
            for (const room of rooms) await subscribe(client, room.id);
            assert.equal(await followed(), 5);
            await client.request({ messageType: 'unsubscribe', room: rooms[0].room });
            await waitFor(async () => await followed() === 4, { what: 'one less' });
            await client.close();
            await waitFor(async () => await followed() === 0, { what: 'none' });
        });
    });
}

describe('a store that is away', () => {
    test('messages are refused, what was said is kept, and sockets stay', async (t) => {
        const kind = stores.find(({ name }) => name === 'PostgreSQL');
        const store = await kind.start();
        t.after(() => store.stop());
        const redis = await startRedis();
        t.after(() => redis.stop());
        const server = await startServer({ redis, env: { LECTERN_LOOPS: 1, LECTERN_RATE_HOST: '500/1000', ...await store.fresh() } });
        t.after(() => server.stop());
        const who = somebody({ type: 'teacher' });
        const room = await group(server, 'r', who);
        const [client, other] = await Promise.all([enter(server, who, room.id), lobby(server, who)]);
        const before = await say(client, 'before');
        await store.postgres.kill();
        await waitFor(async () => {
            const answer = await client.request({ messageType: 'send', message: 'x' }, { timeout: limit(20000) });
            if (answer.messageType === 'error') denied(answer, 'unavailable');
            return answer.messageType === 'error';
        }, { timeout: limit(30000), what: 'a refusal' });
        denied(await subscribe(other, room.id), 'unavailable');
        denied(await client.request({ messageType: 'delete', message: before }, { timeout: limit(20000) }), 'unavailable');
        await store.postgres.restart();
        const id = await waitFor(async () => {
            const answer = await client.request({ messageType: 'send', message: 'after' }, { timeout: limit(20000) });
            return answer.messageType === 'ack' && answer.message.id;
        }, { timeout: limit(30000), what: 'an ack' });
        await until(client, id);
        assertInOrder(client);
        assert.equal((await subscribe(other, room.id)).messageType, 'welcome');
        await Promise.all([client.close(), other.close()]);
    });
});
