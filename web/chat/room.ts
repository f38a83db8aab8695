/** One room as the page has it: its messages as far as they are loaded, its members, who writes. */

import type { ChatMessage, Failure, Member } from '../client';
import { seqOf } from '../client';
import { Reads } from './model/reads';
import { Timeline } from './model/timeline';
import { Typing } from './model/typing';

export type Loading = 'first' | 'older' | 'newer';

export class Room {
    readonly timeline: Timeline;
    readonly reads = new Reads();
    readonly typing = new Typing();
    /** At most 200 of them. */
    members: readonly Member[] = [];
    /** What is being asked for. */
    readonly loading = new Set<Loading>();
    /** Why the last page could not be had, and asking for it again. */
    trouble: { failure: Failure; retry(): Promise<void> } | null = null;
    /** Counts what replaces the window: what was asked for before is not put into it. */
    course = 0;
    /** Unread begins after this message: as it was when the room was opened. */
    divider: number | null = null;
    /** The message that was looked for, until it has been shown. */
    pointed: { seq: number } | null = null;
    /** Counts the pages that replaced what was loaded: where one reads starts over. */
    turns = 0;

    constructor(
        readonly id: string,
        me: string,
    ) {
        this.timeline = new Timeline(me);
    }

    setMembers(members: readonly Member[], count: number): void {
        this.members = members;
        this.reads.reset(members, count);
    }

    /** Who comes, goes, reads or writes changes what is known of the members. */
    hear(message: ChatMessage): void {
        const { messageType, sender, senderName, senderType, id = '' } = message;
        const { count } = (message.message ?? {}) as { count?: unknown };
        if (typeof count === 'number' && (messageType === 'join' || messageType === 'leave')) {
            this.reads.count = count;
        }
        if (messageType === 'leave') {
            this.members = this.members.filter((member) => member.id !== sender);
            this.reads.remove(sender);
            return;
        }
        if (messageType === 'join' && !this.members.some((member) => member.id === sender)) {
            const userType = senderType === 'teacher' ? senderType : 'student';
            const who = { id: sender, name: senderName ?? sender, userType } as const;
            this.members = [...this.members, { ...who, lastReadMessage: id }];
        }
        // Who writes has read what is above.
        if (messageType !== 'delete' && messageType !== 'file-state') this.reads.set(sender, id);
        this.typing.set(sender, '', false, 0);
    }

    nameOf(user: string): string {
        return this.members.find(({ id }) => id === user)?.name ?? user;
    }

    /** The newest message that is loaded, by id. */
    get newestId(): string {
        const seq = Math.max(this.timeline.newest, this.timeline.last);
        return seq === 0 ? '' : `${this.id}.${seq}`;
    }

    /** Members' read states from a page of the history. */
    takeReads(reads: Readonly<Record<string, string>>): void {
        for (const [user, id] of Object.entries(reads)) {
            if (seqOf(id) > 0) this.reads.set(user, id);
        }
    }
}
