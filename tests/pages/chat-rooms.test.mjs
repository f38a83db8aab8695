/** The list of rooms, who has read what, who writes, and what a message says. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../client/support.mjs';

const { Rooms, MOST_UNREAD } = await load('../chat/model/rooms');
const { Reads } = await load('../chat/model/reads');
const { receipts } = await load('../chat/model/receipts');
const { Typing, STOPPED } = await load('../chat/model/typing');
const { contentOf, parseFile, playerOf } = await load('../chat/model/content');
const { splitMatches } = await load('../chat/model/matches');

const A = 'caaaaaaaaaaaaaaa';
const B = 'cbbbbbbbbbbbbbbb';
const START = 1_700_000_000_000;

const said = (room, n, more = {}) => ({
    id: `${room}.${n}`,
    ts: START + n * 1000,
    room: `room:${room}`,
    senderType: 'student',
    sender: 's2',
    senderName: '서연',
    targetType: 'all',
    messageType: 'send',
    message: `text ${n}`,
    ...more,
});
const mine = (room, more = {}) => ({
    id: room,
    kind: 'group',
    name: room,
    owner: 't1',
    members: 3,
    createdAt: START,
    unread: 0,
    lastReadMessage: '',
    last: null,
    ...more,
});
function list(...rooms) {
    const all = new Rooms('me');
    all.set(rooms);
    return all;
}
const order = (rooms) => rooms.all.map(({ id }) => id);

test('the newest activity is first, and what others say is unread', () => {
    const rooms = list(mine(A, { last: said(A, 5), unread: 2 }), mine(B, { last: said(B, 9) }));
    assert.deepEqual(order(rooms), [B, A]);
    rooms.message(A, said(A, 20));
    assert.deepEqual(order(rooms), [A, B]);
    assert.equal(rooms.get(A).unread, 3);
    assert.equal(rooms.unread, 3);
    rooms.message(A, said(A, 20));
    assert.equal(rooms.unread, 3, 'a repeat is nothing new');
    rooms.message(A, said(A, 21, { messageType: 'join', message: { name: 'x', count: 4 } }));
    assert.deepEqual([rooms.get(A).unread, rooms.get(A).members], [3, 4]);
    rooms.message(A, said(A, 22, { messageType: 'leave', message: { name: 'x', count: 3, owner: 'me' } }));
    assert.deepEqual([rooms.get(A).owner, rooms.get(A).members], ['me', 3]);
    rooms.message('cunknownunknown2', said(A, 30));
    assert.equal(rooms.all.length, 2);
});

test('who writes has read; reading moves forward only', () => {
    const rooms = list(mine(A, { last: said(A, 5), unread: 4, lastReadMessage: `${A}.1` }));
    rooms.read(A, 3, 2);
    assert.deepEqual([rooms.get(A).unread, rooms.get(A).readSeq], [2, 3]);
    rooms.read(A, 2, 9);
    assert.equal(rooms.get(A).readSeq, 3);
    rooms.read(A, 4, Infinity);
    assert.equal(rooms.get(A).unread, 2, 'unknown how many are left: no more than there were');
    rooms.message(A, said(A, 6, { sender: 'me' }));
    assert.deepEqual([rooms.get(A).unread, rooms.get(A).readSeq], [0, 6]);
    rooms.message(A, said(A, 7));
    rooms.read(A, 7, Infinity);
    assert.equal(rooms.get(A).unread, 0);
});

test('a list that was asked for earlier does not undo what came meanwhile', () => {
    const rooms = list(mine(A, { last: said(A, 5) }), mine(B));
    rooms.message(A, said(A, 6));
    rooms.set([mine(A, { last: said(A, 5) })]);
    assert.deepEqual([rooms.get(A).last.id, rooms.get(A).unread], [`${A}.6`, 1]);
    assert.equal(rooms.get(B), null);
    rooms.read(A, 6, 0);
    rooms.set([mine(A, { last: said(A, 6), unread: 1 })]);
    assert.equal(rooms.get(A).unread, 0);
    rooms.set([mine(A, { last: said(A, 8), unread: 2, lastReadMessage: `${A}.6` })]);
    assert.deepEqual([rooms.get(A).last.id, rooms.get(A).unread], [`${A}.8`, 2]);
});

test('what was shown of a room and is taken back is asked for anew', () => {
    const rooms = list(mine(A, { last: said(A, 5) }));
    assert.equal(rooms.message(A, said(A, 6)), false);
    const gone = { messageType: 'delete', message: { id: `${A}.6` } };
    assert.equal(rooms.message(A, said(A, 7, gone)), true);
    assert.equal(rooms.get(A).last, null);
    rooms.set([mine(A, { last: said(A, 5) })]);
    assert.equal(rooms.get(A).last.id, `${A}.5`);
    assert.equal(rooms.message(A, said(A, 7, gone)), false, 'told before');
});

test('the server counts so far, and so do we', () => {
    const rooms = list(mine(A, { unread: MOST_UNREAD }));
    rooms.message(A, said(A, 2000));
    assert.equal(rooms.get(A).unread, MOST_UNREAD);
});

test('how many have not read', () => {
    const reads = new Reads();
    reads.reset(
        [
            { id: 'me', lastReadMessage: `${A}.9` },
            { id: 's2', lastReadMessage: `${A}.4` },
            { id: 's3', lastReadMessage: '' },
        ],
        3,
    );
    assert.deepEqual([3, 4, 5].map((seq) => reads.unread(seq, 'me')), [1, 1, 2]);
    assert.equal(reads.set('s2', `${A}.3`), false, 'never back');
    reads.set('s3', `${A}.5`);
    assert.equal(reads.unread(5, 'me'), 1);
    reads.remove('s2');
    reads.count = 2;
    assert.equal(reads.unread(9, 'me'), 1);
    assert.equal(reads.unread(10, 'me'), 1, 'its sender has read it, whatever is known');
    reads.count = 500;
    assert.equal(reads.unread(5, 'me'), 498, 'the server names no more than 200');
});

test('receipts: in a direct room on the last that was read, in a group on each', () => {
    const line = (seq, more = {}) => ({ kind: 'message', mine: true, seq, status: 'sent', ...more });
    const lines = [line(1), line(2), line(3, { mine: false }), line(4), line(0, { status: 'sending' })];
    const reads = new Reads();
    reads.reset([{ id: 'me', lastReadMessage: `${A}.4` }, { id: 's2', lastReadMessage: `${A}.3` }], 2);
    const kinds = (room) => lines.map(receipts(lines, reads, room, 'me')).map((one) => one?.kind ?? null);
    assert.deepEqual(kinds({ kind: 'direct', other: 's2' }), [null, 'read', null, null, null]);
    assert.deepEqual(kinds({ kind: 'group' }), [null, null, null, 'some', null]);
    reads.set('s2', `${A}.4`);
    assert.deepEqual(kinds({ kind: 'direct', other: 's2' }), [null, null, null, 'read', null]);
    assert.deepEqual(kinds({ kind: 'group' }), [null, null, null, 'all', null]);
    reads.reset([{ id: 'me', lastReadMessage: '' }], 1);
    assert.deepEqual(kinds({ kind: 'group' }), lines.map(() => null), 'alone');
    const none = new Reads();
    none.reset([{ id: 'me', lastReadMessage: `${A}.4` }, { id: 's2', lastReadMessage: '' }], 2);
    const some = lines.map(receipts(lines, none, { kind: 'group' }, 'me'));
    assert.deepEqual(some.map((one) => one?.count ?? null), [null, 1, null, 1, null], 'once for both');
});

test('who is not heard of has stopped writing', () => {
    const typing = new Typing();
    assert.equal(typing.set('s2', '서연', true, START), true);
    assert.equal(typing.set('s2', '서연', true, START + 3000), false);
    typing.set('s3', '민준', true, START + 1000);
    assert.deepEqual(typing.names, ['서연', '민준']);
    assert.equal(typing.expire(START + 1000 + STOPPED), true);
    assert.deepEqual(typing.names, ['서연']);
    assert.equal(typing.set('s2', '', false, 0), true);
    assert.equal(typing.set('s2', '', false, 0), false);
});

test('files are the server’s own, and only some are played', () => {
    const file = { url: '/files/fabc', name: 'a.mp4', type: 'VIDEO/MP4', bytes: 7, state: 'ready' };
    assert.deepEqual(parseFile(file), { ...file, type: 'video/mp4' });
    assert.equal(playerOf(parseFile(file)), 'video');
    assert.equal(playerOf(parseFile({ ...file, type: 'audio/mpeg' })), 'audio');
    for (const type of ['video/x-matroska', 'text/html', 'image/svg+xml', '']) {
        assert.equal(playerOf(parseFile({ ...file, type })), null);
    }
    for (const url of ['https://elsewhere.test/files/x', '//x/files/y', '/files/../x', 'javascript:1']) {
        assert.equal(parseFile({ ...file, url }), null);
        assert.equal(parseFile({ ...file, url, state: 'uploading' }).url, undefined);
    }
    for (const odd of [null, 'x', [], {}, { ...file, name: 5 }, { ...file, state: 'done' }]) {
        assert.equal(parseFile(odd), null);
    }
    assert.equal(parseFile({ ...file, bytes: -1 }).bytes, 0);
    assert.deepEqual(contentOf('send', '<b>x</b>'), { text: '<b>x</b>' });
    for (const empty of ['', ' \n', 5, null, {}]) assert.equal(contentOf('send', empty), null);
    assert.equal(contentOf('image', ''), null);
    assert.equal(contentOf('image', { url: 'x' }), null);
    assert.equal(contentOf('constructor', 'x'), null);
});

test('where a text holds what was looked for', () => {
    assert.deepEqual(splitMatches('Ab ab', 'AB'), ['', 'Ab', ' ', 'ab', '']);
    assert.deepEqual(splitMatches('과학실 과학', '과학'), ['', '과학', '실 ', '과학', '']);
    assert.deepEqual(splitMatches('nothing', 'x'), ['nothing']);
    assert.deepEqual(splitMatches('a', ''), ['a']);
    const long = splitMatches(`${'x'.repeat(100)}needle`, 'needle');
    assert.deepEqual(long, [`…${'x'.repeat(20)}`, 'needle', '']);
    assert.equal(splitMatches('İ needle', 'needle').join(''), 'İ needle');
});
