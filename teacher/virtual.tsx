/**
 * A list of rows of one height of which only those in view are in the page: a thousand students
 * cost as much as thirty. Where the row with the focus scrolls out of view it is kept.
 */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

/** Rows drawn beyond the edges: what the Tab key can reach from the last one in view. */
const BEYOND = 4;

interface VirtualListProps<Item> {
    label: string;
    items: readonly Item[];
    keyOf(item: Item): string;
    /** Height of a row, rem. */
    rowHeight: number;
    rowClass?(item: Item): string | undefined;
    children(item: Item): ComponentChildren;
}

function rem(): number {
    return parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}

/** The indexes to draw: those in view, and the one with the focus. */
function drawn(count: number, top: number, height: number, row: number, focus: number): number[] {
    const first = Math.max(0, Math.floor(top / row) - BEYOND);
    const last = Math.min(count - 1, Math.ceil((top + height) / row) + BEYOND);
    const indexes: number[] = [];
    for (let i = first; i <= last; i++) indexes.push(i);
    if (focus >= 0 && focus < first) indexes.unshift(focus);
    if (focus > last) indexes.push(focus);
    return indexes;
}

export function VirtualList<Item>(props: VirtualListProps<Item>): JSX.Element {
    const { label, items, keyOf, rowHeight, rowClass, children } = props;
    const box = useRef<HTMLDivElement>(null);
    const [view, setView] = useState({ top: 0, height: 600 });
    const [focus, setFocus] = useState<string | null>(null);
    const row = Math.round(rowHeight * rem());
    useEffect(() => {
        const measure = (): void => {
            if (!box.current) return;
            const { scrollTop, clientHeight } = box.current;
            setView({ top: scrollTop, height: clientHeight });
        };
        const observer = new ResizeObserver(measure);
        observer.observe(box.current!);
        return () => observer.disconnect();
    }, []);
    const focused = focus === null ? -1 : items.findIndex((item) => keyOf(item) === focus);
    return (
        <div
            class="virtual"
            ref={box}
            role="region"
            aria-label={label}
            tabIndex={0}
            onScroll={() => setView((last) => ({ ...last, top: box.current!.scrollTop }))}
        >
            <ul style={{ height: `${items.length * row}px` }}>
                {drawn(items.length, view.top, view.height, row, focused).map((index) => {
                    const item = items[index]!;
                    const key = keyOf(item);
                    return (
                        <li
                            key={key}
                            class={rowClass?.(item)}
                            style={{ top: `${index * row}px`, height: `${row}px` }}
                            aria-setsize={items.length}
                            aria-posinset={index + 1}
                            onFocusIn={() => setFocus(key)}
                            onFocusOut={() => setFocus(null)}
                        >
                            {children(item)}
                        </li>
                    );
                })}
            </ul>
        </div>
    );
}
