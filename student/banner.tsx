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

/** A lost network shows within this: the client asks the server at once, and waits so long, ms. */
const DOUBT = 10_000;

/**
 * Whether the device has just said that its network is gone, and the connection has not yet proved
 * it wrong. Some devices say so all the time; a connection that goes on knows better.
 */
export function useDoubt(): boolean {
    const [doubt, setDoubt] = useState(false);
    useEffect(() => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const set = (on: boolean) => () => {
            clearTimeout(timer);
            setDoubt(on);
            if (on) timer = setTimeout(() => setDoubt(false), DOUBT);
        };
        const [offline, online] = [set(true), set(false)];
        window.addEventListener('offline', offline);
        window.addEventListener('online', online);
        return () => {
            clearTimeout(timer);
            window.removeEventListener('offline', offline);
            window.removeEventListener('online', online);
        };
    }, []);
    return doubt;
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
