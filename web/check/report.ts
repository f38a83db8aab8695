/** Sending a result to the teacher: as a guest who comes, says it, and leaves. */

import { LecternClient, LecternError, environment, guest } from '../client';
import type { HttpReason, Trip } from './probe';

export interface Result extends Trip {
    http: HttpReason;
    browser: string;
    /** No fallback for networks that break WebSocket: `none`. */
    fallback: 'none';
}

/** Null when the teacher has it, else a code. */
export async function tellTeacher(
    base: string,
    room: string,
    name: string,
    { ws, rttMs, rttMaxMs, lost, browser, fallback }: Result,
): Promise<string | null> {
    const answer = await guest(environment(), base, room, name);
    if (!answer.ok) return answer.code;
    const { token } = answer.value;
    const client = new LecternClient({ base, room, token, history: 0, waitForRoom: false });
    // Networks that keep the door half open are why this page exists.
    const patience = setTimeout(() => client.close(), 15_000);
    try {
        const sent = client.send({
            targetType: 'teacher',
            messageType: 'check',
            message: { ws, rttMs, rttMaxMs, lost, browser, fallback },
        });
        client.connect();
        await sent;
        return null;
    } catch (thrown) {
        return thrown instanceof LecternError ? thrown.code : 'refused';
    } finally {
        clearTimeout(patience);
        client.close();
    }
}
