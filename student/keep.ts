/** Where messages that have no answer yet outlive a reload: in the tab, per class and student. */

import type { Keep, Kept } from '../web/client';
import { tab } from '../web/ui/storage';

function isKept(value: unknown): value is Kept {
    if (typeof value !== 'object' || value === null) return false;
    const { ref, at, outgoing } = value as Partial<Kept>;
    return (
        typeof ref === 'string' &&
        typeof at === 'number' &&
        typeof outgoing?.messageType === 'string' &&
        typeof outgoing.targetType === 'string'
    );
}

/** `owner` as `ownerOf` says. */
export function keepFor(owner: string): Keep {
    const key = `lectern.unsent.${owner}`;
    return {
        load() {
            const all = tab.get<unknown>(key);
            return Array.isArray(all) ? all.filter(isKept) : [];
        },
        save(all) {
            if (all.length === 0) tab.remove(key);
            else tab.set(key, all);
        },
    };
}
