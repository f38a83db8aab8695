/** Remembers the last so many ids, to tell what was seen already in bounded memory. */

export class RecentIds {
    private readonly ids = new Set<string>();

    constructor(private readonly capacity: number) {}

    /** False where the id was added before and is still remembered. */
    add(id: string): boolean {
        if (this.ids.has(id)) return false;
        this.ids.add(id);
        if (this.ids.size > this.capacity) {
            // A Set keeps the order of insertion: the first is the oldest.
            for (const oldest of this.ids) {
                this.ids.delete(oldest);
                break;
            }
        }
        return true;
    }

    has(id: string): boolean {
        return this.ids.has(id);
    }

    clear(): void {
        this.ids.clear();
    }
}
