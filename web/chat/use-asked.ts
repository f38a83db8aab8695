/** What dialogs and searches ask: once one pauses in typing, and the newest question counts. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Answer, Failure } from '../client';
import type { Chat } from './chat';
import { goTo } from './place';

/** A pause in typing, ms. */
const PAUSE = 250;

interface Had<T> {
    /** The answer; null where there is none yet. */
    found: T | null;
    /** Why the last question has none. */
    failure: Failure | null;
}

export interface Asked<T> extends Had<T> {
    busy: boolean;
    /** Asks for more; `merge` puts the answer to what there is, which a failure leaves as it is. */
    more(ask: () => Promise<Answer<T>>, merge: (before: T, next: T) => T): void;
    again(): void;
}

const NOTHING = { found: null, failure: null };

/** `ask` is null where there is nothing to ask. `key` says when to ask anew. */
export function useAsked<T>(key: string, ask: (() => Promise<Answer<T>>) | null): Asked<T> {
    const [had, setHad] = useState<Had<T>>(NOTHING);
    const [busy, setBusy] = useState(false);
    const [turn, setTurn] = useState(0);
    const course = useRef(0);
    const first = useRef(true);
    useEffect(() => {
        const mine = (course.current += 1);
        if (!ask) {
            setHad(NOTHING);
            setBusy(false);
            return undefined;
        }
        setBusy(true);
        const run = async (): Promise<void> => {
            const answer = await ask();
            if (mine !== course.current) return;
            setHad(answer.ok ? { found: answer.value, failure: null } : { found: null, failure: answer });
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
        void next().then((answer) => {
            if (mine !== course.current) return;
            setBusy(false);
            setHad(({ found }) =>
                answer.ok
                    ? { found: found && merge(found, answer.value), failure: null }
                    : { found, failure: answer },
            );
        });
    };
    return { ...had, busy, more, again: () => setTurn((count) => count + 1) };
}

/** Goes to a room that one has just made or joined, as soon as the list has it. */
export function useEnter(chat: Chat, onDone: () => void): (id: string) => Promise<void> {
    const here = useRef(true);
    useEffect(() => () => void (here.current = false), []);
    return async (id) => {
        await chat.refreshNow();
        // Who has closed the dialog meanwhile has gone on to something else.
        if (!here.current) return;
        onDone();
        goTo(id);
    };
}
