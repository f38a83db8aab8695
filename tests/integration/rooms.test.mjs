// Class rooms: opening and joining, the table of refusals, and which tokens and options the door takes.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
    api, asStudent, asTeacher, connect, mintToken, refused, roomCode, startRedis, startServer,
} from './harness.mjs';
import { accepted, closedWith, handshake, joinClass, marker, openClass } from './classroom.mjs';

const SCHOOL = 'http://school.example';
const inThePast = () => Math.floor(Date.now() / 1000) - 1;
let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({ redis, env: { LECTERN_ORIGINS: SCHOOL, LECTERN_ROOM_MAX: 50 } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const teacher = (user = {}) => mintToken({ type: 'teacher', ...user });
const student = (user = {}) => mintToken({ type: 'student', ...user });

async function assertRefused(options, status, code, on = server) {
    const answer = await refused(on, options);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.headers['content-type'], /^application\/json\b/);
    assert.deepEqual(Object.keys(answer.body), ['error']);
    assert.equal(answer.body.error.code, code);
    assert.equal(typeof answer.body.error.message, 'string');
    return answer;
}

describe('opening', () => {
    test('a teacher who names no room gets a drawn code of six letters without look-alikes', async () => {
        const codes = new Set();
        for (let i = 0; i < 12; i++) {
            const host = await asTeacher(server, undefined);
            assert.match(host.welcome.room, /^room:[A-HJKMNP-Z]{6}$/);
            codes.add(host.room);
            host.terminate();
        }
        assert.equal(codes.size, 12, 'every room has a code of its own');
    });

    test('a teacher who names a room that does not exist gets it with that code', async () => {
        for (const code of ['AB12', 'ROOM5678WXYZ']) {
            const host = await asTeacher(server, code);
            assert.equal(host.welcome.room, `room:${code}`);
            assert.equal(host.welcome.message.user.userType, 'teacher');
            host.terminate();
        }
    });

    for (const room of ['ABC', 'ABCDEFGHIJKLM', 'abcdef', 'AB-CD', 'room:ABCD', 'AB CD', 'ABCD\u0000', 'ÄBCD']) {
        test(`room=${JSON.stringify(room)} is no code: 400 bad_room`, async () => {
            await assertRefused({ room, token: teacher() }, 400, 'bad_room');
            await assertRefused({ room, token: student() }, 400, 'bad_room');
        });
    }

    test('the host\'s options are the room\'s settings; without any the documented defaults hold', async () => {
        const plain = await asTeacher(server, roomCode());
        assert.deepEqual(plain.welcome.message.settings,
            { name: '', max: 50, hold: 0, talk: 'teacher', notify: 'host', locked: false });
        const query = { name: '3학년 수학', max: 30, hold: 120, talk: 'all', notify: 'all' };
        const host = await asTeacher(server, roomCode(), { sub: 't2' }, { query });
        assert.deepEqual(host.welcome.message.settings, { ...query, locked: false });
        host.send({ messageType: 'end' });
    });

    for (const [name, value] of [['max', '0'], ['max', '51'], ['max', 'many'], ['max', '-1'], ['hold', '-1'],
        ['hold', '3601'], ['hold', '1.5'], ['talk', 'loud'], ['notify', 'none'], ['name', 'x'.repeat(65)],
        ['name', 'a\u0007b'], ['history', '-1'], ['history', '501'], ['history', 'some']]) {
        test(`option ${name}=${value.slice(0, 10)} is refused by name`, async () => {
            const answer = await assertRefused({ room: roomCode(), token: teacher(), query: { [name]: value } }, 400,
                'bad_field');
            assert.equal(answer.body.error.field, name);
        });
    }

    test('unknown options are ignored', async () => {
        const host = await asTeacher(server, roomCode(), {}, { query: { colour: 'green', max: 7 } });
        assert.equal(host.welcome.message.settings.max, 7);
    });
});

describe('joining', () => {
    test('a student joins an open room and the host hears of it', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        assert.equal(anna.welcome.room, `room:${code}`);
        assert.equal(host.all({ messageType: 'join', sender: 's1' }).length, 1);
    });

    test('404 room_not_found where there is no room', async () => {
        await assertRefused({ room: roomCode(), token: student() }, 404, 'room_not_found');
    });

    test('a student must name a room', async () => {
        await assertRefused({ token: student() }, 400, 'bad_room');
    });

    test('409 room_taken for another teacher, whose attempt changes nothing', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await assertRefused({ room: code, token: teacher({ sub: 't2' }) }, 409, 'room_taken');
        await marker(host, [host, anna]);
    });

    test('423 room_locked for a newcomer, open again after unlock', async () => {
        const { code, host } = await openClass(server);
        await accepted(host, { messageType: 'lock' });
        await assertRefused({ room: code, token: student() }, 423, 'room_locked');
        await accepted(host, { messageType: 'unlock' });
        await joinClass(server, code, host, 's1');
    });

    test('409 room_full at max; a free place can be taken; the host does not count', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1', 's2'], query: { max: 2 } });
        await assertRefused({ room: code, token: student({ sub: 's3' }) }, 409, 'room_full');
        await anna.close();
        await host.next({ messageType: 'leave', sender: 's1' });
        await joinClass(server, code, host, 's3');
    });

    test('a full room still takes back a participant\'s own second connection', async () => {
        const { code, students: [anna] } = await openClass(server, { students: ['s1'], query: { max: 1 } });
        const again = await asStudent(server, code);
        await closedWith(anna, 4001);
        assert.equal(again.welcome.message.count, 1);
    });

    test('403 removed after a kick, also with the same device under another id', async () => {
        const { code, host } = await openClass(server);
        const device = 'd'.repeat(26);
        const anna = await joinClass(server, code, host, 's1', { device });
        await accepted(host, { messageType: 'kick', target: 's1' });
        await closedWith(anna, 4002);
        await assertRefused({ room: code, token: student({ sub: 's1' }) }, 403, 'removed');
        await assertRefused({ room: code, token: student({ sub: 's9', device }) }, 403, 'removed');
        await joinClass(server, code, host, 's2', { device: 'e'.repeat(26) });
    });

    test('a student whose id is the host\'s is refused', async () => {
        const { code } = await openClass(server, { host: { sub: 'kim' } });
        await assertRefused({ room: code, token: student({ sub: 'kim' }) }, 403, 'room_forbidden');
    });

    test('503 no_capacity with Retry-After when every place of the server is taken', async (t) => {
        const small = await startServer({ redis, env: { LECTERN_CONNECTIONS_MAX: 2 } });
        t.after(() => small.stop());
        const code = roomCode();
        const host = await asTeacher(small, code, { sub: 'cap' });
        const anna = await joinClass(small, code, host, 's1');
        const answer = await assertRefused({ room: code, token: student({ sub: 's2' }) }, 503, 'no_capacity', small);
        assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
        await anna.close();
        await host.next({ messageType: 'leave', sender: 's1' });
        await joinClass(small, code, host, 's2');
    });
});

describe('tokens at the door', () => {
    const cases = [
        ['none', () => undefined, 'token_missing'],
        ['no JWT', () => 'garbage', 'token_invalid'],
        ['another secret', () => student({ secret: 'another-secret-of-more-than-32-bytes-xyz' }), 'token_invalid'],
        ['alg none', () => student({ alg: 'none' }), 'token_invalid'],
        ['HS512 with the right secret', () => student({ alg: 'HS512' }), 'token_invalid'],
        ['an expired one', () => student({ exp: inThePast() }), 'token_expired'],
        ['no exp', () => student({ exp: null }), 'token_invalid'],
        ['not yet valid', () => student({ claims: { nbf: inThePast() + 600 } }), 'token_invalid'],
        ['no sub', () => student({ claims: { sub: undefined } }), 'token_invalid'],
        ['an id with a blank', () => student({ sub: 'a b' }), 'token_invalid'],
        ['an unknown userType', () => student({ type: 'admin' }), 'token_invalid'],
    ];
    for (const [what, token, code] of cases) {
        test(`${what}: 401 ${code}`, async () => {
            const { code: room } = await openClass(server);
            await assertRefused({ room, token: token() }, 401, code);
        });
    }

    test('a token bound to a room opens that room and no other', async () => {
        const mine = await openClass(server);
        const other = await openClass(server, { host: { sub: 't2' } });
        const token = student({ room: mine.code });
        await assertRefused({ room: other.code, token }, 403, 'room_forbidden');
        await connect(server, { room: mine.code, token });
    });

    test('service tokens do not join rooms', async () => {
        const { code } = await openClass(server);
        await assertRefused({ room: code, token: mintToken({ type: 'service' }) }, 403, 'room_forbidden');
    });

    for (const via of ['header', 'protocol', 'query']) {
        test(`the token may come as ${via}`, async () => {
            const { code } = await openClass(server);
            const anna = await connect(server, { room: code, token: student(), via });
            assert.equal(anna.protocol, 'lectern.v1');
        });
    }

    test('of several tokens the header\'s counts, then the subprotocol\'s', async () => {
        const { code } = await openClass(server);
        const good = student({ sub: 'good' });
        const client = await connect(server, { room: code, token: good, protocols: ['lectern.v1', 'bearer.bad'],
            query: { token: 'bad' } });
        assert.equal(client.welcome.message.user.id, 'good');
        const second = await connect(server, { room: code, token: student({ sub: 'two' }), via: 'protocol',
            query: { token: 'bad' } });
        assert.equal(second.welcome.message.user.id, 'two');
        await assertRefused({ room: code, token: 'bad', query: { token: good } }, 401, 'token_invalid');
    });

    test('a token is never written to the log', () => {
        assert.doesNotMatch(server.log(), /eyJ[\w-]{8}/);
    });
});

describe('origins and subprotocols', () => {
    test('origin_forbidden for a page of another site; configured, own and absent origins pass', async () => {
        const { code } = await openClass(server);
        const token = student();
        await assertRefused({ room: code, token, headers: { Origin: 'http://evil.example' } }, 403, 'origin_forbidden');
        await assertRefused({ room: code, token, headers: { Origin: `${SCHOOL}.evil.example` } }, 403, 'origin_forbidden');
        await assertRefused({ room: code, token, headers: { Origin: 'null' } }, 403, 'origin_forbidden');
        for (const headers of [{ Origin: SCHOOL }, { Origin: server.url }, {}]) await connect(server,
            { room: code, token, headers });
    });

    test('offering subprotocols without lectern.v1 is refused, offering none is fine', async () => {
        const { code } = await openClass(server);
        await assertRefused({ room: code, token: student(), protocols: ['chat.v9'] }, 400, 'bad_subprotocol');
        const anna = await connect(server, { room: code, token: student(), protocols: [] });
        assert.equal(anna.protocol, '');
        const ben = await connect(server, { room: code, token: student({ sub: 's2' }),
            protocols: ['chat.v9', 'lectern.v1'] });
        assert.equal(ben.protocol, 'lectern.v1');
    });

    test('only the token as subprotocol: accepted, and the token is not sent back', async () => {
        const { code } = await openClass(server);
        const answer = await handshake(server, `/ws?room=${code}`, { 'Sec-WebSocket-Protocol': `bearer.${student()}` },
            (text) => text.includes('"welcome"'));
        assert.match(answer.text, /^HTTP\/1\.1 101 /);
        assert.equal(answer.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
        assert.equal(answer.headers['sec-websocket-protocol'], undefined);
        assert.doesNotMatch(answer.text, /eyJ/);
    });

    test('what pages ask before they join agrees with the door', async () => {
        const { code, host } = await openClass(server, { students: ['s1'], query: { max: 1, name: 'Mathe' } });
        const open = await api(server, 'GET', `/rooms/${code}`);
        assert.deepEqual(open.body, { room: `room:${code}`, exists: true, name: 'Mathe', locked: false, full: true,
            hostPresent: true, count: 1, max: 1 });
        await accepted(host, { messageType: 'lock' });
        assert.equal((await api(server, 'GET', `/rooms/${code}`)).body.locked, true);
        assert.equal((await api(server, 'GET', `/rooms/${roomCode()}`)).status, 404);
    });
});
