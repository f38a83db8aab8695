// What the tests of files in chats share: uploading, reading, and hearing what a room is told.

import { Redis } from 'ioredis';
import { api, rawSocket, waitFor } from './harness.mjs';

/** Uploads `body` as `who`; resolves with an answer of api(). `name` is percent-encoded, null: no such header. */
export function upload(server, who, room, body, { name = 'file.bin', type = 'application/octet-stream', ref, as, headers = {}, timeout } = {}) {
    const query = as === undefined ? '' : `?as=${as}`;
    return api(server, 'POST', `/chat/room/${room}/files${query}`, {
        token: who?.token, body, timeout,
        headers: {
            ...(type === null ? {} : { 'Content-Type': type }),
            ...(name === null ? {} : { 'X-File-Name': encodeURIComponent(name) }),
            ...(ref === undefined ? {} : { 'X-Ref': ref }),
            ...headers,
        },
    });
}

/** Begins an upload of `length` bytes by hand: a rawSocket whose head is sent, once the room knows of the file. */
export async function begin(server, who, room, length, { name = 'slow.bin', type = 'application/octet-stream' } = {}) {
    const raw = await rawSocket(server);
    raw.write(`POST /chat/room/${room}/files HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${who.token}\r\nContent-Type: ${type}\r\n`
        + `X-File-Name: ${encodeURIComponent(name)}\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`);
    await waitFor(() => /^HTTP\/1\.1 /.test(raw.text()), { what: 'the server to answer or go on' });
    return raw;
}

/** Hears what is published for a room: {messages (parsed, oldest first), next(test), stop()}. */
export async function listen(redis, room) {
    const client = new Redis(redis.url, { retryStrategy: null });
    const messages = [];
    client.on('error', () => {});
    client.on('message', (channel, text) => messages.push(JSON.parse(text)));
    await client.subscribe(`room:${room}`);
    return {
        messages,
        next: (test, options) => waitFor(() => messages.find(test), { what: `${test}`, ...options }),
        stop: () => client.disconnect(),
    };
}

/** GET of a file; `headers` and `method` as wanted. */
export const fetchFile = (server, url, { method = 'GET', headers = {}, timeout } = {}) => api(server, method, url, { headers, timeout });

/** Bytes that are all different enough, from a seed: the same seed gives the same bytes. */
export function bytesOf(length, seed = 1) {
    const bytes = Buffer.alloc(length);
    let state = seed >>> 0 || 1;
    for (let i = 0; i + 4 <= length; i += 4) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        bytes.writeUInt32LE(state >>> 0, i);
    }
    return bytes;
}
