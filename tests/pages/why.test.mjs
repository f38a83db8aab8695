/** Why a message was not taken: every code of the client's own has a sentence of its own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../client/support.mjs';

const { whyNot } = await load('../ui/why');

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
