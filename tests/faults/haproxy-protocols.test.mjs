// Everything at once through HAProxy as scripts/haproxy.cfg configures it: a class, a chat room, the event feed and files, by
// the client library, @stomp/stompjs, sockjs-client and REST. Meanwhile a server drains and comes back, the other one is killed
// and comes back, and then one drains while the other is killed. In the end everybody is there again by themselves, everything
// that was acknowledged is there once and in order, and was shown to everybody so.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bytesOf } from '../integration/chat-files.mjs';
import { chat, group, ok, seqOf, somebody } from '../integration/chat-rest.mjs';
import { serviceToken } from '../integration/feed.mjs';
import { api, connect, limit, removeDir, tempDir, waitFor, within } from '../integration/harness.mjs';
import { stores } from '../integration/postgres.mjs';
import { closeAll, connectSockJS } from '../integration/sockjs.mjs';
import { gather } from './checker.mjs';
import { startSite, tls } from './site.mjs';
import { ENV } from './support.mjs';
import { Follower, bySockJS, byRest, byStomp, byWebSocket, inLibrary } from './travellers.mjs';

// sockjs-client and fetch cannot be told whom to trust. That the certificate is checked is haproxy.test.mjs' concern.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

const CHANNEL = 'community_monitor';
const bearer = (token) => ({ Authorization: `Bearer ${token}` });
const asks = (text) => ({ messageType: 'ask', targetType: 'teacher', message: text });

/** Sockets of one server, of any kind. */
async function connections(server) {
    const { text } = await api(server, 'GET', '/metrics');
    return Number(/^lectern_connections (\d+)/m.exec(text)[1]);
}

/** Repeats `act(n)` for n = 1, 2, … until stop(); what it throws is thrown there. */
function repeat(act, every = limit(150)) {
    let over = false;
    const run = async () => {
        for (let n = 1; !over; n++) {
            await act(n, () => over);
            await new Promise((resolve) => { setTimeout(resolve, every * (0.5 + Math.random())); });
        }
    };
    const running = run();
    running.catch(() => {});
    return () => { over = true; return running; };
}

/** Posts events; `accepted` has those that were taken. Sent again, an event would be another one: a new number is taken. */
function publisher(proxy) {
    const self = { accepted: [] };
    self.stop = repeat(async (n) => {
        const answer = await proxy.request('POST', `/events/${CHANNEL}`, {
            headers: { ...bearer(serviceToken('*')), 'Content-Type': 'application/json' }, body: { n },
        }).catch(() => null);
        if (answer?.status === 202) self.accepted.push({ id: JSON.parse(answer.text).id, n });
    });
    return self;
}

/** Uploads files; `kept` has what was answered for. Each is sent again under its ref until it is. */
function uploader(proxy, who, room) {
    const self = { kept: [] };
    self.stop = repeat(async (n) => {
        const body = bytesOf(100_000 + (n * 7919) % 200_000, n);
        const end = Date.now() + limit(60000);
        for (let ref = `file-${n}`, tries = 1; ; tries++) {
            assert.ok(Date.now() < end, 'an upload that never succeeds');
            const answer = await proxy.request('POST', `/chat/room/${room}/files`, { body, timeout: limit(20000), headers: {
                ...bearer(who.token), 'Content-Type': 'application/octet-stream', 'X-File-Name': `${n}.bin`, 'X-Ref': ref,
            } }).catch(() => null);
            const message = [200, 201].includes(answer?.status) ? JSON.parse(answer.text) : null;
            if (message?.message.state === 'ready') {
                self.kept.push({ ...message, body });
                return;
            }
            if (message?.message.state === 'failed') ref = `file-${n}-${tries}`;
            await new Promise((resolve) => { setTimeout(resolve, 50); });
        }
    }, limit(400));
    return self;
}

async function wholeHistory(server, who, room) {
    const messages = [];
    for (let from = 0; ;) {
        const page = ok(await chat(server, who).history(room, { after: from, limit: 200 }));
        messages.push(...page.messages);
        if (!page.more) return messages;
        from = seqOf(page.messages.at(-1));
    }
}

/** Everybody, at work. */
class Scene {
    constructor(site) {
        Object.assign(this, { site, proxy: site.proxy });
    }

    async open(t) {
        const { proxy, site: { servers } } = this;
        this.people = await gather(t, [proxy], { students: 4 });
        const { code } = this.people;
        const kinds = [
            inLibrary, byWebSocket, byRest, ...['websocket', 'xhr-streaming', 'xhr-polling'].map((name) => bySockJS.bind(null, name)),
            byStomp.bind(null, null), byStomp.bind(null, 'xhr-streaming'),
        ];
        this.members = kinds.map(() => somebody());
        this.room = (await group(servers[0], 'r', ...this.members)).id;
        this.chatting = kinds.map((make, i) => make(proxy, this.members[i], this.room));
        this.class = [byStomp.bind(null, null), bySockJS.bind(null, 'xhr-polling'), bySockJS.bind(null, 'websocket')]
            .map((make) => make(proxy, somebody(), code, asks));
        const query = { channels: CHANNEL };
        this.feed = [
            new Follower('a websocket', CHANNEL, ({ since }) => connect(proxy, { path: '/monitor', welcome: false,
                token: serviceToken('*'), query: { ...query, since }, ...tls() })),
            new Follower('sockjs', CHANNEL, ({ since }) => connectSockJS(proxy, { service: 'monitor', token: serviceToken('*'),
                query: { ...query, since }, transports: ['xhr-polling'] })),
        ];
        t.after(async () => {
            await Promise.allSettled([this.events?.stop(), this.files?.stop()]);
            await Promise.allSettled(this.all.map((one) => one.end()));
            closeAll();
        });
        this.asked = [];
        this.people.host.client.on('message', ({ messageType, message }) => {
            if (messageType === 'ask') this.asked.push(message);
        });
        await Promise.all(this.all.map((one) => one.start()));
        this.people.talk({ every: limit(150) });
        for (const one of this.talkers) one.talk();
        this.events = publisher(proxy);
        const uploads = somebody();
        this.files = uploader(proxy, uploads, (await group(servers[0], 'files', uploads)).id);
    }

    get talkers() { return [...this.chatting, ...this.class]; }
    get all() { return [...this.talkers, ...this.feed]; }

    /** Waits until everybody has said `count` things more, and everything has gone on. */
    async more(count = 5) {
        const goals = this.talkers.map(({ acked }) => acked.length + count);
        const [events, files] = [this.events.accepted.length + count, this.files.kept.length + 2];
        await this.people.exchanged(count);
        const lagging = () => this.talkers.filter(({ acked }, i) => acked.length < goals[i]).map(({ name }) => name);
        await waitFor(() => lagging().length === 0 && this.events.accepted.length >= events && this.files.kept.length >= files, {
            timeout: limit(30000), every: 50, what: 'more by everybody',
        }).catch((error) => { throw new Error(`${error.message}; waiting for ${lagging()}, events, or files`); });
    }

    /** Nobody says anything any more, and all that was said is acknowledged. */
    async quiet() {
        await within(Promise.all([this.people.quiet(), this.events.stop(), this.files.stop(),
            ...this.talkers.map((one) => one.hush())]), limit(30000), 'the last acknowledgement');
    }
}

/** The chat room: what is in the store, and what each was shown of it. */
async function assertChat({ site, chatting, members, room }) {
    const history = await wholeHistory(site.servers[0], members[0], room);
    assert.deepEqual(history.map(seqOf), history.map((_, i) => i + 1), 'numbered without holes');
    for (const { name, who, acked, troubles, gaps } of chatting) {
        assert.deepEqual([troubles, gaps], [[], 0], name);
        const numbers = history.filter(({ sender, messageType }) => sender === who.id && messageType === 'send')
            .map(({ message }) => Number(message.split(':')[1]));
        assert.deepEqual(numbers, acked, `${name}: all that was acknowledged is there, once and in order`);
    }
    const ids = history.map(({ id }) => id);
    for (const one of chatting.filter(({ name }) => name !== 'rest')) {
        await waitFor(() => one.since === ids.at(-1), { timeout: limit(20000), what: `the end of the room, by ${one.name}` });
        const first = ids.indexOf(one.shown[0].id);
        assert.ok(first >= 0 && history[first].messageType !== 'send', `${one.name} saw it from the beginning`);
        assert.deepEqual(one.shown.map(({ id }) => id), ids.slice(first), `${one.name} saw each once, in order`);
        const words = (list) => list.filter(({ messageType }) => messageType === 'send').map(({ sender, message }) => [sender, message]);
        assert.deepEqual(words(one.shown), words(history), `${one.name} saw what was said`);
    }
}

/** The class: the library's people among themselves, and those who take part by STOMP and SockJS. */
async function assertClass({ people, class: others, asked }) {
    await people.verify();
    const expected = people.all.flatMap(({ said }) => said)
        .filter(({ target, targetType }) => target === undefined && targetType !== 'teacher');
    for (const { name, who, shown, acked, troubles, gaps } of others) {
        assert.deepEqual([troubles, gaps], [[], 0], name);
        const said = () => shown.filter(({ messageType }) => messageType === 'say');
        const open = ({ id }) => expected.some((word) => word.id === id);
        await waitFor(() => new Set(said().filter(open).map(({ id }) => id)).size === expected.length,
            { timeout: limit(20000), what: `all that was said, by ${name}` });
        assert.equal(said().length, expected.length, `${name}: nothing twice, and nothing for others`);
        for (const { id: sender } of people.all) {
            assert.deepEqual(said().filter((word) => word.sender === sender).map(({ message }) => message.n),
                expected.filter((word) => word.sender === sender).map(({ n }) => n), `${name} heard ${sender} in order`);
        }
        const mine = () => asked.filter((text) => text.startsWith(`${who.id}:`)).map((text) => Number(text.split(':')[1]));
        await waitFor(() => mine().length >= acked.length, { timeout: limit(20000), what: `all that was asked by ${name}` });
        assert.deepEqual(mine(), acked, `the host heard what was asked by ${name}, once and in order`);
    }
    const order = ({ shown }) => shown.filter(({ messageType }) => messageType === 'say').map(({ id }) => id);
    for (const other of others.slice(1)) assert.deepEqual(order(other), order(others[0]), 'the room has one order');
}

async function assertFeed({ feed, events }) {
    for (const { name, shown, troubles } of feed) {
        await waitFor(() => shown.at(-1)?.data.n >= events.accepted.at(-1).n, { timeout: limit(20000), what: `all events by ${name}` });
        assert.deepEqual(troubles, [], name);
        const numbers = shown.map(({ data }) => data.n);
        assert.deepEqual(numbers, [...new Set(numbers)].sort((x, y) => x - y), `${name}: each once, in order`);
        const ids = new Set(shown.map(({ id }) => id));
        assert.deepEqual(events.accepted.filter(({ id }) => !ids.has(id)), [], `${name}: all that were accepted`);
    }
}

/** Each file is there whole, and in parts. */
async function assertFiles({ proxy, files: { kept } }) {
    for (const { body, message: { url } } of kept) {
        const whole = await proxy.request('GET', url);
        assert.ok(whole.status === 200 && whole.buffer.equals(body), `${url}: ${whole.status}`);
        const range = await proxy.request('GET', url, { headers: { Range: 'bytes=1000-65999', 'If-Range': whole.headers.etag } });
        assert.equal(range.status, 206);
        assert.equal(range.headers['content-range'], `bytes 1000-65999/${body.length}`);
        assert.ok(range.buffer.equals(body.subarray(1000, 66000)));
    }
    const beyond = await proxy.request('GET', kept[0].message.url, { headers: { Range: 'bytes=9999999-' } });
    assert.equal(beyond.status, 416);
}

for (const kind of stores) {
    describe(`all protocols through HAProxy, on ${kind.name}`, () => {
        let store;
        let site;
        const dir = tempDir('shared');
        before(async () => {
            store = await kind.start();
            // On one machine the servers share a data directory, as in compose.yaml; on several a database and files.
            const shared = kind.name === 'SQLite' ? { LECTERN_DATA_DIR: dir }
                : { LECTERN_FILES_URL: `file:${dir}`, ...await store.fresh() };
            site = await startSite({ env: { ...ENV, LECTERN_LOOPS: 2, ...shared } });
        });
        after(async () => {
            await site?.stop();
            await store?.stop();
            removeDir(dir);
        });

        test('a server drains, the other one is killed: nothing is lost or shown twice, and everybody is back', async (t) => {
            const scene = new Scene(site);
            await scene.open(t);
            await scene.more();

            const [draining, killed] = site.servers;
            assert.ok(await connections(draining) > 0 && await connections(killed) > 0, 'people are on both');
            draining.kill('SIGTERM');
            assert.equal((await within(draining.exited, limit(30000), 'end of the draining server')).code, 0);
            await scene.more();
            await site.revive('one');

            assert.ok(await connections(killed) >= scene.all.length - 1, 'everybody had moved');
            await killed.kill('SIGKILL'); // while the first people come to the other one
            await scene.more();
            await site.revive('two');
            await scene.more();

            // Both at the same time: for a while there is nobody.
            const [one, two] = site.servers;
            one.kill('SIGTERM');
            await two.kill('SIGKILL');
            await one.exited;
            await Promise.all(['one', 'two'].map((id) => site.revive(id)));
            await scene.people.present();
            await scene.more();
            await scene.quiet();

            await assertChat(scene);
            await assertClass(scene);
            await assertFeed(scene);
            await assertFiles(scene);
            for (const { name, openings } of scene.all) assert.ok(name === 'rest' || openings >= 2, `${name} came back`);
            t.diagnostic(`acknowledged: ${scene.talkers.map(({ name, acked }) => `${name} ${acked.length}`).join(', ')}, `
                + `class ${scene.people.all.reduce((sum, { said }) => sum + said.length, 0)}, `
                + `events ${scene.events.accepted.length}, files ${scene.files.kept.length}`);
        });
    });
}
