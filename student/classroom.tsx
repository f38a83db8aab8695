/** The class as a student sees it. */

import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Reason } from '../web/client';
import { Confirm } from '../web/ui/confirm';
import { useConnection, useFirstFocus, useLanguage, useSnapshot } from '../web/ui/hooks';
import type { Line, MessageLine } from '../web/ui/model/conversation';
import { LANGUAGES, setLanguage } from '../web/ui/strings';
import { Banner, useDoubt, useOnline } from './banner';
import { Dock } from './dock';
import { useDraft, useRefusedInDraft } from '../web/ui/draft';
import { Passing } from './gestures';
import { forgetIdentity, ownerOf } from './identity';
import type { Identity } from './identity';
import { Questions } from './questions';
import { openClass, useChecks, useClassmates, useNetworkChanges } from './session';
import type { StudentRoom, StudentSnapshot } from './session';
import { classless, statusOf } from './status';
import type { Status } from './status';
import { Stream } from './stream';
import { t } from './strings';
import { followKeyboard } from '../web/ui/viewport';

interface StudentClassProps {
    identity: Identity;
    /** The page was reloaded while in this class. */
    returning: boolean;
    /** `again`: to join the same class anew. */
    onLeave(again: boolean): void;
}

export function StudentClass({ identity, returning, onLeave }: StudentClassProps): JSX.Element {
    const classroom = useMemo(() => openClass(identity, returning), [identity]);
    const snapshot = useSnapshot(classroom);
    const online = useOnline();
    const doubt = useDoubt();
    const [asking, setAsking] = useState(false);
    useConnection(classroom);
    useNetworkChanges(classroom);
    useClassmates(classroom);
    useChecks(classroom, identity);
    const { state } = snapshot;
    const reason = state.name === 'closed' ? state.reason.kind : null;
    useEffect(() => {
        // Nothing that would let the token in again: the next try starts from the form.
        if (reason !== null && ACCESS_LOST.has(reason)) forgetIdentity();
    }, [reason]);

    const offset = classroom.client.serverNow() - Date.now();
    const status = statusOf(snapshot, { online, doubt }, offset);
    const leave = (): void => {
        classroom.client.close();
        onLeave(false);
    };
    const askOrLeave = (): void => (classroom.client.pending > 0 ? setAsking(true) : leave());
    const onRemedy = (): void =>
        status.remedy?.what === 'join' ? onLeave(true) : classroom.client.connect();

    const outside = reason === 'removed' || (snapshot.user === null && !returning);
    if (outside) return <Outside {...{ identity, status, onRemedy }} onLeave={leave} />;
    return (
        <>
            <Inside
                {...{ classroom, snapshot, identity, status, onRemedy }}
                onLeave={askOrLeave}
            />
            {asking && (
                <Confirm
                    question={t('leaveAsk')}
                    action={t('leave')}
                    onConfirm={leave}
                    onCancel={() => setAsking(false)}
                />
            )}
        </>
    );
}

const ACCESS_LOST = new Set<Reason['kind']>(['removed', 'token_expired', 'token_invalid']);

interface ViewProps {
    identity: Identity;
    status: Status;
    onRemedy(): void;
    onLeave(): void;
}

/** Not in the class, yet or any more: there is nothing to see but why. */
function Outside({ identity, status, onRemedy, onLeave }: ViewProps): JSX.Element {
    const heading = useFirstFocus<HTMLHeadingElement>();
    return (
        <main class="card join">
            <h1 ref={heading} tabIndex={-1}>
                {t('studentTitle')}
            </h1>
            <div class="waiting">
                <p class="waiting-code">{identity.room}</p>
                <p>{identity.name}</p>
            </div>
            <Banner status={status} onRemedy={onRemedy} />
            <button type="button" class="wide" onClick={onLeave}>
                {t(status.tone === 'bad' ? 'otherClass' : 'changeCode')}
            </button>
        </main>
    );
}

interface InsideProps extends ViewProps {
    classroom: StudentRoom;
    snapshot: StudentSnapshot;
}

function refusedTexts(lines: readonly Line[]): string[] {
    return lines.flatMap((line) =>
        line.kind === 'message' && line.status === 'failed' && !line.image ? [line.text] : [],
    );
}

function Inside(props: InsideProps): JSX.Element {
    const { classroom, snapshot, identity, status, onRemedy, onLeave } = props;
    const { state, settings, user, lines } = snapshot;
    const heading = useFirstFocus<HTMLHeadingElement>();
    const place = `message.${ownerOf(identity)}`;
    const [draft, setDraft] = useDraft(place);
    useRefusedInDraft(place, draft, refusedTexts(lines));
    useEffect(followKeyboard, []);
    const onEdit = (line: MessageLine): void => {
        setDraft(draft === '' ? line.text : `${draft}\n${line.text}`);
        classroom.drop(line.key);
    };
    return (
        <div class="app app-student">
            <header class="top">
                <h1 ref={heading} tabIndex={-1}>
                    {settings?.name || t('unnamedClass', { code: identity.room })}
                </h1>
                <p class="who-where">
                    {user?.name ?? identity.name}
                    {' · '}
                    <span class="code-small">{identity.room}</span>
                </p>
                <Banner status={status} onRemedy={onRemedy} />
                <div class="top-buttons">
                    <OtherLanguage />
                    <button type="button" onClick={onLeave}>
                        {t(state.name === 'closed' ? 'otherClass' : 'leave')}
                    </button>
                </div>
            </header>
            <main class="panel panel-fill">
                <Questions
                    classroom={classroom}
                    polls={snapshot.polls}
                    closed={classless(state)}
                />
                <Stream
                    lines={lines}
                    snapshot={snapshot}
                    closed={classless(state)}
                    onSeen={(id) => classroom.client.seen(id)}
                    onResend={(key) => classroom.resend(key)}
                    onDrop={(key) => classroom.drop(key)}
                    onEdit={onEdit}
                />
                <Passing reactions={snapshot.reactions} />
                <Dock {...{ classroom, snapshot, draft, setDraft }} />
            </main>
        </div>
    );
}

/** In class there is no room for a switch that shows both. */
function OtherLanguage(): JSX.Element {
    const current = useLanguage();
    const { id, name } = LANGUAGES.find((one) => one.id !== current)!;
    const short = id === 'ko' ? '한' : 'En';
    return (
        <button
            type="button"
            class="quiet other-language"
            lang={id}
            aria-label={`${short}, ${name}`}
            title={name}
            onClick={() => setLanguage(id)}
        >
            {short}
        </button>
    );
}
