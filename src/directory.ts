/**
 * The directory of a hub as its callers use it: a Thing, under its own id and those of January's clients (protocol.md,
 * "Directory").
 */
import type { MessageContext } from "../lib/channel";
import { SseScError } from "../lib/errors";
import { createRecord } from "../lib/json";
import { createNotification, type NotificationMessage, type RequestMessage } from "../lib/messages";
import { isOperation, operationInfo, type Operation } from "../lib/operations";
import type { Topic } from "../lib/subscriptions";
import { directoryAccess, type DirectoryAccess, type DirectoryCaller } from "./hub/directory-access";
import { describeDirectory, DIRECTORY_ALIASES, DIRECTORY_ID, isDirectory } from "./hub/directory-description";
import type { DirectoryChange, DirectoryRecord } from "./hub/directory-records";
import type { DirectoryStore } from "./hub/directory-store";
import { DirectoryThing } from "./hub/directory-thing";
import { Subscribers, type Caller, type SubscribersOptions } from "./subscribers";

/** What a directory needs to know. */
export interface DirectoryOptions extends SubscribersOptions {
    readonly store: DirectoryStore;
    /** Those who hear of all Things hear of the directory too. */
    readonly subscribers: Subscribers;
    /** Tells whether a role may perform an operation. */
    readonly mayPerform: (role: string, operation: Operation) => boolean;
    /** The TD of a Thing as the hub hands it out. */
    readonly render: (record: DirectoryRecord) => Readonly<Record<string, unknown>>;
    /** The directory's own TD as the hub hands it out. */
    readonly ownDescription: () => Readonly<Record<string, unknown>>;
    /** How deep JSON may be nested. */
    readonly maxDepth: number;
}

const EVENTS: ReadonlySet<string> = new Set(Object.keys(describeDirectory()["events"] as object));
const ACTIONS: ReadonlySet<string> = new Set(Object.keys(describeDirectory()["actions"] as object));

/** The directory of a hub that is running. */
export class Directory {
    readonly #options: DirectoryOptions;
    readonly #thing: DirectoryThing;
    /** Who knows the directory by another name hears of it by that name. */
    readonly #ofAliases: Subscribers;
    readonly #latest = createRecord<NotificationMessage>();
    readonly #stopListening: () => void;

    constructor(options: DirectoryOptions) {
        this.#options = options;
        this.#thing = new DirectoryThing(options);
        this.#ofAliases = new Subscribers(options);
        this.#stopListening = options.store.onChange((change) => {
            this.#publish(change);
        });
    }

    /** True if requests for this id are for the directory. */
    static answersFor(thingId: string): boolean {
        return isDirectory(thingId);
    }

    /** What a role may do here. */
    accessOf(role: string): DirectoryAccess {
        return directoryAccess(role, this.#options.mayPerform(role, "readproperty"));
    }

    /** Callers that are subscribed to the directory under its other names. */
    get subscribers(): number {
        return this.#ofAliases.size;
    }

    /** Subscriptions of one caller to the directory under its other names. */
    subscriptionsOf(caller: Caller): number {
        return this.#ofAliases.count(caller);
    }

    /** A caller left: it hears nothing more. */
    closed(caller: Caller): void {
        this.#ofAliases.deleteAll(caller);
    }

    /** Tells of no more changes. */
    close(): void {
        this.#stopListening();
    }

    /**
     * Carries out a request.
     * @returns the output of the response
     * @throws SseScError UNKNOWN_OPERATION, FORBIDDEN, UNKNOWN_AFFORDANCE, NOT_WRITABLE, NOT_OBSERVABLE, NO_INVOCATION,
     * TOO_MANY_SUBSCRIPTIONS, and what `DirectoryThing.invoke` throws
     */
    async handle(caller: Caller, request: RequestMessage, context: MessageContext): Promise<unknown> {
        const { operation, name, input } = request;
        if (!isOperation(operation)) throw new SseScError("UNKNOWN_OPERATION");
        const { clientId, role } = context.identity ?? caller.identity;
        const asking: DirectoryCaller = { clientId, access: this.accessOf(role) };
        // Its actions have rules of their own: who may read may retrieve, and agents may write though they invoke nothing else.
        if (operation === "invokeaction") return this.#thing.invoke(name, input, asking);
        if (!this.#options.mayPerform(role, operation)) throw new SseScError("FORBIDDEN");
        if (operationInfo(operation).subscription !== undefined) {
            this.#subscribe(caller, operation, request);
            return undefined;
        }
        switch (operation) {
            case "ping":
                return "pong";
            case "readproperty":
                return this.#thing.readProperty(name, asking);
            case "readallproperties":
                return { things: this.#thing.readProperty("things", asking) };
            case "readmultipleproperties":
                return this.#readMultiple(input, asking);
            case "readevent":
                if (!EVENTS.has(name)) throw new SseScError("UNKNOWN_AFFORDANCE");
                return this.#latest[name];
            case "readallevents":
                return { ...this.#latest };
            case "queryallactions":
                return {};
            case "queryaction":
            case "cancelaction":
                throw new SseScError(ACTIONS.has(name) ? "NO_INVOCATION" : "UNKNOWN_AFFORDANCE");
            case "writeproperty":
                throw new SseScError(name === "things" ? "NOT_WRITABLE" : "UNKNOWN_AFFORDANCE");
            default:
                throw new SseScError("NOT_WRITABLE");
        }
    }

    #readMultiple(names: unknown, asking: DirectoryCaller): Record<string, unknown> {
        if (!Array.isArray(names)) throw new SseScError("INVALID_INPUT");
        const values = createRecord<unknown>();
        for (const name of names as unknown[]) values[String(name)] = this.#thing.readProperty(String(name), asking);
        return values;
    }

    #subscribe(caller: Caller, operation: Operation, { thingId, name: given }: RequestMessage): void {
        const { affordance, scope, subscription } = operationInfo(operation);
        const name = scope === "one" ? given : "";
        const known =
            affordance === "event" ? EVENTS.has(name) : affordance === "action" ? ACTIONS.has(name) : name === "things";
        if (name !== "" && !known) throw new SseScError("UNKNOWN_AFFORDANCE");
        if (affordance === undefined || (affordance === "property" && name !== ""))
            throw new SseScError("NOT_OBSERVABLE");
        const topic: Topic = { affordance, thingId, name };
        const subscribers = thingId === DIRECTORY_ID ? this.#options.subscribers : this.#ofAliases;
        if (subscription === "start") subscribers.add(caller, topic);
        else subscribers.deleteWithin(caller, topic);
    }

    #publish(change: DirectoryChange): void {
        for (const { name, data } of this.#thing.events(change)) {
            const init = { affordance: "event", thingId: DIRECTORY_ID, name, value: data } as const;
            const notification = createNotification({ ...init, senderId: DIRECTORY_ID });
            this.#latest[name] = notification;
            this.#options.subscribers.publish(notification);
            for (const thingId of DIRECTORY_ALIASES) this.#ofAliases.publish({ ...notification, thingId });
        }
    }
}
