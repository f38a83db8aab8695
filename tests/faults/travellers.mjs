// People who write and read in one room through HAProxy, each by another protocol, and who come back by themselves, as the
// clients that stand behind them do: @stomp/stompjs reconnects, sockjs-client is made anew, sockets come back with `since`.
//
//   const all = [inLibrary(proxy, who, room), byStomp(…), bySocket(…), byRest(…)];
//   for (const one of all) await one.start();
//   for (const one of all) one.talk();
//   …things break…
//   await Promise.all(all.map((one) => one.hush()));
//
// Everything is said again, with the same ref, until it is acknowledged. `acked` has what was (numbers), `shown` what was
// seen with an id, in that order, `openings` counts the connections that got as far as the room, and `troubles` is what no
// fault explains.

import SockJS from 'sockjs-client';
import WebSocket from 'ws';
import { connect, limit, waitFor, within } from '../integration/harness.mjs';
import { connectSockJS } from '../integration/sockjs.mjs';
import { stompJs } from '../integration/stomp.mjs';
import { library } from './checker.mjs';
import { tls } from './site.mjs';

/** Refusals that say "later". */
const LATER = new Set(['unavailable', 'draining', 'chat_busy', 'rate_limited']);

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

class Traveller {
    #talking = null;
    #words = 0;

    /** `word(text)` is what is sent besides the ref: {messageType, message…}. */
    constructor(name, proxy, who, room, word = (text) => ({ messageType: 'send', message: text })) {
        Object.assign(this, { name, proxy, who, room, word });
        this.acked = []; // numbers
        this.shown = [];
        this.gaps = 0;
        this.openings = 0;
        this.troubles = [];
        this.done = false;
    }

    get since() { return this.shown.at(-1)?.id; }

    show({ id, sender, messageType = 'send', message }) {
        if (id) this.shown.push({ id, sender, messageType, message });
    }

    /** What it has to do with no fault of a server. */
    trouble(what) { this.troubles.push(what); }

    /** Says things, one after the other, until hush(). */
    talk({ every = limit(150) } = {}) {
        let over = false;
        const run = async () => {
            while (!over) {
                const n = ++this.#words;
                const [text, ref] = [`${this.who.id}:${n}`, `${this.who.id}-${n}`];
                for (let acked = false; !acked && !this.done;) {
                    acked = await this.attempt(this.word(text), ref).catch(() => false);
                    if (acked) this.acked.push(n);
                    else await pause(50);
                }
                await pause(every * (0.5 + Math.random()));
            }
        };
        const running = run();
        this.#talking = () => { over = true; return running; };
    }

    /** Waits until the last word is acknowledged. */
    async hush() {
        await this.#talking?.();
        this.#talking = null;
    }

    async end() {
        this.done = true;
        await this.hush();
        await this.close();
    }
}

/** The project's own client of chats. */
class InLibrary extends Traveller {
    constructor(...args) {
        super('library', ...args);
        this.client = new library.ChatClient({
            base: this.proxy.url, token: this.who.token, backoff: { base: 100, max: 500 },
            times: { move: 100, connect: limit(10000) },
            env: { WebSocket: class extends WebSocket {
                constructor(url, protocols) { super(url, protocols, tls().options); }
            } },
        });
        this.client.on('message', (message) => this.show(message));
        this.client.on('room', () => { this.openings++; });
        this.client.on('gap', () => { this.gaps++; });
        this.client.on('closed', ({ reason }) => this.trouble(`closed: ${reason}`));
        this.client.on('error', (error) => this.trouble(error.message));
    }

    async start() {
        this.client.connect();
        this.client.follow(this.room, { history: 500 });
        await waitFor(() => this.openings > 0, { timeout: limit(15000), what: 'the room in the library' });
    }

    async attempt({ messageType, message }) {
        await this.client.send(this.room, messageType, message);
        return true;
    }

    close() { this.client.close(); }
}

/** @stomp/stompjs, over a WebSocket or, with a `transport`, over sockjs-client. */
class ByStomp extends Traveller {
    constructor(transport, ...args) {
        super(`stomp${transport ? ` by ${transport}` : ''}`, ...args);
        this.transport = transport;
        this.refusals = new Map();
    }

    async start() {
        const url = this.transport ? `${this.proxy.url}/sockjs/stomp` : `${this.proxy.wsUrl}/stomp`;
        this.client = await stompJs(this.proxy, {
            wait: false, connectionTimeout: limit(10000),
            connectHeaders: { Authorization: `Bearer ${this.who.token}` },
            webSocketFactory: () => (this.transport
                ? new SockJS(url, null, { transports: [this.transport], timeout: limit(5000) })
                : new WebSocket(url, ['v12.stomp'], tls().options)),
            onConnect: () => this.#subscribe(),
        });
        await waitFor(() => this.openings > 0, { timeout: limit(15000), what: `the room by ${this.name}` });
    }

    #subscribe() {
        this.client.subscribe('/user/queue/errors', ({ body }) => {
            const { code, receiptId } = JSON.parse(body);
            if (code === 'gap') this.gaps++;
            else if (!LATER.has(code)) this.trouble(code);
            if (receiptId) this.refusals.set(receiptId, code);
            if (receiptId?.startsWith('sub')) this.client.forceDisconnect(); // and come back
        });
        const receipt = `sub-${this.client.connects}`;
        this.client.watchForReceipt(receipt, () => { this.openings++; });
        this.client.subscribe(`/topic/room/${this.room}`, ({ body }) => this.show(JSON.parse(body)),
            { receipt, ...(this.since ? { since: this.since } : { history: '500' }) });
    }

    async attempt(word, ref) {
        if (!this.client.connected) return false;
        const [receipt, closes] = [`${ref}.${Math.random().toString(36).slice(2)}`, this.client.closes.length];
        let taken = false;
        this.client.watchForReceipt(receipt, () => { taken = true; });
        this.client.publish({ destination: `/app/${this.room}`, headers: { receipt, ref }, body: JSON.stringify(word) });
        await waitFor(() => taken || this.refusals.has(receipt) || this.client.closes.length > closes,
            { timeout: limit(10000), what: 'receipt' });
        return taken;
    }

    async close() {
        for (const { headers } of this.client.errors) if (!LATER.has(headers.code)) this.trouble(`ERROR ${headers.code}`);
        await this.client.end();
    }
}

/** Lectern's own messages over a socket that `open(query)` gives, a harness's Client. */
class BySocket extends Traveller {
    constructor(name, open, ...args) {
        super(name, ...args);
        this.open = open;
    }

    async start() {
        this.running = this.#run();
        await waitFor(() => this.openings > 0, { timeout: limit(15000), what: `the room by ${this.name}` });
    }

    async #run() {
        while (!this.done) {
            try {
                this.client = await this.open(this.since ? { since: this.since } : { history: 500 });
            } catch {
                await pause(50 + Math.random() * 100);
                continue;
            }
            this.openings++;
            let taken = 0;
            for (let over = false; !over;) {
                over = this.done || Boolean(this.client.closeInfo); // what came before the close is looked at
                for (; taken < this.client.messages.length; taken++) {
                    const message = this.client.messages[taken];
                    if (message.messageType === 'gap') this.gaps++;
                    this.show(message);
                }
                await pause(10);
            }
        }
        this.client?.terminate();
    }

    async attempt(word, ref) {
        if (!this.client || this.client.closeInfo) return false;
        const { messageType, message } = await this.client.request({ ...word, ref }, { timeout: limit(10000) });
        if (messageType === 'error' && !LATER.has(message.code)) this.trouble(message.code);
        return messageType === 'ack';
    }

    close() { return within(this.running, limit(20000), `end of ${this.name}`); }
}

/** Writes by REST, and reads nothing. */
class ByRest extends Traveller {
    constructor(...args) { super('rest', ...args); }

    async start() { this.openings++; }

    async attempt(word, ref) {
        const { status, text } = await this.proxy.request('POST', `/chat/room/${this.room}/messages`, {
            headers: { Authorization: `Bearer ${this.who.token}` }, body: { ...word, ref },
        });
        if (![200, 201, 429, 502, 503, 504].includes(status)) this.trouble(`${status} ${text}`);
        return status === 200 || status === 201;
    }

    close() {}
}

export const inLibrary = (...args) => new InLibrary(...args);
export const byRest = (...args) => new ByRest(...args);
export const byStomp = (transport, ...args) => new ByStomp(transport, ...args);

/** By a WebSocket of /ws. */
export const byWebSocket = (proxy, who, room, word) => new BySocket('websocket',
    (query) => connect(proxy, { token: who.token, room, query, ...tls() }), proxy, who, room, word);

/** By sockjs-client with one of its transports. */
export const bySockJS = (transport, proxy, who, room, word) => new BySocket(`sockjs ${transport}`,
    (query) => connectSockJS(proxy, { token: who.token, room, query, transports: [transport] }), proxy, who, room, word);

/** The events of a channel, by a socket that `open(query)` gives. */
export class Follower extends BySocket {
    constructor(name, channel, open) {
        super(name, open, null, { id: name }, channel);
        this.channel = channel;
    }

    get since() { return this.shown.at(-1)?.id ?? '0'; }

    show({ type, id, data }) {
        if (type === this.channel && id) this.shown.push({ id, data });
        if (type === 'gap' || type === 'dropped') this.trouble(type);
    }
}
