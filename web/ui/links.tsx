/** A message's text whose web addresses can be followed. All else stays text. */

import type { JSX } from 'preact';
import { splitLinks } from './model/links';

/** Followed in a window of its own, which learns nothing of the class. */
export function LinkedText({ text }: { text: string }): JSX.Element {
    return (
        <>
            {splitLinks(text).map((part, place) =>
                place % 2 === 0 ? (
                    part
                ) : (
                    <a key={place} href={part} target="_blank" rel="noopener noreferrer">
                        {part}
                    </a>
                ),
            )}
        </>
    );
}
