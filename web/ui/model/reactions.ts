/** Reactions that pass by, counted: with a thousand students nobody can read them one by one. */

import type { ClassEvent, Part } from './part';

export const REACTIONS = ['👍', '❤️', '😂', '😮', '🙋', '❓'] as const;

export interface ReactionsView {
    /** How many of each there have been since the class was joined, in the order of REACTIONS. */
    total: readonly number[];
    /** Grows with each: the sign that something came. */
    count: number;
}

export class Reactions implements Part<ReactionsView> {
    private total = REACTIONS.map(() => 0);
    private count = 0;

    take(event: ClassEvent): boolean {
        if (event.kind === 'restart') {
            this.total = REACTIONS.map(() => 0);
            return true;
        }
        if (event.kind !== 'message') return false;
        const { messageType, senderType, message } = event.message;
        if (messageType !== 'reaction' || senderType !== 'student') return false;
        const which = (REACTIONS as readonly unknown[]).indexOf(message);
        if (which < 0) return false;
        this.total[which]! += 1;
        this.count += 1;
        return true;
    }

    view(): ReactionsView {
        return { total: [...this.total], count: this.count };
    }
}
