// STOMP clients that don't wait for answers: several frames in one breath, around entering and leaving rooms
// (docs/protocol.md, "STOMP").

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openClass } from './classroom.mjs';
import { limit, mintToken, roomCode, startBoth, waitFor } from './harness.mjs';
import { connectStomp, frameText, openStomp } from './stomp.mjs';

let redis, server, stop;
before(async () => { ({ redis, server, stop } = await startBoth({ LECTERN_LOOPS: 2, LECTERN_TRUSTED_PROXIES: '127.0.0.1' })); });
after(() => stop?.());

const said = (message) => ({ messageType: 'send', message });
const sub = (id, code, more = {}) => frameText('SUBSCRIBE', { id, destination: `/topic/${code}`, ...more });
const unsub = (id, more = {}) => frameText('UNSUBSCRIBE', { id, ...more });
const send = (code, body, more = {}) => frameText('SEND', { destination: `/app/${code}`, ...more }, body);

/** Bodies of the next `count` messages of a subscription. */
async function texts(stomp, id, count) {
    const list = [];
    while (list.length < count) list.push(JSON.parse((await stomp.next('MESSAGE', { subscription: id })).body).message);
    return list;
}

describe('leaving before one is in', () => {
    for (const last of [unsub('0', { receipt: 'last' }), frameText('DISCONNECT', { receipt: 'last' })]) {
        test(`what was sent behind SUBSCRIBE arrives, though ${last.split('\n')[0]} follows at once`, async () => {
            const { code, host } = await openClass(server);
            const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
            stomp.socket.sendRaw([sub('0', code), send(code, 'one', { receipt: 'r1' }), send(code, 'two'), last].join(''));
            await stomp.next('RECEIPT', { 'receipt-id': 'r1' });
            await stomp.next('RECEIPT', { 'receipt-id': 'last' });
            for (const text of ['one', 'two']) assert.equal((await host.next({ sender: 's1', messageType: 'send' })).message, text);
            assert.equal((await host.next('leave')).message.reason, 'left');
            await stomp.socket.close();
            await host.close();
        });

        test(`where there is no such room, each is refused, ${last.split('\n')[0]} or not`, async () => {
            const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
            const code = roomCode();
            stomp.socket.sendRaw([sub('0', code), send(code, 'one', { receipt: 'r1' }), send(code, 'two', { receipt: 'r2' }), last].join(''));
            for (const receiptId of ['r1', 'r2']) assert.equal((await stomp.refusal({ receiptId })).code, 'room_not_found');
            await stomp.next('RECEIPT', { 'receipt-id': 'last' });
            await stomp.socket.close();
        });
    }

    for (const [what, last] of [['UNSUBSCRIBE', unsub('0', { receipt: 'last' })], ['DISCONNECT', frameText('DISCONNECT', { receipt: 'last' })]]) {
        test(`the receipt of SUBSCRIBE comes all the same, before that of ${what}`, async () => {
            const { code, host } = await openClass(server);
            for (const room of [code, roomCode()]) {
                const stomp = await connectStomp(server, { sub: 's1' });
                stomp.socket.sendRaw([sub('0', room, { receipt: 'first' }), last].join(''));
                await stomp.next('RECEIPT', { 'receipt-id': 'last' });
                assert.deepEqual(stomp.all('RECEIPT').map(({ headers }) => headers['receipt-id']), ['first', 'last']);
                assert.deepEqual(stomp.all('ERROR'), []);
                await stomp.socket.close();
            }
            await host.close();
        });
    }

    test('codes that exist are not charged to an address, even if nobody waits for the answer', async () => {
        const headers = { 'X-Forwarded-For': '203.0.113.77' };
        const classes = [];
        for (let i = 0; i < 80; i++) classes.push(await openClass(server, { host: { sub: `many${i}` } }));
        for (let at = 0; at < classes.length; at += 10) {
            const stomp = await openStomp(server, { headers });
            stomp.send('CONNECT', { 'accept-version': '1.2', token: mintToken({ sub: `s${at}` }) });
            await stomp.next('CONNECTED');
            stomp.socket.sendRaw(classes.slice(at, at + 10).map(({ code }) => sub('0', code) + unsub('0')).join(''));
            await stomp.request('DISCONNECT');
            await stomp.socket.close();
        }
        const last = await connectStomp(server, { sub: 'last' }, { headers, errors: true });
        await last.subscribe('0', `/topic/${classes[0].code}`);
        await last.socket.close();
        for (const { host } of classes) await host.close();
    });
});

describe('leaving and coming back', () => {
    test('history and since are those of the new subscription, in the same message or behind SENDs', async () => {
        const { code, host } = await openClass(server, { query: { talk: 'all' } });
        for (const text of ['one', 'two', 'three']) await host.request({ targetType: 'student', ...said(text) });
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        stomp.socket.sendRaw([sub('a', code), unsub('a'), sub('b', code, { history: 2 })].join(''));
        assert.deepEqual(await texts(stomp, 'b', 2), ['two', 'three']);
        stomp.socket.sendRaw([unsub('b'), sub('c', code, { history: 1, receipt: 'c' })].join(''));
        assert.deepEqual(await texts(stomp, 'c', 1), ['three']);
        await stomp.next('RECEIPT', { 'receipt-id': 'c' });
        const last = JSON.parse(stomp.all('MESSAGE').at(-1).body).id;
        stomp.socket.sendRaw([send(code, 'four', { receipt: 'four' }), unsub('c'), sub('d', code, { since: last, receipt: 'd' })].join(''));
        await stomp.next('RECEIPT', { 'receipt-id': 'four' });
        await stomp.next('RECEIPT', { 'receipt-id': 'd' });
        assert.deepEqual(await texts(stomp, 'd', 1), ['four']); // it was nobody's when it came
        await stomp.request('SEND', { destination: `/app/${code}` }, 'five');
        assert.deepEqual(await texts(stomp, 'd', 1), ['five']);
        assert.deepEqual(stomp.all('MESSAGE').filter((frame) => frame.headers.subscription === 'errors'), []);
        await stomp.socket.close();
        await host.close();
    });

    test('SENDs keep their order over any number of comings and goings', async () => {
        const { code, host } = await openClass(server);
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        const frames = [];
        for (let i = 0; i < 8; i++) frames.push(sub(`${i}`, code), send(code, `m${i}`, { receipt: `r${i}` }), unsub(`${i}`));
        stomp.socket.sendRaw([...frames, frameText('DISCONNECT', { receipt: 'last' })].join(''));
        for (let i = 0; i < 8; i++) await stomp.next('RECEIPT', { 'receipt-id': `r${i}` });
        await stomp.next('RECEIPT', { 'receipt-id': 'last' });
        for (let i = 0; i < 8; i++) assert.equal((await host.next({ sender: 's1', messageType: 'send' })).message, `m${i}`);
        assert.equal((await stomp.socket.closed).code, 1000);
        await host.close();
    });
});

describe('DISCONNECT', () => {
    test('is not held up by a SEND that its room cannot read, which is refused with its receipt', async () => {
        const { code, host } = await openClass(server);
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        await stomp.subscribe('0', `/topic/${code}`);
        const rows = [['{"message":1,"targetType":"\\u0000"}', 'targetType'], ['{"message":1,"target":"\\ud800"}', 'target'],
            ['{"message":1,"target":{}}', 'target'], ['{"message":1,"targetType":"nobody"}', 'targetType']];
        for (const [i, [body, field]] of rows.entries()) {
            stomp.send('SEND', { destination: `/app/${code}`, receipt: `r${i}` }, body);
            const error = await stomp.refusal();
            assert.deepEqual([error.code, error.field, error.receiptId], ['bad_field', field, `r${i}`], body);
        }
        await stomp.request('DISCONNECT');
        assert.equal((await stomp.socket.closed).code, 1000);
        await host.close();
    });
});

test('JSON that is nested as deep as may be arrives, what is deeper as text', async () => {
    const { code, host } = await openClass(server, { query: { talk: 'all' } });
    const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
    await stomp.subscribe('0', `/topic/${code}`);
    for (const depth of [63, 64, 65]) {
        const body = '['.repeat(depth) + ']'.repeat(depth);
        await stomp.request('SEND', { destination: `/app/${code}` }, body);
        const { message } = await host.next({ messageType: 'send', sender: 's1' });
        assert.equal(depth > 63 ? message : JSON.stringify(message), body);
        assert.deepEqual((await stomp.event({ sender: 's1', type: 'TALK' })).message, message);
    }
    await stomp.socket.close();
    await host.close();
});

test('SENDs beyond what is kept while a room is read again are refused with their receipts', async () => {
    const { code, host } = await openClass(server);
    const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
    await stomp.subscribe('0', `/topic/${code}`);
    await redis.client.call('CLIENT', 'PAUSE', '60000', 'WRITE'); // the link comes up again, its scripts wait
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await waitFor(async () => (await redis.client.call('PUBSUB', 'NUMSUB', `room:${code}`))[1] > 0, { what: 'the room subscribed to again' });
    const receipts = [1, 2, 3, 4, 5, 6, 7, 8];
    for (const i of receipts) stomp.send('SEND', { destination: `/app/${code}`, receipt: `r${i}` }, 'x'.repeat(60000));
    await stomp.subscribe('last', '/user/queue/last'); // they have been read
    await redis.client.call('CLIENT', 'UNPAUSE');
    const answered = () => [...stomp.all('RECEIPT').map((frame) => frame.headers['receipt-id']), ...stomp.all('MESSAGE')
        .filter((frame) => frame.headers.subscription === 'errors').map((frame) => JSON.parse(frame.body).receiptId)];
    await waitFor(() => receipts.every((i) => answered().includes(`r${i}`)), { what: 'an answer to each', timeout: limit(15000) });
    await stomp.socket.close();
    await host.close();
});
