// The life of a class room: take-over and replacement, every way it ends and what is left in Redis, and the host's commands.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { asStudent, asTeacher, mintToken, refused, startRedis, startServer, waitFor } from './harness.mjs';
import {
    accepted, closedWith, heard, joinClass, marker, openClass, refusedMessage, roomGone, roomKeys, say,
} from './classroom.mjs';

let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({ redis, env: { LECTERN_KEEP_S: 60, LECTERN_ROOM_MAX: 50 } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

/** Every student hears `close` with the reason, then the socket closes 4000 with it, and Redis forgets the room. */
async function assertEnded(code, clients, reason) {
    for (const client of clients) {
        const close = await client.next('close');
        assert.equal(close.senderType, 'server');
        assert.deepEqual(close.message, { reason });
        await closedWith(client, 4000, reason);
        assert.equal(client.messages.at(-1), close, 'nothing follows close');
    }
    await roomGone(redis, code);
}

test('the welcome names the class: the same for all in it, another for the next with its code', async () => {
    const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
    const { epoch, last } = host.welcome.message;
    assert.match(epoch, /^[a-z0-9]+$/);
    assert.equal(last, '', 'known before anything was said');
    assert.equal(anna.welcome.message.epoch, epoch);
    const { id } = await accepted(host, { targetType: 'student', messageType: 'send', message: 'x' });
    assert.ok(id.startsWith(`${epoch}.`));
    const back = await asTeacher(server, code);
    assert.equal(back.welcome.message.epoch, epoch);
    await accepted(back, { messageType: 'end' });
    await roomGone(redis, code);
    const next = await asTeacher(server, code);
    assert.equal(next.welcome.message.last, '');
    assert.notEqual(next.welcome.message.epoch, epoch);
});

describe('take-over and replacement', () => {
    test('the same host\'s newer connection takes over: the older closes 4001, participants stay', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'], query: { name: 'first' } });
        const again = await asTeacher(server, code, {}, { query: { name: 'second', max: 3 } });
        await closedWith(host, 4001);
        assert.equal(again.welcome.message.settings.name, 'first', 'the room keeps its settings');
        assert.deepEqual(again.welcome.message.participants.map((user) => user.id), ['s1']);
        await marker(again, [again, anna]);
        assert.deepEqual(heard(anna, 'host-away'), []);
        assert.equal(anna.closeInfo, undefined);
        await accepted(again, { messageType: 'lock' });
    });

    test('the older socket\'s late end does not end the room that was taken over', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        host.pause(); // its close handshake stays open until long after the take-over
        const again = await asTeacher(server, code);
        host.terminate();
        await marker(again, [anna]);
        await again.sync();
        assert.equal(await redis.client.hget(`room:${code}:info`, 'host'), 't1');
        await marker(again, [again, anna]);
    });

    test('a student\'s newer connection replaces the older: 4001, and the host sees no leave', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        const again = await asStudent(server, code);
        await closedWith(anna, 4001);
        await marker(host, [host, again, ben]);
        assert.deepEqual(host.all('leave'), []);
        assert.equal(again.welcome.message.count, 2);
        assert.deepEqual((await redis.client.smembers(`room:${code}:users`)).sort(), ['s1', 's2', 't1']);
        await say(again, 'teacher', 'still here');
        assert.equal((await host.next('send')).sender, 's1');
    });

    test('many replacements in a row leave one connection and one participant', async () => {
        const { code, host } = await openClass(server);
        const all = await Promise.all(Array.from({ length: 6 }, () => asStudent(server, code, {}, { welcome: false })));
        await waitFor(() => all.filter((client) => !client.closeInfo).length === 1, { what: 'only one connection left' });
        const last = all.find((client) => !client.closeInfo);
        for (const client of all) if (client !== last) await closedWith(client, 4001);
        await marker(host, [host, last]);
        assert.deepEqual(host.all('leave'), []);
        assert.equal((await redis.client.smembers(`room:${code}:users`)).length, 2);
    });
});

describe('the end', () => {
    test('the host goes (1000): close with "host left", then 4000', async () => {
        const { code, host, students } = await openClass(server, { students: ['s1', 's2'] });
        await host.close(1000);
        await assertEnded(code, students, 'host left');
    });

    test('the host\'s page goes (1001): "host left" too', async () => {
        const { code, host, students } = await openClass(server, { students: ['s1'] });
        await host.close(1001);
        await assertEnded(code, students, 'host left');
    });

    test('the host\'s connection breaks: "host lost"', async () => {
        const { code, host, students } = await openClass(server, { students: ['s1', 's2'] });
        await host.terminate();
        await assertEnded(code, students, 'host lost');
    });

    test('end: everybody hears "ended", the host too', async () => {
        const { code, host, students } = await openClass(server, { students: ['s1', 's2'] });
        host.send({ messageType: 'end' });
        await assertEnded(code, [...students, host], 'ended');
    });

    test('after the end only class:… keys are left, and they expire', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'], query: { hold: 60 } });
        await say(anna, 'teacher', 'kept', { ref: 'r1' });
        const { id } = await say(host, 'student', 'seen', { ref: 'r2' });
        await anna.next('send');
        anna.send({ messageType: 'seen', message: id });
        await waitFor(() => redis.client.exists(`room:${code}:seen`), { what: 'seen' });
        await joinClass(server, code, host, 's2');
        await accepted(host, { messageType: 'kick', target: 's2' });
        const epoch = await redis.client.hget(`room:${code}:info`, 'epoch');
        assert.ok((await roomKeys(redis, code)).length >= 6, 'there was something to clean up');
        host.send({ messageType: 'end' });
        await assertEnded(code, [anna], 'ended');
        const left = (await redis.client.keys(`*${code}*`)).sort();
        assert.deepEqual(left, [`class:t1:${code}`, `class:t1:${code}:${epoch}`]);
        for (const key of left) {
            const ttl = await redis.client.ttl(key);
            assert.ok(ttl > 0 && ttl <= 60, `${key} expires in ${ttl} s`);
        }
    });

    test('the code is free again: a new class of it knows nothing of the old', async () => {
        const { code, host, students } = await openClass(server, { students: ['s1'] });
        await say(host, 'all', 'old');
        await accepted(host, { messageType: 'kick', target: 's1' });
        await closedWith(students[0], 4002);
        host.send({ messageType: 'end' });
        await assertEnded(code, [host], 'ended');
        const next = await openClass(server, { code, host: { sub: 't2' }, students: ['s1'] });
        await marker(next.host, [next.host, ...next.students]);
        assert.deepEqual(heard(next.students[0], 'send'), []);
    });

    test('a student is refused after the end', async () => {
        const { code, host } = await openClass(server);
        host.send({ messageType: 'end' });
        await closedWith(host, 4000, 'ended');
        const answer = await refused(server, { room: code, token: mintToken() });
        assert.equal(answer.status, 404);
    });
});

describe('the host\'s commands', () => {
    test('kick: the socket closes 4002, the host hears leave with reason removed', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        assert.deepEqual(await accepted(host, { messageType: 'kick', target: 's1' }), {});
        await closedWith(anna, 4002);
        const leave = await host.next('leave');
        assert.equal(leave.sender, 's1');
        assert.equal(leave.message.reason, 'removed');
        assert.equal(leave.message.count, 1);
        await marker(host, [ben]);
        assert.equal(host.all('leave').length, 1, 'one leave only');
        assert.equal(await redis.client.sismember(`room:${code}:removed`, 's1'), 1);
        assert.equal(await redis.client.sismember(`room:${code}:users`, 's1'), 0);
    });

    test('kick keeps out whoever it names, present or not', async () => {
        const { code, host } = await openClass(server);
        await accepted(host, { messageType: 'kick', target: 's7' });
        assert.equal((await refused(server, { room: code, token: mintToken({ sub: 's7' }) })).body.error.code, 'removed');
        await marker(host, [host]);
        assert.deepEqual(host.all('leave'), []);
    });

    test('kick needs a target, and not the host', async () => {
        const { host } = await openClass(server);
        const missing = await refusedMessage(host, { messageType: 'kick' });
        assert.deepEqual([missing.code, missing.field], ['bad_field', 'target']);
        assert.equal((await refusedMessage(host, { messageType: 'kick', target: 't1' })).code, 'bad_target');
        await marker(host, [host]);
    });

    test('lock and unlock tell everybody the settings', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        for (const [messageType, locked] of [['lock', true], ['unlock', false]]) {
            assert.deepEqual(await accepted(host, { messageType }), {});
            for (const client of [host, anna]) {
                const told = await client.next('settings');
                assert.equal(told.senderType, 'server');
                assert.equal(told.message.locked, locked);
                assert.deepEqual(told.message, { ...host.welcome.message.settings, locked });
            }
        }
    });

    test('who was in this class before may come back into a locked room', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await accepted(host, { messageType: 'lock' });
        await anna.close();
        await host.next({ messageType: 'leave', sender: 's1' });
        const again = await joinClass(server, code, host, 's1');
        assert.equal(again.welcome.message.settings.locked, true);
        const newcomer = await refused(server, { room: code, token: mintToken({ sub: 's2' }) });
        assert.equal(newcomer.status, 423);
    });

    for (const [field, value] of [['name', '수학 3'], ['max', 12], ['hold', 90], ['talk', 'all'], ['notify', 'all']]) {
        test(`settings: ${field} is changed for everybody, and for those who come later`, async () => {
            const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
            const expected = { ...host.welcome.message.settings, [field]: value };
            await accepted(host, { messageType: 'settings', message: { [field]: value } });
            assert.deepEqual((await anna.next('settings')).message, expected);
            assert.deepEqual((await host.next('settings')).message, expected);
            const ben = await joinClass(server, code, host, 's2');
            assert.deepEqual(ben.welcome.message.settings, expected);
            host.send({ messageType: 'end' });
        });
    }

    test('settings: several at once, unknown ones ignored', async () => {
        const { host } = await openClass(server);
        await accepted(host, { messageType: 'settings', message: { max: 9, talk: 'all', colour: 'red' } });
        const { message } = await host.next('settings');
        assert.deepEqual(message, { ...host.welcome.message.settings, max: 9, talk: 'all' });
    });

    for (const [field, value] of [['name', 7], ['name', 'x'.repeat(65)], ['max', '9'], ['max', 0], ['max', 51], ['max', 1.5],
        ['hold', -1], ['hold', null], ['talk', 'loud'], ['talk', true], ['notify', 'nobody']]) {
        test(`settings: ${field}=${JSON.stringify(value).slice(0, 12)} is refused by name and changes nothing`, async () => {
            const { host } = await openClass(server);
            const error = await refusedMessage(host, { messageType: 'settings', message: { talk: 'all', [field]: value } });
            assert.deepEqual([error.code, error.field], ['bad_field', `message.${field}`]);
            await marker(host, [host]);
            assert.deepEqual(host.all('settings'), []);
        });
    }

    test('settings must be an object', async () => {
        const { host } = await openClass(server);
        const error = await refusedMessage(host, { messageType: 'settings', message: [1] });
        assert.deepEqual([error.code, error.field], ['bad_field', 'message']);
    });

    test('max below the present number removes nobody, and lets nobody in', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        await accepted(host, { messageType: 'settings', message: { max: 1 } });
        await marker(host, [anna, ben]);
        assert.equal((await refused(server, { room: code, token: mintToken({ sub: 's3' }) })).body.error.code, 'room_full');
    });

    test('students may not use the host\'s commands', async () => {
        const { host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        for (const message of [{ messageType: 'kick', target: 's2' }, { messageType: 'lock' }, { messageType: 'unlock' },
            { messageType: 'settings', message: { talk: 'all' } }, { messageType: 'end' }]) {
            assert.equal((await refusedMessage(anna, message)).code, 'forbidden');
        }
        await marker(host, [anna, ben]);
        assert.deepEqual(ben.all('settings'), []);
    });
});
