/** How things stand, above the conversation: no more than a word while all is well. */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useNow } from '../web/ui/hooks';
import { countdown } from '../web/ui/strings';
import type { Status } from './status';
import { t } from './strings';

/** Whether the device has a network, as far as it knows. */
export function useOnline(): boolean {
    const [online, setOnline] = useState(() => navigator.onLine);
    useEffect(() => {
        const follow = (): void => setOnline(navigator.onLine);
        window.addEventListener('online', follow);
        window.addEventListener('offline', follow);
        follow();
        return () => {
            window.removeEventListener('online', follow);
            window.removeEventListener('offline', follow);
        };
    }, []);
    return online;
}

/** Seen, and not read aloud each second. */
function Countdown({ until }: { until: number }): JSX.Element {
    const now = useNow(true);
    return (
        <span class="countdown" aria-hidden="true">
            {countdown(until - now)}
        </span>
    );
}

interface BannerProps {
    status: Status;
    onRemedy?(): void;
}

/** The same live region in good times and bad: browsers read what changes in one. */
export function Banner({ status, onRemedy }: BannerProps): JSX.Element {
    const { tone, title, hint, until, remedy } = status;
    // A word is enough where there is nothing to explain, and it moves nothing when it changes.
    const form = hint === undefined && !remedy ? 'banner-word' : 'banner-box';
    return (
        <div class={`banner ${form} banner-${tone}`}>
            <span class="state-dot" aria-hidden="true" />
            <div class="banner-text" role="status">
                <strong>{t(title)}</strong>
                {hint && <span> {t(hint)}</span>}
            </div>
            {until !== undefined && <Countdown until={until} />}
            {remedy && onRemedy && (
                <button type="button" class="primary" onClick={onRemedy}>
                    {t(remedy.label)}
                </button>
            )}
        </div>
    );
}
