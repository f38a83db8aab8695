/**
 * React hooks around the client library, for pages of other projects (React 18 and later, also where
 * the first drawing is made on a server).
 *
 *     const { client, state } = useFeed({ base: 'https://lectern.example', token });
 *     useFeedHandler(client, 'COMMUNITY', ({ data }) => setLatest(data));
 *     const last = useLastEvent(client, 'TRADE_CHAT');
 *
 * A client is made when its component is there, connects, and is closed when the component goes;
 * `client` is null before that. `useClient` does the same for any client of the library.
 */

import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { ChatClient, ChatEvents } from './chat';
import type { LecternClient } from './client';
import { FeedClient } from './feed';
import type { FeedEvent, FeedEvents, FeedOptions } from './feed';
import type { Events, State } from './options';
import { onWake } from './wake';

export type { FeedEvent, FeedOptions } from './feed';
export type { State } from './options';

/** What the hooks need of a client: `LecternClient`, `ChatClient` and `FeedClient` have it. */
export interface AnyClient {
    readonly state: State;
    on(name: 'state', fn: (state: State) => void): () => void;
    connect(): void;
    close(): void;
    poke(): void;
}

/** What a client tells, by name. */
type EventsOf<Client> = Client extends FeedClient
    ? FeedEvents
    : Client extends LecternClient
      ? Events
      : Client extends ChatClient
        ? ChatEvents
        : Record<string, unknown>;

const IDLE: State = { name: 'idle' };

/** The newest value of something that effects look at without being run again for it. */
function useLatest<Value>(value: Value): { readonly current: Value } {
    const ref = useRef(value);
    useEffect(() => {
        ref.current = value;
    });
    return ref;
}

/**
 * A client, made by `make` and connected while the component is there. Another `key` is another
 * client; null: none.
 */
export function useClient<Client extends AnyClient>(
    make: () => Client,
    key: string | null,
): Client | null {
    const [client, setClient] = useState<Client | null>(null);
    const latest = useLatest(make);
    useEffect(() => {
        if (key === null) return undefined;
        const made = latest.current();
        setClient(made);
        made.connect();
        const off = onWake(() => made.poke());
        return () => {
            off();
            made.close();
            setClient(null);
        };
    }, [key, latest]);
    return client;
}

/** The state of a client's connection, and a new drawing with each change. */
export function useConnectionState(client: AnyClient | null): State {
    return useSyncExternalStore(
        (changed) => client?.on('state', changed) ?? (() => {}),
        () => client?.state ?? IDLE,
        () => IDLE,
    );
}

/** Calls `fn` with what the client tells by that name, while the component is there. */
export function useEvent<Client extends AnyClient, Name extends keyof EventsOf<Client> & string>(
    client: Client | null,
    name: Name,
    fn: (data: EventsOf<Client>[Name]) => void,
): void {
    const latest = useLatest(fn);
    useEffect(() => {
        if (!client) return undefined;
        const on = client.on.bind(client) as (
            name: string,
            fn: (data: EventsOf<Client>[Name]) => void,
        ) => () => void;
        return on(name, (data) => latest.current(data));
    }, [client, name, latest]);
}

/**
 * Follows the event feed. Other options than `base`, `token` and `channels` are those of the first
 * drawing. `null`: not yet.
 */
export function useFeed(options: FeedOptions | null): { client: FeedClient | null; state: State } {
    const key =
        options && JSON.stringify([options.base, options.token ?? '', options.channels ?? []]);
    const client = useClient(() => new FeedClient(options!), key);
    return { client, state: useConnectionState(client) };
}

/** `registerHandler` while the component is there: `COMMUNITY`, or `community_monitor`. */
export function useFeedHandler(
    client: FeedClient | null,
    name: string,
    fn: (event: FeedEvent) => void,
): void {
    const latest = useLatest(fn);
    useEffect(
        () => client?.registerHandler(name, (event) => latest.current(event)),
        [client, name, latest],
    );
}

/** The last event of a channel, or of all; null before the first. */
export function useLastEvent(client: FeedClient | null, name?: string): FeedEvent | null {
    const [last, setLast] = useState<FeedEvent | null>(null);
    useEffect(() => {
        setLast(null);
        if (!client) return undefined;
        return name === undefined
            ? client.on('event', setLast)
            : client.registerHandler(name, setLast);
    }, [client, name]);
    return last;
}
