/** The language of the pages, and what a text is made of. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../client/support.mjs';

const { chooseLanguage, defineStrings, language, onLanguage, setLanguage, countdown } =
    await load('../ui/strings');

test('the first language of the browser’s that the pages speak is taken', () => {
    assert.equal(chooseLanguage(['ko-KR', 'en-US']), 'ko');
    assert.equal(chooseLanguage(['fr', 'en-GB', 'ko']), 'en');
    assert.equal(chooseLanguage(['KO']), 'ko');
    assert.equal(chooseLanguage(['kok', 'fr']), 'en', 'Konkani is not Korean');
    assert.equal(chooseLanguage([]), 'en');
});

test('what is written from right to left does not turn the sentence around', () => {
    const t = defineStrings({ by: { ko: '{name}님 {count}명', en: '{name}: {count}' } });
    setLanguage('en');
    assert.equal(t('by', { name: 'أميرة', count: 3 }), '\u2068أميرة\u2069: 3');
    assert.equal(t('by', { name: '민수', count: 3 }), '민수: 3');
});

test('a switch changes what is said from then on, and is told of', () => {
    const t = defineStrings({ hello: { ko: '{name} 안녕', en: 'Hello {name}' } });
    setLanguage('en');
    assert.equal(t('hello', { name: '<b>' }), 'Hello <b>');
    const told = [];
    const off = onLanguage(() => told.push(language()));
    setLanguage('ko');
    setLanguage('ko');
    assert.equal(t('hello', { name: 'A' }), 'A 안녕');
    assert.equal(t('hello'), ' 안녕');
    off();
    setLanguage('en');
    assert.deepEqual(told, ['ko']);
});

test('what is filled in is not filled in again', () => {
    const t = defineStrings({ two: { ko: '{a}{b}', en: '{a}{b}' } });
    assert.equal(t('two', { a: '{b}', b: '$&' }), '{b}$&');
});

test('a countdown has minutes and seconds, and ends at nought', () => {
    assert.equal(countdown(83_001), '1:24');
    assert.equal(countdown(9000), '0:09');
    assert.equal(countdown(-5), '0:00');
});
