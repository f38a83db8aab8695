/** The state of a host's connection in words, and how worrying it is. */

import type { Reason, State } from '../client';
import { t } from './strings';
import type { StringKey } from './strings';

export type Tone = 'good' | 'busy' | 'warn' | 'bad';

export interface Description {
    tone: Tone;
    text: string;
}

/** While another try is to come. Those not listed are lost connections. */
const WAITING: Partial<Record<Reason['kind'], readonly [Tone, StringKey]>> = {
    unreachable: ['warn', 'unreachable'],
    unavailable: ['warn', 'busy'],
};

/** When there is no other try. Those not listed are our own mistakes. */
const CLOSED: Partial<Record<Reason['kind'], StringKey>> = {
    left: 'youLeft',
    room_ended: 'roomEnded',
    room_missing: 'roomEnded',
    room_taken: 'roomTaken',
    bad_room: 'badRoom',
    removed: 'refusedTeacher',
    replaced: 'replaced',
    refused: 'refusedTeacher',
    token_expired: 'tokenExpired',
    token_invalid: 'tokenInvalid',
};

function waiting(
    { reason, retryAt }: Extract<State, { name: 'waiting' }>,
    now: number,
): Description {
    if (retryAt === null) {
        const key = reason.kind === 'token_invalid' ? 'tokenInvalid' : 'tokenExpired';
        return { tone: 'bad', text: t(key) };
    }
    const [tone, key] = WAITING[reason.kind] ?? (['warn', 'reconnectingIn'] as const);
    const seconds = Math.max(0, Math.ceil((retryAt - now) / 1000));
    // Not worth counting, and not worth a flicker.
    if (key === 'reconnectingIn' && seconds <= 2) return { tone, text: t('reconnecting') };
    return { tone, text: t(key, { seconds }) };
}

function closed(reason: Reason): Description {
    // Asked for oneself, it is no alarm.
    const tone = reason.kind === 'left' || reason.kind === 'room_ended' ? 'warn' : 'bad';
    return { tone, text: t(CLOSED[reason.kind] ?? 'broken') };
}

/** `now` is the device's time, ms. */
export function describe(state: State, now: number): Description {
    switch (state.name) {
        case 'idle':
        case 'connecting':
            return { tone: 'busy', text: t('connecting') };
        case 'waiting':
            return waiting(state, now);
        case 'closed':
            return closed(state.reason);
        case 'open':
            return { tone: 'good', text: t('connected') };
    }
}
