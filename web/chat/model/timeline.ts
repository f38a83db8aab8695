/**
 * A room's messages as far as they are loaded: a window that grows at either end, is bounded, and
 * at its newest end goes on with what comes live. One's own messages are in it from the moment of
 * sending. Pure: knows no server and no page.
 */

import { seqOf } from '../../client';
import type { ChatMessage, LecternError } from '../../client';
import { contentOf, presenceOf, subjectOf } from './content';
import type { Content } from './content';

export interface MessageLine extends Content {
    kind: 'message';
    /** For lists: stays the same while the line is shown. */
    key: string;
    /** Once the server has stored it. */
    id?: string;
    seq: number;
    mine: boolean;
    sender: string;
    name: string;
    ts: number;
    status: 'sent' | 'sending' | 'failed' | 'deleting';
    /** Why it could not be sent, or taken back. */
    error?: LecternError;
}

/** Somebody came or went. */
export interface EventLine {
    kind: 'event';
    key: string;
    seq: number;
    change: 'join' | 'leave';
    name: string;
    ts: number;
}

export type Entry = MessageLine | EventLine;

/** Most messages that a window holds: more would be more than anybody's phone draws with ease. */
export const MOST_LOADED = 300;

/** Live messages kept while the window does not reach them. */
const MOST_WAITING = 500;

export interface Page {
    messages: readonly ChatMessage[];
    more: boolean;
}

interface Unsent {
    line: MessageLine;
    /** Type and body as JSON, to recognise it when it comes back before its answer. */
    said: string;
}

const said = (type: string, body: unknown): string => `${type} ${JSON.stringify(body)}`;

export class Timeline {
    /** By seq, without what is on its way. */
    private entries: Entry[] = [];
    /** What the window covers, shown or not: pages may hold nothing that is shown. */
    private from = 0;
    private to = 0;
    private unsent: Unsent[] = [];
    /** One's own that came back while one of the same wording still had no answer. */
    private held: ChatMessage[] = [];
    /** What came live while the window did not reach up to it. */
    private waiting: ChatMessage[] = [];
    private waitingLost = false;
    private readonly deleted = new Set<number>();
    /** The newest word on files, by message: a page that was asked for earlier knows less. */
    private readonly fileStates = new Map<number, Record<string, unknown>>();
    private lines: readonly Entry[] | null = null;

    /** False until the first page is there. */
    loaded = false;
    /** Whether the server has more, above and below. */
    older = false;
    newer = false;
    /** The newest that is known of, loaded or not. */
    newest = 0;

    constructor(private readonly me: string) {}

    /** The lines in their order, one's own on their way below. Replaced, never changed. */
    get all(): readonly Entry[] {
        this.lines ??= [...this.entries, ...this.unsent.map(({ line }) => line)];
        return this.lines;
    }

    /** The numbers at the window's ends; 0 where it is empty. */
    get first(): number {
        return this.from;
    }

    get last(): number {
        return this.to;
    }

    has(seq: number): boolean {
        return this.entries.some((entry) => entry.seq === seq);
    }

    /** The number of that message, or where it is gone of the one before it, or else the first. */
    nearest(seq: number): number {
        let found = 0;
        for (const entry of this.entries) {
            if (entry.kind !== 'message') continue;
            if (found === 0 || entry.seq <= seq) found = entry.seq;
        }
        return found;
    }

    /** Messages of others after that one, as far as they are loaded. */
    unreadAfter(seq: number): number {
        return this.entries.filter(
            (entry) => entry.kind === 'message' && !entry.mine && entry.seq > seq,
        ).length;
    }

    // ---- Pages

    /** Starts over with these. */
    reset({ messages }: Page, { older, newer }: { older: boolean; newer: boolean }): void {
        this.entries = [];
        [this.from, this.to] = [0, 0];
        this.loaded = true;
        this.older = older;
        this.newer = newer;
        this.put(messages);
        if (!newer) this.reach();
    }

    /** Earlier ones. What the window cannot hold any more goes at its other end. */
    prepend({ messages, more }: Page): void {
        this.older = more;
        this.put(messages);
        if (this.entries.length <= MOST_LOADED) return;
        this.entries = this.entries.slice(0, MOST_LOADED);
        this.to = this.entries[MOST_LOADED - 1]!.seq;
        this.newer = true;
    }

    /** Later ones. */
    append({ messages, more }: Page): void {
        this.newer = more;
        this.put(messages);
        this.dropOldest();
        if (!more) this.reach();
    }

    /** What was missed is too much to be sent: the window ends before it. */
    gap(): void {
        // Also where nothing is loaded yet: what came before it does not belong to the newest page.
        this.waiting = [];
        if (this.loaded) this.newer = true;
    }

    // ---- Live

    /**
     * A message as it comes, in the room's order. `following`: the reader is at the end, and what
     * is above may go. Returns whether something changed.
     */
    live(message: ChatMessage, following: boolean): boolean {
        this.newest = Math.max(this.newest, seqOf(message.id));
        if (this.change(message)) return true;
        const { sender, messageType, message: body } = message;
        const words = said(messageType, body);
        const same = ({ said, line }: Unsent): boolean =>
            said === words && line.status === 'sending';
        if (sender === this.me && this.unsent.some(same)) {
            this.held.push(message);
            return false;
        }
        return this.take(message, following);
    }

    private take(message: ChatMessage, following: boolean): boolean {
        const full = !following && this.entries.length >= MOST_LOADED;
        if (!this.loaded || this.newer || full) {
            if (this.loaded) this.newer = true;
            this.waiting.push(message);
            if (this.waiting.length > MOST_WAITING) {
                this.waiting = [];
                this.waitingLost = true;
            }
            return this.loaded;
        }
        this.put([message]);
        this.dropOldest();
        return true;
    }

    /** The window has reached the newest page: what came meanwhile follows it. */
    private reach(): void {
        const { waiting } = this;
        this.waiting = [];
        // Some of it is not kept: the next page has it.
        this.newer = this.waitingLost;
        this.waitingLost = false;
        if (!this.newer) this.put(waiting);
    }

    // ---- One's own

    sending(key: string, name: string, type: string, body: unknown, ts: number): void {
        const content = contentOf(type, body);
        if (!content) return;
        this.forget(key);
        const own = { mine: true, sender: this.me, name, ts, seq: 0 };
        this.unsent.push({
            line: { kind: 'message', key, ...own, ...content, status: 'sending' },
            said: said(type, body),
        });
        this.lines = null;
    }

    /** The server has stored it as `message`, which may have come already. */
    sent(key: string, message: ChatMessage, following: boolean): void {
        this.forget(key);
        this.newest = Math.max(this.newest, seqOf(message.id));
        this.take(message, following);
        // The line stays the same to who draws it.
        const place = this.entries.findIndex(({ seq }) => seq === seqOf(message.id));
        const entry = this.entries[place];
        if (entry) this.entries[place] = { ...entry, key };
        this.release(following);
    }

    failed(key: string, error: LecternError): void {
        this.unsent = this.unsent.map((each) =>
            each.line.key === key
                ? { ...each, line: { ...each.line, status: 'failed', error } }
                : each,
        );
        this.lines = null;
        this.release(true);
    }

    drop(key: string): void {
        this.forget(key);
        this.release(true);
    }

    private forget(key: string): void {
        this.unsent = this.unsent.filter(({ line }) => line.key !== key);
        this.lines = null;
    }

    /** What was held is shown where nothing of its wording is on its way any more. */
    private release(following: boolean): void {
        const { held } = this;
        this.held = [];
        for (const message of held) this.live(message, following);
    }

    // ---- Changes

    /** True where the message is about another one. */
    private change(message: ChatMessage): boolean {
        if (message.messageType === 'delete') this.erase(seqOf(subjectOf(message)));
        else if (message.messageType === 'file-state') this.changeFile(message);
        else return false;
        return true;
    }

    /** It is being taken back, or could not be. */
    deleting(seq: number, error?: LecternError): void {
        const place = this.entries.findIndex((entry) => entry.seq === seq);
        const entry = this.entries[place];
        if (entry?.kind !== 'message') return;
        const { error: _, ...line } = entry;
        this.entries[place] = error
            ? { ...line, status: 'sent', error }
            : { ...line, status: 'deleting' };
        this.lines = null;
    }

    private erase(seq: number): void {
        if (seq === 0) return;
        this.deleted.add(seq);
        this.waiting = this.waiting.filter(({ id }) => seqOf(id) !== seq);
        this.entries = this.entries.filter((entry) => entry.seq !== seq);
        this.lines = null;
    }

    private changeFile(message: ChatMessage): void {
        const seq = seqOf(subjectOf(message));
        if (seq === 0) return;
        const { id: _, ...fields } = message.message as Record<string, unknown>;
        this.fileStates.set(seq, { ...this.fileStates.get(seq), ...fields });
        const place = this.entries.findIndex((entry) => entry.seq === seq);
        const entry = this.entries[place];
        if (entry?.kind !== 'message') return;
        const type = entry.image ? 'image' : 'file';
        const content = contentOf(type, { ...entry.file, ...entry.image, ...fields });
        if (!content) return;
        this.entries[place] = { ...entry, ...content };
        this.lines = null;
    }

    private renewed(message: ChatMessage): ChatMessage {
        const fields = this.fileStates.get(seqOf(message.id));
        if (!fields || typeof message.message !== 'object') return message;
        return { ...message, message: { ...message.message, ...fields } };
    }

    private entryOf(message: ChatMessage): Entry | null {
        const { id, sender, senderName, ts } = message;
        const seq = seqOf(id);
        if (id === undefined || seq === 0 || this.deleted.has(seq)) return null;
        const presence = presenceOf(message);
        if (presence) {
            const { change, name } = presence;
            return { kind: 'event', key: id, seq, change, name, ts };
        }
        const { messageType, message: body } = this.renewed(message);
        const content = contentOf(messageType, body);
        if (!content) return null;
        const mine = sender === this.me;
        const who = { mine, sender, name: senderName ?? sender };
        return { kind: 'message', key: id, id, seq, ...who, ts, ...content, status: 'sent' };
    }

    /** Puts messages where they belong, each once. */
    private put(messages: readonly ChatMessage[]): void {
        this.lines = null;
        const known = new Set(this.entries.map(({ seq }) => seq));
        let ordered = true;
        for (const message of messages) {
            const seq = seqOf(message.id);
            const above = seq > this.to;
            this.newest = Math.max(this.newest, seq);
            this.from = this.from === 0 ? seq : Math.min(this.from, seq);
            this.to = Math.max(this.to, seq);
            if (this.change(message)) continue;
            const entry = this.entryOf(message);
            if (!entry || known.has(seq)) continue;
            known.add(seq);
            ordered &&= above;
            this.entries.push(entry);
        }
        if (!ordered) this.entries.sort((a, b) => a.seq - b.seq);
    }

    private dropOldest(): void {
        if (this.entries.length <= MOST_LOADED) return;
        this.entries = this.entries.slice(-MOST_LOADED);
        this.from = this.entries[0]!.seq;
        this.older = true;
    }
}
