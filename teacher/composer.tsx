/** What the teacher writes and shows: kept over a reload until it is sent. */

import type { ComponentChildren, JSX } from 'preact';
import { useDraft } from '../web/ui/draft';
import { ImageButton, ImageDrop, UploadList } from '../web/ui/image/upload';
import { useUploads } from '../web/ui/image/use-uploads';
import { TextLine } from '../web/ui/text-line';
import type { TeacherClassroom } from './class';

interface ComposerProps {
    classroom: TeacherClassroom;
    room: string;
    target: string | null;
    hint: string;
    /** The one it is for was removed: what is written stays, and is sent to nobody. */
    unreachable: boolean;
    /** Says whom it is for. */
    audience: ComponentChildren;
    /** The conversation: images may be dropped there too. */
    children: ComponentChildren;
}

export function Composer(props: ComposerProps): JSX.Element {
    const { classroom, room, target, hint, unreachable, audience, children } = props;
    const uploads = useUploads(classroom, (message, target) => {
        const to = target === null ? {} : { target };
        void classroom.send({ targetType: 'student', ...to, messageType: 'image', message });
    });
    // An image that is on its way stays for the one for whom it was chosen.
    uploads.target = target;
    return (
        <ImageDrop uploads={uploads} disabled={unreachable} class="talk-drop">
            {children}
            <div class={target === null ? 'composer' : 'composer composer-one'}>
                {audience}
                <UploadList uploads={uploads} />
                <Writer
                    key={room}
                    draft={`teacher.${room}`}
                    target={target}
                    hint={hint}
                    closed={unreachable}
                    onSend={(text) => classroom.say(text, target ?? undefined)}
                >
                    <ImageButton uploads={uploads} disabled={unreachable} />
                </Writer>
            </div>
        </ImageDrop>
    );
}

interface WriterProps {
    draft: string;
    target: string | null;
    hint: string;
    closed: boolean;
    onSend(text: string): void;
    children: ComponentChildren;
}

function Writer({ draft, target, ...line }: WriterProps): JSX.Element {
    const [text, setText] = useDraft(draft);
    return <TextLine text={text} onText={setText} subject={target} {...line} />;
}
