/** Connecting, coming back, and getting each message once. */

import assert from 'node:assert/strict';
import {
    elapse,
    eventOf,
    load,
    setUp,
    setUpOpen,
    stateOf,
    test,
    texts,
    token,
} from './support.mjs';

const { RecentIds } = await load('recent');
const { Backoff } = await load('backoff');

test('connects with room, subprotocol and token, and is open when welcomed', async (t) => {
    const { client, server } = await setUp(t, { history: 20 });
    assert.deepEqual(client.state, { name: 'idle' });
    client.connect();
    const peer = await server.connection();
    assert.deepEqual(peer.protocols, ['lectern.v1', `bearer.${token()}`]);
    assert.deepEqual(Object.fromEntries(peer.query), { room: 'FTYXPM', history: '20' });
    assert.equal(client.state.name, 'connecting');
    const welcome = eventOf(client, 'welcome');
    peer.welcome();
    assert.equal((await welcome).again, false);
    assert.equal(client.state.name, 'open');
    assert.equal(client.user.name, '민준');
    assert.equal(client.settings.name, '2반');
    assert.equal(client.host.present, true);
});

test('a host without a code gets one, sets the room up once, and comes back to it', async (t) => {
    const host = { name: '수학 1', hold: 120, talk: 'all' };
    const { client, server, clock } = await setUp(t, { room: undefined, host });
    client.connect();
    const first = await server.connection();
    const setup = { name: '수학 1', hold: '120', talk: 'all' };
    assert.deepEqual(Object.fromEntries(first.query), setup);
    first.welcome({}, { room: 'room:QWERTZ' });
    await stateOf(client, 'open');
    assert.equal(client.room, 'QWERTZ');
    server.rooms.set('QWERTZ', {});
    first.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const second = await server.connection();
    const { settings } = client;
    assert.deepEqual(Object.fromEntries(second.query), {
        room: 'QWERTZ',
        name: settings.name,
        max: '2000',
        hold: '120',
        talk: 'teacher',
        notify: 'host',
    });
});

test('resumes after the last message received, which is never that of an ack', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const { until } = texts(client);
    peer.say('e.1-0', 'one');
    peer.say('e.2-0', 'two');
    await until('two');
    const answer = client.send({ targetType: 'teacher', messageType: 'send', message: 'mine' });
    peer.ack(await peer.next(), 'e.9-0');
    assert.equal((await answer).id, 'e.9-0');
    // As a careless server might write it: the id of an ack is another message's.
    peer.send({ messageType: 'ack', id: 'e.8-0', ref: 'nobody', message: { id: 'e.8-0' } });
    const joined = eventOf(client, 'join');
    peer.send({
        messageType: 'join',
        senderType: 'student',
        sender: 's2',
        message: { name: '서연', count: 2, joinedAt: 5 },
    });
    assert.deepEqual((await joined).user, { id: 's2', userType: 'student' });
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const second = await server.connection();
    assert.equal(second.query.get('since'), 'e.2-0');
    assert.equal(second.query.get('history'), null);
    const welcome = eventOf(client, 'welcome');
    second.welcome();
    assert.equal((await welcome).again, true);
});

test('drops repeated ids, on one connection and over a reconnect', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const { list, until } = texts(client);
    peer.say('e.1-0', 'one');
    peer.say('e.1-0', 'one');
    peer.say('e.2-0', 'two');
    peer.say('e.1-0', 'one');
    peer.say('e.3-0', 'three');
    await until('three');
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting'));
    const second = await server.connection();
    assert.equal(second.query.get('since'), 'e.3-0', 'a repeat does not move the mark back');
    second.welcome();
    second.say('e.2-0', 'two');
    second.say('e.3-0', 'three');
    second.say('e.4-0', 'four');
    assert.deepEqual(await until('four'), ['one', 'two', 'three', 'four']);
    assert.equal(list.length, 4);
});

test('messages without an id are all emitted', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const { until } = texts(client);
    const typing = { senderType: 'teacher', sender: 't1', messageType: 'typing' };
    peer.send({ ...typing, message: 'a' });
    peer.send({ ...typing, message: 'a' });
    peer.send({ ...typing, message: 'b' });
    assert.deepEqual(await until('b'), ['a', 'a', 'b']);
});

test('with no history asked for, resumes from where it came in', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t, { history: 0 }, { last: 'e.7-0' });
    assert.equal(peer.query.get('history'), '0');
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting'));
    const second = await server.connection();
    assert.equal(second.query.get('since'), 'e.7-0');
});

test('who came into an empty room with no history still gets what was missed', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t, { history: 0 });
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting'));
    const second = await server.connection();
    assert.equal(second.query.get('since'), null);
    assert.equal(second.query.get('history'), '50');
});

test('tells of a gap', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const gap = eventOf(client, 'gap');
    peer.send({ messageType: 'gap', message: { since: 'd.1-0' } });
    assert.deepEqual(await gap, { since: 'd.1-0' });
});

test('another class under the code is told by its epoch, before its first message', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t, {}, { epoch: 'old' });
    const { until } = texts(client);
    peer.say('old.1-0', 'one');
    await until('one');
    client.seen('old.1-0');
    await peer.next();
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const unsent = client.send({ targetType: 'teacher', messageType: 'send', message: 'to old' });
    const second = await server.connection();
    assert.equal(second.query.get('since'), 'old.1-0');
    const order = [];
    for (const name of ['another-class', 'welcome', 'gap', 'message']) {
        client.on(name, () => order.push(name));
    }
    second.welcome({ epoch: 'new' });
    second.send({ messageType: 'gap', message: { since: 'old.1-0' } });
    await assert.rejects(unsent, { code: 'another_class' });
    client.send({ targetType: 'teacher', messageType: 'send', message: 'to new' });
    assert.equal((await second.next()).message, 'to new', 'nor is the old place told as seen');
    second.say('new.1-0', 'hello');
    await until('hello');
    assert.deepEqual(order, ['another-class', 'welcome', 'message']);
});

test('where nothing was said, the next connection does not resume in the class before', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t, {}, { epoch: 'old' });
    const { until } = texts(client);
    peer.say('old.1-0', 'one');
    await until('one');
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const second = await server.connection();
    const another = eventOf(client, 'another-class');
    second.welcome({ epoch: 'new' });
    assert.deepEqual(await another, { epoch: 'new' });
    second.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const third = await server.connection();
    assert.equal(third.query.get('since'), null);
});

test('a server that does not tell the epoch tells it by the ids of messages', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const { until } = texts(client);
    peer.say('old.1-0', 'one');
    await until('one');
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const second = await server.connection();
    const another = eventOf(client, 'another-class');
    second.welcome();
    second.say('new.1-0', 'hello');
    assert.deepEqual(await another, { epoch: 'new' });
});

test('types that name parts of an object are messages like others', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const { until } = texts(client);
    for (const messageType of ['constructor', '__proto__', 'toString']) {
        peer.send({ messageType, message: messageType });
    }
    assert.deepEqual(await until('toString'), ['constructor', '__proto__', 'toString']);
});

test('frames that are no messages are ignored', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const { until } = texts(client);
    for (const text of ['', 'x', 'null', '7', '[]']) peer.socket.send(text);
    peer.socket.send(Buffer.from([1, 2, 3]));
    peer.say('e.1-0', 'fine');
    assert.deepEqual(await until('fine'), ['fine']);
});

test('what changes in the room is told, and kept up to date', async (t) => {
    const { client, clock, peer } = await setUpOpen(t);
    const deadline = clock.now() + 120_000;
    const away = eventOf(client, 'host-away');
    peer.send({ messageType: 'host-away', message: { deadline } });
    assert.deepEqual(await away, { deadline });
    assert.deepEqual(client.host, { id: 't1', name: 'Kim', present: false, deadline });
    const back = eventOf(client, 'host-back');
    peer.send({ messageType: 'host-back', message: { name: 'Kim' } });
    assert.deepEqual(await back, { name: 'Kim' });
    assert.equal(client.host.present, true);
    const settings = eventOf(client, 'settings');
    peer.send({ messageType: 'settings', message: { ...client.settings, locked: true } });
    assert.equal((await settings).locked, true);
    assert.equal(client.settings.locked, true);
    const seen = eventOf(client, 'seen');
    peer.send({ messageType: 'seen', message: { s1: 'e.1-0' } });
    assert.deepEqual(await seen, { s1: 'e.1-0' });
    const ended = eventOf(client, 'ended');
    peer.send({ messageType: 'close', message: { reason: 'ended' } });
    assert.deepEqual(await ended, { reason: 'ended' });
});

test("knows the server's time, whatever the device's clock says", async (t) => {
    const { client, server, clock } = await setUp(t);
    client.connect();
    const peer = await server.connection();
    peer.welcome({}, { ts: clock.now() + 3_600_000 });
    await stateOf(client, 'open');
    assert.equal(client.serverNow(), clock.now() + 3_600_000);
});

test("a listener's mistake stops neither the other listeners nor the client", async (t) => {
    const { client, clock, peer } = await setUpOpen(t);
    client.on('message', () => {
        throw new Error('mistake');
    });
    const { until } = texts(client);
    peer.say('e.1-0', 'one');
    peer.say('e.2-0', 'two');
    assert.deepEqual(await until('two'), ['one', 'two']);
    assert.throws(() => clock.advance(0), /mistake/);
    assert.throws(() => clock.advance(0), /mistake/);
    assert.equal(client.state.name, 'open');
});

test('a listener that was taken away hears nothing more', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const heard = [];
    const off = client.on('message', ({ message }) => heard.push(message));
    const { until } = texts(client);
    peer.say('e.1-0', 'one');
    await until('one');
    off();
    peer.say('e.2-0', 'two');
    await until('two');
    assert.deepEqual(heard, ['one']);
});

test('remembers a bounded number of ids', () => {
    const ids = new RecentIds(3);
    for (const id of ['a', 'b', 'c', 'd']) assert.equal(ids.add(id), true);
    assert.equal(ids.add('d'), false);
    assert.equal(ids.add('b'), false);
    assert.equal(ids.add('a'), true, 'forgotten');
});

test('backoff doubles up to its limit, with jitter over the whole range', () => {
    const limits = { base: 1000, max: 8000 };
    const series = (random) => {
        const backoff = new Backoff(limits, () => random);
        return [1, 2, 3, 4, 5, 6].map(() => backoff.next());
    };
    assert.deepEqual(series(0), [100, 100, 100, 100, 100, 100]);
    assert.deepEqual(series(0.5), [550, 1050, 2050, 4050, 4050, 4050]);
    const backoff = new Backoff(limits, () => 0.999999);
    for (let i = 0; i < 2000; i += 1) assert.ok(backoff.next() <= 8000);
    backoff.reset();
    assert.equal(backoff.next(), 1000);
});
