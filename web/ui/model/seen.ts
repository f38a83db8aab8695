/**
 * How far each student has read, as the host is told by `seen`: the id of the newest message shown
 * on that student's screen, which stands for all before it.
 */

import { isAfter } from './order';
import type { ClassEvent, Part } from './part';

export type SeenView = ReadonlyMap<string, string>;

export class Seen implements Part<SeenView> {
    private readonly newest = new Map<string, string>();

    take(event: ClassEvent): boolean {
        if (event.kind === 'restart') {
            this.newest.clear();
            return true;
        }
        if (event.kind !== 'seen') return false;
        let changed = false;
        for (const [userId, id] of Object.entries(event.seen)) {
            const before = this.newest.get(userId);
            // All that is known is told again after a welcome; it may cross newer news.
            if (typeof id !== 'string' || before === id) continue;
            if (before !== undefined && isAfter(before, id)) continue;
            this.newest.set(userId, id);
            changed = true;
        }
        return changed;
    }

    view(): SeenView {
        return new Map(this.newest);
    }
}

/** Whether that student's screen has shown the message. */
export function hasSeen(seen: SeenView, userId: string, id: string): boolean {
    const newest = seen.get(userId);
    return newest !== undefined && !isAfter(id, newest);
}

/**
 * Counts who of these students has seen a message, quickly for many messages: a thousand students
 * stand at few different messages, which are put in order once.
 */
export function tally(seen: SeenView, userIds: readonly string[]): (id: string) => number {
    const counts = new Map<string, number>();
    for (const userId of userIds) {
        const newest = seen.get(userId);
        if (newest !== undefined) counts.set(newest, (counts.get(newest) ?? 0) + 1);
    }
    const ids = [...counts.keys()].sort((a, b) => (isAfter(a, b) ? 1 : isAfter(b, a) ? -1 : 0));
    // How many stand at the message of that place, or at a later one.
    const atLeast = new Array<number>(ids.length + 1).fill(0);
    for (let i = ids.length - 1; i >= 0; i--) atLeast[i] = atLeast[i + 1]! + counts.get(ids[i]!)!;
    return (id) => {
        let low = 0;
        let high = ids.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (isAfter(id, ids[middle]!)) low = middle + 1;
            else high = middle;
        }
        return atLeast[low]!;
    };
}
