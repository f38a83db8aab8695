// What those who come late are told: history, continuation by `since`, gaps, the bounds of the log; and `ref`, by which a
// message that is sent twice is delivered once.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { asStudent, asTeacher, mintToken, refused, roomCode, startRedis, startServer, waitFor } from './harness.mjs';
import { accepted, closedWith, heard, joinClass, marker, openClass, roomGone, say } from './classroom.mjs';

const FAST = { LECTERN_RATE_STUDENT: '100000/100000', LECTERN_RATE_HOST: '100000/100000' };
let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({ redis, env: { ...FAST, LECTERN_LOG_MAX: 100000 } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const sayAll = (client, targetType, messages) => Promise.all(messages.map((message) => say(client, targetType, message)));
const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A (further) connection of a student, with all that is replayed to it: the marker that follows is for it alone. */
async function comeBack(host, code, user, query, on = server) {
    const client = await asStudent(on, code, user, { query });
    await say(host, 'student', null, { target: user.sub ?? 's1', messageType: 'marker' });
    await client.next('marker');
    return client;
}

describe('history', () => {
    test('a newcomer hears the last 50 by default, or the last n, in order and after welcome', async () => {
        const { code, host } = await openClass(server);
        await sayAll(host, 'student', numbers(1, 60));
        const anna = await comeBack(host, code, {}, {});
        assert.deepEqual(heard(anna, 'send'), numbers(11, 60));
        assert.equal(anna.messages[0].messageType, 'welcome');
        for (const n of [0, 1, 7, 60, 100, 500]) {
            const ben = await comeBack(host, code, { sub: `b${n}` }, { history: n });
            assert.deepEqual(heard(ben, 'send'), numbers(61 - Math.min(n, 60), 60), `history=${n}`);
        }
    });

    test('history counts only what I may see', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        for (let i = 1; i <= 6; i++) {
            await say(host, 'student', i);
            for (let k = 0; k < 3; k++) await say(host, 'student', `to s1 ${i}`, { target: 's1' });
            await say(anna, 'teacher', `from s1 ${i}`);
        }
        const ben = await comeBack(host, code, { sub: 's2' }, { history: 4 });
        assert.deepEqual(heard(ben, 'send'), [3, 4, 5, 6]);
    });

    test('targeted messages are replayed to their sender and target, never to others', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server,
            { students: ['s1', 's2'], query: { talk: 'all', hold: 60 } });
        await say(host, 'student', 'private to s1', { target: 's1' });
        await say(anna, 'teacher', 'question of s1');
        await say(anna, 'student', 's1 to s2', { target: 's2' });
        await say(ben, 'teacher', 's2 to t1', { target: 't1' });
        await say(host, 'all', 'to all');
        const expected = {
            t1: ['private to s1', 'question of s1', 's2 to t1', 'to all'],
            s1: ['private to s1', 'question of s1', 's1 to s2', 'to all'],
            s2: ['s1 to s2', 's2 to t1', 'to all'],
            s3: ['to all'],
        };
        for (const id of ['s1', 's2', 's3']) {
            const client = await comeBack(host, code, { sub: id }, {});
            assert.deepEqual(heard(client, 'send'), expected[id], `replayed to ${id}`);
        }
        const again = await asTeacher(server, code);
        await marker(again, [again]);
        assert.deepEqual(heard(again, 'send'), expected.t1);
        again.send({ messageType: 'end' });
    });

    test('ephemeral messages have no id and are never replayed', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        assert.deepEqual(await say(host, 'student', 'typing', { ephemeral: true }), {});
        assert.equal('id' in await anna.next('send'), false);
        await say(host, 'student', 'kept');
        const ben = await comeBack(host, code, { sub: 's2' }, {});
        assert.deepEqual(heard(ben, 'send'), ['kept']);
        assert.equal(await redis.client.xlen(`room:${code}:log`), 2, 'the kept one and the marker');
    });

    test('joins, leaves and settings are not part of the log', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'], query: { notify: 'all' } });
        await accepted(host, { messageType: 'settings', message: { name: 'x' } });
        await anna.close();
        await host.next('leave');
        const ben = await comeBack(host, code, { sub: 's2' }, {});
        assert.deepEqual(ben.messages.map((message) => message.messageType).filter((type) => type !== 'join'),
            ['welcome', 'marker']);
    });
});

describe('since', () => {
    test('continues exactly after the message named, own ones included', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await sayAll(host, 'student', numbers(1, 10));
        await marker(host, [anna]);
        const since = anna.all({ messageType: 'send', message: 7 })[0].id;
        const own = await say(anna, 'teacher', 'mine');
        await anna.close();
        await sayAll(host, 'student', numbers(11, 13));
        const again = await comeBack(host, code, {}, { since });
        assert.deepEqual(heard(again, 'send'), [8, 9, 10, 'mine', 11, 12, 13]);
        assert.equal(again.all({ message: 'mine' })[0].id, own.id);
        assert.deepEqual(again.all('gap'), []);
    });

    test('the last id of welcome means: nothing is missing', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        assert.equal(anna.welcome.message.last, '', 'nothing was said yet');
        const { id } = await say(host, 'student', 1);
        const ben = await joinClass(server, code, host, 's2');
        assert.equal(ben.welcome.message.last, id);
        const again = await comeBack(host, code, { sub: 's2' }, { since: id });
        assert.deepEqual(heard(again, 'send'), []);
        assert.deepEqual(again.all('gap'), []);
    });

    test('the host continues too', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const { id } = await say(anna, 'teacher', 1);
        await say(anna, 'teacher', 2);
        const again = await asTeacher(server, code, {}, { query: { since: id } });
        await closedWith(host, 4001);
        await marker(again, [again]);
        assert.deepEqual(heard(again, 'send'), [2]);
    });

    test('an id of another class, or above the last, gets gap and then what there is', async () => {
        const { code, host } = await openClass(server);
        const { id } = await say(host, 'student', 'here');
        const [epoch, stream] = id.split('.');
        const later = `${epoch}.${Number(stream.split('-')[0]) + 3600000}-0`;
        for (const [i, since] of [`zzzzzz.${stream}`, later].entries()) {
            const client = await comeBack(host, code, { sub: `g${i}` }, { since });
            const gap = await client.next('gap');
            assert.equal(gap.senderType, 'server');
            assert.deepEqual(gap.message, { since });
            assert.deepEqual(heard(client, 'send'), ['here']);
            assert.ok(client.messages.indexOf(gap) < client.messages.findIndex((message) => message.messageType === 'send'));
        }
    });

    test('ids are opaque: what looks like one but is none gets gap, too', async () => {
        const { code, host } = await openClass(server);
        const { id } = await say(host, 'student', 'here');
        const epoch = id.slice(0, 7);
        const strange = ['garbage', 'a.b', '12-3', epoch, `${epoch}1`, `${epoch}1-`, `${epoch}99999999999999999999-0`,
            id.toUpperCase()];
        for (const [i, since] of strange.entries()) {
            const client = await comeBack(host, code, { sub: `g${i}` }, { since });
            assert.deepEqual((await client.next('gap')).message, { since });
            assert.deepEqual(heard(client, 'send'), ['here'], since);
        }
    });

    test('a since that can be no id is refused by name', async () => {
        const { code } = await openClass(server);
        for (const since of ['a b', 'a"b', 'x'.repeat(100), '\u0000', '여']) {
            const answer = await refused(server, { room: code, token: mintToken(), query: { since } });
            assert.deepEqual([answer.status, answer.body.error.code, answer.body.error.field],
                [400, 'bad_field', 'since'], since);
        }
    });

    test('ids are opaque text that is never repeated; ack, delivery and replay agree', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const acks = await sayAll(host, 'student', numbers(1, 100));
        await marker(host, [anna]);
        const ids = heard(anna, 'send', (message) => message.id);
        assert.deepEqual(ids, acks.map((ack) => ack.id));
        assert.equal(new Set(ids).size, 100);
        for (const id of ids) assert.match(id, /^[a-z2-7]{6}\.\d{13}-\d+$/);
        const ben = await comeBack(host, code, { sub: 's2' }, { history: 100 });
        assert.deepEqual(heard(ben, 'send', (message) => message.id), ids.slice(1), 'the marker was one of the 100');
        const live = anna.all('send').slice(1);
        assert.deepEqual(ben.all('send'), live, 'replayed as they were live');
    });
});

describe('joining in the middle of a flood', () => {
    // The host sends 1, 2, 3, … without waiting while students join; each must hear an unbroken run.
    async function flood(host, until, targets) {
        let n = 0;
        let secret;
        while (!until()) {
            for (let i = 0; i < 10; i++) {
                n++;
                host.send({ targetType: 'student', messageType: 'send', message: n });
                secret = { targetType: 'student', target: targets[n % targets.length], messageType: 'secret', message: n };
                if (i < 9) host.send(secret);
            }
            await accepted(host, secret); // as quick as the server takes them, so that they don't pile up here
        }
        return n;
    }

    test('newcomers hear an unbroken run, nothing twice, nothing of others', async () => {
        const { code, host } = await openClass(server);
        const ids = Array.from({ length: 24 }, (_, i) => `f${i}`);
        let done = false;
        const flooding = flood(host, () => done, ids);
        const clients = [];
        for (let i = 0; i < ids.length; i += 4) {
            clients.push(...await Promise.all(ids.slice(i, i + 4).map((sub) => asStudent(server, code, { sub },
                { query: { history: 300 } }))));
        }
        done = true;
        const total = await flooding;
        await marker(host, clients);
        for (const [i, client] of clients.entries()) {
            const run = heard(client, 'send');
            assert.ok(run.length > 0);
            assert.deepEqual(run, numbers(run[0], total), `${ids[i]} heard an unbroken run`);
            const secrets = client.all('secret');
            assert.ok(secrets.every((message) => message.target === ids[i]), 'only secrets of its own');
            const mine = (n) => ids[n % ids.length] === ids[i];
            const firstSecret = secrets[0]?.message ?? total + 1;
            assert.deepEqual(secrets.map((message) => message.message), numbers(Math.min(firstSecret, total + 1),
                total).filter(mine));
        }
    });

    test('those who come back with since lose nothing and hear nothing twice', async () => {
        const { code, host } = await openClass(server);
        const ids = ['r1', 'r2', 'r3', 'r4'];
        const first = await Promise.all(ids.map((sub) => asStudent(server, code, { sub }, { query: { history: 0 } })));
        let done = false;
        const flooding = flood(host, () => done, ids);
        const runs = await Promise.all(first.map(async (client, i) => {
            const messages = [];
            let current = client;
            for (let round = 0; round < 8; round++) {
                await current.next('send');
                await (round % 2 ? current.terminate() : current.close());
                messages.push(...current.messages);
                const since = [...messages].reverse().find((message) => message.id).id;
                current = await asStudent(server, code, { sub: ids[i] }, { query: { since } });
            }
            return { messages, current };
        }));
        done = true;
        const total = await flooding;
        await marker(host, runs.map(({ current }) => current));
        for (const [i, { messages, current }] of runs.entries()) {
            const all = [...messages, ...current.messages];
            assert.deepEqual(all.filter((message) => message.messageType === 'gap'), []);
            assert.deepEqual(all.filter((message) => message.messageType === 'send').map((message) => message.message),
                numbers(1, total));
            assert.deepEqual(all.filter((message) => message.messageType === 'secret').map((message) => message.message),
                numbers(1, total).filter((n) => n % ids.length === i));
        }
    });
});

describe('the bounds of the log', () => {
    let small;
    before(async () => {
        small = await startServer({ redis, env: { ...FAST, LECTERN_LOG_MAX: 100, LECTERN_LOG_BYTES: 65536,
            LECTERN_MESSAGE_MAX: 16384 } });
    });
    after(() => small?.stop());

    test('LECTERN_LOG_MAX messages are kept; since before them gets gap, then all that is kept', async () => {
        const { code, host } = await openClass(small, { code: roomCode() });
        const [{ id: first }] = await sayAll(host, 'student', numbers(1, 300));
        const kept = await redis.client.xlen(`room:${code}:log`);
        assert.ok(kept >= 90 && kept <= 100, `${kept} kept`);
        const anna = await comeBack(host, code, { sub: 's1' }, { since: first }, small);
        assert.deepEqual((await anna.next('gap')).message, { since: first });
        const run = heard(anna, 'send');
        assert.deepEqual(run, numbers(run[0], 300));
        assert.ok(run.length >= 99, `${run.length} replayed`);
        const since = anna.all({ messageType: 'send', message: 290 })[0].id;
        const again = await comeBack(host, code, { sub: 's1' }, { since }, small);
        assert.deepEqual(again.all('gap'), []);
        assert.deepEqual(heard(again, 'send'), numbers(291, 300));
    });

    test('the last message dropped can still be named: nothing is missing after it', async () => {
        const { code, host } = await openClass(small);
        const acks = await sayAll(host, 'student', numbers(1, 250));
        const replayed = async (sub, since) => {
            const client = await asStudent(small, code, { sub }, { query: { since: acks[since - 1].id } });
            await client.next({ message: 250 });
            return { gaps: client.all('gap').length, run: heard(client, 'send') };
        };
        const { gaps, run } = await replayed('s1', 1);
        assert.equal(gaps, 1);
        const dropped = run[0] - 1;
        assert.ok(dropped > 100, 'some were dropped');
        assert.deepEqual(await replayed('s2', dropped), { gaps: 0, run: numbers(dropped + 1, 250) });
        assert.deepEqual(await replayed('s3', dropped - 1), { gaps: 1, run: numbers(dropped + 1, 250) });
    });

    test('LECTERN_LOG_BYTES bound the log in bytes', async () => {
        const { code, host } = await openClass(small);
        for (let i = 1; i <= 20; i++) await say(host, 'student', `${i} ${'x'.repeat(10000)}`);
        const entries = await redis.client.xrange(`room:${code}:log`, '-', '+');
        const bytes = entries.reduce((sum, [, fields]) => sum + fields.join('').length, 0);
        assert.ok(bytes <= 65536, `${bytes} bytes kept`);
        assert.ok(entries.length >= 4, `${entries.length} messages kept`);
        const anna = await comeBack(host, code, { sub: 's1' }, {}, small);
        const run = heard(anna, 'send', (message) => Number.parseInt(message.message, 10));
        assert.deepEqual(run, numbers(run[0], 20));
        host.send({ messageType: 'end' });
        await roomGone(redis, code);
    });
});

describe('ref', () => {
    test('the same ref again: the same id, delivered once', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const first = await say(host, 'student', 'once', { ref: 'same' });
        const second = await say(host, 'student', 'once', { ref: 'same' });
        assert.equal(second.id, first.id);
        await marker(host, [anna]);
        assert.deepEqual(heard(anna, 'send'), ['once']);
    });

    test('also when both are under way at once', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        for (let i = 0; i < 5; i++) host.send({ targetType: 'student', messageType: 'send', message: 'once', ref: 'same' });
        await waitFor(() => host.all({ messageType: 'ack', ref: 'same' }).length === 5, { what: 'five acks' });
        assert.equal(new Set(host.all({ messageType: 'ack', ref: 'same' }).map((ack) => ack.message.id)).size, 1);
        await marker(host, [anna]);
        assert.deepEqual(heard(anna, 'send'), ['once']);
    });

    test('over a reconnect, which is what it is for', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const first = await say(anna, 'teacher', 'once', { ref: 'r-1' });
        await anna.terminate();
        const again = await asStudent(server, code);
        const second = await say(again, 'teacher', 'once', { ref: 'r-1' });
        assert.equal(second.id, first.id);
        await marker(host, [host]);
        assert.deepEqual(heard(host, 'send'), ['once']);
    });

    test('each user has refs of its own', async () => {
        const { host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        const one = await say(anna, 'teacher', 'anna', { ref: 'same' });
        const two = await say(ben, 'teacher', 'ben', { ref: 'same' });
        assert.notEqual(one.id, two.id);
        await marker(host, [host]);
        assert.deepEqual(heard(host, 'send'), ['anna', 'ben']);
    });

    test('receivers get no ref, and whoever gives none gets no ack', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        host.send({ targetType: 'all', messageType: 'send', message: 1 });
        await marker(host, [host, anna]);
        assert.deepEqual(host.all('ack'), []);
        await say(host, 'all', 2, { ref: 'mine' });
        await marker(host, [host, anna]);
        for (const client of [host, anna]) assert.ok(client.all('send').every((message) => message.ref === undefined));
        assert.equal(host.all('ack')[0].ref, 'mine');
    });
});
