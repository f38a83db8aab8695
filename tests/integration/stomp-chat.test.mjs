// STOMP in chat rooms: the same rooms, rules and store as everywhere (docs/protocol.md, "STOMP" and "Chat").

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, connect, mintToken, startBoth, waitFor } from './harness.mjs';
import { connectStomp, follow, frameText, publish, stompJs } from './stomp.mjs';

let server, stop;
before(async () => { ({ server, stop } = await startBoth({ LECTERN_LOOPS: 2 })); });
after(() => stop?.());
let count = 0;

const call = async (sub, method, path, body) => {
    const answer = await api(server, method, path, { token: mintToken({ sub }), body });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.body;
};

/** A group of these people; the first is its owner. */
async function group(...people) {
    const room = await call(people[0], 'POST', '/chat/room/group/create', { name: `모임 ${++count}` });
    for (const sub of people.slice(1)) await call(sub, 'POST', `/chat/room/group/${room.id}/join`);
    return room.id;
}

const history = async (sub, room) => (await call(sub, 'GET', `/chat/history/${room}`)).messages.filter((message) => message.messageType === 'send');

describe('chat rooms', () => {
    test('members talk: what is receipted is in the store, and JSON sockets see the same message', async () => {
        const room = await group('a1', 'a2', 'a3');
        const json = await connect(server, { room, token: mintToken({ sub: 'a3' }) });
        const first = await connectStomp(server, { sub: 'a1', name: '민수' });
        const second = await connectStomp(server, { sub: 'a2' });
        await first.subscribe('0', `/topic/room/${room}`);
        await second.subscribe('0', `/topic/${room}`);
        await first.request('SEND', { destination: '/app/chat.sendMessage' },
            JSON.stringify({ roomId: room, sender: 'a1', message: '안녕!', type: 'TALK' }));
        const [stored] = await history('a2', room);
        assert.equal(stored.message, '안녕!');
        const event = await second.event({ type: 'TALK' });
        assert.deepEqual([event.roomId, event.sender, event.senderName, event.message, event.id], [room, 'a1', '민수', '안녕!', stored.id]);
        assert.equal(event.timestamp, stored.ts);
        assert.equal((await first.event({ type: 'TALK' })).id, stored.id); // its own, too
        assert.equal((await json.next('send')).id, stored.id);
        json.send({ messageType: 'send', message: '반가워' });
        assert.equal((await second.event({ type: 'TALK', sender: 'a3' })).message, '반가워');
        for (const client of [first.socket, second.socket, json]) await client.close();
    });

    test('subscribing is told as JOIN to those present, leaving as LEAVE, whichever way one goes', async () => {
        const room = await group('b1', 'b2');
        const here = await connectStomp(server, { sub: 'b1' });
        await here.subscribe('0', `/topic/${room}`);
        for (const end of ['UNSUBSCRIBE', 'DISCONNECT', 'cut']) {
            const other = await connectStomp(server, { sub: 'b2', name: '영희' });
            await other.subscribe('0', `/topic/${room}`);
            const join = await here.event({ sender: 'b2', messageType: 'enter' });
            assert.deepEqual([join.type, join.senderName, join.id], ['JOIN', '영희', undefined]);
            if (end === 'cut') await other.socket.terminate();
            else await other.request(end, end === 'DISCONNECT' ? {} : { id: '0' });
            assert.equal((await here.event({ sender: 'b2', messageType: 'exit' })).type, 'LEAVE');
            await other.socket.close();
        }
        await here.socket.close();
    });

    test('members may SEND without subscribing; others may do neither', async () => {
        const room = await group('c1', 'c2');
        const reader = await connectStomp(server, { sub: 'c1' });
        await reader.subscribe('0', `/topic/${room}`);
        const writer = await connectStomp(server, { sub: 'c2' });
        await writer.request('SEND', { destination: `/publish/${room}` }, 'from outside');
        assert.equal((await reader.event({ type: 'TALK' })).message, 'from outside');
        const stranger = await connectStomp(server, { sub: 'c9' }, { errors: true });
        stranger.send('SEND', { destination: `/app/${room}`, receipt: 'r1' }, 'x');
        const refused = await stranger.refusal();
        assert.deepEqual([refused.code, refused.receiptId, refused.destination], ['not_member', 'r1', `/app/${room}`]);
        stranger.send('SUBSCRIBE', { id: '0', destination: `/topic/${room}`, receipt: 'r2' });
        const second = await stranger.refusal();
        assert.deepEqual([second.code, second.receiptId, second.destination], ['not_member', 'r2', `/topic/${room}`]);
        stranger.send('SUBSCRIBE', { id: '0', destination: '/topic/caaaaaaaaaaaaaaa', receipt: 'r3' });
        assert.equal((await stranger.refusal({ receiptId: 'r3' })).code, 'room_not_found');
        const guest = await connectStomp(server, { sub: 'c1', room: 'FTYXPM' }, { errors: true });
        guest.send('SUBSCRIBE', { id: '0', destination: `/topic/${room}` });
        assert.equal((await guest.refusal()).code, 'account_required');
        guest.send('SEND', { destination: `/app/${room}` }, 'x');
        assert.equal((await guest.refusal()).code, 'account_required');
        assert.equal((await history('c1', room)).length, 1);
        for (const client of [reader, writer, stranger, guest]) await client.socket.close();
    });

    test('since and history, a ref sent twice, and what is only passed on', async () => {
        const room = await group('d1', 'd2');
        const stomp = await connectStomp(server, { sub: 'd1' });
        const other = await connectStomp(server, { sub: 'd2' });
        await other.subscribe('0', `/topic/${room}`);
        for (const text of ['one', 'two', 'two', 'three']) {
            await stomp.request('SEND', { destination: `/app/${room}`, ref: `ref-${text}` }, text);
        }
        assert.deepEqual((await history('d1', room)).map((message) => message.message), ['one', 'two', 'three']);
        const [one] = await history('d1', room);
        await stomp.subscribe('s', `/topic/${room}`, { since: one.id });
        assert.equal((await stomp.event({ type: 'TALK' })).message, 'two');
        assert.equal((await stomp.event({ type: 'TALK' })).message, 'three');
        await stomp.request('SEND', { destination: `/app/${room}` }, JSON.stringify({ message: true, messageType: 'typing' }));
        const typing = await other.event({ messageType: 'typing' });
        assert.deepEqual([typing.type, typing.sender, typing.message, typing.id], ['TALK', 'd1', true, undefined]);
        await stomp.request('SEND', { destination: `/app/${room}` }, JSON.stringify({ message: { x: 1 }, messageType: 'wave', ephemeral: true }));
        assert.deepEqual((await other.event({ messageType: 'wave' })).message, { x: 1 });
        assert.equal((await history('d1', room)).length, 3);
        await stomp.socket.close();
        await other.socket.close();
    });

    test('a SEND that cannot be sent on does not take the answer of another one with its ref', async () => {
        const room = await group('i1', 'i2');
        const stomp = await connectStomp(server, { sub: 'i1' }, { errors: true });
        await stomp.subscribe('0', `/topic/${room}`);
        const send = (headers, body) => frameText('SEND', { destination: `/app/${room}`, ref: 'same', ...headers }, body);
        const long = '\u0001'.repeat(60000); // six times as long as JSON
        stomp.socket.sendRaw(send({ receipt: 'r1' }, 'one') + send({}, long));
        stomp.socket.sendRaw(send({ receipt: 'r2' }, 'one') + send({ receipt: 'r3' }, long));
        assert.equal((await stomp.refusal({ receiptId: 'r3' })).code, 'too_big');
        for (const receipt of ['r1', 'r2']) await stomp.next('RECEIPT', { 'receipt-id': receipt });
        await stomp.request('DISCONNECT');
        assert.deepEqual(stomp.all('RECEIPT').filter((frame) => frame.headers['receipt-id'] === 'r3'), []);
        assert.equal((await stomp.socket.closed).code, 1000);
    });

    test('who leaves the room is told, and its subscription ends; the socket goes on', async () => {
        const room = await group('e1', 'e2');
        const kept = await group('e1', 'e2');
        const stomp = await connectStomp(server, { sub: 'e2' }, { errors: true });
        await stomp.subscribe('0', `/topic/${room}`);
        await stomp.subscribe('1', `/topic/${kept}`);
        await call('e2', 'DELETE', `/chat/room/group/${room}/leave`);
        assert.equal((await stomp.refusal()).code, 'not_member');
        await stomp.request('SEND', { destination: `/app/${kept}` }, 'still');
        assert.equal((await stomp.event({ type: 'TALK', roomId: kept })).message, 'still');
        await stomp.socket.close();
    });

    test('what is meant for one person only is refused, and never told to all', async () => {
        const room = await group('h1', 'h2');
        const other = await connectStomp(server, { sub: 'h2' });
        await other.subscribe('0', `/topic/${room}`);
        const stomp = await connectStomp(server, { sub: 'h1' }, { errors: true });
        for (const [more, field] of [[{ target: 'h3' }, 'target'], [{ targetType: 'teacher' }, 'targetType'], [{ target: 1 }, 'target'],
            [{ targetType: 'all', target: 'h2' }, 'target'], [{ targetType: 'nobody' }, 'targetType']]) {
            stomp.send('SEND', { destination: `/app/${room}`, receipt: 'r' }, JSON.stringify({ message: '비밀', ...more }));
            const error = await stomp.refusal();
            assert.deepEqual([error.code, error.field, error.receiptId], ['bad_field', field, 'r'], JSON.stringify(more));
        }
        await stomp.request('SEND', { destination: `/app/${room}` }, JSON.stringify({ message: 'for all', targetType: 'all' }));
        assert.equal((await other.event({ type: 'TALK' })).message, 'for all');
        assert.deepEqual((await history('h1', room)).map((message) => message.message), ['for all']);
        await stomp.socket.close();
        await other.socket.close();
    });

    test('JSON that is nested too deeply for a message is a text', async () => {
        const room = await group('i1', 'i2');
        const stomp = await connectStomp(server, { sub: 'i1' });
        await stomp.subscribe('0', `/topic/${room}`);
        for (const depth of [63, 64]) {
            const body = '['.repeat(depth) + ']'.repeat(depth);
            await stomp.request('SEND', { destination: `/app/${room}` }, ` ${body}`);
            const { message, roomId } = await stomp.event({ type: 'TALK' });
            assert.equal(roomId, room);
            assert.equal(depth === 63 ? JSON.stringify(message) : message, depth === 63 ? body : ` ${body}`);
        }
        await stomp.socket.close();
    });

    test('DISCONNECT comes behind the answers to all SENDs, those that are refused too', async () => {
        const room = await group('j1');
        const strange = await group('j9');
        const stomp = await connectStomp(server, { sub: 'j1' }, { errors: true });
        const send = (to, receipt) => frameText('SEND', { destination: `/app/${to}`, receipt }, receipt);
        stomp.socket.sendRaw([send(strange, 'no'), send(room, 'yes'), frameText('DISCONNECT', { receipt: 'last' })].join(''));
        assert.deepEqual((({ code, receiptId }) => [code, receiptId])(await stomp.refusal()), ['not_member', 'no']);
        await stomp.next('RECEIPT', { 'receipt-id': 'yes' });
        await stomp.next('RECEIPT', { 'receipt-id': 'last' });
        assert.equal((await stomp.socket.closed).code, 1000);
        assert.equal((await history('j1', room)).length, 1);
    });

    test('a class and several chats on one socket', async () => {
        const rooms = [await group('f1', 'f2'), await group('f1', 'f2'), await group('f2', 'f1')];
        const stomp = await connectStomp(server, { sub: 'f1' });
        for (const room of rooms) await stomp.subscribe(room, `/topic/${room}`);
        const other = await connectStomp(server, { sub: 'f2' });
        for (const room of rooms) await other.request('SEND', { destination: `/app/${room}` }, room);
        for (const room of rooms) {
            const frame = await waitFor(() => stomp.all('MESSAGE').find((message) => JSON.parse(message.body).message === room), { what: room });
            assert.equal(frame.headers.subscription, room);
        }
        await stomp.socket.close();
        await other.socket.close();
    });
});

describe('@stomp/stompjs', () => {
    test('two people talk in a direct room', async () => {
        await call('g2', 'GET', '/chat/my/rooms'); // they are known from here on
        const room = (await call('g1', 'POST', '/chat/room/private/create', { userId: 'g2' })).id;
        const one = await stompJs(server, { user: { sub: 'g1' } });
        const two = await stompJs(server, { user: { sub: 'g2' } });
        const heardOne = await follow(one, `/topic/room/${room}`);
        const heardTwo = await follow(two, `/topic/room/${room}`);
        for (let i = 0; i < 10; i++) {
            await publish(i % 2 ? one : two, { destination: '/app/chat.sendMessage', body: JSON.stringify({ roomId: room, message: `m${i}`, type: 'TALK' }) });
        }
        const texts = (heard) => heard.messages.filter((message) => message.type === 'TALK').map((message) => message.message);
        const expected = Array.from({ length: 10 }, (_, i) => `m${i}`);
        await waitFor(() => texts(heardOne).length === 10 && texts(heardTwo).length === 10, { what: 'ten messages' });
        assert.deepEqual(texts(heardOne), expected);
        assert.deepEqual(texts(heardTwo), expected);
        assert.deepEqual([...one.errors, ...two.errors], []);
        await one.end();
        await two.end();
    });
});
