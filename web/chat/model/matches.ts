/** Where a text holds what was looked for. */

/** Characters shown before the first match: on a phone they leave it in sight. */
const BEFORE = 20;

/** As the server compares: without case. Of the same length as the text, or the text itself. */
function folded(text: string): string {
    const lower = text.toLowerCase();
    // A few letters have more than one small one: places would be wrong.
    return lower.length === text.length ? lower : text;
}

/** Texts and matches in turn: those at odd places are matches. Begins shortly before the first. */
export function splitMatches(text: string, query: string): string[] {
    const all = folded(text);
    const wanted = folded(query);
    const first = wanted === '' ? -1 : all.indexOf(wanted);
    if (first < 0) return [text];
    const cut = first > BEFORE ? first - BEFORE : 0;
    const parts: string[] = [];
    let from = cut;
    for (let at = first; at >= 0; at = all.indexOf(wanted, from)) {
        parts.push(text.slice(from, at), text.slice(at, at + wanted.length));
        from = at + wanted.length;
    }
    parts.push(text.slice(from));
    if (cut > 0) parts[0] = `…${parts[0]}`;
    return parts;
}
