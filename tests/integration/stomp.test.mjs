// STOMP 1.0, 1.1 and 1.2 at /stomp: connecting, class rooms, receipts and errors (docs/protocol.md, "STOMP").

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openClass, marker, roomGone } from './classroom.mjs';
import { api, asStudent, limit, mintToken, refused, roomCode, startBoth, startServer, waitFor } from './harness.mjs';
import { connectStomp, follow, frameText, openStomp, publish, stompJs } from './stomp.mjs';

let redis, server, stop;
before(async () => { ({ redis, server, stop } = await startBoth({ LECTERN_LOOPS: 2 })); });
after(() => stop?.());

const metric = async (target, name) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec((await api(target, 'GET', '/metrics')).text)[1]);
const said = (message) => ({ messageType: 'send', message });
const talk = { query: { talk: 'all', notify: 'all' } };

describe('connecting', () => {
    test('the highest version that both speak is answered', async () => {
        for (const [version, expected] of [['1.2', '1.2'], ['1.0,1.1', '1.1'], ['1.0,1.1,1.2,2.0', '1.2']]) {
            const stomp = await connectStomp(server, { sub: 'v1' }, { version });
            assert.equal(stomp.connected.headers.version, expected);
            assert.equal(stomp.connected.headers['user-name'], 'v1');
            assert.match(stomp.connected.headers.server, /^lectern\//);
            assert.match(stomp.connected.headers.session, /^\w+$/);
            assert.equal(stomp.connected.headers['heart-beat'], '1000,1000');
            await stomp.socket.close();
        }
        const old = await connectStomp(server, {}, { version: '1.0', protocols: ['v10.stomp'] });
        assert.equal(old.connected.headers.version, undefined);
        await old.socket.close();
    });

    test('subprotocols: the best offered is chosen, none is fine, strangers are refused', async () => {
        for (const [protocols, chosen] of [[['v10.stomp', 'v11.stomp', 'v12.stomp'], 'v12.stomp'], [['v10.stomp'], 'v10.stomp'], [[], '']]) {
            const stomp = await openStomp(server, { protocols });
            assert.equal(stomp.socket.protocol, chosen);
            await stomp.socket.close();
        }
        const answer = await refused(server, { path: '/stomp', protocols: ['mqtt'] });
        assert.equal(answer.status, 400);
        assert.equal(answer.body.error.code, 'bad_subprotocol');
    });

    test('the token comes in Authorization, in token, in passcode, or with the URL', async () => {
        const token = mintToken({ sub: 'k1' });
        for (const headers of [{ Authorization: `Bearer ${token}` }, { authorization: token }, { token }, { login: 'k1', passcode: token }]) {
            const stomp = await openStomp(server);
            stomp.send('STOMP', { 'accept-version': '1.2', host: 'x', ...headers });
            assert.equal((await stomp.next('CONNECTED')).headers['user-name'], 'k1');
            await stomp.socket.close();
        }
        for (const via of ['query', 'header', 'protocol']) {
            const stomp = await openStomp(server, { token, via });
            stomp.send('CONNECT', { 'accept-version': '1.2', host: 'x' });
            assert.equal((await stomp.next('CONNECTED')).headers['user-name'], 'k1');
            await stomp.socket.close();
        }
    });

    test('who has no good token is told so, and closed 4003', async () => {
        const rows = [
            [{}, 'token_missing'],
            [{ Authorization: 'Bearer nonsense' }, 'token_invalid'],
            [{ Authorization: `Bearer ${mintToken({ exp: 1000 })}` }, 'token_expired'],
            [{ Authorization: `Bearer ${mintToken({ secret: 'another-secret-of-at-least-32-characters' })}` }, 'token_invalid'],
        ];
        for (const [headers, code] of rows) {
            const stomp = await openStomp(server);
            stomp.send('CONNECT', { 'accept-version': '1.2', host: 'x', ...headers });
            const error = await stomp.error();
            assert.equal(error.headers.code, code);
            assert.equal(error.json.code, code);
            assert.equal(error.headers.message, error.json.message);
            assert.equal(error.close.code, 4003);
        }
        const service = await openStomp(server);
        service.send('CONNECT', { 'accept-version': '1.2', Authorization: mintToken({ type: 'service' }) });
        assert.equal((await service.error()).headers.code, 'room_forbidden');
        const atDoor = await refused(server, { path: '/stomp', token: 'nonsense', via: 'query' });
        assert.equal(atDoor.status, 401);
    });

    test('versions that nobody speaks, odd heart-beats, a second CONNECT, no CONNECT', async () => {
        const rows = [
            [[['CONNECT', { 'accept-version': '2.0,1.3', token: mintToken() }]], 'bad_version'],
            [[['CONNECT', { 'accept-version': '1.2', 'heart-beat': 'often', token: mintToken() }]], 'bad_header'],
            [[['CONNECT', { 'accept-version': '1.2', token: mintToken() }], ['CONNECT', {}]], 'already_connected'],
            [[['SEND', { destination: '/app/FTYXPM', receipt: '7' }]], 'not_connected'],
        ];
        for (const [frames, code] of rows) {
            const stomp = await openStomp(server);
            for (const frame of frames) stomp.send(...frame);
            const error = await stomp.error();
            assert.equal(error.headers.code, code);
            assert.equal(error.close.code, 1002);
            if (code === 'bad_version') assert.equal(error.headers.version, '1.0,1.1,1.2');
            if (code === 'not_connected') assert.equal(error.headers['receipt-id'], '7');
        }
    });

    test('frames behind CONNECT in the same message are carried out, an account asked for too', async () => {
        const { code, host } = await openClass(server);
        const stomp = await openStomp(server);
        const token = mintToken({ sub: 'acc1', claims: { gen: 1 } });
        stomp.socket.sendRaw([
            frameText('CONNECT', { 'accept-version': '1.2', token }),
            frameText('SUBSCRIBE', { id: 'a', destination: `/topic/${code}`, receipt: 'sub' }), '\n\n',
            frameText('SEND', { destination: `/app/${code}`, receipt: 'send' }, 'hello')].join(''));
        await stomp.next('RECEIPT', { 'receipt-id': 'sub' });
        await stomp.next('RECEIPT', { 'receipt-id': 'send' });
        assert.equal((await host.next({ messageType: 'send', sender: 'acc1' })).message, 'hello');
        await stomp.socket.close();
        await host.close();
    });

    test('an account that has signed out everywhere does not come in', async () => {
        await redis.client.set('account:gone1:gen', '3');
        const stomp = await openStomp(server);
        stomp.send('CONNECT', { 'accept-version': '1.2', token: mintToken({ sub: 'gone1', claims: { gen: 2 } }) });
        assert.equal((await stomp.error()).headers.code, 'token_revoked');
    });
});

describe('class rooms', () => {
    test('subscribing joins, unsubscribing leaves, both ways of naming a room', async () => {
        for (const destination of [(code) => `/topic/room/${code}`, (code) => `/topic/${code}`]) {
            const { code, host } = await openClass(server);
            const stomp = await connectStomp(server, { sub: 's1', name: '민수' });
            await stomp.subscribe('0', destination(code));
            const join = await host.next({ messageType: 'join', sender: 's1' });
            assert.equal(join.message.name, '민수');
            const users = await api(server, 'GET', `/rooms/${code}/users`, { token: mintToken({ type: 'teacher', sub: 't1' }) });
            assert.deepEqual(users.body.participants.map((user) => user.id), ['s1']);
            await stomp.request('UNSUBSCRIBE', { id: '0' });
            const leave = await host.next({ messageType: 'leave', sender: 's1' });
            assert.equal(leave.message.reason, 'left');
            await stomp.socket.close();
            await host.close();
        }
    });

    test('a message comes as MESSAGE with what the room knows of it', async () => {
        const { code, host } = await openClass(server);
        const stomp = await connectStomp(server, { sub: 's1' });
        await stomp.subscribe('sub-0', `/topic/room/${code}`);
        host.send({ targetType: 'student', ...said('여러분 "안녕"') });
        host.send({ targetType: 'student', messageType: 'poll', message: { q: [1, 2] } });
        const frame = await stomp.next('MESSAGE');
        const body = JSON.parse(frame.body);
        assert.equal(frame.headers.subscription, 'sub-0');
        assert.equal(frame.headers.destination, `/topic/room/${code}`);
        assert.equal(frame.headers['content-type'], 'application/json');
        assert.equal(Number(frame.headers['content-length']), Buffer.byteLength(frame.body));
        assert.equal(frame.headers['message-id'], body.id);
        assert.equal(typeof body.timestamp, 'number');
        assert.deepEqual({ ...body, id: 0, timestamp: 0 },
            { roomId: code, sender: 't1', message: '여러분 "안녕"', type: 'TALK', id: 0, timestamp: 0 });
        const poll = JSON.parse((await stomp.next('MESSAGE')).body);
        assert.equal(poll.type, 'TALK');
        assert.equal(poll.messageType, 'poll');
        assert.deepEqual(poll.message, { q: [1, 2] });
        await stomp.socket.close();
        await host.close();
    });

    test('two subscriptions to one room are one participant, and each gets every message', async () => {
        const { code, host } = await openClass(server);
        const stomp = await connectStomp(server, { sub: 's1' });
        await stomp.subscribe('a', `/topic/${code}`);
        await stomp.subscribe('b', `/topic/room/${code}`, { ack: 'client' });
        host.send({ targetType: 'student', ...said('one') });
        const a = await stomp.next('MESSAGE', { subscription: 'a' });
        const b = await stomp.next('MESSAGE', { subscription: 'b' });
        assert.equal(a.body, b.body);
        assert.equal(a.headers.destination, `/topic/${code}`);
        assert.equal(a.headers.ack, undefined);
        await stomp.request('ACK', { id: b.headers.ack });
        await stomp.request('NACK', { id: b.headers.ack });
        await stomp.request('UNSUBSCRIBE', { id: 'a' });
        host.send({ targetType: 'student', ...said('two') });
        await stomp.next('MESSAGE', { subscription: 'b' });
        assert.equal(host.all('leave').length, 0);
        assert.equal(stomp.all('MESSAGE').filter((frame) => frame.headers.subscription === 'a').length, 1);
        await stomp.socket.close();
        await host.close();
    });

    test('SEND by all three destinations, as JSON and as text, reaches whom the room lets it', async () => {
        const { code, host, students: [other] } = await openClass(server, { students: ['s2'], ...talk });
        const stomp = await connectStomp(server, { sub: 's1' });
        await stomp.subscribe('0', `/topic/${code}`);
        const sends = [
            [`/app/chat.sendMessage`, JSON.stringify({ roomId: code, sender: 's1', message: 'by body', type: 'TALK' }), 'by body'],
            [`/app/${code}`, JSON.stringify({ message: { a: 1 } }), { a: 1 }],
            [`/publish/${code}`, '그냥 글', '그냥 글'],
            [`/publish/${code}`, '["any","json"]', ['any', 'json']],
        ];
        for (const [destination, body, message] of sends) {
            await stomp.request('SEND', { destination }, body);
            for (const client of [host, other]) {
                const got = await client.next({ messageType: 'send', sender: 's1' });
                assert.deepEqual(got.message, message);
                assert.equal(got.targetType, 'all');
            }
            assert.deepEqual((await stomp.event({ type: 'TALK' })).message, message);
        }
        await stomp.request('SEND', { destination: `/app/${code}` },
            JSON.stringify({ message: '비밀', targetType: 'teacher', messageType: 'hand' }));
        assert.equal((await host.next({ messageType: 'hand' })).message, '비밀');
        await marker(host, [other]);
        assert.equal(other.all('hand').length, 0);
        await stomp.socket.close();
        await host.close();
    });

    test('what is meant for one person reaches that one only, by STOMP or not', async () => {
        const { code, host, students: [json] } = await openClass(server, { students: ['s4'], ...talk });
        const clients = {};
        for (const sub of ['s1', 's2', 's3']) {
            clients[sub] = await connectStomp(server, { sub });
            await clients[sub].subscribe('0', `/topic/${code}`);
            await clients[sub].subscribe('1', `/topic/room/${code}`);
        }
        const { s1, s2, s3 } = clients;
        const send = (body) => s1.request('SEND', { destination: `/app/${code}` }, JSON.stringify(body));
        await send({ message: 'typed', targetType: 'student', target: 's2' });
        await send({ message: 'untyped', target: 's2' });
        await send({ message: 'to json', target: 's4', ephemeral: true });
        await send({ message: 'to the host', target: host.welcome.message.user.id });
        await host.request({ targetType: 'student', target: 's2', ...said('of the host') });
        await host.request({ targetType: 'all', ...said('to all') }); // behind which nothing of the others is to come
        const heard = async (stomp, subscription) => {
            const list = [];
            while (list.at(-1) !== 'to all') {
                const { type, message } = JSON.parse((await stomp.next('MESSAGE', { subscription })).body);
                if (type === 'TALK') list.push(message);
            }
            return list;
        };
        for (const subscription of ['0', '1']) {
            for (const stomp of [s1, s3]) assert.deepEqual(await heard(stomp, subscription), ['to all']);
            assert.deepEqual(await heard(s2, subscription), ['typed', 'untyped', 'of the host', 'to all']);
        }
        await json.next(said('to all'));
        assert.deepEqual(json.all('send').map(({ message }) => message), ['to json', 'to all']);
        assert.deepEqual(host.all({ messageType: 'send', sender: 's1' }).map(({ message }) => message), ['to the host']);
        for (const stomp of [s1, s2, s3]) await stomp.socket.close();
        await host.close();
    });

    test('where participants write to the host only, that is what SEND does by itself', async () => {
        const { code, host } = await openClass(server);
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        await stomp.subscribe('0', `/topic/${code}`);
        await stomp.request('SEND', { destination: `/app/${code}` }, 'to you');
        assert.equal((await host.next(said('to you'))).targetType, 'teacher');
        stomp.send('SEND', { destination: `/app/${code}`, receipt: 'r' }, JSON.stringify({ message: 1, targetType: 'all' }));
        const error = await stomp.refusal();
        assert.equal(error.code, 'talk_forbidden');
        assert.equal(error.receiptId, 'r');
        assert.equal(error.destination, `/app/${code}`);
        await stomp.socket.close();
        await host.close();
    });

    test('JOIN and LEAVE are announced by subscribing and leaving, and SENDs of them are not told again', async () => {
        const { code, host } = await openClass(server, talk);
        const first = await connectStomp(server, { sub: 's1' });
        await first.subscribe('0', `/topic/${code}`);
        const second = await connectStomp(server, { sub: 's2', name: '영희' });
        await second.subscribe('0', `/topic/${code}`);
        const join = JSON.parse((await first.next('MESSAGE')).body);
        assert.equal(join.sender, 's1'); // its own
        const other = JSON.parse((await first.next('MESSAGE')).body);
        assert.deepEqual([other.type, other.sender, other.senderName, other.messageType], ['JOIN', 's2', '영희', 'join']);
        await second.request('SEND', { destination: '/app/chat.sendMessage' }, JSON.stringify({ roomId: code, type: 'JOIN' }));
        await second.request('DISCONNECT');
        const leave = JSON.parse((await first.next('MESSAGE')).body);
        assert.deepEqual([leave.type, leave.sender, leave.message.reason], ['LEAVE', 's2', 'left']);
        assert.equal((await second.socket.closed).code, 1000);
        await first.socket.close();
        await host.close();
    });

    test('several rooms on one socket, on whichever loop', async () => {
        const rooms = [];
        for (let i = 0; i < 4; i++) rooms.push(await openClass(server, { host: { sub: `t${i}` } }));
        const stomp = await connectStomp(server, { sub: 's1' });
        for (const { code } of rooms) await stomp.subscribe(code, `/topic/${code}`);
        for (const { code, host } of rooms) host.send({ targetType: 'student', ...said(code) });
        for (const { code } of rooms) {
            assert.equal(JSON.parse((await stomp.next('MESSAGE', { subscription: code })).body).message, code);
        }
        await rooms[0].host.request({ messageType: 'end' });
        const error = await stomp.error(); // nobody listens on /user/queue/errors
        assert.equal(error.headers.code, 'room_ended');
        assert.equal(error.json.destination, `/topic/${rooms[0].code}`);
        assert.equal(error.close.code, 4000);
        for (const { host } of rooms.slice(1)) {
            await host.next('leave');
            await host.close();
        }
    });

    test('history and since are asked for by headers', async () => {
        const { code, host } = await openClass(server);
        for (const text of ['one', 'two', 'three']) await host.request({ targetType: 'student', ...said(text) });
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        const texts = async (id, count) => {
            const list = [];
            while (list.length < count) list.push(JSON.parse((await stomp.next('MESSAGE', { subscription: id })).body));
            return list;
        };
        await stomp.subscribe('h', `/topic/${code}`, { history: 2 });
        const [two, three] = await texts('h', 2);
        assert.deepEqual([two.message, three.message], ['two', 'three']);
        await stomp.request('UNSUBSCRIBE', { id: 'h' });
        await stomp.subscribe('s', `/topic/${code}`, { since: two.id });
        assert.equal((await texts('s', 1))[0].message, 'three');
        await stomp.request('UNSUBSCRIBE', { id: 's' });
        await stomp.subscribe('n', `/topic/${code}`);
        await stomp.request('UNSUBSCRIBE', { id: 'n' });
        assert.equal(stomp.all('MESSAGE').filter((frame) => frame.headers.subscription === 'n').length, 0);
        await stomp.subscribe('g', `/topic/${code}`, { since: 'aaaaaa.1-0' });
        assert.equal((await stomp.refusal()).code, 'gap');
        await stomp.socket.close();
        await host.close();
    });

    test('a ref that is sent again is acknowledged and not delivered twice', async () => {
        const { code, host } = await openClass(server);
        for (let i = 0; i < 2; i++) {
            const stomp = await connectStomp(server, { sub: 's1' });
            await stomp.subscribe('0', `/topic/${code}`);
            await stomp.request('SEND', { destination: `/app/${code}`, ref: 'mine-1' }, 'once');
            await stomp.request('SEND', { destination: `/app/${code}` }, 'each time'); // receipts count anew
            await stomp.request('DISCONNECT');
        }
        await waitFor(() => host.all('leave').length === 2, { what: 'both leaves' });
        assert.equal(host.all(said('once')).length, 1);
        assert.equal(host.all(said('each time')).length, 2);
        await host.close();
    });

    test('each event is encoded once per loop, however many receive it', async () => {
        const { code, host } = await openClass(server);
        const others = [];
        for (let i = 0; i < 12; i++) { // some with heads alike, some with one of their own
            const stomp = await connectStomp(server, { sub: `e${i}` }, { deflate: false });
            stomp.id = i % 4 ? 'sub-0' : `sub-${i}`;
            await stomp.subscribe(stomp.id, `/topic/${code}`);
            others.push(stomp);
        }
        const encoded = () => metric(server, 'lectern_stomp_encoded_total');
        const before = await encoded();
        for (let n = 0; n < 10; n++) host.send({ targetType: 'student', ...said(`n${n}`) });
        for (const stomp of others) {
            for (let n = 0; n < 10; n++) {
                const frame = await stomp.next('MESSAGE');
                assert.equal(frame.headers.subscription, stomp.id);
                assert.equal(JSON.parse(frame.body).message, `n${n}`);
            }
        }
        const more = (await encoded()) - before;
        assert.ok(more >= 10 && more <= 20, `encoded ${more} times for 10 events on at most 2 loops`);
        for (const stomp of others) await stomp.socket.close();
        await host.close();
    });

    test('64 KB bodies come through whole, split over WebSocket messages, with and without compression', async () => {
        const { code, host } = await openClass(server, talk);
        const body = `${'가나다라'.repeat(5461)}!!!`;
        assert.equal(Buffer.byteLength(body), 65535);
        for (const deflate of [true, false]) {
            const stomp = await connectStomp(server, { sub: 's1' }, { deflate });
            await stomp.subscribe('0', `/topic/${code}`);
            const bytes = Buffer.from(frameText('SEND', { destination: `/app/${code}`, receipt: 'big', 'content-length': 65535 }, body));
            for (let at = 0; at < bytes.length; at += 9001) {
                stomp.socket.sendRaw(bytes.subarray(at, at + 9001), { binary: true });
            }
            await stomp.next('RECEIPT', { 'receipt-id': 'big' });
            assert.ok((await stomp.event({ type: 'TALK' })).message === body);
            assert.ok((await host.next({ messageType: 'send', sender: 's1' })).message === body);
            await stomp.socket.close();
            await host.next('leave');
        }
        await host.close();
    });

    test('STOMP 1.0: destinations stand for ids, no escapes', async () => {
        const { code, host } = await openClass(server);
        const stomp = await connectStomp(server, { sub: 's1' }, { version: '1.0' });
        await stomp.request('SUBSCRIBE', { destination: `/topic/${code}` });
        host.send({ targetType: 'student', ...said('old') });
        const frame = await stomp.next('MESSAGE');
        assert.equal(frame.headers.subscription, undefined);
        assert.equal(frame.headers.destination, `/topic/${code}`);
        await stomp.request('SEND', { destination: `/app/${code}` }, 'x');
        await stomp.request('UNSUBSCRIBE', { destination: `/topic/${code}` });
        await host.next('leave');
        await stomp.socket.close();
        await host.close();
    });
});

describe('@stomp/stompjs', () => {
    test('joins, publishes with receipts, hears others, disconnects in order', async () => {
        const { code, host } = await openClass(server, talk);
        const client = await stompJs(server, { user: { sub: 's1' } });
        assert.equal(client.connectedVersion, '1.2');
        const room = await follow(client, `/topic/room/${code}`);
        await publish(client, { destination: '/app/chat.sendMessage', body: JSON.stringify({ roomId: code, sender: 's1', message: '안녕', type: 'TALK' }) });
        assert.equal((await host.next(said('안녕'))).sender, 's1');
        host.send({ targetType: 'all', ...said('어서 와') });
        await waitFor(() => room.messages.some((message) => message.message === '어서 와'), { what: 'MESSAGE' });
        await client.deactivate();
        assert.equal((await host.next('leave')).message.reason, 'left');
        assert.deepEqual(client.errors, []);
        await host.close();
    });

    test('reconnects by itself when its socket is cut, and is the same participant again', async () => {
        const { code, host } = await openClass(server);
        const heard = [];
        let subscribed = 0;
        const client = await stompJs(server, {
            user: { sub: 's1' },
            onConnect: () => {
                client.watchForReceipt(`sub-${++subscribed}`, () => heard.push('joined'));
                client.subscribe(`/topic/${code}`, (frame) => heard.push(JSON.parse(frame.body).message), { receipt: `sub-${subscribed}` });
            },
            wait: false,
        });
        await waitFor(() => heard.length === 1, { what: 'first joining' });
        client.webSocket.terminate();
        await waitFor(() => heard.filter((what) => what === 'joined').length === 2, { what: 'second joining' });
        host.send({ targetType: 'student', ...said('again') });
        await waitFor(() => heard.includes('again'), { what: 'MESSAGE after reconnecting' });
        await client.end();
        await host.close();
    });

    test('heart-beats go both ways, and who stops sending them is closed', async () => {
        const client = await stompJs(server, { user: { sub: 'hb1' }, heartbeatIncoming: 1000, heartbeatOutgoing: 1000, reconnectDelay: 0 });
        let beats = 0;
        client.webSocket.on('message', (data) => { if (data.toString() === '\n') beats++; });
        await waitFor(() => beats >= 3, { what: 'three beats of the server', timeout: limit(15000) });
        assert.equal(client.closes.length, 0);
        assert.equal(client.connected, true);
        await client.end();

        const silent = await connectStomp(server, { sub: 'hb2' }, { headers: { 'heart-beat': '1000,0' } });
        const error = await silent.error();
        assert.equal(error.headers.code, 'no_heartbeat');
        assert.equal(error.close.code, 4006);
        assert.equal(silent.socket.messages.includes('\n'), false); // it wants none
    });

    test('heart-beats that came while the server stood still were not missed', async (t) => {
        const lone = await startServer({ redis, env: { LECTERN_LEASE_S: 60 } });
        t.after(() => { lone.kill('SIGCONT'); return lone.stop(); });
        const stomp = await connectStomp(lone, { sub: 'hb3' }, { headers: { 'heart-beat': `${limit(1000)},0` } });
        lone.kill('SIGSTOP');
        stomp.send('SUBSCRIBE', { id: '0', destination: '/user/queue/errors', receipt: 'r' });
        await new Promise((resolve) => { setTimeout(resolve, limit(2500)); }); // longer than it may be silent
        lone.kill('SIGCONT');
        await stomp.next('RECEIPT', { 'receipt-id': 'r' });
    });
});

describe('refusals', () => {
    test('rooms that do not exist, are locked, full or forbidden, and hosts', async () => {
        const { code, host } = await openClass(server, { query: { max: 1 } });
        const locked = await openClass(server, { host: { sub: 't2' } });
        await locked.host.request({ messageType: 'lock' });
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        const tries = async (client, id, destination, expected) => {
            client.send('SUBSCRIBE', { id, destination, receipt: `r${id}` });
            const error = await client.refusal();
            assert.deepEqual([error.code, error.destination, error.receiptId], [expected, destination, `r${id}`]);
            assert.ok(error.message.length > 10);
        };
        await tries(stomp, '1', `/topic/${roomCode()}`, 'room_not_found');
        await tries(stomp, '2', `/topic/${locked.code}`, 'room_locked');
        await stomp.subscribe('3', `/topic/${code}`);
        const second = await connectStomp(server, { sub: 's2' }, { errors: true });
        await tries(second, '4', `/topic/${code}`, 'room_full');
        const teacher = await connectStomp(server, { sub: 't9', type: 'teacher' }, { errors: true });
        await tries(teacher, '5', `/topic/${code}`, 'forbidden');
        const guest = await connectStomp(server, { sub: 'g-1', room: code }, { errors: true });
        await tries(guest, '6', `/topic/${locked.code}`, 'room_forbidden');
        await stomp.request('UNSUBSCRIBE', { id: '3' });
        await host.next('leave');
        await guest.subscribe('own', `/topic/${code}`);
        for (const destination of ['/topic/', '/topic/room/', '/topic/lower', '/queue/x', '/user/queue/', 'x']) {
            await tries(stomp, '7', destination, 'unknown_destination');
        }
        await stomp.subscribe('8', '/user/queue/replies'); // nothing comes there
        for (const client of [stomp, second, teacher, guest]) await client.socket.close();
        await host.close();
        await locked.host.close();
    });

    test('who is removed, replaced, or whose room ends is told, and may go on elsewhere', async () => {
        const { code, host } = await openClass(server);
        const other = await openClass(server, { host: { sub: 't2' } });
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        await stomp.subscribe('0', `/topic/${code}`);
        await host.request({ messageType: 'kick', target: 's1' });
        assert.equal((await stomp.refusal()).code, 'removed');
        stomp.send('SUBSCRIBE', { id: '0', destination: `/topic/${code}` });
        assert.equal((await stomp.refusal()).code, 'removed');
        await stomp.subscribe('0', `/topic/${other.code}`);
        const newer = await asStudent(server, other.code, { sub: 's1' });
        assert.equal((await stomp.refusal()).code, 'replaced');
        await newer.close();
        await other.host.next('leave');
        await stomp.subscribe('1', `/topic/${other.code}`);
        await other.host.request({ messageType: 'end' });
        assert.equal((await stomp.refusal()).code, 'room_ended');
        await roomGone(redis, other.code);
        await stomp.socket.close();
        await host.close();
    });

    test('SENDs that may not be: each says why, and the connection goes on', async () => {
        const { code, host } = await openClass(server);
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        await stomp.subscribe('0', `/topic/${code}`);
        const app = `/app/${code}`;
        const rows = [
            [app, JSON.stringify({ message: 1, sender: 's2' }), 'forbidden', 'sender'],
            [app, JSON.stringify({ message: 1, roomId: 'OTHERS' }), 'bad_field', 'roomId'],
            [app, JSON.stringify({ message: 1, type: 'SHOUT' }), 'bad_field', 'type'],
            [app, JSON.stringify({ message: 1, targetType: 'nobody' }), 'bad_field', 'targetType'],
            [app, JSON.stringify({ message: 1, messageType: 'kick' }), 'reserved_type', 'messageType'],
            [app, JSON.stringify({ message: 1, messageType: 'welcome' }), 'reserved_type', 'messageType'],
            ['/app/chat.sendMessage', 'no json', 'bad_json', undefined],
            ['/app/chat.sendMessage', '{"message":1}', 'bad_field', 'roomId'],
            ['/app/chat.sendMessage', JSON.stringify({ message: 1, roomId: 'OTHERS' }), 'not_subscribed', undefined],
            [`/app/${roomCode()}`, 'x', 'not_subscribed', undefined],
            [`/topic/${code}`, 'x', 'unknown_destination', undefined],
            ['/app/', 'x', 'unknown_destination', undefined],
        ];
        for (const [destination, body, code_, field] of rows) {
            stomp.send('SEND', { destination, receipt: 'r' }, body);
            const error = await stomp.refusal();
            assert.deepEqual([error.code, error.field, error.destination, error.receiptId], [code_, field, destination, 'r'], body);
        }
        stomp.socket.sendRaw(Buffer.concat([Buffer.from(`SEND\ndestination:${app}\n\n`), Buffer.from([0xff, 0xfe, 0])]), { binary: true });
        assert.equal((await stomp.refusal()).code, 'bad_json');
        stomp.send('SEND', { destination: app, receipt: 'long' }, '\u0001'.repeat(60000)); // six times as long as JSON
        assert.equal((await stomp.refusal({ receiptId: 'long' })).code, 'too_big');
        await stomp.request('SEND', { destination: app }, 'still here');
        await host.next(said('still here'));
        assert.equal(host.all({ sender: 's1', messageType: 'send' }).length, 1);
        await stomp.socket.close();
        await host.close();
    });

    test('without /user/queue/errors a refusal is an ERROR with the receipt-id, and the end', async () => {
        const stomp = await connectStomp(server, { sub: 's1' });
        stomp.send('SUBSCRIBE', { id: '0', destination: `/topic/${roomCode()}`, receipt: 'mine' });
        const error = await stomp.error();
        assert.equal(error.headers.code, 'room_not_found');
        assert.equal(error.headers['receipt-id'], 'mine');
        assert.equal(error.close.code, 4008);
        assert.equal(error.close.reason, 'room_not_found');
    });

    test('broken frames, missing headers and transactions end the connection with ERROR', async () => {
        const rows = [
            ['NONSENSE\nreceipt:1\n\n\0', 'bad_frame', 1002],
            ['SEND\nreceipt:1\nno colon\n\n\0', 'bad_frame', 1002],
            ['SEND\nreceipt:1\na:\\t\n\n\0', 'bad_frame', 1002],
            ['SEND\nreceipt:1\ncontent-length:2\n\nabc\0', 'bad_frame', 1002],
            ['SUBSCRIBE\nreceipt:1\nid:0\ndestination:/topic/X\n\nbody\0', 'bad_frame', 1002],
            ['SEND\nreceipt:1\ncontent-length:65537\n\n', 'too_big', 1009],
            ['SEND\nreceipt:1\n\nx\0', 'missing_header', 1002],
            ['SUBSCRIBE\nreceipt:1\ndestination:/topic/FTYXPM\n\n\0', 'missing_header', 1002],
            ['SUBSCRIBE\nreceipt:1\nid:0\n\n\0', 'missing_header', 1002],
            ['UNSUBSCRIBE\nreceipt:1\n\n\0', 'missing_header', 1002],
            ['ACK\nreceipt:1\n\n\0', 'missing_header', 1002],
            ['SUBSCRIBE\nreceipt:1\nid:0\nack:never\ndestination:/user/queue/errors\n\n\0', 'bad_header', 1002],
            ['SUBSCRIBE\nreceipt:1\nid:0\nhistory:many\ndestination:/topic/FTYXPM\n\n\0', 'bad_header', 1002],
            [`SUBSCRIBE\nreceipt:1\nid:${'x'.repeat(256)}\ndestination:/user/queue/errors\n\n\0`, 'bad_header', 1002],
            ['BEGIN\nreceipt:1\ntransaction:t\n\n\0', 'transactions_unsupported', 1002],
            ['COMMIT\nreceipt:1\ntransaction:t\n\n\0', 'transactions_unsupported', 1002],
            ['ABORT\nreceipt:1\ntransaction:t\n\n\0', 'transactions_unsupported', 1002],
            ['SEND\nreceipt:1\ndestination:/app/FTYXPM\ntransaction:t\n\nx\0', 'transactions_unsupported', 1002],
        ];
        for (const [bytes, code, closes] of rows) {
            const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
            stomp.socket.sendRaw(bytes);
            const error = await stomp.error();
            assert.equal(error.headers.code, code, bytes);
            assert.equal(error.close.code, closes, bytes);
            if (!['bad_header'].includes(code)) assert.equal(error.headers['receipt-id'], '1', bytes);
        }
        const twice = await connectStomp(server, { sub: 's1' }, { errors: true });
        twice.send('SUBSCRIBE', { id: 'errors', destination: '/user/queue/errors' });
        assert.equal((await twice.error()).headers.code, 'duplicate_subscription');
    });

    test('heads without end, and more than a frame may hold, are cut off while they come', async () => {
        for (const [bytes, code] of [[`SEND\na:${'x'.repeat(20000)}`, 'bad_frame'], [`SEND\n${'a:b\n'.repeat(100)}`, 'bad_frame'],
            [`SEND\n\n${'x'.repeat(70000)}`, 'too_big']]) {
            const stomp = await connectStomp(server, { sub: 's1' });
            for (let at = 0; at < bytes.length; at += 5000) stomp.socket.sendRaw(bytes.slice(at, at + 5000));
            assert.equal((await stomp.error()).headers.code, code);
        }
    });

    test('a hundred subscriptions, and not one more', async () => {
        const stomp = await connectStomp(server, { sub: 't1', type: 'teacher' }, { errors: true }); // a teacher's rate
        for (let i = 1; i < 100; i++) await stomp.subscribe(`q${i}`, `/user/queue/q${i}`);
        stomp.send('SUBSCRIBE', { id: 'one-more', destination: '/user/queue/x' });
        assert.equal((await stomp.refusal()).code, 'too_many_subscriptions');
        await stomp.request('UNSUBSCRIBE', { id: 'q1' });
        await stomp.subscribe('one-more', '/user/queue/x');
        await stomp.socket.close();
    });

    test('too many frames are refused, and at last the connection ends', async () => {
        const stomp = await connectStomp(server, { sub: 's1' }, { errors: true });
        for (let i = 0; i < 200; i++) stomp.send('ACK', { id: String(i) });
        assert.equal((await stomp.refusal()).code, 'rate_limited');
        const error = await stomp.error();
        assert.equal(error.headers.code, 'rate_limited');
        assert.equal(error.close.code, 4007);
    });
});
