/** What the student page makes of states and messages: one's hand, reactions, what is broken. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../client/support.mjs';

const { OwnHand } = await load('../../student/hand');
const { PassingReactions } = await load('../../student/reactions');
const { classless, statusOf, waitingStatus } = await load('../../student/status');
const { t } = await load('../../student/strings');

const around = { user: { id: 's1' }, host: null, hosting: false };
const id = (n) => `abcdef.${1_700_000_000_000 + n}-0`;
const message = (n, messageType, body, more = {}) => ({
    kind: 'message',
    mine: false,
    message: {
        id: id(n),
        senderType: 'teacher',
        sender: 't1',
        messageType,
        message: body,
        ...more,
    },
});
const hand = (n, up, key) => ({
    ...message(n, 'hand', { up }, { senderType: 'student', sender: 's1' }),
    mine: true,
    ...(key === undefined ? {} : { key }),
});
const lowered = (n, target = 's1', more = {}) => message(n, 'hand-down', {}, { target, ...more });
const sending = (key, up) => ({
    kind: 'sending',
    key,
    ts: 0,
    outgoing: { targetType: 'teacher', messageType: 'hand', message: { up } },
});

function after(...events) {
    const part = new OwnHand();
    for (const event of events) part.take(event, around);
    return part.view();
}

test('a hand is up from the moment of raising, and known to wait until it is taken', () => {
    assert.deepEqual(after(), { up: false, waits: false, byTeacher: false });
    assert.deepEqual(after(sending('k', true)), { up: true, waits: true, byTeacher: false });
    assert.deepEqual(after(sending('k', true), hand(1, true, 'k')), {
        up: true,
        waits: false,
        byTeacher: false,
    });
});

test('a change that was refused never was', () => {
    assert.equal(after(sending('k', true), { kind: 'failed', key: 'k' }).up, false);
    assert.equal(after(hand(1, true), sending('k', false), { kind: 'failed', key: 'k' }).up, true);
});

test('the teacher lowers it; nobody else, no other, and not one raised later', () => {
    const down = { up: false, waits: false, byTeacher: true };
    assert.deepEqual(after(hand(1, true), lowered(2)), down);
    assert.equal(after(hand(1, true), lowered(2, 's2')).up, true);
    assert.equal(after(hand(1, true), lowered(2, 's1', { senderType: 'student' })).up, true);
    assert.equal(after(hand(5, true), lowered(2)).up, true, 'it came late');
    assert.equal(after(hand(1, true), lowered(2), hand(3, true)).up, true);
    assert.equal(after(lowered(2)).byTeacher, false, 'there was nothing to lower');
});

test('another class, another hand', () => {
    assert.equal(after(hand(1, true), sending('k', true), { kind: 'restart' }).up, false);
});

test('odd bodies raise nothing', () => {
    for (const body of [null, 1, 'up', [], {}, { up: 'yes' }, { up: null }]) {
        const event = { ...message(1, 'hand', body), mine: true };
        assert.equal(after(event).up, false, JSON.stringify(body));
    }
});

test('reactions of students pass by, the last dozen; others are nothing', () => {
    const part = new PassingReactions();
    const react = (message, senderType = 'student') => {
        const reaction = { messageType: 'reaction', senderType, message };
        return part.take({ kind: 'message', message: reaction });
    };
    assert.equal(react('💣'), false);
    assert.equal(react({ emoji: '👍' }), false);
    assert.equal(react('👍', 'teacher'), false);
    for (let n = 0; n < 30; n += 1) assert.equal(react('👍'), true);
    const keys = part.view().map(({ key }) => key);
    assert.equal(keys.length, 12);
    assert.equal(keys[11], 30);
});

const open = { name: 'open' };
const present = { id: 't1', name: 'Kim', present: true, deadline: null };

test('says which is broken: one’s own network, the teacher’s, or the server', () => {
    const away = { ...present, present: false, deadline: 60_000 };
    const title = (state, host = present, online = true, doubt = false) =>
        t(statusOf({ state, host }, { online, doubt }, 0).title);
    const waiting = (reason) => ({ name: 'waiting', reason, retryAt: 5000 });
    assert.equal(title(open), t('connected'));
    assert.equal(title(open, away), t('teacherAway'));
    // A connection that goes on knows better than a device that always says so.
    assert.equal(title(open, present, false), t('connected'));
    assert.equal(title(open, present, false, true), t('offline'));
    assert.equal(title(waiting({ kind: 'lost' })), t('cut'));
    assert.equal(title(waiting({ kind: 'lost' }), present, false), t('offline'));
    assert.equal(title(waiting({ kind: 'unreachable' })), t('noAnswer'));
    assert.equal(title(waiting({ kind: 'unreachable', fault: 'network' })), t('portal'));
    assert.equal(title(waiting({ kind: 'unreachable', fault: 'server' })), t('serverDown'));
    assert.equal(title(waiting({ kind: 'unavailable', fault: 'server' })), t('serverDown'));
    assert.equal(title(waiting({ kind: 'server_error' }), present, false), t('serverDown'));
    assert.equal(title(waiting({ kind: 'too_slow' })), t('slow'));
});

test('counts down to what comes by itself, by the device’s clock', () => {
    const away = { ...present, present: false, deadline: 60_000 };
    assert.equal(statusOf({ state: open, host: away }, true, 1000).until, 59_000);
    assert.equal(waitingStatus({ kind: 'lost' }, 5000, true).until, 5000);
    assert.equal(waitingStatus({ kind: 'lost' }, 5000, false).until, undefined);
    assert.equal(waitingStatus({ kind: 'room_missing' }, 5000, true).until, undefined);
});

test('what is over for good says what to do', () => {
    const closed = (kind) => {
        const state = { name: 'closed', reason: { kind } };
        return statusOf({ state, host: null }, true, 0);
    };
    assert.equal(closed('replaced').remedy.what, 'connect');
    assert.equal(closed('token_expired').remedy.what, 'join');
    assert.equal(closed('removed').remedy, undefined);
    for (const kind of ['replaced', 'removed', 'token_expired', 'refused', 'protocol_error']) {
        assert.notEqual(closed(kind).hint, undefined, kind);
        assert.equal(closed(kind).tone, 'bad', kind);
    }
});

test('messages can wait for a connection, not for a class that is over', () => {
    const waiting = (kind) => ({ name: 'waiting', reason: { kind }, retryAt: 1 });
    assert.equal(classless(waiting('lost')), false);
    assert.equal(classless(open), false);
    assert.equal(classless(waiting('room_ended')), true);
    assert.equal(classless({ name: 'closed', reason: { kind: 'replaced' } }), true);
});
