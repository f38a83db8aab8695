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
    const { state } = classroom.client;
    // With the class every question has ended, whether it was closed before or not.
    const over = state.name === 'closed' && state.reason.kind === 'room_ended';
    const newestFirst = polls
        .map((poll) =>
            over && poll.status === 'open' ? { ...poll, status: 'closed' as const } : poll,
        )
        .reverse();
    const newest = newestFirst[0];
    const rest = { classroom, present, disabled, active };
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
                    poll.status === 'closed' && poll.key !== newest?.key ? (
                        <Former key={poll.key} {...rest} poll={poll} />
                    ) : (
                        <TeacherPoll key={poll.key} {...rest} poll={poll} />
                    ),
                )}
            </div>
        </section>
    );
}

type FormerProps = Pick<QuestionsProps, 'classroom' | 'present' | 'disabled' | 'active'> & { poll: Poll };

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
