/** When a connection is worth a look. Only in pages. */

/**
 * Calls `poke` when the page comes back to the foreground or the network changes; the returned
 * function ends that.
 */
export function onWake(poke: () => void): () => void {
    const wake = (): void => {
        if (document.visibilityState === 'visible') poke();
    };
    document.addEventListener('visibilitychange', wake);
    window.addEventListener('online', wake);
    // No proof that the connection is gone, but a reason to look.
    window.addEventListener('offline', wake);
    return () => {
        document.removeEventListener('visibilitychange', wake);
        window.removeEventListener('online', wake);
        window.removeEventListener('offline', wake);
    };
}
