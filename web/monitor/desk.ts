/**
 * What the dashboard knows: the newest events, and figures of each channel. Bounded, however much
 * comes; whoever shows it is told at most so often.
 */

import type { FeedEvent } from '../client';

/** Events kept. */
export const KEPT = 2000;

/** Seconds that the chart shows. */
export const SPAN = 300;

/** A rate is that of so many seconds. */
const RATE_OVER = 10;

/** Listeners are told at most this often, ms. */
export const REFRESH = 250;

/** Longest text of an event in the list, and in which is searched, characters. */
const TEXT_MAX = 2000;

export interface Entry {
    /** Grows by one with each event. */
    key: number;
    event: FeedEvent;
    /** Its data as text. */
    text: string;
}

export interface Figures {
    channel: string;
    total: number;
    /** Events per second. */
    rate: number;
    /** Dropped by the server, or no longer remembered there. */
    missed: number;
    /** When the last one came, ms; null while there was none. */
    last: number | null;
}

interface Channel {
    total: number;
    missed: number;
    last: number | null;
    /** Events by second: a ring of SPAN, whose newest is `at`. */
    counts: Uint32Array;
}

export interface Clock {
    now(): number;
    setTimeout(fn: () => void, ms: number): unknown;
}

export function textOf(data: unknown): string {
    const text = typeof data === 'string' ? data : (JSON.stringify(data) ?? '');
    return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
}

/** The last that a date can say, ms. */
const LAST_TIME = 8.64e15;

/** An event's time in words; what is none, as from a program that counts nanoseconds, as it is. */
export function timeOf(format: Intl.DateTimeFormat, ms: number): string {
    return ms <= LAST_TIME ? format.format(ms) : String(ms);
}

export class Desk {
    private readonly channels = new Map<string, Channel>();
    private kept: Entry[] = [];
    private count = 0;
    private second: number;
    /** The second in which counting began. */
    private readonly began: number;
    private readonly listeners = new Set<() => void>();
    private due = false;

    constructor(private readonly clock: Clock) {
        this.second = this.began = this.now();
    }

    /** Calls `fn` after changes, at most every REFRESH ms; the returned function ends that. */
    subscribe(fn: () => void): () => void {
        this.listeners.add(fn);
        return () => void this.listeners.delete(fn);
    }

    /** The channels that there are, in the server's order. */
    follow(channels: readonly string[]): void {
        for (const channel of channels) this.channel(channel);
        this.changed();
    }

    add(event: FeedEvent): void {
        this.turn();
        const channel = this.channel(event.type);
        channel.total += 1;
        channel.last = this.clock.now();
        channel.counts[this.second % SPAN]! += 1;
        this.count += 1;
        this.kept.push({ key: this.count, event, text: textOf(event.data) });
        // Not at each event: moving two thousand is what would cost.
        if (this.kept.length >= 2 * KEPT) this.kept = this.kept.slice(-KEPT);
        this.changed();
    }

    miss(channel: string, count: number): void {
        this.channel(channel).missed += count;
        this.changed();
    }

    clear(): void {
        this.kept = [];
        this.changed();
    }

    /** Events since the beginning; an entry's key says which of them it is. */
    get total(): number {
        return this.count;
    }

    /** The newest last; what is returned stays as it is. */
    get entries(): readonly Entry[] {
        return this.kept.slice(-KEPT);
    }

    figures(): Figures[] {
        this.turn();
        return [...this.channels].map(([channel, { total, missed, last, counts }]) => {
            let sum = 0;
            // The present second has only begun.
            for (let back = 1; back <= RATE_OVER; back += 1) {
                sum += counts[(this.second - back + SPAN) % SPAN]!;
            }
            return { channel, total, missed, last, rate: sum / RATE_OVER };
        });
    }

    /**
     * For the chart: seconds since 1970, then the counts of each channel, null for what nobody has
     * counted; the oldest first.
     */
    series(): [number[], ...(number | null)[][]] {
        this.turn();
        const at = (place: number): number => this.second - SPAN + place;
        const times = Array.from({ length: SPAN - 1 }, (_, place) => at(place + 1));
        const rows = [...this.channels.values()].map(({ counts }) =>
            times.map((second) => (second < this.began ? null : counts[second % SPAN]!)),
        );
        return [times, ...rows];
    }

    private now(): number {
        return Math.floor(this.clock.now() / 1000);
    }

    private channel(name: string): Channel {
        let channel = this.channels.get(name);
        if (!channel) {
            channel = { total: 0, missed: 0, last: null, counts: new Uint32Array(SPAN) };
            this.channels.set(name, channel);
        }
        return channel;
    }

    /** Goes on to the present second: those between had no events. */
    private turn(): void {
        const now = this.now();
        const passed = Math.min(SPAN, Math.max(0, now - this.second));
        for (let step = 1; step <= passed; step += 1) {
            const place = (now - passed + step) % SPAN;
            for (const channel of this.channels.values()) channel.counts[place] = 0;
        }
        // A clock that was set back counts in the second that it was.
        this.second = Math.max(this.second, now);
    }

    private changed(): void {
        if (this.due) return;
        this.due = true;
        this.clock.setTimeout(() => {
            this.due = false;
            for (const listener of [...this.listeners]) listener();
        }, REFRESH);
    }
}

export interface Filter {
    /** '' for all. */
    channel: string;
    text: string;
}

/** Those that fit, the newest first. */
export function choose(entries: readonly Entry[], { channel, text }: Filter): Entry[] {
    const wanted = text.trim().toLowerCase();
    const fits = ({ event, text: words }: Entry): boolean =>
        (channel === '' || event.type === channel) &&
        (wanted === '' || words.toLowerCase().includes(wanted));
    return entries.filter(fits).reverse();
}
