/** The parts of the teacher's class: the code for all to see, and who is here. */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Participant } from '../web/client';
import { Confirm } from '../web/ui/components';
import { BASE } from '../web/ui/page';
import { clockTime, t } from '../web/ui/strings';

/** Copies also where the page has no clipboard API, as on a plain http address in the classroom. */
async function copy(text: string): Promise<boolean> {
    try {
        if (navigator.clipboard) {
            await navigator.clipboard.writeText(text);
            return true;
        }
    } catch {
        // Not allowed: the old way may still be.
    }
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'unseen';
    document.body.append(field);
    field.select();
    const copied = document.execCommand('copy');
    field.remove();
    return copied;
}

export function joinLink(room: string): string {
    return `${BASE}/student/?room=${room}`;
}

export function CodePanel({ room, locked }: { room: string; locked: boolean }): JSX.Element {
    const [copied, setCopied] = useState<boolean | null>(null);
    const link = joinLink(room);
    return (
        <section class="panel code-panel" aria-labelledby="code-label">
            <h2 id="code-label" class="overline">
                {t('classCode')}
                {locked && <span class="badge">{t('locked')}</span>}
            </h2>
            <p class="big-code" data-testid="code">
                {room}
            </p>
            <div class="join-link">
                <span class="hint">{t('joinAt')}</span>
                <a href={link} target="_blank" rel="noopener">
                    {link}
                </a>
                <button type="button" onClick={() => void copy(link).then(setCopied)}>
                    {t('copyLink')}
                </button>
                <span class="hint" role="status">
                    {copied === null ? '' : t(copied ? 'copied' : 'copyFailed')}
                </span>
            </div>
        </section>
    );
}

interface RosterProps {
    people: Participant[];
    /** Whom one writes to now. */
    target: string | null;
    onTarget(userId: string): void;
    onRemove(userId: string): void;
}

export function Roster({ people, target, onTarget, onRemove }: RosterProps): JSX.Element {
    const [removing, setRemoving] = useState<Participant | null>(null);
    const count = people.length;
    return (
        <section class="panel roster" aria-labelledby="roster-label">
            <h2 id="roster-label">{t(count === 1 ? 'rosterOne' : 'roster', { count })}</h2>
            {count === 0 && <p class="empty">{t('rosterEmpty')}</p>}
            <ul>
                {people.map((person) => (
                    <li key={person.id} class={person.id === target ? 'chosen' : undefined}>
                        <button
                            type="button"
                            class="roster-name"
                            aria-pressed={person.id === target}
                            title={t('writeToOne', { name: person.name })}
                            onClick={() => onTarget(person.id)}
                        >
                            <span>{person.name}</span>
                            <span class="hint">
                                {t('joinedAt', { time: clockTime(person.joinedAt) })}
                            </span>
                        </button>
                        <button
                            type="button"
                            class="quiet"
                            aria-label={t('removeOne', { name: person.name })}
                            onClick={() => setRemoving(person)}
                        >
                            {t('remove')}
                        </button>
                    </li>
                ))}
            </ul>
            {removing && (
                <Confirm
                    question={t('removeAsk', { name: removing.name })}
                    action={t('remove')}
                    onCancel={() => setRemoving(null)}
                    onConfirm={() => {
                        onRemove(removing.id);
                        setRemoving(null);
                    }}
                />
            )}
        </section>
    );
}
