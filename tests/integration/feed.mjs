// What tests of the event feed share.

import assert from 'node:assert/strict';
import { api, connect, mintToken } from './harness.mjs';

/** A service's token for these channels. */
export const serviceToken = (channels, more = {}) =>
    mintToken({ type: 'service', channels: [].concat(channels), ...more });

/** By the `type` of the feed's messages, in the words of next(). */
export const typed = (type) => (message) => message.type === type;

/** Follows, and waits for the welcome: its `data` is in `client.feed`. */
export async function follow(server, { channels, since, query = {}, token = serviceToken('*'), ...options } = {}) {
    const client = await connect(server, {
        path: '/monitor', token: token ?? undefined, welcome: false,
        query: { ...(channels ? { channels } : {}), ...(since ? { since } : {}), ...query }, ...options,
    });
    const first = await client.next();
    assert.equal(first.type, 'welcome');
    client.feed = first.data;
    return client;
}

/** Everything that this follower had waiting in front of it is there after this. */
export async function settled(client) {
    client.send({ type: 'ping' });
    await client.next(typed('pong'));
}

/** POST /events: the event's id. */
export async function post(server, channel, event, token = serviceToken('*')) {
    const { status, body, text } = await api(server, 'POST', `/events/${channel}`, {
        token, body: JSON.stringify(event), headers: { 'Content-Type': 'application/json' },
    });
    assert.equal(status, 202, text);
    return body.id;
}

/** What was heard of a channel, without times and ids. */
export const dataOf = (client, channel) => client.all(typed(channel)).map(({ data }) => data);
