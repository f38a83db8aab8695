// The HTTP side: what "Living with civetweb" asks of it point by point, pages, routes, CORS, operations.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import {
    api, connect, limit, mintToken, rawHttp, rawSocket, refused, startRedis, startServer, waitFor, within,
} from './harness.mjs';
import { joinClass, openClass } from './classroom.mjs';

const SCHOOL = 'https://school.example';
const SCRIPT = `console.log(${JSON.stringify('x'.repeat(2000))});`;
const BIG = Buffer.alloc(200_000, 'lectern');
let redis;
let server;
let web;

before(async () => {
    web = mkdtempSync(path.join(tmpdir(), 'lectern-web-'));
    for (const dir of ['student', 'teacher', 'empty']) mkdirSync(path.join(web, dir));
    writeFileSync(path.join(web, 'student/index.html'), '<!doctype html><title>student</title>');
    writeFileSync(path.join(web, 'teacher/index.html'), '<!doctype html><title>teacher</title>');
    writeFileSync(path.join(web, 'teacher/main.js'), SCRIPT);
    writeFileSync(path.join(web, 'teacher/main-ABCDEFG2.js'), SCRIPT);
    writeFileSync(path.join(web, 'big.png'), BIG);
    writeFileSync(path.join(web, '.hidden'), 'hidden');
    redis = await startRedis();
    server = await startServer({ redis, env: { LECTERN_WEB_DIR: web, LECTERN_ORIGINS: `${SCHOOL},http://localhost:5173` } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
    rmSync(web, { recursive: true, force: true });
});

const metric = async (name, on = server) => {
    const { text } = await api(on, 'GET', '/metrics');
    return Number(new RegExp(`^lectern_${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(text)?.[1] ?? 0);
};

function assertError(answer, status, code) {
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.headers['content-type'], /^application\/json\b/);
    assert.equal(answer.body.error.code, code);
    assert.equal(typeof answer.body.error.message, 'string');
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    return answer;
}

const post = (headers, body = '') => `POST /guest HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;

describe('what cannot be read', () => {
    const heads = [
        ['no HTTP at all', 'GARBAGE\r\n\r\n', 400, 'bad_request'],
        ['a binary head', '\x16\x03\x01\x02\x00\x01\x00\x01', 400, 'bad_request'],
        ['an unknown method', 'BREW /healthz HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad_request'],
        ['a head that is too long', `GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17000)}\r\n\r\n`, 400, 'bad_request'],
        ['too many headers', `GET /healthz HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(70)}\r\n`, 431, 'headers_too_large'],
        ['HTTP/2.0', 'GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n', 505, 'http_version'],
        ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 400, 'bad_request'],
        ['two Hosts', 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400, 'bad_request'],
        ['a header without a colon', 'GET /healthz HTTP/1.1\r\nHost a\r\n\r\n', 400, 'bad_request'],
        ['a header that is continued on the next line', 'GET /healthz HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n', 400, 'bad_request'],
        ['a header that is continued, and others behind it', 'POST /guest HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\nOrigin: https://evil.example\r\n\r\n', 400, 'bad_request'],
        ['a header without a name', 'POST /guest HTTP/1.1\r\nHost: a\r\n: y\r\nOrigin: https://evil.example\r\n\r\n', 400, 'bad_request'],
        ['a header whose name is not ASCII', 'GET /healthz HTTP/1.1\r\nHost: a\r\n\xe9: y\r\nX: y\r\n\r\n', 400, 'bad_request'],
        ['an end in the middle of the headers', 'GET /healthz HTTP/1.1\r\nHost: a\n\r\nX: y\r\n\r\n', 400, 'bad_request'],
        ['a lone CR at the start of a line', 'GET /healthz HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n', 400, 'bad_request'],
        ['a blank before the first header', 'GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n', 400, 'bad_request'],
        ['an empty line of blanks before the first header', 'GET /healthz HTTP/1.0\r\n \r\nHost: a\r\n\r\n', 400, 'bad_request'],
        ['HTTP/1.0 with nothing but a nameless header', 'GET /healthz HTTP/1.0\r\n: a\r\n\r\n', 400, 'bad_request'],
        ['a blank before the colon', 'GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n', 400, 'bad_request'],
        ['lines that end in LF alone', 'GET /healthz HTTP/1.1\nHost: a\n\n', 400, 'bad_request'],
        ['a method that civetweb does not know', 'TRACE /healthz HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad_request'],
        ['a bad escape in the path', 'GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad_request'],
        ['a NUL in the path', 'GET /healthz%00 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad_request'],
        ['a path that is not UTF-8', 'GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'bad_request'],
        ['a path longer than any', `GET /${'x'.repeat(600)} HTTP/1.1\r\nHost: a\r\n\r\n`, 404, 'not_found'],
    ];
    for (const [what, bytes, status, code] of heads) {
        test(`${what}: ${status} ${code} as JSON, and the connection ends`, async () => {
            const answer = assertError(await rawHttp(server, Buffer.from(bytes, 'latin1')), status, code);
            assert.ok(answer.closed);
        });
    }

    test('heads in order, at the edge of what is refused', async () => {
        for (const headers of ['Host:a\r\nX:\r\n', 'Host: a\r\nX: \r\n', 'X:   \r\nHost:   a  \r\n', `Host: a\r\nX: ${'x'.repeat(16000)}\r\n`]) {
            assert.equal((await rawHttp(server, `GET /healthz HTTP/1.1\r\n${headers}\r\n`)).status, 200, headers.slice(0, 40));
        }
    });

    test('an upgrade is read as strictly', async () => {
        const answer = await rawHttp(server, 'GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
            + 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n folded\r\nOrigin: https://evil.example\r\n\r\n');
        assertError(answer, 400, 'bad_request');
    });

    test('HTTP/1.0 needs no Host', async () => {
        assert.equal((await rawHttp(server, 'GET /healthz HTTP/1.0\r\n\r\n')).status, 200);
    });

    test('the address may be given whole', async () => {
        assert.equal((await rawHttp(server, `GET ${server.url}/healthz HTTP/1.1\r\nHost: a\r\n\r\n`)).status, 200);
    });
});

describe('how a body is framed', () => {
    const odd = [
        ['Content-Length: 5abc'], ['Content-Length: -1'], ['Content-Length: +5'], ['Content-Length: '], ['Content-Length: 5, 5'],
        ['Content-Length: 5\r\nContent-Length: 5'], ['Content-Length: 5\r\nContent-Length: 6'],
        ['Content-Length: 5\r\nTransfer-Encoding: chunked'], ['Transfer-Encoding: chunked\r\nContent-Length: 5'],
        ['Transfer-Encoding: gzip'], ['Transfer-Encoding: identity'], ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'],
        ['Content-Length: 99999999999999999999'],
    ];
    for (const [headers] of odd) {
        test(`${JSON.stringify(headers)}: 400`, async () => {
            const answer = assertError(await rawHttp(server, post(headers, 'hello')), 400, 'bad_request');
            assert.ok(answer.closed);
        });
    }

    test('chunked: 411, and the chunks are not waited for', async () => {
        const answer = assertError(await rawHttp(server, post('Transfer-Encoding: chunked', '5\r\nhe')), 411, 'length_required');
        assert.ok(answer.closed);
    });

    test('a body beyond the limit is refused at its head, and cut off while it comes', async () => {
        const raw = await rawSocket(server);
        raw.write(post('Content-Length: 100000000'));
        const pour = setInterval(() => { if (!raw.socket.destroyed) raw.write(Buffer.alloc(65536)); }, 5);
        try {
            await within(raw.closed, limit(8000), 'end of the connection');
        } finally {
            clearInterval(pour);
        }
        assert.match(raw.text(), /^HTTP\/1\.1 413 [^]*"body_too_large"/);
    });

    test('a refused route does not wait for the body either', async () => {
        const answer = await rawHttp(server, 'POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\nabc');
        assertError(answer, 404, 'not_found');
        assert.ok(answer.closed);
    });

    test('a body may come in pieces and after 100 Continue', async () => {
        const body = JSON.stringify({ room: 'NOROOM', name: 'Ann' });
        const raw = await rawSocket(server);
        raw.write(post(`Content-Length: ${body.length}\r\nExpect: 100-continue`));
        await waitFor(() => raw.text() === 'HTTP/1.1 100 Continue\r\n\r\n', { what: '100 Continue' });
        for (const c of body) raw.write(c);
        await within(raw.closed, limit(5000), 'end of the connection');
        assert.match(raw.text(), /HTTP\/1\.1 404 [^]*"room_not_found"/);
    });

    test('a client that ends in the middle of its body is answered, not waited for', async () => {
        const answer = await rawHttp(server, post('Content-Length: 50', 'abc'), { half: true });
        assertError(answer, 400, 'bad_request');
    });

    test('what follows a request on its connection is not answered', async () => {
        const answer = await rawHttp(server, 'GET /version HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n'.repeat(2));
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.connection, 'close');
        assert.ok(answer.closed);
        assert.equal(answer.text.split('HTTP/1.1 200').length, 2);
    });
});

describe('routes', () => {
    test('unknown addresses are 404, wrong methods 405 with Allow', async () => {
        for (const where of ['/nothing', '/rooms', '/rooms/ABCD/', '/rooms/ABCD/x', '/guest/x', '/healthz/', '/empty/', '//healthz', '/x/../healthz']) {
            assertError(await api(server, 'GET', where), 404, 'not_found');
        }
        const wrong = [['POST', '/healthz', 'GET, HEAD, OPTIONS'], ['DELETE', '/rooms/ABCD', 'GET, HEAD, OPTIONS'],
            ['GET', '/guest', 'POST, OPTIONS'], ['PUT', '/student/', 'GET, HEAD, OPTIONS'], ['POST', '/ws', 'GET, HEAD, OPTIONS']];
        for (const [method, where, allow] of wrong) {
            const answer = assertError(await api(server, method, where), 405, 'method_not_allowed');
            assert.equal(answer.headers.allow, allow, where);
            const socket = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
            if (method === 'GET') continue;
            const dressed = await rawHttp(server, `${method} ${where} HTTP/1.1\r\nHost: a\r\n${socket}\r\n`);
            assertError(dressed, 405, 'method_not_allowed');
            assert.equal(dressed.headers.allow, allow, `${where}, as a handshake`);
        }
    });

    test('HEAD is GET without the body', async () => {
        for (const where of ['/version', '/student/', '/rooms/NOROOM']) {
            const get = await api(server, 'GET', where);
            const head = await rawHttp(server, `HEAD ${where} HTTP/1.1\r\nHost: a\r\n\r\n`);
            assert.equal(head.status, get.status);
            assert.equal(head.headers['content-length'], String(get.buffer.length));
            assert.equal(head.body, '');
        }
    });

    test('OPTIONS tells the methods', async () => {
        const answer = await api(server, 'OPTIONS', '/guest');
        assert.equal(answer.status, 204);
        assert.equal(answer.headers.allow, 'POST, OPTIONS');
        assert.equal(answer.headers['access-control-allow-methods'], undefined);
    });

    test('a socket\'s address asked for as a page: 426', async () => {
        for (const where of ['/ws', '/echo']) {
            const answer = assertError(await api(server, 'GET', where), 426, 'upgrade_required');
            assert.equal(answer.headers.upgrade, 'websocket');
            assert.equal(answer.headers['sec-websocket-version'], '13');
        }
    });
});

describe('CORS', () => {
    test('answered for the configured origins only, errors too', async () => {
        for (const origin of [SCHOOL, 'http://localhost:5173']) {
            for (const where of ['/version', '/rooms/NOROOM']) {
                const { headers } = await api(server, 'GET', where, { headers: { Origin: origin } });
                assert.equal(headers['access-control-allow-origin'], origin);
                assert.equal(headers['access-control-allow-credentials'], 'true');
                assert.match(headers.vary, /\bOrigin\b/);
            }
        }
        for (const origin of ['https://evil.example', `${SCHOOL}.evil.example`, 'null', undefined]) {
            const { headers } = await api(server, 'GET', '/version', { headers: origin ? { Origin: origin } : {} });
            assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith('access-control')), []);
            assert.match(headers.vary, /\bOrigin\b/);
        }
    });

    test('preflights', async () => {
        const ask = (Origin) => api(server, 'OPTIONS', '/guest', { headers: { Origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type' } });
        const allowed = await ask(SCHOOL);
        assert.equal(allowed.status, 204);
        assert.equal(allowed.headers['access-control-allow-origin'], SCHOOL);
        assert.match(allowed.headers['access-control-allow-methods'], /\bPOST\b/);
        assert.match(allowed.headers['access-control-allow-headers'], /Content-Type/);
        assert.match(allowed.headers['access-control-allow-headers'], /Authorization/);
        const stranger = await ask('https://evil.example');
        assert.deepEqual(Object.keys(stranger.headers).filter((name) => name.startsWith('access-control')), []);
    });

    test('pages of other origins may change nothing', async () => {
        const body = { room: 'NOROOM', name: 'Ann' };
        assertError(await api(server, 'POST', '/guest', { body, headers: { Origin: 'https://evil.example' } }), 403, 'origin_forbidden');
        assertError(await api(server, 'POST', '/guest', { body, headers: { Origin: 'null' } }), 403, 'origin_forbidden');
        assertError(await api(server, 'POST', '/guest', { body, headers: { Origin: SCHOOL } }), 404, 'room_not_found');
        assertError(await api(server, 'POST', '/guest', { body, headers: { Origin: server.url } }), 404, 'room_not_found');
    });

    test('without configured origins there is no CORS at all', async () => {
        const plain = await startServer({ redis });
        try {
            const { headers } = await api(plain, 'GET', '/version', { headers: { Origin: SCHOOL } });
            assert.deepEqual(Object.keys(headers).filter((name) => /access-control|vary/.test(name)), []);
        } finally {
            await plain.stop();
        }
    });
});

describe('pages', () => {
    test('come from memory with types and the strict headers', async () => {
        const page = await api(server, 'GET', '/teacher/');
        assert.equal(page.status, 200);
        assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
        assert.match(page.text, /<title>teacher/);
        assert.equal(page.headers['content-security-policy'], "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
        assert.equal(page.headers['x-content-type-options'], 'nosniff');
        assert.equal(page.headers['referrer-policy'], 'no-referrer');
        assert.equal(page.headers['cache-control'], 'no-cache');
        writeFileSync(path.join(web, 'teacher/index.html'), 'changed after the start');
        assert.equal((await api(server, 'GET', '/teacher/index.html')).text, page.text);
    });

    test('the ways to the pages', async () => {
        const go = async (where) => {
            const { status, headers } = await api(server, 'GET', where);
            return [status, headers.location];
        };
        assert.deepEqual(await go('/'), [302, '/student/']);
        assert.deepEqual(await go('/?room=FTYXPM'), [302, '/student/?room=FTYXPM']);
        assert.deepEqual(await go('/student'), [301, '/student/']);
        assert.deepEqual(await go('/student?room=FTYXPM'), [301, '/student/?room=FTYXPM']);
        assert.deepEqual(await go('/teacher'), [301, '/teacher/']);
        assert.deepEqual(await go('/student/?room=FTYXPM'), [200, undefined]);
    });

    test('text is compressed for those who take it, each form with its ETag', async () => {
        const gzip = await api(server, 'GET', '/teacher/main.js', { headers: { 'Accept-Encoding': 'br, gzip' } });
        assert.equal(gzip.headers['content-encoding'], 'gzip');
        assert.match(gzip.headers.vary, /Accept-Encoding/);
        assert.equal(gunzipSync(gzip.buffer).toString(), SCRIPT);
        assert.ok(gzip.buffer.length < SCRIPT.length);
        for (const accept of ['', 'br', 'gzip;q=0']) {
            const plain = await api(server, 'GET', '/teacher/main.js', { headers: { 'Accept-Encoding': accept } });
            assert.equal(plain.headers['content-encoding'], undefined);
            assert.equal(plain.text, SCRIPT);
            assert.notEqual(plain.headers.etag, gzip.headers.etag);
        }
        const picture = await api(server, 'GET', '/big.png', { headers: { 'Accept-Encoding': 'gzip' } });
        assert.equal(picture.headers['content-encoding'], undefined);
        assert.equal(picture.headers['content-type'], 'image/png');
        assert.deepEqual(picture.buffer, BIG);
    });

    test('If-None-Match: 304', async () => {
        const { headers } = await api(server, 'GET', '/teacher/main.js');
        for (const list of [headers.etag, `W/${headers.etag}`, `"other", ${headers.etag}`, '*']) {
            const answer = await api(server, 'GET', '/teacher/main.js', { headers: { 'If-None-Match': list } });
            assert.equal(answer.status, 304);
            assert.equal(answer.headers.etag, headers.etag);
            assert.equal(answer.buffer.length, 0);
        }
        assert.equal((await api(server, 'GET', '/teacher/main.js', { headers: { 'If-None-Match': '"other"' } })).status, 200);
    });

    test('names with a hash of their contents are kept for ever', async () => {
        const { headers } = await api(server, 'GET', '/teacher/main-ABCDEFG2.js');
        assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
    });

    test('nothing outside the pages can be reached', async () => {
        const ways = ['/.hidden', '/../../etc/passwd', '/..%2f..%2fetc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/student/../.hidden',
            '/....//etc/passwd', '/student/..%5c..%5cetc%5cpasswd', '/etc/passwd', '/empty', '/teacher/index.html/', '//etc/passwd'];
        for (const way of ways) {
            const answer = await rawHttp(server, `GET ${way} HTTP/1.1\r\nHost: a\r\n\r\n`);
            assertError(answer, 404, 'not_found');
        }
    });

    test('a server without pages still does everything else', async () => {
        const bare = await startServer({ redis, env: { LECTERN_WEB_DIR: path.join(web, 'missing') } });
        try {
            assertError(await api(bare, 'GET', '/'), 404, 'not_found');
            assert.equal((await api(bare, 'GET', '/version')).status, 200);
        } finally {
            await bare.stop();
        }
    });
});

describe('operations', () => {
    test('health, readiness, version, metrics', async () => {
        assert.deepEqual((await api(server, 'GET', '/healthz')).body, { status: 'ok' });
        assert.deepEqual((await api(server, 'GET', '/readyz')).body, { status: 'ready', store: 'up' });
        const { body } = await api(server, 'GET', '/version');
        assert.equal(body.name, 'lectern');
        assert.match(body.version, /^\d+\.\d+\.\d+/);
        assert.match(body.serverId, /^[\w.@-]{1,64}$/);
        const metrics = await api(server, 'GET', '/metrics');
        assert.match(metrics.headers['content-type'], /^text\/plain; version=0\.0\.4\b/);
        assert.match(metrics.text, /^lectern_connections \d+$/m);
    });

    test('every refusal is counted by its code', async () => {
        const count = async () => Number(/^lectern_\w*refus\w*\{code="token_missing"\} (\d+)$/m.exec((await api(server, 'GET', '/metrics')).text)?.[1] ?? 0);
        const start = await count();
        await refused(server, { room: 'NOROOM' });
        assertError(await api(server, 'GET', '/rooms/NOROOM/users'), 401, 'token_missing');
        assert.equal(await count(), start + 2);
    });

    test('no token is written to the log, whatever its level and wherever the token stands', async () => {
        const wordy = await startServer({ redis, env: { LECTERN_LOG_LEVEL: 'debug' } });
        try {
            const token = mintToken({ type: 'teacher' });
            await connect(wordy, { token, via: 'query' });
            await connect(wordy, { token, via: 'protocol' });
            await refused(wordy, { room: 'bad', token, via: ['header', 'query', 'protocol'] });
            await api(wordy, 'GET', `/rooms/NOROOM/users?token=${token}`, { token });
            await api(wordy, 'GET', `/nothing?token=${token}`);
            for (const version of ['2.0', '1.1\r\nbad header', 'x']) {
                await rawHttp(wordy, `GET /rooms/NOROOM/users?token=${token} HTTP/${version}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
            }
            await waitFor(() => /GET \/rooms\/NOROOM\/users 404/.test(wordy.log()), { what: 'a line of the log' });
            assert.doesNotMatch(wordy.log(), /eyJ[\w-]{8}/);
        } finally {
            await wordy.stop();
        }
    });

    test('Redis away: not ready, soon and with Retry-After; alive, and pages go on', async () => {
        const own = await startRedis();
        const lonely = await startServer({ redis: own, env: { LECTERN_WEB_DIR: web, LECTERN_REDIS_TIMEOUT_MS: 300 } });
        try {
            own.kill('SIGSTOP');
            const ready = assertError(await waitFor(async () => {
                const answer = await api(lonely, 'GET', '/readyz');
                return answer.status === 503 && answer;
            }, { what: '503 from /readyz' }), 503, 'unavailable');
            assert.match(ready.headers['retry-after'], /^[1-9]\d*$/);
            // More askers than there are connections to wait on: those beyond are turned away at once.
            const asked = Array.from({ length: 120 }, () => api(lonely, 'GET', '/rooms/FTYXPM'));
            const pages = await Promise.all(Array.from({ length: 20 }, () => api(lonely, 'GET', '/student/')));
            assert.ok(pages.every(({ status }) => status === 200));
            assert.equal((await api(lonely, 'GET', '/healthz')).status, 200);
            for (const answer of await Promise.all(asked)) assertError(answer, 503, 'unavailable');
            own.kill('SIGCONT');
            await waitFor(async () => (await api(lonely, 'GET', '/readyz')).status === 200, { what: '200 from /readyz' });
        } finally {
            own.kill('SIGCONT');
            await lonely.stop();
            await own.stop();
        }
    });
});

describe('threads are not for the slow', () => {
    test('silent connections get none (few threads, many of them)', async () => {
        const small = await startServer({ redis, env: { LECTERN_HTTP_THREADS: 16 } });
        const silent = [];
        try {
            for (let i = 0; i < 200; i++) silent.push(await rawSocket(small));
            const answer = await api(small, 'GET', '/version', { timeout: limit(4000) });
            assert.equal(answer.status, 200);
        } finally {
            silent.forEach((raw) => raw.destroy());
            await small.stop();
        }
    });

    test('a page that is not read is the kernel\'s to keep', async () => {
        const small = await startServer({ redis, env: { LECTERN_HTTP_THREADS: 16, LECTERN_WEB_DIR: web } });
        const slow = [];
        try {
            for (let i = 0; i < 40; i++) {
                const raw = await rawSocket(small);
                raw.socket.pause();
                raw.write('GET /big.png HTTP/1.1\r\nHost: a\r\n\r\n');
                slow.push(raw);
            }
            const answer = await api(small, 'GET', '/version', { timeout: limit(4000) });
            assert.equal(answer.status, 200);
            slow[39].socket.resume();
            await within(slow[39].closed, limit(5000), 'the whole page');
            assert.ok(slow[39].bytes().length > BIG.length);
        } finally {
            slow.forEach((raw) => raw.destroy());
            await small.stop();
        }
    });

    test('with 200 idle and 50 dripping connections a class goes on; the dripping ones are cut at their deadline', async () => {
        const busy = await startServer({ redis });
        const all = [];
        let drip;
        try {
            for (let i = 0; i < 200; i++) all.push(await rawSocket(busy));
            const dripping = [];
            for (let i = 0; i < 50; i++) {
                const raw = await rawSocket(busy);
                raw.write(post('Content-Length: 4000'));
                dripping.push(raw);
            }
            const heads = [];
            for (let i = 0; i < 10; i++) {
                const raw = await rawSocket(busy);
                raw.write('GET /healthz HTTP/1.1\r\nHost: a\r\nX: ');
                heads.push(raw);
            }
            all.push(...dripping, ...heads);
            drip = setInterval(() => {
                for (const raw of [...dripping, ...heads]) if (!raw.socket.destroyed) raw.write('x');
            }, 300);
            const { code, host } = await within(openClass(busy, { students: ['s1'] }), limit(4000), 'class');
            for (let i = 2; i < 12; i++) await within(joinClass(busy, code, host, `s${i}`), limit(4000), 'join');
            for (const raw of heads) {
                await within(raw.closed, limit(15000), 'end of a dripping head');
                assert.match(raw.text(), /^HTTP\/1\.1 400 /);
            }
            for (const raw of dripping) {
                await within(raw.closed, limit(20000), 'end of a dripping body');
                assert.match(raw.text(), /^HTTP\/1\.1 408 [^]*"request_timeout"/);
            }
        } finally {
            clearInterval(drip);
            all.forEach((raw) => raw.destroy());
            await busy.stop();
        }
    });

    test('only a quarter of the threads receives bodies at a time', async () => {
        const small = await startServer({ redis, env: { LECTERN_HTTP_THREADS: 16 } });
        const slow = [];
        try {
            for (let i = 0; i < 4; i++) {
                const raw = await rawSocket(small);
                raw.write(post('Content-Length: 100\r\nExpect: 100-continue'));
                await waitFor(() => raw.text().includes('100 Continue'), { what: '100 Continue' });
                slow.push(raw);
            }
            const answer = assertError(await rawHttp(small, post('Content-Length: 100')), 503, 'no_capacity');
            assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
            const whole = JSON.stringify({ room: 'NOROOM', name: 'Ann' });
            assertError(await rawHttp(small, post(`Content-Length: ${whole.length}`, whole)), 404, 'room_not_found');
            slow.pop().destroy();
            await waitFor(async () => {
                const raw = await rawSocket(small);
                raw.write(post('Content-Length: 100\r\nExpect: 100-continue'));
                await waitFor(() => /100 Continue|no_capacity/.test(raw.text()), { what: 'an answer' });
                raw.destroy();
                return raw.text().includes('100 Continue');
            }, { what: 'a free place' });
        } finally {
            slow.forEach((raw) => raw.destroy());
            await small.stop();
        }
    });
});

describe('taking the socket', () => {
    const upgrade = (where, extra = '', version = '13') => `GET ${where} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n`
        + `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: ${version}\r\n${extra}\r\n`;

    test('more sockets than threads, and the threads are free', async () => {
        const small = await startServer({ redis, env: { LECTERN_HTTP_THREADS: 16 } });
        const sockets = [];
        try {
            for (let i = 0; i < 60; i++) sockets.push(await connect(small, { path: '/echo' }));
            const answers = await Promise.all(Array.from({ length: 40 }, () => api(small, 'GET', '/version')));
            assert.ok(answers.every(({ status }) => status === 200));
            await waitFor(async () => await metric('connections', small) === 60, { what: '60 sockets on their loops' });
            for (const socket of sockets) socket.sendRaw('still here');
            for (const socket of sockets) assert.equal(await socket.next(), 'still here');
            assert.equal(await metric('civetweb_sockets_total', small), 0);
        } finally {
            sockets.forEach((socket) => socket.terminate());
            await small.stop();
        }
    });

    test('what is no good handshake is refused as JSON', async () => {
        const good = upgrade('/echo');
        const cases = [
            [good.replace('GET', 'POST'), 405, 'method_not_allowed'],
            [good.replace('HTTP/1.1', 'HTTP/1.0'), 400, 'bad_request'],
            [good.replace('dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ'), 400, 'bad_request'],
            [good.replace(/Sec-WebSocket-Key.*\r\n/, ''), 400, 'bad_request'],
            [upgrade('/echo', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'), 400, 'bad_request'],
            [upgrade('/echo', 'Content-Length: 5\r\n'), 400, 'bad_request'],
            [upgrade('/echo', 'Transfer-Encoding: chunked\r\n'), 411, 'length_required'],
            [good.replace('Upgrade: websocket', 'Upgrade: websocketx'), 400, 'bad_request'],
            [upgrade('/echo', '', '8'), 426, 'upgrade_required'],
            [upgrade('/nothing'), 404, 'not_found'],
            [upgrade('/echo/'), 404, 'not_found'],
            [upgrade('/version'), 404, 'not_found'],
        ];
        for (const [bytes, status, code] of cases) {
            const answer = assertError(await rawHttp(server, bytes), status, code);
            assert.ok(answer.closed);
            if (status === 426) assert.equal(answer.headers['sec-websocket-version'], '13');
        }
    });

    test('an upgrade to something else is a plain request', async () => {
        const answer = await rawHttp(server, 'GET /version HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
        assert.equal(answer.status, 200);
    });

    test('what has gone through it is no longer there afterwards', async () => {
        const { readdirSync } = await import('node:fs');
        const open = () => readdirSync(`/proc/${server.pid}/fd`).length;
        const round = async () => {
            const sockets = await Promise.all(Array.from({ length: 20 }, () => connect(server, { path: '/echo' })));
            await Promise.all(sockets.map((socket) => socket.close()));
            await rawHttp(server, post('Content-Length: 100000000'));
            await rawHttp(server, 'GARBAGE\r\n\r\n');
            await api(server, 'GET', '/big.png');
            await refused(server, { room: 'NOROOM', token: mintToken() });
        };
        await round();
        await waitFor(async () => await metric('connections') === 0, { what: 'no open sockets' });
        const start = open();
        for (let i = 0; i < 5; i++) await round();
        await waitFor(() => open() <= start, { what: `${start} open descriptors again` });
    });
});
