// Many at once: streams wait on the loops and not on civetweb's threads, so that sixteen threads hold two thousand of them and
// the pages answer all the same; and what a class is told reaches every one.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { api, asTeacher, limit, mintToken, roomCode, startRedis, startServer, waitFor } from './harness.mjs';
import { say } from './classroom.mjs';
import { poll, sessionPath, stream } from './sockjs.mjs';

const CROWD = 2000;
const AT_ONCE = 40; // that are on their way in
let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({ redis, env: { LECTERN_HTTP_THREADS: 16 } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const metric = async (name) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec((await api(server, 'GET', '/metrics')).text)[1]);

test(`${CROWD} streams with 16 threads: all are told, pages answer, and afterwards nothing is left`, async () => {
    const code = roomCode();
    const host = await asTeacher(server, code, {}, { query: { notify: 'host' } });
    const agent = new http.Agent({ keepAlive: false });
    const streams = [];
    const ids = Array.from({ length: CROWD }, (_, i) => i);
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        for (let i = ids.pop(); i !== undefined; i = ids.pop()) {
            const path = `${sessionPath()}/xhr_streaming?room=${code}&token=${mintToken({ sub: `s${i}` })}`;
            const one = await stream(server, path, { agent });
            assert.equal(one.status, 200, one.text());
            streams.push(one);
        }
    }));
    await waitFor(() => streams.every((one) => one.text().includes('\\"welcome\\"')), { timeout: limit(30000), what: 'all welcomes' });
    assert.equal(await metric('lectern_sockjs_sessions'), CROWD);
    // Pages, REST and further polls go on.
    for (let i = 0; i < 5; i++) assert.equal((await api(server, 'GET', '/healthz', { timeout: limit(5000) })).status, 200);
    assert.equal((await poll(server, sessionPath('echo'))).text, 'o\n');
    await say(host, 'student', 'one and all');
    await waitFor(() => streams.every((one) => one.text().includes('one and all')), { timeout: limit(30000), what: 'the message at all' });
    for (const one of streams) one.abort();
    await waitFor(async () => await metric('lectern_sockjs_sessions') === 0, { timeout: limit(30000), what: 'no session' });
    assert.equal(await metric('lectern_connections'), 1, 'the host');
});
