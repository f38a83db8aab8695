/** Whom a message has reached: "seen by 28 of 30", who the others are, and once more to them. */

import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import type { Sent } from '../web/ui/classroom';
import type { MessageLine } from '../web/ui/model/conversation';
import { presence } from '../web/ui/model/roster';
import type { RosterView } from '../web/ui/model/roster';
import { hasSeen, tally } from '../web/ui/model/seen';
import type { SeenView } from '../web/ui/model/seen';
import type { TeacherClassroom } from './class';
import { Dialog } from '../web/ui/dialog';
import { t } from './strings';

export interface Reach {
    /** Students in the class: here, or lost and perhaps on the way back. */
    present: readonly string[];
    /** How many of those have seen the message. */
    count(id: string): number;
    seen: SeenView;
}

/** `now` is the server's time, ms. */
export function useReach(roster: RosterView, seen: SeenView, now: number): Reach {
    return useMemo(() => {
        const present = roster.people
            .filter((person) => presence(person, now) !== 'gone')
            .map(({ id }) => id);
        return { present, count: tally(seen, present), seen };
    }, [roster, seen, now]);
}

interface SeenByProps {
    line: MessageLine;
    reach: Reach;
    onAsk(line: MessageLine): void;
}

/** Whom a message has reached, in words; empty where there is nothing to say. */
export function seenWord({ id, target }: MessageLine, { seen, present, count }: Reach): string {
    if (id === undefined) return '';
    if (target !== undefined) return t(hasSeen(seen, target, id) ? 'seenByOne' : 'unseenByOne');
    const total = present.length;
    if (total === 0) return '';
    const by = count(id);
    return t(by === total ? 'seenByAll' : 'seenBy', { count: by, total });
}

/** Below a message of one's own. */
export function SeenBy({ line, reach, onAsk }: SeenByProps): JSX.Element | null {
    const { id, target } = line;
    const text = seenWord(line, reach);
    if (text === '' || id === undefined) return null;
    if (target !== undefined || reach.count(id) === reach.present.length) {
        return <p class="line-foot">{text}</p>;
    }
    return (
        <p class="line-foot">
            <button type="button" class="link" onClick={() => onAsk(line)}>
                {text}
            </button>
        </p>
    );
}

interface MissingProps {
    line: MessageLine;
    reach: Reach;
    roster: RosterView;
    classroom: TeacherClassroom;
    active: boolean;
    onClose(): void;
}

/** Names are shown up to here; a whole school is not read one by one. */
const MOST_NAMES = 200;

function again({ id, text, image }: MessageLine): object {
    return { id, type: image ? 'image' : 'send', message: image ?? text };
}

/** Who has not seen it. */
export function Missing(props: MissingProps): JSX.Element {
    const { line, reach, roster, classroom, active, onClose } = props;
    const [sent, setSent] = useState<'sending' | 'againSent' | 'againFailed' | null>(null);
    const missing = reach.present
        .filter((userId) => !hasSeen(reach.seen, userId, line.id ?? ''))
        .map((userId) => roster.byId.get(userId)!);
    const title = t('notSeenBy', { count: missing.length });
    const sendAgain = async (): Promise<void> => {
        setSent('sending');
        const message = again(line);
        const all: Promise<Sent>[] = missing.map(({ id }) =>
            classroom.send({ targetType: 'student', target: id, messageType: 'again', message }),
        );
        const outcomes = await Promise.all(all);
        setSent(outcomes.every(({ ok }) => ok) ? 'againSent' : 'againFailed');
    };
    return (
        <Dialog title={title} onClose={onClose}>
            <p class="quote">{line.text || line.image?.name || t('image')}</p>
            <ul class="name-list" tabIndex={0} aria-label={title}>
                {missing.slice(0, MOST_NAMES).map(({ id, name, state }) => (
                    <li key={id}>
                        {name}
                        {state === 'lost' && (
                            <span class="hint"> {t('reconnectingNow')}</span>
                        )}
                    </li>
                ))}
                {missing.length > MOST_NAMES && (
                    <li class="hint">{t('andMore', { count: missing.length - MOST_NAMES })}</li>
                )}
            </ul>
            <div class="row row-end">
                <span class="hint" role="status">
                    {sent === null ? '' : t(sent)}
                </span>
                {active && (
                    <button
                        type="button"
                        class="primary"
                        disabled={sent === 'sending' || missing.length === 0}
                        onClick={() => void sendAgain()}
                    >
                        {t('sendToThemAgain')}
                    </button>
                )}
            </div>
        </Dialog>
    );
}
