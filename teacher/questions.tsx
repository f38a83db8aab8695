/** Questions to the class: the form for the next, those that are open, and those that were. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Poll } from '../web/ui/model/polls';
import { askClass } from '../web/ui/poll/actions';
import { PollForm } from '../web/ui/poll/form';
import { TeacherPoll } from '../web/ui/poll/teacher';
import type { TeacherClassroom } from './class';
import { t } from './strings';

interface QuestionsProps {
    classroom: TeacherClassroom;
    polls: readonly Poll[];
    room: string;
    /** Students here. */
    present: number;
    /** False where the class is over. */
    active: boolean;
    /** Nothing can be sent now. */
    disabled: boolean;
}

export function Questions(props: QuestionsProps): JSX.Element {
    const { classroom, polls, room, present, active, disabled } = props;
    const [asking, setAsking] = useState(false);
    const newestFirst = [...polls].reverse();
    const newest = newestFirst[0];
    return (
        <section class="panel questions" aria-labelledby="questions-label">
            <div class="panel-head">
                <h2 id="questions-label">{t('questions')}</h2>
                {active && !asking && (
                    <button type="button" class="small primary" onClick={() => setAsking(true)}>
                        {t('newQuestion')}
                    </button>
                )}
            </div>
            <div class="questions-list" tabIndex={0} role="group" aria-labelledby="questions-label">
                {asking && active && (
                    <PollForm
                        draftKey={`lectern.teacher.question.${room}`}
                        disabled={disabled}
                        onAsk={(question, right) => {
                            setAsking(false);
                            void askClass(classroom, question, right);
                        }}
                        onCancel={() => setAsking(false)}
                    />
                )}
                {polls.length === 0 && !asking && (
                    <p class="empty">{t(active ? 'noQuestions' : 'noneAsked')}</p>
                )}
                {newestFirst.map((poll) =>
                    poll.status === 'closed' && poll !== newest ? (
                        <Former key={poll.key} {...{ classroom, poll, present, disabled }} />
                    ) : (
                        <TeacherPoll key={poll.key} {...{ classroom, poll, present, disabled }} />
                    ),
                )}
            </div>
        </section>
    );
}

type FormerProps = Pick<QuestionsProps, 'classroom' | 'present' | 'disabled'> & { poll: Poll };

/** A question of earlier: its words, and the rest when one wants to see it. */
function Former({ poll, ...rest }: FormerProps): JSX.Element {
    const [open, setOpen] = useState(false);
    return (
        <details
            class="former"
            open={open}
            onToggle={(event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}
        >
            <summary>
                <span>{poll.question}</span>
                <span class="hint">{t('answers', { count: poll.results.total })}</span>
            </summary>
            {open && <TeacherPoll poll={poll} {...rest} />}
        </details>
    );
}
