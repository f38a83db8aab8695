/**
 * The conversation as a student reads it: it stays where one reads, says how much has come below,
 * and tells the teacher what was really on the screen.
 */

import type { JSX, VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { BaseSnapshot } from '../web/ui/classroom';
import type { Line, MessageLine } from '../web/ui/model/conversation';
import { clockTime, language } from '../web/ui/strings';
import { MessageItem } from './message';
import { Pointed, usePointed } from './pointed';
import { useSeen } from './seen';
import { t } from './strings';

/** Nearer to the end than this counts as being there, px. */
const NEAR = 60;

interface StreamProps {
    lines: readonly Line[];
    snapshot: BaseSnapshot;
    /** Nothing can be sent any more. */
    closed: boolean;
    onResend(key: string): void;
    /** Takes a refused message back to be written anew. */
    onEdit(line: MessageLine): void;
    onDrop(key: string): void;
    /** The newest message that was on the screen, in the order of the conversation. */
    onSeen(id: string): void;
}

/** What is replayed to a page that has just come is there to be read, not to be read out, ms. */
const REPLAY = 1500;

/** Counts the messages of others that came after the line with that key. */
function countAfter(lines: readonly Line[], key: string | null): number {
    let count = 0;
    for (let place = lines.length - 1; place >= 0; place -= 1) {
        const line = lines[place]!;
        if (line.key === key) return count;
        if (line.kind === 'message' && !line.mine) count += 1;
    }
    // The line is no longer remembered.
    return key === null ? 0 : count;
}

export function Stream({ lines, snapshot, onSeen, ...actions }: StreamProps): JSX.Element {
    const box = useRef<HTMLDivElement>(null);
    const atEnd = useRef(true);
    /** The last line that was there when the reader was last at the end. */
    const read = useRef<string | null>(null);
    const [unread, setUnread] = useState(0);
    const [live, setLive] = useState(false);
    const { names, user, settings } = snapshot;
    const last = lines[lines.length - 1];

    const toEnd = (): void => {
        const { current } = box;
        if (!current) return;
        current.scrollTop = current.scrollHeight;
        atEnd.current = true;
        read.current = last?.key ?? null;
        setUnread(0);
    };
    useLayoutEffect(() => {
        // What one has just written oneself is what one wants to see.
        const own = last?.kind === 'message' && last.mine && last.status === 'sending';
        if (atEnd.current || own) toEnd();
        else setUnread(countAfter(lines, read.current));
    }, [lines]);
    useEffect(() => {
        // The keyboard of a phone, a banner, a question: all take from the box's height. What one
        // reads keeps its distance to the lower edge, and a question that opens moves nothing.
        let height = box.current!.clientHeight;
        const observer = new ResizeObserver(() => {
            const { current } = box;
            if (!current) return;
            if (atEnd.current) current.scrollTop = current.scrollHeight;
            else current.scrollTop += height - current.clientHeight;
            height = current.clientHeight;
        });
        observer.observe(box.current!);
        observer.observe(box.current!.firstElementChild!);
        return () => observer.disconnect();
    }, []);
    useEffect(() => {
        const timer = setTimeout(() => setLive(true), REPLAY);
        return () => clearTimeout(timer);
    }, []);
    useSeen(box, lines, onSeen);
    const pointed = usePointed(lines);
    const showPointed = (): void => {
        const item = box.current?.querySelector<HTMLElement>(
            `[data-id="${CSS.escape(pointed.line?.id ?? '')}"]`,
        );
        item?.setAttribute('tabindex', '-1');
        item?.focus({ preventScroll: true });
        item?.scrollIntoView({ block: 'center' });
        pointed.done();
    };

    const onScroll = (): void => {
        const { scrollHeight, scrollTop, clientHeight } = box.current!;
        const near = scrollHeight - scrollTop - clientHeight < NEAR;
        if (near && !atEnd.current) setUnread(0);
        if (near) read.current = last?.key ?? null;
        atEnd.current = near;
    };

    // A line's node is made once and reused: with 500 lines, one more costs one more.
    const nodes = useRef({ of: [] as unknown[], made: new WeakMap<Line, VNode>() });
    const shared = [names, user?.id, settings?.talk, actions.closed, language()];
    if (shared.some((value, place) => value !== nodes.current.of[place])) {
        nodes.current = { of: shared, made: new WeakMap() };
    }
    const nodeOf = (line: Line): VNode => {
        const made = nodes.current.made.get(line);
        if (made) return made;
        const node =
            line.kind === 'note' ? (
                <li key={line.key} class="note">
                    {t(line.note)} <time>{clockTime(line.ts)}</time>
                </li>
            ) : (
                <MessageItem key={line.key} line={line} snapshot={snapshot} {...actions} />
            );
        nodes.current.made.set(line, node);
        return node;
    };

    return (
        <div class="stream">
            <Pointed line={pointed.line} onShow={showPointed} />
            <div
                class="conversation"
                ref={box}
                onScroll={onScroll}
                role="log"
                aria-live={live ? 'polite' : 'off'}
                aria-label={t('messages')}
                tabIndex={0}
            >
                <ol>{lines.map(nodeOf)}</ol>
                {lines.length === 0 && <p class="empty">{t('nothingYet')}</p>}
            </div>
            {unread > 0 && (
                <button type="button" class="primary to-end" onClick={toEnd}>
                    {unread === 1 ? t('newMessage') : t('newMessages', { count: unread })}
                    <span aria-hidden="true"> ↓</span>
                </button>
            )}
        </div>
    );
}
