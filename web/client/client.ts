/**
 * The client of a class room: connects, comes back, resumes, sends until answered.
 *
 *     const client = new LecternClient({ base: location.origin, room: 'FTYXPM', token });
 *     client.on('message', ({ sender, message }) => show(sender, message));
 *     client.on('state', (state) => showState(state));
 *     client.connect();
 *     const to = { targetType: 'teacher', messageType: 'send' };
 *     const { id } = await client.send({ ...to, message: 'Hi' });
 *
 * What it promises:
 * - each remembered message is emitted once, in the room's order, over any number of connections;
 *   `gap` says where the server no longer had all of them, and `another-class` where the code was
 *   used anew;
 * - each sent message is taken once, or its promise is rejected with a `LecternError`;
 * - `state` always says what is going on and why, as data, never as text for people.
 *
 * A message that one sends oneself is emitted when it comes back (sent to a group one is in, or
 * replayed after a reconnect): show messages by `id`, and put one's own in with the id of the
 * `ack`.
 */

import { SendingClient } from './base';
import { ClassConnection } from './class-connection';
import type { CloseInfo } from './close';
import type { ClientOptions, Events, State } from './options';
import { failed } from './outbox';
import type { Refusal } from './outbox';
import type {
    Ack,
    Host,
    Join,
    Leave,
    Message,
    Outgoing,
    Settings,
    User,
    Welcome,
} from './protocol';
import { epochOf, parseMessage } from './protocol';
import { RecentIds } from './recent';

/** Ids remembered to tell repeated messages: more than one replay can overlap. */
const REMEMBERED = 2000;

/** Most messages that may wait for an answer. */
const QUEUE = 1000;

/** The server recognises a `ref` for ten minutes: a little less, ms. */
const REF_MS = 9 * 60_000;

/** `seen` is sent at most this often, ms. */
const SEEN_EVERY = 1000;

export class LecternClient extends SendingClient<Events> {
    protected readonly connection: ClassConnection;
    private readonly recent = new RecentIds(REMEMBERED);
    private readonly history: number | undefined;
    private latest: Welcome | null = null;
    /** Of the class that we are in; null while none is known. */
    private epoch: string | null = null;
    private seenId: string | null = null;
    private seenSent: string | null = null;
    private seenTimer: unknown = null;

    constructor(options: ClientOptions) {
        super(options.env, {
            capacity: options.queue ?? QUEUE,
            keep: options.keep,
            refMs: REF_MS,
        });
        this.history = options.history;
        this.connection = new ClassConnection(this.env, options, {
            state: (state) => this.onState(state),
            frame: (text) => this.receive(text),
            down: () => this.onDown(),
            disconnect: (close: CloseInfo) => this.events.emit('disconnect', close),
            roomOver: () => this.onRoomOver(),
        });
    }

    /** The room's code; null until the server has drawn one. */
    get room(): string | null {
        return this.connection.code;
    }

    /** Who we are; null before the first welcome. */
    get user(): User | null {
        return this.latest?.user ?? null;
    }

    /** The room's settings, kept up to date; null before the first welcome. */
    get settings(): Settings | null {
        return this.latest?.settings ?? null;
    }

    /** The host, kept up to date; null before the first welcome. */
    get host(): Host | null {
        return this.latest?.host ?? null;
    }

    /**
     * Sends a message. It is kept and sent again, over reconnects, until the server has taken it
     * (the promise gives its id) or refused it for good (the promise is rejected). An ephemeral one
     * is sent now or not at all, and is not answered.
     */
    send({ ephemeral, messageType, ...fields }: Outgoing): Promise<Ack> {
        if (!ephemeral) return this.post(messageType, fields, { messageType, ...fields });
        const frame = JSON.stringify({ messageType, ...fields, ephemeral: true });
        return this.outbox.pass(frame)
            ? Promise.resolve({ ref: '', ts: this.serverNow() })
            : failed('offline', 'not connected, too big, or at the rate limit');
    }

    /** Hosts: removes a participant, and keeps them out. */
    kick(userId: string): Promise<Ack> {
        return this.post('kick', { target: userId });
    }

    /** Hosts: keeps newcomers out. */
    lock(): Promise<Ack> {
        return this.post('lock', {});
    }

    unlock(): Promise<Ack> {
        return this.post('unlock', {});
    }

    /** Hosts: changes some of the room's settings. */
    updateSettings(changes: Partial<Omit<Settings, 'locked'>>): Promise<Ack> {
        return this.post('settings', { message: changes });
    }

    /** Hosts: ends the room for everyone. Also fulfilled when the room turns out to be gone. */
    end(): Promise<Ack> {
        this.connection.ending = true;
        const answer = this.post('end', {});
        answer.catch(() => {
            this.connection.ending = false;
        });
        return answer;
    }

    /**
     * Participants: tells the host how far one has read. Call it in the room's order, as often as
     * you like.
     */
    seen(id: string): void {
        this.seenId = id;
        if (this.seenTimer === null) this.tellSeen();
    }

    private tellSeen(): void {
        this.seenTimer = null;
        if (this.state.name !== 'open' || this.seenId === this.seenSent) return;
        const frame = JSON.stringify({ messageType: 'seen', message: this.seenId });
        if (this.outbox.pass(frame)) this.seenSent = this.seenId;
        this.seenTimer = this.env.setTimeout(() => this.tellSeen(), SEEN_EVERY);
    }

    // ---- Receiving

    private receive(text: string): void {
        const message = parseMessage(text);
        if (!message) return;
        const reserved = LecternClient.reserved.get(message.messageType);
        // Only what is remembered has an id of its own: an ack's is that of another message.
        if (!reserved && typeof message.id === 'string') {
            if (!this.recent.add(message.id)) return;
            this.meet(epochOf(message.id));
            this.connection.since = message.id;
        }
        if (reserved) reserved.call(this, message);
        else this.events.emit('message', message);
    }

    private onState(state: State): void {
        if (state.name === 'closed') {
            this.env.clearTimeout(this.seenTimer);
            this.seenTimer = null;
            this.outbox.rejectAll('closed', 'the connection is closed');
        }
        this.events.emit('state', state);
    }

    private onDown(): void {
        this.outbox.shut();
        // The next handshake carries the newest token anyway.
        this.outbox.settle('token');
    }

    private onRoomOver(): void {
        this.outbox.settle('end');
        this.outbox.rejectAll('room_ended', 'the room has ended');
        this.epoch = null;
        this.outbox.enter(null);
    }

    /** We are in that class: perhaps another than before, which ended while we were away. */
    private meet(epoch: string | null): void {
        if (epoch === null || epoch === this.epoch) return;
        const another = this.epoch !== null;
        this.epoch = epoch;
        this.outbox.enter(epoch);
        if (!another) return;
        this.connection.since = null;
        this.seenId = this.seenSent = null;
        this.events.emit('another-class', { epoch });
    }

    private onWelcome({ message: welcome, room, ts }: Message<Welcome>): void {
        const again = this.latest !== null;
        this.clockOffset = ts - this.env.now();
        this.meet(welcome.epoch ?? epochOf(welcome.last));
        this.setWelcome(welcome);
        // With no history asked for, "now" is the place to resume from.
        if (this.history === 0) this.connection.since ??= welcome.last || null;
        const send = this.connection.welcomed(room, welcome.ping * 1000);
        this.events.emit('welcome', { ...welcome, again });
        if (!send || this.state.name !== 'open') return;
        this.outbox.open(send, welcome.limits);
        this.seenSent = null;
        if (this.seenTimer === null) this.tellSeen();
    }

    private setWelcome(welcome: Welcome): void {
        this.latest = welcome;
        this.connection.settings = welcome.settings;
    }

    private onAck({ ref, ts, message }: Message<{ id?: string } | null>): void {
        const id = message?.id;
        if (ref !== undefined) this.outbox.taken({ ref, ts, ...(id === undefined ? {} : { id }) });
    }

    private onError({ ref, message }: Message<Refusal>): void {
        const error = this.outbox.refused(ref, message);
        if (error) this.events.emit('error', error);
    }

    private onPresence(name: 'join' | 'leave', { sender, senderType, ts, message }: Message): void {
        const user = { id: sender, userType: senderType };
        this.events.emit(name, { ...(message as Join & Leave), user, ts });
    }

    private onHost(
        name: 'host-away' | 'host-back',
        message: { deadline: number; name: string },
    ): void {
        const deadline = name === 'host-away' ? message.deadline : null;
        if (this.latest) {
            const host = { ...this.latest.host, present: deadline === null, deadline };
            this.setWelcome({ ...this.latest, host });
        }
        this.events.emit(name, message);
    }

    private onSettings({ message }: Message<Settings>): void {
        if (this.latest) this.setWelcome({ ...this.latest, settings: message });
        this.events.emit('settings', message);
    }

    /** The messages that are the room's own business, by type. */
    private static readonly business: Record<
        string,
        (this: LecternClient, message: Message<any>) => void
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
        join(message) {
            this.onPresence('join', message);
        },
        leave(message) {
            this.onPresence('leave', message);
        },
        gap({ message }) {
            // What we were last told in another class leaves no gap in this one.
            const since = epochOf(message.since);
            if (since !== null && this.epoch !== null && since !== this.epoch) return;
            this.events.emit('gap', message);
        },
        'host-away'({ message }) {
            this.onHost('host-away', message);
        },
        'host-back'({ message }) {
            this.onHost('host-back', message);
        },
        settings(message) {
            this.onSettings(message);
        },
        seen({ message }) {
            this.events.emit('seen', message);
        },
        close({ message }) {
            this.events.emit('ended', message);
        },
        // Being heard was its purpose.
        pong() {},
    };

    /** A Map: a type such as `constructor` is not found in it. */
    private static readonly reserved = new Map(Object.entries(LecternClient.business));
}
