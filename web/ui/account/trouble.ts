/** Why the server did not sign one in, or up, in a sentence of its own. */

import type { Failure } from '../../client';
import { t } from './strings';
import type { Who } from './who';

export function accountTrouble({ code, status, retryAfterMs }: Failure, who: Who): string {
    const seconds = Math.max(1, Math.ceil((retryAfterMs ?? 1000) / 1000));
    if (status === 0) return t('unreachableNow');
    if (code === 'login_failed') return t('loginFailed');
    if (code === 'too_many_attempts') return t('tooManyAttempts', { seconds });
    if (code === 'accounts_off') return t('accountsOff');
    if (code === 'signup_closed') {
        return t(who === 'teacher' ? 'signupClosed' : 'signupClosedHere');
    }
    if (status === 503 || status === 429) return t('serverBusy', { seconds });
    return t('refusedOther', { code });
}
