/** The conversation as its teacher has it: to all or to one, and whom it has reached. */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { MessageLine } from '../web/ui/model/conversation';
import { REACTIONS } from '../web/ui/model/reactions';
import type { ReactionsView } from '../web/ui/model/reactions';
import { presence } from '../web/ui/model/roster';
import { tab } from '../web/ui/storage';
import type { TeacherClassroom, TeacherSnapshot } from './class';
import { useRosterClock } from './clock';
import { Composer } from './composer';
import { useKeptRoster } from './kept-roster';
import { Missing, SeenBy, seenWord, useReach } from './reach';
import { Stream } from './stream';
import { t } from './strings';

interface TalkProps {
    classroom: TeacherClassroom;
    snapshot: TeacherSnapshot;
    active: boolean;
    /** Whom one writes to; null for all. */
    target: string | null;
    onTarget(userId: string | null): void;
}

export function Talk(props: TalkProps): JSX.Element {
    const { classroom, snapshot, active, target, onTarget } = props;
    const { conversation, roster, seen, names, reactions } = snapshot;
    const now = useRosterClock(roster, classroom.client.serverNow() - Date.now());
    const reach = useReach(roster, seen, now);
    useKeptRoster(snapshot);
    const [asked, setAsked] = useState<MessageLine | null>(null);
    const foot = (line: MessageLine): { word: string; content: ComponentChildren } => ({
        word: seenWord(line, reach),
        content: <SeenBy line={line} reach={reach} onAsk={setAsked} />,
    });
    const lines = (
        <Stream
            lines={conversation}
            snapshot={snapshot}
            active={active}
            foot={foot}
            onReply={onTarget}
            onResend={(key) => classroom.resend(key)}
            onDrop={(key) => classroom.drop(key)}
        />
    );
    return (
        <section class="panel talk" aria-labelledby="messages-label">
            <div class="panel-head">
                <h2 id="messages-label">{t('messages')}</h2>
                <Passing reactions={reactions} />
            </div>
            {active && snapshot.room !== null ? (
                <Composer
                    classroom={classroom}
                    room={snapshot.room}
                    audience={
                        <Audience
                            snapshot={snapshot}
                            target={target}
                            onTarget={onTarget}
                            now={now}
                        />
                    }
                    target={target}
                    unreachable={isRemoved(snapshot, target)}
                    hint={
                        target === null
                            ? t('toAllHint')
                            : t('toOneHint', { name: names.get(target) ?? target })
                    }
                >
                    {lines}
                </Composer>
            ) : (
                lines
            )}
            {asked && (
                <Missing
                    line={asked}
                    reach={reach}
                    roster={roster}
                    classroom={classroom}
                    active={active}
                    onClose={() => setAsked(null)}
                />
            )}
        </section>
    );
}

/** The one whom the next message is for is remembered over a reload, as the message is. */
export function useTarget(room: string | null): [string | null, (userId: string | null) => void] {
    const key = `lectern.teacher.target.${room ?? ''}`;
    const [target, setTarget] = useState<string | null>(() => tab.get<string>(key));
    const known = useRef(room);
    useEffect(() => {
        if (room !== null && known.current === null) setTarget(tab.get<string>(key));
        known.current = room;
    }, [room]);
    const set = (userId: string | null): void => {
        setTarget(userId);
        if (room !== null) tab.set(key, userId);
    };
    return [target, set];
}

/** They cannot come back, and would never read it. */
function isRemoved({ roster }: TeacherSnapshot, target: string | null): boolean {
    return target !== null && roster.byId.get(target)?.state === 'removed';
}

interface AudienceProps {
    snapshot: TeacherSnapshot;
    target: string | null;
    onTarget(userId: string | null): void;
    /** The server's time, ms. */
    now: number;
}

/** Whom the next message is for, said so that a private word does not go to all by mistake. */
function Audience({ snapshot, target, onTarget, now }: AudienceProps): JSX.Element {
    if (target === null) {
        return <p class="audience">{t('toEveryone')}</p>;
    }
    const person = snapshot.roster.byId.get(target);
    const name = snapshot.names.get(target) ?? target;
    const removed = isRemoved(snapshot, target);
    const away = person === undefined || presence(person, now) !== 'here';
    return (
        <div class="audience audience-one">
            <p>
                {t('onlyTo', { name })}
                <span class="hint" role="status">
                    {removed ? ` ${t('removedNow')}` : away && ` ${t('awayNow')}`}
                </span>
            </p>
            <button type="button" class="small" onClick={() => onTarget(null)}>
                {t('backToEveryone')}
            </button>
        </div>
    );
}

/** How long a reaction is shown, ms. */
const PASSING_MS = 6000;

/** Reactions of the last few seconds, counted. Seen only: they would drown what is read aloud. */
function Passing({ reactions }: { reactions: ReactionsView }): JSX.Element {
    const [base, setBase] = useState<readonly number[]>(reactions.total);
    const { total, count } = reactions;
    useEffect(() => {
        const timer = setTimeout(() => setBase(total), PASSING_MS);
        return () => clearTimeout(timer);
    }, [count]);
    return (
        <p class="passing" aria-hidden="true" data-testid="reactions">
            {REACTIONS.map((emoji, which) => {
                const news = total[which]! - (base[which] ?? 0);
                return news > 0 ? (
                    <span key={`${emoji} ${total[which]}`} class="passing-one">
                        {emoji}
                        {news > 1 && <b>{news}</b>}
                    </span>
                ) : null;
            })}
        </p>
    );
}
