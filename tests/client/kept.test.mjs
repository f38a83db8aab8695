/** What was sent without an answer outlives the page, where the page gives a place for it. */

import assert from 'node:assert/strict';
import { setUp, setUpOpen, test } from './support.mjs';

const say = (message) => ({ targetType: 'teacher', messageType: 'send', message });

/** A place as web storage is one: what is put down is a text. */
function place(kept = []) {
    let text = JSON.stringify(kept);
    return {
        load: () => JSON.parse(text),
        save: (all) => {
            text = JSON.stringify(all);
        },
    };
}

test('a new page sends again, with the same refs, what had no answer', async (t) => {
    const keep = place();
    const first = await setUpOpen(t, { keep });
    const answered = first.client.send(say('answered'));
    first.client.send(say('under way'));
    first.client.send({ ...say({ up: true }), messageType: 'hand', target: 't1' });
    const frames = [await first.peer.next(), await first.peer.next(), await first.peer.next()];
    first.peer.ack(frames[0], 'e.1-0');
    await answered;

    const second = await setUpOpen(t, { keep });
    assert.deepEqual(
        second.client.restored.map(({ outgoing }) => outgoing),
        [say('under way'), { ...say({ up: true }), messageType: 'hand', target: 't1' }],
    );
    const again = [await second.peer.next(), await second.peer.next()];
    assert.deepEqual(again, frames.slice(1));
    for (const [index, frame] of again.entries()) second.peer.ack(frame, `e.${index}`);
    const acks = await Promise.all(second.client.restored.map(({ answer }) => answer));
    assert.deepEqual(
        acks.map(({ id }) => id),
        ['e.0', 'e.1'],
    );
    assert.deepEqual(keep.load(), []);
});

test('commands, passing messages and what was refused are not kept', async (t) => {
    const keep = place();
    const { client, peer } = await setUpOpen(t, { keep, host: {} });
    client.end();
    client.send({ ...say('👍'), messageType: 'reaction', ephemeral: true });
    const refused = client.send(say('no'));
    const frames = [await peer.next(), await peer.next(), await peer.next()];
    assert.equal(keep.load().length, 1);
    peer.refuse(frames[2], 'talk_forbidden');
    await assert.rejects(refused, { code: 'talk_forbidden' });
    assert.deepEqual(keep.load(), []);
});

test('what was kept for one class is not sent to the next with its code', async (t) => {
    const keep = place();
    const first = await setUpOpen(t, { keep }, { epoch: 'old' });
    first.client.send(say('to old'));
    await first.peer.next();
    assert.equal(keep.load()[0].epoch, 'old');
    const second = await setUpOpen(t, { keep }, { epoch: 'new' });
    const [restored] = second.client.restored;
    await assert.rejects(restored.answer, { code: 'another_class' });
    assert.deepEqual(keep.load(), []);
    second.client.send(say('to new'));
    assert.equal((await second.peer.next()).message, 'to new');
});

test('what was written before any class was known is for the first one', async (t) => {
    const keep = place();
    const { client, server } = await setUp(t, { keep });
    client.send(say('early'));
    client.connect();
    const peer = await server.connection();
    peer.welcome({ epoch: 'first' });
    assert.equal((await peer.next()).message, 'early');
    assert.equal(keep.load()[0].epoch, 'first');
});

test('what the server would no longer recognise is not sent again', async (t) => {
    const keep = place();
    const { client, clock } = await setUp(t, { keep });
    client.send(say('yesterday'));
    const [kept] = keep.load();
    for (const at of [clock.now() - 9 * 60_000, clock.now() + 1, 'never']) {
        const later = await setUp(t, { keep: place([{ ...kept, at }]) });
        const [restored] = later.client.restored;
        assert.deepEqual(restored.outgoing, say('yesterday'));
        await assert.rejects(restored.answer, { code: 'too_late' });
        assert.equal(later.client.pending, 0);
    }
});

test('leaving gives up what waits, for the next page too', async (t) => {
    const keep = place();
    const { client } = await setUp(t, { keep });
    client.connect();
    const answer = client.send(say('late'));
    assert.equal(keep.load().length, 1);
    client.close();
    await assert.rejects(answer, { code: 'closed' });
    assert.deepEqual(keep.load(), []);
});
