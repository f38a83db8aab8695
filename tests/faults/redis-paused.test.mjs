// Redis stands still (SIGSTOP) for 5 s, and for longer than the lease: no class ends, no socket closes, nobody is
// told as lost.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { api, limit, mintToken, refused } from '../integration/harness.mjs';
import { gather } from './checker.mjs';
import { joinClass, marker, openClass } from '../integration/classroom.mjs';
import { LEASE_S, forgotten, ready, rosterIs, setUp, taken, unavailable } from './support.mjs';

// [what, environment, pause in ms]
const cases = [
    ['for 5 s', { LECTERN_LEASE_S: 15 }, 5000],
    ['for three leases', {}, 3 * LEASE_S * 1000],
    ['for three leases, 2 loops', { LECTERN_LOOPS: 2 }, 3 * LEASE_S * 1000],
];

describe('Redis stands still', { concurrency: 6 }, () => {
    for (const [what, env, pause] of cases) test(`${what}: the class stays together`, async (t) => {
        const { redis, servers } = await setUp(t, { env });
        const [a, b] = servers;
        const quiet = await openClass(a, { host: { sub: 't2' } }); // hold 0: a false alarm would end it
        const ben = await joinClass(b, quiet.code, quiet.host, 's1');
        const people = await gather(t, servers, { students: 8, query: { hold: 0 } });
        people.talk();
        await people.exchanged(3);

        redis.kill('SIGSTOP');
        const over = delay(pause);
        await Promise.all([unavailable(quiet.host), unavailable(ben)]);
        const answer = await refused(a, { room: quiet.code, token: mintToken({ sub: 's9' }) });
        assert.deepEqual([answer.status, answer.body.error.code], [503, 'unavailable']);
        assert.equal((await api(b, 'GET', '/healthz')).status, 200);
        await over;
        await Promise.all([quiet.host.sync(), ben.sync()]);
        redis.kill('SIGCONT');

        await people.exchanged(3);
        await people.quiet();
        await people.verify();
        for (const { id, disconnects, away } of people.all) {
            assert.deepEqual([disconnects, away], [[], []], `${id} stayed`);
        }
        assert.deepEqual([people.host.leaves, people.host.joins], [[], []]);
        await taken(quiet.host, { targetType: 'all', messageType: 'send', message: 'x' });
        await ben.next({ message: 'x' });
        await marker(quiet.host, [quiet.host, ben]);
        assert.deepEqual(quiet.host.all('leave'), []);
        assert.deepEqual(ben.all((one) => ['host-away', 'close'].includes(one.messageType)), []);
        await Promise.all([ready(a), ready(b)]);
        await rosterIs(redis, b, people.code, people.all.map(({ id }) => id));
        await rosterIs(redis, a, quiet.code, ['t2', 's1']);
    });

    test('a server that died meanwhile is still cleaned up after, a living one never', async (t) => {
        const { redis, servers: [a, b] } = await setUp(t, { count: 3 });
        const { code, host } = await openClass(b);
        const anna = await joinClass(a, code, host, 's1');
        const ben = await joinClass(b, code, host, 's2');
        redis.kill('SIGSTOP');
        const over = delay(2 * LEASE_S * 1000);
        await a.kill();
        await unavailable(ben);
        await over;
        redis.kill('SIGCONT');
        const { message } = await host.next({ messageType: 'leave', sender: 's1' },
            { timeout: 3 * LEASE_S * 1000 + limit(5000) });
        assert.equal(message.reason, 'lost');
        await forgotten(redis, 'a');
        await marker(host, [host, ben]);
        assert.equal(host.all('leave').length, 1);
        await rosterIs(redis, b, code, ['t1', 's2']);
        assert.deepEqual((await redis.client.smembers('servers')).sort(), ['b', 'c']);
        assert.equal(anna.closeInfo?.code, 1006);
    });
});
