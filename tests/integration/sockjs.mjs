// SockJS for tests: its requests one by one, streams whose frames can be waited for, and clients that speak it by the
// `sockjs-client` package but look like the harness's own.

import { EventEmitter } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import SockJS from 'sockjs-client';
import { api, Client, freePort, limit, randomId, waitFor } from './harness.mjs';

/** A session's address: /sockjs/ws/042/<random id>. */
export const sessionPath = (service = 'ws', session = randomId('session')) => `/sockjs/${service}/042/${session}`;

/** A poll's answer. */
export const poll = (server, path, options) => api(server, 'POST', path.replace(/(?=\?|$)/, '/xhr'), options);

/** Sends messages; the answer. */
export const push = (server, path, messages, options) =>
    api(server, 'POST', path.replace(/(?=\?|$)/, '/xhr_send'), { body: JSON.stringify(messages), ...options });

/**
 * A request that stays open: {status, headers, text(), frame(test), ended, abort()}. frame() waits for a line that is new
 * and begins with (or is) `wanted`, and hands each out once.
 */
export function stream(server, path, { method = 'POST', headers = {}, agent = false } = {}) {
    return new Promise((resolve, reject) => {
        const request = http.request({ host: '127.0.0.1', port: server.port, path, method, headers: {
            ...(method === 'POST' ? { 'Content-Length': 0 } : {}), ...headers }, agent });
        request.on('error', reject);
        request.on('response', (response) => {
            let text = '';
            let at = 0;
            const self = { status: response.statusCode, headers: response.headers, over: false, text: () => text };
            self.ended = new Promise((done) => {
                response.on('close', () => { self.over = true; done(response.complete); });
            });
            response.on('error', () => {});
            response.on('data', (chunk) => { text += chunk; });
            self.abort = () => request.destroy();
            self.frame = async (wanted = '', { timeout = limit(5000) } = {}) => {
                let found;
                await waitFor(() => {
                    const end = text.indexOf('\n', at);
                    if (end < 0 && self.over) throw new Error(`ended before ${wanted}: ${text.slice(-300)}`);
                    if (end < 0) return false;
                    const line = text.slice(at, end);
                    at = end + 1;
                    if (line.startsWith(wanted)) found = line;
                    return found !== undefined;
                }, { timeout, what: `a frame ${wanted}`, every: 5 });
                return found;
            };
            resolve(self);
        });
        request.end();
    });
}

/** sockjs-client's socket as the `ws` package's: what the harness's Client needs of it. */
class Adapter extends EventEmitter {
    constructor(url, options) {
        super();
        this.sock = new SockJS(url, null, options);
        this.sock.onopen = () => this.emit('open');
        this.sock.onmessage = ({ data }) => this.emit('message', Buffer.from(data), false);
        this.sock.onclose = ({ code, reason }) => this.emit('close', code, Buffer.from(reason ?? ''));
    }

    get transport() { return this.sock.transport; }
    send(text) { this.sock.send(text); }
    close(code, reason) { this.sock.close(code, reason); }
    terminate() { this.sock.close(); }
}

const opened = new Set();

/** Closes the clients that are still open. */
export const closeAll = () => { for (const client of opened) client.ws.close(); };

/** A client by sockjs-client: options `service`, `room`, `token`, `query`, `transports` (all by default). */
export async function connectSockJS(server, { service = 'ws', room, token, query = {}, transports, welcome = service === 'ws' } = {}) {
    const url = new URL(`/sockjs/${service}`, server.url);
    for (const [name, value] of Object.entries({ room, token, ...query })) {
        if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const client = new Client(new Adapter(url.href, { transports, timeout: limit(5000) }));
    opened.add(client);
    client.closed.then(() => opened.delete(client));
    await Promise.race([new Promise((resolve) => { client.ws.once('open', resolve); }), client.closed]);
    if (client.closeInfo) throw new Error(`not opened: ${JSON.stringify(client.closeInfo)}`);
    if (welcome) client.welcome = await client.next({ messageType: 'welcome' });
    return client;
}

/** A proxy in front of a server that lets everything through but WebSocket: {port, url, upgrades, stop()}. */
export async function startNoWebSocket(server) {
    const port = await freePort();
    const sockets = new Set();
    const self = { port, url: `http://127.0.0.1:${port}`, wsUrl: `ws://127.0.0.1:${port}`, upgrades: 0 };
    const listener = net.createServer((client) => {
        sockets.add(client);
        client.on('error', () => {}).on('close', () => sockets.delete(client));
        client.once('data', (head) => {
            if (/^upgrade:/im.test(head.toString('latin1'))) {
                self.upgrades += 1;
                client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
                return;
            }
            const onward = net.connect({ host: '127.0.0.1', port: server.port });
            sockets.add(onward);
            onward.on('error', () => client.destroy()).on('close', () => { sockets.delete(onward); client.destroy(); });
            client.on('close', () => onward.destroy());
            onward.write(head);
            client.pipe(onward).pipe(client);
        });
    });
    await new Promise((resolve) => { listener.listen(port, '127.0.0.1', resolve); });
    self.stop = () => new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        listener.close(resolve);
    });
    return self;
}
