/** The teacher page when things go wrong: each its own sentence, and nothing that was typed is lost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asStudent, asTeacher, limit, mintToken, roomCode } from '../integration/harness.mjs';
import { checkAccessibility, openPage, startAll } from './support.mjs';

const OPTIONS = { locale: 'en-US', viewport: { width: 1024, height: 768 }, colorScheme: 'dark' };
/** Ten by ten pixels. */
const PNG = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP8z4APMOGVHbHSAEEsAROxCnMTAAAAAElFTkSuQmCC',
    'base64',
);
const teacher = (claims = {}) =>
    mintToken({ type: 'teacher', sub: 't1', name: '김하늘', ...claims });

test('teacher page in trouble', { timeout: limit(240_000) }, async (t) => {
    const { server, browser, origin, crash } = await startAll(t);
    /** The server that runs now: there is another one after a crash. */
    let current = server;
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
        // Told while there is time; the class stays where it is, an image on its way too.
        await page.getByText(/Your sign-in ends in 0:\d\d/).waitFor();
        let held = [];
        await page.route('**/rooms/*/images', (route) => (held ? held.push(route) : route.continue()));
        await page.getByTestId('image-input').setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: PNG });
        await page.locator('.upload').waitFor();
        await page.getByRole('dialog').getByText('Your sign-in has expired.').waitFor({ timeout: limit(30_000) });
        await checkAccessibility(page);
        const paste = page.getByRole('button', { name: 'Sign in with a token' });
        await paste.click();
        await page.getByLabel('Teacher token').fill(teacher({ sub: 't2' }));
        await page.getByRole('button', { name: 'Use this token' }).click();
        await page.getByText('Sign in as the teacher who opened this class.').waitFor();
        await page.getByLabel('Teacher token').fill(teacher());
        await page.getByRole('button', { name: 'Use this token' }).click();
        await connected();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        assert.equal(await codeOf(), code);
        assert.equal(await field.inputValue(), 'Half a sentence');
        assert.equal(await page.locator('.upload').count(), 1);
        assert.equal(held.length, 1);
        const [lost] = held;
        held = null;
        await lost.abort('connectionreset');
        await page.locator('.upload').waitFor({ state: 'detached' });
        await log.locator('img').waitFor();
        assert.equal(await page.getByText(/Your sign-in ends in/).count(), 0);
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
        const again = (current = await restart());
        await connected();
        await log.getByText('Sending…').waitFor({ state: 'detached' });
        const anna = await asStudent(again, code, { sub: 's1', name: 'Anna' });
        await anna.next({ messageType: 'send', message: 'Are you there?' });
        assert.equal(anna.all({ message: 'Are you there?' }).length, 1);
        assert.equal(await log.getByText('Are you there?').count(), 1);
        anna.ws.close(1000);
    });

    await t.test('what has no answer outlives a reload, as does what was refused', async () => {
        const mute = { on: false };
        const fourth = await openPage(t, browser, OPTIONS);
        await fourth.page.routeWebSocket(/\/ws\?/, (socket) => {
            const there = socket.connectToServer();
            socket.onMessage((frame) => mute.on || there.send(frame));
        });
        await fourth.page.goto(`${origin}/teacher/#token=${teacher({ sub: 't4' })}`);
        const words = fourth.page.getByRole('textbox', { name: 'Message' });
        const lines = fourth.page.getByRole('log', { name: 'Messages' });
        await fourth.page.getByRole('button', { name: 'Start the class' }).click();
        await fourth.page.locator('.state [role=status]').getByText('Connected').waitFor();
        const code = (await fourth.page.getByTestId('code').textContent()).trim();
        const anna = await asStudent(current, code, { sub: 's1', name: 'Anna' });
        mute.on = true;
        await words.fill('Nobody heard this');
        await words.press('Enter');
        await lines.getByText('Sending…').waitFor();
        await fourth.page.getByRole('button', { name: 'Leave' }).click();
        await fourth.page.getByRole('dialog').getByText('Not sent yet: 1.').waitFor();
        await fourth.page.getByRole('button', { name: 'Cancel' }).click();
        mute.on = false;
        await fourth.page.reload();
        await anna.next({ messageType: 'send', message: 'Nobody heard this' });
        await lines.getByText('Nobody heard this').waitFor();
        await lines.getByText('Sending…').waitFor({ state: 'detached' });
        assert.equal(anna.all({ message: 'Nobody heard this' }).length, 1);
        // Too old for the server to know it again: refused, and there to be sent after a reload.
        await fourth.page.evaluate(([room, target]) => {
            const outgoing = { targetType: 'student', target, messageType: 'send', message: 'Only to you' };
            const kept = [{ ref: 'refused-1', at: Date.now() - 3_600_000, outgoing }];
            window.addEventListener('pagehide', () =>
                sessionStorage.setItem(`lectern.unsent.${room}.t4`, JSON.stringify(kept)));
        }, [code, 'nobody']);
        await fourth.page.reload();
        for (const round of ['refused', 'reloaded']) {
            const line = lines.getByRole('listitem').filter({ hasText: 'Only to you' });
            await line.getByRole('button', { name: 'Send again' }).waitFor();
            assert.equal(anna.all({ message: 'Only to you' }).length, 0, round);
            if (round === 'refused') await fourth.page.reload();
        }
        anna.ws.close(1000);
        assert.deepEqual(fourth.complaints(), []);
    });

    await t.test('a copy of the tab, a new address, a closed tab', async () => {
        const fifth = await openPage(t, browser, OPTIONS);
        const context = fifth.page.context();
        const token = teacher({ sub: 't5', name: 'Five' });
        await fifth.page.goto(`${origin}/teacher/#token=${token}`);
        await fifth.page.getByLabel('Class name').fill('Maths');
        await fifth.page.getByRole('button', { name: 'Start the class' }).click();
        await fifth.page.locator('.state [role=status]').getByText('Connected').waitFor();
        const code = (await fifth.page.getByTestId('code').textContent()).trim();
        // A duplicated tab starts with what this one keeps, as a window that it opens does.
        const [copy] = await Promise.all([
            context.waitForEvent('page'),
            fifth.page.evaluate(() => void window.open(location.href)),
        ]);
        await copy.getByText('is being taught in another window or on another device.').waitFor();
        await fifth.page.locator('.state [role=status]').getByText('Connected').waitFor();
        await copy.close();
        // The tab is gone, and with it all that it kept: the way back is not.
        const asked = fifth.page.waitForEvent('dialog');
        const closing = fifth.page.close({ runBeforeUnload: true });
        const dialog = await asked;
        assert.equal(dialog.type(), 'beforeunload');
        await dialog.accept();
        await closing;
        const next = await context.newPage();
        await next.goto(`${origin}/teacher/`);
        await next.getByLabel('User name').waitFor();
        // The page is there already: an address with a token is taken all the same.
        await next.evaluate((text) => (location.hash = `token=${text}`), token);
        await next.getByText('Signed in as Five').waitFor();
        assert.equal(next.url(), `${origin}/teacher/`);
        await next.getByText('Maths').waitFor();
        await checkAccessibility(next);
        await next.getByRole('button', { name: 'Back to the class' }).click();
        await next.locator('.state [role=status]').getByText('Connected').waitFor();
        assert.equal((await next.getByTestId('code').textContent()).trim(), code);
        await next.close();
        const other = await asTeacher(current, code, { sub: 't5' });
        other.send({ messageType: 'end' });
        await other.closed;
        const last = await context.newPage();
        await last.goto(`${origin}/teacher/#token=${token}`);
        await last.getByRole('heading', { name: 'Classes that have ended' }).waitFor();
        await last.getByText('Maths').waitFor();
        assert.equal(await last.getByRole('button', { name: 'Back to the class' }).count(), 0);
        assert.equal(await last.getByRole('button', { name: 'Download log' }).count(), 1);
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
    const expected = [/status of 40[139]/, /WebSocket connection .* failed/, /ERR_CONNECTION_(REFUSED|RESET)/];
    assert.deepEqual(complaints(expected), []);
});
