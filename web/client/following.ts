/**
 * The rooms that one chat socket is to follow: asked for anew on each connection, from where each
 * was left, at the pace that the server allows.
 */

import { roomOf, seqOf } from './chat-protocol';
import type { ChatLimits } from './chat-protocol';
import type { Environment } from './env';
import { laterOf } from './outbox';
import type { Refusal } from './outbox';
import { Pacer } from './pacer';

interface Room {
    /** The newest message received, to go on from. */
    since: string | null;
    /** How many earlier ones to get where there is none. */
    history: number | undefined;
    /** Asked for on this connection. */
    asked: boolean;
    /** How far one has read, as the application says, as the server was told, and as it has said. */
    read: number;
    told: number;
    taken: number;
}

/** Where a frame does not fit into the pace, it is tried again after, ms. */
const PACE_MS = 250;

/** What was read is told at most this often; the first word after a silence at once, ms. */
const READ_MS = 400;

/** Until a room is asked for again where the server was at fault, ms. */
const FAULT_MS = 10_000;

/** Refs of what is asked and told here, `sub.<room>` and `read.<id>`: no message's ref begins so. */
const SUB = 'sub.';
const READ = 'read.';

/** Refusals that say that a room cannot be followed. */
const NOT_FOLLOWED = new Set(['room_not_found', 'not_member', 'too_many_rooms', 'bad_field']);

export class Following {
    private readonly rooms = new Map<string, Room>();
    private transmit: ((frame: string) => void) | null = null;
    /** The server counts subscriptions apart from what is said: as many at once as there may be. */
    private pacer: Pacer | null = null;
    private timer: unknown = null;
    private notBefore = 0;
    private readAfter = 0;

    constructor(
        private readonly env: Environment,
        /** Sends what is counted as said; false where that cannot be now. */
        private readonly pass: (frame: string) => boolean,
    ) {}

    has(room: string): boolean {
        return this.rooms.has(room);
    }

    /** `since` and `history` count where the room is not followed yet. */
    add(room: string, since: string | null, history: number | undefined): void {
        if (this.rooms.has(room)) return;
        this.rooms.set(room, { since, history, asked: false, read: 0, told: 0, taken: 0 });
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
        if (!this.transmit) return;
        for (const [id, room] of this.rooms) {
            if (room.read > room.told && !this.tell(id, room)) return this.later(PACE_MS);
        }
    }

    /** A connection is ready. */
    start(transmit: (frame: string) => void, limits: ChatLimits): void {
        const { rate, burst, subscriptions = burst } = limits;
        this.transmit = transmit;
        this.pacer = new Pacer(rate, subscriptions, this.env.now, 1);
        this.notBefore = 0;
        this.work();
    }

    /** The connection is gone: everything is asked for anew, and told what has no answer. */
    stop(): void {
        this.transmit = null;
        this.env.clearTimeout(this.timer);
        this.timer = null;
        for (const room of this.rooms.values()) {
            room.asked = false;
            room.told = room.taken;
        }
    }

    /** The server has stored how far one has read; false where the answer is to something else. */
    taken(ref: string): boolean {
        if (!ref.startsWith(READ)) return false;
        const room = this.rooms.get(roomOf(ref.slice(READ.length)));
        if (room) room.taken = Math.max(room.taken, seqOf(ref));
        return true;
    }

    /**
     * The server has refused what was asked or told here; null where it was something else. `over`: the
     * room is not followed any more, else it is tried again.
     */
    refused(ref: string | undefined, refusal: Refusal): { room: string; over: boolean } | null {
        if (ref?.startsWith(SUB)) return this.notAsked(ref.slice(SUB.length), refusal);
        if (!ref?.startsWith(READ)) return null;
        const id = roomOf(ref.slice(READ.length));
        const room = this.rooms.get(id);
        const later = laterOf(refusal);
        if (room && later !== null) {
            room.told = room.taken;
            this.postpone(later);
        }
        return { room: id, over: false };
    }

    private notAsked(id: string, refusal: Refusal): { room: string; over: boolean } {
        // Said of a question that a later one, or a word that took it back, has made void.
        if (refusal.code === 'not_subscribed') return { room: id, over: false };
        const room = this.rooms.get(id);
        const over = NOT_FOLLOWED.has(refusal.code);
        if (over) return { room: id, over: this.rooms.delete(id) };
        if (room) room.asked = false;
        this.postpone(laterOf(refusal) ?? FAULT_MS);
        return { room: id, over };
    }

    private postpone(ms: number): void {
        this.notBefore = Math.max(this.notBefore, this.env.now() + ms);
        this.later(ms);
    }

    private later(ms: number): void {
        if (!this.transmit || this.timer !== null) return;
        this.timer = this.env.setTimeout(() => {
            this.timer = null;
            this.work();
        }, ms);
    }

    private work(): void {
        if (!this.transmit) return;
        const paused = this.notBefore - this.env.now();
        if (paused > 0) return this.later(paused);
        for (const [id, room] of this.rooms) {
            if (room.asked) continue;
            const wait = this.pacer!.take();
            if (wait > 0) {
                this.later(wait);
                break;
            }
            this.ask(id, room);
        }
        this.flush();
    }

    private ask(id: string, room: Room): void {
        const { since, history } = room;
        const from = since === null ? (history === undefined ? {} : { history }) : { since };
        const frame = { messageType: 'subscribe', room: `room:${id}`, ...from, ref: SUB + id };
        room.asked = true;
        this.transmit!(JSON.stringify(frame));
    }

    private tell(id: string, room: Room): boolean {
        const message = `${id}.${room.read}`;
        const frame = { messageType: 'read', room: `room:${id}`, message, ref: READ + message };
        if (!this.pass(JSON.stringify(frame))) return false;
        room.told = room.read;
        this.readAfter = this.env.now() + READ_MS;
        return true;
    }
}
