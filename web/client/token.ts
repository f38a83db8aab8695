/**
 * Reading a token's claims. Only for showing and for guessing: whether they hold is the server's to
 * say.
 */

export function tokenClaims(token: string): Record<string, unknown> | null {
    try {
        const payload = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
        const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
        const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
        return typeof claims === 'object' ? (claims as Record<string, unknown> | null) : null;
    } catch {
        return null;
    }
}

/** When a token expires by its own word, ms since 1970; null where that cannot be read. */
export function tokenExpiry(token: string): number | null {
    const exp = tokenClaims(token)?.['exp'];
    return typeof exp === 'number' ? exp * 1000 : null;
}
