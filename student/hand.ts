/** One's own hand, as the teacher sees it: `hand`, `hand-down`. */

import type { Outgoing } from '../web/client';
import type { ClassEvent, Part, Surroundings } from '../web/ui/model/part';
import { isAfter } from '../web/ui/model/order';

export interface HandView {
    up: boolean;
    /** The last change is not taken by the server yet. */
    waits: boolean;
    /** It was the teacher who lowered it. */
    byTeacher: boolean;
}

function isUp(body: unknown): boolean | null {
    if (typeof body !== 'object' || body === null || !('up' in body)) return null;
    return typeof body.up === 'boolean' ? body.up : null;
}

export class OwnHand implements Part<HandView> {
    private up = false;
    private byTeacher = false;
    /** Id of the message that raised it. */
    private raised: string | null = null;
    /** One's changes that are under way, oldest first: the last of them is what one wants. */
    private readonly waiting = new Map<string, boolean>();

    take(event: ClassEvent, { user }: Surroundings): boolean {
        switch (event.kind) {
            case 'sending':
                return this.onSending(event.key, event.outgoing);
            case 'failed':
            case 'dropped':
                return this.waiting.delete(event.key);
            case 'message': {
                const { messageType, target, message, id } = event.message;
                if (event.key !== undefined) this.waiting.delete(event.key);
                if (messageType === 'hand' && event.mine) return this.onHand(isUp(message), id);
                if (messageType !== 'hand-down' || target !== user?.id) return false;
                return this.onLowered(event.message.senderType === 'teacher', id);
            }
            case 'restart':
                this.up = false;
                this.byTeacher = false;
                this.waiting.clear();
                return true;
            default:
                return false;
        }
    }

    view(): HandView {
        const wanted = [...this.waiting.values()].pop();
        return {
            up: wanted ?? this.up,
            waits: wanted !== undefined,
            byTeacher: wanted === undefined && this.byTeacher,
        };
    }

    private onSending(key: string, { messageType, message }: Outgoing): boolean {
        const up = isUp(message);
        if (messageType !== 'hand' || up === null) return false;
        this.waiting.set(key, up);
        return true;
    }

    private onHand(up: boolean | null, id: string | undefined): boolean {
        if (up === null) return false;
        this.up = up;
        this.byTeacher = false;
        this.raised = up ? (id ?? null) : null;
        return true;
    }

    private onLowered(teacher: boolean, id: string | undefined): boolean {
        // It was lowered before it was raised again, and only comes late.
        const late = this.raised !== null && id !== undefined && isAfter(this.raised, id);
        if (!teacher || !this.up || late) return false;
        this.up = false;
        this.byTeacher = true;
        return true;
    }
}
