/**
 * What the network lets through to the server: an ordinary request, a WebSocket and some messages to
 * and fro over it, and the same over what pages fall back to (SockJS). Failures are data, never
 * thrown.
 */

import type { Environment, WebSocketLike } from '../client';
import { request, sockJs } from '../client';

/** Why there was no ordinary answer from the server. */
export type HttpReason =
    | 'ok'
    | 'unreachable' // no answer
    | 'intercepted' // an answer, but another's: a proxy's, or that of a network one must sign in to
    | 'trouble'; // the server's own, and it is not well

/** Why a WebSocket does not work. */
export type WsReason =
    | 'ok'
    | 'timeout' // neither a yes nor a no
    | 'refused' // ended before it was open
    | 'cut' // ended while in use
    | 'silent' // open, but messages do not come back
    | 'altered'; // messages come back changed

export interface Trip {
    ws: WsReason;
    /** The middle of the round-trip times, and the longest, ms; null where no message came back. */
    rttMs: number | null;
    rttMaxMs: number | null;
    /** Messages that did not come back. */
    lost: number;
}

export interface ProbeTimes {
    /** Most time until the socket is open, ms. */
    open: number;
    /** Most time until a message is back, ms. */
    echo: number;
    /** Messages. */
    count: number;
}

const TIMES: ProbeTimes = { open: 8000, echo: 5000, count: 20 };

export async function probeHttp(env: Environment, base: string): Promise<HttpReason> {
    const answer = await request<{ status?: unknown }>(env, `${base}/healthz`);
    if (answer.ok) return answer.value.status === 'ok' ? 'ok' : 'intercepted';
    if (answer.status === 0) return 'unreachable';
    return answer.code === 'bad_answer' ? 'intercepted' : 'trouble';
}

function middle(values: readonly number[]): number | null {
    if (values.length === 0) return null;
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)]!;
}

/** Opens a socket to /echo; null and the reason where that fails. */
function open(
    env: Environment,
    base: string,
    ms: number,
): Promise<{ socket: WebSocketLike; why: 'ok' } | { socket: null; why: WsReason }> {
    return new Promise((resolve) => {
        let socket: WebSocketLike;
        try {
            socket = new env.WebSocket(`${base.replace(/^http/, 'ws')}/echo`, []);
        } catch {
            return resolve({ socket: null, why: 'refused' });
        }
        const end = (why: WsReason): void => {
            env.clearTimeout(timer);
            socket.onopen = socket.onclose = null;
            if (why === 'ok') return resolve({ socket, why });
            socket.close();
            resolve({ socket: null, why });
        };
        const timer = env.setTimeout(() => end('timeout'), ms);
        socket.onopen = () => end('ok');
        socket.onclose = () => end('refused');
        socket.onerror = () => {};
    });
}

/** Sends one message and waits for it. */
function echo(
    env: Environment,
    socket: WebSocketLike,
    text: string,
    ms: number,
): Promise<WsReason> {
    return new Promise((resolve) => {
        const end = (why: WsReason): void => {
            env.clearTimeout(timer);
            socket.onmessage = socket.onclose = null;
            resolve(why);
        };
        const timer = env.setTimeout(() => end('silent'), ms);
        socket.onmessage = ({ data }) => end(data === text ? 'ok' : 'altered');
        socket.onclose = () => end('cut');
        socket.send(text);
    });
}

/** `progress` is told of each message that came back, and its time, ms. */
export async function probeSocket(
    env: Environment,
    base: string,
    progress: (back: number, ms: number) => void = () => {},
    times: Partial<ProbeTimes> = {},
): Promise<Trip> {
    const { open: openMs, echo: echoMs, count } = { ...TIMES, ...times };
    const { socket, why } = await open(env, base, openMs);
    if (!socket) return { ws: why, rttMs: null, rttMaxMs: null, lost: 0 };
    const trips: number[] = [];
    let ws: WsReason = 'ok';
    for (let index = 0; index < count && ws === 'ok'; index += 1) {
        const start = performance.now();
        // Of a message's usual length.
        ws = await echo(env, socket, `${index} ${'.'.repeat(200)}`, echoMs);
        if (ws !== 'ok') break;
        trips.push(performance.now() - start);
        progress(trips.length, trips[trips.length - 1]!);
    }
    socket.onclose = null;
    socket.close(1000);
    const round = (value: number | null): number | null =>
        value === null ? null : Math.round(value * 10) / 10;
    const longest = trips.length === 0 ? null : Math.max(...trips);
    const lost = count - trips.length;
    return { ws, rttMs: round(middle(trips)), rttMaxMs: round(longest), lost };
}

/** The same with what carries classes where WebSocket does not; a few messages will do. */
export async function probeFallback(
    env: Environment,
    base: string,
    times: Partial<ProbeTimes> = {},
): Promise<Trip> {
    if (!env.stream) return { ws: 'refused', rttMs: null, rttMaxMs: null, lost: 0 };
    const other = { ...env, WebSocket: sockJs(env, env.stream) };
    return probeSocket(other, base, undefined, { count: 5, ...times });
}

const BROWSERS: readonly [string, RegExp][] = [
    ['Samsung Internet', /SamsungBrowser\/(\d+)/],
    ['Whale', /Whale\/(\d+)/],
    ['Edge', /Edg(?:A|iOS)?\/(\d+)/],
    ['Opera', /OPR\/(\d+)/],
    ['Firefox', /(?:Firefox|FxiOS)\/(\d+)/],
    ['Chrome', /(?:Chrome|CriOS)\/(\d+)/],
    ['Safari', /Version\/(\d+).*Safari/],
];

const SYSTEMS: readonly [string, RegExp][] = [
    ['iPadOS', /iPad/],
    ['iOS', /iPhone|iPod/],
    ['Android', /Android/],
    ['ChromeOS', /CrOS/],
    ['Windows', /Windows/],
    ['macOS', /Mac OS X/],
    ['Linux', /Linux/],
];

/** `Chrome 120, Android`: enough to know what to look for. */
export function browserName(userAgent: string): string {
    const browser = BROWSERS.map(([name, pattern]) => [name, pattern.exec(userAgent)?.[1]]).find(
        ([, version]) => version !== undefined,
    );
    const system = SYSTEMS.find(([, pattern]) => pattern.test(userAgent))?.[0];
    return [browser?.join(' '), system].filter(Boolean).join(', ') || '?';
}
