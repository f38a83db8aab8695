/** What a student says without words: a raised hand, and reactions that pass by. */

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { REACTIONS } from '../web/ui/model/reactions';
import type { HandView } from './hand';
import type { PassingReaction } from './reactions';
import { t } from './strings';
import type { StringKey } from './strings';

const NAMES: Record<(typeof REACTIONS)[number], StringKey> = {
    '👍': 'like',
    '❤️': 'love',
    '😂': 'laugh',
    '😮': 'wow',
    '🙋': 'meMe',
    '❓': 'question',
};

/** Between two reactions, ms: a class of thirty is thirty times as fast. */
const PAUSE = 800;

interface HandProps {
    hand: HandView;
    onHand(up: boolean): void;
}

export function HandButton({ hand, onHand }: HandProps): JSX.Element {
    return (
        <button
            type="button"
            class="hand"
            aria-pressed={hand.up}
            onClick={() => onHand(!hand.up)}
        >
            <HandIcon />
            {t('raiseHand')}
        </button>
    );
}

/** Four fingers from the left, then down the little one's side, the wrist, and up the thumb. */
const HAND =
    'M8 12V5.5a1.5 1.5 0 0 1 3 0V11V3.5a1.5 1.5 0 0 1 3 0V11V5a1.5 1.5 0 0 1 3 0v8v-3.5' +
    'a1.5 1.5 0 0 1 3 0V15c0 4-2.7 7-7 7c-3.3 0-5-1.4-6.5-4L4.2 14.2' +
    'c-.6-1 .8-2.3 1.9-1.5L8 14.2z';

/** Drawn here: it is no one-time emoji but a control, the same on every device. */
function HandIcon(): JSX.Element {
    return (
        <svg viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" class="hand-icon">
            <path d={HAND} />
        </svg>
    );
}

/** What there is to say of one's gestures; nothing most of the time. */
export interface GestureNews {
    bad: boolean;
    text: string;
}

export function handNews({ up, waits, byTeacher }: HandView): GestureNews | null {
    if (up) return { bad: false, text: t(waits ? 'handWaits' : 'handRaised') };
    return byTeacher ? { bad: false, text: t('handLoweredByTeacher') } : null;
}

interface ReactionsProps {
    /** False where it could not be sent. */
    onReaction(emoji: string): Promise<boolean>;
    onNews(news: GestureNews | null): void;
}

/** While the pause lasts, the buttons keep the focus and do nothing. */
export function ReactionBar({ onReaction, onNews }: ReactionsProps): JSX.Element {
    const [pausing, setPausing] = useState(false);
    // Two taps may come before the next drawing: the timer tells, the state only shows.
    const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
    useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
    const react = async (emoji: (typeof REACTIONS)[number]): Promise<void> => {
        if (timer.current !== null) return;
        timer.current = setTimeout(() => {
            timer.current = null;
            setPausing(false);
        }, PAUSE);
        setPausing(true);
        onNews(null);
        if (!(await onReaction(emoji))) onNews({ bad: true, text: t('reactionOffline') });
    };
    return (
        <div class="reactions" role="group" aria-label={t('reactions')}>
            {REACTIONS.map((emoji) => (
                <button
                    key={emoji}
                    type="button"
                    aria-label={t(NAMES[emoji])}
                    title={t(NAMES[emoji])}
                    aria-disabled={pausing || undefined}
                    onClick={() => void react(emoji)}
                >
                    <span aria-hidden="true">{emoji}</span>
                </button>
            ))}
        </div>
    );
}

/** Reactions on their way up the screen. For the eye only. */
export function Passing({ reactions }: { reactions: readonly PassingReaction[] }): JSX.Element {
    const [gone, setGone] = useState(0);
    return (
        <div class="passing" aria-hidden="true">
            {reactions
                .filter(({ key }) => key > gone)
                .map(({ key, emoji }) => (
                    <span
                        key={key}
                        class={`passing-one passing-${key % 5}`}
                        onAnimationEnd={() => setGone((last) => Math.max(last, key))}
                    >
                        {emoji}
                    </span>
                ))}
        </div>
    );
}
