/** An image in the conversation: small, in a box that is there before it, and large on demand. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useModal } from '../hooks';
import type { ImageBody } from '../model/image';
import { t } from './strings';

/** Panoramas and strips are cut to these shapes while small. */
const FLATTEST = 3;
const TALLEST = 0.5;

function nameOf({ text, name }: ImageBody): string {
    return text ?? name ?? t('image');
}

export function ImageThumb({ image }: { image: ImageBody }): JSX.Element {
    const [open, setOpen] = useState(false);
    const [gone, setGone] = useState(false);
    const ratio = Math.min(FLATTEST, Math.max(TALLEST, image.width / image.height));
    return (
        <>
            <button
                type="button"
                class="image-thumb"
                style={{ '--ratio': ratio }}
                aria-label={gone ? t('gone') : t('enlarge', { name: nameOf(image) })}
                aria-haspopup="dialog"
                disabled={gone}
                onClick={() => setOpen(true)}
            >
                {gone ? (
                    <span>{t('gone')}</span>
                ) : (
                    <img
                        src={image.thumbUrl}
                        alt=""
                        width={image.width}
                        height={image.height}
                        loading="lazy"
                        decoding="async"
                        onError={() => setGone(true)}
                    />
                )}
            </button>
            {open && <ImageDialog image={image} onClose={() => setOpen(false)} />}
        </>
    );
}

interface ImageDialogProps {
    image: ImageBody;
    onClose(): void;
}

/** Escape, the button and a click beside the image close it; the focus stays inside till then. */
function ImageDialog({ image, onClose }: ImageDialogProps): JSX.Element {
    const dialog = useModal();
    const [gone, setGone] = useState(false);
    const onClick = (event: MouseEvent): void => {
        if (event.target === dialog.current) onClose();
    };
    return (
        <dialog
            ref={dialog}
            class="image-dialog"
            aria-label={nameOf(image)}
            onClose={onClose}
            onClick={onClick}
        >
            {gone ? (
                <p class="empty">{t('gone')}</p>
            ) : (
                <img
                    src={image.url}
                    alt={nameOf(image)}
                    width={image.width}
                    height={image.height}
                    style={{ '--ratio': image.width / image.height }}
                    onError={() => setGone(true)}
                />
            )}
            <div class="row image-dialog-foot">
                <span class="image-dialog-name">{image.text ?? image.name ?? ''}</span>
                <a href={image.url} target="_blank" rel="noopener">
                    {t('original')}
                </a>
                <button type="button" class="primary" onClick={onClose}>
                    {t('close')}
                </button>
            </div>
        </dialog>
    );
}
