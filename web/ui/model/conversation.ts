/**
 * The conversation: texts and images in the order of their ids, one's own from the moment of
 * sending, and notes on what happened in between. `send`, `image`, `again`.
 */

import { RecentIds } from '../../client';
import type { LecternError, Message, Outgoing, SenderType, TargetType } from '../../client';
import { parseImage } from './image';
import type { ImageBody } from './image';
import { isAfter } from './order';
import type { ClassEvent, Part, Surroundings } from './part';

export interface MessageLine {
    kind: 'message';
    /** For lists: stays the same while the line is shown. */
    key: string;
    /** The message's id, once the server has taken it. */
    id?: string;
    mine: boolean;
    sender: string;
    senderType: SenderType;
    targetType: TargetType;
    /** The one user it was for. */
    target?: string;
    /** The text, or the image's caption; may be empty for an image. */
    text: string;
    image?: ImageBody;
    ts: number;
    status: 'sent' | 'sending' | 'failed';
    /** Why it was not sent. */
    error?: LecternError;
    /** When the teacher last pointed to it, by the server's clock, ms. */
    pointed?: number;
}

/** Something that happened: a text by its key. */
export interface NoteLine {
    kind: 'note';
    key: string;
    note: 'gap' | 'hostAway' | 'hostBack';
    ts: number;
}

export type Line = MessageLine | NoteLine;

/** Older lines are forgotten: a page is not an archive. */
export const MOST_LINES = 500;

/** Ids remembered: of the lines, and of some that were forgotten. */
const REMEMBERED = 4 * MOST_LINES;

/** What a message says: null where it is none of the conversation. */
function content(type: string, body: unknown): { text: string; image?: ImageBody } | null {
    if (type === 'send') return typeof body === 'string' ? { text: body } : null;
    if (type !== 'image') return null;
    const image = parseImage(body);
    return image && { text: image.text ?? '', image };
}

export class Conversation implements Part<readonly Line[]> {
    private lines: Line[] = [];
    /** Ids of what is shown, and was shown before it was forgotten. */
    private readonly ids = new RecentIds(REMEMBERED);
    private count = 0;

    take(event: ClassEvent, around: Surroundings): boolean {
        switch (event.kind) {
            case 'message':
                return this.onMessage(event.message, event.mine, event.key);
            case 'sending':
                return this.onSending(event, around);
            case 'failed':
                return this.change(event.key, { status: 'failed', error: event.error });
            case 'dropped':
                return this.remove(event.key) !== null;
            case 'gap':
                return this.note('gap', event.ts);
            case 'host-away':
                return this.note('hostAway', event.ts);
            case 'host-back':
                return this.note('hostBack', event.ts);
            case 'log':
                // Notes and what has no id yet are told by no log.
                this.lines = this.lines.filter((line) => !('id' in line));
                this.ids.clear();
                return true;
            case 'restart':
                // What is on its way will be told of: taken, or refused as another class's.
                this.lines = this.lines.filter(
                    (line) => line.kind === 'message' && line.status === 'sending',
                );
                this.ids.clear();
                return true;
            default:
                return false;
        }
    }

    view(): readonly Line[] {
        return [...this.lines];
    }

    private onMessage(message: Message, mine: boolean, key?: string): boolean {
        if (message.messageType === 'again') return !mine && this.onAgain(message);
        const said = content(message.messageType, message.message);
        if (!said) return false;
        const { id, sender, senderType, targetType, target, ts } = message;
        if (id !== undefined && this.ids.has(id)) return false;
        const before = key === undefined ? null : this.remove(key);
        return this.put({
            kind: 'message',
            key: before?.key ?? id ?? this.newKey('passing'),
            ...(id === undefined ? {} : { id }),
            mine,
            sender,
            senderType,
            targetType,
            ...(target === undefined ? {} : { target }),
            ...said,
            ts,
            status: 'sent',
        });
    }

    /**
     * A message once more, for one who may have missed it: shown where it belongs, and once. One
     * that is there already is pointed to: it came, but may not have been seen.
     */
    private onAgain({ message: body, sender, senderType, targetType, ts }: Message): boolean {
        if (typeof body !== 'object' || body === null || senderType !== 'teacher') return false;
        const { id, type, message } = body as Record<string, unknown>;
        if (typeof id !== 'string' || typeof type !== 'string') return false;
        const known = this.lines.find((line) => line.kind === 'message' && line.id === id);
        if (known) return this.change(known.key, { pointed: ts });
        if (this.ids.has(id)) return false;
        const said = content(type, message);
        if (!said) return false;
        const line = { sender, senderType, targetType, ...said, ts, pointed: ts };
        return this.put({ kind: 'message', key: id, id, mine: false, ...line, status: 'sent' });
    }

    private onSending(
        { key, outgoing, ts }: { key: string; outgoing: Outgoing; ts: number },
        { user, hosting }: Surroundings,
    ): boolean {
        const said = content(outgoing.messageType, outgoing.message);
        if (!said) return false;
        const { targetType, target } = outgoing;
        this.remove(key);
        return this.put({
            kind: 'message',
            key,
            mine: true,
            sender: user?.id ?? '',
            senderType: hosting ? 'teacher' : 'student',
            targetType,
            ...(target === undefined ? {} : { target }),
            ...said,
            ts,
            status: 'sending',
        });
    }

    private newKey(prefix: string): string {
        this.count += 1;
        return `${prefix}-${this.count}`;
    }

    private note(note: NoteLine['note'], ts: number): boolean {
        this.lines.push({ kind: 'note', key: this.newKey('note'), note, ts });
        this.forget();
        return true;
    }

    /** Puts a line in its place, which nearly always is the end; what is on its way stays below. */
    private put(line: MessageLine): boolean {
        const { lines } = this;
        let place = lines.length;
        while (line.id !== undefined && place > 0) {
            const above = lines[place - 1]!;
            const later =
                above.kind === 'message' &&
                (above.id === undefined
                    ? above.status === 'sending'
                    : isAfter(above.id, line.id));
            if (!later) break;
            place -= 1;
        }
        if (line.id !== undefined) this.ids.add(line.id);
        lines.splice(place, 0, line);
        this.forget();
        return true;
    }

    private forget(): void {
        if (this.lines.length > MOST_LINES) this.lines = this.lines.slice(-MOST_LINES);
    }

    private change(key: string, changes: Partial<MessageLine>): boolean {
        const place = this.lines.findIndex((line) => line.key === key);
        const line = this.lines[place];
        if (line?.kind !== 'message') return false;
        this.lines[place] = { ...line, ...changes };
        return true;
    }

    private remove(key: string): Line | null {
        const place = this.lines.findIndex((line) => line.key === key);
        return place < 0 ? null : this.lines.splice(place, 1)[0]!;
    }
}
