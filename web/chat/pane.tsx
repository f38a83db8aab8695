/** The room that is open: its head, its messages, and the line to write on. */

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Confirm } from '../ui/confirm';
import { Icon } from '../ui/icons';
import type { Chat } from './chat';
import { Composer } from './composer';
import { MembersDialog } from './members';
import { Messages } from './messages';
import type { RoomEntry } from './model/rooms';
import { hashOf } from './place';
import type { Room } from './room';
import { Search } from './search';
import { t } from './strings';
import type { Files } from './uploads';
import { endedText, failureText } from './words';

interface RoomPaneProps {
    chat: Chat;
    /** The room of the page's address. */
    id: string | null;
    files: Files;
}

export function RoomPane({ chat, id, files }: RoomPaneProps): JSX.Element {
    const entry = id === null ? null : chat.rooms?.get(id);
    const room = chat.current;
    if (id !== null && entry && room?.id === id) {
        return <OpenRoom key={id} {...{ chat, room, entry, files }} />;
    }
    return (
        <section class="panel pane pane-empty">
            {id === null && (
                <p class="empty" role="status">
                    {chat.ended ? endedText(chat.ended) : t('chooseRoom')}
                </p>
            )}
            {id !== null && (
                <>
                    <p class="empty" role="status">
                        {chat.sure ? t('notYours') : t('loadingRooms')}
                    </p>
                    <a class="pane-back" href={hashOf(null)}>
                        {t('back')}
                    </a>
                </>
            )}
        </section>
    );
}

interface OpenRoomProps {
    chat: Chat;
    room: Room;
    entry: RoomEntry;
    files: Files;
}

function OpenRoom({ chat, room, entry, files }: OpenRoomProps): JSX.Element {
    const [asked, setAsked] = useState<'leave' | 'members' | null>(null);
    const [trouble, setTrouble] = useState<string | null>(null);
    const [query, setQuery] = useState<string | null>(null);
    const heading = useRef<HTMLHeadingElement>(null);
    useEffect(() => {
        // Readers hear where they are; who has a keyboard goes on to write with one Tab less.
        if (chat.current?.pointed === null) heading.current?.focus();
    }, []);
    const leave = async (): Promise<void> => {
        setAsked(null);
        const failure = await chat.leave(entry.id);
        if (failure) setTrouble(failureText(failure));
    };
    const group = entry.kind === 'group';
    return (
        <section class="panel pane" aria-labelledby="room-label">
            <header class="pane-head">
                <a class="pane-back icon" href={hashOf(null)} aria-label={t('back')}>
                    <Icon name="back" />
                </a>
                <div class="pane-title">
                    <h2 id="room-label" ref={heading} tabIndex={-1}>
                        {entry.name}
                    </h2>
                    {group && (
                        <p class="hint">
                            {t(entry.members === 1 ? 'oneMember' : 'memberCount', {
                                count: entry.members,
                            })}
                        </p>
                    )}
                </div>
                <button
                    type="button"
                    class="icon"
                    aria-label={t('search')}
                    aria-expanded={query !== null}
                    onClick={() => setQuery(query === null ? '' : null)}
                >
                    <Icon name="search" />
                </button>
                {group && (
                    <>
                        <button
                            type="button"
                            class="icon"
                            aria-label={t('members')}
                            onClick={() => setAsked('members')}
                        >
                            <Icon name="people" />
                        </button>
                        <button
                            type="button"
                            class="icon icon-danger"
                            aria-label={t('leaveRoom')}
                            onClick={() => setAsked('leave')}
                        >
                            <Icon name="leave" />
                        </button>
                    </>
                )}
            </header>
            {trouble !== null && (
                <p class="alert" role="alert">
                    {trouble}
                </p>
            )}
            {query !== null && (
                <Search chat={chat} query={query} onQuery={setQuery} room={entry} first />
            )}
            <Messages chat={chat} room={room} entry={entry} files={files}>
                <TypingLine names={room.typing.names} />
                <Composer chat={chat} room={entry.id} files={files} />
            </Messages>
            {asked === 'members' && (
                <MembersDialog
                    members={room.members}
                    count={entry.members}
                    owner={entry.owner}
                    me={chat.me}
                    onClose={() => setAsked(null)}
                />
            )}
            {asked === 'leave' && (
                <Confirm
                    question={t('leaveQuestion', { name: entry.name })}
                    action={t('leave')}
                    onConfirm={() => void leave()}
                    onCancel={() => setAsked(null)}
                />
            )}
        </section>
    );
}

function TypingLine({ names }: { names: readonly string[] }): JSX.Element {
    const [name = '', other = ''] = names;
    const text =
        names.length === 1
            ? t('typingOne', { name })
            : names.length === 2
              ? t('typingTwo', { name, other })
              : t('typingMany', { count: names.length });
    // Always there: the line that one writes on does not move.
    return <p class="typing">{names.length > 0 && text}</p>;
}
