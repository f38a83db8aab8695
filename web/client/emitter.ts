/** Typed events: one map from event name to what its listeners get. */

export class Emitter<Events extends object> {
    private readonly listeners = new Map<keyof Events, Set<(data: never) => void>>();

    /** `onThrow` gets what a listener throws: the others are still called, and so is the caller. */
    constructor(private readonly onThrow: (thrown: unknown) => void) {}

    /** Returns the function that takes the listener away again. */
    on<Name extends keyof Events>(name: Name, fn: (data: Events[Name]) => void): () => void {
        let set = this.listeners.get(name);
        if (!set) {
            set = new Set();
            this.listeners.set(name, set);
        }
        // A wrapper of our own, so that one function added twice is called and removed twice.
        const listener = (data: never) => fn(data as Events[Name]);
        set.add(listener);
        return () => void set.delete(listener);
    }

    emit<Name extends keyof Events>(name: Name, data: Events[Name]): void {
        const set = this.listeners.get(name);
        for (const listener of [...(set ?? [])]) {
            try {
                if (set?.has(listener)) listener(data as never); // else an earlier one took it away
            } catch (thrown) {
                this.onThrow(thrown);
            }
        }
    }
}
