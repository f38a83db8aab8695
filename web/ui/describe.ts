/** A connection's state in words, and how worrying it is. */

import type { Reason, State } from '../client';
import type { Snapshot } from './classroom';
import { countdown, t } from './strings';
import type { StringKey } from './strings';

export type Tone = 'good' | 'busy' | 'warn' | 'bad';

export interface Description {
    tone: Tone;
    text: string;
}

type Role = 'teacher' | 'student';

/** While another try is to come. Those not listed are lost connections. */
const WAITING: Partial<Record<Reason['kind'], readonly [Tone, StringKey]>> = {
    unreachable: ['warn', 'unreachable'],
    unavailable: ['warn', 'busy'],
    room_missing: ['busy', 'roomMissing'],
    room_ended: ['warn', 'roomEndedWaiting'],
    room_locked: ['warn', 'roomLocked'],
    room_full: ['warn', 'roomFull'],
    refused: ['warn', 'reconnectingIn'],
};

/** When there is no other try. Those not listed are our own mistakes. */
const CLOSED: Partial<Record<Reason['kind'], Record<Role, StringKey>>> = {
    left: { teacher: 'youLeft', student: 'youLeft' },
    room_ended: { teacher: 'roomEnded', student: 'roomEnded' },
    room_missing: { teacher: 'roomEnded', student: 'roomMissing' },
    room_taken: { teacher: 'roomTaken', student: 'refused' },
    bad_room: { teacher: 'badRoom', student: 'badRoom' },
    removed: { teacher: 'refusedTeacher', student: 'youWereRemoved' },
    replaced: { teacher: 'replaced', student: 'replaced' },
    refused: { teacher: 'refusedTeacher', student: 'refused' },
    token_expired: { teacher: 'tokenExpired', student: 'accessLost' },
    token_invalid: { teacher: 'tokenInvalid', student: 'accessLost' },
};

function waiting(
    { reason, retryAt }: Extract<State, { name: 'waiting' }>,
    role: Role,
    now: number,
): Description {
    if (retryAt === null) {
        const key = reason.kind === 'token_invalid' ? 'tokenInvalid' : 'tokenExpired';
        return role === 'teacher'
            ? { tone: 'bad', text: t(key) }
            : { tone: 'busy', text: t('tokenRenewing') };
    }
    const [tone, key] = WAITING[reason.kind] ?? (['warn', 'reconnectingIn'] as const);
    const seconds = Math.max(0, Math.ceil((retryAt - now) / 1000));
    // Not worth counting, and not worth a flicker.
    if (key === 'reconnectingIn' && seconds <= 2) return { tone, text: t('reconnecting') };
    return { tone, text: t(key, { seconds }) };
}

function closed(reason: Reason, role: Role): Description {
    const key = CLOSED[reason.kind]?.[role] ?? 'broken';
    // Asked for oneself, it is no alarm.
    return {
        tone: reason.kind === 'left' || reason.kind === 'room_ended' ? 'warn' : 'bad',
        text: t(key),
    };
}

/** `now` is the device's time, `serverNow` the server's, both ms. */
export function describe(
    { state, host }: Pick<Snapshot, 'state' | 'host'>,
    role: Role,
    now: number,
    serverNow: number,
): Description {
    switch (state.name) {
        case 'idle':
        case 'connecting':
            return { tone: 'busy', text: t('connecting') };
        case 'waiting':
            return waiting(state, role, now);
        case 'closed':
            return closed(state.reason, role);
        case 'open':
            if (role === 'student' && host && !host.present && host.deadline !== null) {
                const time = countdown(host.deadline - serverNow);
                return { tone: 'warn', text: t('hostAwayFor', { time }) };
            }
            return { tone: 'good', text: t('connected') };
    }
}
