/** The dialect `rrn`: envelopes of HiveOT in its state of August 2026 (protocol.md, "Envelopes, August 2026"). */
import { isRecord } from "../json";
import { newId, now } from "../messages";
import type { NotificationMessage, ResponseMessage } from "../messages";
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

function readResponse(members: Members): ResponseMessage {
    members.messageType("response", "optional");
    return readInnerResponse(members, members.operation());
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
        requested: "",
    };
}

function readNotification(members: Members): NotificationMessage {
    members.messageType("notification", "optional");
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
    recognizes: (json) => isRecord(json) && (Object.hasOwn(json, "affordanceType") || Object.hasOwn(json, "status")),
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
            members.messageType("request", "optional");
            return readRequest(members);
        }),
    decodeResponse: (json) => decode(json, readResponse),
    decodeNotification: (json) => decode(json, readNotification),
};
