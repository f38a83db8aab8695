/** Staying on the event feed: what channels and their last events mean to the connection. */

import { Connection } from './connection';
import type { ConnectionHandlers } from './connection';
import { faultOf } from './diagnosis';
import type { Reason } from './diagnosis';
import type { Environment } from './env';
import type { ConnectionOptions } from './options';
import { request } from './rest';
import type { Answer } from './rest';

/** What `GET /events` says. */
export interface FeedChannels {
    /** Those that the token opens; all, where the feed is public. */
    channels: string[];
    public: boolean;
}

/** `GET /events`: which channels may be followed with this token, or without one. */
export function feedChannels(
    env: Environment,
    base: string,
    token?: string,
): Promise<Answer<FeedChannels>> {
    return request(env, `${base}/events`, token ? { token } : {});
}

export class FeedConnection extends Connection {
    /** The last event received of each channel, to resume from. */
    readonly since = new Map<string, string>();

    protected override readonly openToAll = true;

    constructor(
        env: Environment,
        private readonly options: ConnectionOptions,
        private readonly channels: readonly string[],
        handlers: ConnectionHandlers,
    ) {
        super(env, options, handlers);
    }

    welcomed(pingMs: number): boolean {
        return this.enter(pingMs) !== null;
    }

    protected path(): string {
        const query = new URLSearchParams();
        if (this.channels.length > 0) query.set('channels', this.channels.join(','));
        if (this.since.size > 0) {
            query.set('since', [...this.since].map(([name, id]) => `${name}:${id}`).join(','));
        }
        const text = query.toString();
        return text === '' ? '/monitor' : `/monitor?${text}`;
    }

    protected asksFirst(reason: Reason): boolean {
        return reason.kind === 'unreachable' || reason.kind === 'unavailable';
    }

    /** What speaks against another try: asked with the token, so that there is one question. */
    protected async ask(): Promise<Reason | null> {
        const answer = await feedChannels(this.env, this.options.base, this.token);
        if (answer.ok) {
            // A server that has been configured anew refuses one that names what it does not know.
            for (const name of this.since.keys()) {
                if (!answer.value.channels.includes(name)) this.since.delete(name);
            }
            const missing = this.channels.filter((name) => !answer.value.channels.includes(name));
            return missing.length > 0
                ? { kind: 'channel_forbidden', text: missing.join(', ') }
                : null;
        }
        const { status, code, message, retryAfterMs } = answer;
        const hint = {
            text: message,
            ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
        };
        if (code === 'channel_forbidden') return { kind: 'channel_forbidden', ...hint };
        if (code === 'token_expired') return { kind: 'token_expired', ...hint };
        if (status === 401) return { kind: 'token_invalid', ...hint };
        if (status === 429 || status >= 500) {
            return { kind: 'unavailable', ...hint, ...faultOf(answer) };
        }
        return { kind: 'unreachable', ...hint, ...faultOf(answer) };
    }

    protected refusal(): Promise<Reason> {
        return Promise.resolve({ kind: 'refused' });
    }

    protected override meet(reason: Reason): void {
        if (reason.kind === 'channel_forbidden') this.finish(reason);
        else super.meet(reason);
    }
}
