/** Answers and shares in words. */

import { stepsOf } from '../model/poll';
import type { Question, Right, Value } from '../model/poll';
import { language } from '../strings';

/** A, B, C, …: how a class speaks of choices. */
export function letter(index: number): string {
    return String.fromCharCode(65 + index);
}

/** The choices or steps of a question, in their order. */
export function placesOf({ options, scale }: Question): string[] {
    return scale ? stepsOf(scale).map(String) : [...options];
}

export function valueText({ options }: Question, value: Value): string {
    if (typeof value === 'string') return value;
    const indexes = typeof value === 'number' ? [value] : value;
    if (options.length === 0) return indexes.join(', ');
    return indexes.map((index) => `${letter(index)}. ${options[index]}`).join(', ');
}

export function rightText(question: Question, right: Right): string {
    if (typeof right === 'number') return String(right);
    if (question.kind === 'short') return right.join(', ');
    return valueText(question, right as readonly number[]);
}

/** 3.7, with the reader's decimal sign. */
export function decimal(value: number): string {
    return value.toLocaleString(language(), { maximumFractionDigits: 1 });
}

export function percent(count: number, total: number): number {
    return total === 0 ? 0 : Math.round((100 * count) / total);
}
