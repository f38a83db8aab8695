/** A chat room's messages: the window that is loaded, what comes live, one's own, what is taken back. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../client/support.mjs';

const { Timeline, MOST_LOADED } = await load('../chat/model/timeline');
const { rowsOf } = await load('../chat/model/rows');

const ROOM = 'caaaaaaaaaaaaaaa';
const START = new Date(2026, 2, 2, 9, 0).getTime();

const message = (n, body = `text ${n}`, more = {}) => ({
    id: `${ROOM}.${n}`,
    ts: START + n * 1000,
    room: `room:${ROOM}`,
    senderType: 'student',
    sender: 's2',
    senderName: '서연',
    targetType: 'all',
    messageType: 'send',
    message: body,
    ...more,
});
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => message(from + n));
const own = (n, body) => message(n, body, { sender: 'me', senderName: 'Me' });
const tombstone = (n, of) => message(n, { id: `${ROOM}.${of}` }, { messageType: 'delete' });
const seqs = (timeline) => timeline.all.map(({ seq }) => seq);

function loaded(messages, ends = {}) {
    const timeline = new Timeline('me');
    timeline.reset({ messages, more: false }, { older: false, newer: false, ...ends });
    return timeline;
}

test('pages are put together in the room’s order, each message once', () => {
    const timeline = loaded(range(51, 60), { older: true });
    timeline.prepend({ messages: range(41, 52), more: true });
    timeline.live(message(61), true);
    timeline.live(message(61), true);
    assert.deepEqual(seqs(timeline), range(41, 61).map((_, n) => 41 + n));
    assert.equal(timeline.older, true);
    timeline.prepend({ messages: range(1, 40), more: false });
    assert.equal(timeline.older, false);
    assert.equal(timeline.first, 1);
});

test('a window is bounded: what it cannot hold is at its other end again', () => {
    const timeline = loaded(range(1001, 1000 + MOST_LOADED), { older: true });
    timeline.prepend({ messages: range(951, 1000), more: true });
    assert.equal(timeline.all.length, MOST_LOADED);
    assert.deepEqual([timeline.first, timeline.last], [951, 950 + MOST_LOADED]);
    assert.equal(timeline.newer, true, 'the newest have gone');
    timeline.append({ messages: range(951 + MOST_LOADED, 1000 + MOST_LOADED), more: false });
    assert.deepEqual([timeline.first, timeline.last], [1001, 1000 + MOST_LOADED]);
    assert.deepEqual([timeline.older, timeline.newer], [true, false]);
    timeline.live(message(1001 + MOST_LOADED), true);
    assert.equal(timeline.all.length, MOST_LOADED);
    assert.equal(timeline.first, 1002);
});

test('who reads far above loses nothing of what one reads', () => {
    const timeline = loaded(range(1, MOST_LOADED), { older: false });
    timeline.live(message(MOST_LOADED + 1), false);
    assert.equal(timeline.first, 1);
    assert.equal(timeline.newer, true, 'it is there to be loaded');
    timeline.append({ messages: [message(MOST_LOADED + 1)], more: false });
    assert.equal(timeline.last, MOST_LOADED + 1);
});

test('what comes while a page is under way is not lost, and not shown twice', () => {
    const timeline = new Timeline('me');
    timeline.live(message(5), true);
    timeline.live(message(6), true);
    assert.deepEqual(seqs(timeline), []);
    timeline.reset({ messages: range(1, 5), more: false }, { older: false, newer: false });
    assert.deepEqual(seqs(timeline), [1, 2, 3, 4, 5, 6]);
    // In the middle of an old part, the newest waits until the window reaches it.
    timeline.reset({ messages: range(1, 2), more: true }, { older: false, newer: true });
    timeline.live(message(7), true);
    assert.deepEqual(seqs(timeline), [1, 2]);
    timeline.append({ messages: range(3, 6), more: false });
    assert.deepEqual(seqs(timeline), [1, 2, 3, 4, 5, 6, 7]);
});

test('more than can wait is asked for once more', () => {
    const timeline = loaded(range(1, 2), { newer: true });
    for (let n = 3; n < 800; n += 1) timeline.live(message(n), true);
    timeline.append({ messages: range(3, 52), more: false });
    assert.equal(timeline.newer, true);
});

test('after a gap the window ends before it', () => {
    const timeline = loaded(range(1, 5));
    timeline.gap();
    timeline.live(message(900), true);
    assert.deepEqual([timeline.last, timeline.newer, timeline.newest], [5, true, 900]);
});

test('what came before a gap does not stand beside the newest page that is loaded after it', () => {
    const timeline = new Timeline('me');
    timeline.live(message(5), true);
    timeline.gap();
    timeline.live(message(900), true);
    timeline.reset({ messages: range(890, 899), more: true }, { older: true, newer: false });
    assert.deepEqual([timeline.first, timeline.last], [890, 900]);
    timeline.prepend({ messages: range(880, 889), more: true });
    assert.deepEqual(seqs(timeline), range(880, 900).map((_, n) => 880 + n), 'nothing is left out');
});

test('one’s own stands below until it is stored, and then in its place', () => {
    const timeline = loaded([message(1)]);
    timeline.sending('own-1', 'Me', 'send', 'mine', START);
    timeline.live(message(2), true);
    assert.deepEqual(timeline.all.map(({ text, status }) => `${text} ${status}`), [
        'text 1 sent',
        'text 2 sent',
        'mine sending',
    ]);
    timeline.sent('own-1', own(3, 'mine'), true);
    timeline.live(own(3, 'mine'), true);
    assert.deepEqual(seqs(timeline), [1, 2, 3]);
    assert.equal(timeline.all[2].key, 'own-1', 'the same line to who draws it');
    assert.equal(timeline.all[2].mine, true);
});

test('one’s own that comes back before its answer is not shown twice, nor lost', () => {
    const timeline = loaded([]);
    timeline.sending('own-1', 'Me', 'send', 'same', START);
    timeline.sending('own-2', 'Me', 'send', 'same', START);
    timeline.live(own(1, 'same'), true);
    timeline.live(own(2, 'same'), true);
    assert.equal(timeline.all.length, 2);
    timeline.sent('own-1', own(1, 'same'), true);
    assert.deepEqual(seqs(timeline), [1, 0]);
    timeline.sent('own-2', own(2, 'same'), true);
    assert.deepEqual(seqs(timeline), [1, 2]);
    // Refused here, but written with the same words on another device.
    timeline.sending('own-3', 'Me', 'send', 'again', START);
    timeline.live(own(3, 'again'), true);
    timeline.failed('own-3', { code: 'too_big' });
    assert.deepEqual(seqs(timeline), [1, 2, 3, 0]);
    timeline.drop('own-3');
    assert.deepEqual(seqs(timeline), [1, 2, 3]);
});

test('what was taken back vanishes, also from pages that were asked for before', () => {
    const timeline = loaded(range(1, 3));
    timeline.live(tombstone(4, 2), true);
    assert.deepEqual(seqs(timeline), [1, 3]);
    timeline.prepend({ messages: range(1, 2), more: false });
    assert.deepEqual(seqs(timeline), [1, 3]);
    timeline.append({ messages: [message(5), tombstone(6, 5)], more: false });
    assert.deepEqual(seqs(timeline), [1, 3]);
    timeline.live(message(7, { id: 5 }, { messageType: 'delete' }), true);
    timeline.live(message(8, null, { messageType: 'delete' }), true);
    assert.deepEqual(seqs(timeline), [1, 3], 'what cannot be read does nothing');
});

test('a file is there when it is ready, or says that it is not', () => {
    const file = { name: 'a.pdf', type: 'application/pdf', bytes: 5, state: 'uploading' };
    const as = (n, body) => message(n, body, { messageType: 'file' });
    const state = (n, of, fields) =>
        message(n, { id: `${ROOM}.${of}`, ...fields }, { messageType: 'file-state' });
    const timeline = loaded([as(1, file), as(2, file)]);
    assert.equal(timeline.all[0].file.state, 'uploading');
    timeline.live(state(3, 1, { state: 'ready', url: '/files/fabc' }), true);
    timeline.live(state(4, 2, { state: 'failed' }), true);
    assert.deepEqual(timeline.all.map(({ file }) => file.state), ['ready', 'failed']);
    assert.equal(timeline.all[0].file.url, '/files/fabc');
    timeline.reset({ messages: [as(1, file)], more: false }, { older: false, newer: false });
    assert.equal(timeline.all[0].file.state, 'ready', 'a page that is older than the news');
});

test('who came and went stands between the messages; what nobody knows does not', () => {
    const timeline = loaded([
        message(1, { name: '민준', count: 2 }, { messageType: 'join' }),
        message(2, { x: 1 }, { messageType: 'poll' }),
        message(3, { not: 'text' }),
        message(4, { url: 'https://elsewhere.test/x', name: 'x', state: 'ready' }, { messageType: 'file' }),
        message(5, { name: '민준', count: 1 }, { messageType: 'leave' }),
    ]);
    assert.deepEqual(timeline.all.map(({ kind, change, name }) => [kind, change, name]), [
        ['event', 'join', '민준'],
        ['event', 'leave', '민준'],
    ]);
    assert.equal(timeline.unreadAfter(0), 0);
});

test('days and what is unread are set off, and one sender’s messages stand together', () => {
    const day = 24 * 3_600_000;
    const at = (n, ts, sender) => message(n, 'x', { ts, sender });
    const timeline = loaded([
        at(1, START, 's2'),
        at(2, START + 1000, 's2'),
        at(3, START + 2000, 'me'),
        at(4, START + day, 's2'),
        at(5, START + day + 1000, 's2'),
    ]);
    const rows = rowsOf(timeline.all, 2);
    const kinds = rows.map((row) => (row.kind === 'entry' ? `${row.entry.seq}${row.follows ? '+' : ''}` : row.kind));
    assert.deepEqual(kinds, ['day', '1', '2+', '3', 'day', 'unread', '4', '5+']);
    assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length);
    assert.ok(!rowsOf(timeline.all, null).some(({ kind }) => kind === 'unread'));
    const back = loaded([at(1, START, 's2'), at(2, START + day, 's2'), at(3, START, 's2')]);
    const keys = rowsOf(back.all, null).map(({ key }) => key);
    assert.equal(new Set(keys).size, keys.length, 'a clock that was set back');
});
