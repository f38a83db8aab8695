/** Hooks that both pages use. */

import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { onWake } from '../client';
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

/** A dialog that is open as long as it is in the page; then the focus is where it was before. */
export function useModal(): RefObject<HTMLDialogElement | null> {
    const dialog = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        const before = document.activeElement;
        dialog.current?.showModal();
        // Taken out of the page instead of being closed, it gives the focus back itself.
        return () => before instanceof HTMLElement && before.focus();
    }, []);
    return dialog;
}

interface Connectable {
    readonly client: { connect(): void; poke(): void; close(): void };
}

/** Connects a class while the component is there, and wakes it when device or network do. */
export function useConnection(classroom: Connectable): void {
    useEffect(() => {
        classroom.client.connect();
        const off = onWake(() => classroom.client.poke());
        return () => {
            off();
            classroom.client.close();
        };
    }, [classroom]);
}
