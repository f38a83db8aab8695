/** What the teacher page keeps of a class: its parts, and the names that components know it by. */

import type { ClientOptions } from '../web/client';
import { Classroom } from '../web/ui/classroom';
import type { Snapshot } from '../web/ui/classroom';
import { Checks } from '../web/ui/model/checks';
import { Conversation } from '../web/ui/model/conversation';
import { Hands } from '../web/ui/model/hands';
import { Polls } from '../web/ui/model/polls';
import { Reactions } from '../web/ui/model/reactions';
import { Roster } from '../web/ui/model/roster';
import { Seen } from '../web/ui/model/seen';
import { BASE } from '../web/ui/page';
import type { Session } from './session';

/**
 * Seconds that the class waits for its teacher: a reload, a new battery, the way to another room.
 */
export const HOLD = 120;

const parts = () => ({
    conversation: new Conversation(),
    roster: new Roster(),
    hands: new Hands(),
    seen: new Seen(),
    polls: new Polls(),
    reactions: new Reactions(),
    checks: new Checks(),
});

export type TeacherParts = ReturnType<typeof parts>;
export type TeacherClassroom = Classroom<TeacherParts>;
export type TeacherSnapshot = Snapshot<TeacherParts>;

export function openClass(
    { token, room, name, returning }: Session,
    refreshToken: () => Promise<string | null>,
): TeacherClassroom {
    const options: ClientOptions = {
        base: BASE,
        token,
        returning,
        ...(room === undefined ? {} : { room }),
        host: { hold: HOLD, ...(name === undefined ? {} : { name }) },
        refreshToken,
    };
    return new Classroom(options, parts());
}

/** What the parts of the page that show a class are given. */
export interface RoomProps {
    classroom: TeacherClassroom;
    snapshot: TeacherSnapshot;
    token: string;
    /** Goes back to the start page; the class waits where it is not over. */
    onLeave(): void;
}
