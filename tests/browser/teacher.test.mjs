/** The teacher page in a real browser: the whole round of a class. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asStudent, limit, mintToken, refused } from '../integration/harness.mjs';
import { checkAccessibility, openPage, screenshot, startAll } from './support.mjs';

const student = (server, room, sub, name) =>
    asStudent(server, room, { sub, name }, { query: { history: 0 } });

test('teacher page', { timeout: limit(120_000) }, async (t) => {
    const { server, browser, origin } = await startAll(t);
    const { page, complaints } = await openPage(t, browser, {
        locale: 'en-US',
        viewport: { width: 1280, height: 800 },
    });
    const token = mintToken({ type: 'teacher', sub: 't1', name: '김하늘' });
    const log = page.getByRole('log', { name: 'Messages' });
    const roster = page.getByRole('region', { name: /student/ });
    const status = page.getByRole('status');
    const field = page.getByRole('textbox', { name: 'Message' });
    const said = (text) => log.getByRole('listitem').filter({ hasText: text });
    let code;
    let minjun;
    let seoyeon;

    await t.test('takes the token out of the address', async () => {
        await page.goto(`${origin}/teacher/#token=${token}`);
        assert.equal(await page.evaluate(() => window.isSecureContext), false);
        await page.getByText('Signed in as 김하늘').waitFor();
        assert.equal(page.url(), `${origin}/teacher/`);
        await checkAccessibility(page);
    });

    await t.test('opens a class and shows its code and link', async () => {
        await page.getByLabel('Class name').fill('Science 3-2');
        await page.getByRole('button', { name: 'Open class' }).click();
        await page.getByRole('heading', { name: 'Science 3-2' }).waitFor();
        code = (await page.getByTestId('code').textContent()).trim();
        assert.match(code, /^[A-Z]{6}$/);
        await page.getByRole('link', { name: `${origin}/student/?room=${code}` }).waitFor();
        await status.getByText('Connected').waitFor();
        await page.getByRole('button', { name: 'Copy link' }).click();
        await page.getByText(/^Copied$/).waitFor();
    });

    await t.test('shows who joins', async () => {
        minjun = await student(server, code, 's1', '민준');
        seoyeon = await student(server, code, 's2', '서연');
        await roster.getByText('2 students').waitFor();
        await roster.getByRole('button', { name: '서연 joined' }).waitFor();
        await said('민준 joined').waitFor();
    });

    await t.test('messages go both ways', async () => {
        await field.fill('여러분, 실험 결과를 보내 주세요.');
        await field.press('Enter');
        const call = {
            messageType: 'send',
            message: '여러분, 실험 결과를 보내 주세요.',
            sender: 't1',
        };
        await minjun.next(call);
        await seoyeon.next(call);
        const answer = { targetType: 'teacher', messageType: 'send' };
        minjun.send({ ...answer, message: '물이 98도에서 끓었어요.' });
        await said('물이 98도에서 끓었어요.').waitFor();
        seoyeon.send({ ...answer, message: '저희는 99도요!' });
        await said('저희는 99도요!').waitFor();
    });

    await t.test('writes to one student alone', async () => {
        await page.getByLabel('To', { exact: true }).selectOption({ label: '민준' });
        await field.fill('왜 100도가 아닐까요?');
        await page.getByRole('button', { name: 'Send' }).click();
        await minjun.next({ messageType: 'send', message: '왜 100도가 아닐까요?', target: 's1' });
        await said('only to 민준').waitFor();
        await page.getByLabel('To', { exact: true }).selectOption({ label: 'All students' });
        await field.fill('모두 잘했어요.');
        await page.getByRole('button', { name: 'Send' }).click();
        await seoyeon.next({ messageType: 'send', message: '모두 잘했어요.' });
        assert.equal(
            seoyeon.messages.some(({ target }) => target === 's1'),
            false,
        );
        await page.evaluate(() => document.activeElement.blur());
        await checkAccessibility(page);
        await screenshot(page, 'teacher');
    });

    await t.test('shows names and messages as text, whatever they hold', async () => {
        const markup = await student(server, code, 's3', '<img src=x onerror=alert(1)>');
        markup.send({ targetType: 'teacher', messageType: 'send', message: '<b>bold</b> & more' });
        await said('<b>bold</b> & more').waitFor();
        await roster.getByRole('button', { name: 'Remove <img src=x onerror' }).waitFor();
        assert.equal(await page.locator('img, b').count(), 0);
        markup.ws.close(1000);
        await roster.getByText('2 students').waitFor();
    });

    await t.test('comes back to its class after a reload', async () => {
        await page.reload();
        await status.getByText('Connected').waitFor();
        assert.equal((await page.getByTestId('code').textContent()).trim(), code);
        await roster.getByText('2 students').waitFor();
        await said('모두 잘했어요.').waitFor();
        await said('저희는 99도요!').waitFor();
        assert.equal(await said('모두 잘했어요.').count(), 1);
        await field.fill('다시 왔어요.');
        await field.press('Enter');
        await minjun.next({ messageType: 'send', message: '다시 왔어요.' });
        assert.equal(minjun.closeInfo, undefined, 'the students stayed');
    });

    await t.test('shows who leaves', async () => {
        seoyeon.ws.close(1000);
        await roster.getByText('1 student', { exact: true }).waitFor();
        await said('서연 left').waitFor();
    });

    await t.test('locks the door', async () => {
        await page.getByRole('button', { name: 'Lock the door' }).click();
        await page.getByText('Locked', { exact: true }).waitFor();
        const late = mintToken({ sub: 's9', name: '늦은 학생' });
        assert.equal((await refused(server, { room: code, token: late })).status, 423);
        await page.getByRole('button', { name: 'Unlock the door' }).click();
        await page.getByRole('button', { name: 'Lock the door' }).waitFor();
    });

    await t.test('removes a student, after asking', async () => {
        await roster.getByRole('button', { name: 'Remove 민준' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
        await roster.getByText('1 student', { exact: true }).waitFor();
        await roster.getByRole('button', { name: 'Remove 민준' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
        assert.equal((await minjun.closed).code, 4002);
        await roster.getByText('Nobody has joined yet.').waitFor();
        await said('민준 was removed').waitFor();
    });

    await t.test('ends the class, after asking', async () => {
        const last = await student(server, code, 's4', '지우');
        await roster.getByText('1 student', { exact: true }).waitFor();
        await page.getByRole('button', { name: 'End class' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'End class' }).click();
        assert.deepEqual(await last.closed, { code: 4000, reason: 'ended' });
        await status.getByText('The class has ended.').waitFor();
        await page.getByRole('button', { name: 'Open again with this code' }).waitFor();
        await page.reload();
        await page.getByRole('button', { name: 'Open class' }).waitFor();
    });

    assert.deepEqual(complaints(), []);
});
