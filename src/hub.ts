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
import { DirectoryStore } from "./hub/directory-store";
import type { AgentRequests } from "./hub/router";
import type { Store } from "./store";
import type { Caller, Subscribers, SubscribersOptions } from "./subscribers";

/** What a hub needs to know. */
export interface HubOptions extends SubscribersOptions, Pick<DirectoryOptions, "render" | "ownDescription"> {
    readonly settings: HubSettings;
    /** True for ids that no agent may have: those of the server's own Things. */
    readonly isReserved: (thingId: string) => boolean;
    /** Tells whether a role may perform an operation. */
    readonly mayPerform: (role: string, operation: Operation) => boolean;
    readonly subscribers: Subscribers;
    readonly agents: AgentRequests;
    /** How deep JSON may be nested. */
    readonly maxDepth: number;
    /** Takes a line for the log. */
    readonly log: (line: string) => void;
}

/** A hub that is running. */
export class Hub {
    readonly #agentThings: AgentThings;
    readonly #directory: Directory;

    private constructor(
        /** The directory's content. */
        readonly store: DirectoryStore,
        options: HubOptions
    ) {
        this.#agentThings = new AgentThings({
            ...options,
            requestTimeout: options.settings.requestTimeout,
            ownerOf: (thingId) => store.ownerOf(thingId),
            describe: (thingId) => store.get(thingId)?.td,
        });
        this.#directory = new Directory({ ...options, store });
        store.onChange(({ type, id }) => {
            if (type === "deleted") this.#agentThings.forget(id);
        });
    }

    /**
     * Opens the directory of a hub in a store, which stays the caller's.
     * @throws SseScError INTERNAL naming the record if one is damaged
     */
    static async open(level: Store, options: HubOptions): Promise<Hub> {
        const { maxDepth, onError } = options;
        const isReserved = (thingId: string): boolean => Directory.answersFor(thingId) || options.isReserved(thingId);
        return new Hub(await DirectoryStore.open(level, { maxDepth, isReserved, onError }), options);
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

    /** A client published something; it counts for Things of its own only. */
    notified(identity: Identity, notification: NotificationMessage): void {
        this.#agentThings.notified(identity, notification);
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
        this.#directory.close();
        await this.store.close();
    }
}
