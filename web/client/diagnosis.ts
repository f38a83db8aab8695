/**
 * Why a connection could not be made. Browsers do not show a refused handshake's status, so the
 * same questions are asked over REST, whose answers they do show.
 */

import type { CloseKind } from './close';
import type { Environment } from './env';
import { request, roomStatus } from './rest';
import type { Failure } from './rest';
import { tokenExpiry } from './token';

/** Why the client waits, or has given up. */
export interface Reason {
    kind:
        | CloseKind
        | 'unreachable' // no answer from the server
        | 'room_missing' // no such room (yet)
        | 'room_locked'
        | 'room_full'
        | 'room_taken' // another host's
        | 'bad_room' // not a room's code
        | 'token_invalid'
        | 'account_required' // chat is for those with an account: not for a class's guests
        | 'channel_forbidden' // the token does not open these event channels
        | 'refused'; // reachable, but it does not let us in, for a reason that cannot be seen
    /** The close code, where there was one. */
    code?: number;
    /** The server's own words, where there are some. */
    text?: string;
    /** How long the server asked to wait, ms. */
    retryAfterMs?: number;
    /** What is broken, where the answers tell; absent where no answer came. */
    fault?: 'network' | 'server';
}

/**
 * Whose fault a failure is. An answer that is not Lectern's comes from what stands between: a proxy
 * that says that the server is down (5xx), else a network that wants something first, such as a
 * captive portal.
 */
export function faultOf({ status, code }: Failure): Pick<Reason, 'fault'> {
    if (status === 0) return {};
    return { fault: code === 'bad_answer' && status < 500 ? 'network' : 'server' };
}

function withHint(kind: Reason['kind'], failure: Failure): Reason {
    const { message, retryAfterMs } = failure;
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    const whose = kind === 'unreachable' || kind === 'unavailable' ? faultOf(failure) : {};
    return { kind, text: message, ...wait, ...whose };
}

/**
 * Asks `GET /rooms/{id}`; null where nothing speaks against trying. Those who have been in this
 * class (`returning`) may come back into a locked or full room, so neither counts for them.
 */
export async function roomTrouble(
    env: Environment,
    base: string,
    room: string,
    returning: boolean,
): Promise<Reason | null> {
    const answer = await roomStatus(env, base, room);
    if (answer.ok) {
        if (!returning && answer.value.locked) return { kind: 'room_locked' };
        if (!returning && answer.value.full) return { kind: 'room_full' };
        return null;
    }
    if (answer.code === 'room_not_found') return { kind: 'room_missing' };
    if (answer.code === 'bad_room') return { kind: 'bad_room', text: answer.message };
    if (answer.status === 429 || answer.status >= 500) return withHint('unavailable', answer);
    // Also what a captive portal answers.
    return withHint('unreachable', answer);
}

/**
 * The handshake was refused though the room is there: asks with the token what is wrong with it.
 */
export async function refusal(
    env: Environment,
    base: string,
    room: string | null,
    token: string,
    hosting: boolean,
): Promise<Reason> {
    if (room === null) {
        // No room to ask about: whether the server is there, and what the token says of itself.
        const ready = await request(env, `${base}/readyz`);
        if (!ready.ok && ready.status === 0) return withHint('unreachable', ready);
        if (!ready.ok && ready.status >= 500) return withHint('unavailable', ready);
        const expiry = tokenExpiry(token);
        return { kind: expiry !== null && expiry < env.now() ? 'token_expired' : 'refused' };
    }
    const answer = await request(env, `${base}/rooms/${encodeURIComponent(room)}/users`, { token });
    if (answer.ok) return { kind: 'refused' };
    if (answer.status === 0 || answer.status === 401) return unheard(answer);
    // A guest's token opens one room, and this is another.
    if (answer.code === 'room_forbidden') return withHint('token_invalid', answer);
    if (answer.status === 403 && hosting) return withHint('room_taken', answer);
    if (answer.code === 'removed') return withHint('removed', answer);
    return withHint(answer.status >= 500 ? 'unavailable' : 'refused', answer);
}

/** Nobody answered, or the token is none that is taken. */
function unheard(failure: Failure): Reason {
    if (failure.status === 0) return withHint('unreachable', failure);
    const expired = failure.code === 'token_expired';
    return withHint(expired ? 'token_expired' : 'token_invalid', failure);
}

/** The handshake of a chat socket was refused: asks the same over REST. */
export async function chatRefusal(env: Environment, base: string, token: string): Promise<Reason> {
    const answer = await request(env, `${base}/chat/my/rooms`, { token });
    if (answer.ok) return { kind: 'refused' };
    if (answer.status === 0 || answer.status === 401) return unheard(answer);
    if (answer.code === 'account_required') return withHint('account_required', answer);
    if (answer.code === 'bad_answer') return withHint('unreachable', answer);
    const busy = answer.status === 429 || answer.status >= 500;
    return withHint(busy ? 'unavailable' : 'refused', answer);
}
