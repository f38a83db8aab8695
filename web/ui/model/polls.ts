/**
 * Questions to the class. `poll`, `poll-key`, `answer`, `poll-results`, `poll-close`: for the host
 * with everybody's answers, for a student with one's own.
 */

import type { LecternError, Message, Outgoing } from '../../client';
import { isAfter } from './order';
import type { ClassEvent, Part, Surroundings } from './part';
import { parsePollId, parseQuestion, parseResults, parseRight, parseValue, tally } from './poll';
import type { Question, Results, Right, Value } from './poll';

export interface OwnAnswer {
    value: Value;
    status: 'sent' | 'sending' | 'failed';
    error?: LecternError;
}

export interface Poll extends Question {
    /** For lists. */
    key: string;
    status: 'sending' | 'failed' | 'open' | 'closed';
    /** Why it was not sent. */
    error?: LecternError;
    ts: number;
    /** Of a quiz: for the host always, for the class once it has been shown. */
    right: Right | null;
    /** What the class was shown last. */
    shown: Results | null;
    /** Hosts: all answers counted. */
    results: Results;
    /** Hosts: by user id. */
    answers: ReadonlyMap<string, Value>;
    /** Students: one's own. */
    own: OwnAnswer | null;
}

interface Given {
    id: string;
    value: Value;
}

interface Entry {
    question: Question;
    ts: number;
    closedBy: string | null;
    right: Right | null;
    shown: Results | null;
    /** By user id, the newest last. */
    given: Map<string, Given[]>;
    view: Poll | null;
}

interface Pending {
    outgoing: Outgoing;
    ts: number;
    error: LecternError | null;
}

/**
 * Answers kept of each user: a close that is known late makes one before it count again.
 */
const KEPT = 4;

export class Polls implements Part<readonly Poll[]> {
    private readonly entries = new Map<string, Entry>();
    /** Keys that came before their questions, as they do. */
    private readonly keys = new Map<string, unknown>();
    /** Own keys from the moment of sending: a question that is refused is asked again with its. */
    private readonly ownKeys = new Map<string, unknown>();
    /** Own questions and answers that the server has not taken, by their keys. */
    private readonly pending = new Map<string, Pending>();
    private hosting = false;
    private userId: string | null = null;

    take(event: ClassEvent, { hosting, user }: Surroundings): boolean {
        this.hosting = hosting;
        this.userId = user?.id ?? this.userId;
        switch (event.kind) {
            case 'message':
                if (event.key !== undefined) this.settle(event.key);
                return this.onMessage(event.message, event.mine);
            case 'sending':
                return this.onSending(event.key, event.outgoing, event.ts);
            case 'failed': {
                const pending = this.pending.get(event.key);
                if (pending) this.pending.set(event.key, { ...pending, error: event.error });
                if (pending) this.renew(parsePollId(pending.outgoing.message));
                return pending !== undefined;
            }
            case 'dropped':
                return this.settle(event.key);
            case 'log':
                this.entries.clear();
                this.keys.clear();
                return true;
            case 'restart':
                this.entries.clear();
                this.keys.clear();
                this.ownKeys.clear();
                this.pending.clear();
                return true;
            default:
                return false;
        }
    }

    view(): readonly Poll[] {
        const polls: Poll[] = [];
        for (const [id, entry] of this.entries) polls.push((entry.view ??= this.show(id, entry)));
        for (const [key, { outgoing, ts, error }] of this.pending) {
            const question = outgoing.messageType === 'poll' && parseQuestion(outgoing.message);
            if (!question || this.entries.has(question.poll)) continue;
            polls.push({
                ...question,
                key,
                ts,
                status: error ? 'failed' : 'sending',
                ...(error ? { error } : {}),
                right: parseRight(question, this.keyOf(question.poll)),
                shown: null,
                results: tally(question, []),
                answers: new Map(),
                own: null,
            });
        }
        return polls;
    }

    private onSending(key: string, outgoing: Outgoing, ts: number): boolean {
        const poll = parsePollId(outgoing.message);
        if (outgoing.messageType === 'poll-key' && poll !== null) {
            this.ownKeys.set(poll, (outgoing.message as { right?: unknown }).right);
            return false;
        }
        if (outgoing.messageType !== 'poll' && outgoing.messageType !== 'answer') return false;
        if (outgoing.messageType === 'answer') {
            // A new answer takes the place of one that failed.
            for (const [other, { outgoing: before, error }] of this.pending) {
                if (error && parsePollId(before.message) === poll) this.pending.delete(other);
            }
        }
        this.pending.set(key, { outgoing, ts, error: null });
        this.renew(poll);
        return true;
    }

    private keyOf(poll: string): unknown {
        return this.keys.get(poll) ?? this.ownKeys.get(poll);
    }

    private settle(key: string): boolean {
        const pending = this.pending.get(key);
        if (!pending) return false;
        this.pending.delete(key);
        this.renew(parsePollId(pending.outgoing.message));
        return true;
    }

    private renew(poll: string | null): void {
        const entry = poll === null ? undefined : this.entries.get(poll);
        if (entry) entry.view = null;
    }

    private onMessage(message: Message, mine: boolean): boolean {
        const poll = parsePollId(message.message);
        const { id, messageType, senderType, ts } = message;
        if (id === undefined || poll === null) return false;
        if (senderType === 'teacher' && messageType === 'poll') {
            return this.onPoll(message.message, ts);
        }
        const entry = this.entries.get(poll);
        if (senderType === 'teacher' && messageType === 'poll-key') {
            const { right } = message.message as { right?: unknown };
            this.keys.set(poll, right);
            if (entry) entry.right = parseRight(entry.question, right);
        } else if (!entry) {
            return false;
        } else if (messageType === 'answer') {
            if (senderType !== 'student' || !(mine || this.hosting)) return false;
            this.onAnswer(entry, id, message);
        } else if (senderType === 'teacher' && messageType === 'poll-results') {
            const shown = parseResults(entry.question, message.message);
            if (!shown) return false;
            entry.shown = shown;
            if (shown.right !== undefined) entry.right = shown.right;
        } else if (senderType === 'teacher' && messageType === 'poll-close') {
            if (entry.closedBy === null || isAfter(entry.closedBy, id)) entry.closedBy = id;
        } else {
            return false;
        }
        if (entry) entry.view = null;
        return true;
    }

    private onPoll(body: unknown, ts: number): boolean {
        const question = parseQuestion(body);
        if (!question || this.entries.has(question.poll)) return false;
        this.entries.set(question.poll, {
            question,
            ts,
            closedBy: null,
            right: parseRight(question, this.keyOf(question.poll)),
            shown: null,
            given: new Map(),
            view: null,
        });
        return true;
    }

    private onAnswer({ question, given }: Entry, id: string, { sender, message }: Message): void {
        const value = parseValue(question, (message as { value?: unknown }).value);
        if (value === null) return;
        const before = given.get(sender) ?? [];
        given.set(sender, [...before, { id, value }].slice(-KEPT));
    }

    /** The answer that counts: the last before the close. */
    private counted({ closedBy, given }: Entry, userId: string): Value | null {
        const all = given.get(userId) ?? [];
        const last = closedBy === null ? all : all.filter(({ id }) => isAfter(closedBy, id));
        return last[last.length - 1]?.value ?? null;
    }

    private ownAnswer(poll: string, entry: Entry): OwnAnswer | null {
        const taken = this.userId === null ? null : this.counted(entry, this.userId);
        for (const { outgoing, error } of [...this.pending.values()].reverse()) {
            if (outgoing.messageType !== 'answer' || parsePollId(outgoing.message) !== poll) {
                continue;
            }
            const { value } = outgoing.message as { value: unknown };
            const given = parseValue(entry.question, value);
            if (given === null) continue;
            return error
                ? { value: given, status: 'failed', error }
                : { value: given, status: 'sending' };
        }
        return taken === null ? null : { value: taken, status: 'sent' };
    }

    private show(id: string, entry: Entry): Poll {
        const answers = new Map<string, Value>();
        for (const userId of entry.given.keys()) {
            const value = this.counted(entry, userId);
            if (value !== null) answers.set(userId, value);
        }
        return {
            ...entry.question,
            key: id,
            status: entry.closedBy === null ? 'open' : 'closed',
            ts: entry.ts,
            right: entry.right,
            shown: entry.shown,
            results: tally(entry.question, [...answers.values()]),
            answers,
            own: this.hosting ? null : this.ownAnswer(id, entry),
        };
    }
}
