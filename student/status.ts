/**
 * How things stand, for a student: what is broken (one's own network, the teacher's, or the
 * server), whether it comes back by itself, and what one can do.
 */

import type { Reason, State } from '../web/client';
import type { BaseSnapshot } from '../web/ui/classroom';
import type { StringKey } from './strings';

export type Tone = 'good' | 'busy' | 'warn' | 'bad';

/** What one can do about it, besides waiting and leaving. */
export type Remedy = 'connect' | 'join';

export interface Status {
    tone: Tone;
    title: StringKey;
    hint?: StringKey;
    /** What is counted down to, by the device's clock, ms. */
    until?: number;
    remedy?: { what: Remedy; label: StringKey };
}

type Line = readonly [Tone, StringKey, StringKey?];

const SERVER_DOWN: Line = ['warn', 'serverDown', 'serverDownHint'];

/** While another try is to come, by reason. */
const WAITING: Record<Reason['kind'], Line> = {
    lost: ['warn', 'cut', 'byItself'],
    silent: ['warn', 'cut', 'byItself'],
    left: ['warn', 'cut', 'byItself'],
    too_slow: ['warn', 'slow', 'byItself'],
    too_fast: ['warn', 'crowded', 'crowdedHint'],
    unreachable: ['warn', 'noAnswer', 'noAnswerHint'],
    moved: ['busy', 'moving', 'byItself'],
    server_error: SERVER_DOWN,
    unavailable: SERVER_DOWN,
    room_missing: ['busy', 'notOpen', 'notOpenHint'],
    room_ended: ['warn', 'ended', 'endedHint'],
    room_locked: ['warn', 'doorLocked', 'doorLockedHint'],
    room_full: ['warn', 'noSeat', 'noSeatHint'],
    refused: ['warn', 'notLetInYet', 'byItself'],
    token_expired: ['busy', 'checking'],
    token_invalid: ['busy', 'checking'],
    // Those are not waited out; the table is whole so that none is forgotten.
    room_taken: ['bad', 'notLetIn'],
    bad_room: ['bad', 'badCode'],
    account_required: ['bad', 'notLetIn'],
    channel_forbidden: ['bad', 'notLetIn'],
    replaced: ['bad', 'elsewhere', 'elsewhereHint'],
    removed: ['bad', 'kicked', 'kickedHint'],
    protocol_error: ['bad', 'mistake', 'mistakeHint'],
    binary: ['bad', 'mistake', 'mistakeHint'],
    bad_text: ['bad', 'mistake', 'mistakeHint'],
    too_big: ['bad', 'mistake', 'mistakeHint'],
};

/** When there is no other try, where that reads differently. */
const CLOSED: Partial<Record<Reason['kind'], Line>> = {
    left: ['warn', 'gone'],
    refused: ['bad', 'notLetIn', 'notLetInHint'],
    token_expired: ['bad', 'accessOver', 'accessOverHint'],
    token_invalid: ['bad', 'accessOver', 'accessOverHint'],
};

const REMEDIES: Partial<Record<Reason['kind'], NonNullable<Status['remedy']>>> = {
    left: { what: 'connect', label: 'joinAgain' },
    replaced: { what: 'connect', label: 'useHere' },
    refused: { what: 'connect', label: 'tryAgain' },
    token_expired: { what: 'join', label: 'joinAgain' },
    token_invalid: { what: 'join', label: 'joinAgain' },
};

/** Reasons that say that no answer came: being offline explains them. */
const SILENCE = new Set<Reason['kind']>(['lost', 'silent', 'unreachable']);

function status([tone, title, hint]: Line): Status {
    return { tone, title, ...(hint === undefined ? {} : { hint }) };
}

/** Why one waits; also for those who have not been let in yet. */
export function waitingStatus(reason: Reason, retryAt: number | null, online: boolean): Status {
    if (!online && SILENCE.has(reason.kind)) {
        // Nothing is counted: the try that counts is the one when the network is back.
        return status(['warn', 'offline', 'offlineHint']);
    }
    const until = retryAt === null ? {} : { until: retryAt };
    if (reason.kind === 'unreachable' && reason.fault === 'network') {
        return { ...status(['warn', 'portal', 'portalHint']), ...until };
    }
    if (reason.kind === 'unreachable' && reason.fault === 'server') {
        return { ...status(SERVER_DOWN), ...until };
    }
    if (reason.kind === 'room_ended' && reason.text === 'host lost') {
        return status(['warn', 'endedLost', 'endedHint']);
    }
    const known = status(WAITING[reason.kind]);
    // A look at the door every few seconds is nothing to count down to.
    return reason.kind.startsWith('room_') ? known : { ...known, ...until };
}

function closedStatus({ kind }: Reason): Status {
    const remedy = REMEDIES[kind];
    return { ...status(CLOSED[kind] ?? WAITING[kind]), ...(remedy ? { remedy } : {}) };
}

/**
 * `online`: what the device says. `doubt`: it has just said that its network is gone, and an open
 * connection may not know yet. `clockOffset`: the server's clock less the device's, ms.
 */
export function statusOf(
    { state, host }: Pick<BaseSnapshot, 'state' | 'host'>,
    { online, doubt }: { online: boolean; doubt: boolean },
    clockOffset: number,
): Status {
    switch (state.name) {
        case 'idle':
        case 'connecting':
            return { tone: 'busy', title: 'connecting' };
        case 'waiting':
            return waitingStatus(state.reason, state.retryAt, online);
        case 'closed':
            return closedStatus(state.reason);
        case 'open':
            if (doubt) return status(['warn', 'offline', 'offlineHint']);
            if (host && !host.present && host.deadline !== null) {
                const until = host.deadline - clockOffset;
                return { ...status(['warn', 'teacherAway', 'teacherAwayHint']), until };
            }
            return { tone: 'good', title: 'connected' };
    }
}

/** There is no class that a message could be for: now, or for good. */
export function classless(state: State): boolean {
    if (state.name === 'waiting') return state.reason.kind.startsWith('room_');
    return state.name === 'closed';
}
