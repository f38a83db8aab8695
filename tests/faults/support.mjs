// What the fault tests share: servers with a short lease around a private Redis, what Redis may hold of a server that
// is gone, and a wire to Redis that falls silent.

import assert from 'node:assert/strict';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { api, limit, mintToken, startRedis, startServer, waitFor } from '../integration/harness.mjs';

/** The lease of the servers started here, in seconds: short, but long enough for a slow machine. */
export const LEASE_S = Math.ceil(limit(2000) / 1000);
export const DRAIN_S = Math.ceil(limit(4000) / 1000);

/** Within this time what a dead server leaves is cleaned up: the lease, the janitor's round, and slack. */
export const REAPED = LEASE_S * 1000 + LEASE_S * 1000 / 3 + limit(1500);

/** Within this time servers have found their way back after a fault (reconnecting, waiting a lease, reaping). */
export const HEALED = 2 * LEASE_S * 1000 + limit(8000);

export const ENV = {
    LECTERN_LEASE_S: LEASE_S, LECTERN_DRAIN_S: DRAIN_S, LECTERN_REDIS_TIMEOUT_MS: limit(500), LECTERN_LOOPS: 1,
    LECTERN_RATE_HOST: '10000/10000', LECTERN_RATE_STUDENT: '10000/10000',
};

const NAMES = ['a', 'b', 'c'];

// Servers that a test leaves behind are ended in order where a sanitizer looks for leaks at the end, else at once.
const IN_ORDER = limit(1) > 1;

/**
 * A Redis and servers `a`, `b`… that end with the test. `env` is for all of them, `persist` for Redis; `through(redis, i)`
 * may give the URL at which server i finds Redis. Resolves with {redis, servers, start(env)}: start() adds one more.
 */
export async function setUp(t, { count = 2, env = {}, persist = false, through } = {}) {
    const redis = await startRedis({ persist });
    const servers = [];
    const ends = [];
    t.after(async () => {
        redis.kill('SIGCONT');
        const ended = await Promise.allSettled(ends.map((end) => end()));
        await redis.stop();
        for (const { status, reason } of ended) if (status === 'rejected') throw reason;
    });
    const start = async (more = {}, url) => {
        const server = await startServer({ redis: url ?? redis,
            env: { LECTERN_SERVER_ID: NAMES[servers.length], ...ENV, ...env, ...more } });
        ends.push(() => (IN_ORDER ? server.stop() : server.kill()));
        return server;
    };
    for (let i = 0; i < count; i++) {
        servers.push(await start({}, await through?.(redis, i)));
    }
    return { redis, servers, start };
}

/** Waits until Redis holds nothing of that server any more. */
export const forgotten = (redis, id, timeout = REAPED) => waitFor(async () => {
    const keys = await redis.client.keys(`server:${id}:*`);
    return keys.length === 0 && !await redis.client.sismember('servers', id);
}, { timeout, every: 50, what: `nothing left of server ${id}` });

/** Ids that Redis has as present, sorted. */
export const roster = async (redis, code) => (await redis.client.smembers(`room:${code}:users`)).sort();

/** Waits until exactly these are present, in Redis and in what the server answers. */
export async function rosterIs(redis, server, code, ids, timeout = HEALED) {
    const wanted = [...ids].sort();
    await waitFor(async () => {
        assert.deepEqual(await roster(redis, code), wanted);
        const { body } = await api(server, 'GET', `/rooms/${code}/users`, { token: mintToken({ type: 'service' }) });
        const told = [...body.participants, ...body.host ? [body.host] : []].map(({ id }) => id).sort();
        assert.deepEqual(told, wanted);
        return true;
    }, { timeout, every: 50, what: `only ${wanted} present` });
}

/** Waits until the server says that it can serve. */
export const ready = (server, timeout = HEALED) => waitFor(async () =>
    (await api(server, 'GET', '/readyz')).status === 200, { timeout, every: 50, what: '/readyz' });

/** Sends until it is taken; a refusal before that must be `unavailable`. Resolves with the id. */
export async function taken(client, message, timeout = HEALED) {
    return waitFor(async () => {
        const { messageType, message: answer } = await client.request(message, { timeout: limit(10000) });
        if (messageType === 'error') assert.equal(answer.code, 'unavailable');
        return messageType === 'ack' && (answer.id ?? 'taken');
    }, { timeout, every: 50, what: 'an ack' });
}

/** Sends until it is refused because Redis is away. */
export async function unavailable(client) {
    await waitFor(async () => {
        const { messageType, message } = await client.request(
            { targetType: 'teacher', messageType: 'probe' }, { timeout: limit(10000) });
        if (messageType === 'error') assert.equal(message.code, 'unavailable');
        return messageType === 'error';
    }, { timeout: limit(10000), what: 'a refusal' });
}

/** {code, reason} of a socket that the server closes within that time. */
export async function closes(client, code, reason, timeout = HEALED) {
    const info = await waitFor(() => client.closeInfo, { timeout, what: `close ${code}` });
    assert.equal(info.code, code, `closed ${info.code} ${info.reason}`);
    if (reason !== undefined) assert.equal(info.reason, reason);
}

/**
 * A wire to Redis that can fall silent, as when a cable is pulled: what is sent meanwhile waits (and may arrive late, as
 * TCP makes it), new connections are made but nothing goes through them.
 */
export async function startValve(redis) {
    const open = new Set();
    let closed = false;
    const server = net.createServer((near) => {
        const far = net.connect(redis.port, '127.0.0.1');
        for (const [socket, other] of [[near, far], [far, near]]) {
            open.add(socket);
            if (closed) socket.pause();
            socket.on('data', (bytes) => other.write(bytes));
            socket.on('end', () => other.end());
            socket.on('error', () => {});
            socket.on('close', () => { open.delete(socket); other.destroy(); });
            if (closed) socket.pause();
        }
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return {
        url: `redis://127.0.0.1:${server.address().port}`,
        close() {
            closed = true;
            for (const socket of open) socket.pause();
        },
        open() {
            closed = false;
            for (const socket of open) socket.resume();
        },
        stop() {
            for (const socket of open) socket.destroy();
            return new Promise((resolve) => { server.close(resolve); });
        },
    };
}

/** A wire to Redis that can grow long: after lengthen(ms) all arrives so much later, in each direction. */
export async function startLongWire(redis) {
    const open = new Set();
    let delay = 0;
    const server = net.createServer((near) => {
        const far = net.connect(redis.port, '127.0.0.1');
        for (const [socket, other] of [[near, far], [far, near]]) {
            let last = Promise.resolve();
            const later = (fn) => {
                const due = wait(delay);
                last = last.then(() => due).then(fn); // nothing overtakes what is under way
            };
            open.add(socket);
            socket.on('data', (bytes) => later(() => other.write(bytes)));
            socket.on('end', () => later(() => other.end()));
            socket.on('error', () => {});
            socket.on('close', () => { open.delete(socket); other.destroy(); });
        }
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return {
        url: `redis://127.0.0.1:${server.address().port}`,
        lengthen(ms) { delay = ms; },
        stop() {
            for (const socket of open) socket.destroy();
            return new Promise((resolve) => { server.close(resolve); });
        },
    };
}
