/** Getting a student's token: at once, or when the room is there and its door open. */

import { Backoff, environment, guest } from '../web/client';
import type { Failure } from '../web/client';
import { BASE } from '../web/ui/page';
import type { StringKey } from '../web/ui/strings';
import { lastIdentity } from './identity';
import type { Identity } from './identity';

/** These pass: what to show meanwhile, by the server's code. */
const PASSING: Record<string, StringKey> = {
    room_not_found: 'roomMissing',
    room_locked: 'roomLocked',
    room_full: 'roomFull',
    rate_limited: 'busy',
    unavailable: 'busy',
    unreachable: 'unreachable',
};

/** These do not. */
const FINAL: Record<string, { field: 'code' | 'name' | null; text: StringKey }> = {
    bad_room: { field: 'code', text: 'badRoom' },
    bad_field: { field: 'name', text: 'badName' },
    removed: { field: null, text: 'youWereRemoved' },
    guest_unavailable: { field: null, text: 'guestsUnavailable' },
};

export interface EntranceHandlers {
    waiting(text: StringKey, retryAt: number): void;
    refused(field: 'code' | 'name' | null, text: StringKey): void;
    entered(identity: Identity): void;
}

/** Asks until there is an answer. Returns the function that gives up. */
export function enter(room: string, name: string, handlers: EntranceHandlers): () => void {
    const last = lastIdentity();
    if (last?.room === room && last.name === name) {
        handlers.entered(last);
        return () => {};
    }
    const env = environment();
    const backoff = new Backoff({ base: 3000, max: 20_000 }, env.random);
    let timer: unknown = null;
    let over = false;

    const meet = ({ code, status, retryAfterMs = 0 }: Failure): void => {
        const final = FINAL[code];
        if (final) return handlers.refused(final.field, final.text);
        const passing = PASSING[code] ?? (status === 0 || status >= 500 ? 'unreachable' : null);
        if (passing === null) return handlers.refused(null, 'refused');
        const ms = Math.max(backoff.next(), retryAfterMs);
        timer = env.setTimeout(() => void ask(), ms);
        handlers.waiting(passing, env.now() + ms);
    };
    const ask = async (): Promise<void> => {
        const answer = await guest(env, BASE, room, name);
        if (over) return;
        if (answer.ok) handlers.entered({ room, name, token: answer.value.token });
        else meet(answer);
    };

    void ask();
    return () => {
        over = true;
        env.clearTimeout(timer);
    };
}
