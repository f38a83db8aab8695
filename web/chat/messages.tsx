/**
 * A room's messages as they are read: loaded as one scrolls, up and down, without a jump; what is
 * looked for is shown where it is.
 */

import type { ComponentChildren, JSX, VNode } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Confirm } from '../ui/confirm';
import { ImageDrop } from '../ui/image/upload';
import { useSeen } from '../ui/seen';
import { StreamBox, useStream } from '../ui/stream';
import { language } from '../ui/strings';
import type { Chat } from './chat';
import { EventItem, MessageItem } from './message';
import type { LineActions } from './message';
import { receipts } from './model/receipts';
import { rowsOf } from './model/rows';
import type { Row } from './model/rows';
import type { RoomEntry } from './model/rooms';
import type { Entry, MessageLine } from './model/timeline';
import type { Room } from './room';
import { t } from './strings';
import { isOnItsWay } from './uploads';
import type { Files } from './uploads';
import { dayText, unreadText } from './words';

/** Nearer to an end than this, the next page is asked for, px. */
const AHEAD = 800;

/** Between the upper edge and what is brought there, px. */
const GAP = 12;

interface MessagesProps {
    chat: Chat;
    room: Room;
    entry: RoomEntry;
    files: Files;
    /** What stands below them. */
    children: ComponentChildren;
}

export function Messages(props: MessagesProps): JSX.Element {
    const { room, files, children } = props;
    const { timeline, trouble, loading } = room;
    return (
        <ImageDrop uploads={files} disabled={false} anyFile class="pane-body">
            {timeline.loaded ? (
                <Loaded key={room.turns} {...props} />
            ) : (
                <div class="stream">
                    <p class="empty" role="status">
                        {loading.size > 0 && t('loadingMessages')}
                    </p>
                </div>
            )}
            {trouble && (
                <div class="alert load-trouble" role="alert">
                    <span>{t('loadFailed')}</span>
                    <button type="button" class="small" onClick={() => void trouble.retry()}>
                        {t('tryAgain')}
                    </button>
                </div>
            )}
            {children}
        </ImageDrop>
    );
}

type Box = { readonly current: HTMLDivElement | null };

/** Asks for the next page where an end comes near. */
function usePaging(chat: Chat, room: Room, box: Box): () => void {
    const look = (): void => {
        const { current } = box;
        if (!current || room.trouble) return;
        const { scrollTop, scrollHeight, clientHeight } = current;
        if (scrollTop < AHEAD) void chat.loadOlder(room);
        if (scrollHeight - scrollTop - clientHeight < AHEAD) void chat.loadNewer(room);
    };
    useEffect(look, [room.timeline.all, room.timeline.older, room.timeline.newer]);
    return look;
}

function Loaded({ chat, room, entry, files }: MessagesProps): JSX.Element {
    const { timeline } = room;
    const view = useStream(timeline.all, !timeline.newer);
    const { box } = view;
    const look = usePaging(chat, room, box);
    useSeen(box, timeline.all, (id) => chat.seen(room, id));
    const [deleting, setDeleting] = useState<MessageLine | null>(null);
    const rows = useMemo(
        () => rowsOf(timeline.all.filter((line) => shown(line, files, room)), room.divider),
        [timeline.all, room.divider, files.all],
    );
    useEffect(() => {
        // The button that led here has gone: whoever had the focus on it goes on in the list.
        const lost = room.turns > 1 && document.activeElement === document.body;
        if (lost) box.current?.focus({ preventScroll: true });
    }, []);
    useStart(room, view.onScroll, box);
    usePointed(room, view.onScroll, box);
    useLayoutEffect(() => {
        chat.following = view.atEnd();
    });
    const nodeOf = useNodes(chat, room, entry, {
        onResend: (key) => chat.resend(key),
        onDrop: (key) => chat.drop(room.id, key),
        onDelete: setDeleting,
    });
    const onScroll = (): void => {
        view.onScroll();
        chat.following = view.atEnd();
        look();
    };
    return (
        <div class="stream">
            <StreamBox
                // Below is more than these lines: there is another way to it.
                view={{ ...view, onScroll, unread: timeline.newer ? 0 : view.unread }}
                quiet
                empty={isEmpty(room) ? t('noMessages') : null}
            >
                {!timeline.older && timeline.all.length > 0 && (
                    <li class="note">{t('beginning')}</li>
                )}
                {rows.map(nodeOf)}
            </StreamBox>
            {timeline.newer && (
                <button
                    type="button"
                    class="primary to-end"
                    onClick={() => void chat.toNewest(room)}
                >
                    {entry.unread > 0
                        ? t(entry.unread === 1 ? 'newMessage' : 'newMessages', {
                              count: unreadText(entry.unread),
                          })
                        : t('toNewest')}
                    <span aria-hidden="true"> ↓</span>
                </button>
            )}
            <p class="unseen" aria-live="polite">
                {chat.heard && (
                    <span key={chat.heard.times}>
                        {chat.heard.name}: {chat.heard.text}
                    </span>
                )}
            </p>
            {deleting && (
                <Confirm
                    question={t('deleteQuestion')}
                    action={t('delete')}
                    onConfirm={() => {
                        setDeleting(null);
                        void chat.delete(room.id, deleting.id!);
                    }}
                    onCancel={() => setDeleting(null)}
                />
            )}
        </div>
    );
}

function isEmpty({ timeline }: Room): boolean {
    return timeline.all.length === 0 && !timeline.older && !timeline.newer;
}

function shown(line: Entry, files: Files, room: Room): boolean {
    return line.kind === 'event' || !isOnItsWay(files, room, line);
}

/** Moves what is in the box, and nothing around it, as `scrollIntoView` would. */
function bring(box: HTMLElement, item: Element, where: 'top' | 'middle'): void {
    const [frame, part] = [box.getBoundingClientRect(), item.getBoundingClientRect()];
    const above = where === 'top' ? GAP : Math.max(GAP, (frame.height - part.height) / 2);
    box.scrollTop += part.top - frame.top - above;
}

/** Begins at what is unread, where there is something, else at the end. */
function useStart(room: Room, onMoved: () => void, box: Box): void {
    useLayoutEffect(() => {
        const divider = box.current?.querySelector('.unread-line');
        if (!divider || room.pointed) return;
        bring(box.current!, divider, 'top');
        onMoved();
    }, []);
}

/** Shows the message that was looked for. */
function usePointed(room: Room, onMoved: () => void, box: Box): void {
    const { pointed } = room;
    useLayoutEffect(() => {
        if (!pointed) return;
        const id = `${room.id}.${pointed.seq}`;
        const item = box.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`);
        if (!item) return;
        item.setAttribute('tabindex', '-1');
        item.focus({ preventScroll: true });
        bring(box.current!, item, 'middle');
        item.classList.remove('line-pointed');
        // Begins anew where it is shown again.
        void item.offsetWidth;
        item.classList.add('line-pointed');
        room.pointed = null;
        onMoved();
    }, [pointed]);
}

interface Made {
    word: string;
    node: VNode;
}

/** Makes each row's node once, and again only where it looks different: of 300, few do. */
function useNodes(
    chat: Chat,
    room: Room,
    entry: RoomEntry,
    actions: LineActions,
): (row: Row) => VNode {
    const cache = useRef({ of: [] as unknown[], made: new WeakMap<Entry, Made>() });
    const latest = useRef(actions);
    latest.current = actions;
    const shared = [entry.owner, entry.kind, language(), chat.me];
    if (shared.some((value, place) => value !== cache.current.of[place])) {
        cache.current = { of: shared, made: new WeakMap() };
    }
    // The nodes outlive this drawing: what they call is looked up when they call it.
    const steady: LineActions = useMemo(
        () => ({
            onResend: (key) => latest.current.onResend(key),
            onDrop: (key) => latest.current.onDrop(key),
            onDelete: (line) => latest.current.onDelete(line),
        }),
        [],
    );
    const receiptOf = receipts(room.timeline.all, room.reads, entry, chat.me);
    return (row) => {
        if (row.kind === 'day') {
            return (
                <li key={row.key} class="note day">
                    <span>{dayText(row.ts)}</span>
                </li>
            );
        }
        if (row.kind === 'unread') {
            return (
                <li key={row.key} class="unread-line">
                    <span>{t('unreadBelow')}</span>
                </li>
            );
        }
        const line = row.entry;
        if (line.kind === 'event') return <EventItem key={row.key} line={line} />;
        const receipt = receiptOf(line);
        const word = `${receipt?.kind} ${receipt?.count} ${row.follows}`;
        const before = cache.current.made.get(line);
        if (before?.word === word) return before.node;
        const deletable = line.mine || (entry.kind === 'group' && entry.owner === chat.me);
        const node = (
            <MessageItem
                key={row.key}
                line={line}
                follows={row.follows}
                receipt={receipt}
                deletable={deletable}
                {...steady}
            />
        );
        cache.current.made.set(line, { word, node });
        return node;
    };
}
