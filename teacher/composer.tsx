/** What the teacher writes and shows: kept over a reload until it is sent. */

import type { ComponentChildren, JSX } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ImageButton, ImageDrop, UploadList } from '../web/ui/image/upload';
import { useUploads } from '../web/ui/image/use-uploads';
import { enterSends } from '../web/ui/keys';
import { tab } from '../web/ui/storage';
import type { TeacherClassroom } from './class';
import { t } from './strings';

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

/** Longer texts are not sent, and not cut either; the server takes 64 KiB. */
const MOST_CHARACTERS = 4000;

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
                <TextLine
                    key={room}
                    draftKey={`lectern.teacher.draft.${room}`}
                    target={target}
                    hint={hint}
                    unreachable={unreachable}
                    onSend={(text) => classroom.say(text, target ?? undefined)}
                >
                    <ImageButton uploads={uploads} disabled={unreachable} />
                </TextLine>
            </div>
        </ImageDrop>
    );
}

interface TextLineProps {
    draftKey: string;
    target: string | null;
    hint: string;
    unreachable: boolean;
    onSend(text: string): void;
    children: ComponentChildren;
}

function TextLine(props: TextLineProps): JSX.Element {
    const { draftKey, target, hint, unreachable, onSend, children } = props;
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
    const trimmed = text.trim();
    const over = [...trimmed].length - MOST_CHARACTERS;
    const sendable = !unreachable && trimmed !== '' && over <= 0;
    const submit = (event: Event): void => {
        event.preventDefault();
        if (!sendable) return;
        onSend(trimmed);
        change('');
        field.current?.focus();
    };
    return (
        <form class="composer-row" onSubmit={submit}>
            {over > 0 && (
                <p class="field-error composer-error" id={`${id}-error`} role="alert">
                    {t('tooLong', { most: MOST_CHARACTERS, over })}
                </p>
            )}
            {children}
            <label class="unseen" for={id}>
                {t('message')}
            </label>
            <textarea
                id={id}
                ref={field}
                rows={1}
                placeholder={hint}
                value={text}
                aria-invalid={over > 0 ? true : undefined}
                aria-describedby={over > 0 ? `${id}-error` : undefined}
                onInput={(event) => change(event.currentTarget.value)}
                onKeyDown={(event) => enterSends(event) && submit(event)}
            />
            <button class="primary" type="submit" disabled={!sendable}>
                {t('send')}
            </button>
        </form>
    );
}
