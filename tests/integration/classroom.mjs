// What the class-room tests share on top of the harness: opening classes, looking at raw frames and at Redis, proving that
// something did not arrive, and a wire to Redis that can be cut.

import assert from 'node:assert/strict';
import net from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { asStudent, asTeacher, randomId, rawHttp, roomCode, waitFor } from './harness.mjs';

/**
 * Opens a class of its own: a host (t1) and one student per id. `query` are the host's options. Resolves with
 * {code, host, students} when the host has heard of every student, so nothing of the opening is still on its way.
 */
export async function openClass(server, { students = [], query = {}, code = roomCode(), host = {}, options = {} } = {}) {
    const teacher = await asTeacher(server, code, host, { query, ...options });
    const joined = [];
    for (const id of students) joined.push(await joinClass(server, code, teacher, id, {}, options));
    return { code, host: teacher, students: joined };
}

/** One more student, with the host having heard of it. */
export async function joinClass(server, code, host, id, user = {}, options = {}) {
    const client = await asStudent(server, code, { sub: id, ...user }, options);
    await host.next({ messageType: 'join', sender: id });
    return client;
}

/**
 * Sends a message to all from `from` and waits until each of `clients` has it. What was delivered to them before it is in
 * their `messages` afterwards; what is not there was not delivered.
 */
export async function marker(from, clients) {
    const message = randomId('marker');
    from.send({ targetType: 'all', messageType: 'marker', message });
    for (const client of [].concat(clients)) await client.next({ messageType: 'marker', message });
}

/** Sends and returns the `error` that answers it; fails if it was accepted. */
export async function refusedMessage(client, message, options) {
    const answer = await client.request(message, options);
    assert.equal(answer.messageType, 'error', `accepted: ${JSON.stringify(message)}`);
    assert.equal(answer.senderType, 'server');
    assert.equal(typeof answer.message.message, 'string');
    assert.ok(answer.message.message.length > 10, 'an error says what is wrong in a sentence');
    return answer.message;
}

/** Sends and returns the `ack`'s message; fails if it was refused. */
export async function accepted(client, message, options) {
    const answer = await client.request(message, options);
    assert.equal(answer.messageType, 'ack', `refused: ${JSON.stringify(answer.message)}`);
    return answer.message;
}

/** Sends a `send` message and returns what its `ack` says; `more` are further fields (target, ref, ephemeral…). */
export const say = (client, targetType, message, more = {}) =>
    accepted(client, { targetType, messageType: 'send', message, ...more });

/** The text of the frame that a message came in. */
export const frameOf = (client, message) => client.frames[client.messages.indexOf(message)];

/** Messages of one type in the order of their arrival, only what `pick` takes of them. */
export const heard = (client, messageType, pick = (message) => message.message) =>
    client.all(messageType).map(pick);

/** Names of the Redis keys of one room. */
export async function roomKeys(redis, code) {
    const keys = await redis.client.keys(`room:${code}:*`);
    return keys.sort();
}

/** Waits until Redis knows nothing of the room any more (what stays after its end is under class:…). */
export const roomGone = (redis, code) =>
    waitFor(async () => (await roomKeys(redis, code)).length === 0, { what: `end of every room:${code}:* key` });

/** Both {code, reason} of a socket that the server closes, within the usual time. */
export async function closedWith(client, code, reason) {
    const info = await waitFor(() => client.closeInfo, { what: `close ${code}` });
    assert.equal(info.code, code, `closed ${info.code} ${info.reason}`);
    if (reason !== undefined) assert.equal(info.reason, reason);
    return info;
}

/**
 * One client frame as bytes. Everything can be set wrong: fin, rsv (0-7), opcode, masked, the length's form (bytes: 0, 2 or
 * 8; default the shortest) and the announced length.
 */
export function clientFrame(payload = '', { opcode = 1, fin = true, rsv = 0, masked = true, form, announced } = {}) {
    const body = Buffer.from(payload);
    const length = announced ?? body.length;
    const size = form ?? (length < 126 ? 0 : length < 65536 ? 2 : 8);
    const head = Buffer.alloc(2 + size);
    head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
    head[1] = (masked ? 0x80 : 0) | (size === 0 ? length : size === 2 ? 126 : 127);
    if (size === 2) head.writeUInt16BE(length, 2);
    if (size === 8) head.writeBigUInt64BE(BigInt(length), 2);
    if (!masked) return Buffer.concat([head, body]);
    const mask = Buffer.from([0x12, 0x34, 0x56, 0x78]);
    return Buffer.concat([head, mask, body.map((byte, i) => byte ^ mask[i % 4])]);
}

/** The payload of a compressed message (RFC 7692, 7.2.1). */
export function compressed(text) {
    const deflated = deflateRawSync(Buffer.from(text), { finishFlush: 2 /* Z_SYNC_FLUSH */ });
    return deflated.subarray(0, deflated.length - 4);
}

/** A handshake written by hand; resolves as rawHttp does, once `until(text)` is true (default: the head is complete). */
export function handshake(server, target, headers, until = (text) => text.includes('\r\n\r\n')) {
    const lines = Object.entries({
        Host: 'a', Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==', ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    return rawHttp(server, `GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, { until });
}

/** Writes bytes to the server past the WebSocket library, which would not send them. */
export const writeBytes = (client, ...parts) => { for (const part of parts) client.ws._socket.write(part); };

/** A wire to Redis that can be cut: `cut()` resets what is open and refuses the rest, `mend()` lets it through again. */
export async function startWire(redis) {
    const open = new Set();
    let whole = true;
    const server = net.createServer((near) => {
        if (!whole) {
            near.resetAndDestroy();
            return;
        }
        const far = net.connect(redis.port, '127.0.0.1');
        for (const [socket, other] of [[near, far], [far, near]]) {
            open.add(socket);
            socket.on('error', () => {});
            socket.on('close', () => { open.delete(socket); other.destroy(); });
            socket.pipe(other);
        }
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    return {
        url: `redis://127.0.0.1:${server.address().port}`,
        cut() {
            whole = false;
            for (const socket of open) socket.resetAndDestroy();
        },
        mend() { whole = true; },
        async stop() {
            this.cut();
            await new Promise((resolve) => { server.close(resolve); });
        },
    };
}
