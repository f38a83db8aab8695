/** Chat: what goes wrong, what is long or written the other way round, and where the focus goes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, limit, mintToken, waitFor } from '../integration/harness.mjs';
import {
    bubble, call, enter, field, group, log, meet, openChat, roomLink, say, tokenOf, write,
} from './chat-support.mjs';
import { LAPTOP, PHONE, checkView, openPage, openStudent, openTeacher, startAll } from './support.mjs';

const TIMEOUT = { timeout: limit(120_000) };

const overflow = (page) => page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const boxes = [...document.querySelectorAll('.writer, .conversation, .pane, .pane-head')];
    return [scrollWidth - clientWidth, ...boxes.map((box) => box.scrollWidth - box.clientWidth)]
        .filter((over) => over > 0);
});

test('a text without a blank is as wide as there is room', TIMEOUT, async (t) => {
    const all = await startAll(t);
    await meet(all.server, 'kim', 'lee');
    await group(all.server, 'W'.repeat(60), 'kim', 'lee');
    const long = '가'.repeat(900);
    const chat = await openChat(t, all, 'lee', PHONE);
    await enter(chat.page, /WWW/);
    await write(chat.page, long);
    await field(chat.page).fill(long);
    const teacher = await openTeacher(t, all);
    const student = await openStudent(t, all, teacher.code, '민준');
    for (const { page } of [teacher, student]) {
        await page.getByRole('textbox', { name: 'Message', exact: true }).fill(long);
    }
    for (const { page } of [chat, teacher, student]) assert.deepEqual(await overflow(page), []);
    await checkView(chat.page, 'chat-long-text');
});

test('what is written from right to left keeps its order', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server, browser, origin } = all;
    await meet(server, 'kim');
    await group(server, 'مجموعة العلوم', 'kim');
    const { page } = await openPage(t, browser, { locale: 'ko-KR', ...PHONE });
    await page.goto(`${origin}/chat/#token=${mintToken({ sub: 'amira', name: 'أميرة' })}`);
    await page.getByRole('button', { name: '그룹' }).click();
    const choice = page.getByRole('dialog').locator('.choice', { hasText: 'العلوم' });
    const [name, count] = await Promise.all(['strong', '.hint'].map((part) =>
        choice.locator(part).evaluate((one) => {
            const range = document.createRange();
            range.selectNodeContents(one);
            return [...range.getClientRects()].map(({ left, right }) => [left, right]);
        })));
    assert.equal(count.length, 1, 'the count is in one piece');
    assert.ok(count[0][0] >= name[0][1] - 1, 'and behind the name');
    await checkView(page, 'chat-right-to-left');
});

test('many rooms, much unread: the lists scroll, the page does not', TIMEOUT, async (t) => {
    const all = await startAll(t, { env: { LECTERN_RATE_HOST: '5000/5000' } });
    const { server } = all;
    await meet(server, 'kim', 'lee');
    for (let n = 0; n < 40; n += 1) {
        await say(server, 'kim', await group(server, `Room ${n}`, 'kim', 'lee'), 'hello');
    }
    const room = await group(server, 'Science', 'kim', 'lee');
    for (let n = 0; n < 130; n += 1) await say(server, 'kim', room, `line ${n}`);
    const still = (page) => page.evaluate(() => {
        const all = [document.documentElement, document.body, document.querySelector('main')];
        return all.map((part) => [part.scrollTop, part.scrollHeight - part.clientHeight]);
    });
    for (const device of [LAPTOP, PHONE]) {
        const { page } = await openChat(t, all, 'lee', device);
        assert.deepEqual(await still(page), [[0, 0], [0, 0], [0, 0]]);
        await enter(page, /Science/);
        await bubble(page, 'line 0').waitFor();
        const top = () => page.locator('.unread-line').evaluate((line) =>
            line.getBoundingClientRect().top - line.closest('.conversation').getBoundingClientRect().top);
        assert.ok(Math.abs(await top()) < 40, 'what is unread begins above');
        assert.deepEqual(await still(page), [[0, 0], [0, 0], [0, 0]]);
        // Past what is unread, to the end.
        await page.getByRole('button', { name: /new messages/ }).click();
        await bubble(page, 'line 129').waitFor();
        await waitFor(() => log(page).evaluate(
            (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 60,
        ), { timeout: limit(5000), what: 'the end' });
        await page.getByRole('button', { name: /new messages/ }).waitFor({ state: 'detached' });
        assert.deepEqual(await still(page), [[0, 0], [0, 0], [0, 0]]);
        await page.context().close();
        await say(server, 'kim', room, 'once more');
        await call(server, 'lee', 'DELETE', `/chat/room/group/${room}/leave`);
        await call(server, 'lee', 'POST', `/chat/room/group/${room}/join`, {});
        for (let n = 0; n < 130; n += 1) await say(server, 'kim', room, `line ${n}`);
    }
});

test('a list of members longer than the screen is scrolled by the keyboard', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server } = all;
    await meet(server, 'kim');
    const room = await group(server, 'Science', 'kim');
    for (let n = 10; n < 40; n += 1) {
        const token = mintToken({ sub: `pupil${n}`, name: `학생 ${n}` });
        await api(server, 'POST', `/chat/room/group/${room}/join`, { token, body: {} });
    }
    const { page } = await openChat(t, all, 'kim', PHONE);
    await enter(page, /Science/);
    await page.getByRole('button', { name: 'Members' }).click();
    const list = page.getByRole('dialog', { name: 'Members (31)' }).getByRole('list');
    await list.getByText('학생 39').waitFor();
    await checkView(page, 'chat-members-many');
    await page.keyboard.press('Tab');
    await page.keyboard.press('End');
    await waitFor(() => list.evaluate((box) => box.scrollTop > 0 && box === document.activeElement),
        { timeout: limit(5000), what: 'a list that scrolls' });
});

test('a message that was looked for is shown once', TIMEOUT, async (t) => {
    const all = await startAll(t, { env: { LECTERN_RATE_HOST: '5000/5000' } });
    const { server } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Science', 'kim', 'lee');
    await group(server, 'Other', 'kim', 'lee');
    for (let n = 0; n < 130; n += 1) await say(server, 'kim', room, `line ${n}`);
    const { page } = await openChat(t, all, 'lee');
    const go = (hash) => page.evaluate((to) => (location.hash = to), hash);
    await go(`${room}.20`);
    await log(page).locator('.line-pointed').waitFor();
    await page.getByRole('button', { name: /To the newest|new message/ }).click();
    await bubble(page, 'line 129').waitFor();
    await go(`${room}.125`);
    await log(page).locator('.line-pointed').waitFor();
    await enter(page, /Other/);
    await page.getByRole('heading', { name: 'Other' }).waitFor();
    await enter(page, /Science/);
    await page.getByRole('heading', { name: 'Science' }).waitFor();
    await bubble(page, 'line 129').waitFor();
    assert.equal(await log(page).locator('.line-pointed').count(), 0);
});

test('a room that is left elsewhere is told of, on a phone too', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Science', 'kim', 'lee');
    const phone = await openChat(t, all, 'lee', PHONE);
    const laptop = await openChat(t, all, 'lee');
    for (const { page } of [phone, laptop]) await enter(page, /Science/);
    await call(server, 'lee', 'DELETE', `/chat/room/group/${room}/leave`);
    for (const { page } of [phone, laptop]) {
        await page.getByText('You have left “Science”.').filter({ visible: true }).waitFor();
        assert.equal(await page.getByText('You have left “Science”.').filter({ visible: true }).count(), 1);
    }
    await checkView(phone.page, 'chat-left');
});

test('taking back: the focus stays in the list, and who is offline sees that it waits', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server, crash } = all;
    await meet(server, 'kim', 'lee');
    await group(server, 'Science', 'kim', 'lee');
    const { page } = await openChat(t, all, 'kim');
    await enter(page, /Science/);
    for (const text of ['one', 'two']) await write(page, text);
    const takeBack = async (text) => {
        await page.getByRole('button', { name: `Delete the message of You: ${text}` }).focus();
        await page.keyboard.press('Enter');
        await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    };
    await takeBack('one');
    await bubble(page, 'one').waitFor({ state: 'detached' });
    await waitFor(() => log(page).evaluate((one) => document.activeElement === one),
        { timeout: limit(5000), what: 'the focus' });
    const restart = await crash();
    await page.getByText(/You are offline|cannot be reached/).first().waitFor();
    await takeBack('two');
    await log(page).getByText('Being deleted…').waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0);
    await checkView(page, 'chat-deleting');
    await restart();
    await bubble(page, 'two').waitFor({ state: 'detached', timeout: limit(40_000) });
});

test('what could not be loaded while the server was away comes by itself', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server, crash } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Science', 'kim', 'lee');
    await say(server, 'kim', room, 'before');
    const { page } = await openChat(t, all, 'lee');
    const restart = await crash();
    await roomLink(page, /Science/).click();
    await page.getByText('The messages could not be loaded.').waitFor({ timeout: limit(40_000) });
    await checkView(page, 'chat-not-loaded');
    await restart();
    await bubble(page, 'before').waitFor({ timeout: limit(40_000) });
    assert.equal(await page.getByText('The messages could not be loaded.').count(), 0);
});

test('the title keeps what is unread when the language changes', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server } = all;
    await meet(server, 'kim', 'lee');
    await say(server, 'kim', await group(server, 'Science', 'kim', 'lee'), 'new');
    const { page } = await openChat(t, all, 'lee');
    const title = (text) => waitFor(async () => (await page.title()) === text,
        { timeout: limit(5000), what: text });
    await title('(1) Chat · Lectern');
    await page.getByText('한국어').click();
    await title('(1) 대화 · Lectern');
});

test('a file beside the messages does not take the page’s place', TIMEOUT, async (t) => {
    const all = await startAll(t);
    await meet(all.server, 'lee');
    const { page } = await openChat(t, all, 'lee');
    const prevented = await page.locator('.side').evaluate((side) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(['x'], 'x.txt'));
        return ['dragover', 'drop'].map((type) =>
            !side.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer })));
    });
    assert.deepEqual(prevented, [true, true]);
});

test('files that the server has no room for', TIMEOUT, async (t) => {
    const env = { LECTERN_FILE_MAX: '300000', LECTERN_FILES_MAX: '400000' };
    const all = await startAll(t, { env });
    const { server } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Science', 'kim', 'lee');
    const { page } = await openChat(t, all, 'lee', PHONE);
    await enter(page, /Science/);
    const send = (name, bytes) => page.getByTestId('image-input').setInputFiles(
        { name, mimeType: 'application/zip', buffer: Buffer.alloc(bytes, 'x') });
    await send('huge.zip', 350_000);
    const uploads = page.getByRole('list', { name: 'Files on their way' });
    await uploads.getByText('The file is too big (0.4 MB)').first().waitFor();
    await send('first.zip', 250_000);
    await log(page).getByRole('link', { name: 'Download first.zip' }).waitFor();
    await send('second.zip', 250_000);
    await uploads.getByText('The server has no space left for files.').first().waitFor();
    await checkView(page, 'chat-files-full');
    assert.deepEqual(await overflow(page), []);
    await call(server, 'lee', 'DELETE', `/chat/room/group/${room}/leave`);
    await page.getByText('You have left “Science”.').filter({ visible: true }).waitFor();
});

test('what was not sent yet when one signs out is there to be sent later', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server, crash, origin } = all;
    await meet(server, 'kim', 'lee');
    await group(server, 'Science', 'kim', 'lee');
    const { page } = await openChat(t, all, 'lee');
    await enter(page, /Science/);
    const restart = await crash();
    await page.getByText(/You are offline|cannot be reached/).first().waitFor();
    await field(page).fill('not sent');
    await field(page).press('Enter');
    await log(page).getByText('Sending…').waitFor();
    await field(page).fill('and a draft');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('Sign in to chat.').waitFor();
    await restart();
    await page.goto(`${origin}/chat/?again#token=${tokenOf('lee')}`);
    await enter(page, /Science/);
    assert.equal(await field(page).inputValue(), 'and a draft\nnot sent');
});

test('a sign-in that is over is asked for at once', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { page } = await openPage(t, all.browser, { locale: 'en-US', ...PHONE });
    const over = mintToken({ sub: 'lee', name: '이서연', exp: Math.floor(Date.now() / 1000) - 60 });
    await page.goto(`${all.origin}/chat/#token=${over}`);
    await page.getByText('Your sign-in has expired.').waitFor();
    await page.getByText('한국어').click();
    await page.getByText('로그인이 만료되었어요.').waitFor();
    await checkView(page, 'chat-over');
    await page.goto(`${all.origin}/chat/?again#token=${tokenOf('lee')}`);
    await page.getByText('아직 대화방이 없어요.').waitFor();
});

test('an answer that comes late takes nobody away from where they have gone', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server } = all;
    await meet(server, 'kim', 'lee');
    for (const name of ['Science', 'Other']) await group(server, name, 'kim', 'lee');
    await group(server, 'Club', 'kim');
    const { page } = await openChat(t, all, 'lee');
    const dialog = page.getByRole('dialog');
    /** What the page asks for there is held until the returned function is called. */
    const hold = async (pattern) => {
        let go;
        const held = new Promise((resolve) => (go = resolve));
        await page.route(pattern, async (route) => {
            await held;
            await route.continue();
        });
        return async () => {
            const answer = page.waitForResponse(pattern);
            go();
            await answer;
        };
    };
    const stays = async () => {
        await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
        await page.getByRole('heading', { name: 'Other' }).waitFor();
    };
    await page.getByRole('button', { name: 'Groups' }).click();
    const join = await hold('**/join');
    await dialog.getByRole('button', { name: 'Join Club' }).click();
    await dialog.getByRole('button', { name: 'Close' }).click();
    await enter(page, /Other/);
    await join();
    await roomLink(page, /Club/).waitFor();
    await stays();
    await enter(page, /Science/);
    const leave = await hold('**/leave');
    await page.getByRole('button', { name: 'Leave the room' }).click();
    await dialog.getByRole('button', { name: 'Leave', exact: true }).click();
    await enter(page, /Other/);
    await leave();
    await roomLink(page, /Science/).waitFor({ state: 'detached' });
    await stays();
});

test('a search that fails can be tried again, and loses nothing that was found', TIMEOUT, async (t) => {
    const all = await startAll(t, { env: { LECTERN_RATE_HOST: '5000/5000' } });
    const { server } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Science', 'kim', 'lee');
    for (let n = 0; n < 60; n += 1) await say(server, 'kim', room, `line ${n}`);
    const { page } = await openChat(t, all, 'lee');
    const results = page.getByRole('region', { name: 'Search results' });
    const busy = (route) => route.fulfill({ status: 503, json: { error: { code: 'chat_busy', message: '' } } });
    await page.route('**/chat/search?**', busy);
    await page.getByRole('searchbox', { name: 'Search messages' }).fill('line');
    await results.getByText('The server is busy.').waitFor();
    await page.unroute('**/chat/search?**');
    await results.getByRole('button', { name: 'Try again' }).click();
    await results.getByRole('link').first().waitFor();
    const found = await results.getByRole('link').count();
    await page.route('**/chat/search?**', busy);
    await results.getByRole('button', { name: 'More' }).click();
    await results.getByText('The server is busy.').waitFor();
    assert.equal(await results.getByRole('link').count(), found);
    await page.unroute('**/chat/search?**');
    await results.getByRole('button', { name: 'More' }).click();
    await waitFor(async () => (await results.getByRole('link').count()) > found,
        { timeout: limit(5000), what: 'more' });
});

test('on the narrowest phone nothing is cut off or out of sight', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, '2학년 3반 과학 탐구 모둠 (목요일 방과 후)', 'kim', 'lee');
    await say(server, 'kim', room, '내일 준비물은 현미경 슬라이드와 노트예요. Please bring your notebook');
    const { page } = await openChat(t, all, 'lee', { ...PHONE, viewport: { width: 320, height: 568 } });
    await page.getByRole('button', { name: 'Groups' }).click();
    const name = await page.getByLabel('Name of a new group').boundingBox();
    assert.ok(name.width > 160, `${name.width} px to write on`);
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await page.getByRole('searchbox', { name: 'Search messages' }).fill('notebook');
    const result = page.locator('.result');
    const [box, mark, time] = await Promise.all([result, result.locator('mark'), result.locator('time')].map(
        async (part) => part.boundingBox()));
    const text = await result.locator('.result-text').boundingBox();
    assert.ok(mark.y + mark.height <= text.y + text.height + 1, 'what was looked for is in sight');
    assert.ok(time.x + time.width <= box.x + box.width && time.height < 24, 'and the time');
    await checkView(page, 'chat-narrow');
    assert.deepEqual(await overflow(page), []);
});
