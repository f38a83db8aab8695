/** Who came and went: one quiet line, a list for those who want it, and sums for screen readers. */

import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Hand } from '../web/ui/model/hands';
import type { Coming, RosterView } from '../web/ui/model/roster';
import { clockTime } from '../web/ui/strings';
import { t } from './strings';
import type { StringKey } from './strings';

const COMINGS: Record<Coming['what'], StringKey> = {
    joined: 'joined',
    back: 'cameBack',
    lost: 'lost',
    left: 'left',
    removed: 'removed',
};

/** Lines of the feed that are shown when it is open. */
const FEED_SHOWN = 100;

/** Quiet: one line, the newest, until one wants to see more. */
export function Feed({ feed }: { feed: readonly Coming[] }): JSX.Element | null {
    const [open, setOpen] = useState(false);
    const newest = feed[feed.length - 1];
    if (!newest) return null;
    const line = ({ what, name }: Coming): string => t(COMINGS[what], { name });
    return (
        <details
            class="feed"
            open={open}
            onToggle={(event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}
        >
            <summary>
                <span class="feed-title">{t('comings')}</span>
                {!open && <span class="hint feed-newest">{line(newest)}</span>}
            </summary>
            {open && (
                <ol tabIndex={0} aria-label={t('comings')}>
                    {feed
                        .slice(-FEED_SHOWN)
                        .reverse()
                        .map((coming) => (
                            <li key={coming.key}>
                                {line(coming)}{' '}
                                <time class="hint">{clockTime(coming.ts)}</time>
                            </li>
                        ))}
                </ol>
            )}
        </details>
    );
}

/** News is read aloud at most this often, ms. */
const SPEAK_EVERY = 4000;

interface NewsProps {
    roster: RosterView;
    hands: readonly Hand[];
}

function newsOf(feed: readonly Coming[], before: number, { roster, hands }: NewsProps): string {
    const news = feed.filter(({ key }) => key > before);
    const came = news.filter(({ what }) => what === 'joined' || what === 'back');
    const went = news.filter(({ what }) => what !== 'joined' && what !== 'back');
    const said: string[] = [];
    const one = (coming: Coming): string => t(COMINGS[coming.what], { name: coming.name });
    if (came.length === 1) said.push(one(came[0]!));
    else if (came.length > 1) said.push(t('manyCame', { count: came.length }));
    if (went.length === 1) said.push(one(went[0]!));
    else if (went.length > 1) said.push(t('manyWent', { count: went.length }));
    const first = hands[0] && roster.byId.get(hands[0].userId);
    if (first) said.push(t('handsNews', { count: hands.length, name: first.name }));
    return said.join('. ');
}

/** Tells screen readers of comings, goings and hands: a sentence now and then, not a flood. */
export function News({ roster, hands }: NewsProps): JSX.Element {
    const [spoken, setSpoken] = useState('');
    const told = useRef({ key: roster.feed[roster.feed.length - 1]?.key ?? 0, hands: '' });
    const latest = useRef({ roster, hands });
    latest.current = { roster, hands };
    useEffect(() => {
        const timer = setInterval(() => {
            const now = latest.current;
            const key = now.roster.feed[now.roster.feed.length - 1]?.key ?? 0;
            const raised = now.hands.map(({ userId }) => userId).join();
            if (key === told.current.key && raised === told.current.hands) return;
            const hands = raised === told.current.hands ? [] : now.hands;
            setSpoken(newsOf(now.roster.feed, told.current.key, { ...now, hands }));
            told.current = { key, hands: raised };
        }, SPEAK_EVERY);
        return () => clearInterval(timer);
    }, []);
    return (
        <p class="unseen" role="status" data-testid="news">
            {spoken}
        </p>
    );
}
