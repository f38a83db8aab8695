/**
 * Who one is in a class. The tab remembers for the sake of reloads; the browser remembers, so that
 * a student who comes back with the same code and name in another tab is the same student.
 */

import { tokenClaims } from '../web/client';
import { LAST_STUDENT } from '../web/ui/checking';
import { device, tab } from '../web/ui/storage';

export interface Identity {
    room: string;
    name: string;
    token: string;
}

/** Names what belongs to this student in this class, and to no one else who uses the device. */
export function ownerOf({ room, name, token }: Identity): string {
    const id = tokenClaims(token)?.['sub'];
    return `${room}.${typeof id === 'string' ? id : name}`;
}

const TAB = 'lectern.student';
const DEVICE = LAST_STUDENT;

function isIdentity(value: Identity | null): value is Identity {
    return [value?.room, value?.name, value?.token].every((part) => typeof part === 'string');
}

/** The class that this tab is in, if any. */
export function currentIdentity(): Identity | null {
    const identity = tab.get<Identity>(TAB);
    return isIdentity(identity) ? identity : null;
}

/** Who one was last on this device. */
export function lastIdentity(): Identity | null {
    const identity = device.get<Identity>(DEVICE);
    return isIdentity(identity) ? identity : null;
}

export function saveIdentity(identity: Identity): void {
    tab.set(TAB, identity);
    device.set(DEVICE, identity);
}

/** The tab is no longer in a class; the device still knows who one was. */
export function leaveIdentity(): void {
    tab.remove(TAB);
}

/** The token is worth nothing any more. */
export function forgetIdentity(): void {
    tab.remove(TAB);
    device.remove(DEVICE);
}
