/**
 * The client of chat rooms: one connection for all of them.
 *
 *     const chat = new ChatClient({ base: location.origin, token });
 *     chat.on('message', ({ room, senderName, message }) => show(room, senderName, message));
 *     chat.connect();
 *     chat.follow('cabcdefghijklmno', { history: 50 });
 *     const { id } = await chat.send('cabcdefghijklmno', 'send', 'Hi');
 *
 * What it promises:
 * - each remembered message of a room that is followed is emitted once, in the room's order, over
 *   any number of connections; `gap` says where there were too many to get them all;
 * - each sent message is taken once, or its promise is rejected with a `LecternError`;
 * - rooms that are followed are followed until `unfollow`, or until `closed` says that they no
 *   longer can be.
 *
 * Rooms are named without `room:` here. A message that one sends oneself is emitted too.
 */

import { SendingClient } from './base';
import { ChatConnection } from './chat-connection';
import type {
    ChatHello,
    ChatLimits,
    ChatMessage,
    ChatOutgoing,
    RoomWelcome,
} from './chat-protocol';
import type { CloseInfo } from './close';
import { Following } from './following';
import type { ConnectionOptions, State } from './options';
import type { Refusal } from './outbox';
import { parseMessage, roomCode } from './protocol';
import type { Ack, Keep, LecternError, Message, User } from './protocol';

export interface ChatOptions extends ConnectionOptions {
    /** Most messages that may wait for an answer. */
    queue?: number;
    /** Where messages without an answer outlive the page; see `restored`. */
    keep?: Keep<ChatOutgoing>;
}

export interface Followed {
    /** Go on after this message; else with the newest `history` ones (the server's own number). */
    since?: string;
    history?: number;
}

export interface ChatEvents {
    state: State;
    /** Connected. `again` is false for the first time. */
    hello: ChatHello & { again: boolean };
    /** A room is followed from here on; on each connection. */
    room: RoomWelcome & { room: string };
    /** What is remembered of a room: with an id. */
    message: ChatMessage & { id: string };
    /** What passes by: typing, and whatever has no id. */
    passing: ChatMessage;
    /** How far somebody has read: others, and oneself elsewhere. */
    read: { room: string; user: string; lastReadMessage: string };
    /** More was missed than the server sends: what comes next is not what came after `since`. */
    gap: { room: string; since: string };
    /** A room can no longer be followed: `left`, `deleted`, or the code of a refusal. */
    closed: { room: string; reason: string };
    /** Somebody has made a room with us, or we have joined or left one elsewhere. */
    invited: { room: string };
    /** A connection that was open has ended. The state follows. */
    disconnect: CloseInfo;
    /** The server refused something for good. */
    error: LecternError;
}

/** Most messages that may wait for an answer. */
const QUEUE = 500;

/** A `ref` is recognised for ever; what was written yesterday is not sent unasked, ms. */
const REF_MS = 12 * 3_600_000;

export class ChatClient extends SendingClient<ChatEvents, ChatOutgoing> {
    protected readonly connection: ChatConnection;
    private readonly following: Following;
    private latest: ChatHello | null = null;

    constructor({ queue = QUEUE, keep, ...options }: ChatOptions) {
        super(options.env, { capacity: queue, keep, refMs: REF_MS });
        this.following = new Following(this.env, (frame) => this.outbox.pass(frame));
        this.connection = new ChatConnection(this.env, options, {
            state: (state) => this.onState(state),
            frame: (text) => this.receive(text),
            down: () => this.onDown(),
            disconnect: (close) => this.events.emit('disconnect', close),
        });
    }

    /** Who we are; null before the first connection. */
    get user(): User | null {
        return this.latest?.user ?? null;
    }

    get limits(): ChatLimits | null {
        return this.latest?.limits ?? null;
    }

    /** Follows a room from now on. Nothing happens where it is followed already. */
    follow(room: string, { since, history }: Followed = {}): void {
        this.following.add(roomCode(room), since ?? null, history);
    }

    unfollow(room: string): void {
        this.following.remove(roomCode(room));
    }

    /**
     * Sends a message. It is kept and sent again, over reconnects, until the server has stored it
     * (the promise gives its id) or refused it for good (the promise is rejected).
     */
    send(room: string, messageType: string, message: unknown): Promise<Ack> {
        const fields = { room: `room:${room}`, message };
        return this.post(messageType, fields, { room: `room:${room}`, messageType, message });
    }

    /** Says that one writes, or no longer does: now, or not at all. */
    typing(room: string, on: boolean): void {
        this.outbox.pass(
            JSON.stringify({ messageType: 'typing', room: `room:${room}`, message: on }),
        );
    }

    /** Has read the room up to that message. Call it as often as you like. */
    read(room: string, id: string): void {
        this.following.read(room, id);
    }

    /** To be called when the page goes: what was read last is told before it has gone. */
    flush(): void {
        this.following.flush();
    }

    /** Takes a message back: one's own, or any as the room's owner. */
    delete(room: string, id: string): Promise<Ack> {
        return this.post('delete', { room: `room:${room}`, message: id });
    }

    private onState(state: State): void {
        if (state.name === 'closed') {
            this.outbox.rejectAll('closed', 'the connection is closed');
        }
        this.events.emit('state', state);
    }

    private onDown(): void {
        this.outbox.shut();
        this.following.stop();
        // The next handshake carries the newest token anyway.
        this.outbox.settle('token');
    }

    // ---- Receiving

    private receive(text: string): void {
        const message = parseMessage(text);
        if (!message) return;
        const reserved = ChatClient.reserved.get(message.messageType);
        if (reserved) return reserved.call(this, message);
        const { id } = message;
        if (typeof id !== 'string') return this.events.emit('passing', message);
        if (this.following.takes(roomCode(message.room), id)) {
            this.events.emit('message', { ...message, id });
        }
    }

    private onWelcome(welcome: Message<ChatHello | RoomWelcome>): void {
        if ('chat' in welcome.message) {
            const room = roomCode(welcome.room);
            if (!this.following.welcomed(room, welcome.message.last)) return;
            return this.events.emit('room', { ...welcome.message, room });
        }
        const again = this.latest !== null;
        this.clockOffset = welcome.ts - this.env.now();
        this.latest = welcome.message;
        const send = this.connection.welcomed(welcome.message.ping * 1000);
        this.events.emit('hello', { ...welcome.message, again });
        if (!send || this.state.name !== 'open') return;
        this.outbox.open(send, welcome.message.limits);
        this.following.start(send, welcome.message.limits);
    }

    private onAck({ ref, ts, message }: Message<{ id?: string } | null>): void {
        const id = message?.id;
        if (ref === undefined || this.following.taken(ref)) return;
        this.outbox.taken({ ref, ts, ...(id === undefined ? {} : { id }) });
    }

    private onError({ ref, message }: Message<Refusal>): void {
        const refused = this.following.refused(ref, message);
        if (refused) {
            const { room, over } = refused;
            if (over) this.events.emit('closed', { room, reason: message.code });
            return;
        }
        const error = this.outbox.refused(ref, message);
        if (error) this.events.emit('error', error);
    }

    /** The messages that are Lectern's own, by type. */
    private static readonly business: Record<
        string,
        (this: ChatClient, message: Message<any>) => void
    > = {
        welcome(message) {
            this.onWelcome(message);
        },
        ack(message) {
            this.onAck(message);
        },
        error(message) {
            this.onError(message);
        },
        read({ room, sender, message }) {
            const { lastReadMessage } = message as { lastReadMessage: string };
            this.events.emit('read', { room: roomCode(room), user: sender, lastReadMessage });
        },
        gap({ room, message }) {
            this.events.emit('gap', { ...message, room: roomCode(room) });
        },
        close({ room, message }) {
            const id = roomCode(room);
            const { reason } = message as { reason: string };
            if (this.following.drop(id)) this.events.emit('closed', { room: id, reason });
        },
        invited({ room, message }) {
            const named = (message as { room?: string } | null)?.room;
            this.events.emit('invited', { room: roomCode(named ?? room) });
        },
        // Being heard was its purpose.
        pong() {},
    };

    /** A Map: a type such as `constructor` is not found in it. */
    private static readonly reserved = new Map(Object.entries(ChatClient.business));
}
