/** A dialog with a title, closed by its button, by Escape, or by what it holds. */

import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';
import { useModal } from './hooks';
import { Icon } from './icons';
import { t } from './strings';

interface DialogProps {
    title: string;
    onClose(): void;
    children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps): JSX.Element {
    const dialog = useModal();
    const id = useId();
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
