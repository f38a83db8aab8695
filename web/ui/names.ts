/** What a name may be: that of a person and of a class alike (docs/protocol.md). */

/** Most characters of a name, as the server counts them. */
const LONGEST_NAME = 64;

/** What the server takes for no part of a name: controls, and what turns the writing around. */
const ODD = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

/** What is wrong with a name without spaces around it; null where nothing is. */
export function nameTrouble(name: string): 'empty' | 'long' | 'odd' | null {
    if (name === '') return 'empty';
    if ([...name].length > LONGEST_NAME) return 'long';
    return ODD.test(name) ? 'odd' : null;
}
