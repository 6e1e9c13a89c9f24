/** The dialect `lists`: the worked example of lib/PROTOCOL.md, "A dialect of your own", as it stands there. */
import {
    isMessage,
    newId,
    now,
    SseScError,
    type Message,
    type MessageConverter,
    type Problem,
    type Result,
} from "node-wot-binding-hiveot/protocol";

const STATUSES = ["pending", "running", "completed", "failed"] as const;
const AFFORDANCES = ["property", "action", "event"] as const;

/** Encoding: each message is a list that begins with its kind; the messages inside outputs and values are lists too. */
function toList(message: Message): unknown[] {
    const { thingId, name, correlationId } = message;
    switch (message.kind) {
        case "request": {
            const input = message.input === undefined ? [] : [message.input];
            return ["req", message.operation, thingId, name, correlationId, ...input];
        }
        case "response": {
            const { operation, status, output, error } = message;
            const outcome = error === undefined ? pack(output) : [error.status, error.type, error.title];
            return ["res", operation, thingId, name, correlationId, status, outcome ?? null, error !== undefined];
        }
        case "notification":
            return ["note", message.affordance, thingId, name, correlationId, pack(message.value) ?? null];
    }
}

function pack(value: unknown): unknown {
    if (isMessage(value, "response") || isMessage(value, "notification")) return toList(value);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, pack(entry)]));
}

/** Decoding: reads the items one by one, and remembers the first that is wrong. */
class Items {
    fault: string | undefined;

    constructor(readonly list: readonly unknown[]) {}

    text(index: number): string {
        const item = this.list[index];
        if (typeof item === "string") return item;
        this.fault ??= `Item ${String(index)} is not a string`;
        return "";
    }

    word<T extends string>(index: number, words: readonly T[]): T | undefined {
        const word = words.find((each) => each === this.list[index]);
        if (word === undefined) this.fault ??= `Item ${String(index)} is none of ${words.join(", ")}`;
        return word;
    }

    problem(index: number): Problem {
        const item = this.list[index];
        const [status, type, title] = Array.isArray(item) ? (item as readonly unknown[]) : [];
        if (Number.isInteger(status) && typeof type === "string" && typeof title === "string") {
            return { status: Number(status), type, title };
        }
        this.fault ??= `Item ${String(index)} is not an error`;
        return { status: 500, type: "", title: "" };
    }
}

function read<T>(json: unknown, tag: string, build: (items: Items) => T): Result<T> {
    const items = new Items(Array.isArray(json) ? json : []);
    const value = items.list[0] === tag ? build(items) : undefined;
    if (value !== undefined && items.fault === undefined) return { ok: true, value };
    const title = items.fault ?? `It is no list that begins with ${tag}`;
    return { ok: false, error: new SseScError("INVALID_ENVELOPE", undefined, { title }) };
}

/** Where messages stand inside others is the same in all dialects: it is said by the neutral model. */
function unpack(operation: string, value: unknown): unknown {
    if (operation === "queryallactions" || operation === "readallevents") {
        const one = operation === "queryallactions" ? "queryaction" : "readevent";
        if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
        return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, unpack(one, entry)]));
    }
    const inner =
        operation === "queryaction"
            ? lists.decodeResponse(value)
            : operation === "readevent"
              ? lists.decodeNotification(value)
              : undefined;
    return inner?.ok === true ? inner.value : (value ?? undefined);
}

const rest = () => ({ messageId: newId(), senderId: "" });

export const lists: MessageConverter = {
    name: "lists",
    recognizes: (json) => Array.isArray(json) && ["req", "res", "note"].includes(String(json[0])),
    encode: (message) => JSON.stringify(toList(message)),
    decodeRequest: (json) =>
        read(json, "req", (items) => ({
            ...{ kind: "request" as const, operation: items.text(1), thingId: items.text(2), name: items.text(3) },
            ...{ correlationId: items.text(4), input: items.list[5], created: now(), ...rest() },
        })),
    decodeResponse: (json) =>
        read(json, "res", (items) => {
            const operation = items.text(1);
            const failed = items.list[7] === true;
            return {
                ...{ kind: "response" as const, operation, thingId: items.text(2), name: items.text(3) },
                ...{ correlationId: items.text(4), status: items.word(5, STATUSES) ?? "failed" },
                output: failed ? undefined : unpack(operation, items.list[6]),
                error: failed ? items.problem(6) : undefined,
                ...{ consumerId: "", timestamp: now(), requested: "", ...rest() },
            };
        }),
    decodeNotification: (json) =>
        read(json, "note", (items) => {
            const affordance = items.word(1, AFFORDANCES) ?? "event";
            return {
                ...{ kind: "notification" as const, affordance, thingId: items.text(2), name: items.text(3) },
                ...{ correlationId: items.text(4), value: items.list[5], timestamp: now(), ...rest() },
                ...(affordance === "action" ? { value: unpack("queryaction", items.list[5]) } : {}),
            };
        }),
};
