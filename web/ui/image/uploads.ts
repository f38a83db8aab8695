/**
 * Files on their way to the class or a chat room: checked, made smaller where that helps, uploaded
 * one at a time in the order in which they were chosen, and handed over. A lost network keeps the
 * file and tries again; what the server refuses stays in the list with the reason until it is
 * removed.
 */

import type { Answer, Failure, ImageFile } from '../../client';
import type { Prepared } from './prepare';

export type Stage =
    | { name: 'waiting' }
    | { name: 'preparing' }
    | { name: 'uploading'; fraction: number }
    /** Will be tried again by itself: the network is gone, or the server has too much to do. */
    | { name: 'pausing'; why: 'unreachable' | 'busy' }
    | { name: 'failed'; code: string };

export interface Upload {
    readonly key: string;
    readonly name: string;
    /** Whom it is for, in the page's words, as it was when the file was chosen. */
    readonly target: string | null;
    /** Bytes of the file that was chosen. */
    readonly bytes: number;
    /** Bytes that are sent in place of it, once that is known. */
    readonly shrunkTo: number | null;
    /** To show it meanwhile; null where it may be no image. */
    readonly preview: string | null;
    readonly stage: Stage;
}

/** `Stored` is what the server makes of a file. */
export interface UploadParts<Stored = ImageFile> {
    prepare(file: Blob): Promise<Prepared>;
    upload(
        blob: Blob,
        onProgress: (fraction: number) => void,
        signal: AbortSignal,
        upload: Upload,
    ): Promise<Answer<Stored>>;
    /** It is on the server. */
    done(stored: Stored, name: string, target: string | null): void;
    /** An address to show it by; null where it is nothing to look at. */
    preview(blob: Blob): string | null;
    unpreview(url: string): void;
    /** Whether the class's own connection is open. */
    online(): boolean;
    setTimeout(fn: () => void, ms: number): unknown;
    clearTimeout(timer: unknown): void;
}

interface Entry {
    upload: Upload;
    file: Blob;
    ready: Blob | null;
    abort: AbortController | null;
    timer: unknown;
    tries: number;
}

/** Codes that say "later", besides no answer at all. */
const BUSY = new Set(['images_busy', 'files_busy', 'chat_busy', 'unavailable', 'rate_limited', 'busy', 'draining']);

const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 20_000;

/** Tries without any answer while the class's connection is open. */
const MOST_TRIES = 3;

/** Most images that may wait at once. */
export const MOST_UPLOADS = 20;

export class Uploads<Stored = ImageFile> {
    /** Whom images are for that are added from now on: in the page's words, opaque here. */
    target: string | null = null;
    private entries: Entry[] = [];
    private readonly listeners = new Set<() => void>();
    private list: readonly Upload[] = [];
    private count = 0;
    private overflow = false;
    private running: Entry | null = null;

    constructor(private readonly parts: UploadParts<Stored>) {}

    get all(): readonly Upload[] {
        return this.list;
    }

    subscribe(fn: () => void): () => void {
        this.listeners.add(fn);
        return () => void this.listeners.delete(fn);
    }

    /** Whether some of the files that were added last were too many. */
    get tooMany(): boolean {
        return this.overflow;
    }

    /** Takes files in their order, as many as there is room for. */
    add(files: Iterable<Blob & { name?: string }>): void {
        this.overflow = false;
        for (const file of files) {
            this.overflow = this.entries.length >= MOST_UPLOADS;
            if (this.overflow) break;
            this.count += 1;
            this.entries.push({
                upload: {
                    key: `upload-${this.count}`,
                    name: file.name ?? '',
                    target: this.target,
                    bytes: file.size,
                    shrunkTo: null,
                    preview: null,
                    stage: { name: 'waiting' },
                },
                file,
                ready: null,
                abort: null,
                timer: null,
                tries: 0,
            });
        }
        this.tell();
        void this.work();
    }

    /** Takes an image out of the list, whatever it is doing. */
    cancel(key: string): void {
        const entry = this.find(key);
        if (!entry) return;
        this.remove(entry);
        entry.abort?.abort();
        void this.work();
    }

    /** Tries now what failed or pauses. */
    retry(key: string): void {
        const entry = this.find(key);
        if (!entry || !['failed', 'pausing'].includes(entry.upload.stage.name)) return;
        this.wake(entry);
    }

    /** The network is back: what pauses goes on. */
    resume(): void {
        for (const entry of this.entries) {
            if (entry.upload.stage.name === 'pausing') this.wake(entry);
        }
    }

    /** The class is over for this page: nothing goes on, and nothing is kept. */
    close(): void {
        for (const { upload } of [...this.entries]) this.cancel(upload.key);
    }

    private find(key: string): Entry | undefined {
        return this.entries.find(({ upload }) => upload.key === key);
    }

    private remove(entry: Entry): void {
        this.entries = this.entries.filter((other) => other !== entry);
        this.overflow = false;
        this.parts.clearTimeout(entry.timer);
        if (entry.upload.preview !== null) this.parts.unpreview(entry.upload.preview);
        this.tell();
    }

    private wake(entry: Entry): void {
        this.parts.clearTimeout(entry.timer);
        this.change(entry, { stage: { name: 'waiting' } });
        void this.work();
    }

    private change(entry: Entry, changes: Partial<Upload>): void {
        entry.upload = { ...entry.upload, ...changes };
        this.tell();
    }

    private tell(): void {
        this.list = this.entries.map(({ upload }) => upload);
        for (const listener of [...this.listeners]) listener();
    }

    /** Brings one after the other to its end. */
    private async work(): Promise<void> {
        if (this.running) return;
        const entry = this.entries.find(({ upload }) => upload.stage.name === 'waiting');
        if (!entry) return;
        this.running = entry;
        try {
            if (await this.prepare(entry)) await this.send(entry);
        } finally {
            this.running = null;
        }
        void this.work();
    }

    private gone(entry: Entry): boolean {
        return !this.entries.includes(entry);
    }

    private async prepare(entry: Entry): Promise<boolean> {
        if (entry.ready) return true;
        this.change(entry, { stage: { name: 'preparing' } });
        const prepared = await this.parts.prepare(entry.file);
        if (this.gone(entry)) return false;
        if (!prepared.ok) {
            this.change(entry, { stage: { name: 'failed', code: prepared.why } });
            return false;
        }
        entry.ready = prepared.blob;
        this.change(entry, {
            preview: this.parts.preview(prepared.blob),
            shrunkTo: prepared.shrunk ? prepared.blob.size : null,
        });
        return true;
    }

    private async send(entry: Entry): Promise<void> {
        entry.abort = new AbortController();
        this.change(entry, { stage: { name: 'uploading', fraction: 0 } });
        const progress = (fraction: number): void => {
            if (!this.gone(entry)) this.change(entry, { stage: { name: 'uploading', fraction } });
        };
        const { signal } = entry.abort;
        const answer = await this.parts.upload(entry.ready!, progress, signal, entry.upload);
        entry.abort = null;
        if (this.gone(entry)) return;
        if (answer.ok) {
            this.remove(entry);
            this.parts.done(answer.value, entry.upload.name, entry.upload.target);
        } else {
            this.meet(entry, answer);
        }
    }

    private meet(entry: Entry, { status, code, retryAfterMs = 0 }: Failure): void {
        const busy = BUSY.has(code);
        // An answer that never comes though the server is there: it, or a proxy before it, cuts off
        // bodies that are larger than it takes.
        const cut = status === 0 && entry.tries >= MOST_TRIES && this.parts.online();
        // A sign-in that is over is renewed for the connection, and with it for what waits here.
        const later =
            busy ||
            status === 0 ||
            status === 408 ||
            status >= 500 ||
            code === 'token_expired';
        if (cut || !later || code === 'files_full') {
            return this.change(entry, { stage: { name: 'failed', code: cut ? 'cut_off' : code } });
        }
        const pause = Math.min(FIRST_PAUSE_MS * 2 ** entry.tries, LONGEST_PAUSE_MS);
        entry.tries += 1;
        entry.timer = this.parts.setTimeout(() => this.wake(entry), Math.max(pause, retryAfterMs));
        this.change(entry, { stage: { name: 'pausing', why: busy ? 'busy' : 'unreachable' } });
    }
}
