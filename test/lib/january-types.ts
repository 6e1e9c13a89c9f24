/**
 * The types into which HiveOT's client of January 2026, written in Go, decodes what comes on its stream (its packages msg and
 * transports, commit a660810, read and written down anew): what does not fit makes an operation fail there.
 */

type Json = Record<string, unknown>;
type Check = (value: unknown, where: string) => void;

function refuse(where: string, expected: string, value: unknown): never {
    throw new Error(`${where} is not ${expected}: ${JSON.stringify(value)}`);
}

const any: Check = () => undefined;

const text: Check = (value, where) => {
    if (value !== null && typeof value !== "string") refuse(where, "a string", value);
};

const integer: Check = (value, where) => {
    if (!Number.isSafeInteger(value)) refuse(where, "an int", value);
};

/** A struct: members that it does not know are ignored, absent ones are zero. */
function struct(members: Readonly<Record<string, Check>>): Check {
    return (value, where) => {
        if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(where, "an object", value);
        for (const [name, check] of Object.entries(members)) {
            if (Object.hasOwn(value, name)) check((value as Json)[name], `${where}.${name}`);
        }
    };
}

function nullable(check: Check): Check {
    return (value, where) => {
        if (value !== null) check(value, where);
    };
}

function mapOf(check: Check): Check {
    return (value, where) => {
        if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(where, "a map", value);
        for (const [name, entry] of Object.entries(value)) check(entry, `${where}[${JSON.stringify(name)}]`);
    };
}

/** Where a string is passed by value there is nothing to decode into: only null passes. */
const nothing: Check = (value, where) => {
    if (value !== null) refuse(where, "null", value);
};

const errorValue = struct({ status: integer, type: text, title: text, detail: text });

const actionStatus = struct({
    actionID: text,
    error: nullable(errorValue),
    input: any,
    name: text,
    output: any,
    senderID: text,
    state: text,
    thingID: text,
    timeRequested: text,
    timeUpdated: text,
});

const thingValue = struct({ affordanceType: text, data: any, name: text, thingID: text, timestamp: text });

const envelope = {
    correlationID: text,
    messageID: text,
    messageType: text,
    name: text,
    operation: text,
    senderID: text,
    thingID: text,
    timestamp: text,
};

/** What its `Consumer` decodes the value of each operation into. */
const VALUES: Readonly<Record<string, Check>> = {
    readproperty: thingValue,
    readallproperties: nullable(mapOf(thingValue)),
    readmultipleproperties: nullable(mapOf(thingValue)),
    readevent: nullable(thingValue),
    readallevents: nullable(mapOf(thingValue)),
    invokeaction: nullable(actionStatus),
    queryaction: nullable(actionStatus),
    queryallactions: nullable(mapOf(actionStatus)),
    writeproperty: nothing,
    writemultipleproperties: nothing,
    writeallproperties: nothing,
    observeproperty: nothing,
    unobserveproperty: nothing,
    observeallproperties: nothing,
    unobserveallproperties: nothing,
    subscribeevent: nothing,
    unsubscribeevent: nothing,
    subscribeallevents: nothing,
    unsubscribeallevents: nothing,
    cancelaction: nothing,
};

function own<T>(record: Readonly<Record<string, T>>, name: unknown): T | undefined {
    return typeof name === "string" && Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Throws, naming the member, if the Go client could not decode a response. */
export function checkJanuaryResponse(json: unknown): void {
    struct({ ...envelope, error: nullable(errorValue), value: any })(json, "response");
    const response = json as Json;
    for (const name of ["error", "value", "name", "senderID"]) {
        if (!Object.hasOwn(response, name)) refuse(`response.${name}`, "there", undefined);
    }
    if (response["messageType"] !== "response") refuse("response.messageType", "response", response["messageType"]);
    if (response["error"] !== null) return; // the value is not looked at then
    (own(VALUES, response["operation"]) ?? any)(response["value"], "response.value");
}

/** Operations that its notifications name. */
const NOTIFIED = ["subscribeevent", "observeproperty", "observeallproperties", "invokeaction"];

/** Throws, naming the member, if the Go client could not make sense of a notification. */
export function checkJanuaryNotification(json: unknown): void {
    struct({ ...envelope, value: any })(json, "notification");
    const notification = json as Json;
    if (notification["messageType"] !== "notification") refuse("messageType", "notification", notification);
    if (!NOTIFIED.includes(String(notification["operation"]))) refuse("operation", "one of its", notification);
    if (notification["operation"] === "invokeaction") actionStatus(notification["value"], "notification.value");
}
