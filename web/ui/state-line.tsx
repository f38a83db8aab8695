/** The state of a host's connection, in a line. */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { State } from '../client';
import { describe } from './describe';
import { useNow } from './hooks';

/**
 * What is going on. Countdowns are seen but not read aloud each second: the live region changes
 * only with the state.
 */
export function StateLine({ state }: { state: State }): JSX.Element {
    const now = useNow(state.name === 'waiting');
    const { tone, text } = describe(state, now);
    const [spoken, setSpoken] = useState(text);
    useEffect(() => setSpoken(text), [state]);
    return (
        <div class={`state state-${tone}`}>
            <span class="state-dot" aria-hidden="true" />
            <span aria-hidden="true">{text}</span>
            <span class="unseen" role="status">
                {spoken}
            </span>
        </div>
    );
}
