// SockJS 0.3.3: the protocol byte by byte over its HTTP transports and on a WebSocket, sessions and their ends, and the
// class room beneath it with the sockjs-client package, with WebSocket and with WebSocket blocked.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, asStudent, asTeacher, connect, limit, mintToken, randomId, rawHttp, rawSocket, refused, roomCode, soon, startRedis, startServer,
    waitFor, within } from './harness.mjs';
import { accepted, closedWith, joinClass, openClass, say } from './classroom.mjs';
import { closeAll, connectSockJS, poll, push, sessionPath, startNoWebSocket, stream } from './sockjs.mjs';

const SMALL_QUEUE = { LECTERN_MESSAGE_MAX: 16384, LECTERN_QUEUE_MAX: 65536 };
const ORIGIN = 'http://school.example';
let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({ redis, env: { LECTERN_ORIGINS: ORIGIN, LECTERN_PING_S: 5, LECTERN_RATE_ECHO: '1000/1000' } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const echoPath = () => sessionPath('echo');

/** An echo session that is open: its path. */
async function openEcho() {
    const path = echoPath();
    assert.equal((await poll(server, path)).text, 'o\n');
    return path;
}

const count = async () => Number(/^lectern_sockjs_sessions (\d+)/m.exec((await api(server, 'GET', '/metrics')).text)[1]);
/** Sends a request by `start` and resolves once a thread has left it to its loop: what comes later finds it there. */
async function whenTaken(start) {
    const handled = async () => Number(/^lectern_http_requests_total (\d+)/m.exec((await api(server, 'GET', '/metrics')).text)[1]);
    const before = await handled();
    let asked = 0; // of `handled` itself, which counts as well
    const started = start();
    await waitFor(async () => {
        asked += 1;
        return await handled() - before > asked;
    }, { what: 'the request to be taken' });
    return started;
}

const notCached = (answer) => assert.match(answer.headers['cache-control'], /no-store, no-cache.*must-revalidate, max-age=0/);

describe('what belongs to no session', () => {
    test('the greeting', async () => {
        for (const path of ['/sockjs/ws', '/sockjs/ws/', '/sockjs/echo']) {
            const answer = await api(server, 'GET', path);
            assert.equal(answer.status, 200);
            assert.equal(answer.headers['content-type'], 'text/plain;charset=UTF-8');
            assert.equal(answer.text, 'Welcome to SockJS!\n');
        }
    });

    test('info: fresh, not cached, readable for listed origins only', async () => {
        const [one, two] = [await api(server, 'GET', '/sockjs/ws/info'), await api(server, 'GET', '/sockjs/ws/info')];
        assert.equal(one.status, 200);
        assert.equal(one.headers['content-type'], 'application/json;charset=UTF-8');
        notCached(one);
        const { entropy, ...rest } = one.body;
        assert.deepEqual(rest, { websocket: true, origins: ['*:*'], cookie_needed: false });
        assert.ok(Number.isInteger(entropy) && entropy >= 0 && entropy < 2 ** 32);
        assert.notEqual(entropy, two.body.entropy);
        const listed = await api(server, 'GET', '/sockjs/ws/info', { headers: { Origin: ORIGIN } });
        assert.equal(listed.headers['access-control-allow-origin'], ORIGIN);
        assert.equal(listed.headers['access-control-allow-credentials'], 'true');
        const stranger = await api(server, 'GET', '/sockjs/ws/info', { headers: { Origin: 'http://evil.example' } });
        assert.equal(stranger.headers['access-control-allow-origin'], undefined);
    });

    test('OPTIONS, with CORS for listed origins', async () => {
        const at = { '/sockjs/ws/info': 'GET, HEAD, OPTIONS', '/sockjs/ws/1/2/xhr': 'POST, OPTIONS',
            '/sockjs/ws/1/2/xhr_send': 'POST, OPTIONS', '/sockjs/ws/1/2/xhr_streaming': 'POST, OPTIONS',
            '/sockjs/ws/1/2/eventsource': 'GET, HEAD, OPTIONS' };
        for (const [path, methods] of Object.entries(at)) {
            const answer = await api(server, 'OPTIONS', path,
                { headers: { Origin: ORIGIN, 'Access-Control-Request-Method': methods.split(',')[0] } });
            assert.equal(answer.status, 204, path);
            assert.equal(answer.headers['access-control-allow-methods'], methods);
            assert.equal(answer.headers['access-control-allow-origin'], ORIGIN);
            assert.match(answer.headers['access-control-allow-headers'], /Authorization, Content-Type/);
        }
    });

    test('unknown services and addresses are 404, other methods 405', async () => {
        for (const path of ['/sockjs', '/sockjs/none', '/sockjs/none/info', '/sockjs/ws/iframe.html', '/sockjs/ws/a',
            '/sockjs/ws/a/b', '/sockjs/ws/a/b/', '/sockjs/ws/a/b/htmlfile', '/sockjs/ws/a/b/jsonp', '/sockjs/none/a/b/eventsource',
            '/sockjs/echo/a./b/eventsource', '/sockjs/echo/a/b.c/eventsource', `/sockjs/echo/a/${'x'.repeat(200)}/eventsource`]) {
            assert.equal((await api(server, 'GET', path)).status, 404, path);
        }
        for (const path of ['/sockjs/echo/a./b/xhr', '/sockjs/echo/a/.b/xhr_send', '/sockjs/none/a/b/xhr', '/sockjs/echo//b/xhr']) {
            assert.equal((await api(server, 'POST', path)).status, 404, path);
        }
        const wrong = await api(server, 'GET', '/sockjs/ws/1/2/xhr');
        assert.equal(wrong.status, 405);
        assert.equal(wrong.headers.allow, 'POST, OPTIONS');
        assert.equal((await api(server, 'GET', '/sockjs/ws/1/2/websocket')).status, 426);
        assert.equal((await api(server, 'POST', '/sockjs/ws/1/2/websocket')).status, 405);
    });

    test('HEAD opens nothing', async () => {
        const path = echoPath();
        assert.equal((await api(server, 'HEAD', `${path}/eventsource`)).status, 200);
        assert.equal((await push(server, path, ['x'])).status, 404);
    });
});

describe('polling', () => {
    test('opens, echoes, in the order and framing of the protocol', async () => {
        const path = echoPath();
        const opened = await poll(server, path);
        assert.equal(opened.status, 200);
        assert.equal(opened.headers['content-type'], 'application/javascript;charset=UTF-8');
        assert.equal(opened.headers['content-length'], '2');
        notCached(opened);
        assert.equal(opened.text, 'o\n');
        const sent = await push(server, path, ['a', 'b']);
        assert.equal(sent.status, 204);
        assert.equal(sent.headers['content-type'], 'text/plain; charset=UTF-8');
        assert.equal(sent.text, '');
        notCached(sent);
        await push(server, path, ['c']);
        assert.equal((await poll(server, path)).text, 'a["a","b","c"]\n');
    });

    test('the server id does not matter, the session id and the service do', async () => {
        const id = randomId('s');
        await poll(server, `/sockjs/echo/000/${id}`);
        await push(server, `/sockjs/echo/111/${id}`, ['x']);
        assert.equal((await poll(server, `/sockjs/echo/999/${id}`)).text, 'a["x"]\n');
        assert.equal((await poll(server, `/sockjs/echo/000/${id}2`)).text, 'o\n');
        assert.equal((await push(server, `/sockjs/ws/000/${id}`, ['x'])).status, 404);
    });

    test('any characters are ids, if they are in the same form', async () => {
        const path = '/sockjs/echo/abcdefgh_i-j%20/abcdefg_i-j%20%ED%95%9C';
        assert.equal((await poll(server, path)).text, 'o\n');
        assert.equal((await push(server, path, ['x'])).status, 204);
    });

    test('waits for a message; another poll meanwhile is told 2010', async () => {
        const path = await openEcho();
        const waiting = await whenTaken(() => ({ answer: stream(server, `${path}/xhr`) }));
        assert.equal((await poll(server, path)).text, 'c[2010,"Another connection still open"]\n');
        const other = await stream(server, `${path}/xhr_streaming`);
        assert.equal(await other.frame('c'), 'c[2010,"Another connection still open"]');
        assert.equal(await other.ended, true);
        await push(server, path, ['late']);
        const answer = await waiting.answer;
        assert.equal(await answer.frame(), 'a["late"]');
        assert.equal(await answer.ended, true);
    });

    test('messages of all kinds come back as they were', async () => {
        const path = await openEcho();
        const texts = ['', '  \u0000\n\r ', '여러분 👋🏽', '"\\/\b\f\n\r\t', '\u2028\u2029\ufffe\uffff\u200c\ufff0', 'x'.repeat(70000)];
        assert.equal((await push(server, path, texts)).status, 204);
        const { text } = await poll(server, path);
        assert.deepEqual(JSON.parse(text.slice(1)), texts);
        assert.ok(text.startsWith('a["","  \\u0000\\n\\r ","여러분 👋🏽",'));
        assert.ok(text.includes('"\\u2028\\u2029\\ufffe\\uffff\\u200c\\ufff0"'));
        // Half a surrogate pair is no text: as over WebSocket, U+FFFD.
        await push(server, path, null, { body: '["\\ud83d!"]' });
        assert.equal((await poll(server, path)).text, 'a["\\ufffd!"]\n');
    });

    test('payloads that are none', async () => {
        const path = await openEcho();
        for (const [body, message] of [['', 'Payload expected.'], [' \n', 'Payload expected.'], ['["x', 'Broken JSON encoding.'],
            ['[1]', 'Broken JSON encoding.'], ['{}', 'Broken JSON encoding.'], [Buffer.from('["\xff"]', 'latin1'), 'Broken JSON encoding.']]) {
            const answer = await push(server, path, null, { body });
            assert.equal(answer.status, 500);
            assert.equal(answer.body.error.message, message);
        }
        for (const type of ['text/plain', 'T', 'application/json', 'application/xml', '', 'text/xml; charset=utf-8']) {
            assert.equal((await push(server, path, ['a'], { headers: { 'Content-Type': type } })).status, 204, type);
        }
        assert.equal((await poll(server, path)).text, `a[${Array(6).fill('"a"').join(',')}]\n`);
        assert.equal((await push(server, echoPath(), ['x'])).status, 404);
        const unknown = await push(server, echoPath(), ['x']);
        assert.equal(unknown.body.error.code, 'session_not_found');
        const large = await push(server, path, null, { body: `["${'x'.repeat(17 << 20)}"]` });
        assert.equal(large.status, 413);
    });

    test('a poll that is given up ends the session', async () => {
        const path = await openEcho();
        const raw = await rawSocket(server);
        await whenTaken(() => raw.write(`POST ${path}/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`));
        assert.match((await poll(server, path)).text, /^c\[2010/);
        raw.destroy();
        await waitFor(async () => (await poll(server, path)).text === 'c[1002,"Connection interrupted"]\n', { what: '1002' });
        assert.equal((await poll(server, path)).text, 'c[1002,"Connection interrupted"]\n', 'and says so again');
    });

    test('a session that nobody polls is gone after 5 s', async () => {
        const path = await openEcho();
        assert.equal((await push(server, path, ['x'])).status, 204);
        await waitFor(async () => (await push(server, path, [])).status === 404, { timeout: limit(15000), what: 'the end of the session' });
    });

    test('payloads may come in chunks, as clients in Node send them; nothing else may', async () => {
        const path = await openEcho();
        const chunked = (target, body) => rawHttp(server, `POST ${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
        assert.equal((await chunked(`${path}/xhr_send`, '3\r\n["a\r\n2\r\n"]\r\n0\r\n\r\n')).status, 204);
        assert.equal((await poll(server, path)).text, 'a["a"]\n');
        assert.equal((await chunked(`${path}/xhr_send`, 'zz\r\n["a"]')).status, 400);
        assert.equal((await chunked('/guest', '2\r\n{}\r\n0\r\n\r\n')).status, 411);
        assert.ok([400, 408].includes((await chunked(`${path}/xhr_send`, '5\r\n["a"]\r\n')).status), 'one that never ends');
    });

    test('a body whose length could be read in two ways is none', async () => {
        const path = await openEcho();
        const ask = (head, body) => rawHttp(server, `POST ${path}/xhr_send HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n${body}`);
        const smuggled = `POST ${path}/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n["smuggled"]`;
        const bad = [
            ['Transfer-Encoding: chunked\r\nContent-Length: 5', `0\r\n\r\n${smuggled}`],
            ['Content-Length: 5\r\nTransfer-Encoding: chunked', `0\r\n\r\n${smuggled}`],
            ['Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', `0\r\n\r\n${smuggled}`],
            ['Transfer-Encoding: identity, chunked', '5\r\n["x"]\r\n0\r\n\r\n'],
            ['Transfer-Encoding: xchunked', '5\r\n["x"]\r\n0\r\n\r\n'],
            ['Transfer-Encoding : chunked', '5\r\n["x"]\r\n0\r\n\r\n'],
            ['Transfer-Encoding:\tchunked\x0b', '5\r\n["x"]\r\n0\r\n\r\n'],
            ['Content-Length: 5\r\nContent-Length: 5', '["x"]'],
            // Sizes: negative, beyond 64 bits, wrapping, with a prefix, cut off by a bare LF; data of another length.
            ...['-5', '+5', '0x5', '10000000000000005', 'ffffffffffffffff', 'fffffffffffffffb', ' 5', '5 ', '']
                .map((size) => ['Transfer-Encoding: chunked', `${size}\r\n["x"]\r\n0\r\n\r\n`]),
            ['Transfer-Encoding: chunked', '5\n["x"]\n0\n\n'],
            ['Transfer-Encoding: chunked', '5;a=b\n\r\n["x"]\r\n0\r\n\r\n'], // extensions are not taken at all
            ['Transfer-Encoding: chunked', '4\r\n["x"]\r\n0\r\n\r\n'],
            ['Transfer-Encoding: chunked', '6\r\n["x"]\r\n0\r\n\r\n'],
        ];
        for (const [head, body] of bad) {
            const answer = await ask(head, body);
            assert.equal(answer.status, 400, `${JSON.stringify(head)} ${JSON.stringify(body.slice(0, 24))}: ${answer.status}`);
        }
        // What stands behind a body is not another request, and trailers are nobody's.
        assert.equal((await ask('Transfer-Encoding: chunked', `5\r\n["1"]\r\n0\r\n\r\n${smuggled}`)).status, 204);
        assert.equal((await ask('Transfer-Encoding: chunked', '3\r\n["2\r\n2\r\n"]\r\n0\r\n\r\n')).status, 204);
        assert.equal((await ask('Transfer-Encoding: chunked', '5\r\n["3"]\r\n0\r\nX-A: b\r\n\r\n')).status, 204);
        assert.equal((await ask('Transfer-Encoding: Chunked', '0005\r\n["4"]\r\n000\r\n\r\n')).status, 204);
        assert.equal((await ask('Content-Length: 5', `["5"]${smuggled}`)).status, 204);
        assert.equal((await poll(server, path)).text, 'a["1","2","3","4","5"]\n');
        for (const [target, status] of [['/sockjs/none/1/2/xhr_send', 404], ['/%73ockjs/echo/1/2/xhr_send', 411], ['/sockjs', 411], ['/login', 411]]) {
            assert.equal((await rawHttp(server, `POST ${target} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)).status,
                status, target);
        }
    });
});

describe('streaming', () => {
    test('xhr_streaming: prelude, frames, roll-over', async () => {
        const path = echoPath();
        const first = await stream(server, `${path}/xhr_streaming`);
        assert.equal(first.status, 200);
        assert.equal(first.headers['content-type'], 'application/javascript;charset=UTF-8');
        assert.equal(first.headers.connection, 'close');
        notCached(first);
        assert.equal(await first.frame(), 'h'.repeat(2048));
        assert.equal(await first.frame(), 'o');
        await push(server, path, ['x']);
        assert.equal(await first.frame(), 'a["x"]');
        const big = 'y'.repeat(30000);
        for (let i = 0; i < 5; i++) await push(server, path, [big]);
        assert.equal(await first.ended, true, 'ends as a whole answer');
        const bytes = first.text().length;
        assert.ok(bytes >= 128 * 1024 && bytes < 170 * 1024, `${bytes} bytes`);
        assert.equal(first.text().split(big).length - 1, 5, 'what was begun is there');
        await push(server, path, ['between']);
        const second = await stream(server, `${path}/xhr_streaming`);
        assert.equal(await second.frame('a'), 'a["between"]');
        assert.ok(!second.text().includes('\no\n'), 'opened once');
        second.abort();
    });

    test('eventsource', async () => {
        const path = echoPath();
        const events = await stream(server, `${path}/eventsource`, { method: 'GET' });
        assert.equal(events.status, 200);
        assert.equal(events.headers['content-type'], 'text/event-stream;charset=UTF-8');
        notCached(events);
        await events.frame('data: o');
        assert.equal(events.text(), '\r\ndata: o\r\n\r\n');
        await push(server, path, ['  \u0000\n\r ']);
        await events.frame('data: a');
        await events.frame();
        assert.equal(events.text(), '\r\ndata: o\r\n\r\ndata: a["  \\u0000\\n\\r "]\r\n\r\n');
        events.abort();
    });

    test('a heartbeat comes after each LECTERN_PING_S, and ends a poll', async () => {
        const path = echoPath();
        const held = await stream(server, `${path}/xhr_streaming`);
        await held.frame('o');
        const polled = await openEcho();
        const beat = poll(server, polled, { timeout: limit(30000) });
        assert.equal(await held.frame('h', { timeout: limit(15000) }), 'h');
        assert.equal((await beat).text, 'h\n');
        held.abort();
    });

    test('a stream of which heartbeats are all lives on', async () => {
        const often = await startServer({ redis, env: { LECTERN_PING_S: 1 } });
        const path = echoPath();
        const held = await stream(often, `${path}/xhr_streaming`);
        await held.frame('o');
        for (let beats = 0; beats < 5; beats++) assert.equal(await held.frame('', { timeout: limit(10000) }), 'h');
        assert.equal((await push(often, path, ['x'])).status, 204);
        assert.equal(await held.frame('a'), 'a["x"]');
        held.abort();
        await often.stop();
    });

    test('who gives a stream up has left; the next is told', async () => {
        const path = echoPath();
        const held = await stream(server, `${path}/xhr_streaming`);
        await held.frame('o');
        held.abort();
        await waitFor(async () => (await push(server, path, ['x'])).status === 404
            || (await poll(server, path)).text.startsWith('c[1002'), { what: '1002' });
    });

    test('HTTP/1.0 gets no chunks', async () => {
        const answer = await rawHttp(server, `POST ${echoPath()}/xhr_streaming HTTP/1.0\r\nContent-Length: 0\r\n\r\n`,
            { until: (text) => text.includes('\no\n') });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['transfer-encoding'], undefined);
        assert.equal(answer.headers['content-length'], undefined);
    });
});

describe('on a WebSocket', () => {
    const framed = (path = echoPath(), options = {}) => connect(server, { path: `${path}/websocket`, ...options });

    for (const deflate of [false, true]) {
        test(`SockJS's framing${deflate ? ', deflate offered' : ''}`, async () => {
            const client = await framed(undefined, { deflate });
            await client.next();
            assert.equal(client.frames[0], 'o');
            client.sendRaw('');
            client.sendRaw('["a"]');
            await client.next();
            assert.equal(client.frames[1], 'a["a"]');
            client.sendRaw('"b"');
            await client.next();
            assert.equal(client.frames[2], 'a["b"]');
            client.sendRaw('["c","d"]');
            await client.next();
            await client.next();
            assert.deepEqual(client.frames.slice(3), ['a["c"]', 'a["d"]']);
        });
    }

    test('broken JSON, and binary messages, end it', async () => {
        for (const data of ['["a', '[1]', Buffer.from('["a"]')]) {
            const client = await framed();
            await client.next();
            client.sendRaw(data);
            await closedWith(client, 1002);
            assert.equal(client.frames.at(-1), 'c[1002,"Broken JSON encoding."]');
        }
    });

    test('a message may be as long as elsewhere, whatever JSON makes of it, and no longer', async () => {
        // In a JSON string a quote takes two bytes, and NUL six. /echo takes 1 MiB, and lets 4 MiB wait.
        for (const text of ['"'.repeat(1 << 20), '\u0000'.repeat(600 << 10)]) {
            const client = await framed();
            await client.next();
            client.sendRaw(JSON.stringify([text]));
            await client.next();
            assert.deepEqual(JSON.parse(client.frames[1].slice(1)), [text]);
        }
        for (const text of [`${'x'.repeat(1 << 20)}x`, '\u0000'.repeat((1 << 20) + 100)]) {
            const client = await framed();
            await client.next();
            client.sendRaw(JSON.stringify([text]));
            await closedWith(client, 1009);
        }
    });

    test('two sockets may have the same session id', async () => {
        const path = echoPath();
        const [one, two] = [await framed(path), await framed(path)];
        for (const client of [one, two]) {
            await client.next();
            client.sendRaw('["x"]');
            await client.next();
            assert.equal(client.frames[1], 'a["x"]');
        }
    });

    test('the raw WebSocket has no framing', async () => {
        const client = await connect(server, { path: '/sockjs/echo/websocket' });
        client.sendRaw('Hello world!\uffff');
        await client.next();
        assert.deepEqual(client.frames, ['Hello world!\uffff']);
    });

    test('a heartbeat where nothing is said', async () => {
        const client = await framed();
        await client.next('o').catch(() => {});
        await waitFor(() => client.frames.includes('h'), { timeout: limit(15000), what: 'h' });
    });

    test('the door is the same', async () => {
        const answer = await refused(server, { path: `${sessionPath('ws')}/websocket`, room: roomCode() });
        assert.equal(answer.status, 401);
        assert.equal((await refused(server, { path: '/sockjs/none/websocket' })).status, 404);
        assert.equal((await refused(server, { path: '/sockjs/echo/1/a.b/websocket' })).status, 404);
    });
});

describe('the door', () => {
    const teacher = (user = {}) => mintToken({ type: 'teacher', sub: 'door', ...user });

    test('refuses as an upgrade does, and says why', async () => {
        const cases = [
            [`${sessionPath()}?room=${roomCode()}`, {}, 401, 'token_missing'],
            [`${sessionPath()}?room=${roomCode()}`, { token: 'x.y.z' }, 401, 'token_invalid'],
            [`${sessionPath()}?room=${roomCode()}`, { token: mintToken({ sub: 's1' }) }, 404, 'room_not_found'],
            [`${sessionPath()}?room=ab`, { token: teacher() }, 400, 'bad_room'],
            [`${sessionPath()}?room=${roomCode()}&hold=x`, { token: teacher() }, 400, 'bad_field'],
            [`${sessionPath()}?room=${roomCode()}`, { token: teacher(), headers: { Origin: 'http://evil.example' } }, 403, 'origin_forbidden'],
        ];
        for (const [path, options, status, code] of cases) {
            const answer = await poll(server, path, options);
            assert.equal(answer.status, status, code);
            assert.equal(answer.body.error.code, code);
            assert.equal((await push(server, path, ['x'])).status, 404, 'there is no session');
        }
        const events = await api(server, 'GET', `${echoPath()}/eventsource`, { headers: { Origin: 'http://evil.example' } });
        assert.equal(events.status, 403, 'also where a GET opens one');
    });

    test('the token comes in Authorization or the query', async () => {
        for (const [query, options] of [['', { token: teacher() }], [`&token=${teacher()}`, {}]]) {
            const path = `${sessionPath()}?room=${roomCode()}${query}`;
            assert.equal((await poll(server, path, options)).text, 'o\n');
            const { text } = await poll(server, path, options);
            assert.equal(JSON.parse(JSON.parse(text.slice(1))[0]).messageType, 'welcome');
        }
    });

    test('a session is its user\'s: nobody else reads or sends by it, who knows its id', async () => {
        const path = sessionPath();
        const token = teacher();
        const fresh = teacher({ name: 'a later token of the same user' });
        assert.notEqual(token, fresh);
        assert.equal((await poll(server, `${path}?room=${roomCode()}`, { token })).text, 'o\n');
        const strangers = [[{}, 401, 'token_missing'], [{ token: 'x.y.z' }, 401, 'token_invalid'],
            [{ token: mintToken({ sub: 's1' }) }, 404, 'session_not_found'],
            [{ token: mintToken({ type: 'teacher', sub: 'another' }) }, 404, 'session_not_found']];
        const refusals = async () => {
            for (const [by, status, code] of strangers) {
                const options = { ...by, timeout: limit(5000) };
                const answers = [await poll(server, path, options), await push(server, path, ['{"messageType":"ping"}'], options),
                    await api(server, 'POST', `${path}/xhr_streaming`, options), await api(server, 'GET', `${path}/eventsource`, options)];
                for (const answer of answers) {
                    assert.equal(answer.status, status, code);
                    assert.equal(answer.body.error.code, code);
                }
            }
        };
        await refusals();
        assert.equal((await push(server, path, ['{"messageType":"ping","ref":"mine"}'], { token: fresh })).status, 204);
        const types = [];
        await waitFor(async () => {
            const { text } = await poll(server, `${path}?token=${types.length ? token : fresh}`);
            for (const message of JSON.parse(text.slice(1))) types.push(JSON.parse(message).messageType);
            return types.includes('pong');
        }, { what: 'pong' });
        assert.deepEqual(types, ['welcome', 'pong'], 'and no ping of the strangers');
        await push(server, path, [JSON.stringify({ messageType: 'end' })], { token });
        await waitFor(async () => (await poll(server, path, { token })).text.startsWith('c[4000'), { what: 'its end' });
        assert.equal((await poll(server, path)).status, 401, 'its end is its user\'s, too');
    });

    test('the token that opened a session is good for as long as that lasts', async () => {
        const path = sessionPath();
        const token = teacher({ exp: soon() });
        assert.equal((await poll(server, `${path}?room=${roomCode()}`, { token })).text, 'o\n');
        const fresh = JSON.stringify({ messageType: 'token', message: teacher(), ref: 'fresh' });
        assert.equal((await push(server, path, [fresh], { token })).status, 204);
        const ping = async () => {
            assert.equal((await push(server, path, ['{"messageType":"ping"}'], { token })).status, 204);
            return (await poll(server, path, { token })).text;
        };
        await waitFor(async () => {
            await ping(); // nobody polls a session for five seconds: it is gone
            return (await api(server, 'GET', '/profile', { token })).status === 401;
        }, { timeout: limit(10000), what: 'its end', every: 200 });
        assert.equal(JSON.parse(JSON.parse((await ping()).slice(1)).at(-1)).messageType, 'pong');
    });

    test('sessions count as connections: 503 no_capacity', async (t) => {
        const small = await startServer({ redis, env: { LECTERN_CONNECTIONS_MAX: 2 } });
        t.after(() => small.stop());
        const one = await stream(small, `${sessionPath('echo')}/xhr_streaming`);
        const two = await connect(small, { path: '/echo' });
        await one.frame('o');
        await waitFor(async () => /^lectern_connections 2$/m.test((await api(small, 'GET', '/metrics')).text), { what: 'both counted' });
        const answer = await poll(small, sessionPath('echo'));
        assert.equal(answer.status, 503);
        assert.equal(answer.body.error.code, 'no_capacity');
        assert.match(answer.headers['retry-after'], /^\d+$/);
        one.abort();
        await two.close();
        await waitFor(async () => (await poll(small, sessionPath('echo'))).status === 200, { what: 'a place' });
    });
});

describe('a class', () => {
    for (const transports of [['websocket'], ['xhr-streaming'], ['eventsource'], ['xhr-polling']]) {
        test(`by sockjs-client over ${transports}`, async () => {
            const code = roomCode();
            const host = await connectSockJS(server, { room: code, token: mintToken({ type: 'teacher', sub: 't1' }), transports });
            assert.equal(host.ws.transport, transports[0]);
            const [one, two] = [await asStudent(server, code, { sub: 's1' }),
                await connectSockJS(server, { room: code, token: mintToken({ sub: 's2' }), transports })];
            await host.next({ messageType: 'join', sender: 's1' });
            await host.next({ messageType: 'join', sender: 's2' });
            await say(host, 'student', '여러분 안녕하세요 "\u2028"');
            for (const student of [one, two]) {
                assert.equal((await student.next({ messageType: 'send' })).message, '여러분 안녕하세요 "\u2028"');
            }
            await say(two, 'teacher', { answer: 42 });
            assert.deepEqual((await host.next({ messageType: 'send', sender: 's2' })).message, { answer: 42 });
            for (let i = 0; i < 30; i++) two.send({ targetType: 'teacher', messageType: 'send', message: i });
            for (let i = 0; i < 30; i++) assert.equal((await host.next({ messageType: 'send' })).message, i, 'in order');
            await accepted(host, { messageType: 'end' });
            for (const client of [host, one, two]) await closedWith(client, 4000, 'ended');
        });
    }

    test('with WebSocket blocked sockjs-client falls back, and nothing is missing', async (t) => {
        const wall = await startNoWebSocket(server);
        t.after(() => wall.stop());
        const { code, host } = await openClass(server, { students: ['s1'], query: { talk: 'all' } });
        const blocked = await connectSockJS(wall, { room: code, token: mintToken({ sub: 's2' }) });
        assert.equal(blocked.ws.transport, 'xhr-streaming');
        assert.ok(wall.upgrades > 0);
        await host.next({ messageType: 'join', sender: 's2' });
        await say(blocked, 'all', 'through the wall');
        assert.equal((await host.next({ messageType: 'send' })).message, 'through the wall');
        await accepted(host, { messageType: 'kick', target: 's2' });
        await closedWith(blocked, 4002);
    });

    test('`since` brings what was missed between two sessions', async () => {
        const { code, host } = await openClass(server);
        const token = mintToken({ sub: 's1' });
        const first = await connectSockJS(server, { room: code, token, transports: ['xhr-streaming'] });
        const { id } = await say(host, 'student', 'one');
        await first.next({ messageType: 'send' });
        await first.close();
        await host.next({ messageType: 'leave', sender: 's1' });
        await say(host, 'student', 'two');
        const again = await connectSockJS(server, { room: code, token, query: { since: id }, transports: ['xhr-polling'] });
        assert.equal((await again.next({ messageType: 'send' })).message, 'two');
    });

    test('a newer connection of the same user replaces the session: 4001', async () => {
        const { code, host } = await openClass(server);
        const old = await connectSockJS(server, { room: code, token: mintToken({ sub: 's1' }), transports: ['xhr-streaming'] });
        await host.next({ messageType: 'join', sender: 's1' });
        await asStudent(server, code, { sub: 's1' });
        await closedWith(old, 4001);
    });

    test('too many messages: 4007; one too big: 1009', async () => {
        const { code } = await openClass(server);
        const loud = await connectSockJS(server, { room: code, token: mintToken({ sub: 's1' }), transports: ['xhr-streaming'] });
        for (let i = 0; i < 200; i++) loud.send({ targetType: 'teacher', messageType: 'send', message: i, ref: `r${i}` });
        await closedWith(loud, 4007);
        const big = await connectSockJS(server, { room: code, token: mintToken({ sub: 's2' }), transports: ['xhr-polling'] });
        big.send({ targetType: 'teacher', messageType: 'send', message: 'x'.repeat(70000) });
        await closedWith(big, 1009);
    });

    test('who opens a session and never comes back leaves the class, and costs no more than its queue', async (t) => {
        const small = await startServer({ redis, env: SMALL_QUEUE });
        t.after(() => small.stop());
        const code = roomCode();
        const host = await asTeacher(small, code);
        const path = `${sessionPath()}?room=${code}&token=${mintToken({ sub: 's1' })}`;
        assert.equal((await poll(small, path)).text, 'o\n');
        await host.next({ messageType: 'join', sender: 's1' });
        for (let i = 0; i < 20; i++) await say(host, 'student', 'x'.repeat(8000));
        const left = await host.next({ messageType: 'leave', sender: 's1' }, { timeout: limit(15000) });
        assert.equal(left.message.reason, 'lost');
        const { text } = await api(small, 'GET', '/metrics');
        assert.match(text, /^lectern_closed_total\{code="4005"\} 1$/m);
    });

    test('a slow reader of a stream is closed 4005 and told so', async (t) => {
        const small = await startServer({ redis, env: SMALL_QUEUE });
        t.after(() => small.stop());
        const code = roomCode();
        const host = await asTeacher(small, code);
        const path = `${sessionPath()}/xhr_streaming?room=${code}&token=${mintToken({ sub: 's1' })}`;
        const raw = await rawSocket(small);
        raw.socket.pause();
        raw.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`);
        await host.next({ messageType: 'join', sender: 's1' });
        await waitFor(async () => { // how much a kernel takes, the machine knows
            for (let i = 0; i < 10; i++) await say(host, 'student', 'x'.repeat(15000));
            return /^lectern_queue_drops_total 1$/m.test((await api(small, 'GET', '/metrics')).text);
        }, { timeout: limit(60000), what: 'a full queue', every: 1 });
        raw.socket.resume(); // the stream was rolled over long before: the next one is told
        await within(raw.closed, limit(10000), 'the end of the stream');
        const next = await stream(small, path);
        await next.frame('c[4005,"too slow"]');
        assert.equal((await host.next({ messageType: 'leave', sender: 's1' }, { timeout: limit(15000) })).message.reason, 'lost');
        assert.match((await api(small, 'GET', '/metrics')).text, /^lectern_closed_total\{code="4005"\} 1$/m);
    });

    test('a server that stops moves sessions away: 1001', async () => {
        const second = await startServer({ redis });
        const code = roomCode();
        const host = await connectSockJS(second, { room: code, token: mintToken({ type: 'teacher', sub: 't1' }), transports: ['xhr-streaming'] });
        const student = await connectSockJS(second, { room: code, token: mintToken({ sub: 's1' }), transports: ['xhr-polling'] });
        await host.next({ messageType: 'join' });
        const stopped = second.stop();
        await closedWith(host, 1001);
        await closedWith(student, 1001);
        await stopped;
    });
});

describe('the other protocols inside', () => {
    for (const transports of [['websocket'], ['xhr-streaming'], ['eventsource'], ['xhr-polling']]) {
        test(`STOMP over ${transports}`, async () => {
            const { code, host } = await openClass(server);
            const client = await connectSockJS(server, { service: 'stomp', transports });
            client.sendRaw(`CONNECT\naccept-version:1.2\nhost:x\nAuthorization:Bearer ${mintToken({ sub: 's1' })}\n\n\0`);
            assert.match(await client.next((frame) => String(frame).startsWith('CONNECTED')), /\nversion:1\.2\n/);
            client.sendRaw(`SUBSCRIBE\nid:a\ndestination:/topic/room/${code}\n\n\0`);
            await host.next({ messageType: 'join', sender: 's1' });
            await say(host, 'student', 'said "so"\u2028 한글');
            const message = await client.next((frame) => /^MESSAGE\n/.test(frame) && frame.includes('TALK'));
            assert.match(message, /\nsubscription:a\n/);
            assert.equal(JSON.parse(message.slice(message.indexOf('\n\n') + 2, -1)).message, 'said "so"\u2028 한글');
        });

        test(`events and chats over ${transports}`, async () => {
            const token = mintToken({ type: 'service', sub: 'watch', channels: ['chat_monitor'] });
            const events = await connectSockJS(server, { service: 'monitor', token, transports });
            assert.deepEqual((await events.next({ type: 'welcome' })).data.channels, ['chat_monitor']);
            await api(server, 'POST', '/events/chat_monitor', { token, body: { n: 1 } });
            assert.deepEqual((await events.next({ type: 'chat_monitor' })).data, { n: 1 });
            const chats = await connectSockJS(server, { token: mintToken({ sub: randomId('c') }), query: { chat: 1 }, transports });
            assert.equal(chats.welcome.message.limits.subscriptions, 200);
        });
    }
});

test('LECTERN_ROLE: api servers leave SockJS to others, socket servers answer it', async (t) => {
    const [apis, sockets] = await Promise.all(['api', 'socket'].map((role) => startServer({ redis, env: { LECTERN_ROLE: role } })));
    t.after(() => Promise.all([apis.stop(), sockets.stop()]));
    assert.equal((await poll(apis, echoPath())).status, 421);
    assert.equal((await poll(sockets, echoPath())).text, 'o\n');
    assert.equal((await api(sockets, 'GET', '/sockjs/echo/info')).status, 200);
});

test('in the end no session is left', async () => {
    closeAll();
    await waitFor(async () => await count() === 0, { timeout: limit(30000), what: 'no session' });
});
