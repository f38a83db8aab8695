/** The connection check against networks that let through, block, hold up and meddle. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { load, test } from '../client/support.mjs';

const { probeHttp, probeSocket, browserName } = await load('../check/probe');
const { environment } = await load('index');
const env = environment({ WebSocket });

/** A server whose health and whose sockets do what the test says. */
async function serve(t, { health = '{"status":"ok"}', status = 200, upgrade, socket }) {
    const server = http.createServer((request, response) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(health);
    });
    const sockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, tcp, head) => {
        if (upgrade) return upgrade(tcp);
        sockets.handleUpgrade(request, tcp, head, (ws) => socket(ws, request.url));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
        for (const ws of sockets.clients) ws.terminate();
        server.closeAllConnections();
        server.close();
    });
    return `http://127.0.0.1:${server.address().port}`;
}

const echo = (change = (text) => text, until = Infinity) => (ws) => {
    let count = 0;
    ws.on('message', (data) => {
        count += 1;
        if (count > until) ws.terminate();
        else ws.send(change(String(data)));
    });
};
const QUICK = { open: 200, echo: 200, count: 5 };

test('a good network: all messages come back, and how fast', async (t) => {
    const urls = [];
    const base = await serve(t, {
        socket: (ws, url) => {
            urls.push(url);
            echo()(ws);
        },
    });
    assert.equal(await probeHttp(env, base), 'ok');
    const seen = [];
    const trip = await probeSocket(env, base, (back) => seen.push(back), { count: 5 });
    assert.deepEqual([trip.ws, trip.lost], ['ok', 0]);
    assert.ok(trip.rttMs >= 0 && trip.rttMaxMs >= trip.rttMs);
    assert.deepEqual(seen, [1, 2, 3, 4, 5]);
    assert.deepEqual(urls, ['/echo']);
});

test('no answer, and answers that are not the server’s', async (t) => {
    const closed = http.createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const free = closed.address().port;
    closed.close();
    await once(closed, 'close');
    assert.equal(await probeHttp(env, `http://127.0.0.1:${free}`), 'unreachable');
    const portal = await serve(t, { health: '<html>Sign in</html>', socket: echo() });
    assert.equal(await probeHttp(env, portal), 'intercepted');
    const other = await serve(t, { health: '{"hello":1}', socket: echo() });
    assert.equal(await probeHttp(env, other), 'intercepted');
    const ill = await serve(t, {
        status: 503,
        health: '{"error":{"code":"draining","message":"about to stop"}}',
        socket: echo(),
    });
    assert.equal(await probeHttp(env, ill), 'trouble');
});

test('a refused upgrade', async (t) => {
    const base = await serve(t, {
        upgrade: (tcp) => tcp.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'),
    });
    assert.deepEqual(await probeSocket(env, base, undefined, QUICK), {
        ws: 'refused',
        rttMs: null,
        rttMaxMs: null,
        lost: 0,
    });
});

test('an upgrade that gets no answer', async (t) => {
    const base = await serve(t, { upgrade: () => {} });
    assert.equal((await probeSocket(env, base, undefined, QUICK)).ws, 'timeout');
});

test('a connection that is cut in use', async (t) => {
    const base = await serve(t, { socket: echo(undefined, 2) });
    const trip = await probeSocket(env, base, undefined, QUICK);
    assert.deepEqual([trip.ws, trip.lost], ['cut', 3]);
    assert.equal(typeof trip.rttMs, 'number');
});

test('messages that are held or changed on their way', async (t) => {
    const held = await serve(t, { socket: () => {} });
    assert.equal((await probeSocket(env, held, undefined, QUICK)).ws, 'silent');
    const changed = await serve(t, { socket: echo((text) => text.toUpperCase() + '!') });
    assert.equal((await probeSocket(env, changed, undefined, QUICK)).ws, 'altered');
});

test('browsers are named well enough to know what to look for', () => {
    const mozilla = 'Mozilla/5.0';
    const names = {
        'Chrome 120, Android': `${mozilla} (Linux; Android 10; K) Chrome/120.0.0.0 Mobile Safari`,
        'Samsung Internet 23, Android': `${mozilla} (Android 13) SamsungBrowser/23.0 Chrome/115.0`,
        'Safari 17, iOS': `${mozilla} (iPhone; CPU OS 17_1 like Mac OS X) Version/17.1 Safari/604`,
        'Whale 3, Windows': `${mozilla} (Windows NT 10.0) Chrome/118.0 Whale/3.23 Safari/537.36`,
        'Firefox 121, Linux': `${mozilla} (X11; Linux x86_64) Gecko/20100101 Firefox/121.0`,
        '?': '',
    };
    for (const [name, agent] of Object.entries(names)) assert.equal(browserName(agent), name);
});
