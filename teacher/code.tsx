/** How students get in: the code, the QR code and the link. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { BASE } from '../web/ui/page';
import { QR } from '../web/ui/qr';
import { Icon } from '../web/ui/icons';
import { t } from './strings';

/** Copies also where the page has no clipboard API, as on a plain http address in the classroom. */
async function copy(text: string): Promise<boolean> {
    try {
        if (navigator.clipboard) {
            await navigator.clipboard.writeText(text);
            return true;
        }
    } catch {
        // Not allowed: the old way may still be.
    }
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'unseen';
    // Within an open dialog: what is outside of it cannot be selected.
    (document.querySelector('dialog[open]') ?? document.body).append(field);
    field.select();
    const copied = document.execCommand('copy');
    field.remove();
    return copied;
}

function joinLink(room: string): string {
    return `${BASE}/student/?room=${room}`;
}

export function checkLink(room: string): string {
    return `${BASE}/check/?room=${room}`;
}

/** A link to hand out: to click, and to copy. */
export function LinkLine({ link }: { link: string }): JSX.Element {
    const [copied, setCopied] = useState<boolean | null>(null);
    return (
        <div class="link-line">
            <a href={link} target="_blank" rel="noopener">
                {link.replace(/^https?:\/\//, '')}
            </a>
            <button type="button" class="small" onClick={() => void copy(link).then(setCopied)}>
                {t('copyLink')}
            </button>
            <span class="hint" role="status">
                {copied === null ? '' : t(copied ? 'copied' : 'copyFailed')}
            </span>
        </div>
    );
}

interface CodePanelProps {
    room: string;
    locked: boolean;
    /** Opens the view for all to see. */
    onProjector(): void;
}

export function CodePanel({ room, locked, onProjector }: CodePanelProps): JSX.Element {
    const link = joinLink(room);
    return (
        <section class="panel code-card" aria-labelledby="code-label">
            <div class="code-card-text">
                <h2 id="code-label" class="overline">
                    {t('classCode')}
                    {locked && <span class="badge">{t('locked')}</span>}
                </h2>
                <p class={room.length > 7 ? 'class-code class-code-long' : 'class-code'}>
                    <span data-testid="code">{room}</span>
                </p>
                <button type="button" class="small" onClick={onProjector}>
                    <Icon name="screen" /> {t('projector')}
                </button>
            </div>
            <QR text={link} label={t('qrLabel', { code: room })} />
            <LinkLine link={link} />
        </section>
    );
}
