/** The time, where what is shown depends on it though nothing happens. */

import { useEffect, useState } from 'preact/hooks';
import { nextGone } from '../web/ui/model/roster';
import type { RosterView } from '../web/ui/model/roster';

/** Timers and clocks are not exact, ms. */
const SLACK = 50;

/**
 * The server's time, ms, and a new rendering when somebody who is reconnecting turns into somebody
 * who is gone. `offset`: the server's time minus the device's.
 */
export function useRosterClock({ people }: RosterView, offset: number): number {
    const [now, setNow] = useState(() => Date.now() + offset);
    useEffect(() => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const look = (): void => {
            const time = Date.now() + offset;
            const next = nextGone(people, time);
            setNow(time);
            if (next !== null) timer = setTimeout(look, Math.max(0, next - time) + SLACK);
        };
        look();
        return () => clearTimeout(timer);
    }, [people]);
    return now;
}
