/**
 * What the client library needs from its surroundings. In a browser, and in Node for everything but
 * the WebSocket, the platform's own parts are the default; tests and other hosts pass theirs.
 */

/** The part of a WebSocket that is used: browsers' own and the `ws` package's both fit. */
export interface WebSocketLike {
    readonly protocol: string;
    readonly readyState: number;
    onopen: ((event: any) => any) | null;
    onmessage: ((event: any) => any) | null;
    onclose: ((event: any) => any) | null;
    onerror: ((event: any) => any) | null;
    send(data: string): void;
    close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** The part of `fetch` that is used. */
export type Fetch = (
    url: string,
    init: {
        method: string;
        headers: Record<string, string>;
        body?: string;
        cache: 'no-store';
        signal: AbortSignal;
    },
) => Promise<{
    ok: boolean;
    status: number;
    headers: { get(name: string): string | null };
    json(): Promise<unknown>;
}>;

/** The part of `fetch` that is used where an answer is read as it comes. */
export type StreamFetch = (
    url: string,
    init: {
        method: string;
        headers: Record<string, string>;
        body: string;
        cache: 'no-store';
        signal: AbortSignal;
    },
) => Promise<{
    status: number;
    body: { getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array }> } } | null;
}>;

/** One short text that outlives the page, but not the tab; null: none. */
export interface Memory {
    get(): string | null;
    set(text: string | null): void;
}

export interface Environment {
    WebSocket: WebSocketConstructor;
    fetch: Fetch;
    /** For SockJS where WebSocket does not work; null: there is no falling back. */
    stream: StreamFetch | null;
    /** What carries connections here, see carriers.ts. */
    memory: Memory;
    setTimeout(fn: () => void, ms: number): unknown;
    clearTimeout(timer: unknown): void;
    /** Milliseconds since 1970. */
    now(): number;
    /** For jitter: 0 ≤ x < 1. */
    random(): number;
    /** A string of letters and digits that nobody else draws; part of each `ref`. */
    uniqueId(): string;
}

/** 16 characters of `a-z0-9`. Not `crypto.randomUUID`, which pages on a plain http address lack. */
function uniqueId(): string {
    const bytes = globalThis.crypto
        ? globalThis.crypto.getRandomValues(new Uint8Array(16))
        : Uint8Array.from({ length: 16 }, () => Math.floor(Math.random() * 256));
    return Array.from(bytes, (byte) => (byte % 36).toString(36)).join('');
}

const CARRIER = 'lectern.carrier';

/** Of this page alone where the browser keeps nothing. */
let carrier: string | null = null;

const memory: Memory = {
    get() {
        try {
            return globalThis.sessionStorage.getItem(CARRIER);
        } catch {
            return carrier;
        }
    },
    set(text) {
        carrier = text;
        try {
            if (text === null) globalThis.sessionStorage.removeItem(CARRIER);
            else globalThis.sessionStorage.setItem(CARRIER, text);
        } catch {
            // It has no storage, or none that may be used.
        }
    },
};

export function environment(overrides: Partial<Environment> = {}): Environment {
    const platform = globalThis as unknown as { WebSocket: WebSocketConstructor; fetch: Fetch };
    const streams = globalThis as unknown as { fetch: StreamFetch };
    return {
        WebSocket: platform.WebSocket,
        // Who brings a WebSocket knows that it works.
        stream: overrides.WebSocket ? null : (url, init) => streams.fetch(url, init),
        memory,
        // Called with the global object as `this`, as browsers demand.
        fetch: (url, init) => platform.fetch(url, init),
        setTimeout: (fn, ms) => globalThis.setTimeout(fn, ms),
        clearTimeout: (timer) => globalThis.clearTimeout(timer as number),
        now: () => Date.now(),
        random: () => Math.random(),
        uniqueId,
        ...overrides,
    };
}
