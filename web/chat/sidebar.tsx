/** One's rooms, and the ways to others: groups, people, and messages that are looked for. */

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { draftUnder } from '../ui/draft';
import { Icon } from '../ui/icons';
import { useNow } from '../ui/hooks';
import { LanguageSwitch } from '../ui/language';
import type { Chat } from './chat';
import { GroupsDialog } from './groups';
import type { RoomEntry } from './model/rooms';
import { PeopleDialog } from './people';
import { hashOf } from './place';
import { Search } from './search';
import { draftOf } from './session';
import { t } from './strings';
import { initialOf, preview, shortTime, unreadText } from './words';

interface SidebarProps {
    chat: Chat;
    /** The room that is open. */
    room: string | null;
    onSignOut(): void;
}

export function Sidebar({ chat, room, onSignOut }: SidebarProps): JSX.Element {
    const [dialog, setDialog] = useState<'people' | 'groups' | null>(null);
    const [query, setQuery] = useState('');
    const done = (): void => setDialog(null);
    return (
        <section class="panel side" aria-labelledby="rooms-label">
            <header class="side-head">
                <h2 id="rooms-label">{t('rooms')}</h2>
                <span class="side-me">{chat.client.user?.name}</span>
                <button type="button" class="link small" onClick={onSignOut}>
                    {t('signOut')}
                </button>
            </header>
            <div class="side-ways">
                <button type="button" onClick={() => setDialog('people')}>
                    <Icon name="plus" /> {t('newChat')}
                </button>
                <button type="button" onClick={() => setDialog('groups')}>
                    <Icon name="people" /> {t('groups')}
                </button>
            </div>
            <Search chat={chat} query={query} onQuery={setQuery} room={null} />
            {query.trim() === '' && <RoomList chat={chat} room={room} />}
            <footer class="side-foot">
                <LanguageSwitch />
            </footer>
            {dialog === 'people' && <PeopleDialog chat={chat} onDone={done} />}
            {dialog === 'groups' && <GroupsDialog chat={chat} onDone={done} />}
        </section>
    );
}

function RoomList({ chat, room }: Pick<SidebarProps, 'chat' | 'room'>): JSX.Element {
    // The times are of today, or not: looked at anew now and then, with the rooms.
    const now = useNow(false);
    const all = chat.rooms?.all ?? [];
    const list = useRef<HTMLElement>(null);
    const before = useRef(room);
    useEffect(() => {
        // Who comes back to the list goes on where they left it.
        const left = before.current;
        before.current = room;
        if (room !== null || left === null) return;
        list.current?.querySelector<HTMLElement>(`[data-room="${CSS.escape(left)}"]`)?.focus();
    }, [room]);
    return (
        <nav class="side-list" aria-label={t('rooms')} ref={list}>
            {chat.listTrouble && (
                <p class="hint side-note" role="status">
                    {t('listFailed')}
                </p>
            )}
            {!chat.listed && !chat.listTrouble && <p class="empty">{t('loadingRooms')}</p>}
            {chat.listed && all.length === 0 && <p class="empty">{t('noRooms')}</p>}
            <ul>
                {all.map((entry) => (
                    <RoomItem
                        key={entry.id}
                        entry={entry}
                        me={chat.me}
                        now={now}
                        open={entry.id === room}
                    />
                ))}
            </ul>
        </nav>
    );
}

interface RoomItemProps {
    entry: RoomEntry;
    me: string;
    now: number;
    open: boolean;
}

function RoomItem({ entry, me, now, open }: RoomItemProps): JSX.Element {
    const { id, kind, name, last, at, unread, members } = entry;
    const draft = open ? '' : draftUnder(draftOf(me, id));
    const count = unreadText(unread);
    return (
        <li>
            <a
                class="room-item"
                href={hashOf(id)}
                aria-current={open ? 'page' : undefined}
                data-room={id}
            >
                <span class={`avatar avatar-${kind}`} aria-hidden="true">
                    {initialOf(name)}
                </span>
                <span class="room-name">
                    <strong>{name}</strong>
                    {kind === 'group' && <span class="room-count">{members}</span>}
                </span>
                <time dateTime={new Date(at).toISOString()}>{shortTime(at, now)}</time>
                <span class={draft === '' ? 'room-last' : 'room-last room-draft'}>
                    {draft !== ''
                        ? t('draftOf', { text: draft })
                        : last && preview(last, me, kind === 'direct')}
                </span>
                {unread > 0 && (
                    <span class="room-unread">
                        <span aria-hidden="true">{count}</span>
                        <span class="unseen">{t('unreadCount', { count })}</span>
                    </span>
                )}
            </a>
        </li>
    );
}
