/** The student page in a real browser, as a phone: the whole round of a class. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, asTeacher, limit } from '../integration/harness.mjs';
import { checkAccessibility, openPage, screenshot, startAll } from './support.mjs';

const CODE = 'BIOLOGY7';
const setup = { name: '3학년 2반 과학', hold: 60 };
const XSS = '<img src=x onerror=alert(1)> <b>굵게</b>';

const PHONE = {
    locale: 'ko-KR',
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    hasTouch: true,
    isMobile: true,
};

/** One finger's width of scrolling to the side is a page that does not fit. */
const overflow = (page) =>
    page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

/** Whether all of it can be touched without scrolling. */
const inWindow = (part) =>
    part.evaluate((element) => {
        const { left, top, right, bottom } = element.getBoundingClientRect();
        const fits = right <= window.innerWidth && bottom <= window.innerHeight;
        return left >= 0 && top >= 0 && fits && right > left;
    });

test('student page', { timeout: limit(180_000) }, async (t) => {
    const { server: first, crash, browser, origin } = await startAll(t);
    let server = first;
    const { page, complaints } = await openPage(t, browser, PHONE);
    const log = page.getByRole('log', { name: '대화 내용' });
    const status = page.getByRole('status');
    const field = page.getByRole('textbox', { name: '메시지' });
    const join = page.getByRole('button', { name: '참여하기' });
    const said = (text) => log.getByRole('listitem').filter({ hasText: text });
    const openClass = () => asTeacher(server, CODE, { name: XSS.slice(0, 20) }, { query: setup });
    const say = (host, message, more = {}) =>
        host.send({ targetType: 'student', messageType: 'send', message, ...more });
    let host;
    let me;

    await t.test('says what is wrong with a code or a name, and keeps what was typed', async () => {
        await page.goto(`${origin}/`);
        assert.equal(page.url(), `${origin}/student/`);
        assert.equal(await page.evaluate(() => window.isSecureContext), false);
        assert.equal(await page.evaluate(() => document.documentElement.lang), 'ko');
        await join.click();
        await page.getByText('수업 코드를 입력하세요.', { exact: true }).waitFor();
        await page.getByText('이름을 입력하세요.', { exact: true }).waitFor();
        await page.getByLabel('수업 코드').fill('ab');
        await page.getByLabel('이름').fill('가'.repeat(200));
        await join.click();
        await page.getByText('코드는 영문자와 숫자 4~12자예요.').waitFor();
        await page.getByText('이름은 64자까지예요. 지금은 200자예요.').waitFor();
        assert.equal(await page.getByLabel('이름').inputValue(), '가'.repeat(200));
        await page.getByLabel('이름').fill('민준\u202e');
        await join.click();
        await page.getByText('이름에 쓸 수 없는 문자가').waitFor();
        await checkAccessibility(page);
    });

    await t.test('speaks the other language when asked to, and remembers it', async () => {
        await page.getByRole('button', { name: 'English' }).click();
        await page.getByText('The name has characters that cannot be used.').waitFor();
        assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
        await page.reload();
        await page.getByRole('heading', { name: 'Join a class' }).waitFor();
        await checkAccessibility(page);
        await page.getByRole('button', { name: '한국어' }).click();
        await page.getByRole('heading', { name: '수업 참여' }).waitFor();
    });

    await t.test('waits for a class that is not open yet, and joins it', async () => {
        await page.goto(`${origin}/student/?room=${CODE.toLowerCase()}`);
        assert.equal(await page.getByLabel('수업 코드').inputValue(), CODE);
        await page.getByLabel('이름').fill('민준');
        await join.click();
        await status.getByText('수업이 아직 열리지 않았어요').waitFor();
        await checkAccessibility(page);
        await page.getByRole('button', { name: '코드나 이름 바꾸기' }).click();
        assert.equal(await page.getByLabel('이름').inputValue(), '민준');
        await join.click();
        await status.getByText('수업이 아직 열리지 않았어요').waitFor();
        // Where only the code was typed, the address has it after a reload all the same.
        assert.equal(new URL(page.url()).searchParams.get('room'), CODE);
        await page.goto(`${origin}/student/`);
        await status.getByText('수업이 아직 열리지 않았어요').waitFor();
        await page.reload();
        await status.getByText('수업이 아직 열리지 않았어요').waitFor();
        host = await openClass();
        const { sender, message } = await host.next('join', { timeout: limit(30_000) });
        me = sender;
        assert.equal(message.name, '민준');
        await page.getByRole('heading', { name: '3학년 2반 과학' }).waitFor();
        await status.getByText('연결됨').waitFor();
        await checkAccessibility(page);
    });

    await t.test('messages go both ways', async () => {
        say(host, '여러분, 실험 결과를 보내 주세요.');
        await said('여러분, 실험 결과를 보내 주세요.').waitFor();
        await field.fill('물이 98도에서 끓었어요.');
        await page.getByRole('button', { name: '보내기', exact: true }).click();
        const question = await host.next({ messageType: 'send', sender: me });
        assert.equal(question.message, '물이 98도에서 끓었어요.');
        assert.equal(await field.inputValue(), '');
        await log.locator('.line-sent').nth(1).waitFor();
        say(host, '왜 100도가 아닐까요?', { target: me });
        await said('왜 100도가 아닐까요?').waitFor();
        await said('나에게만').waitFor();
        await page.evaluate(() => document.activeElement.blur());
        await checkAccessibility(page);
        await screenshot(page, 'student');
    });

    await t.test('fits phones from 320 px on, in the dark too', async () => {
        for (const [width, height] of [
            [256, 568],
            [320, 568],
            [568, 320],
            [390, 844],
        ]) {
            await page.setViewportSize({ width, height });
            assert.ok((await overflow(page)) <= 0, `${width} px`);
            for (const name of ['나가기', '손들기', '좋아요', '보내기']) {
                const button = page.getByRole('button', { name, exact: true });
                assert.ok(await inWindow(button), `${name} at ${width} px`);
            }
        }
        await page.emulateMedia({ colorScheme: 'dark' });
        await checkAccessibility(page);
        await screenshot(page, 'student-odd-name-dark');
        await page.emulateMedia({ colorScheme: 'light' });
    });

    await t.test('shows messages and names as text, whatever they hold', async () => {
        say(host, XSS);
        await said(XSS).waitFor();
        await said(XSS.slice(0, 20)).first().waitFor();
        assert.equal(await page.locator('main img, main b').count(), 0);
        say(host, '자료: https://example.org/a?b=1에서 보세요');
        const link = log.getByRole('link', { name: 'https://example.org/a?b=1', exact: true });
        await link.waitFor();
        assert.equal(await link.getAttribute('rel'), 'noopener noreferrer');
    });

    await t.test('is the same student after a reload: same messages, same draft', async () => {
        await field.fill('아직 쓰는 중이에요');
        await page.reload();
        await status.getByText('연결됨').waitFor();
        await said('물이 98도에서 끓었어요.').waitFor();
        await log.getByRole('listitem').nth(4).waitFor();
        assert.equal(await log.getByRole('listitem').count(), 5);
        assert.equal(await field.inputValue(), '아직 쓰는 중이에요');
        await field.fill('');
        say(host, '아직 있나요?', { target: me });
        await said('아직 있나요?').waitFor();
    });

    await t.test('sees that the teacher is away, for how long, and back', async () => {
        host.ws.terminate();
        await status.getByText('선생님의 연결이 끊겼어요.').waitFor();
        await page.getByText(/^(0:[0-5]\d|1:00)$/).waitFor();
        await checkAccessibility(page);
        await screenshot(page, 'student-teacher-away');
        await page.reload();
        await status.getByText('선생님의 연결이 끊겼어요.').waitFor();
        host = await openClass();
        await status.getByText('연결됨').waitFor();
        await said('선생님이 돌아왔어요.').waitFor();
        say(host, '다시 왔어요');
        await said('다시 왔어요').waitFor();
    });

    await t.test('gets over a crash of the server, with what was written meanwhile', async () => {
        const restart = await crash();
        await status.getByText('서버에 닿지 않아요.').waitFor();
        await status.getByText('저절로 다시 시도해요.').waitFor();
        await field.fill('들리세요?');
        await page.getByRole('button', { name: '보내기', exact: true }).click();
        await log.locator('.line-sending').waitFor();
        server = await restart();
        host = await openClass();
        await host.next({ messageType: 'send', message: '들리세요?' }, { timeout: limit(40_000) });
        await status.getByText('연결됨').waitFor();
        await log.locator('.line-sending').waitFor({ state: 'detached' });
        assert.equal(await said('들리세요?').count(), 1);
        const [once, ...again] = host.messages.filter(({ message }) => message === '들리세요?');
        assert.equal(once.sender, me);
        assert.deepEqual(again, []);
    });

    await t.test('sees the end, keeps what was being written, joins the next class', async () => {
        await field.fill('다 못 쓴 글');
        host.send({ messageType: 'end' });
        await status.getByText('수업이 끝났어요.').waitFor();
        assert.equal(await field.inputValue(), '다 못 쓴 글');
        assert.ok(
            await page.getByRole('button', { name: '보내기', exact: true }).isDisabled(),
            'there is nobody to send it to',
        );
        await checkAccessibility(page);
        host = await openClass();
        const { sender } = await host.next('join', { timeout: limit(40_000) });
        assert.equal(sender, me);
        await status.getByText('연결됨').waitFor();
        say(host, '둘째 시간');
        await said('둘째 시간').waitFor();
        assert.equal(await log.getByRole('listitem').count(), 1, 'the rest is another class’s');
        assert.equal(await field.inputValue(), '다 못 쓴 글');
        await field.fill('');
    });

    await t.test('used in another window, says so, and can be taken back', async () => {
        const second = await page.context().newPage();
        await second.goto(`${origin}/student/?room=${CODE}`);
        assert.equal(await second.getByLabel('이름').inputValue(), '민준');
        await second.getByRole('button', { name: '참여하기' }).click();
        await status.getByText('다른 창이나 기기에서 같은 이름으로 참여했어요').waitFor();
        await checkAccessibility(page);
        await page.getByRole('button', { name: '여기에서 계속하기' }).click();
        await second.getByRole('status').getByText('다른 창이나 기기에서').waitFor();
        await second.close();
        await status.getByText('연결됨').waitFor();
        await said('둘째 시간').waitFor();
    });

    await t.test('leaves, and comes back as the same student', async () => {
        await page.getByRole('button', { name: '나가기' }).click();
        const { sender } = await host.next('leave');
        assert.equal(sender, me);
        assert.equal(await page.getByLabel('이름').inputValue(), '민준');
        await page.getByLabel('수업 코드').fill(CODE);
        await join.click();
        assert.equal((await host.next('join')).sender, me);
        await said('둘째 시간').waitFor();
    });

    await t.test('removed, it says so, and does not get in again', async () => {
        host.send({ messageType: 'kick', target: me });
        await status.getByText('선생님이 나를 수업에서 내보냈어요.').waitFor();
        await checkAccessibility(page);
        await page.getByRole('button', { name: '다른 수업' }).click();
        await page.getByLabel('수업 코드').fill(CODE);
        await page.getByLabel('이름').fill('다른 이름');
        await join.click();
        await page.getByRole('alert').getByText('선생님이 내보냈어요.').waitFor();
        assert.equal(await page.getByLabel('이름').inputValue(), '다른 이름');
    });

    await t.test('a locked or full class: says so, and lets in when that is over', async () => {
        const other = await openPage(t, browser, PHONE);
        const waits = other.page.getByRole('status');
        host.send({ messageType: 'lock' });
        await host.next('settings');
        await other.page.goto(`${origin}/student/?room=${CODE}`);
        await other.page.getByLabel('이름').fill('서연');
        await other.page.getByRole('button', { name: '참여하기' }).click();
        await waits.getByText('입장이 잠겨 있어요.').waitFor();
        await waits.getByText('선생님께 열어 달라고 하세요.').waitFor();
        host.send({ messageType: 'unlock' });
        const { message } = await host.next('join', { timeout: limit(40_000) });
        assert.equal(message.name, '서연');
        const { body } = await api(server, 'GET', `/rooms/${CODE}`);
        assert.equal(body.count, 1);

        const late = await openPage(t, browser, PHONE);
        host.send({ messageType: 'settings', message: { max: 1 } });
        await host.next('settings');
        await late.page.goto(`${origin}/student/?room=${CODE}`);
        await late.page.getByLabel('이름').fill('지우');
        await late.page.getByRole('button', { name: '참여하기' }).click();
        await late.page.getByRole('status').getByText('수업에 자리가 없어요.').waitFor();
        await checkAccessibility(late.page);
        await other.page.getByRole('button', { name: '나가기' }).click();
        await host.next('join', { timeout: limit(40_000) });
        await late.page.getByRole('status').getByText('연결됨').waitFor();
        const closed = [/status of 4(04|09|23)/, /WebSocket connection/];
        assert.deepEqual([...other.complaints(closed), ...late.complaints(closed)], []);
    });

    // Asked for and not there, or no longer let in: browsers report those on the console.
    const expected = [/status of 40[34]/, /ERR_CONNECTION_REFUSED/];
    assert.deepEqual(complaints(expected), []);
});
