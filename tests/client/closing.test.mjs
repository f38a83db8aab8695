/** What each close code leads to: protocol.md's table, row by row. */

import assert from 'node:assert/strict';
import {
    CLOSE_CODES,
    elapse,
    eventOf,
    setUp,
    setUpOpen,
    stateOf,
    test,
    texts,
    token,
} from './support.mjs';

const say = (message) => ({ targetType: 'teacher', messageType: 'send', message });

/** Every code of protocol.md, so that none is forgotten in the library's table. */
const NEVER = {
    1002: 'protocol_error',
    1003: 'binary',
    1007: 'bad_text',
    1009: 'too_big',
    4001: 'replaced',
    4002: 'removed',
};
const BACKOFF = {
    1011: 'server_error',
    1013: 'unavailable',
    4005: 'too_slow',
    4006: 'silent',
    4007: 'too_fast',
    // Codes of a server that is newer than the library.
    4099: 'lost',
    3000: 'lost',
};

test('the table has every code of the protocol', () => {
    const codes = [...Object.keys(NEVER), ...Object.keys(BACKOFF), 1001, 4000, 4003].map(Number);
    for (const code of codes.filter((code) => code < 4099 && code !== 3000)) {
        assert.ok(CLOSE_CODES[code], `${code}`);
    }
});

for (const [code, kind] of Object.entries(NEVER)) {
    test(`${code}: ${kind}, does not come back`, async (t) => {
        const { client, server, clock, peer } = await setUpOpen(t);
        const answer = client.send(say('x'));
        const disconnect = eventOf(client, 'disconnect');
        peer.close(Number(code), 'why');
        const expected = { code: Number(code), kind, comeback: 'never', text: 'why' };
        assert.deepEqual(await disconnect, expected);
        const { reason } = await stateOf(client, 'closed');
        assert.deepEqual(reason, { kind, code: Number(code), text: 'why' });
        await assert.rejects(answer, { code: 'closed' });
        clock.advance(3_600_000);
        assert.equal(server.handshakes, 1);
    });
}

for (const [code, kind] of Object.entries(BACKOFF)) {
    test(`${code}: ${kind}, comes back with backoff and since`, async (t) => {
        const { client, server, clock, peer } = await setUpOpen(t);
        const { until } = texts(client);
        peer.say('e.1-0', 'one');
        await until('one');
        peer.close(Number(code));
        const waiting = await stateOf(client, 'waiting');
        assert.equal(waiting.reason.kind, kind);
        assert.equal(waiting.reason.code, Number(code));
        assert.equal(waiting.retryAt - clock.now(), 550);
        elapse(clock, waiting);
        const second = await server.connection();
        assert.equal(second.query.get('since'), 'e.1-0');
        second.welcome();
        await stateOf(client, 'open');
    });
}

test('a connection that does not last does not start the backoff over', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const delays = [];
    let current = peer;
    for (const heldFor of [0, 9999, 10_000, 0]) {
        clock.advance(heldFor);
        current.close(4005);
        const waiting = await stateOf(client, 'waiting');
        delays.push(waiting.retryAt - clock.now());
        elapse(clock, waiting);
        current = await server.connection();
        current.welcome();
        await stateOf(client, 'open');
    }
    assert.deepEqual(delays, [550, 1050, 550, 1050]);
});

test('1001: comes back at once, with jitter', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    peer.close(1001);
    const waiting = await stateOf(client, 'waiting', 'moved');
    assert.equal(waiting.retryAt - clock.now(), 500);
    elapse(clock, waiting);
    (await server.connection()).welcome();
    await stateOf(client, 'open');
});

test('4000: waits for the room, then joins it as a new class', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const { until } = texts(client);
    peer.say('e.1-0', 'one');
    await until('one');
    const answer = client.send(say('x'));
    server.rooms.delete('FTYXPM');
    peer.close(4000, 'host left');
    const ended = await stateOf(client, 'waiting');
    assert.deepEqual(ended.reason, { kind: 'room_ended', code: 4000, text: 'host left' });
    await assert.rejects(answer, { code: 'room_ended' }, 'it was meant for the class that ended');
    const early = client.send(say('early')).catch(({ code }) => code);
    for (let round = 0; round < 3; round += 1) {
        const polled = eventOf(client, 'state');
        elapse(clock, client.state);
        assert.equal(await server.asked.next(), '/rooms/FTYXPM');
        const { name, reason, retryAt } = await polled;
        assert.deepEqual({ name, reason }, { name: 'waiting', reason: ended.reason });
        assert.ok(retryAt - clock.now() <= 20_000);
    }
    assert.equal(await early, 'room_ended', 'nor is anything kept for a class that is not there');
    assert.equal(server.handshakes, 1, 'asked, not tried');
    server.rooms.set('FTYXPM', {});
    elapse(clock, client.state);
    const second = await server.connection();
    assert.equal(second.query.get('since'), null, 'another class has other ids');
    second.welcome();
    await stateOf(client, 'open');
});

test('4000: or not, where waiting is switched off', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t, { waitForRoom: false });
    peer.close(4000, 'ended');
    const { reason } = await stateOf(client, 'closed');
    assert.deepEqual(reason, { kind: 'room_ended', code: 4000, text: 'ended' });
    clock.advance(3_600_000);
    assert.equal(server.asked.length, 0);
});

test('4000 answers end(), and the one who asked for it does not wait for the room', async (t) => {
    const { client, peer } = await setUpOpen(t, { host: {}, waitForRoom: true });
    const answer = client.end();
    await peer.next();
    peer.close(4000, 'ended');
    await answer;
    assert.equal((await stateOf(client, 'closed')).reason.kind, 'room_ended');
});

test('end() that lost its connection ends the room later, or finds it gone', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t, { host: {} });
    const answer = client.end();
    await peer.next();
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting'));
    const second = await server.connection();
    second.welcome();
    assert.equal((await second.next()).messageType, 'end');
    server.rooms.delete('FTYXPM');
    second.terminate();
    elapse(clock, await stateOf(client, 'waiting'));
    await answer;
    assert.equal((await stateOf(client, 'closed')).reason.kind, 'room_ended');
    assert.equal(server.handshakes, 2, 'and is not opened again by mistake');
});

test('end() that is refused leaves all as it was', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t, { waitForRoom: true });
    const answer = client.end();
    peer.refuse(await peer.next(), 'forbidden');
    await assert.rejects(answer, { code: 'forbidden' });
    peer.close(4000, 'ended');
    elapse(clock, await stateOf(client, 'waiting', 'room_ended'));
    await server.connection();
});

test('4003: asks for a new token and comes back with it', async (t) => {
    const asked = [];
    const refreshToken = async (why) => {
        asked.push(why);
        return token({ n: 2 });
    };
    const { client, server, peer } = await setUpOpen(t, { refreshToken });
    peer.close(4003);
    const second = await server.connection();
    assert.deepEqual(asked, ['token_expired']);
    assert.equal(second.protocols[1], `bearer.${token({ n: 2 })}`);
    second.welcome();
    await stateOf(client, 'open');
});

test('4003: gives up where there is no new token', async (t) => {
    const without = await setUpOpen(t);
    without.peer.close(4003);
    assert.equal((await stateOf(without.client, 'closed')).reason.kind, 'token_expired');
    const none = await setUpOpen(t, { refreshToken: () => null });
    none.peer.close(4003);
    assert.equal((await stateOf(none.client, 'closed')).reason.kind, 'token_expired');
});

test('4003: waits while the token is fetched, and can be closed meanwhile', async (t) => {
    let give;
    const refreshToken = () => new Promise((resolve) => (give = resolve));
    const { client, server, peer } = await setUpOpen(t, { refreshToken });
    peer.close(4003);
    const waiting = await stateOf(client, 'waiting', 'token_expired');
    assert.equal(waiting.retryAt, null);
    client.poke();
    assert.equal(client.state, waiting, 'nothing to hurry');
    client.close();
    give(token());
    await Promise.resolve();
    assert.deepEqual(client.state, { name: 'closed', reason: { kind: 'left' } });
    assert.equal(server.handshakes, 1);
});

test('after the end a client can be connected again', async (t) => {
    const { client, server, peer } = await setUpOpen(t);
    peer.close(4001);
    await stateOf(client, 'closed', 'replaced');
    client.connect();
    (await server.connection()).welcome();
    await stateOf(client, 'open');
    client.close();
    client.connect();
    (await server.connection()).welcome();
    await stateOf(client, 'open');
});

test('closed by a listener, it stays closed', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    client.on('disconnect', () => client.close());
    peer.close(1011);
    await stateOf(client, 'closed', 'left');
    clock.advance(3_600_000);
    assert.equal(server.handshakes, 1);

    const other = await setUp(t);
    other.client.on('state', ({ name }) => name === 'connecting' && other.client.close());
    other.client.connect();
    assert.equal(other.client.state.name, 'closed');
    other.clock.advance(3_600_000);
    assert.equal(other.server.handshakes, 0);
});
