/**
 * A file before it is uploaded: is it an image, can the server read it, and is it worth its bytes?
 * Photos that are bigger than any screen shows are drawn smaller first, upright, in the browser: a
 * class of thirty shares one network.
 */

/** Larger files are drawn smaller, bytes. */
export const SHRINK_ABOVE = 2 * 1024 * 1024;

/** Long edge of what is drawn smaller, pixels: what the server would keep anyway. */
const LONG_EDGE = 2048;

/** Most bytes of a file that is tried at all. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Most bytes of a file that cannot be drawn smaller: what servers take unless told otherwise. */
const MOST_AS_IT_IS = 20 * 1024 * 1024;

const QUALITY = 0.85;

export type Kind = 'jpeg' | 'png' | 'gif' | 'bmp' | 'other';

/** What the server reads. */
const SERVER_KINDS: readonly Kind[] = ['jpeg', 'png', 'gif', 'bmp'];

const SIGNATURES: readonly [Kind, RegExp][] = [
    ['jpeg', /^\xff\xd8\xff/],
    ['png', /^\x89PNG\r\n\x1a\n/],
    ['gif', /^GIF8[79]a/],
    ['bmp', /^BM/],
    // WebP; HEIC and AVIF: the browser may be able to draw them.
    ['other', /^RIFF[^]{4}WEBP/],
    ['other', /^[^]{4}ftyp(?:hei|hev|mif|msf|avi)/],
];

/** Tells by the first bytes; names and types of files are anyone's word. Null for no image. */
export function kindOf(head: Uint8Array): Kind | null {
    const text = String.fromCharCode(...head.slice(0, 16));
    return SIGNATURES.find(([, signature]) => signature.test(text))?.[0] ?? null;
}

export type Prepared =
    | { ok: true; blob: Blob; shrunk: boolean }
    | { ok: false; why: 'not_an_image' | 'image_broken' | 'too_large' };

interface Drawable {
    source: CanvasImageSource;
    width: number;
    height: number;
    release(): void;
}

/** By way of an <img>, which turns photos upright in every browser that pages are made for. */
function load(blob: Blob): Promise<Drawable> {
    const url = URL.createObjectURL(blob);
    const image = new Image();
    const release = (): void => URL.revokeObjectURL(url);
    return new Promise((resolve, reject) => {
        image.onload = () =>
            resolve({
                source: image,
                width: image.naturalWidth,
                height: image.naturalHeight,
                release,
            });
        image.onerror = () => {
            release();
            reject(new Error('not drawn'));
        };
        image.src = url;
    });
}

function toBlob(canvas: HTMLCanvasElement, type: string): Promise<Blob> {
    return new Promise((resolve, reject) => {
        const done = (blob: Blob | null): void =>
            blob ? resolve(blob) : reject(new Error('no blob'));
        canvas.toBlob(done, type, QUALITY);
    });
}

function hasAlpha(context: CanvasRenderingContext2D, width: number, height: number): boolean {
    const { data } = context.getImageData(0, 0, width, height);
    for (let index = 3; index < data.length; index += 4) if (data[index]! < 255) return true;
    return false;
}

async function redraw(blob: Blob, mayHaveAlpha: boolean): Promise<Blob> {
    const drawable = await load(blob);
    try {
        const scale = Math.min(1, LONG_EDGE / Math.max(drawable.width, drawable.height));
        const canvas = document.createElement('canvas');
        canvas.width = Math.max(1, Math.round(drawable.width * scale));
        canvas.height = Math.max(1, Math.round(drawable.height * scale));
        const context = canvas.getContext('2d');
        if (!context) throw new Error('no canvas');
        context.imageSmoothingQuality = 'high';
        context.drawImage(drawable.source, 0, 0, canvas.width, canvas.height);
        const alpha = mayHaveAlpha && hasAlpha(context, canvas.width, canvas.height);
        return await toBlob(canvas, alpha ? 'image/png' : 'image/jpeg');
    } finally {
        drawable.release();
    }
}

/** Where the browser cannot draw a file that the server may read, it goes as it is. */
export async function prepareImage(file: Blob): Promise<Prepared> {
    let head: Uint8Array;
    try {
        head = new Uint8Array(await file.slice(0, 16).arrayBuffer());
    } catch {
        // Moved or withdrawn since it was chosen.
        return { ok: false, why: 'image_broken' };
    }
    const kind = kindOf(head);
    if (kind === null) return { ok: false, why: 'not_an_image' };
    if (file.size > MOST_BYTES) return { ok: false, why: 'too_large' };
    const readable = SERVER_KINDS.includes(kind);
    if (readable && file.size <= SHRINK_ABOVE) return { ok: true, blob: file, shrunk: false };
    try {
        const drawn = await redraw(file, kind === 'png' || kind === 'other');
        if (readable && drawn.size >= file.size) return { ok: true, blob: file, shrunk: false };
        return { ok: true, blob: drawn, shrunk: true };
    } catch {
        if (!readable) return { ok: false, why: 'image_broken' };
        if (file.size > MOST_AS_IT_IS) return { ok: false, why: 'too_large' };
        return { ok: true, blob: file, shrunk: false };
    }
}
