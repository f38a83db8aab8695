/** A question as a student sees it: to be answered, answered, closed, with the class's results. */

import type { JSX } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import { isRight } from '../model/poll';
import type { Value } from '../model/poll';
import type { Poll } from '../model/polls';
import { whyNot } from '../why';
import { AnswerForm } from './answer';
import { rightText, valueText } from './format';
import { PollResults } from './results';
import { t } from './strings';

interface StudentPollProps {
    poll: Poll;
    /** No answer can be sent now. */
    disabled: boolean;
    onAnswer(value: Value): void;
}

export function StudentPoll({ poll, disabled, onAnswer }: StudentPollProps): JSX.Element {
    const [changing, setChanging] = useState(false);
    const id = useId();
    const heading = useRef<HTMLHeadingElement>(null);
    // What was pressed goes away: the focus must not be lost with it.
    const refocus = (): void => heading.current?.focus({ preventScroll: true });
    const open = poll.status === 'open';
    const failed = poll.own?.status === 'failed';
    const asking = open && (poll.own === null || changing || failed);
    const change = (on: boolean): void => {
        setChanging(on);
        refocus();
    };
    const send = (value: Value): void => {
        setChanging(false);
        refocus();
        onAnswer(value);
    };
    return (
        <section class={`poll poll-${poll.status}`} aria-labelledby={id}>
            {(poll.quiz || !open) && (
                <header class="poll-head">
                    <span class="overline">{poll.quiz && t('quizName')}</span>
                    {!open && <span class="chip">{t('closed')}</span>}
                </header>
            )}
            <h3 class="poll-question" id={id} ref={heading} tabIndex={-1}>
                {poll.question}
            </h3>
            {asking ? (
                <AnswerForm
                    key={failed ? 'failed' : 'first'}
                    question={poll}
                    draftKey={`lectern.answer.${poll.poll}`}
                    before={poll.own?.value ?? null}
                    disabled={disabled}
                    onAnswer={send}
                    onCancel={changing ? () => change(false) : undefined}
                />
            ) : (
                <Answered poll={poll} />
            )}
            <News poll={poll} />
            <Status poll={poll} />
            {open && !asking && (
                <button
                    type="button"
                    class="link"
                    disabled={disabled}
                    onClick={() => change(true)}
                >
                    {t('changeAnswer')}
                </button>
            )}
            {poll.shown && (
                <div class="poll-shown">
                    <h4>{t('classResults')}</h4>
                    <p class="hint">{t('answeredCount', { count: poll.shown.total })}</p>
                    <PollResults
                        question={poll}
                        results={poll.shown}
                        right={poll.right}
                        own={poll.own?.value ?? null}
                    />
                </div>
            )}
        </section>
    );
}

function Answered({ poll }: { poll: Poll }): JSX.Element {
    const { own } = poll;
    return (
        <div class="poll-answered">
            {own === null ? (
                <p class="hint">{t('notAnswered')}</p>
            ) : (
                <p>
                    <span class="hint">{t('yourAnswer')}</span>{' '}
                    <strong>{valueText(poll, own.value)}</strong>
                </p>
            )}
        </div>
    );
}

/** What comes after the answer, read out when it comes: the verdict, and the class's results. */
function News({ poll }: { poll: Poll }): JSX.Element {
    const { own, right, shown, status } = poll;
    const answer = right === null ? '' : rightText(poll, right);
    const judged = own?.status === 'sent' && right !== null && status === 'closed';
    const good = judged && isRight(poll, right, own.value);
    return (
        <div role="status">
            {good && <p class="verdict-good">✓ {t('right')}</p>}
            {judged && !good && <p class="verdict-bad">{t('wrong', { right: answer })}</p>}
            {own === null && right !== null && <p>{t('rightWas', { right: answer })}</p>}
            {shown && <p class="unseen">{t('resultsNow')}</p>}
        </div>
    );
}

/** What became of the answer, read out when it changes. */
function Status({ poll: { own, status } }: { poll: Poll }): JSX.Element {
    return (
        <p class={own?.status === 'failed' ? 'field-error' : 'hint'} role="status">
            {own?.status === 'sending' && t('answering')}
            {own?.status === 'sent' && status === 'open' && t('answered')}
            {own?.status === 'failed' && t('answerFailed', { why: whyNot(own.error) })}
        </p>
    );
}
