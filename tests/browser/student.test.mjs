/** The student page in a real browser, as a phone: the whole round of a class. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTeacher, limit } from '../integration/harness.mjs';
import { checkAccessibility, openPage, screenshot, startAll } from './support.mjs';

const CODE = 'BIOLOGY7';
const setup = { name: '3학년 2반 과학', hold: 60 };

test('student page', { timeout: limit(120_000) }, async (t) => {
    const { server: first, crash, browser, origin } = await startAll(t);
    let server = first;
    const { page, complaints } = await openPage(t, browser, {
        locale: 'ko-KR',
        viewport: { width: 390, height: 844 },
        deviceScaleFactor: 2,
        hasTouch: true,
        isMobile: true,
    });
    const log = page.getByRole('log', { name: '메시지' });
    const status = page.getByRole('status');
    const field = page.getByRole('textbox', { name: '메시지' });
    const said = (text) => log.getByRole('listitem').filter({ hasText: text });
    const openClass = () => asTeacher(server, CODE, { name: '김하늘' }, { query: setup });
    const say = (host, message, more = {}) =>
        host.send({ targetType: 'student', messageType: 'send', message, ...more });
    let host;
    let me;

    await t.test('says what is wrong with a code or a name', async () => {
        await page.goto(`${origin}/`);
        assert.equal(page.url(), `${origin}/student/`);
        assert.equal(await page.evaluate(() => window.isSecureContext), false);
        assert.equal(await page.evaluate(() => document.documentElement.lang), 'ko');
        await page.getByLabel('수업 코드').fill('ab');
        await page.getByRole('button', { name: '참여하기' }).click();
        await page.getByText('코드는 영문 대문자와 숫자 4~12자예요.').waitFor();
        await page.getByText('이름은 1~64자예요.').waitFor();
        await checkAccessibility(page);
    });

    await t.test('waits for a class that is not open yet, then joins it', async () => {
        await page.goto(`${origin}/student/?room=${CODE.toLowerCase()}`);
        assert.equal(await page.getByLabel('수업 코드').inputValue(), CODE);
        await page.getByLabel('이름').fill('민준');
        await page.getByRole('button', { name: '참여하기' }).click();
        await status.getByText('수업이 아직 열리지 않았어요').waitFor();
        host = await openClass();
        const { sender, message } = await host.next('join');
        me = sender;
        assert.equal(message.name, '민준');
        await page.getByRole('heading', { name: '3학년 2반 과학' }).waitFor();
        await status.getByText('연결됨').waitFor();
    });

    await t.test('messages go both ways', async () => {
        say(host, '여러분, 실험 결과를 보내 주세요.');
        await said('여러분, 실험 결과를 보내 주세요.').waitFor();
        await field.fill('물이 98도에서 끓었어요.');
        await page.getByRole('button', { name: '보내기' }).click();
        const question = await host.next({ messageType: 'send', sender: me });
        assert.equal(question.message, '물이 98도에서 끓었어요.');
        await log.locator('.line-sent').nth(1).waitFor();
        say(host, '왜 100도가 아닐까요?', { target: me });
        await said('왜 100도가 아닐까요?').waitFor();
        await said('나에게만').waitFor();
        await page.evaluate(() => document.activeElement.blur());
        await checkAccessibility(page);
        await screenshot(page, 'student');
    });

    await t.test('shows messages as text, whatever they hold', async () => {
        say(host, '<img src=x onerror=alert(1)> <b>굵게</b>');
        await said('<img src=x onerror=alert(1)> <b>굵게</b>').waitFor();
        assert.equal(await page.locator('img, b').count(), 0);
    });

    await t.test('is the same student after a reload, with the same messages', async () => {
        await page.reload();
        await status.getByText('연결됨').waitFor();
        await said('물이 98도에서 끓었어요.').waitFor();
        assert.equal(await log.getByRole('listitem').count(), 4);
        say(host, '아직 있나요?', { target: me });
        await said('아직 있나요?').waitFor();
    });

    await t.test('sees that the teacher is away, for how long, and back', async () => {
        host.ws.terminate();
        await page
            .getByText(/0:[0-5]\d 안에 돌아오지 않으면/)
            .first()
            .waitFor();
        await screenshot(page, 'student-teacher-away');
        host = await openClass();
        await status.getByText('연결됨').waitFor();
        await said('선생님이 돌아왔어요.').waitFor();
        say(host, '다시 왔어요');
        await said('다시 왔어요').waitFor();
    });

    await t.test('gets over a crash of the server, with what was written meanwhile', async () => {
        const restart = await crash();
        await status.getByText(/연결이 끊겼어요|연결이 끊겨|서버에 연결할 수 없어요/).waitFor();
        await field.fill('들리세요?');
        await field.press('Enter');
        await log.locator('.line-sending').waitFor();
        server = await restart();
        host = await openClass();
        await host.next({ messageType: 'send', message: '들리세요?' });
        await status.getByText('연결됨').waitFor();
        await log.locator('.line-sending').waitFor({ state: 'detached' });
        assert.equal(await said('들리세요?').count(), 1);
        const [once, ...again] = host.messages.filter(({ message }) => message === '들리세요?');
        assert.equal(once.sender, me);
        assert.deepEqual(again, []);
    });

    await t.test('sees the end, and joins the next class by itself', async () => {
        host.send({ messageType: 'end' });
        await status.getByText('수업이 끝났어요. 같은 코드로').waitFor();
        host = await openClass();
        assert.equal((await host.next('join')).sender, me);
        await status.getByText('연결됨').waitFor();
        say(host, '둘째 시간');
        await said('둘째 시간').waitFor();
    });

    await t.test('used in another window, says so, and can be taken back', async () => {
        const second = await page.context().newPage();
        await second.goto(`${origin}/student/?room=${CODE}`);
        assert.equal(await second.getByLabel('이름').inputValue(), '민준');
        await second.getByRole('button', { name: '참여하기' }).click();
        await status.getByText('다른 창이나 기기에서 참여했어요').waitFor();
        await page.getByRole('button', { name: '여기에서 계속하기' }).click();
        await second.getByRole('status').getByText('다른 창이나 기기에서').waitFor();
        await second.close();
        await status.getByText('연결됨').waitFor();
    });

    await t.test('removed, it says so, and does not get in again', async () => {
        host.send({ messageType: 'kick', target: me });
        await status.getByText('선생님이 내보냈어요.').waitFor();
        await page.getByRole('button', { name: '다른 수업' }).click();
        await page.getByLabel('수업 코드').fill(CODE);
        await page.getByLabel('이름').fill('다른 이름');
        await page.getByRole('button', { name: '참여하기' }).click();
        await page.getByRole('alert').getByText('선생님이 내보냈어요.').waitFor();
    });

    // Asked for and not there, or no longer let in: browsers report those on the console.
    const expected = [/status of 40[34]/, /ERR_CONNECTION_REFUSED/];
    assert.deepEqual(complaints(expected), []);
});
