// The checking client is worth something only if it notices: what it heard is tampered with, in each way a server
// could fail.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gather } from './checker.mjs';
import { setUp } from './support.mjs';

test('losses, repeats, disorder and leaks are noticed', async (t) => {
    const { servers } = await setUp(t);
    const people = await gather(t, servers, { students: 2 });
    people.talk({ every: 10 });
    await people.exchanged(10);
    await people.quiet();
    assert.ok(await people.verify() >= 30);

    const [anna] = people.students;
    const heard = [...anna.heard];
    const notices = async (what, tamper) => {
        tamper();
        await assert.rejects(people.verify({ patience: 100 }), what);
        anna.heard = [...heard];
    };
    const hosts = heard.flatMap(({ sender }, i) => sender === 't1' ? [i] : []);
    await notices(/all messages at everybody.*t1 /, () => anna.heard.splice(hosts[2], 1));
    await notices(/s1 heard .* after/, () => anna.heard.splice(hosts[2], 0, heard[hosts[2]]));
    await notices(/s1 heard .* after/, () => anna.heard.splice(hosts[1], 2, heard[hosts[1] + 1], heard[hosts[1]]));
    await notices(/which nobody said/, () => anna.heard.push({ sender: 's2', n: 999, id: heard[0].id }));
    await notices(/under another id/, () => anna.heard.splice(hosts[2], 1, { ...heard[hosts[2]], id: heard[0].id }));
    await notices(/not meant for it/, () => anna.unwanted.push('s2 1 to student s2'));
    anna.unwanted.length = 0;
    await notices(/over the wire/, () => anna.ids.set(heard[0].id, 2));
});
