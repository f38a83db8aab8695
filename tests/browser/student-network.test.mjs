/** A student's page when something breaks: whose fault it says it is, and what it keeps. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTeacher, limit } from '../integration/harness.mjs';
import { checkAccessibility, openPage, screenshot, startAll } from './support.mjs';

const CODE = 'PHYSICS1';
const PHONE = { locale: 'ko-KR', viewport: { width: 390, height: 844 }, hasTouch: true };

/** Texts of the conversation, in the order in which they are shown. */
const shown = (page) => page.locator('.bubble').allTextContents();

test('student page without a network', { timeout: limit(180_000) }, async (t) => {
    const { server: first, redis, crash, browser, origin } = await startAll(t);
    let server = first;
    const { page, complaints } = await openPage(t, browser, PHONE);
    const status = page.getByRole('status');
    const field = page.getByRole('textbox', { name: '메시지' });
    const send = page.getByRole('button', { name: '보내기', exact: true });
    const said = (text) => page.getByRole('log').getByText(text, { exact: true });
    const openClass = () =>
        asTeacher(server, CODE, { name: '김하늘' }, { query: { hold: 300, talk: 'all' } });
    const say = (message) => host.send({ targetType: 'student', messageType: 'send', message });
    let host = await openClass();
    let me;

    await page.goto(`${origin}/student/?room=${CODE}`);
    await page.getByLabel('이름').fill('민준');
    await page.getByRole('button', { name: '참여하기' }).click();
    me = (await host.next('join')).sender;
    await status.getByText('연결됨').waitFor();

    await t.test('offline for ten seconds: nothing is lost, nothing doubled', async () => {
        say('하나');
        await said('하나').waitFor();
        await page.context().setOffline(true);
        await status.getByText('내 기기가 인터넷에 연결되어 있지 않아요.').waitFor();
        await status.getByText('저절로 다시 연결돼요.').waitFor();
        await screenshot(page, 'student-offline');
        await checkAccessibility(page);
        say('둘');
        await field.fill('오프라인에서 쓴 글');
        await send.click();
        await page.locator('.line-sending').waitFor();
        await page.getByRole('button', { name: '손들기' }).click();
        await status.getByText('다시 연결되면 손을 들어요.').waitFor();
        // The outage itself: what it does to the page comes at its own times.
        const start = await page.evaluate(() => performance.now());
        const over = (since) => performance.now() - since > 10_000;
        await page.getByRole('button', { name: '웃겨요' }).click();
        await status.getByText('반응을 보내지 못했어요.').waitFor();
        await page.waitForFunction(over, start, { timeout: limit(30_000) });
        say('셋');
        await page.context().setOffline(false);
        await status.getByText('연결됨').waitFor({ timeout: limit(60_000) });
        await said('셋').waitFor({ timeout: limit(60_000) });
        await page.locator('.line-sending').waitFor({ state: 'detached' });
        assert.deepEqual((await shown(page)).sort(), ['둘', '셋', '오프라인에서 쓴 글', '하나'].sort());
        const mine = host.messages.filter(({ sender }) => sender === me);
        const sent = mine.filter(({ messageType }) => ['send', 'hand'].includes(messageType));
        assert.deepEqual(
            sent.map(({ message }) => message),
            ['오프라인에서 쓴 글', { up: true }],
        );
        const late = mine.filter(({ messageType }) => messageType === 'reaction');
        assert.deepEqual(late, [], 'its moment is over');
        await page.getByRole('button', { name: '손들기', pressed: true }).waitFor();
    });

    await t.test('a reload while the server cannot take it: it is sent all the same', async () => {
        redis.kill('SIGSTOP');
        try {
            await field.fill('새로 고침 전에 보낸 글');
            await send.click();
            await page.locator('.line-sending').getByText('새로 고침 전에 보낸 글').waitFor();
            await page.reload();
            await page.locator('.line-sending').getByText('새로 고침 전에 보낸 글').waitFor();
        } finally {
            redis.kill('SIGCONT');
        }
        const message = '새로 고침 전에 보낸 글';
        await host.next({ messageType: 'send', message }, { timeout: limit(60_000) });
        await page.locator('.line-sending').waitFor({ state: 'detached', timeout: limit(60_000) });
        await said('셋').waitFor();
        assert.equal((await shown(page)).filter((text) => text === message).length, 1);
        await host.sync();
        assert.equal(host.messages.filter((one) => one.message === message).length, 1);
    });

    await t.test('asks before it leaves with what is not sent yet', async () => {
        redis.kill('SIGSTOP');
        try {
            await field.fill('아직 안 간 글');
            await send.click();
            await page.locator('.line-sending').getByText('아직 안 간 글').waitFor();
            await page.getByRole('button', { name: '나가기' }).click();
            await page.getByText('아직 보내지 못한 메시지가 있어요.').waitFor();
            await checkAccessibility(page);
            await page.getByRole('button', { name: '취소' }).click();
        } finally {
            redis.kill('SIGCONT');
        }
        await host.next({ messageType: 'send', message: '아직 안 간 글' }, { timeout: limit(60_000) });
    });

    await t.test('a raised hand is up after a reload, and is not raised twice', async () => {
        await page.reload();
        await page.getByRole('button', { name: '손들기', pressed: true }).waitFor();
        await page.getByRole('button', { name: '손들기' }).click();
        await page.getByRole('button', { name: '손들기', pressed: false }).waitFor();
        await host.next(({ messageType, message }) => messageType === 'hand' && !message.up);
        const hands = host.messages.filter(({ messageType }) => messageType === 'hand');
        assert.deepEqual(
            hands.map(({ message }) => message.up),
            [true, false],
        );
        await page.reload();
        await said('셋').waitFor();
        await page.getByRole('button', { name: '손들기', pressed: false }).waitFor();
    });

    await t.test('says whose fault it is: not known, the server’s, the network’s', async () => {
        const restart = await crash();
        await status.getByText('서버에 닿지 않아요.').waitFor({ timeout: limit(40_000) });
        await status.getByText('나만 그러면 내 인터넷, 모두 그러면 서버 문제예요.').waitFor();
        await page.getByText(/^0:\d\d$/).waitFor();
        await checkAccessibility(page);

        const answers = { status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' };
        await page.route('**/rooms/*', (route) => route.fulfill(answers));
        await status.getByText('서버에 문제가 생겼어요.').waitFor({ timeout: limit(60_000) });
        await status.getByText('내 인터넷은 괜찮아요.').waitFor();
        answers.status = 200;
        await status
            .getByText('내 와이파이가 서버로 가는 길을 막고 있어요.')
            .waitFor({ timeout: limit(60_000) });
        await page.unroute('**/rooms/*');
        server = await restart();
        host = await openClass();
        await status.getByText('연결됨').waitFor({ timeout: limit(60_000) });
    });

    await t.test('what the end of the class overtook can be written anew', async () => {
        const restart = await crash();
        await status.getByText('서버에 닿지 않아요.').waitFor({ timeout: limit(40_000) });
        for (const text of ['끝나기 전에 쓴 글', '하나 더']) {
            await field.fill(text);
            await send.click();
            await page.locator('.line-sending').getByText(text).waitFor();
        }
        await redis.client.flushall();
        server = await restart();
        await status.getByText('수업이 끝났어요.').waitFor({ timeout: limit(60_000) });
        await page.getByText('보내지 못했어요: 수업이 끝났어요').nth(1).waitFor();
        await checkAccessibility(page);
        await screenshot(page, 'student-not-sent');
        // There is no class to send it to again.
        assert.equal(await page.getByRole('button', { name: '다시 보내기' }).count(), 0);
        await page.getByRole('button', { name: '고쳐 쓰기' }).first().click();
        assert.equal(await field.inputValue(), '끝나기 전에 쓴 글');
        await said('끝나기 전에 쓴 글').waitFor({ state: 'detached' });
        await page.reload();
        await status.getByText('수업이 끝났어요.').waitFor({ timeout: limit(60_000) });
        assert.equal(await field.inputValue(), '끝나기 전에 쓴 글\n하나 더');
    });

    const expected = [/status of 40[34]/, /status of 50[23]/, /ERR_/, /WebSocket connection/];
    assert.deepEqual(complaints(expected), []);
});

test('host lost without hold: the class is over', { timeout: limit(60_000) }, async (t) => {
    const { server, browser, origin } = await startAll(t);
    const host = await asTeacher(server, CODE, { name: '김하늘' });
    const { page } = await openPage(t, browser, PHONE);
    await page.goto(`${origin}/student/?room=${CODE}`);
    await page.getByLabel('이름').fill('민준');
    await page.getByRole('button', { name: '참여하기' }).click();
    await page.getByRole('status').getByText('연결됨').waitFor();
    host.terminate();
    await page.getByRole('status').getByText('선생님이 돌아오지 못해 수업이 끝났어요.').waitFor();
    await page.getByRole('status').getByText('같은 코드로 다시 열리면').waitFor();
});
