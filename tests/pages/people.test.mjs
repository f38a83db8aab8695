/** What the teacher page knows of its students: roster, hands, seen, reactions and checks. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../client/support.mjs';

const { Roster, RECONNECT_MS, arrange, nextGone, presence } = await load('../ui/model/roster');
const { Hands } = await load('../ui/model/hands');
const { Seen, hasSeen, tally } = await load('../ui/model/seen');
const { Reactions, REACTIONS } = await load('../ui/model/reactions');
const { Checks, isTroubled } = await load('../ui/model/checks');

const START = 1_700_000_000_000;
const id = (n) => `abcdef.${START + n}-0`;

const welcome = (ids, ts = START) => ({
    kind: 'welcome',
    ts,
    welcome: { participants: ids.map((one, i) => ({ id: one, name: one, joinedAt: START + i })) },
});
const join = (one, ts = START, name = one) => ({
    kind: 'join',
    join: { user: { id: one, userType: 'student' }, name, count: 1, joinedAt: ts, ts },
});
const leave = (one, reason, ts = START, name = one) => ({
    kind: 'leave',
    leave: { user: { id: one, userType: 'student' }, name, count: 0, reason, presentMs: 1, ts },
});
const message = (n, messageType, body, more = {}) => ({
    kind: 'message',
    mine: false,
    message: {
        ...(n === null ? {} : { id: id(n) }),
        ts: START + (n ?? 0),
        senderType: 'student',
        sender: 's1',
        targetType: 'teacher',
        messageType,
        message: body,
        ...more,
    },
});
const feedOf = (roster) => roster.view().feed.map(({ id: one, what }) => `${one} ${what}`);
const states = (roster, now = START) =>
    Object.fromEntries(roster.view().people.map((one) => [one.id, presence(one, now)]));

test('a student is here, reconnecting after a loss, and gone when that lasts', () => {
    const roster = new Roster();
    roster.take(welcome(['s1']));
    roster.take(join('s2', START + 5));
    assert.deepEqual(states(roster), { s1: 'here', s2: 'here' });
    roster.take(leave('s1', 'lost', START + 10));
    roster.take(leave('s2', 'left', START + 10));
    assert.deepEqual(states(roster, START + 10), { s1: 'reconnecting', s2: 'gone' });
    assert.equal(roster.view().here, 0);
    assert.deepEqual(states(roster, START + 10 + RECONNECT_MS), { s1: 'gone', s2: 'gone' });
    roster.take(join('s1', START + 20));
    assert.deepEqual(states(roster, START + 20), { s1: 'here', s2: 'gone' });
    assert.deepEqual(feedOf(roster), ['s2 joined', 's1 lost', 's2 left', 's1 back']);
});

test('one who was removed is gone, and is known to have been removed', () => {
    const roster = new Roster();
    roster.take(join('s1'));
    roster.take(leave('s1', 'removed'));
    const [person] = roster.view().people;
    assert.equal(person.state, 'removed');
    assert.equal(presence(person, START), 'gone');
});

test('joins that a welcome has counted already are not told twice', () => {
    const roster = new Roster();
    roster.take(welcome(['s1', 's2']));
    roster.take(join('s1'));
    assert.deepEqual(feedOf(roster), []);
    assert.equal(roster.view().here, 2);
    assert.equal(roster.take(leave('s3', 'left')), true);
    assert.equal(roster.take(leave('s3', 'left')), false);
    assert.deepEqual(feedOf(roster), ['s3 left']);
});

test('a new welcome says who is still there; others may be on the way back', () => {
    const roster = new Roster();
    roster.take(welcome(['s1', 's2', 's3']));
    roster.take(leave('s3', 'left'));
    roster.take(welcome(['s2'], START + 50));
    assert.deepEqual(states(roster, START + 60), { s1: 'reconnecting', s2: 'here', s3: 'gone' });
});

test('the attendance adds those who went before this page was there, and changes nobody else', () => {
    const roster = new Roster();
    roster.take(welcome(['s1']));
    const stay = (one) => ({ id: one, name: one.toUpperCase(), last: START });
    roster.take({ kind: 'attendance', attendance: [stay('s0'), stay('s1')] });
    // Who went just now may be on the way back.
    assert.deepEqual(states(roster, START + 9), { s1: 'here', s0: 'reconnecting' });
    assert.deepEqual(states(roster, START + RECONNECT_MS), { s1: 'here', s0: 'gone' });
    assert.equal(roster.view().byId.get('s1').name, 's1');
    assert.equal(roster.view().byId.get('s0').name, 'S0');
});

test('a page that is loaded anew knows what the one before it knew, in the same class only', () => {
    const inClass = (epoch, ids) => {
        const event = welcome(ids, START + 50);
        return { ...event, welcome: { ...event.welcome, epoch } };
    };
    const before = new Roster();
    before.take(inClass('one', ['s1', 's2', 's3']));
    before.take(leave('s1', 'removed'));
    before.take(leave('s2', 'lost', START + 10));
    // As it comes back from the tab's storage.
    const kept = JSON.parse(JSON.stringify(before.view()));
    const roster = new Roster(kept);
    assert.deepEqual(states(roster), {}, 'the class is not known yet');
    roster.take(inClass('one', ['s3']));
    const stay = (one) => ({ id: one, name: one, last: START + 1 });
    roster.take({ kind: 'attendance', attendance: [stay('s1'), stay('s2')] });
    assert.equal(roster.view().byId.get('s1').state, 'removed');
    assert.deepEqual(states(roster, START + 60), { s1: 'gone', s2: 'reconnecting', s3: 'here' });
    roster.take(join('s2', START + 70));
    assert.deepEqual(feedOf(roster), ['s1 removed', 's2 lost', 's2 back']);
    const keys = roster.view().feed.map(({ key }) => key);
    assert.equal(new Set(keys).size, 3);
    const other = new Roster(kept);
    other.take(inClass('two', ['s9']));
    assert.deepEqual(states(other), { s9: 'here' });
    assert.deepEqual(feedOf(other), []);
});

test('it is known until when somebody counts as reconnecting', () => {
    const roster = new Roster();
    roster.take(welcome(['s1', 's2']));
    const next = (now) => nextGone(roster.view().people, START + now);
    assert.equal(next(0), null);
    roster.take(leave('s1', 'lost', START + 10));
    roster.take(leave('s2', 'lost', START + 20));
    assert.equal(next(30), START + 10 + RECONNECT_MS);
    assert.equal(next(10 + RECONNECT_MS), START + 20 + RECONNECT_MS);
    assert.equal(next(20 + RECONNECT_MS), null);
});

test('after the end nobody is here, and another class begins empty', () => {
    const roster = new Roster();
    roster.take(welcome(['s1', 's2']));
    roster.take({ kind: 'ended', reason: 'ended', ts: START + 9 });
    assert.deepEqual(states(roster), { s1: 'gone', s2: 'gone' });
    roster.take({ kind: 'restart' });
    assert.deepEqual(roster.view().people, []);
});

test('views are never changed afterwards', () => {
    const roster = new Roster();
    roster.take(join('s1'));
    const before = roster.view();
    roster.take(join('s2'));
    roster.take(leave('s1', 'left'));
    assert.deepEqual([before.people.length, before.here, before.feed.length], [1, 1, 1]);
    assert.equal(before.byId.get('s1').state, 'here');
});

test('the list is found and ordered by name, state, hand and arrival', () => {
    const roster = new Roster();
    const names = { s1: '다현', s2: '가은', s3: 'Bob', s4: '나리', s5: '학생 10', s6: '학생 9' };
    for (const [one, name] of Object.entries(names)) roster.take(join(one, START, name));
    roster.take(leave('s3', 'left', START, 'Bob'));
    roster.take(leave('s4', 'lost', START, '나리'));
    const { people } = roster.view();
    const how = { order: 'name', query: '', hands: new Map([['s5', 0], ['s1', 1]]), now: START };
    const sorted = (changes) => arrange(people, { ...how, ...changes }).map(({ id: one }) => one);
    assert.deepEqual(sorted({}), ['s2', 's4', 's1', 's6', 's5', 's3']);
    assert.deepEqual(sorted({ order: 'hand' }).slice(0, 2), ['s5', 's1']);
    assert.deepEqual(sorted({ order: 'state' }).slice(0, 2), ['s4', 's3']);
    assert.deepEqual(sorted({ order: 'joined' }), ['s1', 's2', 's5', 's6', 's4', 's3']);
    assert.deepEqual(sorted({ query: ' bO' }), ['s3']);
    assert.deepEqual(sorted({ query: '학생' }), ['s6', 's5']);
    assert.deepEqual(sorted({ query: 'nobody' }), []);
});

const up = (n, sender, value = true) => message(n, 'hand', { up: value }, { sender });
const down = (n, target) =>
    message(n, 'hand-down', {}, { senderType: 'teacher', sender: 't1', targetType: 'student', target });
const raised = (hands) => hands.view().map(({ userId }) => userId);

test('hands stand in the order of raising', () => {
    const hands = new Hands();
    for (const event of [up(1, 's2'), up(2, 's1'), up(3, 's3'), up(4, 's2')]) hands.take(event);
    assert.deepEqual(raised(hands), ['s2', 's1', 's3']);
    hands.take(up(5, 's2', false));
    hands.take(up(6, 's2'));
    assert.deepEqual(raised(hands), ['s1', 's3', 's2']);
    assert.equal(hands.view()[2].ts, START + 6);
});

test('a hand is lowered by the teacher, but not one that was raised after that', () => {
    const hands = new Hands();
    hands.take(up(1, 's1'));
    hands.take(down(2, 's1'));
    assert.deepEqual(raised(hands), []);
    hands.take(up(5, 's1'));
    assert.equal(hands.take(down(4, 's1')), false);
    assert.deepEqual(raised(hands), ['s1']);
    assert.equal(hands.take(down(6, 's9')), false);
});

test('who was removed has no hand any more; who went may be reloading a page', () => {
    const hands = new Hands();
    for (const [n, sender] of ['s1', 's2', 's3'].entries()) hands.take(up(n, sender));
    hands.take(leave('s1', 'lost'));
    hands.take(leave('s2', 'left'));
    hands.take(leave('s3', 'removed'));
    assert.deepEqual(raised(hands), ['s1', 's2']);
});

test('what is no hand raises none', () => {
    const hands = new Hands();
    const odd = [null, 'up', {}, { up: 1 }, { up: 'true' }, [true]];
    for (const [n, body] of odd.entries()) {
        assert.equal(hands.take(message(n, 'hand', body)), false, JSON.stringify(body));
    }
    assert.equal(hands.take(message(null, 'hand', { up: true })), false, 'not remembered');
    assert.equal(
        hands.take(message(9, 'hand', { up: true }, { senderType: 'teacher', sender: 't1' })),
        false,
    );
    assert.deepEqual(raised(hands), []);
});

test('seen goes forward only, and stands for all before it', () => {
    const seen = new Seen();
    assert.equal(seen.take({ kind: 'seen', seen: { s1: id(5), s2: id(2) } }), true);
    assert.equal(seen.take({ kind: 'seen', seen: { s1: id(3) } }), false);
    assert.equal(seen.take({ kind: 'seen', seen: { s1: 7 } }), false);
    const view = seen.view();
    assert.equal(hasSeen(view, 's1', id(5)), true);
    assert.equal(hasSeen(view, 's1', id(4)), true);
    assert.equal(hasSeen(view, 's1', id(6)), false);
    assert.equal(hasSeen(view, 's3', id(1)), false);
    seen.take({ kind: 'restart' });
    assert.equal(hasSeen(seen.view(), 's1', id(1)), false);
    assert.equal(hasSeen(view, 's1', id(1)), true);
});

test('a tally counts as one by one would, among those asked for', () => {
    const seen = new Seen();
    const news = {};
    for (let i = 0; i < 200; i++) news[`s${i}`] = id((i * 7) % 40);
    seen.take({ kind: 'seen', seen: news });
    const view = seen.view();
    const people = Array.from({ length: 150 }, (_, i) => `s${i * 2}`);
    const count = tally(view, people);
    for (let n = -1; n <= 41; n++) {
        const expected = people.filter((one) => hasSeen(view, one, id(n))).length;
        assert.equal(count(id(n)), expected, `message ${n}`);
    }
    assert.equal(tally(new Map(), people)(id(1)), 0);
});

test('reactions are counted, others are none', () => {
    const reactions = new Reactions();
    const react = (body) => reactions.take(message(null, 'reaction', body));
    assert.equal(react('👍'), true);
    assert.equal(react('👍'), true);
    assert.equal(react('❓'), true);
    for (const body of ['💣', '', null, 3, ['👍'], 'constructor']) assert.equal(react(body), false);
    const { total, count } = reactions.view();
    assert.equal(count, 3);
    assert.deepEqual([total[REACTIONS.indexOf('👍')], total[REACTIONS.indexOf('❓')]], [2, 1]);
});

test('the newest check of each student counts, and odd ones do not', () => {
    const checks = new Checks();
    const fine = { ws: 'ok', rttMs: 31.4, rttMaxMs: 80, lost: 0, browser: 'B'.repeat(200), fallback: 'none' };
    assert.equal(checks.take(message(1, 'check', { ...fine, ws: 'timeout' })), true);
    assert.equal(checks.take(message(2, 'check', fine)), true);
    for (const body of [null, 'ok', {}, { ...fine, ws: '<b>' }, { ...fine, ws: 5 }]) {
        assert.equal(checks.take(message(3, 'check', body)), false);
    }
    const [check, ...others] = checks.view();
    assert.deepEqual(others, []);
    assert.equal(check.ws, 'ok');
    assert.equal(check.rttMs, 31);
    assert.equal(check.browser.length, 80);
    assert.equal(isTroubled(check), false);
    const with_ = (changes) => isTroubled({ ...check, ...changes });
    assert.ok(with_({ ws: 'timeout' }) && with_({ rttMs: null }) && with_({ lost: 1 }));
    assert.ok(with_({ rttMs: 900 }));
});
