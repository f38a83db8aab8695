/** A chat as the page knows it, against a server that does what each test says. */

import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { Clock, FakeServer, elapse, load, stateOf, test, token } from '../client/support.mjs';

const { Chat } = await load('../chat/chat');
const { placeOf, hashOf } = await load('../chat/place');

const A = 'caaaaaaaaaaaaaaa';
const B = 'cbbbbbbbbbbbbbbb';

const said = (room, n, more = {}) => ({
    id: `${room}.${n}`,
    ts: 1_600_000_000_000 + n * 1000,
    room: `room:${room}`,
    senderType: 'student',
    sender: 's2',
    senderName: '서연',
    targetType: 'all',
    messageType: 'send',
    message: `text ${n}`,
    ...more,
});
const range = (room, from, to) => Array.from({ length: to - from + 1 }, (_, n) => said(room, from + n));
const mine = (id, more = {}) => ({
    id,
    kind: 'group',
    name: id,
    owner: 't1',
    members: 2,
    createdAt: 1,
    unread: 0,
    lastReadMessage: '',
    last: null,
    ...more,
});
const page = (messages, more = false) => [200, { messages, more, lastReadMessage: '', reads: {} }];

/** A chat, connected to a server with those rooms. */
async function setUp(t, rooms) {
    const clock = new Clock();
    const server = new FakeServer(clock);
    await server.start();
    const { now, setTimeout, clearTimeout } = clock;
    const env = { WebSocket, now, setTimeout, clearTimeout, random: () => 0.5 };
    const kept = [];
    const keep = (room, text) => kept.push([room, text]);
    const chat = new Chat({ base: server.base, token: token(), env }, keep);
    t.after(async () => {
        chat.close();
        await server.stop();
    });
    server.answers.set('/chat/my/rooms', [200, { rooms }]);
    chat.client.connect();
    const peer = await server.connection();
    peer.hello();
    await stateOf(chat.client, 'open');
    await until(chat, () => chat.listed);
    return { chat, server, clock, peer, kept };
}

/** Waits until something is so. */
function until(chat, so) {
    return new Promise((resolve) => {
        const look = () => {
            if (!so()) return;
            off();
            resolve();
        };
        const off = chat.subscribe(look);
        look();
    });
}
const seqs = (chat) => chat.current.timeline.all.map(({ seq }) => seq);
const history = (room, query) => `/chat/history/${room}?${query}`;

test('each of one’s rooms is followed from its last message, the open one first', async (t) => {
    const rooms = [mine(B, { last: said(B, 4) }), mine(A)];
    const { chat, peer } = await setUp(t, rooms);
    const asked = [await peer.next(), await peer.next()];
    assert.deepEqual(asked.map(({ room, since }) => [room, since]), [
        [`room:${B}`, `${B}.4`],
        [`room:${A}`, undefined],
    ]);
    peer.chat(A, 1, 'hello');
    await until(chat, () => chat.rooms.unread === 1);
    assert.equal(chat.rooms.all[0].id, A);
});

test('a room opens at its newest page, or where reading stopped', async (t) => {
    const rooms = [
        mine(A, { last: said(A, 90) }),
        mine(B, { last: said(B, 90), unread: 60, lastReadMessage: `${B}.30` }),
    ];
    const { chat, server, peer } = await setUp(t, rooms);
    server.answers.set(history(A, 'limit=50'), page(range(A, 41, 90), true));
    chat.open(A);
    await until(chat, () => chat.current.timeline.loaded);
    assert.deepEqual([seqs(chat)[0], chat.current.divider], [41, null]);
    server.answers.set(history(B, 'before=31&limit=30'), page(range(B, 1, 30)));
    server.answers.set(history(B, 'after=30&limit=50'), page(range(B, 31, 80), true));
    chat.open(B);
    await until(chat, () => chat.current.timeline.loaded);
    assert.deepEqual([seqs(chat).at(-1), chat.current.divider], [80, 30]);
    assert.equal(chat.current.timeline.newer, true);
    server.answers.set(history(B, 'after=80&limit=50'), page(range(B, 81, 90)));
    await chat.loadNewer(chat.current);
    peer.chat(B, 91, 'text 91', { sender: 's2' });
    await until(chat, () => seqs(chat).at(-1) === 91);
    assert.equal(seqs(chat).length, 91);
    chat.seen(chat.current, `${B}.91`);
    assert.equal(chat.rooms.get(B).unread, 0);
    chat.open(A);
    peer.chat(A, 91, 'x', { sender: 's2' });
    await until(chat, () => seqs(chat).at(-1) === 91);
});

test('a message that was looked for is shown with what is around it', async (t) => {
    const { chat, server } = await setUp(t, [mine(A, { last: said(A, 900) })]);
    server.answers.set(history(A, 'before=101&limit=30'), page(range(A, 71, 100), true));
    server.answers.set(history(A, 'after=100&limit=50'), page(range(A, 101, 150), true));
    chat.open(A, 100);
    await until(chat, () => chat.current.pointed !== null);
    assert.deepEqual([seqs(chat)[0], seqs(chat).at(-1)], [71, 150]);
    assert.equal(chat.current.pointed.seq, 100);
    chat.open(A, 120);
    await until(chat, () => chat.current.pointed.seq === 120);
    assert.equal(seqs(chat).length, 80, 'it was there already');
});

test('a page that could not be had says so, and can be asked for again', async (t) => {
    const { chat, server } = await setUp(t, [mine(A, { last: said(A, 1) })]);
    const busy = [503, { error: { code: 'unavailable', message: 'x' } }];
    server.answers.set(history(A, 'limit=50'), busy);
    chat.open(A);
    await until(chat, () => chat.current.trouble !== null);
    assert.equal(chat.current.trouble.failure.code, 'unavailable');
    await chat.current.trouble.retry();
    assert.equal(chat.current.trouble.failure.code, 'unavailable');
    server.answers.set(history(A, 'limit=50'), page(range(A, 1, 1)));
    await chat.current.trouble.retry();
    assert.deepEqual([seqs(chat), chat.current.trouble], [[1], null]);
});

test('what could not be had is asked for when the connection is back', async (t) => {
    const { chat, server, clock, peer } = await setUp(t, [mine(A, { last: said(A, 900) })]);
    const busy = [503, { error: { code: 'unavailable', message: 'x' } }];
    for (const query of ['before=101&limit=30', 'after=100&limit=50']) {
        server.answers.set(history(A, query), busy);
    }
    chat.open(A, 100);
    await until(chat, () => chat.current?.trouble);
    assert.equal(chat.current.pointed, null);
    peer.terminate();
    elapse(clock, await stateOf(chat.client, 'waiting'));
    server.answers.set(history(A, 'before=101&limit=30'), page(range(A, 71, 100), true));
    server.answers.set(history(A, 'after=100&limit=50'), page(range(A, 101, 150), true));
    (await server.connection()).hello();
    await until(chat, () => chat.current.timeline.loaded);
    assert.deepEqual([chat.current.pointed, chat.current.trouble], [{ seq: 100 }, null], 'the same place');
});

test('pages of what is not shown are passed over, up and down', async (t) => {
    const { chat, server } = await setUp(t, [mine(A, { last: said(A, 200) })]);
    const odd = (from, to) => range(A, from, to).map((each) => ({ ...each, messageType: 'score' }));
    server.answers.set(history(A, 'limit=50'), page(odd(151, 200), true));
    chat.open(A);
    await until(chat, () => chat.current.timeline.loaded);
    const room = chat.current;
    assert.deepEqual(seqs(chat), []);
    server.answers.set(history(A, 'before=151&limit=50'), page(odd(101, 150), true));
    await chat.loadOlder(room);
    server.answers.set(history(A, 'before=101&limit=50'), page(range(A, 51, 100), true));
    await chat.loadOlder(room);
    assert.deepEqual([seqs(chat).length, room.trouble], [50, null]);
    server.answers.set(history(A, 'before=41&limit=30'), page(range(A, 11, 40), true));
    server.answers.set(history(A, 'after=40&limit=50'), page(odd(41, 90), true));
    chat.open(A, 40);
    await until(chat, () => room.pointed !== null);
    server.answers.set(history(A, 'after=90&limit=50'), page(odd(91, 140), true));
    await chat.loadNewer(room);
    server.answers.set(history(A, 'after=140&limit=50'), page(range(A, 141, 143)));
    await chat.loadNewer(room);
    assert.deepEqual([seqs(chat).slice(-4), room.timeline.newer], [[40, 141, 142, 143], false]);
});

test('what is looked for wins over what was being loaded', async (t) => {
    const { chat, server } = await setUp(t, [mine(A, { last: said(A, 900) })]);
    server.answers.set(history(A, 'limit=50'), page(range(A, 851, 900), true));
    server.answers.set(history(A, 'before=101&limit=30'), page(range(A, 71, 100), true));
    server.answers.set(history(A, 'after=100&limit=50'), page(range(A, 101, 150), true));
    chat.open(A);
    chat.open(A, 100);
    await until(chat, () => chat.current.pointed !== null);
    const { timeline, loading, pointed } = chat.current;
    assert.deepEqual([timeline.first, timeline.last, pointed], [71, 150, { seq: 100 }]);
    assert.equal(loading.size, 0);
    // To the newest, and back at once: that is there already.
    const newest = chat.loadNewest(chat.current);
    chat.open(A, 120);
    await newest;
    assert.deepEqual([timeline.last, chat.current.pointed], [150, { seq: 120 }]);
    server.answers.set(history(A, 'after=150&limit=50'), page(range(A, 151, 200), true));
    await chat.loadNewer(chat.current);
    assert.equal(timeline.last, 200, 'other pages come again');
});

test('a message that is gone is looked for where it was', async (t) => {
    const { chat, server } = await setUp(t, [mine(A, { last: said(A, 900) })]);
    server.answers.set(history(A, 'before=101&limit=30'), page(range(A, 70, 99), true));
    server.answers.set(history(A, 'after=100&limit=50'), page(range(A, 101, 150), true));
    chat.open(A, 100);
    await until(chat, () => chat.current.pointed !== null);
    assert.deepEqual(chat.current.pointed, { seq: 99 });
});

test('a list that was asked for before one has joined is asked for again', async (t) => {
    const { chat, server } = await setUp(t, [mine(A)]);
    const before = chat.refreshNow();
    server.answers.set('/chat/my/rooms', [200, { rooms: [mine(A), mine(B)] }]);
    await chat.refreshNow();
    assert.deepEqual(chat.rooms.all.map(({ id }) => id).sort(), [A, B]);
    await before;
    assert.equal(chat.sure, true);
});

test('a list that cannot be had is asked for again by one timer, until the page goes', async (t) => {
    const { chat, server, clock } = await setUp(t, [mine(A)]);
    const LIST = '/chat/my/rooms';
    server.answers.set(LIST, [503, { error: { code: 'unavailable', message: 'x' } }]);
    await chat.refreshNow();
    const timers = clock.size;
    for (let n = 0; n < 5; n += 1) {
        clock.advance(500);
        await chat.refreshNow();
    }
    assert.equal(clock.size, timers, 'not one for each failure');
    while (server.asked.length > 0) await server.asked.next();
    clock.advance(4300);
    assert.equal(await server.asked.next(), LIST);
    await chat.refreshNow();
    chat.close();
    assert.equal(clock.size, 0, 'nothing is left to happen');
});

test('sending: at once below, then in its place; what is refused can be sent again', async (t) => {
    const { chat, server, peer } = await setUp(t, [mine(A)]);
    server.answers.set(history(A, 'limit=50'), page([]));
    chat.open(A);
    await until(chat, () => chat.current.timeline.loaded);
    await peer.next();
    chat.say(A, 'mine');
    assert.equal(chat.current.timeline.all[0].status, 'sending');
    const first = await peer.next();
    peer.refuse(first, 'not_member');
    await until(chat, () => chat.current.timeline.all[0].status === 'failed');
    chat.resend(chat.current.timeline.all[0].key);
    const second = await peer.next();
    assert.equal(second.message, 'mine');
    peer.chat(A, 1, 'mine', { sender: 's1', senderName: '민준' });
    peer.ack(second, `${A}.1`);
    await until(chat, () => chat.current.timeline.all[0].status === 'sent');
    assert.deepEqual(seqs(chat), [1]);
    chat.say(A, 'no');
    peer.refuse(await peer.next(), 'too_big');
    await until(chat, () => chat.current.timeline.all[1].status === 'failed');
    chat.drop(A, chat.current.timeline.all[1].key);
    assert.deepEqual(seqs(chat), [1]);
});

test('what has no answer when one signs out is kept as a draft', async (t) => {
    const { chat, server, peer, kept } = await setUp(t, [mine(A)]);
    server.answers.set(history(A, 'limit=50'), page([]));
    chat.open(A);
    await until(chat, () => chat.current.timeline.loaded);
    await peer.next();
    for (const text of ['one', 'two']) chat.say(A, text);
    chat.close();
    await until(chat, () => chat.current.timeline.all.every(({ status }) => status === 'failed'));
    assert.deepEqual(kept, [[A, 'one'], [A, 'two']]);
});

test('what was refused is put back to the draft when the page goes, once', async (t) => {
    const { chat, server, peer, kept } = await setUp(t, [mine(A)]);
    server.answers.set(history(A, 'limit=50'), page([]));
    chat.open(A);
    await until(chat, () => chat.current.timeline.loaded);
    await peer.next();
    const refuse = async (code) => {
        peer.refuse(await peer.next(), code);
        await until(chat, () => chat.current.timeline.all.every(({ status }) => status === 'failed'));
    };
    chat.say(A, 'no');
    await refuse('too_big');
    chat.say(A, 'given up');
    await refuse('too_big');
    chat.drop(A, chat.current.timeline.all[1].key);
    chat.keepRefused();
    chat.keepRefused();
    assert.deepEqual(kept, [[A, 'no']]);
    // The page has come back from where the browser had put it: tried again, and refused again.
    chat.resend(chat.current.timeline.all[0].key);
    await refuse('too_big');
    chat.close();
    assert.deepEqual(kept, [[A, 'no'], [A, 'no']]);
});

test('a message that is gone already counts as taken back', async (t) => {
    const { chat, server, peer } = await setUp(t, [mine(A, { last: said(A, 2) })]);
    server.answers.set(history(A, 'limit=50'), page(range(A, 1, 2)));
    chat.open(A);
    await until(chat, () => chat.current.timeline.loaded);
    await peer.next();
    const gone = chat.delete(A, `${A}.1`);
    assert.equal(chat.current.timeline.all[0].status, 'deleting');
    peer.refuse(await peer.next(), 'message_not_found');
    await gone;
    assert.deepEqual(seqs(chat), [2]);
    const no = chat.delete(A, `${A}.2`);
    peer.refuse(await peer.next(), 'forbidden');
    await no;
    const line = () => chat.current.timeline.all[0];
    assert.deepEqual([line().status, line().error.code], ['sent', 'forbidden']);
    const again = chat.delete(A, `${A}.2`);
    assert.deepEqual([line().status, line().error], ['deleting', undefined]);
    peer.ack(await peer.next(), `${A}.3`);
    await again;
    assert.deepEqual(seqs(chat), []);
});

test('rooms come by invitation and go with their reason', async (t) => {
    const { chat, server, clock, peer } = await setUp(t, [mine(A)]);
    await peer.next();
    server.answers.set('/chat/my/rooms', [200, { rooms: [mine(A), mine(B)] }]);
    const told = { messageType: 'invited', room: `room:${B}`, message: { room: `room:${B}` } };
    chat.open(B);
    assert.equal(chat.current, null, 'not one of ours yet');
    server.answers.set(history(B, 'limit=50'), page([]));
    peer.send(told);
    await until(chat, () => {
        clock.advance(400);
        return chat.rooms.all.length === 2;
    });
    assert.equal((await peer.next()).room, `room:${B}`);
    await until(chat, () => chat.current?.id === B);
    peer.send({ messageType: 'close', room: `room:${B}`, message: { reason: 'deleted' } });
    await until(chat, () => chat.rooms.all.length === 1);
    assert.deepEqual([chat.current, chat.ended], [null, { room: B, name: B, reason: 'deleted' }]);
});

test('who writes is told, until they stop or send', async (t) => {
    const { chat, server, clock, peer } = await setUp(t, [mine(A)]);
    server.answers.set(history(A, 'limit=50'), page([]));
    chat.open(A);
    await until(chat, () => chat.current.timeline.loaded);
    const typing = (message) =>
        peer.send({ messageType: 'typing', room: `room:${A}`, sender: 's2', senderName: '서연', message });
    typing(true);
    await until(chat, () => chat.current.typing.names.length === 1);
    peer.chat(A, 1, 'done', { sender: 's2' });
    await until(chat, () => chat.current.typing.names.length === 0);
    typing(true);
    await until(chat, () => chat.current.typing.names.length === 1);
    clock.advance(8000);
    assert.equal(chat.current.typing.names.length, 0);
    await peer.next();
    chat.typing(A);
    chat.typing(A);
    chat.stopTyping();
    const told = [await peer.next(), await peer.next()];
    assert.deepEqual(told.map(({ message }) => message), [true, false]);
});

test('how far one has read on another device counts here too', async (t) => {
    const rooms = [mine(A, { last: said(A, 9), unread: 5, lastReadMessage: `${A}.4` })];
    const { chat, peer } = await setUp(t, rooms);
    const message = { lastReadMessage: `${A}.9` };
    peer.send({ messageType: 'read', room: `room:${A}`, sender: 's1', message });
    await until(chat, () => chat.rooms.unread === 0);
});

test('the page’s address names a room, and perhaps a message', () => {
    assert.deepEqual(placeOf(`#${A}`), { room: A, seq: null });
    assert.deepEqual(placeOf(`#${A}.12`), { room: A, seq: 12 });
    assert.equal(hashOf(A, 12), `#${A}.12`);
    for (const odd of ['', '#', '#FTYXPM', `#${A}.x`, `#${A}x`, '#c<script>aaaaaaa']) {
        assert.deepEqual(placeOf(odd), { room: null, seq: null });
    }
});
