/** What is drawn of a timeline: its lines, with the days and what is unread set off. */

import type { Entry } from './timeline';

export type Row =
    | { kind: 'day'; key: string; ts: number }
    | { kind: 'unread'; key: string }
    | { kind: 'entry'; key: string; entry: Entry; follows: boolean };

/** Messages of one sender that come so shortly after each other stand together, ms. */
const TOGETHER = 3 * 60_000;

function dayOf(ts: number): string {
    const date = new Date(ts);
    return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

/** `entry` goes on where `before` ended: no name and no time in between. */
function goesOn(before: Entry | undefined, entry: Entry): boolean {
    return (
        before?.kind === 'message' &&
        entry.kind === 'message' &&
        before.sender === entry.sender &&
        entry.ts - before.ts < TOGETHER
    );
}

/** `unreadAfter` is the seq of the last message that was read when the room was opened. */
export function rowsOf(entries: readonly Entry[], unreadAfter: number | null): Row[] {
    const rows: Row[] = [];
    const days = new Set<string>();
    let day = '';
    let before: Entry | undefined;
    let divided = unreadAfter === null;
    for (const entry of entries) {
        const own = dayOf(entry.ts);
        if (own !== day) {
            // A clock that was set back brings a day twice.
            const again = days.has(own) ? `-${entry.key}` : '';
            days.add(own);
            rows.push({ kind: 'day', key: `day-${own}${again}`, ts: entry.ts });
            before = undefined;
        }
        day = own;
        const theirs = entry.kind === 'message' && !entry.mine;
        if (!divided && theirs && entry.seq > unreadAfter!) {
            divided = true;
            rows.push({ kind: 'unread', key: 'unread' });
            before = undefined;
        }
        rows.push({ kind: 'entry', key: entry.key, entry, follows: goesOn(before, entry) });
        before = entry;
    }
    return rows;
}
