/** What one writes and sends in a room: kept for each room over a reload until it is sent. */

import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { useDraft } from '../ui/draft';
import { ImageButton, UploadList } from '../ui/image/upload';
import { TextLine } from '../ui/text-line';
import type { Chat } from './chat';
import { t } from './strings';
import { draftOf } from './session';
import type { Files } from './uploads';

interface ComposerProps {
    chat: Chat;
    room: string;
    files: Files;
}

export function Composer({ chat, room, files }: ComposerProps): JSX.Element {
    const [draft, setDraft] = useDraft(draftOf(chat.me, room));
    // A file goes to the room that was open when it was chosen.
    files.target = room;
    useEffect(() => () => chat.stopTyping(), [room]);
    const change = (text: string): void => {
        setDraft(text);
        if (text.trim() === '') chat.stopTyping();
        else chat.typing(room);
    };
    return (
        <div class="composer">
            <UploadList uploads={files} target={room} anyFile />
            <TextLine
                text={draft}
                onText={change}
                hint={t('writeHint')}
                closed={false}
                onSend={(text) => chat.say(room, text)}
            >
                <ImageButton uploads={files} disabled={false} anyFile />
            </TextLine>
        </div>
    );
}
