/** Messages, failures and times in words. */

import type { ChatMessage, Failure, LecternError, State } from '../client';
import { language } from '../ui/strings';
import type { Language } from '../ui/strings';
import { whyNot } from '../ui/why';
import { contentOf, presenceOf } from './model/content';
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

export function failureText({ code, status }: Failure): string {
    if (status === 0) return t('unreachableNow');
    if (code === 'too_many_rooms') return t('tooManyRooms');
    if (code === 'room_full') return t('roomFull');
    if (code === 'room_not_found') return t('roomGone');
    return t('failed', { code });
}

export function whyNotSent(error: LecternError | undefined): string {
    const gone = error?.code === 'not_member' || error?.code === 'room_not_found';
    return gone ? t('refusedMember') : whyNot(error);
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
        ? format(language(), 'clock', { hour: '2-digit', minute: '2-digit' }).format(ms)
        : format(language(), 'date', { day: 'numeric', month: 'short' }).format(ms);
}
