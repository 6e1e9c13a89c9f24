/**
 * The dialect `rrn-2025`: envelopes of HiveOT in its state of January 2026, and of its JavaScript client (protocol.md, "Envelopes,
 * January 2026").
 *
 * Its clients in Go decode what comes into fixed types and fail on anything else, so each operation has exactly one form here.
 */
import { isRecord } from "../json";
import { newId, now } from "../messages";
import type { NotificationMessage, ResponseMessage } from "../messages";
import { isOperation, operationInfo, type AffordanceType } from "../operations";
import type { MessageConverter } from "./converter";
import {
    decode,
    isAffordance,
    isMessage,
    isStatus,
    mapRecord,
    orAbsent,
    readRequest,
    requestEnvelope,
    type Json,
    type Members,
} from "./envelope";

/** Operation that a notification about each kind of affordance names. */
const NOTIFIES: Readonly<Record<AffordanceType, string>> = {
    event: "subscribeevent",
    property: "observeproperty",
    action: "invokeaction",
};

/** `name`, `senderID`, `error` and `value` are always there, null or empty (recorded so). */
function responseEnvelope(response: ResponseMessage): Json {
    return {
        messageType: "response",
        operation: response.operation,
        thingID: orAbsent(response.thingId),
        name: response.name,
        value: encodeValue(response) ?? null,
        error: response.error ?? null,
        correlationID: orAbsent(response.correlationId),
        messageID: response.messageId,
        senderID: response.senderId,
        timestamp: response.timestamp,
    };
}

function encodeValue(response: ResponseMessage): unknown {
    const { operation, output, status, thingId, timestamp } = response;
    if (operation === "invokeaction") return actionStatus(response); // a failed one too, beside the response's `error`
    if (status === "failed") return null;
    switch (operation) {
        case "readproperty":
            return thingValue("property", thingId, response.name, output, timestamp);
        case "readallproperties":
        case "readmultipleproperties":
            return mapRecord(output, (value, name) => thingValue("property", thingId, name, value, timestamp));
        case "queryaction":
            return encodeActionStatus(output);
        case "queryallactions":
            return mapRecord(output, encodeActionStatus);
        case "readevent":
            return encodeEvent(output);
        case "readallevents":
            return mapRecord(output, encodeEvent);
        case "writeproperty": // any value fails its caller
        case "writemultipleproperties":
        case "writeallproperties":
            return null;
        default:
            return output;
    }
}

/** A ThingValue. A bare value in its place breaks the client. */
function thingValue(
    affordanceType: AffordanceType,
    thingID: string,
    name: string,
    data: unknown,
    timestamp: string
): Json {
    return { affordanceType, thingID, name, data, timestamp };
}

function encodeEvent(value: unknown): unknown {
    if (!isMessage(value, "notification")) return value;
    return thingValue("event", value.thingId, value.name, value.value, value.timestamp);
}

function encodeActionStatus(value: unknown): unknown {
    return isMessage(value, "response") ? actionStatus(value) : value;
}

/** An ActionStatus. Members that are empty are left out. */
function actionStatus(response: ResponseMessage): Json {
    return {
        actionID: orAbsent(response.correlationId),
        thingID: orAbsent(response.thingId),
        name: orAbsent(response.name),
        state: response.status,
        output: response.output ?? undefined,
        error: response.error,
        senderID: orAbsent(response.consumerId),
        timeRequested: orAbsent(response.requested),
        timeUpdated: response.timestamp,
    };
}

function notificationEnvelope(notification: NotificationMessage): Json {
    const { affordance, value } = notification;
    return {
        messageType: "notification",
        operation: NOTIFIES[affordance],
        thingID: orAbsent(notification.thingId),
        name: orAbsent(notification.name),
        value: (affordance === "action" ? encodeActionStatus(value) : value) ?? null,
        correlationID: orAbsent(notification.correlationId),
        messageID: notification.messageId,
        senderID: notification.senderId,
        timestamp: notification.timestamp,
    };
}

function readResponse(members: Members): ResponseMessage {
    members.messageType("response", "required");
    const operation = members.operation();
    const value = members.get("value");
    const error = members.error();
    const correlationId = members.string("correlationID");
    const response: ResponseMessage = {
        kind: "response",
        operation,
        thingId: members.string("thingID"),
        name: members.string("name"),
        status: error === undefined ? "completed" : "failed",
        output: undefined,
        error,
        correlationId,
        messageId: members.string("messageID") || newId(),
        senderId: members.string("senderID"),
        consumerId: "",
        timestamp: members.string("timestamp") || now(),
        requested: "",
    };
    const status = operation === "invokeaction" ? readActionStatus(value) : undefined;
    if (status === undefined) return { ...response, output: decodeValue(operation, value) };
    const { consumerId, requested } = status;
    // The state inside counts for nothing where the response itself carries an error.
    const outcome =
        error === undefined
            ? { status: status.status, error: status.error, output: status.output }
            : { output: undefined };
    return { ...response, ...outcome, consumerId, requested };
}

/** What is not of the form that the operation should have stays as it is: HiveOT's JavaScript client sends such things. */
function decodeValue(operation: string, value: unknown): unknown {
    switch (operation) {
        case "readproperty":
            return dataOf(value);
        case "readallproperties":
        case "readmultipleproperties":
            return isThingValue(value) ? value : mapRecord(value, dataOf);
        case "queryaction":
            return readActionStatus(value) ?? value ?? undefined;
        case "queryallactions":
            return mapRecord(value, (entry) => readActionStatus(entry) ?? entry);
        case "readevent":
            return readEvent(value) ?? value ?? undefined;
        case "readallevents":
            return mapRecord(value, (entry) => readEvent(entry) ?? entry);
        case "writeproperty":
        case "writemultipleproperties":
        case "writeallproperties":
            return undefined; // HiveOT's JavaScript client answers with the value; that is no output
        default:
            return value ?? undefined;
    }
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

function readEvent(value: unknown): NotificationMessage | undefined {
    if (!isThingValue(value)) return undefined;
    const event = decode(value, (members) => ({
        kind: "notification" as const,
        affordance: "event" as const,
        thingId: members.string("thingID"),
        name: members.string("name"),
        value: members.get("data"),
        correlationId: "",
        messageId: newId(),
        senderId: "",
        timestamp: members.string("timestamp") || now(),
    }));
    return event.ok ? event.value : undefined;
}

/** `undefined` if it is no ActionStatus: one has a state. */
function readActionStatus(value: unknown): ResponseMessage | undefined {
    if (!isRecord(value)) return undefined;
    const state = own(value, "state");
    if (!isStatus(state)) return undefined;
    const status = decode(value, (members): ResponseMessage => ({
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
    return status.ok ? status.value : undefined;
}

function readNotification(members: Members): NotificationMessage {
    members.messageType("notification", "required");
    const operation = members.operation();
    const affordance = isOperation(operation) ? operationInfo(operation).affordance : undefined;
    if (affordance === undefined) members.fault ??= "Member operation is not one of notifications";
    const value = members.get("value");
    const status = affordance === "action" ? readActionStatus(value) : undefined;
    return {
        kind: "notification",
        affordance: affordance ?? "event",
        thingId: members.string("thingID"),
        name: members.string("name"),
        value: status ?? value,
        // Agents in Go send none with progress, but the action's id stands inside.
        correlationId: members.string("correlationID") || (status?.correlationId ?? ""),
        messageId: members.string("messageID") || newId(),
        senderId: members.string("senderID"),
        timestamp: members.string("timestamp") || now(),
    };
}

/** The converter of the dialect `rrn-2025`. */
export const rrn2025: MessageConverter = {
    name: "rrn-2025",
    conventions: { acceptedStatus: 200, loginMember: "login" },
    // `operation` is in the responses of both dialects, but only in the notifications of this one.
    recognizes: (json) =>
        isRecord(json) &&
        (json["messageType"] === "notification"
            ? Object.hasOwn(json, "operation") && !Object.hasOwn(json, "affordanceType")
            : Object.hasOwn(json, "value") && !Object.hasOwn(json, "status")),
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
    decodeRequest: (json) =>
        decode(json, (members) => {
            members.messageType("request", "required");
            return readRequest(members);
        }),
    decodeResponse: (json) => decode(json, readResponse),
    decodeNotification: (json) => decode(json, readNotification),
};
