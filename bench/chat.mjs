// What a chat message costs its sender: sockets that write at a steady rate into rooms of a few, and the time until each
// message is committed to the store and acknowledged, counted from when it was due (open loop), so that a stall is not
// hidden by sending less. Server, Redis, database and this generator share all cores.
//
//   node bench/chat.mjs [--rate 2000] [--sockets 200] [--members 4] [--seconds 10] [--size 60] [--store URL] [--postgres]
//       [--build build] [--lectern FILE]
//
// --store: where messages are kept (LECTERN_STORE_URL), default a new SQLite file in the temporary directory; --postgres starts
// a PostgreSQL of its own with durable commits. Rates are messages/s of all sockets together.

import { createHmac } from 'node:crypto';
import path from 'node:path';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { fail, startServer } from './servers.mjs';

const { values } = parseArgs({
    options: {
        rate: { type: 'string', default: '2000' },
        sockets: { type: 'string', default: '200' },
        members: { type: 'string', default: '4' },
        seconds: { type: 'string', default: '10' },
        size: { type: 'string', default: '60' },
        store: { type: 'string' },
        postgres: { type: 'boolean', default: false },
        build: { type: 'string', default: 'build' },
        lectern: { type: 'string' },
    },
});
const number = (name) => Number(values[name]) > 0 ? Number(values[name]) : fail(`--${name} is a number above 0`);
const [rate, count, members, seconds, size] = ['rate', 'sockets', 'members', 'seconds', 'size'].map(number);
const WARM_UP_MS = 2000;

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(secret, sub) {
    const now = Math.floor(Date.now() / 1000);
    const input = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub, name: sub, userType: 'student', iat: now, exp: now + 3600 })}`;
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

async function call(port, method, target, bearer, body) {
    const response = await fetch(`http://127.0.0.1:${port}${target}`, {
        method, headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json', Connection: 'close' },
        body: body && JSON.stringify(body),
    });
    if (!response.ok) fail(`${method} ${target}: ${response.status} ${await response.text()}`);
    return response.json();
}

/** Rooms of `members` people each; resolves with [{token, room}…]. */
async function people(port, secret) {
    const all = [];
    let room;
    for (let i = 0; i < count; i++) {
        const bearer = token(secret, `s${i}`);
        if (i % members === 0) room = (await call(port, 'POST', '/chat/room/group/create', bearer, { name: `room ${i}` })).id;
        else await call(port, 'POST', `/chat/room/group/${room}/join`, bearer, {});
        all.push({ bearer, room });
    }
    return all;
}

class Sender {
    constructor(port, { bearer, room }, index, stats) {
        this.stats = stats;
        this.due = new Map(); // ref -> when it was due
        this.sent = 0;
        this.text = 'x'.repeat(size);
        this.offset = (index / rate) * 1000;
        this.ws = new WebSocket(`ws://127.0.0.1:${port}/ws?room=${room}&history=0`, ['lectern.v1'],
            { headers: { Authorization: `Bearer ${bearer}` }, perMessageDeflate: false });
        this.ready = new Promise((resolve, reject) => {
            this.ws.once('message', resolve);
            this.ws.on('error', reject);
            this.ws.on('close', () => { stats.closed++; });
        });
        this.ws.on('message', (data) => this.receive(data.toString()));
    }

    receive(text) {
        if (text.startsWith('{"id"')) {
            this.stats.delivered++;
            return;
        }
        const ref = /"messageType":"(ack|error)","ref":"(\d+)"/.exec(text);
        if (!ref) return;
        const due = this.due.get(ref[2]);
        this.due.delete(ref[2]);
        if (ref[1] === 'error') this.stats.refused++;
        else if (due >= this.stats.from) this.stats.took.push(performance.now() - due);
    }

    /** Sends what is due by `now`; `start` is when the first message of the first socket was. */
    send(start, now) {
        for (;;) {
            const due = start + this.offset + (this.sent * count * 1000) / rate;
            if (due > now) return;
            const ref = String(this.sent++);
            this.due.set(ref, due);
            this.ws.send(`{"messageType":"send","ref":"${ref}","message":"${this.text}"}`);
        }
    }
}

const ticks = (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).map(Number).reduce((a, b) => a + b) / 100;

async function metrics(port) {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return (name) => Number(text.split('\n').find((line) => line.startsWith(`lectern_${name} `))?.split(' ')[1] ?? NaN);
}

async function measure(server, where) {
    const [port] = server.targets;
    const stats = { took: [], delivered: 0, refused: 0, closed: 0, from: Infinity };
    const senders = (await people(port, server.secret)).map((who, i) => new Sender(port, who, i, stats));
    await Promise.all(senders.map(({ ready }) => ready));
    const before = await metrics(port);
    const start = performance.now() + 50;
    stats.from = start + WARM_UP_MS;
    const end = stats.from + seconds * 1000;
    let cpu;
    for (let now; (now = performance.now()) < end;) {
        if (!cpu && now >= stats.from) cpu = { server: ticks(server.children[0].pid), redis: ticks(server.redis.child.pid), at: now };
        for (const sender of senders) sender.send(start, now);
        await sleep(1);
    }
    const used = (name, pid) => ((ticks(pid) - cpu[name]) / ((performance.now() - cpu.at) / 1000)).toFixed(2);
    const cores = { server: used('server', server.children[0].pid), redis: used('redis', server.redis.child.pid) };
    for (let i = 0; i < 500 && senders.some(({ due }) => due.size > 0); i++) await sleep(10);
    const lost = senders.reduce((sum, { due }) => sum + due.size, 0);
    const after = await metrics(port);
    const took = stats.took.sort((a, b) => a - b);
    const at = (share) => took[Math.min(took.length - 1, Math.floor(took.length * share))]?.toFixed(1);
    // Where the time went: stalls of the store, or of this generator's own core.
    const slow = (name) => {
        const over = (values) => values(`${name}_seconds_count`) - values(`${name}_seconds_bucket{le="0.05"}`);
        return over(after) - over(before);
    };
    const batch = (after('store_writes_total') - before('store_writes_total')) / (after('store_batches_total') - before('store_batches_total'));
    console.log(`${where}: ${(took.length / seconds).toFixed(0)} acks/s from ${count} sockets, ack p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, `
        + `most ${at(1)} ms; ${(stats.delivered / (seconds + WARM_UP_MS / 1000)).toFixed(0)} deliveries/s, ${batch.toFixed(1)} per commit, `
        + `cores: server ${cores.server}, Redis ${cores.redis}; over 50 ms in the server ${slow('ack')}, in the store ${slow('store_write')}; refused ${stats.refused}, unanswered ${lost}, closed ${stats.closed}`);
    for (const { ws } of senders) ws.terminate();
}

let postgres;
if (values.postgres) {
    const { startPostgres } = await import('../tests/integration/postgres.mjs');
    postgres = await startPostgres({ args: ['-c', 'fsync=on', '-c', 'synchronous_commit=on'] });
    await postgres.create('bench');
    values.store = postgres.url('bench');
}
const server = await startServer('lectern', {
    build: path.resolve(values.build),
    lectern: path.resolve(values.lectern ?? path.join(values.build, 'lectern')),
    cpu: null,
    env: { LECTERN_LOOPS: '2', LECTERN_RATE_STUDENT: '100000/100000', ...(values.store ? { LECTERN_STORE_URL: values.store } : {}) },
});
try {
    await measure(server, postgres ? 'PostgreSQL' : values.store?.replace(/:.*/, '') ?? 'SQLite');
} finally {
    await server.stop();
    await postgres?.stop();
}
process.exit(0);
