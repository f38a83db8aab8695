/** Icons that look the same on every device, unlike emoji. All are decoration: names are beside. */

import type { JSX } from 'preact';

const PATHS = {
    hand:
        'M7 13V6.5a1.5 1.5 0 0 1 3 0V11m0-1V4.5a1.5 1.5 0 0 1 3 0V11m0-.5v-5a1.5 1.5 0 0 1 3 0V12' +
        'm0-3.5a1.5 1.5 0 0 1 3 0V15a6 6 0 0 1-6 6h-1.2a6 6 0 0 1-4.6-2.1L4.3 15' +
        'a1.6 1.6 0 0 1 2.4-2.1L8 14',
    mail: 'M4 6h16v12H4zm0 .5 8 6.5 8-6.5',
    cross: 'm6 6 12 12M18 6 6 18',
    pencil: 'm4 20 1-4L16 5l3 3L8 19zm10-13 3 3',
    screen: 'M3 5h18v11H3zm9 11v4m-4 0h8',
    chevron: 'm6 9 6 6 6-6',
    back: 'm14 6-6 6 6 6',
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }): JSX.Element {
    return (
        <svg class="glyph" viewBox="0 0 24 24" aria-hidden="true">
            <path d={PATHS[name]} />
        </svg>
    );
}
