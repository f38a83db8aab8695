/** Who is here: raised hands first, then the list of all, then who came and went. */

import type { JSX, RefObject } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Confirm } from '../web/ui/confirm';
import type { Hand } from '../web/ui/model/hands';
import { arrange, presence } from '../web/ui/model/roster';
import type { Order, Person, Presence, RosterView } from '../web/ui/model/roster';
import { useRosterClock } from './clock';
import { Feed } from './comings';
import { HandsList, raisedHands } from './hands';
import { Icon } from '../web/ui/icons';
import { t } from './strings';
import type { StringKey } from './strings';
import { VirtualList } from './virtual';

const ORDERS: Record<Order, StringKey> = {
    hand: 'orderHand',
    name: 'orderName',
    state: 'orderState',
    joined: 'orderJoined',
};

const PRESENCE: Record<Presence, StringKey> = {
    here: 'here',
    reconnecting: 'reconnectingNow',
    gone: 'gone',
};

interface PeopleProps {
    roster: RosterView;
    hands: readonly Hand[];
    /** The server's time minus the device's, ms. */
    clockOffset: number;
    /** Whom one writes to now. */
    target: string | null;
    /** False where the class is over: nothing can be done to anybody. */
    active: boolean;
    onTarget(userId: string): void;
    onRemove(userId: string): void;
    onLower(userIds: readonly string[]): void;
}

/** The list as it is now, and again as time makes those who are reconnecting gone. */
function useArranged({ roster, hands, clockOffset }: PeopleProps, query: string, order: Order) {
    const now = useRosterClock(roster, clockOffset);
    const raised = useMemo(() => raisedHands(hands, roster, now), [hands, roster, now]);
    const places = useMemo(
        () => new Map(raised.map(({ userId }, place) => [userId, place])),
        [raised],
    );
    const people = useMemo(
        () => arrange(roster.people, { order, query, hands: places, now }),
        [roster, order, query, places, now],
    );
    return { now, raised, places, people };
}

/**
 * A button that is pressed may vanish with what it was for. Who works with the keyboard then goes
 * on beside it, and not at the top of the page: call the returned function with the button's place
 * among the hands, or with 0.
 */
function useVanishing(section: RefObject<HTMLElement | null>, news: readonly unknown[]) {
    const vanishing = useRef<number | null>(null);
    useEffect(() => {
        const place = vanishing.current;
        if (place === null || document.activeElement !== document.body) return;
        vanishing.current = null;
        const others = section.current!.querySelectorAll<HTMLElement>('.hands li button');
        const next = others[Math.min(place, others.length - 1)];
        (next ?? section.current!.querySelector<HTMLElement>('h2'))?.focus();
    }, news);
    return (place: number): void => {
        vanishing.current = place;
    };
}

export function People(props: PeopleProps): JSX.Element {
    const { roster, active, onLower } = props;
    const [query, setQuery] = useState('');
    const [order, setOrder] = useState<Order>('name');
    const { now, raised, places, people } = useArranged(props, query, order);
    const section = useRef<HTMLElement>(null);
    const vanish = useVanishing(section, [raised, people]);
    const { here } = roster;
    const lower = (userIds: readonly string[]): void => {
        vanish(places.get(userIds[0] ?? '') ?? 0);
        onLower(userIds);
    };
    return (
        <section class="panel people" aria-labelledby="people-label" ref={section}>
            <div class="panel-head">
                <h2 id="people-label" tabIndex={-1}>
                    {active
                        ? t(here === 1 ? 'rosterOne' : 'roster', { count: here })
                        : t('tookPart', { count: roster.people.length })}
                </h2>
                {active && <Away people={roster.people} now={now} />}
            </div>
            {active && raised.length > 0 && (
                <HandsList raised={raised} roster={roster} active={active} onLower={lower} />
            )}
            {roster.people.length === 0 ? (
                <p class="empty">{t('rosterEmpty')}</p>
            ) : (
                <>
                    <Finder
                        query={query}
                        order={order}
                        onQuery={setQuery}
                        onOrder={setOrder}
                    />
                    {people.length === 0 && <p class="empty">{t('nobodyFound')}</p>}
                    <List {...props} {...{ now, places, people }} onVanish={() => vanish(0)} />
                </>
            )}
            <Feed feed={roster.feed} />
        </section>
    );
}

interface ListProps extends PeopleProps {
    people: readonly Person[];
    /** Places in the row of raised hands, by user id. */
    places: ReadonlyMap<string, number>;
    now: number;
    onVanish(): void;
}

function List(props: ListProps): JSX.Element {
    const { people, places, now, target, active, onTarget, onRemove, onVanish } = props;
    const [removing, setRemoving] = useState<Person | null>(null);
    return (
        <>
            <VirtualList
                label={t('students')}
                items={people}
                keyOf={({ id }) => id}
                rowHeight={2.5}
                rowClass={({ id }) => (active && id === target ? 'chosen' : undefined)}
            >
                {(person) => (
                    <PersonRow
                        person={person}
                        where={presence(person, now)}
                        place={places.get(person.id)}
                        chosen={person.id === target}
                        active={active}
                        onTarget={onTarget}
                        onRemove={setRemoving}
                    />
                )}
            </VirtualList>
            {removing && (
                <Confirm
                    question={t('removeAsk', { name: removing.name })}
                    action={t('remove')}
                    onCancel={() => setRemoving(null)}
                    onConfirm={() => {
                        onVanish();
                        onRemove(removing.id);
                        setRemoving(null);
                    }}
                />
            )}
        </>
    );
}

/** How many are not here, where somebody is not. */
function Away({ people, now }: { people: readonly Person[]; now: number }): JSX.Element | null {
    const count = { here: 0, reconnecting: 0, gone: 0 };
    for (const person of people) count[presence(person, now)] += 1;
    const parts = [
        count.reconnecting > 0 && t('countReconnecting', { count: count.reconnecting }),
        count.gone > 0 && t('countGone', { count: count.gone }),
    ].filter(Boolean);
    return parts.length === 0 ? null : <p class="hint">{parts.join(' · ')}</p>;
}

interface FinderProps {
    query: string;
    order: Order;
    onQuery(query: string): void;
    onOrder(order: Order): void;
}

function Finder({ query, order, onQuery, onOrder }: FinderProps): JSX.Element {
    return (
        <div class="finder">
            <input
                type="search"
                aria-label={t('findStudent')}
                placeholder={t('findStudent')}
                value={query}
                onInput={(event) => onQuery(event.currentTarget.value)}
            />
            <select
                aria-label={t('orderBy')}
                value={order}
                onChange={(event) => onOrder(event.currentTarget.value as Order)}
            >
                {(Object.keys(ORDERS) as Order[]).map((each) => (
                    <option key={each} value={each}>
                        {t(ORDERS[each])}
                    </option>
                ))}
            </select>
        </div>
    );
}

interface PersonRowProps {
    person: Person;
    where: Presence;
    /** Their place in the row of raised hands. */
    place: number | undefined;
    chosen: boolean;
    active: boolean;
    onTarget(userId: string): void;
    onRemove(person: Person): void;
}

function PersonRow(props: PersonRowProps): JSX.Element {
    const { person, where, place, chosen, active, onTarget, onRemove } = props;
    const { id, name, state } = person;
    const label = state === 'removed' ? 'removedState' : PRESENCE[where];
    return (
        <div class={`person person-${where}`}>
            <span class="person-dot" aria-hidden="true" />
            <span class="person-name" title={name}>
                {name}
            </span>
            {place !== undefined && (
                <span class="person-hand">
                    <Icon name="hand" />
                    <span aria-hidden="true">{place + 1}</span>
                    <span class="unseen">{t('handPlace', { place: place + 1 })}</span>
                </span>
            )}
            {(active || state === 'removed') && (
                <span class={where === 'here' ? 'unseen' : 'person-state'}>{t(label)}</span>
            )}
            {active && state !== 'removed' && (
                <>
                    <button
                        type="button"
                        class="icon"
                        aria-pressed={chosen}
                        aria-label={t('writeToOne', { name })}
                        title={t('writeToOne', { name })}
                        onClick={() => onTarget(id)}
                    >
                        <Icon name="mail" />
                    </button>
                    <button
                        type="button"
                        class="icon icon-danger"
                        aria-label={t('removeOne', { name })}
                        title={t('removeOne', { name })}
                        onClick={() => onRemove(person)}
                    >
                        <Icon name="cross" />
                    </button>
                </>
            )}
        </div>
    );
}
