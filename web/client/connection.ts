/**
 * Staying connected: one link after the other, with the waits and questions between them.
 *
 *     idle ──connect()──> connecting ──welcome──> open
 *                          ^   │ refused,           │ closed: what the code's comeback says
 *                          │   v lost               v
 *                          └── waiting <────────────┘        any ──never / close()──> closed
 *
 * Whatever is started (a wait, a question over REST, a new token) belongs to a numbered course of
 * action; its answer counts only while that course is the present one.
 */

import { Backoff } from './backoff';
import type { BackoffLimits } from './backoff';
import { closeInfo } from './close';
import type { CloseInfo } from './close';
import { refusal, roomTrouble } from './diagnosis';
import type { Reason } from './diagnosis';
import type { Environment } from './env';
import { Link } from './link';
import type { LinkDown } from './link';
import type { ClientOptions, State, Times } from './options';
import { roomCode } from './protocol';
import type { HostOptions, Settings } from './protocol';

export interface ConnectionHandlers {
    state(state: State): void;
    frame(text: string): void;
    /** The link is gone, whatever comes next. */
    down(): void;
    /** A link that had been welcomed, or at least answered, was closed. */
    disconnect(close: CloseInfo): void;
    /** The class is over: nothing that waits belongs to a next one. */
    roomOver(): void;
}

const BACKOFF: BackoffLimits = { base: 1000, max: 30_000 };
const ROOM_POLL: BackoffLimits = { base: 3000, max: 20_000 };
const TIMES: Times = { connect: 10_000, grace: 8000, stable: 10_000, move: 1000 };

/** One who was never let in gives up after so many refusals without a visible reason. */
const MOST_REFUSALS = 6;

/** So many new tokens in a row may be refused. */
const MOST_TOKENS = 3;

/** Those who were in the room already ask for at least so much where there is no `since`. */
const HISTORY = 50;

const ROOM = /^[A-Za-z0-9]{4,64}$/;
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** After these, the room is asked for before the next try. */
const ASK_FIRST = new Set<Reason['kind']>([
    'unreachable',
    'unavailable',
    'room_missing',
    'room_ended',
    'room_locked',
    'room_full',
]);

export class Connection {
    state: State = { name: 'idle' };
    token: string;
    /** The room's code; null until the server has drawn one. */
    code: string | null;
    /** The last message received, to resume from. */
    since: string | null = null;
    /** The room's settings as last heard, to set it up again where that is wanted. */
    settings: Settings | null = null;
    /** The application asked for the room's end: there is no coming back to it. */
    ending = false;

    private readonly times: Times;
    private readonly backoff: Backoff;
    private readonly roomPoll: Backoff;
    private readonly hosting: boolean;
    private link: Link | null = null;
    private inside = false;
    /** We were in the class, and it has not ended as far as we know. */
    private returning: boolean;
    /** Why the class ended, until there is a new one. */
    private over: Reason | null = null;
    private refusals = 0;
    private tokens = 0;
    private course = 0;
    private retryTimer: unknown = null;
    private stableTimer: unknown = null;

    constructor(
        private readonly env: Environment,
        private readonly options: ClientOptions,
        private readonly handlers: ConnectionHandlers,
    ) {
        this.token = options.token;
        this.code = options.room === undefined ? null : roomCode(options.room);
        this.hosting = options.host !== undefined;
        this.returning = options.returning ?? false;
        this.times = { ...TIMES, ...options.times };
        this.backoff = new Backoff({ ...BACKOFF, ...options.backoff }, env.random);
        this.roomPoll = new Backoff({ ...ROOM_POLL, ...options.roomPoll }, env.random);
    }

    connect(): void {
        if (this.state.name !== 'idle' && this.state.name !== 'closed') return;
        this.refusals = 0;
        this.tokens = 0;
        this.ending = false;
        this.backoff.reset();
        this.roomPoll.reset();
        if (this.code === null ? !this.hosting : !ROOM.test(this.code)) {
            this.finish({ kind: 'bad_room' });
        } else if (this.hosting && this.returning) {
            this.setState({ name: 'connecting' });
            void this.retry({ kind: 'lost' });
        } else {
            this.attempt();
        }
    }

    close(): void {
        if (this.state.name !== 'closed') this.finish({ kind: 'left' });
    }

    poke(): void {
        if (this.state.name === 'open') this.link?.probe();
        else if (this.state.name === 'waiting' && this.state.retryAt !== null) {
            void this.retry(this.state.reason);
        }
    }

    /**
     * The welcome has come over the present link. Returns the function that sends over that link;
     * null where a listener ended it meanwhile.
     */
    welcomed(room: string, pingMs: number): ((frame: string) => void) | null {
        const link = this.link;
        if (!link) return null;
        this.inside = true;
        this.returning = true;
        this.over = null;
        this.refusals = 0;
        this.tokens = 0;
        this.code = roomCode(room);
        link.watch(pingMs);
        this.env.clearTimeout(this.stableTimer);
        this.stableTimer = this.env.setTimeout(() => {
            this.backoff.reset();
            this.roomPoll.reset();
        }, this.times.stable);
        this.setState({ name: 'open' });
        return link === this.link ? (frame) => link.send(frame) : null;
    }

    private setState(state: State): void {
        this.state = state;
        this.handlers.state(state);
    }

    // ---- One try

    private address(): string {
        const query = new URLSearchParams();
        if (this.code !== null) query.set('room', this.code);
        const { base, history, host } = this.options;
        if (this.since !== null) query.set('since', this.since);
        else if (history !== undefined) {
            const wanted = this.returning ? Math.max(HISTORY, history) : history;
            query.set('history', String(wanted));
        }
        if (this.hosting) {
            // A room that is opened anew is set up as it was. Also who comes back says how: the
            // room may end between the question whether it is there and the handshake.
            const setup: HostOptions = { ...host, ...this.settings };
            for (const key of ['name', 'max', 'hold', 'talk', 'notify'] as const) {
                const value = setup[key];
                if (value !== undefined && value !== '') query.set(key, String(value));
            }
        }
        return `${base.replace(/^http/, 'ws')}/ws?${query}`;
    }

    private attempt(): void {
        const course = this.newCourse();
        if (!TOKEN.test(this.token)) return void this.renew('token_invalid');
        this.setState({ name: 'connecting' });
        // A listener may have closed us.
        if (course !== this.course) return;
        try {
            this.link = new Link(
                this.env,
                this.address(),
                ['lectern.v1', `bearer.${this.token}`],
                { frame: this.handlers.frame, down: (info) => this.down(info) },
                this.times,
            );
        } catch (thrown) {
            this.finish({ kind: 'refused', text: String(thrown) });
        }
    }

    private newCourse(): number {
        this.env.clearTimeout(this.retryTimer);
        this.course += 1;
        return this.course;
    }

    private unlink(): void {
        this.link = null;
        this.inside = false;
        this.env.clearTimeout(this.stableTimer);
        this.handlers.down();
    }

    private down(info: LinkDown): void {
        const wasInside = this.inside;
        this.unlink();
        if (!wasInside && (!info.opened || info.code === 1006 || info.code === 1005)) {
            return void this.explain();
        }
        const course = this.newCourse();
        const close = closeInfo(info.code, info.text);
        this.handlers.disconnect(close);
        if (course === this.course) this.comeBack(close);
    }

    /** The handshake failed: finds out why. */
    private async explain(): Promise<void> {
        const course = this.newCourse();
        const { env, options, code, token, hosting } = this;
        const why = (await this.ask()) ?? (await refusal(env, options.base, code, token, hosting));
        if (course === this.course) this.meet(why);
    }

    /** What the room itself has against a try: null where nothing has. */
    private async ask(): Promise<Reason | null> {
        if (this.code === null) return null;
        const known = this.returning || this.hosting;
        const trouble = await roomTrouble(this.env, this.options.base, this.code, known);
        if (trouble?.kind !== 'room_missing' || !this.hosting) return trouble;
        // To a host a missing room is one to be opened, unless it is one that has ended.
        if (!this.returning) return null;
        if (this.ending || !this.options.recreate) return trouble;
        this.forgetClass();
        return null;
    }

    // ---- What comes next

    /** A connection ended with this code. */
    private comeBack({ code, kind, comeback, text }: CloseInfo): void {
        const reason: Reason = { kind, code, text };
        switch (comeback) {
            case 'never':
                return this.finish(reason);
            case 'at-once':
                return this.wait(reason, Math.round(this.env.random() * this.times.move));
            case 'backoff':
                return this.wait(reason, this.backoff.next());
            case 'room':
                return this.roomOver(reason);
            case 'token':
                return void this.renew('token_expired');
        }
    }

    /** No connection could be made, for this reason. */
    private meet(reason: Reason): void {
        switch (reason.kind) {
            case 'room_missing':
                if (this.over || this.returning) {
                    return this.roomOver(this.over ?? { kind: 'room_ended' });
                }
                if (!this.waits()) return this.finish(reason);
                return this.wait(reason, this.roomPoll.next());
            case 'room_locked':
            case 'room_full':
                return this.wait(reason, this.roomPoll.next());
            case 'token_expired':
            case 'token_invalid':
                return void this.renew(reason.kind);
            case 'bad_room':
            case 'room_taken':
            case 'removed':
                return this.finish(reason);
            case 'refused':
                this.refusals += 1;
                if (!this.returning && this.refusals >= MOST_REFUSALS) return this.finish(reason);
                return this.wait(reason, this.backoff.next());
            default:
                return this.wait(reason, this.backoff.next());
        }
    }

    /** The class has ended; a next one with the same code is another class. */
    private roomOver(reason: Reason): void {
        this.over = reason;
        this.forgetClass();
        if (this.ending || !this.waits()) this.finish(reason);
        else this.wait(reason, this.roomPoll.next());
    }

    private forgetClass(): void {
        this.returning = false;
        this.since = null;
        this.handlers.roomOver();
    }

    private waits(): boolean {
        return this.options.waitForRoom ?? !this.hosting;
    }

    private wait(reason: Reason, ms: number): void {
        this.newCourse();
        const delay = Math.max(ms, reason.retryAfterMs ?? 0);
        this.retryTimer = this.env.setTimeout(() => void this.retry(reason), delay);
        this.setState({ name: 'waiting', reason, retryAt: this.env.now() + delay });
    }

    private async retry(reason: Reason): Promise<void> {
        const course = this.newCourse();
        // A host who just connected would open the room anew where it is gone.
        if (ASK_FIRST.has(reason.kind) || (this.hosting && this.returning)) {
            const trouble = await this.ask();
            if (course !== this.course) return;
            if (trouble) return this.meet(trouble);
        }
        this.attempt();
    }

    private async renew(kind: 'token_expired' | 'token_invalid'): Promise<void> {
        const course = this.newCourse();
        this.tokens += 1;
        const { refreshToken } = this.options;
        if (!refreshToken || this.tokens > MOST_TOKENS) return this.finish({ kind });
        this.setState({ name: 'waiting', reason: { kind }, retryAt: null });
        let token: string | null;
        try {
            token = await refreshToken(kind);
        } catch {
            if (course !== this.course) return;
            // No answer is not a no: the old token is tried again later, and the question with it.
            this.tokens -= 1;
            return this.wait({ kind }, this.backoff.next());
        }
        if (course !== this.course) return;
        if (token === null) return this.finish({ kind });
        this.token = token;
        this.attempt();
    }

    private finish(reason: Reason): void {
        this.newCourse();
        const link = this.link;
        this.unlink();
        link?.drop(1000, '');
        this.setState({ name: 'closed', reason });
    }
}
