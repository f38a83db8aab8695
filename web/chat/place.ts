/** What the page's address says: `#<room>`, or `#<room>.<number>` for one of its messages. */

import { useEffect, useState } from 'preact/hooks';

export interface Place {
    room: string | null;
    /** The number of a message within the room. */
    seq: number | null;
}

const PLACE = /^#(c[a-z2-7]{15})(?:\.(\d{1,15}))?$/;

export function placeOf(hash: string): Place {
    const [, room = null, seq] = PLACE.exec(hash) ?? [];
    return { room, seq: seq === undefined ? null : Number(seq) };
}

export function hashOf(room: string | null, seq?: number): string {
    if (room === null) return '#';
    return seq === undefined ? `#${room}` : `#${room}.${seq}`;
}

/** Goes to a room, so that the browser's way back leads here. */
export function goTo(room: string | null): void {
    location.hash = hashOf(room);
}

/** Where the page is, and a new rendering when that changes; `onChange` is told first. */
export function usePlace(onChange: (place: Place) => void): Place {
    const [place, setPlace] = useState(() => placeOf(location.hash));
    useEffect(() => {
        const look = (): void => {
            const next = placeOf(location.hash);
            setPlace(next);
            onChange(next);
        };
        look();
        window.addEventListener('hashchange', look);
        return () => window.removeEventListener('hashchange', look);
    }, [onChange]);
    return place;
}
