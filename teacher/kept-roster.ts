/** Who was in the class and who came and went, kept in the tab: a reload does not forget it. */

import { useEffect, useRef } from 'preact/hooks';
import type { KeptRoster } from '../web/ui/model/roster';
import { tab } from '../web/ui/storage';
import type { TeacherSnapshot } from './class';

const KEY = 'lectern.teacher.roster';

interface Kept {
    room: string;
    roster: KeptRoster;
}

/** What this tab knew of that class; null where it knows nothing. */
export function keptRoster(room: string | undefined): KeptRoster | null {
    const kept = tab.get<Kept>(KEY);
    if (kept === null || kept.room !== room) return null;
    const { roster } = kept;
    return Array.isArray(roster?.people) && Array.isArray(roster.feed) ? roster : null;
}

/** Keeps the roster when the page goes, or the class is left for a while. */
export function useKeptRoster(snapshot: TeacherSnapshot): void {
    const latest = useRef(snapshot);
    latest.current = snapshot;
    useEffect(() => {
        const keep = (): void => {
            const { room, roster, state } = latest.current;
            const over = state.name === 'closed' && state.reason.kind !== 'left';
            if (room === null || over) return tab.remove(KEY);
            const { epoch, people, feed } = roster;
            tab.set(KEY, { room, roster: { epoch, people, feed } } satisfies Kept);
        };
        window.addEventListener('pagehide', keep);
        return () => {
            window.removeEventListener('pagehide', keep);
            keep();
        };
    }, []);
}
