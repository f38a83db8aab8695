/** SockJS in the client library, against a server that says what each test's script wants. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { Clock, load, test } from './support.mjs';

const { environment, sockJs } = await load('index');
const { Carriers } = await load('carriers');

/**
 * A server for one test: `script(what, session, response, body)` answers each request. Resolves with its
 * address and what it was asked.
 */
async function start(t, script) {
    const asked = [];
    const server = http.createServer(async (request, response) => {
        let body = '';
        for await (const chunk of request) body += chunk;
        const url = new URL(request.url, 'http://x');
        const [, , service, id, session, what] = url.pathname.split('/');
        asked.push({ service, id, session, what, query: url.search, body, token: request.headers.authorization });
        script(what, session, response, body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
        server.closeAllConnections();
        server.close();
    });
    return { url: `ws://127.0.0.1:${server.address().port}/ws?room=FTYXPM`, asked };
}

/** A socket that remembers: events() gives what happened, as text. */
function open(url, protocols = [], clock = undefined) {
    const overrides = clock ? { setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout, now: clock.now } : {};
    const env = environment(overrides);
    const Socket = sockJs(env, env.stream);
    const socket = new Socket(url, protocols);
    const seen = [];
    const waiting = [];
    const happen = (event) => {
        seen.push(event);
        waiting.splice(0).forEach((wake) => wake());
    };
    socket.onopen = () => happen('open');
    socket.onmessage = ({ data }) => happen(`message ${data}`);
    socket.onclose = ({ code, reason }) => happen(`close ${code} ${reason}`);
    const until = async (count) => {
        while (seen.length < count) await new Promise((wake) => waiting.push(wake));
        return seen;
    };
    return { socket, seen, until };
}

const ok = (response) => response.writeHead(200, { 'Content-Type': 'application/javascript' });

test('a stream: opened, messages in their order, closed with its code', async (t) => {
    let stream;
    const { url, asked } = await start(t, (what, session, response) => {
        ok(response);
        response.write(`${'h'.repeat(2048)}\no\n`);
        stream = response;
    });
    const { socket, until } = open(url, ['lectern.v1', 'bearer.a.b.c']);
    await until(1);
    assert.equal(socket.readyState, 1);
    // Cut anywhere, even within a character.
    const frame = Buffer.from('a["안녕","two\\n"]\nh\na["three"]\n');
    stream.write(frame.subarray(0, 4));
    await new Promise((go) => setTimeout(go, 20));
    stream.write(frame.subarray(4));
    assert.deepEqual(await until(4), ['open', 'message 안녕', 'message two\n', 'message three']);
    stream.end('c[4002,"removed"]\n');
    assert.equal((await until(5))[4], 'close 4002 removed');
    assert.equal(socket.readyState, 3);
    const [first] = asked;
    assert.deepEqual([first.service, first.what, first.query, first.token], ['ws', 'xhr_streaming', '?room=FTYXPM', 'Bearer a.b.c']);
    assert.match(first.id, /^\d{3}$/);
    assert.match(first.session, /^[a-z0-9]{16}$/);
});

test('a stream that ends is followed by the next, of the same session', async (t) => {
    let count = 0;
    const { url, asked } = await start(t, (what, session, response) => {
        ok(response);
        count += 1;
        response.end(count === 1 ? 'o\na["1"]\n' : count === 2 ? 'a["2"]\n' : 'c[1001,"moved"]\n');
    });
    const { until } = open(url);
    assert.deepEqual(await until(4), ['open', 'message 1', 'message 2', 'close 1001 moved']);
    assert.equal(new Set(asked.map(({ session }) => session)).size, 1);
});

test('what is sent goes one request at a time, in its order', async (t) => {
    const bodies = [];
    let under = 0;
    const { url } = await start(t, (what, session, response, body) => {
        if (what === 'xhr_streaming') {
            ok(response).write('o\n');
            return;
        }
        under += 1;
        assert.equal(under, 1);
        bodies.push(...JSON.parse(body));
        setTimeout(() => {
            under -= 1;
            response.writeHead(204).end();
        }, 10);
    });
    const { socket, until, seen } = open(url);
    await until(1);
    const texts = Array.from({ length: 50 }, (_, i) => `${i} "\u2028" 한`);
    for (const [i, text] of texts.entries()) {
        socket.send(text);
        if (i % 10 === 0) await new Promise((go) => setTimeout(go, 5));
    }
    socket.close(1000, 'bye');
    await until(2);
    assert.deepEqual(bodies, texts, 'closing waits for what was sent');
    assert.deepEqual(seen, ['open', 'close 1000 bye']);
});

test('what is still being sent when it ends is given up, and keeps no connection', async (t) => {
    let dropped;
    const gone = new Promise((resolve) => (dropped = resolve));
    const clock = new Clock();
    const { url, asked } = await start(t, (what, session, response) => {
        if (what === 'xhr_streaming') ok(response).write('o\n');
        else response.on('close', dropped); // and never answers
    });
    const { socket, until } = open(url, [], clock);
    await until(1);
    socket.send('x');
    while (asked.length < 2) await new Promise((go) => setTimeout(go, 5));
    socket.close(4006, 'no sign of life');
    clock.advance(2000);
    assert.equal((await until(2))[1], 'close 4006 no sign of life');
    await gone;
});

test('a stream that something holds back gives way to polls, with a session of their own', async (t) => {
    const clock = new Clock();
    const { url, asked } = await start(t, (what, session, response) => {
        if (what === 'xhr_streaming') return; // headers and all stay somewhere on the way
        ok(response);
        if (asked.filter((one) => one.what === 'xhr').length === 1) response.end('o\n');
        else response.end('c[4000,"ended"]\n');
    });
    const { until } = open(url, [], clock);
    while (asked.length === 0) await new Promise((go) => setTimeout(go, 5));
    clock.advance(4000);
    assert.deepEqual(await until(2), ['open', 'close 4000 ended']);
    assert.deepEqual(asked.map(({ what }) => what), ['xhr_streaming', 'xhr', 'xhr']);
    assert.notEqual(asked[0].session, asked[1].session);
});

test('refused, broken, lost: closed as a WebSocket that was never or no longer there', async (t) => {
    const scripts = {
        'refused at the door': (what, session, response) => response.writeHead(401).end('{}'),
        'opened twice': (what, session, response) => ok(response).end('o\no\n'),
        'not its frames': (what, session, response) => ok(response).end('o\na[oops\n'),
        'a session that does not take what is sent': (what, session, response) =>
            what === 'xhr_send' ? response.writeHead(404).end() : ok(response).write('o\n'),
        'answers with nothing in them': (what, session, response) => ok(response).end(),
    };
    for (const [name, script] of Object.entries(scripts)) {
        const { url } = await start(t, script);
        const { socket, seen, until } = open(url);
        const opened = !/door|nothing/.test(name);
        if (opened) await until(1);
        socket.send('x');
        await until(opened ? 2 : 1);
        assert.equal(seen.at(-1), 'close 1006 ', name);
    }
});

test('a session that the server has given up is one that was lost, not an error in the protocol', async (t) => {
    const script = (what, session, response) => ok(response).end('o\nc[1002,"Connection interrupted"]\n');
    const { url } = await start(t, script);
    assert.deepEqual(await open(url).until(2), ['open', 'close 1006 Connection interrupted']);
});

test('WebSocket first; SockJS once it has failed twice; WebSocket again after ten minutes', () => {
    let kept = null;
    const clock = new Clock();
    const env = environment({ now: clock.now, memory: { get: () => kept, set: (text) => { kept = text; } } });
    const carriers = new Carriers(env);
    const uses = () => (carriers.pick().WebSocket === env.WebSocket ? 'websocket' : 'sockjs');
    assert.equal(uses(), 'websocket');
    assert.equal(carriers.blocked(), false);
    assert.equal(uses(), 'websocket');
    carriers.welcomed();
    assert.equal(uses(), 'websocket');
    assert.equal(carriers.blocked(), false, 'not two in a row');
    assert.equal(uses(), 'websocket');
    assert.equal(carriers.blocked(), true);
    assert.equal(uses(), 'sockjs');
    carriers.welcomed();
    assert.equal(uses(), 'sockjs');
    clock.advance(10 * 60_000);
    assert.equal(uses(), 'websocket', 'tried again');
    assert.equal(carriers.blocked(), true, 'one failure is enough by now');
    assert.equal(uses(), 'sockjs');
    // Another page of this tab knows.
    assert.notEqual(new Carriers(env).pick().WebSocket, env.WebSocket);
    assert.equal(carriers.blocked(), false, 'where neither works it is not the carrier');
    assert.equal(uses(), 'websocket');
    // Who brings a WebSocket of their own gets no other.
    const own = new Carriers(environment({ WebSocket: class {} }));
    own.pick();
    assert.deepEqual([own.blocked(), own.blocked()], [false, false]);
});
