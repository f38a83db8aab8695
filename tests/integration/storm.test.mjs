// A class in rough weather, for some seconds: two servers, one of whose wires to Redis keeps breaking, a host who is lost and
// comes back, students who come, go, are cut off and move between the servers. Whatever happens, nobody may lose a message,
// hear one twice or out of order, or hear what was meant for somebody else; and at the end Redis knows who is there.
//
// STORM_SEED repeats a run (the dice are the same, the network's timing is not), STORM_S makes it longer.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import { asStudent, asTeacher, limit, roomCode, startRedis, startServer, waitFor } from './harness.mjs';
import { startWire } from './classroom.mjs';

const SEED = Number(process.env.STORM_SEED || randomInt(1 << 30));
const DURATION = Number(process.env.STORM_S || 5) * 1000;
const ENV = {
    LECTERN_RATE_HOST: '100000/100000', LECTERN_LOG_MAX: 50000, LECTERN_LOG_BYTES: 67108864,
    LECTERN_REDIS_TIMEOUT_MS: limit(500), LECTERN_LOOPS: 2,
};
const HELD = { query: { hold: 60 } };
const code = roomCode();
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
let redis;
let wire;
let servers = [];

let state = SEED;
const dice = (sides) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % sides;
};
const anywhere = () => servers[dice(servers.length)];

before(async () => {
    redis = await startRedis();
    wire = await startWire(redis);
    servers = [await startServer({ redis, env: ENV }), await startServer({ redis: wire.url, env: ENV })];
});
after(async () => {
    wire?.mend();
    await Promise.all(servers.map((server) => server.stop()));
    await wire?.stop();
    await redis?.stop();
});

/** Tries until it works: while the wire is cut, its server refuses connections. */
const persist = (fn) => waitFor(async () => {
    await fn();
    return true;
}, { timeout: limit(20000), every: 20, what: 'a connection' });

/** The host: sends 1, 2, 3, …, each until it is acknowledged, through every loss of its own connection. */
class Host {
    client;
    targets = new Map(); // number of a message -> whom it was for, or undefined
    open() { return persist(async () => { this.client = await asTeacher(anywhere(), code, {}, HELD); }); }

    async say(n, target) {
        this.targets.set(n, target);
        const message = { targetType: 'student', target, messageType: 'send', message: n, ref: `n${n}` };
        await waitFor(async () => {
            if (this.client.closeInfo) await this.open();
            return (await this.client.request(message, { timeout: limit(2000) })).messageType === 'ack';
        }, { timeout: limit(20000), every: 20, what: `ack of ${n}` });
    }

    async run(until, students) {
        for (let n = 1; ; n++) {
            if (Date.now() > until) return n;
            await this.say(n, dice(4) === 0 ? students[dice(students.length)].id : undefined);
            if (dice(150) === 0) this.client[dice(2) ? 'terminate' : 'close']();
            if (dice(200) === 0) await this.open(); // take-over: the older connection is closed by the server
        }
    }
}

/** A student who keeps coming back with `since`; `heard` is what it has heard in all of its connections. */
class Student {
    heard = [];
    constructor(id) { this.id = id; }

    open() {
        const query = this.last ? { since: this.last } : { history: 500 };
        const options = { query, deflate: dice(2) === 0 };
        return persist(async () => { this.client = await asStudent(anywhere(), code, { sub: this.id }, options); });
    }

    collect() {
        for (const message of this.client.messages.splice(0)) {
            if (message.messageType === 'send' || message.messageType === 'gap') this.heard.push(message);
            if (message.id) this.last = message.id;
        }
    }

    async run(until) {
        while (Date.now() < until) {
            await this.open();
            await Promise.race([this.client.closed, pause(20 + dice(800))]);
            if (dice(3) > 0) await this.client[dice(2) ? 'terminate' : 'close'](); // else the next connection replaces it
            this.collect();
        }
    }

    check(targets, last) {
        const numbers = this.heard.map(({ message }) => message);
        assert.deepEqual(this.heard.filter(({ messageType }) => messageType === 'gap'), [], 'nothing was forgotten');
        for (const { message, target } of this.heard) assert.equal(target, targets.get(message), `for whom ${message} was`);
        const expected = [];
        for (let n = 1; n <= last; n++) {
            if (!targets.get(n) || targets.get(n) === this.id) expected.push(n);
        }
        assert.deepEqual(numbers, expected, `what ${this.id} heard`);
    }
}

test(`nothing is lost, repeated, reordered or leaked (STORM_SEED=${SEED})`, async () => {
    const until = Date.now() + DURATION;
    const host = new Host();
    const students = Array.from({ length: 10 }, (_, i) => new Student(`s${i}`));
    await host.open();
    for (const student of students) await student.open();
    const weather = async () => {
        while (Date.now() < until) {
            await pause(700 + dice(1000));
            wire.cut();
            await pause(dice(600));
            wire.mend();
        }
    };
    const [last] = await Promise.all([host.run(until, students), weather(), ...students.map((student) => student.run(until))]);

    await host.say(last, undefined);
    for (const student of students) {
        await waitFor(async () => {
            if (student.client.closeInfo) await student.open();
            return student.client.messages.some(({ message }) => message === last);
        }, { timeout: limit(20000), what: `message ${last} at ${student.id}` });
        student.collect();
        student.check(host.targets, last);
    }
    await waitFor(async () => (await redis.client.scard(`room:${code}:users`)) === students.length + 1, { what: 'the roster' });
    for (const { id, client } of students) {
        assert.equal(await redis.client.hget(`room:${code}:user:${id}`, 'sessionId'), client.welcome.message.session);
    }
});
