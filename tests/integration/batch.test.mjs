// What the members of a room send within one turn of the server's loop goes to Redis in one script. Each message keeps its
// own outcome and its place: here the server stands still (SIGSTOP) while a burst is written, so that it reads all at once.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { limit, startRedis, startServer, waitFor } from './harness.mjs';
import { closedWith, heard, joinClass, marker, openClass, startWire } from './classroom.mjs';

const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);
const toStudents = (message, more = {}) => ({ targetType: 'student', messageType: 'send', message, ...more });
const toHost = (message, more = {}) => ({ targetType: 'teacher', messageType: 'send', message, ...more });

let redis;
let server;
before(async () => {
    redis = await startRedis();
    server = await startServer({ redis, env: {
        LECTERN_RATE_HOST: '10000/10000', LECTERN_RATE_STUDENT: '5/10', LECTERN_LOOPS: 1, LECTERN_LOG_MAX: 48,
        LECTERN_LOG_BYTES: 65536, LECTERN_MESSAGE_MAX: 16384, LECTERN_REDIS_TIMEOUT_MS: Math.ceil(limit(2000)),
    } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

function stands() {
    const tasks = `/proc/${server.pid}/task`;
    return readdirSync(tasks).every((task) => /\) T /.test(readFileSync(`${tasks}/${task}/stat`, 'latin1')));
}

/** Has the server read all of `sends`, [client, message or raw text] pairs, at once: they are written while it stands still. */
async function together(...sends) {
    server.kill('SIGSTOP');
    try {
        await waitFor(stands, { what: 'the server to stand still' }); // the signal takes a moment to reach all threads
        await Promise.all(sends.map(([client, message]) => new Promise((resolve, reject) => {
            const text = typeof message === 'string' ? message : JSON.stringify(message);
            client.ws.send(text, { compress: false }, (error) => (error ? reject(error) : resolve()));
        })));
    } finally {
        server.kill('SIGCONT');
    }
}

const answerTo = (client, ref) =>
    client.next((message) => message.ref === ref && ['ack', 'error'].includes(message.messageType));

/** ref → 'ack' or the error's code. */
async function outcomes(client, refs) {
    const answers = await Promise.all(refs.map((ref) => answerTo(client, ref)));
    return Object.fromEntries(answers.map((answer) =>
        [answer.ref, answer.messageType === 'ack' ? 'ack' : answer.message.code]));
}

async function calls(command) {
    const text = await redis.client.info('commandstats');
    return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

describe('a burst', () => {
    test('is one script, one PUBLISH and one log entry per message, in order', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const [scripts, published] = [await calls('evalsha'), await calls('publish')];
        await together(...upTo(40).map((i) => [host, toStudents(i, { ref: `r${i}` })]));
        const acks = [];
        for (const i of upTo(40)) acks.push((await answerTo(host, `r${i}`)).message.id);
        await marker(host, [anna]);
        assert.ok(await calls('evalsha') - scripts < 20, 'far fewer scripts than messages');
        assert.ok(await calls('publish') - published >= 41, 'each is published by itself');
        assert.deepEqual(heard(anna, 'send'), upTo(40));
        assert.deepEqual(heard(anna, 'send', ({ id }) => id), acks);
        assert.equal(new Set(acks).size, 40);
        const log = await redis.client.xrange(`room:${code}:log`, '-', '+');
        assert.deepEqual(log.map(([, [, body]]) => JSON.parse(body).message).slice(0, 40), upTo(40));
    });

    test('longer than one script takes: still in order, none twice', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await together(...upTo(200).map((i) => [host, toStudents(i)]));
        await marker(host, [anna]);
        assert.deepEqual(heard(anna, 'send'), upTo(200));
    });

    test('of several members of a room, and of several rooms', async () => {
        const one = await openClass(server, { students: ['s1', 's2'] });
        const two = await openClass(server, { students: ['s3'] });
        const [anna, ben] = one.students;
        await together(...upTo(4).flatMap((i) => [
            [anna, toHost(`anna ${i}`)], [two.host, toStudents(`two ${i}`)], [ben, toHost(`ben ${i}`)],
            [one.host, toStudents(`one ${i}`)]]));
        await marker(one.host, [one.host, anna, ben]);
        await marker(two.host, [two.host, two.students[0]]);
        for (const name of ['anna', 'ben']) {
            assert.deepEqual(heard(one.host, 'send').filter((text) => text.startsWith(name)),
                upTo(4).map((i) => `${name} ${i}`));
        }
        for (const [client, name] of [[anna, 'one'], [ben, 'one'], [two.students[0], 'two']]) {
            assert.deepEqual(heard(client, 'send'), upTo(4).map((i) => `${name} ${i}`));
        }
    });

    test('what is not remembered keeps its place among what is', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await together(...upTo(10).map((i) => [host, toStudents(i, { ref: `r${i}`, ephemeral: i % 2 === 0 })]));
        const results = await outcomes(host, upTo(10).map((i) => `r${i}`));
        assert.deepEqual(new Set(Object.values(results)), new Set(['ack']));
        await marker(host, [anna]);
        assert.deepEqual(heard(anna, 'send'), upTo(10));
        assert.deepEqual(anna.all('send').map(({ id }) => id !== undefined), upTo(10).map((i) => i % 2 === 1));
        assert.equal(await redis.client.xlen(`room:${code}:log`), 6, 'five and the marker');
    });
});

describe('each message has its own outcome', () => {
    test('good ones, bad ones, one too many', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await together(
            [anna, toHost('a', { ref: 'good' })],
            [anna, '{"ref":"cut","messageType":'],
            [anna, toHost('b', { ref: 'type', targetType: 'parent' })],
            [anna, toHost('c', { ref: 'talk', targetType: 'all' })],
            [anna, toHost('d', { ref: 'claim', sender: 't1' })],
            [anna, toHost('e', { ref: 'kick', messageType: 'kick', target: 's1' })],
            [anna, toHost('f', { ref: 'good2' })],
            ...upTo(8).map((i) => [anna, toHost(`g${i}`, { ref: `more${i}` })]));
        assert.deepEqual(await outcomes(anna, ['good', 'type', 'talk', 'claim', 'kick', 'good2']), {
            good: 'ack', type: 'bad_field', talk: 'talk_forbidden', claim: 'forbidden', kick: 'forbidden', good2: 'ack',
        });
        assert.equal((await anna.next((message) => message.messageType === 'error' && !message.ref))
            .message.code, 'bad_json');
        // Ten at once, and whatever comes back in the time that passes.
        const more = await Promise.all(upTo(8).map((i) => answerTo(anna, `more${i}`)));
        const taken = more.filter(({ messageType }) => messageType === 'ack').length;
        assert.ok(taken >= 3 && taken < 8, `${taken} of 8 taken`);
        for (const { messageType, message } of more) {
            if (messageType === 'error') assert.equal(message.code, 'rate_limited');
        }
        await marker(host, [host]);
        assert.deepEqual(heard(host, 'send').slice(0, 2), ['a', 'f']);
        assert.equal(heard(host, 'send').length, 2 + taken);
    });

    test('a ref repeated within a burst: one message, and every repeat has its id', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await together(
            [host, toStudents('once', { ref: 'same' })], [host, toStudents('other', { ref: 'other' })],
            [host, toStudents('once', { ref: 'same' })], [host, toStudents('once', { ref: 'same' })]);
        const other = await answerTo(host, 'other');
        const same = await waitFor(() => host.all({ messageType: 'ack', ref: 'same' }).length === 3
            && host.all({ messageType: 'ack', ref: 'same' }), { what: 'three acks' });
        assert.equal(new Set(same.map(({ message }) => message.id)).size, 1);
        await marker(host, [anna]);
        assert.deepEqual(heard(anna, 'send'), ['once', 'other']);
        assert.deepEqual(heard(anna, 'send', ({ id }) => id), [same[0].message.id, other.message.id]);
        assert.equal(await redis.client.xlen(`room:${code}:log`), 3);
    });

    test('the same ref of two members is two messages', async () => {
        const { host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        await together([anna, toHost('anna', { ref: 'one' })], [ben, toHost('ben', { ref: 'one' })]);
        const ids = [(await answerTo(anna, 'one')).message.id, (await answerTo(ben, 'one')).message.id];
        assert.notEqual(ids[0], ids[1]);
        await marker(host, [host]);
        assert.deepEqual(heard(host, 'send').sort(), ['anna', 'ben']);
    });

    test('commands keep their place between messages', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        await together(
            [host, toStudents('before')], [host, { messageType: 'kick', target: 's2', ref: 'kick' }],
            [host, toStudents('after kick')], [host, { messageType: 'lock', ref: 'lock' }], [host, toStudents('after lock')]);
        assert.deepEqual(await outcomes(host, ['kick', 'lock']), { kick: 'ack', lock: 'ack' });
        // The end may overtake answers on their way to the host, so it is a burst of its own.
        await together([host, toStudents('before end')], [host, { messageType: 'end', ref: 'end' }],
            [host, toStudents('too late', { ref: 'late' })]);
        await closedWith(ben, 4002);
        await closedWith(anna, 4000, 'ended');
        await closedWith(host, 4000, 'ended');
        const order = anna.messages.map(({ messageType, message }) => (messageType === 'send' ? message : messageType));
        assert.deepEqual(order.filter((what) => !['welcome', 'join', 'leave'].includes(what)),
            ['before', 'after kick', 'settings', 'after lock', 'before end', 'close']);
        assert.deepEqual(heard(ben, 'send').slice(0, 1), ['before']);
        assert.ok(!heard(ben, 'send').includes('after lock'), 'nothing reaches the one who was removed');
        assert.equal(await redis.client.exists(`room:${code}:info`, `room:${code}:log`, `room:${code}:parts`), 0);
    });

    test('a session that Redis has ended is refused, the others of the burst are not', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        await redis.client.multi().sadd(`room:${code}:removed`, 's1').del(`room:${code}:user:s1`)
            .srem(`room:${code}:users`, 's1').exec(); // as if another server's kick were not heard here yet
        await together([anna, toHost('no', { ref: 'no' })], [ben, toHost('yes', { ref: 'yes' })],
            [host, toStudents('class', { ref: 'class' })]);
        assert.equal((await answerTo(ben, 'yes')).messageType, 'ack');
        assert.equal((await answerTo(host, 'class')).messageType, 'ack');
        await closedWith(anna, 4002, 'removed');
        await marker(host, [host]);
        assert.deepEqual(heard(host, 'send'), ['yes']);
    });

    test('who sends and closes in one breath is heard to the end', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        server.kill('SIGSTOP');
        for (const i of upTo(5)) anna.send(toHost(`last words ${i}`));
        anna.ws.close(1000);
        server.kill('SIGCONT');
        await host.next({ messageType: 'leave', sender: 's1' });
        assert.deepEqual(heard(host, 'send'), upTo(5).map((i) => `last words ${i}`));
    });

    test('when the log does not take a message only those who wanted it there are refused', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await redis.client.xadd(`room:${code}:log`, '9999999999999-0', 'x', 'somebody else was here');
        await together([host, toStudents('kept', { ref: 'kept' })],
            [host, toStudents('live', { ref: 'live', ephemeral: true })]);
        assert.deepEqual(await outcomes(host, ['kept', 'live']), { kept: 'unavailable', live: 'ack' });
        await anna.next({ messageType: 'send', message: 'live' });
        assert.deepEqual(heard(anna, 'send'), ['live']);
    });
});

describe('when Redis takes no writes', () => {
    const full = async (fn) => {
        await redis.client.config('SET', 'maxmemory', '1');
        try {
            await fn();
        } finally {
            await redis.client.config('SET', 'maxmemory', '0');
        }
    };

    test('what it has published is not called refused', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await full(async () => {
            await together([host, toStudents('e1', { ref: 'e1', ephemeral: true })], [host, toStudents('l1', { ref: 'l1' })],
                [host, toStudents('e2', { ref: 'e2', ephemeral: true })]);
            assert.deepEqual(await outcomes(host, ['e1', 'l1', 'e2']), { e1: 'ack', l1: 'unavailable', e2: 'ack' });
        });
        await together([host, toStudents('l1', { ref: 'l1' })]);
        assert.deepEqual(await outcomes(host, ['l1']), { l1: 'ack' });
        await anna.next({ messageType: 'send', message: 'l1' });
        assert.deepEqual(heard(anna, 'send'), ['e1', 'e2', 'l1']);
    });

    test('and nothing was published, nothing is', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await full(async () => {
            await together([host, toStudents('l1', { ref: 'l1' })], [host, toStudents('e1', { ref: 'e1', ephemeral: true })]);
            assert.deepEqual(await outcomes(host, ['l1', 'e1']), { l1: 'unavailable', e1: 'unavailable' });
        });
        await marker(host, [anna]);
        assert.deepEqual(heard(anna, 'send'), []);
    });
});

describe('the log', () => {
    test('is bounded in entries across bursts, and says what it has dropped', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        for (const round of upTo(4)) {
            await together(...upTo(50).map((i) => [host, toStudents(round * 100 + i)]));
            await marker(host, [anna]);
            const kept = await redis.client.xrange(`room:${code}:log`, '-', '+');
            assert.ok(kept.length >= 45 && kept.length <= 48, `${kept.length} kept`);
            const [last, entries, bytes] = (await redis.client.hget(`room:${code}:info`, 'log')).split(' ');
            assert.equal(last, kept.at(-1)[0]);
            assert.equal(Number(entries), kept.length);
            assert.equal(Number(bytes), kept.reduce((sum, [, [, body]]) => sum + Buffer.byteLength(body), 0));
            const [ms, seq] = (await redis.client.hget(`room:${code}:info`, 'trimmed')).split('-').map(Number);
            const [firstMs, firstSeq] = kept[0][0].split('-').map(Number);
            assert.ok(ms < firstMs || (ms === firstMs && seq < firstSeq), 'trimmed is before the first kept');
        }
        assert.equal(heard(anna, 'send').length, 200);
    });

    test('is bounded in bytes within one burst', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await together(...upTo(12).map((i) => [host, toStudents(`${i} ${'x'.repeat(10000)}`)]));
        await marker(host, [anna]);
        assert.deepEqual(heard(anna, 'send', ({ message }) => parseInt(message, 10)), upTo(12));
        const kept = await redis.client.xrange(`room:${code}:log`, '-', '+');
        const bytes = kept.reduce((sum, [, [, body]]) => sum + Buffer.byteLength(body), 0);
        assert.ok(bytes <= 65536 && kept.length >= 4, `${kept.length} of ${bytes} bytes`);
        const late = await joinClass(server, code, host, 's2');
        await marker(host, [late]);
        const replayed = heard(late, 'send', ({ message }) => parseInt(message, 10));
        assert.equal(replayed.at(-1), 12);
    });
});

describe('Redis goes away in the middle of a burst', () => {
    test('each message is refused as unavailable, and sent again with its ref it is delivered once', async () => {
        const wire = await startWire(redis);
        const cut = await startServer({ redis, env: { LECTERN_REDIS_URL: wire.url, LECTERN_LOOPS: 1,
            LECTERN_RATE_HOST: '10000/10000', LECTERN_REDIS_TIMEOUT_MS: Math.ceil(limit(1000)) } });
        try {
            const { host, students: [anna] } = await openClass(cut, { students: ['s1'] });
            const refs = upTo(30).map((i) => `r${i}`);
            const sendAll = () => { for (const ref of refs) host.send(toStudents(ref, { ref })); };
            sendAll();
            wire.cut(); // some have arrived there, their answers have not arrived here
            for (const ref of refs) {
                const answer = await answerTo(host, ref);
                if (answer.messageType === 'error') assert.equal(answer.message.code, 'unavailable');
            }
            wire.mend();
            await waitFor(async () => (await host.request(toHost('again'))).messageType === 'ack',
                { what: 'an ack', timeout: limit(20000), every: 100 });
            sendAll();
            for (const ref of refs) assert.equal((await answerTo(host, ref)).messageType, 'ack');
            await marker(host, [anna]);
            assert.deepEqual(heard(anna, 'send').sort(), [...refs].sort());
        } finally {
            await cut.stop();
            await wire.stop();
        }
    });
});
