/** Staying connected to one's chat rooms: there is no room that could be missing or end. */

import { Connection } from './connection';
import type { ConnectionHandlers } from './connection';
import { chatRefusal } from './diagnosis';
import type { Reason } from './diagnosis';
import type { Environment } from './env';
import type { ConnectionOptions } from './options';

export class ChatConnection extends Connection {
    constructor(
        env: Environment,
        private readonly options: ConnectionOptions,
        handlers: ConnectionHandlers,
    ) {
        super(env, options, handlers);
    }

    /** The first message has come: as `enter`. */
    welcomed(pingMs: number): ((frame: string) => void) | null {
        return this.enter(pingMs);
    }

    protected path(): string {
        return '/ws?chat=1';
    }

    protected ask(): Promise<Reason | null> {
        return Promise.resolve(null);
    }

    protected asksFirst(): boolean {
        return false;
    }

    protected refusal(): Promise<Reason> {
        return chatRefusal(this.env, this.options.base, this.token);
    }

    protected override meet(reason: Reason): void {
        if (reason.kind === 'account_required') this.finish(reason);
        else super.meet(reason);
    }
}
