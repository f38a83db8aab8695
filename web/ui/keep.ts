/** Where messages that have no answer yet outlive a reload: in the tab, per class and user. */

import type { Keep, Kept } from '../client';
import { tab } from './storage';

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

/**
 * `owner` names the class and the user; it may be a function where the class has no code yet, and
 * gives null until then.
 */
export function keepFor(owner: string | (() => string | null)): Keep {
    const key = (): string | null => {
        const name = typeof owner === 'string' ? owner : owner();
        return name === null ? null : `lectern.unsent.${name}`;
    };
    return {
        load() {
            const place = key();
            const all = place === null ? null : tab.get<unknown>(place);
            return Array.isArray(all) ? all.filter(isKept) : [];
        },
        save(all) {
            const place = key();
            if (place === null) return;
            if (all.length === 0) tab.remove(place);
            else tab.set(place, all);
        },
    };
}
