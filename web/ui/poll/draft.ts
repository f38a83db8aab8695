/** A question in the making, as it is typed and kept, and the checks before it is asked. */

import { POLL_LIMITS } from '../model/poll';
import type { PollKind, Right } from '../model/poll';
import type { NewQuestion } from './actions';
import type { StringKey } from './strings';

export interface Draft {
    kind: PollKind;
    question: string;
    options: { text: string; right: boolean }[];
    quiz: boolean;
    hidden: boolean;
    /** Of a short answer, commas between. */
    rightTexts: string;
    rightStep: number | null;
    min: number;
    max: number;
    minLabel: string;
    maxLabel: string;
}

export function emptyDraft(): Draft {
    return {
        kind: 'single',
        question: '',
        options: [
            { text: '', right: false },
            { text: '', right: false },
        ],
        quiz: false,
        hidden: false,
        rightTexts: '',
        rightStep: null,
        min: 1,
        max: 5,
        minLabel: '',
        maxLabel: '',
    };
}

/** A kept draft, or an empty one where it is of no use. */
export function restoreDraft(kept: unknown): Draft {
    const empty = emptyDraft();
    if (typeof kept !== 'object' || kept === null) return empty;
    const draft = { ...empty, ...(kept as Partial<Draft>) };
    const sound =
        Array.isArray(draft.options) &&
        draft.options.every(
            (option) => typeof option?.text === 'string' && typeof option.right === 'boolean',
        ) &&
        (Object.keys(empty) as (keyof Draft)[]).every(
            (key) => key === 'rightStep' || typeof draft[key] === typeof empty[key],
        );
    return sound ? draft : empty;
}

export interface Problem {
    field: 'question' | 'options' | 'right' | 'scale';
    text: StringKey;
}

/** What is wrong with a draft; null where it can be asked. */
export function problemOf(draft: Draft): Problem | null {
    const { kind, question, quiz, rightTexts, rightStep, min, max } = draft;
    if (question.trim() === '') return { field: 'question', text: 'needQuestion' };
    if (kind === 'single' || kind === 'multiple') {
        const options = draft.options.filter(({ text }) => text.trim() !== '');
        const texts = options.map(({ text }) => text.trim());
        if (texts.length < 2) return { field: 'options', text: 'needOptions' };
        if (new Set(texts).size < texts.length) return { field: 'options', text: 'sameOptions' };
        if (quiz && !options.some(({ right }) => right)) {
            return { field: 'right', text: 'needRight' };
        }
    }
    if (kind === 'scale' && min >= max) return { field: 'scale', text: 'badSteps' };
    const noStep = rightStep === null || rightStep < min || rightStep > max;
    if (quiz && kind === 'scale' && noStep) return { field: 'right', text: 'needRight' };
    if (quiz && kind === 'short' && splitTexts(rightTexts).length === 0) {
        return { field: 'right', text: 'needRight' };
    }
    return null;
}

function splitTexts(text: string): string[] {
    return text
        .split(/[,，、\n]/)
        .map((one) => one.trim())
        .filter((one) => one !== '')
        .map((one) => one.slice(0, POLL_LIMITS.answer));
}

/** The question of a draft without problems. */
export function finishDraft(draft: Draft): { question: NewQuestion; right: Right | null } {
    const { kind, quiz, hidden, min, max, minLabel, maxLabel } = draft;
    const base = { kind, question: draft.question.trim(), quiz, hidden };
    if (kind === 'short') {
        return {
            question: { ...base, options: [] },
            right: quiz ? splitTexts(draft.rightTexts) : null,
        };
    }
    if (kind === 'scale') {
        const labels = {
            ...(minLabel.trim() === '' ? {} : { minLabel: minLabel.trim() }),
            ...(maxLabel.trim() === '' ? {} : { maxLabel: maxLabel.trim() }),
        };
        return {
            question: { ...base, options: [], scale: { min, max, ...labels } },
            right: quiz ? draft.rightStep : null,
        };
    }
    const options = draft.options.filter(({ text }) => text.trim() !== '');
    const right = options.flatMap((option, index) => (option.right ? [index] : []));
    return {
        question: { ...base, options: options.map(({ text }) => text.trim()) },
        right: quiz ? right : null,
    };
}
