/** The dialect `rrn`: envelopes of HiveOT in its state of August 2026 (protocol.md, "Envelopes, August 2026"). */
import { SseScError, type Problem } from "../errors";
import { createRecord, isRecord } from "../json";
import { newId, now } from "../messages";
import type { Message, NotificationMessage, RequestMessage, ResponseMessage, ResponseStatus } from "../messages";
import type { AffordanceType } from "../operations";
import type { MessageConverter, Result } from "./converter";

type Json = Record<string, unknown>;

const STATUSES: ReadonlySet<string> = new Set<ResponseStatus>(["pending", "running", "completed", "failed"]);
const AFFORDANCES: ReadonlySet<string> = new Set<AffordanceType>(["event", "property", "action"]);

function isStatus(value: unknown): value is ResponseStatus {
    return typeof value === "string" && STATUSES.has(value);
}

function isAffordance(value: unknown): value is AffordanceType {
    return typeof value === "string" && AFFORDANCES.has(value);
}

/** Members that are empty are left out, as the reference does; `undefined` is left out by JSON.stringify. */
function orAbsent(text: string): string | undefined {
    return text === "" ? undefined : text;
}

function requestEnvelope(request: RequestMessage): Json {
    return {
        messageType: "request",
        operation: request.operation,
        thingID: request.thingId,
        name: orAbsent(request.name),
        input: request.input,
        correlationID: orAbsent(request.correlationId),
        messageID: request.messageId,
        senderID: orAbsent(request.senderId),
        created: request.created,
    };
}

function responseEnvelope(response: ResponseMessage): Json {
    return {
        messageType: "response",
        operation: response.operation,
        thingID: orAbsent(response.thingId),
        name: orAbsent(response.name),
        output: encodeOutput(response),
        status: response.status,
        correlationID: orAbsent(response.correlationId),
        messageID: response.messageId,
        senderID: response.senderId,
        consumerID: response.consumerId,
        timestamp: response.timestamp,
        error: response.error,
    };
}

function notificationEnvelope(notification: NotificationMessage): Json {
    const { value } = notification;
    return {
        messageType: "notification",
        affordanceType: notification.affordance,
        thingID: notification.thingId,
        name: notification.name,
        value: notification.affordance === "action" && isMessage(value, "response") ? responseEnvelope(value) : value,
        correlationID: orAbsent(notification.correlationId),
        messageID: notification.messageId,
        senderID: notification.senderId,
        timestamp: notification.timestamp,
    };
}

function isMessage<K extends Message["kind"]>(value: unknown, kind: K): value is Extract<Message, { kind: K }> {
    return isRecord(value) && value["kind"] === kind;
}

/** Operations whose output is an envelope of its own, or a map of them. */
function encodeOutput({ operation, output }: ResponseMessage): unknown {
    switch (operation) {
        case "queryaction":
            return isMessage(output, "response") ? responseEnvelope(output) : output;
        case "queryallactions":
            return mapRecord(output, (entry) => (isMessage(entry, "response") ? responseEnvelope(entry) : entry));
        case "readevent":
            return isMessage(output, "notification") ? notificationEnvelope(output) : output;
        case "readallevents":
            return mapRecord(output, (entry) =>
                isMessage(entry, "notification") ? notificationEnvelope(entry) : entry
            );
        default:
            return output;
    }
}

function mapRecord(value: unknown, convert: (entry: unknown) => unknown): unknown {
    if (!isRecord(value)) return value;
    const mapped = createRecord<unknown>();
    for (const [key, entry] of Object.entries(value)) mapped[key] = convert(entry);
    return mapped;
}

/** Reads the members of one envelope; remembers the first one that has the wrong type. */
class Members {
    fault: string | undefined;

    constructor(private readonly json: Json) {}

    /** A string member; absent or null is `""`. */
    string(name: string): string {
        const value = this.get(name);
        if (value === undefined || value === null) return "";
        if (typeof value === "string") return value;
        this.fault ??= `Member ${name} is not a string`;
        return "";
    }

    /** Any value. */
    get(name: string): unknown {
        return Object.hasOwn(this.json, name) ? this.json[name] : undefined;
    }

    /** `messageType` may be absent, but must not say something else. */
    messageType(expected: string): void {
        const value = this.string("messageType");
        if (value !== "" && value !== expected) this.fault ??= `Member messageType is not ${expected}`;
    }

    error(): Problem | undefined {
        const value = this.get("error");
        if (value === undefined || value === null) return undefined;
        if (!isRecord(value)) {
            this.fault ??= "Member error is not an object";
            return undefined;
        }
        const members = new Members(value);
        const status = members.get("status");
        const detail = orAbsent(members.string("detail"));
        const problem: Problem = {
            status:
                typeof status === "number" && Number.isInteger(status) && status >= 400 && status <= 599 ? status : 500,
            type: members.string("type"),
            title: members.string("title"),
        };
        this.fault ??= members.fault;
        return detail === undefined ? problem : { ...problem, detail };
    }
}

function decode<T>(json: unknown, read: (members: Members) => T): Result<T> {
    if (!isRecord(json)) return invalid("The envelope is not a JSON object");
    const members = new Members(json);
    const value = read(members);
    return members.fault === undefined ? { ok: true, value } : invalid(members.fault);
}

function invalid(title: string): { ok: false; error: SseScError } {
    return { ok: false, error: new SseScError("INVALID_ENVELOPE", undefined, { title }) };
}

function readRequest(members: Members): RequestMessage {
    members.messageType("request");
    const operation = members.string("operation");
    if (operation === "") members.fault ??= "Member operation is missing";
    return {
        kind: "request",
        operation,
        thingId: members.string("thingID"),
        name: members.string("name"),
        input: members.get("input"),
        correlationId: members.string("correlationID"),
        messageId: members.string("messageID") || newId(),
        senderId: members.string("senderID"),
        created: members.string("created") || now(),
    };
}

function readResponse(members: Members): ResponseMessage {
    members.messageType("response");
    const operation = members.string("operation");
    if (operation === "") members.fault ??= "Member operation is missing";
    return readInnerResponse(members, operation);
}

/** The envelope of an action's status inside a notification has neither messageType nor operation (protocol.md). */
function readInnerResponse(members: Members, operation: string): ResponseMessage {
    const status = members.get("status");
    const error = members.error();
    if (status !== undefined && status !== null && !isStatus(status)) members.fault ??= "Member status is not known";
    return {
        kind: "response",
        operation,
        thingId: members.string("thingID"),
        name: members.string("name"),
        status: isStatus(status) ? status : error === undefined ? "completed" : "failed",
        output: decodeOutput(operation, members.get("output")),
        error,
        correlationId: members.string("correlationID"),
        messageId: members.string("messageID") || newId(),
        senderId: members.string("senderID"),
        consumerId: members.string("consumerID"),
        timestamp: members.string("timestamp") || now(),
    };
}

function readNotification(members: Members): NotificationMessage {
    members.messageType("notification");
    const affordance = members.get("affordanceType");
    const value = members.get("value");
    if (!isAffordance(affordance)) members.fault ??= "Member affordanceType is not event, property or action";
    return {
        kind: "notification",
        affordance: isAffordance(affordance) ? affordance : "event",
        thingId: members.string("thingID"),
        name: members.string("name"),
        value: affordance === "action" ? innerResponse(value) : value,
        correlationId: members.string("correlationID"),
        messageId: members.string("messageID") || newId(),
        senderId: members.string("senderID"),
        timestamp: members.string("timestamp") || now(),
    };
}

/** Inverse of `encodeOutput`. What does not look like an envelope stays as it is: the caller sees what came. */
function decodeOutput(operation: string, output: unknown): unknown {
    switch (operation) {
        case "queryaction":
            return innerResponse(output);
        case "queryallactions":
            return mapRecord(output, innerResponse);
        case "readevent":
            return innerNotification(output);
        case "readallevents":
            return mapRecord(output, innerNotification);
        default:
            return output;
    }
}

function innerResponse(value: unknown): unknown {
    if (!isRecord(value) || !isStatus(value["status"])) return value; // a bare value that is no status
    const inner = decode(value, (members) => readInnerResponse(members, members.string("operation") || "invokeaction"));
    return inner.ok ? inner.value : value;
}

function innerNotification(value: unknown): unknown {
    const inner = decode(value, readNotification);
    return inner.ok ? inner.value : value;
}

/** The converter of the dialect `rrn`. */
export const rrn: MessageConverter = {
    name: "rrn",
    encode(message) {
        switch (message.kind) {
            case "request":
                return JSON.stringify(requestEnvelope(message));
            case "response":
                return JSON.stringify(responseEnvelope(message));
            case "notification":
                return JSON.stringify(notificationEnvelope(message));
        }
    },
    decodeRequest: (json) => decode(json, readRequest),
    decodeResponse: (json) => decode(json, readResponse),
    decodeNotification: (json) => decode(json, readNotification),
};
