/** A class on a page: one's own messages once, one drawing for many events, one class at a time. */

import assert from 'node:assert/strict';
import { WebSocket } from 'ws';
import { FakeServer, Clock, elapse, load, stateOf, test, token } from '../client/support.mjs';

const { Classroom } = await load('../ui/classroom');
const { Conversation } = await load('../ui/model/conversation');
const { Polls } = await load('../ui/model/polls');

const EPOCH = 'abcdef';
const id = (n, epoch = EPOCH) => `${epoch}.1700000000${String(n).padStart(3, '0')}-0`;

/** A class whose server does as the test says. */
async function setUp(t, options = {}) {
    const clock = new Clock();
    const server = new FakeServer(clock);
    await server.start();
    const env = {
        WebSocket,
        now: clock.now,
        setTimeout: clock.setTimeout,
        clearTimeout: clock.clearTimeout,
        random: () => 0.5,
    };
    const classroom = new Classroom(
        { base: server.base, room: 'FTYXPM', token: token(), ...options, env },
        { conversation: new Conversation(), polls: new Polls() },
    );
    t.after(async () => {
        classroom.client.close();
        await server.stop();
    });
    return { classroom, server, clock };
}

async function setUpOpen(t, options = {}, welcome = {}) {
    const parts = await setUp(t, options);
    parts.classroom.client.connect();
    const peer = await parts.server.connection();
    peer.welcome(welcome);
    await stateOf(parts.classroom.client, 'open');
    return { ...parts, peer };
}

const texts = ({ snapshot }) => snapshot.conversation.map(({ text, note }) => text ?? note);

/** Resolves when the snapshot fits. */
function until(classroom, fits) {
    if (fits(classroom.snapshot)) return Promise.resolve();
    return new Promise((resolve) => {
        const off = classroom.subscribe(() => {
            if (!fits(classroom.snapshot)) return;
            off();
            resolve();
        });
    });
}

test('asks for as much history as there can be', async (t) => {
    const { peer } = await setUpOpen(t);
    assert.equal(peer.query.get('history'), '500');
});

test('one’s own message is shown once, whoever tells of it first', async (t) => {
    const { classroom, peer } = await setUpOpen(t);
    const own = { senderType: 'student', sender: 's1', targetType: 'teacher', messageType: 'send' };
    classroom.say('first');
    assert.deepEqual(texts(classroom), ['first'], 'at once');
    peer.ack(await peer.next(), id(1));
    peer.send({ ...own, id: id(1), message: 'first' });
    classroom.say('second');
    const second = await peer.next();
    peer.send({ ...own, id: id(2), message: 'second' });
    peer.say(id(3), 'answer');
    peer.ack(second, id(2));
    peer.say(id(4), 'end');
    await until(classroom, () => texts(classroom).includes('end'));
    assert.deepEqual(texts(classroom), ['first', 'second', 'answer', 'end']);
    assert.ok(classroom.snapshot.conversation.every(({ status }) => status === 'sent'));
});

test('a refused message can be sent again, or dropped', async (t) => {
    const { classroom, peer } = await setUpOpen(t);
    const sent = classroom.send({ targetType: 'teacher', messageType: 'send', message: 'mine' });
    peer.refuse(await peer.next(), 'talk_forbidden');
    const outcome = await sent;
    assert.deepEqual([outcome.ok, outcome.error.code], [false, 'talk_forbidden']);
    const [{ key, status }] = classroom.snapshot.conversation;
    assert.equal(status, 'failed');
    classroom.resend(key);
    assert.equal(classroom.snapshot.conversation[0].status, 'sending');
    peer.refuse(await peer.next(), 'talk_forbidden');
    await until(classroom, ({ conversation }) => conversation[0].status === 'failed');
    classroom.drop(key);
    assert.deepEqual(texts(classroom), []);
});

test('many events are told of once', async (t) => {
    const { classroom, peer } = await setUpOpen(t);
    peer.say(id(0, 'abcdef').replace('1700', '1600'), 'first');
    await until(classroom, () => texts(classroom).includes('first'));
    let told = 0;
    classroom.subscribe(() => (told += 1));
    for (let n = 0; n < 200; n += 1) peer.say(id(n), `line ${n}`);
    await until(classroom, () => texts(classroom).length === 201);
    assert.ok(told < 50, `told ${told} times of 200 messages`);
    const before = classroom.snapshot;
    assert.equal(classroom.snapshot, before, 'the same while nothing happens');
});

test('a hidden page does not wait for its slow timers', async (t) => {
    const { classroom, peer } = await setUpOpen(t);
    const toldOnce = () => new Promise((resolve) => classroom.subscribe(resolve));
    const first = toldOnce();
    peer.say(id(1), 'first');
    await first;
    const { setTimeout } = globalThis;
    const { now } = Date;
    t.after(() => {
        globalThis.setTimeout = setTimeout;
        Date.now = now;
        delete globalThis.document;
    });
    globalThis.document = { hidden: true };
    globalThis.setTimeout = () => 0;
    Date.now = () => now() + 1000;
    await until(classroom, () => texts(classroom).includes('first'));
    const told = toldOnce();
    peer.say(id(2), 'behind the projector');
    await told;
    await until(classroom, () => texts(classroom).includes('behind the projector'));
});

test('the next class with the same code begins with nothing of the last', async (t) => {
    const { classroom, server, clock, peer } = await setUpOpen(t);
    peer.say(id(1), 'old');
    await until(classroom, () => texts(classroom).includes('old'));
    peer.send({ messageType: 'close', message: { reason: 'ended' } });
    peer.close(4000, 'ended');
    const waiting = await stateOf(classroom.client, 'waiting', 'room_ended');
    assert.deepEqual(texts(classroom), ['old'], 'to be read until then');
    elapse(clock, waiting);
    const next = await server.connection();
    next.welcome();
    next.say(id(1, 'ghijkl'), 'new');
    await until(classroom, () => texts(classroom).includes('new'));
    assert.deepEqual(texts(classroom), ['new']);
    assert.equal(classroom.snapshot.ended, null);
});

test('a class that ended and began again meanwhile brings nothing of the last', async (t) => {
    const { classroom, server, clock, peer } = await setUpOpen(t, {}, { epoch: EPOCH });
    peer.say(id(1), 'old');
    await until(classroom, () => texts(classroom).includes('old'));
    peer.terminate();
    elapse(clock, await stateOf(classroom.client, 'waiting', 'lost'));
    classroom.say('for the old one');
    const next = await server.connection();
    assert.equal(next.query.get('since'), id(1));
    next.welcome({ epoch: 'ghijkl' });
    next.send({ messageType: 'gap', message: { since: id(1) } });
    await until(classroom, ({ conversation }) => conversation[0]?.status === 'failed');
    assert.deepEqual(texts(classroom), ['for the old one'], 'and no gap');
    assert.equal(classroom.snapshot.conversation[0].error.code, 'another_class');
    classroom.resend(classroom.snapshot.conversation[0].key);
    assert.equal((await next.next()).message, 'for the old one', 'where that is wanted');
});

/** A class whose log is longer than a replay can be: a question, 599 answers, two lines. */
function longLog() {
    const base = { ts: 1, room: 'room:FTYXPM', senderType: 'student', targetType: 'teacher' };
    const question = { kind: 'single', question: 'Early?', options: ['yes', 'no'] };
    const poll = { poll: 'p1', ...question, quiz: false, hidden: false };
    const teacher = { senderType: 'teacher', sender: 't1', targetType: 'student' };
    const log = [{ ...base, ...teacher, id: id(1), messageType: 'poll', message: poll }];
    for (let n = 2; n <= 600; n += 1) {
        const message = { poll: 'p1', value: n % 2 };
        log.push({ ...base, sender: `s${n}`, id: id(n), messageType: 'answer', message });
    }
    const send = { ...base, sender: 's1', messageType: 'send' };
    log.push({ ...send, id: id(601), targetType: 'student', message: 'between students' });
    log.push({ ...send, id: id(602), message: 'the last' });
    return log;
}

test('a host whose replay was as long as can be asks for the whole log', async (t) => {
    const { classroom, server } = await setUp(t, { host: {}, returning: true });
    const log = longLog();
    server.answers.set('/rooms/FTYXPM/log', [200, { messages: log }]);
    classroom.client.connect();
    const peer = await server.connection();
    peer.welcome({ user: { id: 't1', name: 'T', userType: 'teacher' }, last: id(602) });
    for (const message of log.slice(-501)) {
        if (message.targetType !== 'student') peer.send(message);
    }
    peer.say(id(700), 'live');
    await until(classroom, ({ polls }) => polls.length === 1);
    await until(classroom, () => texts(classroom).includes('live'));
    const [poll] = classroom.snapshot.polls;
    assert.deepEqual(poll.results, { total: 599, counts: [300, 299] });
    assert.deepEqual(texts(classroom), ['the last', 'live']);
});

/** A host before the server's answer to the question for the log. */
async function setUpHost(t, answer) {
    const { classroom, server, clock } = await setUp(t, { host: {} });
    server.answers.set('/rooms/FTYXPM/log', answer);
    classroom.client.connect();
    const peer = await server.connection();
    peer.welcome({ user: { id: 't1', name: 'T', userType: 'teacher' }, epoch: EPOCH });
    await stateOf(classroom.client, 'open');
    return { classroom, server, clock, peer };
}

const pupil = (n, message) => ({
    id: id(n),
    ts: n,
    room: 'room:FTYXPM',
    senderType: 'student',
    sender: 's1',
    targetType: 'teacher',
    messageType: 'send',
    message,
});

test('a host asks for the log until it has it, and says so meanwhile', async (t) => {
    const no = [503, { error: { code: 'unavailable', message: 'later' } }];
    const { classroom, server, clock, peer } = await setUpHost(t, no);
    assert.equal(classroom.snapshot.incomplete, false);
    peer.send({ messageType: 'gap', message: { since: id(1) } });
    peer.send(pupil(5, 'live'));
    await until(classroom, () => texts(classroom).includes('live'));
    assert.equal(classroom.snapshot.incomplete, true);
    assert.equal(await server.asked.next(), '/rooms/FTYXPM/log');
    server.answers.set('/rooms/FTYXPM/log', [200, { messages: [pupil(2, 'missed')] }]);
    // The wait begins when the refusal has come.
    const whole = until(classroom, ({ incomplete }) => !incomplete);
    const timer = setInterval(() => clock.advance(1000), 20);
    await whole;
    clearInterval(timer);
    assert.deepEqual(texts(classroom), ['missed', 'live']);
});

test('each welcome asks anew for a log that is missing', async (t) => {
    const no = [503, { error: { code: 'unavailable', message: 'later' } }];
    const { classroom, server, clock, peer } = await setUpHost(t, no);
    peer.send({ messageType: 'gap', message: { since: id(1) } });
    await until(classroom, ({ incomplete }) => incomplete);
    await server.asked.next();
    server.answers.set('/rooms/FTYXPM/log', [200, { messages: [pupil(2, 'missed')] }]);
    peer.terminate();
    elapse(clock, await stateOf(classroom.client, 'waiting', 'lost'));
    const next = await server.connection();
    next.welcome({ user: { id: 't1', name: 'T', userType: 'teacher' }, epoch: EPOCH });
    await until(classroom, ({ incomplete }) => !incomplete);
    assert.deepEqual(texts(classroom), ['missed']);
});
