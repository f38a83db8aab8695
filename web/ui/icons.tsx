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
    clip:
        'm20 11-8.5 8.5a5 5 0 0 1-7-7L13 4a3.4 3.4 0 0 1 4.8 4.8L9.5 17' +
        'a1.7 1.7 0 0 1-2.4-2.4L15 7',
    plus: 'M12 5v14M5 12h14',
    people:
        'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zm-6 9a6 6 0 0 1 12 0' +
        'm.5-15.7a3.5 3.5 0 0 1 0 6.4M17.5 15a6 6 0 0 1 3.5 5',
    search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zm4.7-1.8L20 20',
    file: 'M6 3h8l4 4v14H6zm8 0v4h4',
    trash: 'M5 7h14M10 7V4h4v3m3 0-.8 13H7.8L7 7m3.5 4v5m3-5v5',
    download: 'M12 4v11m-5-5 5 5 5-5M5 20h14',
    leave: 'M14 4H5v16h9m-4-8h11m-3.5-3.5L21 12l-3.5 3.5',
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }): JSX.Element {
    return (
        <svg class="glyph" viewBox="0 0 24 24" aria-hidden="true">
            <path d={PATHS[name]} />
        </svg>
    );
}
