/** A student's class: the client and the parts that the page shows, and what keeps them going. */

import { useEffect } from 'preact/hooks';
import { environment, guest, request } from '../web/client';
import { tellForChecks } from '../web/ui/checking';
import { Classroom } from '../web/ui/classroom';
import type { Snapshot } from '../web/ui/classroom';
import { keepFor } from '../web/ui/keep';
import { Conversation } from '../web/ui/model/conversation';
import type { Part } from '../web/ui/model/part';
import { Polls } from '../web/ui/model/polls';
import type { Poll } from '../web/ui/model/polls';
import { BASE } from '../web/ui/page';
import { OwnHand } from './hand';
import type { HandView } from './hand';
import { ownerOf, saveIdentity } from './identity';
import type { Identity } from './identity';
import { KeptPart } from './kept';
import { PassingReactions } from './reactions';

export interface StudentParts {
    [name: string]: Part<unknown>;
    lines: Conversation;
    polls: KeptPart<readonly Poll[]>;
    hand: KeptPart<HandView>;
    reactions: PassingReactions;
}

export type StudentRoom = Classroom<StudentParts>;
export type StudentSnapshot = Snapshot<StudentParts>;

const POLL_TYPES = new Set(['poll', 'answer', 'poll-results', 'poll-close']);
const HAND_TYPES = new Set(['hand', 'hand-down']);

/** `returning`: the page was reloaded while in this class. */
export function openClass(identity: Identity, returning: boolean): StudentRoom {
    const { room, name, token } = identity;
    const owner = ownerOf(identity);
    const options = {
        base: BASE,
        room,
        token,
        returning,
        keep: keepFor(owner),
        refreshToken: async (): Promise<string | null> => {
            const answer = await guest(environment(), BASE, room, name);
            if (answer.ok) {
                saveIdentity({ room, name, token: answer.value.token });
                return answer.value.token;
            }
            // Those are a no; anything else may be different later.
            if (['removed', 'bad_room', 'bad_field'].includes(answer.code)) return null;
            throw new Error(answer.message);
        },
    };
    return new Classroom<StudentParts>(options, {
        lines: new Conversation(),
        polls: new KeptPart(new Polls(), `lectern.polls.${owner}`, POLL_TYPES),
        hand: new KeptPart(new OwnHand(), `lectern.hand.${owner}`, HAND_TYPES),
        reactions: new PassingReactions(),
    });
}

/** Wakes the connection where the device tells of another network than before. */
export function useNetworkChanges(classroom: StudentRoom): void {
    useEffect(() => {
        const wake = (): void => classroom.client.poke();
        // Chromium's only; Safari tells of a return from its cache of pages instead.
        const { connection } = navigator as { connection?: EventTarget };
        connection?.addEventListener('change', wake);
        window.addEventListener('pageshow', wake);
        return () => {
            connection?.removeEventListener('change', wake);
            window.removeEventListener('pageshow', wake);
        };
    }, [classroom]);
}

/** Tells the teacher of connection checks on this device, whose own connection would end ours. */
export function useChecks(classroom: StudentRoom, identity: Identity): void {
    useEffect(() => tellForChecks(classroom, identity), [classroom, identity]);
}

/** Between two questions for the names of classmates, ms. */
const NAMES_EVERY = 5000;

/** Asks who is here when someone writes whose name is not known. */
export function useClassmates(classroom: StudentRoom): void {
    useEffect(() => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        let asked = 0;
        const ask = async (): Promise<void> => {
            timer = undefined;
            asked = Date.now();
            const { room, token } = classroom.client;
            if (room === null) return;
            const answer = await request<{ participants: { id: string; name: string }[] }>(
                environment(),
                `${BASE}/rooms/${room}/users`,
                { token },
            );
            if (answer.ok) classroom.learnNames(answer.value.participants);
        };
        const off = classroom.client.on('message', ({ sender, senderType, id }) => {
            if (senderType !== 'student' || id === undefined || timer !== undefined) return;
            const { names } = classroom.snapshot;
            if (names.has(sender)) return;
            timer = setTimeout(() => void ask(), Math.max(0, asked + NAMES_EVERY - Date.now()));
        });
        return () => {
            off();
            clearTimeout(timer);
        };
    }, [classroom]);
}

export function raise(classroom: StudentRoom, up: boolean): Promise<unknown> {
    return classroom.send({ targetType: 'teacher', messageType: 'hand', message: { up } });
}
