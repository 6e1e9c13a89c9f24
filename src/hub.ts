/**
 * What makes a server a hub: agents dial in, and their Things are used through it like its own. Consumers need not know which is
 * which (design.md, "Hub").
 */
import type { MessageContext } from "../lib/channel";
import type { Identity } from "../lib/identity";
import type { NotificationMessage, RequestMessage } from "../lib/messages";
import type { Operation } from "../lib/operations";
import { AgentThings } from "./agent-things";
import { Directory, type DirectoryOptions } from "./directory";
import type { HubSettings } from "./hub-config";
import type { DirectoryRequest } from "./hub/directory-http";
import { createDirectoryRoutes, type DirectoryRouteParts, type DirectoryRoutes } from "./hub/directory-routes";
import type { DirectoryWriter } from "./hub/directory-records";
import { DirectoryStore } from "./hub/directory-store";
import { LatestValueStore } from "./hub/latest-value-store";
import { LatestValues } from "./hub/latest-values";
import type { AgentRequests } from "./hub/router";
import type { Store } from "./store";
import type { ThingDescription } from "./things/thing-description";
import type { Caller, Subscribers, SubscribersOptions } from "./subscribers";

/** What a hub needs to know. */
export interface HubOptions extends SubscribersOptions, Pick<DirectoryOptions, "render" | "ownDescription"> {
    readonly settings: HubSettings;
    /** Id of the server's own Thing: its Things are that one's in the directory. */
    readonly serverId: string;
    /** True for ids that no agent may have: those of the server's own Things. */
    readonly isReserved: (thingId: string) => boolean;
    /** Tells whether a role may perform an operation. */
    readonly mayPerform: (role: string, operation: Operation) => boolean;
    readonly subscribers: Subscribers;
    readonly agents: AgentRequests;
    /** True if the store outlives the process: latest events are kept there too, and not in memory twice. */
    readonly isDurable: boolean;
    /** How deep JSON may be nested. */
    readonly maxDepth: number;
    /** Takes a line for the log. */
    readonly log: (line: string) => void;
}

/** What the HTTP API of the directory is made of. */
export interface HubRouteParts extends Omit<DirectoryRouteParts, "store" | "authenticate"> {
    /** Finds out who sends a request. */
    readonly authenticate: (request: DirectoryRequest) => Identity | Promise<Identity>;
}

/** A hub that is running. */
export class Hub {
    readonly #agentThings: AgentThings;
    readonly #directory: Directory;
    /** The server itself. */
    readonly #writer: DirectoryWriter;
    #routes: DirectoryRoutes | undefined;

    private constructor(
        /** The directory's content. */
        readonly store: DirectoryStore,
        /** What keeps the latest events on the disk, if there is one. */
        private readonly latest: LatestValueStore | undefined,
        options: HubOptions
    ) {
        this.#agentThings = new AgentThings({
            ...options,
            latest: latest?.values ?? new LatestValues(),
            requestTimeout: options.settings.requestTimeout,
            ownerOf: (thingId) => store.ownerOf(thingId),
            describe: (thingId) => store.get(thingId)?.td,
        });
        this.#directory = new Directory({ ...options, store });
        this.#writer = { clientId: options.serverId, mayWriteAny: true, isHub: true };
        store.onChange(({ type, id }) => {
            if (type === "deleted") this.#agentThings.forget(id);
        });
    }

    /**
     * Opens the directory and the latest events of a hub in a store, which stays the caller's.
     * @throws SseScError INTERNAL naming the record if one of the directory is damaged
     */
    static async open(level: Store, options: HubOptions): Promise<Hub> {
        const { maxDepth, onError } = options;
        const isReserved = (thingId: string): boolean => Directory.answersFor(thingId) || options.isReserved(thingId);
        const store = await DirectoryStore.open(level, { maxDepth, isReserved, onError });
        if (!options.isDurable) return new Hub(store, undefined, options);
        const isOwner = (clientId: string, thingId: string): boolean => store.ownerOf(thingId) === clientId;
        return new Hub(store, await LatestValueStore.open(level, { isOwner, onError }), options);
    }

    /** True if requests for this id are for the directory, or go to an agent. */
    answersFor(thingId: string): boolean {
        return Directory.answersFor(thingId) || this.store.ownerOf(thingId) !== undefined;
    }

    /** Who answers for a Thing: the agent's client id; empty if it is none of an agent's. */
    agentOf(thingId: string): string {
        return this.store.ownerOf(thingId) ?? "";
    }

    /** Carries out a request. @throws what `Directory.handle` and `AgentThings.handle` throw */
    handle(caller: Caller, request: RequestMessage, context: MessageContext): Promise<unknown> {
        const answering = Directory.answersFor(request.thingId) ? this.#directory : this.#agentThings;
        return answering.handle(caller, request, context);
    }

    /** Makes the HTTP API of the directory; loads Express. */
    async createRoutes({ authenticate, ...parts }: HubRouteParts): Promise<DirectoryRoutes> {
        this.#routes = await createDirectoryRoutes({
            ...parts,
            store: this.store,
            authenticate: async (request) => {
                const identity = await authenticate(request);
                return { ...identity, access: this.#directory.accessOf(identity.role) };
            },
        });
        return this.#routes;
    }

    /** Ends the event streams of a client, or of one of its token sessions; without a client those of everybody. */
    endStreams(clientId?: string, sessionId?: string): void {
        this.#routes?.endStreams(clientId, sessionId);
    }

    /** Ends all event streams of the directory; no other is opened from then on. */
    closeStreams(): void {
        this.#routes?.close();
    }

    /** Writes the TD of one of the server's own Things. @throws what `DirectoryStore.put` throws */
    async writeOwn(thingId: string, td: ThingDescription): Promise<void> {
        await this.store.put(td, this.#writer, thingId);
    }

    /** Removes the TD of one of the server's own Things. */
    async deleteOwn(thingId: string): Promise<void> {
        if (this.store.ownerOf(thingId) === this.#writer.clientId) await this.store.delete(thingId, this.#writer);
    }

    /** Removes the TDs of Things that were the server's own in an earlier life. */
    async deleteStale(isOwn: (thingId: string) => boolean): Promise<void> {
        const stale = this.store.idsOf(this.#writer.clientId).filter((id) => !isOwn(id));
        await Promise.all(stale.map((id) => this.deleteOwn(id)));
    }

    /** A client published something; it counts for Things of its own only, and while its role lets it have Things. */
    notified(identity: Identity, notification: NotificationMessage): void {
        if (this.#directory.accessOf(identity.role).write === "none") return;
        this.#agentThings.notified(identity, notification);
    }

    /** Resolves when a process that is killed loses no event any more that was published up to now; `undefined` if none waits. */
    stored(): Promise<void> | undefined {
        return this.latest?.written();
    }

    /** Callers that the server's subscribers do not count. */
    get subscribers(): number {
        return this.#directory.subscribers;
    }

    /** Subscriptions of one caller that the server's subscribers do not count. */
    subscriptionsOf(caller: Caller): number {
        return this.#directory.subscriptionsOf(caller);
    }

    /** A caller left: it hears nothing more. */
    closed(caller: Caller): void {
        this.#directory.closed(caller);
    }

    /** Waits for open writes; the store itself belongs to the caller. */
    async close(): Promise<void> {
        this.closeStreams();
        this.#directory.close();
        await this.store.close();
        await this.latest?.close();
    }
}
