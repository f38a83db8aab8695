/** For the whole room to see: how to get in, and the question of the moment. Nobody's names. */

import type { ComponentChildren, JSX, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { BASE } from '../web/ui/page';
import { letter } from '../web/ui/poll/format';
import { PollResults } from '../web/ui/poll/results';
import { QR } from '../web/ui/qr';
import { projectedRoom, useProjection } from './projector-feed';
import type { ProjectedQuestion, Projection } from './projector-feed';
import { t } from './projector-strings';
import './projector.css';

/** Without what everyone's browser adds by itself; the server's root leads to the student page. */
function shortLink(): string {
    return BASE.replace(/^https?:\/\//, '');
}

function Way({ room }: { room: string }): JSX.Element {
    return (
        <>
            <QR text={`${BASE}/student/?room=${room}`} label={t('qr', { code: room })} />
            <div class="projector-way">
                <p class="projector-label">{t('joinHere')}</p>
                <p class="projector-link">{shortLink()}</p>
                <p class="projector-label">{t('withCode')}</p>
                <p class={`projector-code${room.length > 7 ? ' projector-code-long' : ''}`}>
                    {room}
                </p>
            </div>
        </>
    );
}

function Answers({ question }: { question: ProjectedQuestion }): JSX.Element {
    const { results, kind, options, open, right } = question;
    if (results) return <PollResults question={question} results={results} right={right} />;
    return (
        <>
            {options.length > 0 && (
                <ol class="projector-options">
                    {options.map((option, index) => (
                        <li key={index}>
                            <span class="bar-mark" aria-hidden="true">
                                {letter(index)}
                            </span>
                            {option}
                        </li>
                    ))}
                </ol>
            )}
            {(open || kind === 'short') && (
                <p class="projector-label">
                    {t(kind === 'short' ? 'resultsShown' : 'resultsLater')}
                </p>
            )}
        </>
    );
}

/** The smallest that a question is drawn, of its usual size; a longer one is scrolled. */
const SMALLEST = 0.3;

/** Halvings of the range of sizes: to within one hundredth. */
const STEPS = 7;

/** Draws the part as large as it fits into its place, and never larger than usual. */
function useFit(): RefObject<HTMLElement | null> {
    const ref = useRef<HTMLElement>(null);
    const fit = (): void => {
        const part = ref.current;
        if (!part) return;
        const fits = (size: number): boolean => {
            part.style.setProperty('--fit', String(size));
            return (
                part.scrollHeight <= part.clientHeight && part.scrollWidth <= part.clientWidth
            );
        };
        if (fits(1)) return;
        let [small, large] = [SMALLEST, 1];
        for (let step = 0; step < STEPS; step += 1) {
            const middle = (small + large) / 2;
            if (fits(middle)) small = middle;
            else large = middle;
        }
        fits(small);
    };
    useLayoutEffect(fit);
    useEffect(() => {
        window.addEventListener('resize', fit);
        // Another font has other widths.
        void document.fonts?.ready.then(fit);
        return () => window.removeEventListener('resize', fit);
    }, []);
    return ref;
}

/** From so many choices or texts on, they stand in two columns. */
const MANY = 5;

function Asked({ question, here }: { question: ProjectedQuestion; here: number }): JSX.Element {
    const { total, open, options, results } = question;
    const ref = useFit();
    const many = Math.max(options.length, results?.texts?.length ?? 0) >= MANY;
    return (
        <section
            class={`projector-question${many ? ' projector-many' : ''}`}
            aria-labelledby="projector-question"
            ref={ref}
        >
            <h1 id="projector-question">{question.question}</h1>
            <p class="projector-label">
                {open
                    ? t('answered', { count: total, of: Math.max(here, total) })
                    : `${t('closed')} · ${t('answeredOnce', { count: total })}`}
            </p>
            <Answers question={question} />
        </section>
    );
}

interface FootProps {
    projection: Projection;
    children: ComponentChildren;
}

function Foot({ projection: { here, locked, course }, children }: FootProps): JSX.Element {
    return (
        <footer class="projector-foot">
            <p>
                {course === 'here' && t('here', { count: here })}
                {course === 'here' && locked && ` · ${t('locked')}`}
            </p>
            <div class="row">
                {children}
                {document.fullscreenEnabled && (
                    <button
                        type="button"
                        onClick={() =>
                            void (document.fullscreenElement
                                ? document.exitFullscreen()
                                : document.documentElement.requestFullscreen())
                        }
                    >
                        {t('fullScreen')}
                    </button>
                )}
            </div>
        </footer>
    );
}

function Shown({ projection }: { projection: Projection }): JSX.Element {
    const { room, name, question, here } = projection;
    /** The question that was put away; another one comes up by itself. */
    const [away, setAway] = useState<string | null>(null);
    const shown = question !== null && question.poll !== away ? question : null;
    return (
        <main class={`projector ${shown ? 'projector-asking' : 'projector-inviting'}`}>
            {!shown && name !== '' && <h1 class="projector-name">{name}</h1>}
            {shown && <Asked key={shown.poll} question={shown} here={here} />}
            <div class="projector-door">
                <Way room={room} />
            </div>
            <Foot projection={projection}>
                {question && (
                    <button type="button" onClick={() => setAway(shown ? question.poll : null)}>
                        {t(shown ? 'showCode' : 'showQuestion')}
                    </button>
                )}
            </Foot>
        </main>
    );
}

export function Projector(): JSX.Element {
    const { projection, there } = useProjection(projectedRoom() ?? '');
    const name = projection?.name ?? '';
    useEffect(() => {
        document.title = [name, t('projector'), 'Lectern'].filter(Boolean).join(' · ');
    }, [name]);
    const course = there ? (projection?.course ?? 'here') : 'away';
    const notice = course === 'here' ? '' : t(course);
    return (
        <div class="projector-page">
            <p class={notice === '' ? 'unseen' : 'projector-notice'} role="status">
                {notice}
            </p>
            {projection ? (
                <Shown projection={projection} />
            ) : (
                <main class="projector">
                    <h1 class="unseen">{t('projector')}</h1>
                </main>
            )}
        </div>
    );
}
