/** Questions to the class: what counts as one, counting, and the story that the messages tell. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from '../client/support.mjs';

const { parseQuestion, parseValue, parseRight, parseResults, isRight, tally, shareable } =
    await load('../ui/model/poll');
const { Polls } = await load('../ui/model/polls');
const { askClass, askAgain } = await load('../ui/poll/actions');
const { problemOf, finishDraft, emptyDraft, restoreDraft } = await load('../ui/poll/draft');

const START = 1_700_000_000_000;
const id = (n) => `abcdef.${START + n}-0`;
const host = { user: { id: 't1', name: 'T', userType: 'teacher' }, host: null, hosting: true };
const pupil = (userId) => ({
    user: { id: userId, name: userId, userType: 'student' },
    host: null,
    hosting: false,
});

const from = (senderType, sender, targetType) => (n, messageType, message, key) => ({
    kind: 'message',
    mine: key !== undefined,
    ...(key === undefined ? {} : { key }),
    message: { id: id(n), ts: START + n, senderType, sender, targetType, messageType, message },
});
const teacher = from('teacher', 't1', 'student');
const student = (userId) => from('student', userId, 'teacher');

const COLOURS = {
    poll: 'p1',
    kind: 'single',
    question: 'Which?',
    options: ['Red', 'Green', 'Blue'],
    quiz: false,
    hidden: false,
};

/** The part after those events, for that user. */
function told(around, ...events) {
    const polls = new Polls();
    for (const event of events) polls.take(event, around);
    return polls;
}

test('what is no question is ignored', () => {
    assert.equal(parseQuestion(COLOURS).options.length, 3);
    const wrong = [
        null,
        'text',
        { ...COLOURS, poll: 'no blanks' },
        { ...COLOURS, poll: 'x'.repeat(65) },
        { ...COLOURS, kind: 'constructor' },
        { ...COLOURS, question: '   ' },
        { ...COLOURS, options: ['only one'] },
        { ...COLOURS, options: ['a', 2] },
        { ...COLOURS, options: Array(13).fill('a') },
        { ...COLOURS, kind: 'scale' },
        { ...COLOURS, kind: 'scale', scale: { min: 3, max: 3 } },
        { ...COLOURS, kind: 'scale', scale: { min: 0, max: 11 } },
    ];
    for (const body of wrong) assert.equal(parseQuestion(body), null, JSON.stringify(body));
    const scale = parseQuestion({ ...COLOURS, kind: 'scale', scale: { min: 0, max: 10 } });
    assert.deepEqual(scale.scale, { min: 0, max: 10 });
});

test('what is no answer is ignored', () => {
    const multiple = { ...COLOURS, kind: 'multiple' };
    const scale = { ...COLOURS, kind: 'scale', options: [], scale: { min: 1, max: 5 } };
    const short = { ...COLOURS, kind: 'short', options: [] };
    assert.equal(parseValue(COLOURS, 2), 2);
    for (const value of [3, -1, 0.5, '1', null, [1]]) {
        assert.equal(parseValue(COLOURS, value), null);
    }
    assert.deepEqual(parseValue(multiple, [2, 0]), [0, 2]);
    for (const value of [[], [0, 0], [3], 1]) assert.equal(parseValue(multiple, value), null);
    assert.equal(parseValue(scale, 5), 5);
    for (const value of [0, 6, 2.5, '3']) assert.equal(parseValue(scale, value), null);
    assert.equal(parseValue(short, '  물  '), '물');
    for (const value of ['', ' ', 'x'.repeat(501), 5]) assert.equal(parseValue(short, value), null);
});

test('answers are counted by kind', () => {
    assert.deepEqual(tally(COLOURS, [0, 2, 2]), { total: 3, counts: [1, 0, 2] });
    const multiple = { ...COLOURS, kind: 'multiple' };
    assert.deepEqual(tally(multiple, [[0, 2], [2]]), { total: 2, counts: [1, 0, 2] });
    const scale = { ...COLOURS, kind: 'scale', options: [], scale: { min: 2, max: 4 } };
    assert.deepEqual(tally(scale, [2, 4, 4]), { total: 3, counts: [1, 0, 2], mean: 10 / 3 });
    assert.equal(tally(scale, []).mean, null);
    const short = { ...COLOURS, kind: 'short', options: [] };
    assert.deepEqual(tally(short, ['Water', 'ice', ' water ']).texts, [
        ['Water', 2],
        ['ice', 1],
    ]);
});

test('right answers are told from wrong ones', () => {
    assert.equal(isRight(COLOURS, [1, 2], 2), true);
    assert.equal(isRight(COLOURS, [1, 2], 0), false);
    const multiple = { ...COLOURS, kind: 'multiple' };
    assert.equal(isRight(multiple, [2, 0], [0, 2]), true);
    assert.equal(isRight(multiple, [0, 2], [0]), false);
    const short = { ...COLOURS, kind: 'short' };
    assert.equal(isRight(short, ['서울', 'Seoul'], ' seoul'), true);
    // The same syllables, put together otherwise.
    assert.equal(isRight(short, ['서울'], '서울'.normalize('NFD')), true);
    assert.equal(isRight(short, ['서울'], '부산'), false);
    assert.equal(parseRight(COLOURS, [3]), null);
    assert.equal(parseRight(COLOURS, []), null);
    assert.deepEqual(parseRight(short, ['a']), ['a']);
});

test('a class: asked, answered, answered anew, shown, closed', () => {
    const polls = told(
        host,
        teacher(1, 'poll', COLOURS, 'own-1'),
        student('s1')(2, 'answer', { poll: 'p1', value: 0 }),
        student('s2')(3, 'answer', { poll: 'p1', value: 2 }),
        student('s1')(4, 'answer', { poll: 'p1', value: 1 }),
        student('s3')(5, 'answer', { poll: 'p1', value: 99 }),
        student('s3')(5, 'answer', { poll: 'other', value: 1 }),
    );
    const [open] = polls.view();
    assert.equal(open.status, 'open');
    assert.deepEqual(open.results, { total: 2, counts: [0, 1, 1] });
    polls.take(teacher(6, 'poll-results', { poll: 'p1', total: 2, counts: [0, 1, 1] }), host);
    polls.take(teacher(7, 'poll-close', { poll: 'p1' }), host);
    polls.take(student('s3')(8, 'answer', { poll: 'p1', value: 0 }), host);
    const [closed] = polls.view();
    assert.equal(closed.status, 'closed');
    assert.equal(closed.results.total, 2, 'what comes after the close does not count');
    assert.deepEqual(closed.shown.counts, [0, 1, 1]);
    assert.equal(open.status, 'open', 'a view that was given does not change');
});

test('the close has its place even where its answer comes late', () => {
    const polls = told(
        host,
        teacher(1, 'poll', COLOURS, 'own-1'),
        student('s1')(2, 'answer', { poll: 'p1', value: 0 }),
        // Both after the close, whose place is known only later.
        student('s1')(10, 'answer', { poll: 'p1', value: 1 }),
        student('s2')(11, 'answer', { poll: 'p1', value: 1 }),
        teacher(9, 'poll-close', { poll: 'p1' }, 'own-2'),
    );
    assert.deepEqual(polls.view()[0].results, { total: 1, counts: [1, 0, 0] });
});

test('an answer that was sent in time counts though the close was heard first', () => {
    const polls = told(
        pupil('s1'),
        teacher(1, 'poll', COLOURS),
        { kind: 'sending', key: 'own-1', outgoing: answer(2), ts: START },
        teacher(9, 'poll-close', { poll: 'p1' }),
        student('s1')(8, 'answer', { poll: 'p1', value: 2 }, 'own-1'),
    );
    assert.deepEqual(polls.view()[0].own, { value: 2, status: 'sent' });
});

function answer(value) {
    return { targetType: 'teacher', messageType: 'answer', message: { poll: 'p1', value } };
}

test("a student's answer: on its way, refused, given anew", () => {
    const me = pupil('s1');
    const polls = told(me, teacher(1, 'poll', COLOURS));
    assert.equal(polls.view()[0].own, null);
    polls.take({ kind: 'sending', key: 'a', outgoing: answer(0), ts: START }, me);
    assert.deepEqual(polls.view()[0].own, { value: 0, status: 'sending' });
    polls.take({ kind: 'failed', key: 'a', error: { code: 'offline' } }, me);
    assert.equal(polls.view()[0].own.status, 'failed');
    polls.take({ kind: 'sending', key: 'b', outgoing: answer(1), ts: START }, me);
    polls.take(student('s1')(3, 'answer', { poll: 'p1', value: 1 }, 'b'), me);
    assert.deepEqual(polls.view()[0].own, { value: 1, status: 'sent' });
});

test("students know nobody else's answer, and no key before it is shown", () => {
    const me = pupil('s1');
    const quiz = { ...COLOURS, quiz: true };
    const polls = told(
        me,
        teacher(1, 'poll', quiz),
        student('s2')(2, 'answer', { poll: 'p1', value: 1 }),
        student('s9')(3, 'poll-results', { poll: 'p1', total: 9, counts: [9, 0, 0] }),
        student('s9')(4, 'poll-close', { poll: 'p1' }),
    );
    const [before] = polls.view();
    assert.deepEqual([before.own, before.right, before.shown], [null, null, null]);
    assert.equal(before.status, 'open', 'only the teacher closes');
    const body = { poll: 'p1', total: 1, counts: [0, 1, 0], right: [1] };
    polls.take(teacher(5, 'poll-results', body), me);
    assert.deepEqual(polls.view()[0].right, [1]);
});

test('the key of a quiz may come before or after it', () => {
    const quiz = { ...COLOURS, quiz: true };
    const key = from('teacher', 't1', 'teacher')(1, 'poll-key', { poll: 'p1', right: [2] });
    assert.deepEqual(told(host, key, teacher(2, 'poll', quiz)).view()[0].right, [2]);
    assert.deepEqual(told(host, teacher(2, 'poll', quiz), key).view()[0].right, [2]);
});

test('a question that was refused stays until it is given up', () => {
    const outgoing = { targetType: 'student', messageType: 'poll', message: COLOURS };
    const polls = told(host, { kind: 'sending', key: 'a', outgoing, ts: START });
    assert.equal(polls.view()[0].status, 'sending');
    polls.take({ kind: 'failed', key: 'a', error: { code: 'offline' } }, host);
    assert.equal(polls.view()[0].status, 'failed');
    polls.take({ kind: 'dropped', key: 'a' }, host);
    assert.deepEqual(polls.view(), []);
});

test('a thousand answers fold quickly enough to be drawn at once', () => {
    const polls = told(host, teacher(1, 'poll', COLOURS));
    let views = 0;
    for (let n = 0; n < 1000; n += 1) {
        polls.take(student(`s${n}`)(n + 2, 'answer', { poll: 'p1', value: n % 3 }), host);
        if (n % 100 === 99) views += polls.view()[0].results.total;
    }
    assert.equal(views, 5500);
    assert.deepEqual(polls.view()[0].results.counts, [334, 333, 333]);
});

test('results that are shown fit into one message', () => {
    const texts = Array.from({ length: 1000 }, (_, n) => [`${n} ${'가'.repeat(490)}`, 1]);
    const shown = shareable({ total: 1000, texts }, ['a']);
    assert.ok(Buffer.byteLength(JSON.stringify(shown)) < 60_000);
    assert.ok(shown.texts.length > 10);
    assert.equal(parseResults({ ...COLOURS, kind: 'short' }, shown).total, 1000);
    assert.equal(parseResults(COLOURS, { total: 1, counts: [1] }), null);
});

test('a draft is asked only when it makes sense, and says what does not', () => {
    const draft = { ...emptyDraft(), question: 'Why?' };
    const options = (...texts) => texts.map((text) => ({ text, right: false }));
    assert.equal(problemOf({ ...draft, question: ' ' }).text, 'needQuestion');
    assert.equal(problemOf(draft).text, 'needOptions');
    assert.equal(problemOf({ ...draft, options: options('a', 'a ') }).text, 'sameOptions');
    const good = { ...draft, options: options('a', '', 'b') };
    assert.equal(problemOf(good), null);
    assert.deepEqual(finishDraft(good).question.options, ['a', 'b']);
    assert.equal(problemOf({ ...good, quiz: true }).text, 'needRight');
    const quiz = { ...good, quiz: true, options: options('a', '', 'b') };
    quiz.options[2].right = true;
    assert.deepEqual(finishDraft(quiz).right, [1], 'counted without the empty one');
    const short = { ...draft, kind: 'short', quiz: true };
    assert.equal(problemOf({ ...short, rightTexts: ' , ' }).text, 'needRight');
    assert.deepEqual(finishDraft({ ...short, rightTexts: '서울, Seoul' }).right, ['서울', 'Seoul']);
    const scale = { ...draft, kind: 'scale' };
    assert.equal(problemOf({ ...scale, min: 5, max: 5 }).text, 'badSteps');
    assert.equal(problemOf({ ...scale, quiz: true, rightStep: 9 }).text, 'needRight');
    assert.deepEqual(finishDraft({ ...scale, maxLabel: ' easy ' }).question.scale, {
        min: 1,
        max: 5,
        maxLabel: 'easy',
    });
});

test('a kept draft that makes no sense is none', () => {
    const draft = { ...emptyDraft(), question: 'Why?', rightStep: 3 };
    assert.deepEqual(restoreDraft(JSON.parse(JSON.stringify(draft))), draft);
    for (const kept of [null, 'x', { options: [1] }, { question: 5 }]) {
        assert.deepEqual(restoreDraft(kept), emptyDraft());
    }
});

test('a quiz that was refused is asked again with its key, which goes first', async () => {
    const polls = new Polls();
    const sent = [];
    const error = { code: 'unavailable' };
    const send = async (outgoing) => {
        const key = `own-${sent.push(outgoing)}`;
        polls.take({ kind: 'sending', key, outgoing, ts: START }, host);
        polls.take({ kind: 'failed', key, error }, host);
        return { ok: false, error };
    };
    const { poll: _, ...question } = { ...COLOURS, quiz: true };
    await askClass({ send }, question, [1]);
    const [poll] = polls.view();
    assert.deepEqual([poll.status, poll.right], ['failed', [1]]);
    const resend = (key) => sent.push({ resent: key });
    askAgain({ send, resend }, poll);
    assert.deepEqual(
        sent.map(({ messageType, resent }) => messageType ?? resent),
        ['poll-key', 'poll', 'poll-key', 'own-2'],
    );
    assert.deepEqual(sent[2].message, { poll: poll.poll, right: [1] });
});
