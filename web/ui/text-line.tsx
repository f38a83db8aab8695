/** The line on which one writes. What is too long is not cut, and not sent. */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef } from 'preact/hooks';
import { enterSends } from './keys';
import { t } from './strings';

/** Longer texts are not sent; the server takes 64 KiB. */
const MOST_CHARACTERS = 4000;

interface TextLineProps {
    text: string;
    onText(text: string): void;
    /** Whom it is for, in words. */
    hint: string;
    /** Nothing can be sent: what is written stays. */
    closed: boolean;
    onSend(text: string): void;
    /** Writing goes on here where this changes: whom to write to was chosen elsewhere. */
    subject?: string | null;
    /** What stands beside the text field: adding an image. */
    children?: ComponentChildren;
}

export function TextLine(props: TextLineProps): JSX.Element {
    const { text, onText, hint, closed, onSend, subject, children } = props;
    const field = useRef<HTMLTextAreaElement>(null);
    const first = useRef(true);
    const id = useId();
    const trimmed = text.trim();
    const over = [...trimmed].length - MOST_CHARACTERS;
    const sendable = !closed && trimmed !== '' && over <= 0;
    useLayoutEffect(() => {
        if (!first.current) field.current?.focus();
        first.current = false;
    }, [subject]);
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
        onSend(trimmed);
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
                    dir="auto"
                    enterkeyhint="enter"
                    placeholder={hint}
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
