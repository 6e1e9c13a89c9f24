/** Arbitrary messages of the neutral model, and arbitrary JSON that is nearly an envelope: for the property tests of converters. */
import fc from "fast-check";
import type { MessageConverter, Result } from "../../lib/converters/converter";
import type { Message, NotificationMessage, RequestMessage, ResponseMessage } from "../../lib/messages";
import { OPERATIONS, operationInfo, isOperation } from "../../lib/operations";

/** Decodes what should be a message of that kind. */
export function decode(converter: MessageConverter, kind: Message["kind"], json: unknown): Result<Message> {
    switch (kind) {
        case "request":
            return converter.decodeRequest(json);
        case "response":
            return converter.decodeResponse(json);
        case "notification":
            return converter.decodeNotification(json);
    }
}

/** Kinds of messages. */
export const KINDS = ["request", "response", "notification"] as const;

/** Texts with everything that could break a line, a name or a prototype. */
const text = fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: "grapheme" }) },
    fc.constantFrom("", "__proto__", "constructor", "toString", "a\nb\r\n\u2028\u2029\u0000", "data: x\n\nevent: y")
);
const id = fc.string({ minLength: 1 });
const time = fc.constantFrom("2026-11-20T23:32:40.93Z", "2026-11-20T23:32:40Z", "2020-01-01T00:00:00.000Z");
const status = fc.constantFrom("pending", "running", "completed", "failed");

/** JSON values as JSON.parse makes them: no `-0`, no `undefined`. */
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

/** Records as messages hold them, names such as `__proto__` included. */
function recordOf<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> {
    return fc.dictionary(text, arbitrary, { maxKeys: 4 }).map((entries) => {
        const record = Object.create(null) as Record<string, T>;
        for (const [name, value] of Object.entries(entries)) record[name] = value;
        return record;
    });
}

const problem = fc
    .record({ status: fc.integer({ min: 400, max: 599 }), type: text, title: text, detail: id })
    .chain((whole) => fc.constantFrom(whole, { status: whole.status, type: whole.type, title: whole.title }));

/** Any request. */
export const requests: fc.Arbitrary<RequestMessage> = fc.record(
    {
        kind: fc.constant("request" as const),
        operation: fc.oneof(fc.constantFrom(...OPERATIONS), id),
        thingId: text,
        name: text,
        input: fc.oneof(json, fc.constant(undefined)),
        query: id,
        correlationId: text,
        messageId: id,
        senderId: text,
        created: time,
    },
    {
        requiredKeys: [
            "kind",
            "operation",
            "thingId",
            "name",
            "input",
            "correlationId",
            "messageId",
            "senderId",
            "created",
        ],
    }
);

function responses(
    operation: fc.Arbitrary<string>,
    output: (operation: string) => fc.Arbitrary<unknown>,
    consistent: boolean
): fc.Arbitrary<ResponseMessage> {
    const outcome = (named: string): fc.Arbitrary<Pick<ResponseMessage, "status" | "output" | "error">> => {
        const failed = { status: fc.constant("failed" as const), output: fc.constant(undefined), error: problem };
        const fine = named === "invokeaction" ? fc.constantFrom("pending", "running", "completed") : completed;
        const succeeded = { status: fine, output: output(named), error: fc.constant(undefined) };
        const anything = {
            status,
            output: fc.oneof(output(named), json),
            error: fc.option(problem, { nil: undefined }),
        };
        if (!consistent) return fc.record(anything);
        return fc.oneof(fc.record(failed), fc.record(succeeded));
    };
    return operation.chain((named) =>
        fc
            .record({
                kind: fc.constant("response" as const),
                operation: fc.constant(named),
                thingId: text,
                name: text,
                correlationId: text,
                messageId: id,
                senderId: text,
                consumerId: text,
                timestamp: time,
                requested: fc.oneof(time, fc.constant("")),
            })
            .chain((rest) => outcome(named).map((settled) => ({ ...rest, ...settled })))
    );
}

const completed = fc.constant("completed" as const);

const invocation = fc.constant("invokeaction");
/** Outcomes of invocations, as they stand inside other messages. */
const statuses = responses(invocation, () => json, true);

const events: fc.Arbitrary<NotificationMessage> = fc.record({
    kind: fc.constant("notification" as const),
    affordance: fc.constant("event" as const),
    thingId: text,
    name: text,
    value: json,
    correlationId: text,
    messageId: id,
    senderId: text,
    timestamp: time,
});

/** An output such as the neutral model has it for an operation. */
function outputOf(operation: string): fc.Arbitrary<unknown> {
    switch (operation) {
        case "readallproperties":
        case "readmultipleproperties":
            return recordOf(json);
        case "queryaction":
            return statuses;
        case "queryallactions":
            return recordOf(statuses);
        case "readevent":
            return events;
        case "readallevents":
            return recordOf(events);
        default:
            return hasOutput(operation) ? json : fc.constant(undefined);
    }
}

function hasOutput(operation: string): boolean {
    if (!isOperation(operation) || operation === "cancelaction") return !isOperation(operation);
    return operationInfo(operation).subscription === undefined && !operation.startsWith("write");
}

const operations = fc.oneof({ weight: 9, arbitrary: fc.constantFrom<string>(...OPERATIONS) }, id);

/** Responses whose status, error and output fit each other and the operation. */
export const soundResponses = responses(operations, outputOf, true);

/** Responses that type-check, whatever nonsense they say. */
export const anyResponses = responses(operations, outputOf, false);

/** Any notification; progress with a status inside. */
export const notifications: fc.Arbitrary<NotificationMessage> = fc.oneof(
    events,
    events.map((event) => ({ ...event, affordance: "property" as const })),
    fc.tuple(events, statuses).map(([event, value]) => ({ ...event, affordance: "action" as const, value }))
);

/** Names that mean something in some envelope, and the worst of others. */
const MEMBERS = [
    ...["messageType", "operation", "affordanceType", "thingID", "name", "correlationID", "messageID", "senderID"],
    ...["consumerID", "created", "timestamp", "input", "output", "value", "status", "error", "data", "detail", "title"],
    ...["type", "state", "actionID", "timeRequested", "timeUpdated", "kind", "__proto__", "constructor", "toString"],
];
const WORDS = ["request", "response", "notification", "event", "property", "action", "failed", "running", "odd"];

/** JSON made of what envelopes are made of: most of it is wrong in one place only. */
export const nearlyEnvelopes: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
        { maxDepth: 4 },
        { weight: 3, arbitrary: fc.constantFrom<unknown>(...WORDS, ...OPERATIONS) },
        fc.constantFrom<unknown>(null, 5, 404, true, "", [], {}),
        { weight: 4, arbitrary: tie("object") }
    ),
    object: fc
        .array(fc.tuple(fc.constantFrom(...MEMBERS), tie("value")), { maxLength: 8 })
        // By way of text, because only so `__proto__` is a member like others.
        .map((entries) => {
            const members = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
            return JSON.parse(`{${members.join(",")}}`) as unknown;
        }),
})).object;
