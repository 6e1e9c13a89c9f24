/**
 * The neutral message model: what peers say to each other, whatever JSON a dialect makes of it.
 *
 * An empty string in `thingId` or `name` means "none given", which is also how subscriptions say "all".
 */
import { isRecord } from "./json";
import type { AffordanceType } from "./operations";
import type { Problem } from "./errors";

/** Progress of an action, or the outcome of any request. */
export type ResponseStatus = "pending" | "running" | "completed" | "failed";

/** A request: somebody wants an operation done. */
export interface RequestMessage {
    readonly kind: "request";
    /** Name of the operation; may be one that the table of operations does not know. */
    readonly operation: string;
    readonly thingId: string;
    readonly name: string;
    /** Absent is `undefined`; `null` is a value. */
    readonly input: unknown;
    /**
     * uriVariables as the text of a query (without `?`), where the request comes on a stream: that has no URL for them. An extension of
     * ours, which HiveOT's agents ignore.
     */
    readonly query?: string;
    /** Ties the response to the request; empty if the sender gave none. For `invokeaction` it is the action's id. */
    readonly correlationId: string;
    readonly messageId: string;
    /** Authenticated id of the sender. A receiver never takes it from the wire. */
    readonly senderId: string;
    /** RFC 3339 time. */
    readonly created: string;
}

/** The answer to a request. */
export interface ResponseMessage {
    readonly kind: "response";
    readonly operation: string;
    readonly thingId: string;
    readonly name: string;
    readonly status: ResponseStatus;
    /**
     * The result. Of `queryaction` it is a `ResponseMessage`, of `queryallactions` a record of them, of `readevent` a
     * `NotificationMessage`, of `readallevents` a record of them.
     */
    readonly output: unknown;
    /** Set when `status` is `failed`. */
    readonly error: Problem | undefined;
    readonly correlationId: string;
    readonly messageId: string;
    /** Id of the client that answered; empty for a server's own Things. */
    readonly senderId: string;
    /** Id of the client that asked, where the dialect says so. */
    readonly consumerId: string;
    /** RFC 3339 time. */
    readonly timestamp: string;
    /** RFC 3339 time of the request; empty if it is not known. */
    readonly requested: string;
}

/** An event, a property value, or the progress of an action; nobody answers it. */
export interface NotificationMessage {
    readonly kind: "notification";
    readonly affordance: AffordanceType;
    readonly thingId: string;
    readonly name: string;
    /**
     * The data of the event or the value of the property; of action progress a `ResponseMessage` with status `running`. A property
     * notification without a name is about several: a record of name and value (see `splitNotification`).
     */
    readonly value: unknown;
    /** Of action progress: the correlation id of the invocation. Else empty. */
    readonly correlationId: string;
    readonly messageId: string;
    readonly senderId: string;
    /** RFC 3339 time. */
    readonly timestamp: string;
}

/** Everything that can travel. */
export type Message = RequestMessage | ResponseMessage | NotificationMessage;

const STATUSES: ReadonlySet<string> = new Set<ResponseStatus>(["pending", "running", "completed", "failed"]);

/** True for the states that an action can be in. */
export function isStatus(value: unknown): value is ResponseStatus {
    return typeof value === "string" && STATUSES.has(value);
}

const TEXTS = ["thingId", "name", "correlationId", "messageId", "senderId", "timestamp"] as const;

/**
 * True for a response or notification that stands inside another message. It checks every member: what a peer sent as a value may
 * have a `kind` too.
 */
export function isMessage<K extends "response" | "notification">(
    value: unknown,
    kind: K
): value is Extract<Message, { kind: K }> {
    if (!isRecord(value) || value["kind"] !== kind) return false;
    if (!TEXTS.every((member) => typeof value[member] === "string")) return false;
    if (kind === "notification") return ["event", "property", "action"].includes(String(value["affordance"]));
    const { operation, consumerId, requested, status, error } = value;
    const texts = [operation, consumerId, requested].every((text) => typeof text === "string");
    return texts && isStatus(status) && (error === undefined || isProblem(error));
}

function isProblem(value: unknown): boolean {
    if (!isRecord(value)) return false;
    const { status, type, title } = value;
    return Number.isInteger(status) && typeof type === "string" && typeof title === "string";
}

/** A globally unique id: gateways pass ids of their clients on, so they must never collide (protocol.md, "Envelopes"). */
export function newId(): string {
    return globalThis.crypto.randomUUID();
}

/** The present time in RFC 3339 form. */
export function now(): string {
    return new Date().toISOString();
}

/** What a caller gives to make a request; the rest is filled in. */
export type NewRequest = Pick<RequestMessage, "operation"> &
    Partial<Pick<RequestMessage, "thingId" | "name" | "input" | "query" | "correlationId" | "messageId" | "created">>;

/** Makes a request with fresh ids. */
export function createRequest(init: NewRequest): RequestMessage {
    return {
        kind: "request",
        operation: init.operation,
        thingId: init.thingId ?? "",
        name: init.name ?? "",
        input: init.input,
        ...(init.query === undefined || init.query === "" ? {} : { query: init.query }),
        correlationId: init.correlationId ?? newId(),
        messageId: init.messageId ?? newId(),
        senderId: "",
        created: init.created ?? now(),
    };
}

/** Makes the response to a request: `completed` with an output, or `failed` with an error. */
export function createResponse(
    request: RequestMessage,
    outcome: { readonly output?: unknown; readonly error?: Problem }
): ResponseMessage {
    return {
        kind: "response",
        operation: request.operation,
        thingId: request.thingId,
        name: request.name,
        status: outcome.error === undefined ? "completed" : "failed",
        output: outcome.output,
        error: outcome.error,
        correlationId: request.correlationId,
        messageId: newId(),
        senderId: "",
        consumerId: request.operation === "invokeaction" ? request.senderId : "", // recorded so: it is who invoked
        timestamp: now(),
        requested: request.created,
    };
}

/** What is needed to make a notification; the rest is filled in. */
export type NewNotification = Pick<NotificationMessage, "affordance" | "thingId" | "name" | "value"> &
    Partial<Pick<NotificationMessage, "correlationId" | "senderId">>;

/** Makes a notification with a fresh id and the present time. */
export function createNotification(init: NewNotification): NotificationMessage {
    return {
        kind: "notification",
        affordance: init.affordance,
        thingId: init.thingId,
        name: init.name,
        value: init.value,
        correlationId: init.correlationId ?? "",
        messageId: newId(),
        senderId: init.senderId ?? "",
        timestamp: now(),
    };
}

/** Makes the notification that tells of the progress of an invocation (protocol.md, "Envelopes": a `running` response inside). */
export function createProgress(request: RequestMessage, value: unknown): NotificationMessage {
    const status = createResponse(request, { output: value });
    return createNotification({
        affordance: "action",
        thingId: request.thingId,
        name: request.name,
        value: { ...status, status: "running", senderId: request.thingId } satisfies ResponseMessage,
        correlationId: request.correlationId,
        senderId: request.thingId,
    });
}

/** The notifications, one per property, that a notification about several properties stands for; any other stands for itself. */
export function splitNotification(notification: NotificationMessage): readonly NotificationMessage[] {
    const { affordance, name, value } = notification;
    if (affordance !== "property" || name !== "" || !isRecord(value)) return [notification];
    return Object.entries(value).map(([property, single]) => ({ ...notification, name: property, value: single }));
}
