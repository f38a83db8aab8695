/** The connection is closed for good: why, what can be done, and what is left of the class. */

import type { JSX } from 'preact';
import type { Reason } from '../web/client';
import { useFirstFocus } from '../web/ui/hooks';
import type { RoomProps } from './class';
import { Records } from './records';
import { t } from './strings';
import type { StringKey } from './strings';

interface Ending {
    title: StringKey;
    /** What `connect()` can do about it. */
    remedy?: StringKey;
}

/** Ways in which a connection ends for good that deserve more than the line of the state. */
const ENDINGS: Partial<Record<Reason['kind'], Ending>> = {
    room_ended: { title: 'overTitle', remedy: 'openAgain' },
    replaced: { title: 'replacedTitle', remedy: 'useHere' },
    refused: { title: 'refusedTitle', remedy: 'tryAgain' },
    room_taken: { title: 'takenTitle' },
};

export function Over({ classroom, snapshot, token, onLeave }: RoomProps): JSX.Element | null {
    const { state, room } = snapshot;
    const heading = useFirstFocus<HTMLHeadingElement>();
    if (state.name !== 'closed') return null;
    const { kind } = state.reason;
    const { title, remedy } = ENDINGS[kind] ?? { title: 'closedTitle' as const };
    return (
        <section class={`panel over over-${kind}`} aria-labelledby="over-label">
            <div class="over-text">
                <h2 id="over-label" ref={heading} tabIndex={-1}>
                    {t(title)}
                </h2>
                {kind === 'replaced' && <p>{t('replacedText')}</p>}
                {kind === 'room_ended' && room !== null && (
                    <>
                        <p>{t('keptForAnHour')}</p>
                        <Records of={{ token, room }} />
                    </>
                )}
            </div>
            <div class="row">
                {remedy && (
                    <button
                        type="button"
                        class={kind === 'room_ended' ? undefined : 'primary'}
                        onClick={() => classroom.client.connect()}
                    >
                        {t(remedy)}
                    </button>
                )}
                <button
                    type="button"
                    class={kind === 'room_ended' ? 'primary' : undefined}
                    onClick={onLeave}
                >
                    {t('newClass')}
                </button>
            </div>
        </section>
    );
}
