// STOMP when things run out or break: time, tokens, guesses, memory, Redis, the server (docs/protocol.md, "STOMP").

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openClass } from './classroom.mjs';
import { limit, mintToken, roomCode, soon, startBoth, startServer, waitFor } from './harness.mjs';
import { connectStomp, frameText, openStomp, stompJs } from './stomp.mjs';

let redis, server, stop;
before(async () => { ({ redis, server, stop } = await startBoth({ LECTERN_LOOPS: 2, LECTERN_TRUSTED_PROXIES: '127.0.0.1' })); });
after(() => stop?.());

const said = (message) => ({ messageType: 'send', message });

describe('time', () => {
    test('who sends no CONNECT, or only half of one, is closed', async () => {
        const silent = await openStomp(server);
        const half = await openStomp(server);
        half.socket.sendRaw('CONNECT\naccept-version:1.2\n');
        for (const stomp of [silent, half]) {
            const frame = await stomp.next('ERROR', {}, { timeout: limit(20000) });
            assert.equal(frame.headers.code, 'connect_timeout');
            assert.equal((await stomp.socket.closed).code, 4006);
        }
    });

    test('a token that expires ends the connection, in a room or not', async () => {
        const { code, host } = await openClass(server);
        const idle = await connectStomp(server, { sub: 'x1', exp: soon() });
        const busy = await connectStomp(server, { sub: 'x2', exp: soon() }, { errors: true });
        await busy.subscribe('0', `/topic/${code}`);
        for (const stomp of [idle, busy]) {
            const frame = await stomp.next('ERROR', {}, { timeout: limit(10000) });
            assert.equal(frame.headers.code, 'token_expired');
            assert.equal((await stomp.socket.closed).code, 4003);
        }
        await host.close();
    });

    test('an account that signs out everywhere loses its connection', async () => {
        const { code, host } = await openClass(server);
        const stomp = await connectStomp(server, { sub: 'acc2', claims: { gen: 1 } });
        await stomp.subscribe('0', `/topic/${code}`);
        await redis.client.set('account:acc2:gen', '2');
        const frame = await stomp.next('ERROR', {}, { timeout: limit(15000) });
        assert.equal(frame.headers.code, 'token_revoked');
        await host.close();
    });

    test('it loses that too which is in no room yet, and shall not come into one', async () => {
        const stomp = await connectStomp(server, { sub: 'acc3', claims: { gen: 1 } });
        await redis.client.set('account:acc3:gen', '2');
        const frame = await stomp.next('ERROR', {}, { timeout: limit(15000) });
        assert.equal(frame.headers.code, 'token_revoked');
        assert.equal((await stomp.socket.closed).code, 4003);
    });
});

describe('limits', () => {
    test('an address that guesses at room codes is stopped, on however many sockets', async () => {
        const { code, host } = await openClass(server);
        const headers = { 'X-Forwarded-For': '203.0.113.9' };
        const codes = [];
        while (!codes.includes('rate_limited') && codes.length < 80) {
            const guesser = await openStomp(server, { headers });
            guesser.send('CONNECT', { 'accept-version': '1.2', token: mintToken({ sub: `guess${codes.length}` }) });
            await guesser.next('CONNECTED');
            await guesser.subscribe('errors', '/user/queue/errors');
            for (let i = 0; i < 20; i++) {
                guesser.send('SUBSCRIBE', { id: `s${i}`, destination: `/topic/${roomCode()}` });
                codes.push((await guesser.refusal()).code);
            }
            await guesser.socket.close();
        }
        assert.deepEqual([...new Set(codes)].sort(), ['rate_limited', 'room_not_found']);
        assert.ok(codes.indexOf('rate_limited') >= 60);
        const other = await connectStomp(server, { sub: 'other' }); // from another address
        await other.subscribe('0', `/topic/${code}`);
        await other.socket.close();
        await host.close();
    });

    test('SENDs for a room that is still being entered wait, and are not without bounds', async () => {
        const { code, host } = await openClass(server);
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        const frames = [frameText('SUBSCRIBE', { id: '0', destination: `/topic/${code}`, receipt: 'sub' })];
        for (let i = 0; i < 35; i++) frames.push(frameText('SEND', { destination: `/app/${code}`, receipt: `r${i}` }, `n${i}`));
        stomp.socket.sendRaw(frames.join(''));
        await stomp.next('RECEIPT', { 'receipt-id': 'sub' });
        for (let i = 0; i < 32; i++) await stomp.next('RECEIPT', { 'receipt-id': `r${i}` });
        const refused = [];
        while (refused.length < 3) refused.push(await stomp.refusal());
        assert.deepEqual(refused.map((error) => [error.code, error.receiptId]), [32, 33, 34].map((i) => ['rate_limited', `r${i}`]));
        for (let i = 0; i < 32; i++) assert.equal((await host.next({ sender: 's1', messageType: 'send' })).message, `n${i}`);
        await stomp.socket.close();
        await host.close();
    });

    test('who comes back subscribes to all rooms at once, and can write at once', async () => {
        const { code, host } = await openClass(server);
        const stomp = await connectStomp(server, { sub: 's1' }); // where nobody hears refusals, one would be the end
        const frames = [frameText('SUBSCRIBE', { id: '0', destination: `/topic/${code}`, receipt: 'r0' })];
        for (let i = 1; i < 100; i++) frames.push(frameText('SUBSCRIBE', { id: `${i}`, destination: `/user/queue/${i}`, receipt: `r${i}` }));
        frames.push(frameText('SEND', { destination: `/app/${code}`, receipt: 'sent' }, 'here'));
        stomp.socket.sendRaw(frames.join(''));
        for (let i = 0; i < 100; i++) await stomp.next('RECEIPT', { 'receipt-id': `r${i}` });
        await stomp.next('RECEIPT', { 'receipt-id': 'sent' });
        assert.equal((await host.next({ sender: 's1', messageType: 'send' })).message, 'here');
        assert.deepEqual(stomp.all('ERROR'), []);
        await stomp.socket.close();
        await host.close();
    });

    test('subscribing and unsubscribing without end is stopped all the same', async () => {
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        const pair = frameText('SUBSCRIBE', { id: 'x', destination: '/user/queue/x' }) + frameText('UNSUBSCRIBE', { id: 'x' });
        stomp.socket.sendRaw(pair.repeat(400));
        assert.equal((await stomp.refusal()).code, 'rate_limited');
        assert.equal((await stomp.error()).headers.code, 'rate_limited');
    });

    test('as many ACKs as MESSAGEs want, and ends of subscriptions, are never too many', async () => {
        const { code, host } = await openClass(server);
        for (let i = 0; i < 120; i++) host.send({ targetType: 'student', messageType: 'send', message: i });
        await host.request({ targetType: 'student', messageType: 'send', message: 'last' });
        /** A connection with 121 MESSAGEs, each answered by an ACK, in one breath. */
        const acknowledge = async (ack) => {
            const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
            await stomp.subscribe('0', `/topic/${code}`, { ack, history: 121 });
            const frames = [];
            while (frames.length < 121) frames.push(await stomp.next('MESSAGE', { subscription: '0' }));
            stomp.socket.sendRaw(frames.map(({ headers }) => frameText('ACK', { id: headers.ack ?? '0' })).join(''));
            return stomp;
        };
        for (const ack of ['client', 'client-individual']) {
            const stomp = await acknowledge(ack);
            const send = frameText('SEND', { destination: `/app/${code}` }, 'x');
            stomp.socket.sendRaw(send.repeat(60) + frameText('UNSUBSCRIBE', { id: '0', receipt: 'gone' })); // 40 may be sent
            await stomp.next('RECEIPT', { 'receipt-id': 'gone' });
            const refused = stomp.all('MESSAGE').filter(({ headers }) => headers.subscription === 'errors').map(({ body }) => JSON.parse(body));
            assert.deepEqual([...new Set(refused.map((error) => error.destination))], [`/app/${code}`], 'no ACK was refused, but SENDs');
            await stomp.request('DISCONNECT');
            assert.equal((await stomp.socket.closed).code, 1000);
        }
        const eager = await acknowledge('auto'); // nobody waits for those
        assert.equal((await eager.error()).headers.code, 'rate_limited');
        await host.close();
    });

    test('unsubscribing behind SENDs loses none of them, DISCONNECT neither', async () => {
        const { code, host } = await openClass(server);
        for (const last of [frameText('UNSUBSCRIBE', { id: '0', receipt: 'last' }), frameText('DISCONNECT', { receipt: 'last' })]) {
            const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
            await stomp.subscribe('0', `/topic/${code}`);
            stomp.socket.sendRaw([1, 2, 3].map((i) => frameText('SEND', { destination: `/app/${code}`, receipt: `r${i}` }, `m${i}`)).join('') + last);
            for (const receipt of ['r1', 'r2', 'r3', 'last']) await stomp.next('RECEIPT', { 'receipt-id': receipt });
            for (const i of [1, 2, 3]) assert.equal((await host.next({ sender: 's1', messageType: 'send' })).message, `m${i}`);
            assert.equal((await host.next('leave')).message.reason, 'left');
            await stomp.socket.close();
        }
        await host.close();
    });

    test('who does not read is closed, and nobody else notices', async () => {
        const { code, host } = await openClass(server, { host: { sub: 't8' } });
        const slow = await connectStomp(server, { sub: 'slow' }, { deflate: false });
        await slow.subscribe('0', `/topic/${code}`);
        const quick = await connectStomp(server, { sub: 'quick' }, { deflate: false });
        await quick.subscribe('0', `/topic/${code}`);
        slow.socket.pause();
        const text = 'x'.repeat(60000);
        let sent = 0;
        await waitFor(async () => {
            const answer = await host.request({ targetType: 'student', ...said(text) });
            sent += answer.messageType === 'ack' ? 1 : 0; // the host's own rate
            return host.all({ messageType: 'leave', sender: 'slow' }).length > 0;
        }, { what: 'leave of the slow one', timeout: limit(60000), every: 1 });
        assert.equal(host.all('leave')[0].message.reason, 'lost');
        await waitFor(() => quick.all('MESSAGE').length === sent, { what: 'all messages at the quick one' });
        await slow.socket.terminate();
        await quick.socket.close();
        await host.close();
    });
});

describe('outages', () => {
    test('while Redis is away SENDs are refused, sockets stay, and all goes on afterwards', async () => {
        const { code, host } = await openClass(server);
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        await stomp.subscribe('0', `/topic/${code}`);
        redis.kill('SIGSTOP');
        try {
            stomp.send('SEND', { destination: `/app/${code}`, receipt: 'away' }, 'lost?');
            const error = await stomp.refusal({}, { timeout: limit(20000) });
            assert.deepEqual([error.code, error.receiptId], ['unavailable', 'away']);
            stomp.send('SUBSCRIBE', { id: '1', destination: `/topic/${roomCode()}`, receipt: 'away2' });
            assert.equal((await stomp.refusal({ receiptId: 'away2' }, { timeout: limit(20000) })).code, 'unavailable');
        } finally {
            redis.kill('SIGCONT');
        }
        let tries = 0;
        await waitFor(() => {
            stomp.send('SEND', { destination: `/app/${code}`, receipt: `back-${++tries}`, ref: 'back' }, 'back again');
            return stomp.all('RECEIPT').some((frame) => frame.headers['receipt-id'].startsWith('back-'));
        }, { what: 'a SEND that is taken', timeout: limit(30000), every: 200 });
        assert.equal((await host.next(said('back again'))).sender, 's1');
        await stomp.socket.close();
        await host.close();
    });

    test('a server ends in order while sockets wait for Redis: to be connected, and for a place', async () => {
        const own = await startServer({ redis, env: { LECTERN_LOOPS: 2 } });
        const { code, host } = await openClass(own);
        const stomps = [];
        for (let i = 0; i < 12; i++) stomps.push(i % 2 ? await openStomp(own) : await connectStomp(own, { sub: `w${i}` }, { errors: true }));
        redis.kill('SIGSTOP');
        try {
            for (const [i, { socket }] of stomps.entries()) {
                const token = mintToken({ sub: `w${i}`, claims: { gen: 1 } });
                socket.sendRaw((i % 2 ? frameText('CONNECT', { 'accept-version': '1.2', token }) : '') +
                    ['a', 'b'].map((id) => frameText('SUBSCRIBE', { id, destination: `/topic/${code}` }) +
                        frameText('SEND', { destination: `/app/${code}`, receipt: id }, id) + frameText('UNSUBSCRIBE', { id })).join(''));
                socket.sendRaw(frameText('SUBSCRIBE', { id: 'q', destination: '/user/queue/q', receipt: 'q' }));
            }
            for (const stomp of stomps.filter((_, i) => i % 2 === 0)) await stomp.next('RECEIPT', { 'receipt-id': 'q' }); // they have been read
            for (const stomp of stomps.slice(0, 4)) await stomp.socket.terminate();
            assert.equal(await own.stop(), 0);
        } finally {
            redis.kill('SIGCONT');
        }
        await host.close();
    });

    test('a server that ends moves STOMP clients away, who are the same participants elsewhere', async () => {
        const [first, second] = await Promise.all([startServer({ redis }), startServer({ redis })]);
        const { code, host } = await openClass(second);
        let url = first.wsUrl;
        let joined = 0;
        const client = await stompJs(first, {
            user: { sub: 's1' }, url: () => `${url}/stomp`, wait: false,
            onConnect: () => {
                client.watchForReceipt(`j${++joined}`, () => {});
                client.subscribe(`/topic/${code}`, () => {}, { receipt: `j${joined}` });
            },
        });
        await host.next({ messageType: 'join', sender: 's1' });
        url = second.wsUrl;
        assert.equal(await first.stop(), 0);
        await waitFor(() => joined === 2, { what: 'reconnecting to the second server' });
        assert.equal(client.closes[0].code, 1001);
        host.send({ targetType: 'student', ...said('still with us') });
        await client.deactivate();
        assert.equal((await host.next('leave')).message.reason, 'left');
        assert.equal(host.all('leave').length, 1); // none for the move
        await host.close();
        await second.stop();
    });
});
