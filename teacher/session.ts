/** What a teacher's tab remembers over a reload: the token, and the class that is open. */

import { tokenClaims } from '../web/client';
import { tab } from '../web/ui/storage';

export interface Setup {
    /** A code of one's own; drawn by the server where absent. */
    room?: string;
    name?: string;
}

export interface Session extends Setup {
    token: string;
    /** The class is open already: it is come back to, not opened. */
    returning: boolean;
}

const TOKEN = 'lectern.teacher.token';
const CLASS = 'lectern.teacher.class';

/** Takes the token out of the page's address, where others could read it over one's shoulder. */
export function takeTokenFromAddress(): void {
    const token = new URLSearchParams(location.hash.slice(1)).get('token');
    if (token === null) return;
    if (token !== savedToken()) tab.remove(CLASS);
    saveToken(token);
    history.replaceState(null, '', location.pathname + location.search);
}

export function savedToken(): string | null {
    const token = tab.get<string>(TOKEN);
    return typeof token === 'string' && tokenClaims(token) ? token : null;
}

export function saveToken(token: string | null): void {
    if (token === null) tab.remove(TOKEN);
    else tab.set(TOKEN, token);
}

/** The class that was open when the page was reloaded. */
export function savedClass(): Setup | null {
    const saved = tab.get<Setup>(CLASS);
    return typeof saved?.room === 'string' ? saved : null;
}

export function saveClass(setup: Setup | null): void {
    if (setup === null) tab.remove(CLASS);
    else tab.set(CLASS, setup);
}

/** The name to greet with: what the token says. */
export function tokenName(token: string): string {
    const claims = tokenClaims(token);
    return String(claims?.['name'] ?? claims?.['sub'] ?? '');
}
