/** Carries out requests on ExposedThings: everything but subscriptions (see notifier.ts). */
import type { ExposedThing } from "@node-wot/core";
import { SseScError } from "../../lib/errors";
import { createRecord, isRecord } from "../../lib/json";
import type { NotificationMessage, RequestMessage } from "../../lib/messages";
import type { Operation } from "../../lib/operations";
import { contentToValue, valueToContent } from "./content";
import { affordancesOf, requireAffordance, type Affordance, type ExposedThings } from "./exposed-things";
import { Invocations } from "./invocations";
import { checkValue, readUriVariables } from "./schemas";

/** What an action handler finds in the `data` member of its options. */
export interface ActionData {
    /** Tells the caller, and all who observe the action, how far it has got. */
    readonly progress: (value: unknown) => void;
    /** Raised when the action is cancelled or its Thing is no longer exposed. */
    readonly signal: AbortSignal;
}

/** What a request needs beside its message. */
export interface DispatchContext {
    /** uriVariables as the text of the query (without `?`). */
    readonly query: string;
    /** Called with each value of progress that an action reports. */
    readonly onProgress: (value: unknown) => void;
}

/** Where the latest events are found. */
export interface LatestEvents {
    latest(thingId: string, name: string): NotificationMessage | undefined;
}

/** Carries out requests on the Things of one server. */
export class Dispatcher {
    readonly invocations = new Invocations();

    constructor(
        private readonly things: ExposedThings,
        private readonly events: LatestEvents
    ) {}

    /**
     * Carries out one operation; its subscriptions are somebody else's.
     * @returns the output of the response
     * @throws SseScError UNKNOWN_THING, UNKNOWN_AFFORDANCE, NOT_READABLE, NOT_WRITABLE, INVALID_INPUT, NO_INVOCATION, CANCELLED,
     * HANDLER_FAILED, INVALID_OUTPUT, UNKNOWN_OPERATION
     */
    async dispatch(operation: Operation, request: RequestMessage, context: DispatchContext): Promise<unknown> {
        if (operation === "ping") return "pong";
        const thing = this.things.require(request.thingId);
        switch (operation) {
            case "readproperty":
                return this.#read(thing, request.name, context.query);
            case "readallproperties":
                return this.#readAll(thing, context.query);
            case "readmultipleproperties":
                return this.#readMultiple(thing, namesIn(request.input), context.query);
            case "writeproperty":
                this.#checkWrite(thing, request.name, request.input);
                return this.#write(thing, request.name, request.input, context.query);
            case "writemultipleproperties":
            case "writeallproperties":
                return this.#writeMultiple(thing, request.input, context.query);
            case "invokeaction":
                return this.#invoke(thing, request, context);
            case "queryaction":
                requireAffordance(thing, "action", request.name);
                return this.invocations.query(request);
            case "queryallactions":
                return this.invocations.queryAll(request.thingId);
            case "cancelaction":
                requireAffordance(thing, "action", request.name);
                this.invocations.cancel(request);
                return undefined;
            case "readevent":
                requireAffordance(thing, "event", request.name);
                return this.events.latest(request.thingId, request.name);
            case "readallevents":
                return this.#readAllEvents(thing);
            default:
                throw new SseScError("UNKNOWN_OPERATION");
        }
    }

    async #read(thing: ExposedThing, name: string, query: string): Promise<unknown> {
        const property = requireAffordance(thing, "property", name);
        if (property["writeOnly"] === true) throw new SseScError("NOT_READABLE");
        const options = this.#options(thing, property, query);
        const content = await handled(() => thing.handleReadProperty(name, options));
        return contentToValue(content, this.things.contentType(property));
    }

    /** What can be read: one property that fails does not hide the others, unless all fail. */
    async #readAll(thing: ExposedThing, query: string): Promise<unknown> {
        const names = Object.entries(affordancesOf(thing, "property"))
            .filter(([, property]) => property["writeOnly"] !== true)
            .map(([name]) => name);
        const results = await Promise.allSettled(names.map((name) => this.#read(thing, name, query)));
        const values = createRecord<unknown>();
        let failure: PromiseRejectedResult | undefined;
        let succeeded = 0;
        for (const [index, result] of results.entries()) {
            const name = names[index];
            if (result.status === "rejected") failure ??= result;
            else if (name !== undefined) {
                values[name] = result.value;
                succeeded++;
            }
        }
        if (succeeded === 0 && failure !== undefined) throw failure.reason;
        return values;
    }

    async #readMultiple(thing: ExposedThing, names: readonly string[], query: string): Promise<unknown> {
        const values = createRecord<unknown>();
        const read = await Promise.all(
            names.map(async (name) => [name, await this.#read(thing, name, query)] as const)
        );
        for (const [name, value] of read) values[name] = value;
        return values;
    }

    #checkWrite(thing: ExposedThing, name: string, value: unknown): void {
        const property = requireAffordance(thing, "property", name);
        if (property["readOnly"] === true) throw new SseScError("NOT_WRITABLE");
        if (value === undefined) throw new SseScError("INVALID_INPUT", "A value is missing");
        checkValue(value, property);
    }

    async #write(thing: ExposedThing, name: string, value: unknown, query: string): Promise<undefined> {
        const property = requireAffordance(thing, "property", name);
        const content = valueToContent(value, this.things.contentType(property));
        const options = this.#options(thing, property, query);
        await handled(() => thing.handleWriteProperty(name, content, options));
        return undefined;
    }

    /** Checks everything before it writes anything; core's own handler writes nothing when given a Map (node-wot.md). */
    async #writeMultiple(thing: ExposedThing, input: unknown, query: string): Promise<undefined> {
        if (!isRecord(input)) throw new SseScError("INVALID_INPUT", "The input is not an object of names and values");
        const entries = Object.entries(input);
        for (const [name, value] of entries) this.#checkWrite(thing, name, value);
        for (const [name, value] of entries) await this.#write(thing, name, value, query);
        return undefined;
    }

    async #invoke(thing: ExposedThing, request: RequestMessage, context: DispatchContext): Promise<unknown> {
        const action = requireAffordance(thing, "action", request.name);
        const input = actionInput(request.input, action["input"]);
        const contentType = this.things.contentType(action);
        const content = valueToContent(input, contentType);
        const options = this.#options(thing, action, context.query);
        return this.invocations.run(request, async (signal) => {
            const data: ActionData = {
                signal,
                progress: (value) => {
                    if (!this.invocations.isRunning(request)) return;
                    this.invocations.progress(request, value);
                    context.onProgress(value);
                },
            };
            const output = await handled(() => thing.handleInvokeAction(request.name, content, { ...options, data }));
            return output === undefined ? undefined : contentToValue(output, contentType);
        });
    }

    #readAllEvents(thing: ExposedThing): Record<string, NotificationMessage> {
        const latest = createRecord<NotificationMessage>();
        for (const name of Object.keys(affordancesOf(thing, "event"))) {
            const event = this.events.latest(thing.id, name);
            if (event !== undefined) latest[name] = event;
        }
        return latest;
    }

    #options(
        thing: ExposedThing,
        affordance: Affordance,
        query: string
    ): { formIndex: number; uriVariables?: Record<string, unknown> } {
        const formIndex = this.things.formIndex(affordance);
        const thingVariables = thing["uriVariables"] as Record<string, unknown> | undefined;
        if (affordance.uriVariables === undefined && thingVariables === undefined) return { formIndex };
        return { formIndex, uriVariables: readUriVariables(query, affordance.uriVariables, thingVariables) };
    }
}

function namesIn(input: unknown): string[] {
    if (!Array.isArray(input) || !input.every((name) => typeof name === "string")) {
        throw new SseScError("INVALID_INPUT", "The input is not an array of names");
    }
    return input;
}

/** Absent input is the handler's business; so is `null` where the schema has no room for it: peers send it for "none". */
function actionInput(input: unknown, schema: unknown): unknown {
    if (input === undefined) return undefined;
    try {
        if (input !== null || schema !== undefined) checkValue(input, schema);
        return input === null && schema === undefined ? undefined : input;
    } catch (error) {
        if (input === null) return undefined;
        throw error;
    }
}

/**
 * Calls a handler of the application. What it throws travels without its text, which may show internals, unless it carries a
 * `status` of 400 to 499, as Express's errors do: such an error is meant for the caller.
 */
async function handled<T>(call: () => Promise<T>): Promise<T> {
    try {
        return await call();
    } catch (thrown) {
        if (thrown instanceof SseScError) throw thrown;
        const status =
            isRecord(thrown) || thrown instanceof Error ? (thrown as { status?: unknown }).status : undefined;
        const meant = typeof status === "number" && Number.isInteger(status) && status >= 400 && status <= 499;
        if (meant && thrown instanceof Error) {
            throw new SseScError("HANDLER_FAILED", thrown.message, { status, title: thrown.message, cause: thrown });
        }
        throw new SseScError("HANDLER_FAILED", undefined, { cause: thrown });
    }
}
