/** The class as its teacher sees it. */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useConnection, useSnapshot } from '../web/ui/hooks';
import { tab } from '../web/ui/storage';
import { language } from '../web/ui/strings';
import { whyNot } from '../web/ui/why';
import { Bar } from './bar';
import { HOLD, openClass, useRefusedKept } from './class';
import type { RoomProps, TeacherClassroom, TeacherSnapshot } from './class';
import { useRosterClock } from './clock';
import { CodePanel } from './code';
import { News } from './comings';
import { raisedHands } from './hands';
import { Icon } from '../web/ui/icons';
import { Over } from './over';
import { People } from './people';
import { openProjector, useProjectorFeed } from './projector-feed';
import { Questions } from './questions';
import { epochOfClass } from './records';
import {
    START_DRAFT,
    claimClass,
    forgetRunning,
    rememberEnded,
    rememberRunning,
    saveClass,
    saveToken,
    tokenUser,
} from './session';
import type { Session } from './session';
import { SignInAgain } from './sign-in-again';
import { t } from './strings';
import type { StringKey } from './strings';
import { Talk, useTarget } from './talk';

interface TeacherClassProps {
    session: Session;
    onLeave(): void;
}

/** Asked for while the server wants another token; `answer` takes the new one. */
interface Wanted {
    answer(token: string): void;
}

export function TeacherClass({ session, onLeave }: TeacherClassProps): JSX.Element {
    const [wanted, setWanted] = useState<Wanted | null>(null);
    const [token, setToken] = useState(session.token);
    const open = useMemo(
        () =>
            openClass(session, () => new Promise((resolve) => setWanted({ answer: resolve }))),
        [session],
    );
    const { classroom } = open;
    const snapshot = useSnapshot(classroom);
    useConnection(classroom);
    useRemembering(snapshot, token, session.returning);
    useRunning(snapshot, token);
    useRefusedKept(open);

    const onToken = async (next: string): Promise<void> => {
        if (!wanted) await classroom.client.setToken(next);
        saveToken(next);
        setToken(next);
        wanted?.answer(next);
        setWanted(null);
    };
    const leave = (): void => {
        const { room, settings } = snapshot;
        if (room !== null && classroom.client.state.name !== 'closed') {
            const hold = settings?.hold ?? HOLD;
            saveClass({
                room,
                name: settings?.name ?? '',
                leftUntil: Date.now() + hold * 1000,
            });
        }
        onLeave();
    };
    return (
        <Room classroom={classroom} snapshot={snapshot} token={token} onLeave={leave}>
            {snapshot.state.name !== 'closed' && (
                <SignInAgain token={token} wanted={wanted !== null} onToken={onToken} />
            )}
        </Room>
    );
}

/** Keeps the tab's memory of the open class, and the browser's of ended ones, up to date. */
function useRemembering(
    { state, room, settings }: TeacherSnapshot,
    token: string,
    returning: boolean,
): void {
    const closed = state.name === 'closed' ? state.reason.kind : null;
    const [wasOpen, setWasOpen] = useState(returning);
    useEffect(() => {
        if (state.name === 'open' && room !== null) {
            saveClass({ room, ...(settings?.name ? { name: settings.name } : {}) });
            tab.remove(START_DRAFT);
            setWasOpen(true);
        } else if (closed === 'replaced' && room !== null) {
            saveClass({ room, name: settings?.name ?? '', elsewhere: true });
        } else if (closed !== null && closed !== 'left') {
            saveClass(null);
        }
    }, [state.name, closed, room, settings?.name]);
    useEffect(() => {
        if (closed !== 'room_ended' || room === null || !wasOpen) return;
        setWasOpen(false);
        const ended = {
            room,
            name: settings?.name ?? '',
            user: tokenUser(token),
            endedAt: Date.now(),
        };
        void epochOfClass({ token, room }).then((epoch) =>
            rememberEnded({ ...ended, ...(epoch === undefined ? {} : { epoch }) }),
        );
    }, [closed, room, wasOpen]);
}

/** How often the browser's memory of the class is renewed, should the page go unheard, ms. */
const RENEW_EVERY = 60_000;

/**
 * While the class is open: this browser remembers it beyond the tab, other tabs are told that it is
 * here, and closing the tab is asked about.
 */
function useRunning({ state, room, settings }: TeacherSnapshot, token: string): void {
    const user = tokenUser(token);
    const name = settings?.name ?? '';
    // Known by the settings: the server has let us in.
    const inside = state.name !== 'closed' && settings !== null ? room : null;
    const gone = state.name === 'closed' && state.reason.kind === 'room_ended' ? room : null;
    useEffect(() => {
        if (gone !== null) forgetRunning(user, gone);
    }, [user, gone]);
    useEffect(() => {
        if (inside === null) return undefined;
        const remember = (): void => rememberRunning({ room: inside, name, user, at: Date.now() });
        const ask = (event: BeforeUnloadEvent): void => {
            event.preventDefault();
            event.returnValue = '';
        };
        remember();
        const timer = setInterval(remember, RENEW_EVERY);
        const release = claimClass(inside);
        window.addEventListener('pagehide', remember);
        window.addEventListener('beforeunload', ask);
        return () => {
            clearInterval(timer);
            release();
            window.removeEventListener('pagehide', remember);
            window.removeEventListener('beforeunload', ask);
        };
    }, [inside, name, user]);
}

/** What of the class a narrow window shows at a time. */
type View = 'people' | 'talk' | 'questions';
const VIEWS: Record<View, StringKey> = {
    people: 'students',
    talk: 'messages',
    questions: 'questions',
};

/** A phone has room for one: the code first, while students come in. */
function firstView(): View {
    return matchMedia('(max-width: 47.99rem)').matches ? 'people' : 'talk';
}

interface ViewsProps {
    view: View;
    /** Raised hands: told also where the students are not in view. */
    raised: number;
    onView(view: View): void;
}

function Views({ view, raised, onView }: ViewsProps): JSX.Element {
    return (
        <nav class="views" aria-label={t('views')}>
            {(Object.keys(VIEWS) as View[]).map((each) => (
                <button
                    key={each}
                    type="button"
                    aria-pressed={each === view}
                    class={`views-${each}`}
                    onClick={() => onView(each)}
                >
                    {t(VIEWS[each])}
                    {each === 'people' && raised > 0 && (
                        <span class="badge">
                            <Icon name="hand" /> {raised}
                        </span>
                    )}
                </button>
            ))}
        </nav>
    );
}

interface Commands {
    /** Why the last one was refused; null where it was not. */
    trouble: string | null;
    run(command: Promise<unknown>): void;
    dismiss(): void;
}

/** Does what the server may refuse, and says so where it does. */
function useCommands(): Commands {
    const [trouble, setTrouble] = useState<string | null>(null);
    const dismiss = (): void => setTrouble(null);
    const run = (command: Promise<unknown>): void => {
        dismiss();
        command.catch((error) => setTrouble(t('notDone', { why: whyNot(error) })));
    };
    return { trouble, run, dismiss };
}

function Trouble({ trouble, dismiss }: Commands): JSX.Element | null {
    if (trouble === null) return null;
    return (
        <div class="alert trouble" role="alert">
            <span>{trouble}</span>
            <button type="button" class="small" onClick={dismiss}>
                {t('close')}
            </button>
        </div>
    );
}

function lowerHands(classroom: TeacherClassroom, userIds: readonly string[]): void {
    for (const target of userIds) {
        const to = { targetType: 'student', target, messageType: 'hand-down' } as const;
        void classroom.send({ ...to, message: {} });
    }
}

interface WholeRoomProps extends RoomProps {
    /** What is to be told about the sign-in. */
    children: ComponentChildren;
}

function Room({ children, ...props }: WholeRoomProps): JSX.Element {
    const { classroom, snapshot, token, onLeave } = props;
    const { state, room, roster, hands, polls } = snapshot;
    const { client } = classroom;
    useProjectorFeed(classroom);
    const [view, setView] = useState(firstView);
    const [target, setTarget] = useTarget(room);
    const commands = useCommands();
    const active = state.name !== 'closed';
    const now = useRosterClock(roster, client.serverNow() - Date.now());
    const raised = raisedHands(hands, roster, now);
    const people = useMemo(
        () => (
            <People
                {...{ roster, hands, target, active }}
                clockOffset={client.serverNow() - Date.now()}
                onTarget={(userId) => {
                    setTarget(userId === target ? null : userId);
                    setView('talk');
                }}
                onRemove={(userId) => commands.run(client.kick(userId))}
                onLower={(userIds) => lowerHands(classroom, userIds)}
            />
        ),
        [roster, hands, target, active, language()],
    );
    return (
        <div class={`app app-teacher view-${view}`}>
            <Bar {...{ classroom, snapshot, token, active, onLeave }} onCommand={commands.run} />
            <Trouble {...commands} />
            {children}
            {!active && <Over {...{ classroom, snapshot, token, onLeave }} />}
            <Views view={view} raised={raised.length} onView={setView} />
            <main class="teaching">
                <div class="side">
                    {room !== null && active && (
                        <CodePanel
                            room={room}
                            locked={snapshot.settings?.locked === true}
                            onProjector={() => openProjector(room)}
                        />
                    )}
                    {people}
                </div>
                <Talk {...{ classroom, snapshot, active, target }} onTarget={setTarget} />
                {room !== null && (
                    <Questions
                        {...{ classroom, polls, room, active }}
                        present={roster.here}
                        disabled={state.name !== 'open'}
                    />
                )}
            </main>
            <News roster={roster} hands={raised} />
        </div>
    );
}
