// The network between one server and Redis is cut for longer than the lease: the other server cleans up after it, and
// when the network is back the cut-off server finds out what became of its people.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { api, asStudent, asTeacher, waitFor } from '../integration/harness.mjs';
import { accepted, heard, joinClass, marker, openClass, roomGone, say, startWire } from '../integration/classroom.mjs';
import { gather } from './checker.mjs';
import { HEALED, REAPED, closes, ready, roster, rosterIs, setUp, startValve, taken, unavailable } from './support.mjs';

// Two ways: connections are reset and refused; or nothing goes through any more, and what waited arrives late.
const ways = {
    'connections are reset': async (redis) => {
        const wire = await startWire(redis);
        return { url: wire.url, cut: () => wire.cut(), mend: () => wire.mend(), stop: () => wire.stop() };
    },
    'the wire is silent': async (redis) => {
        const valve = await startValve(redis);
        return { url: valve.url, cut: () => valve.close(), mend: () => valve.open(), stop: () => valve.stop() };
    },
};

// Most of a test's time is waiting: they run side by side.
describe('cut off', { concurrency: 6 }, () => {
    for (const [what, make] of Object.entries(ways)) describe(`one server is cut off: ${what}`, () => {
        /** near has Redis always, far by a wire. */
        async function twoSides(t, env) {
            let wire;
            const { redis, servers: [near, far] } = await setUp(t, { env, through: async (server, i) => {
                if (i === 1) wire = await make(server);
                return wire?.url;
            } });
            t.after(() => wire.stop());
            return { redis, near, far, wire };
        }

        const told = (host, id) => host.next({ messageType: 'leave', sender: id }, { timeout: REAPED });

        test('its people are told as lost, keep their sockets, and are back with all they missed', async (t) => {
            const { redis, near, far, wire } = await twoSides(t);
            const { code, host, students: [anna] } = await openClass(near, { students: ['s1'] });
            const ben = await joinClass(far, code, host, 's2');
            const cleo = await joinClass(far, code, host, 's3');
            await say(host, 'student', 0);
            await marker(host, [anna, ben, cleo]);
            wire.cut();
            await unavailable(ben);
            for (const id of ['s2', 's3']) assert.equal((await told(host, id)).message.reason, 'lost');
            assert.deepEqual(await roster(redis, code), ['s1', 't1']);
            for (let i = 1; i <= 20; i++) await say(host, 'student', i);
            await accepted(host, { targetType: 'student', target: 's1', messageType: 'secret' });
            const again = await asStudent(near, code, { sub: 's3' });
            await host.next({ messageType: 'join', sender: 's3' });
            wire.mend();
            await closes(cleo, 4001);
            await host.next({ messageType: 'join', sender: 's2' }, { timeout: HEALED });
            await taken(ben, { targetType: 'teacher', messageType: 'send', message: 'back' });
            await marker(host, [host, anna, ben, again]);
            assert.deepEqual(heard(ben, 'send'), Array.from({ length: 21 }, (_, i) => i));
            assert.deepEqual(ben.all('secret'), []);
            assert.equal(ben.closeInfo, undefined);
            await rosterIs(redis, far, code, ['t1', 's1', 's2', 's3']);
            assert.equal(await redis.client.hget(`room:${code}:user:s3`, 'sessionId'), again.welcome.message.session);
            assert.deepEqual(host.all('leave').map(({ sender }) => sender).sort(), ['s2', 's3']);
            await far.kill();
            assert.equal((await told(host, 's2')).message.reason, 'lost', 'it is looked after as before');
        });

        test('its hosts\' rooms end or are held; both know when the wire is whole', async (t) => {
            const { redis, near, far, wire } = await twoSides(t);
            const ending = await openClass(far, { students: ['s9'] });
            const held = await openClass(far, { host: { sub: 't2' }, query: { hold: 60 } });
            const moved = await openClass(far, { host: { sub: 't3' }, query: { hold: 60 } });
            const [anna, ben, cleo] = [await joinClass(near, ending.code, ending.host, 's1'),
                await joinClass(near, held.code, held.host, 's2'), await joinClass(near, moved.code, moved.host, 's3')];
            wire.cut();
            await closes(anna, 4000, 'host lost', REAPED);
            await ben.next('host-away', { timeout: REAPED });
            await cleo.next('host-away', { timeout: REAPED });
            const elsewhere = await asTeacher(near, moved.code, { sub: 't3' });
            await cleo.next('host-back');
            wire.mend();
            await closes(ending.host, 4000);
            await closes(ending.students[0], 4000);
            await closes(moved.host, 4001);
            await ben.next('host-back', { timeout: HEALED });
            await taken(held.host, { targetType: 'all', messageType: 'send', message: 'x' });
            await ben.next({ message: 'x' });
            await marker(elsewhere, [elsewhere, cleo]);
            await roomGone(redis, ending.code);
            assert.equal((await api(far, 'GET', `/rooms/${ending.code}`)).status, 404);
        });

        test('who was removed or left meanwhile stays away', async (t) => {
            const { redis, near, far, wire } = await twoSides(t);
            const { code, host } = await openClass(near);
            const ben = await joinClass(far, code, host, 's2');
            const cleo = await joinClass(far, code, host, 's3');
            const dora = await joinClass(far, code, host, 's4');
            wire.cut();
            await unavailable(ben);
            await cleo.close();
            await accepted(host, { messageType: 'kick', target: 's2' });
            await told(host, 's3');
            await told(host, 's4');
            wire.mend();
            await closes(ben, 4002);
            await host.next({ messageType: 'join', sender: 's4' }, { timeout: HEALED });
            await marker(host, [host, dora]);
            await rosterIs(redis, far, code, ['t1', 's4']);
            assert.equal(host.all({ messageType: 'leave', sender: 's3' }).length, 1);
            assert.equal(host.all({ messageType: 'join', sender: 's3' }).length, 1);
        });

        test('a class that keeps talking loses and doubles nothing', async (t) => {
            const { redis, near, far, wire } = await twoSides(t, { LECTERN_LOOPS: 2 });
            const people = await gather(t, [near, far], { students: 8 });
            people.talk();
            await people.exchanged(3);
            wire.cut();
            const cutOff = people.students.filter((_, i) => i % 2 === 1);
            await waitFor(() => people.host.leaves.length >= cutOff.length, { timeout: REAPED, what: 'leaves' });
            assert.equal(people.host.leaves.length, cutOff.length);
            wire.mend();
            await people.exchanged(3);
            await people.quiet();
            await people.verify();
            await ready(far);
            await rosterIs(redis, near, people.code, people.all.map(({ id }) => id));
            for (const { id, disconnects } of people.all) assert.deepEqual(disconnects, [], `${id} stayed`);
        });
    });
});
