// What the integration and browser tests share: a private Redis, the real binary, tokens, WebSocket clients that remember
// what they heard, and raw HTTP. Everything runs on free loopback ports and in directories of its own; nothing waits for a
// fixed time. Each process started here is ended by its pid when the test process ends, however it ends (setpriv asks the
// kernel to do so even after SIGKILL).
//
//   const redis = await startRedis();
//   const server = await startServer({ redis });
//   const host = await connect(server, { room: 'FTYXPM', token: mintToken({ type: 'teacher', sub: 't1' }) });
//   const reply = await host.request({ targetType: 'student', messageType: 'send', message: 'hi' });   // ack or error
//   await server.stop(); await redis.stop();
//
// Environment: LECTERN_BIN (the binary, default build/lectern), TEST_PATIENCE (factor for all time limits, for sanitizers
// and slow machines). The servers started here see no LECTERN_ variable but those that the test gives.

import { spawn, execFile } from 'node:child_process';
import { createHmac, randomBytes, randomInt, sign } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { Redis } from 'ioredis';
import WebSocket from 'ws';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const BIN = path.resolve(ROOT, process.env.LECTERN_BIN || 'build/lectern');
export const SECRET = 'integration-test-secret-of-44-characters-abc';

const PATIENCE = Number(process.env.TEST_PATIENCE || 1);
const SANITIZER_REPORT = /ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: /;

/** A time limit in ms, stretched by TEST_PATIENCE. */
export const limit = (ms) => ms * PATIENCE;

/** The `exp` of a token with which one still comes in on a slow machine, but which is waited for (within limit(10000)). */
export const soon = () => Math.ceil(Date.now() / 1000) + 2 + Math.ceil(limit(1));

// --- processes -------------------------------------------------------------------------------------------------------

const children = new Set();
const directories = new Set();

function endAll() {
    for (const child of children) {
        try {
            process.kill(child.pid, 'SIGKILL');
        } catch {
            // it was gone already
        }
    }
    for (const dir of directories) rmSync(dir, { recursive: true, force: true });
}

process.on('exit', endAll);

// A test that failed half-way has not stopped what it started, which would keep this process from ending.
const leftovers = new Set();
after(() => {
    endAll();
    for (const end of leftovers) end();
});

for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]]) {
    process.on(signal, () => process.exit(128 + number));
}

export function tempDir(name) {
    const dir = mkdtempSync(path.join(tmpdir(), `lectern-${name}-`));
    directories.add(dir);
    return dir;
}

export function removeDir(dir) {
    rmSync(dir, { recursive: true, force: true });
    directories.delete(dir);
}

const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find(existsSync);

/**
 * Starts a process that cannot outlive this one: {pid, stdout, stderr (texts so far), running, exited (resolves with
 * {code, signal}, never rejects), kill(signal)}.
 */
export function launch(command, args, { env = process.env, cwd = ROOT } = {}) {
    const [file, argv] = SETPRIV
        ? [SETPRIV, ['--pdeathsig', 'KILL', '--', command, ...args]]
        : [command, args];
    const child = spawn(file, argv, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const self = { child, pid: child.pid, stdout: '', stderr: '', running: true };
    if (child.pid) children.add(child);
    child.stdout.setEncoding('utf8').on('data', (text) => { self.stdout += text; });
    child.stderr.setEncoding('utf8').on('data', (text) => { self.stderr += text; });
    self.exited = new Promise((resolve) => {
        const done = (code, signal) => {
            children.delete(child);
            self.running = false;
            resolve({ code, signal });
        };
        child.on('error', (error) => {
            self.stderr += `${command}: ${error.message}\n`;
            done(127, null);
        });
        child.on('close', done);
        child.on('exit', () => { self.running = false; });
    });
    self.kill = (signal) => {
        if (self.running) process.kill(child.pid, signal);
    };
    return self;
}

/** Asks the process to end, waits, and returns {code, signal}; past the limit it is killed and this throws. */
export async function terminate(self, what, timeout) {
    self.kill('SIGTERM');
    if (self.running) self.kill('SIGCONT'); // a test may have left it stopped
    const late = Symbol('late');
    const result = await Promise.race([self.exited, delay(timeout, late)]);
    if (result !== late) return result;
    self.kill('SIGKILL');
    await self.exited;
    throw new Error(`${what} did not end within ${timeout} ms of SIGTERM\n${self.stderr}`);
}

function delay(ms, value) {
    return new Promise((resolve) => { setTimeout(resolve, ms, value).unref(); });
}

/** The result of `promise`, or an error that says `what` was awaited. */
export async function within(promise, timeout, what) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no ${what} within ${timeout} ms`)), timeout);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}

/** Calls fn (sync or async) until it returns something true, and returns that. Errors count as "not yet". */
export async function waitFor(fn, { timeout = limit(5000), what = 'condition', every = 10 } = {}) {
    const end = Date.now() + timeout;
    let last;
    for (;;) {
        try {
            const value = await fn();
            if (value) return value;
            last = undefined;
        } catch (error) {
            last = error;
        }
        if (Date.now() >= end) {
            throw new Error(`${what}: not within ${timeout} ms${last ? ` (${last.message})` : ''}`);
        }
        await new Promise((resolve) => { setTimeout(resolve, every); });
    }
}

// Ports below the ephemeral range, so that no outgoing connection takes one, in blocks: each test process holds blocks of its
// own by listening on their first port. So nobody gets the port of a server that another test has killed and will start
// again, and none is given twice.
const PORTS = { first: 20000, last: 31999, block: 100 };
const block = { next: 0, end: 0 };

/** A server listening on that loopback port, or null where it is taken. */
function listening(port) {
    return new Promise((resolve) => {
        const server = net.createServer((socket) => socket.destroy());
        server.once('error', () => resolve(null));
        server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server));
    });
}

async function claimBlock() {
    const count = Math.floor((PORTS.last + 1 - PORTS.first) / PORTS.block);
    const offset = randomInt(count);
    for (let i = 0; i < count; i++) {
        const first = PORTS.first + ((offset + i) % count) * PORTS.block;
        const lock = await listening(first);
        if (!lock) continue;
        lock.unref(); // it ends with this process
        Object.assign(block, { next: first + 1, end: first + PORTS.block });
        return;
    }
    throw new Error('no free ports found');
}

/** A loopback port that is free now, and that no other test is given. */
export async function freePort() {
    for (;;) {
        if (block.next === block.end) await claimBlock();
        const port = block.next++;
        const probe = await listening(port);
        if (!probe) continue;
        await new Promise((resolve) => { probe.close(resolve); });
        return port;
    }
}

// Start something that binds a free port; where another test was quicker with that port, take another.
export async function onFreePort(port, start) {
    for (let attempt = 1; ; attempt++) {
        try {
            return await start(port ?? await freePort());
        } catch (error) {
            const taken = /address already in use|in use|bind/i.test(error.message);
            if (port || !taken || attempt === 5) throw error;
        }
    }
}

// --- Redis -----------------------------------------------------------------------------------------------------------

/**
 * A private redis-server. Options: port, password, args (further redis-server arguments), persist (append-only file, so
 * that restart() keeps the data; default: nothing is written).
 * Returns {url, port, pid, client, log(), stop(), kill(signal), restart()}. `client` is an ioredis that reconnects by
 * itself; restart() starts Redis anew on the same port after a kill() or while it runs (emptied unless `persist`).
 */
export async function startRedis({ port, password, persist = false, args = [] } = {}) {
    const dir = tempDir('redis');
    const launchOn = async (chosen) => {
        const self = launch('redis-server', [
            '--port', String(chosen), '--bind', '127.0.0.1', '--dir', dir, '--save', '',
            '--appendonly', persist ? 'yes' : 'no', '--appendfsync', 'always', '--daemonize', 'no',
            ...(password ? ['--requirepass', password] : []), ...args,
        ]);
        await waitFor(() => {
            if (!self.running) return true;
            return /Ready to accept connections/.test(self.stdout);
        }, { timeout: limit(10000), what: 'redis-server ready' });
        if (!self.running) throw new Error(`redis-server ended at once\n${self.stdout}${self.stderr}`);
        return { self, port: chosen };
    };
    let { self, port: chosen } = await onFreePort(port, launchOn);
    const url = `redis://${password ? `:${encodeURIComponent(password)}@` : ''}127.0.0.1:${chosen}`;
    const client = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: 100, disconnectTimeout: 50 });
    client.on('error', () => {}); // it is killed on purpose; ioredis reconnects
    const disconnect = () => client.disconnect();
    leftovers.add(disconnect);

    return {
        url, port: chosen, client, dir,
        get pid() { return self.pid; },
        log: () => self.stdout + self.stderr,
        kill(signal = 'SIGKILL') { self.kill(signal); return signal === 'SIGKILL' ? self.exited : undefined; },
        async restart() {
            await terminate(self, 'redis-server', limit(10000));
            ({ self } = await launchOn(chosen));
        },
        async stop() {
            leftovers.delete(disconnect);
            disconnect();
            await terminate(self, 'redis-server', limit(10000));
            removeDir(dir);
        },
    };
}

// --- the server ------------------------------------------------------------------------------------------------------

// A sanitizer's report fails the test process even where a test never calls stop().
const launchedServers = [];
process.on('exit', () => {
    if (launchedServers.some((server) => SANITIZER_REPORT.test(server.stderr))) process.exitCode ||= 1;
});

function serverEnv(extra) {
    const env = { ...process.env };
    for (const name of Object.keys(env)) if (name.startsWith('LECTERN_')) delete env[name];
    for (const [name, value] of Object.entries(extra)) {
        if (value !== undefined && value !== null) env[name] = String(value);
    }
    return env;
}

/**
 * Runs the binary to its end: for --help, `token`, and configurations that must be refused.
 * Returns {code, signal, stdout, stderr}; env is as for startServer, but nothing is set by default.
 */
export async function runBinary(args = [], { env = {}, timeout = limit(10000) } = {}) {
    const self = launch(BIN, args, { env: serverEnv(env) });
    try {
        const { code, signal } = await within(self.exited, timeout, `end of ${path.basename(BIN)} ${args.join(' ')}`);
        return { code, signal, stdout: self.stdout, stderr: self.stderr };
    } finally {
        self.kill('SIGKILL');
    }
}

/**
 * Starts the binary and waits until it is ready. Options:
 *   redis    what startRedis() returned, or a URL
 *   env      further LECTERN_ settings; null removes a default of the harness
 *   args     arguments of the binary
 *   wrap     a command and its arguments that start the binary and become it, e.g. ['prlimit', '--nofile=300']
 *   port, dataDir   to start a server again where another one was (a given dataDir is not removed)
 *   ready    path that must answer 200 before this returns, default /readyz; false: return at once
 * Returns {url, wsUrl, port, pid, secret, dataDir, log(), stop(), kill(signal), exited}. stop() sends SIGTERM and resolves
 * with the exit code; it throws if a sanitizer reported anything.
 */
export async function startServer({ redis, env = {}, args = [], wrap = [], port, dataDir, ready = '/readyz' } = {}) {
    if (!redis) throw new Error('startServer needs {redis}: what startRedis() returned, or a URL');
    const ownDir = !dataDir;
    const dir = dataDir ?? tempDir('data');
    const web = path.join(ROOT, 'build', 'web');
    const all = {
        LECTERN_DATA_DIR: dir,
        LECTERN_JWT_SECRET: SECRET,
        LECTERN_REDIS_URL: typeof redis === 'string' ? redis : redis.url,
        LECTERN_WEB_DIR: existsSync(web) ? web : undefined, // a sanitizer build has no pages beside it
        ...env,
    };
    const launchOn = async (chosen) => {
        const [command, ...argv] = [...wrap, BIN, ...args];
        const self = launch(command, argv, { env: serverEnv({ LECTERN_LISTEN: `127.0.0.1:${chosen}`, ...all }) });
        const url = `http://127.0.0.1:${chosen}`;
        if (ready) {
            try {
                await waitFor(async () => !self.running || (await api({ url }, 'GET', ready)).status === 200,
                    { timeout: limit(15000), what: `200 from ${ready}` });
            } catch (error) {
                self.kill('SIGKILL');
                await self.exited;
                throw new Error(`${error.message}\n${self.stderr}`);
            }
            if (!self.running) {
                const { code, signal } = await self.exited;
                throw new Error(`the server ended at once (${signal ?? code})\n${self.stdout}${self.stderr}`);
            }
        }
        return { self, port: chosen, url };
    };
    const { self, port: chosen, url } = await onFreePort(port, launchOn);
    const checkReports = () => {
        if (SANITIZER_REPORT.test(self.stderr)) throw new Error(`sanitizer report\n${self.stderr}`);
    };
    launchedServers.push(self);

    return {
        url, port: chosen, pid: self.pid, dataDir: dir, exited: self.exited,
        wsUrl: url.replace('http', 'ws'),
        secret: all.LECTERN_JWT_SECRET,
        log: () => self.stderr,
        output: () => self.stdout,
        /** SIGKILL resolves once the process is gone; other signals (SIGSTOP, SIGCONT…) are only sent. */
        kill(signal = 'SIGKILL') { self.kill(signal); return signal === 'SIGKILL' ? self.exited : undefined; },
        async stop({ timeout = limit(20000) } = {}) {
            const { code, signal } = await terminate(self, 'the server', timeout);
            if (ownDir) removeDir(dir);
            checkReports();
            return code ?? signal;
        },
    };
}

/** A Redis and a server on it, for a whole file: {redis, server, stop()}. */
export async function startBoth(env) {
    const redis = await startRedis();
    const server = await startServer({ redis, env });
    return { redis, server, stop: async () => { await server.stop(); await redis.stop(); } };
}

// --- tokens ----------------------------------------------------------------------------------------------------------

const base64url = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/**
 * A JWT. `exp` is in seconds since 1970 (default: in an hour; null: no such claim); `claims` adds or, with undefined,
 * removes claims. alg: HS256 (default), HS384, HS512, none, RS256, ES256 (`secret` is the private key then);
 * `header` adds header fields.
 */
export function mintToken({ type = 'student', sub, name, room, exp, device, channels, alg = 'HS256', secret = SECRET,
    claims = {}, header = {} } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const id = sub ?? (type === 'teacher' ? 't1' : type === 'service' ? 'svc1' : 's1');
    const body = {
        sub: id, name: name ?? id, userType: type, iat: now, exp: exp === null ? undefined : exp ?? now + 3600,
        room, device, channels, ...claims,
    };
    const input = `${base64url({ alg, typ: 'JWT', ...header })}.${base64url(JSON.stringify(body))}`;
    return `${input}.${signature(alg, input, secret)}`;
}

function signature(alg, input, secret) {
    if (alg.toLowerCase() === 'none') return '';
    const hash = `sha${alg.slice(2)}`;
    if (alg.startsWith('HS')) return createHmac(hash, secret).update(input).digest('base64url');
    if (alg.startsWith('RS')) return sign(hash, Buffer.from(input), secret).toString('base64url');
    if (alg.startsWith('ES')) {
        return sign(hash, Buffer.from(input), { key: secret, dsaEncoding: 'ieee-p1363' }).toString('base64url');
    }
    throw new Error(`mintToken cannot sign ${alg}`);
}

/** A room code that no other test uses: six letters. */
export function roomCode() {
    const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ';
    return Array.from({ length: 6 }, () => letters[randomInt(letters.length)]).join('');
}

// --- WebSocket clients -----------------------------------------------------------------------------------------------

// filter: nothing (any), a messageType, a function, or an object whose fields the message must have.
function matcher(filter) {
    if (filter === undefined || filter === null) return () => true;
    if (typeof filter === 'function') return filter;
    if (typeof filter === 'string') return (message) => message.messageType === filter;
    return (message) => contains(message, filter);
}

function contains(value, wanted) {
    if (wanted === null || typeof wanted !== 'object' || Array.isArray(wanted)) return isDeepStrictEqual(value, wanted);
    return value !== null && typeof value === 'object' && Object.keys(wanted).every((key) => contains(value[key], wanted[key]));
}

/**
 * A WebSocket that remembers. `messages` holds every frame received, parsed (binary frames as Buffer, text that is no JSON
 * as string), `frames` the text as it came; next() hands each of them out once.
 */
export class Client {
    #waiting = [];
    #unread = [];
    static #refs = 0; // of all clients: the same user's next socket must not repeat one

    constructor(ws) {
        this.ws = ws;
        this.messages = [];
        this.frames = [];
        /** The first message of a class-room socket, once connect() has returned. */
        this.welcome = undefined;
        /** {code, reason} once the socket is closed; never rejects. */
        this.closed = new Promise((resolve) => {
            ws.on('close', (code, reason) => {
                this.closeInfo = { code, reason: reason.toString() };
                for (const waiter of this.#waiting.splice(0)) waiter.fail(this.#closedError(waiter.what));
                resolve(this.closeInfo);
            });
        });
        ws.on('message', (data, isBinary) => this.#receive(data, isBinary));
        ws.on('error', (error) => { this.error = error; });
    }

    /** Parsed "room:" prefix removed: the code of the room that this socket is in. */
    get room() { return this.welcome?.room.replace(/^room:/, ''); }

    get protocol() { return this.ws.protocol; }

    #receive(data, isBinary) {
        let message = data;
        if (!isBinary) {
            const text = data.toString('utf8');
            this.frames.push(text);
            try {
                message = JSON.parse(text);
            } catch {
                message = text;
            }
        }
        this.messages.push(message);
        const index = this.#waiting.findIndex((waiter) => waiter.test(message));
        if (index < 0) this.#unread.push(message);
        else this.#waiting.splice(index, 1)[0].done(message);
    }

    #closedError(what) {
        const { code, reason } = this.closeInfo;
        return new Error(`closed ${code} ${reason} while waiting for ${what}; heard ${this.#heard()}`);
    }

    #heard() {
        const types = this.messages.map((message) => message?.messageType ?? typeof message);
        return `${types.length} messages: ${types.slice(-20).join(' ')}`;
    }

    /**
     * The first message, already here or still to come, that matches `filter` and that next() has not handed out. Messages
     * that do not match stay for a later next(). Fails when the socket closes first or the time is over.
     */
    next(filter, { timeout = limit(5000) } = {}) {
        const test = matcher(filter);
        const what = typeof filter === 'function' ? filter.toString() : JSON.stringify(filter) ?? 'a message';
        const index = this.#unread.findIndex(test);
        if (index >= 0) return Promise.resolve(this.#unread.splice(index, 1)[0]);
        if (this.closeInfo) return Promise.reject(this.#closedError(what));
        return new Promise((resolve, reject) => {
            const waiter = { test, what };
            const timer = setTimeout(() => {
                this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
                reject(new Error(`no ${what} within ${timeout} ms; heard ${this.#heard()}`));
            }, timeout);
            waiter.done = (message) => { clearTimeout(timer); resolve(message); };
            waiter.fail = (error) => { clearTimeout(timer); reject(error); };
            this.#waiting.push(waiter);
        });
    }

    /** All messages received so far that match, handed out by next() or not. */
    all(filter) { return this.messages.filter(matcher(filter)); }

    send(object) { this.ws.send(JSON.stringify(object)); }

    /** Sends a frame as it is: text for a string, binary for a Buffer; options as in ws. */
    sendRaw(data, options = {}) { this.ws.send(data, options); }

    /** Sends with a `ref` (made up if there is none) and returns the `ack`, `error` or `pong` that answers it. */
    async request(object, options) {
        const ref = object.ref ?? `r${process.pid}-${++Client.#refs}`;
        const answer = this.next((message) => message.ref === ref
            && ['ack', 'error', 'pong'].includes(message.messageType), options);
        this.send({ ...object, ref });
        return answer;
    }

    /** A round trip through the loop that owns this socket: what it had queued for this socket before is here after it. */
    sync() { return this.request({ messageType: 'ping' }); }

    /** Stops reading from the network (a slow reader) until resume(). */
    pause() { this.ws.pause(); }

    resume() { this.ws.resume(); }

    /** Closes with a close frame and resolves with {code, reason}. */
    close(code = 1000, reason = '') {
        this.ws.close(code, reason);
        return this.closed;
    }

    /** Cuts the TCP connection, without a close frame. */
    terminate() {
        this.ws.terminate();
        return this.closed;
    }
}

/**
 * Options of connect() and refused():
 *   room, query   parameters of the URL (query: an object; room is left out when undefined)
 *   path          default /ws
 *   token, via    via: 'header' (default), 'protocol' (bearer.<jwt>), 'query', or a list of these
 *   protocols     default ['lectern.v1'] on /ws, else none; [] for none
 *   headers       further request headers (Origin, Cookie, X-Forwarded-For…)
 *   deflate       offer permessage-deflate, default true
 *   welcome       wait for the first message of a class room; default true on /ws
 */
function openSocket(server, { room, query = {}, path: where = '/ws', token, via = 'header', protocols, headers = {},
    deflate = true, options = {} } = {}) {
    const url = new URL(where, server.wsUrl);
    if (room !== undefined) url.searchParams.set('room', room);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const offered = [...(protocols ?? (where === '/ws' ? ['lectern.v1'] : []))];
    const sent = { ...headers };
    if (token) {
        const ways = [].concat(via);
        if (ways.includes('header')) sent.Authorization = `Bearer ${token}`;
        if (ways.includes('protocol')) offered.push(`bearer.${token}`);
        if (ways.includes('query')) url.searchParams.set('token', token);
    }
    return new WebSocket(url, offered, { headers: sent, perMessageDeflate: deflate, ...options });
}

/** Opens a socket and, on /ws, waits for `welcome` (which next() still hands out). Fails if the handshake is refused. */
export async function connect(server, options = {}) {
    const ws = openSocket(server, options);
    const client = new Client(ws);
    const cut = () => ws.terminate();
    leftovers.add(cut);
    client.closed.then(() => leftovers.delete(cut));
    await within(new Promise((resolve, reject) => {
        ws.once('open', resolve);
        ws.once('error', reject);
        ws.once('unexpected-response', async (request, response) => {
            const { status, text } = await readResponse(response);
            request.destroy();
            reject(new Error(`handshake refused: ${status} ${text}`));
        });
    }), limit(10000), 'handshake');
    if (options.welcome ?? (options.path ?? '/ws') === '/ws') {
        await waitFor(() => client.messages.length > 0 || client.closeInfo, { what: 'welcome' });
        client.welcome = client.messages[0];
        if (client.welcome?.messageType !== 'welcome') {
            throw new Error(`expected welcome first, got ${JSON.stringify(client.welcome ?? client.closeInfo)}`);
        }
    }
    return client;
}

/** connect() as a teacher (id t1) or student (id s1): `user` are mintToken's options, the rest connect's. */
export const asTeacher = (server, room, user = {}, options = {}) =>
    connect(server, { room, token: mintToken({ type: 'teacher', secret: server.secret, ...user }), ...options });
export const asStudent = (server, room, user = {}, options = {}) =>
    connect(server, { room, token: mintToken({ type: 'student', secret: server.secret, ...user }), ...options });

/** Tries to open a socket that must be refused; options as in connect(). Returns {status, headers, body, text}. */
export async function refused(server, options = {}) {
    const ws = openSocket(server, options);
    ws.on('error', () => {});
    return within(new Promise((resolve, reject) => {
        ws.once('unexpected-response', async (request, response) => {
            resolve(await readResponse(response));
            request.destroy();
        });
        ws.once('open', () => {
            ws.terminate();
            reject(new Error('the handshake was accepted, it should have been refused'));
        });
        ws.once('error', reject);
    }), limit(10000), 'refusal');
}

// --- HTTP ------------------------------------------------------------------------------------------------------------

async function readResponse(response) {
    const chunks = [];
    for await (const chunk of response) chunks.push(chunk);
    const buffer = Buffer.concat(chunks);
    const text = buffer.toString('utf8');
    const json = /^application\/json\b/.test(response.headers['content-type'] ?? '');
    return { status: response.statusCode, headers: response.headers, text, buffer, body: json && text ? JSON.parse(text) : text };
}

/**
 * One HTTP request. `body`: an object (sent as JSON), or a string or Buffer (sent as it is). Returns {status, headers
 * (names in lower case), body (parsed if the answer is JSON, else the text), text, buffer}.
 */
export function api(server, method, target, { token, body, headers = {}, timeout = limit(10000) } = {}) {
    const sent = { ...headers };
    if (token) sent.Authorization = `Bearer ${token}`;
    let payload = body;
    if (body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body)) {
        payload = JSON.stringify(body);
        sent['Content-Type'] ??= 'application/json';
    }
    if (payload !== undefined) sent['Content-Length'] ??= Buffer.byteLength(payload);
    return new Promise((resolve, reject) => {
        const { hostname, port } = new URL(server.url);
        // The path goes out as given: URL would tidy up the odd ones that tests want to send.
        const request = http.request({ hostname, port, path: target, method, headers: sent, agent: false, timeout });
        request.on('timeout', () => request.destroy(new Error(`${method} ${target}: no answer within ${timeout} ms`)));
        request.on('error', reject);
        request.on('response', (response) => readResponse(response).then(resolve, reject));
        request.end(payload);
    });
}

/** A TCP connection to the server: {socket, write(bytes), text(), bytes(), closed (promise), end(), destroy()}. */
export async function rawSocket(server) {
    const socket = net.connect({ host: '127.0.0.1', port: server.port });
    const chunks = [];
    const self = {
        socket,
        bytes: () => Buffer.concat(chunks),
        text: () => Buffer.concat(chunks).toString('latin1'),
        write: (data) => socket.write(data),
        end: () => socket.end(),
        destroy: () => socket.destroy(),
        closed: new Promise((resolve) => { socket.on('close', () => resolve(self)); }),
    };
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', (error) => { self.error = error; });
    await within(new Promise((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
    }), limit(5000), 'TCP connection');
    return self;
}

/**
 * Sends bytes (string, Buffer, or a list of them, sent one after the other) and collects what comes back until the server
 * closes, `until(text)` is true, or the time is over. Returns {status, headers, body, text, bytes, closed}: status is
 * undefined when no HTTP answer came, closed tells whether the server closed the connection.
 */
export async function rawHttp(server, data, { timeout = limit(10000), until = () => false, half = false } = {}) {
    const raw = await rawSocket(server);
    for (const part of [].concat(data)) {
        if (!raw.socket.destroyed) await new Promise((resolve) => { raw.socket.write(part, () => resolve()); });
    }
    if (half) raw.end();
    let closed = false;
    raw.closed.then(() => { closed = true; });
    const end = Date.now() + timeout;
    await waitFor(() => closed || until(raw.text()) || Date.now() > end, { timeout: timeout + 1000, what: 'answer' });
    const bytes = raw.bytes();
    raw.destroy();
    return { ...parseHttp(bytes), bytes, text: bytes.toString('latin1'), closed };
}

function parseHttp(bytes) {
    const text = bytes.toString('latin1');
    const split = text.indexOf('\r\n\r\n');
    const [first, ...lines] = text.slice(0, Math.max(split, 0)).split('\r\n');
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1];
    if (!status) return { status: undefined, headers: {}, body: '' };
    const headers = {};
    for (const line of lines) {
        const colon = line.indexOf(':');
        headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
    }
    const body = bytes.subarray(split + 4).toString('utf8');
    const json = /^application\/json\b/.test(headers['content-type'] ?? '');
    try {
        return { status: Number(status), headers, body: json ? JSON.parse(body) : body };
    } catch {
        return { status: Number(status), headers, body };
    }
}

/** Runs a command to its end, e.g. a script: {code, stdout, stderr}; never throws for a failing command. */
export function runCommand(file, args, { env = process.env, cwd = ROOT, timeout = limit(30000), input } = {}) {
    return new Promise((resolve) => {
        const child = execFile(file, args, { env, cwd, timeout, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
            resolve({ code: error ? error.code ?? error.signal : 0, stdout, stderr });
        });
        child.stdin.on('error', () => {}); // it need not read what it gets
        child.stdin.end(input ?? '');
    });
}

/** A random id, for refs and user ids. */
export const randomId = (prefix = 'x') => `${prefix}${randomBytes(6).toString('hex')}`;
