/** What the teacher page keeps of a class: its parts, and the names that components know it by. */

import { useEffect } from 'preact/hooks';
import type { ClientOptions, Keep } from '../web/client';
import { Classroom } from '../web/ui/classroom';
import type { Snapshot } from '../web/ui/classroom';
import { keepFor } from '../web/ui/keep';
import { Checks } from '../web/ui/model/checks';
import { Conversation } from '../web/ui/model/conversation';
import { Hands } from '../web/ui/model/hands';
import { Polls } from '../web/ui/model/polls';
import { Reactions } from '../web/ui/model/reactions';
import { Roster } from '../web/ui/model/roster';
import type { KeptRoster } from '../web/ui/model/roster';
import { Seen } from '../web/ui/model/seen';
import { BASE } from '../web/ui/page';
import { keptRoster } from './kept-roster';
import { tokenUser } from './session';
import type { Session } from './session';

/**
 * Seconds that the class waits for its teacher: a reload, a new battery, the way to another room.
 */
export const HOLD = 120;

const parts = (before: KeptRoster | null) => ({
    conversation: new Conversation(),
    roster: new Roster(before),
    hands: new Hands(),
    seen: new Seen(),
    polls: new Polls(),
    reactions: new Reactions(),
    checks: new Checks(),
});

export type TeacherParts = ReturnType<typeof parts>;
export type TeacherClassroom = Classroom<TeacherParts>;
export type TeacherSnapshot = Snapshot<TeacherParts>;

/** Messages that the teacher sees as refused, and may send again. */
const RETRIED = new Set(['send', 'image', 'poll', 'poll-key']);

/** Where what this teacher sent in this class, and has no answer for, outlives a reload. */
function keepOf({ token, room }: Session, code: () => string | null): Keep {
    const user = tokenUser(token);
    return keepFor(() => {
        const known = code() ?? room ?? null;
        return known === null ? null : `${known}.${user}`;
    });
}

/**
 * When the page goes, what was refused is kept too. It is too old to be sent unasked, and comes
 * back as what was not sent.
 */
export function useRefusedKept({ classroom, keep }: OpenClass): void {
    useEffect(() => {
        const put = (): void => {
            const refused = classroom.unsent.filter((each) => RETRIED.has(each.messageType));
            if (refused.length === 0) return;
            const old = refused.map((outgoing, index) => {
                return { ref: `old-${index}`, at: 0, outgoing };
            });
            keep.save([...keep.load().filter(({ at }) => at > 0), ...old]);
        };
        window.addEventListener('pagehide', put);
        return () => window.removeEventListener('pagehide', put);
    }, [classroom, keep]);
}

export interface OpenClass {
    classroom: TeacherClassroom;
    keep: Keep;
}

export function openClass(
    session: Session,
    refreshToken: () => Promise<string | null>,
): OpenClass {
    const { token, room, name, returning } = session;
    let code: string | null = null;
    const keep = keepOf(session, () => code);
    const options: ClientOptions = {
        base: BASE,
        token,
        returning,
        ...(room === undefined ? {} : { room }),
        host: { hold: HOLD, ...(name === undefined ? {} : { name }) },
        refreshToken,
        // A class that is opened, and not come back to, begins with nothing.
        keep: { ...keep, load: () => (returning ? keep.load() : []) },
    };
    const classroom: TeacherClassroom = new Classroom(
        options,
        parts(returning ? keptRoster(room) : null),
    );
    classroom.client.on('welcome', () => (code = classroom.client.room));
    return { classroom, keep };
}

/** What the parts of the page that show a class are given. */
export interface RoomProps {
    classroom: TeacherClassroom;
    snapshot: TeacherSnapshot;
    token: string;
    /** Goes back to the start page; the class waits where it is not over. */
    onLeave(): void;
}
