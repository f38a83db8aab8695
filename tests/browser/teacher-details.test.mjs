/** What the teacher's page must not get wrong in small things: sizes, reloads, and people who are gone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asStudent, limit, mintToken } from '../integration/harness.mjs';
import { checkAccessibility, openPage, openTeacher, screenshot, startAll } from './support.mjs';

const query = { history: 0 };

test('the bar and the writing line fit tablets and phones', { timeout: limit(90_000) }, async (t) => {
    const env = await startAll(t);
    const { page, complaints } = await openTeacher(t, env);
    const boxOf = (part) => page.locator(part).boundingBox();
    for (const [width, height] of [[1024, 768], [820, 1180], [768, 1024], [390, 844], [320, 568]]) {
        await page.setViewportSize({ width, height });
        await page.locator('.views').getByRole('button', { name: 'Messages' }).click();
        await screenshot(page, `teacher-${width}`);
        const title = await page.locator('.bar-title h1').evaluate((h1) =>
            ({ wide: h1.clientWidth, wanted: h1.scrollWidth }));
        assert.ok(title.wide >= Math.min(title.wanted, 200), `title at ${width}: ${title.wide} px`);
        for (const part of ['.menu > button', '.teacher-bar .end', '.switches .switch >> nth=1']) {
            const { x, width: wide } = await boxOf(part);
            assert.ok(x >= 0 && x + wide <= width - 8, `${part} at ${width} ends at ${x + wide}`);
        }
        const state = await page.locator('.bar-state .state').boundingBox();
        assert.ok(state.height < 32, `the state at ${width} has one line: ${state.height} px`);
        const send = await boxOf('.writer-row button[type=submit]');
        assert.ok(send.y + send.height <= height, `Send at ${width} ends at ${send.y + send.height}`);
        await checkAccessibility(page);
    }
    assert.deepEqual(complaints(), []);
});

test('what is too long is not cut, and not lost', { timeout: limit(60_000) }, async (t) => {
    const env = await startAll(t);
    const { page, complaints } = await openTeacher(t, env);
    const field = page.getByRole('textbox', { name: 'Message' });
    await field.fill('a'.repeat(4010));
    await page.getByText('A message has at most 4000 characters. Take 10 away.').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled());
    await field.press('Enter');
    assert.equal((await field.inputValue()).length, 4010);
    await checkAccessibility(page);
    assert.deepEqual(complaints(), []);
});

test('on a touch screen Enter starts a new line', { timeout: limit(60_000) }, async (t) => {
    const env = await startAll(t);
    const touch = { viewport: { width: 820, height: 1180 }, hasTouch: true, isMobile: true };
    const { page } = await openTeacher(t, env, touch);
    await page.locator('.views').getByRole('button', { name: 'Messages' }).click();
    const field = page.getByRole('textbox', { name: 'Message' });
    await field.fill('one');
    await field.press('End');
    await field.press('Enter');
    await field.pressSequentially('two');
    assert.equal(await field.inputValue(), 'one\ntwo');
});

test('links can be followed, and a replay is not read out', { timeout: limit(60_000) }, async (t) => {
    const env = await startAll(t);
    const { page, code, complaints } = await openTeacher(t, env);
    const one = await asStudent(env.server, code, { sub: 's1', name: '민준' }, { query });
    const message = 'see https://example.org/a?b=1 <b>now</b>';
    one.send({ targetType: 'teacher', messageType: 'send', message });
    const log = page.getByRole('log');
    const link = log.getByRole('link', { name: 'https://example.org/a?b=1' });
    await link.waitFor();
    assert.equal(await link.getAttribute('rel'), 'noopener noreferrer');
    await page.addInitScript(() => {
        // What the live region was when its first messages came.
        new MutationObserver((_, observer) => {
            const log = document.querySelector('[role=log]');
            if (!log?.querySelector('li')) return;
            window.firstLive = log.getAttribute('aria-live');
            observer.disconnect();
        }).observe(document, { childList: true, subtree: true });
    });
    await page.reload();
    await link.waitFor();
    assert.equal(await page.evaluate(() => window.firstLive), 'off');
    await page.locator('[role=log][aria-live=polite]').waitFor();
    assert.deepEqual(complaints(), []);
});

test('people who are gone, before and after a reload', { timeout: limit(90_000) }, async (t) => {
    const env = await startAll(t);
    const { page, code, complaints } = await openTeacher(t, env);
    const join = (sub, name) => asStudent(env.server, code, { sub, name }, { query });
    const person = (name) => page.locator('.virtual li').filter({ hasText: name });
    const field = page.getByRole('textbox', { name: 'Message' });
    const send = page.getByRole('button', { name: 'Send', exact: true });
    const minjun = await join('s1', '민준');
    const seoyeon = await join('s2', '서연');

    await t.test('nothing is sent to one who was removed, and what was written stays', async () => {
        await page.getByRole('button', { name: 'Write to 민준' }).click();
        await field.fill('Between us');
        await page.getByRole('button', { name: 'Remove 민준' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
        assert.equal((await minjun.closed).code, 4002);
        await page.getByText('Removed from the class: nothing can be sent to them.').waitFor();
        assert.ok(await send.isDisabled());
        await field.press('Enter');
        assert.equal(await field.inputValue(), 'Between us');
        await checkAccessibility(page);
    });

    await t.test('a reload knows who was removed, who is reconnecting, and who came', async () => {
        seoyeon.terminate();
        await person('서연').getByText('reconnecting').waitFor();
        await page.reload();
        await person('서연').getByText('reconnecting').waitFor();
        await person('민준').getByText('removed', { exact: true }).waitFor();
        await page.getByText('Removed from the class: nothing can be sent to them.').waitFor();
        assert.equal(await field.inputValue(), 'Between us');
        await page.getByText('Joined and left').click();
        await page.locator('.feed').getByText('민준 was removed').first().waitFor();
        await page.locator('.feed').getByText('서연 joined').first().waitFor();
        await page.getByRole('button', { name: 'Write to all' }).click();
        assert.ok(await send.isEnabled());
    });

    await t.test('a page that knows nothing yet takes who went just now for reconnecting', async () => {
        await page.evaluate(() => {
            const { setItem } = Storage.prototype;
            Storage.prototype.setItem = function kept(key, value) {
                if (key !== 'lectern.teacher.roster') setItem.call(this, key, value);
            };
            sessionStorage.removeItem('lectern.teacher.roster');
        });
        await page.reload();
        await person('서연').getByText('reconnecting').waitFor();
    });

    assert.deepEqual(complaints(), []);
});

test('questions end with the class, and a refused close says so', { timeout: limit(90_000) }, async (t) => {
    const env = await startAll(t);
    let refuse = false;
    const { page, complaints } = await openTeacher(t, env);
    // A server that refuses: the page hears an error in place of the answer.
    await page.routeWebSocket(/\/ws\?/, (socket) => {
        const server = socket.connectToServer();
        socket.onMessage((text) => {
            const { messageType, ref } = JSON.parse(text);
            if (!refuse || messageType !== 'poll-close') return server.send(text);
            const message = { code: 'forbidden', message: 'no', ref };
            return socket.send(JSON.stringify({ messageType: 'error', ref, ts: Date.now(), message }));
        });
    });
    await page.reload();
    await page.getByRole('button', { name: 'Ask a question' }).click();
    const form = page.locator('.poll-form');
    await form.getByLabel('Question').fill('Right?');
    await form.locator('.option-text').nth(0).fill('Yes');
    await form.locator('.option-text').nth(1).fill('No');
    await form.getByRole('button', { name: 'Ask' }).click();
    const poll = page.locator('.poll');
    await poll.getByText('Open', { exact: true }).waitFor();
    refuse = true;
    await poll.getByRole('button', { name: 'Close' }).click();
    await poll.getByRole('alert').getByText(/That was not done/).waitFor();
    await checkAccessibility(page);
    refuse = false;
    await page.getByRole('button', { name: 'End class' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End class' }).click();
    await page.getByRole('region', { name: 'The class has ended' }).waitFor();
    await poll.getByText('Closed', { exact: true }).waitFor();
    assert.equal(await poll.getByText('Open', { exact: true }).count(), 0);
    assert.equal(await poll.getByRole('button').count(), 0);
    assert.deepEqual(complaints(), []);
});

test('a class name that cannot be is told before it is sent', { timeout: limit(60_000) }, async (t) => {
    const { browser, origin } = await startAll(t);
    const { page, complaints } = await openPage(t, browser, { locale: 'en-US' });
    const token = mintToken({ type: 'teacher', sub: 't1', name: '김하늘' });
    await page.goto(`${origin}/teacher/#token=${token}`);
    const name = page.getByLabel('Class name');
    const start = page.getByRole('button', { name: 'Start the class' });
    await name.fill('Science \u202e3-2');
    await start.click();
    await page.getByText('The class name has characters that cannot be used.').waitFor();
    await checkAccessibility(page);
    await name.fill('a'.repeat(70));
    assert.equal((await name.inputValue()).length, 70);
    await start.click();
    await page.getByText('A class name has 1 to 64 characters.').waitFor();
    await name.fill('Science 3-2');
    await start.click();
    await page.getByTestId('code').waitFor();
    assert.deepEqual(complaints(), []);
});

test('a server that does not say what it offers is asked again', { timeout: limit(60_000) }, async (t) => {
    const { browser, origin } = await startAll(t);
    const { page, complaints } = await openPage(t, browser, { locale: 'en-US' });
    let silent = true;
    await page.route('**/accounts', (route) =>
        silent ? route.abort('connectionreset') : route.continue());
    await page.goto(`${origin}/teacher/`);
    const alert = page.getByText('The server does not answer. It is being asked again.');
    await alert.waitFor();
    await page.getByLabel('User name or e-mail').fill('kim');
    await page.getByRole('button', { name: 'Sign in with a token' }).waitFor();
    await checkAccessibility(page);
    silent = false;
    await alert.waitFor({ state: 'detached' });
    assert.equal(await page.getByLabel('User name or e-mail').inputValue(), 'kim');
    assert.deepEqual(complaints([/ERR_CONNECTION_RESET/]), []);
});
