/** The teacher page before a thousand students: all of them counted, few of them drawn. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asStudent, limit, mintToken } from '../integration/harness.mjs';
import { checkAccessibility, openPage, startAll } from './support.mjs';

const STUDENTS = 1000;
const BATCH = 100;

/** What the page may draw of a thousand students. */
const MOST_ROWS = 60;

test('teacher page with a thousand students', { timeout: limit(180_000) }, async (t) => {
    const { server, browser, origin } = await startAll(t);
    const { page, complaints } = await openPage(t, browser, {
        locale: 'ko-KR',
        viewport: { width: 1366, height: 768 },
        colorScheme: 'dark',
    });
    const token = mintToken({ type: 'teacher', sub: 't1', name: '김하늘' });
    const heading = page.locator('#people-label');
    const count = (text) => heading.getByText(text, { exact: true }).waitFor({ timeout: limit(60_000) });
    const rows = page.locator('.virtual li');
    const students = [];
    let code;
    const ask = (from, messageType, message) =>
        from.send({ targetType: 'teacher', messageType, message });

    await t.test('counts all who join, and draws those in view', async () => {
        await page.goto(`${origin}/teacher/#token=${token}`);
        await page.getByRole('button', { name: '수업 열기' }).click();
        code = (await page.getByTestId('code').textContent()).trim();
        for (let first = 0; first < STUDENTS; first += BATCH) {
            const batch = Array.from({ length: BATCH }, (_, i) => first + i);
            students.push(...await Promise.all(batch.map((n) => asStudent(server, code,
                { sub: `s${n}`, name: `학생 ${n}` }, { query: { history: 0 }, deflate: false }))));
        }
        await count(`학생 ${STUDENTS}명`);
        assert.ok(await rows.count() < MOST_ROWS, `${await rows.count()} rows`);
        assert.equal(await rows.first().getAttribute('aria-setsize'), String(STUDENTS));
        await checkAccessibility(page);
    });

    await t.test('news is told in sums, not one by one', async () => {
        await page.getByTestId('news').getByText(/\d+명 들어옴/).waitFor({ state: 'attached' });
        assert.equal(await page.getByRole('log').getByText('들어옴').count(), 0);
    });

    await t.test('any of them is found, and reached with the keyboard', async () => {
        await page.getByLabel('학생 찾기').fill('학생 777');
        await rows.nth(0).getByText('학생 777').waitFor();
        assert.equal(await rows.count(), 1);
        await page.getByLabel('학생 찾기').fill('');
        await page.locator('.virtual').focus();
        await page.keyboard.press('End');
        await rows.filter({ hasText: '학생 999' }).waitFor();
        await page.keyboard.press('Home');
        await rows.filter({ hasText: /^학생 0/ }).waitFor();
        // Row after row, past what was drawn at first: two buttons each.
        const focused = page.locator('.virtual li:focus-within');
        for (let i = 0; i < 40; i++) {
            for (let button = 0; button < 2; button++) await page.keyboard.press('Tab');
            await focused.getByText(`학생 ${i}`, { exact: true }).waitFor();
        }
        assert.ok(await rows.count() < MOST_ROWS);
    });

    await t.test('a message reaches all, and the page knows', async () => {
        await page.getByRole('textbox', { name: '메시지' }).fill('모두 들리나요?');
        await page.keyboard.press('Enter');
        const { id } = await students[0].next('send');
        for (const student of students) {
            if (student !== students[0]) await student.next({ id });
            student.send({ messageType: 'seen', message: id });
        }
        await page.getByText(`${STUDENTS}명 모두 봄`).waitFor({ timeout: limit(60_000) });
    });

    await t.test('five hundred answers and a thousand hands', async () => {
        for (const student of students.slice(0, 500)) ask(student, 'send', '네!');
        const lines = page.locator('.conversation li');
        await page.waitForFunction(() => document.querySelectorAll('.conversation li').length === 500,
            null, { timeout: limit(60_000) });
        assert.equal(await lines.count(), 500);
        for (const student of students) ask(student, 'hand', { up: true });
        await page.getByText(`손든 학생 ${STUDENTS}명`, { exact: true })
            .waitFor({ timeout: limit(60_000) });
        await checkAccessibility(page);
    });

    await t.test('knows who was lost, also after a reload', async () => {
        for (const student of students.slice(0, 300)) student.terminate();
        await count('학생 700명');
        await page.getByText('재연결 중 300명').waitFor();
        await page.reload();
        await count('학생 700명');
        await page.getByText('재연결 중 300명').waitFor();
        await page.getByText(`손든 학생 ${STUDENTS}명`, { exact: true }).waitFor();
    });

    for (const student of students) student.terminate();
    assert.deepEqual(complaints(), []);
});
