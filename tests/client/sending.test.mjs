/** Each message is taken once, or its promise says why not. */

import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { elapse, eventOf, setUp, setUpOpen, stateOf, test } from './support.mjs';

const limits = { message: 65536, rate: 20, burst: 40, queue: 1048576, participants: 2000 };
const say = (message) => ({ targetType: 'teacher', messageType: 'send', message });

/** Lets all that is under way arrive: what follows on the same connection comes after it. */
async function drain(client, peer) {
    client.send({ targetType: 'all', messageType: 'marker', ephemeral: true });
    const frames = [];
    for (;;) {
        const frame = await peer.next();
        if (frame.messageType === 'marker') return frames;
        frames.push(frame);
    }
}

test('sends what protocol.md says and resolves with the ack', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const answer = client.send({ ...say({ n: 1 }), target: 't1' });
    const { ref, ...frame } = await peer.next();
    assert.deepEqual(frame, { ...say({ n: 1 }), target: 't1' });
    assert.match(ref, /^[A-Za-z0-9._@-]{1,64}$/);
    assert.equal(client.pending, 1);
    peer.ack({ ref }, 'e.1-0');
    assert.equal((await answer).id, 'e.1-0');
    assert.equal(client.pending, 0);
});

test('two clients of one user never use the same ref', async (t) => {
    const one = await setUpOpen(t);
    const two = await setUpOpen(t);
    one.client.send(say('x'));
    two.client.send(say('x'));
    assert.notEqual((await one.peer.next()).ref, (await two.peer.next()).ref);
});

test('sends again, in order and with the same refs, what was not acknowledged', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const answers = ['one', 'two', 'three'].map((text) => client.send(say(text)));
    const frames = [await peer.next(), await peer.next(), await peer.next()];
    peer.ack(frames[0], 'e.1-0');
    await answers[0];
    peer.terminate();
    const waiting = await stateOf(client, 'waiting');
    answers.push(client.send(say('four')));
    elapse(clock, waiting);
    const second = await server.connection();
    second.welcome();
    const again = [await second.next(), await second.next(), await second.next()];
    assert.deepEqual(again.slice(0, 2), frames.slice(1));
    assert.equal(again[2].message, 'four');
    for (const frame of again) second.ack(frame, `e.${frame.message}`);
    const ids = (await Promise.all(answers)).map(({ id }) => id);
    assert.deepEqual(ids, ['e.1-0', 'e.two', 'e.three', 'e.four']);
    assert.deepEqual(await drain(client, second), [], 'and nothing twice');
});

test('what is sent before connecting waits for the welcome', async (t) => {
    const { client, server } = await setUp(t);
    const answer = client.send(say('early'));
    client.connect();
    const peer = await server.connection();
    peer.welcome();
    const frame = await peer.next();
    assert.equal(frame.message, 'early');
    peer.ack(frame, 'e.1-0');
    assert.equal((await answer).id, 'e.1-0');
});

for (const [code, hint, wait] of [
    ['unavailable', { retryAfterMs: 2000 }, 2500],
    ['rate_limited', { retryAfterMs: 400 }, 500],
    ['unavailable', {}, 1250],
]) {
    test(`${code} ${JSON.stringify(hint)}: sent again later with the same ref`, async (t) => {
        const { client, clock, peer } = await setUpOpen(t);
        const errors = [];
        client.on('error', (error) => errors.push(error));
        const first = client.send(say('one'));
        const frame = await peer.next();
        peer.refuse(frame, code, hint);
        peer.say('e.1-0', 'after the refusal');
        await eventOf(client, 'message');
        const second = client.send(say('two'));
        clock.advance(wait - 1);
        assert.deepEqual(
            await drain(client, peer),
            [],
            'not before its time, nor anything after it',
        );
        clock.advance(1);
        assert.deepEqual(await peer.next(), frame);
        const other = await peer.next();
        assert.equal(other.message, 'two');
        peer.ack(frame, 'e.2-0');
        peer.ack(other, 'e.3-0');
        assert.equal((await first).id, 'e.2-0');
        assert.equal((await second).id, 'e.3-0');
        assert.deepEqual(errors, [], 'nothing that the application need know');
    });
}

test('"later" is about a connection: on the next one all is sent at once', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    client.send(say('one'));
    const frame = await peer.next();
    peer.refuse(frame, 'unavailable', { retryAfterMs: 60_000 });
    peer.close(1013);
    elapse(clock, await stateOf(client, 'waiting', 'unavailable'));
    const second = await server.connection();
    second.welcome();
    assert.deepEqual(await second.next(), frame);
});

test('a refusal for good rejects, with code and field, and is an event', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const event = eventOf(client, 'error');
    const answer = client.send({ ...say('x'), target: 'no such' });
    peer.refuse(await peer.next(), 'bad_field', { field: 'target' });
    await assert.rejects(answer, { name: 'LecternError', code: 'bad_field', field: 'target' });
    assert.equal((await event).code, 'bad_field');
    assert.equal(client.pending, 0);
});

test('an error without ref is an event', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const event = eventOf(client, 'error');
    peer.refuse({}, 'bad_json');
    assert.equal((await event).code, 'bad_json');
});

test('rejections that nobody waits for are silent', async (t) => {
    const { client, peer } = await setUpOpen(t);
    client.send(say('x'));
    const event = eventOf(client, 'error');
    peer.refuse(await peer.next(), 'forbidden');
    // Node's test runner fails a test with an unhandled rejection.
    await event;
});

test('stays below the announced rate', async (t) => {
    const welcome = { limits: { ...limits, rate: 10, burst: 10 } };
    const { client, clock, peer } = await setUpOpen(t, {}, welcome);
    for (let n = 0; n < 20; n += 1) client.send(say(n));
    const burst = [];
    for (let n = 0; n < 8; n += 1) burst.push((await peer.next()).message);
    assert.deepEqual(burst, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert.equal(peer.waiting, 0);
    // A fifth below 10 in a second.
    clock.advance(1000);
    for (let n = 8; n < 16; n += 1) assert.equal((await peer.next()).message, n);
    clock.advance(125);
    assert.equal((await peer.next()).message, 16);
    assert.equal(peer.waiting, 0);
});

test('refuses what is too big, before and after connecting', async (t) => {
    const { client, server } = await setUp(t);
    const early = client.send(say('가'.repeat(400)));
    client.connect();
    const peer = await server.connection();
    peer.welcome({ limits: { ...limits, message: 1000 } });
    await assert.rejects(early, { code: 'too_big' });
    await assert.rejects(client.send(say('가'.repeat(400))), { code: 'too_big' });
    client.send(say('가'.repeat(200)));
    assert.equal((await peer.next()).message.length, 200);
});

test('keeps no more than its queue takes', async (t) => {
    const { client } = await setUp(t, { queue: 2 });
    client.send(say('one'));
    client.send(say('two'));
    await assert.rejects(client.send(say('three')), { code: 'queue_full' });
});

test('ephemeral messages are sent now or never, and not answered', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const typing = { targetType: 'all', messageType: 'typing', ephemeral: true };
    await client.send(typing);
    assert.deepEqual(await peer.next(), typing);
    assert.equal(client.pending, 0);
    peer.terminate();
    const waiting = await stateOf(client, 'waiting');
    await assert.rejects(client.send(typing), { code: 'offline' });
    elapse(clock, waiting);
    const second = await server.connection();
    second.welcome();
    await stateOf(client, 'open');
    assert.deepEqual(await drain(client, second), []);
});

test("the host's commands", async (t) => {
    const { client, peer } = await setUpOpen(t, { host: {} });
    const commands = [
        [client.kick('s1'), { messageType: 'kick', target: 's1' }],
        [client.lock(), { messageType: 'lock' }],
        [client.unlock(), { messageType: 'unlock' }],
        [
            client.updateSettings({ talk: 'all' }),
            { messageType: 'settings', message: { talk: 'all' } },
        ],
        [client.end(), { messageType: 'end' }],
    ];
    for (const [answer, expected] of commands) {
        const { ref, ...frame } = await peer.next();
        assert.deepEqual(frame, expected);
        peer.ack({ ref });
        assert.equal((await answer).id, undefined);
    }
});

test('seen is told at most once a second, and again after a reconnect', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    client.seen('e.1-0');
    client.seen('e.2-0');
    client.seen('e.3-0');
    assert.deepEqual(await peer.next(), { messageType: 'seen', message: 'e.1-0' });
    clock.advance(999);
    assert.deepEqual(await drain(client, peer), []);
    clock.advance(1);
    assert.deepEqual(await peer.next(), { messageType: 'seen', message: 'e.3-0' });
    peer.terminate();
    const waiting = await stateOf(client, 'waiting');
    client.seen('e.4-0');
    elapse(clock, waiting);
    const second = await server.connection();
    second.welcome();
    await stateOf(client, 'open');
    clock.advance(1000);
    assert.deepEqual(await second.next(), { messageType: 'seen', message: 'e.4-0' });
});

test('a new token is told to the server, and used from then on', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const answer = client.setToken('new.to.ken');
    const { ref, ...frame } = await peer.next();
    assert.deepEqual(frame, { messageType: 'token', message: 'new.to.ken' });
    peer.terminate();
    // The next handshake carries it: that is its answer.
    await answer;
    elapse(clock, await stateOf(client, 'waiting'));
    const second = await server.connection();
    assert.equal(second.protocols[1], 'bearer.new.to.ken');
    second.welcome();
    await stateOf(client, 'open');
    assert.deepEqual(await drain(client, second), []);
});

test('close() says goodbye and rejects what waits', async (t) => {
    const { client, peer } = await setUpOpen(t);
    const answer = client.send(say('x'));
    client.close();
    assert.deepEqual(client.state, { name: 'closed', reason: { kind: 'left' } });
    await assert.rejects(answer, { code: 'closed' });
    await assert.rejects(client.send(say('y')), { code: 'closed' });
    assert.equal(await peer.closed, 1000);
});

test('gives nothing to a socket that is closing: it goes over the next one', async (t) => {
    const sockets = [];
    class Closing extends WebSocket {
        sent = [];

        constructor(...args) {
            super(...args);
            sockets.push(this);
        }

        get readyState() {
            return this.dying ? WebSocket.CLOSING : super.readyState;
        }

        send(data) {
            this.sent.push(data);
            super.send(data);
        }
    }
    const { client, server, clock, peer } = await setUpOpen(t, { env: { WebSocket: Closing } });
    sockets[0].dying = true;
    const answer = client.send(say('late'));
    client.seen('e.1-0');
    assert.deepEqual(sockets[0].sent, []);
    sockets[0].dying = false;
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const second = await server.connection();
    second.welcome();
    const late = await second.next();
    assert.equal(late.message, 'late');
    clock.advance(1000);
    const { messageType, message } = await second.next();
    assert.deepEqual([messageType, message], ['seen', 'e.1-0']);
    second.ack(late, 'e.2-0');
    assert.equal((await answer).id, 'e.2-0');
});
