/** A dialog with a title, closed by its button, by Escape, or by what it holds. */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { Icon } from './icons';
import { t } from './strings';

interface DialogProps {
    title: string;
    onClose(): void;
    children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps): JSX.Element {
    const dialog = useRef<HTMLDialogElement>(null);
    const id = useId();
    useEffect(() => {
        const before = document.activeElement;
        dialog.current?.showModal();
        // Taken out of the page instead of being closed, it gives the focus back itself.
        return () => before instanceof HTMLElement && before.focus();
    }, []);
    return (
        <dialog class="dialog" ref={dialog} aria-labelledby={id} onClose={onClose}>
            <div class="dialog-head">
                <h2 id={id}>{title}</h2>
                <button type="button" class="icon" aria-label={t('close')} onClick={onClose}>
                    <Icon name="cross" />
                </button>
            </div>
            {children}
        </dialog>
    );
}
