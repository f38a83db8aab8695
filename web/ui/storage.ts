/** Web storage that may be missing, full or forbidden: then nothing is kept, and nothing breaks. */

export interface Store {
    get<T>(key: string): T | null;
    set(key: string, value: unknown): void;
    remove(key: string): void;
}

function store(open: () => Storage): Store {
    const attempt = <T>(fn: (storage: Storage) => T): T | null => {
        try {
            return fn(open());
        } catch {
            return null;
        }
    };
    return {
        get: (key) => attempt((storage) => JSON.parse(storage.getItem(key) ?? 'null')),
        set: (key, value) => void attempt((storage) => storage.setItem(key, JSON.stringify(value))),
        remove: (key) => void attempt((storage) => storage.removeItem(key)),
    };
}

/** For this tab: outlives a reload. */
export const tab = store(() => window.sessionStorage);

/** For this browser: outlives its tabs. */
export const device = store(() => window.localStorage);
