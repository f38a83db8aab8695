/**
 * The sign-in ends in the middle of a class: told some minutes before, and renewed above the class,
 * which stays as it is below.
 */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { tokenExpiry } from '../web/client';
import type { LecternError } from '../web/client';
import { SignIn } from '../web/ui/account/sign-in';
import { useNow } from '../web/ui/hooks';
import { countdown } from '../web/ui/strings';
import { whyNot } from '../web/ui/why';
import { Dialog } from '../web/ui/dialog';
import { tokenUser } from './session';
import { t } from './strings';

/** How long before its end it is told, ms. */
const SOON_MS = 5 * 60_000;

/** Most time that browsers' timers take, ms; a later end is looked at again then. */
const LONGEST_TIMER = 2 ** 31 - 1;

interface SignInAgainProps {
    token: string;
    /** The server wants another token now. */
    wanted: boolean;
    /** Rejected where the server does not take it. */
    onToken(token: string): Promise<void>;
}

/** Ms until the sign-in ends, while that is soon; null before, and where it has no end. */
function useEnding(token: string): number | null {
    const expiry = tokenExpiry(token);
    const [, look] = useState(0);
    const soon = expiry !== null && expiry - Date.now() <= SOON_MS;
    const now = useNow(soon);
    useEffect(() => {
        if (expiry === null || soon) return undefined;
        const wait = Math.min(LONGEST_TIMER, expiry - SOON_MS - Date.now());
        const timer = setTimeout(() => look((count) => count + 1), wait);
        return () => clearTimeout(timer);
    });
    return soon ? Math.max(0, expiry - now) : null;
}

export function SignInAgain({ token, wanted, onToken }: SignInAgainProps): JSX.Element | null {
    const [asking, setAsking] = useState(false);
    const [trouble, setTrouble] = useState<string | null>(null);
    const ending = useEnding(token);
    useEffect(() => {
        if (wanted) setAsking(true);
    }, [wanted]);
    const take = async (next: string): Promise<void> => {
        if (tokenUser(next) !== tokenUser(token)) return setTrouble(t('otherUser'));
        try {
            await onToken(next);
            setAsking(false);
            setTrouble(null);
        } catch (error) {
            setTrouble(t('notDone', { why: whyNot(error as LecternError) }));
        }
    };
    if (!wanted && ending === null && !asking) return null;
    const told = wanted ? t('signInOver') : t('signInSoon', { time: countdown(ending ?? 0) });
    return (
        <>
            {(wanted || ending !== null) && (
                <div class="alert trouble">
                    <span>{told}</span>
                    <button type="button" class="small" onClick={() => setAsking(true)}>
                        {t('signInTitle')}
                    </button>
                </div>
            )}
            {asking && (
                <Dialog title={t('signInTitle')} onClose={() => setAsking(false)}>
                    <div class="stack">
                        <SignIn
                            who="teacher"
                            problem={trouble ?? (wanted ? t('signInAgain') : undefined)}
                            onToken={(next) => void take(next)}
                        />
                    </div>
                </Dialog>
            )}
        </>
    );
}
