/** What goes over the wire about chat rooms: docs/protocol.md, "Chat". */

import type { Message, Pace, User } from './protocol';

/** A member as others see them. */
export interface Member extends User {
    userType: 'teacher' | 'student';
    /** Id of the last message that they have read; empty where none. */
    lastReadMessage: string;
}

/** A message of a chat room: lasting ones have an id, `<room>.<seq>`. */
export interface ChatMessage<Body = unknown> extends Message<Body> {
    senderName?: string;
}

export type RoomKind = 'group' | 'direct';

/** A room as the REST calls give it. */
export interface ChatRoom {
    /** Without `room:`. */
    id: string;
    kind: RoomKind;
    /** Of a direct room: the other's name. */
    name: string;
    owner: string;
    /** How many there are. */
    members: number;
    createdAt: number;
}

/** One of my rooms. */
export interface MyRoom extends ChatRoom {
    /** Messages of others that I have not read; counted up to 1000. */
    unread: number;
    lastReadMessage: string;
    last: ChatMessage | null;
    /** Of a direct room: the other. */
    with?: Member;
}

export interface ListedRoom extends ChatRoom {
    joined: boolean;
}

/** The first message on a chat socket. */
export interface ChatHello {
    user: User;
    /** Seconds between the server's signs of life. */
    ping: number;
    limits: ChatLimits;
}

export interface ChatLimits extends Pace {
    /** Rooms that one socket may follow. */
    subscriptions?: number;
}

/** What comes first about each room that is followed. */
export interface RoomWelcome {
    chat: { kind: RoomKind; name: string; owner: string; count: number };
    /** At most 200 of them. */
    members: Member[];
    /** Id of the newest message, or empty. */
    last: string;
    unread: number;
    lastReadMessage: string;
}

export interface HistoryPage {
    /** Oldest first. */
    messages: ChatMessage[];
    /** Whether there are more in the direction that was asked for. */
    more: boolean;
    lastReadMessage: string;
    /** What each member has read, by user id. */
    reads: Record<string, string>;
}

/** A message to send, as it is kept until it is answered. */
export interface ChatOutgoing {
    room: string;
    messageType: string;
    message?: unknown;
}

/** The place of a message in its room, from 1; 0 for what has none. */
export function seqOf(id: string | undefined): number {
    const seq = Number(/\.(\d+)$/.exec(id ?? '')?.[1] ?? 0);
    return Number.isSafeInteger(seq) ? seq : 0;
}

/** The room of a message's id, without `room:`. */
export function roomOf(id: string): string {
    return id.slice(0, Math.max(0, id.lastIndexOf('.')));
}
