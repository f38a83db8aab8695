/** Questions to the class: a teacher's page, a student's phone, the projector, and two more. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asStudent, limit } from '../integration/harness.mjs';
import {
    PROJECTOR,
    checkView,
    openStudent,
    openTeacher,
    startAll,
} from './support.mjs';

const XSS = '<img src=x onerror=alert(1)>';

test('polls and quizzes', { timeout: limit(240_000) }, async (t) => {
    const all = await startAll(t);
    const { page, code, complaints } = await openTeacher(t, all);
    const others = [];
    for (const [sub, name] of [
        ['s1', '민준'],
        ['s2', '서연'],
    ]) {
        others.push(await asStudent(all.server, code, { sub, name }, { query: { history: 0 } }));
    }
    const phone = await openStudent(t, all, code, '지우');
    const mine = phone.page;
    const question = (text) => page.getByRole('region', { name: text });
    const asked = (text) => mine.getByRole('region', { name: text });
    const ask = async (text, kind, fill) => {
        await page.getByRole('button', { name: 'Ask a question' }).click();
        await page.getByLabel('Question', { exact: true }).fill(text);
        await page.getByRole('radio', { name: kind }).check({ force: true });
        await fill();
        await page.getByRole('button', { name: 'Ask the class' }).click();
        await question(text).getByText('Open', { exact: true }).waitFor();
    };
    const options = async (...texts) => {
        for (const [index, text] of texts.entries()) {
            const field = page.getByLabel(`Choice ${index + 1}`, { exact: true });
            await field.fill(text);
            if (index < texts.length - 1) await field.press('Enter');
        }
    };
    /** What the class is asked, as another program hears it; and its answer. */
    const heard = async (text) => {
        for (;;) {
            const { message } = await others[0].next({ messageType: 'poll' });
            if (message.question === text) return message;
        }
    };
    const answer = (from, { poll }, value) =>
        from.send({ targetType: 'teacher', messageType: 'answer', message: { poll, value } });

    // A class that is under way.
    await page.getByRole('textbox', { name: 'Message' }).fill('오늘은 끓는점을 알아봐요.');
    await page.getByRole('textbox', { name: 'Message' }).press('Enter');
    const say = { targetType: 'teacher', messageType: 'send' };
    others[0].send({ ...say, message: '선생님, 저희 조는 98도에서 끓었어요!' });
    others[1].send({ ...say, message: '왜 100도가 아닐까요?' });
    await page.getByText('왜 100도가 아닐까요?').waitFor();

    await t.test('says what is missing, and keeps what was typed over a reload', async () => {
        await page.getByRole('button', { name: 'Ask a question' }).click();
        await page.getByRole('button', { name: 'Ask the class' }).click();
        await page.getByRole('alert').getByText('Write a question.').waitFor();
        await page.getByLabel('Question', { exact: true }).fill('Draft?');
        await options('one', 'one');
        await page.getByRole('button', { name: 'Ask the class' }).click();
        await page.getByRole('alert').getByText('The same choice is there twice.').waitFor();
        await checkView(page, 'poll-form');
        await page.reload();
        await page.getByRole('button', { name: 'Ask a question' }).click();
        assert.equal(await page.getByLabel('Question', { exact: true }).inputValue(), 'Draft?');
        assert.equal(await page.getByLabel('Choice 2', { exact: true }).inputValue(), 'one');
        await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    });

    await t.test('one choice: asked, answered, live bars, shown, closed', async () => {
        const text = '물은 몇 도에서 끓나요?';
        await ask(text, 'One choice', () => options('90 °C', '100 °C', '110 °C'));
        const sent = await heard(text);
        assert.deepEqual(sent.options, ['90 °C', '100 °C', '110 °C']);
        answer(others[0], sent, 1);
        answer(others[1], sent, 0);
        await question(text).getByText('2 of 3 answered').first().waitFor();
        await asked(text).getByLabel('100 °C').check({ force: true });
        await mine.reload();
        assert.equal(await asked(text).getByLabel('100 °C').isChecked(), true, 'the draft is kept');
        await checkView(mine, 'student-poll');
        await asked(text).getByRole('button', { name: 'Answer', exact: true }).click();
        await asked(text).getByText('Your answer was sent.').waitFor();
        const bar = question(text).getByRole('listitem').filter({ hasText: '100 °C' });
        await bar.getByText('(67%)').waitFor();
        // Changed: the later one counts.
        answer(others[1], sent, 1);
        await bar.getByText('(100%)').waitFor();
        await checkView(page, 'teacher-poll');
        await mine.reload();
        // What is answered may be folded until one looks.
        const bar1 = mine.getByRole('button', { name: /^Question 1/ });
        await bar1.getByText('Answered').waitFor();
        if ((await bar1.getAttribute('aria-expanded')) === 'false') await bar1.click();
        await asked(text).getByText('Your answer was sent.').waitFor();
        await page.reload();
        await question(text).getByText('3 of 3 answered').first().waitFor();
        await question(text).getByRole('button', { name: 'Show results to the class' }).click();
        await asked(text).getByText('Results of the class').waitFor();
        await question(text).getByRole('button', { name: 'Close the question' }).click();
        await asked(text).getByText('Closed', { exact: true }).waitFor();
        await checkView(mine, 'student-poll-results');
        answer(others[0], sent, 2);
        await others[0].next({ messageType: 'poll-close' });
        await page.reload();
        await question(text).getByText('3 answered').first().waitFor();
    });

    await t.test('a quiz with hidden results, on the projector too', async () => {
        const text = 'Which are gases?';
        await ask(text, 'Several choices', async () => {
            await options('O₂', 'Fe', 'N₂');
            await page.getByLabel('Quiz, with right answers').check();
            await page.getByLabel('Choice 1 is right').check();
            await page.getByLabel('Choice 3 is right').check();
            await page.getByLabel('Hide the results until closed').check();
        });
        const sent = await heard(text);
        assert.equal(JSON.stringify(sent).includes('right'), false, 'the key stays at home');
        assert.equal(
            others[0].messages.some(({ messageType }) => messageType === 'poll-key'),
            false,
        );
        await question(text).getByText('The results are hidden').waitFor();
        const [projector] = await Promise.all([
            page.context().waitForEvent('page'),
            page.getByRole('button', { name: 'Projector view' }).click(),
        ]);
        await projector.setViewportSize(PROJECTOR.viewport);
        await projector.getByRole('heading', { name: text }).waitFor();
        await projector.getByText('The results come when it is closed.').waitFor();
        await checkView(projector, 'projector-question');
        await asked(text).getByLabel('O₂').check({ force: true });
        await asked(text).getByRole('button', { name: 'Answer', exact: true }).click();
        await asked(text).getByText('Your answer was sent.').waitFor();
        answer(others[0], sent, [0, 2]);
        await projector.getByText('2 of 3 answered').waitFor();
        assert.equal(await projector.locator('.bar-fill').count(), 0);
        await question(text).getByRole('button', { name: 'Close the question' }).click();
        await projector.locator('.bar-right').filter({ hasText: 'N₂' }).waitFor();
        await checkView(projector, 'projector-results');
        // Not told before it is shown.
        assert.equal(await asked(text).getByText('Not right').count(), 0);
        await question(text).getByRole('button', { name: 'Show results to the class' }).click();
        await asked(text).getByText('Not right. The answer: A. O₂, C. N₂').waitFor();
        await projector.getByRole('button', { name: 'Code only' }).click();
        await projector.getByText(code, { exact: true }).waitFor();
        await checkView(projector, 'projector');
        assert.equal(others[0].closeInfo, undefined);
        await projector.close();
    });

    await t.test('short answers are text, whatever they hold', async () => {
        const text = 'Capital of Korea?';
        await ask(text, 'Short answer', async () => {
            await page.getByLabel('Quiz, with right answers').check();
            await page.getByLabel('Right answers, with commas between').fill('서울, Seoul');
        });
        const sent = await heard(text);
        answer(others[0], sent, XSS);
        answer(others[1], sent, 'seoul ');
        await asked(text).getByLabel('Answer in a few words.').fill('서울');
        await mine.reload();
        assert.equal(await asked(text).getByLabel('Answer in a few words.').inputValue(), '서울');
        await asked(text).getByLabel('Answer in a few words.').press('Enter');
        await question(text).getByText(XSS).waitFor();
        assert.equal(await page.locator('img[src=x]').count(), 0);
        await question(text).getByRole('button', { name: 'Close the question' }).click();
        await question(text).getByRole('button', { name: 'Show results to the class' }).click();
        await asked(text).getByText('Right!').waitFor();
        await asked(text).getByText(XSS).waitFor();
        assert.equal(await mine.locator('img[src=x]').count(), 0);
    });

    await t.test('a scale shows its mean, in the other language too', async () => {
        const text = '오늘 수업은 어땠나요?';
        await ask(text, 'Scale', async () => {
            await page.getByLabel('Label of the first').fill('어려웠어요');
            await page.getByLabel('Label of the last').fill('쉬웠어요');
        });
        const sent = await heard(text);
        assert.deepEqual(sent.scale, { min: 1, max: 5, minLabel: '어려웠어요', maxLabel: '쉬웠어요' });
        answer(others[0], sent, 4);
        answer(others[1], sent, 3);
        // By the keyboard alone.
        await asked(text).getByRole('radio', { name: '4' }).focus();
        await mine.keyboard.press('Space');
        await mine.keyboard.press('ArrowRight');
        await checkView(mine, 'student-scale');
        await mine.keyboard.press('Tab');
        await mine.keyboard.press('Enter');
        await asked(text).getByText('Your answer was sent.').waitFor();
        await mine.keyboard.press('Tab');
        await mine.keyboard.press('Enter');
        assert.equal(await asked(text).getByRole('radio', { name: '5' }).isChecked(), true);
        await asked(text).getByRole('button', { name: 'Keep it' }).press('Enter');
        await question(text).getByText('Mean 4').waitFor();
        await page.getByRole('button', { name: 'More' }).click();
        await page.getByRole('button', { name: '한국어' }).click();
        await page.keyboard.press('Escape');
        await question(text).getByText('평균 4').waitFor();
        await checkView(page, 'teacher-scale-ko');
    });

    await t.test('the projector says when the class’s page is gone', async () => {
        const [projector] = await Promise.all([
            page.context().waitForEvent('page'),
            page.getByRole('button', { name: '프로젝터 화면' }).click(),
        ]);
        await projector.getByRole('heading', { name: '오늘 수업은 어땠나요?' }).waitFor();
        await page.reload();
        await projector.getByText('3명 참여').waitFor();
        await page.getByRole('button', { name: '더 보기' }).click();
        await page.getByRole('button', { name: 'English' }).click();
        await projector.getByText('3 here').waitFor();
        await page.close();
        await projector.getByText('Waiting for the teacher’s page.').waitFor();
        await projector.getByRole('heading', { name: '오늘 수업은 어땠나요?' }).waitFor();
    });

    assert.deepEqual(complaints(), []);
    assert.deepEqual(phone.complaints(), []);
});
