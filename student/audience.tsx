/** Whom a student writes to: the teacher, or everyone where the class may talk. */

import type { JSX } from 'preact';
import type { TargetType } from '../web/client';
import { t } from './strings';

export type Audience = Extract<TargetType, 'teacher' | 'all'>;

interface AudienceProps {
    audience: Audience;
    onAudience(audience: Audience): void;
}

export function AudienceChoice({ audience, onAudience }: AudienceProps): JSX.Element {
    return (
        <div class="audience-choice" role="group" aria-label={t('writeTo')}>
            {(['teacher', 'all'] as const).map((one) => (
                <button
                    key={one}
                    type="button"
                    aria-pressed={one === audience}
                    onClick={() => onAudience(one)}
                >
                    {t(one === 'all' ? 'toAll' : 'toTeacher')}
                </button>
            ))}
        </div>
    );
}
