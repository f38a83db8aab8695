/**
 * A class whose network lets no WebSocket through: teacher and students meet by SockJS, without
 * being asked, and everything works as it does otherwise.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, limit, waitFor } from '../integration/harness.mjs';
import { startNoWebSocket } from '../integration/sockjs.mjs';
import { checkView, openStudent, openTeacher, startAll } from './support.mjs';

/** A picture as a canvas makes it. */
const picture = (page) =>
    page.evaluate(async () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 200 });
        canvas.getContext('2d').fillRect(20, 20, 100, 100);
        return canvas.toDataURL('image/jpeg').split(',')[1];
    });

test('a class without WebSocket', { timeout: limit(180_000) }, async (t) => {
    const all = await startAll(t);
    const wall = await startNoWebSocket(all.server);
    t.after(() => wall.stop());
    const walled = { ...all, origin: all.origin.replace(/\d+$/, String(wall.port)) };
    const sessions = async () => {
        const { text } = await api(all.server, 'GET', '/metrics');
        return Number(/^lectern_sockjs_sessions (\d+)/m.exec(text)[1]);
    };
    const { page, code, complaints } = await openTeacher(t, walled);
    const pupil = await openStudent(t, walled, code, '민준');
    const phone = pupil.page;
    const field = page.getByRole('textbox', { name: 'Message' });
    const write = phone.getByRole('textbox', { name: 'Message' });

    await t.test('both are in, by SockJS', async () => {
        await page.getByRole('status').getByText('Connected', { exact: true }).waitFor();
        await phone.getByRole('status').getByText('Connected', { exact: true }).waitFor();
        await waitFor(async () => (await sessions()) === 2, { what: 'two sessions of SockJS' });
        assert.ok(wall.upgrades >= 4, `${wall.upgrades} tries of WebSocket`);
    });

    await t.test('messages and images go both ways', async () => {
        await field.fill('여러분 안녕하세요');
        await field.press('Enter');
        await phone.getByRole('log').getByText('여러분 안녕하세요').waitFor();
        await write.fill('선생님, 안녕하세요 👋');
        await phone.getByRole('button', { name: 'Send', exact: true }).click();
        await page.getByRole('log').getByText('선생님, 안녕하세요 👋').waitFor();
        const buffer = Buffer.from(await picture(page), 'base64');
        await page
            .getByTestId('image-input')
            .first()
            .setInputFiles({ name: 'board.jpg', buffer, mimeType: 'image/jpeg' });
        await phone.getByRole('log').getByRole('button', { name: 'Enlarge: board.jpg' }).waitFor();
    });

    await t.test('a question is asked, answered, and shown', async () => {
        await page.getByRole('button', { name: 'Ask a question' }).click();
        await page.getByLabel('Question', { exact: true }).fill('Who is there?');
        await page.getByRole('radio', { name: 'One choice' }).check({ force: true });
        await page.getByLabel('Choice 1', { exact: true }).fill('I am');
        await page.getByLabel('Choice 2', { exact: true }).fill('Nobody');
        await page.getByRole('button', { name: 'Ask the class' }).click();
        const asked = phone.getByRole('region', { name: 'Who is there?' });
        await asked.getByLabel('I am').check({ force: true });
        await asked.getByRole('button', { name: 'Answer', exact: true }).click();
        await asked.getByText('Your answer was sent.').waitFor();
        const question = page.getByRole('region', { name: 'Who is there?' });
        await question.getByText('1 of 1 answered').first().waitFor();
        await checkView(phone, 'student-fallback');
    });

    await t.test('a reload finds the way at once, and nothing is lost', async () => {
        const before = wall.upgrades;
        await phone.reload();
        await phone.getByRole('log').getByText('여러분 안녕하세요').waitFor();
        await page.reload();
        await page.getByRole('status').getByText('Connected', { exact: true }).waitFor();
        await page.getByRole('log').getByText('선생님, 안녕하세요 👋').waitFor();
        assert.equal(wall.upgrades, before, 'WebSocket is not tried again so soon');
    });

    await t.test('a server that restarts is found again, and the class with it', async () => {
        const again = await all.crash();
        await page.getByRole('status').getByText(/lost|reached|Connecting/).waitFor({ timeout: limit(60_000) });
        await again();
        await page.getByRole('status').getByText('Connected', { exact: true }).waitFor({ timeout: limit(60_000) });
        await phone.getByRole('status').getByText('Connected', { exact: true }).waitFor({ timeout: limit(60_000) });
        await write.fill('still here');
        await phone.getByRole('button', { name: 'Send', exact: true }).click();
        await page.getByRole('log').getByText('still here').waitFor();
    });

    const expected = [/WebSocket connection to/, /Failed to load resource/, /net::ERR/];
    assert.deepEqual(complaints(expected), []);
    assert.deepEqual(pupil.complaints(expected), []);
});
