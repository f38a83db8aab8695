/** Who is in a room. */

import type { JSX } from 'preact';
import type { Member } from '../client';
import { Dialog } from '../ui/dialog';
import { t } from './strings';
import { initialOf } from './words';

interface MembersProps {
    /** At most 200 of them. */
    members: readonly Member[];
    count: number;
    owner: string;
    me: string;
    onClose(): void;
}

export function MembersDialog({ members, count, owner, me, onClose }: MembersProps): JSX.Element {
    const sorted = [...members].sort((a, b) => a.name.localeCompare(b.name));
    return (
        <Dialog title={`${t('members')} (${count})`} onClose={onClose}>
            {/* Nothing in it takes the focus: the keyboard scrolls the list itself. */}
            <ul class="choices" tabIndex={0} aria-label={t('members')}>
                {sorted.map(({ id, name, userType }) => (
                    <li key={id} class="choice">
                        <span class="avatar avatar-direct" aria-hidden="true">
                            {initialOf(name)}
                        </span>
                        <span class="choice-text">
                            <strong>{name}</strong> <span class="hint">{id}</span>
                        </span>
                        {id === owner && <span class="tag">{t('owner')}</span>}
                        {userType === 'teacher' && <span class="tag">{t('teacher')}</span>}
                        {id === me && <span class="tag">{t('you')}</span>}
                    </li>
                ))}
            </ul>
            {count > members.length && (
                <p class="hint">{t('moreMembers', { count: count - members.length })}</p>
            )}
        </Dialog>
    );
}
