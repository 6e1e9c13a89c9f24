/**
 * The dialect of January 2026, read from outside: an envelope of it, as the same one would be in August, so that one scenario fits
 * both. Whatever HiveOT's Go client of January could not decode is refused, and so is any member that it does not send itself.
 *
 * Shares no code with the product. What the forms are: protocol.md, "Envelopes, January 2026", and the recordings.
 */
import type { Block, Envelope } from "./event-stream";

/** Makes August's envelope of a block; `undefined` if the block carries none. Throws if a January client would stumble over it. */
export function readJanuary({ raw, event, data, comment, json }: Block): Envelope | undefined {
    if (event === undefined && data === undefined && comment !== undefined && !/^(id|retry):/m.test(raw))
        return undefined;
    if (event === undefined || data === undefined) throw new Error("becomes a bogus notification in its client");
    if (event === "sse-ping") return undefined;
    if (json === undefined) throw new Error("carries no envelope");
    if (event === "response") return readResponse(json);
    if (event === "notification") return readNotification(json);
    if (event === "request") return json;
    throw new Error("has an event name that becomes a bogus notification");
}

const AFFORDANCES: Readonly<Record<string, string>> = {
    subscribeevent: "event",
    observeproperty: "property",
    invokeaction: "action",
};

function readNotification(json: Envelope): Envelope {
    expectMembers(
        json,
        ["messageType", "operation", "messageID", "senderID", "value"],
        ["correlationID", "name", "thingID", "timestamp"]
    );
    expectTexts(
        json,
        Object.keys(json).filter((name) => name !== "value")
    );
    const { operation, value, ...rest } = json;
    const affordanceType = AFFORDANCES[String(operation)];
    if (affordanceType === undefined) throw new Error("is about no affordance");
    return { ...rest, affordanceType, value: affordanceType === "action" ? readStatus(value) : value };
}

function readResponse(json: Envelope): Envelope {
    const always = ["messageType", "operation", "messageID", "name", "senderID", "error", "value"];
    expectMembers(json, always, ["correlationID", "thingID", "timestamp"]);
    expectTexts(
        json,
        Object.keys(json).filter((name) => name !== "value" && name !== "error")
    );
    const { value, error, name, ...rest } = json;
    const named = name === "" ? {} : { name };
    if (error !== null) expectError(error);
    const failed = { ...rest, ...named, status: "failed", error };
    if (json["operation"] === "invokeaction" && value !== null) {
        const { status, consumerID, output, error: inner } = readStatus(value);
        if (error === null && inner !== undefined) throw new Error("hides its error inside, where it is ignored");
        if (error !== null) return { ...failed, consumerID };
        return { ...rest, ...named, consumerID, status, ...(output === undefined ? {} : { output }) };
    }
    if (error !== null) {
        if (value !== null) throw new Error("has a value beside its error");
        return failed;
    }
    const output = readValue(String(json["operation"]), value);
    return { ...rest, ...named, status: "completed", ...(output === undefined ? {} : { output }) };
}

/** What the Go client decodes for each operation. */
function readValue(operation: string, value: unknown): unknown {
    switch (operation) {
        case "readproperty":
            return readThingValue(value, "property")["data"];
        case "readallproperties":
        case "readmultipleproperties":
            return mapped(value, (entry) => readThingValue(entry, "property")["data"]);
        case "readevent":
            return value === null ? undefined : readEvent(value);
        case "readallevents":
            return mapped(value, readEvent);
        case "queryaction":
            return readStatus(value);
        case "queryallactions":
            return mapped(value, readStatus);
        case "ping":
            return value;
        default:
            if (value !== null) throw new Error("has a value where its client expects null");
            return undefined;
    }
}

function readEvent(value: unknown): Envelope {
    const { data, ...rest } = readThingValue(value, "event");
    return { ...rest, value: data };
}

function readThingValue(value: unknown, affordanceType: string): Envelope {
    const read = asObject(value, "ThingValue");
    expectMembers(read, ["affordanceType", "name", "thingID", "timestamp"], ["data"]);
    expectTexts(read, ["affordanceType", "name", "thingID", "timestamp"]);
    if (read["affordanceType"] !== affordanceType) throw new Error(`has a ThingValue that is no ${affordanceType}`);
    return read;
}

/** An ActionStatus as August's response envelope. */
function readStatus(value: unknown): Envelope {
    const read = asObject(value, "ActionStatus");
    const texts = ["actionID", "name", "senderID", "thingID", "timeRequested"];
    expectMembers(read, ["state", "timeUpdated"], [...texts, "error", "input", "output"]);
    expectTexts(
        read,
        [...texts, "state", "timeUpdated"].filter((name) => name in read)
    );
    if (Object.values(read).includes("")) throw new Error("has an empty member in its ActionStatus");
    const { actionID, state, senderID, timeUpdated, timeRequested: _requested, input: _input, ...rest } = read;
    if (!["pending", "running", "completed", "failed"].includes(String(state))) throw new Error("has no known state");
    if ("error" in read) expectError(read["error"]);
    return {
        messageType: "response",
        operation: "invokeaction",
        ...rest,
        status: state,
        correlationID: actionID,
        consumerID: senderID,
        timestamp: timeUpdated,
    };
}

function mapped(value: unknown, read: (entry: unknown) => unknown): Envelope {
    return Object.fromEntries(Object.entries(asObject(value, "map")).map(([name, entry]) => [name, read(entry)]));
}

function asObject(value: unknown, what: string): Envelope {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Envelope;
    throw new Error(`has no ${what} where its client expects one`);
}

function expectMembers(json: Envelope, always: readonly string[], perhaps: readonly string[]): void {
    for (const name of always) if (!(name in json)) throw new Error(`lacks ${name}`);
    const foreign = Object.keys(json).filter((name) => !always.includes(name) && !perhaps.includes(name));
    if (foreign.length > 0) throw new Error(`has the foreign members ${foreign.join(", ")}`);
}

function expectTexts(json: Envelope, names: readonly string[]): void {
    for (const name of names) if (typeof json[name] !== "string") throw new Error(`has a ${name} that is no string`);
}

function expectError(error: unknown): void {
    const { status, type, title } = asObject(error, "error");
    if (!Number.isInteger(status) || typeof type !== "string" || typeof title !== "string") {
        throw new Error("has an error that its client cannot decode");
    }
    if (status === 0 && title === "") throw new Error("has an error that counts as none");
}
