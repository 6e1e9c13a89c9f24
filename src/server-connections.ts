/** The connections of a server, as the application sees them: who is there, what is sent to whom, what one answers. */
import { SseScError } from "../lib/errors";
import { createNotification, createRequest, type NewNotification, type NewRequest } from "../lib/messages";
import type { ResponseMessage } from "../lib/messages";
import { DEFAULT_REQUEST_TIMEOUT } from "../lib/peer";
import { EventListeners, type Listener } from "./event-listeners";
import { SharedFrames } from "./http/shared-frames";
import type { ClientRequests } from "./http/client-requests";
import type { Session } from "./http/session";

/** How a request to a client is made. */
export interface ClientRequestOptions {
    /** Milliseconds until it fails; 0 waits without limit. Default: 60,000. */
    readonly timeout?: number;
    /** Gives up: the request fails with `ABORTED`. */
    readonly signal?: AbortSignal;
}

/** What a server tells of its connections: the parameters of the listeners, by the name of the event. */
export interface ServerConnectionEventMap {
    /** A client has opened a stream, and did not resume one. */
    opened: [connection: ServerConnection];
    /** A stream has ended, whoever ended it, and was not resumed within `lingerTime`. Its `data` is there for the last time. */
    closed: [connection: ServerConnection];
}

/** The name of an event. */
export type ServerConnectionEvent = keyof ServerConnectionEventMap;

/** Hears of connections; it may be async, and what it throws or rejects with harms nobody. */
export type ServerConnectionListener<E extends ServerConnectionEvent> = Listener<ServerConnectionEventMap[E]>;

/** What connections share. */
interface Shared {
    readonly requests: ClientRequests;
    readonly subscriptionsOf: (session: Session) => number;
    readonly onError: (what: string, error: unknown) => void;
}

/** One connection of a client: its stream and the POSTs that belong to it. */
export class ServerConnection {
    /** For the application to keep what it likes; it goes with the connection. */
    readonly data: Record<string, unknown> = {};
    readonly #session: Session;
    readonly #shared: Shared;

    /** @internal */
    constructor(session: Session, shared: Shared) {
        this.#session = session;
        this.#shared = shared;
    }

    /** Whose connection it is. */
    get clientId(): string {
        return this.#session.identity.clientId;
    }

    /** The client's role when the stream was opened; a client whose role changes loses its streams. */
    get role(): string {
        return this.#session.identity.role;
    }

    /** The id that the client gave the connection (header `cid`). */
    get cid(): string {
        return this.#session.cid;
    }

    /** When the stream was opened. */
    get since(): Date {
        return new Date(this.#session.since);
    }

    /** IP address that the stream comes from: behind a proxy, the proxy's. */
    get address(): string | undefined {
        // A socket for both families shows IPv4 addresses as mapped ones (RFC 4291, section 2.5.5.2).
        return this.#session.address?.replace(/^::ffff:(?=[\d.]+$)/i, "");
    }

    /** Name of the dialect, such as `rrn`. */
    get dialect(): string {
        return this.#session.channel.converter.name;
    }

    /** Version of HTTP that the stream came by. */
    get httpVersion(): 1 | 2 {
        return this.#session.httpVersion;
    }

    /** Number of subscriptions. */
    get subscriptions(): number {
        return this.#shared.subscriptionsOf(this.#session);
    }

    /** Bytes that the client has not taken yet, as far as the server queues them. */
    get backlog(): number {
        return this.#session.channel.backlog;
    }

    get closed(): boolean {
        return this.#session.channel.closed;
    }

    /** Sends a notification to this connection, subscribed or not. Does nothing once it is closed. */
    notify(notification: NewNotification): void {
        this.#session.notify(framesOf(notification, this.#shared));
    }

    /**
     * Sends a request to the client and waits for its answer, as a hub does with its agents.
     * @throws SseScError AGENT_OFFLINE if the connection is or gets closed; OUTCOME_UNKNOWN if it gets closed and the request is not
     * safe to repeat, or the time runs out; INVALID_INPUT if it cannot be said in the client's dialect; TIMEOUT, ABORTED,
     * TOO_MANY_REQUESTS, or the error that the client answers
     */
    request(init: NewRequest, options: ClientRequestOptions = {}): Promise<ResponseMessage> {
        return this.#shared.requests.request(this.#session, createRequest(init), pendingOptions(options));
    }

    /** Ends the connection after what waits has been written. Most clients come back by themselves. */
    close(): void {
        this.#session.channel.close();
    }
}

/** The connections of a server, in the order in which their clients first came. */
export class ServerConnections implements Iterable<ServerConnection> {
    readonly #connections = new Map<Session, ServerConnection>();
    readonly #listeners: EventListeners<ServerConnectionEventMap>;
    readonly #shared: Shared;

    /** @internal */
    constructor(shared: Shared) {
        this.#shared = shared;
        this.#listeners = new EventListeners((error) => {
            shared.onError("a listener of connections", error);
        });
    }

    /** Number of open connections. */
    get size(): number {
        return this.#connections.size;
    }

    [Symbol.iterator](): Iterator<ServerConnection> {
        return this.#connections.values();
    }

    /** The connections of one client, the newest last. */
    ofClient(clientId: string): ServerConnection[] {
        return [...this].filter((connection) => connection.clientId === clientId);
    }

    /** Calls `listener` at each event of that name. The same listener counts once. */
    on<E extends ServerConnectionEvent>(event: E, listener: ServerConnectionListener<E>): this {
        this.#listeners.add(event, listener, false);
        return this;
    }

    /** Calls `listener` at the next event of that name only. */
    once<E extends ServerConnectionEvent>(event: E, listener: ServerConnectionListener<E>): this {
        this.#listeners.add(event, listener, true);
        return this;
    }

    /** Calls `listener` no more; one that is not there is no error. */
    off<E extends ServerConnectionEvent>(event: E, listener: ServerConnectionListener<E>): this {
        this.#listeners.remove(event, listener);
        return this;
    }

    /**
     * Sends a notification to all connections, or to those of one client, subscribed or not. It is encoded once per dialect.
     * @returns the number of connections that it went to
     */
    notify(notification: NewNotification, clientId?: string): number {
        const frames = framesOf(notification, this.#shared);
        let count = 0;
        for (const session of this.#connections.keys()) {
            if (clientId !== undefined && session.identity.clientId !== clientId) continue;
            session.notify(frames);
            count++;
        }
        return count;
    }

    /**
     * Sends a request to a client by its newest connection and waits for its answer.
     * @throws SseScError AGENT_OFFLINE if it is not connected; otherwise as `ServerConnection.request`
     */
    request(clientId: string, init: NewRequest, options: ClientRequestOptions = {}): Promise<ResponseMessage> {
        return this.#shared.requests.request(clientId, createRequest(init), pendingOptions(options));
    }

    /**
     * Sends a request to every connection and waits for all answers.
     * @returns for each connection its response, or the error that `ServerConnection.request` would have thrown; it never rejects
     */
    async requestAll(
        init: Omit<NewRequest, "correlationId" | "messageId">,
        options: ClientRequestOptions = {}
    ): Promise<Map<ServerConnection, ResponseMessage | SseScError>> {
        const answers = [...this].map(async (connection) => {
            const answer = await connection.request(init, options).catch((error: unknown) => error as SseScError);
            return [connection, answer] as const;
        });
        return new Map(await Promise.all(answers));
    }

    /** Ends all connections, or those of one client. Most clients come back by themselves. */
    close(clientId?: string): void {
        for (const connection of clientId === undefined ? [...this] : this.ofClient(clientId)) connection.close();
    }

    /** @internal */
    opened(session: Session): void {
        const connection = new ServerConnection(session, this.#shared);
        this.#connections.set(session, connection);
        this.#listeners.emit("opened", connection);
    }

    /** @internal */
    ended(session: Session): void {
        const connection = this.#connections.get(session);
        if (connection === undefined) return;
        this.#connections.delete(session);
        this.#listeners.emit("closed", connection);
    }
}

function framesOf(notification: NewNotification, { onError }: Shared): SharedFrames {
    return new SharedFrames(createNotification(notification), onError);
}

function pendingOptions({ timeout = DEFAULT_REQUEST_TIMEOUT, signal }: ClientRequestOptions) {
    if (!Number.isInteger(timeout) || timeout < 0)
        throw new SseScError("INVALID_INPUT", "timeout is no number of milliseconds");
    return { timeout, signal };
}
