/** The body of an `image` message: what `POST /rooms/{id}/images` answered, and a caption. */

export interface ImageBody {
    url: string;
    thumbUrl: string;
    width: number;
    height: number;
    bytes: number;
    /** The file's name on the sender's device. */
    name?: string;
    text?: string;
}

/** Images are the class's own files: no message makes a page ask another host for one. */
function isFile(value: unknown): value is string {
    return typeof value === 'string' && /^\/files\/[\w.~-]+$/.test(value);
}

function isLength(value: unknown): value is number {
    return typeof value === 'number' && Number.isFinite(value) && value >= 1 && value <= 100_000;
}

/** Null for what is no image. */
export function parseImage(body: unknown): ImageBody | null {
    if (typeof body !== 'object' || body === null) return null;
    const { url, thumbUrl, width, height, bytes, name, text } = body as Record<string, unknown>;
    if (!isFile(url) || !isFile(thumbUrl) || !isLength(width) || !isLength(height)) return null;
    return {
        url,
        thumbUrl,
        width,
        height,
        bytes: typeof bytes === 'number' ? bytes : 0,
        ...(typeof name === 'string' && name !== '' ? { name: name.slice(0, 255) } : {}),
        ...(typeof text === 'string' && text.trim() !== '' ? { text } : {}),
    };
}
