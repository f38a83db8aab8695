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
        case 'closed':
            return t('refusedEnded');
        default:
            return t('refusedOther', { code: error?.code ?? '?' });
    }
}
