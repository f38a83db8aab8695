// Long answers that nobody reads: they hold threads for as long as they are given time, and nobody else waits for them.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { limit, mintToken, startRedis, startServer, waitFor } from '../../integration/harness.mjs';
import { openClass, say } from '../../integration/classroom.mjs';
import { JOIN_MS, PLAIN, joinTime, metric, silent, upTo } from '../hostile.mjs';

test('answers that nobody reads: cut off, and joins go on', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const server = await startServer({ redis, env: { LECTERN_RATE_HOST: '100000/100000', LECTERN_LOG_BYTES: 25165824 } });
    t.after(() => server.stop());
    const { code, host } = await openClass(server, { options: PLAIN });
    const text = randomBytes(45000).toString('base64');
    await Promise.all(upTo(300).map((n) => say(host, 'student', { n, text }, { ref: `n${n}` })));
    const request = `GET /rooms/${code}/log?format=json HTTP/1.1\r\nHost: a\r\n`
        + `Authorization: Bearer ${mintToken({ type: 'teacher' })}\r\n\r\n`;
    const before = await metric(server, 'process_open_fds');
    const readers = await silent(t, server, 40);
    for (const raw of readers) {
        raw.socket.pause();
        raw.write(request);
    }
    // Each is stuck when the buffers between are full: then the server has nothing to do any more.
    let worked = -1;
    await waitFor(async () => {
        const [until, fds] = [worked, await metric(server, 'process_open_fds')];
        worked = await metric(server, 'process_cpu_seconds_total');
        return fds >= before + readers.length && worked - until < 0.02;
    }, { what: 'answers that are stuck', timeout: limit(20000), every: 200 });
    const time = await joinTime(server);
    t.diagnostic(`the slowest join took ${time} ms`);
    assert.ok(time < JOIN_MS, `${time} ms`);
    assert.ok(await metric(server, 'process_open_fds') >= before + readers.length, 'they were given some time');
    await waitFor(async () => (await metric(server, 'process_open_fds')) < before + readers.length,
        { what: 'end of the first', timeout: limit(30000), every: 100 });
    const kept = 16; // connections to Redis that the server keeps
    await waitFor(async () => (await metric(server, 'process_open_fds')) <= before + kept,
        { what: 'end of all', timeout: limit(10000), every: 100 });
});
