/** What a client is made from, what it tells, and the states it goes through. */

import type { BackoffLimits } from './backoff';
import type { CloseInfo } from './close';
import type { Reason } from './diagnosis';
import type { Environment } from './env';
import type {
    HostOptions,
    Join,
    Keep,
    LecternError,
    Leave,
    Message,
    Settings,
    Welcome,
} from './protocol';

/** What every connection is made from. */
export interface ConnectionOptions {
    /** The server's http(s) origin: `http://192.168.0.5:8080`. */
    base: string;
    token: string;
    /**
     * Asked for a new token when the old one has expired or is refused; null or nothing to give up.
     */
    refreshToken?: (
        why: 'token_expired' | 'token_invalid',
    ) => Promise<string | null> | string | null;
    /** Waits between tries. */
    backoff?: Partial<BackoffLimits>;
    times?: Partial<Times>;
    /** Parts to use in place of the platform's: a WebSocket in Node, clocks in tests. */
    env?: Partial<Environment>;
}

export interface ClientOptions extends ConnectionOptions {
    /** The room's code. Only a host may leave it out: the server then draws one. */
    room?: string;
    /** Given by hosts (may be empty): how the room is set up where it does not exist yet. */
    host?: HostOptions;
    /**
     * Hosts: whether a reconnect may open the room anew where it ended in the meantime. Off by
     * default: a laptop that wakes up next morning must not open a class.
     */
    recreate?: boolean;
    /**
     * This client takes the place of one that was in the class already (the page was reloaded): a
     * locked room is tried nevertheless, and a host does not open one that is gone.
     */
    returning?: boolean;
    /**
     * How many earlier messages to get at the first connection; the server's own number by default.
     */
    history?: number;
    /**
     * Whether to wait for a room that is not there (yet, or any more). On by default, but not for
     * hosts.
     */
    waitForRoom?: boolean;
    /** Waits between looks at a room that is missing, locked or full. */
    roomPoll?: Partial<BackoffLimits>;
    /** Most messages that may wait for an answer. */
    queue?: number;
    /** Where messages without an answer outlive the page; see `restored`. */
    keep?: Keep;
}

/** All in ms. */
export interface Times {
    /** Most time from the first byte to the welcome. */
    connect: number;
    /** From an unanswered ping to giving the connection up. */
    grace: number;
    /** How long a connection must hold before the backoff starts over. */
    stable: number;
    /** Most time before coming back when the server asked to (1001). */
    move: number;
}

export type State =
    | { name: 'idle' }
    | { name: 'connecting' }
    | { name: 'open' }
    /** Will try again: at `retryAt` (local clock, ms), or when the new token is there. */
    | { name: 'waiting'; reason: Reason; retryAt: number | null }
    /** Given up, or closed by the application; `connect()` starts over. */
    | { name: 'closed'; reason: Reason };

export interface Events {
    state: State;
    /** Connected. `again` is false for the first welcome of this client. */
    welcome: Welcome & { again: boolean };
    /** What comes from now on is of another class with the same code; nothing before is. */
    'another-class': { epoch: string };
    /** Every message that is not the room's own business. */
    message: Message;
    join: Join;
    leave: Leave;
    /** Some of what was missed is no longer remembered. */
    gap: { since: string };
    /** The host is lost; the room ends at `deadline` (server's clock, see `serverNow()`). */
    'host-away': { deadline: number };
    'host-back': { name: string };
    settings: Settings;
    /** Hosts: the last message that each user has seen, by user id. */
    seen: Record<string, string>;
    /** The room ends: `host left`, `ended`, `host lost`. The state follows. */
    ended: { reason: string };
    /** A connection that was open has ended. The state follows. */
    disconnect: CloseInfo;
    /** The server refused something for good. */
    error: LecternError;
}
