/** Following the event feed: handlers, coming back, resuming, and what is told on the way. */

import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { Clock, FakeServer, elapse, eventOf, load, stateOf, test, token } from './support.mjs';

const { FeedClient, handlerNames } = await load('index');

const CHANNELS = ['community_monitor', 'trade_chat_monitor'];

async function setUp(t, options = {}) {
    const clock = new Clock();
    const server = new FakeServer(clock);
    await server.start();
    server.answers.set('/events', [200, { channels: CHANNELS, public: false }]);
    const thrown = [];
    const setTimer = (fn, ms) => (ms === 0 ? thrown.push(fn) : clock.setTimeout(fn, ms));
    const client = new FeedClient({
        base: server.base,
        token: token(),
        ...options,
        env: {
            WebSocket,
            now: clock.now,
            setTimeout: setTimer,
            clearTimeout: clock.clearTimeout,
            random: () => 0.5,
        },
    });
    t.after(async () => {
        client.close();
        await server.stop();
    });
    return { client, server, clock, thrown };
}

const send = (peer, type, data, more = {}) =>
    peer.socket.send(JSON.stringify({ type, data, timestamp: 1, ...more }));

const welcome = (peer, last = { community_monitor: '0', trade_chat_monitor: '0' }) =>
    send(peer, 'welcome', { channels: CHANNELS, last, ping: 25 });

async function setUpOpen(t, options = {}) {
    const parts = await setUp(t, options);
    parts.client.connect();
    const peer = await parts.server.connection();
    welcome(peer);
    await stateOf(parts.client, 'open');
    return { ...parts, peer };
}

/** Everything that was sent before has been handed on after this. */
async function settled(client, peer) {
    const heard = eventOf(client, 'dropped');
    send(peer, 'dropped', { count: 0, channels: {} });
    await heard;
}

test('a channel has two names', () => {
    assert.deepEqual(handlerNames('community_monitor'), ['community_monitor', 'COMMUNITY']);
    assert.deepEqual(handlerNames('trade_chat_monitor'), ['trade_chat_monitor', 'TRADE_CHAT']);
    assert.deepEqual(handlerNames('a:b'), ['a:b', 'A:B']);
    assert.deepEqual(handlerNames('LOG'), ['LOG', 'LOG']);
});

test('handlers get the events of their channel, by either name', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const heard = [];
    client.registerHandler('COMMUNITY', ({ data }) => heard.push(['stem', data]));
    client.registerHandler('community_monitor', ({ data }) => heard.push(['name', data]));
    client.registerHandler('TRADE_CHAT', ({ data }) => heard.push(['other', data]));
    client.registerHandler('TRADE', () => heard.push('never'));
    client.on('event', ({ type, data }) => heard.push([type, data]));
    send(peer, 'community_monitor', { n: 1 });
    send(peer, 'trade_chat_monitor', 'text');
    await settled(client, peer);
    assert.deepEqual(heard, [
        ['community_monitor', { n: 1 }],
        ['name', { n: 1 }],
        ['stem', { n: 1 }],
        ['trade_chat_monitor', 'text'],
        ['other', 'text'],
    ]);
});

test('several of a name; taking one away leaves the others', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const heard = [];
    const same = () => heard.push('same');
    const first = client.registerHandler('COMMUNITY', same);
    client.registerHandler('COMMUNITY', same);
    const third = client.registerHandler('COMMUNITY', () => {
        heard.push('third');
        third();
    });
    send(peer, 'community_monitor', 1);
    await settled(client, peer);
    assert.deepEqual(heard.splice(0), ['same', 'same', 'third']);
    first();
    first();
    send(peer, 'community_monitor', 2);
    await settled(client, peer);
    assert.deepEqual(heard, ['same']);
});

test('one that another handler takes away is not called any more, not even with the same event', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const heard = [];
    const stops = [];
    client.on('event', () => {
        heard.push('event');
        for (const stop of stops.splice(0)) stop();
    });
    stops.push(client.on('event', () => heard.push('never')));
    const first = client.registerHandler('COMMUNITY', () => {
        heard.push('first');
        first();
        second();
        client.registerHandler('COMMUNITY', () => heard.push('late')); // from the next event on
    });
    const second = client.registerHandler('COMMUNITY', () => heard.push('never'));
    client.registerHandler('COMMUNITY', () => heard.push('third'));
    send(peer, 'community_monitor', 1);
    await settled(client, peer);
    assert.deepEqual(heard.splice(0), ['event', 'first', 'third']);
    send(peer, 'community_monitor', 2);
    await settled(client, peer);
    assert.deepEqual(heard, ['event', 'third', 'late']);
});

test('a handler that throws hurts nobody, and is reported', async (t) => {
    const { client, peer, thrown } = await setUpOpen(t);
    const heard = [];
    client.on('event', () => {
        throw new Error('listener');
    });
    client.registerHandler('COMMUNITY', () => {
        throw new Error('handler');
    });
    client.registerHandler('COMMUNITY', ({ data }) => heard.push(data));
    send(peer, 'community_monitor', 1);
    send(peer, 'community_monitor', 2);
    await settled(client, peer);
    assert.deepEqual(heard, [1, 2]);
    assert.equal(client.state.name, 'open');
    assert.deepEqual(thrown.map((fn) => assert.throws(fn) ?? 'thrown'), Array(4).fill('thrown'));
});

test('asks for its channels, with the token', async (t) => {
    const { client, server } = await setUp(t, { channels: ['community_monitor'] });
    client.connect();
    const peer = await server.connection();
    assert.equal(peer.query.get('channels'), 'community_monitor');
    assert.equal(peer.query.get('since'), null);
    assert.deepEqual(peer.protocols, ['lectern.v1', `bearer.${token()}`]);
});

test('without a token where the feed is public', async (t) => {
    const { client, server } = await setUp(t, { token: undefined });
    client.connect();
    const peer = await server.connection();
    assert.deepEqual(peer.protocols, ['lectern.v1']);
    assert.equal(peer.query.get('channels'), null);
    welcome(peer);
    await stateOf(client, 'open');
    assert.deepEqual(client.channels, CHANNELS);
});

test('comes back after a loss, from where it was, and hands nothing on twice', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const heard = [];
    const welcomes = [];
    client.on('event', ({ data }) => heard.push(data));
    client.on('welcome', ({ again }) => welcomes.push(again));
    send(peer, 'community_monitor', 1, { id: 'abcdef.1-1' });
    send(peer, 'community_monitor', 2, { id: 'abcdef.1-2' });
    send(peer, 'community_monitor', 'of another program');
    await settled(client, peer);
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const next = await server.connection();
    assert.equal(next.query.get('since'), 'community_monitor:abcdef.1-2,trade_chat_monitor:0');
    welcome(next, { community_monitor: 'abcdef.1-3', trade_chat_monitor: 'zzzzzz.1-1' });
    send(next, 'community_monitor', 2, { id: 'abcdef.1-2' });
    send(next, 'community_monitor', 3, { id: 'abcdef.1-3' });
    send(next, 'trade_chat_monitor', 'first', { id: 'zzzzzz.1-1' });
    await stateOf(client, 'open');
    await settled(client, next);
    assert.deepEqual(heard, [1, 2, 'of another program', 3, 'first']);
    assert.deepEqual(welcomes, [true]);
});

test('gaps and drops are told', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const gap = eventOf(client, 'gap');
    const dropped = eventOf(client, 'dropped');
    send(peer, 'gap', { channel: 'community_monitor', since: 'abcdef.1-1', missed: 7 });
    send(peer, 'dropped', { count: 3, channels: { community_monitor: 3 } });
    assert.deepEqual(await gap, { channel: 'community_monitor', since: 'abcdef.1-1', missed: 7 });
    assert.deepEqual(await dropped, { count: 3, channels: { community_monitor: 3 } });
    // Of a log that is not any more nothing is asked for again.
    send(peer, 'community_monitor', 1, { id: 'abcdef.1-9' });
    send(peer, 'gap', { channel: 'community_monitor', since: 'abcdef.1-9' });
    await settled(client, peer);
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    assert.match((await server.connection()).query.get('since'), /^community_monitor:0,/);
});

test('what is no message of the feed does no harm', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const heard = [];
    client.on('event', ({ data }) => heard.push(data));
    for (const text of ['', 'null', '7', '[]', '{"type":7}', '{"cut', '{"data":1}']) {
        peer.socket.send(text);
    }
    send(peer, 'pong', {});
    send(peer, 'error', { code: 'read_only', message: '' });
    send(peer, 'community_monitor', 'sound');
    await settled(client, peer);
    assert.deepEqual(heard, ['sound']);
});

test('a quiet connection is asked, and given up where nothing comes', async (t) => {
    const { client, clock, peer } = await setUpOpen(t);
    clock.advance(25_000);
    assert.equal((await peer.next()).messageType, 'ping');
    clock.advance(8000);
    await stateOf(client, 'waiting', 'lost');
});

for (const [what, answer, name, kind] of [
    ['a token that names no channels', [403, { error: { code: 'channel_forbidden', message: 'no' } }], 'closed', 'channel_forbidden'],
    ['a channel that the token does not open', [200, { channels: ['trade_chat_monitor'], public: false }], 'closed', 'channel_forbidden'],
    ['a token that is not valid', [401, { error: { code: 'token_invalid', message: 'no' } }], 'closed', 'token_invalid'],
    ['one that has expired', [401, { error: { code: 'token_expired', message: 'no' } }], 'closed', 'token_expired'],
    ['a server that is full', [503, { error: { code: 'no_capacity', message: 'no' } }, { 'retry-after': '7' }], 'waiting', 'unavailable'],
    ['no reason that can be seen', [200, { channels: CHANNELS, public: false }], 'waiting', 'refused'],
]) {
    test(`refused for ${what}: ${name}, ${kind}`, async (t) => {
        const { client, server, clock } = await setUp(t, { channels: ['community_monitor'] });
        server.refuse = 403;
        server.answers.set('/events', answer);
        client.connect();
        const state = await stateOf(client, name, kind);
        if (kind === 'unavailable') assert.ok(state.retryAt - clock.now() >= 7000);
    });
}

test('a server that has lost a channel meanwhile is not asked for it for ever', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    server.answers.set('/events', [200, { channels: ['trade_chat_monitor'], public: false }]);
    server.refuse = 404;
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const refused = await stateOf(client, 'waiting', 'refused');
    server.refuse = 0;
    elapse(clock, refused);
    const next = await server.connection();
    assert.equal(next.query.get('since'), 'trade_chat_monitor:0');
    assert.equal(next.query.get('channels'), null);
});

test('an expired token is replaced by a fresh one', async (t) => {
    const fresh = token({ sub: 'fresh' });
    const { client, server, peer } = await setUpOpen(t, { refreshToken: () => fresh });
    peer.close(4003, 'token expired');
    const next = await server.connection();
    assert.deepEqual(next.protocols, ['lectern.v1', `bearer.${fresh}`]);
});

test('close() ends it, connect() begins anew', async (t) => {
    const { client, server, peer } = await setUpOpen(t);
    client.close();
    assert.equal(await peer.closed, 1000);
    assert.equal(client.state.name, 'closed');
    client.connect();
    welcome(await server.connection());
    await stateOf(client, 'open');
});
