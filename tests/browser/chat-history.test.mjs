/** Long histories: read without a jump, searched, and cheap however long. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limit, waitFor } from '../integration/harness.mjs';
import { bubble, enter, field, group, log, meet, openChat, roomLink, say, write } from './chat-support.mjs';
import { PHONE, checkView, startAll } from './support.mjs';

const TIMEOUT = { timeout: limit(180_000) };

/** A page of a history holds at most so many messages in the document. */
const MOST_LOADED = 300;

/** Says `count` things, alternating; the last is `${name} ${count}`. */
async function fill(server, room, name, count) {
    for (let n = 1; n <= count; n += 1) await say(server, n % 3 ? 'kim' : 'lee', room, `${name} ${n}`);
}

/** The first message in view and where it is, px. */
const reading = (page, id) =>
    log(page).evaluate((box, id) => {
        const top = box.getBoundingClientRect().top;
        const items = [...box.querySelectorAll('[data-id]')];
        const item = id
            ? items.find((one) => one.dataset.id === id)
            : items.find((one) => one.getBoundingClientRect().bottom > top);
        return item ? { id: item.dataset.id, top: Math.round(item.getBoundingClientRect().top) } : null;
    }, id);
const count = (page) => log(page).locator('[data-id]').count();
const ids = (page) => log(page).locator('[data-id]').evaluateAll((all) => all.map((one) => Number(one.dataset.id.split('.')[1])));

/** Scrolls near an edge, and says by how much what one reads moves when the next page is there. */
async function scrollTo(page, edge) {
    const before = await ids(page);
    await log(page).evaluate((box, edge) => {
        box.scrollTop = edge === 'top' ? 200 : box.scrollHeight - box.clientHeight - 200;
    }, edge);
    const at = await reading(page);
    await waitFor(async () => {
        const now = await ids(page);
        return edge === 'top' ? now[0] < before[0] : now.at(-1) > before.at(-1);
    }, { timeout: limit(10_000), what: `a page at the ${edge}` });
    const after = await reading(page, at.id);
    return Math.abs(after.top - at.top);
}

test('a long history', TIMEOUT, async (t) => {
    const all = await startAll(t, { env: { LECTERN_RATE_HOST: '5000/5000', LECTERN_RATE_STUDENT: '5000/5000' } });
    const { server } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Science', 'kim', 'lee');
    await fill(server, room, 'line', 420);
    await say(server, 'lee', room, '마지막 말');
    const { page, complaints } = await openChat(t, all, 'kim');

    await t.test('opens at the newest, or where reading stopped', async () => {
        await enter(page, /Science/);
        await bubble(page, '마지막 말').waitFor();
        const box = await log(page).evaluate((one) => one.scrollHeight - one.scrollTop - one.clientHeight);
        assert.ok(box < 60, `${box} px from the end`);
    });

    await t.test('goes up page by page: what one reads stays where it is', async () => {
        for (let n = 0; n < 7; n += 1) {
            const moved = await scrollTo(page, 'top');
            assert.ok(moved <= 2, `moved by ${moved} px`);
        }
        const loaded = await ids(page);
        assert.ok(loaded.length <= MOST_LOADED, `${loaded.length} messages`);
        assert.deepEqual(loaded, [...loaded].sort((a, b) => a - b));
        assert.equal(new Set(loaded).size, loaded.length);
    });

    await t.test('and down again', async () => {
        const moved = await scrollTo(page, 'bottom');
        assert.ok(moved <= 2, `moved by ${moved} px`);
        assert.ok((await count(page)) <= MOST_LOADED);
    });

    await t.test('what comes meanwhile moves nothing, and is one step away', async () => {
        const at = await reading(page);
        await say(server, 'lee', room, '새 소식');
        await roomLink(page, /새 소식/).waitFor();
        assert.equal((await reading(page, at.id)).top, at.top);
        await page.getByRole('button', { name: /To the newest messages|new message/ }).click();
        await bubble(page, '새 소식').waitFor();
        await waitFor(() => log(page).evaluate((one) => document.activeElement === one),
            { timeout: limit(5000), what: 'the focus, whose button has gone' });
    });

    await t.test('a message is found, and shown with what is around it', async () => {
        await page.getByRole('searchbox', { name: 'Search messages' }).fill('line 77');
        const results = page.getByRole('region', { name: 'Search results' });
        await results.getByRole('link').first().waitFor();
        await checkView(page, 'chat-search');
        const asked = [];
        page.on('request', (request) => asked.push(request.url()));
        await results.getByRole('link', { name: /line 77$/ }).click();
        const found = log(page).locator('.line-pointed');
        await found.getByText('line 77', { exact: true }).waitFor();
        assert.ok(await found.evaluate((one) => document.activeElement === one), 'it has the focus');
        await bubble(page, 'line 76').waitFor();
        await bubble(page, 'line 78').waitFor();
        const above = asked.filter((url) => /\/chat\/history\/.*limit=30/.test(url));
        assert.equal(above.length, 1, 'what is around it is asked for once');
        const search = page.getByRole('searchbox', { name: 'Search messages' });
        await page.getByRole('button', { name: 'Close the search' }).click();
        assert.ok(await search.evaluate((one) => document.activeElement === one), 'the button has gone');
        await page.getByRole('button', { name: 'Search messages' }).click();
        await page.getByRole('searchbox', { name: 'Search in “Science”' }).fill('마지막');
        await results.getByRole('link', { name: /마지막 말/ }).waitFor();
        await checkView(page, 'chat-search-room');
        await results.getByRole('link', { name: /마지막 말/ }).click();
        await log(page).locator('.line-pointed').getByText('마지막 말').waitFor();
        await page.getByRole('searchbox', { name: 'Search in “Science”' }).fill('no such words');
        await page.getByText('No message was found.').waitFor();
    });

    await t.test('writing leads to the newest', async () => {
        await page.evaluate((hash) => (location.hash = hash), `${room}.5`);
        await log(page).locator('.line-pointed').waitFor();
        await write(page, '여기 있어요');
        await bubble(page, '새 소식').waitFor();
    });
    assert.deepEqual(complaints(), []);
});

test('who was away begins at what they have not read', TIMEOUT, async (t) => {
    const all = await startAll(t, { env: { LECTERN_RATE_HOST: '5000/5000', LECTERN_RATE_STUDENT: '5000/5000' } });
    const { server } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Science', 'kim', 'lee');
    await fill(server, room, 'old', 40);
    const first = await openChat(t, all, 'lee', PHONE);
    await enter(first.page, /Science/);
    await bubble(first.page, 'old 40').waitFor();
    await waitFor(async () => (await first.page.title()) === 'Chat · Lectern', { timeout: limit(5000), what: 'title' });
    // What was read is told to the server.
    await first.page.getByRole('link', { name: 'Back to the rooms' }).click();
    for (let n = 1; n <= 70; n += 1) await say(server, 'kim', room, `new ${n}`);
    await roomLink(first.page, /70 unread/).waitFor();
    await first.page.reload();
    await roomLink(first.page, /70 unread/).waitFor();
    await enter(first.page, /Science/);
    const divider = log(first.page).getByText('Unread from here');
    await divider.waitFor();
    const { page } = first;
    const [line, box] = [await divider.boundingBox(), await log(page).boundingBox()];
    assert.ok(line.y >= box.y - 2 && line.y < box.y + box.height / 2, 'in view, and at the top');
    await bubble(page, 'new 1').waitFor();
    for (;;) {
        const [before] = [await ids(page)];
        await log(page).evaluate((one) => (one.scrollTop = one.scrollHeight));
        if ((await bubble(page, 'new 70').count()) > 0) break;
        await waitFor(async () => (await ids(page)).at(-1) > before.at(-1), { timeout: limit(10_000), what: 'the next page' });
    }
    await log(page).evaluate((one) => (one.scrollTop = one.scrollHeight));
    await waitFor(async () => (await page.title()) === 'Chat · Lectern', { timeout: limit(5000), what: 'all read' });
    assert.deepEqual(first.complaints(), []);
});

test('a crowd that writes at once', TIMEOUT, async (t) => {
    const all = await startAll(t, { env: { LECTERN_RATE_HOST: '5000/5000', LECTERN_RATE_STUDENT: '5000/5000' } });
    const { server } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Science', 'kim', 'lee');
    const { page, complaints } = await openChat(t, all, 'lee');
    await enter(page, /Science/);
    // Each line is made once, however many come: not the whole list with each of them.
    await log(page).evaluate((box) => {
        window.made = 0;
        new MutationObserver((changes) => {
            for (const { addedNodes } of changes) window.made += addedNodes.length;
        }).observe(box.firstElementChild, { childList: true });
    });
    await field(page).fill('being written');
    const turns = Array.from({ length: 8 }, async (_, k) => {
        for (let n = 0; n < 60; n += 1) await say(server, 'kim', room, `crowd ${k} ${n}`);
    });
    await Promise.all(turns);
    await say(server, 'kim', room, 'the end');
    await bubble(page, 'the end').waitFor();
    assert.ok((await count(page)) <= MOST_LOADED);
    assert.equal(await field(page).inputValue(), 'being written');
    const made = await page.evaluate(() => window.made);
    assert.ok(made >= 1 && made <= 8 * 60 + 10, `${made} lines`);
    assert.deepEqual(complaints(), []);
});
