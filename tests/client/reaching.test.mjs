/** Where no connection comes about: why not is found out, said as data, and acted upon. */

import assert from 'node:assert/strict';
import { elapse, eventOf, setUp, setUpOpen, stateOf, test, token } from './support.mjs';

const refused = (status, code) => [status, { error: { code, message: `it is ${code}` } }];
const USERS = '/rooms/FTYXPM/users';

test('server unreachable: tries again with backoff, asking before connecting', async (t) => {
    const { client, server, clock } = await setUp(t);
    const { port } = server;
    await server.stop();
    client.connect();
    const delays = [];
    for (let round = 0; round < 4; round += 1) {
        const waiting = await stateOf(client, 'waiting', 'unreachable');
        delays.push(waiting.retryAt - clock.now());
        const next = eventOf(client, 'state');
        elapse(clock, waiting);
        await next;
    }
    assert.deepEqual(delays, [550, 1050, 2050, 4050]);
    await server.start(port);
    elapse(clock, client.state);
    (await server.connection()).welcome();
    await stateOf(client, 'open');
});

test('room not there yet: waits for it', async (t) => {
    const { client, server, clock } = await setUp(t);
    server.rooms.clear();
    server.refuse = 404;
    client.connect();
    let waiting = await stateOf(client, 'waiting', 'room_missing');
    assert.equal(server.handshakes, 1);
    const again = eventOf(client, 'state');
    elapse(clock, waiting);
    waiting = await again;
    assert.equal(waiting.reason.kind, 'room_missing');
    server.rooms.set('FTYXPM', {});
    server.refuse = 0;
    elapse(clock, waiting);
    (await server.connection()).welcome();
    await stateOf(client, 'open');
    assert.equal(server.handshakes, 2);
});

test('room not there, and waiting switched off: says so', async (t) => {
    const { client, server } = await setUp(t, { waitForRoom: false });
    server.rooms.clear();
    server.refuse = 404;
    client.connect();
    await stateOf(client, 'closed', 'room_missing');
});

for (const [flag, kind, status] of [
    ['locked', 'room_locked', 423],
    ['full', 'room_full', 409],
]) {
    test(`${kind}: waits until it is not`, async (t) => {
        const { client, server, clock } = await setUp(t);
        server.rooms.set('FTYXPM', { [flag]: true });
        server.refuse = status;
        client.connect();
        const waiting = await stateOf(client, 'waiting', kind);
        server.rooms.set('FTYXPM', { [flag]: false });
        server.refuse = 0;
        elapse(clock, waiting);
        (await server.connection()).welcome();
        await stateOf(client, 'open');
    });
}

test('who was in the class tries to come back into the locked room', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    server.rooms.set('FTYXPM', { locked: true, full: true });
    const { port } = server;
    await server.stop();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const unreachable = await stateOf(client, 'waiting', 'unreachable');
    await server.start(port);
    elapse(clock, unreachable);
    (await server.connection()).welcome();
    await stateOf(client, 'open');
    assert.equal(await peer.closed, 1006);
});

test('who finds the room gone after a loss knows that the class has ended', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    const answer = client.send({ targetType: 'teacher', messageType: 'send', message: 'x' });
    server.rooms.clear();
    server.refuse = 404;
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    await stateOf(client, 'waiting', 'room_ended');
    await assert.rejects(answer, { code: 'room_ended' });
});

test('token refused: a new one is asked for, but not for ever', async (t) => {
    const asked = [];
    const refreshToken = (why) => {
        asked.push(why);
        return token({ n: asked.length });
    };
    const { client, server } = await setUp(t, { refreshToken });
    server.refuse = 401;
    server.answers.set(USERS, refused(401, 'token_expired'));
    client.connect();
    await stateOf(client, 'closed', 'token_expired');
    assert.deepEqual(asked, ['token_expired', 'token_expired', 'token_expired']);
    assert.equal(server.handshakes, 4);
});

test('token refused, and the new one cannot be fetched now: asks again later', async (t) => {
    let tries = 0;
    const refreshToken = async () => {
        tries += 1;
        if (tries === 1) throw new Error('no network');
        return token({ n: 2 });
    };
    const { client, server, clock } = await setUp(t, { refreshToken });
    server.refuse = 401;
    server.answers.set(USERS, refused(401, 'token_invalid'));
    client.connect();
    let waiting = await stateOf(client, 'waiting', 'token_invalid');
    while (waiting.retryAt === null) waiting = await eventOf(client, 'state');
    client.on('state', ({ retryAt }) => {
        if (retryAt === null) server.refuse = 0;
    });
    elapse(clock, waiting);
    const peer = await server.connection();
    assert.equal(peer.protocols[1], `bearer.${token({ n: 2 })}`);
});

test('what is no token is not sent anywhere', async (t) => {
    for (const bad of ['', 'abc', 'a.b', 'a.b.c d', 'a.b.c,d', '한.글.x']) {
        const { client, server } = await setUp(t, { token: bad });
        client.connect();
        await stateOf(client, 'closed', 'token_invalid');
        assert.equal(server.handshakes, 0);
    }
});

test('what is no code is not sent anywhere; a student needs one', async (t) => {
    for (const room of ['', 'AB', 'A B C D', '../x', undefined]) {
        const { client, server } = await setUp(t, { room });
        client.connect();
        await stateOf(client, 'closed', 'bad_room');
        assert.equal(server.handshakes, 0);
    }
});

test('the code may be written as on the wire', async (t) => {
    const { client, server } = await setUp(t, { room: 'room:FTYXPM' });
    client.connect();
    assert.equal((await server.connection()).query.get('room'), 'FTYXPM');
});

test("a host at another host's room is told so", async (t) => {
    const { client, server } = await setUp(t, { host: {} });
    server.refuse = 409;
    server.answers.set(USERS, refused(403, 'forbidden'));
    client.connect();
    assert.deepEqual((await stateOf(client, 'closed')).reason, {
        kind: 'room_taken',
        text: 'it is forbidden',
    });
});

test('a host without a room learns what can be known', async (t) => {
    const exp = 1_600_000_000;
    const expired = await setUp(t, { host: {}, room: undefined, token: token({ exp }) });
    expired.server.refuse = 401;
    expired.server.answers.set('/readyz', [200, {}]);
    expired.client.connect();
    await stateOf(expired.client, 'closed', 'token_expired');

    const away = await setUp(t, { host: {}, room: undefined });
    away.server.refuse = 503;
    away.server.answers.set('/readyz', refused(503, 'unavailable'));
    away.client.connect();
    await stateOf(away.client, 'waiting', 'unavailable');
});

test('one who was removed is told so', async (t) => {
    const { client, server } = await setUp(t);
    server.refuse = 403;
    server.answers.set(USERS, refused(403, 'removed'));
    client.connect();
    await stateOf(client, 'closed', 'removed');
});

test('refused without a visible reason: gives up after a while if never let in', async (t) => {
    const { client, server, clock } = await setUp(t);
    server.refuse = 403;
    server.answers.set(USERS, refused(403, 'forbidden'));
    client.connect();
    for (let round = 1; round < 6; round += 1) {
        const waiting = await stateOf(client, 'waiting', 'refused');
        assert.equal(server.handshakes, round);
        const tried = eventOf(client, 'state');
        elapse(clock, waiting);
        assert.equal((await tried).name, 'connecting');
    }
    await stateOf(client, 'closed', 'refused');
    assert.equal(server.handshakes, 6);
});

test('refused without a visible reason: keeps trying if it was in the class', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t);
    server.refuse = 503;
    peer.close(1001);
    elapse(clock, await stateOf(client, 'waiting', 'moved'));
    for (let round = 0; round < 10; round += 1) {
        const waiting = await stateOf(client, 'waiting', 'refused');
        const tried = eventOf(client, 'state');
        elapse(clock, waiting);
        await tried;
    }
    await stateOf(client, 'waiting', 'refused');
    server.refuse = 0;
    elapse(clock, client.state);
    (await server.connection()).welcome();
    await stateOf(client, 'open');
});

test('waits as long as the server asks for', async (t) => {
    const { client, server, clock } = await setUp(t);
    server.refuse = 503;
    const busy = refused(503, 'unavailable');
    server.answers.set('/rooms/FTYXPM', [...busy, { 'retry-after': '7' }]);
    client.connect();
    const waiting = await stateOf(client, 'waiting', 'unavailable');
    assert.equal(waiting.retryAt - clock.now(), 7000);
    assert.equal(waiting.reason.fault, 'server');
});

test("a captive portal's page is not the server's answer", async (t) => {
    const { client, server } = await setUp(t);
    server.refuse = 302;
    server.answers.set('/rooms/FTYXPM', [404, 'Please log in']);
    client.connect();
    const { reason } = await stateOf(client, 'waiting', 'unreachable');
    assert.equal(reason.fault, 'network');
});

test('a proxy that says that the server is down: the network is fine', async (t) => {
    const { client, server } = await setUp(t);
    server.refuse = 502;
    server.answers.set('/rooms/FTYXPM', [502, 'Bad gateway']);
    client.connect();
    const { reason } = await stateOf(client, 'waiting', 'unavailable');
    assert.equal(reason.fault, 'server');
});

test('no answer at all leaves open whose fault it is', async (t) => {
    const { client, server } = await setUp(t);
    await server.stop();
    client.connect();
    const { reason } = await stateOf(client, 'waiting', 'unreachable');
    assert.equal(reason.fault, undefined);
});

test('a host that comes back does not open a class that has ended', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t, { host: { hold: 120 } });
    server.rooms.clear();
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    await stateOf(client, 'closed', 'room_ended');
    assert.equal(server.handshakes, 1);
});

test('unless it may: then the room is set up as it was', async (t) => {
    const options = { host: { name: '2반', hold: 120 }, recreate: true };
    const { client, server, clock, peer } = await setUpOpen(t, options);
    const settings = { name: '3반', max: 30, hold: 60, talk: 'all', notify: 'all', locked: false };
    const changed = eventOf(client, 'settings');
    peer.send({ messageType: 'settings', message: settings });
    await changed;
    server.rooms.clear();
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    const { query } = await server.connection();
    const { locked, ...setup } = settings;
    const expected = { ...setup, room: 'FTYXPM', max: '30', hold: '60' };
    assert.deepEqual(Object.fromEntries(query), expected);
});

test('nor does it open one that it has just ended itself', async (t) => {
    const { client, server, clock, peer } = await setUpOpen(t, { host: {}, recreate: true });
    const answer = client.end();
    await peer.next();
    server.rooms.clear();
    peer.terminate();
    elapse(clock, await stateOf(client, 'waiting', 'lost'));
    await answer;
    await stateOf(client, 'closed', 'room_ended');
    assert.equal(server.handshakes, 1);
});

test('closed while it asks for the room, it stays closed', async (t) => {
    const { client, server, clock } = await setUp(t);
    server.rooms.clear();
    server.refuse = 404;
    client.connect();
    const waiting = await stateOf(client, 'waiting', 'room_missing');
    assert.equal(await server.asked.next(), '/rooms/FTYXPM');
    let release;
    server.held = new Promise((resolve) => (release = resolve));
    elapse(clock, waiting);
    assert.equal(await server.asked.next(), '/rooms/FTYXPM');
    client.close();
    const states = [];
    client.on('state', (state) => states.push(state));
    release();
    // Answered on the same server after the one that was held, so that has been heard of by then.
    await (await fetch(`${server.base}/rooms/FTYXPM`)).text();
    assert.deepEqual(client.state, { name: 'closed', reason: { kind: 'left' } });
    assert.deepEqual(states, []);
});

test('a host whose class has ended opens the next one by connect()', async (t) => {
    const options = { host: { name: '2반', hold: 120 } };
    const { client, server, peer } = await setUpOpen(t, options);
    const answer = client.end();
    await peer.next();
    peer.close(4000, 'ended');
    await answer;
    await stateOf(client, 'closed', 'room_ended');
    client.connect();
    const query = Object.fromEntries((await server.connection()).query);
    assert.equal(query.room, 'FTYXPM');
    assert.equal(query.name, '2반');
    assert.equal(query.hold, '120');
});

test('a host whose page was reloaded comes back, but does not open what has ended', async (t) => {
    const { client, server } = await setUp(t, { host: { hold: 120 }, returning: true });
    client.connect();
    assert.equal(client.state.name, 'connecting');
    const { query } = await server.connection();
    // It may end before the handshake gets there: then it is opened as it was meant to be.
    assert.deepEqual(Object.fromEntries(query), { room: 'FTYXPM', hold: '120' });
    client.close();
    server.rooms.clear();

    const late = await setUp(t, { host: { hold: 120 }, returning: true });
    late.server.rooms.clear();
    late.client.connect();
    await stateOf(late.client, 'closed', 'room_ended');
    assert.equal(late.server.handshakes, 0);
});

test('a student whose page was reloaded tries the locked room', async (t) => {
    const { client, server, clock } = await setUp(t, { returning: true });
    server.rooms.set('FTYXPM', { locked: true });
    server.refuse = 503;
    client.connect();
    const waiting = await stateOf(client, 'waiting', 'refused');
    server.refuse = 0;
    elapse(clock, waiting);
    (await server.connection()).welcome();
    await stateOf(client, 'open');
});

test("another room's guest token calls for a new one", async (t) => {
    const asked = [];
    const refreshToken = (why) => {
        asked.push(why);
        return null;
    };
    const { client, server } = await setUp(t, { refreshToken });
    server.refuse = 403;
    server.answers.set(USERS, refused(403, 'room_forbidden'));
    client.connect();
    await stateOf(client, 'closed', 'token_invalid');
    assert.deepEqual(asked, ['token_invalid']);
});
