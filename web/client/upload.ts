/**
 * Sending files, telling how far they are: `POST /rooms/{id}/images`, `POST /chat/room/{id}/files`.
 * By XMLHttpRequest, since `fetch` does not say how much of a body has gone out. Failures are data,
 * never thrown.
 */

import type { Environment } from './env';
import type { Answer, Failure } from './rest';
import { failureOf } from './rest';

/** What the server made of it: the `message` of an `image` message. */
export interface ImageFile {
    /** Paths on the server; immutable while the room lasts, and for a while after it. */
    url: string;
    thumbUrl: string;
    /** Of the image behind `url`, pixels. */
    width: number;
    height: number;
    /** Of the image behind `url`. */
    bytes: number;
}

/** The part of XMLHttpRequest that is used. */
export interface XhrLike {
    readonly status: number;
    readonly responseText: string;
    readonly upload: { onprogress: ((event: any) => any) | null };
    onload: ((event: any) => any) | null;
    onerror: ((event: any) => any) | null;
    onabort: ((event: any) => any) | null;
    open(method: string, url: string): void;
    setRequestHeader(name: string, value: string): void;
    getResponseHeader(name: string): string | null;
    send(body: Blob): void;
    abort(): void;
}

export type XhrConstructor = new () => XhrLike;

export interface UploadOptions {
    /** Called with what has gone out so far: 0 to 1, never falling. */
    onProgress?: (fraction: number) => void;
    /** Gives the upload up: the answer is a failure with the code `aborted`. */
    signal?: AbortSignal;
    /** The platform's own unless given. */
    XMLHttpRequest?: XhrConstructor;
}

/** An upload that makes no progress for so long, or whose answer takes so long, is given up, ms. */
const PATIENCE = 60_000;

function readImage(text: string): ImageFile | null {
    try {
        const value = JSON.parse(text) as Partial<ImageFile> | null;
        const whole =
            typeof value?.url === 'string' &&
            typeof value.thumbUrl === 'string' &&
            [value.width, value.height, value.bytes].every(Number.isFinite);
        return whole ? (value as ImageFile) : null;
    } catch {
        return null;
    }
}

function readJson(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return null;
    }
}

/** What goes out, and how the answer is read: null for what is none. */
export interface Sending<T> {
    url: string;
    token: string;
    body: Blob;
    headers?: Readonly<Record<string, string>>;
    read(status: number, text: string): T | null;
}

export type UploadEnvironment = Pick<Environment, 'setTimeout' | 'clearTimeout'>;

/**
 * Uploads `image` (JPEG, PNG, BMP or GIF, as it is) to a room of which the token's user is the host,
 * or a participant where `talk` allows it. `base` is the server's http origin.
 */
export function uploadImage(
    env: UploadEnvironment,
    base: string,
    code: string,
    token: string,
    image: Blob,
    options?: UploadOptions,
): Promise<Answer<ImageFile>> {
    const url = `${base}/rooms/${encodeURIComponent(code)}/images`;
    const read = (status: number, text: string): ImageFile | null =>
        status === 200 ? readImage(text) : null;
    return upload(env, { url, token, body: image, read }, options);
}

/** Sends a body by POST. */
export function upload<T>(
    env: UploadEnvironment,
    { url, token, body, headers = {}, read }: Sending<T>,
    { onProgress, signal, XMLHttpRequest: given }: UploadOptions = {},
): Promise<Answer<T>> {
    const answerOf = (xhr: XhrLike): Answer<T> => {
        const value = read(xhr.status, xhr.responseText);
        if (value !== null) return { ok: true, value };
        const retryAfter = xhr.getResponseHeader('retry-after');
        return failureOf(xhr.status, readJson(xhr.responseText), retryAfter);
    };
    const Xhr = given ?? (globalThis as unknown as { XMLHttpRequest: XhrConstructor }).XMLHttpRequest;
    const failure = (reason: string, message: string): Failure => ({
        ok: false,
        status: 0,
        code: reason,
        message,
    });
    return new Promise((resolve) => {
        if (signal?.aborted) {
            resolve(failure('aborted', 'the upload was given up'));
            return;
        }
        const xhr = new Xhr();
        let timer: unknown;
        let why = failure('aborted', 'the upload was given up');
        let told = 0;
        const giveUp = () => xhr.abort();
        const expectMore = () => {
            env.clearTimeout(timer);
            timer = env.setTimeout(() => {
                why = failure('unreachable', 'the upload does not get on');
                xhr.abort();
            }, PATIENCE);
        };
        const finish = (answer: Answer<T>) => {
            env.clearTimeout(timer);
            signal?.removeEventListener('abort', giveUp);
            resolve(answer);
        };
        xhr.upload.onprogress = (event: { loaded: number; total: number }) => {
            expectMore();
            const fraction = event.total > 0 ? Math.min(1, event.loaded / event.total) : 0;
            if (fraction > told) onProgress?.((told = fraction));
        };
        xhr.onload = () => finish(answerOf(xhr));
        xhr.onerror = () => finish(failure('unreachable', 'the server cannot be reached'));
        xhr.onabort = () => finish(why);
        signal?.addEventListener('abort', giveUp);
        xhr.open('POST', url);
        xhr.setRequestHeader('authorization', `Bearer ${token}`);
        xhr.setRequestHeader('content-type', body.type || 'application/octet-stream');
        for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
        expectMore();
        xhr.send(body);
    });
}
