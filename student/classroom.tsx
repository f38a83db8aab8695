/** The class as a student sees it. */

import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { environment, guest } from '../web/client';
import type { Reason, State } from '../web/client';
import { Classroom } from '../web/ui/classroom';
import { Composer, Conversation, StateLine } from '../web/ui/components';
import { useConnection, useFirstFocus, useSnapshot } from '../web/ui/hooks';
import { BASE } from '../web/ui/page';
import { t } from '../web/ui/strings';
import type { StringKey } from '../web/ui/strings';
import { forgetIdentity, saveIdentity } from './identity';
import type { Identity } from './identity';

/** What can be done about the end of a connection, besides leaving. */
const REMEDIES: Partial<Record<Reason['kind'], StringKey>> = {
    replaced: 'useHere',
    refused: 'tryAgain',
    token_expired: 'joinAgain',
    token_invalid: 'joinAgain',
};

/** There is no class that a message could be for: now, or for good. */
function classless(state: State): boolean {
    if (state.name === 'waiting') return state.reason.kind.startsWith('room_');
    return state.name === 'closed';
}

interface StudentClassProps {
    identity: Identity;
    /** The page was reloaded while in this class. */
    returning: boolean;
    /** `again`: to join the same class anew. */
    onLeave(again: boolean): void;
}

function openClass(identity: Identity, returning: boolean): Classroom {
    const { room, name, token } = identity;
    return new Classroom({
        base: BASE,
        room,
        token,
        returning,
        refreshToken: async () => {
            const answer = await guest(environment(), BASE, room, name);
            if (answer.ok) {
                saveIdentity({ room, name, token: answer.value.token });
                return answer.value.token;
            }
            // Those are a no; anything else may be different later.
            if (['removed', 'bad_room', 'bad_field'].includes(answer.code)) return null;
            throw new Error(answer.message);
        },
    });
}

export function StudentClass({ identity, returning, onLeave }: StudentClassProps): JSX.Element {
    const classroom = useMemo(() => openClass(identity, returning), [identity]);
    const snapshot = useSnapshot(classroom);
    const { state, settings, user } = snapshot;
    useConnection(classroom);
    const reason = state.name === 'closed' ? state.reason.kind : null;
    const lostAccess = reason === 'token_expired' || reason === 'token_invalid';
    useEffect(() => {
        // Nothing that would let the token in again: the next try starts from the form.
        if (reason === 'removed' || lostAccess) forgetIdentity();
    }, [reason]);
    const remedy = reason === null ? undefined : REMEDIES[reason];
    const leave = (): void => {
        classroom.client.close();
        onLeave(false);
    };
    const onRemedy = (): void => (lostAccess ? onLeave(true) : classroom.client.connect());
    const title = settings?.name || t('unnamedClass', { code: identity.room });
    const heading = useFirstFocus<HTMLHeadingElement>();

    return (
        <div class="app app-student">
            <header class="bar">
                <div class="bar-title">
                    <h1 ref={heading} tabIndex={-1}>
                        {title}
                    </h1>
                    <p>
                        <span class="code-small">{identity.room}</span>
                        {' · '}
                        {t('signedInAs', { name: user?.name ?? identity.name })}
                    </p>
                </div>
                <button type="button" onClick={leave}>
                    {reason === null ? t('leave') : t('otherClass')}
                </button>
            </header>
            <StateLine classroom={classroom} snapshot={snapshot} role="student" />
            {remedy && (
                <div class="remedy">
                    <button type="button" class="primary" onClick={onRemedy}>
                        {t(remedy)}
                    </button>
                </div>
            )}
            <main class="panel panel-fill" aria-label={t('messages')}>
                <Conversation snapshot={snapshot} />
                <Composer
                    hint={t('toTeacherHint')}
                    disabled={classless(state)}
                    onSend={(text) => classroom.say(text)}
                />
            </main>
        </div>
    );
}
