// The event feed: who may follow what, what the events look like, POST /events, and coming back with `since`.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { api, connect, limit, mintToken, refused, removeDir, soon, startRedis, startServer, tempDir, waitFor,
    within } from './harness.mjs';
import { closedWith, startWire } from './classroom.mjs';
import { dataOf, follow, post, serviceToken, settled, typed } from './feed.mjs';

const SIX = ['community_monitor', 'chat_monitor', 'trade_chat_monitor', 'exe_monitor', 'scan_monitor', 'fake_scan_monitor'];
const ID = /^[a-z2-7]{6}\.[0-9]+-[1-9][0-9]*$/;
let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({ redis, env: { LECTERN_FEED_LOG: 100, LECTERN_RATE_STUDENT: '5/20' } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const metric = async (name) =>
    Number(new RegExp(`^lectern_${name} (\\d+)`, 'm').exec((await api(server, 'GET', '/metrics')).text)[1]);
const publish = (channel, payload) => redis.client.publish(channel, payload);

describe('who may follow what', () => {
    test('a token with *: all channels; the welcome names them', async () => {
        const client = await follow(server);
        assert.deepEqual(client.feed.channels, SIX);
        assert.deepEqual(Object.keys(client.feed.last), SIX);
        assert.equal(client.feed.ping, 25);
        assert.equal(typeof client.messages[0].timestamp, 'number');
        await client.close();
    });

    test('a token with some channels opens these, and no others', async () => {
        const token = serviceToken(['chat_monitor', 'scan_monitor', 'of_another_program']);
        assert.deepEqual((await follow(server, { token })).feed.channels, ['chat_monitor', 'scan_monitor']);
        assert.deepEqual((await follow(server, { token, channels: 'scan_monitor' })).feed.channels, ['scan_monitor']);
        const no = await refused(server, { path: '/monitor', token, query: { channels: 'scan_monitor,exe_monitor' } });
        assert.equal(no.status, 403);
        assert.equal(no.body.error.code, 'channel_forbidden');
    });

    test('teachers and students may where their token names channels', async () => {
        for (const type of ['teacher', 'student']) {
            const no = await refused(server, { path: '/monitor', token: mintToken({ type }) });
            assert.deepEqual([no.status, no.body.error.code], [403, 'channel_forbidden']);
            const client = await follow(server, { token: mintToken({ type, channels: ['exe_monitor'] }) });
            assert.deepEqual(client.feed.channels, ['exe_monitor']);
        }
    });

    test('tokens are looked for where they are everywhere', async () => {
        for (const via of ['query', 'protocol']) {
            const client = await follow(server, { via, protocols: via === 'protocol' ? ['lectern.v1'] : [] });
            assert.equal(client.feed.channels.length, 6);
        }
    });

    for (const [what, options, status, code, field] of [
        ['no token', { token: undefined }, 401, 'token_missing'],
        ['a bad token', { token: 'a.b.c' }, 401, 'token_invalid'],
        ['one that has expired', { token: serviceToken('*', { exp: 1 }) }, 401, 'token_expired'],
        ['an unknown channel', { query: { channels: 'nothing' } }, 404, 'channel_not_found'],
        ['an unknown one among others', { query: { channels: 'exe_monitor,nothing' } }, 404, 'channel_not_found'],
        ['a class room\'s channel', { query: { channels: 'room:FTYXPM' } }, 404, 'channel_not_found'],
        ['an empty name', { query: { channels: 'exe_monitor,' } }, 400, 'bad_field', 'channels'],
        ['no name at all', { query: { channels: ',' } }, 400, 'bad_field', 'channels'],
        ['a channel twice', { query: { channels: 'exe_monitor,exe_monitor' } }, 400, 'bad_field', 'channels'],
        ['an id that is none', { query: { since: 'exe_monitor:x' } }, 400, 'bad_field', 'since'],
        ['an id without its channel where there are several', { query: { since: 'abcdef.1-1' } }, 400, 'bad_field', 'since'],
        ['since twice for a channel', { query: { since: 'exe_monitor:0,exe_monitor:0' } }, 400, 'bad_field', 'since'],
        ['since of an unknown channel', { query: { since: 'nothing:0' } }, 404, 'channel_not_found'],
        ['a page of another origin', { headers: { Origin: 'http://evil.example' } }, 403, 'origin_forbidden'],
        ['another subprotocol', { protocols: ['v12.stomp'] }, 400, 'bad_subprotocol'],
    ]) {
        test(`${what}: ${status} ${code}`, async () => {
            const { status: got, body } = await refused(server, { path: '/monitor', token: serviceToken('*'), ...options });
            assert.deepEqual([got, body.error.code, body.error.field], [status, code, field]);
            assert.ok(body.error.message);
        });
    }

    test('without an upgrade it leads to the page, where there is one; else 426', async (t) => {
        const web = tempDir('web');
        t.after(() => removeDir(web));
        const bare = await startServer({ redis, env: { LECTERN_WEB_DIR: web } });
        t.after(() => bare.stop());
        assert.equal((await api(bare, 'GET', '/monitor')).status, 426);
        mkdirSync(path.join(web, 'monitor'));
        writeFileSync(path.join(web, 'monitor', 'index.html'), '<p>page</p>');
        const paged = await startServer({ redis, env: { LECTERN_WEB_DIR: web } });
        t.after(() => paged.stop());
        const answer = await api(paged, 'GET', '/monitor?channels=exe_monitor');
        assert.equal(answer.status, 301);
        assert.match(answer.headers.location, /^\/monitor\//);
        assert.equal((await api(paged, 'GET', '/monitor/')).text, '<p>page</p>');
        assert.deepEqual((await follow(paged, { channels: 'exe_monitor' })).feed.channels, ['exe_monitor']);
        assert.equal((await api(paged, 'POST', '/monitor', { body: {} })).status, 405);
    });

    test('GET /events says what a token opens', async () => {
        const ask = async (token) => {
            const { status, body } = await api(server, 'GET', '/events', { token });
            return [status, body.error?.code ?? body];
        };
        assert.deepEqual(await ask(serviceToken('*')), [200, { channels: SIX, public: false }]);
        assert.deepEqual(await ask(mintToken({ channels: ['scan_monitor', 'x', 'chat_monitor'] })),
            [200, { channels: ['chat_monitor', 'scan_monitor'], public: false }]);
        assert.deepEqual(await ask(mintToken()), [403, 'channel_forbidden']);
        assert.deepEqual(await ask(undefined), [401, 'token_missing']);
        assert.deepEqual(await ask(serviceToken('*', { exp: 1 })), [401, 'token_expired']);
    });

    test('when the token expires the socket closes 4003', async () => {
        const client = await follow(server, { token: serviceToken('*', { exp: soon() }) });
        await within(client.closed, limit(10000), 'close');
        await closedWith(client, 4003);
    });
});

describe('events', () => {
    let one;
    let two;
    before(async () => {
        one = await follow(server, { channels: 'chat_monitor,exe_monitor', deflate: false });
        two = await follow(server, { channels: 'chat_monitor' });
    });

    async function heard(payload, channel = 'chat_monitor') {
        const before = Date.now();
        assert.equal(await publish(channel, payload) > 0, true);
        const message = await one.next(typed(channel));
        if (channel === 'chat_monitor') assert.deepEqual((await two.next(typed(channel))).data, message.data);
        assert.deepEqual(Object.keys(message), ['type', 'data', 'timestamp']);
        assert.ok(Math.abs(message.timestamp - before) < limit(5000) || message.timestamp < 10000);
        return { ...message, raw: one.frames.at(-1) };
    }

    test('JSON is the data, byte for byte', async () => {
        for (const text of ['{"a": 1,  "b":[12345678901234567890, 1e400]}', '[]', '"한글"', '42', 'null', 'true',
            '{"type":"chat_monitor"}', '{"a":1,"a":2}']) {
            const { raw } = await heard(text);
            assert.match(raw, /^\{"type":"chat_monitor","data":/);
            assert.ok(raw.includes(`"data":${text},"timestamp":`), raw);
        }
    });

    test('what is no JSON is a string', async () => {
        for (const text of ['', 'hello "world"', '{"cut', '여러분\n안녕\u0000하세요', 'NaN', '{"a":1} x', '['.repeat(70) + ']'.repeat(70)]) {
            assert.equal((await heard(text)).data, text);
        }
    });

    test('what is an event already is not wrapped again', async () => {
        for (const text of ['{"type":"chat_monitor","data":{"x":[1,  2]},"timestamp":1234}',
            ' {"timestamp":1234, "data":{"x":[1,  2]} ,"type":"chat_monitor"}']) {
            const { raw } = await heard(text);
            assert.equal(raw, '{"type":"chat_monitor","data":{"x":[1,  2]},"timestamp":1234}');
        }
    });

    test('what is nearly one is data', async () => {
        for (const text of ['{"type":"exe_monitor","data":1,"timestamp":1}', '{"type":"chat_monitor","data":1}',
            '{"type":"chat_monitor","data":1,"timestamp":"1"}', '{"type":"chat_monitor","data":1,"timestamp":-1}',
            '{"type":"chat_monitor","data":1,"timestamp":1,"more":1}', '{"type":"chat_monitor","data":1,"timestamp":1,"id":"x"}',
            '{"type":"chat_monitor","type":"chat_monitor","data":1,"timestamp":1}']) {
            assert.ok((await heard(text)).raw.includes(`"data":${text},`));
        }
    });

    test('what is not UTF-8 is repaired and counted', async () => {
        const before = await metric('feed_repaired_total');
        assert.equal((await heard(Buffer.from('a\xff\xed\xa0\x80b\xe2\x82', 'latin1'))).data, 'a\ufffd\ufffd\ufffd\ufffdb\ufffd');
        assert.deepEqual((await heard(Buffer.from('{"a":"\xff"}', 'latin1'))).data, { a: '\ufffd' });
        assert.ok(await metric('feed_repaired_total') >= before + 2);
    });

    test('each goes to those who follow its channel', async () => {
        await publish('exe_monitor', '"for one"');
        await publish('chat_monitor', '"for both"');
        await publish('scan_monitor', '"for none"');
        assert.equal((await one.next(typed('exe_monitor'))).data, 'for one');
        assert.equal((await one.next(typed('chat_monitor'))).data, 'for both');
        assert.equal((await two.next(typed('chat_monitor'))).data, 'for both');
        await settled(one);
        await settled(two);
        assert.equal(two.all(typed('exe_monitor')).length, 0);
        assert.equal(one.all(typed('scan_monitor')).length, 0);
    });

    test('one that is too large is told of as dropped', async () => {
        await publish('exe_monitor', 'x'.repeat(70_000));
        assert.deepEqual((await one.next(typed('dropped'))).data, { count: 1, channels: { exe_monitor: 1 } });
        await publish('exe_monitor', 'y'.repeat(60_000));
        assert.equal((await one.next(typed('exe_monitor'))).data.length, 60_000);
    });
});

describe('what clients say', () => {
    test('a ping is answered, in either form', async () => {
        const client = await follow(server);
        for (const ping of [{ type: 'ping' }, { messageType: 'ping' }]) {
            client.send(ping);
            const pong = await client.next(typed('pong'));
            assert.ok(Math.abs(pong.timestamp - Date.now()) < limit(5000));
        }
    });

    test('anything else is an error; too much of it closes 4007', async () => {
        const client = await follow(server);
        for (const text of ['hello', '{"type":"chat_monitor","data":1}', '[]', '']) {
            client.sendRaw(text);
            assert.equal((await client.next(typed('error'))).data.code, 'read_only');
        }
        for (let i = 0; i < 30; i++) client.sendRaw('x');
        await closedWith(client, 4007);
    });

    test('a binary message closes 1003', async () => {
        const client = await follow(server);
        client.sendRaw(Buffer.from('x'), { binary: true });
        await closedWith(client, 1003);
    });
});

describe('POST /events/{channel}', () => {
    const send = (channel, body, { token = serviceToken('*'), headers = { 'Content-Type': 'application/json' } } = {}) =>
        api(server, 'POST', `/events/${channel}`, { token: token ?? undefined, body, headers });

    test('publishes, remembers, and answers with the id', async () => {
        const client = await follow(server, { channels: 'trade_chat_monitor' });
        const { status, body } = await send('trade_chat_monitor', '{"price": 12345678901234567890}');
        assert.equal(status, 202);
        assert.match(body.id, ID);
        const event = await client.next(typed('trade_chat_monitor'));
        assert.equal(event.id, body.id);
        assert.ok(client.frames.at(-1).includes('"data":{"price": 12345678901234567890},"timestamp":'));
        const [[, fields]] = await redis.client.xrange('feed:trade_chat_monitor', '-', '+');
        assert.equal(JSON.parse(fields[1]).id, body.id);
        assert.equal((await follow(server, { channels: 'trade_chat_monitor' })).feed.last.trade_chat_monitor, body.id);
    });

    test('on the channel stands what clients see', async () => {
        const other = redis.client.duplicate();
        try {
            await other.subscribe('scan_monitor');
            const payload = new Promise((resolve) => { other.once('message', (_, text) => resolve(text)); });
            const id = await post(server, 'scan_monitor', { x: 1 });
            const { timestamp, ...rest } = JSON.parse(await payload);
            assert.deepEqual(rest, { id, type: 'scan_monitor', data: { x: 1 } });
            assert.equal(typeof timestamp, 'number');
        } finally {
            other.disconnect();
        }
    });

    test('any JSON; an event is not wrapped again', async () => {
        const client = await follow(server, { channels: 'trade_chat_monitor' });
        const deep = JSON.parse('['.repeat(63) + ']'.repeat(63));
        for (const data of [1, null, 'text', [], { type: 'x' }, deep]) {
            await post(server, 'trade_chat_monitor', data);
            assert.deepEqual((await client.next(typed('trade_chat_monitor'))).data, data);
        }
        await post(server, 'trade_chat_monitor', { type: 'trade_chat_monitor', data: 7, timestamp: 99 });
        const { id, ...event } = await client.next(typed('trade_chat_monitor'));
        assert.deepEqual(event, { type: 'trade_chat_monitor', data: 7, timestamp: 99 });
        assert.match(id, ID);
    });

    for (const [what, channel, body, options, status, code] of [
        ['no token', 'exe_monitor', '{}', { token: null }, 401, 'token_missing'],
        ['a teacher\'s token', 'exe_monitor', '{}', { token: mintToken({ type: 'teacher', channels: ['exe_monitor'] }) }, 403, 'channel_forbidden'],
        ['a service without the channel', 'exe_monitor', '{}', { token: serviceToken('scan_monitor') }, 403, 'channel_forbidden'],
        ['a service without any', 'exe_monitor', '{}', { token: mintToken({ type: 'service' }) }, 403, 'channel_forbidden'],
        ['an unknown channel', 'nothing', '{}', {}, 404, 'channel_not_found'],
        ['a key of ours', 'room:ABCDEF', '{}', {}, 404, 'channel_not_found'],
        ['no JSON', 'exe_monitor', '{"a":', {}, 400, 'bad_event'],
        ['nothing', 'exe_monitor', '', {}, 400, 'bad_event'],
        ['no UTF-8', 'exe_monitor', Buffer.from('"\xff"', 'latin1'), {}, 400, 'bad_event'],
        ['nested too deep', 'exe_monitor', '['.repeat(64) + ']'.repeat(64), {}, 400, 'bad_event'],
        ['too large', 'exe_monitor', `"${'x'.repeat(65536)}"`, {}, 413, 'body_too_large'],
        ['another type', 'exe_monitor', '{}', { headers: { 'Content-Type': 'text/plain' } }, 415, 'unsupported_media_type'],
    ]) {
        test(`${what}: ${status} ${code}`, async () => {
            const answer = await send(channel, body, options);
            assert.deepEqual([answer.status, answer.body.error.code], [status, code]);
        });
    }

    test('other methods: 405', async () => {
        const answer = await api(server, 'GET', '/events/exe_monitor', { token: serviceToken('*') });
        assert.equal(answer.status, 405);
        assert.match(answer.headers.allow, /POST/);
    });

    test('the largest body reaches its readers', async () => {
        const client = await follow(server, { channels: 'exe_monitor' });
        const text = 'x'.repeat(65534);
        await post(server, 'exe_monitor', text);
        assert.equal((await client.next(typed('exe_monitor'))).data, text);
    });
});

describe('coming back with since', () => {
    const channel = 'fake_scan_monitor';

    test('brings what was missed, then what comes, each once and in order', async () => {
        const client = await follow(server, { channels: channel });
        const first = await post(server, channel, 0);
        await client.next(typed(channel));
        await client.terminate();
        for (let i = 1; i <= 90; i++) await post(server, channel, i);
        const again = await follow(server, { channels: channel, since: `${channel}:${first}` });
        for (let i = 91; i <= 95; i++) await post(server, channel, i);
        await again.next((message) => message.data === 95);
        assert.deepEqual(dataOf(again, channel), Array.from({ length: 95 }, (_, i) => i + 1));
        assert.equal(new Set(again.all(typed(channel)).map(({ id }) => id)).size, 95);
        assert.equal(again.all(typed('gap')).length, 0);
    });

    test('where one channel is followed its id alone will do, and the last one brings nothing', async () => {
        const last = await post(server, channel, 'last');
        const client = await follow(server, { channels: channel, since: last });
        assert.equal(client.feed.last[channel], last);
        await post(server, channel, 'next');
        assert.equal((await client.next(typed(channel))).data, 'next');
    });

    test('ids of channels that are not followed do not matter', async () => {
        const last = await post(server, channel, 'last');
        const client = await follow(server, { channels: 'exe_monitor', since: `${channel}:${last}` });
        assert.deepEqual(client.feed.channels, ['exe_monitor']);
    });

    test('where the log has been trimmed: a gap that says how many are missing', async () => {
        const since = await post(server, channel, 'before');
        for (let i = 1; i <= 130; i++) await post(server, channel, i);
        const client = await follow(server, { channels: channel, since: `${channel}:${since}` });
        await client.next((message) => message.data === 130);
        assert.deepEqual((await client.next(typed('gap'))).data, { channel, since, missed: 30 });
        assert.equal(client.messages[1].type, 'gap'); // in front of what it stands for
        assert.deepEqual(dataOf(client, channel), Array.from({ length: 100 }, (_, i) => i + 31));
    });

    test('an id of another log, or of the future: a gap, then all there is', async () => {
        const last = await post(server, channel, 'newest');
        const [epoch, rest] = last.split('.');
        const other = epoch === 'aaaaaa' ? 'bbbbbb' : 'aaaaaa';
        for (const since of [`${other}.${rest}`, `${epoch}.9999999999999-1`]) {
            const client = await follow(server, { channels: channel, since: `${channel}:${since}` });
            assert.deepEqual((await client.next(typed('gap'))).data, { channel, since });
            await client.next((message) => message.id === last);
            assert.equal(dataOf(client, channel).length, 100);
        }
    });

    test('0 is the beginning', async () => {
        const client = await follow(server, { channels: channel, since: `${channel}:0` });
        const gap = (await client.next(typed('gap'))).data;
        assert.equal(gap.since, '0');
        await waitFor(() => dataOf(client, channel).length === 100, { what: 'all that is remembered' });
    });

    test('a Redis that was emptied: the log begins anew, nobody misses an event', async () => {
        const client = await follow(server, { channels: channel });
        const old = await post(server, channel, 'old');
        await client.next((message) => message.data === 'old');
        await redis.client.flushall();
        const first = await post(server, channel, 'first of the new log');
        await post(server, channel, 'second');
        assert.notEqual(first.split('.')[0], old.split('.')[0]);
        await client.next((message) => message.data === 'second');
        assert.deepEqual(dataOf(client, channel), ['old', 'first of the new log', 'second']);
        const again = await follow(server, { channels: channel, since: `${channel}:${old}` });
        assert.equal((await again.next(typed('gap'))).data.since, old);
        await again.next((message) => message.data === 'second');
        assert.deepEqual(dataOf(again, channel), ['first of the new log', 'second']);
    });

    test('somebody else\'s entries in the log, or something else in its place, do no harm', async () => {
        const client = await follow(server, { channels: channel });
        const since = await post(server, channel, 'a');
        await redis.client.xadd(`feed:${channel}`, '*', 'm', 'nonsense');
        const b = await post(server, channel, 'b'); // their id is ahead of ours: the log begins anew
        const again = await follow(server, { channels: channel, since: `${channel}:${since}` });
        await again.next((message) => message.id === b);
        await redis.client.set(`feed:${channel}`, 'no stream');
        const other = await follow(server, { channels: [channel, 'exe_monitor'], since: `${channel}:${since}` });
        assert.deepEqual((await other.next(typed('gap'))).data.channel, channel);
        await post(server, channel, 'c');
        await client.next((message) => message.data === 'c');
        assert.deepEqual(dataOf(client, channel), ['a', 'b', 'c']);
    });

    test('an id that somebody made up is nobody\'s event', async () => {
        const client = await follow(server, { channels: channel });
        const id = await post(server, channel, 'mine');
        const [epoch] = id.split('.');
        for (const made of [`${epoch}.9999999999999-999`, 'zzzzzz.1-1', id]) {
            await publish(channel, JSON.stringify({ id: made, type: channel, data: 'made up', timestamp: 1 }));
        }
        const next = await post(server, channel, 'next');
        await client.next((message) => message.id === next);
        assert.deepEqual(dataOf(client, channel), ['mine', 'next']);
    });

    test('nor do such ids hide events that come at the same time', async () => {
        const client = await follow(server, { channels: channel });
        const [epoch] = (await post(server, channel, 'before')).split('.');
        const before = await metric('foreign_ignored_total');
        const made = JSON.stringify({ id: `${epoch}.9999999999999-999`, type: channel, data: 'made up', timestamp: 1 });
        for (let i = 0; i < 40; i++) await Promise.all([publish(channel, made), post(server, channel, i), publish(channel, made)]);
        await client.next((message) => message.data === 39);
        assert.deepEqual(dataOf(client, channel), ['before', ...Array(40).keys()]);
        assert.ok(await metric('foreign_ignored_total') > before);
    });
});

test('two servers and several loops: each client hears each event once', async (t) => {
    const second = await startServer({ redis, env: { LECTERN_LOOPS: 3 } });
    t.after(() => second.stop());
    const clients = await Promise.all(Array.from({ length: 12 }, (_, i) =>
        follow(i % 2 ? server : second, { channels: 'community_monitor' })));
    for (let i = 0; i < 50; i++) await post(i % 2 ? second : server, 'community_monitor', i);
    await publish('community_monitor', '"end"');
    await Promise.all(clients.map((client) => client.next((message) => message.data === 'end')));
    for (const client of clients) {
        assert.deepEqual(dataOf(client, 'community_monitor'), [...Array(50).keys(), 'end']);
    }
});

test('a server that ends sends its followers elsewhere: 1001', async () => {
    const ending = await startServer({ redis });
    const clients = await Promise.all([1, 2, 3].map(() => follow(ending)));
    await ending.stop();
    for (const client of clients) await closedWith(client, 1001);
});

test('a public feed needs no token, and does not look at one', async (t) => {
    const open = await startServer({ redis, env: { LECTERN_FEED_PUBLIC: 1, LECTERN_FEED_CHANNELS: 'a:b, c' } });
    t.after(() => open.stop());
    assert.deepEqual((await follow(open, { token: null })).feed.channels, ['a:b', 'c']);
    const client = await follow(open, { token: 'rubbish', via: 'query', channels: 'a:b', since: 'a:b:0' });
    await publish('a:b', '"hi"');
    assert.equal((await client.next(typed('a:b'))).data, 'hi');
    const no = await refused(open, { path: '/monitor', query: { channels: 'd' } });
    assert.equal(no.body.error.code, 'channel_not_found');
    assert.deepEqual((await api(open, 'GET', '/events')).body, { channels: ['a:b', 'c'], public: true });
    assert.equal((await api(open, 'POST', '/events/c', { body: {} })).status, 401);
});

test('without Redis: POST is refused; a client is welcomed when it is back', async (t) => {
    const own = await startRedis({ persist: true });
    t.after(() => own.stop());
    const lonely = await startServer({ redis: own, env: { LECTERN_REDIS_TIMEOUT_MS: 300 } });
    t.after(() => lonely.stop());
    const early = await follow(lonely, { channels: 'exe_monitor' });
    const last = await post(lonely, 'exe_monitor', 1);
    await early.next(typed('exe_monitor'));
    await own.kill();
    const answer = await api(lonely, 'POST', '/events/exe_monitor', {
        token: serviceToken('*'), body: {}, timeout: limit(10000) });
    assert.deepEqual([answer.status, answer.body.error.code], [503, 'unavailable']);
    const waiting = connect(lonely, { path: '/monitor', token: serviceToken('*'), query: { since: `exe_monitor:${last}` } });
    await own.restart();
    const client = await waiting;
    assert.equal((await client.next(undefined, { timeout: limit(15000) })).type, 'welcome');
    await waitFor(async () => (await api(lonely, 'GET', '/readyz')).status === 200, { timeout: limit(15000) });
    await post(lonely, 'exe_monitor', 2);
    for (const each of [early, client]) {
        const event = await each.next((message) => message.data === 2, { timeout: limit(15000) });
        assert.equal(event.id.split('.')[0], last.split('.')[0]);
    }
});

test('what was published while a server\'s link was down comes from the log, to those who stayed', async (t) => {
    const wire = await startWire(redis);
    t.after(() => wire.stop());
    const cut = await startServer({ redis: wire.url, env: { LECTERN_REDIS_TIMEOUT_MS: 500 } });
    t.after(() => cut.stop());
    const client = await follow(cut, { channels: 'community_monitor' });
    await post(server, 'community_monitor', 'before');
    await client.next((message) => message.data === 'before');
    wire.cut();
    for (let i = 0; i < 40; i++) await post(server, 'community_monitor', i);
    wire.mend();
    await client.next((message) => message.data === 39, { timeout: limit(20000) });
    assert.deepEqual(dataOf(client, 'community_monitor'), ['before', ...Array(40).keys()]);
});
