/** What is being written and not sent yet: kept in the tab, so that a reload loses nothing. */

import { useEffect, useState } from 'preact/hooks';
import { tab } from './storage';

const keyOf = (name: string): string => `lectern.draft.${name}`;

/** What is being written under that name; empty where nothing is. */
export function draftUnder(name: string): string {
    const kept = tab.get<unknown>(keyOf(name));
    return typeof kept === 'string' ? kept : '';
}

/** A text that outlives a reload under that name; empty again means forgotten. */
export function useDraft(name: string): [string, (text: string) => void] {
    const key = keyOf(name);
    const [text, setText] = useState(() => draftUnder(name));
    const change = (next: string): void => {
        setText(next);
        if (next === '') tab.remove(key);
        else tab.set(key, next);
    };
    return [text, change];
}

/** Puts a text to what is being written under that name, while nobody writes there. */
export function addToDraft(name: string, text: string): void {
    const kept = draftUnder(name);
    tab.set(keyOf(name), kept === '' ? text : `${kept}\n${text}`);
}

/** When the page goes, what was refused goes back to the draft: nobody else has it. */
export function useRefusedInDraft(name: string, draft: string, refused: readonly string[]): void {
    const all = [draft, ...refused].filter((text) => text !== '').join('\n');
    useEffect(() => {
        if (refused.length === 0) return undefined;
        const keep = (): void => tab.set(keyOf(name), all);
        window.addEventListener('pagehide', keep);
        return () => window.removeEventListener('pagehide', keep);
    }, [name, all]);
}
