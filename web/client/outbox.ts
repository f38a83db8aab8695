/**
 * What was posted and has no answer yet: sent at the pace the server allows, sent again with the
 * same `ref` on each new connection, and after the server said "later", until it is taken or
 * refused for good.
 *
 * Entries stay in order of posting, and are sent in that order. What was refused with a hint to
 * come later holds back everything behind it that is not under way yet.
 */

import type { Environment } from './env';
import { Pacer } from './pacer';
import { LecternError } from './protocol';
import type { Ack, Limits, LocalCode } from './protocol';

interface Entry {
    ref: string;
    messageType: string;
    /** The JSON text, `ref` included. */
    frame: string;
    /** True while an answer is awaited on the present connection. */
    sent: boolean;
    resolve(ack: Ack): void;
    reject(error: LecternError): void;
}

/** The body of the server's `error`. */
export interface Refusal {
    code: string;
    message: string;
    field?: string;
    retryAfterMs?: number;
}

/** Refusals that say "later". */
const LATER = new Set(['unavailable', 'rate_limited']);

/** How long "later" is where the server does not say, ms. */
const LATER_MS = 1000;

function bytes(text: string, limit: number): number {
    // At most three bytes per UTF-16 unit: most messages need no counting.
    return text.length * 3 <= limit ? text.length : new TextEncoder().encode(text).length;
}

export class Outbox {
    private readonly entries = new Map<string, Entry>();
    private readonly prefix: string;
    private posted = 0;
    private transmit: ((frame: string) => void) | null = null;
    private pacer: Pacer | null = null;
    private limit = Infinity;
    private notBefore = 0;
    private timer: unknown = null;

    constructor(
        private readonly env: Environment,
        private readonly capacity: number,
    ) {
        this.prefix = env.uniqueId();
    }

    /** Messages without an answer. */
    get size(): number {
        return this.entries.size;
    }

    /**
     * Posts a message; the promise is its `ack`. One that nobody waits for may be rejected
     * silently.
     */
    post(messageType: string, fields: object): Promise<Ack> {
        if (this.entries.size >= this.capacity) {
            return failed('queue_full', 'too many messages wait to be sent');
        }
        this.posted += 1;
        const ref = `${this.prefix}-${this.posted}`;
        const frame = JSON.stringify({ messageType, ...fields, ref });
        if (bytes(frame, this.limit) > this.limit) {
            return failed('too_big', `a message may have ${this.limit} bytes`, ref);
        }
        const answer = new Promise<Ack>((resolve, reject) => {
            this.entries.set(ref, { ref, messageType, frame, sent: false, resolve, reject });
        });
        answer.catch(() => {});
        this.flush();
        return answer;
    }

    /** Sends a frame that is not kept: now, or never. False where it cannot be sent now. */
    pass(frame: string): boolean {
        if (!this.transmit || !this.pacer || bytes(frame, this.limit) > this.limit) return false;
        if (this.pacer.take() > 0) return false;
        this.transmit(frame);
        return true;
    }

    /** A connection is ready: sends all that has no answer. */
    open(transmit: (frame: string) => void, limits: Limits): void {
        this.transmit = transmit;
        this.pacer = new Pacer(limits.rate, limits.burst, this.env.now);
        this.limit = limits.message;
        this.notBefore = 0;
        this.flush();
    }

    /** The connection is gone: everything without an answer is to be sent again. */
    shut(): void {
        this.transmit = null;
        this.env.clearTimeout(this.timer);
        for (const entry of this.entries.values()) entry.sent = false;
    }

    /** The server took the message. */
    taken(ack: Ack): void {
        const entry = this.entries.get(ack.ref);
        if (!entry) return;
        this.entries.delete(ack.ref);
        entry.resolve(ack);
    }

    /** The server refused a message. Returns the error, or null where it will be sent again. */
    refused(ref: string | undefined, refusal: Refusal): LecternError | null {
        const entry = ref === undefined ? undefined : this.entries.get(ref);
        if (entry && LATER.has(refusal.code)) {
            entry.sent = false;
            this.pause(refusal.retryAfterMs ?? LATER_MS);
            return null;
        }
        const error = new LecternError(refusal.code, refusal.message, refusal.field, ref);
        if (entry) {
            this.entries.delete(entry.ref);
            entry.reject(error);
        }
        return error;
    }

    /** Something else than an ack has answered all messages of that type. */
    settle(messageType: string): void {
        for (const entry of [...this.entries.values()]) {
            if (entry.messageType === messageType) {
                this.taken({ ref: entry.ref, ts: this.env.now() });
            }
        }
    }

    /** Gives up everything. */
    rejectAll(code: LocalCode, message: string): void {
        const all = [...this.entries.values()];
        this.entries.clear();
        for (const { ref, reject } of all) reject(new LecternError(code, message, undefined, ref));
    }

    private pause(ms: number): void {
        // Up to half as long again, so that a class does not come back in step.
        const until = this.env.now() + ms * (1 + this.env.random() / 2);
        this.notBefore = Math.max(this.notBefore, until);
        this.later(this.notBefore - this.env.now());
    }

    private later(ms: number): void {
        this.env.clearTimeout(this.timer);
        this.timer = this.env.setTimeout(() => this.flush(), ms);
    }

    private flush(): void {
        if (!this.transmit || !this.pacer) return;
        const paused = this.notBefore - this.env.now();
        if (paused > 0) return this.later(paused);
        for (const entry of [...this.entries.values()].filter(({ sent }) => !sent)) {
            if (bytes(entry.frame, this.limit) > this.limit) {
                this.refused(entry.ref, { code: 'too_big', message: `over ${this.limit} bytes` });
                continue;
            }
            const ms = this.pacer.take();
            if (ms > 0) return this.later(ms);
            entry.sent = true;
            this.transmit(entry.frame);
        }
    }
}

/** A rejected promise that is no "unhandled rejection" where the caller does not care. */
export function failed(code: LocalCode, message: string, ref?: string): Promise<never> {
    const answer = Promise.reject(new LecternError(code, message, undefined, ref));
    answer.catch(() => {});
    return answer;
}
