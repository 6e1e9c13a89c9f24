/** What the envelopes of both of HiveOT's dialects have in common: reading members one by one, requests, errors. */
import { SseScError, type Problem } from "../errors";
import { createRecord, isRecord } from "../json";
import { newId, now, type RequestMessage } from "../messages";
import type { AffordanceType } from "../operations";
import type { Result } from "./converter";

/** A JSON object. */
export type Json = Record<string, unknown>;

const AFFORDANCES: ReadonlySet<string> = new Set<AffordanceType>(["event", "property", "action"]);

/** True for the values of `affordanceType`. */
export function isAffordance(value: unknown): value is AffordanceType {
    return typeof value === "string" && AFFORDANCES.has(value);
}

/** Members that are empty are left out, as the reference does; `undefined` is left out by JSON.stringify. */
export function orAbsent(text: string): string | undefined {
    return text === "" ? undefined : text;
}

/** Converts each entry of a record; anything else stays as it is. */
export function mapRecord(value: unknown, convert: (entry: unknown, name: string) => unknown): unknown {
    if (!isRecord(value)) return value;
    const mapped = createRecord<unknown>();
    for (const [name, entry] of Object.entries(value)) mapped[name] = convert(entry, name);
    return mapped;
}

/** Reads the members of one envelope; remembers the first one that has the wrong type. */
export class Members {
    /** What is wrong with the first member that is. */
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

    /** `messageType` must not say something else, and in some dialects must not be absent. */
    messageType(expected: string, presence: "required" | "optional"): void {
        const value = this.string("messageType");
        if (value === expected || (value === "" && presence === "optional")) return;
        this.fault ??= `Member messageType is not ${expected}`;
    }

    /** The operation of a request or response, which must be there. */
    operation(): string {
        const operation = this.string("operation");
        if (operation === "") this.fault ??= "Member operation is missing";
        return operation;
    }

    /** The problem in `error`; a status that is none counts as 500. */
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

/** Reads an envelope by what `read` takes out of it. */
export function decode<T>(json: unknown, read: (members: Members) => T): Result<T> {
    if (!isRecord(json)) return invalid("The envelope is not a JSON object");
    const members = new Members(json);
    const value = read(members);
    return members.fault === undefined ? { ok: true, value } : invalid(members.fault);
}

function invalid(title: string): { ok: false; error: SseScError } {
    return { ok: false, error: new SseScError("INVALID_ENVELOPE", undefined, { title }) };
}

/** The envelope of a request; both dialects have the same. */
export function requestEnvelope(request: RequestMessage): Json {
    return {
        messageType: "request",
        operation: request.operation,
        thingID: request.thingId,
        name: orAbsent(request.name),
        input: request.input,
        query: request.query,
        correlationID: orAbsent(request.correlationId),
        messageID: request.messageId,
        senderID: orAbsent(request.senderId),
        created: request.created,
    };
}

/** Reads a request; both dialects have the same. */
export function readRequest(members: Members): RequestMessage {
    const query = members.string("query");
    return {
        kind: "request",
        operation: members.operation(),
        thingId: members.string("thingID"),
        name: members.string("name"),
        input: members.get("input"),
        ...(query === "" ? {} : { query }),
        correlationId: members.string("correlationID"),
        messageId: members.string("messageID") || newId(),
        senderId: members.string("senderID"),
        created: members.string("created") || now(),
    };
}
