/** A question as the host sees it: answers as they come, and what to do with them. */

import type { JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { LecternError } from '../../client';
import type { Classroom, Sent } from '../classroom';
import type { Poll } from '../model/polls';
import { whyNot } from '../why';
import { askAgain, closePoll, showResults } from './actions';
import { rightText } from './format';
import { PollResults } from './results';
import { t } from './strings';

/** How often counts are read aloud at most, ms. */
const SPOKEN_EVERY = 5000;

/** A text that changes often, told to a live region only now and then. */
function useCalm(text: string): string {
    const [spoken, setSpoken] = useState(text);
    const latest = useRef(text);
    const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
    latest.current = text;
    useEffect(() => {
        if (timer.current !== null || text === spoken) return;
        timer.current = setTimeout(() => {
            timer.current = null;
            setSpoken(latest.current);
        }, SPOKEN_EVERY);
    }, [text, spoken]);
    useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
    return spoken;
}

interface TeacherPollProps {
    classroom: Pick<Classroom<any>, 'send' | 'resend' | 'drop'>;
    poll: Poll;
    /** Students here. */
    present: number;
    /** Nothing can be sent now. */
    disabled: boolean;
    /** False where nothing can be sent any more: there is only to look. */
    active?: boolean;
}

export function TeacherPoll(props: TeacherPollProps): JSX.Element {
    const { classroom, poll, present, disabled, active = true } = props;
    const [refused, setRefused] = useState<LecternError | null>(null);
    const run = async (command: Promise<Sent>): Promise<void> => {
        setRefused(null);
        const sent = await command;
        if (!sent.ok) setRefused(sent.error);
    };
    const [revealed, setRevealed] = useState(false);
    const id = useId();
    const heading = useRef<HTMLHeadingElement>(null);
    const open = poll.status === 'open';
    const asked = open || poll.status === 'closed';
    const { total } = poll.results;
    const of = Math.max(present, total);
    const answered = open
        ? t('answeredOf', { count: total, of })
        : t('answeredCount', { count: total });
    const spoken = useCalm(answered);
    const hidden = poll.hidden && open && !revealed;
    return (
        <section class={`poll poll-${poll.status}`} aria-labelledby={id}>
            <header class="poll-head">
                <span class="overline">
                    {t(poll.quiz ? 'quizName' : 'poll')} · {t(poll.kind)}
                </span>
                {asked && (
                    <span class={open ? 'chip chip-good' : 'chip'}>
                        {t(open ? 'open' : 'closed')}
                    </span>
                )}
            </header>
            <h3 class="poll-question" id={id} ref={heading} tabIndex={-1}>
                {poll.question}
            </h3>
            {asked && (
                <>
                    <p class="poll-count" aria-hidden="true">
                        {answered}
                    </p>
                    <p class="unseen" role="status">
                        {spoken}
                    </p>
                </>
            )}
            {hidden ? (
                <p class="poll-hidden">{t('hiddenNow')}</p>
            ) : (
                asked && (
                    <PollResults question={poll} results={poll.results} right={poll.right} />
                )
            )}
            {!hidden && poll.right !== null && poll.kind === 'short' && (
                <p class="hint">{t('rightWas', { right: rightText(poll, poll.right) })}</p>
            )}
            {asked ? (
                <Actions
                    {...{ classroom, poll, disabled, active, revealed }}
                    onShow={() => void run(showResults(classroom, poll))}
                    onReveal={() => setRevealed(!revealed)}
                    onClose={() => {
                        // The button goes away: the focus must not be lost with it.
                        heading.current?.focus({ preventScroll: true });
                        void run(closePoll(classroom, poll.poll));
                    }}
                />
            ) : (
                <Unsent classroom={classroom} poll={poll} />
            )}
            {refused && (
                <p class="field-error" role="alert">
                    {t('commandFailed', { why: whyNot(refused) })}
                </p>
            )}
        </section>
    );
}

interface ActionsProps extends Omit<TeacherPollProps, 'present'> {
    revealed: boolean;
    onReveal(): void;
    onShow(): void;
    onClose(): void;
}

/** Whether the class has been shown all that is known. */
function isNewest({ shown, results, right, status }: Poll): boolean {
    return (
        shown !== null &&
        shown.total === results.total &&
        (status === 'open' || right === null || shown.right !== undefined)
    );
}

function Actions(props: ActionsProps): JSX.Element {
    const { poll, disabled, active, revealed, onReveal, onShow, onClose } = props;
    const open = poll.status === 'open';
    // Hidden results are for nobody before the close, the class least of all.
    const mayShow = !(poll.hidden && open);
    const newest = isNewest(poll);
    return (
        <div class="row poll-actions">
            {poll.hidden && open && (
                <button type="button" onClick={onReveal}>
                    {t(revealed ? 'hide' : 'reveal')}
                </button>
            )}
            {mayShow && active && (
                <button
                    type="button"
                    class={open ? undefined : 'primary'}
                    disabled={disabled || newest}
                    onClick={onShow}
                >
                    {t(poll.shown && !newest ? 'showAgain' : 'show')}
                </button>
            )}
            {open && active && (
                <button
                    type="button"
                    class="primary"
                    disabled={disabled}
                    onClick={onClose}
                >
                    {t('closePoll')}
                </button>
            )}
            <span class="hint" role="status">
                {newest && t('shown')}
            </span>
        </div>
    );
}

function Unsent({ classroom, poll }: Pick<TeacherPollProps, 'classroom' | 'poll'>): JSX.Element {
    if (poll.status !== 'failed') {
        return (
            <p class="hint" role="status">
                {t('asking')}
            </p>
        );
    }
    return (
        <div class="row">
            <p class="field-error" role="alert">
                {t('askFailed', { why: whyNot(poll.error) })}
            </p>
            <button type="button" onClick={() => askAgain(classroom, poll)}>
                {t('sendAgain')}
            </button>
            <button type="button" onClick={() => classroom.drop(poll.key)}>
                {t('cancel')}
            </button>
        </div>
    );
}
