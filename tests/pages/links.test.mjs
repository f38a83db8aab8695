/** Which parts of a message can be followed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../client/support.mjs';

const { splitLinks } = await load('../ui/model/links');

const addresses = (text) => splitLinks(text).filter((_, place) => place % 2 === 1);

test('web addresses, without what only stands beside them', () => {
    assert.deepEqual(addresses('보세요: https://example.org/a?b=1&c=%20#d'), [
        'https://example.org/a?b=1&c=%20#d',
    ]);
    assert.deepEqual(addresses('https://example.org/a에서 http://b.example을'), [
        'https://example.org/a',
        'http://b.example',
    ]);
    assert.deepEqual(addresses('(https://example.org/a).'), ['https://example.org/a']);
    assert.deepEqual(addresses('"https://example.org/", ok?'), ['https://example.org/']);
});

test('nothing else: no scripts, no other schemes, no markup, no bare schemes', () => {
    for (const text of [
        'javascript:alert(1)',
        'data:text/html,<b>',
        'xhttps://example.org',
        'https://',
        'https://.',
        'file:///etc/passwd',
        'example.org',
        '',
    ]) {
        assert.deepEqual(addresses(text), [], text);
    }
    assert.deepEqual(addresses('https://a.example/<img src=x onerror=alert(1)>'), [
        'https://a.example/',
    ]);
});

test('every character of the text is still there', () => {
    const texts = ['a https://b.example/. c', 'https://a.example', 'https://. https://b.example'];
    for (const text of texts) {
        assert.equal(splitLinks(text).join(''), text);
    }
});
