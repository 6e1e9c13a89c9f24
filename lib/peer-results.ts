/**
 * What the other side answers, parsed: a peer that answers with something else fails the call, and nothing of it gets to the caller
 * under a type that it does not have.
 */
import { fromProblem, SseScError, type Problem } from "./errors";
import { isRecord } from "./json";
import type { ResponseStatus } from "./messages";
import type { Operation } from "./operations";

/** How an invocation of an action stands. */
export interface ActionStatus {
    /** Names the invocation in `queryAction` and `cancelAction`. */
    readonly actionId: string;
    readonly thingId: string;
    /** Name of the action. */
    readonly name: string;
    readonly status: ResponseStatus;
    /** What the action gave, once it is completed; while it runs, the latest progress. */
    readonly output: unknown;
    /** Why it failed; set when `status` is `failed`. */
    readonly error: SseScError | undefined;
    /** When this was so: RFC 3339 time of the other side. */
    readonly updated: string;
}

/** The latest occurrence of an event. */
export interface EventReading {
    readonly thingId: string;
    /** Name of the event. */
    readonly name: string;
    /** The data of the event. */
    readonly value: unknown;
    /** When it happened: RFC 3339 time of the other side. */
    readonly timestamp: string;
}

const STATUSES: readonly ResponseStatus[] = ["pending", "running", "completed", "failed"];

/** @throws SseScError PEER_FAILED if the output is no record; nothing at all is an empty one, as Go writes it (`null`) */
export function readRecord(operation: Operation, output: unknown): Record<string, unknown> {
    if (isNothing(output)) return {};
    if (!isRecord(output)) throw notWhatWasAsked(operation, "it is no object");
    return output;
}

/** @throws SseScError PEER_FAILED if the output is no status; NO_INVOCATION if there is none */
export function readActionStatus(operation: Operation, output: unknown): ActionStatus {
    if (isNothing(output)) throw new SseScError("NO_INVOCATION");
    const members = new Members(operation, output, "response");
    const error = members.problem("error");
    const status = members.status("status");
    return {
        actionId: members.text("correlationId"),
        thingId: members.text("thingId"),
        name: members.text("name"),
        status,
        output: members.get("output"),
        error:
            status === "failed"
                ? fromProblem(error ?? { status: 500, type: "", title: "The action failed" })
                : undefined,
        updated: members.text("timestamp"),
    };
}

/** @throws SseScError PEER_FAILED if the output is no event; `undefined` if there was none yet */
export function readEventReading(operation: Operation, output: unknown): EventReading | undefined {
    if (isNothing(output)) return undefined;
    const members = new Members(operation, output, "notification");
    return {
        thingId: members.text("thingId"),
        name: members.text("name"),
        value: members.get("value"),
        timestamp: members.text("timestamp"),
    };
}

/** Reads each entry of a record; those that are nothing are left out. */
export function readEntries<T>(
    operation: Operation,
    output: unknown,
    read: (operation: Operation, entry: unknown) => T
): Record<string, Exclude<T, undefined>> {
    const entries: [string, Exclude<T, undefined>][] = [];
    for (const [name, value] of Object.entries(readRecord(operation, output))) {
        const entry = isNothing(value) ? undefined : read(operation, value);
        if (isGiven(entry)) entries.push([name, entry]);
    }
    return Object.fromEntries(entries); // it defines members: `__proto__` is one like any other
}

function isNothing(value: unknown): value is undefined | null {
    return value === undefined || value === null;
}

function isGiven<T>(entry: T | undefined): entry is Exclude<T, undefined> {
    return entry !== undefined;
}

/** The members of one message inside an answer. What a converter could not read, it hands on as it came. */
class Members {
    readonly #record: Record<string, unknown>;

    constructor(
        private readonly operation: Operation,
        value: unknown,
        kind: "response" | "notification"
    ) {
        if (!isRecord(value) || value["kind"] !== kind) {
            throw notWhatWasAsked(operation, `it is no ${kind === "response" ? "status of an action" : "event"}`);
        }
        this.#record = value;
    }

    get(name: string): unknown {
        return this.#record[name];
    }

    text(name: string): string {
        const value = this.get(name);
        if (typeof value !== "string") throw this.#wrong(name, "a string");
        return value;
    }

    status(name: string): ResponseStatus {
        const status = STATUSES.find((known) => known === this.get(name));
        if (status === undefined) throw this.#wrong(name, STATUSES.join(", "));
        return status;
    }

    problem(name: string): Problem | undefined {
        const value = this.get(name);
        if (isNothing(value)) return undefined;
        if (!isRecord(value)) throw this.#wrong(name, "a problem");
        const { status, type, title, detail } = value;
        if (typeof status !== "number" || typeof type !== "string" || typeof title !== "string") {
            throw this.#wrong(name, "a problem");
        }
        return { status, type, title, ...(typeof detail === "string" ? { detail } : {}) };
    }

    #wrong(name: string, expected: string): SseScError {
        return notWhatWasAsked(this.operation, `its ${name} is not ${expected}`);
    }
}

function notWhatWasAsked(operation: Operation, reason: string): SseScError {
    return new SseScError("PEER_FAILED", `The answer to ${operation} cannot be used: ${reason}`);
}
