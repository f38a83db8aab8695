/**
 * The parts of a class that both pages show: its state, its conversation, and the line to write on.
 */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { LecternError } from '../client';
import type { Classroom, Line, Snapshot } from './classroom';
import { describe } from './describe';
import { useNow } from './hooks';
import { clockTime, t } from './strings';

interface StateLineProps {
    classroom: Classroom;
    snapshot: Snapshot;
    role: 'teacher' | 'student';
}

/**
 * What is going on. Countdowns are seen but not read aloud each second: the live region changes
 * only with the state.
 */
export function StateLine({ classroom, snapshot, role }: StateLineProps): JSX.Element {
    const { state, host } = snapshot;
    const counting = state.name === 'waiting' || (host !== null && host.deadline !== null);
    const now = useNow(counting);
    const { tone, text } = describe(snapshot, role, now, classroom.client.serverNow());
    const [spoken, setSpoken] = useState(text);
    useEffect(() => setSpoken(text), [state, host?.deadline]);
    return (
        <div class={`state state-${tone}`}>
            <span class="state-dot" aria-hidden="true" />
            <span aria-hidden="true">{text}</span>
            <span class="unseen" role="status">
                {spoken}
            </span>
        </div>
    );
}

function whyNot(error: LecternError | undefined): string {
    switch (error?.code) {
        case 'forbidden':
        case 'talk_forbidden':
            return t('refusedTalk');
        case 'too_big':
            return t('refusedBig');
        case 'room_ended':
        case 'closed':
            return t('refusedEnded');
        default:
            return t('refusedOther', { code: error?.code ?? '?' });
    }
}

type MessageLine = Extract<Line, { kind: 'message' }>;

/** Whom a message was for, where it was not for everyone. */
function audience({ target, mine }: MessageLine, { names, user }: Snapshot): string | null {
    if (target === undefined) return null;
    if (!mine && target === user?.id) return t('privately');
    return t('onlyTo', { name: names.get(target) ?? target });
}

function MessageItem({ line, snapshot }: { line: MessageLine; snapshot: Snapshot }): JSX.Element {
    const name = line.mine ? t('me') : (snapshot.names.get(line.sender) ?? line.sender);
    const only = audience(line, snapshot);
    return (
        <li class={`line ${line.mine ? 'line-mine' : 'line-theirs'} line-${line.status}`}>
            <div class="line-head">
                <span class="line-name">{name}</span>
                {only !== null && <span class="line-only">{only}</span>}
                <time dateTime={new Date(line.ts).toISOString()}>{clockTime(line.ts)}</time>
            </div>
            <p class="bubble">{line.text}</p>
            {line.status === 'sending' && <p class="line-foot">{t('sending')}</p>}
            {line.status === 'failed' && (
                <p class="line-foot line-error">{t('notSent', { why: whyNot(line.error) })}</p>
            )}
        </li>
    );
}

/** The conversation, kept at its end unless the reader has scrolled up. */
export function Conversation({ snapshot }: { snapshot: Snapshot }): JSX.Element {
    const box = useRef<HTMLDivElement>(null);
    const atEnd = useRef(true);
    const { lines } = snapshot;
    const stay = (): void => {
        if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
    };
    useLayoutEffect(stay, [lines]);
    useEffect(() => {
        // The keyboard of a phone, a longer state line or draft: all take from the box's height.
        const observer = new ResizeObserver(stay);
        observer.observe(box.current!);
        return () => observer.disconnect();
    }, []);
    const onScroll = (): void => {
        const { scrollHeight, scrollTop, clientHeight } = box.current!;
        atEnd.current = scrollHeight - scrollTop - clientHeight < 40;
    };
    return (
        <div
            class="conversation"
            ref={box}
            onScroll={onScroll}
            role="log"
            aria-label={t('messages')}
            tabIndex={0}
        >
            {lines.length === 0 && <p class="empty">{t('noMessages')}</p>}
            <ol>
                {lines.map((line) =>
                    line.kind === 'note' ? (
                        <li key={line.key} class="note">
                            {line.text} <time>{clockTime(line.ts)}</time>
                        </li>
                    ) : (
                        <MessageItem key={line.key} line={line} snapshot={snapshot} />
                    ),
                )}
            </ol>
        </div>
    );
}

interface ComposerProps {
    hint: string;
    disabled: boolean;
    onSend(text: string): void;
    /** What stands before the text field: the choice of whom to write to. */
    children?: ComponentChildren;
}

/** Longer texts are cut by the browser; the server takes 64 KiB. */
const MOST_CHARACTERS = 4000;

/** Enter sends, Shift+Enter starts a new line; not while a Hangul syllable is being composed. */
export function Composer({ hint, disabled, onSend, children }: ComposerProps): JSX.Element {
    const [text, setText] = useState('');
    const field = useRef<HTMLTextAreaElement>(null);
    const id = useId();
    const submit = (event: Event): void => {
        event.preventDefault();
        const trimmed = text.trim();
        if (disabled || trimmed === '') return;
        onSend(trimmed);
        setText('');
        field.current?.focus();
    };
    const onKeyDown = (event: KeyboardEvent): void => {
        if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
    };
    return (
        <form class="composer" onSubmit={submit}>
            {children}
            <div class="composer-row">
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
                    disabled={disabled}
                    onInput={(event) => setText(event.currentTarget.value)}
                    onKeyDown={onKeyDown}
                />
                <button class="primary" type="submit" disabled={disabled || text.trim() === ''}>
                    {t('send')}
                </button>
            </div>
        </form>
    );
}

interface FieldProps {
    label: string;
    hint?: string;
    error?: string | undefined;
    /** Attributes of the input. */
    input: JSX.IntrinsicElements['input'];
    value: string;
    onValue(value: string): void;
}

/** A labelled text field whose hint and error are told to screen readers too. */
export function Field({ label, hint, error, input, value, onValue }: FieldProps): JSX.Element {
    const id = useId();
    const describedBy = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
    return (
        <div class="field">
            <label for={id}>{label}</label>
            <input
                {...input}
                id={id}
                value={value}
                aria-invalid={error ? true : undefined}
                aria-describedby={describedBy || undefined}
                onInput={(event) => onValue(event.currentTarget.value)}
            />
            {hint && (
                <p class="hint" id={`${id}-hint`}>
                    {hint}
                </p>
            )}
            {error && (
                <p class="field-error" id={`${id}-error`} role="alert">
                    {error}
                </p>
            )}
        </div>
    );
}

interface ConfirmProps {
    question: string;
    action: string;
    onConfirm(): void;
    onCancel(): void;
}

/** Asks before what cannot be undone. Escape and the first button in focus order cancel. */
export function Confirm({ question, action, onConfirm, onCancel }: ConfirmProps): JSX.Element {
    const dialog = useRef<HTMLDialogElement>(null);
    const id = useId();
    useEffect(() => {
        const before = document.activeElement;
        dialog.current?.showModal();
        // Taken out of the page instead of being closed, it gives the focus back itself.
        return () => before instanceof HTMLElement && before.focus();
    }, []);
    return (
        <dialog ref={dialog} aria-labelledby={id} onClose={onCancel}>
            <p id={id}>{question}</p>
            <div class="row row-end">
                <button type="button" onClick={onCancel}>
                    {t('cancel')}
                </button>
                <button type="button" class="danger" onClick={onConfirm}>
                    {action}
                </button>
            </div>
        </dialog>
    );
}
