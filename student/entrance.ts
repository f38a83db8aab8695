/** Getting a student's token: at once, or when the room is there and its door open. */

import { Backoff, environment, faultOf, guest } from '../web/client';
import type { Failure, Reason } from '../web/client';
import { BASE } from '../web/ui/page';
import { lastIdentity } from './identity';
import type { Identity } from './identity';
import type { StringKey } from './strings';

/** These pass, by the server's code. */
const PASSING: Record<string, Reason['kind']> = {
    room_not_found: 'room_missing',
    room_locked: 'room_locked',
    room_full: 'room_full',
    rate_limited: 'too_fast',
    unavailable: 'unavailable',
    unreachable: 'unreachable',
};

/** These do not. */
const FINAL: Record<string, { field: 'code' | 'name' | null; text: StringKey }> = {
    bad_room: { field: 'code', text: 'badCode' },
    bad_field: { field: 'name', text: 'oddName' },
    removed: { field: null, text: 'youWereRemoved' },
    guest_unavailable: { field: null, text: 'guestsUnavailable' },
};

export interface EntranceHandlers {
    /** Not yet, for this reason; asked again at `retryAt`, by the device's clock, ms. */
    waiting(reason: Reason, retryAt: number): void;
    refused(field: 'code' | 'name' | null, text: StringKey): void;
    entered(identity: Identity): void;
}

export interface Entrance {
    /** Asks now, where it waits to ask again. */
    poke(): void;
    giveUp(): void;
}

/** Asks until there is an answer. */
export function enter(room: string, name: string, handlers: EntranceHandlers): Entrance {
    const last = lastIdentity();
    if (last?.room === room && last.name === name) {
        handlers.entered(last);
        return { poke() {}, giveUp() {} };
    }
    const env = environment();
    const backoff = new Backoff({ base: 3000, max: 20_000 }, env.random);
    let timer: unknown = null;
    let over = false;

    const meet = (failure: Failure): void => {
        const { code, status, retryAfterMs = 0 } = failure;
        const final = FINAL[code];
        if (final) return handlers.refused(final.field, final.text);
        const own = status === 0 || status >= 500 || code === 'bad_answer';
        const kind = PASSING[code] ?? (own ? 'unreachable' : null);
        if (kind === null) return handlers.refused(null, 'notLetIn');
        const ms = Math.max(backoff.next(), retryAfterMs);
        timer = env.setTimeout(ask, ms);
        const fault = kind === 'unreachable' || kind === 'unavailable' ? faultOf(failure) : {};
        handlers.waiting({ kind, ...fault }, env.now() + ms);
    };
    const ask = async (): Promise<void> => {
        timer = null;
        const answer = await guest(env, BASE, room, name);
        if (over) return;
        if (answer.ok) handlers.entered({ room, name, token: answer.value.token });
        else meet(answer);
    };

    void ask();
    return {
        poke() {
            if (timer === null) return;
            env.clearTimeout(timer);
            void ask();
        },
        giveUp() {
            over = true;
            env.clearTimeout(timer);
        },
    };
}
