// Nothing depends on where a socket lives: the same scenarios on one event loop, on three, and with a class spread over two
// servers that share a Redis.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { asStudent, asTeacher, mintToken, refused, startRedis, startServer, waitFor } from './harness.mjs';
import { accepted, closedWith, heard, joinClass, marker, openClass, refusedMessage, roomGone, say } from './classroom.mjs';

let redis;
before(async () => { redis = await startRedis(); });
after(() => redis?.stop());

// Where the teacher, the 1st, 2nd, 3rd … student of a class connect to.
const settings = [
    ['one loop', [{ LECTERN_LOOPS: 1 }]],
    ['three loops', [{ LECTERN_LOOPS: 3 }]],
    ['two servers', [{ LECTERN_LOOPS: 1, LECTERN_SERVER_ID: 'a' }, { LECTERN_LOOPS: 2, LECTERN_SERVER_ID: 'b' }]],
];

describe('wherever the members are', { concurrency: true }, () => {
    for (const [what, environments] of settings) describe(what, () => {
        const servers = [];
        const at = (i) => servers[i % servers.length];
        before(async () => {
            for (const env of environments) servers.push(await startServer({ redis,
                env: { ...env, LECTERN_RATE_HOST: '10000/10000' } }));
        });
        after(() => Promise.all(servers.map((server) => server.stop())));

        // A class whose members are spread: the host on the first server, student i on server i.
        async function spread(ids, query = {}) {
            const { code, host } = await openClass(at(0), { query });
            const students = [];
            for (const [i, id] of ids.entries()) students.push(await joinClass(at(i + 1), code, host, id));
            return { code, host, students };
        }

        test('messages reach exactly whom they name, in one order', async () => {
            const { host, students } = await spread(['s1', 's2', 's3', 's4'], { talk: 'all' });
            const everybody = [host, ...students];
            await Promise.all(Array.from({ length: 15 }, (_, i) => Promise.all(everybody.map((client, who) =>
                say(client, 'all', `${who}:${i}`)))));
            await accepted(host, { targetType: 'student', target: 's2', messageType: 'secret' });
            await accepted(students[0], { targetType: 'teacher', messageType: 'question' });
            await marker(host, everybody);
            const order = heard(host, 'send');
            assert.equal(order.length, 75);
            for (const client of students) assert.deepEqual(heard(client, 'send'), order);
            assert.deepEqual(everybody.map((client) => client.all('secret').length), [0, 0, 1, 0, 0]);
            assert.deepEqual(everybody.map((client) => client.all('question').length), [1, 0, 0, 0, 0]);
        });

        test('many rooms at once do not mix', async () => {
            const classes = await Promise.all(Array.from({ length: 8 }, () => spread(['s1', 's2'])));
            await Promise.all(classes.map(({ code, host }) => say(host, 'all', code)));
            for (const { code, host, students } of classes) {
                await marker(host, [host, ...students]);
                for (const client of [host, ...students]) assert.deepEqual(heard(client, 'send'), [code]);
            }
        });

        test('a newer connection elsewhere replaces the older: 4001, no leave', async () => {
            const { code, host, students: [anna, ben] } = await spread(['s1', 's2']);
            const again = await asStudent(at(0), code);
            await closedWith(anna, 4001);
            await marker(host, [host, again, ben]);
            assert.deepEqual(host.all('leave'), []);
            assert.equal(await redis.client.hget(`room:${code}:user:s1`, 'sessionId'), again.welcome.message.session);
        });

        test('the host takes over from elsewhere', async () => {
            const { code, host, students: [anna, ben] } = await spread(['s1', 's2']);
            const again = await asTeacher(at(1), code);
            await closedWith(host, 4001);
            assert.deepEqual(again.welcome.message.participants.map((user) => user.id).sort(), ['s1', 's2']);
            await marker(again, [again, anna, ben]);
            await accepted(again, { messageType: 'kick', target: 's1' });
            await closedWith(anna, 4002);
        });

        test('kick, lock, settings and removal hold everywhere', async () => {
            const { code, host, students: [anna, ben, cleo] } = await spread(['s1', 's2', 's3']);
            for (const [target, client] of [['s1', anna], ['s2', ben]]) {
                await accepted(host, { messageType: 'kick', target });
                await closedWith(client, 4002);
                assert.equal((await host.next({ messageType: 'leave', sender: target })).message.reason, 'removed');
                for (const server of servers) {
                    const answer = await refused(server, { room: code, token: mintToken({ sub: target }) });
                    assert.equal(answer.body.error.code, 'removed');
                }
            }
            await accepted(host, { messageType: 'settings', message: { talk: 'all' } });
            await accepted(host, { messageType: 'lock' });
            await cleo.next((message) => message.messageType === 'settings' && message.message.locked);
            await say(cleo, 'all', 1);
            for (const server of servers) {
                assert.equal((await refused(server, { room: code, token: mintToken({ sub: 's9' }) })).status, 423);
            }
        });

        test('the end reaches everybody, in each of its ways', async () => {
            const ends = [
                ['ended', (host) => host.send({ messageType: 'end' })],
                ['host left', (host) => host.close()],
                ['host lost', (host) => host.terminate()],
            ];
            for (const [reason, end] of ends) {
                const { code, host, students } = await spread(['s1', 's2', 's3']);
                end(host);
                for (const client of students) await closedWith(client, 4000, reason);
                await roomGone(redis, code);
            }
        });

        test('a held class is seen as such everywhere, and the host may come back elsewhere', async () => {
            const { code, host, students: [anna, ben] } = await spread(['s1', 's2'], { hold: 60 });
            await host.terminate();
            await anna.next('host-away');
            await ben.next('host-away');
            const again = await asTeacher(at(1), code);
            await anna.next('host-back');
            await ben.next('host-back');
            await marker(again, [again, anna, ben]);
            again.send({ messageType: 'end' });
            await closedWith(anna, 4000, 'ended');
        });

        test('who goes on elsewhere loses nothing: since, and refs', async () => {
            const { code, host, students: [anna] } = await spread(['s1']);
            const sent = await say(anna, 'teacher', 'q', { ref: 'r1' });
            for (let i = 1; i <= 5; i++) await say(host, 'student', i);
            await marker(host, [anna]);
            const since = anna.all({ messageType: 'send', message: 2 })[0].id;
            await anna.terminate();
            await say(host, 'student', 6);
            const again = await asStudent(at(0), code, {}, { query: { since } });
            assert.equal((await say(again, 'teacher', 'q', { ref: 'r1' })).id, sent.id);
            await marker(host, [again, host]);
            assert.deepEqual(heard(again, 'send'), [3, 4, 5, 6]);
            assert.deepEqual(heard(host, 'send'), ['q']);
        });

        test('a forged control message does nothing', async () => {
            const { code, host, students: [anna] } = await spread(['s1']);
            const forged = {
                room: `room:${code}`, senderType: 'server', sender: 'lectern', targetType: 'all',
                messageType: 'close', message: { reason: 'ended' },
            };
            await redis.client.publish(`room:${code}`, JSON.stringify(forged));
            assert.equal((await refusedMessage(anna, { messageType: 'end' })).code, 'forbidden');
            await marker(host, [host, anna]);
            assert.deepEqual(anna.all('close'), []);
        });
    });
});

describe('races between two servers', () => {
    let servers;
    before(async () => { servers = [await startServer({ redis }), await startServer({ redis })]; });
    after(() => Promise.all((servers ?? []).map((server) => server.stop())));

    test('two teachers open the same code at once: one gets it', async () => {
        for (let round = 0; round < 5; round++) {
            const code = `RACE${round}`;
            const attempts = await Promise.allSettled(servers.map((server, i) => asTeacher(server, code, { sub: `t${i}` })));
            const opened = attempts.filter((attempt) => attempt.status === 'fulfilled');
            assert.equal(opened.length, 1);
            assert.match(attempts.find((attempt) => attempt.status === 'rejected').reason.message, /409 .*room_taken/);
        }
    });

    test('the last place goes to one of many', async () => {
        const { code } = await openClass(servers[0], { query: { max: 1 } });
        const attempts = await Promise.allSettled(['s1', 's2', 's3', 's4'].map((sub, i) =>
            asStudent(servers[i % 2], code, { sub })));
        assert.equal(attempts.filter((attempt) => attempt.status === 'fulfilled').length, 1);
        await waitFor(async () => (await redis.client.smembers(`room:${code}:users`)).length === 2,
            { what: 'one participant' });
    });
});
