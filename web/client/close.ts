/** Close codes as data: what each means, and whether to come back. */

/** What a client does after a connection ended this way. */
export type Comeback =
    | 'never'
    | 'at-once' // with a little jitter: the server asked for it
    | 'backoff'
    | 'room' // when the room exists again
    | 'token'; // with a new token

export type CloseKind =
    | 'lost' // no close frame: the network, or the server, went away
    | 'left'
    | 'moved'
    | 'protocol_error'
    | 'binary'
    | 'bad_text'
    | 'too_big'
    | 'server_error'
    | 'unavailable'
    | 'room_ended'
    | 'replaced'
    | 'removed'
    | 'token_expired'
    | 'too_slow'
    | 'silent'
    | 'too_fast';

export interface CloseInfo {
    code: number;
    kind: CloseKind;
    comeback: Comeback;
    /** The reason text of the close frame: `ended`, `host left`, … */
    text: string;
}

export const CLOSE_CODES: Readonly<Record<number, readonly [CloseKind, Comeback]>> = {
    1000: ['left', 'backoff'],
    1001: ['moved', 'at-once'],
    1002: ['protocol_error', 'never'],
    1003: ['binary', 'never'],
    1005: ['lost', 'backoff'],
    1006: ['lost', 'backoff'],
    1007: ['bad_text', 'never'],
    1009: ['too_big', 'never'],
    1011: ['server_error', 'backoff'],
    1013: ['unavailable', 'backoff'],
    4000: ['room_ended', 'room'],
    4001: ['replaced', 'never'],
    4002: ['removed', 'never'],
    4003: ['token_expired', 'token'],
    4005: ['too_slow', 'backoff'],
    4006: ['silent', 'backoff'],
    4007: ['too_fast', 'backoff'],
};

/** A code that is not in the table counts as a lost connection. */
export function closeInfo(code: number, text = ''): CloseInfo {
    const [kind, comeback] = CLOSE_CODES[code] ?? (['lost', 'backoff'] as const);
    return { code, kind, comeback, text };
}
