/** Reactions that pass by: the last few, one's own and, where `talk` allows, those of others. */

import type { ClassEvent, Part } from '../web/ui/model/part';
import { REACTIONS } from '../web/ui/model/reactions';

export interface PassingReaction {
    /** Tells it from all others. */
    key: number;
    emoji: string;
}

/** So many are shown at once: a class of a thousand must not fill the screen. */
const MOST = 12;

/** The list with one more, and no more than there is room for. */
export function passOne(passing: readonly PassingReaction[], emoji: string): PassingReaction[] {
    const key = (passing[passing.length - 1]?.key ?? 0) + 1;
    return [...passing, { key, emoji }].slice(-MOST);
}

export class PassingReactions implements Part<readonly PassingReaction[]> {
    private passing: readonly PassingReaction[] = [];

    take(event: ClassEvent): boolean {
        if (event.kind !== 'message') return false;
        const { messageType, senderType, message } = event.message;
        if (messageType !== 'reaction' || senderType !== 'student') return false;
        const emoji = REACTIONS.find((known) => known === message);
        if (emoji === undefined) return false;
        this.passing = passOne(this.passing, emoji);
        return true;
    }

    view(): readonly PassingReaction[] {
        return this.passing;
    }
}
