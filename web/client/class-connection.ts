/** Staying in a class: what a class's code, its end and its host mean to the connection. */

import { Backoff } from './backoff';
import type { BackoffLimits } from './backoff';
import { Connection } from './connection';
import type { ConnectionHandlers } from './connection';
import { refusal, roomTrouble } from './diagnosis';
import type { Reason } from './diagnosis';
import type { Environment } from './env';
import type { ClientOptions } from './options';
import { roomCode } from './protocol';
import type { HostOptions, Settings } from './protocol';

export interface ClassHandlers extends ConnectionHandlers {
    /** The class is over: nothing that waits belongs to a next one. */
    roomOver(): void;
}

const ROOM_POLL: BackoffLimits = { base: 3000, max: 20_000 };

/** Those who were in the room already ask for at least so much where there is no `since`. */
const HISTORY = 50;

const ROOM = /^[A-Za-z0-9]{4,64}$/;

/** After these, the room is asked for before the next try. */
const ASK_FIRST = new Set<Reason['kind']>([
    'unreachable',
    'unavailable',
    'room_missing',
    'room_ended',
    'room_locked',
    'room_full',
]);

export class ClassConnection extends Connection {
    /** The room's code; null until the server has drawn one. */
    code: string | null;
    /** The last message received, to resume from. */
    since: string | null = null;
    /** The room's settings as last heard, to set it up again where that is wanted. */
    settings: Settings | null = null;
    /** The application asked for the room's end: there is no coming back to it. */
    ending = false;

    private readonly roomPoll: Backoff;
    private readonly hosting: boolean;
    /** Why the class ended, until there is a new one. */
    private over: Reason | null = null;

    constructor(
        env: Environment,
        private readonly options: ClientOptions,
        private readonly room: ClassHandlers,
    ) {
        super(env, options, room);
        this.code = options.room === undefined ? null : roomCode(options.room);
        this.hosting = options.host !== undefined;
        this.returning = options.returning ?? false;
        this.roomPoll = new Backoff({ ...ROOM_POLL, ...options.roomPoll }, env.random);
    }

    /** As `enter`, with the room that the welcome names. */
    welcomed(room: string, pingMs: number): ((frame: string) => void) | null {
        this.over = null;
        this.code = roomCode(room);
        return this.enter(pingMs);
    }

    protected override begin(): void {
        this.ending = false;
        if (this.code === null ? !this.hosting : !ROOM.test(this.code)) {
            this.finish({ kind: 'bad_room' });
        } else if (this.hosting && this.returning) {
            this.setState({ name: 'connecting' });
            void this.retry({ kind: 'lost' });
        } else {
            super.begin();
        }
    }

    protected override settle(): void {
        super.settle();
        this.roomPoll.reset();
    }

    protected path(): string {
        const query = new URLSearchParams();
        if (this.code !== null) query.set('room', this.code);
        const { history, host } = this.options;
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
        return `/ws?${query}`;
    }

    protected asksFirst(reason: Reason): boolean {
        // A host who just connected would open the room anew where it is gone.
        return ASK_FIRST.has(reason.kind) || (this.hosting && this.returning);
    }

    protected refusal(): Promise<Reason> {
        const { env, options, code, token, hosting } = this;
        return refusal(env, options.base, code, token, hosting);
    }

    /** What the room itself has against a try: null where nothing has. */
    protected async ask(): Promise<Reason | null> {
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

    protected override meet(reason: Reason): void {
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
            case 'bad_room':
            case 'room_taken':
            case 'removed':
                return this.finish(reason);
            default:
                return super.meet(reason);
        }
    }

    /** The class has ended; a next one with the same code is another class. */
    protected override roomOver(reason: Reason): void {
        this.over = reason;
        this.forgetClass();
        if (this.ending || !this.waits()) this.finish(reason);
        else this.wait(reason, this.roomPoll.next());
    }

    private forgetClass(): void {
        this.returning = false;
        this.since = null;
        this.room.roomOver();
    }

    private waits(): boolean {
        return this.options.waitForRoom ?? !this.hosting;
    }
}
