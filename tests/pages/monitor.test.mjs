/** What the dashboard keeps and counts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Clock, load } from '../client/support.mjs';

const { Desk, KEPT, REFRESH, SPAN, choose, textOf, timeOf } = await load('../monitor/desk');

let count = 0;

function event(type, data = (count += 1)) {
    return { type, data, timestamp: 1 };
}

function setUp() {
    const clock = new Clock();
    const desk = new Desk(clock);
    desk.follow(['a', 'b']);
    const figures = () => Object.fromEntries(desk.figures().map(({ channel, ...rest }) => [channel, rest]));
    return { clock, desk, figures };
}

test('events are counted by channel, also of one that nobody announced', () => {
    const { clock, desk, figures } = setUp();
    desk.add(event('a'));
    desk.add(event('a'));
    desk.add(event('c'));
    desk.miss('b', 3);
    const { a, b, c } = figures();
    assert.deepEqual([a.total, a.last, a.missed], [2, clock.now(), 0]);
    assert.deepEqual([b.total, b.last, b.missed], [0, null, 3]);
    assert.equal(c.total, 1);
    assert.equal(desk.total, 3);
});

test('the rate is that of the last ten whole seconds', () => {
    const { clock, desk, figures } = setUp();
    for (let second = 0; second < 20; second += 1) {
        for (let n = 0; n < 4; n += 1) desk.add(event('a'));
        clock.advance(1000);
    }
    assert.equal(figures().a.rate, 4);
    clock.advance(5000);
    assert.equal(figures().a.rate, 2);
    clock.advance(60_000);
    assert.equal(figures().a.rate, 0);
});

test('the chart has the last five minutes, also after an hour of nothing', () => {
    const { clock, desk } = setUp();
    desk.add(event('a'));
    desk.add(event('b'));
    clock.advance(1000);
    let [times, a, b] = desk.series();
    assert.equal(times.length, SPAN - 1);
    assert.equal(times.at(-1), Math.floor(clock.now() / 1000) - 1);
    assert.deepEqual([a.at(-1), b.at(-1)], [1, 1]);
    // Nobody had counted before: that is not the same as nothing.
    assert.ok(a.slice(0, -1).every((n) => n === null));
    clock.advance(3_600_000);
    [times, a, b] = desk.series();
    assert.ok(a.every((n) => n === 0) && b.every((n) => n === 0));
    assert.ok(times.every((second, place) => place === 0 || second === times[place - 1] + 1));
});

test('only the newest are kept, and what was handed out stays as it was', () => {
    const { desk } = setUp();
    desk.add(event('a', 'first'));
    const before = desk.entries;
    for (let n = 0; n < 3 * KEPT; n += 1) desk.add(event('a', n));
    assert.equal(before.length, 1);
    const { entries } = desk;
    assert.equal(entries.length, KEPT);
    assert.equal(entries.at(-1).event.data, 3 * KEPT - 1);
    assert.equal(entries[0].event.data, 2 * KEPT);
    assert.ok(entries.every(({ key }, place) => place === 0 || key === entries[place - 1].key + 1));
    desk.clear();
    assert.equal(desk.entries.length, 0);
    assert.equal(desk.figures()[0].total, 3 * KEPT + 1);
});

test('however many come, whoever shows them is told now and then', () => {
    const { clock, desk } = setUp();
    let told = 0;
    const off = desk.subscribe(() => (told += 1));
    for (let n = 0; n < 1000; n += 1) desk.add(event('a'));
    assert.equal(told, 0);
    clock.advance(REFRESH);
    assert.equal(told, 1);
    desk.add(event('a'));
    off();
    clock.advance(REFRESH);
    assert.equal(told, 1);
});

test('a clock that is set back does no harm', () => {
    const { clock, desk } = setUp();
    clock.advance(-100_000);
    desk.add(event('a'));
    clock.advance(101_000);
    assert.equal(desk.figures()[0].total, 1);
    assert.equal(desk.series()[1].reduce((sum, n) => sum + n), 1);
});

test('narrowed by channel and text, the newest first', () => {
    const { desk } = setUp();
    desk.add(event('a', { text: 'Hello 안녕' }));
    desk.add(event('b', 'hello'));
    desk.add(event('a', { text: 'bye' }));
    const found = (channel, text) => choose(desk.entries, { channel, text }).map(({ key }) => key);
    assert.deepEqual(found('', ''), [3, 2, 1]);
    assert.deepEqual(found('a', ''), [3, 1]);
    assert.deepEqual(found('', ' HELLO '), [2, 1]);
    assert.deepEqual(found('a', '안녕'), [1]);
    assert.deepEqual(found('b', 'bye'), []);
});

test('a time that is none is shown as it is', () => {
    const format = new Intl.DateTimeFormat('en', { timeStyle: 'medium', timeZone: 'UTC' });
    assert.match(timeOf(format, 1_700_000_000_000), /10:13:20/);
    const nanoseconds = 1_700_000_000_000_000_000;
    assert.equal(timeOf(format, nanoseconds), String(nanoseconds));
});

test('data as text: strings as they are, the rest as JSON, bounded', () => {
    assert.equal(textOf('plain'), 'plain');
    assert.equal(textOf({ a: [1] }), '{"a":[1]}');
    assert.equal(textOf(null), 'null');
    assert.equal(textOf(undefined), '');
    assert.ok(textOf('x'.repeat(1e6)).length < 3000);
});
