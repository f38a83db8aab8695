// One of two servers is killed (SIGKILL): what it leaves in Redis is cleaned up within the lease, and who comes back
// earlier is clean at once.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asStudent, asTeacher, limit, waitFor } from '../integration/harness.mjs';
import { accepted, joinClass, marker, openClass, roomGone, say } from '../integration/classroom.mjs';
import { gather } from './checker.mjs';
import { REAPED, closes, forgotten, rosterIs, setUp } from './support.mjs';

const leavesOf = (host, id) => host.all({ messageType: 'leave', sender: id });
const joinsOf = (host, id) => host.all({ messageType: 'join', sender: id });

// Most of a test's time is waiting: they run side by side.
describe('servers are killed', { concurrency: 6 }, () => {
    for (const loops of [1, 2]) describe(`${loops} loop(s): a server is killed`, () => {
        const env = { LECTERN_LOOPS: loops };

        test('its participants are told as lost within the lease, once', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { env });
            const { code, host, students: [anna] } = await openClass(b, { students: ['s1'] });
            const gone = ['s2', 's3', 's4'];
            for (const id of gone) await joinClass(a, code, host, id);
            await a.kill();
            for (const id of gone) {
                const { message } = await host.next({ messageType: 'leave', sender: id }, { timeout: REAPED });
                assert.equal(message.reason, 'lost');
                assert.ok(message.presentMs >= 0);
            }
            await forgotten(redis, 'a');
            await rosterIs(redis, b, code, ['t1', 's1']);
            await marker(host, [host, anna]);
            assert.deepEqual(host.all('leave').map(({ sender }) => sender).sort(), gone);
            assert.deepEqual(anna.all('leave'), []);
            assert.equal(host.all('leave').at(-1).message.count, 1);
        });

        test('rooms of its hosts end, or are held where that was asked for', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { env });
            const ending = await openClass(a, { host: { sub: 't1' } });
            const held = await openClass(a, { host: { sub: 't2' }, query: { hold: 30 } });
            const anna = await joinClass(b, ending.code, ending.host, 's1');
            const ben = await joinClass(b, held.code, held.host, 's2');
            await say(ending.host, 'all', 'to be kept');
            await a.kill();
            await closes(anna, 4000, 'host lost', REAPED);
            assert.equal(anna.all('close')[0].message.reason, 'host lost');
            const { message } = await ben.next('host-away', { timeout: REAPED });
            assert.ok(Math.abs(message.deadline - Date.now() - 30000) < limit(3000), 'held for 30 s from then on');
            await roomGone(redis, ending.code);
            await forgotten(redis, 'a');
            assert.equal((await redis.client.keys(`class:t1:${ending.code}:*`)).length, 1);
            const back = await asTeacher(b, held.code, { sub: 't2' });
            await ben.next('host-back');
            assert.deepEqual(back.welcome.message.participants.map(({ id }) => id), ['s2']);
            await marker(back, [back, ben]);
            assert.equal(await redis.client.hexists(`room:${held.code}:info`, 'heldUntil'), 0);
        });

        test('who comes back to the other server before the lease is over is clean at once', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { env });
            const { code, host, students: [ben] } = await openClass(b, { students: ['s2'] });
            await joinClass(a, code, host, 's1');
            await a.kill();
            const again = await asStudent(b, code, { sub: 's1' });
            await forgotten(redis, 'a');
            await marker(host, [host, again, ben]);
            const leaves = leavesOf(host, 's1').length;
            assert.ok(leaves <= 1, `${leaves} leaves`);
            assert.equal(joinsOf(host, 's1').length, 1 + leaves, 'a join for each leave, and the first one');
            await rosterIs(redis, b, code, ['t1', 's1', 's2']);
            assert.equal(await redis.client.hget(`room:${code}:user:s1`, 'sessionId'), again.welcome.message.session);
        });

        test('a host who comes back to the other server before the lease is over keeps the class', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { env });
            const { code, host } = await openClass(a);
            const anna = await joinClass(b, code, host, 's1');
            await a.kill();
            const back = await asTeacher(b, code);
            assert.deepEqual(back.welcome.message.participants.map(({ id }) => id), ['s1']);
            await forgotten(redis, 'a');
            await marker(back, [back, anna]);
            const noticed = ['host-away', 'host-back', 'close'];
            assert.deepEqual(anna.all(({ messageType }) => noticed.includes(messageType)), []);
        });

        test('a class that goes on at the other server loses and doubles nothing', async (t) => {
            const { redis, servers } = await setUp(t, { env });
            const people = await gather(t, servers, { students: 12 });
            people.talk();
            await people.exchanged(3);
            await servers[0].kill();
            await people.exchanged(5);
            await forgotten(redis, 'a');
            await people.exchanged(2);
            await people.quiet();
            await people.present();
            assert.ok(await people.verify() > 100);
            await rosterIs(redis, servers[1], people.code, people.all.map(({ id }) => id));
            for (const { id, disconnects } of people.all) assert.ok(disconnects.length <= 1, `${id}: ${disconnects}`);
            assert.deepEqual(people.host.leaves, []);
        });
    });

    describe('nobody is left', () => {
        test('both servers are killed: one that starts anew cleans up', async (t) => {
            const { redis, servers: [a, b], start } = await setUp(t, { env: { LECTERN_KEEP_S: 1 } });
            const ending = await openClass(a, { students: ['s1'] });
            await joinClass(b, ending.code, ending.host, 's2');
            const held = await openClass(b, { students: ['s1'], host: { sub: 't2' }, query: { hold: 1 } });
            await say(held.host, 'all', 'x', { ref: 'r1' });
            await Promise.all([a.kill(), b.kill()]);
            await start({ LECTERN_SERVER_ID: 'c' });
            await forgotten(redis, 'a');
            await forgotten(redis, 'b');
            await roomGone(redis, ending.code);
            await waitFor(async () => {
                const keys = (await redis.client.keys('*')).filter((key) => !key.startsWith('server:c:'));
                assert.deepEqual(keys.sort(), ['lectern:epoch', 'servers']);
                return true;
            }, { timeout: limit(6000), every: 50, what: 'a Redis that knows no class any more' });
            assert.deepEqual(await redis.client.smembers('servers'), ['c']);
        });

        test('a server that comes back under the same name settles what its former life left', async (t) => {
            const { redis, servers: [a, b], start } = await setUp(t, { env: { LECTERN_DRAIN_S: 60 } });
            const { code, host, students: [ben] } = await openClass(b, { students: ['s2'] });
            await joinClass(a, code, host, 's1');
            await joinClass(a, code, host, 's3');
            const lost = await openClass(a, { host: { sub: 't2' } });
            const cleo = await joinClass(b, lost.code, lost.host, 's4');
            await a.kill();
            const again = await start({ LECTERN_SERVER_ID: 'a' });
            const anna = await asStudent(again, code, { sub: 's1' });
            const { message } = await host.next({ messageType: 'leave', sender: 's3' }, { timeout: REAPED });
            assert.equal(message.reason, 'lost');
            await closes(cleo, 4000, 'host lost', REAPED);
            await marker(host, [host, anna, ben]);
            assert.ok(leavesOf(host, 's1').length <= 1);
            await rosterIs(redis, b, code, ['t1', 's1', 's2']);
            assert.equal(anna.closeInfo, undefined);
            await waitFor(async () => (await redis.client.smembers('server:a:sessions')).length === 1,
                { timeout: REAPED, what: 'one session of the new server a' });
        });

        test('a server that leaves in order leaves nothing', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { env: { LECTERN_DRAIN_S: 0 } });
            const { code, host } = await openClass(b);
            const anna = await joinClass(a, code, host, 's1');
            const cleo = await joinClass(a, code, host, 's3');
            await anna.close();
            await host.next({ messageType: 'leave', sender: 's1' });
            const ben = await joinClass(a, code, host, 's2');
            await accepted(host, { messageType: 'kick', target: 's2' });
            await closes(ben, 4002);
            await waitFor(async () => (await redis.client.smembers('server:a:sessions')).length === 1,
                { what: 'only the one who is there' });
            await a.stop();
            await closes(cleo, 1001);
            await forgotten(redis, 'a');
            await rosterIs(redis, b, code, ['t1']);
        });
    });
});
