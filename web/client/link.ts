/**
 * One WebSocket's life: opened, proved by the server's welcome, watched for silence, ended once.
 *
 * Browsers show neither the server's pings nor a dead network, so a link asks for itself: after
 * `pingMs` without a frame it sends an application ping, and without any frame in the grace time
 * after that it gives the socket up. Giving up never waits for the close handshake, which a dead
 * network would hold open for a minute.
 */

import type { Environment, WebSocketLike } from './env';

export interface LinkDown {
    /** False where the handshake itself failed, for reasons that browsers do not tell. */
    opened: boolean;
    code: number;
    text: string;
}

export interface LinkHandlers {
    frame(text: string): void;
    /** Called once, and never after `drop()`. */
    down(info: LinkDown): void;
}

export interface LinkTimes {
    /** From the start to the welcome, ms. */
    connect: number;
    /** From an unanswered ping to giving up, ms. */
    grace: number;
}

const PING = '{"messageType":"ping"}';

/** `WebSocket.OPEN`. */
const OPEN = 1;

/** Our close code for a link that no longer answers: not 1000, which would mean leaving. */
const SILENT = 4006;

export class Link {
    private readonly socket: WebSocketLike;
    private opened = false;
    private over = false;
    private asking = false;
    private timer: unknown = null;
    private pingMs = 0;
    private heard = 0;

    /** Throws what the WebSocket constructor throws (a malformed address or token). */
    constructor(
        private readonly env: Environment,
        url: string,
        protocols: string[],
        private readonly handlers: LinkHandlers,
        private readonly times: LinkTimes,
    ) {
        const socket = new env.WebSocket(url, protocols);
        this.socket = socket;
        socket.onopen = () => {
            this.opened = true;
        };
        socket.onmessage = (event: { data: unknown }) => {
            if (this.over || typeof event.data !== 'string') return;
            this.heard = env.now();
            handlers.frame(event.data);
        };
        // Always followed by a close event, which has what can be known.
        socket.onerror = () => {};
        socket.onclose = (event: { code: number; reason: string }) => {
            this.end({ opened: this.opened, code: event.code, text: event.reason });
        };
        this.wait(times.connect, () => this.giveUp());
    }

    send(text: string): void {
        // One that is closing has not told yet: what it is given is lost, and browsers complain.
        if (!this.over && this.socket.readyState === OPEN) this.socket.send(text);
    }

    /** The welcome has come: from now on silence longer than `pingMs` is questioned. */
    watch(pingMs: number): void {
        this.pingMs = pingMs;
        this.rest(pingMs);
    }

    /** Asks at once whether the link still lives: after a sleep, or when the network changed. */
    probe(): void {
        if (!this.over && !this.asking && this.pingMs > 0) this.ask();
    }

    /** Ends the link without a word to the handlers. */
    drop(code: number, text: string): void {
        if (this.over) return;
        this.over = true;
        this.env.clearTimeout(this.timer);
        this.socket.close(code, text);
    }

    private wait(ms: number, fn: () => void): void {
        this.env.clearTimeout(this.timer);
        this.timer = this.env.setTimeout(fn, ms);
    }

    private rest(ms: number): void {
        this.wait(ms, () => {
            const quiet = this.env.now() - this.heard;
            if (quiet < this.pingMs) this.rest(this.pingMs - quiet);
            else this.ask();
        });
    }

    private ask(): void {
        const asked = this.heard;
        this.asking = true;
        this.send(PING);
        this.wait(this.times.grace, () => {
            this.asking = false;
            if (this.heard === asked) this.giveUp();
            else this.rest(this.pingMs);
        });
    }

    private giveUp(): void {
        const opened = this.opened;
        // The socket is told first: `end` lets the owner open another.
        this.socket.close(SILENT, 'no sign of life');
        this.end({ opened, code: 1006, text: 'no sign of life' });
    }

    private end(info: LinkDown): void {
        if (this.over) return;
        this.over = true;
        this.env.clearTimeout(this.timer);
        this.handlers.down(info);
    }
}
