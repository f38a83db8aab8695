/** What is said below one's own messages: who has read them. */

import type { Reads } from './reads';
import type { Entry, MessageLine } from './timeline';

export interface Receipt {
    /** `some` have not read it yet: `count` says how many. */
    kind: 'read' | 'all' | 'some';
    count: number;
}

/**
 * In a direct room the last message that the other has read says so; in a group the last of those
 * that stand together says how many have not read them, and the last of all says when all have.
 */
export function receipts(
    entries: readonly Entry[],
    reads: Reads,
    room: { kind: 'group' | 'direct'; other?: string },
    me: string,
): (line: MessageLine) => Receipt | null {
    const read = room.other === undefined ? 0 : reads.get(room.other);
    let lastRead = 0;
    let last = 0;
    for (let place = entries.length - 1; place >= 0 && lastRead === 0; place -= 1) {
        const entry = entries[place]!;
        if (entry.kind !== 'message' || !entry.mine || entry.seq === 0) continue;
        if (last === 0) last = entry.seq;
        if (entry.seq <= read || room.kind === 'group') lastRead = entry.seq;
    }
    /** What is said below the next line already, by line. */
    const repeated = new Set<number>();
    if (room.kind === 'group') {
        entries.forEach((entry, place) => {
            const next = entries[place + 1];
            if (!isMine(entry) || !next || !isMine(next) || next.seq === 0) return;
            const same = reads.unread(entry.seq, me) === reads.unread(next.seq, me);
            if (same) repeated.add(entry.seq);
        });
    }
    return ({ mine, seq, status }) => {
        if (!mine || seq === 0 || status !== 'sent') return null;
        if (room.kind === 'direct') return seq === lastRead ? { kind: 'read', count: 0 } : null;
        if (reads.count < 2 || repeated.has(seq)) return null;
        const count = reads.unread(seq, me);
        if (count > 0) return { kind: 'some', count };
        return seq === last ? { kind: 'all', count } : null;
    };
}

function isMine(entry: Entry): boolean {
    return entry.kind === 'message' && entry.mine;
}
