/** The page of one who is signed in: rooms on one side, the one that is open on the other. */

import type { JSX } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ChatOutgoing, State } from '../client';
import { SignIn } from '../ui/account/sign-in';
import { Dialog } from '../ui/dialog';
import { useConnection } from '../ui/hooks';
import { addToDraft } from '../ui/draft';
import { keepFor } from '../ui/keep';
import { BASE } from '../ui/page';
import { followKeyboard } from '../ui/viewport';
import { Chat } from './chat';
import { RoomPane } from './pane';
import { goTo, usePlace } from './place';
import type { Place } from './place';
import { draftOf, userOf } from './session';
import { Sidebar } from './sidebar';
import { t } from './strings';
import type { StringKey } from './strings';
import { useFiles } from './uploads';
import { endedText, trouble } from './words';

interface ChatPageProps {
    token: string;
    onToken(token: string): void;
    /** Signed out, by oneself or for a reason. */
    onLeave(why: StringKey | null): void;
}

/** A chat of one's own while the page is there, drawn anew with each change. */
function useChat(token: string, renew: () => Promise<string | null>): Chat {
    const chat = useMemo(() => {
        const user = userOf(token);
        const keep = keepFor<ChatOutgoing>(`chat.${user}`, 'room');
        return new Chat({ base: BASE, token, keep, refreshToken: renew }, (room, text) =>
            addToDraft(draftOf(user, room), text),
        );
    }, []);
    const [, draw] = useState(0);
    useEffect(() => chat.subscribe(() => draw((count) => count + 1)), [chat]);
    useConnection(chat);
    useEffect(() => {
        const leave = (): void => {
            chat.client.flush();
            chat.keepRefused();
        };
        window.addEventListener('pagehide', leave);
        return () => {
            window.removeEventListener('pagehide', leave);
            chat.close();
        };
    }, [chat]);
    return chat;
}

/** Asks for a new sign-in when the server wants one; the promise waits for it. */
function useRenewal(): {
    wanted: boolean;
    renew(): Promise<string | null>;
    answer(token: string | null): void;
} {
    const [wanted, setWanted] = useState(false);
    const waiting = useRef<((token: string | null) => void) | null>(null);
    const renew = useCallback(() => {
        setWanted(true);
        return new Promise<string | null>((resolve) => (waiting.current = resolve));
    }, []);
    const answer = useCallback((token: string | null) => {
        setWanted(false);
        waiting.current?.(token);
        waiting.current = null;
    }, []);
    return { wanted, renew, answer };
}

/** How much is unread, in the title of the tab. */
function useTitle(unread: number): void {
    useEffect(() => {
        const title = `${t('chat')} · Lectern`;
        document.title = unread > 0 ? `(${unread > 999 ? '999+' : unread}) ${title}` : title;
    });
}

/** The trouble stays in sight while another try is made. */
function useTrouble(state: State): string | null {
    const last = useRef<string | null>(null);
    if (state.name !== 'connecting') last.current = trouble(state);
    return last.current;
}

/** A file that is dropped beside the messages does not take their place in the tab. */
function keepFilesOut(): () => void {
    const refuse = (event: DragEvent): void => {
        if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = 'none';
    };
    window.addEventListener('dragover', refuse);
    window.addEventListener('drop', refuse);
    return () => {
        window.removeEventListener('dragover', refuse);
        window.removeEventListener('drop', refuse);
    };
}

export function ChatPage({ token, onToken, onLeave }: ChatPageProps): JSX.Element {
    const { wanted, renew, answer } = useRenewal();
    const chat = useChat(token, renew);
    const onPlace = useCallback(({ room, seq }: Place) => chat.open(room, seq), [chat]);
    const place = usePlace(onPlace);
    const { state } = chat.client;
    const [otherUser, setOtherUser] = useState(false);
    useTitle(chat.rooms?.unread ?? 0);
    const told = useTrouble(state);
    const files = useFiles(chat);
    useEffect(() => followKeyboard(), []);
    useEffect(keepFilesOut, []);
    useEffect(() => {
        if (state.name !== 'closed') return;
        const { kind } = state.reason;
        if (kind === 'account_required') onLeave('accountRequired');
        else if (kind === 'token_invalid' || kind === 'token_expired') onLeave('signInAgain');
    }, [state]);
    useEffect(() => {
        // The room is gone: so is its address.
        if (chat.ended && chat.ended.room === place.room) goTo(null);
    }, [chat.ended]);
    const renewed = (next: string): void => {
        if (userOf(next) !== userOf(token)) return setOtherUser(true);
        setOtherUser(false);
        onToken(next);
        answer(next);
    };
    return (
        <main class={place.room === null ? 'app chat' : 'app chat chat-open'}>
            <h1 class="unseen">{t('chat')}</h1>
            <div class="chat-news" role="status">
                {told !== null && (
                    <p class="alert chat-offline">
                        <span>{told}</span>
                        {state.name === 'waiting' && (
                            <button type="button" class="small" onClick={() => chat.client.poke()}>
                                {t('connectNow')}
                            </button>
                        )}
                    </p>
                )}
                {chat.ended && place.room === null && (
                    <p class="chat-ended">{endedText(chat.ended)}</p>
                )}
            </div>
            <Sidebar chat={chat} room={place.room} onSignOut={() => onLeave(null)} />
            <RoomPane chat={chat} id={place.room} files={files} />
            {wanted && (
                <Dialog title={t('signInTitle')} onClose={() => answer(null)}>
                    <div class="stack">
                        <SignIn
                            who="anyone"
                            problem={t(otherUser ? 'otherUser' : 'signInAgain')}
                            onToken={renewed}
                        />
                    </div>
                </Dialog>
            )}
        </main>
    );
}
