// Limits and bad input: rates, sizes, slow readers, tokens that run out, silent peers, malformed frames, compression. In each
// case the one at fault gets the documented answer, and nobody else in the room notices anything.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { asStudent, limit, mintToken, soon, startRedis, startServer, waitFor, within } from './harness.mjs';
import {
    accepted, clientFrame, closedWith, compressed, frameOf, handshake, heard, joinClass, marker, openClass, refusedMessage, say,
    writeBytes,
} from './classroom.mjs';

const KIB = 1024;
const SECOND = Math.ceil(limit(1)); // what a pong may take
const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);
const MESSAGE_MAX = 65536;
let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({
        redis,
        env: {
            LECTERN_RATE_STUDENT: '2/10', LECTERN_RATE_HOST: '10000/10000',
            LECTERN_QUEUE_MAX: 2 * MESSAGE_MAX, LECTERN_LOG_MAX: 100,
        },
    });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const metric = async (name) => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(new RegExp(`^lectern_${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(text)?.[1]);
};

describe('rates', () => {
    test('past the burst messages are refused, and the bucket fills again', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        assert.deepEqual([anna.welcome.message.limits.rate, anna.welcome.message.limits.burst], [2, 10]);
        const message = { targetType: 'teacher', messageType: 'send', message: 1 };
        const began = Date.now();
        const answers = await Promise.all(Array.from({ length: 14 }, () => anna.request(message)));
        const refilled = Math.ceil((Date.now() - began) / 500); // meanwhile, at the most
        const refused = answers.filter((answer) => answer.messageType === 'error');
        assert.ok(refused.length >= 4 - refilled && refused.length <= 4, `${refused.length} of 14 refused`);
        for (const { message: error } of refused) {
            assert.equal(error.code, 'rate_limited');
            assert.ok(error.retryAfterMs > 0 && error.retryAfterMs <= 1000, `retryAfterMs ${error.retryAfterMs}`);
        }
        await waitFor(async () => (await anna.request(message)).messageType === 'ack',
            { what: 'a full bucket', every: 100 });
        await marker(host, [host]);
        assert.equal(anna.closeInfo, undefined);
    });

    test('who goes on regardless is closed 4007, the others are not', async () => {
        const { host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        const began = Date.now();
        for (let i = 0; i < 60; i++) anna.send({ targetType: 'teacher', messageType: 'send', message: i });
        await closedWith(anna, 4007);
        const refilled = Math.ceil((Date.now() - began) / 500); // meanwhile, at the most
        const leave = await host.next({ messageType: 'leave', sender: 's1' });
        assert.equal(leave.message.reason, 'lost');
        await say(ben, 'teacher', 'fine');
        await marker(host, [host, ben]);
        assert.ok(heard(host, 'send').length <= 11 + refilled, 'what was refused did not arrive');
    });

    test('broken messages count, too', async () => {
        const { students: [anna] } = await openClass(server, { students: ['s1'] });
        for (let i = 0; i < 60; i++) anna.sendRaw('garbage');
        await closedWith(anna, 4007);
    });
});

describe('sizes', () => {
    // A message of exactly `size` bytes.
    const ofSize = (size) => {
        const text = '{"targetType":"teacher","messageType":"send","message":""}';
        return `${text.slice(0, -2)}${'x'.repeat(size - text.length)}"}`;
    };

    test('a message may be as long as the limit', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'], options: { deflate: false } });
        anna.sendRaw(ofSize(MESSAGE_MAX));
        assert.equal((await host.next('send')).message.length, MESSAGE_MAX - 58);
    });

    for (const deflate of [false, true]) {
        test(`a byte more closes 1009${deflate ? ', compressed ones too' : ''}`, async () => {
            const { host, students: [anna] } = await openClass(server, { students: ['s1'], options: { deflate } });
            anna.sendRaw(ofSize(MESSAGE_MAX + 1));
            await closedWith(anna, 1009);
            await marker(host, [host]);
            assert.deepEqual(heard(host, 'send'), []);
        });
    }

    test('the limit is applied to the announced length, before any byte of the body', async () => {
        const { students: [anna] } = await openClass(server, { students: ['s1'] });
        writeBytes(anna, clientFrame('', { form: 8, announced: 2 ** 40 }).subarray(0, 14));
        await closedWith(anna, 1009);
    });

    test('fragments are added up', async () => {
        const { students: [anna] } = await openClass(server, { students: ['s1'], options: { deflate: false } });
        writeBytes(anna, clientFrame('x'.repeat(40000), { fin: false }));
        writeBytes(anna, clientFrame('x'.repeat(40000), { opcode: 0 }));
        await closedWith(anna, 1009);
    });
});

describe('slow readers', () => {
    test('a full queue closes 4005; the others get everything', async () => {
        const { host, students: [slow, quick] } = await openClass(server,
            { students: ['s1', 's2'], options: { deflate: false } });
        const before = await metric('queue_drops_total');
        slow.pause();
        const text = randomBytes(30 * KIB).toString('base64');
        let sent = 0;
        while (await metric('queue_drops_total') === before) {
            assert.ok(sent < 2000, 'the queue has a limit');
            for (let i = 0; i < 5; i++) await say(host, 'student', { n: ++sent, text });
        }
        slow.resume();
        await closedWith(slow, 4005);
        assert.equal((await host.next({ messageType: 'leave', sender: 's1' })).message.reason, 'lost');
        await marker(host, [quick]);
        assert.deepEqual(heard(quick, 'send', (message) => message.message.n), upTo(sent));
        const run = heard(slow, 'send', (message) => message.message.n);
        assert.deepEqual(run, run.map((_, i) => i + 1), 'what was delivered is whole');
        assert.ok(run.length < sent);
    });

    test('replay is paced: a log longer than the queue reaches a newcomer whole', async () => {
        const { code, host } = await openClass(server, { options: { deflate: false } });
        const text = randomBytes(30 * KIB).toString('base64');
        for (let n = 1; n <= 40; n++) await say(host, 'student', { n, text });
        const anna = await asStudent(server, code, {}, { deflate: false, welcome: false, query: { history: 40 } });
        anna.pause();
        await host.next('join');
        await marker(host, [host]);
        anna.resume();
        await anna.next('marker');
        assert.deepEqual(heard(anna, 'send', (message) => message.message.n), upTo(40));
    });
});

describe('tokens that run out', { concurrency: true }, () => {
    const expired = async (client) => {
        await within(client.closed, limit(10000), 'close');
        await closedWith(client, 4003);
    };

    test('the socket closes 4003 when its token expires', async () => {
        const { code, host } = await openClass(server);
        const exp = soon();
        const anna = await joinClass(server, code, host, 's1', { exp });
        await expired(anna);
        assert.ok(Date.now() >= exp * 1000, 'not before');
        await host.next({ messageType: 'leave', sender: 's1' });
    });

    test('a fresh token in time keeps it open', async () => {
        const { code, host } = await openClass(server);
        const exp = soon();
        const anna = await joinClass(server, code, host, 's1', { exp });
        const ben = await joinClass(server, code, host, 's2', { exp });
        await accepted(anna, { messageType: 'token', message: mintToken() });
        await expired(ben);
        await marker(host, [anna]);
        await anna.sync();
        assert.equal(anna.closeInfo, undefined);
    });

    test('a token that is bad, expired, or another\'s is refused, and the old one stays', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const offer = (message) => refusedMessage(anna, { messageType: 'token', message });
        assert.equal((await offer('garbage')).code, 'token_invalid');
        assert.equal((await offer(mintToken({ exp: Math.floor(Date.now() / 1000) - 5 }))).code, 'token_expired');
        assert.equal((await offer(mintToken({ sub: 's2' }))).code, 'forbidden');
        assert.equal((await offer(mintToken({ type: 'teacher', sub: 's1' }))).code, 'forbidden');
        assert.equal((await offer(mintToken({ room: 'OTHER' }))).code, 'forbidden');
        const wrong = await offer(5);
        assert.deepEqual([wrong.code, wrong.field], ['bad_field', 'message']);
        await marker(host, [anna]);
        await accepted(anna, { messageType: 'token', message: mintToken({ room: code }) });
    });
});

describe('ping and silence', { concurrency: true }, () => {
    test('ping is answered by pong with the server\'s time', async () => {
        const { students: [anna] } = await openClass(server, { students: ['s1'] });
        const pong = await anna.request({ messageType: 'ping', ref: 'p1' });
        assert.deepEqual([pong.messageType, pong.ref, pong.senderType], ['pong', 'p1', 'server']);
        assert.ok(Math.abs(pong.message.time - Date.now()) < 60000);
        anna.send({ messageType: 'ping' });
        assert.equal((await anna.next('pong')).ref, undefined);
    });

    test('WebSocket pings are answered with their payload', async () => {
        const { students: [anna] } = await openClass(server, { students: ['s1'] });
        const payload = 'p'.repeat(125);
        anna.ws.ping(payload);
        const data = await new Promise((resolve) => { anna.ws.once('pong', resolve); });
        assert.equal(data.toString(), payload);
    });

    test('who answers no ping is closed 4006, who answers stays', async (t) => {
        const quick = await startServer({ redis, env: { LECTERN_PING_S: SECOND } });
        t.after(() => quick.stop());
        const { code, host } = await openClass(quick);
        assert.equal(host.welcome.message.ping, SECOND);
        const ben = await joinClass(quick, code, host, 's2');
        const began = Date.now();
        const anna = await joinClass(quick, code, host, 's1', {}, { options: { autoPong: false } });
        await closedWith(anna, 4006);
        assert.ok(Date.now() - began >= 1500 * SECOND, 'not before two intervals are over');
        assert.equal((await host.next('leave')).message.reason, 'lost');
        await marker(host, [host, ben]);
    });

    const ALIVE = { LECTERN_LEASE_S: 60 }; // for the other server, however long these stand still

    test('a server that stood still itself asks before it judges', async (t) => {
        const quick = await startServer({ redis, env: { LECTERN_PING_S: SECOND, ...ALIVE } });
        t.after(() => { quick.kill('SIGCONT'); return quick.stop(); });
        const { host, students: [anna] } = await openClass(quick, { students: ['s1'] });
        const pings = [];
        anna.ws.on('ping', () => pings.push(Date.now()));
        quick.kill('SIGSTOP');
        await new Promise((resolve) => { setTimeout(resolve, limit(2500)); }); // longer than the two intervals that are allowed
        quick.kill('SIGCONT');
        const before = pings.length;
        await waitFor(() => pings.length >= before + 2, { what: 'pings' });
        await marker(host, [host, anna]);
        assert.equal(anna.closeInfo, undefined);
    });

    test('nor does it judge by an answer that came while it stood still', async (t) => {
        const quick = await startServer({ redis, env: { LECTERN_PING_S: SECOND, ...ALIVE } });
        t.after(() => { quick.kill('SIGCONT'); return quick.stop(); });
        const { code, host } = await openClass(quick);
        const anna = await joinClass(quick, code, host, 's1', {}, { options: { autoPong: false } });
        const asked = new Promise((resolve) => {
            anna.ws.once('ping', () => {
                quick.kill('SIGSTOP');
                anna.ws.pong();
                resolve();
            });
        });
        await within(asked, limit(10000), 'ping');
        anna.ws.on('ping', () => anna.ws.pong());
        await new Promise((resolve) => { setTimeout(resolve, limit(2500)); }); // longer than an answer may take
        quick.kill('SIGCONT');
        await marker(host, [host, anna]);
        assert.equal(anna.closeInfo, undefined);
    });
});

describe('malformed frames', () => {
    const message = '{"targetType":"teacher","messageType":"send","message":"split"}';
    const invalid = Buffer.concat([Buffer.from('{"message":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    const code = (value) => { const bytes = Buffer.alloc(2); bytes.writeUInt16BE(value); return bytes; };
    const broken = [
        ['unmasked', clientFrame(message, { masked: false }), 1002],
        ['RSV2 set', clientFrame(message, { rsv: 2 }), 1002],
        ['RSV3 set', clientFrame(message, { rsv: 1 }), 1002],
        ['RSV1 without an extension', clientFrame(message, { rsv: 4 }), 1002],
        ['a reserved data opcode', clientFrame('', { opcode: 3 }), 1002],
        ['a reserved control opcode', clientFrame('', { opcode: 11 }), 1002],
        ['a fragmented ping', clientFrame('', { opcode: 9, fin: false }), 1002],
        ['a ping of 126 bytes', clientFrame('p'.repeat(126), { opcode: 9 }), 1002],
        ['a continuation of nothing', clientFrame('x', { opcode: 0 }), 1002],
        ['a text inside a fragmented text', Buffer.concat([clientFrame('a', { fin: false }), clientFrame('b')]), 1002],
        ['a length that is not minimal', clientFrame('short', { form: 2 }), 1002],
        ['a long length that is not minimal', clientFrame('short', { form: 8 }), 1002],
        ['a length of 64 bits', Buffer.concat([Buffer.from([0x81, 0xff]), Buffer.alloc(8, 0xff), Buffer.alloc(4)]), 1002],
        ['a close of one byte', clientFrame('x', { opcode: 8 }), 1002],
        ['a close with the reserved code 1005', clientFrame(code(1005), { opcode: 8 }), 1002],
        ['a close with code 999', clientFrame(code(999), { opcode: 8 }), 1002],
        ['a close whose reason is bad UTF-8', clientFrame(Buffer.concat([code(1000), Buffer.from([0xff])]),
            { opcode: 8 }), 1007],
        ['bad UTF-8', clientFrame(invalid), 1007],
        ['bad UTF-8 before the end of a message', clientFrame(invalid, { fin: false }), 1007],
        ['a surrogate in UTF-8', clientFrame(Buffer.from([0xed, 0xa0, 0x80])), 1007],
        ['a code point cut off at the end', clientFrame(Buffer.from([0xe2, 0x82])), 1007],
        ['a binary message', clientFrame('x', { opcode: 2 }), 1003],
    ];

    for (const [what, bytes, expected] of broken) {
        test(`${what}: ${expected}, and nobody else notices`, async () => {
            const { host, students: [anna, ben] } = await openClass(server,
                { students: ['s1', 's2'], options: { deflate: false } });
            writeBytes(anna, bytes);
            await closedWith(anna, expected);
            assert.equal((await host.next('leave')).sender, 's1');
            await say(ben, 'teacher', 'undisturbed');
            await marker(host, [host, ben]);
            assert.deepEqual(heard(host, 'send'), ['undisturbed']);
        });
    }

    test('a close is echoed with its code', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        anna.ws.close(3456, 'bye');
        await closedWith(anna, 3456);
        await host.next('leave');
    });

    test('messages may come in any pieces, with control frames between', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'], options: { deflate: false } });
        const text = message.replace('split', '여러분 👋');
        const bytes = Buffer.from(text);
        writeBytes(anna, clientFrame(bytes.subarray(0, 57), { fin: false }), clientFrame('', { opcode: 0, fin: false }),
            clientFrame('p', { opcode: 9 }), clientFrame(bytes.subarray(57, 58), { opcode: 0, fin: false }),
            clientFrame(bytes.subarray(58), { opcode: 0 }));
        assert.equal((await host.next('send')).message, '여러분 👋');
        for (const byte of clientFrame(message)) {
            writeBytes(anna, Buffer.from([byte]));
            await new Promise(setImmediate);
        }
        assert.equal((await host.next('send')).message, 'split');
    });

    test('several messages in one packet are all taken, in order', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        writeBytes(anna, Buffer.concat([1, 2, 3].map((n) => clientFrame(message.replace('"split"', String(n))))));
        await host.next({ message: 3 });
        assert.deepEqual(heard(host, 'send'), [1, 2, 3]);
    });
});

describe('compression', () => {
    const long = JSON.stringify({ targetType: 'all', messageType: 'send', message: { text: '안녕하세요 '.repeat(2000) } });
    const body = long.slice(long.indexOf('{"text"'), -1);
    const students = ['s1', 's2'];

    test('is negotiated and carries long messages both ways; who did not ask gets them plain', async () => {
        const { code, host } = await openClass(server, { query: { talk: 'all' } });
        const [plain, packed] = [await joinClass(server, code, host, 's1', {}, { deflate: false }),
            await joinClass(server, code, host, 's2')];
        assert.deepEqual([packed.ws.extensions, plain.ws.extensions], ['permessage-deflate', '']);
        for (const from of [host, packed, plain]) {
            const read = () => [packed, plain].map((client) => client.ws._socket.bytesRead);
            const before = read();
            from.sendRaw(long);
            for (const client of [host, plain, packed]) {
                assert.ok(frameOf(client, await client.next('send')).includes(body));
            }
            const [small, large] = read().map((bytes, i) => bytes - before[i]);
            assert.ok(small < 5000, `${small} bytes compressed`);
            assert.ok(large > 30000, `${large} bytes plain`);
        }
    });

    test('is answered without context takeover, and not where the server cannot do what is wanted', async () => {
        const negotiate = async (offer) => {
            const answer = await handshake(server, '/echo', { 'Sec-WebSocket-Extensions': offer });
            assert.equal(answer.status, 101, answer.text);
            return answer.headers['sec-websocket-extensions'];
        };
        for (const offer of ['permessage-deflate', 'permessage-deflate; client_max_window_bits',
            'x-unknown, permessage-deflate', 'permessage-deflate; server_max_window_bits=8, permessage-deflate']) {
            const [name, ...parameters] = (await negotiate(offer)).split(/; */);
            assert.equal(name, 'permessage-deflate');
            for (const side of ['server', 'client']) assert.ok(parameters.includes(`${side}_no_context_takeover`), offer);
        }
        for (const offer of ['x-unknown', 'permessage-deflate; server_max_window_bits=8',
            'permessage-deflate; colour=red', ';;', 'permessage-deflate; =']) {
            assert.equal(await negotiate(offer), undefined, offer);
        }
    });

    test('damaged compressed data closes 1007', async () => {
        const { host, students: [anna, ben] } = await openClass(server, { students });
        writeBytes(anna, clientFrame(Buffer.from([0xff, 0xff, 0xff, 0xff]), { rsv: 4 }));
        await closedWith(anna, 1007);
        await marker(host, [host, ben]);
    });

    test('RSV1 on a continuation or a control frame closes 1002', async () => {
        const { students: [anna, ben] } = await openClass(server, { students });
        writeBytes(anna, clientFrame(compressed('ab').subarray(0, 2), { rsv: 4, fin: false }),
            clientFrame('x', { opcode: 0, rsv: 4 }));
        writeBytes(ben, clientFrame('', { opcode: 9, rsv: 4 }));
        await closedWith(anna, 1002);
        await closedWith(ben, 1002);
    });

    test('a bomb is bounded by the message limit: 1009, and the server lives on', async () => {
        const { host, students: [anna, ben] } = await openClass(server, { students });
        const bomb = compressed(Buffer.alloc(50 * 1024 * KIB, ' '));
        assert.ok(bomb.length < MESSAGE_MAX, `${bomb.length} bytes on the wire`);
        writeBytes(anna, clientFrame(bomb, { rsv: 4 }));
        await closedWith(anna, 1009);
        await marker(host, [host, ben]);
    });

    test('compressed text must be UTF-8, too', async () => {
        const { host, students: [anna, ben] } = await openClass(server, { students });
        writeBytes(anna, clientFrame(compressed(Buffer.from([0x22, 0xc3, 0x28, 0x22])), { rsv: 4 }));
        await closedWith(anna, 1007);
        await marker(host, [host, ben]);
    });
});
