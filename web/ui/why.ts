/** Why a message was not taken, in words. */

import type { LecternError } from '../client';
import { t } from './strings';

export function whyNot(error: LecternError | undefined): string {
    switch (error?.code) {
        case 'forbidden':
        case 'talk_forbidden':
            return t('refusedTalk');
        case 'too_big':
            return t('refusedBig');
        case 'room_ended':
            return t('refusedEnded');
        case 'another_class':
            return t('refusedAnotherClass');
        case 'closed':
            return t('refusedClosed');
        case 'too_late':
            return t('refusedLate');
        case 'queue_full':
            return t('refusedQueue');
        case 'offline':
            return t('refusedOffline');
        default:
            return t('refusedOther', { code: error?.code ?? '?' });
    }
}
