/** A teacher makes an account of their own, where the server lets them, and starts a class with it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limit } from '../integration/harness.mjs';
import { checkAccessibility, openPage, startAll } from './support.mjs';

test('making an account', { timeout: limit(90_000) }, async (t) => {
    const { browser, origin } = await startAll(t, { env: { LECTERN_SIGNUP: 'open' } });
    const { page, complaints } = await openPage(t, browser, { locale: 'en-US' });
    const fill = async (values) => {
        for (const [label, value] of Object.entries(values)) await page.getByLabel(label).fill(value);
    };
    const make = () => page.getByRole('button', { name: 'Make the account' }).click();

    await t.test('says which field is wrong, and keeps the others', async () => {
        await page.goto(`${origin}/teacher/`);
        await page.getByRole('button', { name: 'Make an account' }).click();
        await fill({ 'User name': '김 하늘', 'E-mail': 'nowhere', Password: 'short' });
        await make();
        for (const text of ['This user name cannot be used.', 'A name has 1 to 64 characters.',
            'This is not an e-mail address.', 'A password has at least 8 characters, and']) {
            await page.getByText(text).waitFor();
        }
        await checkAccessibility(page);
        await fill({ 'User name': 'kim.haneul', 'Name that students see': '김하늘' });
        await page.reload();
        await page.getByRole('button', { name: 'Make an account' }).click();
        assert.equal(await page.getByLabel('User name').inputValue(), 'kim.haneul');
        assert.equal(await page.getByLabel('Password').inputValue(), '');
    });

    await t.test('signs in with it at once, and again later', async () => {
        await fill({ 'E-mail': 'kim@example.org', Password: 'correct horse battery' });
        await make();
        await page.getByText('Signed in as 김하늘').waitFor();
        await page.getByRole('button', { name: 'Start the class' }).click();
        await page.locator('.state [role=status]').getByText('Connected').waitFor();
        await page.getByRole('button', { name: 'End class' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'End class' }).click();
        await page.getByRole('button', { name: 'To the start page' }).click();
        await page.getByRole('button', { name: 'Sign out' }).click();
        await fill({ 'User name or e-mail': 'kim@example.org', Password: 'correct horse battery' });
        await page.getByRole('button', { name: 'Sign in', exact: true }).click();
        await page.getByText('Signed in as 김하늘').waitFor();
        await page.getByRole('button', { name: 'Sign out' }).click();
    });

    await t.test('a name and an address that are taken', async () => {
        await page.getByRole('button', { name: 'Make an account' }).click();
        await fill({
            'User name': 'kim.haneul', 'Name that students see': '다른 사람',
            'E-mail': 'other@example.org', Password: 'correct horse battery',
        });
        await make();
        await page.getByText('This user name is taken.').waitFor();
        await fill({ 'User name': 'other', 'E-mail': 'kim@example.org' });
        await make();
        await page.getByText('This e-mail address is taken.').waitFor();
        await checkAccessibility(page);
    });

    assert.deepEqual(complaints([/status of 409/]), []);
});
