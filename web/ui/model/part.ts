/**
 * What a class is made of on a page: parts, each of which keeps one subject (the conversation, the
 * roster, the polls, …) up to date from the same stream of events. A page's `Classroom` has the
 * parts that the page shows.
 */

import type {
    Host,
    Join,
    Leave,
    LecternError,
    Message,
    Outgoing,
    Settings,
    User,
    Welcome,
} from '../../client';

/** One participant's time in the class; times by the server's clock, ms. */
export interface Attendance {
    id: string;
    name: string;
    first: number;
    last: number;
    presentMs: number;
    present: boolean;
}

/** Times (`ts`) are the server's, ms. */
export type ClassEvent =
    /** Connected, for the first time or again; what was missed follows as messages. */
    | { kind: 'welcome'; welcome: Welcome; ts: number }
    /**
     * A message that is not the room's own business: each remembered one (it has an `id`) once,
     * whether it came, came again by a replay, or is one's own that the server took. `key` is that
     * of the `sending` before it, where there was one.
     */
    | { kind: 'message'; message: Message; mine: boolean; key?: string }
    /** One's own message is under way; `message`, `failed` or `dropped` with that key follow. */
    | { kind: 'sending'; key: string; outgoing: Outgoing; ts: number }
    | { kind: 'failed'; key: string; error: LecternError }
    /** What was said of that key is void: it came as a message by itself, or was given up. */
    | { kind: 'dropped'; key: string }
    | { kind: 'join'; join: Join }
    | { kind: 'leave'; leave: Leave }
    /** Hosts, on a page that came into a running class: who was in it so far. */
    | { kind: 'attendance'; attendance: readonly Attendance[] }
    | { kind: 'seen'; seen: Record<string, string> }
    | { kind: 'settings'; settings: Settings }
    | { kind: 'gap'; ts: number }
    | { kind: 'host-away'; ts: number; deadline: number }
    | { kind: 'host-back'; ts: number }
    | { kind: 'ended'; reason: string; ts: number }
    /**
     * Hosts: all messages that the server remembers follow, also those that came already; what was
     * made of messages so far is made anew.
     */
    | { kind: 'log' }
    /** Another class begins under the same code: all that was before is another class's. */
    | { kind: 'restart' };

/** What parts may want to know besides the event. */
export interface Surroundings {
    /** Who we are; null before the first welcome. */
    readonly user: User | null;
    readonly host: Host | null;
    /** Whether this page is the host's. */
    readonly hosting: boolean;
}

/** One subject. Made for one class; not used again for another. */
export interface Part<View> {
    /** Takes what happened; true where that changed the view. */
    take(event: ClassEvent, around: Surroundings): boolean;
    /**
     * The present view: a new object after each change, never changed afterwards. Asked for at most
     * once per drawing, so that taking a thousand events costs a thousand small steps and one view.
     */
    view(): View;
}

export type Parts = Record<string, Part<unknown>>;
export type Views<P extends Parts> = { readonly [Name in keyof P]: ReturnType<P[Name]['view']> };
