/** Telling a page of changes: once per drawing, however much happens. */

/** Where no frame is drawn (hidden pages), changes are told after this time, ms. */
const UNDRAWN = 100;

export class Drawing {
    private readonly listeners = new Set<() => void>();
    private notified = 0;
    private scheduled = false;

    /** Calls `fn` after changes; the returned function ends that. */
    subscribe(fn: () => void): () => void {
        this.listeners.add(fn);
        return () => void this.listeners.delete(fn);
    }

    /** Something has changed. */
    touch(): void {
        if (this.scheduled) return;
        this.scheduled = true;
        const hidden = typeof document !== 'undefined' && document.hidden;
        if (hidden && Date.now() - this.notified >= UNDRAWN) {
            // Timers are slow there, and the projector may be in front of this page.
            queueMicrotask(() => this.notify());
            return;
        }
        const timer = setTimeout(() => this.notify(), UNDRAWN);
        if (typeof requestAnimationFrame === 'undefined') return;
        requestAnimationFrame(() => {
            clearTimeout(timer);
            this.notify();
        });
    }

    private notify(): void {
        if (!this.scheduled) return;
        this.scheduled = false;
        this.notified = Date.now();
        for (const listener of [...this.listeners]) listener();
    }
}
