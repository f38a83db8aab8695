/** The teacher page when things go wrong: each its own sentence, and nothing that was typed is lost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asStudent, asTeacher, limit, mintToken, roomCode } from '../integration/harness.mjs';
import { checkAccessibility, openPage, startAll } from './support.mjs';

const OPTIONS = { locale: 'en-US', viewport: { width: 1024, height: 768 }, colorScheme: 'dark' };
const teacher = (claims = {}) =>
    mintToken({ type: 'teacher', sub: 't1', name: '김하늘', ...claims });

test('teacher page in trouble', { timeout: limit(240_000) }, async (t) => {
    const { server, browser, origin, crash } = await startAll(t);
    const { page, complaints } = await openPage(t, browser, OPTIONS);
    const status = page.locator('.state [role=status]');
    const field = page.getByRole('textbox', { name: 'Message' });
    const log = page.getByRole('log', { name: 'Messages' });
    const connected = () => status.getByText('Connected').waitFor();
    const enter = async (token) => {
        await page.goto('about:blank');
        await page.goto(`${origin}/teacher/#token=${token}`);
    };
    const codeOf = async () => (await page.getByTestId('code').textContent()).trim();

    await t.test('a code that another teacher uses', async () => {
        const code = roomCode();
        const other = await asTeacher(server, code, { sub: 't2' });
        await enter(teacher());
        await page.getByLabel('Class name').fill('Science');
        await page.getByLabel('A code of your own').fill(code);
        await page.getByRole('button', { name: 'Start the class' }).click();
        await page.getByRole('heading', { name: 'Another teacher is using this code' }).waitFor();
        await checkAccessibility(page);
        await page.getByRole('button', { name: 'To the start page' }).click();
        assert.equal(await page.getByLabel('A code of your own').inputValue(), code);
        assert.equal(await page.getByLabel('Class name').inputValue(), 'Science');
        other.send({ messageType: 'end' });
        await other.closed;
    });

    await t.test('a sign-in that expires in the middle of a class', async () => {
        const now = Math.floor(Date.now() / 1000);
        await enter(teacher({ exp: now + Math.ceil(limit(10)) }));
        await page.getByLabel('A code of your own').fill('');
        await page.getByRole('button', { name: 'Start the class' }).click();
        await connected();
        const code = await codeOf();
        await field.fill('Half a sentence');
        await page.getByText('Your sign-in has expired.').waitFor({ timeout: limit(30_000) });
        await checkAccessibility(page);
        const paste = page.getByRole('button', { name: 'Sign in with a token' });
        await paste.click();
        await page.getByLabel('Teacher token').fill(teacher());
        await page.getByRole('button', { name: 'Use this token' }).click();
        await connected();
        assert.equal(await codeOf(), code);
        assert.equal(await field.inputValue(), 'Half a sentence');
    });

    await t.test('an expired sign-in on the start page', async () => {
        const second = await openPage(t, browser, OPTIONS);
        await second.page.goto(`${origin}/teacher/#token=${teacher({ exp: 1_700_000_000 })}`);
        await second.page.getByText('Your sign-in has expired.').waitFor();
        await second.page.getByLabel('Password').waitFor();
        assert.deepEqual(second.complaints(), []);
    });

    await t.test('a crash of the server: what was sent meanwhile arrives, once', async () => {
        const code = await codeOf();
        const restart = await crash();
        await status.getByText(/Connection lost|cannot be reached/).waitFor({ timeout: limit(30_000) });
        await page.getByText(/The students wait for [12]:\d\d more\./).waitFor();
        await field.fill('Are you there?');
        await field.press('Enter');
        await log.getByText('Sending…').waitFor();
        await checkAccessibility(page);
        const again = await restart();
        await connected();
        await log.getByText('Sending…').waitFor({ state: 'detached' });
        const anna = await asStudent(again, code, { sub: 's1', name: 'Anna' });
        await anna.next({ messageType: 'send', message: 'Are you there?' });
        assert.equal(anna.all({ message: 'Are you there?' }).length, 1);
        assert.equal(await log.getByText('Are you there?').count(), 1);
        anna.ws.close(1000);
    });

    await t.test('no server: to sign in, and to download', async () => {
        const third = await openPage(t, browser, OPTIONS);
        await third.page.goto(`${origin}/teacher/`);
        await third.page.getByLabel('User name').fill('kim');
        await third.page.getByLabel('Password').fill('some password');
        await crash();
        await third.page.getByRole('button', { name: 'Sign in', exact: true }).click();
        await third.page.getByText('The server cannot be reached.').waitFor({ timeout: limit(30_000) });
        assert.equal(await third.page.getByLabel('Password').inputValue(), 'some password');
        await page.getByRole('button', { name: 'More' }).click();
        await page.getByRole('button', { name: 'Attendance and log' }).click();
        await page.getByRole('button', { name: 'Download log' }).click();
        await page.getByRole('dialog').getByText('The server cannot be reached.').waitFor();
        const refused = /ERR_CONNECTION_REFUSED/;
        assert.deepEqual(third.complaints([refused]), []);
    });

    // What browsers report by themselves: refused handshakes and questions, and a server that is gone.
    const expected = [/status of 40[139]/, /WebSocket connection .* failed/, /ERR_CONNECTION_REFUSED/];
    assert.deepEqual(complaints(expected), []);
});
