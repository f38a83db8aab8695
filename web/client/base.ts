/**
 * What the clients of classes, of chats and of the feed have in common: a connection that is kept,
 * those who listen, and, where one also sends, what has no answer yet.
 */

import type { Connection } from './connection';
import { Emitter } from './emitter';
import { environment } from './env';
import type { Environment } from './env';
import type { State } from './options';
import { Outbox, failed } from './outbox';
import type { OutboxOptions } from './outbox';
import type { Ack, Outgoing, Restored } from './protocol';

/** `Events` says what is told by which name. */
export abstract class ConnectedClient<Events extends object> {
    protected readonly env: Environment;
    protected readonly events: Emitter<Events>;
    protected abstract readonly connection: Connection;

    constructor(env: Partial<Environment> | undefined) {
        this.env = environment(env);
        this.events = new Emitter<Events>((thrown) => this.report(thrown));
    }

    /** Adds a listener; the returned function takes it away. */
    on<Name extends keyof Events>(name: Name, fn: (data: Events[Name]) => void): () => void {
        return this.events.on(name, fn);
    }

    get state(): State {
        return this.connection.state;
    }

    /** Connects, and from then on stays connected as far as the close codes allow. */
    connect(): void {
        this.connection.connect();
    }

    /**
     * Ends: nothing is sent or received any more. The host of a class without `hold` thereby ends
     * the class.
     */
    close(): void {
        this.connection.close();
    }

    /**
     * To be called when the page comes back to the foreground or the network returns: an open
     * connection is checked at once, a wait is cut short.
     */
    poke(): void {
        this.connection.poke();
    }

    /** A listener's mistake is reported as the platform reports such: not lost, and not ours. */
    protected report(thrown: unknown): void {
        this.env.setTimeout(() => {
            throw thrown;
        }, 0);
    }
}

/** `Out` is what is kept of a message until it is answered. */
export abstract class SendingClient<
    Events extends object,
    Out extends { messageType: string } = Outgoing,
> extends ConnectedClient<Events> {
    protected readonly outbox: Outbox<Out>;
    protected clockOffset = 0;

    constructor(env: Partial<Environment> | undefined, options: OutboxOptions<Out>) {
        super(env);
        this.outbox = new Outbox(this.env, options);
    }

    /** The token in use: the newest, where it was renewed. */
    get token(): string {
        return this.connection.token;
    }

    /** Messages that were sent and are not answered yet. */
    get pending(): number {
        return this.outbox.size;
    }

    /** What an earlier page had sent without getting an answer, and had kept: under way again. */
    get restored(): readonly Restored<Out>[] {
        return this.outbox.restored;
    }

    /** The server's time as far as we know it, ms: what deadlines and `ts` are compared with. */
    serverNow(): number {
        return this.env.now() + this.clockOffset;
    }

    /** A fresh token: for this connection, and for those to come. */
    setToken(token: string): Promise<Ack> {
        this.connection.token = token;
        if (this.state.name !== 'open') return Promise.resolve({ ref: '', ts: this.serverNow() });
        return this.post('token', { message: token });
    }

    protected post(messageType: string, fields: object, outgoing?: Out): Promise<Ack> {
        if (this.state.name === 'closed') return failed('closed', 'the connection is closed');
        return this.outbox.post(messageType, fields, outgoing);
    }
}
