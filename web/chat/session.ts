/** Who is signed in: for the tab, or for this device where that was asked for. */

import { tokenClaims } from '../client';
import { device, tab } from '../ui/storage';

const TOKEN = 'lectern.chat.token';

/** A teacher who comes over from their own page is signed in already. */
const TEACHERS = 'lectern.teacher.token';

const readable = (token: unknown): token is string =>
    typeof token === 'string' && tokenClaims(token) !== null;

export function savedToken(): string | null {
    const candidates = [tab.get(TOKEN), device.get(TOKEN), tab.get(TEACHERS)];
    return candidates.find(readable) ?? null;
}

/** Whether the sign-in outlives the tab. */
export function stays(): boolean {
    return readable(device.get(TOKEN));
}

export function saveToken(token: string, stay: boolean): void {
    tab.set(TOKEN, token);
    if (stay) device.set(TOKEN, token);
    else device.remove(TOKEN);
}

export function forgetToken(): void {
    tab.remove(TOKEN);
    tab.remove(TEACHERS);
    device.remove(TOKEN);
}

/**
 * Takes a token out of the page's address (`#token=…`), where others could read it over one's
 * shoulder. A fragment is sent to no server.
 */
export function takeFromAddress(): void {
    const given = new URLSearchParams(location.hash.slice(1)).get('token');
    if (given === null) return;
    history.replaceState(null, '', location.pathname + location.search);
    if (readable(given)) saveToken(given, false);
}

/** The name of what that user is writing in that room. */
export const draftOf = (user: string, room: string): string => `chat.${user}.${room}`;

export function userOf(token: string): string {
    return String(tokenClaims(token)?.['sub'] ?? '');
}
