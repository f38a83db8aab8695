/**
 * What the tab keeps of a class besides what is unsent: the questions, one's own answers and one's
 * own hand. A page that is loaded anew is given the newest messages only; in a long conversation
 * those are not all that an open question or a raised hand is made of.
 */

import { epochOf } from '../web/client';
import type { Message, Welcome } from '../web/client';
import type { ClassEvent, Part, Surroundings } from '../web/ui/model/part';
import { tab } from '../web/ui/storage';

interface Kept {
    /** The class's: a later one with the same code is another class. */
    epoch: string;
    taken: { message: Message; mine: boolean }[];
}

/** Most messages kept: of more, the oldest are questions of long ago. */
const MOST = 400;

function isKept(value: Kept | null): value is Kept {
    return (
        typeof value?.epoch === 'string' &&
        Array.isArray(value.taken) &&
        value.taken.every(({ message }) => typeof message?.id === 'string')
    );
}

/** A part that has, after a reload, what it had before it, in the order of the room. */
export class KeptPart<View> implements Part<View> {
    private readonly ids = new Set<string>();
    private taken: Kept['taken'] = [];
    private welcomed = false;

    /** `key`: where in the tab; `types`: the messages that the part is made of. */
    constructor(
        private readonly inner: Part<View>,
        private readonly key: string,
        private readonly types: ReadonlySet<string>,
    ) {}

    take(event: ClassEvent, around: Surroundings): boolean {
        switch (event.kind) {
            case 'welcome': {
                const changed = this.inner.take(event, around);
                const first = !this.welcomed;
                this.welcomed = true;
                return (first && this.restore(event.welcome, around)) || changed;
            }
            case 'message': {
                const { id, messageType } = event.message;
                // The replay brings again what was kept.
                if (id !== undefined && this.ids.has(id)) return false;
                const changed = this.inner.take(event, around);
                if (id === undefined || !this.types.has(messageType)) return changed;
                // Other people's answers and hands are none of ours.
                if (event.message.senderType === 'student' && !event.mine) return changed;
                this.remember(id, { message: event.message, mine: event.mine });
                return changed;
            }
            case 'restart':
                this.ids.clear();
                this.taken = [];
                tab.remove(this.key);
                return this.inner.take(event, around);
            default:
                return this.inner.take(event, around);
        }
    }

    view(): View {
        return this.inner.view();
    }

    private restore({ epoch, last }: Welcome, around: Surroundings): boolean {
        const kept = tab.get<Kept>(this.key);
        if (!isKept(kept) || kept.epoch !== (epoch ?? epochOf(last))) {
            tab.remove(this.key);
            return false;
        }
        this.taken = kept.taken;
        for (const { message, mine } of kept.taken) {
            this.ids.add(message.id!);
            this.inner.take({ kind: 'message', message, mine }, around);
        }
        return kept.taken.length > 0;
    }

    private remember(id: string, one: Kept['taken'][number]): void {
        this.ids.add(id);
        this.taken = [...this.taken, one].slice(-MOST);
        const epoch = epochOf(id);
        if (epoch !== null) tab.set(this.key, { epoch, taken: this.taken } satisfies Kept);
    }
}
