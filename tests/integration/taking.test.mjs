// Taking a socket from civetweb when something goes wrong on the way: no descriptor that fits or two of them, none left, a
// client that is gone, a server that is about to stop. Whoever had a place reserved gives it back.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import {
    api, asStudent, connect, freePort, limit, mintToken, rawSocket, refused, startRedis, startServer, waitFor, within,
} from './harness.mjs';
import { closedWith, joinClass, openClass } from './classroom.mjs';

let redis;
let server;

before(async () => {
    redis = await startRedis();
    const port = await freePort();
    server = await startServer({ redis, port, env: { LECTERN_LISTEN: `0.0.0.0:${port}`, LECTERN_REDIS_TIMEOUT_MS: 8000 } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const metric = async (name, on = server) => {
    const { text } = await api(on, 'GET', '/metrics');
    return Number(new RegExp(`^lectern_${name} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
};
const student = (sub) => mintToken({ type: 'student', sub });
const upgrade = (where, token) => `GET ${where} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
    + `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${token ? `Authorization: Bearer ${token}\r\n` : ''}\r\n`;

function assertNoCapacity(answer) {
    assert.equal(answer.status, 503, answer.text);
    assert.equal(answer.body.error.code, 'no_capacity');
    assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
}

/** Runs fn while scripts wait in Redis, once one of them does. */
async function whileScriptsWait(start, fn) {
    await redis.client.call('CLIENT', 'PAUSE', '7000', 'WRITE');
    try {
        await start();
        await waitFor(async () => Number(/blocked_clients:(\d+)/.exec(await redis.client.info('clients'))[1]) > 0,
            { what: 'a script that waits' });
        await fn();
    } finally {
        await redis.client.call('CLIENT', 'UNPAUSE');
    }
}

/** A TCP connection from 127.0.0.1 to one of our addresses, from a port of its own or a given one. */
function open(host, localPort = 0) {
    return new Promise((resolve, reject) => {
        const socket = net.connect({ host, port: server.port, localAddress: '127.0.0.1', localPort });
        const raw = { socket, text: '' };
        socket.setEncoding('latin1').on('data', (data) => { raw.text += data; });
        socket.once('error', reject).once('connect', () => resolve(raw));
    });
}

test('two connections that look alike: both stay, 503, counted; alone it is taken', async () => {
    const ambiguous = await metric('take_ambiguous_total');
    const first = await open('127.0.0.2');
    first.socket.write('GET /version HTTP/1.1\r\n'); // civetweb has it from here on
    const second = await open('127.0.0.1', first.socket.localPort);
    try {
        second.socket.write(upgrade('/echo'));
        await waitFor(() => /"no_capacity"/.test(second.text), { what: 'a refusal' });
        assert.match(second.text, /^HTTP\/1\.1 503 /);
        assert.equal(await metric('take_ambiguous_total'), ambiguous + 1);
        first.socket.write('Host: a\r\n\r\n');
        await waitFor(() => /"lectern"/.test(first.text), { what: 'the answer to the other one' });
    } finally {
        first.socket.destroy();
        second.socket.destroy();
    }
    const again = await open('127.0.0.1');
    again.socket.write(upgrade('/echo'));
    await waitFor(() => /^HTTP\/1\.1 101 /.test(again.text), { what: '101' });
    again.socket.destroy();
});

test('out of descriptors: 503, and the place is free again', async () => {
    const { code, host } = await openClass(server, { query: { max: 1 } });
    const failed = await metric('take_failed_total');
    // Connections of what was asked before may still be closing: a number that comes free later would be one too many.
    let open = '', unchanged = 0;
    await waitFor(() => {
        const now = readdirSync(`/proc/${server.pid}/fd`).join();
        unchanged = now === open ? unchanged + 1 : 0;
        open = now;
        return unchanged >= 10;
    }, { what: 'descriptors at rest' });
    const used = new Set(open.split(',').map(Number));
    let free = 0;
    while (used.has(free)) free++;
    const [, soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/limits`, 'utf8'));
    const setLimit = (value) => execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${value}:${hard}`]);
    // One is left, for the connection itself: its double has no room.
    setLimit(free + 1);
    try {
        assertNoCapacity(await refused(server, { path: '/echo' }));
        assertNoCapacity(await refused(server, { room: code, token: student('s1') }));
        assert.equal((await api(server, 'GET', '/version')).status, 200);
        assertNoCapacity(await api(server, 'POST', '/guest', { body: { room: code, name: 'Ann' } }));
    } finally {
        setLimit(soft);
    }
    assert.equal(await metric('take_failed_total'), failed + 2);
    await joinClass(server, code, host, 's2');
});

test('a client that goes while its place is being reserved gives it back', async () => {
    const { code, host } = await openClass(server, { query: { max: 1 } });
    const failed = await metric('take_failed_total');
    const raw = await rawSocket(server);
    await whileScriptsWait(
        () => raw.write(upgrade(`/ws?room=${code}`, student('s1'))),
        () => raw.socket.resetAndDestroy(),
    );
    await waitFor(async () => await metric('take_failed_total') === failed + 1, { what: 'the failure to be counted' });
    assert.equal(await redis.client.zcard(`room:${code}:pending`), 0);
    await joinClass(server, code, host, 's2');
});

test('a room that a lost host had just made goes with the reservation', async () => {
    const failed = await metric('take_failed_total');
    const raw = await rawSocket(server);
    await whileScriptsWait(
        () => raw.write(upgrade('/ws?room=LOSTROOM', mintToken({ type: 'teacher' }))),
        () => raw.socket.resetAndDestroy(),
    );
    await waitFor(async () => await metric('take_failed_total') === failed + 1, { what: 'the failure to be counted' });
    await waitFor(async () => await redis.client.exists('room:LOSTROOM:info') === 0, { what: 'the room to be gone' });
});

test('a client that closes as soon as it has asked leaves nothing behind', async () => {
    const { code, host } = await openClass(server, { query: { max: 1 } });
    for (let i = 0; i < 20; i++) {
        const raw = await rawSocket(server);
        raw.socket.end(upgrade(`/ws?room=${code}`, student('s1')));
        if (i % 2) raw.destroy();
    }
    await waitFor(async () => (await api(server, 'GET', `/rooms/${code}`)).body.count === 0
        && await redis.client.zcard(`room:${code}:pending`) === 0, { what: 'an empty room' });
    await joinClass(server, code, host, 's2');
});

test('a class that waits for its host takes an eighth of the threads; the others are told to come again', async () => {
    const small = await startServer({ redis, env: { LECTERN_HTTP_THREADS: 16 } });
    try {
        // As it is between the host's reservation and its arrival.
        const { client } = redis;
        await client.hset('room:OPENING:info', { epoch: 'aaaaaa', seal: 'aaaaaaaaaaaa', host: 't1', hostName: 't1', name: '', max: 50,
            hold: 0, talk: 'teacher', notify: 'host', locked: 0, createdAt: 1, log: '0-0 0 0 0 0', trimmed: '0-0' });
        await client.pexpire('room:OPENING:info', limit(10000));
        const began = Date.now();
        const asked = Array.from({ length: 30 }, (_, i) => refused(small, { room: 'OPENING', token: student(`s${i}`) }));
        assert.equal((await within(api(small, 'GET', '/version'), limit(4000), 'an answer meanwhile')).status, 200);
        const codes = (await Promise.all(asked)).map(({ status, body, headers }) => {
            if (status === 503) assert.match(headers['retry-after'], /^[1-9]\d*$/);
            return `${status} ${body.error.code}`;
        });
        // Two at a time wait in vain for a second; on a slow machine somebody asks only after that.
        const most = 2 + 2 * Math.floor((Date.now() - began) / 1000);
        const waited = codes.filter((code) => code === '404 room_not_found').length;
        assert.ok(waited >= 2 && waited <= most, `${waited} waited, at most ${most} could`);
        assert.equal(codes.filter((code) => code === '503 unavailable').length, 30 - waited);
        // The places are free again, and the wait ends when the host arrives.
        const late = connect(small, { room: 'OPENING', token: student('s1') });
        await connect(small, { room: 'OPENING', token: mintToken({ type: 'teacher', sub: 't1' }) });
        assert.equal((await late).welcome.message.user.id, 's1');
    } finally {
        await small.stop();
    }
});

test('while the server stops: upgrades 503 draining, not ready, alive', async () => {
    const ending = await startServer({ redis });
    let stopped;
    try {
        // Its closing handshake is not answered, so the end takes a moment.
        const mute = await rawSocket(ending);
        mute.write(upgrade('/echo'));
        await waitFor(() => mute.text().startsWith('HTTP/1.1 101'), { what: '101' });
        stopped = ending.stop();
        const ready = await waitFor(async () => {
            const answer = await api(ending, 'GET', '/readyz');
            return answer.status === 503 && answer;
        }, { what: '503 from /readyz' });
        assert.equal(ready.body.error.code, 'draining');
        const [answer, health] = await Promise.all([refused(ending, { path: '/echo' }), api(ending, 'GET', '/healthz')]);
        assert.equal(answer.status, 503);
        assert.equal(answer.body.error.code, 'draining');
        assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
        assert.equal(health.status, 200);
    } finally {
        assert.equal(await (stopped ?? ending.stop()), 0);
    }
});

test('an upgrade that is on its way when the server stops does not stop it from ending', async () => {
    const { code } = await openClass(server, { query: { max: 1, hold: 60 } });
    const ending = await startServer({ redis });
    const raw = await rawSocket(ending);
    let stopped;
    await whileScriptsWait(
        () => raw.write(upgrade(`/ws?room=${code}`, student('s1'))),
        async () => {
            stopped = ending.stop();
            await waitFor(() => /shutting down/.test(ending.log()), { what: 'the end to begin' });
        },
    );
    assert.equal(await within(stopped, limit(20000), 'end of the server'), 0);
    await waitFor(async () => await redis.client.zcard(`room:${code}:pending`) === 0
        && await redis.client.scard(`room:${code}:users`) === 1, { timeout: limit(15000), what: 'the place to be free' });
    const anna = await asStudent(server, code);
    anna.terminate();
    await closedWith(anna, 1006);
});

test('after all of that nothing has reached civetweb\'s own WebSocket', async () => {
    assert.equal(await metric('civetweb_sockets_total'), 0);
    const echo = await connect(server, { path: '/echo' });
    echo.sendRaw('fine');
    assert.equal(await echo.next(), 'fine');
    await echo.close();
});
