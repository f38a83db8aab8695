/** The messages of protocol.md as types: what goes over a class room's socket. */

export type SenderType = 'teacher' | 'student' | 'service' | 'server';
export type TargetType = 'teacher' | 'student' | 'all';

/**
 * One message as the server sends it. `id` and order are the room's; ids are only ever compared.
 */
export interface Message<Body = unknown> {
    /** Absent where the message is not remembered (ephemeral ones, joins and leaves). */
    id?: string;
    /** Milliseconds since 1970, by the server's clock. */
    ts: number;
    /** `room:FTYXPM` */
    room: string;
    senderType: SenderType;
    sender: string;
    targetType: TargetType;
    /** The one user it was sent to, where it was. */
    target?: string;
    messageType: string;
    ref?: string;
    message: Body;
}

export interface User {
    id: string;
    name: string;
    userType: 'teacher' | 'student' | 'service';
}

export interface Settings {
    name: string;
    /** Most participants. */
    max: number;
    /** Seconds that the room is kept when the host is lost; 0 ends it at once. */
    hold: number;
    /** `teacher`: students may write to the host only; `all`: to each other too. */
    talk: 'teacher' | 'all';
    /** Who is told of joins and leaves. */
    notify: 'host' | 'all';
    locked: boolean;
}

export interface Participant {
    id: string;
    name: string;
    joinedAt: number;
}

/** How fast one may send. */
export interface Pace {
    /** Bytes of one message. */
    message: number;
    /** Messages per second, and how many at once. */
    rate: number;
    burst: number;
}

export interface Limits extends Pace {
    /** Bytes that may wait for a slow socket. */
    queue: number;
    participants: number;
    /** Bytes of an image that is sent; older servers do not say. */
    image?: number;
}

export interface Host {
    id: string;
    name: string;
    present: boolean;
    /** When the room ends unless the host is back, by the server's clock; null while present. */
    deadline: number | null;
}

export interface Welcome {
    user: User;
    session: string;
    /** Tells one class from the next with the same code; older servers do not say. */
    epoch?: string;
    settings: Settings;
    host: Host;
    /** The students present: told to the host only. */
    participants?: Participant[];
    /** Students present. */
    count: number;
    /** Id of the room's last message, or empty. */
    last: string;
    /** Seconds between the server's signs of life. */
    ping: number;
    limits: Limits;
    server: { id: string; version: string };
}

export interface Join {
    user: { id: string; userType: SenderType };
    name: string;
    count: number;
    joinedAt: number;
    ts: number;
}

export interface Leave {
    user: { id: string; userType: SenderType };
    name: string;
    count: number;
    reason: string;
    presentMs: number;
    ts: number;
}

/** What the server answers to a message that it took. */
export interface Ack {
    ref: string;
    /** Absent where nothing was stored (commands). */
    id?: string;
    /** The server's time of the answer. */
    ts: number;
}

/** Options of the host's URL: how a new room is set up. */
export interface HostOptions {
    name?: string;
    max?: number;
    hold?: number;
    talk?: Settings['talk'];
    notify?: Settings['notify'];
}

/** A message to send. */
export interface Outgoing {
    targetType: TargetType;
    /** One user's id; everyone of the type where absent. */
    target?: string;
    messageType: string;
    /** Anything that JSON can say. */
    message?: unknown;
    /** Not remembered, not replayed, never kept for later: typing, reactions. */
    ephemeral?: boolean;
}

/** A message that has no answer yet, as it is put down to outlive the page. */
export interface Kept<Out = Outgoing> {
    ref: string;
    /** When it was posted, by the device's clock, ms. */
    at: number;
    /** The class that it was written for, where that is known. */
    epoch?: string;
    outgoing: Out;
}

/** Where messages outlive the page: one place per user and room. */
export interface Keep<Out = Outgoing> {
    load(): Kept<Out>[];
    save(all: Kept<Out>[]): void;
}

/** A message that an earlier page had kept, under way again. */
export interface Restored<Out = Outgoing> extends Kept<Out> {
    answer: Promise<Ack>;
}

/**
 * Codes and sentences of refusals are the server's (`forbidden`, `talk_forbidden`, …), or the
 * client's own:
 */
export type LocalCode =
    | 'closed' // the client was closed, or its connection for good
    | 'room_ended' // the room ended before the message was taken
    | 'another_class' // it was written for the class before, which had the same code
    | 'queue_full' // too much waits already
    | 'offline' // ephemeral, and there is no connection
    | 'too_late' // kept over a reload, for longer than the server recognises a repeated one
    | 'too_big'; // more bytes than the server takes

/** Why a message was not taken. */
export class LecternError extends Error {
    override readonly name = 'LecternError';

    constructor(
        readonly code: LocalCode | (string & {}),
        message: string,
        /** The field that was wrong, where one was. */
        readonly field?: string,
        /** The `ref` of the message, where it had one. */
        readonly ref?: string,
    ) {
        super(message);
    }
}

/** `<epoch>.<ms>-<n>`, as Lectern makes ids. */
const ID = /^(.*)\.\d+-\d+$/;

/** The epoch of an id's class; null if it has none. */
export function epochOf(id: string): string | null {
    return ID.exec(id)?.[1] ?? null;
}

/** `room:FTYXPM` or `FTYXPM` → `FTYXPM`. */
export function roomCode(room: string): string {
    return room.startsWith('room:') ? room.slice(5) : room;
}

/** Null for what is no message: nothing that the server sends, and nothing to fall over. */
export function parseMessage(text: string): Message | null {
    try {
        const message = JSON.parse(text) as Message | null;
        return typeof message?.messageType === 'string' ? message : null;
    } catch {
        return null;
    }
}
