/** A labelled text field. */

import type { JSX } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
    label: string;
    hint?: string;
    error?: string | undefined;
    /** Attributes of the input. */
    input: JSX.IntrinsicElements['input'];
    value: string;
    onValue(value: string): void;
}

/** A labelled text field whose hint and error are told to screen readers too. */
export function Field({ label, hint, error, input, value, onValue }: FieldProps): JSX.Element {
    const id = useId();
    const describedBy = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
    return (
        <div class="field">
            <label for={id}>{label}</label>
            <input
                {...input}
                id={id}
                value={value}
                aria-invalid={error ? true : undefined}
                aria-describedby={describedBy || undefined}
                onInput={(event) => onValue(event.currentTarget.value)}
            />
            {hint && (
                <p class="hint" id={`${id}-hint`}>
                    {hint}
                </p>
            )}
            {error && (
                <p class="field-error" id={`${id}-error`} role="alert">
                    {error}
                </p>
            )}
        </div>
    );
}
