/**
 * A class as a page shows it: the client's events gathered into one snapshot, replaced (never
 * changed) with each of them. Both pages use it; the roster is known to hosts only.
 */

import { LecternClient, LecternError, environment, request } from '../client';
import type {
    Answer,
    ClientOptions,
    Host,
    Leave,
    Message,
    Participant,
    Settings,
    State,
    User,
    Welcome,
} from '../client';
import { t } from './strings';

/** One line of the conversation. */
export type Line =
    | {
          kind: 'message';
          /** The message's id, or one of our own until the server has taken it. */
          key: string;
          mine: boolean;
          sender: string;
          text: string;
          ts: number;
          /** The one user it was for. */
          target?: string;
          status: 'sent' | 'sending' | 'failed';
          /** Why it was not sent. */
          error?: LecternError;
      }
    | { kind: 'note'; key: string; text: string; ts: number };

export interface Snapshot {
    state: State;
    user: User | null;
    host: Host | null;
    settings: Settings | null;
    room: string | null;
    /** Students present, in the order in which they came. */
    roster: Participant[];
    lines: Line[];
    /** Names of those who are or were here, by user id. */
    names: ReadonlyMap<string, string>;
    /** The server's word for why the class ended, once it has. */
    ended: string | null;
}

/** Older lines are forgotten: a page is not an archive. */
const MOST_LINES = 500;

export class Classroom {
    readonly client: LecternClient;
    private current: Snapshot;
    private readonly listeners = new Set<() => void>();
    private lineCount = 0;
    private namesAsked = false;

    constructor(private readonly options: ClientOptions) {
        this.client = new LecternClient(options);
        this.current = {
            state: this.client.state,
            user: null,
            host: null,
            settings: null,
            room: this.client.room,
            roster: [],
            lines: [],
            names: new Map(),
            ended: null,
        };
        this.follow();
    }

    get snapshot(): Snapshot {
        return this.current;
    }

    /** Calls `fn` after each change; the returned function ends that. */
    subscribe(fn: () => void): () => void {
        this.listeners.add(fn);
        return () => void this.listeners.delete(fn);
    }

    /** Sends text, to one user where a target is given, and shows it at once. */
    say(text: string, target?: string): void {
        this.lineCount += 1;
        const key = `own-${this.lineCount}`;
        const to = target === undefined ? {} : { target };
        this.addLine({
            kind: 'message',
            key,
            mine: true,
            sender: this.current.user?.id ?? '',
            text,
            ts: this.client.serverNow(),
            status: 'sending',
            ...to,
        });
        const targetType = this.options.host ? 'student' : 'teacher';
        this.client.send({ targetType, ...to, messageType: 'send', message: text }).then(
            ({ id }) => this.confirm(key, id ?? key),
            (error: LecternError) => this.changeLine(key, { status: 'failed', error }),
        );
    }

    private follow(): void {
        const { client } = this;
        client.on('state', (state) => {
            const { room, host, settings, user } = client;
            this.change({ state, room, host, settings, user });
        });
        client.on('welcome', (welcome) => this.onWelcome(welcome));
        client.on('message', (message) => this.onMessage(message));
        client.on('settings', (settings) => this.change({ settings }));
        client.on('join', ({ user, name, joinedAt, ts }) => {
            this.learnNames([{ id: user.id, name }]);
            if (user.userType !== 'student') return;
            const others = this.current.roster.filter(({ id }) => id !== user.id);
            this.change({ roster: [...others, { id: user.id, name, joinedAt }] });
            this.note(t('joined', { name }), ts);
        });
        client.on('leave', (leave) => this.onLeave(leave));
        client.on('gap', () => this.note(t('gap')));
        client.on('host-away', () => {
            this.change({ host: client.host });
            this.note(t('hostAway'));
        });
        client.on('host-back', () => {
            this.change({ host: client.host });
            this.note(t('hostBack'));
        });
        client.on('ended', ({ reason }) => this.change({ ended: reason }));
    }

    private onWelcome({ user, host, settings, participants }: Welcome): void {
        this.learnNames([user, host, ...(participants ?? [])]);
        const roster = [...(participants ?? [])].sort((a, b) => a.joinedAt - b.joinedAt);
        const { room } = this.client;
        this.change({ user, host, settings, room, roster, ended: null });
    }

    private onLeave({ user, name, reason, ts }: Leave): void {
        if (user.userType !== 'student') return;
        this.change({ roster: this.current.roster.filter(({ id }) => id !== user.id) });
        const key = reason === 'removed' ? 'removed' : reason === 'left' ? 'left' : 'lost';
        this.note(t(key, { name }), ts);
    }

    private onMessage({ id, sender, message, messageType, target, ts }: Message): void {
        // Other types (polls, images, …) belong to pages that know them.
        if (messageType !== 'send' || typeof message !== 'string') return;
        if (id !== undefined && this.current.lines.some(({ key }) => key === id)) return;
        if (!this.current.names.has(sender)) void this.askNames();
        this.lineCount += 1;
        this.addLine({
            kind: 'message',
            key: id ?? `passing-${this.lineCount}`,
            mine: sender === this.current.user?.id,
            sender,
            text: message,
            ts,
            status: 'sent',
            ...(target === undefined ? {} : { target }),
        });
    }

    /** The server took our line; where it has come back already, one of the two is enough. */
    private confirm(key: string, id: string): void {
        if (this.current.lines.some((line) => line.key === id && line.key !== key)) {
            this.change({ lines: this.current.lines.filter((line) => line.key !== key) });
        } else {
            this.changeLine(key, { status: 'sent', key: id });
        }
    }

    private changeLine(
        key: string,
        changes: { key?: string; status: 'sent' | 'failed'; error?: LecternError },
    ): void {
        const lines = this.current.lines.map((line) =>
            line.kind === 'message' && line.key === key ? { ...line, ...changes } : line,
        );
        this.change({ lines });
    }

    private note(text: string, ts = this.client.serverNow()): void {
        this.lineCount += 1;
        this.addLine({ kind: 'note', key: `note-${this.lineCount}`, text, ts });
    }

    private addLine(line: Line): void {
        this.change({ lines: [...this.current.lines, line].slice(-MOST_LINES) });
    }

    private learnNames(people: { id: string; name: string }[]): void {
        const names = new Map(this.current.names);
        for (const { id, name } of people) names.set(id, name);
        this.change({ names });
    }

    /**
     * Someone wrote whom we do not know (who left before a reload): hosts may ask who was there.
     */
    private async askNames(): Promise<void> {
        const { base, host, token } = this.options;
        if (this.namesAsked || !host || !this.client.room) return;
        this.namesAsked = true;
        const url = `${base}/rooms/${this.client.room}/attendance`;
        const answer: Answer<{ attendance: { id: string; name: string }[] }> = await request(
            environment(),
            url,
            { token },
        );
        if (answer.ok) this.learnNames(answer.value.attendance);
    }

    private change(changes: Partial<Snapshot>): void {
        this.current = { ...this.current, ...changes };
        for (const listener of [...this.listeners]) listener();
    }
}
