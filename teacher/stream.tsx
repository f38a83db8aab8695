/** The conversation as its teacher reads it: it stays where one reads, and says what came below. */

import type { ComponentChildren, JSX, VNode } from 'preact';
import { useRef } from 'preact/hooks';
import type { BaseSnapshot } from '../web/ui/classroom';
import { ImageThumb } from '../web/ui/image/viewer';
import { LinkedText } from '../web/ui/links';
import type { Line, MessageLine } from '../web/ui/model/conversation';
import { StreamBox, useStream } from '../web/ui/stream';
import { clockTime, language } from '../web/ui/strings';
import { whyNot } from '../web/ui/why';
import { t } from './strings';

export interface LineActions {
    onReply(userId: string): void;
    onResend(key: string): void;
    onDrop(key: string): void;
}

interface StreamProps extends LineActions {
    lines: readonly Line[];
    snapshot: BaseSnapshot;
    /** False where the class is over: nothing can be answered. */
    active: boolean;
    /** What stands below a message of one's own, and a word that changes when that does. */
    foot(line: MessageLine): { word: string; content: ComponentChildren };
}

/** Whom it was for, where that is not plain. */
function audience(line: MessageLine, { names, settings }: BaseSnapshot): string | null {
    const { target, mine, targetType, senderType } = line;
    if (target !== undefined) return t('onlyTo', { name: names.get(target) ?? target });
    if (mine || senderType !== 'student' || settings?.talk !== 'all') return null;
    return t(targetType === 'teacher' ? 'toTeacher' : 'toAll');
}

interface MessageProps extends LineActions {
    line: MessageLine;
    snapshot: BaseSnapshot;
    active: boolean;
    foot: ComponentChildren;
}

function MessageItem(props: MessageProps): JSX.Element {
    const { line, snapshot, active, foot, onReply } = props;
    const name = line.mine ? t('me') : (snapshot.names.get(line.sender) ?? line.sender);
    const only = audience(line, snapshot);
    const answerable = active && !line.mine && line.senderType === 'student';
    return (
        <li
            class={`line ${line.mine ? 'line-mine' : 'line-theirs'} line-${line.status}`}
            data-id={line.id}
        >
            <div class="line-head">
                <span class="line-name">{name}</span>
                {only !== null && <span class="line-only">{only}</span>}
                <time dateTime={new Date(line.ts).toISOString()}>{clockTime(line.ts)}</time>
            </div>
            {line.image && <ImageThumb image={line.image} />}
            {line.text !== '' && (
                <p class="bubble">
                    <LinkedText text={line.text} />
                </p>
            )}
            {line.status === 'sending' && <p class="line-foot">{t('sending')}</p>}
            {line.status === 'failed' && <Failed {...props} />}
            {answerable && (
                <p class="line-foot">
                    <button
                        type="button"
                        class="link"
                        aria-label={t('replyTo', { name })}
                        onClick={() => onReply(line.sender)}
                    >
                        {t('reply')}
                    </button>
                </p>
            )}
            {foot}
        </li>
    );
}

function Failed({ line, onResend, onDrop }: MessageProps): JSX.Element {
    return (
        <div class="line-failure">
            <p class="line-foot line-error">{t('notSent', { why: whyNot(line.error) })}</p>
            <div class="row">
                <button type="button" class="small" onClick={() => onResend(line.key)}>
                    {t('sendAgain')}
                </button>
                <button type="button" class="small" onClick={() => onDrop(line.key)}>
                    {t('drop')}
                </button>
            </div>
        </div>
    );
}

interface Made {
    word: string;
    node: VNode;
}

/** Makes each line's node once, and again only where it looks different: of 500 lines, few do. */
function useNodes(props: StreamProps): (line: Line) => VNode {
    const { lines: _, snapshot, active, foot, ...actions } = props;
    const cache = useRef({ of: [] as unknown[], made: new WeakMap<Line, Made>() });
    const latest = useRef(actions);
    latest.current = actions;
    const shared = [snapshot.names, snapshot.settings?.talk, active, language()];
    if (shared.some((value, place) => value !== cache.current.of[place])) {
        cache.current = { of: shared, made: new WeakMap() };
    }
    // The nodes outlive this drawing: what they call is looked up when they call it.
    const steady: LineActions = {
        onReply: (userId) => latest.current.onReply(userId),
        onResend: (key) => latest.current.onResend(key),
        onDrop: (key) => latest.current.onDrop(key),
    };
    return (line) => {
        const below = line.kind === 'message' && line.mine ? foot(line) : null;
        const word = below?.word ?? '';
        const before = cache.current.made.get(line);
        if (before?.word === word) return before.node;
        const node =
            line.kind === 'note' ? (
                <li key={line.key} class="note">
                    {t(line.note)} <time>{clockTime(line.ts)}</time>
                </li>
            ) : (
                <MessageItem
                    key={line.key}
                    {...{ line, snapshot, active, ...steady }}
                    foot={below?.content}
                />
            );
        cache.current.made.set(line, { word, node });
        return node;
    };
}

export function Stream(props: StreamProps): JSX.Element {
    const { lines, snapshot } = props;
    const view = useStream(lines);
    const nodeOf = useNodes(props);
    return (
        <div class="stream">
            <p class="stream-missing" role="status">
                {snapshot.incomplete && snapshot.state.name !== 'closed' && t('earlierMissing')}
            </p>
            <StreamBox view={view} empty={lines.length === 0 ? t('noMessages') : null}>
                {lines.map(nodeOf)}
            </StreamBox>
        </div>
    );
}
