/** What an agent has while it runs: the connection to its hub, what waits to be told there, and its entries in the directory. */
import { createLoggers } from "@node-wot/core";
import type { SseScError } from "../lib/errors";
import type { NotificationMessage } from "../lib/messages";
import type { PathListener, RequestHandler } from "../lib/peer";
import type { PeerOperations } from "../lib/peer-operations";
import { dialectOf } from "../lib/converters/dialects";
import type { AgentSettings } from "./agent-config";
import { AgentDirectory } from "./agent-directory";
import { createConnection } from "./create-connection";
import type { ClientConnection } from "./http/client-connection";
import type { ServerFeatures } from "./http/features";
import { NotificationOutbox } from "./http/notification-outbox";

const { info, warn } = createLoggers("binding-hiveot", "sse-sc-agent");

/** What an agent hears of its link. None of these may throw. */
export interface AgentLinkHandlers {
    readonly onRequest: RequestHandler;
    readonly onConnected: () => void;
    readonly onDisconnected: (error: SseScError) => void;
    readonly onRegistered: (thingId: string) => void;
    /** @param total number of notifications that went because the queue was full */
    readonly onDropped: (total: number) => void;
    readonly onError: (error: SseScError, thingId: string | undefined) => void;
}

/** The link of a running agent to its hub. */
export class AgentLink {
    readonly #connection: ClientConnection;
    readonly #outbox: NotificationOutbox;
    readonly #directory: AgentDirectory | undefined;
    /** TDs by Thing. */
    readonly #things = new Map<string, string>();
    /** What the hub has refused already on this connection: Thing and code. */
    readonly #told = new Set<string>();
    readonly #origin: string;
    #connected = false;
    /** Resolves when the connection is gone. */
    #gone = Promise.resolve();
    #tellGone: () => void = () => undefined;
    #dropped = 0;
    #tellsDropped = false;
    #lastFailure = "";
    #warnedOfColons = false;
    /** The hub announces heartbeats, which HiveOT's does not. */
    #isOurs = true;

    constructor(
        settings: AgentSettings,
        private readonly handlers: AgentLinkHandlers
    ) {
        const { target, client, directory } = settings;
        this.#origin = target.origin;
        this.#connection = createConnection(target, client, this.#path(), {
            onRequest: handlers.onRequest,
            onOpen: (features) => {
                this.#opened(features);
            },
            onAttemptFailed: (error) => {
                this.#attemptFailed(error);
            },
        });
        this.#outbox = new NotificationOutbox({
            ...settings.outbox,
            converter: dialectOf(target.streamPath, client.dialects),
            post: (lines, signal) => this.#connection.postNotifications(lines, signal),
            retry: client.reconnect,
            onLost: (notification, error) => {
                this.#lost(notification, error);
            },
            onDropped: () => {
                this.#tellDropped();
            },
        });
        this.#directory =
            directory === undefined
                ? undefined
                : new AgentDirectory({
                      invoke: (action, input) =>
                          this.peer.invokeAction(directory, action, input, { timeout: client.connectTimeout }),
                      retry: client.reconnect,
                      onWritten: handlers.onRegistered,
                      onRefused: (thingId, error) => {
                          warn(`${this.#origin}: the directory refuses the TD of ${thingId}: ${error.message}`);
                          handlers.onError(error, thingId);
                      },
                      onTried: (thingId) => {
                          this.#outbox.release(thingId);
                      },
                  });
    }

    /** The hub, for requests of our own. */
    get peer(): PeerOperations {
        return this.#connection.peer;
    }

    get connected(): boolean {
        return this.#connected;
    }

    /** Notifications that wait. */
    get queued(): number {
        return this.#outbox.size;
    }

    /** Notifications that went because the queue was full. */
    get dropped(): number {
        return this.#dropped;
    }

    /** Requests of the hub that wait for their answer. */
    get openRequests(): number {
        return this.#connection.peer.openRequests;
    }

    /** Ids of the Things whose TDs the directory has. */
    get registered(): string[] {
        return this.#directory?.written ?? [];
    }

    /** Starts to connect, and goes on for ever. */
    open(): void {
        this.#connection.keepOpen();
    }

    /** Puts a Thing, or its TD that has changed, into the directory. */
    put(thingId: string, td: string): void {
        if (this.#directory === undefined) return;
        if (!this.#things.has(thingId)) this.#outbox.hold(thingId); // what it tells before would count for nothing
        this.#things.set(thingId, td);
        this.#directory.put(thingId, td);
        this.#warnOfColons();
    }

    /**
     * A Thing is gone.
     * @param fromDirectory takes its TD out of the directory; else it stays there
     */
    async remove(thingId: string, fromDirectory: boolean): Promise<void> {
        this.#things.delete(thingId);
        if (!fromDirectory) {
            this.#directory?.forget(thingId);
            this.#outbox.release(thingId);
            return;
        }
        // What it told last would count for nothing after its removal.
        if (this.#connected) await Promise.race([this.#outbox.delivered(thingId), this.#gone]);
        if (this.#things.has(thingId)) return; // it is back
        await this.#directory?.remove(thingId);
        this.#outbox.release(thingId);
    }

    /** Tells the hub, now or when it is back. */
    publish(notification: NotificationMessage): void {
        this.#outbox.push(notification);
    }

    /** Resolves when the hub has taken all that a Thing had to tell until now. */
    delivered(thingId: string): Promise<void> {
        return this.#outbox.delivered(thingId);
    }

    /** Ends everything at once; resolves when the sockets are gone. */
    async close(): Promise<void> {
        this.#connected = false;
        this.#tellGone();
        this.#outbox.close();
        this.#directory?.close();
        await this.#connection.close();
    }

    #path(): PathListener {
        return {
            restored: () => {
                this.#connected = true;
                this.handlers.onConnected();
            },
            dropped: (error) => {
                const wasConnected = this.#connected;
                this.#connected = false;
                this.#tellGone();
                this.#outbox.dropped();
                this.#directory?.dropped();
                info(`${this.#origin}: the connection broke: ${error.message}`);
                if (wasConnected) this.handlers.onDisconnected(error);
            },
            closed: () => {
                this.#connected = false;
            },
        };
    }

    #opened({ batches, heartbeats, resumed }: ServerFeatures): void {
        this.#gone = new Promise((resolve) => (this.#tellGone = resolve));
        this.#lastFailure = "";
        this.#isOurs = heartbeats;
        if (!resumed) {
            this.#told.clear();
            if (this.#directory !== undefined) for (const thingId of this.#things.keys()) this.#outbox.hold(thingId);
        }
        this.#outbox.opened(batches);
        if (resumed) this.#directory?.resumed();
        else this.#directory?.opened();
        this.#warnOfColons();
    }

    #attemptFailed(error: SseScError): void {
        const failure = `${error.code} ${error.status}`;
        if (failure === this.#lastFailure) return;
        this.#lastFailure = failure;
        warn(`${this.#origin}: the hub cannot be reached, and is tried again: ${error.message}`);
        this.handlers.onError(error, undefined);
    }

    #lost({ thingId, name }: NotificationMessage, error: SseScError): void {
        const what = JSON.stringify([thingId, error.code]);
        if (this.#told.has(what)) return;
        this.#told.add(what);
        warn(`${this.#origin}: ${name} of ${thingId} was not published: ${error.message}`);
        this.handlers.onError(error, thingId);
    }

    /** Once for all that went in one turn of the event loop. */
    #tellDropped(): void {
        this.#dropped++;
        if (this.#tellsDropped) return;
        this.#tellsDropped = true;
        setImmediate(() => {
            this.#tellsDropped = false;
            this.handlers.onDropped(this.#dropped);
        });
    }

    /** The digital twins of HiveOT's hub do not forward to such ids (protocol.md, "TD conventions"); they are fine elsewhere. */
    #warnOfColons(): void {
        if (this.#isOurs || this.#warnedOfColons) return;
        const [thingId] = [...this.#things.keys()].filter((id) => id.includes(":"));
        if (thingId === undefined) return;
        this.#warnedOfColons = true;
        warn(`${this.#origin}: ids with colons, such as ${thingId}, are not reached through digital twins of HiveOT`);
    }
}
