/**
 * What was posted and has no answer yet: sent at the pace the server allows, sent again with the
 * same `ref` on each new connection, and after the server said "later", until it is taken or
 * refused for good.
 *
 * Entries stay in order of posting, and are sent in that order. What was refused with a hint to
 * come later holds back everything behind it that is not under way yet.
 *
 * Where a page gives a `Keep`, messages also outlive the page: they are put down there until they
 * are answered, and a new outbox goes on with them under the same `ref`s, so that what the server
 * had taken already is not delivered twice.
 */

import type { Environment } from './env';
import { Pacer } from './pacer';
import { LecternError } from './protocol';
import type { Ack, Keep, Kept, LocalCode, Outgoing, Pace, Restored } from './protocol';

interface Entry<Out> {
    ref: string;
    messageType: string;
    /** The JSON text, `ref` included. */
    frame: string;
    /** Where it is one to be kept. */
    kept: Kept<Out> | null;
    /** The class that it was written for; null until one is known. */
    epoch: string | null;
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

/** After how many ms to send it again; null where it was refused for good. */
export function laterOf({ code, retryAfterMs = LATER_MS }: Refusal): number | null {
    return LATER.has(code) ? retryAfterMs : null;
}

export interface OutboxOptions<Out> {
    /** Most messages that may wait for an answer. */
    capacity: number;
    keep?: Keep<Out> | undefined;
    /** How long the server recognises a `ref`: what is older may not be sent again, ms. */
    refMs: number;
}

function bytes(text: string, limit: number): number {
    // At most three bytes per UTF-16 unit: most messages need no counting.
    return text.length * 3 <= limit ? text.length : new TextEncoder().encode(text).length;
}

/** `Out` is what is kept of a message over a reload. */
export class Outbox<Out extends { messageType: string } = Outgoing> {
    private readonly entries = new Map<string, Entry<Out>>();
    private readonly prefix: string;
    private posted = 0;
    private epoch: string | null = null;
    private transmit: ((frame: string) => void) | null = null;
    private pacer: Pacer | null = null;
    private limit = Infinity;
    private notBefore = 0;
    private timer: unknown = null;
    /** What an earlier page had kept, oldest first. */
    readonly restored: readonly Restored<Out>[];

    constructor(
        private readonly env: Environment,
        private readonly options: OutboxOptions<Out>,
    ) {
        this.prefix = env.uniqueId();
        this.restored = (options.keep?.load() ?? []).map((kept) => this.restore(kept));
        this.put();
    }

    /** Messages without an answer. */
    get size(): number {
        return this.entries.size;
    }

    /**
     * Posts a message; the promise is its `ack`. One that nobody waits for may be rejected
     * silently. `outgoing` is given where the message may be kept over a reload.
     */
    post(messageType: string, fields: object, outgoing?: Out): Promise<Ack> {
        if (this.entries.size >= this.options.capacity) {
            return failed('queue_full', 'too many messages wait to be sent');
        }
        this.posted += 1;
        const ref = `${this.prefix}-${this.posted}`;
        const frame = JSON.stringify({ messageType, ...fields, ref });
        if (bytes(frame, this.limit) > this.limit) {
            return failed('too_big', `a message may have ${this.limit} bytes`, ref);
        }
        const kept = this.options.keep && outgoing ? { ref, at: this.env.now(), outgoing } : null;
        const answer = this.add(ref, messageType, frame, kept);
        this.put();
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

    /**
     * The class that messages are for from now on; null where one has ended and the next is not
     * known. What was written for another is not sent to this one.
     */
    enter(epoch: string | null): void {
        this.epoch = epoch;
        if (epoch === null) return;
        for (const entry of [...this.entries.values()]) {
            entry.epoch ??= epoch;
            if (entry.epoch === epoch) continue;
            this.entries.delete(entry.ref);
            const text = 'written for another class with this code';
            entry.reject(new LecternError('another_class', text, undefined, entry.ref));
        }
        this.put();
    }

    /** A connection is ready: sends all that has no answer. */
    open(transmit: (frame: string) => void, limits: Pace): void {
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
        this.put();
        entry.resolve(ack);
    }

    /** The server refused a message. Returns the error, or null where it will be sent again. */
    refused(ref: string | undefined, refusal: Refusal): LecternError | null {
        const entry = ref === undefined ? undefined : this.entries.get(ref);
        const later = laterOf(refusal);
        if (entry && later !== null) {
            entry.sent = false;
            this.pause(later);
            return null;
        }
        const error = new LecternError(refusal.code, refusal.message, refusal.field, ref);
        if (entry) {
            this.entries.delete(entry.ref);
            this.put();
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
        this.put();
        for (const { ref, reject } of all) reject(new LecternError(code, message, undefined, ref));
    }

    private add(
        ref: string,
        messageType: string,
        frame: string,
        kept: Kept<Out> | null,
    ): Promise<Ack> {
        const answer = new Promise<Ack>((resolve, reject) => {
            const epoch = kept?.epoch ?? this.epoch;
            const entry = { ref, messageType, frame, kept, epoch, sent: false, resolve, reject };
            this.entries.set(ref, entry);
        });
        answer.catch(() => {});
        return answer;
    }

    private restore(kept: Kept<Out>): Restored<Out> {
        const { ref, at, outgoing } = kept;
        // A clock that was set back makes it no younger.
        const age = this.env.now() - at;
        if (!(age >= 0 && age < this.options.refMs)) {
            return { ...kept, answer: failed('too_late', 'kept for too long', ref) };
        }
        const { messageType, ...fields } = outgoing;
        const frame = JSON.stringify({ messageType, ...fields, ref });
        return { ...kept, answer: this.add(ref, messageType, frame, kept) };
    }

    /** Puts down what is to outlive the page. */
    private put(): void {
        this.options.keep?.save(
            [...this.entries.values()].flatMap(({ kept, epoch }) =>
                kept === null ? [] : [{ ...kept, ...(epoch === null ? {} : { epoch }) }],
            ),
        );
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
