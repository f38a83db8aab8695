/** Hooks that both pages use. */

import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Classroom, Snapshot } from './classroom';
import type { Parts } from './model/part';
import { language, onLanguage } from './strings';
import type { Language } from './strings';

/** The reader's language, and a new rendering when it is switched. */
export function useLanguage(): Language {
    const [current, setCurrent] = useState(language);
    useEffect(() => onLanguage(() => setCurrent(language)), []);
    return current;
}

/** The class's present snapshot, and a new rendering with each change. */
export function useSnapshot<P extends Parts>(classroom: Classroom<P>): Snapshot<P> {
    const [, setSnapshot] = useState(classroom.snapshot);
    useEffect(() => {
        setSnapshot(classroom.snapshot);
        return classroom.subscribe(() => setSnapshot(classroom.snapshot));
    }, [classroom]);
    return classroom.snapshot;
}

/** The device's time, ms; while `running`, the component is rendered anew each second. */
export function useNow(running: boolean): number {
    const [, tick] = useState(0);
    useEffect(() => {
        if (!running) return undefined;
        const timer = setInterval(() => tick((count) => count + 1), 1000);
        return () => clearInterval(timer);
    }, [running]);
    return Date.now();
}

/**
 * Moves the focus to a part of a view that has replaced another: readers are told where they are.
 */
export function useFirstFocus<Part extends HTMLElement>(): RefObject<Part | null> {
    const ref = useRef<Part>(null);
    useEffect(() => ref.current?.focus(), []);
    return ref;
}

interface Connectable {
    readonly client: { connect(): void; poke(): void; close(): void };
}

/** Connects a class while the component is there, and wakes it when device or network do. */
export function useConnection(classroom: Connectable): void {
    useEffect(() => {
        const wake = (): void => {
            if (document.visibilityState === 'visible') classroom.client.poke();
        };
        classroom.client.connect();
        document.addEventListener('visibilitychange', wake);
        window.addEventListener('online', wake);
        // No proof that the connection is gone, but a reason to look.
        window.addEventListener('offline', wake);
        return () => {
            document.removeEventListener('visibilitychange', wake);
            window.removeEventListener('online', wake);
            window.removeEventListener('offline', wake);
            classroom.client.close();
        };
    }, [classroom]);
}
