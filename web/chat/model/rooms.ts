/** One's rooms, newest activity first: what is new in each, and how much of it is unread. */

import { seqOf } from '../../client';
import type { ChatMessage, MyRoom, RoomKind, RoomWelcome } from '../../client';
import { subjectOf } from './content';

export interface RoomEntry {
    id: string;
    kind: RoomKind;
    name: string;
    owner: string;
    /** How many there are. */
    members: number;
    unread: number;
    /** The last that I have read. */
    readSeq: number;
    /** The last to show something of. */
    last: ChatMessage | null;
    /** Of the newest that is known of, shown or not. */
    lastSeq: number;
    /** When something last happened, ms. */
    at: number;
    /** Of a direct room: the other's id. */
    other?: string;
}

/** The server counts so far. */
export const MOST_UNREAD = 1000;

/** What is remembered of a room but tells nothing new to read. */
const EVENTS = new Set(['join', 'leave', 'delete', 'file-state']);

function entryOf(room: MyRoom): RoomEntry {
    const { id, kind, name, owner, members, unread, lastReadMessage, last, createdAt } = room;
    return {
        id,
        kind,
        name,
        owner,
        members,
        unread,
        readSeq: seqOf(lastReadMessage),
        last,
        lastSeq: seqOf(last?.id),
        at: last?.ts ?? createdAt,
        ...(room.with ? { other: room.with.id } : {}),
    };
}

export class Rooms {
    private readonly entries = new Map<string, RoomEntry>();
    private sorted: readonly RoomEntry[] | null = null;

    constructor(private readonly me: string) {}

    /** Newest activity first. Replaced, never changed; so are its entries. */
    get all(): readonly RoomEntry[] {
        this.sorted ??= [...this.entries.values()].sort((a, b) => b.at - a.at);
        return this.sorted;
    }

    get unread(): number {
        return this.all.reduce((sum, { unread }) => sum + unread, 0);
    }

    get(id: string): RoomEntry | null {
        return this.entries.get(id) ?? null;
    }

    /**
     * The server's list, in place of what was known. What came live while it was asked for is
     * newer than what it says.
     */
    set(list: readonly MyRoom[]): void {
        const before = new Map(this.entries);
        this.entries.clear();
        for (const room of list) {
            const entry = entryOf(room);
            const known = before.get(room.id);
            const ahead = known && known.lastSeq > entry.lastSeq && known.last !== null;
            const { readSeq, lastSeq } = known ?? { readSeq: 0, lastSeq: 0 };
            this.entries.set(room.id, {
                ...entry,
                ...(ahead && seqOf(known.last?.id) > seqOf(entry.last?.id)
                    ? { last: known.last, at: known.at, unread: known.unread }
                    : {}),
                ...(readSeq > entry.readSeq ? { readSeq, unread: known!.unread } : {}),
                lastSeq: Math.max(entry.lastSeq, lastSeq),
            });
        }
        this.sorted = null;
    }

    /** True where the list must be asked for: what was shown of the room is gone. */
    message(room: string, message: ChatMessage): boolean {
        const entry = this.entries.get(room);
        const seq = seqOf(message.id);
        if (!entry || seq <= entry.lastSeq) return false;
        const { messageType, sender, ts } = message;
        if (messageType === 'delete' || messageType === 'file-state') {
            const gone = messageType === 'delete' && subjectOf(message) === entry.last?.id;
            this.change(room, { lastSeq: seq, ...(gone ? { last: null } : {}) });
            return messageType === 'delete';
        }
        const mine = sender === this.me;
        const fresh = !mine && !EVENTS.has(messageType) && seq > entry.readSeq;
        const readSeq = mine && !EVENTS.has(messageType) ? seq : entry.readSeq;
        this.change(room, {
            lastSeq: seq,
            last: message,
            at: Math.max(entry.at, ts),
            readSeq,
            unread:
                readSeq > entry.readSeq
                    ? 0
                    : Math.min(MOST_UNREAD, entry.unread + (fresh ? 1 : 0)),
            ...presence(message),
        });
        return false;
    }

    welcome(room: string, { chat, lastReadMessage, unread }: RoomWelcome): void {
        const entry = this.entries.get(room);
        if (!entry) return;
        const read = seqOf(lastReadMessage);
        this.change(room, {
            ...(entry.kind === 'group' ? { name: chat.name } : {}),
            owner: chat.owner,
            members: chat.count,
            ...(read > entry.readSeq ? { readSeq: read, unread } : {}),
        });
    }

    /** I have read up to there, here or elsewhere; `left` says how much that leaves unread. */
    read(room: string, seq: number, left: number): void {
        const entry = this.entries.get(room);
        if (!entry || seq <= entry.readSeq) return;
        const unread = seq >= entry.lastSeq ? 0 : Math.min(entry.unread, left);
        this.change(room, { readSeq: seq, unread });
    }

    remove(room: string): boolean {
        this.sorted = null;
        return this.entries.delete(room);
    }

    private change(room: string, changes: Partial<RoomEntry>): void {
        this.entries.set(room, { ...this.entries.get(room)!, ...changes });
        this.sorted = null;
    }
}

/** What coming and going changes about a room. */
function presence({ messageType, message }: ChatMessage): Partial<RoomEntry> {
    if (messageType !== 'join' && messageType !== 'leave') return {};
    const { count, owner } = (message ?? {}) as { count?: unknown; owner?: unknown };
    return {
        ...(typeof count === 'number' ? { members: count } : {}),
        ...(typeof owner === 'string' ? { owner } : {}),
    };
}
