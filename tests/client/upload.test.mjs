// uploadImage() against a real HTTP server, by an XMLHttpRequest made of Node's own parts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { Clock, load, test } from './support.mjs';

const { uploadImage } = await load('upload');

const IMAGE = { url: '/files/a', thumbUrl: '/files/a.t', width: 4, height: 3, bytes: 77 };

/** What uploadImage() uses of XMLHttpRequest. `pieces`: the body goes out in so many, each told of. */
class Xhr {
    static pieces = 4;

    constructor() {
        this.status = 0;
        this.responseText = '';
        this.upload = { onprogress: null };
        this.headers = {};
    }

    open(method, url) {
        Object.assign(this, { method, url });
    }

    setRequestHeader(name, value) {
        this.headers[name] = value;
    }

    getResponseHeader(name) {
        return this.response.headers[name] ?? null;
    }

    async send(body) {
        const bytes = Buffer.from(await body.arrayBuffer());
        const headers = { ...this.headers, 'content-length': bytes.length };
        this.request = http.request(this.url, { method: this.method, headers, agent: false });
        this.request.on('error', () => this.over('onerror'));
        this.request.on('response', async (response) => {
            this.response = response;
            const text = [];
            for await (const piece of response) text.push(piece);
            this.status = response.statusCode;
            this.responseText = Buffer.concat(text).toString();
            this.over('onload');
        });
        const size = Math.ceil(bytes.length / Xhr.pieces) || 1;
        for (let at = 0; at < bytes.length; at += size) {
            this.request.write(bytes.subarray(at, at + size));
            this.upload.onprogress?.({ loaded: Math.min(at + size, bytes.length), total: bytes.length });
        }
        this.request.end();
    }

    over(how) {
        if (this.done) return;
        this.done = true;
        this[how]?.({});
    }

    abort() {
        this.over('onabort');
        this.request?.destroy();
    }
}

/** A server with one answer for every request; `requests` are those that came, with their bodies. */
async function serve(context, status, body, headers = {}) {
    const requests = [];
    const server = http.createServer(async (request, response) => {
        const bytes = [];
        for await (const piece of request) bytes.push(piece);
        requests.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(bytes) });
        if (status === 0) return; // never
        response.writeHead(status, { connection: 'close', ...headers });
        response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    context.after(() => {
        server.closeAllConnections();
        server.close();
    });
    return { base: `http://127.0.0.1:${server.address().port}`, requests };
}

const env = { setTimeout, clearTimeout };
const image = new Blob([new Uint8Array(1000).fill(7)], { type: 'image/png' });
const send = (base, options = {}, using = env) =>
    uploadImage(using, base, 'FTYXPM', 'jwt', image, { XMLHttpRequest: Xhr, ...options });

test('sends the bytes with the token, tells how far it is, and returns what the server made of it', async (context) => {
    const { base, requests } = await serve(context, 200, IMAGE);
    const told = [];
    const answer = await send(base, { onProgress: (fraction) => told.push(fraction) });
    assert.deepEqual(answer, { ok: true, value: IMAGE });
    assert.deepEqual(told, [0.25, 0.5, 0.75, 1]);
    const [{ method, url, headers, body }] = requests;
    assert.equal(`${method} ${url}`, 'POST /rooms/FTYXPM/images');
    assert.equal(headers.authorization, 'Bearer jwt');
    assert.equal(headers['content-type'], 'image/png');
    assert.deepEqual(body, Buffer.alloc(1000, 7));
});

test('a refusal is told by its code, with the time to wait', async (context) => {
    const error = { code: 'images_busy', message: 'Many images …' };
    const { base } = await serve(context, 503, { error }, { 'retry-after': '3' });
    assert.deepEqual(await send(base), { ok: false, status: 503, ...error, retryAfterMs: 3000 });
});

test('what is not the server\'s is a bad answer', async (context) => {
    for (const [status, body] of [[200, '<html>'], [200, '{"url":"/files/a"}'], [502, 'bad gateway'], [200, 'null']]) {
        const { base } = await serve(context, status, body);
        const { ok, code, ...rest } = await send(base);
        assert.deepEqual([ok, code, rest.status], [false, 'bad_answer', status]);
    }
});

test('a server that is not there', async (context) => {
    const { base } = await serve(context, 200, IMAGE);
    const { ok, code, status } = await send(base.replace(/\d+$/, '1'));
    assert.deepEqual([ok, code, status], [false, 'unreachable', 0]);
});

test('can be given up before and while it is under way', async (context) => {
    const { base, requests } = await serve(context, 0);
    assert.equal((await send(base, { signal: AbortSignal.abort() })).code, 'aborted');
    assert.equal(requests.length, 0);
    const controller = new AbortController();
    const answer = send(base, { signal: controller.signal, onProgress: (f) => f === 1 && controller.abort() });
    assert.equal((await answer).code, 'aborted');
});

test('one that gets no further is given up after a minute', async (context) => {
    const { base } = await serve(context, 0);
    const clock = new Clock();
    const sent = new Promise((resolve) => {
        clock.answer = send(base, { onProgress: (fraction) => fraction === 1 && resolve() }, clock);
    });
    await sent;
    clock.advance(59_000);
    assert.equal(await Promise.race([clock.answer, Promise.resolve('waiting')]), 'waiting');
    clock.advance(1_000);
    assert.equal((await clock.answer).code, 'unreachable');
});
