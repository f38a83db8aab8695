// What the tests of chat's REST calls share: people with tokens, the calls by name, and rooms with something in them.

import assert from 'node:assert/strict';
import { api, mintToken, randomId } from './harness.mjs';
import { refusedWith } from './accounts.mjs';

/**
 * Somebody who may chat: {id, name, userType, token}. They have no account: their first call makes them known, as with the
 * tokens of a school's own login service.
 */
export function somebody({ type = 'student', name = '민수', id = randomId(type[0]), ...claims } = {}) {
    return { id, name, userType: type, token: mintToken({ type, sub: id, name, ...claims }) };
}

const query = (fields) => {
    const all = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== undefined).map(([k, v]) => [k, String(v)]));
    const text = String(all);
    return text ? `?${text}` : '';
};
const part = encodeURIComponent;

/** The calls of `who` on `server`; each resolves with an answer of api(). */
export function chat(server, who) {
    const call = (method, path, body) => api(server, method, path, { token: who?.token, body });
    return {
        create: (name) => call('POST', '/chat/room/group/create', { name }),
        groups: (fields = {}) => call('GET', `/chat/room/group/list${query(fields)}`),
        join: (room) => call('POST', `/chat/room/group/${part(room)}/join`, {}),
        leave: (room) => call('DELETE', `/chat/room/group/${part(room)}/leave`),
        direct: (userId) => call('POST', '/chat/room/private/create', { userId }),
        mine: () => call('GET', '/chat/my/rooms'),
        room: (room) => call('GET', `/chat/room/${part(room)}`),
        history: (room, fields = {}) => call('GET', `/chat/history/${part(room)}${query(fields)}`),
        read: (room, lastReadMessage) => call('POST', `/chat/room/${part(room)}/read`, { lastReadMessage }),
        search: (q, fields = {}) => call('GET', `/chat/search${query({ q, ...fields })}`),
        people: (q) => call('GET', `/chat/people${query({ q })}`),
        say: (room, message, more = {}) => call('POST', `/chat/room/${part(room)}/messages`, { message, ...more }),
        erase: (id) => call('DELETE', `/chat/message/${part(id)}`),
        post: (path, body) => call('POST', path, body),
        call,
    };
}

/** The body of an answer that must have this status. */
export function ok(answer, status = 200) {
    assert.equal(answer.status, status, answer.text);
    if (status === 204) assert.equal(answer.text, '');
    return answer.body;
}

export { refusedWith };

/** Makes each of these people known: they can be found, and written to. */
export async function known(server, ...people) {
    for (const who of people) ok(await chat(server, who).mine());
    return people;
}

/** A group of these people, the first of whom made it: its object. */
export async function group(server, name, owner, ...others) {
    const room = ok(await chat(server, owner).create(name), 201);
    for (const who of others) ok(await chat(server, who).join(room.id));
    return room;
}

/** The texts of messages, without joins and leaves. */
export const texts = (messages) => messages.filter(({ messageType }) => messageType === 'send').map(({ message }) => message);

/** The number of a message within its room. */
export const seqOf = (message) => Number(message.id.split('.')[1]);
