/** The class as its teacher sees it. */

import type { JSX } from 'preact';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import type { Reason } from '../web/client';
import { Classroom } from '../web/ui/classroom';
import type { Snapshot } from '../web/ui/classroom';
import { Composer, Confirm, Conversation, StateLine } from '../web/ui/components';
import { describe } from '../web/ui/describe';
import { useConnection, useFirstFocus, useSnapshot } from '../web/ui/hooks';
import { BASE } from '../web/ui/page';
import { t } from '../web/ui/strings';
import type { StringKey } from '../web/ui/strings';
import { CodePanel, Roster } from './parts';
import { saveClass, saveToken } from './session';
import type { Session } from './session';
import { TokenForm } from './start';

/**
 * Seconds that the class waits for its teacher: a reload, a new battery, the way to another room.
 */
const HOLD = 120;

/** What `connect()` can do about the end of a connection. */
const REMEDIES: Partial<Record<Reason['kind'], StringKey>> = {
    room_ended: 'openAgain',
    replaced: 'useHere',
    refused: 'tryAgain',
};

interface TeacherClassProps {
    session: Session;
    onLeave(): void;
}

export function TeacherClass({ session, onLeave }: TeacherClassProps): JSX.Element {
    /** Set while the server wants another token: takes the one that is pasted. */
    const [giveToken, setGiveToken] = useState<((token: string) => void) | null>(null);
    const classroom = useMemo(() => {
        const { token, room, name, returning } = session;
        return new Classroom({
            base: BASE,
            token,
            returning,
            ...(room === undefined ? {} : { room }),
            host: { hold: HOLD, ...(name === undefined ? {} : { name }) },
            refreshToken: () => new Promise((resolve) => setGiveToken(() => resolve)),
        });
    }, [session]);
    const snapshot = useSnapshot(classroom);
    useConnection(classroom);
    useRemembering(snapshot);

    const onToken = (token: string): void => {
        saveToken(token);
        giveToken?.(token);
        setGiveToken(null);
    };
    if (giveToken) {
        const { text } = describe(snapshot, 'teacher', Date.now(), Date.now());
        return (
            <main class="card">
                <h1>{t('teacherTitle')}</h1>
                <TokenForm problem={text} onToken={onToken} />
            </main>
        );
    }
    return <Room classroom={classroom} snapshot={snapshot} onLeave={onLeave} />;
}

/** Keeps the tab's memory of the open class up to date. */
function useRemembering({ state, room, settings }: Snapshot): void {
    const closed = state.name === 'closed' ? state.reason.kind : null;
    useEffect(() => {
        if (state.name === 'open' && room !== null) {
            saveClass({ room, ...(settings?.name ? { name: settings.name } : {}) });
        } else if (closed !== null && closed !== 'replaced') {
            saveClass(null);
        }
    }, [state.name, closed, room, settings?.name]);
}

interface RoomProps {
    classroom: Classroom;
    snapshot: Snapshot;
    onLeave(): void;
}

function Room({ classroom, snapshot, onLeave }: RoomProps): JSX.Element {
    const { state, room, settings, roster, names } = snapshot;
    const { client } = classroom;
    const [target, setTarget] = useState<string | null>(null);
    const closed = state.name === 'closed' ? state.reason.kind : null;
    const remedy = closed === null ? undefined : REMEDIES[closed];
    // Whom one was writing to has left: that message must not go to all.
    const absent = target !== null && !roster.some(({ id }) => id === target);
    const targetName = target === null ? '' : (names.get(target) ?? target);
    const composer = useRef<HTMLElement>(null);
    const heading = useFirstFocus<HTMLHeadingElement>();

    const onTarget = (userId: string): void => {
        setTarget(target === userId ? null : userId);
        composer.current?.querySelector('textarea')?.focus();
    };
    return (
        <div class="app app-teacher">
            <header class="bar">
                <div class="bar-title">
                    <h1 ref={heading} tabIndex={-1}>
                        {settings?.name || t('unnamedClass', { code: room ?? '' })}
                    </h1>
                    <StateLine classroom={classroom} snapshot={snapshot} role="teacher" />
                </div>
                {closed === null ? (
                    <HostButtons classroom={classroom} snapshot={snapshot} />
                ) : (
                    <div class="row">
                        {remedy && (
                            <button type="button" class="primary" onClick={() => client.connect()}>
                                {t(remedy)}
                            </button>
                        )}
                        <button type="button" onClick={onLeave}>
                            {t('newClass')}
                        </button>
                    </div>
                )}
            </header>
            <main class="columns">
                <div class="column">
                    {room !== null && (
                        <CodePanel
                            room={room}
                            locked={closed === null && settings?.locked === true}
                        />
                    )}
                    {closed === null && (
                        <Roster
                            people={roster}
                            target={target}
                            onTarget={onTarget}
                            onRemove={(userId) => void client.kick(userId)}
                        />
                    )}
                </div>
                <section class="panel panel-fill" aria-labelledby="messages-label" ref={composer}>
                    <h2 id="messages-label">{t('messages')}</h2>
                    <Conversation snapshot={snapshot} />
                    {closed === null && (
                        <Composer
                            hint={
                                target === null
                                    ? t('toAllHint')
                                    : t('toOneHint', { name: targetName })
                            }
                            disabled={absent}
                            onSend={(text) => classroom.say(text, target ?? undefined)}
                        >
                            <Audience snapshot={snapshot} target={target} onTarget={setTarget} />
                        </Composer>
                    )}
                </section>
            </main>
        </div>
    );
}

function HostButtons({ classroom, snapshot }: Omit<RoomProps, 'onLeave'>): JSX.Element {
    const { client } = classroom;
    const [ending, setEnding] = useState(false);
    const open = snapshot.state.name === 'open';
    const locked = snapshot.settings?.locked ?? false;
    return (
        <div class="row">
            <button
                type="button"
                disabled={!open}
                onClick={() => void (locked ? client.unlock() : client.lock())}
            >
                {t(locked ? 'unlock' : 'lock')}
            </button>
            <button type="button" class="danger" onClick={() => setEnding(true)}>
                {t('endClass')}
            </button>
            {ending && (
                <Confirm
                    question={t('endAsk')}
                    action={t('endClass')}
                    onCancel={() => setEnding(false)}
                    onConfirm={() => {
                        setEnding(false);
                        void client.end();
                    }}
                />
            )}
        </div>
    );
}

interface AudienceProps {
    snapshot: Snapshot;
    target: string | null;
    onTarget(userId: string | null): void;
}

/** Whom the next message is for. */
function Audience({ snapshot, target, onTarget }: AudienceProps): JSX.Element {
    const { roster, names } = snapshot;
    const id = useId();
    const gone = target !== null && !roster.some((person) => person.id === target);
    return (
        <div class="audience">
            <label for={id}>{t('writeTo')}</label>
            <select
                id={id}
                value={target ?? ''}
                onChange={(event) => onTarget(event.currentTarget.value || null)}
            >
                <option value="">{t('everyone')}</option>
                {gone && (
                    <option value={target}>
                        {t('left', { name: names.get(target) ?? target })}
                    </option>
                )}
                {roster.map((person) => (
                    <option key={person.id} value={person.id}>
                        {person.name}
                    </option>
                ))}
            </select>
        </div>
    );
}
