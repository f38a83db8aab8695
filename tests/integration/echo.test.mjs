// GET /echo: the connection check, and the target for conformance suites.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { connect, refused, startRedis, startServer } from './harness.mjs';
import { clientFrame, closedWith, writeBytes } from './classroom.mjs';

const MAX = 1 << 20; // bytes: conformance suites send more than a class does
let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({
        redis, env: { LECTERN_RATE_ECHO: '100/100', LECTERN_ECHO_S: 2, LECTERN_ORIGINS: 'http://school.example' },
    });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const echo = (options) => connect(server, { path: '/echo', ...options });

describe('/echo', () => {
    for (const deflate of [false, true]) {
        test(`returns text and binary messages as they came${deflate ? ', compressed' : ''}`, async () => {
            const client = await echo({ deflate });
            for (const text of ['', 'x', '여러분 안녕하세요 👋🏽', '{"not":"touched"', 'y'.repeat(125), 'y'.repeat(126),
                'z'.repeat(MAX)]) {
                client.sendRaw(text);
                await client.next();
                assert.equal(client.frames.at(-1), text);
            }
            for (const bytes of [Buffer.alloc(0), Buffer.from([0, 255, 128]), randomBytes(65536), Buffer.alloc(MAX)]) {
                client.sendRaw(bytes, { binary: true });
                assert.deepEqual(Buffer.from(await client.next()), bytes);
            }
        });
    }

    test('keeps the order of many', async () => {
        const client = await echo();
        for (let i = 0; i < 80; i++) client.sendRaw(String(i));
        for (let i = 0; i < 80; i++) assert.equal(await client.next(), i);
    });

    test('joins fragments, answers pings in between', async () => {
        const client = await echo({ deflate: false });
        const pong = new Promise((resolve) => { client.ws.once('pong', resolve); });
        writeBytes(client, clientFrame('Hel', { fin: false }), clientFrame('ping', { opcode: 9 }),
            clientFrame('lo', { opcode: 0 }));
        assert.equal(await client.next(), 'Hello');
        assert.equal((await pong).toString(), 'ping');
    });

    test('a message too big closes 1009', async () => {
        const client = await echo({ deflate: false });
        client.sendRaw('x'.repeat(MAX + 1));
        await closedWith(client, 1009);
    });

    test('too many close 4007', async () => {
        const client = await echo();
        for (let i = 0; i < 1000; i++) client.sendRaw('x');
        await closedWith(client, 4007);
    });

    test('its life is limited', async () => {
        const began = Date.now();
        const client = await echo();
        await closedWith(client, 1000);
        assert.ok(Date.now() - began >= 1500, 'not before LECTERN_ECHO_S');
    });

    test('needs no token, but an allowed origin', async () => {
        await echo({ headers: { Origin: 'http://school.example' } });
        const answer = await refused(server, { path: '/echo', headers: { Origin: 'http://evil.example' } });
        assert.deepEqual([answer.status, answer.body.error.code], [403, 'origin_forbidden']);
    });
});
