/**
 * A connection check on a device that is in the class itself: the page of the class tells the
 * teacher, since a second connection of the same student would take the first one's place.
 */

import type { Classroom } from './classroom';

/** Where the student page keeps who one was last on this device. */
export const LAST_STUDENT = 'lectern.student.last';

const CHANNEL = 'lectern.check';

/** A page that is there answers within this time, ms; and this long it may take to tell. */
const ANSWER = 500;
const TELLING = 15_000;

interface Ask {
    kind: 'ask';
    id: string;
    room: string;
    name: string;
    message: object;
}

/** `code` is null where the teacher has it, else why not. */
type Reply = { kind: 'have'; id: string } | { kind: 'told'; id: string; code: string | null };

const sameName = (a: string, b: string): boolean =>
    a.trim().normalize('NFC') === b.trim().normalize('NFC');

function open(): BroadcastChannel | null {
    return typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(CHANNEL);
}

/**
 * Asks the page of that class, in another tab of this browser, to tell the teacher. `absent` where
 * there is none, null when the teacher has it, else a code.
 */
export function tellByTab(
    room: string,
    name: string,
    message: object,
    id: string,
): Promise<'absent' | null | (string & {})> {
    const channel = open();
    if (!channel) return Promise.resolve('absent');
    return new Promise((resolve) => {
        const end = (outcome: string | null): void => {
            clearTimeout(timer);
            channel.close();
            resolve(outcome);
        };
        let timer = setTimeout(() => end('absent'), ANSWER);
        channel.onmessage = ({ data }: MessageEvent<Reply | Ask>) => {
            if (data.id !== id || data.kind === 'ask') return;
            if (data.kind === 'told') return end(data.code);
            clearTimeout(timer);
            timer = setTimeout(() => end('offline'), TELLING);
        };
        channel.postMessage({ kind: 'ask', id, room, name, message } satisfies Ask);
    });
}

/** The page of a class: answers such questions. The returned function ends that. */
export function tellForChecks(
    classroom: Pick<Classroom<any>, 'send' | 'client'>,
    identity: { room: string; name: string },
): () => void {
    const channel = open();
    if (!channel) return () => {};
    const reply = (message: Reply): void => channel.postMessage(message);
    const onAsk = async ({ id, room, name, message }: Ask): Promise<void> => {
        if (room !== identity.room || !sameName(name, identity.name)) return;
        // One that is not in yet, was taken over or has ended cannot tell.
        const { state, user } = classroom.client;
        if (user === null || state.name === 'closed') return;
        reply({ kind: 'have', id });
        const sent = await classroom.send({
            targetType: 'teacher',
            messageType: 'check',
            message,
        });
        reply({ kind: 'told', id, code: sent.ok ? null : sent.error.code });
    };
    channel.onmessage = ({ data }: MessageEvent<Ask | Reply>) => {
        if (data.kind === 'ask') void onAsk(data);
    };
    return () => channel.close();
}

/** Whether a page of that class may be about, though none answered: one that the device froze. */
export function mayBeInClass(
    last: { room?: unknown; name?: unknown } | null,
    room: string,
    name: string,
): boolean {
    return last?.room === room && typeof last.name === 'string' && sameName(last.name, name);
}
