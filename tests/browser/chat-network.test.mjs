/** Chat when things break: servers that die, networks that go, several tabs and servers in step. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { freePort, limit, mintToken, startServer, tempDir, waitFor } from '../integration/harness.mjs';
import {
    bubble, call, enter, field, group, log, meet, openChat, roomLink, rooms, say, tokenOf, write,
} from './chat-support.mjs';
import { LAPTOP, PHONE, checkView, openPage, startAll } from './support.mjs';

const TIMEOUT = { timeout: limit(180_000) };

test('a server that dies: nothing is lost, nothing shown twice', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server, crash } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Science', 'kim', 'lee');
    const kim = await openChat(t, all, 'kim');
    const lee = await openChat(t, all, 'lee', PHONE);
    await enter(kim.page, /Science/);
    await enter(lee.page, /Science/);
    await write(kim.page, 'before');
    const restart = await crash();
    await kim.page.getByText(/You are offline|cannot be reached/).first().waitFor();
    await checkView(kim.page, 'chat-offline');
    for (const text of ['while away 1', 'while away 2']) {
        await field(kim.page).fill(text);
        await field(kim.page).press('Enter');
    }
    await log(kim.page).getByText('Sending…').first().waitFor();
    await field(lee.page).fill('a draft');
    await restart();
    await call(server, 'lee', 'POST', `/chat/room/${room}/messages`, { messageType: 'send', message: 'meanwhile' });
    for (const { page } of [kim, lee]) {
        for (const text of ['before', 'while away 1', 'while away 2', 'meanwhile']) {
            await bubble(page, text).waitFor({ timeout: limit(40_000) });
        }
        const texts = await log(page).locator('.bubble').allTextContents();
        assert.equal(new Set(texts).size, texts.length, texts.join());
    }
    await log(kim.page).locator('li.line-sent').getByText('while away 2').waitFor();
    assert.equal(await field(lee.page).inputValue(), 'a draft');
    await lee.page.reload();
    await log(lee.page).waitFor();
    assert.equal(await field(lee.page).inputValue(), 'a draft');
});

test('what was written without a network outlives a reload, and is sent', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server, crash } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Science', 'kim', 'lee');
    const { page } = await openChat(t, all, 'kim');
    await enter(page, /Science/);
    await write(page, 'first');
    const restart = await crash();
    await page.getByText(/You are offline|cannot be reached/).first().waitFor();
    await field(page).fill('kept');
    await field(page).press('Enter');
    await log(page).getByText('Sending…').waitFor();
    await restart();
    await page.reload();
    await bubble(page, 'kept').waitFor({ timeout: limit(40_000) });
    const texts = async () => {
        const { messages } = await call(server, 'lee', 'GET', `/chat/history/${room}`);
        return messages.map(({ message }) => message).filter((message) => message === 'kept');
    };
    await waitFor(async () => (await texts()).length === 1, { timeout: limit(20_000), what: 'the message, once' });
});

test('two tabs of one person are in step', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Science', 'lee', 'kim');
    const laptop = await openChat(t, all, 'kim');
    const phone = await openChat(t, all, 'kim', PHONE);
    await say(server, 'lee', room, 'to read');
    for (const { page } of [laptop, phone]) await roomLink(page, /Science.*1 unread/).waitFor();
    await enter(laptop.page, /Science/);
    await bubble(laptop.page, 'to read').waitFor();
    await roomLink(phone.page, /1 unread/).waitFor({ state: 'detached' });
    await waitFor(async () => (await phone.page.title()) === 'Chat · Lectern', { timeout: limit(5000), what: 'title' });
    await write(laptop.page, 'from the laptop');
    await roomLink(phone.page, /You: from the laptop/).waitFor();
    await phone.page.getByRole('button', { name: 'Groups' }).click();
    await phone.page.getByLabel('Name of a new group').fill('Made on the phone');
    await phone.page.getByRole('button', { name: 'Make the group' }).click();
    await phone.page.getByRole('heading', { name: 'Made on the phone' }).waitFor();
    await roomLink(laptop.page, /Made on the phone/).waitFor();
    await write(phone.page, 'hello');
    await roomLink(laptop.page, /Made on the phone.*You: hello/).waitFor();
    await laptop.page.getByRole('button', { name: 'Leave the room' }).click();
    await laptop.page.getByRole('dialog').getByRole('button', { name: 'Leave', exact: true }).click();
    for (const { page } of [laptop, phone]) await rooms(page).getByText('Science').waitFor({ state: 'detached' });
    assert.deepEqual(laptop.complaints(), []);
    assert.deepEqual(phone.complaints(), []);
});

test('two servers are in step', TIMEOUT, async (t) => {
    const env = { LECTERN_STORE_URL: `sqlite:${path.join(tempDir('shared'), 'lectern.db')}` };
    const all = await startAll(t, { env });
    const { server, redis, browser } = all;
    const port = await freePort();
    const web = process.env.LECTERN_WEB_DIR || undefined;
    const second = await startServer({ redis, port, env: { ...env, ...(web ? { LECTERN_WEB_DIR: web } : {}) } });
    t.after(() => second.stop());
    const other = { browser, origin: `http://lectern.test:${port}` };
    await meet(server, 'kim', 'lee');
    await group(server, 'Science', 'kim', 'lee');
    const kim = await openChat(t, all, 'kim');
    const lee = await openChat(t, other, 'lee');
    await enter(kim.page, /Science/);
    await enter(lee.page, /Science/);
    await field(lee.page).fill('…');
    await kim.page.getByText('이서연 is writing…').waitFor();
    await write(lee.page, 'from the second server');
    await bubble(kim.page, 'from the second server').waitFor();
    await log(lee.page).getByText('read by all').waitFor();
    await write(kim.page, 'from the first');
    await bubble(lee.page, 'from the first').waitFor();
    await lee.page.getByRole('button', { name: /Delete the message of You: from the second/ }).focus();
    await lee.page.keyboard.press('Enter');
    await lee.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await bubble(kim.page, 'from the second server').waitFor({ state: 'detached' });
    assert.deepEqual(kim.complaints(), []);
    assert.deepEqual(lee.complaints(), []);
});

test('a sign-in that ends is renewed above what one was writing', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server, browser, origin } = all;
    await meet(server, 'kim');
    await group(server, 'Science', 'kim');
    const { page, complaints } = await openPage(t, browser, { locale: 'en-US', ...LAPTOP });
    const exp = Math.floor(Date.now() / 1000) + Math.ceil(limit(6000) / 1000);
    const short = mintToken({ type: 'teacher', sub: 'kim', name: '김하늘', exp });
    await page.goto(`${origin}/chat/#token=${short}`);
    await enter(page, /Science/);
    await field(page).fill('half a sentence');
    const dialog = page.getByRole('dialog', { name: 'Sign in again' });
    await dialog.waitFor({ timeout: limit(30_000) });
    await dialog.getByRole('button', { name: 'Sign in with a token' }).click();
    await dialog.getByLabel('Token').fill(tokenOf('lee'));
    await dialog.getByRole('button', { name: 'Use this token' }).click();
    await dialog.getByText('Sign in as the same user.').waitFor();
    await dialog.getByLabel('Token').fill(tokenOf('kim'));
    await dialog.getByRole('button', { name: 'Use this token' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await field(page).inputValue(), 'half a sentence');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await log(page).locator('li.line-sent').getByText('half a sentence').waitFor();
    assert.deepEqual(complaints([/401|WebSocket/]), []);
});
