/** What a student's page makes of another class under the same code, and of being pointed to. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTeacher, limit } from '../integration/harness.mjs';
import { PHONE, checkView, openPage, startAll } from './support.mjs';

const CODE = 'TWICE1';
const toStudents = { targetType: 'student' };

test('one code, two classes', { timeout: limit(120_000) }, async (t) => {
    const parts = await startAll(t);
    const { server } = parts;
    const teach = () => asTeacher(server, CODE, {}, { query: { hold: 60 } });
    let host = await teach();
    const { page } = await openPage(t, parts.browser, { locale: 'en-US', ...PHONE });
    /** The way to the server, which can be cut. */
    let away = false;
    const open = new Set();
    await page.routeWebSocket(/\/ws\?/, (ws) => {
        if (away) return void ws.close({ code: 1011 });
        open.add(ws);
        ws.connectToServer();
    });
    await page.route(/\/rooms\//, (route) => (away ? route.abort() : route.continue()));
    const cut = async () => {
        away = true;
        await Promise.all([...open].map((ws) => ws.close({ code: 1011 })));
        open.clear();
    };
    await page.goto(`${parts.origin}/student/?room=${CODE}`);
    await page.getByLabel('Your name').fill('민준');
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    const log = page.getByRole('log');
    const { sender: me } = await host.next('join');
    const online = page.getByRole('status').getByText('Connected', { exact: true });

    await t.test('what the teacher sends once more is pointed to, and shown', async () => {
        const lines = Array.from({ length: 40 }, (_, n) => `line ${n}`);
        for (const message of lines) host.send({ ...toStudents, messageType: 'send', message });
        await log.getByText('line 39').waitFor();
        const id = await log.locator('li', { hasText: 'line 3' }).first().getAttribute('data-id');
        const message = { id, type: 'send', message: 'line 3' };
        host.send({ ...toStudents, target: me, messageType: 'again', message });
        const banner = page.getByRole('status').filter({ hasText: 'Your teacher points to' });
        await banner.getByText('line 3').waitFor();
        await page.waitForFunction(() => document.title.includes('Your teacher points to'));
        await checkView(page, 'student-pointed');
        await page.getByRole('button', { name: 'Show it' }).click();
        await banner.waitFor({ state: 'detached' });
        const item = log.locator(`[data-id="${id}"]`);
        await page.waitForFunction((element) => {
            const { top, bottom } = element.getBoundingClientRect();
            return top >= 0 && bottom <= window.innerHeight && document.activeElement === element;
        }, await item.elementHandle());
        assert.doesNotMatch(await page.title(), /points to/);
    });

    await t.test('a class that ended and began anew while one was away is another', async () => {
        const question = { poll: 'p1', kind: 'single', question: 'Old?', options: ['a', 'b'] };
        const message = { ...question, quiz: false, hidden: true };
        host.send({ ...toStudents, messageType: 'poll', message });
        await page.getByRole('heading', { name: 'Old?' }).waitFor();
        await cut();
        await online.waitFor({ state: 'detached' });
        await page.getByRole('textbox', { name: 'Message' }).fill('for the old class');
        await page.getByRole('button', { name: 'Send', exact: true }).click();
        await log.getByText('for the old class').waitFor();
        host.send({ targetType: 'student', messageType: 'end' });
        await host.closed;
        host = await teach();
        away = false;
        // Nothing was said in the new class yet: it is told by its epoch alone.
        await online.waitFor({ timeout: limit(60_000) });
        await log.getByText('it was written for the class before').waitFor();
        assert.equal(await page.getByText('Old?').count(), 0);
        assert.deepEqual(await page.locator('.bubble').allTextContents(), ['for the old class']);
        await page.getByRole('button', { name: 'Send again' }).click();
        const { message: sent } = await host.next({ messageType: 'send' });
        assert.equal(sent, 'for the old class');
        assert.equal(host.messages.filter(({ messageType }) => messageType === 'send').length, 1);
    });
});
