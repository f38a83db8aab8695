/** The teacher page in a real browser: the whole round of a class, reloaded at each stage. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { BIN, asStudent, limit, mintToken, refused, runCommand, waitFor } from '../integration/harness.mjs';
import { checkAccessibility, openPage, screenshot, startAll } from './support.mjs';

const LAPTOP = { width: 1366, height: 768 };
const PASSWORD = 'correct horse battery';
const MARKUP = '<img src=x onerror=alert(1)>';

const student = (server, room, sub, name, query = { history: 0 }) =>
    asStudent(server, room, { sub, name }, { query });

/** An account, made as an operator makes one. */
async function addUser(server, type, id, name) {
    const env = { PATH: process.env.PATH, LECTERN_DATA_DIR: server.dataDir };
    const args = ['user', 'add', '--type', type, '--name', name, '--stdin', id];
    const { code, stderr } = await runCommand(BIN, args, { env, input: `${PASSWORD}\n` });
    assert.equal(code, 0, stderr);
}

/** What the test touches of the teacher's page, by the names that people hear. */
function partsOf(page) {
    const log = page.getByRole('log', { name: 'Messages' });
    return {
        log,
        roster: page.locator('section.people'),
        status: page.locator('.state [role=status]'),
        field: page.getByRole('textbox', { name: 'Message' }),
        said: (text) => log.getByRole('listitem').filter({ hasText: text }),
        person: (name) => page.locator('.virtual li').filter({ hasText: name }),
        code: async () => (await page.getByTestId('code').textContent()).trim(),
        menu: async (entry) => {
            await page.getByRole('button', { name: 'More' }).click();
            await page.locator('.menu-list').getByRole('button', { name: entry }).click();
        },
        dialog: page.getByRole('dialog'),
    };
}

test('teacher page', { timeout: limit(240_000) }, async (t) => {
    const { server, browser, origin } = await startAll(t);
    await addUser(server, 'teacher', 'kim', '김하늘');
    await addUser(server, 'student', 'pupil', '민준');
    const { page, complaints } = await openPage(t, browser, { locale: 'en-US', viewport: LAPTOP });
    const { log, roster, status, field, said, person, menu, dialog, ...parts } = partsOf(page);
    const connected = () => status.getByText('Connected').waitFor();
    const reload = async () => {
        await page.reload();
        await connected();
    };
    const tell = (from, messageType, message, more = {}) =>
        from.send({ targetType: 'teacher', messageType, message, ...more });
    let code;
    let minjun;
    let seoyeon;
    let jiwoo;

    await t.test('signs in, saying what is wrong in a sentence of its own', async () => {
        await page.goto(`${origin}/teacher/`);
        assert.equal(await page.evaluate(() => window.isSecureContext), false);
        await page.getByRole('button', { name: 'Sign in', exact: true }).click();
        await page.getByText('Enter your user name.').waitFor();
        await page.getByText('Enter your password.').waitFor();
        await checkAccessibility(page);
        const signIn = async (name, password) => {
            await page.getByLabel('User name or e-mail').fill(name);
            await page.getByLabel('Password').fill(password);
            await page.getByRole('button', { name: 'Sign in', exact: true }).click();
        };
        await signIn('kim', 'wrong password');
        await page.getByText('The user name or the password is wrong.').waitFor();
        await page.reload();
        assert.equal(await page.getByLabel('User name or e-mail').inputValue(), 'kim');
        await signIn('pupil', PASSWORD);
        await page.getByText('This is a student’s account.').waitFor();
        await page.getByRole('button', { name: 'Sign in with a token' }).click();
        await page.getByLabel('Teacher token').fill('not a token');
        await page.getByRole('button', { name: 'Use this token' }).click();
        await page.getByText('This is not a token.').waitFor();
        const described = await page.getByLabel('Teacher token').evaluate((one) =>
            one.getAttribute('aria-describedby').split(' ').map((id) => document.getElementById(id).textContent));
        assert.deepEqual(described, ['This is not a token.', 'Paste the token that your school gave you.']);
        await page.getByLabel('Teacher token').fill(mintToken({ sub: 's1' }));
        await page.getByRole('button', { name: 'Use this token' }).click();
        await page.getByText('This is a student’s account.').waitFor();
        await checkAccessibility(page);
        await page.getByRole('button', { name: 'Sign in with a password' }).click();
        await signIn('kim', PASSWORD);
        await page.getByText('Signed in as 김하늘').waitFor();
    });

    await t.test('keeps what was typed on the start page, and refuses a bad code', async () => {
        await page.getByLabel('Class name').fill('Science 3-2');
        await page.getByLabel('A code of your own').fill('a b');
        await page.reload();
        assert.equal(await page.getByLabel('Class name').inputValue(), 'Science 3-2');
        await page.getByRole('button', { name: 'Start the class' }).click();
        await page.getByText('A code has 4 to 12 letters and digits.').waitFor();
        await checkAccessibility(page);
        await page.getByLabel('A code of your own').fill('');
    });

    await t.test('starts a class with one click, and shows its code, QR code and link', async () => {
        await page.getByRole('button', { name: 'Start the class' }).click();
        await page.getByRole('heading', { name: 'Science 3-2' }).waitFor();
        await connected();
        code = await parts.code();
        assert.match(code, /^[A-Z]{6}$/);
        const link = page.getByRole('link', { name: new RegExp(`/student/\\?room=${code}$`) });
        assert.equal(await link.getAttribute('href'), `${origin}/student/?room=${code}`);
        await page.getByRole('img', { name: `QR code to join class ${code}` }).waitFor();
        await page.getByRole('button', { name: 'Copy link' }).click();
        await page.getByText('Copied', { exact: true }).waitFor();
        await page.getByText('Nobody has joined yet.').waitFor();
        await checkAccessibility(page);
    });

    await t.test('shows who joins, who is lost, who leaves, and who was there', async () => {
        minjun = await student(server, code, 's1', '민준');
        seoyeon = await student(server, code, 's2', '서연');
        const markup = await student(server, code, 's3', MARKUP);
        await roster.getByRole('heading', { name: '3 students' }).waitFor();
        await person('민준').waitFor();
        await person(MARKUP).waitFor();
        assert.equal(await page.locator('main img, main b').count(), 0);
        markup.ws.close(1000);
        await roster.getByRole('heading', { name: '2 students' }).waitFor();
        await person(MARKUP).getByText('gone').waitFor();
        seoyeon.terminate();
        await person('서연').getByText('reconnecting').waitFor();
        await roster.getByText('1 reconnecting · 1 gone').waitFor();
        seoyeon = await student(server, code, 's2', '서연');
        await roster.getByRole('heading', { name: '2 students' }).waitFor();
        await roster.getByText('Joined and left').click();
        await roster.getByText('서연 came back').waitFor();
        await roster.getByText('서연 lost the connection').waitFor();
        await roster.getByText(`${MARKUP} left`).waitFor();
        await checkAccessibility(page);
        await roster.getByText('Joined and left').click();
        await reload();
        await person(MARKUP).getByText('gone').waitFor();
        await roster.getByRole('heading', { name: '2 students' }).waitFor();
    });

    await t.test('finds and orders students', async () => {
        await roster.getByLabel('Find a student').fill('서');
        await person('민준').waitFor({ state: 'detached' });
        await person('서연').waitFor();
        await roster.getByLabel('Find a student').fill('zzz');
        await roster.getByText('No student has such a name.').waitFor();
        await roster.getByLabel('Find a student').fill('');
        await roster.getByLabel('Order').selectOption({ label: 'By state' });
        await page.locator('.virtual li').first().filter({ hasText: MARKUP }).waitFor();
    });

    await t.test('messages go both ways, as text, whatever they hold', async () => {
        await field.fill('Send me your results, please.');
        await field.press('Enter');
        const call = { messageType: 'send', message: 'Send me your results, please.', sender: 'kim' };
        await minjun.next(call);
        await seoyeon.next(call);
        tell(minjun, 'send', '물이 98도에서 끓었어요.');
        await said('물이 98도에서 끓었어요.').waitFor();
        tell(seoyeon, 'send', '<b>99</b> & more');
        await said('<b>99</b> & more').waitFor();
        assert.equal(await page.locator('main img, .conversation b').count(), 0);
    });

    await t.test('keeps a draft, and whom it is for, over a reload', async () => {
        await said('물이 98도에서').getByRole('button', { name: 'Reply to 민준' }).click();
        await page.getByText('only to 민준', { exact: true }).waitFor();
        await field.fill('Why not 100?');
        await reload();
        await page.getByText('only to 민준', { exact: true }).waitFor();
        assert.equal(await field.inputValue(), 'Why not 100?');
        await field.press('Enter');
        await minjun.next({ messageType: 'send', message: 'Why not 100?', target: 's1' });
        await said('Why not 100?').getByText('Not seen yet').waitFor();
        await page.getByRole('button', { name: 'Write to all' }).click();
        await field.fill('Well done.');
        await field.press('Enter');
        await seoyeon.next({ messageType: 'send', message: 'Well done.' });
        assert.equal(seoyeon.all({ target: 's1' }).length, 0);
    });

    await t.test('says by how many a message was seen, by whom not, and sends it to them again', async () => {
        const { id } = await minjun.next({ message: 'Well done.' });
        await said('Well done.').getByText('Seen by 0 of 2').waitFor();
        minjun.send({ messageType: 'seen', message: id });
        await said('Well done.').getByText('Seen by 1 of 2').waitFor();
        await said('Why not 100?').getByText('Seen', { exact: true }).waitFor();
        await reload();
        await said('Well done.').getByText('Seen by 1 of 2').click();
        const { message } = seoyeon.all({ message: 'Well done.' })[0];
        await dialog.getByRole('heading', { name: 'Not seen yet by 1' }).waitFor();
        await dialog.getByRole('listitem').filter({ hasText: '서연' }).waitFor();
        await checkAccessibility(page);
        await dialog.getByRole('button', { name: 'Send it to them again' }).click();
        const again = await seoyeon.next({ messageType: 'again', target: 's2' });
        assert.deepEqual(again.message, { id, type: 'send', message });
        await dialog.getByText('Sent again.').waitFor();
        await page.keyboard.press('Escape');
        seoyeon.send({ messageType: 'seen', message: id });
        await said('Well done.').getByText('Seen by all 2').waitFor();
        assert.equal(minjun.all('again').length, 0);
    });

    await t.test('shows raised hands in their order, and lowers them', async () => {
        jiwoo = await student(server, code, 's4', '지우');
        for (const one of [jiwoo, minjun, seoyeon]) {
            await one.request({ targetType: 'teacher', messageType: 'hand', message: { up: true } });
        }
        const hands = page.locator('.hands li');
        await waitFor(async () => (await hands.allTextContents()).length === 3, { what: 'hands' });
        const order = async () =>
            (await hands.locator('.person-name').allTextContents()).join();
        assert.equal(await order(), '지우,민준,서연');
        await reload();
        await page.getByText('Raised hands: 3', { exact: true }).waitFor();
        assert.equal(await order(), '지우,민준,서연');
        await roster.getByLabel('Order').selectOption({ label: 'By hand' });
        await page.locator('.virtual li').first().filter({ hasText: '지우' }).waitFor();
        await checkAccessibility(page);
        await page.getByRole('button', { name: 'Lower the hand of 민준' }).click();
        await minjun.next({ messageType: 'hand-down', target: 's1' });
        await page.getByText('Raised hands: 2', { exact: true }).waitFor();
        await page.getByRole('button', { name: 'Lower all' }).click();
        await jiwoo.next('hand-down');
        await seoyeon.next('hand-down');
        await page.locator('.hands').waitFor({ state: 'detached' });
    });

    await t.test('reactions pass by', async () => {
        for (const one of [minjun, seoyeon]) tell(one, 'reaction', '👍', { ephemeral: true });
        await page.getByTestId('reactions').getByText('2').waitFor();
        await page.getByTestId('reactions').locator('span').waitFor({ state: 'detached' });
    });

    await t.test('asks a question and sees the answers come, also after a reload', async () => {
        await page.getByRole('button', { name: 'Ask a question' }).click();
        const form = page.locator('.poll-form');
        await form.getByLabel('Question').fill('At how many degrees?');
        await form.locator('.option-text').nth(0).fill('98');
        await form.locator('.option-text').nth(1).fill('100');
        await checkAccessibility(page);
        await form.getByRole('button', { name: 'Ask' }).click();
        const { message: poll } = await minjun.next('poll');
        assert.equal(poll.question, 'At how many degrees?');
        tell(minjun, 'answer', { poll: poll.poll, value: 0 });
        tell(seoyeon, 'answer', { poll: poll.poll, value: 1 });
        const bars = page.locator('.poll .bar-row');
        await bars.nth(0).filter({ hasText: '1' }).filter({ hasText: '50%' }).waitFor();
        await reload();
        await bars.nth(1).filter({ hasText: '50%' }).waitFor();
        await page.getByRole('button', { name: 'Close' }).click();
        await minjun.next('poll-close');
        await checkAccessibility(page);
        await screenshot(page, 'teacher');
    });

    await t.test('lets students talk, locks the door, and renames the class', async () => {
        const talking = page.getByRole('switch', { name: 'Students talk' });
        await talking.click();
        assert.equal((await minjun.next('settings')).message.talk, 'all');
        await page.getByRole('switch', { name: 'Lock the door' }).click();
        assert.equal((await minjun.next('settings')).message.locked, true);
        await page.getByText('Locked', { exact: true }).waitFor();
        const late = mintToken({ sub: 's9', name: '늦은 학생' });
        assert.equal((await refused(server, { room: code, token: late })).status, 423);
        await menu('Rename the class');
        await dialog.getByLabel('Class name').fill(' ');
        await dialog.getByRole('button', { name: 'Save' }).click();
        await dialog.getByText('A class name has 1 to 64 characters.').waitFor();
        await checkAccessibility(page);
        await dialog.getByLabel('Class name').fill('가'.repeat(65));
        await dialog.getByRole('button', { name: 'Save' }).click();
        await dialog.getByText('A class name has 1 to 64 characters.').waitFor();
        // Half a character, which only the server finds out.
        await dialog.getByLabel('Class name').evaluate((input) => {
            input.value = 'Half \ud83d';
            input.dispatchEvent(new Event('input', { bubbles: true }));
        });
        await dialog.getByRole('button', { name: 'Save' }).click();
        await page.getByRole('alert').getByText(/That was not done/).waitFor();
        await checkAccessibility(page);
        await page.getByRole('alert').getByRole('button', { name: 'Close' }).click();
        await menu('Rename the class');
        await dialog.getByLabel('Class name').fill(MARKUP);
        await dialog.getByRole('button', { name: 'Save' }).click();
        await page.getByRole('heading', { name: MARKUP }).waitFor();
        await reload();
        await page.getByRole('heading', { name: MARKUP }).waitFor();
        await page.getByText('Locked', { exact: true }).waitFor();
        assert.equal(await talking.getAttribute('aria-checked'), 'true');
        await page.getByRole('switch', { name: 'Lock the door' }).click();
        await page.getByText('Locked', { exact: true }).waitFor({ state: 'detached' });
    });

    await t.test('shows what the connection checks found', async () => {
        const fine = { ws: 'ok', rttMs: 40, rttMaxMs: 90, lost: 0, browser: 'Safari', fallback: 'ok' };
        tell(minjun, 'check', fine);
        tell(seoyeon, 'check', { ...fine, ws: 'timeout', browser: MARKUP });
        await menu('Connection check');
        await dialog.getByText('1 fine · 1 with trouble').waitFor();
        await dialog.getByRole('row').nth(1).filter({ hasText: '서연' }).waitFor();
        const link = dialog.getByRole('link', { name: /\/check\/\?room=/ });
        assert.equal(await link.getAttribute('href'), `${origin}/check/?room=${code}`);
        await checkAccessibility(page);
        await page.keyboard.press('Escape');
    });

    await t.test('keeps what was written while offline', async () => {
        const session = await page.context().newCDPSession(page);
        await session.send('Network.enable');
        const conditions = { latency: 0, downloadThroughput: -1, uploadThroughput: -1 };
        const network = (offline) =>
            session.send('Network.emulateNetworkConditions', { ...conditions, offline });
        await network(true);
        await status.getByText(/Connection lost|cannot be reached/).waitFor({ timeout: limit(60_000) });
        await field.fill('Can you hear me?');
        await field.press('Enter');
        await network(false);
        await minjun.next({ messageType: 'send', message: 'Can you hear me?' }, { timeout: limit(30_000) });
        await said('Can you hear me?').waitFor();
        assert.equal(await said('Can you hear me?').count(), 1);
        await session.detach();
    });

    await t.test('removes a student, after asking', async () => {
        await roster.getByRole('button', { name: 'Remove 지우' }).click();
        await checkAccessibility(page);
        await dialog.getByRole('button', { name: 'Cancel' }).click();
        await roster.getByRole('heading', { name: '3 students' }).waitFor();
        await roster.getByRole('button', { name: 'Remove 지우' }).click();
        await dialog.getByRole('button', { name: 'Remove', exact: true }).click();
        assert.equal((await jiwoo.closed).code, 4002);
        await person('지우').getByText('removed', { exact: true }).waitFor();
        const again = mintToken({ sub: 's4', name: '지우' });
        assert.equal((await refused(server, { room: code, token: again })).status, 403);
    });

    await t.test('leaves for a while and comes back to the same class', async () => {
        await page.getByRole('button', { name: 'Leave' }).click();
        await dialog.getByText('The class stays open for 2 minutes').waitFor();
        await dialog.getByRole('button', { name: 'Leave' }).click();
        await page.getByText(/is still open. It ends in 1:\d\d unless you come back/).waitFor();
        await minjun.next('host-away');
        await checkAccessibility(page);
        await page.reload();
        await page.getByRole('button', { name: 'Back to the class' }).click();
        await connected();
        await minjun.next('host-back');
        assert.equal(await parts.code(), code);
        await said('Well done.').waitFor();
    });

    await t.test('goes on on another device, and back', async () => {
        await menu('Continue on another device');
        await dialog.getByText('Whoever scans the QR code').waitFor();
        assert.equal(await dialog.getByRole('img').count(), 0);
        await checkAccessibility(page);
        await dialog.getByRole('button', { name: 'Show the QR code' }).click();
        await dialog.getByRole('img', { name: 'QR code to continue' }).waitFor();
        await checkAccessibility(page);
        const token = await page.evaluate(() =>
            JSON.parse(sessionStorage.getItem('lectern.teacher.token')));
        const other = await openPage(t, browser, { locale: 'en-US', viewport: { width: 390, height: 844 } });
        await other.page.goto(`${origin}/teacher/#token=${token}&room=${code}`);
        const there = partsOf(other.page);
        await there.status.getByText('Connected').waitFor();
        assert.equal(other.page.url(), `${origin}/teacher/`);
        await there.roster.getByRole('heading', { name: '2 students' }).waitFor();
        await checkAccessibility(other.page);
        // The smallest phone, and this laptop with the page at 200 %.
        for (const size of [{ width: 320, height: 568 }, { width: 683, height: 384 }]) {
            await other.page.setViewportSize(size);
            for (const view of ['Questions', 'Messages', 'Students']) {
                await other.page.locator('.views').getByRole('button', { name: view }).click();
                const over = await other.page.evaluate(() =>
                    document.documentElement.scrollWidth - window.innerWidth);
                assert.ok(over <= 0, `${view} at ${size.width}: ${over} px too wide`);
                await checkAccessibility(other.page);
            }
            const list = await other.page.locator('.virtual').boundingBox();
            assert.ok(list.height >= 80, `the list of students at ${size.width}: ${list.height} px`);
        }
        await other.page.locator('.views').getByRole('button', { name: 'Messages' }).click();
        await there.said('Well done.').waitFor();
        await page.getByRole('heading', { name: 'The class goes on on another device' }).waitFor();
        await checkAccessibility(page);
        // A reload does not take the class back unasked.
        await page.reload();
        await page.getByText('is being taught in another window or on another device.').waitFor();
        await page.getByRole('button', { name: 'Continue here' }).click();
        await connected();
        await other.page.getByRole('heading', { name: 'The class goes on on another device' }).waitFor();
        assert.deepEqual(other.complaints(), []);
        assert.equal(minjun.closeInfo, undefined, 'the students stayed');
    });

    await t.test('speaks Korean when told so, in the middle of a class', async () => {
        await page.getByRole('button', { name: 'More' }).click();
        await page.getByRole('button', { name: '한국어' }).click();
        await status.getByText('연결됨').waitFor();
        await page.getByRole('button', { name: '수업 끝내기' }).waitFor();
        await page.getByRole('log', { name: '대화 내용' }).getByText('봄').first().waitFor();
        assert.equal(await page.evaluate(() => document.documentElement.lang), 'ko');
        await checkAccessibility(page);
        await page.getByRole('button', { name: 'English' }).click();
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'End class' }).waitFor();
    });

    const downloaded = async (where, name) => {
        const coming = page.waitForEvent('download');
        await where.getByRole('button', { name }).click();
        const download = await coming;
        const text = await readFile(await download.path(), 'utf8');
        return { name: download.suggestedFilename(), text };
    };

    await t.test('downloads attendance and log while the class goes on', async () => {
        await menu('Attendance and log');
        await checkAccessibility(page);
        const attendance = await downloaded(dialog, 'Download attendance');
        assert.equal(attendance.name, `lectern-${code}-attendance.csv`);
        assert.match(attendance.text, /^\ufeff?id,name,first,last,presentMs,present\r\n/);
        assert.match(attendance.text, /s1,민준,/);
        const { text } = await downloaded(dialog, 'Download log');
        assert.match(text, /,send,Well done\.\r\n/);
        await dialog.getByText('Downloaded.').waitFor();
        await page.keyboard.press('Escape');
    });

    await t.test('ends the class, after asking, and has its records for a while', async () => {
        await page.getByRole('button', { name: 'End class' }).click();
        await dialog.getByText('All 2 students are disconnected.').waitFor();
        await dialog.getByRole('button', { name: 'End class' }).click();
        assert.deepEqual(await minjun.closed, { code: 4000, reason: 'ended' });
        const over = page.getByRole('region', { name: 'The class has ended' });
        await over.waitFor();
        await said('Well done.').waitFor();
        await roster.getByText('Students who took part: 4').waitFor();
        await checkAccessibility(page);
        assert.match((await downloaded(over, 'Download attendance')).text, /s4,지우,/);
        await waitFor(() => page.evaluate(() => localStorage.getItem('lectern.teacher.ended')),
            { what: 'the ended class remembered' });
        await page.reload();
        const ended = page.getByRole('region', { name: 'Classes that have ended' });
        await ended.getByText(MARKUP).waitFor();
        await checkAccessibility(page);
        assert.match((await downloaded(ended, 'Download log')).text, /,send,Well done\.\r\n/);
        await page.getByRole('button', { name: 'Sign out' }).click();
        await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
        assert.equal(await page.evaluate(() => sessionStorage.getItem('lectern.teacher.token')), null);
    });

    // A wrong password and a lost network are reported by the browser itself.
    assert.deepEqual(complaints([/status of 401/, /ERR_INTERNET_DISCONNECTED/]), []);
});
