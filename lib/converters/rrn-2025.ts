/**
 * The dialect `rrn-2025`: envelopes of HiveOT in its state of January 2026, and of its JavaScript client (protocol.md, "Envelopes,
 * January 2026"). Requests are those of `rrn`.
 */
import { isRecord } from "../json";
import { newId, now } from "../messages";
import type { NotificationMessage, ResponseMessage } from "../messages";
import type { AffordanceType } from "../operations";
import type { MessageConverter } from "./converter";
import { decode, orAbsent, readRequest, requestEnvelope, type Json, type Members } from "./envelope";
import { decodeValue, encodeProgress, encodeValue, errorOf, readActionStatus } from "./rrn-2025-values";

/** What the operations that a notification may name are about. */
const NOTIFIES: ReadonlyMap<string, AffordanceType> = new Map([
    ["subscribeevent", "event"],
    ["subscribeallevents", "event"],
    ["observeproperty", "property"],
    ["observemultipleproperties", "property"],
    ["observeallproperties", "property"],
    ["invokeaction", "action"],
    ["observeaction", "action"],
    ["observeallactions", "action"],
]);

/** The operation that a notification names; the one about several properties has no name. */
function operationOf({ affordance, name }: NotificationMessage): string {
    switch (affordance) {
        case "event":
            return "subscribeevent";
        case "property":
            return name === "" ? "observeallproperties" : "observeproperty";
        case "action":
            return "invokeaction";
    }
}

/** `name`, `senderID`, `error` and `value` are always there, null or empty (recorded so). */
function responseEnvelope(response: ResponseMessage): Json {
    return {
        messageType: "response",
        operation: response.operation,
        thingID: orAbsent(response.thingId),
        name: response.name,
        value: encodeValue(response),
        error: errorOf(response) ?? null,
        correlationID: orAbsent(response.correlationId),
        messageID: response.messageId,
        senderID: response.senderId,
        timestamp: response.timestamp,
    };
}

function notificationEnvelope(notification: NotificationMessage): Json {
    return {
        messageType: "notification",
        operation: operationOf(notification),
        thingID: orAbsent(notification.thingId),
        name: orAbsent(notification.name),
        value: notification.affordance === "action" ? encodeProgress(notification) : (notification.value ?? null),
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
    const response: ResponseMessage = {
        kind: "response",
        operation,
        thingId: members.string("thingID"),
        name: members.string("name"),
        status: error === undefined ? "completed" : "failed",
        output: undefined,
        error,
        correlationId: members.string("correlationID"),
        messageId: members.string("messageID") || newId(),
        senderId: members.string("senderID"),
        consumerId: "",
        timestamp: members.string("timestamp") || now(),
        requested: "",
    };
    const status = operation === "invokeaction" ? readActionStatus(value, members) : undefined;
    if (status === undefined) {
        return error === undefined ? { ...response, output: decodeValue(operation, value, members) } : response;
    }
    const { consumerId, requested, output } = status;
    const timestamp = members.string("timestamp") || status.timestamp;
    const origin = { ...response, consumerId, requested, timestamp };
    // The state inside counts for nothing where the response itself carries an error.
    return error === undefined ? { ...origin, status: status.status, error: status.error, output } : origin;
}

function readNotification(members: Members): NotificationMessage {
    members.messageType("notification", "required");
    const affordance = NOTIFIES.get(members.operation());
    if (affordance === undefined) members.fault ??= "Member operation is not one of notifications";
    const value = members.get("value");
    const status = affordance === "action" ? readActionStatus(value, members) : undefined;
    return {
        kind: "notification",
        affordance: affordance ?? "event",
        thingId: members.string("thingID"),
        name: members.string("name"),
        value: status ?? value ?? null,
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
    conventions: { acceptedStatus: 200, loginMember: "login", refusal: "close" },
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
