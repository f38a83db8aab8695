/** What a student does in class: hand, reactions, questions, talk; and what the teacher learns. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asStudent, asTeacher, limit, waitFor } from '../integration/harness.mjs';
import { checkAccessibility, openPage, screenshot, startAll } from './support.mjs';

const CODE = 'CHEMIST1';
const PHONE = { locale: 'ko-KR', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true };

/** A class with its teacher, and the page of a student in it. */
async function setUp(t, { query = {}, locale = 'ko-KR', name = '민준', before } = {}) {
    const { server, browser, origin } = await startAll(t);
    const host = await asTeacher(server, CODE, { name: '김하늘' }, { query: { hold: 60, ...query } });
    const { page, complaints } = await openPage(t, browser, { ...PHONE, locale });
    /** What the page has told of reading, message by message. */
    const seenSent = [];
    page.on('websocket', (socket) => {
        socket.on('framesent', ({ payload }) => {
            const { messageType, message } = JSON.parse(payload);
            if (messageType === 'seen') seenSent.push(message);
        });
    });
    if (before) await page.addInitScript(before);
    await page.goto(`${origin}/student/?room=${CODE}`);
    await page.locator('[name=name]').fill(name);
    await page.locator('[type=submit]').click();
    const { sender: me } = await host.next('join');
    const log = page.getByRole('log');
    await log.waitFor();
    const say = (message, more = {}) =>
        host.send({ targetType: 'student', messageType: 'send', message, ...more });
    const tell = (messageType, message, more = {}) =>
        host.send({ targetType: 'student', messageType, message, ...more });
    const ask = (question) => tell('poll', { quiz: false, hidden: true, ...question });
    return { server, host, page, complaints, me, log, say, tell, ask, seenSent };
}

/** The page has been drawn with all that has happened, and has seen what is on the screen. */
const drawn = (page) =>
    page.evaluate(
        () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );

const connected = (page) => page.getByRole('status').getByText(/^(연결됨|Connected)$/).waitFor();

test('hand and reactions', { timeout: limit(90_000) }, async (t) => {
    const { host, page, complaints, me, tell } = await setUp(t);
    const hand = (pressed) => page.getByRole('button', { name: '손들기', pressed });

    await t.test('a hand goes up and down, and stays up over a reload', async () => {
        await hand(false).click();
        assert.deepEqual((await host.next({ messageType: 'hand' })).message, { up: true });
        await hand(true).waitFor();
        await page.getByRole('status').getByText('손을 들었어요.').waitFor();
        await page.reload();
        await hand(true).waitFor();
        await hand(true).click();
        await host.next(({ messageType, message }) => messageType === 'hand' && !message.up);
        await hand(false).waitFor();
    });

    await t.test('the teacher lowers it; what other people say about hands does not', async () => {
        await hand(false).click();
        await hand(true).waitFor();
        tell('hand-down', {}, { target: me });
        await page.getByRole('status').getByText('선생님이 손을 내려 줬어요.').waitFor();
        await hand(false).waitFor();
        await page.reload();
        await hand(false).waitFor();
        await checkAccessibility(page);
    });

    await t.test('reactions pass by, not faster than a class can bear', async () => {
        const like = page.getByRole('button', { name: '좋아요' });
        // A real finger: two taps in a row are one too many.
        await page.evaluate(() => {
            const button = document.querySelector('.reactions button');
            button.click();
            button.click();
        });
        const reaction = await host.next({ messageType: 'reaction' });
        assert.equal(reaction.message, '👍');
        assert.equal(reaction.id, undefined, 'not remembered');
        await page.locator('.reactions button:not([aria-disabled])').first().waitFor();
        await like.click();
        await host.next({ messageType: 'reaction' });
        await page.reload();
        await connected(page);
        await host.sync();
        const all = host.messages.filter(({ messageType }) => messageType === 'reaction');
        assert.equal(all.length, 2);
    });

    assert.deepEqual(complaints(), []);
});

test('questions', { timeout: limit(120_000) }, async (t) => {
    const { host, page, complaints, tell, ask } = await setUp(t);
    const answer = page.getByRole('button', { name: '답 보내기' });
    const fold = (text) => page.getByRole('button', { name: text, expanded: true });

    await t.test('opens by itself, and is answered', async () => {
        const options = ['90도', '<b>98도</b>', '100도'];
        ask({ poll: 'p1', kind: 'single', question: '끓는점은?', options, quiz: true });
        await page.getByRole('heading', { name: '끓는점은?' }).waitFor();
        await page.getByText('<b>98도</b>', { exact: true }).click();
        await page.reload();
        assert.ok(await page.getByRole('radio', { name: '<b>98도</b>' }).isChecked(), 'kept');
        await checkAccessibility(page);
        await screenshot(page, 'student-question');
        await answer.click();
        const { message } = await host.next({ messageType: 'answer' });
        assert.deepEqual(message, { poll: 'p1', value: 1 });
        await page.getByText('답을 보냈어요.').waitFor();
    });

    await t.test('shows one’s own answer after a reload, folded', async () => {
        await page.reload();
        await page.getByRole('button', { name: /질문 1 답했어요/, expanded: false }).click();
        await page.getByText(/<b>98도<\/b>/).waitFor();
        await answer.waitFor({ state: 'detached' });
    });

    await t.test('a new question leaves one that is being answered in its place', async () => {
        ask({ poll: 'p2', kind: 'short', question: '까닭은?' });
        const text = page.getByRole('textbox', { name: '짧게 답하세요.' });
        await text.fill('기압이 낮아서');
        ask({ poll: 'p3', kind: 'scale', question: '쉬웠나요?', scale: { min: 1, max: 5 } });
        const fresh = page.getByRole('button', { name: '새 질문 보기' });
        await fresh.waitFor();
        assert.equal(await text.inputValue(), '기압이 낮아서');
        await fresh.click();
        await page.getByRole('heading', { name: '쉬웠나요?' }).waitFor();
        await page.reload();
        await page.getByRole('heading', { name: '쉬웠나요?' }).waitFor();
        await page.getByText('4', { exact: true }).click();
        await answer.click();
        await host.next({ messageType: 'answer', message: { poll: 'p3', value: 4 } });
        await page.getByRole('button', { name: /새 질문 보기|이전 질문/ }).click();
        assert.equal(await text.inputValue(), '기압이 낮아서', 'kept over the reload');
        await answer.click();
        await host.next({ messageType: 'answer', message: { poll: 'p2', value: '기압이 낮아서' } });
    });

    await t.test('a close without an answer, and results that are shown', async () => {
        const options = ['가', '나'];
        ask({ poll: 'p4', kind: 'single', question: '마지막 질문', options, quiz: true });
        await fold(/질문 4 답해 주세요/).waitFor();
        tell('poll-close', { poll: 'p4' });
        await fold(/질문 4 마감/).waitFor();
        await answer.waitFor({ state: 'detached' });
        tell('poll-results', { poll: 'p4', total: 3, counts: [1, 2], right: [1] });
        await page.getByText('우리 반 결과').waitFor();
        await checkAccessibility(page);
    });

    assert.deepEqual(complaints(), []);
});

test('students talk to each other where they may', { timeout: limit(90_000) }, async (t) => {
    const XSS = '<i>서연</i>';
    const { server, host, page, complaints, log } = await setUp(t, { query: { talk: 'all' } });
    const field = page.getByRole('textbox', { name: '메시지' });
    const send = page.getByRole('button', { name: '보내기', exact: true });
    const other = await asStudent(server, CODE, { sub: 's2', name: XSS });

    await t.test('and see who wrote', async () => {
        other.send({ targetType: 'all', messageType: 'send', message: '저희는 99도요!' });
        await log.getByRole('listitem').filter({ hasText: '저희는 99도요!' }).waitFor();
        await log.getByText(XSS, { exact: true }).waitFor();
        assert.equal(await page.locator('main i').count(), 0);
        await field.fill('선생님께만');
        await send.click();
        await host.next({ messageType: 'send', message: '선생님께만' });
        await page.getByRole('button', { name: '모두', exact: true }).click();
        await field.fill('모두에게');
        await send.click();
        await other.next({ messageType: 'send', message: '모두에게' });
        await host.next({ messageType: 'send', message: '모두에게' });
        await log.locator('.line-mine.line-sent').nth(1).waitFor();
        // The label of two messages, and the text of one of them.
        assert.equal(await log.getByText('모두에게', { exact: true }).count(), 3);
        await other.sync();
        assert.ok(!other.messages.some(({ message }) => message === '선생님께만'));
        await checkAccessibility(page);
    });

    await t.test('a class that stops talking: what is written goes to the teacher', async () => {
        await field.fill('아직 쓰는 중');
        host.send({ messageType: 'settings', message: { talk: 'teacher' } });
        await page.getByRole('button', { name: '모두', exact: true }).waitFor({ state: 'detached' });
        assert.equal(await field.inputValue(), '아직 쓰는 중');
        await send.click();
        await host.next({ messageType: 'send', message: '아직 쓰는 중' });
        await other.sync();
        assert.ok(!other.messages.some(({ message }) => message === '아직 쓰는 중'));
    });

    assert.deepEqual(complaints(), []);
});

test('a conversation in the dark', { timeout: limit(60_000) }, async (t) => {
    const { host, page, complaints, me, log, say } = await setUp(t, { query: { name: '3학년 2반 과학' } });
    const line = (text) => log.getByRole('listitem').filter({ hasText: text });
    say('여러분, 실험 결과를 보내 주세요.');
    await line('여러분, 실험 결과를 보내 주세요.').getByText('김하늘', { exact: true }).waitFor();
    await page.getByRole('textbox', { name: '메시지' }).fill('물이 98도에서 끓었어요.');
    await page.getByRole('button', { name: '보내기', exact: true }).click();
    await host.next({ messageType: 'send', sender: me });
    say('왜 100도가 아닐까요?', { target: me });
    await line('왜 100도가 아닐까요?').getByText('나에게만', { exact: true }).waitFor();
    await log.locator('.line-sent').nth(2).waitFor();
    await connected(page);
    await page.evaluate(() => document.activeElement.blur());
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
    await checkAccessibility(page);
    await screenshot(page, 'student-dark');
    assert.deepEqual(complaints(), []);
});

test('reading', { timeout: limit(120_000) }, async (t) => {
    const { host, page, complaints, me, log, say, tell, ask, seenSent } = await setUp(t);
    const idOf = async (message) => {
        const answer = await host.request({ targetType: 'student', messageType: 'send', message });
        return answer.message.id;
    };
    const seen = (id) => {
        const tells = ({ messageType, message }) => messageType === 'seen' && message[me] === id;
        const told = () => host.messages.some(tells);
        return waitFor(told, { timeout: limit(20_000), what: `seen ${id}` });
    };

    await t.test('tells what was on the screen', async () => {
        await seen(await idOf('첫 줄'));
    });

    await t.test('a text longer than the screen counts once it fills it', async () => {
        const long = await idOf(`긴 글 ${'아주 긴 글이에요. '.repeat(300)}`);
        await seen(long);
    });

    await t.test('stays where one reads, and says how much is new', async () => {
        for (let line = 0; line < 40; line += 1) say(`줄 ${line}`);
        await log.getByText('줄 39', { exact: true }).waitFor();
        await log.evaluate((box) => {
            box.scrollTop = 0;
        });
        await drawn(page);
        const late = await idOf('아래에 온 줄');
        await page.getByRole('button', { name: /^새 메시지 1개/ }).waitFor();
        assert.equal(await log.evaluate((box) => box.scrollTop), 0);
        await checkAccessibility(page);
        assert.ok(!seenSent.includes(late), 'it was not on the screen');
        await page.getByRole('button', { name: /^새 메시지 1개/ }).click();
        await log.getByText('아래에 온 줄', { exact: true }).waitFor();
        await seen(late);
        await page.getByRole('button', { name: /^새 메시지/ }).waitFor({ state: 'detached' });
        assert.ok(await log.evaluate((one) => document.activeElement === one), 'the focus stays in the list');
    });

    await t.test('a question that opens does not move what one reads', async () => {
        const line = log.getByText('줄 20', { exact: true });
        await line.evaluate((element) => element.scrollIntoView({ block: 'end' }));
        const place = () => line.evaluate((element) => element.getBoundingClientRect().bottom);
        const before = await place();
        const question = '어디까지 읽었나요?';
        ask({ poll: 'p1', kind: 'short', question });
        await page.getByRole('heading', { name: question }).waitFor();
        await drawn(page);
        assert.ok(Math.abs((await place()) - before) <= 1);
        tell('poll-close', { poll: 'p1' });
        await page.getByRole('button', { name: /질문 1 마감/, expanded: true }).click();
        await log.evaluate((box) => {
            box.scrollTop = box.scrollHeight;
        });
    });

    await t.test('a hidden page sees nothing', async () => {
        // What browsers do when another tab is in front; headless ones always show their pages.
        await page.evaluate(() => {
            const hidden = { value: 'hidden', configurable: true };
            Object.defineProperty(document, 'visibilityState', hidden);
            document.dispatchEvent(new Event('visibilitychange'));
        });
        const id = await idOf('안 보이는 줄');
        await log.getByText('안 보이는 줄', { exact: true }).waitFor();
        // Telling is due at most a second after the last time: long enough for a wrong one to show.
        const start = await page.evaluate(() => performance.now());
        await page.waitForFunction((since) => performance.now() - since > 1500, start);
        assert.ok(!seenSent.includes(id));
        await page.evaluate(() => {
            delete document.visibilityState;
            document.dispatchEvent(new Event('visibilitychange'));
        });
        await seen(id);
    });

    await t.test('five hundred messages: one more is one more, not five hundred', async () => {
        for (let line = 0; line < 500; line += 1) {
            const taken = async () => (await idOf(`많은 줄 ${line}`)) !== undefined;
            // The teacher's limit is 100 a second.
            await waitFor(taken, { timeout: limit(20_000), every: 50 });
        }
        await log.getByText('많은 줄 499', { exact: true }).waitFor({ timeout: limit(30_000) });
        assert.equal(await log.getByRole('listitem').count(), 500);
        await page.evaluate(() => {
            const first = document.querySelector('.conversation li:nth-child(250)');
            window.touched = 0;
            window.kept = first;
            const count = (records) => {
                window.touched += records.length;
            };
            const all = { childList: true, subtree: true, attributes: true, characterData: true };
            new MutationObserver(count).observe(document.querySelector('.conversation ol'), all);
        });
        say('마지막 줄');
        await log.getByText('마지막 줄', { exact: true }).waitFor();
        assert.ok(await page.evaluate(() => window.kept.isConnected));
        // One comes, the oldest goes.
        assert.ok((await page.evaluate(() => window.touched)) <= 4);
        await page.reload();
        await log.getByText('마지막 줄', { exact: true }).waitFor();
        assert.equal(await log.getByRole('listitem').count(), 500);
    });

    await t.test('a text that is too long is not cut, and not lost', async () => {
        const field = page.getByRole('textbox', { name: '메시지' });
        await field.fill('가'.repeat(4010));
        await page.getByText('메시지는 4000자까지예요. 10자를 줄이세요.').waitFor();
        assert.ok(await page.getByRole('button', { name: '보내기', exact: true }).isDisabled());
        assert.equal((await field.inputValue()).length, 4010);
        await checkAccessibility(page);
    });

    assert.deepEqual(complaints(), []);
});

test('a reload in a long conversation keeps the question, the answer and the hand', {
    timeout: limit(120_000),
}, async (t) => {
    const { host, page, complaints, log, say, tell, ask } = await setUp(t);
    const hand = page.getByRole('button', { name: '손들기', pressed: true });
    await connected(page);
    ask({ poll: 'p1', kind: 'single', question: '첫 질문', options: ['가', '나'] });
    await page.getByText('나', { exact: true }).click();
    await page.getByRole('button', { name: '답 보내기' }).click();
    await host.next({ messageType: 'answer' });
    ask({ poll: 'p2', kind: 'short', question: '열린 질문' });
    await page.getByRole('heading', { name: '열린 질문' }).waitFor();
    await page.getByRole('button', { name: '손들기' }).click();
    await host.next({ messageType: 'hand' });
    await hand.waitFor();
    for (let line = 0; line < 520; line += 1) {
        const plain = { targetType: 'student', messageType: 'send', message: `줄 ${line}` };
        const taken = async () => (await host.request(plain)).message?.id !== undefined;
        // The teacher's limit is 100 a second.
        await waitFor(taken, { timeout: limit(20_000), every: 50 });
    }
    await log.getByText('줄 519', { exact: true }).waitFor({ timeout: limit(30_000) });
    for (let round = 0; round < 2; round += 1) {
        await page.reload();
        await log.getByText('줄 519', { exact: true }).waitFor();
        await hand.waitFor();
        await page.getByRole('heading', { name: '열린 질문' }).waitFor();
    }
    await page.getByRole('button', { name: '이전 질문' }).click();
    await page.getByRole('heading', { name: '첫 질문' }).waitFor();
    await page.locator('.poll-answered').getByText('B. 나').waitFor();
    tell('poll-close', { poll: 'p1' });
    await page.locator('.poll').getByText('마감', { exact: true }).waitFor();
    await page.reload();
    await hand.waitFor();
    await page.getByRole('heading', { name: '열린 질문' }).waitFor();
    say('끝');
    await log.getByText('끝', { exact: true }).waitFor();
    assert.deepEqual(complaints(), []);
});

test('results of an earlier question are looked at when they are shown', {
    timeout: limit(60_000),
}, async (t) => {
    const { page, complaints, tell, ask } = await setUp(t);
    await connected(page);
    ask({ poll: 'p1', kind: 'single', question: '첫 질문', options: ['가', '나'] });
    ask({ poll: 'p2', kind: 'single', question: '둘째 질문', options: ['다', '라'] });
    await page.getByRole('heading', { name: '둘째 질문' }).waitFor();
    tell('poll-close', { poll: 'p1' });
    tell('poll-results', { poll: 'p1', total: 3, counts: [1, 2] });
    await page.getByRole('heading', { name: '첫 질문' }).waitFor();
    await page.getByRole('heading', { name: '우리 반 결과' }).waitFor();
    assert.deepEqual(complaints(), []);
});

test('a message that is sent again is shown once', { timeout: limit(60_000) }, async (t) => {
    const { host, page, complaints, me, log, say, tell } = await setUp(t);
    await connected(page);
    const plain = { targetType: 'student', messageType: 'send', message: '준비물: 자' };
    const { message: known } = await host.request(plain);
    await log.getByText('준비물: 자', { exact: true }).waitFor();
    tell('again', { id: known.id, type: 'send', message: '준비물: 자' }, { target: me });
    const missed = known.id.replace(/-\d+$/, '-999');
    tell('again', { id: missed, type: 'send', message: '놓친 글' }, { target: me });
    await log.getByText('놓친 글', { exact: true }).waitFor();
    say('다음');
    await log.getByText('다음', { exact: true }).waitFor();
    assert.deepEqual(await page.locator('.bubble').allTextContents(), ['준비물: 자', '놓친 글', '다음']);
    await page.reload();
    await log.getByText('다음', { exact: true }).waitFor();
    assert.deepEqual(await page.locator('.bubble').allTextContents(), ['준비물: 자', '놓친 글', '다음']);
    assert.deepEqual(complaints(), []);
});

test('a keyboard that covers the page', { timeout: limit(60_000) }, async (t) => {
    // As on iOS, where the page keeps its size and only a part of it is in sight.
    const cover = () => {
        const viewport = new EventTarget();
        viewport.height = window.innerHeight;
        viewport.scale = 1;
        viewport.offsetTop = 0;
        window.coverTo = (height, scale = 1) => {
            viewport.height = height;
            viewport.scale = scale;
            viewport.dispatchEvent(new Event('resize'));
        };
        Object.defineProperty(window, 'visualViewport', { value: viewport });
    };
    const { page, complaints } = await setUp(t, { before: cover });
    await connected(page);
    const send = page.getByRole('button', { name: '보내기', exact: true });
    const lower = () => send.evaluate((button) => button.getBoundingClientRect().bottom);
    const bare = await lower();
    await page.evaluate(() => window.coverTo(480));
    assert.ok((await lower()) <= 480, 'the line one writes on is in sight');
    await page.evaluate(() => window.coverTo(window.innerHeight));
    assert.equal(await lower(), bare);
    await page.evaluate(() => window.coverTo(400, 2));
    assert.equal(await lower(), bare, 'zoomed in, nothing is covered');
    assert.deepEqual(complaints(), []);
});

test('in English, with the keyboard alone', { timeout: limit(60_000) }, async (t) => {
    const { host, page, complaints, log, say } = await setUp(t, { locale: 'en-US', name: 'Min' });
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
    await connected(page);
    say('Good morning');
    await log.getByText('Good morning').waitFor();
    const focus = async (name) => {
        for (let presses = 0; presses < 30; presses += 1) {
            await page.keyboard.press('Tab');
            const here = await page.evaluate(() => {
                const { ariaLabel, textContent, labels } = document.activeElement;
                return ariaLabel || labels?.[0]?.textContent || textContent;
            });
            if (here === name) return;
        }
        assert.fail(`no Tab leads to ${name}`);
    };
    await focus('Raise hand');
    await page.keyboard.press('Space');
    await host.next({ messageType: 'hand' });
    await focus('Heart');
    await page.keyboard.press('Enter');
    assert.equal((await host.next({ messageType: 'reaction' })).message, '❤️');
    await focus('Message');
    await page.keyboard.type('Good morning to you');
    await focus('Send');
    await page.keyboard.press('Enter');
    await host.next({ messageType: 'send', message: 'Good morning to you' });
    await checkAccessibility(page);
    await page.getByRole('button', { name: '한국어' }).click();
    await connected(page);
    await log.getByText('나', { exact: true }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'ko');
    assert.deepEqual(complaints(), []);
});
