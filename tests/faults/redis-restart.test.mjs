// Redis is killed and started again with its data: the class goes on, nothing that was acknowledged is lost, and what
// ended meanwhile is over for everybody.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { api, asStudent, limit } from '../integration/harness.mjs';
import { closedWith, heard, joinClass, marker, openClass, roomGone, say } from '../integration/classroom.mjs';
import { gather } from './checker.mjs';
import { HEALED, REAPED, closes, forgotten, ready, rosterIs, setUp, taken, unavailable } from './support.mjs';

// Most of a test's time is waiting: they run side by side.
describe('Redis comes back with its data', { concurrency: 6 }, () => {
    for (const loops of [1, 2]) test(`a class with ${loops} loop(s) keeps talking while Redis goes, twice`, async (t) => {
        const { redis, servers } = await setUp(t, { persist: true, env: { LECTERN_LOOPS: loops } });
        const people = await gather(t, servers, { students: 8, query: { hold: 0 } });
        people.talk();
        for (let i = 0; i < 2; i++) {
            await people.exchanged(3);
            await redis.kill();
            assert.equal((await api(servers[0], 'GET', '/healthz')).status, 200);
            await redis.restart();
            await people.exchanged(3);
        }
        await people.quiet();
        assert.ok(await people.verify() > 80);
        for (const { id, disconnects, away } of people.all) {
            assert.deepEqual([disconnects, away], [[], []], `${id} stayed`);
        }
        assert.deepEqual([people.host.leaves, people.host.joins], [[], []]);
        await rosterIs(redis, servers[1], people.code, people.all.map(({ id }) => id));
    });

    describe('while Redis was away or the server stood still', () => {
        test('a room that another server ended is over: 4000', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { persist: true });
            const { code, host } = await openClass(b);
            const anna = await joinClass(a, code, host, 's1');
            a.kill('SIGSTOP');
            await redis.kill();
            await redis.restart();
            await taken(host, { targetType: 'all', messageType: 'send', message: 'x' });
            host.send({ messageType: 'end' });
            await closedWith(host, 4000, 'ended');
            a.kill('SIGCONT');
            await closes(anna, 4000);
            await roomGone(redis, code);
        });

        test('the end of a host who went while Redis was away is told when it is back', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { persist: true });
            const { code, host } = await openClass(a);
            const anna = await joinClass(b, code, host, 's1');
            await redis.kill();
            await unavailable(host);
            await host.close();
            await redis.restart();
            await closes(anna, 4000);
            await roomGone(redis, code);
        });

        test('who came back at the other server meanwhile is there, and their old socket is closed: 4001', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { persist: true });
            const { code, host } = await openClass(b);
            const anna = await joinClass(a, code, host, 's1');
            a.kill('SIGSTOP');
            await redis.kill();
            await redis.restart();
            await ready(b);
            const again = await asStudent(b, code, { sub: 's1' });
            a.kill('SIGCONT');
            await closes(anna, 4001);
            await marker(host, [host, again]);
            await rosterIs(redis, b, code, ['t1', 's1']);
            assert.equal(await redis.client.hget(`room:${code}:user:s1`, 'sessionId'), again.welcome.message.session);
        });

        test('a server that stood still for longer than its lease gets its people back', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t);
            const { code, host } = await openClass(b);
            const anna = await joinClass(a, code, host, 's1');
            const cleo = await joinClass(a, code, host, 's3');
            a.kill('SIGSTOP');
            for (const id of ['s1', 's3']) {
                const { message } = await host.next({ messageType: 'leave', sender: id }, { timeout: REAPED });
                assert.equal(message.reason, 'lost');
            }
            await forgotten(redis, 'a');
            const again = await asStudent(b, code, { sub: 's3' });
            await host.next({ messageType: 'join', sender: 's3' });
            await say(host, 'all', 'while you were away');
            a.kill('SIGCONT');
            await host.next({ messageType: 'join', sender: 's1' }, { timeout: HEALED });
            await closes(cleo, 4001);
            await taken(anna, { targetType: 'teacher', messageType: 'send', message: 'back' });
            await marker(host, [host, anna, again]);
            assert.deepEqual(heard(anna, 'send'), ['while you were away']);
            await rosterIs(redis, b, code, ['t1', 's1', 's3']);
            assert.ok(await redis.client.exists('server:a:alive'), 'it is among the living again');
            await a.kill();
            const { message } = await host.next({ messageType: 'leave', sender: 's1' }, { timeout: REAPED });
            assert.equal(message.reason, 'lost', 'and its people are looked after as before');
        });

        test('its host\'s class is over then, and it knows', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t);
            const { code, host } = await openClass(a);
            const anna = await joinClass(b, code, host, 's1');
            const ben = await joinClass(a, code, host, 's2');
            a.kill('SIGSTOP');
            await closes(anna, 4000, 'host lost', REAPED);
            await roomGone(redis, code);
            a.kill('SIGCONT');
            await closes(host, 4000);
            await closes(ben, 4000);
            await ready(a, limit(10000));
            assert.equal((await api(a, 'GET', `/rooms/${code}`)).status, 404);
        });
    });
});
