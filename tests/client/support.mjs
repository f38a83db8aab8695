/**
 * What the client library's tests share: the library built from its sources, a clock that only
 * moves when told, and a server that does what each test's script says, over real sockets.
 */

import { once } from 'node:events';
import http from 'node:http';
import { test as nodeTest } from 'node:test';
import { build } from 'esbuild';
import { WebSocket, WebSocketServer } from 'ws';

/** A test that fails, instead of hanging, where what it waits for does not come. */
export const test = (name, fn) => nodeTest(name, { timeout: 10_000 }, fn);

/** Builds one of web/client's modules and imports it. */
export async function load(module) {
    const { outputFiles } = await build({
        entryPoints: [new URL(`../../web/client/${module}.ts`, import.meta.url).pathname],
        bundle: true,
        format: 'esm',
        target: 'node18',
        write: false,
        logLevel: 'silent',
    });
    const source = Buffer.from(outputFiles[0].contents).toString('base64');
    return import(`data:text/javascript;base64,${source}`);
}

export const { ChatClient, LecternClient, LecternError, CLOSE_CODES } = await load('index');

/** A stand-in for a JWT: right in shape, readable in its claims. */
export function token(claims = {}) {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    return `${part({ alg: 'HS256' })}.${part({ sub: 's1', ...claims })}.c2lnbmF0dXJl`;
}

/** Time that passes only by `advance()`. */
export class Clock {
    #now = 1_700_000_000_000;
    #timers = new Map();
    #count = 0;

    now = () => this.#now;

    setTimeout = (fn, ms) => {
        this.#count += 1;
        this.#timers.set(this.#count, { at: this.#now + ms, fn });
        return this.#count;
    };

    clearTimeout = (timer) => void this.#timers.delete(timer);

    /** How many timers wait. */
    get size() {
        return this.#timers.size;
    }

    /** Lets time pass, running what falls due in its order. */
    advance(ms) {
        const end = this.#now + ms;
        for (;;) {
            const due = [...this.#timers]
                .filter(([, timer]) => timer.at <= end)
                .sort(([, a], [, b]) => a.at - b.at)[0];
            if (!due) break;
            this.#timers.delete(due[0]);
            this.#now = Math.max(this.#now, due[1].at);
            due[1].fn();
        }
        this.#now = end;
    }
}

/** Values in the order they came, for those who wait for them. */
class Queue {
    #values = [];
    #waiting = [];

    push(value) {
        const waiting = this.#waiting.shift();
        if (waiting) waiting(value);
        else this.#values.push(value);
    }

    next() {
        if (this.#values.length > 0) return Promise.resolve(this.#values.shift());
        return new Promise((resolve) => this.#waiting.push(resolve));
    }

    get length() {
        return this.#values.length;
    }
}

const WELCOME = {
    user: { id: 's1', name: '민준', userType: 'student' },
    session: 'x1',
    settings: { name: '2반', max: 2000, hold: 120, talk: 'teacher', notify: 'host', locked: false },
    host: { id: 't1', name: 'Kim', present: true, deadline: null },
    count: 1,
    last: '',
    ping: 25,
    limits: { message: 65536, rate: 20, burst: 40, queue: 1048576, participants: 2000 },
    server: { id: 'a', version: '0' },
};

/** The server's end of one connection. */
export class Peer {
    #frames = new Queue();

    constructor(socket, request, clock) {
        this.socket = socket;
        this.clock = clock;
        this.query = new URL(request.url, 'http://x').searchParams;
        this.protocols = request.headers['sec-websocket-protocol'].split(/, */);
        this.closed = once(socket, 'close').then(([code]) => code);
        socket.on('message', (data) => this.#frames.push(JSON.parse(data)));
        socket.on('error', () => {});
    }

    /** The next frame that the client sent. */
    next() {
        return this.#frames.next();
    }

    /** Frames that arrived and were not asked for yet. */
    get waiting() {
        return this.#frames.length;
    }

    send(fields) {
        const envelope = {
            ts: this.clock.now(),
            room: 'room:FTYXPM',
            senderType: 'server',
            sender: 'lectern',
            targetType: 'student',
        };
        this.socket.send(JSON.stringify({ ...envelope, ...fields }));
    }

    welcome(fields = {}, envelope = {}) {
        this.send({ messageType: 'welcome', ...envelope, message: { ...WELCOME, ...fields } });
    }

    /** The first message of a chat socket. */
    hello(fields = {}) {
        const { user, ping, limits } = WELCOME;
        const message = { user, ping, limits: { ...limits, subscriptions: 200 }, ...fields };
        this.send({ messageType: 'welcome', room: undefined, message });
    }

    /** A chat room is followed from here on. */
    followed(room, fields = {}) {
        const chat = { kind: 'group', name: room, owner: 't1', count: 2 };
        const message = { chat, members: [], last: '', unread: 0, lastReadMessage: '', ...fields };
        this.send({ messageType: 'welcome', room: `room:${room}`, message });
    }

    /** A chat message, `n`th of its room. */
    chat(room, n, message, fields = {}) {
        const said = { messageType: 'send', sender: 't1', senderType: 'teacher', message };
        this.send({ id: `${room}.${n}`, room: `room:${room}`, targetType: 'all', ...said, ...fields });
    }

    /** A message of the teacher's, with an id. */
    say(id, message) {
        this.send({ id, senderType: 'teacher', sender: 't1', messageType: 'send', message });
    }

    ack({ ref }, id) {
        this.send({ messageType: 'ack', ref, message: id === undefined ? {} : { id } });
    }

    refuse({ ref }, code, fields = {}) {
        this.send({ messageType: 'error', ref, message: { code, message: code, ...fields } });
    }

    close(code, reason) {
        this.socket.close(code, reason);
    }

    /** As a lost network looks: no close frame. */
    terminate() {
        this.socket.terminate();
    }
}

/** A server whose answers are the test's. */
export class FakeServer {
    #http = http.createServer((request, response) => this.#answer(request, response));
    #sockets = new WebSocketServer({
        noServer: true,
        handleProtocols: (offered) => (offered.has('lectern.v1') ? 'lectern.v1' : false),
    });
    #peers = new Queue();

    /** Status of a refused handshake; 0 lets it through. */
    refuse = 0;
    /** Code → what `GET /rooms/{code}` says; others are not found. */
    rooms = new Map([['FTYXPM', {}]]);
    /** Path → `[status, body, headers]`, before anything else. */
    answers = new Map();
    /** Paths asked for over REST, in order. */
    asked = new Queue();
    /** What the answers over REST wait for. */
    held = Promise.resolve();
    /** Handshakes that came in. */
    handshakes = 0;

    constructor(clock) {
        this.clock = clock;
        this.#http.on('upgrade', (request, socket, head) => {
            this.handshakes += 1;
            if (this.refuse) {
                socket.end(`HTTP/1.1 ${this.refuse} No\r\nContent-Length: 0\r\n\r\n`);
                return;
            }
            this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
                this.#peers.push(new Peer(accepted, request, this.clock));
            });
        });
    }

    async start(port = 0) {
        this.#http.listen(port, '127.0.0.1');
        await once(this.#http, 'listening');
        this.port = this.#http.address().port;
        this.base = `http://127.0.0.1:${this.port}`;
    }

    async stop() {
        for (const socket of this.#sockets.clients) socket.terminate();
        this.#http.closeAllConnections();
        if (this.#http.listening) {
            this.#http.close();
            await once(this.#http, 'close');
        }
    }

    /** The next connection that a client has made. */
    connection() {
        return this.#peers.next();
    }

    async #answer(request, response) {
        const path = request.url;
        this.asked.push(path);
        await this.held;
        const code = /^\/rooms\/([^/]+)$/.exec(path)?.[1];
        const notFound = [404, { error: { code: 'room_not_found', message: 'no such room' } }];
        let answer = this.answers.get(path);
        if (!answer && this.rooms.has(code)) {
            answer = [200, { room: `room:${code}`, exists: true, ...this.rooms.get(code) }];
        }
        const [status, body, headers = {}] = answer ?? notFound;
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(JSON.stringify(body));
    }
}

/** A client, its server and its clock; all gone when the test is over. */
export function setUp(t, options = {}) {
    return setUpClient(t, LecternClient, { room: 'FTYXPM', ...options });
}

/** As `setUp`, with a client of chat rooms. */
export function setUpChat(t, options = {}) {
    return setUpClient(t, ChatClient, options);
}

async function setUpClient(t, Client, options) {
    const clock = new Clock();
    const server = new FakeServer(clock);
    await server.start();
    const client = new Client({
        base: server.base,
        token: token(),
        ...options,
        env: {
            WebSocket,
            now: clock.now,
            setTimeout: clock.setTimeout,
            clearTimeout: clock.clearTimeout,
            random: () => 0.5,
            ...options.env,
        },
    });
    t.after(async () => {
        client.close();
        await server.stop();
    });
    return { client, server, clock };
}

/** As `setUp`, connected and welcomed. */
export async function setUpOpen(t, options = {}, welcome = {}) {
    const parts = await setUp(t, options);
    parts.client.connect();
    const peer = await parts.server.connection();
    peer.welcome(welcome);
    await stateOf(parts.client, 'open');
    return { ...parts, peer };
}

/** As `setUpChat`, connected and greeted. */
export async function setUpChatOpen(t, options = {}, hello = {}) {
    const parts = await setUpChat(t, options);
    parts.client.connect();
    const peer = await parts.server.connection();
    peer.hello(hello);
    await stateOf(parts.client, 'open');
    return { ...parts, peer };
}

/** Resolves with the client's state once it has that name (and that reason). */
export function stateOf(client, name, kind) {
    const fits = (state) =>
        state.name === name && (kind === undefined || state.reason.kind === kind);
    if (fits(client.state)) return Promise.resolve(client.state);
    return new Promise((resolve) => {
        const off = client.on('state', (state) => {
            if (!fits(state)) return;
            off();
            resolve(state);
        });
    });
}

/** Resolves with what the next event of that name brings. */
export function eventOf(client, name) {
    return new Promise((resolve) => {
        const off = client.on(name, (data) => {
            off();
            resolve(data);
        });
    });
}

/** Collects the texts of a client's messages; `until(text)` resolves when that one has come. */
export function texts(client) {
    const list = [];
    let check = () => {};
    client.on('message', ({ message }) => {
        list.push(message);
        check();
    });
    const until = (text) =>
        new Promise((resolve) => {
            check = () => list.includes(text) && resolve(list);
            check();
        });
    return { list, until };
}

/** Lets a waiting client's next try come. */
export function elapse(clock, { retryAt }) {
    clock.advance(retryAt - clock.now());
}
