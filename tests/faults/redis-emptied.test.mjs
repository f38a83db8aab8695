// Redis comes back without its data: rooms are restored from what their servers hold, with the same ids going on;
// what has ended stays ended.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { api, asStudent, asTeacher, limit, mintToken, refused, waitFor } from '../integration/harness.mjs';
import { accepted, closedWith, heard, joinClass, marker, openClass, roomGone, say } from '../integration/classroom.mjs';
import { gather } from './checker.mjs';
import { HEALED, LEASE_S, REAPED, closes, forgotten, ready, rosterIs, setUp, startLongWire, taken } from './support.mjs';

async function emptied(redis) {
    await redis.kill();
    await redis.restart();
}

/** Waits until these can send again, to all whom they may; what each of them sends is their user id. */
async function backAgain(clients) {
    for (const client of clients) {
        const { user, settings } = client.welcome.message;
        const targetType = user.userType === 'teacher' || settings.talk === 'all' ? 'all' : 'teacher';
        await taken(client, { targetType, messageType: 'send', message: user.id });
    }
}

/** Who is present as far as this host was told: its last welcome, and the joins and leaves since. */
function rosterTold(host) {
    const last = host.messages.findLastIndex(({ messageType }) => messageType === 'welcome');
    const present = new Set(host.messages[last].message.participants.map(({ id }) => id));
    for (const { messageType, sender } of host.messages.slice(last)) {
        if (messageType === 'join') present.add(sender);
        if (messageType === 'leave') present.delete(sender);
    }
    return [...present].sort();
}

const idsOf = (client) => client.messages.filter(({ id }) => id).map(({ id }) => id);
const order = (id) => { const [ms, seq] = id.split('.')[1].split('-').map(Number); return ms * 1024 + seq; };

// Most of a test's time is waiting: they run side by side.
describe('Redis comes back empty', { concurrency: 6 }, () => {
    for (const loops of [1, 2]) describe(`${loops} loop(s): Redis is emptied`, () => {
        const env = { LECTERN_LOOPS: loops };

        test('rooms, settings, roster and log are restored, and ids go on', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { env });
            const { code, host } = await openClass(a, { query: { name: '3학년 2반', max: 3, talk: 'all', hold: 60 } });
            const anna = await joinClass(a, code, host, 's1');
            const ben = await joinClass(b, code, host, 's2');
            const cleo = await joinClass(b, code, host, 's3');
            const everybody = [host, anna, ben, cleo];
            for (let i = 1; i <= 10; i++) await say(host, 'student', i);
            await accepted(host, { targetType: 'student', target: 's1', messageType: 'secret', message: 1 });
            await accepted(ben, { targetType: 'teacher', messageType: 'question', message: 1 });
            await accepted(host, { messageType: 'lock' });
            await marker(host, everybody);
            const before = idsOf(anna);
            const since = anna.all({ messageType: 'send', message: 5 })[0].id;
            const settings = host.all('settings').at(-1).message;
            const epoch = await redis.client.get('lectern:epoch');
            const info = await redis.client.hgetall(`room:${code}:info`);

            await emptied(redis);
            await backAgain(everybody);
            assert.notEqual(await redis.client.get('lectern:epoch'), epoch);
            await rosterIs(redis, b, code, ['t1', 's1', 's2', 's3']);
            await marker(host, everybody);
            for (const client of everybody) {
                assert.equal(client.closeInfo, undefined);
                const ids = idsOf(client);
                assert.equal(new Set(ids).size, ids.length, 'no id was given twice, and nothing told twice');
                for (let i = 1; i < ids.length; i++) {
                    assert.ok(order(ids[i - 1]) < order(ids[i]), `${ids[i]} after ${ids[i - 1]}`);
                }
            }
            assert.deepEqual(host.all('leave'), []);
            assert.deepEqual(heard(anna, 'send'), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 't1', 's1', 's2', 's3']);

            const again = await redis.client.hgetall(`room:${code}:info`);
            const kept = ['epoch', 'host', 'hostName', 'name', 'max', 'hold', 'talk', 'notify', 'locked', 'createdAt'];
            for (const field of kept) {
                assert.equal(again[field], info[field], field);
            }
            assert.equal(idsOf(anna).at(-1).split('.')[0], before[0].split('.')[0], 'the same epoch');
            assert.deepEqual(rosterTold(host), ['s1', 's2', 's3']);
            assert.deepEqual(host.all('welcome').at(-1).message.settings, settings);
            const answer = await refused(b, { room: code, token: mintToken({ sub: 's9' }) });
            assert.equal(answer.status, 423, 'still locked');

            // The log, for those who come later and for those who resume.
            await accepted(host, { messageType: 'settings', message: { max: 9 } });
            await accepted(host, { messageType: 'unlock' });
            const dora = await joinClass(b, code, host, 's4');
            await anna.terminate();
            const anna2 = await asStudent(b, code, { sub: 's1' }, { query: { since } });
            await marker(host, [dora, anna2]);
            const words = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 't1', 's1', 's2', 's3'];
            assert.deepEqual(heard(dora, 'send'), words);
            assert.deepEqual([dora.all('secret').length, dora.all('question').length], [0, 0]);
            assert.deepEqual(anna2.all('gap'), []);
            assert.deepEqual(heard(anna2, 'send'), words.slice(5));
            assert.equal(anna2.all('secret').length, 1);
            host.send({ messageType: 'end' });
            await closedWith(dora, 4000, 'ended');
            await roomGone(redis, code);
            const log = await api(b, 'GET', `/rooms/${code}/log`, { token: mintToken({ type: 'teacher' }) });
            assert.equal(log.body.messages.filter(({ messageType }) => messageType === 'send').length, words.length);
        });

        test('a class that talks before and after loses and doubles nothing', async (t) => {
            const { redis, servers } = await setUp(t, { env });
            const people = await gather(t, servers, { students: 8, query: { hold: 0 } });
            people.talk({ every: 50 });
            await people.exchanged(5);
            await people.quiet();
            await people.verify();
            await emptied(redis);
            people.talk({ every: 50 });
            await people.exchanged(5);
            await people.quiet();
            assert.ok(await people.verify() > 80);
            for (const { id, disconnects } of people.all) assert.deepEqual(disconnects, [], `${id} stayed`);
            // The host's place may be found held before the host is found to be there.
            for (const { id, away } of people.students) assert.notEqual(away.at(-1), 'away', id);
            assert.deepEqual(people.host.leaves, []);
            await rosterIs(redis, servers[1], people.code, people.all.map(({ id }) => id));
        });

        const ways = {
            'three times in a row': async (redis) => {
                for (let i = 0; i < 3; i++) await emptied(redis);
            },
            'by hand, with the links up': (redis) => redis.client.flushall(),
        };
        for (const [how, empty] of Object.entries(ways)) test(`${how}: the class goes on`, async (t) => {
            const { redis, servers } = await setUp(t, { env });
            const people = await gather(t, servers, { students: 6, query: { hold: 0 } });
            people.talk({ every: 50 });
            await people.exchanged(3);
            await people.quiet();
            await people.verify();
            await empty(redis);
            await rosterIs(redis, servers[1], people.code, people.all.map(({ id }) => id)); // also if nobody says a word
            people.talk({ every: 50 });
            await people.exchanged(3);
            await people.quiet();
            await people.verify();
            for (const { id, disconnects } of people.all) assert.deepEqual(disconnects, [], `${id} stayed`);
        });

        test('servers that die afterwards are cleaned up after as before', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { env });
            const { code, host } = await openClass(b);
            const anna = await joinClass(a, code, host, 's1');
            const ending = await openClass(a, { host: { sub: 't2' } });
            const ben = await joinClass(b, ending.code, ending.host, 's2');
            await emptied(redis);
            await backAgain([host, anna, ending.host, ben]);
            await rosterIs(redis, b, code, ['t1', 's1']);
            await a.kill();
            // The first lease after a link was lost is not judged.
            const { message } = await host.next({ messageType: 'leave', sender: 's1' },
                { timeout: REAPED + LEASE_S * 1000 });
            assert.equal(message.reason, 'lost');
            await closes(ben, 4000, 'host lost', REAPED);
            await forgotten(redis, 'a');
        });

        test('many rooms at once are all restored, whoever is first', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t, { env });
            const classes = await Promise.all(Array.from({ length: 12 }, async (_, i) => {
                const { code, host } = await openClass(i % 2 ? a : b, { host: { sub: `t${i}` } });
                const students = [await joinClass(a, code, host, 's1'), await joinClass(b, code, host, 's2')];
                return { code, host, students };
            }));
            await emptied(redis);
            await Promise.all(classes.map(async ({ code, host, students }, i) => {
                await backAgain([host, ...students]);
                await rosterIs(redis, i % 2 ? b : a, code, [`t${i}`, 's1', 's2']);
            }));
            for (const { host, students } of classes) {
                await marker(host, [host, ...students]);
                assert.equal(host.all('leave').length, 0);
            }
        });
    });

    describe('what has ended stays ended', () => {
        test('a room that ended before Redis was emptied', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t);
            const over = await openClass(a, { students: ['s1'] });
            const going = await openClass(b, { students: ['s1'], host: { sub: 't2' } });
            over.host.send({ messageType: 'end' });
            await closedWith(over.students[0], 4000, 'ended');
            await emptied(redis);
            await backAgain([going.host, ...going.students]);
            assert.deepEqual(await redis.client.keys(`room:${over.code}:*`), []);
            assert.equal((await api(a, 'GET', `/rooms/${over.code}`)).status, 404);
        });

        test('a room that ended after Redis was emptied is not brought back by a late server', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t);
            const { code, host } = await openClass(b);
            const anna = await joinClass(a, code, host, 's1');
            const ben = await joinClass(b, code, host, 's2');
            a.kill('SIGSTOP');
            await emptied(redis);
            await backAgain([host, ben]);
            host.send({ messageType: 'end' });
            await closedWith(ben, 4000, 'ended');
            await roomGone(redis, code);
            a.kill('SIGCONT');
            await closes(anna, 4000);
            await ready(a);
            await roomGone(redis, code);
            assert.equal((await api(a, 'GET', `/rooms/${code}`)).status, 404);
        });

        test('a room whose end only a forgetful Redis knew of ends again by itself', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t);
            const { code, host } = await openClass(b);
            const anna = await joinClass(a, code, host, 's1');
            a.kill('SIGSTOP');
            host.send({ messageType: 'end' });
            await closedWith(host, 4000, 'ended');
            await emptied(redis);
            a.kill('SIGCONT');
            await closes(anna, 4000, undefined, HEALED + LEASE_S * 1000);
            await roomGone(redis, code);
        });

        test('a class whose host went while Redis was away ends, and not before its time', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t);
            const { code, host } = await openClass(a);
            const anna = await joinClass(b, code, host, 's1');
            await a.kill(); // with it goes what it knew
            await emptied(redis);
            await closes(anna, 4000, 'host lost', HEALED + LEASE_S * 1000);
            await roomGone(redis, code);
        });

        test('a host whose server died with Redis comes back and has its class', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t);
            const { code, host } = await openClass(a, { query: { hold: 60 } });
            const anna = await joinClass(b, code, host, 's1');
            await say(host, 'all', 'before');
            await anna.next({ message: 'before' });
            await a.kill();
            await emptied(redis);
            await taken(anna, { targetType: 'teacher', messageType: 'send', message: 'are you there?' });
            const back = await asTeacher(b, code);
            assert.deepEqual(back.welcome.message.participants.map(({ id }) => id), ['s1']);
            await marker(back, [back, anna]);
            assert.deepEqual(heard(back, 'send'), ['before', 'are you there?']);
            assert.equal(anna.closeInfo, undefined);
        });

        test('a leave during the outage is no member afterwards', async (t) => {
            const { redis, servers: [a, b] } = await setUp(t);
            const { code, host } = await openClass(a);
            const anna = await joinClass(b, code, host, 's1');
            const ben = await joinClass(b, code, host, 's2');
            await redis.kill();
            await anna.close();
            await redis.restart();
            await backAgain([host, ben]);
            await rosterIs(redis, a, code, ['t1', 's2']);
            await waitFor(() => rosterTold(host).join() === 's2', { what: 'the host knows that s1 is gone' });
        });
    });

    describe('what is left is whole', () => {
        test('the log is whole, also when a slow server restores it and another is quick to send', async (t) => {
            let wire;
            const { redis, servers: [quick, slow] } = await setUp(t, {
                env: { LECTERN_LEASE_S: 3 * LEASE_S, LECTERN_REDIS_TIMEOUT_MS: limit(5000) },
                through: async (server, i) => {
                    if (i === 1) wire = await startLongWire(server);
                    return i === 1 ? wire.url : undefined;
                },
            });
            t.after(() => wire.stop());
            const { code, host } = await openClass(quick);
            const anna = await joinClass(slow, code, host, 's1');
            const words = Array.from({ length: 10 }, (_, i) => i);
            for (const word of words) await say(host, 'all', word);
            await marker(host, [host, anna]);
            quick.kill('SIGSTOP');
            wire.lengthen(400);
            await emptied(redis);
            await waitFor(() => redis.client.exists(`room:${code}:info`),
                { timeout: HEALED, every: 1, what: 'the room restored' });
            quick.kill('SIGCONT');
            await taken(host, { targetType: 'all', messageType: 'send', message: 'after' });
            wire.lengthen(0);
            const ben = await joinClass(quick, code, host, 's2');
            const again = await asStudent(slow, code, { sub: 's1' });
            await marker(host, [host, ben, again]);
            for (const client of [host, ben, again]) {
                assert.deepEqual(heard(client, 'send'), [...words, 'after'], client.welcome.message.user.id);
            }
            assert.deepEqual(await redis.client.xlen(`room:${code}:log`), words.length + 3, 'with two markers');
        });

        test('an emptied Redis and no server left: nothing is left over, and the code is free', async (t) => {
            const { redis, servers: [a, b], start } = await setUp(t);
            const { code } = await openClass(a, { students: ['s1'] });
            await Promise.all([a.kill(), b.kill()]);
            await emptied(redis);
            const c = await start({ LECTERN_SERVER_ID: 'c' });
            assert.equal((await api(c, 'GET', `/rooms/${code}`)).status, 404);
            await asTeacher(c, code, { sub: 't9' });
            await waitFor(async () => (await redis.client.smembers('servers')).join() === 'c',
                { timeout: limit(5000), what: 'one server' });
        });
    });
});
