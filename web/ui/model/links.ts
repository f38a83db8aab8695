/** Web addresses in a message's text. */

/** Addresses end where another script begins: Korean particles stand right behind them. */
const ADDRESS = /\bhttps?:\/\/[\w\-.~:/?#[\]@!$&'()*+,;=%]+/g;

/** What ends a sentence, and not an address. */
const SENTENCE_END = /[.,:;!?'")\]]+$/;

/** Texts and addresses in turn: those at odd places are addresses. */
export function splitLinks(text: string): string[] {
    const parts: string[] = [];
    let from = 0;
    for (const found of text.matchAll(ADDRESS)) {
        const address = found[0].replace(SENTENCE_END, '');
        // Nothing but the scheme is left.
        if (/^https?:\/*$/.test(address)) continue;
        parts.push(text.slice(from, found.index), address);
        from = found.index! + address.length;
    }
    parts.push(text.slice(from));
    return parts;
}
