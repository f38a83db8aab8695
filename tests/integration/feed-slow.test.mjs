// Clients of the event feed that read slowly, or not at all: they miss the oldest events and are told how many, are never
// closed for it, and nobody else notices.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, connect, limit, startRedis, startServer, waitFor } from './harness.mjs';
import { closedWith } from './classroom.mjs';
import { follow, post, settled, typed } from './feed.mjs';

const CHANNELS = ['chat_monitor', 'exe_monitor'];
const TEXT = 'x'.repeat(20_000);

const metric = async (server, name) =>
    Number(new RegExp(`^lectern_${name} (\\d+)`, 'm').exec((await api(server, 'GET', '/metrics')).text)[1]);

async function serve(t, env = {}) {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const server = await startServer({ redis, env: { LECTERN_LOOPS: 1, ...env } });
    t.after(() => server.stop());
    return { redis, server };
}

/** Publishes until this many events have been dropped; returns how many were published. */
async function flood(redis, server, dropped) {
    let count = 0;
    await waitFor(async () => {
        for (let i = 0; i < 100; i++) {
            await redis.client.publish(CHANNELS[count % 2], JSON.stringify({ n: count, text: TEXT }));
            count++;
        }
        return await metric(server, 'feed_dropped_total') >= dropped;
    }, { timeout: limit(60000), what: `${dropped} events dropped`, every: 1 });
    return count;
}

/** All that was told as dropped, by channel. */
function droppedOf(client) {
    const sums = {};
    for (const { data } of client.all(typed('dropped'))) {
        const parts = Object.values(data.channels).reduce((a, b) => a + b, 0);
        assert.equal(parts, data.count);
        for (const [channel, n] of Object.entries(data.channels)) sums[channel] = (sums[channel] ?? 0) + n;
    }
    return sums;
}

test('what one misses is counted exactly; the newest come; others get everything', async (t) => {
    const { redis, server } = await serve(t, { LECTERN_PING_S: 1 });
    const slow = await follow(server, { channels: CHANNELS, deflate: false });
    const quick = await follow(server, { channels: CHANNELS });
    slow.pause();
    const count = await flood(redis, server, 50);
    const last = (message) => message.data?.n === count - 1;
    await quick.next(last, { timeout: limit(30000) });
    const numbers = (client) => client.messages.filter(({ data }) => data?.n !== undefined).map(({ data }) => data.n);
    assert.deepEqual(numbers(quick), [...Array(count).keys()]);
    assert.deepEqual(droppedOf(quick), {});
    // One that does not answer pings is closed after twice LECTERN_PING_S; the slow one has not answered for longer.
    const silent = await connect(server, { path: '/echo', options: { autoPong: false } });
    await closedWith(silent, 4006);
    assert.equal(slow.closeInfo, undefined);
    slow.resume();
    await slow.next(last, { timeout: limit(30000) });
    await settled(slow);
    const got = numbers(slow);
    assert.deepEqual(got, [...got].sort((a, b) => a - b)); // in order
    const sums = droppedOf(slow);
    for (const [i, channel] of CHANNELS.entries()) {
        const heard = got.filter((n) => n % 2 === i).length;
        assert.equal(heard + (sums[channel] ?? 0), count / 2);
    }
    // Where it was told is where they are missing.
    let next = 0;
    for (const { type, data } of slow.messages) {
        if (type === 'dropped') next += data.count;
        else if (data?.n !== undefined) assert.equal(data.n, next++);
    }
});

test('a replay to one who does not read waits for it, and loses nothing', async (t) => {
    const { server } = await serve(t, { LECTERN_FEED_LOG: 1000 });
    const total = 400;
    const first = await post(server, 'exe_monitor', { n: -1 });
    for (let i = 0; i < total; i += 20) {
        await Promise.all(Array.from({ length: 20 }, () => post(server, 'exe_monitor', { text: TEXT })));
    }
    const slow = await follow(server, { channels: 'exe_monitor', since: `exe_monitor:${first}`, deflate: false });
    slow.pause();
    const end = await post(server, 'exe_monitor', { end: true });
    const quick = await follow(server, { channels: 'exe_monitor' });
    await settled(quick);
    slow.resume();
    await slow.next((message) => message.id === end, { timeout: limit(30000) });
    const events = slow.all(typed('exe_monitor'));
    assert.equal(events.length, total + 1);
    const numbers = events.map(({ id }) => Number(id.split('-')[1]));
    assert.deepEqual(numbers, Array.from({ length: total + 1 }, (_, i) => i + 2));
    assert.deepEqual(droppedOf(slow), {});
});

test('many followers, some of them stalled, and the small queue of a small server', async (t) => {
    const { redis, server } = await serve(t, { LECTERN_MESSAGE_MAX: 1024, LECTERN_QUEUE_MAX: 2048 });
    const stalled = await Promise.all([1, 2, 3].map(() => follow(server, { channels: 'chat_monitor', deflate: false })));
    for (const client of stalled) client.pause();
    const quick = await Promise.all([1, 2, 3].map(() => follow(server, { channels: 'chat_monitor' })));
    let count = 0;
    const text = 'y'.repeat(900);
    await waitFor(async () => {
        const pipeline = redis.client.pipeline();
        for (let i = 0; i < 500; i++) pipeline.publish('chat_monitor', JSON.stringify({ n: count++, text }));
        await pipeline.exec();
        await Promise.all(quick.map((client) => client.next((m) => m.data?.n === count - 1, { timeout: limit(20000) })));
        return await metric(server, 'feed_dropped_total') >= 300;
    }, { timeout: limit(120000), what: 'dropped events', every: 1 });
    for (const client of stalled) {
        client.resume();
        await client.next((m) => m.data?.n === count - 1, { timeout: limit(30000) });
        const events = client.all(typed('chat_monitor')).length;
        assert.equal(events + (droppedOf(client).chat_monitor ?? 0), count);
    }
});
