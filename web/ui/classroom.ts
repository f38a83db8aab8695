/**
 * A class as a page knows it: the client's events, made whole (one's own messages included), handed
 * to the page's parts and gathered into one snapshot, which is replaced and never changed. However
 * much happens, pages are told once per drawing.
 */

import { Backoff, LecternClient, RecentIds, environment, request } from '../client';
import type {
    Ack,
    Answer,
    ClientOptions,
    Host,
    LecternError,
    Message,
    Outgoing,
    Settings,
    State,
    User,
    Welcome,
} from '../client';
import { Drawing } from './drawing';
import { isAfter } from './model/order';
import type { Attendance, ClassEvent, Parts, Surroundings, Views } from './model/part';

export interface BaseSnapshot {
    state: State;
    user: User | null;
    host: Host | null;
    settings: Settings | null;
    room: string | null;
    /** Names of those who are or were here, by user id: all to hosts, to others whom they know. */
    names: ReadonlyMap<string, string>;
    /** The server's word for why the class ended, once it has. */
    ended: string | null;
    /** Hosts: earlier messages are missing and being asked for. */
    incomplete: boolean;
}

export type Snapshot<P extends Parts = {}> = BaseSnapshot & Views<P>;

/** What became of a message. */
export type Sent = { ok: true; id?: string } | { ok: false; error: LecternError };

/** Earlier messages to ask for: the most that the server gives, since state is folded from them. */
const HISTORY = 500;

/** One's own messages remembered, to tell repeats and to send refused ones again. */
const REMEMBERED = 2000;

/** Most time that a whole log may take to arrive, and the waits between tries, ms. */
const LOG_PATIENCE = 60_000;
const LOG_WAITS = { base: 1000, max: 30_000 };

export class Classroom<P extends Parts = {}> {
    readonly client: LecternClient;
    private readonly drawing = new Drawing();
    private readonly changed = new Set<string>();
    private readonly names = new Map<string, string>();
    /** Ids of one's own messages: the server's answer and a replay may both bring one. */
    private readonly own = new RecentIds(REMEMBERED);
    /** One's own messages that were refused, to be sent again or dropped. */
    private readonly refused = new Map<string, Outgoing>();
    private views: Record<string, unknown> = {};
    private current: Snapshot<P> | null = null;
    private ended: string | null = null;
    private over = false;
    private sendings = 0;
    private attendanceAsked = false;
    private incomplete = false;
    /** The first welcome in a class is followed by a replay of it. */
    private fresh = true;
    /** Counts the classes under this code: an answer for an earlier one is void. */
    private classes = 0;
    /** Hosts, while the first replay runs: the id that ends it, and the messages so far. */
    private replayEnd: string | null = null;
    private replayed = 0;
    /** What came while the log is asked for. */
    private meanwhile: Message[] | null = null;

    constructor(
        private readonly options: ClientOptions,
        private readonly parts: P,
    ) {
        this.client = new LecternClient({ history: HISTORY, ...options });
        for (const name of Object.keys(parts)) this.changed.add(name);
        this.follow();
        // What an earlier page could not bring to its end goes on.
        for (const { outgoing, answer } of this.client.restored) {
            void this.followUp(this.newKey(), outgoing, answer);
        }
    }

    get snapshot(): Snapshot<P> {
        if (this.current) return this.current;
        for (const name of this.changed) {
            if (name in this.parts) this.views[name] = this.parts[name]!.view();
        }
        if (this.changed.has('names')) this.views['names'] = new Map(this.names);
        this.changed.clear();
        const { state, user, host, settings, room } = this.client;
        const { ended, incomplete } = this;
        const names = (this.views['names'] ?? new Map()) as ReadonlyMap<string, string>;
        const base: BaseSnapshot = { state, user, host, settings, room, names, ended, incomplete };
        this.current = { ...this.views, ...base } as Snapshot<P>;
        return this.current;
    }

    /** Calls `fn` after changes, once per drawing; the returned function ends that. */
    subscribe(fn: () => void): () => void {
        return this.drawing.subscribe(fn);
    }

    /**
     * Sends a message and hands it to the parts: as `sending` at once, as `message` when the server
     * has taken it. An ephemeral one is sent now or not at all, and no part is told.
     */
    async send(outgoing: Outgoing): Promise<Sent> {
        if (outgoing.ephemeral) {
            return this.client.send(outgoing).then(
                (): Sent => ({ ok: true }),
                (error: LecternError): Sent => ({ ok: false, error }),
            );
        }
        return this.followUp(this.newKey(), outgoing, this.client.send(outgoing));
    }

    /** Sends text: from the host to the students, from a student to the host, or to one user. */
    say(text: string, target?: string): void {
        void this.send({
            targetType: this.hosting ? 'student' : 'teacher',
            ...(target === undefined ? {} : { target }),
            messageType: 'send',
            message: text,
        });
    }

    /** Tries a refused message once more. */
    resend(key: string): void {
        const outgoing = this.refused.get(key);
        if (this.refused.delete(key)) {
            void this.followUp(key, outgoing!, this.client.send(outgoing!));
        }
    }

    /** Gives a refused message up. */
    drop(key: string): void {
        if (this.refused.delete(key)) this.tell({ kind: 'dropped', key });
    }

    /** One's own messages that were refused, and neither sent again nor given up. */
    get unsent(): readonly Outgoing[] {
        return [...this.refused.values()];
    }

    private get hosting(): boolean {
        return this.options.host !== undefined;
    }

    private newKey(): string {
        this.sendings += 1;
        return `own-${this.sendings}`;
    }

    /** Tells the parts of a message that is under way, and of what becomes of it. */
    private async followUp(key: string, outgoing: Outgoing, answer: Promise<Ack>): Promise<Sent> {
        this.tell({ kind: 'sending', key, outgoing, ts: this.client.serverNow() });
        try {
            const ack = await answer;
            this.confirm(key, outgoing, ack);
            return { ok: true, ...(ack.id === undefined ? {} : { id: ack.id }) };
        } catch (thrown) {
            const error = thrown as LecternError;
            this.refuse(key, outgoing);
            this.tell({ kind: 'failed', key, error });
            return { ok: false, error };
        }
    }

    private refuse(key: string, outgoing: Outgoing): void {
        this.refused.set(key, outgoing);
        if (this.refused.size <= REMEMBERED) return;
        // Answers and gestures are given anew, not sent again: nobody ever drops them.
        for (const oldest of this.refused.keys()) {
            this.refused.delete(oldest);
            return;
        }
    }

    /** The server took our message; where it has come back already, that was it. */
    private confirm(key: string, outgoing: Outgoing, { id, ts }: Ack): void {
        const { user, room } = this.client;
        if (id === undefined || this.own.has(id) || !user) {
            return this.tell({ kind: 'dropped', key });
        }
        this.own.add(id);
        const { targetType, target, messageType, message: body } = outgoing;
        const message: Message = {
            id,
            ts,
            room: `room:${room}`,
            senderType: user.userType,
            sender: user.id,
            targetType,
            ...(target === undefined ? {} : { target }),
            messageType,
            message: body,
        };
        this.meanwhile?.push(message);
        this.tell({ kind: 'message', message, mine: true, key });
    }

    private follow(): void {
        const { client } = this;
        const ts = (): number => client.serverNow();
        client.on('state', (state) => this.onState(state));
        client.on('welcome', (welcome) => this.onWelcome(welcome));
        client.on('another-class', () => this.restart());
        client.on('message', (message) => this.onMessage(message));
        client.on('join', (join) => {
            this.learnNames([{ id: join.user.id, name: join.name }]);
            this.tell({ kind: 'join', join });
        });
        client.on('leave', (leave) => {
            this.learnNames([{ id: leave.user.id, name: leave.name }]);
            this.tell({ kind: 'leave', leave });
        });
        client.on('seen', (seen) => this.tell({ kind: 'seen', seen }));
        client.on('settings', (settings) => this.tell({ kind: 'settings', settings }));
        client.on('gap', () => {
            // The server's log reaches further back than its replays do.
            if (this.hosting) void this.askLog();
            else this.tell({ kind: 'gap', ts: ts() });
        });
        client.on('host-away', ({ deadline }) =>
            this.tell({ kind: 'host-away', ts: ts(), deadline }),
        );
        client.on('host-back', () => this.tell({ kind: 'host-back', ts: ts() }));
        client.on('ended', ({ reason }) => {
            this.ended = reason;
            this.tell({ kind: 'ended', reason, ts: ts() });
        });
    }

    private onState(state: State): void {
        const reason = state.name === 'waiting' || state.name === 'closed' ? state.reason : null;
        if (reason?.kind === 'room_ended') this.over = true;
        this.touch();
    }

    /** Another class has begun under the same code. */
    private restart(): void {
        this.own.clear();
        this.refused.clear();
        this.meanwhile = null;
        this.replayEnd = null;
        this.replayed = 0;
        this.incomplete = false;
        this.attendanceAsked = false;
        this.over = false;
        this.fresh = true;
        this.classes += 1;
        this.tell({ kind: 'restart' });
    }

    private onWelcome(welcome: Welcome): void {
        const { user, host, participants, last } = welcome;
        if (this.over) this.restart();
        this.ended = null;
        this.learnNames([user, host, ...(participants ?? [])]);
        this.tell({ kind: 'welcome', welcome, ts: this.client.serverNow() });
        if (this.fresh && this.hosting) this.replayEnd = last || null;
        this.fresh = false;
        if (this.incomplete) void this.askLog();
        if (this.options.returning) void this.askAttendance();
    }

    private onMessage(message: Message): void {
        const { id, sender } = message;
        const mine = sender === this.client.user?.id;
        if (id !== undefined) this.countReplay(id);
        if (mine && id !== undefined) {
            if (this.own.has(id)) return;
            this.own.add(id);
        }
        if (!mine && !this.names.has(sender)) void this.askAttendance();
        // What is not remembered is in no log, and was told now.
        if (id !== undefined) this.meanwhile?.push(message);
        this.tell({ kind: 'message', message, mine });
    }

    /** A replay as long as replays can be: there may be more before it. */
    private countReplay(id: string): void {
        if (this.replayEnd === null) return;
        if (isAfter(id, this.replayEnd)) this.replayEnd = null;
        else if ((this.replayed += 1) === HISTORY) {
            this.replayEnd = null;
            void this.askLog();
        }
    }

    /**
     * Hosts: all that the server remembers of the class, in place of what was replayed. Asked for
     * until it is there, or the connection is closed; each welcome asks anew.
     */
    private async askLog(): Promise<void> {
        const { base } = this.options;
        const env = environment(this.options.env);
        const since: Message[] = (this.meanwhile = [...(this.meanwhile ?? [])]);
        const waits = new Backoff(LOG_WAITS, env.random);
        this.incomplete = true;
        this.touch();
        for (;;) {
            const { token, room, state } = this.client;
            if (state.name === 'closed') return;
            const url = `${base}/rooms/${room}/log`;
            const answer: Answer<{ messages: Message[] }> = await request(env, url, {
                token,
                patience: LOG_PATIENCE,
            });
            // Another class has begun meanwhile, or a later question took this one's place.
            if (this.meanwhile !== since) return;
            if (answer.ok) return this.takeLog(answer.value.messages, since);
            await new Promise<void>((resolve) => {
                env.setTimeout(resolve, Math.max(waits.next(), answer.retryAfterMs ?? 0));
            });
            if (this.meanwhile !== since) return;
        }
    }

    private takeLog(messages: readonly Message[], since: readonly Message[]): void {
        const { user } = this.client;
        this.meanwhile = null;
        this.incomplete = false;
        const log = messages.filter(
            ({ sender, targetType, target }) =>
                sender === user?.id ||
                (targetType !== 'student' && (target === undefined || target === user?.id)),
        );
        const ids = new Set(log.map(({ id }) => id));
        this.tell({ kind: 'log' });
        for (const message of [...log, ...since.filter(({ id }) => !ids.has(id))]) {
            const mine = message.sender === user?.id;
            if (mine && message.id !== undefined) this.own.add(message.id);
            this.tell({ kind: 'message', message, mine });
        }
    }

    private tell(event: ClassEvent): void {
        const { user, host } = this.client;
        const around: Surroundings = { user, host, hosting: this.hosting };
        for (const [name, part] of Object.entries(this.parts)) {
            if (part.take(event, around)) this.changed.add(name);
        }
        this.touch();
    }

    /** Takes the names of people that are or were here; also such as the page asked for itself. */
    learnNames(people: readonly { id: string; name: string }[]): void {
        for (const { id, name } of people) {
            if (this.names.get(id) === name) continue;
            this.names.set(id, name);
            this.changed.add('names');
        }
        this.touch();
    }

    /**
     * Hosts may ask who was there: where this page came into a running class, and where someone
     * wrote whom we do not know.
     */
    private async askAttendance(): Promise<void> {
        const { base, env } = this.options;
        const { token } = this.client;
        const { classes } = this;
        if (this.attendanceAsked || !this.hosting || !this.client.room) return;
        this.attendanceAsked = true;
        const url = `${base}/rooms/${this.client.room}/attendance`;
        const answer: Answer<{ attendance: Attendance[] }> = await request(environment(env), url, {
            token,
        });
        if (classes !== this.classes) return;
        if (!answer.ok) {
            this.attendanceAsked = false;
            return;
        }
        const { attendance } = answer.value;
        this.learnNames(attendance);
        this.tell({ kind: 'attendance', attendance });
    }

    /** The snapshot is no longer true: a new one is told of when the page is next drawn. */
    private touch(): void {
        this.current = null;
        this.drawing.touch();
    }
}
