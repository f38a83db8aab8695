/**
 * Keeps the sender under the server's rate limit, so that a long queue after an outage is sent at
 * the allowed speed instead of being refused (and, after too many refusals, cut off with 4007).
 */

/** The server's bucket counts other frames too (pings), and clocks drift: stay below it. */
const SHARE = 0.8;

export class Pacer {
    private tokens: number;
    private readonly capacity: number;
    private readonly perMs: number;
    private at: number;

    /** `rate` per second and `burst` as announced in `welcome`; `share` of them is used. */
    constructor(
        rate: number,
        burst: number,
        private readonly now: () => number,
        share = SHARE,
    ) {
        this.capacity = Math.max(1, Math.floor(burst * share));
        this.perMs = Math.max(0.001, (rate * share) / 1000);
        this.tokens = this.capacity;
        this.at = now();
    }

    /** Takes a token and returns 0, or returns the milliseconds until there is one. */
    take(): number {
        const now = this.now();
        this.tokens = Math.min(
            this.capacity,
            this.tokens + Math.max(0, now - this.at) * this.perMs,
        );
        this.at = now;
        // The small slack keeps rounding from asking for one more, shorter wait.
        if (this.tokens >= 0.999) {
            this.tokens = Math.max(0, this.tokens - 1);
            return 0;
        }
        return Math.ceil((1 - this.tokens) / this.perMs);
    }
}
