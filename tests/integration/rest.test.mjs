// REST: rooms, users, guests, logs and attendance during a class and after it, and the limit on guessing room codes.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
    api, asStudent, connect, limit, mintToken, rawHttp, rawSocket, refused, roomCode, startRedis, startServer, waitFor,
} from './harness.mjs';
import { accepted, closedWith, joinClass, openClass } from './classroom.mjs';

let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({ redis, env: { LECTERN_TRUSTED_PROXIES: '127.0.0.1', LECTERN_RATE_HOST: '100000/100000' } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const teacher = (user = {}) => mintToken({ type: 'teacher', ...user });
const student = (user = {}) => mintToken({ type: 'student', ...user });
const service = (user = {}) => mintToken({ type: 'service', ...user });
const get = (where, token, options = {}) => api(server, 'GET', where, { token, ...options });

async function assertError(promise, status, code, field) {
    const answer = await promise;
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.headers['content-type'], /^application\/json\b/);
    assert.equal(answer.body.error.code, code);
    assert.equal(answer.body.error.field, field);
    return answer;
}

/** Rows of a CSV file as lists of cells (RFC 4180), without the byte order mark. */
function readCsv(text) {
    assert.equal(text.charCodeAt(0), 0xfeff, 'spreadsheets need the mark to see UTF-8');
    const rows = [[]];
    const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
    cell.lastIndex = 1;
    while (cell.lastIndex < text.length) {
        const found = cell.exec(text);
        assert.ok(found, 'well-formed CSV');
        rows.at(-1).push(found[1] !== undefined ? found[1].replaceAll('""', '"') : found[2]);
        if (found[3] !== ',') rows.push([]);
    }
    rows.pop();
    return rows;
}

describe('a room, as a join page sees it', () => {
    test('is told without a token and without names of people', async () => {
        const { code, host } = await openClass(server, { students: ['s1'], query: { name: '3학년 "수학"', max: 5, hold: 60 } });
        const room = { room: `room:${code}`, exists: true, name: '3학년 "수학"', locked: false, full: false, hostPresent: true, count: 1, max: 5 };
        const answer = await get(`/rooms/${code}`);
        assert.equal(answer.headers['content-type'], 'application/json');
        assert.deepEqual(answer.body, room);
        host.terminate();
        await waitFor(async () => (await get(`/rooms/${code}`)).body.hostPresent === false, { what: 'the host to be away' });
    });

    test('404 where there is none, 400 for what is no code', async () => {
        await assertError(get(`/rooms/${roomCode()}`), 404, 'room_not_found');
        for (const code of ['abcd', 'ABC', 'ABCDEFGHIJKLM', 'room:ABCD', 'AB%20CD', '%EA%B9%80%EA%B9%80']) {
            await assertError(get(`/rooms/${code}`), 400, 'bad_room');
        }
    });
});

describe('who is in a room', () => {
    test('is told to the host, the participants and services, in the order of their joining', async () => {
        const { code, host } = await openClass(server, { host: { sub: 'host', name: 'Frau Kim' } });
        await joinClass(server, code, host, 's1', { name: '안나' });
        await joinClass(server, code, host, 's2');
        const { serverId } = (await get('/version')).body;
        for (const token of [teacher({ sub: 'host' }), student({ sub: 's2' }), service()]) {
            const { status, body } = await get(`/rooms/${code}/users`, token);
            assert.equal(status, 200);
            assert.deepEqual(Object.keys(body), ['room', 'host', 'participants', 'count']);
            assert.equal(body.room, `room:${code}`);
            assert.equal(body.count, 2);
            assert.ok(body.host.joinedAt > 1.6e12);
            assert.deepEqual({ ...body.host, joinedAt: 0 },
                { id: 'host', name: 'Frau Kim', userType: 'teacher', serverId, joinedAt: 0, state: 'active' });
            assert.deepEqual(body.participants.map(({ id, name, userType }) => [id, name, userType]),
                [['s1', '안나', 'student'], ['s2', 's2', 'student']]);
            const one = await get(`/rooms/${code}/users/s1`, token);
            assert.deepEqual(one.body, body.participants[0]);
        }
    });

    test('and to nobody else', async () => {
        const { code } = await openClass(server, { students: ['s1'], host: { sub: 'host' } });
        for (const where of [`/rooms/${code}/users`, `/rooms/${code}/users/s1`]) {
            const none = await assertError(get(where), 401, 'token_missing');
            assert.equal(none.headers['www-authenticate'], 'Bearer');
            await assertError(get(where, 'nonsense'), 401, 'token_invalid');
            await assertError(get(where, student({ exp: 1 })), 401, 'token_expired');
            await assertError(get(where, student({ sub: 's9' })), 403, 'forbidden');
            await assertError(get(where, teacher({ sub: 's1' })), 403, 'forbidden');
            await assertError(get(where, teacher({ sub: 't9' })), 403, 'forbidden');
            await assertError(get(where, student({ sub: 'host' })), 403, 'forbidden');
            await assertError(get(where, student({ sub: 's1', room: 'OTHER' })), 403, 'room_forbidden');
        }
        assert.equal((await get(`/rooms/${code}/users`, student({ sub: 's1', room: code }))).status, 200);
    });

    test('a missing user, a missing room', async () => {
        const { code } = await openClass(server);
        for (const id of ['s9', 'a%20b', 'x'.repeat(65)]) {
            await assertError(get(`/rooms/${code}/users/${id}`, teacher()), 404, 'user_not_found');
        }
        await assertError(get(`/rooms/${roomCode()}/users`, service()), 404, 'room_not_found');
    });

    test('the host sees them while away, then without a host', async () => {
        const { code, host } = await openClass(server, { students: ['s1'], query: { hold: 60 } });
        host.terminate();
        const body = await waitFor(async () => {
            const answer = await get(`/rooms/${code}/users`, teacher());
            return answer.body.host === null && answer.body;
        }, { what: 'the host to be away' });
        assert.deepEqual(body.participants.map(({ id }) => id), ['s1']);
    });

    test('the token may come in the query, for links', async () => {
        const { code } = await openClass(server);
        assert.equal((await get(`/rooms/${code}/users?token=${teacher()}`)).status, 200);
    });
});

describe('the log', () => {
    const MESSAGES = [
        ['teacher', { targetType: 'student', messageType: 'send', message: 'hello, "class"' }],
        ['student', { targetType: 'teacher', messageType: 'send', message: '=HYPERLINK("http://evil.example")' }],
        ['student', { targetType: 'teacher', messageType: 'answer', message: { a: [1, 2], b: '여러분' } }],
        ['teacher', { targetType: 'student', target: 's1', messageType: 'send', message: 'two\nlines' }],
        ['student', { targetType: 'teacher', messageType: 'send', message: -5 }],
    ];

    async function talk() {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const ids = [];
        for (const [who, message] of MESSAGES) ids.push((await accepted(who === 'teacher' ? host : anna, message)).id);
        host.send({ targetType: 'student', messageType: 'typing', ephemeral: true, message: 1 });
        return { code, host, anna, ids, epoch: ids[0].split('.')[0] };
    }

    function checkJson({ status, headers, body }, { code, ids, epoch }) {
        assert.equal(status, 200);
        assert.equal(headers['content-type'], 'application/json');
        assert.equal(body.room, `room:${code}`);
        assert.equal(body.epoch, epoch);
        assert.deepEqual(body.messages.map(({ id }) => id), ids);
        assert.deepEqual(body.messages.map(({ message }) => message), MESSAGES.map(([, { message }]) => message));
        assert.deepEqual(body.messages.map(({ ts }) => ts), ids.map((id) => Number(/\.(\d+)-/.exec(id)[1])));
        assert.deepEqual(body.messages.map(({ senderType }) => senderType), MESSAGES.map(([who]) => who));
        assert.equal(body.messages[3].target, 's1');
        assert.equal(body.messages[0].room, `room:${code}`);
    }

    test('as JSON: the messages as clients saw them', async () => {
        const it = await talk();
        for (const token of [teacher(), service()]) {
            checkJson(await get(`/rooms/${it.code}/log`, token), it);
            checkJson(await get(`/rooms/${it.code}/log?format=json&class=${it.epoch}`, token), it);
        }
        const live = it.host.all({ messageType: 'answer' })[0];
        assert.deepEqual((await get(`/rooms/${it.code}/log`, teacher())).body.messages[2], live);
    });

    test('as a table that a spreadsheet takes for text', async () => {
        const { code, ids } = await talk();
        const answer = await get(`/rooms/${code}/log?format=csv`, teacher());
        assert.equal(answer.headers['content-type'], 'text/csv; charset=utf-8; header=present');
        assert.equal(answer.headers['content-disposition'], `attachment; filename="lectern-${code}-log.csv"`);
        const [head, ...rows] = readCsv(answer.text);
        assert.deepEqual(head, ['id', 'ts', 'time', 'senderType', 'sender', 'targetType', 'target', 'messageType', 'message']);
        assert.deepEqual(rows.map(([id]) => id), ids);
        assert.deepEqual(rows.map((row) => row.at(-1)), ['hello, "class"', '\'=HYPERLINK("http://evil.example")',
            '{"a":[1,2],"b":"여러분"}', 'two\nlines', '\'-5']);
        for (const [, ts, time] of rows) assert.equal(new Date(Number(ts)).toISOString(), time);
        assert.deepEqual(rows[3].slice(3, 8), ['teacher', 't1', 'student', 's1', 'send']);
    });

    test('after the end it is the host\'s for a while', async () => {
        const it = await talk();
        const token = teacher();
        await accepted(it.host, { messageType: 'end' }).catch(() => {});
        await closedWith(it.anna, 4000);
        checkJson(await waitFor(async () => {
            const answer = await get(`/rooms/${it.code}/log`, token);
            return answer.status === 200 && answer;
        }, { what: 'the log of the ended class' }), it);
        checkJson(await get(`/rooms/${it.code}/log?class=${it.epoch}`, token), it);
        checkJson(await get(`/rooms/${it.code}/log?host=t1`, service()), it);
        assert.equal(readCsv((await get(`/rooms/${it.code}/log?format=csv`, token)).text).length, MESSAGES.length + 1);
        await assertError(get(`/rooms/${it.code}/log`, service()), 400, 'bad_field', 'host');
        await assertError(get(`/rooms/${it.code}/log`, teacher({ sub: 't2' })), 404, 'room_not_found');
        await assertError(get(`/rooms/${it.code}/log?host=t1`, teacher({ sub: 't2' })), 404, 'room_not_found');
        await assertError(get(`/rooms/${it.code}/log?class=aaaaaa`, token), 404, 'room_not_found');

        // The same code again: the new class is meant, the old one by its name; another host's is not mine.
        const again = await openClass(server, { code: it.code });
        const { body } = await get(`/rooms/${it.code}/log`, token);
        assert.deepEqual(body.messages, []);
        assert.notEqual(body.epoch, it.epoch);
        checkJson(await get(`/rooms/${it.code}/log?class=${it.epoch}`, token), it);
        checkJson(await get(`/rooms/${it.code}/log?class=${it.epoch}&host=t1`, service()), it);
        await assertError(get(`/rooms/${it.code}/log`, teacher({ sub: 't2' })), 403, 'forbidden');
        again.host.terminate();
    });

    test('my ended class in a room that is another\'s now', async () => {
        const it = await talk();
        await accepted(it.host, { messageType: 'end' }).catch(() => {});
        await closedWith(it.anna, 4000);
        const other = await waitFor(() => openClass(server, { code: it.code, host: { sub: 't2' } }), { what: 'the room again' });
        checkJson(await get(`/rooms/${it.code}/log`, teacher()), it);
        assert.deepEqual((await get(`/rooms/${it.code}/log`, teacher({ sub: 't2' }))).body.messages, []);
        other.host.terminate();
    });

    test('not for students, other teachers, tokens of other rooms; bad parameters are named', async () => {
        const { code } = await talk();
        for (const what of ['log', 'attendance']) {
            await assertError(get(`/rooms/${code}/${what}`), 401, 'token_missing');
            await assertError(get(`/rooms/${code}/${what}`, student({ sub: 's1' })), 403, 'forbidden');
            await assertError(get(`/rooms/${code}/${what}`, teacher({ sub: 't2' })), 403, 'forbidden');
            await assertError(get(`/rooms/${code}/${what}`, teacher({ room: 'OTHER' })), 403, 'room_forbidden');
            await assertError(get(`/rooms/${roomCode()}/${what}`, teacher()), 404, 'room_not_found');
            await assertError(get(`/rooms/${code}/${what}?format=xml`, teacher()), 400, 'bad_field', 'format');
            await assertError(get(`/rooms/${code}/${what}?class=UPPER1`, teacher()), 400, 'bad_field', 'class');
            await assertError(get(`/rooms/${code}/${what}?class=abc`, teacher()), 400, 'bad_field', 'class');
            await assertError(get(`/rooms/${code}/${what}?format=csv&format=csv`, teacher()), 400, 'bad_field', 'format');
            await assertError(get(`/rooms/${code}/${what}?host=a%20b`, service()), 400, 'bad_field', 'host');
            await assertError(get(`/rooms/${code}/${what}?host=t2`, service()), 404, 'room_not_found');
        }
    });

    test('a long one comes whole, and to HTTP/1.0 too', async () => {
        const { code, host } = await openClass(server);
        const message = 'x'.repeat(2000);
        const ids = [];
        for (let i = 0; i < 9; i++) {
            const batch = await Promise.all(Array.from({ length: 50 }, (_, n) => host.request(
                { targetType: 'student', messageType: 'send', message: `${i * 50 + n} ${message}` })));
            ids.push(...batch.map((answer) => answer.message.id));
        }
        const { body, headers } = await get(`/rooms/${code}/log`, teacher());
        assert.equal(headers['transfer-encoding'], 'chunked');
        assert.deepEqual(body.messages.map(({ id }) => id), ids);
        const old = await rawHttp(server, `GET /rooms/${code}/log HTTP/1.0\r\nAuthorization: Bearer ${teacher()}\r\n\r\n`);
        assert.equal(old.headers['transfer-encoding'], undefined);
        assert.deepEqual(old.body.messages.map(({ id }) => id), ids);
    });

    test('one that breaks off does not look whole', async () => {
        const own = await startRedis();
        const lonely = await startServer({ redis: own, env: { LECTERN_REDIS_TIMEOUT_MS: 500 } });
        try {
            const { code } = await openClass(lonely, { query: { hold: 600 } });
            // More than all the buffers on the way can hold.
            const message = `{"senderType":"teacher","message":"${'x'.repeat(20000)}"}`;
            for (let i = 0; i < 20; i++) {
                const pipeline = own.client.pipeline();
                for (let n = 0; n < 100; n++) pipeline.xadd(`room:${code}:log`, '*', 'm', message);
                await pipeline.exec();
            }
            const raw = await rawSocket(lonely);
            raw.socket.once('data', () => raw.socket.pause());
            raw.write(`GET /rooms/${code}/log HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${teacher()}\r\n\r\n`);
            await waitFor(() => raw.bytes().length > 0, { what: 'the beginning' });
            await own.kill();
            raw.socket.resume();
            await raw.closed;
            assert.match(raw.text(), /^HTTP\/1\.1 200 /);
            assert.doesNotMatch(raw.text().slice(-20), /0\r\n\r\n$|\]\}/);
        } finally {
            await lonely.stop();
            await own.stop();
        }
    });
});

describe('attendance', () => {
    test('during the class and after it', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await joinClass(server, code, host, 's2', { name: '=Ben' });
        await anna.close();
        await host.next({ messageType: 'leave', sender: 's1' });
        const running = await get(`/rooms/${code}/attendance`, teacher());
        assert.equal(running.body.room, `room:${code}`);
        const [first, second] = running.body.attendance;
        assert.deepEqual(running.body.attendance.map(({ id, name, present }) => [id, name, present]), [['s1', 's1', false], ['s2', '=Ben', true]]);
        assert.deepEqual(Object.keys(first), ['id', 'name', 'first', 'last', 'presentMs', 'present']);
        assert.ok(first.first > 1.6e12 && first.last >= first.first && first.presentMs === first.last - first.first);
        assert.ok(second.presentMs >= 0 && second.presentMs < limit(60000));
        await accepted(host, { messageType: 'end' }).catch(() => {});
        const ended = await waitFor(async () => {
            const answer = await get(`/rooms/${code}/attendance?class=${running.body.epoch}`, teacher());
            return answer.status === 200 && answer.body.attendance.every(({ present }) => !present) && answer;
        }, { what: 'the attendance of the ended class' });
        assert.deepEqual(ended.body.attendance[0], first);
        assert.ok(ended.body.attendance[1].presentMs >= second.presentMs);
        const csv = await get(`/rooms/${code}/attendance?format=csv`, teacher());
        assert.equal(csv.headers['content-disposition'], `attachment; filename="lectern-${code}-attendance.csv"`);
        const rows = readCsv(csv.text);
        assert.deepEqual(rows[0], ['id', 'name', 'first', 'last', 'presentMs', 'present']);
        assert.deepEqual(rows[1], ['s1', 's1', new Date(first.first).toISOString(), new Date(first.last).toISOString(), String(first.presentMs), 'false']);
        assert.equal(rows[2][1], '\'=Ben');
    });
});

describe('guests', () => {
    const guest = (body, headers = {}) => api(server, 'POST', '/guest', { body, headers });
    const cookieOf = (answer) => answer.headers['set-cookie'][0].split(';')[0];

    test('a code and a name are enough', async () => {
        const { code, host } = await openClass(server);
        const answer = await guest({ room: code, name: ' 안나 ', unknown: [1] });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers['cache-control'], 'no-store');
        assert.deepEqual(Object.keys(answer.body), ['token', 'expiresIn', 'user']);
        assert.equal(answer.body.user.name, '안나');
        assert.equal(answer.body.user.userType, 'student');
        assert.match(answer.body.user.id, /^g-[a-z2-7]{20}$/);
        const claims = JSON.parse(Buffer.from(answer.body.token.split('.')[1], 'base64url'));
        assert.equal(claims.room, code);
        assert.ok(Math.abs(claims.exp - claims.iat - answer.body.expiresIn) <= 1);
        const anna = await connect(server, { room: code, token: answer.body.token });
        assert.equal(anna.welcome.message.user.id, answer.body.user.id);
        assert.equal((await host.next({ messageType: 'join' })).message.name, '안나');
        const other = await openClass(server, { host: { sub: 't2' } });
        const elsewhere = await refused(server, { room: other.code, token: answer.body.token });
        assert.equal(elsewhere.body.error.code, 'room_forbidden');
    });

    test('the device is known again by its cookie, and only by a genuine one', async () => {
        const { code } = await openClass(server);
        const first = await guest({ room: code, name: 'Ann' });
        assert.match(first.headers['set-cookie'][0], /^lectern_device=[a-z2-7]{26}\.[0-9a-f]{32}; Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax$/);
        const Cookie = cookieOf(first);
        const again = await guest({ room: code, name: 'Ann' }, { Cookie: `a=b; ${Cookie}` });
        assert.equal(again.body.user.id, first.body.user.id);
        assert.equal(cookieOf(again), Cookie);
        assert.notEqual((await guest({ room: code, name: 'Ben' }, { Cookie })).body.user.id, first.body.user.id);
        assert.notEqual((await guest({ room: code, name: 'Ann' })).body.user.id, first.body.user.id);
        const forged = await guest({ room: code, name: 'Ann' }, { Cookie: Cookie.replace(/.$/, (c) => (c === '0' ? '1' : '0')) });
        assert.notEqual(cookieOf(forged).slice(0, 41), Cookie.slice(0, 41));
    });

    test('the cookie is Secure where a trusted proxy says https', async () => {
        const { code } = await openClass(server);
        const answer = await guest({ room: code, name: 'Ann' }, { 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '192.0.2.1' });
        assert.match(answer.headers['set-cookie'][0], /; Secure$/);
        for (const [scheme, secure] of [['http, HTTPS', true], ['https, http', false], ['https,', false]]) {
            const chain = await guest({ room: code, name: 'Ann' }, { 'X-Forwarded-Proto': scheme });
            assert.equal(/; Secure$/.test(chain.headers['set-cookie'][0]), secure, scheme);
        }
        const direct = await startServer({ redis });
        try {
            const untrusted = await api(direct, 'POST', '/guest', { body: { room: code, name: 'Ann' }, headers: { 'X-Forwarded-Proto': 'https' } });
            assert.doesNotMatch(untrusted.headers['set-cookie'][0], /Secure/);
        } finally {
            await direct.stop();
        }
    });

    test('no room, a locked one, a removed device', async () => {
        await assertError(guest({ room: roomCode(), name: 'Ann' }), 404, 'room_not_found');
        const { code, host } = await openClass(server);
        const ann = await guest({ room: code, name: 'Ann' });
        const client = await connect(server, { room: code, token: ann.body.token });
        await host.next({ messageType: 'join' });
        await accepted(host, { messageType: 'lock' });
        await assertError(guest({ room: code, name: 'Ben' }), 423, 'room_locked');
        assert.equal((await guest({ room: code, name: 'Ann' }, { Cookie: cookieOf(ann) })).status, 200, 'who was in may come back');
        await accepted(host, { messageType: 'unlock' });
        await accepted(host, { messageType: 'kick', target: ann.body.user.id });
        await closedWith(client, 4002);
        await assertError(guest({ room: code, name: 'Ann' }, { Cookie: cookieOf(ann) }), 403, 'removed');
        await assertError(guest({ room: code, name: 'Somebody else' }, { Cookie: cookieOf(ann) }), 403, 'removed');
    });

    test('bad bodies are named', async () => {
        const { code } = await openClass(server);
        const json = { 'Content-Type': 'application/json' };
        for (const body of ['', '{', '[]', '"x"', '{"room":"ABCD"} x', Buffer.from([0x7b, 0xff, 0x7d])]) {
            await assertError(guest(body, json), 400, 'bad_json');
        }
        await assertError(guest({ name: 'Ann' }), 400, 'bad_field', 'room');
        await assertError(guest({ room: code }), 400, 'bad_field', 'name');
        await assertError(guest({ room: 5, name: 'Ann' }), 400, 'bad_field', 'room');
        await assertError(guest({ room: 'nope', name: 'Ann' }), 400, 'bad_room', 'room');
        await assertError(guest({ room: `room:${code}`, name: 'Ann' }), 400, 'bad_room', 'room');
        for (const name of ['', '   ', 'x'.repeat(65), 'a\u0007b', 'a\u202eb', 'a\u2066b', 'x'.repeat(400), null, ['Ann']]) {
            await assertError(guest({ room: code, name }), 400, 'bad_field', 'name');
        }
        for (const name of ['"a\\u0000b"', '"a\\ud83d"', '"a","name":"b"', '"a","n\\u0061me":"b"', '"a","x":[{"y":1,"y":2}]', '"a","x":"\\u0000"', '"a","x\\u0000":1']) {
            await assertError(guest(`{"room":"${code}","name":${name}}`, json), 400, 'bad_json');
        }
        await assertError(guest({ room: code, Name: 'Ann' }), 400, 'bad_field', 'name');
        assert.equal((await guest(`{"room":"${code}","name":"\\u0041\\ud83d\\ude00","Name":"\\\\u0000","x":[{"y":1},{"y":2}]}`, json)).body.user.name, 'A😀');
        await assertError(guest({ room: code, name: 'Ann', more: 'x'.repeat(5000) }), 413, 'body_too_large');
        for (const type of ['text/plain', 'application/x-www-form-urlencoded', '']) {
            await assertError(guest(JSON.stringify({ room: code, name: 'Ann' }), { 'Content-Type': type }), 415, 'unsupported_media_type');
        }
    });

    test('where another service signs the tokens there are no guests', async () => {
        const { generateKeyPairSync } = await import('node:crypto');
        const { writeFileSync, mkdtempSync, rmSync } = await import('node:fs');
        const { tmpdir } = await import('node:os');
        const dir = mkdtempSync(`${tmpdir()}/lectern-key-`);
        writeFileSync(`${dir}/key.pem`, generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }));
        const foreign = await startServer({ redis, env: { LECTERN_JWT_SECRET: null, LECTERN_JWT_ALGORITHM: 'ES256', LECTERN_JWT_PUBLIC_KEY: `${dir}/key.pem` } });
        try {
            await assertError(api(foreign, 'POST', '/guest', { body: { room: 'ABCD', name: 'Ann' } }), 403, 'guest_unavailable');
        } finally {
            await foreign.stop();
            rmSync(dir, { recursive: true, force: true });
        }
    });
});

describe('guessing room codes', () => {
    const from = (address, where, options = {}) => api(server, 'GET', where, { ...options, headers: { 'X-Forwarded-For': address } });

    async function guessUntilLimited(address) {
        for (let i = 0; i < 200; i++) {
            const answer = await from(address, `/rooms/${roomCode()}`);
            if (answer.status === 429) return answer;
            assert.equal(answer.status, 404);
        }
        throw new Error('never limited');
    }

    test('costs an address its turn, and no other address; what is no guess goes on', async () => {
        const { code, host } = await openClass(server, { students: ['s1'] });
        const guest = await api(server, 'POST', '/guest', { body: { room: code, name: 'Ann' } });
        const limited = await guessUntilLimited('198.51.100.1');
        const began = Date.now();
        assert.equal(limited.body.error.code, 'rate_limited');
        assert.match(limited.headers['retry-after'], /^[1-9]\d*$/);
        assert.equal((await from('198.51.100.2', `/rooms/${code}`)).status, 200);
        const headers = { 'X-Forwarded-For': '198.51.100.1' };
        const status = async (promise) => (await promise).status;
        const answers = await Promise.all([
            status(from('198.51.100.1', `/rooms/${roomCode()}`)),
            status(api(server, 'POST', '/guest', { body: { room: roomCode(), name: 'Ann' }, headers })),
            status(refused(server, { room: roomCode(), token: student(), headers })),
        ]);
        const bought = Math.ceil((Date.now() - began) / 1000); // by the time that passed: a question a second
        assert.ok(answers.filter((s) => s === 429).length >= 3 - bought, `${answers} after ${bought} s`);
        // A class that runs is not disturbed by a guesser behind the same address.
        await connect(server, { room: code, token: guest.body.token, headers });
        await connect(server, { room: code, token: teacher(), headers });
        assert.equal((await from('198.51.100.1', `/rooms/${code}/users`, { token: teacher() })).status, 200);
        host.terminate();
    });

    test('asking for the same missing room again and again is waiting, not guessing', async () => {
        const code = roomCode();
        for (let i = 0; i < 150; i++) assert.equal((await from('198.51.100.3', `/rooms/${code}`)).status, 404);
        await guessUntilLimited('198.51.100.3').catch(() => {});
    });

    test('right codes cost nothing', async () => {
        const { code } = await openClass(server);
        for (let i = 0; i < 150; i++) assert.equal((await from('198.51.100.4', `/rooms/${code}`)).status, 200);
    });

    test('a burst is a burst, however many ask at the same time', async () => {
        const start = Date.now();
        const answers = await Promise.all(Array.from({ length: 150 }, () => from('198.51.100.5', `/rooms/${roomCode()}`)));
        const more = Math.ceil((Date.now() - start) / 1000);
        const asked = answers.filter(({ status }) => status === 404).length;
        assert.ok(asked <= 60 + more, `${asked} of 150 were answered`);
        assert.ok(answers.every(({ status }) => [404, 429, 503].includes(status)));
    });

    test('right codes at the same time cost nothing either, nor what Redis does not answer', async () => {
        const codes = (await Promise.all(Array.from({ length: 20 }, () => openClass(server)))).map(({ code }) => code);
        for (let i = 0; i < 4; i++) {
            const answers = await Promise.all(codes.flatMap((code) => [code, code, code]).map((code) => from('198.51.100.6', `/rooms/${code}`)));
            assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
        }
        const own = await startRedis();
        const lonely = await startServer({ redis: own });
        try {
            await own.stop();
            for (let i = 0; i < 70; i++) await assertError(api(lonely, 'GET', `/rooms/${roomCode()}`), 503, 'unavailable');
        } finally {
            await lonely.stop();
        }
    });

    test('X-Forwarded-For of a stranger is not believed', async () => {
        const direct = await startServer({ redis });
        try {
            let answer;
            for (let i = 0; i < 200 && answer?.status !== 429; i++) {
                answer = await api(direct, 'GET', `/rooms/${roomCode()}`, { headers: { 'X-Forwarded-For': `203.0.113.${i}` } });
            }
            assert.equal(answer.status, 429);
        } finally {
            await direct.stop();
        }
    });
});
