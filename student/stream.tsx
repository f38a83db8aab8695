/**
 * The conversation as a student reads it: it stays where one reads, says how much has come below,
 * and tells the teacher what was really on the screen.
 */

import type { JSX, VNode } from 'preact';
import { useRef } from 'preact/hooks';
import type { BaseSnapshot } from '../web/ui/classroom';
import type { Line, MessageLine } from '../web/ui/model/conversation';
import { StreamBox, useStream } from '../web/ui/stream';
import { clockTime, language } from '../web/ui/strings';
import { MessageItem } from './message';
import { Pointed, usePointed } from './pointed';
import { useSeen } from '../web/ui/seen';
import { t } from './strings';

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

export function Stream({ lines, snapshot, onSeen, ...actions }: StreamProps): JSX.Element {
    const view = useStream(lines);
    const { box } = view;
    const { names, user, settings } = snapshot;
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
            <StreamBox view={view} empty={lines.length === 0 ? t('nothingYet') : null}>
                {lines.map(nodeOf)}
            </StreamBox>
        </div>
    );
}
