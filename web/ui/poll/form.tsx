/** The form in which the host makes a question. What is typed survives a reload. */

import type { JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { POLL_KINDS, POLL_LIMITS } from '../model/poll';
import type { Right } from '../model/poll';
import { tab } from '../storage';
import type { NewQuestion } from './actions';
import { emptyDraft, finishDraft, problemOf, restoreDraft } from './draft';
import type { Draft, Problem } from './draft';
import { Options } from './form-options';
import { about } from './form-part';
import type { PartProps } from './form-part';
import { ScaleFields } from './form-scale';
import { t } from './strings';

interface PollFormProps {
    /** Where the draft is kept in the tab. */
    draftKey: string;
    disabled?: boolean;
    onAsk(question: NewQuestion, right: Right | null): void;
    onCancel(): void;
}

export function PollForm({ draftKey, disabled, onAsk, onCancel }: PollFormProps): JSX.Element {
    const [draft, setDraft] = useState(() => restoreDraft(tab.get(draftKey)));
    const [problem, setProblem] = useState<Problem | null>(null);
    const form = useRef<HTMLFormElement>(null);
    const name = useId();
    const change = (changes: Partial<Draft>): void => {
        const next = { ...draft, ...changes };
        setDraft(next);
        setProblem(null);
        tab.set(draftKey, next);
    };
    useEffect(() => {
        form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
    }, [problem]);
    const submit = (event: Event): void => {
        event.preventDefault();
        const found = problemOf(draft);
        setProblem(found);
        if (found || disabled) return;
        const { question, right } = finishDraft(draft);
        tab.remove(draftKey);
        setDraft(emptyDraft());
        onAsk(question, right);
    };
    const part = { draft, problem, change };
    return (
        <form class="poll-form" ref={form} onSubmit={submit} noValidate>
            <fieldset class="segments">
                <legend class="unseen">{t('kind')}</legend>
                {POLL_KINDS.map((kind) => (
                    <label key={kind}>
                        <input
                            type="radio"
                            name={name}
                            checked={draft.kind === kind}
                            onChange={() => change({ kind })}
                        />
                        <span>{t(kind)}</span>
                    </label>
                ))}
            </fieldset>
            <QuestionField {...part} />
            {(draft.kind === 'single' || draft.kind === 'multiple') && <Options {...part} />}
            {draft.kind === 'scale' && <ScaleFields {...part} />}
            <div class="checks">
                <Check label={t('quiz')} on={draft.quiz} onChange={(quiz) => change({ quiz })} />
                <Check
                    label={t('hidden')}
                    on={draft.hidden}
                    onChange={(hidden) => change({ hidden })}
                />
            </div>
            {draft.quiz && draft.kind === 'short' && <RightTexts {...part} />}
            {problem && (
                <p class="field-error" id="poll-problem" role="alert">
                    {t(problem.text)}
                </p>
            )}
            <div class="row row-end">
                <button type="button" onClick={onCancel}>
                    {t('cancel')}
                </button>
                <button type="submit" class="primary" disabled={disabled}>
                    {t('ask')}
                </button>
            </div>
        </form>
    );
}

interface CheckProps {
    label: string;
    on: boolean;
    onChange(on: boolean): void;
}

function Check({ label, on, onChange }: CheckProps): JSX.Element {
    return (
        <label class="check">
            <input
                type="checkbox"
                checked={on}
                onChange={(event) => onChange(event.currentTarget.checked)}
            />
            <span>{label}</span>
        </label>
    );
}

function QuestionField({ draft, problem, change }: PartProps): JSX.Element {
    const id = useId();
    return (
        <div class="field">
            <label for={id}>{t('question')}</label>
            <textarea
                {...about(problem, 'question')}
                id={id}
                rows={2}
                maxLength={POLL_LIMITS.question}
                placeholder={t('questionHint')}
                value={draft.question}
                onInput={(event) => change({ question: event.currentTarget.value })}
            />
        </div>
    );
}

function RightTexts({ draft, problem, change }: PartProps): JSX.Element {
    const id = useId();
    return (
        <div class="field">
            <label for={id}>{t('rightTexts')}</label>
            <input
                {...about(problem, 'right')}
                id={id}
                autocomplete="off"
                value={draft.rightTexts}
                onInput={(event) => change({ rightTexts: event.currentTarget.value })}
            />
        </div>
    );
}
