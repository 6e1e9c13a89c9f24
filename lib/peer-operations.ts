/**
 * The operations of WoT and HiveOT as methods, over `request` and `subscribe`. Those that node-wot's ConsumedThing does not have
 * live here and nowhere else.
 */
import type { NewRequest, ResponseMessage } from "./messages";
import type { Operation } from "./operations";
import type { SubscriptionHandle, SubscriptionHandlers } from "./peer-subscriptions";

/** How one request is made. */
export interface RequestOptions {
    /** Milliseconds until it fails with `TIMEOUT` (`OUTCOME_UNKNOWN` if unsafe); progress starts the time anew. */
    readonly timeout?: number;
    /** Gives up: the request fails with `ABORTED`, and an invocation is cancelled on the other side. */
    readonly signal?: AbortSignal;
    /** Called with each value of progress that an invoked action reports. */
    readonly onProgress?: (value: unknown) => void;
    /** uriVariables of the affordance, as the text of a query (without `?`). */
    readonly query?: string;
}

/** The operations that one end point asks of the other. Each rejects with what `request` or `subscribe` rejects with. */
export abstract class PeerOperations {
    abstract request(init: NewRequest, options?: RequestOptions): Promise<ResponseMessage>;

    abstract subscribe(
        operation: Operation,
        thingId: string,
        name: string,
        handlers: SubscriptionHandlers
    ): Promise<SubscriptionHandle>;

    // --- properties ---

    /** Reads a property. */
    async readProperty(thingId: string, name: string, options?: RequestOptions): Promise<unknown> {
        return this.#output("readproperty", { thingId, name }, options);
    }

    /** Reads all properties that this client may read: a record of name and value. */
    async readAllProperties(thingId: string, options?: RequestOptions): Promise<unknown> {
        return this.#output("readallproperties", { thingId }, options);
    }

    /** Reads the named properties: a record of name and value. */
    async readMultipleProperties(
        thingId: string,
        names: readonly string[],
        options?: RequestOptions
    ): Promise<unknown> {
        return this.#output("readmultipleproperties", { thingId, input: names }, options);
    }

    /** Writes a property. */
    async writeProperty(thingId: string, name: string, value: unknown, options?: RequestOptions): Promise<void> {
        await this.#output("writeproperty", { thingId, name, input: value }, options);
    }

    /** Writes some properties at once; which ones were written when one fails is up to the Thing. */
    async writeMultipleProperties(
        thingId: string,
        values: Readonly<Record<string, unknown>>,
        options?: RequestOptions
    ): Promise<void> {
        await this.#output("writemultipleproperties", { thingId, input: values }, options);
    }

    /** Writes all writable properties at once. */
    async writeAllProperties(
        thingId: string,
        values: Readonly<Record<string, unknown>>,
        options?: RequestOptions
    ): Promise<void> {
        await this.#output("writeallproperties", { thingId, input: values }, options);
    }

    /** Hears the changes of a property. */
    async observeProperty(thingId: string, name: string, handlers: SubscriptionHandlers): Promise<SubscriptionHandle> {
        return this.subscribe("observeproperty", thingId, name, handlers);
    }

    /** Hears the changes of all properties of a Thing; of all Things if `thingId` is empty. */
    async observeAllProperties(thingId: string, handlers: SubscriptionHandlers): Promise<SubscriptionHandle> {
        return this.subscribe("observeallproperties", thingId, "", handlers);
    }

    // --- actions ---

    /** Invokes an action and waits for its output. */
    async invokeAction(thingId: string, name: string, input?: unknown, options?: RequestOptions): Promise<unknown> {
        return this.#output("invokeaction", { thingId, name, input }, options);
    }

    /**
     * The status of an invocation.
     * @param actionId correlation id of the invocation; default: the own latest one of that action
     */
    async queryAction(thingId: string, name: string, actionId?: string, options?: RequestOptions): Promise<unknown> {
        return this.#output("queryaction", { thingId, name, input: actionId }, options);
    }

    /** The latest status of each action of a Thing: a record of name and status. */
    async queryAllActions(thingId: string, options?: RequestOptions): Promise<unknown> {
        return this.#output("queryallactions", { thingId }, options);
    }

    /**
     * Asks a running action to stop.
     * @param actionId correlation id of the invocation; default: the own latest one of that action
     */
    async cancelAction(thingId: string, name: string, actionId?: string, options?: RequestOptions): Promise<void> {
        await this.#output("cancelaction", { thingId, name, input: actionId }, options);
    }

    /** Hears the progress of an action, whoever invoked it. */
    async observeAction(thingId: string, name: string, handlers: SubscriptionHandlers): Promise<SubscriptionHandle> {
        return this.subscribe("observeaction", thingId, name, handlers);
    }

    /** Hears the progress of all actions of a Thing; of all Things if `thingId` is empty. */
    async observeAllActions(thingId: string, handlers: SubscriptionHandlers): Promise<SubscriptionHandle> {
        return this.subscribe("observeallactions", thingId, "", handlers);
    }

    // --- events ---

    /** Hears an event. */
    async subscribeEvent(thingId: string, name: string, handlers: SubscriptionHandlers): Promise<SubscriptionHandle> {
        return this.subscribe("subscribeevent", thingId, name, handlers);
    }

    /** Hears all events of a Thing; of all Things if `thingId` is empty. */
    async subscribeAllEvents(thingId: string, handlers: SubscriptionHandlers): Promise<SubscriptionHandle> {
        return this.subscribe("subscribeallevents", thingId, "", handlers);
    }

    /** The latest event of that name as a `NotificationMessage`; `undefined` if there was none yet. */
    async readEvent(thingId: string, name: string, options?: RequestOptions): Promise<unknown> {
        return this.#output("readevent", { thingId, name }, options);
    }

    /** The latest event of each name: a record of name and `NotificationMessage`. */
    async readAllEvents(thingId: string, options?: RequestOptions): Promise<unknown> {
        return this.#output("readallevents", { thingId }, options);
    }

    /** Asks the other side for a sign of life: `"pong"`. */
    async ping(options?: RequestOptions): Promise<unknown> {
        return this.#output("ping", {}, options);
    }

    async #output(
        operation: Operation,
        init: Omit<NewRequest, "operation">,
        options?: RequestOptions
    ): Promise<unknown> {
        return (await this.request({ ...init, operation }, options)).output;
    }
}
