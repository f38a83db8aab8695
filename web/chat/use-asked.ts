/** What the server answers to what is typed: asked once one pauses, the newest question counts. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Answer } from '../client';

/** A pause in typing, ms. */
const PAUSE = 250;

export interface Asked<T> {
    answer: Answer<T> | null;
    busy: boolean;
    /** Asks again; `merge` puts the answer to what there is. */
    more(ask: () => Promise<Answer<T>>, merge: (before: T, next: T) => T): void;
    again(): void;
}

/** `ask` is null where there is nothing to ask. `key` says when to ask anew. */
export function useAsked<T>(key: string, ask: (() => Promise<Answer<T>>) | null): Asked<T> {
    const [answer, setAnswer] = useState<Answer<T> | null>(null);
    const [busy, setBusy] = useState(false);
    const [turn, setTurn] = useState(0);
    const course = useRef(0);
    const first = useRef(true);
    useEffect(() => {
        const mine = (course.current += 1);
        if (!ask) {
            setAnswer(null);
            setBusy(false);
            return undefined;
        }
        setBusy(true);
        const run = async (): Promise<void> => {
            const next = await ask();
            if (mine !== course.current) return;
            setAnswer(next);
            setBusy(false);
        };
        const timer = setTimeout(() => void run(), first.current ? 0 : PAUSE);
        first.current = false;
        return () => clearTimeout(timer);
    }, [key, turn]);
    useEffect(() => () => void (course.current += 1), []);
    const more: Asked<T>['more'] = (next, merge) => {
        const mine = (course.current += 1);
        setBusy(true);
        void next().then((found) => {
            if (mine !== course.current) return;
            setBusy(false);
            setAnswer((before) =>
                found.ok && before?.ok
                    ? { ok: true, value: merge(before.value, found.value) }
                    : found,
            );
        });
    };
    return { answer, busy, more, again: () => setTurn((count) => count + 1) };
}
