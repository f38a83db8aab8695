// What the tests of chat sockets share: sockets of people in rooms, and what they have heard, in order.

import assert from 'node:assert/strict';
import { connect, limit, waitFor } from './harness.mjs';
import { seqOf } from './chat-rest.mjs';

/** A socket of `who` that follows `room` (an id) from the start. */
export const enter = (server, who, room, query = {}, options = {}) =>
    connect(server, { token: who.token, room: `room:${room}`.replace('room:room:', ''), query, ...options });

/** A socket of `who` without a room: it subscribes. */
export const lobby = (server, who, options = {}) => connect(server, { token: who.token, query: { chat: 1 }, ...options });

/** The room's welcome on a lobby's socket, or the error. */
export async function subscribe(client, room, more = {}) {
    const ref = `sub${++refs}`;
    const answer = client.next((message) => message.ref === ref, { timeout: limit(10000) });
    client.send({ messageType: 'subscribe', room: `room:${room}`, ref, ...more });
    return answer;
}
let refs = 0;

/** Says it in that room (the socket's own where none is given) and returns the id from the ack. */
export async function say(client, message, more = {}) {
    const answer = await client.request({ messageType: 'send', message, ...more }, { timeout: limit(10000) });
    assert.equal(answer.messageType, 'ack', JSON.stringify(answer));
    assert.match(answer.message.id, /^c[a-z2-7]{15}\.[1-9][0-9]*$/);
    return answer.message.id;
}

/** An answer that must be this error. */
export function denied(answer, code, field) {
    assert.equal(answer.messageType, 'error', JSON.stringify(answer));
    assert.equal(answer.message.code, code, JSON.stringify(answer));
    assert.equal(answer.message.field, field, JSON.stringify(answer));
    assert.equal(answer.senderType, 'server');
}

/** What came with a number, in the order of coming; of one room if it is given. */
export const rows = (client, room) => client.messages.filter((message) => message?.id
    && (!room || message.room === `room:${room}`));

/** The texts said, in the order of coming. */
export const heard = (client, room) => rows(client, room).filter(({ messageType }) => messageType === 'send')
    .map(({ message }) => message);

/** Nothing twice, nothing out of order; without holes unless `holes` (of what was deleted). */
export function assertInOrder(client, room, { holes = false } = {}) {
    const numbers = rows(client, room).map(seqOf);
    for (let i = 1; i < numbers.length; i++) {
        assert.ok(numbers[i] > numbers[i - 1], `${numbers[i]} came after ${numbers[i - 1]}`);
        if (!holes) assert.equal(numbers[i], numbers[i - 1] + 1, 'a number is missing');
    }
}

/** Waits until the client has heard that number. */
export const until = (client, id, timeout = limit(20000)) => waitFor(
    () => rows(client, id.split('.')[0]).some((message) => message.id === id), { timeout, what: `${id} on a socket` });
