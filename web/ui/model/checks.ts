/** What the students' connection checks found, as `check` messages told it: the newest of each. */

import type { Message } from '../../client';
import type { ClassEvent, Part } from './part';

export interface Check {
    userId: string;
    /** `ok`, or a reason code. */
    ws: string;
    /** Of the round trips, ms; null where none came back. */
    rttMs: number | null;
    rttMaxMs: number | null;
    /** Echoes that did not come back. */
    lost: number;
    browser: string;
    /** `ok`, or a reason code. */
    fallback: string;
    ts: number;
}

const CODE = /^[a-z][\w-]{0,31}$/;

function time(value: unknown): number | null {
    return typeof value === 'number' && value >= 0 && value < 1e7 ? Math.round(value) : null;
}

/** Null for what is no check. */
function parseCheck({ sender, message, ts }: Message): Check | null {
    if (typeof message !== 'object' || message === null) return null;
    const { ws, rttMs, rttMaxMs, lost, browser, fallback } = message as Record<string, unknown>;
    if (typeof ws !== 'string' || !CODE.test(ws)) return null;
    return {
        userId: sender,
        ws,
        rttMs: time(rttMs),
        rttMaxMs: time(rttMaxMs),
        lost: time(lost) ?? 0,
        browser: typeof browser === 'string' ? browser.slice(0, 80) : '',
        fallback: typeof fallback === 'string' && CODE.test(fallback) ? fallback : '',
        ts,
    };
}

export class Checks implements Part<readonly Check[]> {
    private readonly newest = new Map<string, Check>();

    take(event: ClassEvent): boolean {
        if (event.kind === 'restart' || event.kind === 'log') {
            this.newest.clear();
            return true;
        }
        if (event.kind !== 'message' || event.message.messageType !== 'check') return false;
        if (event.message.senderType !== 'student') return false;
        const check = parseCheck(event.message);
        if (check) this.newest.set(check.userId, check);
        return check !== null;
    }

    view(): readonly Check[] {
        return [...this.newest.values()];
    }
}

/** A wait that is felt, ms. */
const SLOW_MS = 500;

/** Whether this student will have trouble in class. */
export function isTroubled({ ws, rttMs, lost }: Check): boolean {
    return ws !== 'ok' || rttMs === null || rttMs > SLOW_MS || lost > 0;
}
