/**
 * A whole class in browsers: one teacher and three students, each on a page and in a browser
 * profile of their own, who meet over the real server.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limit, mintToken } from '../integration/harness.mjs';
import { checkAccessibility, openPage, screenshot, startAll } from './support.mjs';

const PHONE = { locale: 'ko-KR', viewport: { width: 390, height: 844 }, hasTouch: true };
const NAMES = ['민준', '<b>서연</b>', '지우'];

/**
 * A photo as phones make them, in the page's own JPEG encoder: 4000 × 3000 pixels that lie on their
 * side, and an EXIF tag (orientation 6) that says so. Upright, its upper half is red, its lower blue.
 */
function portraitPhoto() {
    return new Promise((resolve) => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 4000, height: 3000 });
        const pen = canvas.getContext('2d');
        pen.fillStyle = '#d02020';
        pen.fillRect(0, 0, 2000, 3000);
        pen.fillStyle = '#2030d0';
        pen.fillRect(2000, 0, 2000, 3000);
        canvas.toBlob(async (blob) => {
            const jpeg = new Uint8Array(await blob.arrayBuffer());
            const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
            const exif = [0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff];
            const segment = [0xff, 0xe1, 0, exif.length + 2, ...exif];
            const file = new Blob([jpeg.slice(0, 2), new Uint8Array(segment), jpeg.slice(2)]);
            const reader = new FileReader();
            reader.onload = () => resolve(reader.result.split(',')[1]);
            reader.readAsDataURL(file);
        }, 'image/jpeg', 0.9);
    });
}

/** The colours at the top and at the bottom of the image that is shown large. */
function endsOf(selector) {
    const image = document.querySelector(selector);
    const canvas = Object.assign(document.createElement('canvas'), { width: 3, height: 9 });
    const pen = canvas.getContext('2d', { willReadFrequently: true });
    pen.drawImage(image, 0, 0, 3, 9);
    const at = (y) => [...pen.getImageData(1, y, 1, 1).data.slice(0, 3)];
    const { naturalWidth: width, naturalHeight: height } = image;
    return { width, height, top: at(1), bottom: at(7) };
}

test('a class of one teacher and three students', { timeout: limit(240_000) }, async (t) => {
    const { browser, origin } = await startAll(t);
    const teacher = await openPage(t, browser, {
        locale: 'ko-KR',
        viewport: { width: 1366, height: 768 },
    });
    const { page } = teacher;
    const log = page.getByRole('log', { name: '대화 내용' });
    const field = page.getByRole('textbox', { name: '메시지' });
    const roster = page.locator('section.people');
    const said = (text) => log.getByRole('listitem').filter({ hasText: text });
    const students = [];
    const logOf = (student) => student.page.getByRole('log', { name: '대화 내용' });
    const heard = (student, text) =>
        logOf(student).getByRole('listitem').filter({ hasText: text });
    const here = (student) => student.page.getByRole('status').getByText('연결됨').waitFor();
    let code;

    const say = async (text) => {
        await field.fill(text);
        await field.press('Enter');
    };
    const join = async (name) => {
        const student = await openPage(t, browser, PHONE);
        await student.page.goto(`${origin}/student/?room=${code}`);
        await student.page.getByLabel('이름').fill(name);
        await student.page.getByRole('button', { name: '참여하기' }).click();
        return student;
    };
    const reloadAll = async () => {
        await page.reload();
        for (const student of students) {
            await student.page.reload();
            await here(student);
        }
        await page.getByText(`학생 ${students.length}명`, { exact: true }).waitFor();
    };

    await t.test('students come by the link', async () => {
        await page.goto(`${origin}/teacher/#token=${mintToken({ type: 'teacher', name: '김하늘' })}`);
        await page.getByLabel('수업 이름').fill('3학년 2반 과학');
        await page.getByRole('button', { name: '수업 열기' }).click();
        code = (await page.getByTestId('code').textContent()).trim();
        for (const name of NAMES) {
            students.push(await join(name));
            await here(students[students.length - 1]);
        }
        await page.getByText('학생 3명', { exact: true }).waitFor();
        for (const name of NAMES) await roster.getByText(name, { exact: true }).waitFor();
        await students[0].page.getByRole('heading', { name: '3학년 2반 과학' }).waitFor();
    });

    await t.test('what the teacher says is seen, and known to be seen', async () => {
        await say('물이 몇 도에서 끓었나요? <i>답</i>해 주세요.');
        for (const student of students) await heard(student, '<i>답</i>해 주세요.').waitFor();
        await said('물이 몇 도에서').getByText('3명 모두 봄').waitFor({ timeout: limit(30_000) });
        await reloadAll();
        await said('물이 몇 도에서').getByText('3명 모두 봄').waitFor();
    });

    await t.test('an answer, and a word to one alone', async () => {
        const [minjun, seoyeon, jiwoo] = students;
        await minjun.page.getByRole('textbox', { name: '메시지' }).fill('98도요!');
        await minjun.page.getByRole('button', { name: '보내기', exact: true }).click();
        await said('98도요!').getByRole('button', { name: '민준에게 답장' }).click();
        await say('왜 100도가 아닐까요?');
        await heard(minjun, '왜 100도가 아닐까요?').getByText('나에게만').waitFor();
        await said('왜 100도가').getByText('봄', { exact: true }).waitFor({ timeout: limit(30_000) });
        await page.getByRole('button', { name: '모두에게 쓰기' }).click();
        await say('모두 잘했어요.');
        for (const student of students) await heard(student, '모두 잘했어요.').waitFor();
        for (const other of [seoyeon, jiwoo]) {
            assert.equal(await heard(other, '100도').count(), 0);
            assert.equal(await heard(other, '98도').count(), 0);
        }
    });

    await t.test('hands go up and down', async () => {
        const hand = (student, pressed) =>
            student.page.getByRole('button', { name: '손들기', pressed });
        for (const student of [students[1], students[0]]) {
            await hand(student, false).click();
            await hand(student, true).waitFor();
        }
        await page.getByText('손든 학생 2명', { exact: true }).waitFor();
        await reloadAll();
        await page.getByText('손든 학생 2명', { exact: true }).waitFor();
        const order = await page.locator('.hands .person-name').allTextContents();
        assert.deepEqual(order, [NAMES[1], NAMES[0]]);
        await page.getByRole('button', { name: '모두 내리기' }).click();
        for (const student of [students[0], students[1]]) await hand(student, false).waitFor();
        await page.locator('.hands').waitFor({ state: 'detached' });
    });

    await t.test('a reaction passes by', async () => {
        await students[2].page.getByRole('button', { name: '좋아요' }).click();
        await page.getByTestId('reactions').getByText('👍').waitFor({ state: 'attached' });
    });

    await t.test('a photo of 12 megapixels arrives upright', async () => {
        const photo = Buffer.from(await page.evaluate(portraitPhoto), 'base64');
        await page.getByTestId('image-input')
            .setInputFiles({ name: '실험.jpg', mimeType: 'image/jpeg', buffer: photo });
        await log.locator('.image-thumb img').waitFor({ timeout: limit(60_000) });
        for (const { page: there } of [teacher, students[2]]) {
            await there.locator('.image-thumb').click({ timeout: limit(60_000) });
            await there.waitForFunction(() => {
                const image = document.querySelector('dialog img');
                return image?.complete && image.naturalWidth > 0;
            });
            const { width, height, top, bottom } = await there.evaluate(endsOf, 'dialog img');
            assert.ok(height > width, `${width} × ${height}`);
            assert.ok(Math.abs(height / width - 4 / 3) < 0.01, `${width} × ${height}`);
            assert.ok(top[0] > 150 && top[2] < 100, `red above: ${top}`);
            assert.ok(bottom[2] > 150 && bottom[0] < 100, `blue below: ${bottom}`);
            await there.keyboard.press('Escape');
        }
        await page.reload();
        await log.locator('.image-thumb img').waitFor();
        await checkAccessibility(page);
    });

    await t.test('an image is dropped, another is pasted, and goes to whom it was chosen for', async () => {
        const bring = (kind) =>
            page.evaluate(async (what) => {
                const canvas = Object.assign(document.createElement('canvas'), { width: 80, height: 60 });
                canvas.getContext('2d').fillRect(0, 0, 40, 60);
                const blob = await new Promise((resolve) => { canvas.toBlob(resolve, 'image/png'); });
                const data = new DataTransfer();
                data.items.add(new File([blob], `${what}.png`, { type: 'image/png' }));
                const options = { bubbles: true, cancelable: true };
                const target = document.querySelector('.composer textarea');
                if (what === 'paste') {
                    target.dispatchEvent(new ClipboardEvent('paste', { ...options, clipboardData: data }));
                } else {
                    for (const type of ['dragenter', 'dragover', 'drop']) {
                        target.dispatchEvent(new DragEvent(type, { ...options, dataTransfer: data }));
                    }
                }
            }, kind);
        const thumbs = (student) => logOf(student).locator('.image-thumb');
        await bring('drop');
        for (const student of students) {
            await thumbs(student).nth(1).waitFor({ timeout: limit(60_000) });
        }
        await roster.getByRole('button', { name: '지우에게 쓰기' }).click();
        await bring('paste');
        // Who is written to next has nothing to do with the image that is on its way.
        await page.getByRole('button', { name: '모두에게 쓰기' }).click();
        await thumbs(students[2]).nth(2).waitFor({ timeout: limit(60_000) });
        await say('다음으로 넘어가요.');
        for (const student of students) await heard(student, '다음으로 넘어가요.').waitFor();
        for (const other of students.slice(0, 2)) assert.equal(await thumbs(other).count(), 2);
    });

    await t.test('what is no image says so, and the text beside it stays', async () => {
        await field.fill('사진과 함께');
        await page.getByTestId('image-input').setInputFiles({
            name: 'notes.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no image at all'),
        });
        const failed = page.locator('.upload-failed');
        await failed.waitFor();
        await checkAccessibility(page);
        await failed.getByRole('button').last().click();
        await failed.waitFor({ state: 'detached' });
        assert.equal(await field.inputValue(), '사진과 함께');
        await field.fill('');
    });

    await t.test('a quiz: asked, answered, hidden, closed, shown', async () => {
        await page.getByRole('button', { name: '질문하기' }).click();
        const form = page.locator('.poll-form');
        await form.locator('textarea').first().fill('물의 끓는점은?');
        await form.locator('.option-text').nth(0).fill('98도');
        await form.locator('.option-text').nth(1).fill('<b>100도</b>');
        for (const box of await form.locator('.checks [type=checkbox]').all()) await box.check();
        await form.locator('.option-right [type=checkbox]').nth(1).check();
        await page.reload();
        await page.getByRole('button', { name: '질문하기' }).click();
        assert.equal(await form.locator('.option-text').nth(1).inputValue(), '<b>100도</b>');
        await form.locator('[type=submit]').click();
        for (const [place, student] of students.entries()) {
            await student.page.getByText(place === 0 ? '98도' : '<b>100도</b>', { exact: true }).click();
            await student.page.getByRole('button', { name: '답 보내기' }).click();
            await student.page.getByText('답을 보냈어요.').waitFor();
        }
        const poll = page.locator('.poll').first();
        await poll.getByText('3', { exact: false }).first().waitFor();
        assert.equal(await poll.locator('.bar-row').count(), 0, 'hidden until the close');
        await reloadAll();
        await poll.locator('.poll-actions .primary').click();
        const right = poll.locator('.bar-right').filter({ hasText: '<b>100도</b>' });
        await right.filter({ hasText: '67%' }).waitFor();
        await poll.locator('.poll-actions .primary').click();
        for (const student of students) await student.page.getByText('우리 반 결과').waitFor();
        await checkAccessibility(page);
        await screenshot(page, 'class-teacher');
        await page.emulateMedia({ colorScheme: 'dark' });
        await checkAccessibility(page);
        await screenshot(page, 'class-teacher-dark');
        await page.emulateMedia({ colorScheme: 'light' });
        await screenshot(students[0].page, 'class-student');
        await reloadAll();
        await right.filter({ hasText: '67%' }).waitFor();
    });

    await t.test('students talk to each other when they are let', async () => {
        await page.getByRole('switch', { name: '학생끼리 대화' }).click();
        const all = students[0].page.getByRole('button', { name: '모두', exact: true });
        await all.click();
        await students[0].page.getByRole('textbox', { name: '메시지' }).fill('저는 98도라고 했어요.');
        await students[0].page.getByRole('button', { name: '보내기', exact: true }).click();
        for (const other of students.slice(1)) await heard(other, '저는 98도라고').waitFor();
        await said('저는 98도라고').getByText('모두에게').waitFor();
        await page.getByRole('switch', { name: '학생끼리 대화' }).click();
        await all.waitFor({ state: 'detached' });
    });

    await t.test('a student who is offline for ten seconds misses nothing', async () => {
        const [, seoyeon] = students;
        await seoyeon.page.context().setOffline(true);
        await say('이 말은 나중에 들려요.');
        // The outage itself: what it does to the pages comes at its own times.
        const start = await seoyeon.page.evaluate(() => performance.now());
        await seoyeon.page.waitForFunction((since) => performance.now() - since > 10_000, start,
            { timeout: limit(30_000) });
        assert.equal(await heard(seoyeon, '이 말은 나중에 들려요.').count(), 0);
        await seoyeon.page.context().setOffline(false);
        await heard(seoyeon, '이 말은 나중에 들려요.').waitFor({ timeout: limit(40_000) });
        assert.equal(await heard(seoyeon, '이 말은 나중에 들려요.').count(), 1);
        await here(seoyeon);
        await page.getByText('학생 3명', { exact: true }).waitFor();
    });

    await t.test('a locked door keeps newcomers out, and lets them in when it opens', async () => {
        await page.getByRole('switch', { name: '입장 잠금' }).click();
        await page.getByText('입장 잠김', { exact: true }).waitFor();
        const late = await join('하은');
        await late.page.getByText(/잠/).first().waitFor();
        await page.getByRole('switch', { name: '입장 잠금' }).click();
        await here(late);
        await page.getByText('학생 4명', { exact: true }).waitFor();
        students.push(late);
    });

    await t.test('a student who is removed knows it, and does not come back', async () => {
        const late = students.pop();
        await roster.getByRole('button', { name: '하은 내보내기' }).click();
        await page.getByRole('dialog').getByRole('button', { name: '내보내기', exact: true }).click();
        await late.page.getByText(/선생님이 .*내보냈어요/).first().waitFor();
        await page.getByText('학생 3명', { exact: true }).waitFor();
        await roster.getByText('내보냄', { exact: true }).waitFor();
        await late.page.goto(`${origin}/student/?room=${code}`);
        await late.page.getByLabel('이름').fill('다른 이름');
        await late.page.getByRole('button', { name: '참여하기' }).click();
        await late.page.getByText(/선생님이 .*내보냈어요/).first().waitFor();
        await page.getByText('학생 3명', { exact: true }).waitFor();
        assert.deepEqual(late.complaints([/status of 4(03|23)/]), []);
    });

    await t.test('the end is the end for all', async () => {
        await page.getByRole('button', { name: '수업 끝내기' }).click();
        await page.getByRole('dialog').getByRole('button', { name: '수업 끝내기' }).click();
        await page.getByRole('heading', { name: '수업이 끝났어요' }).waitFor();
        for (const student of students) await student.page.getByText(/수업이 끝났어요/).first().waitFor();
    });

    assert.deepEqual(teacher.complaints(), []);
    const expected = [/status of 404/, /ERR_INTERNET_DISCONNECTED/];
    for (const student of students) assert.deepEqual(student.complaints(expected), []);
});
