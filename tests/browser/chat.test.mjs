/** Chat: signing up, groups, direct rooms, what is read, what is taken back, who leaves. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, asTeacher, limit, waitFor } from '../integration/harness.mjs';
import {
    bubble, call, enter, field, group, log, meet, openChat, roomLink, rooms, say, write,
} from './chat-support.mjs';
import { png } from '../integration/pictures.mjs';
import { PHONE, checkView, openPage, startAll } from './support.mjs';

const TIMEOUT = { timeout: limit(120_000) };

test('from making an account to talking in a group', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server, browser, origin } = all;
    await meet(server, 'kim');
    await group(server, '3학년 2반 과학', 'kim');
    const { page, complaints } = await openPage(t, browser, { locale: 'en-US', ...PHONE });

    await t.test('at the address of older clients, too', async () => {
        await page.goto(`${origin}/chat.html`);
        await page.getByRole('button', { name: 'Make an account' }).click();
        await checkView(page, 'chat-sign-up');
        const values = {
            'User name': 'minjun', 'Name that others see': '민준', Password: 'correct horse battery',
        };
        for (const [label, value] of Object.entries(values)) await page.getByLabel(label).fill(value);
        await page.getByRole('button', { name: 'Make the account' }).click();
        await page.getByText('You are in no room yet').waitFor();
        await checkView(page, 'chat-nothing-yet');
    });

    await t.test('finding a group and joining it', async () => {
        await page.getByRole('button', { name: 'Groups' }).click();
        await page.getByLabel('Find a group').fill('nothing like it');
        await page.getByText('No group was found.').waitFor();
        await page.getByLabel('Find a group').fill('과학');
        await page.getByRole('button', { name: 'Join 3학년 2반 과학' }).waitFor();
        await checkView(page, 'chat-groups');
        await page.getByRole('button', { name: 'Join 3학년 2반 과학' }).click();
        await page.getByRole('heading', { name: '3학년 2반 과학' }).waitFor();
        await log(page).getByText('민준 joined.').waitFor();
    });

    const teacher = await openChat(t, all, 'kim');
    await t.test('talking, seen at once, read as text', async () => {
        await write(page, '<b>안녕하세요</b> https://example.org/x');
        await roomLink(teacher.page, /과학.*1 unread/).waitFor();
        await waitFor(async () => (await teacher.page.title()).startsWith('(1) '), { timeout: limit(5000), what: 'title' });
        await enter(teacher.page, /과학/);
        const line = log(teacher.page).locator('li', { hasText: '<b>안녕하세요</b>' });
        await line.getByRole('link', { name: 'https://example.org/x' }).waitFor();
        assert.equal(await log(teacher.page).locator('b').count(), 0);
        await waitFor(async () => (await teacher.page.title()) === 'Chat · Lectern', { timeout: limit(5000), what: 'title' });
        await log(page).getByText('read by all').waitFor();
        await field(teacher.page).fill('네');
        await page.getByText('김하늘 is writing…').waitFor();
        await write(teacher.page, '네, 민준');
        await bubble(page, '네, 민준').waitFor();
        await page.getByText('김하늘 is writing…').waitFor({ state: 'detached' });
        await checkView(page, 'chat-talk-phone');
        await checkView(teacher.page, 'chat-talk');
    });

    await t.test('a phone shows the room, or the rooms', async () => {
        await page.getByRole('link', { name: 'Back to the rooms' }).click();
        await roomLink(page, /과학/).waitFor();
        assert.equal(await field(page).isVisible(), false);
        const focused = () => roomLink(page, /과학/).evaluate((one) => document.activeElement === one);
        await waitFor(focused, { timeout: limit(5000), what: 'focus where one left the list' });
        await write(teacher.page, '또 봐요');
        await roomLink(page, /또 봐요.*1 unread/).waitFor();
        await checkView(page, 'chat-rooms');
        await page.goBack();
        await log(page).getByText('Unread from here').waitFor();
        await bubble(page, '또 봐요').waitFor();
    });

    await t.test('leaving is asked about, told, and takes the room away', async () => {
        await page.getByRole('button', { name: 'Leave the room' }).click();
        await checkView(page, 'chat-leave');
        await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
        await page.getByRole('button', { name: 'Leave the room' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Leave', exact: true }).click();
        await page.getByText('You are in no room yet').waitFor();
        await log(teacher.page).getByText('민준 left.').waitFor();
        await teacher.page.getByText('1 member').waitFor();
    });
    assert.deepEqual(complaints(), []);
    assert.deepEqual(teacher.complaints(), []);
});

test('direct rooms, and what may be taken back', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server } = all;
    await meet(server, 'kim', 'lee', 'park');
    const kim = await openChat(t, all, 'kim');
    const lee = await openChat(t, all, 'lee');

    await t.test('one chooses a person, and both have the room', async () => {
        await lee.page.getByRole('button', { name: 'New chat' }).click();
        await lee.page.getByLabel('Name or user name').fill('하늘');
        await lee.page.getByRole('button', { name: '김하늘 kim · teacher' }).waitFor();
        await checkView(lee.page, 'chat-people');
        await lee.page.getByRole('button', { name: '김하늘 kim · teacher' }).click();
        await lee.page.getByRole('heading', { name: '김하늘' }).waitFor();
        await enter(kim.page, /이서연/);
        await write(lee.page, '선생님, 질문이 있어요.');
        await bubble(kim.page, '선생님, 질문이 있어요.').waitFor();
        await log(lee.page).getByText('Read', { exact: true }).waitFor();
        assert.equal(await lee.page.getByRole('button', { name: 'Leave the room' }).count(), 0);
    });

    await t.test('what one takes back vanishes from both screens and from the list', async () => {
        await write(lee.page, '잘못 보냈어요');
        await bubble(kim.page, '잘못 보냈어요').waitFor();
        const remove = /Delete the message of You: 잘못 보냈어요/;
        await lee.page.getByRole('button', { name: remove }).focus();
        await lee.page.keyboard.press('Enter');
        await checkView(lee.page, 'chat-delete');
        await lee.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        for (const { page } of [lee, kim]) {
            await bubble(page, '잘못 보냈어요').waitFor({ state: 'detached' });
            await rooms(page).getByText('잘못 보냈어요').waitFor({ state: 'detached' });
        }
        await kim.page.reload();
        await bubble(kim.page, '선생님, 질문이 있어요.').waitFor();
        assert.equal(await bubble(kim.page, '잘못 보냈어요').count(), 0);
        assert.equal(await kim.page.getByRole('button', { name: /Delete the message of 이서연/ }).count(), 0);
    });

    await t.test('a group’s owner may take any back; who is in it is shown', async () => {
        const room = await group(server, 'Book club', 'kim', 'lee', 'park');
        await say(server, 'park', room, 'spam');
        await enter(kim.page, /Book club/);
        await enter(lee.page, /Book club/);
        await bubble(lee.page, 'spam').waitFor();
        await kim.page.getByRole('button', { name: 'Delete the message of Park Minjun: spam' }).focus();
        await kim.page.keyboard.press('Enter');
        await kim.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
        await bubble(lee.page, 'spam').waitFor({ state: 'detached' });
        await write(kim.page, '환영해요');
        await log(kim.page).getByText('not read by 1 yet').waitFor();
        await kim.page.getByRole('button', { name: 'Members' }).click();
        const dialog = kim.page.getByRole('dialog', { name: 'Members (3)' });
        await dialog.getByRole('listitem').filter({ hasText: '김하늘' }).getByText('owner').waitFor();
        await checkView(kim.page, 'chat-members');
        await kim.page.keyboard.press('Escape');
    });

    await t.test('a room of others, or none, is told in words', async () => {
        const secret = await group(server, 'Secret', 'kim');
        for (const id of [secret, 'caaaaaaaaaaaaaaa']) {
            await lee.page.evaluate((hash) => (location.hash = hash), id);
            await lee.page.getByText('You are not in this room.').waitFor();
        }
        await checkView(lee.page, 'chat-not-mine');
    });
    assert.deepEqual(kim.complaints(), []);
    assert.deepEqual(lee.complaints(), []);
});

test('a name that is taken, and one that cannot be', TIMEOUT, async (t) => {
    const all = await startAll(t);
    await meet(all.server, 'kim');
    const { page, complaints } = await openChat(t, all, 'kim');
    await page.getByRole('button', { name: 'Groups' }).click();
    await page.getByRole('button', { name: 'Make the group' }).click();
    await page.getByText('A name has 1 to 64 characters.').waitFor();
    const odd = `<img src=x onerror=alert(1)>`;
    await page.getByLabel('Name of a new group').fill(odd);
    await page.getByRole('button', { name: 'Make the group' }).click();
    await page.getByRole('heading', { name: odd }).waitFor();
    assert.equal(await page.locator('main img').count(), 0);
    assert.equal((await call(all.server, 'kim', 'GET', '/chat/my/rooms')).rooms[0].name, odd);
    assert.deepEqual(complaints(), []);
});

test('guests of a class are told that chat needs an account', TIMEOUT, async (t) => {
    const { server, browser, origin } = await startAll(t);
    const host = await asTeacher(server, 'FTYXPM');
    const guest = await api(server, 'POST', '/guest', { body: { room: 'FTYXPM', name: '손님' } });
    const { page, complaints } = await openPage(t, browser, { locale: 'ko-KR', ...PHONE });
    await page.goto(`${origin}/chat/#token=${guest.body.token}`);
    await page.getByText('대화에는 계정이 필요해요.').waitFor();
    await checkView(page, 'chat-sign-in-ko');
    assert.deepEqual(complaints([/403|WebSocket/]), []);
    await host.close();
});

test('with the keyboard alone', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server } = all;
    await meet(server, 'kim', 'lee');
    const room = await group(server, 'Book club', 'kim', 'lee');
    await say(server, 'lee', room, 'one');
    const { page, complaints } = await openChat(t, all, 'kim');
    const focused = () =>
        page.evaluate(() => {
            const { activeElement: one } = document;
            if (one === document.body) return '';
            return one.textContent || one.getAttribute('aria-label') || one.tagName;
        });
    const tabTo = async (what) => {
        for (let n = 0; n < 40; n += 1) {
            if (what.test((await focused()) ?? '')) return;
            await page.keyboard.press('Tab');
        }
        assert.fail(`the Tab key does not reach ${what}`);
    };
    await tabTo(/Book club/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Book club' }).waitFor();
    const onName = async () => /^Book club/.test((await focused()) ?? '');
    await waitFor(onName, { timeout: limit(5000), what: 'focus on the room’s name' });
    await tabTo(/TEXTAREA/);
    await page.keyboard.type('two');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('three');
    await page.keyboard.press('Enter');
    await log(page).getByText('two\nthree').waitFor();
    assert.equal(await field(page).inputValue(), '');
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Shift+Tab');
    await tabTo(/Members/);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.match(await focused(), /Members/);
    assert.deepEqual(complaints(), []);
});

test('a busy day', TIMEOUT, async (t) => {
    const all = await startAll(t);
    const { server } = all;
    await meet(server, 'kim', 'lee', 'park');
    const science = await group(server, '3학년 2반 과학', 'kim', 'lee', 'park');
    const books = await group(server, 'Book club', 'park', 'kim', 'lee');
    for (const [who, room, text] of [
        ['park', books, 'Next week: Frankenstein, chapters 1 to 5'],
        ['kim', science, '내일 실험은 과학실에서 해요. 실험복을 꼭 챙겨 오세요.'],
        ['lee', science, '선생님, 보고서는 언제까지 내요?'],
        ['kim', science, '금요일까지예요. 관찰한 것을 세 문장으로 써 보세요: https://example.org/report'],
        ['park', science, 'Can I write mine in English?'],
        ['kim', science, '네, 좋아요!'],
        ['lee', books, '저 벌써 다 읽었어요'],
    ]) {
        await say(server, who, room, text);
    }
    const laptop = await openChat(t, all, 'kim');
    await enter(laptop.page, /과학/);
    await bubble(laptop.page, '네, 좋아요!').waitFor();
    await laptop.page.getByTestId('image-input').setInputFiles([
        { name: 'leaf.png', mimeType: 'image/png', buffer: leaf() },
        { name: '실험 보고서 양식.pdf', mimeType: 'application/pdf', buffer: Buffer.alloc(180_000) },
    ]);
    await log(laptop.page).getByText('실험 보고서 양식.pdf').waitFor();
    const phone = await openChat(t, all, 'lee', { ...PHONE, locale: 'ko-KR' });
    await phone.page.getByRole('link', { name: /과학/ }).click();
    await log(phone.page).getByText('실험 보고서 양식.pdf').waitFor();
    await log(laptop.page).getByText('not read by 1 yet').last().waitFor();
    await phone.page.locator('.writer textarea').fill('감사합니다');
    await laptop.page.getByText('이서연 is writing…').waitFor();
    await checkView(laptop.page, 'chat');
    await checkView(phone.page, 'chat-phone');
});

/** Something green that grows. */
function leaf() {
    const paint = (x, y) => {
        const [u, v] = [(x - 300) / 300, (y - 200) / 200];
        const inside = Math.abs(v) < 0.75 * (1 - u * u);
        const vein = Math.abs(v) < 0.02 || Math.abs(((u * 6 + Math.abs(v) * 5) % 1) - 0.5) < 0.04;
        if (!inside) return [238, 243, 232];
        return vein ? [205, 225, 160] : [70 + 40 * u, 140 + 30 * v, 60];
    };
    return png(600, 400, { paint });
}
