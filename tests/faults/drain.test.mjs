// SIGTERM: a server moves its people to the others, and nobody else notices. Who does not come back by
// LECTERN_DRAIN_S is lost.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { api, asStudent, asTeacher, limit, mintToken, refused, waitFor, within } from '../integration/harness.mjs';
import { closedWith, heard, joinClass, marker, openClass, roomGone, say } from '../integration/classroom.mjs';
import { gather } from './checker.mjs';
import { DRAIN_S, LEASE_S, REAPED, closes, forgotten, rosterIs, setUp, unavailable } from './support.mjs';

/** By then who did not come back is reaped. */
const OVER = DRAIN_S * 1000 + REAPED;

const LONG = { LECTERN_DRAIN_S: 60 };
const noticed = ['host-away', 'host-back', 'close', 'leave', 'join'];

async function ended(server, code = 0) {
    const result = await within(server.exited, limit(10000), 'end of the process');
    assert.equal(result.code, code, server.log());
}

const states = async (redis, code, ids) =>
    Promise.all(ids.map((id) => redis.client.hget(`room:${code}:user:${id}`, 'state')));

// Most of a test's time is waiting: they run side by side.
describe('the end of a server', { concurrency: 6 }, () => {
    for (const loops of [1, 2]) describe(`${loops} loop(s): SIGTERM`, () => {
        const env = { LECTERN_LOOPS: loops };

        test('people move: 1001, pending meanwhile, no leave is seen and the host\'s room is held', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { env: { ...env, ...LONG } });
            const { code, host } = await openClass(a); // hold 0
            const anna = await joinClass(a, code, host, 's1');
            const ben = await joinClass(b, code, host, 's2');
            const other = await openClass(b, { host: { sub: 't2' } });
            const cleo = await joinClass(a, other.code, other.host, 's3');
            await say(host, 'all', 'before');
            a.kill('SIGTERM');
            for (const client of [host, anna, cleo]) await closedWith(client, 1001);
            await ended(a);
            assert.deepEqual(await states(redis, code, ['t1', 's1', 's2']), ['pending', 'pending', 'active']);
            assert.deepEqual(await states(redis, other.code, ['t2', 's3']), ['active', 'pending']);
            await say(ben, 'teacher', 'meanwhile');

            const back = await asTeacher(b, code);
            const anna2 = await asStudent(b, code, { sub: 's1' }, { query: { since: anna.all('send').at(-1).id } });
            const cleo2 = await asStudent(b, other.code, { sub: 's3' });
            assert.deepEqual(back.welcome.message.participants.map(({ id }) => id).sort(), ['s1', 's2']);
            await say(back, 'all', 'after');
            await marker(back, [back, anna2, ben]);
            await marker(other.host, [other.host, cleo2]);
            assert.deepEqual(heard(anna2, 'send'), ['after']);
            assert.deepEqual(heard(back, 'send'), ['before', 'meanwhile', 'after']);
            assert.deepEqual(ben.all(({ messageType }) => noticed.includes(messageType)), [], 'ben noticed nothing');
            assert.deepEqual(other.host.all('leave'), []);
            assert.equal(other.host.all('join').length, 1, 'the first one');
            assert.deepEqual(back.all('leave'), []);
            assert.deepEqual(await states(redis, code, ['t1', 's1', 's2']), ['active', 'active', 'active']);
            await rosterIs(redis, b, code, ['t1', 's1', 's2']);
        });

        test('who does not come back is lost when the time is over, and so is a host\'s room', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { env });
            const { code, host } = await openClass(b);
            const stays = await joinClass(a, code, host, 's1');
            await joinClass(a, code, host, 's2');
            const ending = await openClass(a, { host: { sub: 't2' } });
            const held = await openClass(a, { host: { sub: 't3' }, query: { hold: 60 } });
            const anna = await joinClass(b, ending.code, ending.host, 's3');
            const ben = await joinClass(b, held.code, held.host, 's4');
            const began = Date.now();
            a.kill('SIGTERM');
            await closedWith(stays, 1001);
            const back = await asStudent(b, code, { sub: 's1' });
            const { message } = await host.next({ messageType: 'leave', sender: 's2' }, { timeout: OVER });
            assert.equal(message.reason, 'lost');
            assert.ok(Date.now() - began > DRAIN_S * 1000 - 500, `after ${Date.now() - began} ms`);
            await closes(anna, 4000, 'host lost', REAPED);
            await ben.next('host-away', { timeout: REAPED });
            await roomGone(redis, ending.code);
            await forgotten(redis, 'a');
            await marker(host, [host, back]);
            assert.deepEqual(host.all('leave').map(({ sender }) => sender), ['s2']);
            await rosterIs(redis, b, code, ['t1', 's1']);
        });

        test('a class that moves while it talks loses and doubles nothing, and sees nothing', async (t) => {
            const { redis, servers } = await setUp(t, { env: { ...env, ...LONG } });
            const people = await gather(t, servers, { students: 20, query: { hold: 0, notify: 'all' } });
            for (const person of people.all) person.joins.length = 0;
            people.talk();
            await people.exchanged(3);
            servers[0].kill('SIGTERM');
            await people.exchanged(5);
            await ended(servers[0]);
            await people.quiet();
            await people.present();
            await people.verify();
            for (const { id, joins, leaves, away } of people.all) {
                assert.deepEqual([joins, leaves, away], [[], [], []], `${id} noticed something`);
            }
            const moved = people.all.filter(({ disconnects }) => disconnects.length > 0);
            assert.equal(moved.length, 11, 'those of the first server');
            for (const { id, disconnects } of moved) assert.deepEqual(disconnects, [1001], id);
            await rosterIs(redis, servers[1], people.code, people.all.map(({ id }) => id));
        });

        test('LECTERN_DRAIN_S=0: leaves are told at once', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { env: { ...env, LECTERN_DRAIN_S: 0 } });
            const { code, host } = await openClass(b);
            const anna = await joinClass(a, code, host, 's1');
            const ending = await openClass(a, { host: { sub: 't2' } });
            const held = await openClass(a, { host: { sub: 't3' }, query: { hold: 60 } });
            const ben = await joinClass(b, ending.code, ending.host, 's2');
            const cleo = await joinClass(b, held.code, held.host, 's3');
            a.kill('SIGTERM');
            await host.next({ messageType: 'leave', sender: 's1' }, { timeout: limit(1500) });
            await closes(anna, 1001);
            await closes(ben, 4000);
            await cleo.next('host-away');
            await ended(a);
            await roomGone(redis, ending.code);
            await forgotten(redis, 'a');
        });
    });

    describe('and what is around it', () => {
        test('a second signal ends it at once; its people are settled all the same', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t);
            const { code, host } = await openClass(b);
            const anna = await joinClass(a, code, host, 's1');
            const ben = await joinClass(a, code, host, 's2');
            for (const client of [anna, ben]) client.pause(); // their closing handshakes keep the server waiting
            a.kill('SIGTERM');
            await waitFor(async () => (await api(a, 'GET', '/readyz')).status === 503, { what: 'draining' });
            a.kill('SIGTERM');
            const { code: status } = await within(a.exited, limit(1500), 'end of the process');
            assert.equal(status, 1);
            for (const client of [anna, ben]) client.terminate();
            const again = await asStudent(b, code, { sub: 's1' });
            await host.next({ messageType: 'leave', sender: 's2' }, { timeout: OVER });
            await forgotten(redis, 'a');
            await marker(host, [host, again]);
            assert.deepEqual(host.all('leave').map(({ sender }) => sender), ['s2']);
        });

        test('nobody gets in meanwhile: 503 draining with Retry-After', async (t) => {
            const { servers: [a] } = await setUp(t, { count: 1 });
            const { code, students: [anna] } = await openClass(a, { students: ['s1'] });
            anna.pause();
            a.kill('SIGTERM');
            await waitFor(async () => (await api(a, 'GET', '/readyz')).status === 503, { what: '/readyz 503' });
            // All at once: her closing handshake has three seconds.
            const [answer, health] = await Promise.all([refused(a, { room: code, token: mintToken({ sub: 's3' }) }),
                api(a, 'GET', '/healthz')]);
            assert.deepEqual([answer.status, answer.body.error.code], [503, 'draining']);
            assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
            assert.equal(health.status, 200);
            anna.terminate();
            await ended(a);
        });

        test('it ends in time also when Redis is away, and its people are not lost to the others', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { persist: true });
            const { code, host } = await openClass(b);
            const anna = await joinClass(a, code, host, 's1');
            await redis.kill();
            await unavailable(anna);
            a.kill('SIGTERM');
            await closes(anna, 1001);
            await ended(a);
            await redis.restart();
            const again = await waitFor(() => asStudent(b, code, { sub: 's1' }),
                { timeout: limit(10000), what: 'a place' });
            await forgotten(redis, 'a', REAPED + LEASE_S * 1000);
            await marker(host, [host, again]);
            const leaves = host.all('leave').length;
            assert.ok(leaves <= 1);
            await rosterIs(redis, b, code, ['t1', 's1']);
        });

        test('one server alone is restarted under the same name: the class comes back to it', async (t) => {
            const { redis, servers: [a], start } = await setUp(t, { count: 1, env: { LECTERN_DRAIN_S: DRAIN_S } });
            const { code, host } = await openClass(a);
            const anna = await joinClass(a, code, host, 's1');
            await joinClass(a, code, host, 's2');
            a.kill('SIGTERM');
            await closedWith(anna, 1001);
            await ended(a);
            const again = await start({ LECTERN_SERVER_ID: 'a' });
            const back = await asTeacher(again, code);
            assert.deepEqual(back.welcome.message.participants.map(({ id }) => id).sort(), ['s1', 's2']);
            const anna2 = await asStudent(again, code, { sub: 's1' });
            const { message } = await back.next({ messageType: 'leave', sender: 's2' }, { timeout: OVER });
            assert.equal(message.reason, 'lost');
            await marker(back, [back, anna2]);
            assert.deepEqual(back.all('leave').length, 1);
            assert.deepEqual(back.all('join').map(({ sender }) => sender), []);
            await rosterIs(redis, again, code, ['t1', 's1']);
        });

        test('a drained server killed on its way still counts as one that was killed', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t);
            const { code, host } = await openClass(b);
            const anna = await joinClass(a, code, host, 's1');
            anna.pause();
            a.kill('SIGTERM');
            await waitFor(async () => (await states(redis, code, ['s1']))[0] === 'pending', { what: 'pending' });
            await a.kill('SIGKILL');
            anna.terminate();
            await host.next({ messageType: 'leave', sender: 's1' }, { timeout: OVER });
            await forgotten(redis, 'a');
            await rosterIs(redis, b, code, ['t1']);
        });
    });
});
