// What takes longer, or is silent for longer, than HAProxy's time-outs. They are shorter here than in scripts/haproxy.cfg, and
// servers ping more often; which of them is longer than which stays as it is.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { bytesOf } from '../integration/chat-files.mjs';
import { group, somebody } from '../integration/chat-rest.mjs';
import { joinClass, openClass, say } from '../integration/classroom.mjs';
import * as feed from '../integration/feed.mjs';
import { ROOT, limit, removeDir, runBinary, tempDir, waitFor } from '../integration/harness.mjs';
import { png } from '../integration/pictures.mjs';
import { closeAll, connectSockJS } from '../integration/sockjs.mjs';
import { follow, publish, stompJs } from '../integration/stomp.mjs';
import { startSite, tls } from './site.mjs';

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // sockjs-client cannot be told whom to trust

const SILENCE = limit(3000); // in the place of `timeout client` and `timeout server`
const LONG = 2.5 * SILENCE;
const CHANNEL = 'community_monitor';
const dir = tempDir('patience');
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
let site;
let proxy;

/** scripts/haproxy.cfg with shorter time-outs. */
function hasty(text) {
    let count = 0;
    const edited = text.replace(/^( *timeout (client|server) +)30s$/gm, (_, head) => { count++; return `${head}${SILENCE}ms`; });
    assert.equal(count, 2);
    return edited;
}

before(async () => {
    site = await startSite({ edit: hasty, env: {
        LECTERN_PING_S: 1, LECTERN_IMAGE_TIMEOUT_MS: Math.min(300000, 4 * LONG), LECTERN_STORE_URL: `sqlite:${dir}/lectern.db`,
        LECTERN_FILES_URL: `file:${dir}/files`,
    } });
    ({ proxy } = site);
});
after(async () => {
    closeAll();
    await site?.stop();
    removeDir(dir);
});

test('scripts/haproxy.cfg waits longer than Lectern is silent', async () => {
    const text = readFileSync(path.join(ROOT, 'scripts/haproxy.cfg'), 'utf8');
    const seconds = (name) => Number(new RegExp(`^ *timeout ${name} +(\\d+)s`, 'm').exec(text)[1]);
    const help = await runBinary(['--help']);
    const ping = Number(/LECTERN_PING_S[^]*?default:? *(\d+)/.exec(help.stdout)[1]);
    assert.ok(seconds('client') > ping && seconds('server') > ping, 'streams and polls');
    assert.ok(seconds('tunnel') > 2 * ping, 'WebSockets');
});

test('whoever says nothing stays connected, by whatever protocol', async () => {
    const { code, host, students: [quiet] } = await openClass(proxy, { students: ['s1'], options: tls() });
    const viaSockJS = await Promise.all(['websocket', 'xhr-streaming', 'xhr-polling'].map((transport, i) =>
        connectSockJS(proxy, { room: code, token: somebody({ id: `k${i}` }).token, transports: [transport] })));
    const stomp = await stompJs(proxy, { user: { sub: 'p1' }, heartbeatIncoming: 0, heartbeatOutgoing: 0,
        webSocketFactory: () => new WebSocket(`${proxy.wsUrl}/stomp`, ['v12.stomp'], tls().options) });
    const topic = await follow(stomp, `/topic/room/${code}`);
    const board = await feed.follow(proxy, { channels: CHANNEL, ...tls() });
    await pause(LONG);
    const students = [quiet, ...viaSockJS];
    await say(host, 'student', 'still there?');
    for (const student of students) {
        assert.equal((await student.next('send')).message, 'still there?');
        assert.equal(student.closeInfo, undefined);
        await say(student, 'teacher', 'yes');
    }
    await waitFor(() => topic.messages.length === 1, { what: 'the message by STOMP' });
    await publish(stomp, { destination: `/app/${code}`, body: '"yes"' });
    assert.deepEqual([stomp.connects, stomp.closes.length], [1, 0]);
    await feed.settled(board);
    await stomp.end();
    await Promise.all([board, host].map((client) => client.close()));
});

/** A file whose bytes take LONG to come; resolves with the answer. */
function uploadSlowly(who, room) {
    const body = bytesOf(400_000, 7);
    const step = Math.ceil(body.length / 40);
    return new Promise((resolve, reject) => {
        const request = https.request(`${proxy.url}/chat/room/${room}/files`, { method: 'POST', agent: false, headers: {
            Authorization: `Bearer ${who.token}`, 'Content-Length': body.length, 'Content-Type': 'application/octet-stream',
            'X-File-Name': 'slow.bin',
        } }, async (response) => {
            let text = '';
            for await (const chunk of response.setEncoding('utf8')) text += chunk;
            resolve({ status: response.statusCode, text, body });
        }).on('error', reject);
        (async () => {
            for (let at = 0; at < body.length; at += step) {
                request.write(body.subarray(at, at + step));
                await pause(LONG / 40);
            }
            request.end();
        })();
    });
}

test('a file that comes slowly is taken', async () => {
    const who = somebody();
    const room = (await group(site.servers[0], 'r', who)).id;
    const { status, text, body } = await uploadSlowly(who, room);
    assert.equal(status, 201, text);
    const { buffer } = await proxy.request('GET', JSON.parse(text).message.url);
    assert.ok(buffer.equals(body));
});

/** The decoders of images that work now. */
function decoders() {
    const parents = new Set(site.servers.map(({ pid }) => String(pid)));
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
        try {
            const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
            return parents.has(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        } catch {
            return false; // it has ended meanwhile
        }
    }).map(Number);
}

test('an image that is decoded for long is answered for, in a class and in a chat', async () => {
    const { code, host } = await openClass(proxy, { options: tls() });
    const who = somebody();
    const room = (await group(site.servers[0], 'pictures', who)).id;
    const teacher = somebody({ type: 'teacher', id: 't1' });
    const file = png(2500, 2500);
    for (const [target, { token }, status] of [[`/rooms/${code}/images`, teacher, 200], [`/chat/room/${room}/files`, who, 201]]) {
        const answer = proxy.request('POST', target, { body: file, timeout: limit(60000), headers: {
            Authorization: `Bearer ${token}`, 'Content-Type': 'image/png', 'X-File-Name': 'a.png' } });
        const pid = await waitFor(() => decoders()[0], { what: 'a decoder', every: 1, timeout: limit(20000) });
        process.kill(pid, 'SIGSTOP');
        await pause(LONG);
        process.kill(pid, 'SIGCONT');
        const { status: got, text } = await answer;
        assert.equal(got, status, text);
    }
    await host.close();
});
