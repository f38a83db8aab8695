/** What the thumb reaches: hand, reactions, and the line to write on. */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ImageButton, ImageDrop, UploadList } from '../web/ui/image/upload';
import { useUploads } from '../web/ui/image/use-uploads';
import { TextLine } from '../web/ui/text-line';
import { useDoubt } from './banner';
import { HandButton, Passing, ReactionBar, handNews } from './gestures';
import type { GestureNews } from './gestures';
import { passOne } from './reactions';
import type { PassingReaction } from './reactions';
import { raise } from './session';
import type { StudentRoom, StudentSnapshot } from './session';
import { classless } from './status';
import { t } from './strings';
import { AudienceChoice } from './audience';
import type { Audience } from './audience';

interface DockProps {
    classroom: StudentRoom;
    snapshot: StudentSnapshot;
    draft: string;
    setDraft(text: string): void;
}

export function Dock({ classroom, snapshot, draft, setDraft }: DockProps): JSX.Element | null {
    const { state, settings, hand } = snapshot;
    const [wanted, setWanted] = useState<Audience>('teacher');
    const [news, setNews] = useState<GestureNews | null>(null);
    const [own, setOwn] = useState<readonly PassingReaction[]>([]);
    const doubt = useDoubt();
    const closed = classless(state);
    const mayTalk = settings?.talk === 'all';
    const targetType = mayTalk ? wanted : 'teacher';
    const uploads = useUploads(classroom, (message, target) => {
        const audience: Audience = target === 'all' ? 'all' : 'teacher';
        void classroom.send({ targetType: audience, messageType: 'image', message });
    });
    // An image stays for those for whom it was chosen, however long its way takes: what was for the
    // teacher alone goes to no one else. Where the class may no longer talk, the server refuses it.
    uploads.target = targetType;
    const imagesClosed = closed || !mayTalk;
    const react = async (emoji: string): Promise<boolean> => {
        // A socket that does not know yet would bring it when nobody knows what it was about.
        if (doubt) return false;
        const audience = mayTalk ? 'all' : 'teacher';
        const reaction = { messageType: 'reaction', message: emoji, ephemeral: true };
        const { ok } = await classroom.send({ targetType: audience, ...reaction });
        // What goes to all comes back by itself.
        if (ok && audience === 'teacher') setOwn((own) => passOne(own, emoji));
        return ok;
    };
    useEffect(() => setNews(null), [hand, state]);
    // Without a class there is nothing to do here, but what was being written stays in sight.
    if (closed && draft === '' && uploads.all.length === 0) return null;
    return (
        <ImageDrop uploads={uploads} disabled={imagesClosed} class="dock">
            {!closed && (
                <div class="gestures">
                    <HandButton hand={hand} onHand={(up) => void raise(classroom, up)} />
                    <ReactionBar onReaction={react} onNews={setNews} />
                </div>
            )}
            <div class="dock-line">
                {mayTalk && !closed && <AudienceChoice audience={wanted} onAudience={setWanted} />}
                <News news={news ?? handNews(hand)} />
            </div>
            <Passing reactions={own} />
            <UploadList uploads={uploads} />
            <TextLine
                text={draft}
                onText={setDraft}
                hint={t(targetType === 'all' ? 'toAllHint' : 'toTeacherHint')}
                closed={closed}
                onSend={(message) =>
                    void classroom.send({ targetType, messageType: 'send', message })
                }
            >
                {!imagesClosed && <ImageButton uploads={uploads} disabled={false} />}
            </TextLine>
        </ImageDrop>
    );
}

function News({ news }: { news: GestureNews | null }): JSX.Element {
    return (
        <p class={news?.bad ? 'news field-error' : 'news'} role="status">
            {news?.text}
        </p>
    );
}
