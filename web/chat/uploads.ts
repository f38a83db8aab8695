/** Files on their way to one's rooms. */

import { useMemo } from 'preact/hooks';
import { environment } from '../client';
import type { ChatMessage } from '../client';
import { kindOf, prepareImage } from '../ui/image/prepare';
import type { Prepared } from '../ui/image/prepare';
import { Uploads } from '../ui/image/uploads';
import { useHere } from '../ui/image/use-uploads';
import type { Chat } from './chat';
import type { Room } from './room';
import type { MessageLine } from './model/timeline';
import { contentOf } from './model/content';

export type Files = Uploads<ChatMessage>;

/** Photos are made smaller where that helps; everything else goes as it is. */
async function prepare(file: Blob): Promise<Prepared> {
    const none = new ArrayBuffer(0);
    const head = await file.slice(0, 16).arrayBuffer().catch(() => none);
    const kind = kindOf(new Uint8Array(head));
    const asItIs = { ok: true, blob: file, shrunk: false } as const;
    // What moves would stand still, and what only some browsers draw may be wanted as it is.
    if (kind === null || kind === 'gif' || kind === 'other') return asItIs;
    const prepared = await prepareImage(file);
    return prepared.ok ? prepared : asItIs;
}

/** What each upload is recognised by, so that one whose answer was lost is not there twice. */
class Refs {
    private readonly turns = new Map<string, number>();

    constructor(private readonly prefix: string) {}

    of(key: string): string {
        return `${this.prefix}-${key}-${this.turns.get(key) ?? 0}`;
    }

    renew(key: string): void {
        this.turns.set(key, (this.turns.get(key) ?? 0) + 1);
    }
}

function isReady({ messageType, message }: ChatMessage): boolean {
    const content = contentOf(messageType, message);
    return content?.file === undefined || content.file.state === 'ready';
}

/** They belong to the page, not to the room that is shown: changing rooms ends none. */
export function useFiles(chat: Chat): Files {
    const files = useMemo(() => {
        const env = environment();
        const refs = new Refs(env.uniqueId());
        return new Uploads<ChatMessage>({
            prepare,
            upload: async (blob, onProgress, signal, { key, target, name }) => {
                const how = { onProgress, signal, ref: refs.of(key) };
                const answer = await chat.rest.upload(target ?? '', blob, name || 'file', how);
                if (!answer.ok || isReady(answer.value)) return answer;
                // An earlier try did not come through: this one was only told so.
                refs.renew(key);
                return { ok: false, status: 0, code: 'unreachable', message: 'cut off before' };
            },
            done: (message) => chat.uploaded(message),
            preview: (blob) => (blob.type.startsWith('image/') ? URL.createObjectURL(blob) : null),
            unpreview: (url) => URL.revokeObjectURL(url),
            online: () => chat.client.state.name === 'open',
            setTimeout: env.setTimeout,
            clearTimeout: env.clearTimeout,
        });
    }, [chat]);
    useHere(files, (resume) => chat.client.on('hello', resume));
    return files;
}

/** Others see a file from the beginning of its upload; its sender sees how far it is instead. */
export function isOnItsWay(files: Files, room: Room, line: MessageLine): boolean {
    const { mine, file } = line;
    if (!mine || file?.state !== 'uploading') return false;
    // The server may have changed the name to one that every system takes.
    return files.all.some(
        ({ target, name, bytes, stage }) =>
            target === room.id &&
            stage.name === 'uploading' &&
            (name === file.name || bytes === file.bytes),
    );
}
