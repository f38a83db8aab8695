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
 *
 * What one connects to is said by those who extend this: a class (class-connection.ts), one's chat
 * rooms (chat-connection.ts), event channels (feed-connection.ts).
 */

import { Backoff } from './backoff';
import type { BackoffLimits } from './backoff';
import { Carriers } from './carriers';
import { closeInfo } from './close';
import type { CloseInfo } from './close';
import type { Reason } from './diagnosis';
import type { Environment } from './env';
import { Link } from './link';
import type { LinkDown } from './link';
import type { ConnectionOptions, State, Times } from './options';

export interface ConnectionHandlers {
    state(state: State): void;
    frame(text: string): void;
    /** The link is gone, whatever comes next. */
    down(): void;
    /** A link that had been welcomed, or at least answered, was closed. */
    disconnect(close: CloseInfo): void;
}

const BACKOFF: BackoffLimits = { base: 1000, max: 30_000 };
const TIMES: Times = { connect: 10_000, grace: 8000, stable: 10_000, move: 1000 };

/** One who was never let in gives up after so many refusals without a visible reason. */
const MOST_REFUSALS = 6;

/** So many new tokens in a row may be refused. */
const MOST_TOKENS = 3;

const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]*$/;

export abstract class Connection {
    state: State = { name: 'idle' };
    token: string;

    protected readonly backoff: Backoff;
    /** We were let in, and nothing has ended since as far as we know. */
    protected returning = false;

    /** Whether an empty token is one: what one connects to may be open to all. */
    protected readonly openToAll: boolean = false;

    private readonly times: Times;
    private readonly carriers: Carriers;
    private link: Link | null = null;
    private inside = false;
    private refusals = 0;
    private tokens = 0;
    private course = 0;
    private retryTimer: unknown = null;
    private stableTimer: unknown = null;

    constructor(
        protected readonly env: Environment,
        private readonly common: ConnectionOptions,
        private readonly handlers: ConnectionHandlers,
    ) {
        this.token = common.token;
        this.times = { ...TIMES, ...common.times };
        this.carriers = new Carriers(env);
        this.backoff = new Backoff({ ...BACKOFF, ...common.backoff }, env.random);
    }

    connect(): void {
        if (this.state.name !== 'idle' && this.state.name !== 'closed') return;
        this.refusals = 0;
        this.tokens = 0;
        this.settle();
        this.begin();
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

    // ---- What one connects to

    /** Path and query of the next try: `/ws?room=FTYXPM`. */
    protected abstract path(): string;

    /** Asks what speaks against another try: null where nothing does. */
    protected abstract ask(): Promise<Reason | null>;

    /** Whether to ask that before the next try, after what ended the last. */
    protected abstract asksFirst(reason: Reason): boolean;

    /** Finds out why a handshake failed though nothing spoke against it. */
    protected abstract refusal(): Promise<Reason>;

    /** The first try. */
    protected begin(): void {
        this.attempt();
    }

    /** The connection holds, or everything starts over: the waits begin with the shortest. */
    protected settle(): void {
        this.backoff.reset();
    }

    /** What the room was is over. */
    protected roomOver(reason: Reason): void {
        this.wait(reason, this.backoff.next());
    }

    /** No connection could be made, for this reason. */
    protected meet(reason: Reason): void {
        switch (reason.kind) {
            case 'token_expired':
            case 'token_invalid':
                return void this.renew(reason.kind);
            case 'refused':
                this.refusals += 1;
                if (!this.returning && this.refusals >= MOST_REFUSALS) return this.finish(reason);
                return this.wait(reason, this.backoff.next());
            default:
                return this.wait(reason, this.backoff.next());
        }
    }

    /**
     * The welcome has come over the present link. Returns the function that sends over that link;
     * null where a listener ended it meanwhile.
     */
    protected enter(pingMs: number): ((frame: string) => void) | null {
        const link = this.link;
        if (!link) return null;
        this.inside = true;
        this.returning = true;
        this.carriers.welcomed();
        this.refusals = 0;
        this.tokens = 0;
        link.watch(pingMs);
        this.env.clearTimeout(this.stableTimer);
        this.stableTimer = this.env.setTimeout(() => this.settle(), this.times.stable);
        this.setState({ name: 'open' });
        return link === this.link ? (frame) => link.send(frame) : null;
    }

    protected setState(state: State): void {
        this.state = state;
        this.handlers.state(state);
    }

    // ---- One try

    private attempt(): void {
        const course = this.newCourse();
        const open = this.openToAll && this.token === '';
        if (!open && !TOKEN.test(this.token)) return void this.renew('token_invalid');
        this.setState({ name: 'connecting' });
        // A listener may have closed us.
        if (course !== this.course) return;
        try {
            this.link = new Link(
                this.carriers.pick(),
                `${this.common.base.replace(/^http/, 'ws')}${this.path()}`,
                open ? ['lectern.v1'] : ['lectern.v1', `bearer.${this.token}`],
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
        const why = (await this.ask()) ?? (await this.refusal());
        if (course !== this.course) return;
        if (why.kind === 'refused' && this.carriers.blocked()) return this.attempt();
        this.meet(why);
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

    protected wait(reason: Reason, ms: number): void {
        this.newCourse();
        const delay = Math.max(ms, reason.retryAfterMs ?? 0);
        this.retryTimer = this.env.setTimeout(() => void this.retry(reason), delay);
        this.setState({ name: 'waiting', reason, retryAt: this.env.now() + delay });
    }

    protected async retry(reason: Reason): Promise<void> {
        const course = this.newCourse();
        if (this.asksFirst(reason)) {
            const trouble = await this.ask();
            if (course !== this.course) return;
            if (trouble) return this.meet(trouble);
        }
        this.attempt();
    }

    private async renew(kind: 'token_expired' | 'token_invalid'): Promise<void> {
        const course = this.newCourse();
        this.tokens += 1;
        const { refreshToken } = this.common;
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

    protected finish(reason: Reason): void {
        this.newCourse();
        const link = this.link;
        this.unlink();
        link?.drop(1000, '');
        this.setState({ name: 'closed', reason });
    }
}
