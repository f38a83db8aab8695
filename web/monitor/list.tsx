/** The list of events: the newest first, held still where wanted, narrowed by channel and text. */

import type { JSX } from 'preact';
import { useId, useMemo, useState } from 'preact/hooks';
import { Dialog } from '../ui/dialog';
import { useLanguage } from '../ui/hooks';
import { choose, timeOf } from './desk';
import type { Desk, Entry } from './desk';
import { t } from './strings';

/** Events shown at a time: more cannot be read, and would only be slow. */
const SHOWN = 200;

/** Longest data shown in the details, characters. */
const DETAIL_MAX = 100_000;

function pretty(data: unknown): { text: string; cut: boolean } {
    const text = typeof data === 'string' ? data : (JSON.stringify(data, null, 2) ?? '');
    return { text: text.slice(0, DETAIL_MAX), cut: text.length > DETAIL_MAX };
}

function Details({ entry, onClose }: { entry: Entry; onClose(): void }): JSX.Element {
    const language = useLanguage();
    const { type, data, timestamp, id } = entry.event;
    const { text, cut } = pretty(data);
    const clock = new Intl.DateTimeFormat(language, { timeStyle: 'medium', dateStyle: 'medium' });
    return (
        <Dialog title={t('eventOf', { channel: type })} onClose={onClose}>
            <dl class="monitor-details">
                <dt>{t('time')}</dt>
                <dd>{timeOf(clock, timestamp)}</dd>
                <dt>{t('id')}</dt>
                <dd>{id ? <code>{id}</code> : t('noId')}</dd>
                <dt>{t('data')}</dt>
                <dd>
                    {/* A region that scrolls must be reached with the keyboard. */}
                    <pre tabIndex={0} role="region" aria-label={t('data')}>
                        {text}
                    </pre>
                    {cut && <p class="hint">{t('cutOff')}</p>}
                </dd>
            </dl>
        </Dialog>
    );
}

interface RowProps {
    entry: Entry;
    colour: string;
    clock: Intl.DateTimeFormat;
    onOpen(entry: Entry): void;
}

function Row({ entry, colour, clock, onOpen }: RowProps): JSX.Element {
    const { type, timestamp } = entry.event;
    return (
        <li>
            <button type="button" class="monitor-row" onClick={() => onOpen(entry)}>
                <time>{timeOf(clock, timestamp)}</time>
                <span class="monitor-channel">
                    <span class="monitor-mark" style={{ background: colour }} aria-hidden="true" />
                    {type}
                </span>
                <span class="monitor-text">{entry.text.slice(0, 300)}</span>
            </button>
        </li>
    );
}

interface ListProps {
    desk: Desk;
    channels: readonly string[];
    colourOf(channel: string): string;
}

export function EventList({ desk, channels, colourOf }: ListProps): JSX.Element {
    const language = useLanguage();
    const [held, setHeld] = useState<{ entries: readonly Entry[]; total: number } | null>(null);
    const [channel, setChannel] = useState('');
    const [text, setText] = useState('');
    const [open, setOpen] = useState<Entry | null>(null);
    const id = useId();
    const clock = useMemo(
        () => new Intl.DateTimeFormat(language, { timeStyle: 'medium' }),
        [language],
    );
    const entries = held?.entries ?? desk.entries;
    const newest = entries[entries.length - 1]?.key ?? 0;
    // With each event `newest` is another; without one, what was found stays.
    const found = useMemo(
        () => choose(entries, { channel, text }),
        [newest, entries.length, channel, text],
    );
    const shown = found.slice(0, SHOWN);
    const waiting = held ? desk.total - held.total : 0;
    const hold = (): void => setHeld(held ? null : { entries: desk.entries, total: desk.total });
    return (
        <section class="panel monitor-events" aria-labelledby={`${id}-title`}>
            <div class="monitor-tools">
                <h2 id={`${id}-title`}>{t('events')}</h2>
                <button type="button" aria-pressed={held !== null} onClick={hold}>
                    {held ? t('goOn') : t('pause')}
                </button>
                <button
                    type="button"
                    onClick={() => {
                        desk.clear();
                        setHeld(null);
                    }}
                >
                    {t('clear')}
                </button>
                <select
                    aria-label={t('channel')}
                    value={channel}
                    onChange={(event) => setChannel(event.currentTarget.value)}
                >
                    <option value="">{t('allChannels')}</option>
                    {channels.map((name) => (
                        <option key={name} value={name}>
                            {name}
                        </option>
                    ))}
                </select>
                <input
                    type="search"
                    aria-label={t('search')}
                    placeholder={t('search')}
                    value={text}
                    onInput={(event) => setText(event.currentTarget.value)}
                />
                <p class="hint" role="status">
                    {held ? t('pausedWith', { count: waiting }) : ''}
                </p>
                {found.length > SHOWN && (
                    <p class="hint">{t('shown', { shown: SHOWN, found: found.length })}</p>
                )}
            </div>
            {shown.length === 0 ? (
                <p class="empty">{t(entries.length === 0 ? 'noEvents' : 'nothingFound')}</p>
            ) : (
                <ol class="monitor-list">
                    {shown.map((entry) => (
                        <Row
                            key={entry.key}
                            entry={entry}
                            clock={clock}
                            colour={colourOf(entry.event.type)}
                            onOpen={setOpen}
                        />
                    ))}
                </ol>
            )}
            {open && <Details entry={open} onClose={() => setOpen(null)} />}
        </section>
    );
}
