/**
 * The order of ids. Messages come in the room's order by themselves; only the place of one's own,
 * known when the server answers, may have been passed by a message that was sent later.
 */

/** `<room epoch>.<ms>-<n>`, as Lectern makes them. */
const ID = /^(.*)\.(\d+)-(\d+)$/;

/** True where `a` certainly came after `b`; false where not, and where that cannot be told. */
export function isAfter(a: string, b: string): boolean {
    const [, roomA, msA, numberA] = ID.exec(a) ?? [];
    const [, roomB, msB, numberB] = ID.exec(b) ?? [];
    if (roomA === undefined || roomA !== roomB) return false;
    return msA === msB ? Number(numberA) > Number(numberB) : Number(msA) > Number(msB);
}
