/**
 * What the projector's window knows, and how it comes to know it: it asks the teacher's tab over a
 * BroadcastChannel. It has no connection of its own, since a second one of the same host would take
 * the class over. Asking, once a second, works also while the teacher's tab lies behind it, where
 * browsers slow timers down but not messages; what changes in a tab that is seen is told at once.
 */

import { useEffect, useState } from 'preact/hooks';
import type { State } from '../web/client';
import type { Classroom } from '../web/ui/classroom';
import type { Question, Results, Right } from '../web/ui/model/poll';
import type { Poll, Polls } from '../web/ui/model/polls';
import type { Roster } from '../web/ui/model/roster';

/** `away`: the teacher's page has no connection, and none coming. */
export type Course = 'here' | 'elsewhere' | 'ended' | 'away';

/** All that the projector shows. */
export interface Projection {
    room: string;
    name: string;
    locked: boolean;
    /** Whether what is shown goes on: here, on another device of the teacher's, or not at all. */
    course: Course;
    /** Students here. */
    here: number;
    question: ProjectedQuestion | null;
}

export interface ProjectedQuestion extends Question {
    open: boolean;
    /** Null while the class may not see them. */
    results: Results | null;
    total: number;
    right: Right | null;
}

type Shown = Classroom<{ polls: Polls; roster: Roster }>;
type Signal = { kind: 'ask' } | { kind: 'gone' } | { kind: 'tell'; projection: Projection };

const ASK_EVERY = 1000;

/** Without an answer for so long, the teacher's tab is not there, ms. */
const PATIENCE = 4000;

function channel(room: string): BroadcastChannel {
    return new BroadcastChannel(`lectern.projector.${room}`);
}

/** Short answers may hold anything: the class sees those that the teacher has shown. */
function allowedResults(poll: Poll): Results | null {
    if (poll.kind === 'short') return poll.shown;
    return poll.hidden && poll.status === 'open' ? null : poll.results;
}

function project(poll: Poll): ProjectedQuestion {
    const { poll: id, kind, question, options, scale, quiz, hidden, status, results, right } = poll;
    const open = status === 'open';
    return {
        ...{ poll: id, kind, question, options, quiz, hidden, open },
        ...(scale ? { scale } : {}),
        results: allowedResults(poll),
        total: results.total,
        right: open ? null : right,
    };
}

function courseOf(state: State): Course {
    if (state.name !== 'closed') return 'here';
    if (state.reason.kind === 'room_ended') return 'ended';
    return state.reason.kind === 'replaced' ? 'elsewhere' : 'away';
}

/** Null before the class has a code. */
function projectionOf({ snapshot }: Shown): Projection | null {
    const { room, settings, state, polls, roster } = snapshot;
    if (room === null) return null;
    const asked = polls.filter(({ status }) => status === 'open' || status === 'closed');
    const current = asked[asked.length - 1];
    return {
        room,
        name: settings?.name ?? '',
        locked: settings?.locked ?? false,
        course: courseOf(state),
        here: roster.here,
        question: current ? project(current) : null,
    };
}

/** The teacher's tab: answers the projector while the component is there. */
export function useProjectorFeed(classroom: Shown): void {
    const { room } = classroom.snapshot;
    useEffect(() => {
        if (room === null || typeof BroadcastChannel === 'undefined') return undefined;
        const line = channel(room);
        const tell = (): void => {
            const projection = projectionOf(classroom);
            if (projection) line.postMessage({ kind: 'tell', projection } satisfies Signal);
        };
        const gone = (): void => line.postMessage({ kind: 'gone' } satisfies Signal);
        line.onmessage = ({ data }: MessageEvent<Signal>) => {
            if (data.kind === 'ask') tell();
        };
        const off = classroom.subscribe(tell);
        window.addEventListener('pagehide', gone);
        tell();
        return () => {
            off();
            window.removeEventListener('pagehide', gone);
            gone();
            line.close();
        };
    }, [classroom, room]);
}

/** The projector's window: the latest, and whether the teacher's tab is there. */
export function useProjection(room: string): { projection: Projection | null; there: boolean } {
    const [projection, setProjection] = useState<Projection | null>(null);
    const [there, setThere] = useState(true);
    useEffect(() => {
        if (typeof BroadcastChannel === 'undefined') {
            setThere(false);
            return undefined;
        }
        const line = channel(room);
        let heard = Date.now();
        const ask = (): void => {
            line.postMessage({ kind: 'ask' } satisfies Signal);
            if (Date.now() - heard > PATIENCE) setThere(false);
        };
        line.onmessage = ({ data }: MessageEvent<Signal>) => {
            if (data.kind === 'ask') return;
            heard = Date.now();
            setThere(data.kind === 'tell');
            if (data.kind === 'tell') setProjection(data.projection);
        };
        ask();
        const timer = setInterval(ask, ASK_EVERY);
        return () => {
            clearInterval(timer);
            line.close();
        };
    }, [room]);
    return { projection, there };
}

/** The code of the class that this window projects; null where it is the teacher's page itself. */
export function projectedRoom(): string | null {
    const query = new URLSearchParams(location.search);
    return query.get('view') === 'projector' ? (query.get('room') ?? '') : null;
}

/** Opens the projector's window, or brings the one that is open to the front. */
export function openProjector(room: string): void {
    const query = new URLSearchParams({ view: 'projector', room });
    window.open(`${location.pathname}?${query}`, `lectern-projector-${room}`)?.focus();
}
