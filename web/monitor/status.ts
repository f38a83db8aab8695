/** The state of the connection in words, and how worrying it is. */

import type { Reason, State } from '../client';
import type { Description } from '../ui/describe';
import { t } from './strings';
import type { StringKey } from './strings';

const WAITING: Partial<Record<Reason['kind'], StringKey>> = {
    unreachable: 'unreachable',
    unavailable: 'busy',
    refused: 'busy',
};

const CLOSED: Partial<Record<Reason['kind'], StringKey>> = {
    left: 'offline',
    token_expired: 'tokenExpired',
    token_invalid: 'tokenInvalid',
    channel_forbidden: 'forbidden',
};

/** Why the connection has been given up. */
export function whyClosed(reason: Reason): StringKey {
    return CLOSED[reason.kind] ?? 'refused';
}

/** `now` is the device's time, ms. */
export function describe(state: State, now: number): Description {
    switch (state.name) {
        case 'idle':
        case 'connecting':
            return { tone: 'busy', text: t('connecting') };
        case 'open':
            return { tone: 'good', text: t('online') };
        case 'waiting': {
            const seconds = Math.max(0, Math.ceil(((state.retryAt ?? now) - now) / 1000));
            const key = WAITING[state.reason.kind] ?? 'reconnectingIn';
            // Not worth counting, and not worth a flicker.
            if (key === 'reconnectingIn' && seconds <= 2) {
                return { tone: 'warn', text: t('reconnecting') };
            }
            return { tone: 'warn', text: t(key, { seconds }) };
        }
        case 'closed':
            return { tone: 'bad', text: t(whyClosed(state.reason)) };
    }
}
