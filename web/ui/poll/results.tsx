/** Results as bars: the host's live ones, what the class is shown, what the projector shows. */

import type { JSX } from 'preact';
import type { Question, Results, Right, Value } from '../model/poll';
import { sameText } from '../model/poll';
import { decimal, letter, percent, placesOf } from './format';
import { t } from './strings';

/** Most short answers that are shown one by one. */
const SHOWN_TEXTS = 12;

interface BarProps {
    label: string;
    /** A, B, C, … */
    mark?: string | undefined;
    count: number;
    /** Of all answers: 0 to 1. */
    share: number;
    percent?: number;
    right?: boolean;
    own?: boolean;
}

function Bar(props: BarProps): JSX.Element {
    const { label, mark, count, share, percent: hundredths, right, own } = props;
    return (
        <li class={`bar-row${right ? ' bar-right' : ''}${own ? ' bar-own' : ''}`}>
            <div class="bar-text">
                {mark !== undefined && (
                    <span class="bar-mark" aria-hidden="true">
                        {mark}
                    </span>
                )}
                <span class="bar-label">{label}</span>
                {right && <span class="bar-tag bar-tag-right">✓ {t('isRight')}</span>}
                {own && <span class="bar-tag">{t('yourAnswer')}</span>}
                <span class="bar-count">
                    <strong>{count}</strong>
                    {hundredths !== undefined && ` (${hundredths}%)`}
                </span>
            </div>
            <div class="bar-track" aria-hidden="true">
                <div class="bar-fill" style={{ '--share': share }} />
            </div>
        </li>
    );
}

function isOwn(own: Value | null, place: number): boolean {
    return typeof own === 'object' && own !== null ? own.includes(place) : own === place;
}

function isRightPlace(right: Right | null, place: number): boolean {
    if (typeof right === 'number') return right === place;
    return right !== null && (right as readonly (number | string)[]).includes(place);
}

interface PollResultsProps {
    question: Question;
    results: Results;
    /** Marked where known. */
    right?: Right | null;
    /** A student's own answer, marked. */
    own?: Value | null;
}

function Texts({ results, right, own }: Omit<PollResultsProps, 'question'>): JSX.Element {
    const texts = results.texts ?? [];
    const most = texts[0]?.[1] ?? 1;
    const accepted = new Set(Array.isArray(right) ? right.map((one) => sameText(String(one))) : []);
    const mine = typeof own === 'string' ? sameText(own) : null;
    const rest = texts.length - SHOWN_TEXTS;
    return (
        <>
            <ol class="bars">
                {texts.slice(0, SHOWN_TEXTS).map(([text, count]) => (
                    <Bar
                        key={sameText(text)}
                        label={text}
                        count={count}
                        share={count / most}
                        right={accepted.has(sameText(text))}
                        own={mine === sameText(text)}
                    />
                ))}
            </ol>
            {rest > 0 && <p class="hint">{t('moreTexts', { count: rest })}</p>}
        </>
    );
}

export function PollResults(props: PollResultsProps): JSX.Element {
    const { question, results, right = null, own = null } = props;
    if (results.texts) {
        return results.texts.length === 0 ? (
            <p class="hint">{t('noAnswers')}</p>
        ) : (
            <Texts results={results} right={right} own={own} />
        );
    }
    const first = question.scale?.min ?? 0;
    const { minLabel, maxLabel } = question.scale ?? {};
    const places = placesOf(question);
    const labels = places.map((place, index) => {
        if (index === 0 && minLabel) return `${place} · ${minLabel}`;
        if (index === places.length - 1 && maxLabel) return `${place} · ${maxLabel}`;
        return place;
    });
    return (
        <>
            {results.mean !== undefined && results.mean !== null && (
                <p class="poll-mean">{t('mean', { mean: decimal(results.mean) })}</p>
            )}
            <ol class={`bars${question.kind === 'scale' ? ' bars-scale' : ''}`}>
                {labels.map((label, index) => {
                    const count = results.counts?.[index] ?? 0;
                    return (
                        <Bar
                            key={index}
                            label={label}
                            mark={question.scale ? undefined : letter(index)}
                            count={count}
                            share={results.total === 0 ? 0 : count / results.total}
                            percent={percent(count, results.total)}
                            right={isRightPlace(right, first + index)}
                            own={isOwn(own, first + index)}
                        />
                    );
                })}
            </ol>
        </>
    );
}
