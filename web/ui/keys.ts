/** What keys mean where one writes. */

/** Whether this press of Enter sends what is written; not while a Hangul syllable is composed. */
export function enterSends(event: KeyboardEvent): boolean {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return false;
    // A rough pointer has an on-screen keyboard, whose Enter belongs to the text.
    return !window.matchMedia('(pointer: coarse)').matches;
}
