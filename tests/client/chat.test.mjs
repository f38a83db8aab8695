/** The client of chat rooms: many rooms on one connection, each message once, nothing lost. */

import assert from 'node:assert/strict';
import { elapse, eventOf, setUpChat, setUpChatOpen, stateOf, test, token } from './support.mjs';

const A = 'caaaaaaaaaaaaaaa';
const B = 'cbbbbbbbbbbbbbbb';

/** Collects what is emitted under a name, each told as `tell` says; `until(n)` waits for n of them. */
function collect(client, name, tell) {
    const list = [];
    let check = () => {};
    client.on(name, (data) => {
        list.push(tell(data));
        check();
    });
    const until = (count) =>
        new Promise((resolve) => {
            check = () => list.length >= count && resolve(list);
            check();
        });
    return { list, until };
}
const messages = (client) => collect(client, 'message', ({ id, message }) => `${id} ${message}`);

/** Waits until the client has heard all that the server has said so far. */
async function heard(client, peer) {
    const passed = eventOf(client, 'passing');
    peer.send({ messageType: 'wave', room: `room:${A}`, sender: 's2', message: true });
    await passed;
}

/** The next frame that is no question about a room. */
async function nextOf(peer, messageType) {
    for (;;) {
        const frame = await peer.next();
        if (frame.messageType === messageType) return frame;
    }
}

test('one connection, on which each room is asked for', async (t) => {
    const { client, server } = await setUpChat(t);
    client.follow(A, { history: 20 });
    client.connect();
    const peer = await server.connection();
    assert.deepEqual(Object.fromEntries(peer.query), { chat: '1' });
    assert.deepEqual(peer.protocols, ['lectern.v1', `bearer.${token()}`]);
    const hello = eventOf(client, 'hello');
    peer.hello();
    assert.equal((await hello).again, false);
    assert.equal(client.user.id, 's1');
    const ask = await peer.next();
    assert.deepEqual(ask, { messageType: 'subscribe', room: `room:${A}`, history: 20, ref: ask.ref });
    client.follow(`room:${B}`, { since: `${B}.7` });
    client.follow(B, { since: `${B}.1` });
    const other = await peer.next();
    assert.equal(other.since, `${B}.7`);
    assert.equal(other.history, undefined);
    const room = eventOf(client, 'room');
    peer.followed(A, { unread: 3, last: `${A}.9` });
    const told = await room;
    assert.deepEqual([told.room, told.unread, told.chat.kind], [A, 3, 'group']);
    assert.equal(peer.waiting, 0, 'a room that is followed is not asked for again');
});

test('each message once and in order, room by room', async (t) => {
    const { client, peer } = await setUpChatOpen(t);
    const { until } = messages(client);
    client.follow(A);
    client.follow(B, { since: `${B}.4` });
    peer.chat(A, 1, 'one');
    peer.chat(B, 4, 'had already');
    peer.chat(A, 3, 'three');
    peer.chat(A, 2, 'late repeat');
    peer.chat(A, 3, 'three again');
    peer.chat('ccccccccccccccccc'.slice(0, 16), 1, 'of nobody');
    peer.chat(B, 5, 'five');
    assert.deepEqual(await until(3), [`${A}.1 one`, `${A}.3 three`, `${B}.5 five`]);
});

test('goes on in every room where it was, and sends what has no answer again', async (t) => {
    const { client, server, clock, peer } = await setUpChatOpen(t);
    const { list, until } = messages(client);
    client.follow(A);
    client.follow(B, { history: 0 });
    peer.followed(B, { last: `${B}.6` });
    peer.chat(A, 1, 'one');
    await until(1);
    const answer = client.send(A, 'send', '안녕');
    const sent = await nextOf(peer, 'send');
    assert.deepEqual(sent, { messageType: 'send', room: `room:${A}`, message: '안녕', ref: sent.ref });
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const second = await server.connection();
    second.hello();
    const again = await nextOf(second, 'send');
    assert.equal(again.ref, sent.ref, 'the server tells by it that this is no other message');
    const asked = [await second.next(), await second.next()];
    assert.deepEqual(asked.map(({ since }) => since), [`${A}.1`, `${B}.6`]);
    second.chat(A, 1, 'one');
    second.chat(A, 2, '안녕', { sender: 's1', senderType: 'student' });
    second.ack(again, `${A}.2`);
    assert.equal((await answer).id, `${A}.2`);
    second.chat(A, 3, 'three');
    assert.deepEqual(await until(3), [`${A}.1 one`, `${A}.2 안녕`, `${A}.3 three`]);
    assert.equal(list.length, 3);
    assert.equal(client.pending, 0);
});

test('a room that cannot be followed is told of, and is not asked for again', async (t) => {
    const { client, server, clock, peer } = await setUpChatOpen(t);
    const { until } = collect(client, 'closed', ({ room, reason }) => `${room} ${reason}`);
    const errors = collect(client, 'error', ({ code }) => code);
    client.follow(A);
    client.follow(B);
    peer.refuse(await peer.next(), 'not_member');
    await peer.next();
    peer.send({ messageType: 'close', room: `room:${B}`, message: { reason: 'left' } });
    assert.deepEqual(await until(2), [`${A} not_member`, `${B} left`]);
    assert.equal(client.state.name, 'open');
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting'));
    const second = await server.connection();
    second.hello();
    await stateOf(client, 'open');
    client.typing(A, true);
    assert.equal((await second.next()).messageType, 'typing');
    assert.deepEqual(errors.list, []);
});

test('a room that the server is too busy for is asked for later', async (t) => {
    const { client, clock, peer } = await setUpChatOpen(t);
    client.follow(A);
    peer.refuse(await peer.next(), 'unavailable', { retryAfterMs: 3000 });
    const gone = eventOf(client, 'gap');
    peer.send({ messageType: 'gap', room: `room:${A}`, message: { since: `${A}.1` } });
    assert.deepEqual(await gone, { room: A, since: `${A}.1` });
    assert.equal(peer.waiting, 0);
    clock.advance(3000);
    assert.equal((await peer.next()).messageType, 'subscribe');
});

test('all rooms are asked for at once, and what one says does not wait for that', async (t) => {
    const { client, clock, peer } = await setUpChatOpen(t);
    const rooms = Array.from({ length: 260 }, (_, n) => `c${String(n).padStart(15, 'a')}`);
    for (const room of rooms) client.follow(room);
    void client.send(A, 'send', 'now');
    const asked = [];
    for (let n = 0; n < 200; n += 1) asked.push((await peer.next()).room);
    assert.deepEqual(asked, rooms.slice(0, 200).map((room) => `room:${room}`));
    assert.equal((await peer.next()).messageType, 'send');
    assert.equal(peer.waiting, 0, 'no more than the server allows at once');
    while (asked.length < rooms.length) {
        clock.advance(50);
        asked.push((await peer.next()).room);
    }
    assert.equal(new Set(asked).size, 260);
});

test('a room is asked for again where the server was at fault', async (t) => {
    const { client, clock, peer } = await setUpChatOpen(t);
    const errors = collect(client, 'error', ({ code }) => code);
    client.follow(A);
    peer.refuse(await peer.next(), 'internal');
    await heard(client, peer);
    clock.advance(9999);
    assert.equal(peer.waiting, 0);
    clock.advance(1);
    assert.equal((await peer.next()).messageType, 'subscribe');
    assert.deepEqual(errors.list, []);
});

test('a question that was taken back and asked again is not asked a third time', async (t) => {
    const { client, clock, peer } = await setUpChatOpen(t);
    client.follow(A);
    const first = await peer.next();
    client.unfollow(A);
    client.follow(A);
    assert.equal((await peer.next()).messageType, 'unsubscribe');
    assert.equal((await peer.next()).messageType, 'subscribe');
    peer.refuse(first, 'not_subscribed');
    await heard(client, peer);
    clock.advance(11_000);
    client.read(A, `${A}.1`);
    assert.equal((await nextOf(peer, 'read')).message, `${A}.1`);
    assert.equal(peer.waiting, 0);
});

test('what was read and could not be stored is told again; what was stored is not', async (t) => {
    const { client, server, clock, peer } = await setUpChatOpen(t);
    client.follow(A);
    await peer.next();
    client.read(A, `${A}.3`);
    const first = await peer.next();
    peer.refuse(first, 'unavailable', { retryAfterMs: 2000 });
    await heard(client, peer);
    clock.advance(2000);
    const second = await peer.next();
    assert.deepEqual(second, first);
    peer.ack(second, `${A}.3`);
    await heard(client, peer);
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting'));
    const again = await server.connection();
    again.hello();
    assert.equal((await again.next()).messageType, 'subscribe');
    client.typing(A, false);
    assert.equal((await again.next()).messageType, 'typing', 'the server has it');
});

test('what is read is told now and then, never back, and again on a new connection', async (t) => {
    const { client, server, clock, peer } = await setUpChatOpen(t);
    client.follow(A);
    await peer.next();
    const said = (n) => {
        const message = `${A}.${n}`;
        return { messageType: 'read', room: `room:${A}`, message, ref: `read.${message}` };
    };
    const told = said(7);
    for (const n of [3, 5, 4]) client.read(A, `${A}.${n}`);
    assert.deepEqual(await peer.next(), said(3), 'the first at once');
    clock.advance(400);
    assert.deepEqual(await peer.next(), said(5), 'the others together');
    client.read(A, `${A}.6`);
    client.read(A, `${A}.7`);
    client.flush();
    assert.deepEqual(await peer.next(), told, 'the page goes');
    client.read(A, `${A}.5`);
    client.read(A, `${A}.2`);
    clock.advance(1000);
    client.typing(A, false);
    assert.equal((await peer.next()).messageType, 'typing', 'there was nothing new to tell');
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting'));
    const second = await server.connection();
    second.hello();
    assert.deepEqual(await nextOf(second, 'read'), told);
});

test('what passes by, what others read, and who invites', async (t) => {
    const { client, peer } = await setUpChatOpen(t);
    client.follow(A);
    const [passing, read, invited] = ['passing', 'read', 'invited'].map((n) => eventOf(client, n));
    const from = { room: `room:${A}`, sender: 's2', senderType: 'student' };
    peer.send({ ...from, messageType: 'typing', message: true });
    peer.send({ ...from, messageType: 'read', message: { lastReadMessage: `${A}.2` } });
    peer.send({ messageType: 'invited', room: `room:${B}`, message: { room: `room:${B}` } });
    assert.equal((await passing).message, true);
    assert.deepEqual(await read, { room: A, user: 's2', lastReadMessage: `${A}.2` });
    assert.deepEqual(await invited, { room: B });
});

test('taking a message back is answered', async (t) => {
    const { client, peer } = await setUpChatOpen(t);
    const good = client.delete(A, `${A}.1`);
    const frame = await peer.next();
    const { ref } = frame;
    const room = `room:${A}`;
    assert.deepEqual(frame, { messageType: 'delete', room, message: `${A}.1`, ref });
    peer.ack(frame, `${A}.2`);
    await good;
    const bad = client.delete(A, `${A}.3`);
    peer.refuse(await peer.next(), 'forbidden');
    await assert.rejects(bad, { name: 'LecternError', code: 'forbidden' });
});

test('guests of a class are told that chat is not for them', async (t) => {
    const { client, server } = await setUpChat(t);
    server.refuse = 403;
    const body = { error: { code: 'account_required', message: 'Chat needs an account.' } };
    server.answers.set('/chat/my/rooms', [403, body]);
    client.connect();
    const { reason } = await stateOf(client, 'closed');
    assert.equal(reason.kind, 'account_required');
    await assert.rejects(client.send(A, 'send', 'x'), { code: 'closed' });
});

test('a token that has expired is renewed, and the old one’s refusals are explained', async (t) => {
    const asked = [];
    const fresh = token({ sub: 's1', exp: 2_000_000_000 });
    const refreshToken = (why) => {
        asked.push(why);
        server.refuse = 0;
        return fresh;
    };
    const { client, server } = await setUpChat(t, { refreshToken });
    server.refuse = 401;
    server.answers.set('/chat/my/rooms', [401, { error: { code: 'token_expired', message: 'x' } }]);
    client.connect();
    const peer = await server.connection();
    assert.deepEqual(asked, ['token_expired']);
    assert.equal(peer.protocols[1], `bearer.${fresh}`);
    assert.equal(client.token, fresh);
});

test('a server that is too busy for chat is tried again when it said', async (t) => {
    const { client, server, clock } = await setUpChat(t);
    server.refuse = 503;
    const body = { error: { code: 'unavailable', message: 'x' } };
    server.answers.set('/chat/my/rooms', [503, body, { 'retry-after': '40' }]);
    client.connect();
    const state = await stateOf(client, 'waiting', 'unavailable');
    assert.ok(state.retryAt - clock.now() >= 40_000);
    server.refuse = 0;
    elapse(clock, state);
    (await server.connection()).hello();
    await stateOf(client, 'open');
});

test('what a page had kept goes on under the same ref, or is refused as too late', async (t) => {
    const at = 1_700_000_000_000;
    const outgoing = { room: `room:${A}`, messageType: 'send', message: 'kept' };
    const kept = [
        { ref: 'old-1', at: at - 60_000, outgoing },
        { ref: 'old-2', at: at - 13 * 3_600_000, outgoing },
    ];
    const saved = [];
    const keep = { load: () => kept, save: (all) => saved.push(all.map(({ ref }) => ref)) };
    const { client, peer } = await setUpChatOpen(t, { keep });
    const frame = await peer.next();
    assert.deepEqual(frame, { ...outgoing, ref: 'old-1' });
    const [first, second] = client.restored;
    await assert.rejects(second.answer, { code: 'too_late' });
    peer.ack(frame, `${A}.1`);
    assert.equal((await first.answer).id, `${A}.1`);
    assert.deepEqual(saved.at(-1), []);
});
