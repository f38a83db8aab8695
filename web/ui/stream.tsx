/**
 * A conversation as it is read: it stays where one reads whatever comes above or below, follows the
 * newest while one is at the end, and says what has come below. For every page that shows one.
 */

import type { ComponentChildren, JSX, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { t } from './strings';

/** What is needed of a line. */
export interface StreamLine {
    key: string;
    kind: string;
    mine?: boolean;
    status?: string;
}

export interface StreamView {
    /** The part that scrolls; the list is its first element. */
    box: RefObject<HTMLDivElement | null>;
    /** Messages of others that came below what one reads. */
    unread: number;
    /** False at first: what is there already is there to be read, not to be read out. */
    live: boolean;
    atEnd(): boolean;
    toEnd(): void;
    onScroll(): void;
}

/** Nearer to the end than this counts as being there, px. */
const NEAR = 60;

/** What is replayed to a page that has just come, ms. */
const REPLAY = 1500;

/** Counts the messages of others that came after the line with that key. */
function countAfter(lines: readonly StreamLine[], key: string | null): number {
    let count = 0;
    for (let place = lines.length - 1; place >= 0; place -= 1) {
        const line = lines[place]!;
        if (line.key === key) return count;
        if (line.kind === 'message' && !line.mine) count += 1;
    }
    // The line is no longer remembered.
    return key === null ? 0 : count;
}

/** The first item of the list that is, at least in part, below the box's upper edge. */
function firstVisible(box: HTMLElement): HTMLElement | null {
    const items = box.firstElementChild?.children ?? [];
    const edge = box.getBoundingClientRect().top;
    let [from, to] = [0, items.length - 1];
    while (from < to) {
        const middle = (from + to) >> 1;
        if (items[middle]!.getBoundingClientRect().bottom > edge) to = middle;
        else from = middle + 1;
    }
    const first = items[from] as HTMLElement | undefined;
    // A message stays; what sets days and the unread off may move when others come above.
    let item = first as Element | null | undefined;
    while (item && !(item as HTMLElement).dataset['id']) item = item.nextElementSibling;
    return (item as HTMLElement | null | undefined) ?? first ?? null;
}

/** Where the line that had the focus goes, the list has it: whoever uses keys stays where they were. */
function useFocusKept(box: RefObject<HTMLDivElement | null>, lines: readonly StreamLine[]): void {
    const focused = useRef<Element | null>(null);
    useEffect(() => {
        const look = (): void => {
            const { activeElement } = document;
            focused.current = box.current?.contains(activeElement) ? activeElement : null;
        };
        document.addEventListener('focusin', look);
        return () => document.removeEventListener('focusin', look);
    }, []);
    useLayoutEffect(() => {
        if (!focused.current || focused.current.isConnected) return;
        focused.current = null;
        if (document.activeElement === document.body) box.current?.focus({ preventScroll: true });
    }, [lines]);
}

/**
 * `whole` is false where the lines do not reach up to the newest: then their end is not the end.
 */
export function useStream(lines: readonly StreamLine[], whole = true): StreamView {
    const box = useRef<HTMLDivElement>(null);
    const atEnd = useRef(true);
    /** What one reads, and where in the list it was. */
    const anchor = useRef<{ item: HTMLElement; top: number } | null>(null);
    /** The last line that was there when the reader was last at the end. */
    const read = useRef<string | null>(null);
    const [unread, setUnread] = useState(0);
    const [live, setLive] = useState(false);
    const last = lines[lines.length - 1];
    const now = useRef({ whole });
    now.current = { whole };
    useFocusKept(box, lines);

    const follows = (): boolean => atEnd.current && now.current.whole;
    const mark = (): void => {
        const item = follows() ? null : firstVisible(box.current!);
        anchor.current = item && { item, top: item.offsetTop };
    };
    const keep = (): void => {
        const { current } = box;
        if (!current) return;
        if (follows()) current.scrollTop = current.scrollHeight;
        else if (anchor.current?.item.isConnected) {
            const moved = anchor.current.item.offsetTop - anchor.current.top;
            if (moved !== 0) current.scrollTop += moved;
        }
        mark();
    };
    const toEnd = (): void => {
        if (!box.current) return;
        atEnd.current = true;
        box.current.scrollTop = box.current.scrollHeight;
        read.current = last?.key ?? null;
        setUnread(0);
        mark();
    };
    useLayoutEffect(() => {
        // What one has just written oneself is what one wants to see.
        const own = last?.kind === 'message' && last.mine && last.status === 'sending';
        if (whole && (atEnd.current || own)) return toEnd();
        keep();
        setUnread(countAfter(lines, read.current));
    }, [lines, whole]);
    useEffect(() => {
        // The keyboard of a phone, a banner, a question: all take from the box's height. What one
        // reads keeps its distance to the lower edge, and a question that opens moves nothing.
        let height = box.current!.clientHeight;
        const observer = new ResizeObserver(() => {
            const { current } = box;
            if (!current) return;
            if (!follows()) current.scrollTop += height - current.clientHeight;
            height = current.clientHeight;
            keep();
        });
        observer.observe(box.current!);
        observer.observe(box.current!.firstElementChild!);
        return () => observer.disconnect();
    }, []);
    useEffect(() => {
        const timer = setTimeout(() => setLive(true), REPLAY);
        return () => clearTimeout(timer);
    }, []);
    const onScroll = (): void => {
        const { scrollHeight, scrollTop, clientHeight } = box.current!;
        const near = scrollHeight - scrollTop - clientHeight < NEAR;
        if (near && whole && !atEnd.current) setUnread(0);
        if (near && whole) read.current = last?.key ?? null;
        atEnd.current = near;
        mark();
    };
    return { box, unread, live, atEnd: follows, toEnd, onScroll };
}

interface StreamBoxProps {
    view: StreamView;
    /** What is said where there is nothing. */
    empty: string | null;
    /** The lines: items of a list. */
    children: ComponentChildren;
    /** Not read out by itself: the page says what is new. */
    quiet?: boolean;
}

/** The lines, and the way to what came below. */
export function StreamBox({ view, empty, children, quiet }: StreamBoxProps): JSX.Element {
    const { box, unread, live, toEnd, onScroll } = view;
    return (
        <>
            <div
                class="conversation"
                ref={box}
                onScroll={onScroll}
                role="log"
                aria-live={live && !quiet ? 'polite' : 'off'}
                aria-label={t('conversation')}
                tabIndex={0}
            >
                <ol>{children}</ol>
                {empty !== null && <p class="empty">{empty}</p>}
            </div>
            {unread > 0 && (
                <button
                    type="button"
                    class="primary to-end"
                    onClick={({ currentTarget }) => {
                        // The button goes: whoever has the focus on it goes on in the list.
                        const focused = document.activeElement === currentTarget;
                        if (focused) box.current?.focus({ preventScroll: true });
                        toEnd();
                    }}
                >
                    {t(unread === 1 ? 'newMessage' : 'newMessages', { count: unread })}
                    <span aria-hidden="true"> ↓</span>
                </button>
            )}
        </>
    );
}
