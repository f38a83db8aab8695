/**
 * Sending a result to the teacher: by the page of the class where one is open on this device, else
 * as a guest who comes, says it, and leaves.
 */

import { LecternClient, LecternError, environment, guest } from '../client';
import { LAST_STUDENT, mayBeInClass, tellByTab } from '../ui/checking';
import { device } from '../ui/storage';
import type { HttpReason, Trip, WsReason } from './probe';

export interface Result extends Trip {
    http: HttpReason;
    browser: string;
    /** How SockJS fared; `none` where it was not tried. */
    fallback: WsReason | 'none';
}

/** Most characters of a name. */
const MOST_NAME = 64;

/** Null when the teacher has it, else a code. `suffix` makes a name that is no one's in class. */
export async function tellTeacher(
    base: string,
    room: string,
    name: string,
    suffix: string,
    { ws, rttMs, rttMaxMs, lost, browser, fallback }: Result,
): Promise<string | null> {
    const message = { ws, rttMs, rttMaxMs, lost, browser, fallback };
    const told = await tellByTab(room, name, message, environment().uniqueId());
    if (told !== 'absent') return told;
    const taken = mayBeInClass(device.get(LAST_STUDENT), room, name);
    const short = [...name].slice(0, MOST_NAME - [...suffix].length).join('');
    const answer = await guest(environment(), base, room, taken ? short + suffix : name);
    if (!answer.ok) return answer.code;
    const { token } = answer.value;
    const client = new LecternClient({ base, room, token, history: 0, waitForRoom: false });
    // Networks that keep the door half open are why this page exists.
    const patience = setTimeout(() => client.close(), 15_000);
    try {
        const sent = client.send({
            targetType: 'teacher',
            messageType: 'check',
            message,
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
