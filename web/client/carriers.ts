/**
 * WebSocket, or SockJS where WebSocket cannot be opened although the server answers. What was found
 * is remembered for the tab, so that the next page does not try in vain; after a while WebSocket is
 * tried again when there is a connection to be made anyway.
 */

import type { Environment } from './env';
import { sockJs } from './sockjs';

/** Tries of WebSocket that failed in a row before SockJS is tried. */
const MOST_FAILED = 2;

/** How long SockJS is believed to be needed, ms. */
const BELIEVED = 10 * 60_000;

export class Carriers {
    private readonly fallback: Environment | null;
    private failed = 0;
    private falling = false;

    constructor(private readonly env: Environment) {
        const { stream } = env;
        this.fallback = stream ? { ...env, WebSocket: sockJs(env, stream) } : null;
    }

    /** The surroundings of the next link: with the WebSocket that it is to use. */
    pick(): Environment {
        const since = Number(this.env.memory.get() ?? NaN);
        this.falling = this.fallback !== null && this.env.now() - since < BELIEVED;
        return this.falling ? this.fallback! : this.env;
    }

    /** The present link was welcomed. */
    welcomed(): void {
        this.failed = 0;
        if (!this.falling) this.env.memory.set(null);
    }

    /**
     * The present link was not welcomed although nothing else speaks against it. True where there is
     * another way now.
     */
    blocked(): boolean {
        if (!this.fallback) return false;
        if (this.falling) {
            this.env.memory.set(null);
            this.failed = 0;
            return false;
        }
        // Who has been here before needs no second proof.
        this.failed += this.env.memory.get() === null ? 1 : MOST_FAILED;
        if (this.failed < MOST_FAILED) return false;
        this.env.memory.set(String(this.env.now()));
        return true;
    }
}
