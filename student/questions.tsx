/**
 * The teacher's questions, always at hand above the conversation: the newest opens by itself, but
 * never takes the place of one that is just being answered.
 */

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Poll } from '../web/ui/model/polls';
import { answerPoll } from '../web/ui/poll/actions';
import { StudentPoll } from '../web/ui/poll/student';
import type { StudentRoom } from './session';
import { t } from './strings';
import type { StringKey } from './strings';

/** Worth unfolding without being asked: it waits for an answer. */
function waits({ status, own }: Poll): boolean {
    return status === 'open' && (own === null || own.status === 'failed');
}

/** `over`: the class is, and with it every question. */
function inShort({ status, own, shown }: Poll, over: boolean): StringKey {
    if (status === 'open' && own !== null) return 'answeredShort';
    if (status === 'open' && !over) return 'toAnswer';
    return shown ? 'resultsShort' : 'closedShort';
}

/** Which question is looked at, and whether it is unfolded. */
interface Look {
    key: string;
    unfolded: boolean;
}

interface QuestionsProps {
    classroom: StudentRoom;
    polls: readonly Poll[];
    /** No answer can be sent now. */
    closed: boolean;
}

export function Questions({ classroom, polls, closed }: QuestionsProps): JSX.Element | null {
    const body = useRef<HTMLDivElement>(null);
    const [look, setLook] = useState<Look | null>(null);
    const newest = polls[polls.length - 1];
    /** The questions known so far, and the results that the class was shown of each. */
    const known = useRef(new Map<string, Poll['shown']>());
    useEffect(() => {
        if (!newest) return;
        const before = known.current;
        known.current = new Map(polls.map(({ key, shown }) => [key, shown]));
        // Results may be of an earlier question: what is shown now is what is talked of now.
        const shownNow = polls.filter(
            ({ key, shown }) => shown !== null && before.has(key) && before.get(key) !== shown,
        );
        const news = before.has(newest.key) ? shownNow[shownNow.length - 1] : newest;
        const here = polls.find(({ key }) => key === look?.key);
        const busy = here && waits(here) && body.current?.contains(document.activeElement);
        if (!news || busy) return;
        // What is over was over before this page came: it stays folded.
        const late = before.size === 0 && !waits(news);
        setLook({ key: news.key, unfolded: !late });
    }, [polls]);

    const poll = polls.find(({ key }) => key === look?.key) ?? newest;
    useEffect(() => {
        // What has changed is told from the top: the question, one's answer, the verdict.
        if (body.current) body.current.scrollTop = 0;
    }, [poll?.key, poll?.status, poll?.own?.status, poll?.shown]);
    if (!poll) return null;
    const unfolded = look?.unfolded ?? waits(poll);
    const place = polls.indexOf(poll);
    const show = (other: Poll | undefined): void => {
        if (other) setLook({ key: other.key, unfolded: true });
    };
    return (
        <section class="questions">
            <Bar
                poll={poll}
                over={closed}
                number={place + 1}
                unfolded={unfolded}
                onFold={() => setLook({ key: poll.key, unfolded: !unfolded })}
                earlier={polls[place - 1]}
                later={polls[place + 1]}
                onShow={show}
            />
            {unfolded && (
                <div class="questions-body" ref={body}>
                    <StudentPoll
                        key={poll.key}
                        poll={poll}
                        disabled={closed}
                        onAnswer={(value) => void answerPoll(classroom, poll.poll, value)}
                    />
                </div>
            )}
            <p class="unseen" role="status">
                {newest && newest.status === 'open' && newest.own === null
                    ? t('newQuestion', { question: newest.question })
                    : ''}
            </p>
        </section>
    );
}

interface BarProps {
    poll: Poll;
    over: boolean;
    number: number;
    unfolded: boolean;
    onFold(): void;
    earlier: Poll | undefined;
    later: Poll | undefined;
    onShow(poll: Poll | undefined): void;
}

function Bar(props: BarProps): JSX.Element {
    const { poll, over, number, unfolded, onFold, earlier, later, onShow } = props;
    const several = earlier !== undefined || later !== undefined;
    return (
        <div class="questions-bar">
            <h2>
                <button
                    type="button"
                    class="questions-fold"
                    aria-expanded={unfolded}
                    onClick={onFold}
                >
                    <span class="questions-number">{t('questionNumber', { number })}</span>
                    <span class={waits(poll) && !over ? 'chip chip-good' : 'chip'}>
                        {t(inShort(poll, over))}
                    </span>
                    {!unfolded && <span class="questions-text">{poll.question}</span>}
                    <span class="questions-arrow" aria-hidden="true" />
                </button>
            </h2>
            {several && (
                <>
                    <Step label="earlierQuestion" sign="‹" to={earlier} onShow={onShow} />
                    <Step label="laterQuestion" sign="›" to={later} onShow={onShow} />
                </>
            )}
        </div>
    );
}

interface StepProps {
    label: StringKey;
    sign: string;
    to: Poll | undefined;
    onShow(poll: Poll | undefined): void;
}

/** At either end it keeps the focus, and does nothing. */
function Step({ label, sign, to, onShow }: StepProps): JSX.Element {
    const fresh = to !== undefined && waits(to);
    return (
        <button
            type="button"
            class={fresh ? 'step step-fresh' : 'step'}
            aria-label={t(fresh ? 'toNewQuestion' : label)}
            aria-disabled={to === undefined || undefined}
            onClick={() => onShow(to)}
        >
            <span aria-hidden="true">{sign}</span>
        </button>
    );
}
