/** One message of the conversation, as a student sees it. */

import type { JSX } from 'preact';
import { ImageThumb } from '../web/ui/image/viewer';
import type { BaseSnapshot } from '../web/ui/classroom';
import { LinkedText } from '../web/ui/links';
import type { MessageLine } from '../web/ui/model/conversation';
import { clockTime } from '../web/ui/strings';
import { whyNot } from '../web/ui/why';
import { t } from './strings';

/** Who wrote it: of classmates only those who are or were met have a name. */
function author({ mine, sender, senderType }: MessageLine, { names }: BaseSnapshot): string {
    if (mine) return t('me');
    return names.get(sender) ?? t(senderType === 'teacher' ? 'teacher' : 'classmate');
}

/** Whom it was for, where that is not plain. */
function audience(line: MessageLine, { user, settings }: BaseSnapshot): string | null {
    if (line.target !== undefined) {
        if (!line.mine && line.target === user?.id) return t('privately');
        return t('onlyTo', { name: line.target });
    }
    if (line.senderType !== 'student' || settings?.talk !== 'all') return null;
    return line.targetType === 'teacher' ? t('toTeacher') : t('toEveryone');
}

interface MessageProps {
    line: MessageLine;
    snapshot: BaseSnapshot;
    /** Nothing can be sent any more. */
    closed: boolean;
    onResend(key: string): void;
    onEdit(line: MessageLine): void;
    onDrop(key: string): void;
}

export function MessageItem(props: MessageProps): JSX.Element {
    const { line, snapshot } = props;
    const only = audience(line, snapshot);
    const role = line.mine ? 'mine' : line.senderType === 'teacher' ? 'teacher' : 'theirs';
    return (
        <li class={`line line-${role} line-${line.status}`} data-id={line.id}>
            <div class="line-head">
                <span class="line-name">{author(line, snapshot)}</span>
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
        </li>
    );
}

function Failed({ line, closed, onResend, onEdit, onDrop }: MessageProps): JSX.Element {
    return (
        <div class="line-failure">
            <p class="line-foot line-error">{t('notSent', { why: whyNot(line.error) })}</p>
            <div class="row">
                {!closed && (
                    <button type="button" onClick={() => onResend(line.key)}>
                        {t('sendAgain')}
                    </button>
                )}
                {!line.image && (
                    <button type="button" onClick={() => onEdit(line)}>
                        {t('edit')}
                    </button>
                )}
                <button type="button" class="quiet" onClick={() => onDrop(line.key)}>
                    {t('drop')}
                </button>
            </div>
        </div>
    );
}
