/**
 * A follower of the event feed: connects, comes back, resumes, and hands events to those who asked
 * for their channel.
 *
 *     const feed = new FeedClient({ base: 'https://lectern.example', token });
 *     const stop = feed.registerHandler('COMMUNITY', ({ data }) => show(data));
 *     feed.on('state', (state) => showState(state));
 *     feed.connect();
 *
 * What it promises:
 * - an event that was sent to `/events` is handed on once, in its channel's order, over any number
 *   of connections; `gap` says where the server no longer had all of them. Events that other
 *   programs published in Redis have no `id`: while the connection is away they are missed;
 * - `dropped` says how many events this client did not get because it read too slowly;
 * - a handler that throws hurts neither the others nor the connection.
 */

import { ConnectedClient } from './base';
import type { CloseInfo } from './close';
import { FeedConnection } from './feed-connection';
import type { ConnectionOptions, State } from './options';
import { RecentIds } from './recent';

export interface FeedEvent {
    /** The channel. */
    type: string;
    data: unknown;
    /** Milliseconds since 1970: the publisher's, or the server's. */
    timestamp: number;
    /** Of what came by `/events`; only compared for equality. */
    id?: string;
}

export interface FeedWelcome {
    channels: string[];
    /** The newest event of each channel; `0` where there has been none. */
    last: Record<string, string>;
    /** Seconds. */
    ping: number;
    /** False for the first welcome of this client. */
    again: boolean;
}

export interface FeedGap {
    channel: string;
    since: string;
    /** How many events are missing, where that is known. */
    missed?: number;
}

export interface FeedEvents {
    state: State;
    welcome: FeedWelcome;
    /** Every event of every channel, before the handlers of its channel. */
    event: FeedEvent;
    dropped: { count: number; channels: Record<string, number> };
    gap: FeedGap;
    disconnect: CloseInfo;
}

export interface FeedOptions extends Omit<ConnectionOptions, 'token'> {
    /** May be left out where the feed is public. */
    token?: string;
    /** All that the token opens, by default. */
    channels?: readonly string[];
}

/** Ids remembered to tell repeated events. */
const REMEMBERED = 5000;

/**
 * The names that a channel's handlers may be registered under: its own, and its stem in upper case
 * (`community_monitor` → `COMMUNITY`).
 */
export function handlerNames(channel: string): [string, string] {
    return [channel, channel.replace(/[_.:-]monitor$/, '').toUpperCase()];
}

type Handler = (event: FeedEvent) => void;

export class FeedClient extends ConnectedClient<FeedEvents> {
    protected readonly connection: FeedConnection;
    private readonly handlers = new Map<string, Set<Handler>>();
    private readonly recent = new RecentIds(REMEMBERED);
    private welcomed = false;
    private following: string[] = [];

    constructor(options: FeedOptions) {
        super(options.env);
        this.connection = new FeedConnection(
            this.env,
            { ...options, token: options.token ?? '' },
            options.channels ?? [],
            {
                state: (state) => this.events.emit('state', state),
                frame: (text) => this.receive(text),
                down: () => {},
                disconnect: (close) => this.events.emit('disconnect', close),
            },
        );
    }

    /**
     * Calls `fn` with each event of a channel: `community_monitor`, or its stem `COMMUNITY`. Any
     * number of handlers, before and after connecting. The returned function takes this one away.
     */
    registerHandler(name: string, fn: (event: FeedEvent) => void): () => void {
        let set = this.handlers.get(name);
        if (!set) {
            set = new Set();
            this.handlers.set(name, set);
        }
        const handler: Handler = (event) => fn(event);
        set.add(handler);
        return () => {
            set.delete(handler);
            if (set.size === 0 && this.handlers.get(name) === set) this.handlers.delete(name);
        };
    }

    /** What is followed; empty before the first welcome. */
    get channels(): readonly string[] {
        return this.following;
    }

    private receive(text: string): void {
        const message = parse(text);
        if (!message) return;
        const { type, data } = message;
        if (type === 'welcome') this.onWelcome(data as Omit<FeedWelcome, 'again'>);
        else if (type === 'dropped') this.events.emit('dropped', data as FeedEvents['dropped']);
        else if (type === 'gap') this.onGap(data as FeedGap);
        else if (type !== 'pong' && type !== 'error') this.onEvent(message);
    }

    private onWelcome(welcome: Omit<FeedWelcome, 'again'>): void {
        const again = this.welcomed;
        this.welcomed = true;
        this.following = welcome.channels;
        for (const [channel, id] of Object.entries(welcome.last)) {
            // Where something was received before, what came after it is on its way.
            if (!this.connection.since.has(channel)) this.connection.since.set(channel, id);
        }
        this.connection.welcomed(welcome.ping * 1000);
        this.events.emit('welcome', { ...welcome, again });
    }

    private onGap(gap: FeedGap): void {
        // Our place was in another log: we have had nothing of this one.
        if (gap.missed === undefined) this.connection.since.set(gap.channel, '0');
        this.events.emit('gap', gap);
    }

    private onEvent(event: FeedEvent): void {
        if (typeof event.id === 'string') {
            this.connection.since.set(event.type, event.id);
            if (!this.recent.add(`${event.type} ${event.id}`)) return;
        }
        this.events.emit('event', event);
        for (const name of new Set(handlerNames(event.type))) {
            const set = this.handlers.get(name);
            for (const handler of [...(set ?? [])]) {
                try {
                    if (set?.has(handler)) handler(event); // else an earlier one took it away
                } catch (thrown) {
                    this.report(thrown);
                }
            }
        }
    }
}

/** Null for what is no message of the feed's. */
function parse(text: string): FeedEvent | null {
    try {
        const message = JSON.parse(text) as FeedEvent | null;
        return typeof message?.type === 'string' ? message : null;
    } catch {
        return null;
    }
}
