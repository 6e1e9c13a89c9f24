/** A connection as `connect()` gives it: the operations of the peer at its other end, its state, its end. */
import type { NewRequest, NotificationMessage, ResponseMessage } from "../lib/messages";
import type { Operation } from "../lib/operations";
import { PeerOperations, type RequestOptions, type SubscribeOptions } from "../lib/peer-operations";
import type { SubscriptionHandle, SubscriptionHandlers } from "../lib/peer-subscriptions";
import type { ConnectionEvent, ConnectionEvents, ConnectionListener, ConnectionState } from "./connection-events";
import type { ClientConnection } from "./http/client-connection";

/**
 * A connection to a server, for any number of callers at once.
 *
 * It reconnects by itself and restores the subscriptions. Requests that are open, or made meanwhile, wait for it until their deadline.
 * Those whose outcome nobody knows are repeated if that does no harm, else they fail with `OUTCOME_UNKNOWN`.
 */
export class Connection extends PeerOperations {
    readonly #connection: ClientConnection;
    readonly #events: ConnectionEvents;

    /** @internal */
    constructor(connection: ClientConnection, events: ConnectionEvents) {
        super();
        this.#connection = connection;
        this.#events = events;
    }

    /** `connected`, `reconnecting` or `closed`. */
    get state(): ConnectionState {
        return this.#events.state;
    }

    /** Calls `listener` at each event of that name; what it throws harms nobody. The same listener counts once. */
    on<E extends ConnectionEvent>(event: E, listener: ConnectionListener<E>): this {
        this.#events.add(event, listener, false);
        return this;
    }

    /** Calls `listener` at the next event of that name only. */
    once<E extends ConnectionEvent>(event: E, listener: ConnectionListener<E>): this {
        this.#events.add(event, listener, true);
        return this;
    }

    /** Calls `listener` no more; one that is not there is no error. */
    off<E extends ConnectionEvent>(event: E, listener: ConnectionListener<E>): this {
        this.#events.remove(event, listener);
        return this;
    }

    /**
     * Makes a request, for operations that have no method of their own.
     * @throws SseScError as `Peer.request`; ALREADY_CLOSED, or why the server refused the connection, once it is closed
     */
    override request(init: NewRequest, options?: RequestOptions): Promise<ResponseMessage> {
        return this.#connection.peer.request(init, options);
    }

    /** Starts a subscription by its operation; those on the same topic share one on the wire. @throws SseScError as `Peer.subscribe` */
    override subscribe(
        operation: Operation,
        thingId: string,
        name: string,
        handlers: SubscriptionHandlers,
        options?: SubscribeOptions
    ): Promise<SubscriptionHandle> {
        return this.#connection.peer.subscribe(operation, thingId, name, handlers, options);
    }

    /** Sends a notification. @throws SseScError if it was not taken */
    notify(notification: NotificationMessage): Promise<void> {
        return this.#connection.peer.notify(notification);
    }

    /**
     * Closes the connection for good: open requests fail, subscriptions end, nothing keeps the process alive any more. Calling it
     * again does nothing.
     * @returns what resolves when the sockets are gone; it never rejects
     */
    close(): Promise<void> {
        this.#events.expectClose();
        return this.#connection.close();
    }

    /** `await using connection = await connect(…)` closes it at the end of the block. */
    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }
}
