/** What is being written and not sent yet: kept in the tab, so that a reload loses nothing. */

import { useEffect, useState } from 'preact/hooks';
import { tab } from './storage';

const keyOf = (name: string): string => `lectern.draft.${name}`;

/** A text that outlives a reload under that name; empty again means forgotten. */
export function useDraft(name: string): [string, (text: string) => void] {
    const key = keyOf(name);
    const [text, setText] = useState(() => {
        const kept = tab.get<unknown>(key);
        return typeof kept === 'string' ? kept : '';
    });
    const change = (next: string): void => {
        setText(next);
        if (next === '') tab.remove(key);
        else tab.set(key, next);
    };
    return [text, change];
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
