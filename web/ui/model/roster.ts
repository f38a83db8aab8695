/**
 * Who is and who was in the class, as its host knows it: here, lost (and perhaps on the way back),
 * or gone. And the class's comings and goings, as a feed.
 */

import { epochOf } from '../../client';
import type { Join, Leave, Participant, Welcome } from '../../client';
import type { Attendance, ClassEvent, Part } from './part';

export type Presence = 'here' | 'reconnecting' | 'gone';

export interface Person {
    id: string;
    name: string;
    /** When they came, the last time, by the server's clock, ms; 0 if that is not known. */
    joinedAt: number;
    /** `lost`: their connection broke, without a goodbye. */
    state: 'here' | 'lost' | 'left' | 'removed';
    /** Since when that is so, by the server's clock, ms. */
    since: number;
}

/** One line of the feed. */
export interface Coming {
    key: number;
    id: string;
    name: string;
    what: 'joined' | 'back' | 'lost' | 'left' | 'removed';
    ts: number;
}

export interface RosterView {
    /** The class's, which tells it from the next with the same code; null while not known. */
    epoch: string | null;
    /** In the order in which they first came. */
    people: readonly Person[];
    byId: ReadonlyMap<string, Person>;
    /** Newest last, the last few hundred. */
    feed: readonly Coming[];
    /** Students who are here. */
    here: number;
    /** Students whose connection is lost, however long ago; see `nextGone`. */
    lost: number;
}

/** One who lost the connection counts as reconnecting for so long, ms; then as gone. */
export const RECONNECT_MS = 120_000;

/** Most lines of the feed. */
const MOST_COMINGS = 300;

/** `now` is the server's time, ms. */
export function presence({ state, since }: Person, now: number): Presence {
    if (state === 'here') return 'here';
    return state === 'lost' && now - since < RECONNECT_MS ? 'reconnecting' : 'gone';
}

/** What a page knew of a class before it was loaded anew. */
export type KeptRoster = Pick<RosterView, 'epoch' | 'people' | 'feed'>;

/** Until when, by the server's clock, somebody counts as reconnecting, ms; null where nobody does. */
export function nextGone(people: readonly Person[], now: number): number | null {
    const ends = people
        .filter((person) => presence(person, now) === 'reconnecting')
        .map(({ since }) => since + RECONNECT_MS);
    return ends.length === 0 ? null : Math.min(...ends);
}

export class Roster implements Part<RosterView> {
    private readonly people = new Map<string, Person>();
    private feed: Coming[] = [];
    private count = 0;
    private epoch: string | null = null;

    /** `before`: taken up where the class turns out to be the same. */
    constructor(private before: KeptRoster | null = null) {}

    take(event: ClassEvent): boolean {
        switch (event.kind) {
            case 'restart':
                this.people.clear();
                this.feed = [];
                this.epoch = null;
                return true;
            case 'welcome':
                return this.onWelcome(event.welcome, event.ts);
            case 'join':
                return this.onJoin(event.join);
            case 'leave':
                return this.onLeave(event.leave);
            case 'ended':
                return this.onEnded(event.ts);
            case 'attendance':
                return this.onAttendance(event.attendance);
            default:
                return false;
        }
    }

    view(): RosterView {
        const people = [...this.people.values()];
        return {
            epoch: this.epoch,
            people,
            byId: new Map(this.people),
            feed: [...this.feed],
            here: people.filter(({ state }) => state === 'here').length,
            lost: people.filter(({ state }) => state === 'lost').length,
        };
    }

    /** What it names is so; of those it does not name, nobody knows more than that they went. */
    private onWelcome({ participants = [], epoch, last }: Welcome, ts: number): boolean {
        this.epoch = epoch ?? epochOf(last) ?? this.epoch;
        this.takeUp();
        const present = new Set(participants.map(({ id }) => id));
        for (const person of [...this.people.values()]) {
            if (person.state !== 'here' || present.has(person.id)) continue;
            this.people.set(person.id, { ...person, state: 'lost', since: ts });
        }
        for (const person of [...participants].sort((a, b) => a.joinedAt - b.joinedAt)) {
            this.arrive(person);
        }
        return true;
    }

    private takeUp(): void {
        const { before } = this;
        this.before = null;
        if (before === null || (before.epoch !== null && before.epoch !== this.epoch)) return;
        for (const person of before.people) this.people.set(person.id, person);
        this.feed = [...before.feed];
        this.count = Math.max(0, ...before.feed.map(({ key }) => key));
    }

    private arrive({ id, name, joinedAt }: Participant): void {
        this.people.set(id, { id, name, joinedAt, state: 'here', since: joinedAt });
    }

    private onJoin({ user, name, joinedAt, ts }: Join): boolean {
        if (user.userType !== 'student') return false;
        const before = this.people.get(user.id);
        this.arrive({ id: user.id, name, joinedAt });
        // One that the welcome has counted already may be told once more.
        if (before?.state !== 'here') this.tell(user.id, name, before ? 'back' : 'joined', ts);
        return true;
    }

    private onLeave({ user, name, reason, ts }: Leave): boolean {
        const before = this.people.get(user.id);
        if (user.userType !== 'student' || (before && before.state !== 'here')) return false;
        const state = reason === 'removed' || reason === 'left' ? reason : 'lost';
        const joinedAt = before?.joinedAt ?? 0;
        this.people.set(user.id, { id: user.id, name, joinedAt, state, since: ts });
        this.tell(user.id, name, state, ts);
        return true;
    }

    /**
     * Those who were here before this page was. Nobody says how they went: whoever went just now
     * may be on the way back.
     */
    private onAttendance(stays: readonly Attendance[]): boolean {
        for (const { id, name, last } of stays) {
            if (this.people.has(id)) continue;
            this.people.set(id, { id, name, joinedAt: 0, state: 'lost', since: last });
        }
        return true;
    }

    private onEnded(ts: number): boolean {
        for (const person of [...this.people.values()]) {
            if (person.state === 'left' || person.state === 'removed') continue;
            this.people.set(person.id, { ...person, state: 'left', since: ts });
        }
        return true;
    }

    private tell(id: string, name: string, what: Coming['what'], ts: number): void {
        this.count += 1;
        this.feed.push({ key: this.count, id, name, what, ts });
        if (this.feed.length > 2 * MOST_COMINGS) this.feed = this.feed.slice(-MOST_COMINGS);
    }
}

export type Order = 'joined' | 'name' | 'state' | 'hand';

const RANK: Record<Presence, number> = { here: 0, reconnecting: 1, gone: 2 };

/** Two names' order, Korean and English mixed; made once, for it is slow to make. */
const collator = new Intl.Collator(['ko', 'en'], { numeric: true, sensitivity: 'base' });

export interface Arrangement {
    order: Order;
    /** Part of a name. */
    query: string;
    /** Places in the row of raised hands, by user id. */
    hands: ReadonlyMap<string, number>;
    /** The server's time, ms. */
    now: number;
}

/** Those whose name holds the query, in that order. */
export function arrange(people: readonly Person[], how: Arrangement): Person[] {
    const { order, query, hands, now } = how;
    const wanted = query.trim().toLocaleLowerCase();
    const found = people.filter(({ name }) => name.toLocaleLowerCase().includes(wanted));
    const rank = new Map(found.map((person) => [person.id, RANK[presence(person, now)]]));
    const place = ({ id }: Person): number => hands.get(id) ?? Infinity;
    const byRank = (a: Person, b: Person): number => rank.get(a.id)! - rank.get(b.id)!;
    const byName = (a: Person, b: Person): number => collator.compare(a.name, b.name);
    const byHand = (a: Person, b: Person): number =>
        place(a) === place(b) ? 0 : place(a) - place(b);
    const rules: Record<Order, (a: Person, b: Person) => number> = {
        joined: byRank,
        name: byName,
        // What needs a look comes first.
        state: (a, b) => attention(rank.get(a.id)!) - attention(rank.get(b.id)!) || byName(a, b),
        hand: (a, b) => byHand(a, b) || byRank(a, b) || byName(a, b),
    };
    return found.sort(rules[order]);
}

/** Reconnecting, gone, here. */
function attention(rank: number): number {
    return (rank + 2) % 3;
}
