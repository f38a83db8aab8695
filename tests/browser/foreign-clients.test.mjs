/**
 * The clients that people already have, in a page of their own on another port: sockjs-client and
 * @stomp/stompjs from npm, as browsers run them, with CORS and the rules for origins.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { openClass } from '../integration/classroom.mjs';
import { serviceToken, post } from '../integration/feed.mjs';
import { ROOT, freePort, limit, mintToken } from '../integration/harness.mjs';
import { LAPTOP, openPage, serveFiles, startAll } from './support.mjs';

const SCRIPTS = {
    '/sockjs.js': 'node_modules/sockjs-client/dist/sockjs.min.js',
    '/stomp.js': 'node_modules/@stomp/stompjs/bundles/stomp.umd.min.js',
};
const PAGE = `<!doctype html><html lang="en"><head><link rel="icon" href="data:,"><title>other</title>
${Object.keys(SCRIPTS).map((src) => `<script src="${src}"></script>`).join('\n')}</head><body></body></html>`;

/** How sockjs-client names its ways. */
const TRANSPORTS = ['websocket', 'xhr-streaming', 'xhr-polling', 'eventsource'];

async function servePage(t, port) {
    const files = { '/': ['text/html', PAGE] };
    for (const [url, file] of Object.entries(SCRIPTS)) {
        files[url] = ['text/javascript', await readFile(path.join(ROOT, file), 'utf8')];
    }
    await serveFiles(t, port, files);
}

/**
 * In the page: connects by STOMP, over SockJS with one transport or over a WebSocket, follows a room,
 * says `word` with a receipt, and resolves with what it was told.
 */
function talk({ base, transport, token, code, word }) {
    return new Promise((resolve, reject) => {
        const told = { transport: null, messages: [] };
        const client = new window.StompJs.Client({
            webSocketFactory: () => {
                if (!transport) return new WebSocket(`${base.replace('http', 'ws')}/stomp`, ['v12.stomp']);
                return new window.SockJS(`${base}/sockjs/stomp`, null, { transports: [transport] });
            },
            connectHeaders: { Authorization: `Bearer ${token}` },
            reconnectDelay: 0,
            onStompError: (frame) => reject(new Error(frame.headers.message)),
            onWebSocketClose: ({ code: number, reason }) => resolve({ ...told, closed: [number, reason] }),
            onConnect: () => {
                told.transport = client.webSocket.transport ?? 'raw';
                client.watchForReceipt('joined', () => {
                    client.publish({ destination: `/app/${code}`, body: JSON.stringify({ message: word }) });
                });
                client.subscribe(`/topic/room/${code}`, ({ body }) => {
                    const { message, type } = JSON.parse(body);
                    if (type === 'TALK') told.messages.push(message);
                    if (message === `${word}?`) void client.deactivate();
                }, { receipt: 'joined' });
            },
        });
        client.activate();
    });
}

/** In the page: follows the feed by sockjs-client until an event has come. */
function follow({ base, transport, token }) {
    return new Promise((resolve) => {
        const sock = new window.SockJS(`${base}/sockjs/monitor?token=${token}`, null, { transports: [transport] });
        const told = [];
        let used = null;
        sock.onopen = () => {
            used = sock.transport;
        };
        sock.onmessage = ({ data }) => {
            const message = JSON.parse(data);
            told.push(message.type);
            if (message.type === 'welcome') document.title = `welcome ${transport}`;
            else sock.close(1000, 'enough');
        };
        sock.onclose = ({ code }) => resolve({ told, code, used });
    });
}

test('clients of others, in a page on another port', { timeout: limit(180_000) }, async (t) => {
    const port = await freePort();
    const strange = await freePort();
    const all = await startAll(t, { env: { LECTERN_ORIGINS: `http://lectern.test:${port}` } });
    const { server, browser, origin: base } = all;
    await servePage(t, port);
    await servePage(t, strange);
    const { code, host } = await openClass(server, { query: { talk: 'all' } });
    const { page, complaints } = await openPage(t, browser, { locale: 'en-US', ...LAPTOP });
    await page.goto(`http://lectern.test:${port}/`);

    for (const transport of [null, ...TRANSPORTS]) {
        await t.test(`STOMP by ${transport ?? 'a WebSocket'}`, async () => {
            const word = `by ${transport ?? 'itself'} 안녕`;
            const user = `p-${transport ?? 'raw'}`;
            const result = page.evaluate(talk, { base, transport, token: mintToken({ sub: user }), code, word });
            assert.equal((await host.next({ sender: user, messageType: 'send' })).message, word);
            host.send({ targetType: 'student', messageType: 'send', message: `${word}?` });
            const { messages, closed, transport: used } = await result;
            assert.deepEqual(messages, [word, `${word}?`]);
            assert.equal(closed[0], 1000);
            assert.equal(used, transport ?? 'raw');
            assert.equal((await host.next('leave')).message.reason, 'left');
        });
    }

    for (const transport of TRANSPORTS) {
        await t.test(`events by ${transport}`, async () => {
            const result = page.evaluate(follow, { base, transport, token: serviceToken('*') });
            await page.waitForFunction((title) => document.title === title, `welcome ${transport}`);
            await post(server, 'exe_monitor', { n: 1 });
            assert.deepEqual(await result, { told: ['welcome', 'exe_monitor'], code: 1000, used: transport });
        });
    }
    assert.deepEqual(complaints(), []);

    await t.test('a page whose origin is not configured gets nothing', async (t) => {
        const { page: other } = await openPage(t, browser, { locale: 'en-US', ...LAPTOP });
        await other.goto(`http://lectern.test:${strange}/`);
        for (const transport of [null, ...TRANSPORTS]) {
            const { messages, closed, transport: used } = await other.evaluate(talk,
                { base, transport, token: mintToken({ sub: 'stranger' }), code, word: 'never' });
            assert.deepEqual([messages, used], [[], null]);
            assert.notEqual(closed[0], 1000, `${transport}`);
        }
        assert.equal(host.all({ sender: 'stranger' }).length, 0);
    });
    await host.close();
});
