/** How far each member of a room has read, and so how many have not read a message yet. */

import { seqOf } from '../../client';

export class Reads {
    private readonly seqs = new Map<string, number>();
    private sorted: readonly number[] | null = null;

    /** How many members there are; the server names at most 200 of them. */
    count = 0;

    /** True where this is news. A read state never moves back. */
    set(user: string, id: string): boolean {
        const seq = seqOf(id);
        const before = this.seqs.get(user);
        if (before !== undefined && before >= seq) return false;
        this.seqs.set(user, seq);
        this.sorted = null;
        return true;
    }

    remove(user: string): void {
        this.seqs.delete(user);
        this.sorted = null;
    }

    get(user: string): number {
        return this.seqs.get(user) ?? 0;
    }

    /** Starts over with the members that the server names. */
    reset(members: readonly { id: string; lastReadMessage: string }[], count: number): void {
        const before = new Map(this.seqs);
        this.seqs.clear();
        this.sorted = null;
        this.count = count;
        for (const { id, lastReadMessage } of members) {
            this.seqs.set(id, Math.max(seqOf(lastReadMessage), before.get(id) ?? 0));
        }
    }

    /** Members who have not read that message; its sender has. */
    unread(seq: number, sender: string): number {
        this.sorted ??= [...this.seqs.values()].sort((a, b) => a - b);
        let [from, to] = [0, this.sorted.length];
        while (from < to) {
            const middle = (from + to) >> 1;
            if (this.sorted[middle]! < seq) from = middle + 1;
            else to = middle;
        }
        const have = this.sorted.length - from;
        const senderHas = (this.seqs.get(sender) ?? 0) >= seq;
        return Math.max(0, this.count - have - (senderHas ? 0 : 1));
    }
}
