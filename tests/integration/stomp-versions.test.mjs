// What differs between STOMP 1.0, 1.1 and 1.2, byte by byte: blanks, line ends, escapes, ACK and NACK, heart-beats
// (docs/protocol.md, "STOMP").

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openClass } from './classroom.mjs';
import { limit, mintToken, startRedis, startServer } from './harness.mjs';
import { connectStomp, openStomp } from './stomp.mjs';

let redis;
let server;
let room;
before(async () => {
    redis = await startRedis();
    server = await startServer({ redis });
    room = await openClass(server, { query: { talk: 'all' } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

/** A connection whose CONNECT is these bytes, {token} replaced. */
async function connected(text) {
    const stomp = await openStomp(server, { protocols: [] });
    stomp.socket.sendRaw(text.replace('{token}', mintToken({ sub: 'v1' })));
    stomp.connected = await stomp.next('CONNECTED');
    return stomp;
}

/** The text of the next MESSAGE's head, up to its message-id. */
async function headOf(stomp, match = {}) {
    const { text } = await stomp.next('MESSAGE', match);
    return text.slice(0, text.indexOf('message-id:'));
}

async function leave(stomp) {
    stomp.send('DISCONNECT', { receipt: 'bye' });
    await stomp.next('RECEIPT', { 'receipt-id': 'bye' });
    assert.equal((await stomp.socket.closed).code, 1000);
    await room.host.next('leave');
}

test('1.2: lines may end in CR LF, names are escaped, and so is what comes back', async () => {
    const { code, host } = room;
    const stomp = await connected('\n\r\nCONNECT\r\naccept-version:1.2\r\nhost:x\r\nAuthorization:Bearer {token}\r\n\r\n\0\r\n\n');
    assert.equal(stomp.connected.headers.version, '1.2');
    stomp.socket.sendRaw(`SUBSCRIBE\r\nid:a\\cb\\nc\\\\d\\re\r\ndestination:/topic/${code}\r\nreceipt:x\\cy\r\n\r\n\0\r\n\r\n`);
    assert.match((await stomp.next('RECEIPT')).text, /^RECEIPT\nreceipt-id:x\\cy\n\n\0$/);
    host.send({ targetType: 'student', messageType: 'send', message: 1 });
    assert.equal(await headOf(stomp), `MESSAGE\nsubscription:a\\cb\\nc\\\\d\\re\ndestination:/topic/${code}\n`);
    stomp.socket.sendRaw('UNSUBSCRIBE\nid:a\\cb\\nc\\\\d\\re\nreceipt:other\n\n\0'); // the same id, with line ends of the other kind
    await stomp.next('RECEIPT', { 'receipt-id': 'other' });
    await leave(stomp);
});

test('1.1: no CR, no escape of it; a colon and a line end are escaped', async () => {
    const { code, host } = room;
    const stomp = await connected('CONNECT\naccept-version:1.0,1.1\nhost:x\nAuthorization:Bearer {token}\n\n\0');
    assert.equal(stomp.connected.headers.version, '1.1');
    stomp.socket.sendRaw(`SUBSCRIBE\nid:a\\cb\\nc\ndestination:/topic/${code}\nreceipt:x\\cy\n\n\0`);
    assert.match((await stomp.next('RECEIPT')).text, /^RECEIPT\nreceipt-id:x\\cy\n\n\0$/);
    host.send({ targetType: 'student', messageType: 'send', message: 1 });
    assert.equal(await headOf(stomp), `MESSAGE\nsubscription:a\\cb\\nc\ndestination:/topic/${code}\n`);
    stomp.socket.sendRaw('UNSUBSCRIBE\nid:a\\rb\n\n\0');
    assert.equal((await stomp.error()).headers.code, 'bad_frame');
    await host.next('leave');
    const crlf = await connectStomp(server, { sub: 'v1' }, { version: '1.1' });
    crlf.socket.sendRaw('DISCONNECT\r\n\r\n\0');
    assert.equal((await crlf.error()).headers.code, 'bad_frame');
});

test('1.0: blanks around values, nothing is escaped, destinations stand for ids', async () => {
    const { code, host } = room;
    const stomp = await connected('CONNECT\nlogin: v1\npasscode: {token}\nheart-beat:1000,1000\n\n\0\n');
    assert.deepEqual(Object.keys(stomp.connected.headers), ['session', 'user-name']);
    stomp.socket.sendRaw(`SUBSCRIBE\ndestination: /topic/${code} \nreceipt: a\\cb:c\n\n\0`);
    assert.match((await stomp.next('RECEIPT')).text, /^RECEIPT\nreceipt-id:a\\cb:c\n\n\0$/);
    host.send({ targetType: 'student', messageType: 'send', message: 1 });
    assert.equal(await headOf(stomp), `MESSAGE\ndestination:/topic/${code}\n`);
    await leave(stomp);
});

test('a body with NULs is as long as content-length says', async () => {
    const { code, host } = room;
    const body = 'a\0b\n\n\0가';
    for (const version of ['1.0', '1.1', '1.2']) {
        const stomp = await connectStomp(server, { sub: 'v1' }, { version });
        await stomp.subscribe('0', `/topic/${code}`);
        stomp.socket.sendRaw(`SEND\ndestination:/app/${code}\ncontent-length:9\nreceipt:nul\n\n${body}\0\n`);
        await stomp.next('RECEIPT', { 'receipt-id': 'nul' });
        assert.equal((await host.next({ sender: 'v1', messageType: 'send' })).message, body);
        assert.equal((await stomp.event({ type: 'TALK' })).message, body);
        await leave(stomp);
    }
});

test('ACK and NACK name what they are about as each version does', async () => {
    const { code, host } = room;
    for (const [version, right, wrong] of [['1.0', 'message-id', 'id'], ['1.1', 'message-id', 'id'], ['1.2', 'id', 'message-id']]) {
        const stomp = await connectStomp(server, { sub: 'v1' }, { version });
        await stomp.subscribe('0', `/topic/${code}`, { ack: 'client' });
        host.send({ targetType: 'student', messageType: 'send', message: 1 });
        const { headers } = await stomp.next('MESSAGE');
        assert.equal(headers.ack, '0');
        const value = version === '1.2' ? headers.ack : headers['message-id'];
        await stomp.request('ACK', { [right]: value, subscription: '0' });
        await stomp.request('NACK', { [right]: value, subscription: '0' });
        stomp.send('ACK', { [wrong]: value, subscription: '0' });
        assert.equal((await stomp.error()).headers.code, 'missing_header');
        await host.next('leave');
    }
});

test('heart-beats one way, or none: who promised none is not missed', async () => {
    const wants = await connectStomp(server, { sub: 'v1' }, { headers: { 'heart-beat': '0,1000' } });
    const neither = await connectStomp(server, { sub: 'v2' }, { headers: { 'heart-beat': '0,0' } });
    const promises = await connectStomp(server, { sub: 'v3' }, { headers: { 'heart-beat': '1000,0' } });
    assert.equal((await promises.error()).headers.code, 'no_heartbeat');
    for (let i = 0; i < 3; i++) await wants.socket.next((message) => message === '\n', { timeout: limit(5000) });
    await neither.request('SUBSCRIBE', { id: 'e', destination: '/user/queue/errors' });
    for (const stomp of [promises, neither]) assert.ok(!stomp.socket.messages.includes('\n'));
    await wants.socket.close();
    await neither.socket.close();
});
