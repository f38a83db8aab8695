/** Where messages that have no answer yet outlive a reload: in the tab, per class and user. */

import type { Keep, Kept, Outgoing } from '../client';
import { tab } from './storage';

/** `addressed` names the field that says whom a message is for. */
function isKept(value: unknown, addressed: string): boolean {
    if (typeof value !== 'object' || value === null) return false;
    const { ref, at, outgoing } = value as Partial<Kept<Record<string, unknown>>>;
    return (
        typeof ref === 'string' &&
        typeof at === 'number' &&
        typeof outgoing?.['messageType'] === 'string' &&
        typeof outgoing[addressed] === 'string'
    );
}

/**
 * `owner` names the class and the user; it may be a function where the class has no code yet, and
 * gives null until then.
 */
export function keepFor<Out = Outgoing>(
    owner: string | (() => string | null),
    addressed: keyof Out & string = 'targetType' as keyof Out & string,
): Keep<Out> {
    const key = (): string | null => {
        const name = typeof owner === 'string' ? owner : owner();
        return name === null ? null : `lectern.unsent.${name}`;
    };
    return {
        load() {
            const place = key();
            const all = place === null ? null : tab.get<unknown>(place);
            return Array.isArray(all) ? all.filter((each) => isKept(each, addressed)) : [];
        },
        save(all) {
            const place = key();
            if (place === null) return;
            if (all.length === 0) tab.remove(place);
            else tab.set(place, all);
        },
    };
}
