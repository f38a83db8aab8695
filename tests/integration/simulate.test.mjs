// `lectern simulate`: what it reports is what happened. Between it and the server may stand a wire that loses, doubles or
// cuts, so that a report which says so is seen to be true as well.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { api, BIN, freePort, launch, limit, mintToken, runBinary, SECRET, startRedis, startServer, waitFor, within }
    from './harness.mjs';

let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({ redis });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const WITH_SECRET = { LECTERN_JWT_SECRET: SECRET };

/** Starts a simulation; as launch() returns it. */
function begin(args, { env = WITH_SECRET, wrap = [] } = {}) {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LECTERN_')));
    const [command, ...argv] = [...wrap, BIN, 'simulate', ...args.map(String)];
    return launch(command, argv, { env: { ...clean, ...env } });
}

async function finish(self, timeout = limit(60000)) {
    const { code, signal } = await within(self.exited, timeout, 'end of the simulation');
    assert.equal(signal, null, self.stderr);
    assert.doesNotMatch(self.stderr, /Sanitizer|runtime error/);
    return { code, stdout: self.stdout, stderr: self.stderr };
}

/** Runs one to its end: {code, report, stdout, stderr}. */
async function simulate(args, options) {
    const result = await finish(begin([...args, '--json'], options));
    assert.match(result.stdout, /^\{.*\}\n$/, `one line of JSON: ${result.stdout}${result.stderr}`);
    return { ...result, report: JSON.parse(result.stdout) };
}

/** A short class of `students` students at this server. */
const short = (students, ...more) =>
    ['--url', server.url, '--students', students, '--seconds', 2, '--join-seconds', 0, '--images', 0, ...more];

const noRooms = () => waitFor(async () => (await redis.client.keys('room:*')).length === 0, { what: 'end of all rooms' });

/** The frames that a server sent, as they are complete: [{opcode, payload, bytes}], and what is left. */
function serverFrames(bytes) {
    const frames = [];
    let at = 0;
    for (;;) {
        if (bytes.length - at < 2) break;
        const code = bytes[at + 1] & 127;
        const head = code < 126 ? 2 : code === 126 ? 4 : 10;
        if (bytes.length - at < head) break;
        const size = code < 126 ? code : code === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
        if (bytes.length - at < head + size) break;
        const end = at + head + size;
        frames.push({ opcode: bytes[at] & 15, payload: bytes.toString('utf8', at + head, end), bytes: bytes.subarray(at, end) });
        at = end;
    }
    return { frames, rest: bytes.subarray(at) };
}

/**
 * A wire to the server that shows each frame for a client to `alter(frame, connection)`: it returns how often the frame is
 * passed on (0: lost, 2: doubled), or 'cut'. {url, stop()}.
 */
async function startMeddler(alter) {
    const open = new Set();
    const meddler = net.createServer((near) => {
        const far = net.connect(server.port, '127.0.0.1');
        const connection = {};
        let head = true;
        let kept = Buffer.alloc(0);
        for (const [socket, other] of [[near, far], [far, near]]) {
            open.add(socket);
            socket.on('error', () => {});
            socket.on('close', () => { open.delete(socket); other.destroy(); });
        }
        near.on('data', (chunk) => far.write(chunk));
        far.on('data', (chunk) => {
            kept = Buffer.concat([kept, chunk]);
            const end = kept.indexOf('\r\n\r\n');
            if (head && end < 0) return;
            if (head) {
                const upgraded = kept.subarray(0, 12).toString() === 'HTTP/1.1 101';
                near.write(kept.subarray(0, upgraded ? end + 4 : kept.length));
                kept = kept.subarray(upgraded ? end + 4 : kept.length);
                head = !upgraded;
            }
            if (head) return;
            const { frames, rest } = serverFrames(kept);
            kept = rest;
            for (const frame of frames) {
                const times = frame.opcode === 1 ? alter(JSON.parse(frame.payload), connection) ?? 1 : 1;
                if (times === 'cut') {
                    near.resetAndDestroy();
                    return;
                }
                for (let i = 0; i < times; i++) near.write(frame.bytes);
            }
        });
    });
    await new Promise((resolve) => { meddler.listen(0, '127.0.0.1', resolve); });
    return {
        url: `http://127.0.0.1:${meddler.address().port}`,
        async stop() {
            for (const socket of open) socket.destroy();
            await new Promise((resolve) => { meddler.close(resolve); });
        },
    };
}

describe('a class that goes well', () => {
    test('is reported as it was, and its room ends with it', async () => {
        const { code, report, stderr } = await simulate(
            short(12, '--messages-per-s', 10, '--answer-every', 5, '--reconnects', 2));
        assert.equal(code, 0, JSON.stringify(report) + stderr);
        assert.equal(report.ok, true);
        assert.equal(report.failure, null);
        assert.deepEqual(report.errors, {});
        assert.deepEqual([report.students, report.joined, report.rooms, report.servers], [12, 12, 1, 1]);
        assert.deepEqual([report.lost, report.repeated], [0, 0]);
        assert.ok(report.messages >= 15, `${report.messages} messages in 2 s at 10 per second`);
        assert.equal(report.heard, report.messages * 12);
        assert.ok(report.replayed >= 2 * 12, 'everybody missed something twice');
        assert.ok(report.answers >= 12, `${report.answers} answers`);
        assert.equal(report.answersHeard, report.answers);
        assert.equal(report.ms.join.count, 12);
        assert.equal(report.ms.reconnect.count, 2 * 12);
        assert.equal(report.ms.answer.count, report.answers);
        assert.ok(report.ms.delivery.count > 0 && report.ms.delivery.count <= report.heard - report.replayed);
        for (const { count, p50, p95, p99, max } of Object.values(report.ms)) {
            assert.ok(p50 <= p95 && p95 <= p99 && p99 <= max && (count > 0 ? p50 > 0 : max === 0));
        }
        assert.ok(report.ms.answer.max < report.seconds * 1000 && report.ms.delivery.max < report.seconds * 1000);
        assert.ok(report.usage.memoryBefore > 1e6);
        for (const part of ['join', 'messages', 'reconnect']) {
            assert.ok(report.usage[part].cpu >= 0 && report.usage[part].memory > 1e6 && report.usage[part].seconds > 0);
        }
        await noRooms();
    });

    test('what the server counts is what is reported', async () => {
        const counted = async (name) => {
            const { body } = await api(server, 'GET', '/metrics');
            return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(body)[1]);
        };
        const before = await counted('lectern_connections_total');
        const { report } = await simulate(short(7, '--answer-every', 0));
        // A host, and each student twice.
        assert.equal(await counted('lectern_connections_total') - before, 1 + 2 * 7);
        assert.equal(report.answers, 0);
        assert.equal(report.ms.answer.count, 0);
    });

    test('in several rooms, with students as guests, by a token that was given', async () => {
        const token = mintToken({ type: 'teacher', sub: 'boss' });
        const { code, report } = await simulate(short(10, '--rooms', 3, '--token', token, '--messages-per-s', 5), { env: {} });
        assert.equal(code, 0, JSON.stringify(report));
        assert.deepEqual([report.rooms, report.joined, report.ms.guest.count, report.ms.join.count], [3, 10, 10, 10]);
        assert.ok(report.messages > 0 && report.heard > report.messages, 'each room heard its own');
        await noRooms();
    });

    test('on two servers', async (t) => {
        const other = await startServer({ redis });
        t.after(() => other.stop());
        const { code, report } = await simulate(short(9, '--rooms', 2, '--url', other.url));
        assert.equal(code, 0, JSON.stringify(report));
        assert.equal(report.servers, 2);
        for (const { log } of [server, other]) {
            await waitFor(() => /closed user=sim-\w+-s\d+/.test(log()), { what: 'students at both' });
        }
        assert.ok(report.usage.memoryBefore > 2e6);
    });

    test('uploads images where the server takes them', async () => {
        const { code, report } = await simulate(
            ['--url', server.url, '--students', 2, '--seconds', 2, '--images', 2, '--reconnects', 0]);
        assert.equal(code, 0, JSON.stringify(report));
        assert.equal(report.imagesLeftOut, null);
        assert.equal(report.images, 2);
        assert.equal(report.ms.image.count, 2);
    });

    test('leaves images and the server\'s figures out where it cannot have them', async (t) => {
        const old = http.createServer((request, response) => { // before images, and a proxy that keeps the metrics
            if (request.url === '/metrics') {
                response.writeHead(403).end();
                return;
            }
            const target = /\/images$/.test(request.url) ? '/none' : request.url;
            const passed = http.request(server.url + target, { method: request.method, headers: request.headers }, (answer) => {
                response.writeHead(answer.statusCode, answer.headers);
                answer.pipe(response);
            });
            request.pipe(passed);
        });
        old.on('upgrade', (request, near) => {
            const far = net.connect(server.port, '127.0.0.1');
            const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
            far.write(`GET ${request.url} HTTP/1.1\r\n${lines}\r\n`);
            near.pipe(far).pipe(near);
            for (const socket of [near, far]) socket.on('error', () => { near.destroy(); far.destroy(); });
        });
        await new Promise((resolve) => { old.listen(0, '127.0.0.1', resolve); });
        t.after(() => { old.closeAllConnections(); old.close(); });
        const { code, report } = await simulate(['--url', `http://127.0.0.1:${old.address().port}`, '--students', 2,
            '--seconds', 1, '--images', 2, '--reconnects', 0]);
        assert.equal(code, 0, JSON.stringify(report));
        assert.equal(report.images, 0);
        assert.match(report.imagesLeftOut, /no POST \/rooms/);
        assert.equal(report.usage, null);
        assert.equal(report.usageUnknown, 'GET /metrics: it is answered by 403');
    });

    test('as a table', async () => {
        const { code, stdout } = await finish(begin(short(3)));
        assert.equal(code, 0, stdout);
        assert.match(stdout, /^3 students in 1 room, \d+ s, lectern \d+\.\d+\.\d+\n/);
        assert.match(stdout, /^ms +count +p50 +p95 +p99 +max$/m);
        assert.match(stdout, /^join +3( +\d+\.\d){4}$/m);
        assert.match(stdout, /^server +seconds +CPU s +of a core +memory MiB$/m);
        // Between these two it may say that this machine was busy.
        assert.match(stdout, /^lost 0, repeated 0, errors 0\n/m);
        assert.match(stdout, /^Everything arrived, once and in order\.\n$/m);
    });
});

// Most of their time is waiting for what does not come, so they run side by side.
describe('a class that does not go well', { concurrency: true }, () => {
    /** The number that a host gave its message, 0 for anything else. */
    const number = (message) => (message.messageType === 'send' ? message.message.simulate : 0);

    /** Errors with one name for a connection that broke: whether its reset is seen as such depends on what was under way. */
    function named(errors) {
        const result = {};
        for (const [kind, count] of Object.entries(errors)) {
            const name = kind.replace(/connection reset by peer|the connection was cut/, 'broken');
            result[name] = (result[name] ?? 0) + count;
        }
        return result;
    }

    async function meddled(t, alter, ...more) {
        const meddler = await startMeddler(alter);
        t.after(() => meddler.stop());
        return simulate([...short(4, '--messages-per-s', 5, '--reconnects', 0, ...more), '--url', meddler.url].slice(2));
    }

    test('a message lost on the way to one student is one lost', async (t) => {
        let lost = 0;
        const { code, report } = await meddled(t, (message) => (number(message) === 3 && lost++ === 0 ? 0 : 1));
        assert.equal(code, 1);
        assert.deepEqual([report.ok, report.lost, report.repeated], [false, 1, 0]);
        assert.equal(report.heard, report.messages * 4 - 1);
    });

    test('a message that comes twice is one repeated', async (t) => {
        let doubled = 0;
        const { code, report } = await meddled(t, (message) => (number(message) === 3 && doubled++ === 0 ? 2 : 1));
        assert.equal(code, 1);
        assert.deepEqual([report.ok, report.lost, report.repeated], [false, 0, 1]);
        assert.equal(report.heard, report.messages * 4);
    });

    test('an answer lost on the way to the host is one lost', async (t) => {
        let lost = 0;
        const { code, report } = await meddled(t, (message) => (message.messageType === 'answer' && lost++ === 0 ? 0 : 1));
        assert.equal(code, 1);
        assert.deepEqual([report.lost, report.answersHeard], [1, report.answers - 1]);
    });

    test('an ack that does not come is told', async (t) => {
        const { code, report } = await meddled(t,
            (message) => (message.messageType === 'ack' && message.ref === 'm2' ? 0 : 1));
        assert.equal(code, 1);
        assert.deepEqual(report.errors, { 'message: no ack came': 1 });
        assert.equal(report.lost, 0);
    });

    test('a student whose connection breaks comes back, and misses nothing', async (t) => {
        let cut = 0;
        const { code, report } = await meddled(t, (message) => (number(message) === 3 && cut++ === 0 ? 'cut' : 1),
            '--seconds', 4);
        assert.equal(code, 1, 'it did not go well');
        assert.deepEqual(named(report.errors), { 'student: broken': 1 });
        assert.deepEqual([report.lost, report.repeated, report.ms.reconnect.count], [0, 0, 1]);
        assert.equal(report.heard, report.messages * 4);
    });

    test('a student who does not get in is tried again, then given up', async (t) => {
        const { code, report } = await meddled(t,
            (message) => (message.messageType === 'welcome' && message.message.user.name === 'Student 3' ? 'cut' : 1));
        assert.equal(code, 1);
        assert.deepEqual([report.joined, report.lost, report.failure], [3, 0, null]);
        assert.deepEqual(named(report.errors), { 'join: broken': 5 });
        assert.equal(report.heard, report.messages * 3);
    });

    test('a server that has no room for students', async (t) => {
        const small = await startServer({ redis, env: { LECTERN_CONNECTIONS_MAX: 1 } });
        t.after(() => small.stop());
        const { code, report } = await simulate(['--url', small.url, ...short(3).slice(2)]);
        assert.equal(code, 1);
        assert.deepEqual([report.joined, report.messages], [0, 0]);
        assert.deepEqual(report.errors, { 'join: 503 no_capacity': 3 * 5 });
        assert.match(report.failure, /no student came in/);
    });

    test('a server that is killed', async (t) => {
        const alone = await startRedis(); // what the dead server leaves behind is nobody else's
        t.after(() => alone.stop());
        const doomed = await startServer({ redis: alone });
        const self = begin(['--url', doomed.url, '--students', 8, '--seconds', 600, '--join-seconds', 0, '--json']);
        await waitFor(() => /sending messages/.test(self.stderr), { timeout: limit(15000), what: 'the first messages' });
        await doomed.kill();
        const { code, stdout } = await finish(self, limit(20000));
        const report = JSON.parse(stdout);
        assert.equal(code, 1);
        assert.match(report.failure, /gave up the host's socket/);
        assert.ok(Object.keys(report.errors).some((kind) => /^host: /.test(kind)), stdout);
    });
});

describe('a class that cannot be held', () => {
    const failing = async (args, options) => {
        const result = await finish(begin(args, options), limit(30000));
        assert.equal(result.code, 1, result.stdout + result.stderr);
        return result.stdout + result.stderr;
    };

    test('nobody is there', async () => {
        const port = await freePort();
        assert.match(await failing(['--url', `http://127.0.0.1:${port}`]),
            new RegExp(`could not be held: 127\\.0\\.0\\.1:${port} cannot be reached: connection refused\\.`));
        assert.match(await failing(['--url', 'http://no-such-host.invalid']), /no-such-host\.invalid is not found/);
    });

    test('somebody else is there', async (t) => {
        const other = http.createServer((request, response) => { response.end('{"name":"nginx"}'); });
        await new Promise((resolve) => { other.listen(0, '127.0.0.1', resolve); });
        t.after(() => other.close());
        assert.match(await failing(['--url', `http://127.0.0.1:${other.address().port}`]), /not as Lectern does \(status 200\)/);
        assert.match(await failing(['--url', redis.url.replace('redis', 'http')]), /cannot be reached: /);
    });

    test('the secret is not the server\'s', async () => {
        const env = { LECTERN_JWT_SECRET: 'another-secret-that-is-long-enough-for-hs256' };
        assert.match(await failing(['--url', server.url], { env }),
            /refused the token \(401 token_invalid\): LECTERN_JWT_SECRET or LECTERN_DATA_DIR/);
    });

    test('the token is no good', async () => {
        for (const [token, sentence] of [
            ['x.y.z', /refused the token that was given \(401 token_invalid\)/],
            [mintToken({ type: 'teacher', exp: 1000 }), /refused the token that was given \(401 token_expired\)/],
            [mintToken({ type: 'student' }), /no room could be opened \(400 bad_room\); the token must be a teacher's/],
        ]) {
            assert.match(await failing(['--url', server.url, '--token', token], { env: {} }), sentence);
        }
    });

    test('tokens come from another service', async (t) => {
        const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        const dir = mkdtempSync(path.join(tmpdir(), 'lectern-simulate-'));
        t.after(() => rmSync(dir, { recursive: true }));
        const file = path.join(dir, 'public.pem');
        writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
        const env = { LECTERN_JWT_SECRET: null, LECTERN_JWT_ALGORITHM: 'RS256', LECTERN_JWT_PUBLIC_KEY: file };
        const other = await startServer({ redis, env });
        t.after(() => other.stop());
        delete env.LECTERN_JWT_SECRET;
        assert.match(await failing(['--url', other.url], { env }), /tokens can only be made with .*HS256.*--token/);
        const token = mintToken({ type: 'teacher', alg: 'RS256', secret: privateKey });
        assert.match(await failing(['--url', other.url, '--token', token], { env: {} }),
            /makes no tokens for guests \(403 guest_unavailable\)/);
        await noRooms();
    });

    test('more students than a room takes, more messages than a host may send', async (t) => {
        const small = await startServer({ redis, env: { LECTERN_ROOM_MAX: 5, LECTERN_RATE_HOST: '3/3' } });
        t.after(() => small.stop());
        assert.match(await failing(['--url', small.url, '--students', 6]), /takes 5 students \(LECTERN_ROOM_MAX\), 6 were to come/);
        assert.match(await failing(['--url', small.url, '--students', 5, '--messages-per-s', 4]),
            /lets a host send 3 messages per second \(LECTERN_RATE_HOST\)/);
        await noRooms();
    });

    test('fewer descriptors than sockets', async () => {
        const text = await failing(['--url', server.url, '--students', 500], { wrap: ['prlimit', '--nofile=200:200'] });
        assert.match(text, /500 students need 565 open files, and 200 are allowed here: ulimit -n 565/);
    });
});

describe('an operator', () => {
    for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143]]) {
        test(`${signal} ends the room and reports what there is`, async () => {
            const self = begin(['--url', server.url, '--students', 5, '--seconds', 3600, '--join-seconds', 0, '--json']);
            await waitFor(() => /sending messages/.test(self.stderr), { timeout: limit(15000), what: 'the first messages' });
            assert.notDeepEqual(await redis.client.keys('room:*'), []);
            self.kill(signal);
            const { code, stdout } = await finish(self, limit(15000));
            const report = JSON.parse(stdout);
            assert.equal(code, status);
            assert.deepEqual([report.ok, report.interrupted, report.joined], [false, true, 5]);
            await noRooms();
        });
    }

    test('a simulation that is killed leaves no room behind', async () => {
        const self = begin(['--url', server.url, '--students', 5, '--seconds', 3600, '--join-seconds', 0]);
        await waitFor(() => /sending messages/.test(self.stderr), { timeout: limit(15000), what: 'the first messages' });
        self.kill('SIGKILL');
        await self.exited;
        await noRooms();
    });

    test('is told what is wrong with options', async () => {
        for (const [args, sentence] of [
            [['--students', '0'], /--students is a number from 1 to 20000: 0/],
            [['--students', '-5'], /--students is a number/],
            [['--students', '20001'], /--students is a number/],
            [['--seconds', '3601'], /--seconds is a number from 1 to 3600/],
            [['--rooms', '40'], /40 rooms need at least as many --students/],
            [['--url', 'https://school.example'], /TLS is not spoken here/],
            [['--url', 'wss://school.example'], /TLS is not spoken here/],
            [['--student', 'x'], /--student/],
            [['now'], /unexpected argument: now/],
        ]) {
            const { code, stderr, stdout } = await runBinary(['simulate', ...args]);
            assert.equal(code, 2, `${args}: ${stdout}${stderr}`);
            assert.match(stderr, sentence);
            assert.equal(stdout, '');
        }
    });

    test('is told what can be said', async () => {
        const { code, stdout } = await runBinary(['simulate', '--help']);
        assert.equal(code, 0);
        for (const option of ['--students', '--url', '--token', '--reconnects', '--json']) assert.ok(stdout.includes(option));
        assert.match((await runBinary(['--help'])).stdout, /^ {2}lectern simulate /m);
    });
});
