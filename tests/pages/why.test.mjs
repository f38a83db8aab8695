/** Why a message was not taken: every code of the client's own has a sentence of its own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../client/support.mjs';

const { whyNot } = await load('../ui/why');
const { failureText } = await load('../chat/words');

const LOCAL = [
    'closed',
    'room_ended',
    'another_class',
    'queue_full',
    'offline',
    'too_late',
    'too_big',
];

test('the client’s own codes are told apart, and none is called the server’s', () => {
    const texts = LOCAL.map((code) => whyNot({ code }));
    assert.equal(new Set(texts).size, LOCAL.length, texts.join(' | '));
    for (const text of texts) assert.doesNotMatch(text, /_|refused|거절/);
    assert.match(whyNot({ code: 'something_new' }), /something_new/);
});

test('what the server refuses in chat is told in words', () => {
    const told = (status, code) => failureText({ ok: false, status, code, message: code });
    assert.match(told(401, 'token_expired'), /sign-in has expired/);
    assert.match(told(401, 'token_revoked'), /sign-in has expired/);
    assert.match(told(0, 'unreachable'), /cannot be reached/);
    assert.match(told(503, 'chat_busy'), /busy/);
    assert.match(told(500, 'internal'), /internal/);
});
