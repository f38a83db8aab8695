/** The dashboard itself: state, figures, chart, list. */

import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { FeedClient } from '../client';
import type { State } from '../client';
import { useConnection, useLanguage, useNow } from '../ui/hooks';
import { LanguageSwitch } from '../ui/language';
import { BASE } from '../ui/page';
import { StateLine } from '../ui/state-line';
import { Chart, colourOf } from './chart';
import { Desk } from './desk';
import type { Figures } from './desk';
import { EventList } from './list';
import { describe, whyClosed } from './status';
import { t } from './strings';
import type { StringKey } from './strings';

/** Reasons to ask for another token. */
const NO_ENTRY = new Set(['token_expired', 'token_invalid', 'channel_forbidden']);

function Table({ figures }: { figures: readonly Figures[] }): JSX.Element {
    const language = useLanguage();
    const number = new Intl.NumberFormat(language);
    const rate = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
    const clock = new Intl.DateTimeFormat(language, { timeStyle: 'medium' });
    return (
        <table class="monitor-table">
            <thead>
                <tr>
                    <th scope="col">{t('channel')}</th>
                    <th scope="col">{t('total')}</th>
                    <th scope="col">{t('rate')}</th>
                    <th scope="col">{t('lastSeen')}</th>
                    <th scope="col">{t('lostColumn')}</th>
                </tr>
            </thead>
            <tbody>
                {figures.map((row, place) => (
                    <tr key={row.channel} data-channel={row.channel}>
                        <th scope="row">
                            <span
                                class="monitor-mark"
                                style={{ background: colourOf(place) }}
                                aria-hidden="true"
                            />
                            {row.channel}
                        </th>
                        <td>{number.format(row.total)}</td>
                        <td>{rate.format(row.rate)}</td>
                        <td>{row.last === null ? t('never') : clock.format(row.last)}</td>
                        <td class={row.missed > 0 ? 'monitor-missed' : ''}>
                            {number.format(row.missed)}
                        </td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

interface Notes {
    dropped: number;
    gap: boolean;
}

/** The client and what it has brought, for as long as the component is there. */
function useFeed(token: string | null, channels: readonly string[]): {
    client: FeedClient;
    desk: Desk;
    state: State;
    notes: Notes;
} {
    const feed = useMemo(() => {
        const made = new FeedClient({ base: BASE, channels, ...(token ? { token } : {}) });
        const kept = new Desk({
            now: () => Date.now(),
            setTimeout: (fn, ms) => window.setTimeout(fn, ms),
        });
        return { client: made, desk: kept };
    }, []);
    const { client, desk } = feed;
    const [state, setState] = useState<State>(client.state);
    const [notes, setNotes] = useState<Notes>({ dropped: 0, gap: false });
    const [, draw] = useState(0);
    useEffect(() => {
        const offs = [
            client.on('state', setState),
            client.on('welcome', ({ channels: names }) => desk.follow(names)),
            client.on('event', (event) => desk.add(event)),
            client.on('dropped', ({ count, channels: by }) => {
                for (const [name, missed] of Object.entries(by)) desk.miss(name, missed);
                setNotes((before) => ({ ...before, dropped: before.dropped + count }));
            }),
            client.on('gap', ({ channel, missed }) => {
                desk.miss(channel, missed ?? 0);
                setNotes((before) => ({ ...before, gap: true }));
            }),
            desk.subscribe(() => draw((count) => count + 1)),
        ];
        return () => offs.forEach((off) => off());
    }, [client]);
    useConnection(feed);
    return { client, desk, state, notes };
}

interface BoardProps {
    token: string | null;
    channels: readonly string[];
    onLeave(why: StringKey | null): void;
}

export function Board({ token, channels, onLeave }: BoardProps): JSX.Element {
    const { client, desk, state, notes } = useFeed(token, channels);
    useNow(state.name === 'open'); // rates fall while nothing comes
    useEffect(() => {
        if (state.name === 'closed' && NO_ENTRY.has(state.reason.kind)) {
            onLeave(whyClosed(state.reason));
        }
    }, [state]);
    const figures = desk.figures();
    const names = figures.map(({ channel }) => channel);
    return (
        <div class="monitor">
            <header class="row monitor-head">
                <h1>{t('title')}</h1>
                <StateLine state={state} describe={describe} class="monitor-state" />
                <div class="row">
                    {state.name === 'closed' && (
                        <button type="button" onClick={() => client.connect()}>
                            {t('tryAgain')}
                        </button>
                    )}
                    {token !== null && (
                        <button type="button" onClick={() => onLeave(null)}>
                            {t('leave')}
                        </button>
                    )}
                    <LanguageSwitch />
                </div>
            </header>
            <main class="monitor-main">
                {(notes.dropped > 0 || notes.gap) && (
                    <div class="monitor-notes" role="status">
                        {notes.dropped > 0 && <p>{t('dropped', { count: notes.dropped })}</p>}
                        {notes.gap && <p>{t('gap')}</p>}
                    </div>
                )}
                <div class="monitor-side">
                    {/* It may scroll sideways, so it must be reached with the keyboard. */}
                    <div
                        class="panel monitor-figures"
                        tabIndex={0}
                        role="region"
                        aria-label={t('channels')}
                    >
                        <Table figures={figures} />
                    </div>
                    <section class="panel" aria-labelledby="chart-title">
                        <h2 id="chart-title">{t('chart')}</h2>
                        {names.length > 0 && <Chart desk={desk} channels={names} />}
                    </section>
                </div>
                <EventList
                    desk={desk}
                    channels={names}
                    colourOf={(name) => colourOf(Math.max(0, names.indexOf(name)))}
                />
            </main>
        </div>
    );
}
