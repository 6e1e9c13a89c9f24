/**
 * What stands in `value` in the dialect `rrn-2025`: ActionStatus, ThingValue and maps of them (protocol.md, "Envelopes, January 2026").
 *
 * HiveOT's clients in Go decode it into fixed types and fail on anything else, so each operation has exactly one form here.
 */
import type { Problem } from "../errors";
import { createRecord, isRecord } from "../json";
import { isMessage, isStatus, newId, now } from "../messages";
import type { NotificationMessage, ResponseMessage } from "../messages";
import { isOperation, operationInfo, type AffordanceType } from "../operations";
import { decode, isAffordance, mapRecord, orAbsent, type Json, type Members } from "./envelope";

/** The `value` of a response. */
export function encodeValue(response: ResponseMessage): unknown {
    const { operation, output, status, thingId, name, timestamp } = response;
    if (operation === "invokeaction") return actionStatus(response); // a failed one too, beside the response's `error`
    if (status === "failed" || !hasOutput(operation)) return null; // any value fails who expects none
    switch (operation) {
        case "readproperty":
            return thingValue("property", thingId, name, output, timestamp);
        case "readallproperties":
        case "readmultipleproperties":
            return mapOf(output, (data, property) => thingValue("property", thingId, property, data, timestamp));
        case "queryaction":
            return statusOrNull(output);
        case "queryallactions":
            return mapOf(output, statusOrNull);
        case "readevent":
            return eventOrNull(output);
        case "readallevents":
            return mapOf(output, eventOrNull);
        default:
            return output ?? null;
    }
}

/** The `value` of a notification about an action. Progress without a status, as other dialects have it, gets one. */
export function encodeProgress({ value, thingId, name, correlationId, timestamp }: NotificationMessage): Json {
    if (isMessage(value, "response")) return actionStatus(value);
    return {
        actionID: orAbsent(correlationId),
        thingID: orAbsent(thingId),
        name: orAbsent(name),
        state: "running",
        output: value ?? undefined,
        timeUpdated: timestamp,
    };
}

/** The error of a response. Who reads it knows of a failure by nothing else, so it is made up where there is none. */
export function errorOf({ status, error }: ResponseMessage): Problem | undefined {
    return error ?? (status === "failed" ? { status: 500, type: "", title: "The request failed" } : undefined);
}

/** Subscriptions, writing and cancelling have no output. */
function hasOutput(operation: string): boolean {
    if (!isOperation(operation)) return true;
    if (operation === "cancelaction" || operationInfo(operation).subscription !== undefined) return false;
    return !operation.startsWith("write");
}

/** Entries that are not what they should be are left out. */
function mapOf(output: unknown, convert: (entry: unknown, name: string) => Json | null): Json | null {
    if (!isRecord(output)) return null;
    const map = createRecord<unknown>();
    for (const [name, entry] of Object.entries(output)) {
        const converted = convert(entry, name);
        if (converted !== null) map[name] = converted;
    }
    return map;
}

function thingValue(
    affordanceType: AffordanceType,
    thingID: string,
    name: string,
    data: unknown,
    timestamp: string
): Json {
    return { affordanceType, thingID, name, data, timestamp };
}

function eventOrNull(value: unknown): Json | null {
    if (!isMessage(value, "notification")) return null;
    return thingValue("event", value.thingId, value.name, value.value, value.timestamp);
}

function statusOrNull(value: unknown): Json | null {
    return isMessage(value, "response") ? actionStatus(value) : null;
}

/** An ActionStatus. Members that are empty are left out. */
function actionStatus(response: ResponseMessage): Json {
    return {
        actionID: orAbsent(response.correlationId),
        thingID: orAbsent(response.thingId),
        name: orAbsent(response.name),
        state: response.status,
        output: response.output ?? undefined,
        error: errorOf(response),
        senderID: orAbsent(response.consumerId),
        timeRequested: orAbsent(response.requested),
        timeUpdated: response.timestamp,
    };
}

/**
 * The output that a `value` stands for. What is not of the form that the operation should have stays as it is: HiveOT's JavaScript
 * client sends such things.
 */
export function decodeValue(operation: string, value: unknown, envelope: Members): unknown {
    if (!hasOutput(operation)) return undefined; // the JavaScript client answers writes and subscriptions with a ThingValue
    switch (operation) {
        case "readproperty":
            return dataOf(value);
        case "readallproperties":
        case "readmultipleproperties":
            return isThingValue(value) ? value : mapRecord(value, dataOf);
        case "queryaction":
            return readActionStatus(value, envelope) ?? value ?? undefined;
        case "queryallactions":
            return mapRecord(value, (entry) => readActionStatus(entry, envelope) ?? entry);
        case "readevent":
            return readEvent(value, envelope) ?? value ?? undefined;
        case "readallevents":
            return mapRecord(value, (entry) => readEvent(entry, envelope) ?? entry);
        default:
            return value ?? undefined;
    }
}

/** `undefined` if it is no ActionStatus: one has a state. A member of the wrong type is a fault of the envelope. */
export function readActionStatus(value: unknown, envelope: Members): ResponseMessage | undefined {
    if (!isRecord(value)) return undefined;
    const state = own(value, "state");
    if (!isStatus(state)) return undefined;
    return within(envelope, value, (members) => ({
        kind: "response",
        operation: "invokeaction",
        thingId: members.string("thingID"),
        name: members.string("name"),
        status: state,
        output: members.get("output") ?? undefined,
        error: members.error(),
        correlationId: members.string("actionID"),
        messageId: newId(),
        senderId: "",
        consumerId: members.string("senderID"),
        timestamp: members.string("timeUpdated") || now(),
        requested: members.string("timeRequested"),
    }));
}

function readEvent(value: unknown, envelope: Members): NotificationMessage | undefined {
    if (!isThingValue(value)) return undefined;
    return within(envelope, value, (members) => ({
        kind: "notification",
        affordance: "event",
        thingId: members.string("thingID"),
        name: members.string("name"),
        value: members.get("data") ?? null,
        correlationId: "",
        messageId: newId(),
        senderId: "",
        timestamp: members.string("timestamp") || now(),
    }));
}

function within<T>(envelope: Members, value: Json, read: (members: Members) => T): T | undefined {
    const result = decode(value, read);
    if (result.ok) return result.value;
    envelope.fault ??= `In value: ${result.error.title}`;
    return undefined;
}

function isThingValue(value: unknown): value is Json {
    return isRecord(value) && isAffordance(own(value, "affordanceType")) && typeof own(value, "name") === "string";
}

/** `data` is left out where it is nothing. */
function dataOf(value: unknown): unknown {
    return isThingValue(value) ? (own(value, "data") ?? null) : value;
}

function own(json: Json, name: string): unknown {
    return Object.hasOwn(json, name) ? json[name] : undefined;
}
