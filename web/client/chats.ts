/** The REST calls about chat: docs/protocol.md, "Chat". Failures are data, never thrown. */

import type {
    ChatMessage,
    ChatRoom,
    HistoryPage,
    ListedRoom,
    Member,
    MyRoom,
} from './chat-protocol';
import type { Environment } from './env';
import type { User } from './protocol';
import { request } from './rest';
import type { Answer } from './rest';
import { upload } from './upload';
import type { UploadOptions } from './upload';

/** Without halves of characters: file systems may hold such names, addresses may not. */
const wholeOf = (name: string): string => name.replace(/\p{Surrogate}/gu, '\ufffd');

/** Looking through everything may take longer than most calls, ms. */
const SEARCH_PATIENCE = 20_000;

export interface Place {
    /** Message ids, or numbers within the room; at most one of both. */
    before?: string | number;
    after?: string | number;
    limit?: number;
}

export interface SearchPlace {
    room?: string;
    /** The `next` of the page before. */
    before?: string;
    limit?: number;
}

function query(fields: Readonly<Record<string, string | number | undefined>>): string {
    const all = new URLSearchParams();
    for (const [name, value] of Object.entries(fields)) {
        if (value !== undefined) all.set(name, String(value));
    }
    const text = all.toString();
    return text === '' ? '' : `?${text}`;
}

/** The server's chat calls, as one user. `token` is asked for with each call. */
export class Chats {
    constructor(
        private readonly env: Environment,
        /** The server's http origin. */
        private readonly base: string,
        private readonly token: () => string,
    ) {}

    /** All of them, newest activity first. */
    myRooms(): Promise<Answer<{ rooms: MyRoom[] }>> {
        return this.call('GET', '/chat/my/rooms');
    }

    createGroup(name: string): Promise<Answer<ChatRoom>> {
        return this.call('POST', '/chat/room/group/create', { name });
    }

    /** Groups that anybody may join, by name; `after` is the `next` of the page before. */
    groups(
        q: string,
        after?: string,
    ): Promise<Answer<{ rooms: ListedRoom[]; next: string | null }>> {
        return this.call('GET', `/chat/room/group/list${query({ q: q || undefined, after })}`);
    }

    join(id: string): Promise<Answer<ChatRoom>> {
        return this.call('POST', `/chat/room/group/${encodeURIComponent(id)}/join`, {});
    }

    leave(id: string): Promise<Answer<void>> {
        return this.call('DELETE', `/chat/room/group/${encodeURIComponent(id)}/leave`);
    }

    /** The one room of the two: made, or as it is. */
    direct(userId: string): Promise<Answer<ChatRoom>> {
        return this.call('POST', '/chat/room/private/create', { userId });
    }

    people(q: string): Promise<Answer<{ users: (User & Pick<Member, 'userType'>)[] }>> {
        return this.call('GET', `/chat/people${query({ q })}`);
    }

    history(id: string, place: Place = {}): Promise<Answer<HistoryPage>> {
        return this.call('GET', `/chat/history/${encodeURIComponent(id)}${query({ ...place })}`);
    }

    search(
        q: string,
        place: SearchPlace = {},
    ): Promise<Answer<{ messages: ChatMessage[]; next: string | null }>> {
        const url = `/chat/search${query({ q, ...place })}`;
        return this.call('GET', url, undefined, SEARCH_PATIENCE);
    }

    /**
     * Uploads a file as it is; the answer is its message, which others have seen since it began.
     * A name may hold what headers may not, so it is percent-encoded. With a `ref` of its own a file
     * whose answer was lost is sent again and is there once: the answer is then its message as it
     * is, failed perhaps.
     */
    upload(
        id: string,
        file: Blob,
        name: string,
        { ref, ...options }: UploadOptions & { ref?: string } = {},
    ): Promise<Answer<ChatMessage>> {
        return upload(
            this.env,
            {
                url: `${this.base}/chat/room/${encodeURIComponent(id)}/files`,
                token: this.token(),
                body: file,
                headers: {
                    'x-file-name': encodeURIComponent(wholeOf(name)),
                    ...(ref === undefined ? {} : { 'x-ref': ref }),
                },
                read: readMessage,
            },
            options,
        );
    }

    private call<T>(
        method: 'GET' | 'POST' | 'DELETE',
        path: string,
        body?: unknown,
        patience?: number,
    ): Promise<Answer<T>> {
        return request(this.env, `${this.base}${path}`, {
            method,
            token: this.token(),
            ...(body === undefined ? {} : { body }),
            ...(patience === undefined ? {} : { patience }),
        });
    }
}

function readMessage(status: number, text: string): ChatMessage | null {
    if (status !== 200 && status !== 201) return null;
    try {
        const value = JSON.parse(text) as Partial<ChatMessage> | null;
        return typeof value?.id === 'string' ? (value as ChatMessage) : null;
    } catch {
        return null;
    }
}
