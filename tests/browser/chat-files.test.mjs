/** Files and images in chat: chosen, dropped, pasted; seen while they come, and when they are there. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { limit, waitFor } from '../integration/harness.mjs';
import { png } from '../integration/pictures.mjs';
import { bubble, enter, group, log, meet, openChat, roomLink } from './chat-support.mjs';
import { checkView, startAll } from './support.mjs';

const TIMEOUT = { timeout: limit(120_000) };
const card = (page, name) => log(page).locator('.file-card', { hasText: name });
const choose = (page, ...files) => page.getByTestId('image-input').setInputFiles(files);
const file = (name, mimeType, buffer) => ({ name, mimeType, buffer });

/** Hands a file to the page as the browser does with what is dropped or pasted. */
const hand = (page, kind, name, type) =>
    page.evaluate(
        ([kind, name, type]) => {
            const data = new DataTransfer();
            data.items.add(new File(['handed over'], name, { type }));
            const init = { bubbles: true, cancelable: true };
            const event = kind === 'drop'
                ? new DragEvent('drop', { ...init, dataTransfer: data })
                : new ClipboardEvent('paste', { ...init, clipboardData: data });
            document.querySelector('.writer textarea').dispatchEvent(event);
        },
        [kind, name, type],
    );

test('files in a room', TIMEOUT, async (t) => {
    const all = await startAll(t, { env: { LECTERN_FILE_MAX: 300_000 } });
    const { server } = all;
    await meet(server, 'kim', 'lee');
    await group(server, 'Science', 'kim', 'lee');
    const kim = await openChat(t, all, 'kim');
    const lee = await openChat(t, all, 'lee');
    await enter(kim.page, /Science/);
    await enter(lee.page, /Science/);

    await t.test('a file is there for both, and comes back as it was', async () => {
        const content = Buffer.from('보고서의 내용'.repeat(1000));
        await choose(lee.page, file('보고서 (최종).pdf', 'application/pdf', content));
        for (const { page } of [lee, kim]) await card(page, '보고서 (최종).pdf').waitFor();
        await roomLink(kim.page, /File: 보고서/).waitFor();
        const link = card(kim.page, '보고서').getByRole('link', { name: /^Download 보고서/ });
        const [download] = await Promise.all([kim.page.waitForEvent('download'), link.click()]);
        assert.deepEqual(await readFile(await download.path()), content);
    });

    await t.test('an image is shown, enlarged and closed again', async () => {
        await choose(kim.page, file('leaf.png', 'image/png', png(900, 600)));
        const small = log(lee.page).getByRole('button', { name: /^Enlarge: leaf/ });
        await small.click();
        await lee.page.getByRole('dialog', { name: /^leaf/ }).waitFor();
        await lee.page.keyboard.press('Escape');
        await lee.page.getByRole('dialog').waitFor({ state: 'detached' });
        assert.ok(await small.evaluate((one) => document.activeElement === one));
    });

    await t.test('dropped and pasted', async () => {
        await hand(kim.page, 'drop', 'dropped.txt', 'text/plain');
        await card(lee.page, 'dropped.txt').waitFor();
        await hand(kim.page, 'paste', 'pasted.csv', 'text/csv');
        await card(lee.page, 'pasted.csv').waitFor();
    });

    await t.test('videos and sounds are played in the page', async () => {
        await choose(
            kim.page,
            file('clip.mp4', 'video/mp4', Buffer.alloc(2000)),
            file('song.mp3', 'audio/mpeg', Buffer.alloc(2000)),
        );
        const video = card(lee.page, 'clip.mp4').locator('video');
        await video.waitFor();
        assert.match(await video.getAttribute('src'), /^\/files\/[\w.~-]+$/);
        await card(lee.page, 'song.mp3').locator('audio').waitFor();
        await checkView(lee.page, 'chat-files');
    });

    await t.test('one that is too big says so, and the others go on', async () => {
        await choose(
            lee.page,
            file('huge.bin', 'application/octet-stream', Buffer.alloc(400_000)),
            file('small.txt', 'text/plain', Buffer.from('small')),
        );
        await lee.page.getByText(/The file is too big|did not take this file/).first().waitFor();
        await card(kim.page, 'small.txt').waitFor();
        await checkView(lee.page, 'chat-file-too-big');
        await lee.page.getByRole('button', { name: 'Remove huge.bin' }).click();
        await lee.page.getByRole('list', { name: /on their way/ }).waitFor({ state: 'detached' });
    });

    await t.test('deleting the message takes the file away', async () => {
        const url = await card(lee.page, 'small.txt').getByRole('link').getAttribute('href');
        await lee.page.getByRole('button', { name: /Delete the message of You: small.txt/ }).focus();
        await lee.page.keyboard.press('Enter');
        await lee.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await card(kim.page, 'small.txt').waitFor({ state: 'detached' });
        const gone = async () => (await fetch(`${server.url}${url}`)).status === 404;
        await waitFor(gone, { timeout: limit(5000), what: 'the file gone' });
    });
    assert.deepEqual(kim.complaints(), []);
    assert.deepEqual(lee.complaints([/413|ERR_/]), []);
});

test('a file whose answer was lost is there once', TIMEOUT, async (t) => {
    const all = await startAll(t);
    await meet(all.server, 'kim');
    await group(all.server, 'Science', 'kim');
    const { page } = await openChat(t, all, 'kim');
    await enter(page, /Science/);
    let tries = 0;
    await page.route('**/chat/room/*/files', async (route) => {
        tries += 1;
        if (tries > 1) return route.continue();
        // It reaches the server, whose answer does not come back.
        const { origin, ...headers } = route.request().headers();
        const where = new URL(route.request().url());
        assert.equal(new URL(origin).host, where.host);
        const answer = await route.fetch({ url: `${all.server.url}${where.pathname}`, headers });
        assert.equal(answer.status(), 201);
        return route.abort();
    });
    await choose(page, file('once.txt', 'text/plain', Buffer.from('once')));
    await page.getByRole('list', { name: /on their way/ }).waitFor();
    await page.getByRole('list', { name: /on their way/ }).waitFor({ state: 'detached' });
    assert.equal(tries, 2);
    await page.reload();
    await card(page, 'once.txt').waitFor();
    assert.equal(await card(page, 'once.txt').count(), 1);
});

test('an upload is seen while it lasts, and can be given up', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server } = all;
    await meet(server, 'kim', 'lee');
    await group(server, 'Science', 'kim', 'lee');
    const kim = await openChat(t, all, 'kim');
    const lee = await openChat(t, all, 'lee');
    await enter(kim.page, /Science/);
    await enter(lee.page, /Science/);
    const session = await lee.page.context().newCDPSession(lee.page);
    await session.send('Network.enable');
    const upload = (bytesPerSecond) =>
        session.send('Network.emulateNetworkConditions', {
            offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytesPerSecond,
        });
    await upload(400_000);
    await choose(lee.page, file('slow.bin', 'application/octet-stream', Buffer.alloc(6_000_000)));
    const bar = lee.page.getByRole('progressbar', { name: 'slow.bin' });
    await waitFor(async () => Number(await bar.getAttribute('value')) > 0, { timeout: limit(15_000), what: 'progress' });
    await card(kim.page, 'slow.bin').getByText('Being uploaded…').waitFor();
    assert.equal(await card(lee.page, 'slow.bin').count(), 0, 'its sender sees how far it is instead');
    await checkView(lee.page, 'chat-upload');
    await lee.page.getByRole('button', { name: 'Cancel sending slow.bin' }).click();
    await bar.waitFor({ state: 'detached' });
    await card(kim.page, 'slow.bin').getByText('The upload failed').waitFor({ timeout: limit(30_000) });
    await upload(-1);
    await lee.page.getByLabel('Message', { exact: true }).fill('sorry');
    await lee.page.keyboard.press('Enter');
    await bubble(kim.page, 'sorry').waitFor();
    assert.deepEqual(kim.complaints(), []);
});
