/** The teacher page with the keyboard alone, from the start of a class to its end. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asStudent, limit, mintToken, waitFor } from '../integration/harness.mjs';
import { openPage, startAll } from './support.mjs';

const MOST_TABS = 60;

test('teacher page with the keyboard alone', { timeout: limit(120_000) }, async (t) => {
    const { server, browser, origin } = await startAll(t);
    const { page, complaints } = await openPage(t, browser, {
        locale: 'en-US',
        viewport: { width: 1366, height: 768 },
    });
    const focused = () =>
        page.evaluate(() => {
            const { ariaLabel, labels, textContent } = document.activeElement;
            return (ariaLabel || labels?.[0]?.textContent || textContent).trim();
        });
    /** Presses Tab until the part with that name has the focus, which must be seen to have it. */
    const tabTo = async (name) => {
        for (let presses = 0; presses < MOST_TABS; presses += 1) {
            await page.keyboard.press('Tab');
            if ((await focused()) !== name) continue;
            const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
            assert.notEqual(outline, 'none', `the focus on ${name} is seen`);
            return;
        }
        assert.fail(`no Tab leads to ${name}`);
    };
    /** The page moves the focus when it has drawn what it is moved to. */
    const hasFocus = (name) =>
        waitFor(async () => (await focused()) === name, { what: `the focus on ${name}` });
    const press = async (name, key = 'Enter') => {
        await tabTo(name);
        await page.keyboard.press(key);
    };
    let anna;
    let ben;

    await t.test('starts a class and writes to it', async () => {
        await page.goto(`${origin}/teacher/#token=${mintToken({ type: 'teacher' })}`);
        await press('Start the class');
        const code = (await page.getByTestId('code').textContent()).trim();
        // The heading of the new view has the focus: what replaced the form is read out.
        await hasFocus(`Class ${code}`);
        anna = await asStudent(server, code, { sub: 's1', name: 'Anna' });
        ben = await asStudent(server, code, { sub: 's2', name: 'Ben' });
        await tabTo('Message');
        await page.keyboard.type('First line');
        await page.keyboard.press('Shift+Enter');
        await page.keyboard.type('second line');
        await page.keyboard.press('Enter');
        await anna.next({ messageType: 'send', message: 'First line\nsecond line' });
        await hasFocus('Message');
    });

    await t.test('writes to one student', async () => {
        await page.locator('.virtual li').nth(1).waitFor();
        await press('Write to Ben');
        await hasFocus('Message');
        await page.keyboard.type('Only you');
        await page.keyboard.press('Enter');
        await ben.next({ messageType: 'send', message: 'Only you', target: 's2' });
        await press('Write to all');
    });

    await t.test('lowers hands, and goes on where they were', async () => {
        anna.send({ targetType: 'teacher', messageType: 'hand', message: { up: true } });
        await page.getByText('Raised hands: 1', { exact: true }).waitFor();
        await press('Lower the hand of Anna');
        await anna.next('hand-down');
        await page.waitForFunction(() => document.activeElement.id === 'people-label');
        for (const one of [ben, anna]) {
            await one.request({ targetType: 'teacher', messageType: 'hand', message: { up: true } });
        }
        await page.getByText('Raised hands: 2', { exact: true }).waitFor();
        await press('Lower the hand of Ben');
        await ben.next('hand-down');
        await page.waitForFunction(() =>
            document.activeElement.ariaLabel === 'Lower the hand of Anna');
    });

    await t.test('throws a switch', async () => {
        await press('Lock the door', 'Space');
        assert.equal((await anna.next('settings')).message.locked, true);
    });

    await t.test('opens the menu and a dialog, and Escape leads back', async () => {
        await press('More');
        await page.locator('.menu-list').waitFor();
        await page.keyboard.press('Escape');
        await page.locator('.menu-list').waitFor({ state: 'detached' });
        await hasFocus('More');
        await page.keyboard.press('Enter');
        await press('Connection check');
        const dialog = page.getByRole('dialog', { name: 'Connection check' });
        await dialog.waitFor();
        for (let presses = 0; presses < 12; presses += 1) {
            await page.keyboard.press('Tab');
            const inside = await page.evaluate(() =>
                document.activeElement === document.body
                || document.querySelector('dialog').contains(document.activeElement));
            assert.ok(inside, 'the focus stays in the dialog');
        }
        await page.keyboard.press('Escape');
        await dialog.waitFor({ state: 'detached' });
        await hasFocus('More');
    });

    await t.test('removes a student, but not by a hasty Enter', async () => {
        await press('Remove Ben');
        await page.getByRole('dialog').waitFor();
        await hasFocus('Cancel');
        await page.keyboard.press('Enter');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await hasFocus('Remove Ben');
        await page.keyboard.press('Enter');
        await press('Remove');
        assert.equal((await ben.closed).code, 4002);
        await page.waitForFunction(() => document.activeElement !== document.body);
    });

    await t.test('ends the class', async () => {
        await press('End class');
        await page.getByRole('dialog').waitFor();
        await press('End class');
        assert.equal((await anna.closed).code, 4000);
        await page.getByRole('heading', { name: 'The class has ended' }).waitFor();
        await hasFocus('The class has ended');
        await press('To the start page');
        await page.getByRole('button', { name: 'Start the class' }).waitFor();
    });

    assert.deepEqual(complaints(), []);
});
