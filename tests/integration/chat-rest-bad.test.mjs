// Chat over REST, and what should not be sent: wrong types and forms in every field, SQL and script everywhere, numbers out of
// range, other rooms' ids and cursors. Each has a documented error, nothing changes by it, and the server goes on.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, randomId, rawHttp, startRedis, startServer } from './harness.mjs';
import { chat, group, known, ok, refusedWith, somebody } from './chat-rest.mjs';
import { stores } from './postgres.mjs';

const HOSTILE = [
    "'; DROP TABLE chat_rooms;--", "' OR '1'='1", '" OR ""="', '1; SELECT pg_sleep(10)', '<script>alert(1)</script>', '%', '_', '\\', '*',
    '../../etc/passwd', '${7*7}', '{{7*7}}', '한글', '😀', 'room:FTYXPM', `c${'1'.repeat(15)}`, `c${'A'.repeat(15)}`, `C${'a'.repeat(15)}`,
    `c${'a'.repeat(14)}`, `c${'a'.repeat(16)}`, `room:room:c${'a'.repeat(15)}`, 'group', 'private', '-1', '0', '1e9', 'null', 'undefined',
    'x'.repeat(300),
];
const NUMBERS = ['-1', '0', '1.5', '1e2', '0x10', 'abc', '٣', ' 5', '5 ', '+5', '05', '99999999999999999999', '4294967297', 'NaN', '5;--', '201'];

for (const kind of stores) {
    describe(`bad input to chat on ${kind.name}`, () => {
        let redis;
        let store;
        let server;
        let t;
        let s;
        let room;
        let said;
        let other; // a room that is not theirs, with something said in it
        let foreign;

        before(async () => {
            redis = await startRedis();
            store = await kind.start();
            server = await startServer({ redis, env: await store.fresh() });
            [t, s] = await known(server, somebody({ type: 'teacher' }), somebody());
            room = await group(server, 'room', t, s);
            said = ok(await chat(server, t).say(room.id, 'said'), 201);
            const stranger = somebody();
            other = await group(server, 'other', stranger);
            foreign = ok(await chat(server, stranger).say(other.id, 'said'), 201);
        });
        after(async () => {
            assert.match((await api(server, 'GET', '/readyz')).text, /"store":"up"/);
            await server?.stop();
            await store?.stop();
            await redis?.stop();
        });

        const as = () => chat(server, t);
        const raw = (path, body, headers = {}) => api(server, 'POST', path,
            { token: t.token, body, headers: { 'Content-Type': 'application/json', ...headers } });

        test('ids of rooms that are none', async () => {
            for (const id of HOSTILE) {
                const calls = [as().room(id), as().history(id), as().join(id), as().leave(id), as().read(id, said.id), as().say(id, 'x'),
                    as().search('said', { room: id })];
                for (const call of calls) {
                    const answer = await call;
                    assert.equal(answer.status, 404, `${id}: ${answer.text}`);
                    // Some are no path of this server at all, or one that only looks like a room's.
                    assert.match(answer.body.error.code, /^(room_)?not_found$/, id);
                }
            }
            for (const path of ['/chat/room/%00', '/chat/room/%ff', '/chat/room/%zz', '/chat/history/%c0%af']) {
                refusedWith(await api(server, 'GET', path, { token: t.token }), 400, 'bad_request');
            }
            for (const path of ['/chat/room', '/chat/room/group', '/chat/history', '/chat/message', '/chat/my', '/chat/x/y', `/chat/room/${room.id}/x`]) {
                const { status } = await api(server, 'GET', path, { token: t.token });
                assert.equal(status, 404, path);
            }
        });

        test('ids of messages that are none, or of rooms of others', async () => {
            for (const id of [...HOSTILE, `${room.id}`, `${room.id}.`, `${room.id}.0`, `${room.id}.-1`, `${room.id}.1.5`, `${room.id}.01`,
                `${room.id}.99999999999999999999`, `room:${said.id}`, `${room.id}.9223372036854775807`]) {
                const answer = await as().erase(id);
                assert.equal(answer.status, 404, `${id}: ${answer.text}`);
                assert.match(answer.body.error.code, /^(message_)?not_found$/, id);
            }
            for (const id of [foreign.id, `${other.id}.999`]) refusedWith(await as().erase(id), 403, 'not_member');
        });

        test('names', async () => {
            for (const name of ['', '   ', '\u3164', 'x'.repeat(65), '가'.repeat(65), 'a\u0007b', 'a\u202eb', 'line\nbreak', 7, true, null, [], {}, ['x'],
                undefined]) {
                refusedWith(await as().create(name), 400, 'bad_field', 'name');
            }
            refusedWith(await as().create('x'.repeat(1 << 20)), 413, 'body_too_large');
            refusedWith(await as().direct('x'.repeat(1 << 20)), 413, 'body_too_large');
            refusedWith(await as().read(room.id, 'x'.repeat(1 << 20)), 413, 'body_too_large');
            for (const name of HOSTILE.slice(0, 14)) {
                const made = ok(await as().create(name), 201);
                assert.equal(made.name, name, 'is text like any other');
                assert.equal(ok(await as().groups({ q: name })).rooms.filter(({ id }) => id === made.id)[0].name, name);
                ok(await as().leave(made.id), 204);
            }
        });

        test('bodies', async () => {
            const paths = ['/chat/room/group/create', '/chat/room/private/create', `/chat/room/${room.id}/read`, `/chat/room/${room.id}/messages`];
            for (const path of paths) {
                for (const body of ['', '[]', '"x"', 'null', '7', '{', '{"name":}', '{"name":"x"}x', '{name:1}', `${'['.repeat(100)}${']'.repeat(100)}`,
                    '{"userId":"x","name":"x","message":1,"message":2,"name":"y","userId":"y","lastReadMessage":1,"lastReadMessage":2}',
                    '{"name":"\\u0000","userId":"\\u0000","lastReadMessage":"\\u0000","messageType":"\\u0000"}', Buffer.from('{"name":"\xff"}', 'latin1')]) {
                    const answer = await raw(path, body);
                    refusedWith(answer, 400, 'bad_json', answer.body.error?.field);
                }
                refusedWith(await raw(path, 'name=x', { 'Content-Type': 'text/plain' }), 415, 'unsupported_media_type');
                refusedWith(await raw(path, '{}', { 'Content-Type': '' }), 415, 'unsupported_media_type');
                const chunked = await rawHttp(server, `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${t.token}\r\n`
                    + 'Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n');
                assert.match(String(chunked.text ?? chunked), /^HTTP\/1\.1 411 /);
            }
        });

        test('numbers and places in the query', async () => {
            for (const limit of NUMBERS) {
                refusedWith(await as().groups({ limit }), 400, 'bad_field', 'limit');
                refusedWith(await as().history(room.id, { limit }), 400, 'bad_field', 'limit');
                refusedWith(await as().search('x', { limit }), 400, 'bad_field', 'limit');
            }
            refusedWith(await as().search('x', { limit: 51 }), 400, 'bad_field', 'limit');
            refusedWith(await as().call('GET', `/chat/history/${room.id}?limit=5&limit=6`), 400, 'bad_field', 'limit');
            for (const field of ['before', 'after']) {
                for (const place of [...HOSTILE.filter((text) => text !== '0'), foreign.id, `${room.id}.0`, `${room.id}.-1`, `${room.id}.1e3`, '1.5', '-5',
                    '9223372036854775808', `room:${said.id}`, `${room.id}.9223372036854775808`]) {
                    refusedWith(await as().history(room.id, { [field]: place }), 400, 'bad_field', field);
                }
            }
            refusedWith(await as().history(room.id, { before: said.id, after: said.id }), 400, 'bad_field', 'after');
            ok(await as().history(room.id, { after: '9223372036854775807' }));
            ok(await as().history(room.id, { before: '9223372036854775807', limit: 1 }));
            ok(await as().history(room.id, { before: 0 }));
        });

        test('cursors that are none', async () => {
            for (const cursor of HOSTILE) {
                refusedWith(await as().groups({ after: cursor }), 400, 'bad_field', 'after');
                refusedWith(await as().search('said', { before: cursor }), 400, 'bad_field', 'before');
                refusedWith(await as().search('said', { before: cursor, room: room.id }), 400, 'bad_field', 'before');
                refusedWith(await as().search('said', { before: cursor.slice(0, 64), room: other.id }), 403, 'not_member');
            }
            refusedWith(await as().search('said', { before: foreign.id }), 400, 'bad_field', 'before');
        });

        test('what to look for', async () => {
            for (const path of ['/chat/search', '/chat/people', '/chat/room/group/list']) {
                for (const q of ['가'.repeat(65), 'x'.repeat(65), '😀'.repeat(65), 'x'.repeat(2000)]) {
                    refusedWith(await as().call('GET', `${path}?q=${encodeURIComponent(q)}`), 400, 'bad_field', 'q');
                }
                for (const q of ['%00', '%ff', '%ed%a0%80', '%zz', 'a&q=b']) {
                    refusedWith(await as().call('GET', `${path}?q=${q}`), 400, 'bad_field', 'q');
                }
                for (const q of ['😀'.repeat(64), ...HOSTILE.slice(0, 14), '\t\n\u0001x', "'", '""', 'a"b', '^$.*+?()[]{}|', 'AND OR NOT NEAR', '\u0300']) {
                    const body = ok(await as().call('GET', `${path}?q=${encodeURIComponent(q)}`));
                    assert.equal((body.messages ?? body.users ?? body.rooms).some(({ sender }) => sender === foreign.sender), false);
                }
            }
            refusedWith(await as().call('GET', '/chat/search'), 400, 'bad_field', 'q');
            refusedWith(await as().call('GET', '/chat/search?q=%20%09'), 400, 'bad_field', 'q');
            assert.deepEqual(ok(await as().search('said')).messages.map(({ id }) => id), [said.id], 'never of other rooms');
        });

        test('messages', async () => {
            const path = `/chat/room/${room.id}/messages`;
            const bad = async (body, status, code, field) => refusedWith(await raw(path, JSON.stringify(body)), status, code, field);
            for (const messageType of ['', 'a b', 'x'.repeat(65), '한글', "'--", 7, null, {}, true]) {
                await bad({ messageType, message: 1 }, 400, 'bad_field', 'messageType');
            }
            for (const messageType of ['join', 'leave', 'delete', 'file-state', 'welcome', 'ack', 'error', 'gap', 'read', 'typing', 'enter', 'exit', 'invited',
                'removed', 'ping', 'pong', 'token', 'subscribe', 'unsubscribe', 'close', 'kick', 'lock', 'unlock', 'settings', 'end', 'seen', 'host-away',
                'host-back']) {
                await bad({ messageType, message: 1 }, 400, 'reserved_type', 'messageType');
            }
            for (const ref of ['', 'a b', 'x'.repeat(65), '한글', "'; --", 7, null, []]) await bad({ message: 1, ref }, 400, 'bad_field', 'ref');
            for (const targetType of ['student', 'teacher']) await bad({ message: 1, targetType }, 400, 'bad_field', 'targetType');
            await bad({ message: 1, targetType: 'x' }, 400, 'bad_field', 'targetType');
            await bad({ message: 1, target: s.id }, 400, 'bad_field', 'target');
            await bad({ message: 1, ephemeral: true }, 400, 'bad_field', 'ephemeral');
            await bad({ message: 1, ephemeral: 'yes' }, 400, 'bad_field', 'ephemeral');
            await bad({ message: 1, sender: s.id }, 403, 'forbidden', 'sender');
            await bad({ message: 1, senderType: 'student' }, 403, 'forbidden', 'senderType');
            await bad({ message: 1, room: `room:${other.id}` }, 403, 'forbidden', 'room');
            await bad(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, i])), 400, 'bad_json');
            refusedWith(await raw(path, JSON.stringify({ message: 'x'.repeat(65536) })), 413, 'body_too_large');
            refusedWith(await raw(`/chat/room/${other.id}/messages`, '{"message":1}'), 403, 'not_member');
            const fine = { message: 1, targetType: 'all', sender: t.id, senderType: 'teacher', room: `room:${room.id}`, id: 'x', ts: 'y', unknown: {} };
            assert.equal(ok(await raw(path, JSON.stringify(fine)), 201).message, 1);
            const long = { message: 'x'.repeat(65536 - 14) };
            assert.equal(ok(await raw(path, JSON.stringify(long)), 201).message.length, 65522, 'as long as may be');
        });

        test('what has been read', async () => {
            for (const id of [...HOSTILE.filter((text) => text.length < 100), foreign.id, `${room.id}.0`, `${room.id}.x`, `room:${said.id}`, '', 1, null, {},
                [said.id], undefined]) {
                refusedWith(await as().read(room.id, id), 400, 'bad_field', 'lastReadMessage');
            }
            refusedWith(await as().read(other.id, foreign.id), 403, 'not_member');
        });

        test('users who are none', async () => {
            for (const userId of HOSTILE.filter((text) => !/^[A-Za-z0-9._@-]{1,64}$/.test(text))) {
                refusedWith(await as().direct(userId), 400, 'bad_field', 'userId');
            }
            for (const userId of ['group', '-1', '0', 'null', randomId('x')]) refusedWith(await as().direct(userId), 404, 'user_not_found');
        });

        test('people with strange names', async () => {
            for (const name of HOSTILE.slice(0, 14)) {
                const [who] = await known(server, somebody({ name }));
                ok(await chat(server, who).join(room.id));
                const found = ok(await as().people(name)).users;
                assert.ok(found.length >= 1 && found.every((one) => one.name.toLowerCase().includes(name.toLowerCase()) || one.id.startsWith(name)));
                assert.equal(ok(await as().room(room.id)).people.filter(({ id }) => id === who.id)[0].name, name);
                ok(await chat(server, who).leave(room.id), 204);
            }
        });
    });
}
