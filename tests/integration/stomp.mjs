// STOMP for the tests: a plain client that writes frames byte for byte and reads what comes back, and the client that
// others wrote (@stomp/stompjs), with its reconnecting and heart-beats on.

import { Client as StompJs } from '@stomp/stompjs';
import WebSocket from 'ws';
import { connect, limit, mintToken, waitFor, within } from './harness.mjs';

const UNESCAPED = { '\\n': '\n', '\\r': '\r', '\\c': ':', '\\\\': '\\' };

/** A frame's text taken apart: {command, headers (the first of each name), body}. */
export function parseFrame(text) {
    const end = text.indexOf('\n\n');
    const [command, ...lines] = text.slice(0, end).split('\n');
    const headers = {};
    for (const line of lines) {
        const colon = line.indexOf(':');
        const unescape = (part) => (command === 'CONNECTED' ? part : part.replace(/\\[nrc\\]/g, (pair) => UNESCAPED[pair]));
        const name = unescape(line.slice(0, colon));
        headers[name] ??= unescape(line.slice(colon + 1));
    }
    const rest = text.slice(end + 2);
    return { command, headers, body: rest.slice(0, rest.lastIndexOf('\0')), text };
}

export function frameText(command, headers = {}, body = '') {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    return `${command}\n${lines.join('')}\n${body}\0`;
}

/** A STOMP connection over a WebSocket, or over whatever `socket` is (next(), sendRaw(), closed, close()). */
export class Stomp {
    constructor(socket) {
        this.socket = socket;
        this.receipts = 0;
    }

    send(command, headers, body) {
        this.socket.sendRaw(frameText(command, headers, body));
    }

    /** The next frame of that command whose headers have these values. */
    async next(command, headers = {}, options = {}) {
        const text = await this.socket.next((message) => {
            if (typeof message !== 'string' || !message.startsWith(`${command}\n`)) return false;
            const frame = parseFrame(message);
            return Object.entries(headers).every(([name, value]) => frame.headers[name] === value);
        }, options);
        return parseFrame(text);
    }

    /** All frames of that command so far. */
    all(command) {
        return this.socket.messages.filter((text) => typeof text === 'string' && text.startsWith(`${command}\n`)).map(parseFrame);
    }

    /** Sends a frame with a receipt, and resolves when that comes. */
    async request(command, headers = {}, body = '') {
        const receipt = `r-${++this.receipts}`;
        this.send(command, { ...headers, receipt }, body);
        return this.next('RECEIPT', { 'receipt-id': receipt });
    }

    subscribe(id, destination, more = {}) {
        return this.request('SUBSCRIBE', { id, destination, ...more });
    }

    /** The body of the next MESSAGE of a room that has these values, others are passed over. */
    async event(match = {}) {
        for (;;) {
            const event = JSON.parse((await this.next('MESSAGE')).body);
            if (Object.entries(match).every(([name, value]) => event[name] === value)) return event;
        }
    }

    /** The next refusal on /user/queue/errors (subscription `errors`). */
    async refusal(match = {}, options = {}) {
        for (;;) {
            const frame = await this.next('MESSAGE', { subscription: 'errors' }, options);
            const error = JSON.parse(frame.body);
            if (Object.entries(match).every(([name, value]) => error[name] === value)) return error;
        }
    }

    /** The ERROR frame that ends the connection, its JSON and the close. */
    async error() {
        const frame = await this.next('ERROR');
        const close = await within(this.socket.closed, limit(5000), 'close behind ERROR');
        return { ...frame, json: JSON.parse(frame.body), close };
    }
}

/** A socket to /stomp on which no CONNECT was sent yet. */
export async function openStomp(server, { protocols = ['v12.stomp'], ...options } = {}) {
    return new Stomp(await connect(server, { path: '/stomp', protocols, welcome: false, ...options }));
}

/** A connected one; `user` are mintToken's options, `headers` CONNECT's further ones. */
export async function connectStomp(server, user = {}, { version = '1.2', headers = {}, errors = false, ...options } = {}) {
    const stomp = await openStomp(server, options);
    const token = mintToken({ secret: server.secret, ...user });
    const accept = version === '1.0' ? {} : { 'accept-version': version };
    stomp.send('CONNECT', { ...accept, host: 'lectern', Authorization: `Bearer ${token}`, ...headers });
    stomp.connected = await stomp.next('CONNECTED');
    if (errors) await stomp.subscribe('errors', '/user/queue/errors');
    return stomp;
}

/**
 * A @stomp/stompjs client that has been activated. Options: `user` (mintToken's), `url` (or a function), and those of stompjs. What it is told
 * is in `errors`, `closes`; `connects` counts the CONNECTED frames. end() deactivates it.
 */
export async function stompJs(server, { user = {}, url = `${server.wsUrl}/stomp`, wait = true, ...options } = {}) {
    const client = new StompJs({
        ...('webSocketFactory' in options ? {} : {
            webSocketFactory: () => new WebSocket(typeof url === 'function' ? url() : url, ['v12.stomp', 'v11.stomp', 'v10.stomp']),
        }),
        connectHeaders: { Authorization: `Bearer ${mintToken({ secret: server.secret, ...user })}` },
        reconnectDelay: 100, heartbeatIncoming: 10000, heartbeatOutgoing: 10000,
        ...options,
    });
    client.errors = [];
    client.closes = [];
    client.connects = 0;
    const onConnect = options.onConnect ?? (() => {});
    client.onConnect = (frame) => { client.connects++; onConnect(frame); };
    client.onStompError = (frame) => client.errors.push(frame);
    client.onWebSocketClose = (event) => client.closes.push(event);
    client.end = () => client.deactivate({ force: true });
    client.activate();
    if (wait) await waitFor(() => client.connects > 0, { what: 'CONNECTED' });
    return client;
}

/** Sends by stompjs with a receipt, and resolves with it; `error` rejects where the socket ends instead. */
export function publish(client, frame) {
    const receipt = `p-${Math.random().toString(36).slice(2)}`;
    return within(new Promise((resolve) => {
        client.watchForReceipt(receipt, resolve);
        client.publish({ ...frame, headers: { receipt, ...frame.headers } });
    }), limit(5000), 'receipt');
}

/** Subscribes by stompjs and resolves with {id, messages, unsubscribe} once the room is joined. */
export async function follow(client, destination, headers = {}) {
    const receipt = `s-${Math.random().toString(36).slice(2)}`;
    const messages = [];
    const joined = new Promise((resolve) => { client.watchForReceipt(receipt, resolve); });
    const subscription = client.subscribe(destination, (frame) => {
        messages.push({ ...JSON.parse(frame.body), frame });
    }, { receipt, ...headers });
    await within(joined, limit(5000), 'receipt of SUBSCRIBE');
    return { ...subscription, messages };
}
