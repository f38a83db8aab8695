// The event feed where something is lost: logs that are trimmed before they are read, Redis that loses data, refuses to
// read, or is written to by others. What is missing is told, and everything else still comes, once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, connect, limit, startRedis, startServer, waitFor } from './harness.mjs';
import { startWire } from './classroom.mjs';
import { dataOf, follow, post, serviceToken, settled, typed } from './feed.mjs';

const CHANNEL = 'exe_monitor';
const LOG = `feed:${CHANNEL}`;
const INFO = `feed-info:${CHANNEL}`;
const up = (server) =>
    waitFor(async () => (await api(server, 'GET', '/readyz')).status === 200, { timeout: limit(20000), what: 'the link' });
const gaps = (client) => client.all(typed('gap')).map(({ data }) => data);

/** A server that events are sent to, and one whose link to Redis can be cut. */
async function serve(t, env = {}) {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const wire = await startWire(redis);
    t.after(() => wire.stop());
    const more = { LECTERN_LOOPS: 1, LECTERN_REDIS_TIMEOUT_MS: 1000, ...env };
    const server = await startServer({ redis, env: more });
    t.after(() => server.stop());
    const cut = await startServer({ redis: wire.url, env: more });
    t.after(() => cut.stop());
    return { redis, wire, server, cut };
}

async function heard(client, data) {
    await client.next((message) => message.data === data, { timeout: limit(20000) });
}

test('a log that was trimmed while the link was down: those who stayed are told how many are missing', async (t) => {
    const { wire, server, cut } = await serve(t, { LECTERN_FEED_LOG: 10 });
    const client = await follow(cut, { channels: CHANNEL });
    const since = await post(server, CHANNEL, 'before');
    await heard(client, 'before');
    wire.cut();
    for (let i = 1; i <= 25; i++) await post(server, CHANNEL, i);
    wire.mend();
    await heard(client, 25);
    assert.deepEqual(gaps(client), [{ channel: CHANNEL, since, missed: 15 }]);
    assert.deepEqual(dataOf(client, CHANNEL), ['before', ...Array.from({ length: 10 }, (_, i) => i + 16)]);
    assert.equal(client.messages.findIndex(typed('gap')), client.messages.findIndex(({ data }) => data === 16) - 1);
});

test('a Redis that was emptied while the link was down: those who stayed are told, and get all there is', async (t) => {
    const { redis, wire, server, cut } = await serve(t);
    const client = await follow(cut, { channels: CHANNEL });
    const since = await post(server, CHANNEL, 'old');
    await heard(client, 'old');
    wire.cut();
    await post(server, CHANNEL, 'missed');
    await redis.client.flushall();
    await post(server, CHANNEL, 'new');
    wire.mend();
    await heard(client, 'new');
    assert.deepEqual(gaps(client), [{ channel: CHANNEL, since }]);
    assert.deepEqual(dataOf(client, CHANNEL), ['old', 'new']);
});

test('a log that is trimmed while one reads it slowly: what it did not get is told', async (t) => {
    const { server } = await serve(t, { LECTERN_FEED_LOG: 300 });
    const text = 'x'.repeat(60_000); // all of them together are more than a kernel takes
    const send = async (count) => {
        for (let i = 0; i < count; i += 20) {
            await Promise.all(Array.from({ length: 20 }, () => post(server, CHANNEL, { text })));
        }
    };
    await send(300);
    const slow = await follow(server, { channels: CHANNEL, since: `${CHANNEL}:0`, deflate: false });
    slow.pause();
    await settled(await follow(server, { channels: CHANNEL })); // what it takes without being read it has
    await send(600);
    const end = await post(server, CHANNEL, 'end');
    slow.resume();
    await slow.next((message) => message.id === end, { timeout: limit(60000) });
    // 901 events: each comes, or is told of where it is missing.
    let last = 0;
    let missed = 0;
    for (const { type, id, data } of slow.messages) {
        if (type === 'gap') {
            missed += data.missed;
            last += data.missed;
        } else if (type === CHANNEL) {
            last += 1;
            assert.equal(Number(id.split('-')[1]), last);
        }
    }
    assert.equal(last, 901);
    assert.ok(missed > 0, 'the client read too quickly for this test to say anything');
});

test('a Redis that lost its newest events, with a clock that is behind: what takes their place comes', async (t) => {
    const { redis, wire, server, cut } = await serve(t);
    const client = await follow(cut, { channels: CHANNEL });
    const [epoch, first] = (await post(server, CHANNEL, 'first')).split('.');
    await heard(client, 'first');
    // The old primary's clock was a minute ahead.
    await redis.client.hset(INFO, 'last', `${Number(first.split('-')[0]) + 60_000}-1`);
    const lost = await post(server, CHANNEL, 'lost with it');
    await heard(client, 'lost with it');
    wire.cut();
    await redis.client.xdel(LOG, lost.split('.')[1]);
    await redis.client.call('XSETID', LOG, first);
    await redis.client.hset(INFO, 'last', first);
    wire.mend();
    await up(cut);
    const second = await follow(cut, { channels: CHANNEL }); // the channel is LIVE again
    const next = await post(server, CHANNEL, 'second');
    assert.equal(next.split('.')[0], epoch);
    await heard(second, 'second');
    await settled(client);
    assert.deepEqual(dataOf(client, CHANNEL), ['first', 'lost with it', 'second']);
});

test('a log without its info: nobody waits for it, nothing turns in a circle, and it begins anew', async (t) => {
    const { redis, server } = await serve(t);
    const old = await follow(server, { channels: CHANNEL });
    for (let i = 0; i < 3; i++) await post(server, CHANNEL, i);
    await heard(old, 2);
    await redis.client.del(INFO);
    await old.close();
    await redis.client.config('RESETSTAT');
    const client = await follow(server, { channels: CHANNEL, since: `${CHANNEL}:0` });
    assert.deepEqual(client.feed.last, { [CHANNEL]: '0' });
    await settled(client);
    const calls = /cmdstat_xrange:calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1] ?? 0;
    assert.ok(calls < 20, `${calls} reads`);
    await post(server, CHANNEL, 'anew');
    await heard(client, 'anew');
    assert.deepEqual(dataOf(client, CHANNEL), ['anew']);
});

test('an entry of another epoch in a log is nobody\'s: all others come, and no gap is made up', async (t) => {
    const { redis, server } = await serve(t);
    const since = await post(server, CHANNEL, 'before');
    const ms = Number(since.split('.')[1].split('-')[0]);
    for (let i = 2; i <= 3; i++) {
        const stray = JSON.stringify({ id: `zzzzzz.${ms + i}-${i}`, type: CHANNEL, data: 'stray', timestamp: 1 });
        await redis.client.xadd(LOG, `${ms + i}-${i}`, 'm', stray);
    }
    await redis.client.hset(INFO, 'last', `${ms + 1000}-1`); // the script is to go on behind them
    const next = await post(server, CHANNEL, 'next');
    assert.equal(next.split('.')[0], since.split('.')[0]);
    const client = await follow(server, { channels: CHANNEL, since: `${CHANNEL}:${since}` });
    await heard(client, 'next');
    await post(server, CHANNEL, 'last');
    await heard(client, 'last');
    assert.deepEqual(dataOf(client, CHANNEL), ['next', 'last']);
    assert.deepEqual(gaps(client), []);
});

test('something else in the place of a log\'s info: events are taken, and come', async (t) => {
    const { redis, server } = await serve(t);
    await redis.client.set(INFO, 'x');
    const client = await follow(server, { channels: CHANNEL });
    await post(server, CHANNEL, 'first');
    await heard(client, 'first');
});

test('a Redis that refuses to read for a while: nothing is taken for missing', async (t) => {
    const { redis, server } = await serve(t);
    const since = await post(server, CHANNEL, 'before');
    for (let i = 0; i < 5; i++) await post(server, CHANNEL, i);
    const early = await follow(server, { channels: CHANNEL });
    await redis.client.call('ACL', 'SETUSER', 'default', '-xrange');
    const errors = async () =>
        Number(/cmdstat_xrange:.*rejected_calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1] ?? 0);
    const before = await errors();
    const late = await follow(server, { channels: CHANNEL, since: `${CHANNEL}:${since}` });
    await waitFor(async () => await errors() > before, { timeout: limit(10000), what: 'a refused read' });
    await redis.client.call('ACL', 'SETUSER', 'default', '+xrange');
    await post(server, CHANNEL, 'end');
    await heard(early, 'end');
    await heard(late, 'end');
    assert.deepEqual(dataOf(late, CHANNEL), [0, 1, 2, 3, 4, 'end']);
    assert.deepEqual(gaps(late), []);
});

test('many who come back at the same moment: Redis holds a few replies for them at a time', async (t) => {
    const { redis, wire, server, cut } = await serve(t, { LECTERN_REDIS_TIMEOUT_MS: 10_000 });
    const since = await post(server, CHANNEL, 'before');
    const text = 'x'.repeat(60_000);
    for (let i = 0; i < 32; i++) await post(server, CHANNEL, { text });
    const end = await post(server, CHANNEL, 'end');
    wire.cut();
    const clients = await Promise.all(Array.from({ length: 60 }, () => connect(cut, {
        path: '/monitor', token: serviceToken('*'), query: { channels: CHANNEL, since }, deflate: false,
    })));
    const followers = async () => Number(/^lectern_feed_followers (\d+)/m.exec((await api(cut, 'GET', '/metrics')).text)[1]);
    await waitFor(async () => await followers() === 60, { timeout: limit(20000), what: 'all waiting for Redis' });
    const memory = async (what) => Number(new RegExp(`${what}:(\\d+)`).exec(await redis.client.info('memory'))[1]);
    await redis.client.config('RESETSTAT');
    const before = await memory('used_memory');
    wire.mend();
    for (const client of clients) {
        await client.next((message) => message.id === end, { timeout: limit(60000) });
        assert.equal(client.all(typed(CHANNEL)).length, 33);
    }
    const grown = await memory('used_memory_peak') - before;
    assert.ok(grown < 60e6, `Redis took ${grown} bytes more`); // one page is 1.9 MB: 115 MB for all at once
});
