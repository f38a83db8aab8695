// SIGTERM and SIGINT: sockets are closed 1001, Redis knows of no session any more, the process ends with 0, soon, whatever
// clients and Redis do.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, connect, limit, mintToken, refused, startRedis, startServer, within } from './harness.mjs';
import { accepted, closedWith, openClass, roomKeys, say } from './classroom.mjs';

// Sessions leave at once; that they stay for a while otherwise is tested in tests/faults.
const AT_ONCE = { LECTERN_DRAIN_S: 0 };

let redis;

before(async () => { redis = await startRedis(); });
after(() => redis?.stop());

// Each test has servers and rooms of its own: most of their time is waiting, so they run side by side.

describe('shutdown', { concurrency: true }, () => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
        test(`${signal}: 1001 for everybody, classes that are not held have ended, exit 0`, async (t) => {
            const server = await startServer({ redis, env: AT_ONCE });
            t.after(() => server.stop());
            const held = await openClass(server, { students: ['s1', 's2', 's3'], query: { hold: 60 } });
            const ending = await openClass(server, { students: ['s1'], host: { sub: 't2' } });
            await accepted(held.host, { targetType: 'all', messageType: 'send', message: 1 });
            const echo = await connect(server, { path: '/echo' });
            const began = Date.now();
            server.kill(signal);
            for (const client of [held.host, ...held.students, echo]) await closedWith(client, 1001);
            for (const client of [ending.host, ...ending.students]) {
                const { code } = await within(client.closed, limit(5000), 'close');
                assert.ok(code === 1001 || code === 4000, `closed ${code}: the class has ended with its host's server`);
            }
            const { code } = await within(server.exited, limit(10000), 'end of the process');
            assert.equal(code, 0, server.log());
            assert.ok(Date.now() - began < limit(5000), `${Date.now() - began} ms`);
            assert.deepEqual(await roomKeys(redis, ending.code), []);
            assert.deepEqual(await redis.client.exists(`room:${held.code}:users`), 0);
            assert.ok(await redis.client.hget(`room:${held.code}:info`, 'heldUntil'));
        });
    }

    test('clients that do not answer the closing handshake do not hold it up', async (t) => {
        const server = await startServer({ redis, env: AT_ONCE });
        t.after(() => server.stop());
        const { code, students: [anna] } = await openClass(server, { students: ['s1', 's2'] });
        anna.pause();
        const began = Date.now();
        assert.equal(await server.stop({ timeout: limit(12000) }), 0);
        assert.ok(Date.now() - began < limit(10000), `${Date.now() - began} ms`);
        assert.deepEqual(await roomKeys(redis, code), []);
        anna.terminate();
    });

    test('a held class outlives its server, and another server carries it on', async (t) => {
        const [one, two] = [await startServer({ redis, env: AT_ONCE }), await startServer({ redis, env: AT_ONCE })];
        t.after(() => Promise.all([one.stop(), two.stop()]));
        const { code, host, students: [anna] } = await openClass(one, { students: ['s1'], query: { hold: 60 } });
        await say(host, 'all', 'before');
        assert.equal(await one.stop(), 0);
        await closedWith(anna, 1001);
        const again = await openClass(two, { code, students: ['s1'] });
        await again.students[0].next({ messageType: 'send', message: 'before' });
        again.host.send({ messageType: 'end' });
        await closedWith(again.students[0], 4000, 'ended');
    });

    for (const [what, signal] of [['does not answer', 'SIGSTOP'], ['is gone', 'SIGKILL']]) {
        test(`it ends also when Redis ${what}`, async (t) => {
            const own = await startRedis();
            t.after(() => own.stop());
            const server = await startServer({ redis: own, env: AT_ONCE });
            t.after(() => server.stop());
            const { students: [anna] } = await openClass(server, { students: ['s1'] });
            await own.kill(signal);
            const began = Date.now();
            assert.equal(await server.stop({ timeout: limit(15000) }), 0);
            await closedWith(anna, 1001);
            assert.ok(Date.now() - began < limit(12000), `${Date.now() - began} ms`);
        });
    }

    test('while it drains nobody gets in: 503 draining, and the pages\' load balancer is told', async (t) => {
        const server = await startServer({ redis, env: AT_ONCE });
        t.after(() => server.stop());
        const { code, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'], query: { hold: 60 } });
        anna.pause(); // its closing handshake keeps the server waiting
        server.kill('SIGTERM');
        await closedWith(ben, 1001);
        // All at once: that handshake has three seconds.
        const [answer, ready, health] = await Promise.all([refused(server, { room: code, token: mintToken({ sub: 's3' }) }),
            api(server, 'GET', '/readyz'), api(server, 'GET', '/healthz')]);
        assert.deepEqual([answer.status, answer.body.error.code], [503, 'draining']);
        assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
        assert.deepEqual([ready.status, health.status], [503, 200]);
        anna.terminate();
    });

    test('where nobody is to be waited for it does not wait', async () => {
        const times = [];
        for (let i = 0; i < 3; i++) {
            const server = await startServer({ redis });
            const began = Date.now();
            assert.equal(await server.stop(), 0);
            times.push(Date.now() - began);
        }
        assert.ok(Math.min(...times) < limit(1500), `${times} ms`);
    });

    test('a second signal ends it at once', async (t) => {
        const server = await startServer({ redis, env: AT_ONCE });
        t.after(() => server.stop());
        const { students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'], query: { hold: 60 } });
        anna.pause(); // its closing handshake keeps the server waiting
        server.kill('SIGTERM');
        await closedWith(ben, 1001);
        server.kill('SIGTERM');
        const { code } = await within(server.exited, limit(1500), 'end of the process');
        assert.equal(code, 1);
        await assert.rejects(api(server, 'GET', '/healthz'), /ECONNREFUSED/);
        anna.terminate();
    });
});
