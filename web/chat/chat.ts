/**
 * One's chat as the page knows it: the client's events and the server's pages, put together into
 * rooms. Told of at most once per drawing; what is drawn reads it as it is.
 */

import { ChatClient, Chats, environment, seqOf } from '../client';
import type {
    Ack,
    Answer,
    ChatMessage,
    ChatOptions,
    ChatOutgoing,
    Failure,
    LecternError,
    MyRoom,
} from '../client';
import { Drawing } from '../ui/drawing';
import { STOPPED } from './model/typing';
import { contentOf } from './model/content';
import { Rooms } from './model/rooms';
import type { Timeline } from './model/timeline';
import type { Loading } from './room';
import { Room } from './room';

/** Messages of a page, and around one that is looked for. */
const PAGE = 50;
const ABOVE = 30;

/** Rooms whose messages are kept when others are opened. */
const MOST_KEPT = 8;

/** Several reasons to ask for the list of rooms anew are one, ms. */
const REFRESH = 300;

/** Until the list is asked for again where it could not be had, ms. */
const ASK_AGAIN = 4000;

/** While one writes, others are told so often, ms. */
const TYPING_EVERY = 3000;

export class Chat {
    readonly client: ChatClient;
    readonly rest: Chats;
    /** Null until the server has said who we are. */
    rooms: Rooms | null = null;
    /** The list of rooms has been had at least once. */
    listed = false;
    listTrouble: Failure | null = null;
    /** The room that is shown. */
    current: Room | null = null;
    /** Whether the reader of the room is at its end. */
    following = true;
    /** What has just come, for those who hear the page. */
    heard: { name: string; text: string; times: number } | null = null;
    /** Why the room that was shown is not shown any more. */
    ended: { room: string; name: string; reason: string } | null = null;

    private readonly drawing = new Drawing();
    private readonly env;
    private readonly known = new Map<string, Room>();
    private readonly refused = new Map<string, ChatOutgoing>();
    /** Those of them that have been put back to the drafts. */
    private readonly putBack = new Set<string>();
    private over = false;
    private sendings = 0;
    private refreshTimer: unknown = null;
    /** Of the list that could not be had. */
    private againTimer: unknown = null;
    private typingTimer: unknown = null;
    /** The list that is being asked for, and the one that is asked for after that. */
    private listing: Promise<void> | null = null;
    private nextListing: Promise<void> | null = null;
    private wanted: { room: string; seq: number | null } | null = null;
    private typed: { room: string; at: number } | null = null;

    /** `keep` is given the texts that nobody else has when the page goes, or one signs out. */
    constructor(
        options: ChatOptions,
        private readonly keep: (room: string, text: string) => void = () => {},
    ) {
        this.env = environment(options.env);
        this.client = new ChatClient(options);
        this.rest = new Chats(this.env, options.base, () => this.client.token);
        this.follow();
    }

    subscribe(fn: () => void): () => void {
        return this.drawing.subscribe(fn);
    }

    touch(): void {
        this.drawing.touch();
    }

    get me(): string {
        return this.client.user?.id ?? '';
    }

    // ---- Which room is shown

    /** Shows a room, at a message where one is named. */
    open(id: string | null, seq: number | null = null): void {
        this.wanted = id === null ? null : { room: id, seq };
        if (this.current && this.current.id !== id) this.stopTyping();
        if (id === null) {
            this.current = null;
            return this.touch();
        }
        this.show();
    }

    /** Shows what is wanted, once it is known to be one of ours. */
    private show(): void {
        const { wanted, rooms } = this;
        const entry = wanted && rooms?.get(wanted.room);
        if (!wanted || !entry) {
            this.current = null;
            return this.touch();
        }
        const again = this.current?.id === entry.id && wanted.seq === null;
        if (again) return this.touch();
        const room = this.roomOf(entry.id);
        this.current = room;
        this.ended = null;
        this.wanted = { room: entry.id, seq: null };
        room.divider = entry.unread > 0 ? entry.readSeq : null;
        if (wanted.seq !== null) void this.jump(room, wanted.seq);
        else if (!room.timeline.loaded || room.timeline.newer) {
            // What is unread is read from its beginning.
            if (entry.unread > 0 && entry.readSeq > 0) void this.loadAround(room, entry.readSeq);
            else void this.loadNewest(room);
        }
        this.touch();
    }

    private roomOf(id: string): Room {
        let room = this.known.get(id);
        if (!room) room = new Room(id, this.me);
        // The one that was used last is the last to be forgotten.
        this.known.delete(id);
        this.known.set(id, room);
        return room;
    }

    /** Forgets the messages of rooms that were not looked at for long. */
    private forget(): void {
        const idle = [...this.known.values()].filter(
            (room) => room !== this.current && room.timeline.loaded && !this.sendingIn(room.id),
        );
        for (const room of idle.slice(0, Math.max(0, idle.length - MOST_KEPT))) {
            const fresh = new Room(room.id, this.me);
            fresh.setMembers(room.members, room.reads.count);
            this.known.set(room.id, fresh);
        }
    }

    private sendingIn(id: string): boolean {
        const room = this.known.get(id);
        return room?.timeline.all.some((entry) => entry.seq === 0) ?? false;
    }

    // ---- Pages

    loadNewest(room: Room): Promise<void> {
        return this.load(room, 'first', async (valid) => {
            const page = await this.rest.history(room.id, { limit: PAGE });
            if (!page.ok || !valid()) return page.ok ? null : page;
            room.timeline.reset(page.value, { older: page.value.more, newer: false });
            room.takeReads(page.value.reads);
            room.turns += 1;
            return null;
        });
    }

    /** To the end of the conversation, past what is unread. */
    toNewest(room: Room): Promise<void> {
        room.divider = null;
        return this.loadNewest(room);
    }

    /** The messages around that one, which is `pointed` to where it was looked for. */
    private loadAround(room: Room, seq: number, pointed = false): Promise<void> {
        return this.load(room, 'first', async (valid) => {
            const [above, below] = await Promise.all([
                this.rest.history(room.id, { before: seq + 1, limit: ABOVE }),
                this.rest.history(room.id, { after: seq, limit: PAGE }),
            ]);
            if (!above.ok) return above;
            if (!below.ok) return below;
            if (!valid()) return null;
            const messages = [...above.value.messages, ...below.value.messages];
            const ends = { older: above.value.more, newer: below.value.more };
            room.timeline.reset({ messages, more: false }, ends);
            room.takeReads(below.value.reads);
            room.turns += 1;
            const near = room.timeline.nearest(seq);
            if (pointed && near > 0) room.pointed = { seq: near };
            return null;
        });
    }

    private async jump(room: Room, seq: number): Promise<void> {
        if (!room.timeline.has(seq)) return this.loadAround(room, seq, true);
        // What was being asked for would take it away again.
        room.course += 1;
        room.loading.clear();
        room.pointed = { seq };
        this.touch();
    }

    loadOlder(room: Room): Promise<void> {
        if (!room.timeline.older) return Promise.resolve();
        return this.load(room, 'older', async (valid) => {
            const before = room.timeline.first;
            const page = await this.rest.history(room.id, { before, limit: PAGE });
            if (!page.ok) return page;
            // What came live may have pushed the end away.
            const fits = valid() && room.timeline.first === before;
            if (fits) room.timeline.prepend(page.value);
            return null;
        });
    }

    loadNewer(room: Room): Promise<void> {
        if (!room.timeline.newer) return Promise.resolve();
        return this.load(room, 'newer', async (valid) => {
            const after = room.timeline.last;
            const page = await this.rest.history(room.id, { after, limit: PAGE });
            if (!page.ok) return page;
            const fits = valid() && room.timeline.last === after;
            if (fits) room.timeline.append(page.value);
            return null;
        });
    }

    /** What replaces the window wins over all that was asked for before it. */
    private async load(
        room: Room,
        what: Loading,
        ask: (valid: () => boolean) => Promise<Failure | null>,
    ): Promise<void> {
        if (what === 'first') {
            room.course += 1;
            room.loading.clear();
        } else if (room.loading.has(what) || room.loading.has('first')) return;
        const { course } = room;
        const valid = (): boolean => room.course === course;
        room.loading.add(what);
        room.trouble = null;
        this.touch();
        const failure = await ask(valid);
        if (!valid()) return;
        room.loading.delete(what);
        if (failure) room.trouble = { failure, retry: () => this.load(room, what, ask) };
        this.forget();
        this.touch();
    }

    // ---- The list of rooms

    /** Asks for the list anew, soon. */
    refresh(): void {
        if (this.refreshTimer !== null) return;
        this.refreshTimer = this.env.setTimeout(() => {
            this.refreshTimer = null;
            void this.refreshNow();
        }, REFRESH);
    }

    /** The list as it is now: one that is being asked for may be from before. */
    refreshNow(): Promise<void> {
        if (this.listing) {
            this.nextListing ??= this.listing.then(() => this.list());
            return this.nextListing;
        }
        return this.list();
    }

    private list(): Promise<void> {
        this.nextListing = null;
        const listing = this.askForList().finally(() => {
            if (this.listing === listing) this.listing = null;
        });
        this.listing = listing;
        return listing;
    }

    /** Whether the list of rooms is what the server has, as far as is known. */
    get sure(): boolean {
        return this.listed && !this.listing && !this.listTrouble && this.refreshTimer === null;
    }

    private async askForList(): Promise<void> {
        this.env.clearTimeout(this.againTimer);
        const answer: Answer<{ rooms: MyRoom[] }> = await this.rest.myRooms();
        if (this.client.state.name === 'closed' || !this.rooms) return;
        if (!answer.ok) {
            this.listTrouble = answer;
            const wait = Math.max(ASK_AGAIN, answer.retryAfterMs ?? 0);
            this.againTimer = this.env.setTimeout(() => this.refresh(), wait);
            return this.touch();
        }
        this.listTrouble = null;
        this.listed = true;
        this.takeList(answer.value.rooms);
        this.touch();
    }

    private takeList(list: readonly MyRoom[]): void {
        const rooms = this.rooms!;
        const gone = rooms.all.filter(({ id }) => !list.some((room) => room.id === id));
        rooms.set(list);
        for (const { id } of gone) this.remove(id, 'left');
        // The one that is looked at comes first; what has no message yet may get one meanwhile.
        const first = list.find(({ id }) => id === this.wanted?.room);
        for (const { id, last } of first ? [first, ...list] : list) {
            this.client.follow(id, last?.id === undefined ? {} : { since: last.id });
        }
        if (this.wanted && this.current?.id !== this.wanted.room) this.show();
    }

    private remove(id: string, reason: string): void {
        const name = this.rooms?.get(id)?.name ?? '';
        this.client.unfollow(id);
        this.rooms?.remove(id);
        this.known.delete(id);
        if (this.wanted?.room !== id) return;
        this.ended = { room: id, name, reason };
        this.wanted = null;
        this.current = null;
    }

    /** Leaves a group; null where that is done. */
    async leave(id: string): Promise<Failure | null> {
        const answer = await this.rest.leave(id);
        if (!answer.ok && answer.status !== 404) return answer;
        this.remove(id, 'left');
        this.touch();
        return null;
    }

    // ---- Sending

    say(room: string, text: string): void {
        this.send({ room, messageType: 'send', message: text });
    }

    /** Tries a refused message once more. */
    resend(key: string): void {
        const outgoing = this.refused.get(key);
        if (!outgoing) return;
        this.refused.delete(key);
        this.putBack.delete(key);
        this.send(outgoing, key);
    }

    /** Gives a refused message up. */
    drop(room: string, key: string): void {
        if (this.refused.delete(key)) this.known.get(room)?.timeline.drop(key);
        this.touch();
    }

    /** To be called when the page goes: what was refused goes back to the drafts, once. */
    keepRefused(): void {
        for (const [key, { room, message }] of this.refused) {
            if (typeof message !== 'string' || this.putBack.has(key)) continue;
            this.putBack.add(key);
            this.keep(room, message);
        }
    }

    private send(outgoing: ChatOutgoing, key = this.newKey()): void {
        const { room, messageType, message } = outgoing;
        const answer = this.client.send(room, messageType, message);
        void this.followUp(key, outgoing, answer);
        this.typed = null;
        // What one writes is read where it belongs: at the end.
        const open = this.known.get(room);
        if (open?.timeline.newer) void this.toNewest(open);
    }

    private newKey(): string {
        this.sendings += 1;
        return `own-${this.sendings}`;
    }

    private async followUp(
        key: string,
        outgoing: ChatOutgoing,
        answer: Promise<Ack>,
    ): Promise<void> {
        const { room: id, messageType, message } = outgoing;
        const { user } = this.client;
        const room = this.roomOf(id);
        const name = user?.name ?? '';
        room.timeline.sending(key, name, messageType, message, this.client.serverNow());
        this.touch();
        try {
            const { id: stored, ts } = await answer;
            const senderType = user?.userType ?? 'student';
            const own = { senderType, sender: this.me, senderName: name, room: `room:${id}` };
            const sent = { ...own, targetType: 'all' as const, ts, messageType, message };
            if (stored === undefined) room.timeline.drop(key);
            else room.timeline.sent(key, { ...sent, id: stored }, this.followed(room));
        } catch (thrown) {
            const error = thrown as LecternError;
            this.refused.set(key, outgoing);
            room.timeline.failed(key, error);
            if (this.over) this.keepRefused();
        }
        this.touch();
    }

    /** A file of ours that the server has: shown also where the socket is slower, or away. */
    uploaded(message: ChatMessage): void {
        const room = this.known.get(message.room.replace(/^room:/, ''));
        room?.timeline.live(message, this.followed(room));
        this.touch();
    }

    /** Takes a message back; its line says so until that is done, or why it is not. */
    async delete(room: string, id: string): Promise<void> {
        const timeline = (): Timeline | undefined => this.known.get(room)?.timeline;
        timeline()?.deleting(seqOf(id));
        this.touch();
        try {
            await this.client.delete(room, id);
            timeline()?.live(tombstone(room, id, this.me), true);
        } catch (thrown) {
            const error = thrown as LecternError;
            // Done already: the first answer was lost.
            if (error.code !== 'message_not_found') timeline()?.deleting(seqOf(id), error);
            else timeline()?.live(tombstone(room, id, this.me), true);
        }
        this.touch();
    }

    /** One is writing in the room that is shown. */
    typing(room: string): void {
        const now = this.env.now();
        if (this.typed?.room === room && now - this.typed.at < TYPING_EVERY) return;
        this.typed = { room, at: now };
        this.client.typing(room, true);
    }

    /** One has stopped writing without sending. */
    stopTyping(): void {
        if (this.typed) this.client.typing(this.typed.room, false);
        this.typed = null;
    }

    /** That message, and with it all above, has been on the screen. */
    seen(room: Room, id: string): void {
        this.client.read(room.id, id);
        this.haveRead(room.id, seqOf(id));
    }

    private haveRead(id: string, seq: number): void {
        const timeline = this.known.get(id)?.timeline;
        const whole = timeline?.loaded && !timeline.newer;
        const left = whole ? timeline.unreadAfter(seq) : Infinity;
        this.rooms?.read(id, seq, left);
        this.touch();
    }

    private followed(room: Room): boolean {
        return this.following || room !== this.current;
    }

    // ---- What the server tells

    private follow(): void {
        const { client } = this;
        client.on('state', () => this.touch());
        client.on('hello', () => this.onHello());
        client.on('room', ({ room: id, ...welcome }) => {
            const { members, chat } = welcome;
            this.roomOf(id).setMembers(members, chat.count);
            this.rooms?.welcome(id, welcome);
            this.touch();
        });
        client.on('message', (message) => this.onMessage(message));
        client.on('passing', (message) => this.onPassing(message));
        client.on('read', ({ room, user, lastReadMessage }) => {
            if (user === this.me) this.haveRead(room, seqOf(lastReadMessage));
            this.known.get(room)?.reads.set(user, lastReadMessage);
            this.touch();
        });
        client.on('gap', ({ room }) => {
            this.known.get(room)?.timeline.gap();
            this.refresh();
            this.touch();
        });
        client.on('closed', ({ room, reason }) => {
            // One room too many is only not live.
            if (reason !== 'too_many_rooms') this.remove(room, reason);
            this.touch();
        });
        client.on('invited', () => this.refresh());
    }

    private onHello(): void {
        if (!this.rooms) {
            this.rooms = new Rooms(this.me);
            // What an earlier page could not bring to its end goes on.
            for (const { outgoing, answer } of this.client.restored) {
                const room = outgoing.room.replace(/^room:/, '');
                void this.followUp(this.newKey(), { ...outgoing, room }, answer);
            }
        }
        void this.refreshNow();
        // What could not be had may be had now.
        void this.current?.trouble?.retry();
    }

    private onMessage(message: ChatMessage & { id: string }): void {
        const id = message.room.replace(/^room:/, '');
        const room = this.known.get(id);
        const shown = room !== undefined && room === this.current;
        const entry = this.rooms?.get(id);
        // Who comes back to the page finds where they were.
        if (shown && hidden()) room.divider ??= entry?.readSeq ?? null;
        if (this.rooms?.message(id, message)) this.refresh();
        room?.hear(message);
        room?.timeline.live(message, this.followed(room));
        if (shown && message.sender !== this.me) this.hear(message);
        this.touch();
    }

    /** Told to those who hear the page. */
    private hear({ messageType, message, sender, senderName }: ChatMessage): void {
        const content = contentOf(messageType, message);
        if (!content) return;
        const text = content.text || content.file?.name || content.image?.name || '';
        this.heard = { name: senderName ?? sender, text, times: (this.heard?.times ?? 0) + 1 };
    }

    private onPassing({ room: on, messageType, sender, senderName, message }: ChatMessage): void {
        const room = this.known.get(on.replace(/^room:/, ''));
        if (!room || messageType !== 'typing' || sender === this.me) return;
        const name = senderName ?? room.nameOf(sender);
        if (room.typing.set(sender, name, message === true, this.env.now())) this.touch();
        this.typingTimer ??= this.env.setTimeout(() => this.expireTyping(), STOPPED + 100);
    }

    private expireTyping(): void {
        this.typingTimer = null;
        const now = this.env.now();
        let left = false;
        for (const room of this.known.values()) {
            if (room.typing.expire(now)) this.touch();
            left ||= room.typing.names.length > 0;
        }
        if (left) this.typingTimer = this.env.setTimeout(() => this.expireTyping(), 1000);
    }

    /** Ends what the page has begun. */
    close(): void {
        this.env.clearTimeout(this.refreshTimer);
        this.env.clearTimeout(this.againTimer);
        this.env.clearTimeout(this.typingTimer);
        this.over = true;
        this.keepRefused();
        this.client.close();
    }
}

const hidden = (): boolean => typeof document !== 'undefined' && document.hidden;

function tombstone(room: string, id: string, sender: string): ChatMessage {
    return {
        ts: 0,
        room: `room:${room}`,
        senderType: 'server',
        sender,
        targetType: 'all',
        messageType: 'delete',
        message: { id },
    };
}
