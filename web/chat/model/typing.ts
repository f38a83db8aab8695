/** Who is writing in a room: told when they begin, and forgotten when nothing more is heard. */

/** One who is not heard of for so long has stopped, ms. */
export const STOPPED = 6000;

export class Typing {
    private readonly until = new Map<string, { name: string; at: number }>();

    /** True where the list has changed. */
    set(user: string, name: string, on: boolean, now: number): boolean {
        if (!on) return this.until.delete(user);
        const known = this.until.has(user);
        this.until.set(user, { name, at: now + STOPPED });
        return !known;
    }

    /** Forgets those who have stopped; true where there were some. */
    expire(now: number): boolean {
        let changed = false;
        for (const [user, { at }] of this.until) {
            if (at <= now) changed = this.until.delete(user) || changed;
        }
        return changed;
    }

    get names(): string[] {
        return [...this.until.values()].map(({ name }) => name);
    }
}
