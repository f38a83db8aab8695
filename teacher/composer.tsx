/** What the teacher writes and shows: kept over a reload until it is sent. */

import type { ComponentChildren, JSX } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ImageButton, ImageDrop, UploadList } from '../web/ui/image/upload';
import { useUploads } from '../web/ui/image/use-uploads';
import { tab } from '../web/ui/storage';
import type { TeacherClassroom } from './class';
import { t } from './strings';

interface ComposerProps {
    classroom: TeacherClassroom;
    room: string;
    target: string | null;
    hint: string;
    /** Says whom it is for. */
    audience: ComponentChildren;
    /** The conversation: images may be dropped there too. */
    children: ComponentChildren;
}

/** Longer texts are cut by the browser; the server takes 64 KiB. */
const MOST_CHARACTERS = 4000;

/** Enter sends, Shift+Enter starts a new line; not while a Hangul syllable is being composed. */
export function Composer(props: ComposerProps): JSX.Element {
    const { classroom, room, target, hint, audience, children } = props;
    const uploads = useUploads(classroom, (message, target) => {
        const to = target === null ? {} : { target };
        void classroom.send({ targetType: 'student', ...to, messageType: 'image', message });
    });
    // An image that is on its way stays for the one for whom it was chosen.
    uploads.target = target;
    return (
        <ImageDrop uploads={uploads} disabled={false} class="talk-drop">
            {children}
            <div class={target === null ? 'composer' : 'composer composer-one'}>
                {audience}
                <UploadList uploads={uploads} />
                <TextLine
                    key={room}
                    draftKey={`lectern.teacher.draft.${room}`}
                    target={target}
                    hint={hint}
                    onSend={(text) => classroom.say(text, target ?? undefined)}
                >
                    <ImageButton uploads={uploads} disabled={false} />
                </TextLine>
            </div>
        </ImageDrop>
    );
}

interface TextLineProps {
    draftKey: string;
    target: string | null;
    hint: string;
    onSend(text: string): void;
    children: ComponentChildren;
}

function TextLine({ draftKey, target, hint, onSend, children }: TextLineProps): JSX.Element {
    const [text, setText] = useState(() => tab.get<string>(draftKey) ?? '');
    const field = useRef<HTMLTextAreaElement>(null);
    const first = useRef(true);
    const id = useId();
    const change = (next: string): void => {
        setText(next);
        if (next === '') tab.remove(draftKey);
        else tab.set(draftKey, next);
    };
    useLayoutEffect(() => {
        // Whom to write to was chosen elsewhere: writing goes on here.
        if (!first.current) field.current?.focus();
        first.current = false;
    }, [target]);
    const submit = (event: Event): void => {
        event.preventDefault();
        const trimmed = text.trim();
        if (trimmed === '') return;
        onSend(trimmed);
        change('');
        field.current?.focus();
    };
    const onKeyDown = (event: KeyboardEvent): void => {
        if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
    };
    return (
        <form class="composer-row" onSubmit={submit}>
            {children}
            <label class="unseen" for={id}>
                {t('message')}
            </label>
            <textarea
                id={id}
                ref={field}
                rows={1}
                maxLength={MOST_CHARACTERS}
                placeholder={hint}
                value={text}
                onInput={(event) => change(event.currentTarget.value)}
                onKeyDown={onKeyDown}
            />
            <button class="primary" type="submit" disabled={text.trim() === ''}>
                {t('send')}
            </button>
        </form>
    );
}
