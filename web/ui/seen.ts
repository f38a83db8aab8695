/** What a reader has really had on the screen: shown there, and the page being looked at. */

import { useEffect, useRef } from 'preact/hooks';

/** What is needed of a line. */
interface Line {
    kind: string;
    id?: string;
}

/** Shares of a message at which it is looked at anew: fine, for those longer than the screen. */
const STEPS = Array.from({ length: 51 }, (_, step) => step / 50);

/** What is on the screen, by message id; `onSeen` hears of the newest, once. */
export function useSeen(
    box: { readonly current: HTMLDivElement | null },
    lines: readonly Line[],
    onSeen: (id: string) => void,
): void {
    const showing = useRef(new Set<string>());
    const told = useRef<string | null>(null);
    const observer = useRef<IntersectionObserver | null>(null);
    const watched = useRef(new Set<Element>());
    const latest = useRef({ lines, onSeen });
    latest.current = { lines, onSeen };

    const tell = (): void => {
        if (document.visibilityState !== 'visible' || showing.current.size === 0) return;
        const { lines: all, onSeen: say } = latest.current;
        for (let place = all.length - 1; place >= 0; place -= 1) {
            const line = all[place]!;
            if (line.kind !== 'message' || line.id === undefined) continue;
            if (line.id === told.current) return;
            if (!showing.current.has(line.id)) continue;
            told.current = line.id;
            return say(line.id);
        }
    };
    useEffect(() => {
        observer.current = new IntersectionObserver(
            (entries) => {
                for (const { target, intersectionRatio, intersectionRect, rootBounds } of entries) {
                    const id = (target as HTMLElement).dataset['id'];
                    if (id === undefined) continue;
                    // Of a text longer than the screen, as much as the screen can show.
                    const fills = intersectionRect.height >= (rootBounds?.height ?? Infinity) / 2;
                    if (intersectionRatio >= 0.5 || fills) showing.current.add(id);
                    else showing.current.delete(id);
                }
                tell();
            },
            { root: box.current, threshold: STEPS },
        );
        document.addEventListener('visibilitychange', tell);
        return () => {
            observer.current?.disconnect();
            document.removeEventListener('visibilitychange', tell);
        };
    }, []);
    useEffect(() => {
        for (const item of watched.current) {
            if (item.isConnected) continue;
            observer.current!.unobserve(item);
            watched.current.delete(item);
            showing.current.delete((item as HTMLElement).dataset['id'] ?? '');
        }
        for (const item of box.current!.querySelectorAll('li[data-id]')) {
            if (watched.current.has(item)) continue;
            watched.current.add(item);
            observer.current!.observe(item);
        }
    }, [lines]);
}
