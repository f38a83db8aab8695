/** The projector's window: what it shows fits the screen, and it holds nothing of the teacher's. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asStudent, limit } from '../integration/harness.mjs';
import { checkAccessibility, openPage, openTeacher, screenshot, startAll } from './support.mjs';

const SCREENS = [
    { width: 1920, height: 1080 },
    { width: 1280, height: 720 },
    { width: 1024, height: 768 },
];

/** What does not fit: each by its name and how many pixels are out of sight. */
function overflowing() {
    const tall = [document.documentElement, ...document.querySelectorAll('.projector, .projector-question')]
        .map((part) => [part.className, part.scrollHeight - part.clientHeight]);
    const wide = [document.documentElement, ...document.querySelectorAll('.projector-question')]
        .map((part) => [`${part.className} across`, part.scrollWidth - part.clientWidth]);
    const bottom = [...document.querySelectorAll('.projector-question li, .projector-door, .projector-foot')]
        .map((part) => [part.className, Math.round(part.getBoundingClientRect().bottom - innerHeight)]);
    return [...tall, ...wide, ...bottom].filter(([, over]) => over > 0);
}

test('the projector', { timeout: limit(240_000) }, async (t) => {
    const all = await startAll(t);
    const { page, code, complaints } = await openTeacher(t, all);
    const [projector] = await Promise.all([
        page.context().waitForEvent('page'),
        page.getByRole('button', { name: 'Projector view' }).click(),
    ]);
    await projector.getByText('0 here').waitFor();
    const anna = await asStudent(all.server, code, { sub: 's1', name: 'Anna' });
    await projector.getByText('1 here').waitFor();

    await t.test('holds no token, and cannot reach the window that has one', async () => {
        const kept = await projector.evaluate(() => ({ ...sessionStorage }));
        assert.deepEqual(Object.keys(kept).filter((key) => /token|class/.test(key)), []);
        assert.equal(await projector.evaluate(() => window.opener), null);
        assert.ok(await page.evaluate(() => sessionStorage.getItem('lectern.teacher.token')));
    });

    const ask = async (kind, question, options = [], scale = null) => {
        await page.getByRole('button', { name: 'Ask a question' }).click();
        await page.locator('.segments label').filter({ hasText: kind }).click();
        await page.locator('.poll-form textarea').fill(question);
        for (const [index, option] of options.entries()) {
            if (index >= 2) await page.getByRole('button', { name: 'Add a choice' }).click();
            await page.locator('.option-text').nth(index).fill(option);
        }
        for (const [index, end] of (scale ?? []).entries()) {
            await page.locator('.scale-fields select').nth(index).selectOption(String(end));
        }
        await page.getByRole('button', { name: 'Ask the class' }).click();
        await projector.getByRole('heading', { name: question.slice(0, 60) }).waitFor();
        // Live: the bars stand there before anyone has answered.
        await projector.locator('.bar-row').first().waitFor();
    };
    const fits = async (name) => {
        for (const size of SCREENS) {
            await projector.setViewportSize(size);
            // Measured anew when the window tells of its size.
            await projector.waitForFunction((width) => innerWidth === width, size.width);
            await projector.evaluate(() => new Promise((drawn) => {
                requestAnimationFrame(() => requestAnimationFrame(drawn));
            }));
            await screenshot(projector, `projector-${name}-${size.width}`);
            assert.deepEqual(await projector.evaluate(overflowing), [], `${name} at ${size.width}`);
        }
        await checkAccessibility(projector);
    };
    const sizeOf = (selector) =>
        projector.locator(selector).first().evaluate((part) => parseFloat(getComputedStyle(part).fontSize));

    await t.test('shows a question with five choices, and one with twelve long ones', async () => {
        const five = ['Iron', 'Water', 'Oxygen', 'Gold', 'Salt'];
        await ask('One choice', 'Which of these is a gas at room temperature?', five);
        await fits('five');
        const usual = await sizeOf('.bar-label');
        const long = Array.from({ length: 12 }, (_, index) =>
            `Choice ${index + 1}: ${'because the water is colder there '.repeat(3)}`);
        await ask('One choice', 'Why does ice float on the lake while the water below it stays liquid?', long);
        await fits('twelve');
        assert.ok((await sizeOf('.bar-label')) < usual, 'drawn smaller');
    });

    await t.test('shows a scale from 0 to 10 as a row of columns', async () => {
        await ask('Scale', 'How well did you understand today?', [], [0, 10]);
        await fits('scale');
        const places = await projector.locator('.bars-scale .bar-row').evaluateAll((rows) =>
            rows.map((row) => row.getBoundingClientRect()).map(({ left, top }) => ({ left, top })));
        assert.equal(places.length, 11);
        for (let index = 1; index < places.length; index += 1) {
            assert.ok(places[index].left > places[index - 1].left);
            assert.equal(places[index].top, places[0].top);
        }
    });

    await t.test('says that the class goes on elsewhere, and when it has ended', async () => {
        await projector.getByRole('button', { name: 'Code only' }).click();
        const token = await page.evaluate(() => JSON.parse(sessionStorage.getItem('lectern.teacher.token')));
        const other = await openPage(t, all.browser, { locale: 'en-US' });
        await other.page.goto(`${all.origin}/teacher/#token=${token}&room=${code}`);
        await projector.getByText('The class goes on. Your teacher has moved').waitFor();
        await projector.getByText(code, { exact: true }).waitFor();
        assert.equal(await projector.getByText(/\d here/).count(), 0);
        assert.equal(await projector.getByText('The class has ended.').count(), 0);
        await page.getByRole('button', { name: 'Continue here' }).click();
        await projector.getByText('1 here').waitFor();
        await page.getByRole('button', { name: 'End class' }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'End class' }).click();
        await projector.getByText('The class has ended.').waitFor();
        await anna.closed;
        assert.deepEqual(other.complaints(), []);
    });

    assert.deepEqual(complaints(), []);
});
