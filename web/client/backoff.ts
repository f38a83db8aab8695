/**
 * Exponential backoff with full jitter, so that a class that lost its server does not return in
 * step.
 */

export interface BackoffLimits {
    /** Longest wait before the first try, ms. */
    base: number;
    /** Longest wait ever, ms. */
    max: number;
}

/** No wait is shorter, ms. */
const FLOOR = 100;

export class Backoff {
    private tries = 0;

    constructor(
        private readonly limits: BackoffLimits,
        private readonly random: () => number,
    ) {}

    /** Tries since the last reset. */
    get count(): number {
        return this.tries;
    }

    /** Milliseconds to wait before the next try. Each call doubles the upper bound. */
    next(): number {
        // The exponent is bounded so that days of trying do not end in Infinity.
        const ceiling = Math.min(this.limits.max, this.limits.base * 2 ** Math.min(this.tries, 30));
        this.tries += 1;
        return Math.round(Math.min(ceiling, FLOOR) + this.random() * Math.max(0, ceiling - FLOOR));
    }

    reset(): void {
        this.tries = 0;
    }
}
