/** The REST calls about chat, and uploads to a room. */

import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import { load, test } from './support.mjs';

const { Chats } = await load('chats');
const { environment } = await load('env');
const { roomOf, seqOf } = await load('chat-protocol');

const ROOM = 'caaaaaaaaaaaaaaa';

/** A server that answers each request with the next of `answers`, and remembers what was asked. */
async function setUp(t, ...answers) {
    const asked = [];
    const server = http.createServer(async (request, response) => {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        const { method, url, headers } = request;
        asked.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
        const [status, body] = answers.shift();
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(body === undefined ? undefined : JSON.stringify(body));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
        server.closeAllConnections();
        server.close();
    });
    const base = `http://127.0.0.1:${server.address().port}`;
    return { asked, chats: new Chats(environment(), base, () => 'a.b.c') };
}

test('each call asks as documented, with the token of the moment', async (t) => {
    const ok = [200, {}];
    const { asked, chats } = await setUp(t, ok, ok, ok, ok, ok, ok, ok, ok, ok, [204]);
    await chats.myRooms();
    await chats.createGroup('과학');
    await chats.groups('a&b', 'x=');
    await chats.groups('');
    await chats.join(ROOM);
    await chats.direct('kim@x');
    await chats.people('김 하');
    await chats.history(ROOM, { before: 12, limit: 50 });
    await chats.search('100%', { room: ROOM, before: 'c1' });
    assert.deepEqual(await chats.leave(ROOM), { ok: true, value: undefined });
    assert.deepEqual(
        asked.map(({ method, url }) => `${method} ${decodeURIComponent(url)}`),
        [
            'GET /chat/my/rooms',
            'POST /chat/room/group/create',
            'GET /chat/room/group/list?q=a&b&after=x=',
            'GET /chat/room/group/list',
            `POST /chat/room/group/${ROOM}/join`,
            'POST /chat/room/private/create',
            'GET /chat/people?q=김+하',
            `GET /chat/history/${ROOM}?before=12&limit=50`,
            `GET /chat/search?q=100%&room=${ROOM}&before=c1`,
            `DELETE /chat/room/group/${ROOM}/leave`,
        ],
    );
    assert.ok(asked.every(({ headers }) => headers.authorization === 'Bearer a.b.c'));
    assert.equal(asked[1].body, '{"name":"과학"}');
    assert.equal(asked[5].body, '{"userId":"kim@x"}');
});

test('refusals are data', async (t) => {
    const body = { error: { code: 'not_member', message: 'You are not in this room.' } };
    const { chats } = await setUp(t, [403, body]);
    const answer = await chats.history(ROOM);
    assert.deepEqual([answer.ok, answer.status, answer.code], [false, 403, 'not_member']);
});

/** An XMLHttpRequest that answers at once. */
function xhrThat(status, text) {
    const seen = {};
    class Xhr {
        upload = { onprogress: null };
        status = status;
        responseText = text;
        open(method, url) {
            Object.assign(seen, { method, url, headers: {} });
        }
        setRequestHeader(name, value) {
            // As browsers do: what is no byte is refused.
            if (/[^\x00-\xff]/.test(value)) throw new TypeError('not a ByteString');
            seen.headers[name] = value;
        }
        getResponseHeader = () => null;
        send(body) {
            seen.body = body;
            this.upload.onprogress({ loaded: 1, total: 2 });
            this.onload();
        }
        abort() {
            this.onabort();
        }
    }
    return { Xhr, seen };
}

test('a file goes out with its name, and its message comes back', async () => {
    const chats = new Chats(environment(), 'http://x', () => 'a.b.c');
    const message = { id: `${ROOM}.3`, messageType: 'file' };
    const { Xhr, seen } = xhrThat(201, JSON.stringify(message));
    const file = new Blob(['hello'], { type: 'text/plain' });
    const told = [];
    const answer = await chats.upload(ROOM, file, '한글 \ud83d.txt', {
        ref: 'r-1',
        XMLHttpRequest: Xhr,
        onProgress: (fraction) => told.push(fraction),
    });
    assert.deepEqual(answer, { ok: true, value: message });
    assert.equal(seen.url, `http://x/chat/room/${ROOM}/files`);
    assert.equal(seen.headers['content-type'], 'text/plain');
    assert.equal(decodeURIComponent(seen.headers['x-file-name']), '한글 \ufffd.txt');
    assert.equal(seen.headers['x-ref'], 'r-1');
    assert.deepEqual(told, [0.5]);
    const refused = xhrThat(413, '{"error":{"code":"body_too_large","message":"x"}}');
    const no = await chats.upload(ROOM, file, 'x', { XMLHttpRequest: refused.Xhr });
    assert.deepEqual([no.ok, no.code], [false, 'body_too_large']);
    const odd = xhrThat(200, 'a proxy');
    assert.equal((await chats.upload(ROOM, file, 'x', { XMLHttpRequest: odd.Xhr })).code, 'bad_answer');
});

test('a message’s id says its room and its place', () => {
    assert.equal(seqOf(`${ROOM}.12`), 12);
    for (const odd of ['', undefined, 'x', 'x.', '.-1', `${ROOM}.99999999999999999999`]) {
        assert.equal(seqOf(odd), 0);
    }
    assert.equal(roomOf(`${ROOM}.12`), ROOM);
    assert.equal(roomOf('x'), '');
});
