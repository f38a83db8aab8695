/**
 * Raised hands, in the order of raising: that of the messages' ids. `hand`, `hand-down`. A hand
 * stays raised while its owner is away, for a phone that changes networks, or a page that is
 * reloaded, must not lose its turn; who shows hands leaves out those who are not in the class.
 */

import type { Message } from '../../client';
import { isAfter } from './order';
import type { ClassEvent, Part } from './part';

export interface Hand {
    userId: string;
    /** When it was raised, by the server's clock, ms. */
    ts: number;
}

interface Raised extends Hand {
    /** The id of the message that raised it. */
    id: string;
}

export class Hands implements Part<readonly Hand[]> {
    private readonly raised = new Map<string, Raised>();

    take(event: ClassEvent): boolean {
        switch (event.kind) {
            case 'message':
                return this.onMessage(event.message);
            case 'leave':
                return event.leave.reason === 'removed' && this.raised.delete(event.leave.user.id);
            case 'log':
            case 'restart':
                this.raised.clear();
                return true;
            default:
                return false;
        }
    }

    view(): readonly Hand[] {
        return [...this.raised.values()].map(({ userId, ts }) => ({ userId, ts }));
    }

    private onMessage({ id, ts, sender, senderType, ...rest }: Message): boolean {
        const { messageType, target, message } = rest;
        if (id === undefined) return false;
        if (messageType === 'hand-down' && senderType === 'teacher' && target !== undefined) {
            const hand = this.raised.get(target);
            // The answer to our own may be late: it does not lower a hand raised after it.
            return hand !== undefined && !isAfter(hand.id, id) && this.raised.delete(target);
        }
        if (messageType !== 'hand' || senderType !== 'student') return false;
        const up = typeof message === 'object' && message !== null && 'up' in message && message.up;
        if (up === false) return this.raised.delete(sender);
        if (up !== true || this.raised.has(sender)) return false;
        this.raised.set(sender, { userId: sender, ts, id });
        return true;
    }
}
