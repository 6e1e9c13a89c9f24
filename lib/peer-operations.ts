/**
 * The operations of WoT and HiveOT as methods, over `request` and `subscribe`. Those that node-wot's ConsumedThing does not have
 * live here and nowhere else.
 */
import { newId, type NewRequest, type ResponseMessage } from "./messages";
import type { Operation } from "./operations";
import {
    readActionStatus,
    readEntries,
    readEventReading,
    readRecord,
    type ActionStatus,
    type EventReading,
} from "./peer-results";
import type { SubscriptionHandle, SubscriptionHandlers } from "./peer-subscriptions";
import type { UriVariables } from "./uri-variables";

/** How one request is made. */
export interface RequestOptions extends UriVariables {
    /** Milliseconds until it fails with `TIMEOUT` (`OUTCOME_UNKNOWN` if unsafe); progress starts the time anew. */
    readonly timeout?: number;
    /** Gives up: the request fails with `ABORTED`, and an invocation is cancelled on the other side. */
    readonly signal?: AbortSignal;
    /** Called with each value of progress that an invoked action reports. */
    readonly onProgress?: (value: unknown) => void;
    /** Called once when the other side has taken the request; the response may have come by then. */
    readonly onTaken?: () => void;
}

/** How a subscription is made. */
export interface SubscribeOptions extends UriVariables {
    /** Gives up while it waits to be acknowledged: `subscribe` fails with `ABORTED`. Later it means nothing: use `stop()`. */
    readonly signal?: AbortSignal;
}

/** An invocation that the other side has taken. */
export interface StartedAction {
    /** Names the invocation in `queryAction` and `cancelAction`, also those of others. */
    readonly actionId: string;
    /** The output of the action; rejects as `invokeAction` does, and may be left alone. */
    readonly result: Promise<unknown>;
    /** How the invocation stands. */
    query(options?: RequestOptions): Promise<ActionStatus>;
    /** Asks the action to stop: `result` rejects with `CANCELLED` where it does. */
    cancel(options?: RequestOptions): Promise<void>;
}

/**
 * The operations that one end point asks of the other. Each rejects with what `request` or `subscribe` rejects with, and with
 * `PEER_FAILED` where the answer is not what was asked for. Values are `unknown`: what they look like only the TD says.
 */
export abstract class PeerOperations {
    abstract request(init: NewRequest, options?: RequestOptions): Promise<ResponseMessage>;

    abstract subscribe(
        operation: Operation,
        thingId: string,
        name: string,
        handlers: SubscriptionHandlers,
        options?: SubscribeOptions
    ): Promise<SubscriptionHandle>;

    // --- properties ---

    /** Reads a property. */
    async readProperty(thingId: string, name: string, options?: RequestOptions): Promise<unknown> {
        return this.#output("readproperty", { thingId, name }, options);
    }

    /** Reads all properties that this client may read: values by name. */
    async readAllProperties(thingId: string, options?: RequestOptions): Promise<Record<string, unknown>> {
        const operation = "readallproperties";
        return readRecord(operation, await this.#output(operation, { thingId }, options));
    }

    /** Reads the named properties: values by name. */
    async readMultipleProperties(
        thingId: string,
        names: readonly string[],
        options?: RequestOptions
    ): Promise<Record<string, unknown>> {
        const operation = "readmultipleproperties";
        return readRecord(operation, await this.#output(operation, { thingId, input: names }, options));
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
    async observeProperty(
        thingId: string,
        name: string,
        handlers: SubscriptionHandlers,
        options?: SubscribeOptions
    ): Promise<SubscriptionHandle> {
        return this.subscribe("observeproperty", thingId, name, handlers, options);
    }

    /** Hears the changes of all properties of a Thing; of all Things if `thingId` is empty. */
    async observeAllProperties(
        thingId: string,
        handlers: SubscriptionHandlers,
        options?: SubscribeOptions
    ): Promise<SubscriptionHandle> {
        return this.subscribe("observeallproperties", thingId, "", handlers, options);
    }

    // --- actions ---

    /** Invokes an action and waits for its output. */
    async invokeAction(thingId: string, name: string, input?: unknown, options?: RequestOptions): Promise<unknown> {
        return this.#output("invokeaction", { thingId, name, input }, options);
    }

    /**
     * Invokes an action and returns as soon as the other side has taken it: for those who want to ask for its status, or cancel it,
     * while it runs. A `signal` cancels it, a `timeout` ends the waiting for `result`.
     * @throws SseScError what `result` rejects with, if it did so before the invocation was taken
     */
    async startAction(
        thingId: string,
        name: string,
        input?: unknown,
        options: RequestOptions = {}
    ): Promise<StartedAction> {
        const actionId = newId();
        // No sooner: over several connections what asks for the invocation may overtake it.
        let taken: (() => void) | undefined;
        const waiting = new Promise<void>((resolve) => (taken = resolve));
        const onTaken = (): void => {
            taken?.();
            options.onTaken?.();
        };
        const init = { thingId, name, input, correlationId: actionId };
        const result = this.#output("invokeaction", init, { ...options, onTaken });
        await Promise.race([waiting, result]); // from here on a result that nobody minds is not unhandled
        return {
            actionId,
            result,
            query: (queryOptions) => this.queryAction(thingId, name, actionId, queryOptions),
            cancel: (cancelOptions) => this.cancelAction(thingId, name, actionId, cancelOptions),
        };
    }

    /**
     * How an invocation stands. Without any, it rejects with `NO_INVOCATION`.
     * @param actionId id of the invocation; default: the own latest one of that action
     */
    async queryAction(
        thingId: string,
        name: string,
        actionId?: string,
        options?: RequestOptions
    ): Promise<ActionStatus> {
        const operation = "queryaction";
        return readActionStatus(operation, await this.#output(operation, { thingId, name, input: actionId }, options));
    }

    /** The latest invocation of each action of a Thing, by the action's name. */
    async queryAllActions(thingId: string, options?: RequestOptions): Promise<Record<string, ActionStatus>> {
        const operation = "queryallactions";
        return readEntries(operation, await this.#output(operation, { thingId }, options), readActionStatus);
    }

    /**
     * Asks a running action to stop.
     * @param actionId id of the invocation; default: the own latest one of that action
     */
    async cancelAction(thingId: string, name: string, actionId?: string, options?: RequestOptions): Promise<void> {
        await this.#output("cancelaction", { thingId, name, input: actionId }, options);
    }

    /** Hears the progress of an action, whoever invoked it. */
    async observeAction(
        thingId: string,
        name: string,
        handlers: SubscriptionHandlers,
        options?: SubscribeOptions
    ): Promise<SubscriptionHandle> {
        return this.subscribe("observeaction", thingId, name, handlers, options);
    }

    /** Hears the progress of all actions of a Thing; of all Things if `thingId` is empty. */
    async observeAllActions(
        thingId: string,
        handlers: SubscriptionHandlers,
        options?: SubscribeOptions
    ): Promise<SubscriptionHandle> {
        return this.subscribe("observeallactions", thingId, "", handlers, options);
    }

    // --- events ---

    /** Hears an event. */
    async subscribeEvent(
        thingId: string,
        name: string,
        handlers: SubscriptionHandlers,
        options?: SubscribeOptions
    ): Promise<SubscriptionHandle> {
        return this.subscribe("subscribeevent", thingId, name, handlers, options);
    }

    /** Hears all events of a Thing; of all Things if `thingId` is empty. */
    async subscribeAllEvents(
        thingId: string,
        handlers: SubscriptionHandlers,
        options?: SubscribeOptions
    ): Promise<SubscriptionHandle> {
        return this.subscribe("subscribeallevents", thingId, "", handlers, options);
    }

    /** The latest event of that name; `undefined` if there was none yet. */
    async readEvent(thingId: string, name: string, options?: RequestOptions): Promise<EventReading | undefined> {
        const operation = "readevent";
        return readEventReading(operation, await this.#output(operation, { thingId, name }, options));
    }

    /** The latest event of each name. */
    async readAllEvents(thingId: string, options?: RequestOptions): Promise<Record<string, EventReading>> {
        const operation = "readallevents";
        return readEntries(operation, await this.#output(operation, { thingId }, options), readEventReading);
    }

    /** Asks the other side for a sign of life. */
    async ping(options?: RequestOptions): Promise<void> {
        await this.#output("ping", {}, options);
    }

    async #output(
        operation: Operation,
        init: Omit<NewRequest, "operation">,
        options?: RequestOptions
    ): Promise<unknown> {
        return (await this.request({ ...init, operation }, options)).output;
    }
}
