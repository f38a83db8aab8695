// A rolling restart of two servers under a class of 200 that keeps talking: nothing is lost, nothing doubled, and
// nobody is seen to leave. Several times in a row, with one and with two loops.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limit, within } from '../../integration/harness.mjs';
import { gather } from '../checker.mjs';
import { rosterIs, setUp } from '../support.mjs';

for (const loops of [1, 2]) test(`${loops} loop(s): two servers are restarted one after the other, twice`, async (t) => {
    const { redis, servers, start } = await setUp(t, { env: { LECTERN_LOOPS: loops, LECTERN_LEASE_S: 15,
        LECTERN_DRAIN_S: 60 } });
    const people = await gather(t, [...servers], { students: 200, query: { hold: 0, notify: 'host' } });
    people.talk({ every: 1000, aloud: 0.02 });
    await people.exchanged(2);
    for (const [i, id] of ['a', 'b', 'a', 'b'].entries()) {
        people.servers[i % 2].kill('SIGTERM');
        const { code } = await within(people.servers[i % 2].exited, limit(15000), 'end of the process');
        assert.equal(code, 0);
        people.servers[i % 2] = await start({ LECTERN_SERVER_ID: id });
        await people.present();
        await people.exchanged(2);
    }
    await people.quiet();
    await people.present();
    const count = await people.verify();
    assert.ok(count > 1500, `${count} messages`);
    t.diagnostic(`${count} messages acknowledged, each heard once by all whom they named`);
    for (const { id, disconnects, away } of people.all) {
        assert.ok(disconnects.every((code) => code === 1001), `${id}: ${disconnects}`);
        assert.ok(disconnects.length <= 4, `${id}: ${disconnects}`);
        assert.deepEqual(away, [], id);
    }
    assert.deepEqual([people.host.leaves, people.host.joins], [[], []]);
    await rosterIs(redis, people.servers[0], people.code, people.all.map(({ id }) => id));
});
