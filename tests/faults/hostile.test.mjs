// Clients that are slow, silent or too many: whatever they do, classes go on and others can join, and the server is the same
// as before once they are gone. Everything is done for real: sockets that are never read, storms, no descriptor left.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
    api, asStudent, asTeacher, limit, mintToken, rawSocket, refused, roomCode, startRedis, startServer, waitFor, within,
} from '../integration/harness.mjs';
import { clientFrame, closedWith, heard, joinClass, marker, openClass, say, writeBytes } from '../integration/classroom.mjs';
import { HELD, JOIN_MS, PLAIN, allOver, ids, joinTime, metric, silent, upTo } from './hostile.mjs';

let redis;

before(async () => { redis = await startRedis(); });
after(() => redis?.stop());

/** A server that ends with the test, and must end well. */
async function serve(t, env = {}, more = {}) {
    const server = await startServer({ redis, env, ...more });
    t.after(async () => assert.equal(await server.stop({ timeout: limit(60000) }), 0, server.log()));
    return server;
}

describe('slow HTTP', () => {
    test('200 idle and 50 dripping connections: a class joins within a second', async (t) => {
        const server = await serve(t);
        const idle = await silent(t, server, 200);
        const heads = await silent(t, server, 25, 'GET /student/ HTTP/1.1\r\nX-Long: ', 'x');
        const bodies = await silent(t, server, 25, 'POST /guest HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
            + 'Content-Length: 4000\r\n\r\n{', ' ');
        await waitFor(async () => (await metric(server, 'process_open_fds')) > 50, { what: 'threads in use' });
        const time = await joinTime(server);
        t.diagnostic(`the slowest join took ${time} ms`);
        assert.ok(time < JOIN_MS, `${time} ms`);
        assert.equal((await api(server, 'GET', '/healthz')).status, 200);
        await allOver(heads, limit(10000), 'end of the heads that drip');
        assert.ok(idle.every((raw) => !raw.over), 'a connection that browsers open ahead may wait');
        for (const raw of bodies) raw.destroy();
    });

    test('half a head and silence: ended after some seconds, joins go on; with more of them than threads, too', async (t) => {
        const server = await serve(t);
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const some = await silent(t, server, 200, 'GET /student/ HTTP/1.1\r\nHost:');
        await waitFor(async () => (await metric(server, 'process_open_fds')) > 200, { what: 'threads in use' });
        const time = await joinTime(server);
        assert.ok(time < JOIN_MS, `${time} ms`);
        const more = await silent(t, server, 400, 'GET /student/ HTTP/1.1\r\nHost:');
        await marker(host, [host, anna]); // sockets do not need those threads
        const { status } = await api(server, 'GET', '/healthz', { timeout: limit(20000) });
        assert.equal(status, 200);
        await allOver([...some, ...more], limit(20000), 'end of half heads');
        const later = await joinTime(server);
        assert.ok(later < JOIN_MS, `${later} ms`);
    });
});

describe('slow sockets', { concurrency: true }, () => {
    test('readers that never read: each is closed 4005, the others hear everything', async (t) => {
        const server = await serve(t, { LECTERN_RATE_HOST: '100000/100000', LECTERN_QUEUE_MAX: 131072 });
        const { host, students } = await openClass(server, { students: ids(30), options: PLAIN });
        const [slow, quick] = [students.slice(0, 20), students.slice(20)];
        for (const client of slow) client.pause();
        const text = randomBytes(30000).toString('base64');
        let sent = 0;
        // Counted when a queue overflows; the closing itself takes until those sockets' time for it is over.
        while (await metric(server, 'lectern_queue_drops_total') < slow.length) {
            assert.ok(sent < 2000, 'the queue has a limit');
            await Promise.all(upTo(10).map(() => {
                const n = ++sent;
                return say(host, 'student', { n, text }, { ref: `n${n}` });
            }));
        }
        // They do not even take the close frame; the server does not wait for them.
        await waitFor(async () => (await metric(server, 'lectern_connections')) === 1 + quick.length,
            { what: 'end of those sockets', timeout: limit(15000) });
        assert.equal(await metric(server, 'lectern_closed_total{code="4005"}'), slow.length);
        await marker(host, quick);
        for (const client of quick) assert.deepEqual(heard(client, 'send', ({ message }) => message.n), upTo(sent));
        for (const client of slow) client.terminate();
    });

    test('a newcomer who never reads the replay is closed for silence', async (t) => {
        const server = await serve(t, { LECTERN_RATE_HOST: '100000/100000', LECTERN_LOG_BYTES: 33554432, LECTERN_PING_S: 2 });
        const { code, host } = await openClass(server, { options: PLAIN });
        const text = randomBytes(45000).toString('base64');
        await Promise.all(upTo(300).map((n) => say(host, 'student', { n, text }, { ref: `n${n}` })));
        const newcomers = await Promise.all(ids(10).map((sub) => asStudent(server, code, { sub },
            { ...PLAIN, welcome: false, query: { history: 300 } })));
        for (const client of newcomers) client.pause();
        await waitFor(async () => (await metric(server, 'lectern_connections')) === 1,
            { what: 'end of those sockets', timeout: limit(20000) });
        await marker(host, [host]);
        for (const client of newcomers) client.terminate();
    });

    test('half a frame and silence: closed 4006, nobody else notices', async (t) => {
        const server = await serve(t, { LECTERN_PING_S: 2 });
        const { host, students } = await openClass(server, { students: ids(5) });
        const half = await Promise.all(ids(50, 'h').map((sub) => asStudent(server, host.room, { sub },
            { ...PLAIN, options: { autoPong: false } })));
        half.forEach((client, i) => {
            const frame = clientFrame('x'.repeat(60000));
            writeBytes(client, frame.subarray(0, [1, 3, 7, 30000, frame.length - 1][i % 5]));
        });
        const message = 'undisturbed';
        await say(host, 'student', message);
        for (const client of students) assert.equal((await client.next('send')).message, message);
        await Promise.all(half.map((client) => within(client.closed, limit(15000), 'close')));
        for (const client of half) assert.equal(client.closeInfo.code, 4006);
        await marker(host, [host, ...students]);
        for (const client of [host, ...students]) assert.equal(client.closeInfo, undefined);
    });

    test('upgrades that are given up at once leave nothing behind', async (t) => {
        const server = await serve(t);
        const { code, host } = await openClass(server);
        const upgrade = (sub) => `GET /ws?room=${code} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
            + `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${mintToken({ sub })}\r\n\r\n`;
        for (let round = 0; round < 5; round++) {
            const raws = await Promise.all(upTo(40).map(() => rawSocket(server)));
            await Promise.all(raws.map((raw, i) => new Promise((resolve) => {
                raw.socket.on('error', () => {});
                raw.socket.write(upgrade(`g${round}-${i}`), () => {
                    if (i % 2) raw.socket.resetAndDestroy();
                    else raw.socket.destroy();
                    resolve();
                });
            })));
        }
        await waitFor(async () => (await redis.client.scard(`room:${code}:users`)) === 1
            && (await metric(server, 'lectern_connections')) === 1, { what: 'only the host', timeout: limit(15000) });
        await waitFor(async () => (await redis.client.zcount(`room:${code}:pending`, Date.now(), '+inf')) === 0,
            { what: 'no reservation', timeout: limit(15000) });
        await joinClass(server, code, host, 's1');
        await marker(host, [host]);
    });
});

/** Sockets in a process of their own that has descriptors enough; see crowd.mjs. */
function startCrowd(t) {
    const child = spawn('/bin/sh', ['-c', 'ulimit -n "$(ulimit -Hn)" && exec "$0" "$1"', process.execPath,
        fileURLToPath(new URL('crowd.mjs', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => child.stdin.end()); // which ends it
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const tell = (command) => child.stdin.write(`${JSON.stringify(command)}\n`);
    return {
        tell,
        async report() {
            tell({ report: true });
            return JSON.parse((await within(lines.next(), limit(20000), 'report')).value);
        },
    };
}

describe('a storm', () => {
    test('5,000 sockets lose their server and are back at another one, all of them, soon', { timeout: limit(120000) }, async (t) => {
        const [SIZE, ROOMS] = [5000, 5];
        const env = { LECTERN_RATE_HOST: '10000/10000' };
        const first = await startServer({ redis, env });
        t.after(() => first.kill('SIGKILL'));
        const second = await serve(t, env);
        const crowd = startCrowd(t);
        const codes = upTo(ROOMS).map(() => roomCode());
        const hosts = codes.map((room, i) => ({ room, token: mintToken({ type: 'teacher', sub: `t${i}` }), query: '&hold=60' }));
        const size = SIZE / ROOMS - 1;
        const students = codes.flatMap((room) => ids(size).map((sub) => ({ room, token: mintToken({ sub }) })));
        const welcomed = (n) => waitFor(async () => (await crowd.report()).open === n,
            { timeout: limit(60000), every: 200, what: `${n} sockets` })
            .catch(async (error) => { throw new Error(`${error.message}: ${JSON.stringify(await crowd.report())}`); });
        crowd.tell({ port: first.port, members: hosts });
        await welcomed(ROOMS);
        crowd.tell({ members: students });
        await welcomed(SIZE);
        crowd.tell({ port: second.port, clear: true });
        const began = Date.now();
        await first.kill('SIGKILL');
        await waitFor(async () => (await crowd.report()).lost === SIZE, { what: 'the loss', timeout: limit(20000) });
        await welcomed(SIZE);
        const report = await crowd.report();
        t.diagnostic(`${Date.now() - began} ms, the slowest ${report.longest} ms, refused ${JSON.stringify(report.refused)}`);
        assert.ok(report.longest < limit(30000), `${report.longest} ms`);
        for (const code of codes) assert.equal(await redis.client.scard(`room:${code}:users`), size + 1);
        assert.equal(await metric(second, 'lectern_connections'), SIZE);
        // It works: each class hears its host, who has taken the room over once more.
        crowd.tell({ clear: true });
        const host = await asTeacher(second, codes[0], { sub: 't0' }, HELD);
        await say(host, 'student', 'welcome back');
        await waitFor(async () => (await crowd.report()).received.send === size, { what: 'the message', timeout: limit(10000) });
    });
});

describe('no descriptor left', () => {
    test('past the number of sockets upgrades are refused with a reason and a time', async (t) => {
        const server = await serve(t, { LECTERN_HTTP_THREADS: 16 }, { wrap: ['prlimit', '--nofile=200:200', '--'] });
        const most = 200 / 4; // at least, though 200 - 16 - 128 - 200 / 8 is less
        const { code, host, students } = await openClass(server, { students: ids(most - 1) });
        for (let i = 0; i < 3; i++) {
            const answer = await refused(server, { room: code, token: mintToken({ sub: 'late' }) });
            assert.deepEqual([answer.status, answer.body.error.code], [503, 'no_capacity']);
            assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
        }
        const said = () => server.log().match(/full: upgrades are refused, the number of sockets is reached with 50 sockets/g)?.length;
        await waitFor(said, { what: 'a line of the log' });
        assert.equal(said(), 1, 'not for every client');
        assert.equal((await api(server, 'GET', `/rooms/${code}`)).status, 200);
        await marker(host, [host, ...students]);
        await students.pop().close();
        await waitFor(() => joinClass(server, code, host, 'late'), { what: 'a join' });
    });

    test('when connections have taken all of them, classes go on, and joins do afterwards', async (t) => {
        const server = await serve(t, { LECTERN_HTTP_THREADS: 256 }, { wrap: ['prlimit', '--nofile=250:250', '--'] });
        await waitFor(() => /the limit of 250 descriptors is small for 256 threads/.test(server.log()), { what: 'a line of the log' });
        const { code, host, students } = await openClass(server, { students: ids(10) });
        const greedy = await silent(t, server, 400, 'GET /student/ HTTP/1.1\r\nHost:');
        await assert.rejects(asStudent(server, code, { sub: 'late' }, { options: { handshakeTimeout: limit(500) } }),
            'there is no way in');
        await say(host, 'student', 'still here');
        for (const client of students) assert.equal((await client.next('send')).message, 'still here');
        await allOver(greedy, limit(30000), 'end of half heads');
        await waitFor(() => joinClass(server, code, host, 'late'), { what: 'a join', timeout: limit(10000) });
        for (const client of [host, ...students]) assert.equal(client.closeInfo, undefined);
    });
});

describe('memory', () => {
    test('over LECTERN_MEMORY_MAX upgrades are refused, classes go on; afterwards all may join again', async (t) => {
        const MIB = 1 << 20;
        const env = { LECTERN_RATE_HOST: '100000/100000', LECTERN_LOG_BYTES: 64 * MIB, LECTERN_LOG_MAX: 10000 };
        const idle = await startServer({ redis, env });
        const usual = (await metric(idle, 'process_resident_memory_bytes')) / MIB;
        await idle.stop();
        const server = await serve(t, { ...env, LECTERN_MEMORY_MAX: Math.ceil(usual) + 25 });
        const { host, students: [anna] } = await openClass(server, { students: ['s1'], options: PLAIN });
        const other = await openClass(server, { students: ['s1'], host: { sub: 't2' }, options: HELD });
        const text = randomBytes(45000).toString('base64');
        const late = () => asStudent(server, other.code, { sub: 'late' });
        let n = 0;
        // The server looks ten times a second, and gives back what it has freed before it refuses anybody.
        const answer = await waitFor(async () => {
            await Promise.all(upTo(50).map(() => say(host, 'teacher', text, { ref: `n${++n}` })));
            return (await metric(server, 'process_resident_memory_bytes')) > (Math.ceil(usual) + 26) * MIB
                && (await metric(server, 'lectern_connections')) === 4
                && refused(server, { room: other.code, token: mintToken({ sub: 'late' }) });
        }, { what: 'much memory', timeout: limit(20000) });
        assert.deepEqual([answer.status, answer.body.error.code], [503, 'no_capacity']);
        assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
        await waitFor(() => /full: upgrades are refused, LECTERN_MEMORY_MAX is reached with 4 sockets/.test(server.log()),
            { what: 'a line of the log' });
        await assert.rejects(late(), /503/);
        assert.equal((await api(server, 'GET', `/rooms/${other.code}`)).status, 200);
        await say(other.host, 'student', 'still here');
        await other.students[0].next('send');
        host.send({ messageType: 'end' });
        await closedWith(anna, 4000, 'ended');
        await (await waitFor(late, { what: 'a join after the class with the long log', timeout: limit(20000), every: 200 })).close();
    });
});
