/**
 * The REST calls that a join page and a reconnecting client need. Failures are data, never thrown.
 */

import type { Environment } from './env';
import type { User } from './protocol';

export interface RoomStatus {
    room: string;
    exists: true;
    name: string;
    locked: boolean;
    full: boolean;
    hostPresent: boolean;
    count: number;
    max: number;
}

export interface Guest {
    token: string;
    /** Seconds that the token is good for. */
    expiresIn: number;
    user: User;
}

export interface Failure {
    ok: false;
    /** HTTP status; 0 where there was no answer. */
    status: number;
    /** The server's code, or `unreachable`, or `bad_answer` for what is not the server's. */
    code: string;
    message: string;
    field?: string;
    /** How long the server asked to wait, where it did. */
    retryAfterMs?: number;
}

export type Answer<T> = { ok: true; value: T } | Failure;

/** An answer that takes longer counts as none, ms. */
const PATIENCE = 8000;

interface Request {
    method?: 'GET' | 'POST' | 'DELETE';
    body?: unknown;
    token?: string;
    /** The most that the answer may take, ms. */
    patience?: number;
}

interface ErrorBody {
    error?: { code?: unknown; message?: unknown; field?: unknown };
}

function retryAfterMs(header: string | null): { retryAfterMs?: number } {
    const seconds = header === null ? NaN : Number(header);
    return Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {};
}

/** The failure that an answer's status and parsed body (null where it was no JSON) stand for. */
export function failureOf(status: number, parsed: unknown, retryAfter: string | null): Failure {
    const error = (parsed as ErrorBody | null)?.error;
    return {
        ok: false,
        status,
        code: typeof error?.code === 'string' ? error.code : 'bad_answer',
        message: typeof error?.message === 'string' ? error.message : `HTTP ${status}`,
        ...(typeof error?.field === 'string' ? { field: error.field } : {}),
        ...retryAfterMs(retryAfter),
    };
}

export async function request<T>(
    env: Environment,
    url: string,
    { method = 'GET', body, token, patience = PATIENCE }: Request = {},
): Promise<Answer<T>> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    const abort = new AbortController();
    const timer = env.setTimeout(() => abort.abort(), patience);
    try {
        const response = await env.fetch(url, {
            method,
            headers,
            cache: 'no-store',
            signal: abort.signal,
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        if (response.status === 204) return { ok: true, value: undefined as T };
        const parsed: unknown = await response.json().catch(() => null);
        if (response.ok && parsed !== null) return { ok: true, value: parsed as T };
        return failureOf(response.status, parsed, response.headers.get('retry-after'));
    } catch (thrown) {
        return { ok: false, status: 0, code: 'unreachable', message: String(thrown) };
    } finally {
        env.clearTimeout(timer);
    }
}

/**
 * `GET /rooms/{id}`: does the room exist, is it locked or full. `base` is the server's http origin.
 */
export function roomStatus(
    env: Environment,
    base: string,
    code: string,
): Promise<Answer<RoomStatus>> {
    return request(env, `${base}/rooms/${encodeURIComponent(code)}`);
}

/** `POST /guest`: a student's token for one open room. */
export function guest(
    env: Environment,
    base: string,
    code: string,
    name: string,
): Promise<Answer<Guest>> {
    return request(env, `${base}/guest`, { method: 'POST', body: { room: code, name } });
}
