/** Choosing a person to chat with. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { User } from '../client';
import { Dialog } from '../ui/dialog';
import { Field } from '../ui/field';
import type { Chat } from './chat';
import { t } from './strings';
import { useAsked, useEnter } from './use-asked';
import { failureText, initialOf } from './words';

export function PeopleDialog({ chat, onDone }: { chat: Chat; onDone(): void }): JSX.Element {
    const [query, setQuery] = useState('');
    const [trouble, setTrouble] = useState<string | null>(null);
    const wanted = query.trim();
    const ask = wanted === '' ? null : () => chat.rest.people(wanted);
    const { found, failure, busy, again } = useAsked(wanted, ask);
    const enter = useEnter(chat, onDone);
    const choose = async ({ id }: User): Promise<void> => {
        setTrouble(null);
        const made = await chat.rest.direct(id);
        if (!made.ok) return setTrouble(failureText(made));
        await enter(made.value.id);
    };
    const users = found?.users ?? [];
    const problem = trouble ?? (failure ? failureText(failure) : undefined);
    return (
        <Dialog title={t('newChat')} onClose={onDone}>
            <Field
                label={t('person')}
                hint={t('personHint')}
                error={problem}
                value={query}
                onValue={setQuery}
                input={{
                    type: 'search',
                    autocomplete: 'off',
                    autofocus: true,
                    spellcheck: false,
                    maxLength: 64,
                }}
            />
            <p class="hint" role="status">
                {!busy && found && users.length === 0 && t('nobody')}
            </p>
            {failure && !found && !busy && (
                <button type="button" class="small" onClick={again}>
                    {t('tryAgain')}
                </button>
            )}
            <ul class="choices">
                {users.map((user) => (
                    <li key={user.id}>
                        <button type="button" class="choice" onClick={() => void choose(user)}>
                            <span class="avatar avatar-direct" aria-hidden="true">
                                {initialOf(user.name)}
                            </span>
                            <span>
                                <strong>{user.name}</strong>{' '}
                                <span class="hint">
                                    {user.id}
                                    {user.userType === 'teacher' && ` · ${t('teacher')}`}
                                </span>
                            </span>
                        </button>
                    </li>
                ))}
            </ul>
        </Dialog>
    );
}
