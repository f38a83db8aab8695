/** One message, as it stands in its room. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Icon } from '../ui/icons';
import { sizeText } from '../ui/image/upload';
import { ImageThumb } from '../ui/image/viewer';
import { LinkedText } from '../ui/links';
import { clockTime } from '../ui/strings';
import { playerOf } from './model/content';
import type { FileBody } from './model/content';
import type { Receipt } from './model/receipts';
import type { EventLine, MessageLine } from './model/timeline';
import { t } from './strings';
import { whyNotDeleted, whyNotSent } from './words';

export interface LineActions {
    onResend(key: string): void;
    onDrop(key: string): void;
    onDelete(line: MessageLine): void;
}

interface MessageProps extends LineActions {
    line: MessageLine;
    /** Goes on where the one above ended: the same sender, shortly after. */
    follows: boolean;
    receipt: Receipt | null;
    deletable: boolean;
}

/** Enough of a text to know the message by. */
const EXCERPT = 40;

export function MessageItem(props: MessageProps): JSX.Element {
    const { line, follows, receipt, deletable } = props;
    const { mine, status, id, image, file, text, ts, name } = line;
    const [chosen, setChosen] = useState(false);
    const side = mine ? 'mine' : 'theirs';
    return (
        <li
            class={[
                `line line-${side} line-${status}`,
                follows && 'line-follows',
                chosen && 'line-chosen',
            ]
                .filter(Boolean)
                .join(' ')}
            data-id={id}
        >
            <div class={follows ? 'unseen' : 'line-head'}>
                <span class="line-name">{mine ? t('me') : name}</span>{' '}
                <time dateTime={new Date(ts).toISOString()}>{clockTime(ts)}</time>
            </div>
            {/* Only shows what the keyboard and readers reach in any case. */}
            <div class="line-body" onClick={() => deletable && setChosen(!chosen)}>
                {image && <ImageThumb image={image} />}
                {file && <FileCard file={file} />}
                {text !== '' && (
                    <p class="bubble">
                        <LinkedText text={text} />
                    </p>
                )}
                {deletable && id !== undefined && <DeleteButton {...props} />}
            </div>
            {status === 'sending' && <p class="line-foot">{t('sending')}</p>}
            {status === 'deleting' && <p class="line-foot">{t('deleting')}</p>}
            {status === 'sent' && line.error && (
                <p class="line-foot line-error" role="alert">
                    {t('deleteFailed', { why: whyNotDeleted(line.error) })}
                </p>
            )}
            {status === 'failed' && <Failed {...props} />}
            {receipt && <p class="line-foot">{receiptText(receipt)}</p>}
        </li>
    );
}

function receiptText({ kind, count }: Receipt): string {
    if (kind === 'read') return t('read');
    return kind === 'all' ? t('readByAll') : t('notReadYet', { count });
}

function DeleteButton({ line, onDelete }: MessageProps): JSX.Element {
    const { text, file, image, mine, name } = line;
    const all = [...(text || file?.name || image?.name || t('previewImage'))];
    const excerpt = all.slice(0, EXCERPT).join('') + (all.length > EXCERPT ? '…' : '');
    return (
        <button
            type="button"
            class="icon icon-danger line-delete"
            aria-label={t('deleteMessage', { name: mine ? t('me') : name, text: excerpt })}
            onClick={() => onDelete(line)}
        >
            <Icon name="trash" />
        </button>
    );
}

function Failed({ line, onResend, onDrop }: MessageProps): JSX.Element {
    return (
        <div class="line-failure" role="alert">
            <p class="line-foot line-error">{t('notSent', { why: whyNotSent(line.error) })}</p>
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

function FileCard({ file }: { file: FileBody }): JSX.Element {
    const { name, bytes, state, url } = file;
    const ready = state === 'ready' && url !== undefined;
    return (
        <div class={`file-card file-${state}`}>
            {ready && <Player file={file} url={url} />}
            <div class="file-line">
                <Icon name="file" />
                <span class="file-text">
                    <span class="file-name">{name}</span>
                    <span class="hint">
                        {bytes > 0 && sizeText(bytes)}
                        {state === 'uploading' && ` · ${t('fileUploading')}`}
                        {state === 'failed' && ` · ${t('fileFailed')}`}
                    </span>
                </span>
                {ready && (
                    <a
                        class="icon"
                        href={url}
                        download={name}
                        aria-label={t('download', { name })}
                        title={t('download', { name })}
                    >
                        <Icon name="download" />
                    </a>
                )}
            </div>
        </div>
    );
}

/** Only the beginning is loaded until somebody wants to see it. */
function Player({ file, url }: { file: FileBody; url: string }): JSX.Element | null {
    const { name } = file;
    switch (playerOf(file)) {
        case 'video':
            return (
                <video
                    controls
                    preload="metadata"
                    src={url}
                    aria-label={t('playVideo', { name })}
                />
            );
        case 'audio':
            return (
                <audio controls preload="none" src={url} aria-label={t('playAudio', { name })} />
            );
        default:
            return null;
    }
}

export function EventItem({ line }: { line: EventLine }): JSX.Element {
    return (
        <li class="note">
            {t(line.change === 'join' ? 'joined' : 'leftRoom', { name: line.name })}{' '}
            <time dateTime={new Date(line.ts).toISOString()}>{clockTime(line.ts)}</time>
        </li>
    );
}
