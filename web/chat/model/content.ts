/** What a chat message says, as far as the page knows how to show it. */

import type { ChatMessage } from '../../client';
import { parseImage } from '../../ui/model/image';
import type { ImageBody } from '../../ui/model/image';

export type FileState = 'uploading' | 'ready' | 'failed';

export interface FileBody {
    /** Absent until the file is there. */
    url?: string;
    name: string;
    /** Media type, as its sender's browser called it. */
    type: string;
    bytes: number;
    state: FileState;
}

export interface Content {
    /** The text, or an image's caption; may be empty beside an image or a file. */
    text: string;
    image?: ImageBody;
    file?: FileBody;
}

/** Files are the server's own: no message makes a page ask another host. */
const OWN_FILE = /^\/files\/[\w.~-]+$/;

const STATES: readonly unknown[] = ['uploading', 'ready', 'failed'];

const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);

/** Null for what is no file. */
export function parseFile(body: unknown): FileBody | null {
    if (!isRecord(body)) return null;
    const { url, name, type, bytes, state = 'ready' } = body;
    if (typeof name !== 'string' || !STATES.includes(state)) return null;
    const own = typeof url === 'string' && OWN_FILE.test(url);
    if (state === 'ready' && !own) return null;
    return {
        ...(own ? { url } : {}),
        name: name.slice(0, 255),
        type: typeof type === 'string' ? type.toLowerCase() : '',
        bytes: typeof bytes === 'number' && bytes >= 0 ? bytes : 0,
        state: state as FileState,
    };
}

/** How a file can be shown in the page itself; null where it is only to be downloaded. */
export function playerOf({ type }: FileBody): 'video' | 'audio' | null {
    if (type === 'video/mp4' || type === 'video/webm') return 'video';
    return type.startsWith('audio/') ? 'audio' : null;
}

/** A text without a character is nothing to show. */
const textOf = (body: unknown): Content | null =>
    typeof body === 'string' && body.trim() !== '' ? { text: body } : null;

/** Null for what is nothing to show. */
export function contentOf(type: string, body: unknown): Content | null {
    switch (type) {
        case 'send':
            return textOf(body);
        case 'image': {
            // Older programs send an image as its address.
            if (typeof body === 'string') return textOf(body);
            const image = parseImage(body);
            return image && { text: image.text ?? '', image };
        }
        case 'file': {
            const file = parseFile(body);
            return file && { text: '', file };
        }
        default:
            return null;
    }
}

/** Somebody came or went. */
export function presenceOf({ messageType, message, sender, senderName }: ChatMessage): {
    change: 'join' | 'leave';
    name: string;
    count?: number;
    owner?: string;
} | null {
    if (messageType !== 'join' && messageType !== 'leave') return null;
    const { name, count, owner } = isRecord(message) ? message : ({} as Record<string, unknown>);
    return {
        change: messageType,
        name: typeof name === 'string' ? name : (senderName ?? sender),
        ...(typeof count === 'number' ? { count } : {}),
        ...(typeof owner === 'string' ? { owner } : {}),
    };
}

/** The message that a `delete` or `file-state` is about; empty where that cannot be read. */
export function subjectOf({ message }: ChatMessage): string {
    const id = isRecord(message) ? message['id'] : undefined;
    return typeof id === 'string' ? id : '';
}
