/** A question before what cannot be undone. */

import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import { useModal } from './hooks';
import { t } from './strings';

interface ConfirmProps {
    question: string;
    action: string;
    onConfirm(): void;
    onCancel(): void;
}

/** Asks before what cannot be undone. Escape and the first button in focus order cancel. */
export function Confirm({ question, action, onConfirm, onCancel }: ConfirmProps): JSX.Element {
    const dialog = useModal();
    const id = useId();
    return (
        <dialog ref={dialog} aria-labelledby={id} onClose={onCancel}>
            <p id={id}>{question}</p>
            <div class="row row-end">
                <button type="button" onClick={onCancel}>
                    {t('cancel')}
                </button>
                <button type="button" class="danger" onClick={onConfirm}>
                    {action}
                </button>
            </div>
        </dialog>
    );
}
