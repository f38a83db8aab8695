/**
 * What a teacher's tab remembers over a reload: the token, and the class that is open. And what
 * this browser remembers of classes that have ended, for as long as they can be downloaded.
 */

import { tokenClaims } from '../web/client';
import { device, tab } from '../web/ui/storage';

export interface Setup {
    /** A code of one's own; drawn by the server where absent. */
    room?: string;
    name?: string;
}

export interface Session extends Setup {
    token: string;
    /** The class is open already: it is come back to, not opened. */
    returning: boolean;
}

/** The class that this tab is in, or was in when its teacher left it open. */
export interface SavedClass extends Setup {
    room: string;
    /** When the class ends unless its teacher is back, this device's time, ms. */
    leftUntil?: number;
    /** It was taken over by another device: a reload must not take it back unasked. */
    elsewhere?: boolean;
}

/** A class whose records the server still keeps. */
export interface EndedClass {
    room: string;
    name: string;
    /** Tells this class from a later one with the same code; may be unknown. */
    epoch?: string;
    /** Whose it was. */
    user: string;
    /** This device's time, ms. */
    endedAt: number;
}

/** A class that was open in this browser when it was last looked at. */
export interface RunningClass {
    room: string;
    name: string;
    user: string;
    /** When that was, this device's time, ms. */
    at: number;
}

/** What is typed on the start page; gone once the class is open. */
export const START_DRAFT = 'lectern.teacher.start';

const TOKEN = 'lectern.teacher.token';
const CLASS = 'lectern.teacher.class';
const ENDED = 'lectern.teacher.ended';
const RUNNING = 'lectern.teacher.running';

/** The server keeps the records of a class for an hour unless it is told otherwise, ms. */
const KEPT_MS = 3_600_000;

/** Most ended classes that are remembered. */
const MOST_ENDED = 8;

const CODE = /^[A-Z0-9]{4,12}$/;

/**
 * Takes the token, and the class to take over, out of the page's address, where others could read
 * them over one's shoulder. A fragment is sent to no server. Says what was there.
 */
export function takeFromAddress(): 'token' | 'class' | null {
    const given = new URLSearchParams(location.hash.slice(1));
    const token = given.get('token');
    if (token === null) return null;
    history.replaceState(null, '', location.pathname + location.search);
    if (token !== savedToken()) tab.remove(CLASS);
    saveToken(token);
    const room = given.get('room') ?? '';
    if (!CODE.test(room)) return 'token';
    saveClass({ room });
    return 'class';
}

/** A window that a teacher's tab has opened starts with a copy of what that tab keeps. */
export function forgetSession(): void {
    saveToken(null);
    saveClass(null);
    window.opener = null;
}

type Signal = { kind: 'who' } | { kind: 'here' };

/** The class is in this tab: says so to tabs that ask, until the returned function is called. */
export function claimClass(room: string): () => void {
    if (typeof BroadcastChannel === 'undefined') return () => {};
    const line = new BroadcastChannel(`lectern.teacher.${room}`);
    line.onmessage = ({ data }: MessageEvent<Signal>) => {
        if (data.kind === 'who') line.postMessage({ kind: 'here' } satisfies Signal);
    };
    return () => line.close();
}

/** How long another tab has to say that it has the class, ms. */
const CLAIM_MS = 400;

/**
 * Whether another tab of this browser has the class: a tab that was duplicated remembers it too,
 * and would take it away.
 */
export function claimedElsewhere(room: string): Promise<boolean> {
    if (typeof BroadcastChannel === 'undefined') return Promise.resolve(false);
    return new Promise((resolve) => {
        const line = new BroadcastChannel(`lectern.teacher.${room}`);
        const answer = (claimed: boolean): void => {
            clearTimeout(timer);
            line.close();
            resolve(claimed);
        };
        const timer = setTimeout(() => answer(false), CLAIM_MS);
        line.onmessage = ({ data }: MessageEvent<Signal>) => {
            if (data.kind === 'here') answer(true);
        };
        line.postMessage({ kind: 'who' } satisfies Signal);
    });
}

/** The address that `takeFromAddress` reads on another device. */
export function takeOverLink(base: string, token: string, room: string): string {
    return `${base}/teacher/#${new URLSearchParams({ token, room })}`;
}

export function savedToken(): string | null {
    const token = tab.get<string>(TOKEN);
    return typeof token === 'string' && tokenClaims(token) ? token : null;
}

export function saveToken(token: string | null): void {
    if (token === null) tab.remove(TOKEN);
    else tab.set(TOKEN, token);
}

export function savedClass(): SavedClass | null {
    const saved = tab.get<SavedClass>(CLASS);
    if (typeof saved?.room !== 'string' || !CODE.test(saved.room)) return null;
    return (saved.leftUntil ?? Infinity) > Date.now() ? saved : null;
}

export function saveClass(saved: SavedClass | null): void {
    if (saved === null) tab.remove(CLASS);
    else tab.set(CLASS, saved);
}

export function tokenUser(token: string): string {
    return String(tokenClaims(token)?.['sub'] ?? '');
}

/** The name to greet with: what the token says. */
export function tokenName(token: string): string {
    return String(tokenClaims(token)?.['name'] ?? tokenUser(token));
}

/** Newest first; those of this user that the server probably keeps. */
export function endedClasses(user: string): EndedClass[] {
    const all = device.get<EndedClass[]>(ENDED);
    if (!Array.isArray(all)) return [];
    return all.filter(
        (ended) =>
            ended?.user === user &&
            CODE.test(ended.room) &&
            Date.now() - ended.endedAt < KEPT_MS &&
            ended.endedAt <= Date.now(),
    );
}

export function rememberEnded(ended: EndedClass): void {
    const others = endedClasses(ended.user).filter(
        ({ room, epoch }) => room !== ended.room || epoch !== ended.epoch,
    );
    device.set(ENDED, [ended, ...others].slice(0, MOST_ENDED));
}

/** Classes of this user that may still be open, or whose records may be kept. */
export function runningClasses(user: string): RunningClass[] {
    const all = device.get<RunningClass[]>(RUNNING);
    if (!Array.isArray(all)) return [];
    return all.filter(
        (each) =>
            each?.user === user &&
            CODE.test(each.room) &&
            typeof each.name === 'string' &&
            // Two hours: a class may wait for its teacher for one, and is kept for another.
            Date.now() - each.at < 2 * KEPT_MS,
    );
}

export function rememberRunning(running: RunningClass): void {
    const others = runningClasses(running.user).filter(({ room }) => room !== running.room);
    device.set(RUNNING, [running, ...others].slice(0, MOST_ENDED));
}

export function forgetRunning(user: string, gone: string): void {
    const others = runningClasses(user).filter(({ room }) => room !== gone);
    if (others.length === 0) device.remove(RUNNING);
    else device.set(RUNNING, others);
}
