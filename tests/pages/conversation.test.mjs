/** The conversation: order, one's own messages, repeats, images, and its bounds. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../client/support.mjs';

const { Conversation, MOST_LINES } = await load('../ui/model/conversation');
const { parseImage } = await load('../ui/model/image');
const { isAfter } = await load('../ui/model/order');
const { epochOf } = await load('protocol');

const START = 1_700_000_000_000;
const id = (n) => `abcdef.${START + n}-0`;
const me = {
    user: { id: 's1', name: 'S', userType: 'student' },
    host: null,
    hosting: false,
};

const message = (n, body, more = {}, event = {}) => ({
    kind: 'message',
    mine: false,
    ...event,
    message: {
        ...(n === null ? {} : { id: id(n) }),
        ts: START + (n ?? 0),
        senderType: 'teacher',
        sender: 't1',
        targetType: 'student',
        messageType: 'send',
        message: body,
        ...more,
    },
});
const sending = (key, text) => ({
    kind: 'sending',
    key,
    ts: START,
    outgoing: { targetType: 'teacher', messageType: 'send', message: text },
});

function told(...events) {
    const conversation = new Conversation();
    for (const event of events) conversation.take(event, me);
    return conversation;
}
const texts = (conversation) => conversation.view().map((line) => line.text ?? line.note);

const IMAGE = { url: '/files/ab', thumbUrl: '/files/cd', width: 800, height: 600, bytes: 5000 };

test('ids of one room are ordered, others are not', () => {
    assert.equal(isAfter(id(2), id(1)), true);
    assert.equal(isAfter(id(1), id(2)), false);
    assert.equal(isAfter(id(1), id(1)), false);
    assert.equal(isAfter(`abcdef.${START}-10`, `abcdef.${START}-9`), true);
    assert.equal(isAfter(`other.${START + 9}-0`, id(1)), false);
    assert.equal(isAfter('opaque', id(1)), false);
    assert.equal(epochOf(id(1)), 'abcdef');
    assert.equal(epochOf(''), null);
});

test('one’s own message goes to the place that the server gave it', () => {
    const conversation = told(sending('own-1', 'mine'));
    assert.equal(conversation.view()[0].status, 'sending');
    conversation.take(message(1, 'first'), me);
    conversation.take(message(3, 'third'), me);
    assert.deepEqual(texts(conversation), ['first', 'third', 'mine'], 'what is on its way is last');
    const own = { senderType: 'student', sender: 's1', targetType: 'teacher' };
    conversation.take(message(2, 'mine', own, { mine: true, key: 'own-1' }), me);
    assert.deepEqual(texts(conversation), ['first', 'mine', 'third']);
    assert.equal(conversation.view()[1].status, 'sent');
    assert.equal(conversation.view()[1].key, 'own-1', 'the same line to who draws it');
});

test('a refused message stays with its reason, and can be dropped', () => {
    const conversation = told(sending('own-1', 'mine'), message(1, 'later'));
    conversation.take({ kind: 'failed', key: 'own-1', error: { code: 'too_big' } }, me);
    const failed = conversation.view().find(({ key }) => key === 'own-1');
    assert.deepEqual([failed.status, failed.error.code], ['failed', 'too_big']);
    conversation.take({ kind: 'dropped', key: 'own-1' }, me);
    assert.deepEqual(texts(conversation), ['later']);
});

test('a message that is sent once more is shown once', () => {
    const again = (n, of, body) => {
        const more = { messageType: 'again', target: 's1' };
        return message(n, { id: id(of), type: 'send', message: body }, more);
    };
    const conversation = told(message(1, 'seen'), message(5, 'newer'));
    assert.equal(conversation.take(again(6, 1, 'seen'), me), true);
    assert.equal(conversation.view()[0].pointed, START + 6, 'there, but perhaps not seen');
    assert.equal(conversation.view()[1].pointed, undefined);
    conversation.take(again(7, 2, 'missed'), me);
    conversation.take(again(8, 2, 'missed'), me);
    assert.equal(conversation.take(message(2, 'missed'), me), false, 'nor by a replay');
    assert.deepEqual(texts(conversation), ['seen', 'missed', 'newer']);
    const forged = again(9, 3, 'forged');
    forged.message.senderType = 'student';
    assert.equal(conversation.take(forged, me), false);
    for (const body of [null, 5, { id: 1 }, { id: id(4), type: 'poll', message: {} }]) {
        assert.equal(conversation.take(message(10, body, { messageType: 'again' }), me), false);
    }
});

test('another class leaves only what is on its way, to be refused', () => {
    const conversation = told(message(1, 'old'), sending('own-1', 'under way'));
    conversation.take({ kind: 'restart' }, me);
    assert.deepEqual(texts(conversation), ['under way']);
    const error = { code: 'another_class' };
    conversation.take({ kind: 'failed', key: 'own-1', error }, me);
    assert.deepEqual(conversation.view()[0].error, error);
});

test('images are shown when they are the class’s own', () => {
    const conversation = told(
        message(1, { ...IMAGE, text: 'Look' }, { messageType: 'image' }),
        message(2, { ...IMAGE, url: 'https://elsewhere.test/x' }, { messageType: 'image' }),
        message(3, { ...IMAGE, url: '//elsewhere.test/x' }, { messageType: 'image' }),
        message(4, { ...IMAGE, thumbUrl: '/files/../x' }, { messageType: 'image' }),
        message(5, { ...IMAGE, width: 0 }, { messageType: 'image' }),
        message(6, 'no object', { messageType: 'image' }),
    );
    assert.equal(conversation.view().length, 1);
    assert.equal(conversation.view()[0].text, 'Look');
    assert.equal(conversation.view()[0].image.url, '/files/ab');
    assert.equal(parseImage({ ...IMAGE, height: 'tall' }), null);
});

test('what is no text is no line', () => {
    const other = message(2, 'x', { messageType: 'other' });
    const conversation = told(message(1, { not: 'text' }), other);
    assert.deepEqual(conversation.view(), []);
});

test('a page is no archive', () => {
    const conversation = new Conversation();
    for (let n = 0; n < MOST_LINES + 20; n += 1) conversation.take(message(n, `line ${n}`), me);
    const lines = conversation.view();
    assert.equal(lines.length, MOST_LINES);
    assert.equal(lines[lines.length - 1].text, `line ${MOST_LINES + 19}`);
    assert.equal(conversation.take(message(0, 'line 0'), me), false, 'what is forgotten stays so');
});

test('another class begins with nothing', () => {
    const conversation = told(message(1, 'old'), { kind: 'gap', ts: START }, { kind: 'restart' });
    assert.deepEqual(conversation.view(), []);
});
