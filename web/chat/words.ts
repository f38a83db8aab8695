/** Messages, failures and times in words. */

import type { ChatMessage, Failure, LecternError, State } from '../client';
import { clockTime, language } from '../ui/strings';
import type { Language } from '../ui/strings';
import { whyNot } from '../ui/why';
import { contentOf, presenceOf } from './model/content';
import { MOST_UNREAD } from './model/rooms';
import { t } from './strings';

/** What a room's line in the list says of its last message. */
export function preview(message: ChatMessage, me: string, direct: boolean): string {
    const presence = presenceOf(message);
    if (presence) {
        return t(presence.change === 'join' ? 'joined' : 'leftRoom', { name: presence.name });
    }
    const content = contentOf(message.messageType, message.message);
    if (!content) return '';
    const file = content.file && t('previewFile', { name: content.file.name });
    const text = content.text || file || t('previewImage');
    if (message.sender === me) return t('previewMine', { text });
    if (direct) return text;
    return t('previewFrom', { name: message.senderName ?? message.sender, text });
}

/** Why the room that was open no longer is. */
export function endedText({ name, reason }: { name: string; reason: string }): string {
    const gone = reason === 'deleted' || reason === 'room_not_found';
    return t(gone ? 'roomEnded' : 'roomLeft', { name });
}

/** How many are unread, as far as the server counts. */
export function unreadText(count: number): string {
    return count >= MOST_UNREAD ? t('manyUnread', { count: MOST_UNREAD - 1 }) : String(count);
}

/** What stands for a name: its first character, however many code points that has. */
export function initialOf(name: string): string {
    if (typeof Intl.Segmenter !== 'function') return [...name][0] ?? '';
    const [first] = new Intl.Segmenter().segment(name);
    return first?.segment ?? '';
}

export function failureText({ code, status }: Failure): string {
    if (status === 0) return t('unreachableNow');
    if (status === 401) return t('signInAgain');
    if (code === 'too_many_rooms') return t('tooManyRooms');
    if (code === 'room_full') return t('roomFull');
    if (code === 'room_not_found') return t('roomGone');
    if (code === 'user_not_found') return t('userGone');
    if (status === 429 || status === 503) return t('busyNow');
    return t('failed', { code });
}

export function whyNotSent(error: LecternError | undefined): string {
    switch (error?.code) {
        case 'not_member':
        case 'room_not_found':
            return t('refusedMember');
        case 'message_not_found':
            return t('refusedDeleted');
        case 'closed':
            return t('refusedSignedOut');
        default:
            return whyNot(error);
    }
}

export function whyNotDeleted(error: LecternError): string {
    return error.code === 'forbidden' ? t('refusedNotYours') : whyNotSent(error);
}

/** What keeps us from being connected; null while nothing does. */
export function trouble(state: State): string | null {
    switch (state.name) {
        case 'idle':
        case 'open':
        case 'connecting':
            return null;
        case 'closed':
            return state.reason.kind === 'left' ? null : t('stateClosed');
        case 'waiting':
            if (state.retryAt === null) return null;
            if (state.reason.kind === 'unreachable') return t('stateUnreachable');
            if (state.reason.kind === 'unavailable') return t('stateBusy');
            return t('stateOffline');
    }
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Made once: making one takes longer than using it a hundred times. */
function format(
    of: Language,
    name: string,
    options: Intl.DateTimeFormatOptions,
): Intl.DateTimeFormat {
    const key = `${of} ${name}`;
    let made = formats.get(key);
    if (!made) {
        made = new Intl.DateTimeFormat(of, options);
        formats.set(key, made);
    }
    return made;
}

/** Friday, 21 November 2025 */
export function dayText(ms: number): string {
    const parts = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' } as const;
    return format(language(), 'day', parts).format(ms);
}

/** The time today, else the day. */
export function shortTime(ms: number, now: number): string {
    const today = new Date(ms).toDateString() === new Date(now).toDateString();
    return today
        ? clockTime(ms)
        : format(language(), 'date', { day: 'numeric', month: 'short' }).format(ms);
}
