/** The connection check: on its own, through a class's link, and with the network in the way. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTeacher, limit } from '../integration/harness.mjs';
import { PHONE, checkView, openPage, openStudent, startAll } from './support.mjs';

const CODE = 'CHECKME';

test('connection check', { timeout: limit(180_000) }, async (t) => {
    const { server, browser, origin } = await startAll(t);
    const { page, complaints } = await openPage(t, browser, { locale: 'en-US', ...PHONE });
    const verdict = page.locator('.check-verdict');
    const step = (name) => page.getByRole('listitem').filter({ hasText: name });

    await t.test('a good connection is called one, with its times', async () => {
        await page.goto(`${origin}/check/`);
        assert.equal(await page.evaluate(() => window.isSecureContext), false);
        await verdict.getByText('Ready for class.').waitFor();
        await step('Reaching the server').getByText('works').waitFor();
        await step('Live connection').getByText('works').waitFor();
        await step('Round trip').getByText(/[\d.]+ ms usually, [\d.]+ ms at most/).waitFor();
        await step('Fallback').getByText('works').waitFor();
        assert.equal(await page.getByLabel('Your name').count(), 0, 'no class to tell');
        await checkView(page, 'check');
    });

    await t.test('speaks Korean when asked to, and remembers it', async () => {
        await page.getByRole('button', { name: '한국어' }).click();
        await verdict.getByText('수업에 참여할 수 있어요.').waitFor();
        assert.equal(await page.evaluate(() => document.documentElement.lang), 'ko');
        await page.reload();
        await verdict.getByText('수업에 참여할 수 있어요.').waitFor();
        await page.getByRole('button', { name: 'English' }).click();
    });

    await t.test('where WebSocket is blocked, the fallback is found to work', async () => {
        await page.routeWebSocket('**/echo', (ws) => ws.close());
        await page.reload();
        await verdict.getByText('classes work by the fallback connection').waitFor();
        await step('Live connection').getByText('does not work').waitFor();
        await step('Fallback').getByText('works').waitFor();
        await page.getByText('please allow WebSocket connections to ws://').waitFor();
        await checkView(page, 'check-fallback');
    });

    await t.test('a blocked WebSocket is told from a server that is away', async () => {
        await page.route('**/sockjs/**', (route) => route.abort());
        await page.reload();
        await verdict.getByText(/^Pages load, but|^The live connection opens, but/).waitFor();
        await step('Live connection').getByText('does not work').waitFor();
        await page.getByText('please allow WebSocket connections to ws://').waitFor();
        await checkView(page, 'check-blocked');
        await page.route('**/healthz', (route) => route.abort());
        await page.getByRole('button', { name: 'Check again' }).click();
        await verdict.getByText('The server cannot be reached.').waitFor();
        await step('Live connection').getByText('not checked').waitFor();
        await page.unroute('**/healthz');
        await page.route('**/healthz', (route) =>
            route.fulfill({ contentType: 'text/html', body: '<h1>Please sign in</h1>' }),
        );
        await page.getByRole('button', { name: 'Check again' }).click();
        await verdict.getByText('The network answered in the server’s place').waitFor();
    });

    await t.test('through a class’s link, the teacher gets the result', async () => {
        const { page: phone, complaints: wrong } = await openPage(t, browser, {
            locale: 'en-US',
            ...PHONE,
        });
        await phone.goto(`${origin}/check/?room=${CODE}`);
        const tell = phone.getByRole('button', { name: 'Send the result' });
        await tell.click();
        await phone.getByText('A name has 1 to 64 characters.').waitFor();
        await phone.getByLabel('Your name').fill('가'.repeat(65));
        await tell.click();
        await phone.getByText('A name has 1 to 64 characters.').waitFor();
        await phone.getByLabel('Your name').fill('민준');
        await tell.click();
        await phone.getByText('The class is not open.').waitFor();
        const host = await asTeacher(server, CODE, {}, { query: { hold: 60 } });
        await tell.click();
        await phone.getByText('Your teacher has the result.').waitFor();
        await checkView(phone, 'check-told');
        const { message } = await host.next({ messageType: 'check' });
        assert.equal(message.ws, 'ok');
        assert.equal(message.fallback, 'ok');
        assert.equal(message.lost, 0);
        assert.ok(message.rttMs >= 0 && message.rttMaxMs >= message.rttMs);
        assert.match(message.browser, /^Chrome \d+, /);
        // A check is no pupil: it comes, tells, and goes.
        const left = await host.next({ messageType: 'leave' });
        assert.equal(left.message.reason, 'left');
        await phone.reload();
        assert.equal(await phone.getByLabel('Your name').inputValue(), '민준');
        assert.deepEqual(wrong([/Failed to load resource/]), []);
    });

    await t.test('a student in class stays in class: the class’s own page tells', async (s) => {
        const code = 'CHECKTWO';
        const host = await asTeacher(server, code, {}, { query: { hold: 60 } });
        const { page: inClass } = await openStudent(s, { browser, origin }, code, '서연');
        const { sender: me } = await host.next('join');
        const check = await inClass.context().newPage();
        const result = async () => {
            await check.goto(`${origin}/check/?room=${code}`);
            await check.getByLabel('Your name').fill('서연');
            await check.getByRole('button', { name: 'Send the result' }).click();
            await check.getByText('Your teacher has the result.').waitFor();
            return host.next({ messageType: 'check' });
        };
        assert.equal((await result()).sender, me);
        await inClass.getByRole('status').getByText('Connected', { exact: true }).waitFor();
        // Its page is gone or frozen, but may come back: nobody takes its place.
        await inClass.close();
        await host.next({ messageType: 'leave' });
        const guest = await result();
        assert.notEqual(guest.sender, me);
        const joined = await host.next({ messageType: 'leave' });
        assert.deepEqual([joined.sender, joined.message.name], [guest.sender, '서연 (check)']);
    });

    assert.deepEqual(complaints([/Failed to load resource/, /net::ERR/]), []);
});
