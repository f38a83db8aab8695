/** Connections that are dead without saying so. */

import assert from 'node:assert/strict';
import { elapse, eventOf, setUp, setUpOpen, stateOf, test } from './support.mjs';

test('a quiet connection is asked, and kept while it answers', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    for (let round = 0; round < 3; round += 1) {
        clock.advance(25_000);
        assert.deepEqual(await peer.next(), { messageType: 'ping' });
        peer.send({ messageType: 'pong', message: { time: clock.now() } });
        // Follows the pong, so that it has been heard.
        peer.send({ messageType: 'typing', message: null });
        await eventOf(client, 'message');
        clock.advance(8000);
        assert.equal(client.state.name, 'open');
    }
    assert.equal(server.handshakes, 1);
});

test('a connection on which something is heard is not asked', async (t) => {
    const { client, clock, peer } = await setUpOpen(t);
    for (let n = 1; n <= 10; n += 1) {
        clock.advance(20_000);
        const heard = eventOf(client, 'message');
        peer.say(`e.${n}-0`, n);
        await heard;
    }
    assert.equal(peer.waiting, 0);
});

test('one that does not answer is given up and replaced', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const disconnect = eventOf(client, 'disconnect');
    clock.advance(25_000);
    assert.equal((await peer.next()).messageType, 'ping');
    clock.advance(7999);
    assert.equal(client.state.name, 'open');
    clock.advance(1);
    assert.equal((await disconnect).kind, 'lost');
    assert.equal(await peer.closed, 4006, 'not 1000: that would mean leaving');
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    (await server.connection()).welcome();
    await stateOf(client, 'open');
});

test('what a given-up connection still says is not heard', async (t) => {
    const { client, clock, peer } = await setUpOpen(t);
    const heard = [];
    client.on('message', ({ message }) => heard.push(message));
    peer.socket.pause();
    clock.advance(33_000);
    await stateOf(client, 'waiting', 'lost');
    peer.say('e.1-0', 'late');
    peer.socket.resume();
    await peer.closed;
    assert.deepEqual(heard, []);
});

test('poke() asks at once, and once', async (t) => {
    const { client, clock, peer } = await setUpOpen(t);
    client.poke();
    client.poke();
    assert.equal((await peer.next()).messageType, 'ping');
    clock.advance(5000);
    client.poke();
    clock.advance(3000);
    await stateOf(client, 'waiting', 'lost');
    assert.equal(peer.waiting, 0);
});

test('poke() cuts a wait short', async (t) => {
    const { client, server, peer } = await setUpOpen(t);
    peer.terminate();
    await stateOf(client, 'waiting', 'lost');
    client.poke();
    (await server.connection()).welcome();
    await stateOf(client, 'open');
});

test('a connection that is never welcomed counts as failed', async (t) => {
    const { client, server, clock } = await setUp(t);
    client.connect();
    await server.connection();
    clock.advance(10_000);
    await stateOf(client, 'waiting', 'refused');
});
