/** What the teacher points to: said until one has gone to see it, also where it came long ago. */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Line, MessageLine } from '../web/ui/model/conversation';
import { t } from './strings';

/** To a page that has just come, only what was pointed to so shortly before is news, ms. */
const NEWS = 120_000;

/** The line that was pointed to last. */
function newest(lines: readonly Line[]): MessageLine | null {
    let found: MessageLine | null = null;
    for (const line of lines) {
        if (line.kind !== 'message' || line.pointed === undefined) continue;
        if (line.pointed > (found?.pointed ?? 0)) found = line;
    }
    return found;
}

/** Null where there is nothing to point to, or one has been there: `done`. */
export function usePointed(lines: readonly Line[]): { line: MessageLine | null; done(): void } {
    const [handled, setHandled] = useState(() => Date.now() - NEWS);
    const line = newest(lines);
    const pointed = line?.pointed ?? 0;
    const open = pointed > handled;
    useEffect(() => {
        if (!open) return undefined;
        // Another tab is in front: its name is what can be seen of this one.
        const { title } = document;
        document.title = `● ${t('pointed')}`;
        return () => {
            document.title = title;
        };
    }, [open]);
    return { line: open ? line : null, done: () => setHandled(pointed) };
}

/** The live region is always there: browsers read what changes in one. */
export function Pointed(props: { line: MessageLine | null; onShow(): void }): JSX.Element {
    const { line, onShow } = props;
    return (
        <div class={line ? 'pointed' : 'pointed-none'}>
            <p role="status">
                {line && (
                    <>
                        <strong>{t('pointed')}</strong>{' '}
                        <span class="pointed-text">{line.text || line.image?.name}</span>
                    </>
                )}
            </p>
            {line && (
                <button type="button" class="primary" onClick={onShow}>
                    {t('showPointed')}
                </button>
            )}
        </div>
    );
}
