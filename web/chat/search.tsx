/** Looking for messages: in all of one's rooms, or in one. */

import type { JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { roomOf, seqOf } from '../client';
import type { ChatMessage } from '../client';
import { Icon } from '../ui/icons';
import type { Chat } from './chat';
import { hashOf } from './place';
import { contentOf } from './model/content';
import { splitMatches } from './model/matches';
import { t } from './strings';
import { useAsked } from './use-asked';
import { failureText, shortTime } from './words';

interface SearchProps {
    chat: Chat;
    query: string;
    onQuery(query: string): void;
    /** Only in this room. */
    room: { id: string; name: string } | null;
    /** Gets the focus at once. */
    first?: boolean;
}

interface Found {
    messages: ChatMessage[];
    next: string | null;
}

/** As many as the server takes. */
const LONGEST = 64;

export function Search({ chat, query, onQuery, room, first }: SearchProps): JSX.Element {
    const id = useId();
    const field = useRef<HTMLInputElement>(null);
    const wanted = query.trim();
    const place = room === null ? {} : { room: room.id };
    const { found, failure, busy, more, again } = useAsked<Found>(
        `${room?.id ?? ''} ${wanted}`,
        wanted === '' ? null : () => chat.rest.search(wanted, place),
    );
    useEffect(() => {
        if (first) field.current?.focus();
    }, []);
    const next = found?.next ?? null;
    const loadMore = (): void => {
        if (next === null) return;
        more(
            () => chat.rest.search(wanted, { ...place, before: next }),
            ({ messages }, page) => ({ ...page, messages: [...messages, ...page.messages] }),
        );
    };
    const clear = (): void => {
        onQuery('');
        // The button goes with the text.
        field.current?.focus();
    };
    const label = room === null ? t('search') : t('searchHere', { name: room.name });
    return (
        <div class="search" role="search" aria-label={t(room === null ? 'inAll' : 'inRoom')}>
            <div class="search-line">
                <label class="unseen" for={id}>
                    {label}
                </label>
                <Icon name="search" />
                <input
                    ref={field}
                    id={id}
                    type="search"
                    placeholder={label}
                    autocomplete="off"
                    maxLength={LONGEST}
                    value={query}
                    onInput={(event) => onQuery(event.currentTarget.value)}
                    onKeyDown={(event) => event.key === 'Escape' && onQuery('')}
                />
                {query !== '' && (
                    <button
                        type="button"
                        class="icon"
                        aria-label={t('endSearch')}
                        onClick={clear}
                    >
                        <Icon name="cross" />
                    </button>
                )}
            </div>
            {wanted !== '' && (
                <section class="search-results" aria-label={t('results')}>
                    <p class="hint side-note" role="status">
                        {busy && t('searching')}
                        {!busy && failure && failureText(failure)}
                        {!busy && found?.messages.length === 0 && t('noResults')}
                        {!busy && !failure && found && found.messages.length > 0 && (
                            <span class="unseen">
                                {t('found', { count: found.messages.length })}
                            </span>
                        )}
                    </p>
                    {failure && !found && !busy && (
                        <button type="button" class="small" onClick={again}>
                            {t('tryAgain')}
                        </button>
                    )}
                    <ul>
                        {(found?.messages ?? []).map((message) => (
                            <Result
                                key={message.id}
                                {...{ chat, message, query: wanted, named: room === null }}
                            />
                        ))}
                    </ul>
                    {next !== null && (
                        <button type="button" class="wide" disabled={busy} onClick={loadMore}>
                            {t('more')}
                        </button>
                    )}
                </section>
            )}
        </div>
    );
}

interface ResultProps {
    chat: Chat;
    message: ChatMessage;
    query: string;
    /** Says which room it is in. */
    named: boolean;
}

function Result({ chat, message, query, named }: ResultProps): JSX.Element {
    const { id = '', sender, senderName, messageType, message: body, ts } = message;
    const room = roomOf(id);
    const place = hashOf(room, seqOf(id));
    const content = contentOf(messageType, body);
    const text = content?.text || content?.file?.name || content?.image?.name || '';
    const name = sender === chat.me ? t('me') : (senderName ?? sender);
    return (
        <li>
            <a
                class="result"
                href={place}
                // Elsewhere the address changes, and is followed.
                onClick={() => location.hash === place && chat.open(room, seqOf(id))}
            >
                <span class="result-head">
                    <strong>{name}</strong>
                    {named && <span class="hint">{chat.rooms?.get(room)?.name}</span>}
                    <time dateTime={new Date(ts).toISOString()}>{shortTime(ts, Date.now())}</time>
                </span>
                <span class="result-text">
                    {splitMatches(text, query).map((part, place) =>
                        place % 2 === 0 ? part : <mark key={place}>{part}</mark>,
                    )}
                </span>
            </a>
        </li>
    );
}
