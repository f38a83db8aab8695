/** What a question, an answer and a result are: their shapes, and the counting. Pure. */

export type PollKind = 'single' | 'multiple' | 'short' | 'scale';

export const POLL_KINDS: readonly PollKind[] = ['single', 'multiple', 'short', 'scale'];

/** Most of each, in a question that others may send too. */
export const POLL_LIMITS = { question: 1000, option: 200, options: 12, answer: 500, scale: 10 };

export interface Scale {
    min: number;
    max: number;
    minLabel?: string;
    maxLabel?: string;
}

export interface Question {
    poll: string;
    kind: PollKind;
    question: string;
    /** Empty but for `single` and `multiple`. */
    options: readonly string[];
    /** For `scale` only. */
    scale?: Scale;
    quiz: boolean;
    /** Results wait for the close. */
    hidden: boolean;
}

/** An index, indexes in order, a text, or a number, by kind. */
export type Value = number | readonly number[] | string;

/** Indexes for `single` (any of them) and `multiple` (all of them), a number, or texts. */
export type Right = number | readonly number[] | readonly string[];

export interface Results {
    /** Who answered. */
    total: number;
    /** By option, or by step of the scale. */
    counts?: readonly number[];
    /** Short answers and how often each was given, the most frequent first. */
    texts?: readonly (readonly [string, number])[];
    /** Of a scale; null while nobody has answered. */
    mean?: number | null;
    right?: Right;
}

type Fields = Record<string, unknown>;

function fields(body: unknown): Fields | null {
    return typeof body === 'object' && body !== null && !Array.isArray(body)
        ? (body as Fields)
        : null;
}

function text(value: unknown, most: number): string | null {
    return typeof value === 'string' && value.trim() !== '' && value.length <= most ? value : null;
}

function isIndex(value: unknown, count: number): value is number {
    return Number.isInteger(value) && (value as number) >= 0 && (value as number) < count;
}

function areIndexes(value: unknown, count: number): value is number[] {
    return (
        Array.isArray(value) &&
        value.every((index) => isIndex(index, count)) &&
        new Set(value).size === value.length
    );
}

/** A question's id, as all messages about it bear it; null for what is none. */
export function parsePollId(body: unknown): string | null {
    const id = fields(body)?.['poll'];
    return typeof id === 'string' && /^[\w.-]{1,64}$/.test(id) ? id : null;
}

function parseScale(value: unknown): Scale | null {
    const { min, max, minLabel, maxLabel } = fields(value) ?? {};
    if (!isIndex(min, POLL_LIMITS.scale) || !isIndex(max, POLL_LIMITS.scale + 1)) return null;
    if (min >= max) return null;
    const from = text(minLabel, POLL_LIMITS.option);
    const to = text(maxLabel, POLL_LIMITS.option);
    return {
        min,
        max,
        ...(from === null ? {} : { minLabel: from }),
        ...(to === null ? {} : { maxLabel: to }),
    };
}

/** The body of a `poll` message; null for what is none. */
export function parseQuestion(body: unknown): Question | null {
    const poll = parsePollId(body);
    const all = fields(body);
    const question = text(all?.['question'], POLL_LIMITS.question);
    const kind = POLL_KINDS.find((known) => known === all?.['kind']);
    if (!all || poll === null || question === null || !kind) return null;
    const { options, scale, quiz, hidden } = all;
    const base = { poll, kind, question, quiz: quiz === true, hidden: hidden === true };
    if (kind === 'scale') {
        const steps = parseScale(scale);
        return steps && { ...base, options: [], scale: steps };
    }
    if (kind === 'short') return { ...base, options: [] };
    if (!Array.isArray(options) || options.length < 2 || options.length > POLL_LIMITS.options) {
        return null;
    }
    const texts = options.map((option) => text(option, POLL_LIMITS.option));
    return texts.every((option) => option !== null)
        ? { ...base, options: texts as string[] }
        : null;
}

/** The value of an `answer` to that question; null for what is none. */
export function parseValue({ kind, options, scale }: Question, value: unknown): Value | null {
    switch (kind) {
        case 'single':
            return isIndex(value, options.length) ? value : null;
        case 'multiple':
            return areIndexes(value, options.length) && value.length > 0
                ? [...value].sort((a, b) => a - b)
                : null;
        case 'short':
            return text(value, POLL_LIMITS.answer)?.trim() ?? null;
        case 'scale':
            return Number.isInteger(value) &&
                (value as number) >= scale!.min &&
                (value as number) <= scale!.max
                ? (value as number)
                : null;
    }
}

export function parseRight({ kind, options, scale }: Question, value: unknown): Right | null {
    if (kind === 'scale') {
        return isIndex(value, scale!.max + 1) && value >= scale!.min ? value : null;
    }
    if (kind === 'short') {
        return Array.isArray(value) &&
            value.length > 0 &&
            value.every((one) => text(one, POLL_LIMITS.answer) !== null)
            ? (value as string[])
            : null;
    }
    return areIndexes(value, options.length) && value.length > 0 ? value : null;
}

/** How texts are compared: without regard to case, blanks and composition. */
export function sameText(value: string): string {
    return value.normalize('NFC').trim().replace(/\s+/g, ' ').toLocaleLowerCase();
}

export function isRight({ kind }: Question, right: Right, value: Value): boolean {
    if (kind === 'scale') return value === right;
    if (kind === 'short') {
        const wanted = sameText(String(value));
        return (right as readonly string[]).some((one) => sameText(one) === wanted);
    }
    const indexes = right as readonly number[];
    if (kind === 'single') return indexes.includes(value as number);
    const chosen = value as readonly number[];
    return chosen.length === indexes.length && chosen.every((index) => indexes.includes(index));
}

/** The steps of a scale. */
export function stepsOf({ min, max }: Scale): number[] {
    return Array.from({ length: max - min + 1 }, (_, step) => min + step);
}

function countTexts(values: readonly string[]): (readonly [string, number])[] {
    const byText = new Map<string, [string, number]>();
    for (const value of values) {
        const key = sameText(value);
        const entry = byText.get(key);
        if (entry) entry[1] += 1;
        else byText.set(key, [value.trim(), 1]);
    }
    return [...byText.values()].sort((a, b) => b[1] - a[1]);
}

/** Counts answers. */
export function tally(question: Question, values: readonly Value[]): Results {
    const total = values.length;
    if (question.kind === 'short') return { total, texts: countTexts(values as string[]) };
    const first = question.scale?.min ?? 0;
    const places = question.scale ? stepsOf(question.scale).length : question.options.length;
    const counts = new Array<number>(places).fill(0);
    for (const value of values) {
        for (const place of typeof value === 'object' ? value : [value as number]) {
            counts[place - first]! += 1;
        }
    }
    if (question.kind !== 'scale') return { total, counts };
    const sum = (values as number[]).reduce((all, value) => all + value, 0);
    return { total, counts, mean: total === 0 ? null : sum / total };
}

function isCount(value: unknown): value is number {
    return Number.isInteger(value) && (value as number) >= 0;
}

/** The body of `poll-results` for that question; null for what is none. */
export function parseResults(question: Question, body: unknown): Results | null {
    const { total, counts, texts, mean, right } = fields(body) ?? {};
    if (!isCount(total)) return null;
    const answer = right === undefined ? null : parseRight(question, right);
    const base = { total, ...(answer === null ? {} : { right: answer }) };
    if (question.kind === 'short') {
        const sound =
            Array.isArray(texts) &&
            texts.every((entry) => typeof entry?.[0] === 'string' && isCount(entry[1]));
        return sound ? { ...base, texts: texts as [string, number][] } : null;
    }
    const places = question.scale ? stepsOf(question.scale).length : question.options.length;
    if (!Array.isArray(counts) || counts.length !== places || !counts.every(isCount)) return null;
    if (question.kind !== 'scale') return { ...base, counts };
    return { ...base, counts, mean: typeof mean === 'number' && isFinite(mean) ? mean : null };
}

/** Most texts, and characters of them in all, that are shown to a class in one message. */
const SHOWN_TEXTS = 100;
const SHOWN_CHARACTERS = 12_000;

/** Results as they are sent to the class: what does not fit into a message is left out. */
export function shareable(results: Results, right: Right | null): Results {
    let characters = 0;
    const texts = results.texts?.slice(0, SHOWN_TEXTS).filter(([one]) => {
        characters += one.length;
        return characters <= SHOWN_CHARACTERS;
    });
    return { ...results, ...(texts ? { texts } : {}), ...(right === null ? {} : { right }) };
}
