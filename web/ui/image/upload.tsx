/** The ways in for images (picker, drag and drop, paste), and the list of those on their way. */

import type { ComponentChildren, JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Icon } from '../icons';
import { language } from '../strings';
import { t } from './strings';
import type { StringKey } from './strings';
import { MOST_UPLOADS } from './uploads';
import type { Upload, Uploads } from './uploads';

/** The images among what was dropped or pasted. */
function filesOf(data: DataTransfer | null): File[] {
    return [...(data?.files ?? [])];
}

interface ImageButtonProps {
    uploads: Uploads<any>;
    disabled: boolean;
    /** Takes files of any kind, and not only images. */
    anyFile?: boolean;
}

export function ImageButton({ uploads, disabled, anyFile }: ImageButtonProps): JSX.Element {
    const label = t(anyFile ? 'addFile' : 'addImage');
    const input = useRef<HTMLInputElement>(null);
    const onChange = (): void => {
        uploads.add(input.current?.files ?? []);
        // The same file may be chosen again.
        if (input.current) input.current.value = '';
    };
    return (
        <>
            <button
                type="button"
                class="icon-button image-button"
                aria-label={label}
                title={label}
                disabled={disabled}
                onClick={() => input.current?.click()}
            >
                {anyFile ? (
                    <Icon name="clip" />
                ) : (
                    <svg viewBox="0 0 24 24" aria-hidden="true">
                        <rect x="3" y="4" width="18" height="16" rx="2.5" />
                        <circle cx="8.5" cy="9.5" r="1.75" />
                        <path d="m4 18 5.5-5.5 3.5 3.5 3-3 4.5 4.5" />
                    </svg>
                )}
            </button>
            <input
                ref={input}
                type="file"
                {...(anyFile ? {} : { accept: 'image/*' })}
                multiple
                hidden
                tabIndex={-1}
                data-testid="image-input"
                onChange={onChange}
            />
        </>
    );
}

interface ImageDropProps extends ImageButtonProps {
    class?: string;
    children: ComponentChildren;
}

/** A part of the page into which images can be dropped, and pasted while the focus is in it. */
export function ImageDrop(props: ImageDropProps): JSX.Element {
    const { uploads, disabled, anyFile, class: name, children } = props;
    /** Elements of the part that the pointer is in: each is entered before the last is left. */
    const depth = useRef(0);
    const [over, setOver] = useState(false);
    const move = (change: number) => (event: DragEvent) => {
        if (disabled || !event.dataTransfer?.types.includes('Files')) return;
        event.preventDefault();
        depth.current += change;
        setOver(depth.current > 0);
    };
    const onDrop = (event: DragEvent): void => {
        depth.current = 0;
        setOver(false);
        const files = filesOf(event.dataTransfer);
        if (disabled || files.length === 0) return;
        event.preventDefault();
        uploads.add(files);
    };
    const onPaste = (event: ClipboardEvent): void => {
        const files = filesOf(event.clipboardData);
        if (disabled || files.length === 0) return;
        event.preventDefault();
        uploads.add(files);
    };
    return (
        <div
            class={`image-drop${name ? ` ${name}` : ''}`}
            onDragEnter={move(1)}
            onDragLeave={move(-1)}
            onDragOver={move(0)}
            onDrop={onDrop}
            onPaste={onPaste}
        >
            {children}
            {over && (
                <div class="image-drop-hint">
                    <p>{t(anyFile ? 'dropFileHere' : 'dropHere')}</p>
                </div>
            )}
        </div>
    );
}

/** 3.4 MB, with the reader's decimal sign. */
export function sizeText(bytes: number): string {
    const mega = bytes / 1e6;
    const most = { maximumFractionDigits: mega < 10 ? 1 : 0 };
    return mega < 0.1
        ? `${Math.max(1, Math.round(bytes / 1000))} kB`
        : `${mega.toLocaleString(language(), most)} MB`;
}

/** Refusals in words. */
const FAILURES: Readonly<Record<string, StringKey>> = {
    not_an_image: 'notImage',
    image_broken: 'broken',
    too_large: 'tooBig',
    body_too_large: 'tooBig',
    cut_off: 'cutOff',
    image_too_large: 'tooManyPixels',
    talk_forbidden: 'notAllowed',
    room_files_full: 'roomFull',
    room_not_found: 'ended',
    not_member: 'noMember',
    message_not_found: 'takenBack',
    files_full: 'storeFull',
};

/** The same file will not fare better. */
const HOPELESS = new Set([
    'not_an_image',
    'image_broken',
    'too_large',
    'body_too_large',
    'image_too_large',
    'cut_off',
]);

/** In chat what is sent may be anything. */
const OF_FILES: Partial<Record<StringKey, StringKey>> = {
    image: 'file',
    uploads: 'fileUploads',
    preparing: 'preparingFile',
    offline: 'offlineFile',
    busyImages: 'busyFiles',
    ended: 'chatGone',
    otherFailure: 'otherFileFailure',
    tooMany: 'tooManyFiles',
};

type Say = typeof t;
const ofFiles: Say = (key, values) => t(OF_FILES[key] ?? key, values);

function stageText({ stage, bytes }: Upload, say: Say): string {
    switch (stage.name) {
        case 'waiting':
            return say('waiting');
        case 'preparing':
            return say('preparing');
        case 'uploading':
            return say('uploading', { percent: Math.round(stage.fraction * 100) });
        case 'pausing':
            return say(stage.why === 'busy' ? 'busyImages' : 'offline');
        case 'failed':
            return say(FAILURES[stage.code] ?? 'otherFailure', {
                code: stage.code,
                size: sizeText(bytes),
            });
    }
}

interface UploadItemProps {
    upload: Upload;
    uploads: Uploads<any>;
    say: Say;
}

function UploadItem({ upload, uploads, say }: UploadItemProps): JSX.Element {
    const { key, bytes, shrunkTo, preview, stage } = upload;
    const name = upload.name || say('image');
    const text = stageText(upload, say);
    const loud = stage.name === 'failed' || stage.name === 'pausing';
    // Before that it may turn out to be an image.
    const sent = loud || stage.name === 'uploading';
    return (
        <li class={`upload upload-${stage.name}`}>
            <span class="upload-picture">
                {preview === null && sent && <Icon name="file" />}
                {preview !== null && (
                    <img
                        src={preview}
                        alt=""
                        onError={({ currentTarget }) => (currentTarget.hidden = true)}
                    />
                )}
            </span>
            <div class="upload-text">
                <span class="upload-name">{name}</span>
                {stage.name === 'uploading' && (
                    <progress value={stage.fraction} max={1} aria-label={name} />
                )}
                {shrunkTo !== null && (
                    <span class="hint">
                        {t('shrunk', { from: sizeText(bytes), to: sizeText(shrunkTo) })}
                    </span>
                )}
                <span class={stage.name === 'failed' ? 'field-error' : 'hint'} aria-hidden={loud}>
                    {text}
                </span>
                {/* Progress is seen, or asked of the bar; what went wrong is told. */}
                <span class="unseen" role="status">
                    {loud && text}
                </span>
            </div>
            {loud && !(stage.name === 'failed' && HOPELESS.has(stage.code)) && (
                <button type="button" class="small" onClick={() => uploads.retry(key)}>
                    {t('retry')}
                </button>
            )}
            <button
                type="button"
                class="quiet"
                aria-label={t(stage.name === 'failed' ? 'removeUpload' : 'cancelUpload', { name })}
                onClick={() => uploads.cancel(key)}
            >
                {t(stage.name === 'failed' ? 'remove' : 'cancel')}
            </button>
        </li>
    );
}

interface UploadListProps {
    uploads: Uploads<any>;
    /** Those of this target only. */
    target?: string;
    /** Of any kind, and not only images. */
    anyFile?: boolean;
}

export function UploadList({ uploads, target, anyFile }: UploadListProps): JSX.Element | null {
    const say = anyFile ? ofFiles : t;
    const all = uploads.all.filter((upload) => target === undefined || upload.target === target);
    if (all.length === 0) return null;
    return (
        <ul class="uploads" aria-label={say('uploads')}>
            {all.map((upload) => (
                <UploadItem key={upload.key} {...{ upload, uploads, say }} />
            ))}
            {uploads.tooMany && (
                <li class="hint" role="status">
                    {say('tooMany', { count: MOST_UPLOADS })}
                </li>
            )}
        </ul>
    );
}
