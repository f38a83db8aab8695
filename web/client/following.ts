/**
 * The rooms that one chat socket is to follow: asked for anew on each connection, from where each
 * was left, at the pace that the server allows.
 */

import { seqOf } from './chat-protocol';
import type { Environment } from './env';

interface Room {
    /** The newest message received, to go on from. */
    since: string | null;
    /** How many earlier ones to get where there is none. */
    history: number | undefined;
    /** Asked for on this connection. */
    asked: boolean;
    /** How far one has read, as the application says, and as the server was told. */
    read: number;
    told: number;
}

/** Where a frame does not fit into the pace, it is tried again after, ms. */
const PACE_MS = 250;

/** What was read is told at most this often; the first word after a silence at once, ms. */
const READ_MS = 400;

/** Refs of questions: no message's ref begins so. */
const REF = 'sub.';

export class Following {
    private readonly rooms = new Map<string, Room>();
    private open = false;
    private timer: unknown = null;
    private notBefore = 0;
    private readAfter = 0;

    constructor(
        private readonly env: Environment,
        /** Sends now; false where that cannot be. */
        private readonly pass: (frame: string) => boolean,
    ) {}

    has(room: string): boolean {
        return this.rooms.has(room);
    }

    /** `since` and `history` count where the room is not followed yet. */
    add(room: string, since: string | null, history: number | undefined): void {
        if (this.rooms.has(room)) return;
        this.rooms.set(room, { since, history, asked: false, read: 0, told: 0 });
        this.work();
    }

    /** False where it was not followed. */
    remove(room: string): boolean {
        const known = this.rooms.get(room);
        if (!known || !this.rooms.delete(room)) return false;
        const frame = { messageType: 'unsubscribe', room: `room:${room}` };
        if (known.asked) this.pass(JSON.stringify(frame));
        return true;
    }

    /** The server has ended it. */
    drop(room: string): boolean {
        return this.rooms.delete(room);
    }

    /** A message that is remembered: true where it is the next new one. */
    takes(room: string, id: string): boolean {
        const known = this.rooms.get(room);
        if (!known || seqOf(id) <= seqOf(known.since ?? undefined)) return false;
        known.since = id;
        return true;
    }

    /** The server's word on a room that is followed now; `last` is its newest message. */
    welcomed(room: string, last: string): boolean {
        const known = this.rooms.get(room);
        if (!known) return false;
        // With no history asked for, "now" is the place to go on from.
        if (known.history === 0) known.since ??= last || null;
        return true;
    }

    /** The application has shown all up to that message. */
    read(room: string, id: string): void {
        const known = this.rooms.get(room);
        if (!known || seqOf(id) <= known.read) return;
        known.read = seqOf(id);
        const wait = this.readAfter - this.env.now();
        if (wait > 0) return this.later(wait);
        this.flush();
    }

    /** Says at once what is still to be said of what was read: the page goes. */
    flush(): void {
        if (!this.open) return;
        for (const [id, room] of this.rooms) {
            if (room.read > room.told && !this.tell(id, room)) return this.later(PACE_MS);
        }
    }

    /** A connection is ready. */
    start(): void {
        this.open = true;
        this.notBefore = 0;
        this.work();
    }

    /** The connection is gone: everything is asked for anew. */
    stop(): void {
        this.open = false;
        this.env.clearTimeout(this.timer);
        this.timer = null;
        for (const room of this.rooms.values()) {
            room.asked = false;
            room.told = 0;
        }
    }

    /** The room that a refused frame asked for; null where it was no such question. */
    questioned(ref: string | undefined): string | null {
        const room = ref?.startsWith(REF) ? ref.slice(REF.length) : null;
        return room !== null && this.rooms.has(room) ? room : null;
    }

    /** The server wants to be asked for that room later. */
    postpone(room: string, ms: number): void {
        const known = this.rooms.get(room);
        if (!known) return;
        known.asked = false;
        this.notBefore = Math.max(this.notBefore, this.env.now() + ms);
        this.later(ms);
    }

    private later(ms: number): void {
        if (!this.open || this.timer !== null) return;
        this.timer = this.env.setTimeout(() => {
            this.timer = null;
            this.work();
        }, ms);
    }

    private work(): void {
        if (!this.open) return;
        const paused = this.notBefore - this.env.now();
        if (paused > 0) return this.later(paused);
        for (const [id, room] of this.rooms) {
            if (!room.asked && !this.ask(id, room)) return this.later(PACE_MS);
        }
        this.flush();
    }

    private ask(id: string, room: Room): boolean {
        const { since, history } = room;
        const from = since === null ? (history === undefined ? {} : { history }) : { since };
        const frame = { messageType: 'subscribe', room: `room:${id}`, ...from, ref: REF + id };
        room.asked = this.pass(JSON.stringify(frame));
        return room.asked;
    }

    private tell(id: string, room: Room): boolean {
        const message = `${id}.${room.read}`;
        const frame = { messageType: 'read', room: `room:${id}`, message };
        if (!this.pass(JSON.stringify(frame))) return false;
        room.told = room.read;
        this.readAfter = this.env.now() + READ_MS;
        return true;
    }
}
