/** The line that a student writes on: to the teacher, or to everyone where the class may talk. */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { TargetType } from '../web/client';
import { enterSends } from '../web/ui/keys';
import { t } from './strings';

export type Audience = Extract<TargetType, 'teacher' | 'all'>;

/** Longer texts are not sent; the server takes 64 KiB. */
const MOST_CHARACTERS = 4000;

interface WriterProps {
    text: string;
    onText(text: string): void;
    audience: Audience;
    /** Nothing can be sent: what is written stays. */
    closed: boolean;
    onSend(text: string): void;
    /** What stands beside the text field: adding an image. */
    children?: ComponentChildren;
}

export function Writer(props: WriterProps): JSX.Element {
    const { text, onText, audience, closed, onSend, children } = props;
    const field = useRef<HTMLTextAreaElement>(null);
    const id = useId();
    const over = [...text.trim()].length - MOST_CHARACTERS;
    const sendable = !closed && text.trim() !== '' && over <= 0;
    useEffect(() => {
        // Where `field-sizing` is unknown, the field grows by hand.
        const { current } = field;
        if (!current || CSS.supports('field-sizing', 'content')) return;
        current.style.height = 'auto';
        current.style.height = `${current.scrollHeight + 2}px`;
    }, [text]);
    const submit = (event: Event): void => {
        event.preventDefault();
        if (!sendable) return;
        onSend(text.trim());
        onText('');
        field.current?.focus();
    };
    return (
        <form class="writer" onSubmit={submit}>
            {over > 0 && (
                <p class="field-error" id={`${id}-error`} role="alert">
                    {t('tooLong', { most: MOST_CHARACTERS, over })}
                </p>
            )}
            <div class="writer-row">
                {children}
                <label class="unseen" for={id}>
                    {t('message')}
                </label>
                <textarea
                    id={id}
                    ref={field}
                    rows={1}
                    enterkeyhint="enter"
                    placeholder={t(audience === 'all' ? 'toAllHint' : 'toTeacherHint')}
                    value={text}
                    aria-invalid={over > 0 ? true : undefined}
                    aria-describedby={over > 0 ? `${id}-error` : undefined}
                    onInput={(event) => onText(event.currentTarget.value)}
                    onKeyDown={(event) => enterSends(event) && submit(event)}
                />
                <button class="primary send" type="submit" disabled={!sendable}>
                    {t('send')}
                </button>
            </div>
        </form>
    );
}

interface AudienceProps {
    audience: Audience;
    onAudience(audience: Audience): void;
}

/** Whom one writes to, where the class may talk. */
export function AudienceChoice({ audience, onAudience }: AudienceProps): JSX.Element {
    return (
        <div class="audience-choice" role="group" aria-label={t('writeTo')}>
            {(['teacher', 'all'] as const).map((one) => (
                <button
                    key={one}
                    type="button"
                    aria-pressed={one === audience}
                    onClick={() => onAudience(one)}
                >
                    {t(one === 'all' ? 'toAll' : 'toTeacher')}
                </button>
            ))}
        </div>
    );
}
