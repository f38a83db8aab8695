// Presence: what the host (or everybody) hears of joins and leaves, `welcome`, the roster and all other keys in Redis,
// attendance, fenced leaves, rooms held while their host is away, and `seen`.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { asStudent, asTeacher, limit, mintToken, refused, startRedis, startServer, waitFor } from './harness.mjs';
import { accepted, closedWith, frameOf, joinClass, marker, openClass, roomGone, roomKeys, say } from './classroom.mjs';

let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({ redis, env: { LECTERN_SERVER_ID: 'srv-1' } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const held = async (code) => await redis.client.sismember('rooms:held', code) === 1;
const nearNow = (ms) => Number.isInteger(ms) && Math.abs(ms - Date.now()) < 60000;

describe('joins and leaves', () => {
    test('join says who, with what name, since when, and how many are present now', async () => {
        const { code, host } = await openClass(server);
        await asStudent(server, code, { sub: 's1', name: '김안나' });
        const join = await host.next('join');
        assert.deepEqual([join.room, join.senderType, join.sender, join.targetType], 
            [`room:${code}`, 'student', 's1', 'teacher']);
        assert.deepEqual(Object.keys(join.message).sort(), ['count', 'joinedAt', 'name']);
        assert.deepEqual([join.message.name, join.message.count], ['김안나', 1]);
        assert.ok(nearNow(join.message.joinedAt) && nearNow(join.ts));
        assert.equal(join.id, undefined, 'joins are not remembered');
        assert.doesNotMatch(frameOf(host, join), /seal/);
        await asStudent(server, code, { sub: 's2' });
        assert.equal((await host.next('join')).message.count, 2);
    });

    for (const [what, end, reason] of [
        ['closes with 1000', (client) => client.close(1000), 'left'],
        ['closes with 1001', (client) => client.close(1001), 'left'],
        ['is cut off', (client) => client.terminate(), 'lost'],
    ]) {
        test(`a student who ${what}: leave with reason ${reason}, name, count and time present`, async () => {
            const { code, host, students: [anna] } = await openClass(server, { students: ['s1', 's2'] });
            await end(anna);
            const leave = await host.next('leave');
            assert.deepEqual([leave.room, leave.senderType, leave.sender, leave.targetType],
                [`room:${code}`, 'student', 's1', 'teacher']);
            assert.deepEqual(Object.keys(leave.message).sort(), ['count', 'name', 'presentMs', 'reason']);
            assert.deepEqual([leave.message.name, leave.message.count, leave.message.reason], ['s1', 1, reason]);
            assert.ok(leave.message.presentMs >= 0 && leave.message.presentMs < 60000);
            assert.equal(leave.id, undefined);
        });
    }

    test('notify=host: the other students hear nothing of it', async () => {
        const { host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        await ben.close();
        await host.next('leave');
        await marker(host, [anna]);
        assert.deepEqual([...anna.all('join'), ...anna.all('leave')], []);
    });

    test('notify=all: everybody hears joins and leaves', async () => {
        const { host, students: [anna, ben] } = await openClass(server,
            { students: ['s1', 's2'], query: { notify: 'all' } });
        const join = await anna.next({ messageType: 'join', sender: 's2' });
        assert.equal(join.targetType, 'all');
        assert.equal(join.message.count, 2);
        await ben.close();
        const leave = await anna.next('leave');
        assert.deepEqual([leave.sender, leave.targetType, leave.message.reason], ['s2', 'all', 'left']);
        await marker(host, [host, anna]);
        assert.equal(host.all('leave').length, 1);
    });

    test('a whole class at once: one join each, counts without a hole', async () => {
        const { code, host } = await openClass(server);
        const ids = Array.from({ length: 30 }, (_, i) => `p${i}`);
        const clients = await Promise.all(ids.map((sub) => asStudent(server, code, { sub })));
        await waitFor(() => host.all('join').length === 30, { what: '30 joins' });
        assert.deepEqual(host.all('join').map((join) => join.message.count), ids.map((_, i) => i + 1));
        await Promise.all(clients.map((client, i) => (i % 2 ? client.close() : client.terminate())));
        await waitFor(() => host.all('leave').length === 30, { what: '30 leaves' });
        assert.deepEqual(host.all('leave').map((leave) => leave.message.count), ids.map((_, i) => 29 - i));
        assert.deepEqual(await redis.client.smembers(`room:${code}:users`), ['t1']);
    });
});

describe('welcome', () => {
    test('tells the host who is here', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'], host: { name: '박 선생님' } });
        const again = await asTeacher(server, code, { name: '박 선생님' });
        await closedWith(host, 4001);
        const { welcome } = again;
        assert.deepEqual([welcome.room, welcome.senderType, welcome.sender], [`room:${code}`, 'server', 'lectern']);
        assert.ok(nearNow(welcome.ts));
        const { message } = welcome;
        assert.deepEqual(Object.keys(message).sort(),
            ['count', 'epoch', 'host', 'last', 'limits', 'participants', 'ping', 'server', 'session', 'settings', 'user']);
        assert.equal(message.epoch, host.welcome.message.epoch);
        assert.deepEqual(message.user, { id: 't1', name: '박 선생님', userType: 'teacher' });
        assert.match(message.session, /^[a-z2-7]{16}$/);
        assert.notEqual(message.session, host.welcome.message.session);
        assert.deepEqual(message.settings, { name: '', max: 2000, hold: 0, talk: 'teacher', notify: 'host', locked: false });
        assert.deepEqual(message.host, { id: 't1', name: '박 선생님', present: true, deadline: null });
        assert.deepEqual(message.participants.map(({ joinedAt, ...user }) => [user, nearNow(joinedAt)]),
            [[{ id: 's1', name: 's1' }, true]]);
        assert.equal(message.count, 1);
        assert.equal(message.ping, 25);
        assert.deepEqual(message.limits, { message: 65536, rate: 100, burst: 200, queue: 1048576, participants: 2000, image: 20971520 });
        assert.equal(message.server.id, 'srv-1');
        assert.match(message.server.version, /^\d+\.\d+\.\d+/);
        await marker(again, [anna]);
    });

    test('tells students no names of others, and their own limits', async () => {
        const { students: [, ben] } = await openClass(server, { students: ['s1', 's2'] });
        const { message } = ben.welcome;
        assert.equal(message.participants, undefined);
        assert.deepEqual(message.user, { id: 's2', name: 's2', userType: 'student' });
        assert.equal(message.count, 2);
        assert.deepEqual([message.limits.rate, message.limits.burst], [20, 40]);
        assert.doesNotMatch(ben.frames[0], /"s1"/);
    });
});

describe('Redis', () => {
    test('every key has its documented type and holds what the table says', async () => {
        const { code, host, students: [anna] } = await openClass(server,
            { students: ['s1'], query: { hold: 60, name: 'Mathe' } });
        const { id } = await say(host, 'all', 1, { ref: 'r1' });
        await anna.next('send');
        anna.send({ messageType: 'seen', message: id });
        await joinClass(server, code, host, 's2');
        await accepted(host, { messageType: 'kick', target: 's2' });
        await waitFor(() => redis.client.exists(`room:${code}:seen`), { what: 'seen' });
        const types = {};
        for (const key of await roomKeys(redis, code)) types[key.slice(`room:${code}:`.length)] = await redis.client.type(key);
        delete types.pending;
        assert.match(types.refs, /^(zset|hash)$/);
        delete types.refs;
        assert.deepEqual(types, {
            users: 'set', 'user:t1': 'hash', 'user:s1': 'hash', info: 'hash', log: 'stream',
            attendance: 'hash', seen: 'hash', removed: 'set',
        });
        assert.deepEqual((await redis.client.smembers(`room:${code}:users`)).sort(), ['s1', 't1']);
        const user = await redis.client.hgetall(`room:${code}:user:s1`);
        assert.deepEqual([user.userType, user.serverId, user.name, user.sessionId],
            ['student', 'srv-1', 's1', anna.welcome.message.session]);
        assert.ok(nearNow(Number(user.joinedAt)));
        assert.ok(user.state);
        const info = await redis.client.hgetall(`room:${code}:info`);
        assert.deepEqual([info.host, info.name, info.hold, info.talk, info.notify], 
            ['t1', 'Mathe', '60', 'teacher', 'host']);
        assert.ok(nearNow(Number(info.createdAt)));
        assert.ok(id.startsWith(`${info.epoch}.`), 'ids begin with the room\'s epoch');
        assert.equal(await redis.client.hget(`room:${code}:seen`, 's1'), id);
        assert.deepEqual(await redis.client.smembers(`room:${code}:removed`), ['s2']);
        host.send({ messageType: 'end' });
    });

    test('the servers\' keys', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        assert.equal(await redis.client.type('lectern:epoch'), 'string');
        assert.equal(await redis.client.type('server:srv-1:alive'), 'string');
        assert.ok(await redis.client.pttl('server:srv-1:alive') > 0, 'the heartbeat expires');
        assert.equal(await redis.client.sismember('servers', 'srv-1'), 1);
        const sessions = await redis.client.smembers('server:srv-1:sessions');
        for (const { message: { user, session } } of [host.welcome, anna.welcome]) {
            assert.ok(sessions.some((entry) => entry.includes(user.id) && entry.includes(session)), sessions.join());
        }
        await anna.close();
        await waitFor(async () => !(await redis.client.smembers('server:srv-1:sessions'))
            .some((entry) => entry.includes(anna.welcome.message.session)), { what: 'session forgotten' });
    });

    test('the channel carries messages exactly as clients see them', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const watcher = redis.client.duplicate();
        const published = [];
        await watcher.subscribe(`room:${code}`);
        watcher.on('message', (_channel, text) => published.push(text));
        await say(host, 'all', { ß: [1.0, '여러분'] });
        const frame = frameOf(anna, await anna.next('send'));
        await waitFor(() => published.length > 0, { what: 'publication' });
        assert.deepEqual(JSON.parse(published[0]), JSON.parse(frame));
        assert.equal(published[0], frame);
        watcher.disconnect();
    });

    test('a student who left is in no key but attendance', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await anna.close();
        await host.next('leave');
        assert.deepEqual(await redis.client.smembers(`room:${code}:users`), ['t1']);
        assert.equal(await redis.client.exists(`room:${code}:user:s1`), 0);
        assert.equal(await redis.client.hexists(`room:${code}:attendance`, 's1'), 1);
    });
});

describe('attendance', () => {
    const entry = async (code, id) => {
        const [first, last, total, since, ...name] = (await redis.client.hget(`room:${code}:attendance`, id)).split(' ');
        return { first: Number(first), last: Number(last), total: Number(total), since: Number(since),
            name: name.join(' ') };
    };

    test('adds up the times present, over leaving and coming back', async () => {
        const { code, host } = await openClass(server);
        const anna = await joinClass(server, code, host, 's1', { name: '김 안나' });
        const present = await entry(code, 's1');
        assert.equal(present.name, '김 안나');
        assert.ok(nearNow(present.first) && nearNow(present.since));
        assert.equal(present.total, 0);
        await anna.close();
        const { message: { presentMs } } = await host.next('leave');
        const away = await entry(code, 's1');
        assert.deepEqual([away.first, away.since, away.total], [present.first, 0, presentMs]);
        assert.equal(away.last - present.since, presentMs);
        const again = await joinClass(server, code, host, 's1', { name: '김 안나' });
        const back = await entry(code, 's1');
        assert.deepEqual([back.first, back.total], [present.first, presentMs]);
        assert.ok(back.since >= away.last);
        await again.terminate();
        const { message: second } = await host.next('leave');
        assert.equal((await entry(code, 's1')).total, back.total + ((await entry(code, 's1')).last - back.since));
        assert.ok(second.presentMs >= 0);
    });

    test('is kept with the log after the end', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await say(host, 'student', 1);
        const epoch = await redis.client.hget(`room:${code}:info`, 'epoch');
        host.send({ messageType: 'end' });
        await closedWith(anna, 4000);
        await roomGone(redis, code);
        assert.equal(await redis.client.get(`class:t1:${code}`), epoch);
        const entries = await redis.client.xrange(`class:t1:${code}:${epoch}`, '-', '+');
        assert.deepEqual(entries.map(([, [field]]) => field).sort(), ['a', 'end', 'm']);
    });
});

describe('fenced leaves', () => {
    test('the end of a replaced connection does not remove the newer one', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        anna.pause(); // it cannot answer the closing handshake yet
        const again = await asStudent(server, code);
        const session = again.welcome.message.session;
        await waitFor(async () => await redis.client.hget(`room:${code}:user:s1`, 'sessionId') === session,
            { what: 'new session' });
        await anna.terminate();
        await marker(host, [host, again]);
        assert.deepEqual(host.all('leave'), []);
        assert.equal(await redis.client.hget(`room:${code}:user:s1`, 'sessionId'), session);
        assert.equal(await redis.client.sismember(`room:${code}:users`, 's1'), 1);
    });

    test('coming and going quickly leaves nobody behind', async () => {
        const { code, host } = await openClass(server);
        for (let i = 0; i < 8; i++) {
            const [a, b] = await Promise.all([0, 1].map(() => asStudent(server, code, {}, { welcome: false })));
            await (i % 2 ? a.terminate() : a.close());
            await (i % 3 ? b.terminate() : b.close());
        }
        await waitFor(async () => (await redis.client.smembers(`room:${code}:users`)).length === 1,
            { what: 'only the host present' });
        const anna = await joinClass(server, code, host, 's1');
        assert.equal(anna.welcome.message.count, 1);
    });
});

describe('hold', { concurrency: true }, () => {
    test('the host is lost: everybody hears host-away with the deadline, the class goes on, host-back', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server,
            { students: ['s1', 's2'], query: { hold: 60, talk: 'all' } });
        const began = Date.now();
        await host.terminate();
        const away = await anna.next('host-away');
        const lost = away.message.deadline - 60000;
        assert.equal(away.senderType, 'server');
        assert.ok(lost > began - 1000 && lost < Date.now() + 1000, `deadline ${lost - began} ms past 60 s`);
        await ben.next('host-away');
        assert.equal((await redis.client.hget(`room:${code}:info`, 'heldUntil')), String(away.message.deadline));
        await waitFor(() => held(code), { what: 'rooms:held' });
        await say(anna, 'teacher', 'for later');
        await marker(anna, [ben]);
        const cleo = await asStudent(server, code, { sub: 's3' });
        assert.deepEqual(cleo.welcome.message.host, { id: 't1', name: 't1', present: false,
            deadline: away.message.deadline });

        const back = await asTeacher(server, code, { name: '김 선생님' });
        for (const client of [anna, ben, cleo]) assert.deepEqual((await client.next('host-back')).message,
            { name: '김 선생님' });
        assert.deepEqual(back.welcome.message.participants.map((user) => user.id).sort(), ['s1', 's2', 's3']);
        await back.next({ messageType: 'send', message: 'for later' });
        await waitFor(async () => !await held(code), { what: 'not in rooms:held' });
        assert.equal(await redis.client.hexists(`room:${code}:info`, 'heldUntil'), 0);
        await marker(back, [anna, ben, cleo]);
        back.send({ messageType: 'end' });
        for (const client of [anna, ben, cleo]) await closedWith(client, 4000, 'ended');
    });

    test('even a host who closes on purpose is waited for', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'], query: { hold: 60 } });
        await host.close(1000);
        await anna.next('host-away');
        const back = await asTeacher(server, code);
        await anna.next('host-back');
        back.send({ messageType: 'end' });
    });

    test('past the deadline the class ends: host lost', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'], query: { hold: 1 } });
        await host.terminate();
        const { message: { deadline } } = await anna.next('host-away');
        assert.deepEqual((await anna.next('close')).message, { reason: 'host lost' });
        assert.ok(Date.now() >= deadline, 'not before the deadline');
        assert.ok(Date.now() < deadline + limit(3000), 'soon after it');
        await closedWith(anna, 4000, 'host lost');
        await roomGone(redis, code);
        await waitFor(async () => !await held(code), { what: 'not in rooms:held' });
    });

    test('past the deadline it ends also when nobody is there', async () => {
        const { code, host } = await openClass(server, { query: { hold: 1 } });
        await host.terminate();
        await roomGone(redis, code);
        assert.equal((await refused(server, { room: code, token: mintToken() })).status, 404);
    });

    test('settings can turn holding on and off', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await accepted(host, { messageType: 'settings', message: { hold: 60 } });
        await accepted(host, { messageType: 'settings', message: { hold: 0 } });
        await host.terminate();
        await closedWith(anna, 4000, 'host lost');
        assert.deepEqual(anna.all('host-away'), []);
    });
});

describe('seen', { concurrency: true }, () => {
    test('the host is told in batches, with the newest of each, at most once a second', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        const ids = [];
        for (let i = 0; i < 5; i++) ids.push((await say(host, 'student', i)).id);
        for (const client of [anna, ben]) await client.next({ message: 4 });
        for (const id of ids) anna.send({ messageType: 'seen', message: id });
        ben.send({ messageType: 'seen', message: ids[1] });
        const told = {};
        await waitFor(() => {
            for (const { message } of host.all('seen')) Object.assign(told, message);
            return told.s1 === ids[4] && told.s2 === ids[1];
        }, { what: 'seen of both' });
        const batches = host.all('seen');
        assert.ok(batches.length <= 2, `${batches.length} batches`);
        for (let i = 1; i < batches.length; i++) assert.ok(batches[i].ts - batches[i - 1].ts >= 900);
        assert.equal(batches[0].senderType, 'server');
        await waitFor(async () => (await redis.client.hgetall(`room:${code}:seen`)).s1 === ids[4],
            { what: 'seen in Redis' });
        await marker(host, [anna]);
        assert.deepEqual([...anna.all('seen'), ...ben.all('seen')], []);
    });

    test('a host who comes back is told all that is known, and nobody else is', async () => {
        const { code, host, students: [anna, ben] } =
            await openClass(server, { students: ['s1', 's2'], query: { hold: 60 } });
        const { id } = await say(host, 'student', 1);
        for (const client of [anna, ben]) {
            await client.next({ id }); // what has not come yet cannot be seen
            client.send({ messageType: 'seen', message: id });
        }
        await waitFor(async () => Object.keys(await redis.client.hgetall(`room:${code}:seen`)).length === 2,
            { what: 'seen of both in Redis' });
        await host.terminate();
        const again = await asTeacher(server, code);
        const { message } = await again.next('seen');
        assert.deepEqual(message, { s1: id, s2: id });
        await marker(again, [anna, ben]);
        assert.deepEqual([...anna.all('seen'), ...ben.all('seen')], []);
    });

    test('seen never goes back, and must be an id', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const one = await say(host, 'student', 1);
        const two = await say(host, 'student', 2);
        await anna.next({ message: 2 });
        anna.send({ messageType: 'seen', message: two.id });
        await host.next({ messageType: 'seen', message: { s1: two.id } });
        await accepted(anna, { messageType: 'seen', message: one.id });
        const error = await anna.request({ messageType: 'seen', message: { id: 5 } });
        assert.deepEqual([error.message.code, error.message.field], ['bad_field', 'message']);
        assert.equal((await host.request({ messageType: 'seen', message: one.id })).message.code, 'forbidden');
        await joinClass(server, code, host, 's2');
        assert.equal(await redis.client.hget(`room:${code}:seen`, 's1'), two.id);
    });
});
