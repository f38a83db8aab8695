/** Raised hands, in their order. */

import type { JSX } from 'preact';
import type { Hand } from '../web/ui/model/hands';
import { presence } from '../web/ui/model/roster';
import type { RosterView } from '../web/ui/model/roster';
import { clockTime } from '../web/ui/strings';
import { Icon } from '../web/ui/icons';
import { t } from './strings';

/** Hands of those who are in the class, or may be back in a moment. */
export function raisedHands(hands: readonly Hand[], roster: RosterView, now: number): Hand[] {
    return hands.filter(({ userId }) => {
        const person = roster.byId.get(userId);
        return person !== undefined && presence(person, now) !== 'gone';
    });
}

interface HandsListProps {
    raised: readonly Hand[];
    roster: RosterView;
    active: boolean;
    onLower(userIds: readonly string[]): void;
}

/** So many hands are shown one by one; the roster, ordered by hands, shows all. */
const MOST_SHOWN = 20;

export function HandsList({ raised, roster, active, onLower }: HandsListProps): JSX.Element {
    const nameOf = (userId: string): string => roster.byId.get(userId)?.name ?? userId;
    return (
        <section class="hands" aria-labelledby="hands-label">
            <div class="hands-head">
                <h3 id="hands-label">
                    <Icon name="hand" />{' '}
                    {t('raisedHands', { count: raised.length })}
                </h3>
                {active && raised.length > 1 && (
                    <button
                        type="button"
                        class="small"
                        onClick={() => onLower(raised.map(({ userId }) => userId))}
                    >
                        {t('lowerAll')}
                    </button>
                )}
            </div>
            <ol tabIndex={0} aria-labelledby="hands-label">
                {raised.slice(0, MOST_SHOWN).map(({ userId, ts }, place) => (
                    <li key={userId}>
                        <span class="hands-place">{place + 1}</span>
                        <span class="person-name">{nameOf(userId)}</span>
                        <time class="hint">{clockTime(ts)}</time>
                        {active && (
                            <button
                                type="button"
                                class="small"
                                aria-label={t('lowerOne', { name: nameOf(userId) })}
                                onClick={() => onLower([userId])}
                            >
                                {t('lower')}
                            </button>
                        )}
                    </li>
                ))}
            </ol>
        </section>
    );
}
