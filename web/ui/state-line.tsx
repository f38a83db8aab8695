/** The state of a connection, in a line. */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { State } from '../client';
import type { Description } from './describe';
import { useLanguage, useNow } from './hooks';

interface StateLineProps {
    state: State;
    /** The state in the page's words; `now` is the device's time, ms. */
    describe(state: State, now: number): Description;
    class?: string;
}

/**
 * What is going on. Countdowns are seen but not read aloud each second: the live region changes
 * only with the state, and the language.
 */
export function StateLine({ state, describe, class: name }: StateLineProps): JSX.Element {
    const now = useNow(state.name === 'waiting');
    const { tone, text } = describe(state, now);
    const [spoken, setSpoken] = useState(text);
    const language = useLanguage();
    useEffect(() => setSpoken(text), [state, language]);
    return (
        <div class={`state state-${tone}${name ? ` ${name}` : ''}`} data-state={state.name}>
            <span class="state-dot" aria-hidden="true" />
            <span aria-hidden="true">{text}</span>
            <span class="unseen" role="status">
                {spoken}
            </span>
        </div>
    );
}
