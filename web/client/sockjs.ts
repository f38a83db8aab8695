/**
 * SockJS over HTTP as a WebSocket: for networks that break WebSocket. One request stays open and
 * brings frames (`xhr_streaming`); where something on the way holds its bytes back, each request
 * brings what is there (`xhr`). What is sent goes by requests of its own, one at a time.
 *
 * The server's side is in docs/protocol.md, "SockJS". `/ws?room=…` is spoken at
 * `/sockjs/ws/{server}/{session}/…?room=…`, the token goes in `Authorization`.
 */

import type { Environment, StreamFetch, WebSocketConstructor, WebSocketLike } from './env';

/** A stream whose first byte has not come after this is held back by something, ms. */
const HELD_BACK = 4000;

/** Requests in a row that bring nothing at all. */
const MOST_EMPTY = 3;

/** Most bytes (about) that go into one request. */
const MOST_SENT = 100_000;

/** What closing waits for: that what was sent before it has arrived, ms. */
const LAST_WORDS = 2000;

/** "Connection interrupted": on a WebSocket it would be an error in the protocol. */
const INTERRUPTED = 1002;
const LOST = 1006;

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** The way that this page has found to work; shared by its connections. */
interface Way {
    polling: boolean;
}

class SockJsSocket implements WebSocketLike {
    readonly protocol = 'lectern.v1';
    readyState = CONNECTING;
    onopen: WebSocketLike['onopen'] = null;
    onmessage: WebSocketLike['onmessage'] = null;
    onclose: WebSocketLike['onclose'] = null;
    onerror: WebSocketLike['onerror'] = null;

    private readonly prefix: string;
    private readonly query: string;
    private readonly headers: Record<string, string>;
    private session: string;
    private receiving: AbortController | null = null;
    private readonly waiting: string[] = [];
    private sending: Promise<void> | null = null;
    /** Gives up what is still being sent when the socket has ended. */
    private readonly over = new AbortController();

    constructor(
        private readonly env: Environment,
        private readonly fetch: StreamFetch,
        private readonly way: Way,
        address: string,
        protocols: string[],
    ) {
        const url = new URL(address.replace(/^ws/, 'http'));
        const server = String(Math.floor(env.random() * 1000)).padStart(3, '0');
        this.prefix = `${url.origin}/sockjs${url.pathname}/${server}`;
        this.query = url.search;
        this.session = env.uniqueId();
        const bearer = protocols.find((name) => name.startsWith('bearer.'));
        this.headers = bearer ? { Authorization: `Bearer ${bearer.slice('bearer.'.length)}` } : {};
        void this.run();
    }

    send(text: string): void {
        if (this.readyState !== OPEN) return;
        this.waiting.push(text);
        this.sending ??= this.flush();
    }

    close(code = 1000, reason = ''): void {
        if (this.readyState >= CLOSING) return;
        this.readyState = CLOSING;
        const end = (): void => this.end(code, reason);
        if (!this.sending) return void this.env.setTimeout(end, 0);
        const timer = this.env.setTimeout(end, LAST_WORDS);
        void this.sending.then(() => {
            this.env.clearTimeout(timer);
            end();
        });
    }

    private end(code: number, reason: string): void {
        if (this.readyState === CLOSED) return;
        this.readyState = CLOSED;
        this.waiting.length = 0;
        // What no answer comes to would keep one of the few connections that a page has.
        this.over.abort();
        this.receiving?.abort();
        this.onclose?.({ code, reason });
    }

    private post(what: string, signal: AbortSignal, body = ''): ReturnType<StreamFetch> {
        return this.fetch(`${this.prefix}/${this.session}/${what}${this.query}`, {
            method: 'POST',
            headers: { ...this.headers, 'Content-Type': 'text/plain;charset=UTF-8' },
            body,
            cache: 'no-store',
            signal,
        });
    }

    // ---- Receiving

    private async run(): Promise<void> {
        for (let empty = 0; this.readyState !== CLOSED && empty < MOST_EMPTY; ) {
            const frames = await this.receive();
            if (frames === null) break;
            empty = frames > 0 ? 0 : empty + 1;
        }
        this.end(LOST, '');
    }

    /** One request: how many frames it brought; null where it failed. */
    private async receive(): Promise<number | null> {
        const request = new AbortController();
        this.receiving = request;
        let held = false;
        const patience = this.way.polling
            ? null
            : this.env.setTimeout(() => {
                  held = true;
                  request.abort();
              }, HELD_BACK);
        try {
            const what = this.way.polling ? 'xhr' : 'xhr_streaming';
            const answer = await this.post(what, request.signal);
            if (answer.status !== 200 || !answer.body) return null;
            return await this.read(answer.body.getReader(), () => this.env.clearTimeout(patience));
        } catch {
            if (!held || this.readyState !== CONNECTING) return null;
            this.way.polling = true;
            this.session = this.env.uniqueId();
            return 0;
        } finally {
            this.env.clearTimeout(patience);
        }
    }

    private async read(
        reader: { read(): Promise<{ done: boolean; value?: Uint8Array }> },
        alive: () => void,
    ): Promise<number> {
        const decoder = new TextDecoder();
        let frames = 0;
        let text = '';
        for (;;) {
            const { done, value } = await reader.read();
            if (done) return frames;
            alive();
            text += decoder.decode(value, { stream: true });
            const lines = text.split('\n');
            text = lines.pop()!;
            for (const line of lines) {
                frames += 1;
                this.frame(line);
            }
        }
    }

    private frame(line: string): void {
        // Those that still come while we close are no longer of interest, but for the end itself.
        if (this.readyState === CLOSED) return;
        switch (line[0]) {
            case 'o':
                // A second one: the server has lost the session, and all that we don't know of.
                if (this.readyState !== CONNECTING) return this.end(LOST, '');
                this.readyState = OPEN;
                return this.onopen?.({});
            case 'a':
                for (const data of JSON.parse(line.slice(1)) as string[]) {
                    if (this.readyState === OPEN) this.onmessage?.({ data });
                }
                return;
            case 'c': {
                const [code, reason] = JSON.parse(line.slice(1)) as [number, string];
                return this.end(code === INTERRUPTED ? LOST : code, reason);
            }
        }
    }

    // ---- Sending

    private async flush(): Promise<void> {
        while (this.waiting.length > 0 && this.readyState !== CLOSED) {
            let size = 0;
            let count = 0;
            while (count < this.waiting.length && (count === 0 || size < MOST_SENT)) {
                size += this.waiting[count++]!.length;
            }
            const batch = this.waiting.splice(0, count);
            if (!(await this.deliver(batch))) this.end(LOST, '');
        }
        this.sending = null;
    }

    private async deliver(batch: readonly string[]): Promise<boolean> {
        try {
            const { signal } = this.over;
            return (await this.post('xhr_send', signal, JSON.stringify(batch))).status === 204;
        } catch {
            return false;
        }
    }
}

/** SockJS as a constructor of WebSockets. */
export function sockJs(env: Environment, fetch: StreamFetch): WebSocketConstructor {
    const way: Way = { polling: false };
    return class extends SockJsSocket {
        constructor(url: string, protocols: string[]) {
            super(env, fetch, way, url, protocols);
        }
    };
}
