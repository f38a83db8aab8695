/** Finding a group to join, and making one. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ListedRoom } from '../client';
import { Dialog } from '../ui/dialog';
import { Field } from '../ui/field';
import { nameTrouble } from '../ui/names';
import type { Chat } from './chat';
import { t } from './strings';
import { useAsked, useEnter } from './use-asked';
import { failureText, initialOf } from './words';

interface GroupsProps {
    chat: Chat;
    onDone(): void;
}

interface Listed {
    rooms: ListedRoom[];
    next: string | null;
}

export function GroupsDialog({ chat, onDone }: GroupsProps): JSX.Element {
    const enter = useEnter(chat, onDone);
    return (
        <Dialog title={t('groups')} onClose={onDone}>
            <NewGroup chat={chat} onEnter={(id) => void enter(id)} />
            <Browse chat={chat} onEnter={(id) => void enter(id)} />
        </Dialog>
    );
}

interface EnterProps {
    chat: Chat;
    onEnter(id: string): void;
}

function NewGroup({ chat, onEnter }: EnterProps): JSX.Element {
    const [name, setName] = useState('');
    const [trouble, setTrouble] = useState<string | null>(null);
    const [busy, setBusy] = useState(false);
    const submit = async (event: Event): Promise<void> => {
        event.preventDefault();
        const odd = nameTrouble(name.trim());
        setTrouble(odd && t(odd === 'odd' ? 'oddName' : 'badName'));
        if (odd || busy) return;
        setBusy(true);
        const made = await chat.rest.createGroup(name.trim());
        setBusy(false);
        if (made.ok) onEnter(made.value.id);
        else setTrouble(failureText(made));
    };
    return (
        <form class="new-group" onSubmit={(event) => void submit(event)} noValidate>
            <Field
                label={t('groupName')}
                error={trouble ?? undefined}
                value={name}
                onValue={setName}
                input={{ name: 'group', autocomplete: 'off' }}
            />
            <button type="submit" class="primary" disabled={busy}>
                {t('createGroup')}
            </button>
        </form>
    );
}

function Browse({ chat, onEnter }: EnterProps): JSX.Element {
    const [query, setQuery] = useState('');
    const [trouble, setTrouble] = useState<string | null>(null);
    const wanted = query.trim();
    const asked = useAsked<Listed>(wanted, () => chat.rest.groups(wanted));
    const { found, failure, busy, more, again } = asked;
    const join = async ({ id, joined }: ListedRoom): Promise<void> => {
        setTrouble(null);
        const done = joined ? null : await chat.rest.join(id);
        if (done && !done.ok) setTrouble(failureText(done));
        else onEnter(id);
    };
    const next = found?.next ?? null;
    const loadMore = (): void => {
        if (next === null) return;
        more(
            () => chat.rest.groups(wanted, next),
            (before, page) => ({ rooms: [...before.rooms, ...page.rooms], next: page.next }),
        );
    };
    const problem = trouble ?? (failure ? failureText(failure) : undefined);
    return (
        <>
            <Field
                label={t('findGroup')}
                error={problem}
                value={query}
                onValue={setQuery}
                input={{ type: 'search', autocomplete: 'off', maxLength: 64 }}
            />
            <p class="hint" role="status">
                {!busy && found?.rooms.length === 0 && t('noGroups')}
            </p>
            {failure && !found && !busy && (
                <button type="button" class="small" onClick={again}>
                    {t('tryAgain')}
                </button>
            )}
            <ul class="choices">
                {(found?.rooms ?? []).map((room) => (
                    <li key={room.id} class="choice">
                        <span class="avatar avatar-group" aria-hidden="true">
                            {initialOf(room.name)}
                        </span>
                        <span class="choice-text">
                            <strong>{room.name}</strong>{' '}
                            <span class="hint">
                                {t(room.members === 1 ? 'oneMember' : 'memberCount', {
                                    count: room.members,
                                })}
                            </span>
                        </span>
                        <button
                            type="button"
                            class={room.joined ? 'small' : 'small primary'}
                            aria-label={t(room.joined ? 'openGroup' : 'joinGroup', {
                                name: room.name,
                            })}
                            onClick={() => void join(room)}
                        >
                            {t(room.joined ? 'openRoom' : 'join')}
                        </button>
                    </li>
                ))}
            </ul>
            {next !== null && (
                <button type="button" class="wide" disabled={busy} onClick={loadMore}>
                    {t('more')}
                </button>
            )}
        </>
    );
}
