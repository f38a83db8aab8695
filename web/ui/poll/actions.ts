/** The messages that questions are made of (docs/pages.md). */

import { environment } from '../../client';
import type { Classroom, Sent } from '../classroom';
import { shareable } from '../model/poll';
import type { Question, Right, Value } from '../model/poll';
import type { Poll } from '../model/polls';

type Sender = Pick<Classroom<any>, 'send'>;
type Resender = Pick<Classroom<any>, 'send' | 'resend'>;

export type NewQuestion = Omit<Question, 'poll'>;

/** Asks the class. The key of a quiz goes first: messages are taken in the order of sending. */
export function askClass(
    classroom: Sender,
    { options, ...rest }: NewQuestion,
    right: Right | null,
): Promise<Sent> {
    const poll = environment().uniqueId();
    sendKey(classroom, poll, right);
    const message = { poll, ...rest, ...(options.length > 0 ? { options } : {}) };
    return classroom.send({ targetType: 'student', messageType: 'poll', message });
}

/** Asks once more what was refused: its key too, which may have been refused with it. */
export function askAgain(classroom: Resender, { key, poll, right }: Poll): void {
    sendKey(classroom, poll, right);
    classroom.resend(key);
}

function sendKey(classroom: Sender, poll: string, right: Right | null): void {
    if (right === null) return;
    const message = { poll, right };
    void classroom.send({ targetType: 'teacher', messageType: 'poll-key', message });
}

export function answerPoll(classroom: Sender, poll: string, value: Value): Promise<Sent> {
    const message = { poll, value };
    return classroom.send({ targetType: 'teacher', messageType: 'answer', message });
}

/** Shows the class the results as they are now; right answers only once no more can be given. */
export function showResults(classroom: Sender, poll: Poll): Promise<Sent> {
    const right = poll.status === 'closed' ? poll.right : null;
    const message = { poll: poll.poll, ...shareable(poll.results, right) };
    return classroom.send({ targetType: 'student', messageType: 'poll-results', message });
}

export function closePoll(classroom: Sender, poll: string): Promise<Sent> {
    return classroom.send({ targetType: 'student', messageType: 'poll-close', message: { poll } });
}
