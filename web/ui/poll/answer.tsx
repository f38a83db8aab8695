/** The form in which a student answers. What is chosen or typed survives a reload. */

import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { POLL_LIMITS, parseValue, stepsOf } from '../model/poll';
import type { PollKind, Question, Value } from '../model/poll';
import { tab } from '../storage';
import { letter } from './format';
import { t } from './strings';
import type { StringKey } from './strings';

const ASK: Record<PollKind, StringKey> = {
    single: 'pickOne',
    multiple: 'pickSeveral',
    short: 'writeShort',
    scale: 'pickStep',
};

interface AnswerFormProps {
    question: Question;
    /** Where the draft is kept in the tab. */
    draftKey: string;
    /** What was answered before, to be changed. */
    before: Value | null;
    disabled: boolean;
    onAnswer(value: Value): void;
    /** Gives up changing what was answered before. */
    onCancel?: (() => void) | undefined;
}

export function AnswerForm(props: AnswerFormProps): JSX.Element {
    const { question, draftKey, before, disabled, onAnswer, onCancel } = props;
    const [value, setValue] = useState<Value | null>(
        () => parseValue(question, tab.get(draftKey)) ?? before,
    );
    const change = (next: Value): void => {
        setValue(next);
        tab.set(draftKey, next);
    };
    const sound = value === null ? null : parseValue(question, value);
    const submit = (event: Event): void => {
        event.preventDefault();
        if (sound === null || disabled) return;
        tab.remove(draftKey);
        onAnswer(sound);
    };
    return (
        <form class="poll-answer" onSubmit={submit} noValidate>
            {question.kind === 'short' ? (
                <TextAnswer value={value} onChange={change} />
            ) : (
                <Choices question={question} value={value} onChange={change} />
            )}
            <div class="row row-end">
                {onCancel && (
                    <button type="button" onClick={onCancel}>
                        {t('keepAnswer')}
                    </button>
                )}
                <button type="submit" class="primary" disabled={disabled || sound === null}>
                    {t('answer')}
                </button>
            </div>
        </form>
    );
}

interface AnswerProps {
    value: Value | null;
    onChange(value: Value): void;
}

function TextAnswer({ value, onChange }: AnswerProps): JSX.Element {
    const id = useId();
    return (
        <div class="field">
            <label for={id}>{t('writeShort')}</label>
            <input
                id={id}
                maxLength={POLL_LIMITS.answer}
                autocomplete="off"
                enterkeyhint="send"
                value={typeof value === 'string' ? value : ''}
                onInput={(event) => onChange(event.currentTarget.value)}
            />
        </div>
    );
}

function Choices({ question, value, onChange }: AnswerProps & { question: Question }): JSX.Element {
    const name = useId();
    const { kind, options, scale } = question;
    const several = kind === 'multiple';
    const chosen = typeof value === 'object' && value !== null ? value : [];
    const toggle = (place: number): void =>
        onChange(
            chosen.includes(place)
                ? chosen.filter((other) => other !== place)
                : [...chosen, place].sort((a, b) => a - b),
        );
    const places = scale ? stepsOf(scale) : options.map((_, index) => index);
    return (
        <fieldset class={scale ? 'choices choices-scale' : 'choices'}>
            <legend class="hint">{t(ASK[kind])}</legend>
            <div class="choice-list">
                {places.map((place) => (
                    <label class="choice" key={place}>
                        <input
                            type={several ? 'checkbox' : 'radio'}
                            name={name}
                            checked={several ? chosen.includes(place) : value === place}
                            onChange={() => (several ? toggle(place) : onChange(place))}
                        />
                        {!scale && (
                            <span class="bar-mark" aria-hidden="true">
                                {letter(place)}
                            </span>
                        )}
                        <span>{scale ? place : options[place]}</span>
                    </label>
                ))}
            </div>
            {(scale?.minLabel || scale?.maxLabel) && (
                <div class="scale-labels">
                    <span>{scale.minLabel}</span>
                    <span>{scale.maxLabel}</span>
                </div>
            )}
        </fieldset>
    );
}
