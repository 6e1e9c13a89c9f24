/** What holds for both of HiveOT's dialects: they lose nothing, refuse what they cannot read, and let nothing else in. */
import { expect } from "chai";
import fc from "fast-check";
import type { MessageConverter } from "../../lib/converters/converter";
import { rrn } from "../../lib/converters/rrn";
import { rrn2025 } from "../../lib/converters/rrn-2025";
import { createNotification, type Message, type NotificationMessage, type ResponseMessage } from "../../lib/messages";
import { anyResponses, decode, KINDS, nearlyEnvelopes, notifications, requests, soundResponses } from "./arbitraries";
import { checkJanuaryNotification, checkJanuaryResponse } from "./january-types";

function roundTrip(converter: MessageConverter, message: Message): Message {
    const result = decode(converter, message.kind, JSON.parse(converter.encode(message)));
    if (!result.ok) throw result.error;
    return result.value;
}

/** What a dialect has no place for; a message is compared without it. */
interface Loss {
    readonly of: (message: Message) => Message;
}

const NOT_SENT = { messageId: "not sent", senderId: "not sent" };

const LOSSES: Readonly<Record<string, Loss>> = {
    // The time of the request is not in its envelopes.
    rrn: {
        of: (message) => {
            if (message.kind === "response")
                return { ...message, requested: "", output: inside(message.output, rrnOnly) };
            if (message.kind !== "notification") return message;
            return { ...message, value: inside(message.value, rrnOnly) };
        },
    },
    // Who asked, and when, stands in an ActionStatus only; an output that is nothing, and one that is null, are the same.
    "rrn-2025": {
        of: (message) => {
            if (message.kind === "response") {
                const output = inside(message.output, januaryOnly);
                const keeps = message.operation === "invokeaction";
                const origin = keeps ? {} : { consumerId: "", requested: "" };
                const nothing = message.operation === "readproperty" ? null : undefined;
                return { ...message, ...origin, output: message.status === "failed" ? undefined : (output ?? nothing) };
            }
            if (message.kind !== "notification") return message;
            if (message.affordance !== "action") return message;
            const value = inside(message.value, januaryOnly) as ResponseMessage;
            return { ...message, value, correlationId: message.correlationId || value.correlationId };
        },
    },
};

/** Applies `change` to messages inside, alone or in a record. */
function inside(value: unknown, change: (message: Message) => unknown): unknown {
    if (isMessage(value)) return change(value);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const entries = Object.entries(value);
    if (!entries.some(([, entry]) => isMessage(entry))) return value;
    const changed = Object.create(null) as Record<string, unknown>;
    for (const [name, entry] of entries) changed[name] = isMessage(entry) ? change(entry) : entry;
    return changed;
}

function isMessage(value: unknown): value is Message {
    return typeof value === "object" && value !== null && "kind" in value && "messageId" in value;
}

function rrnOnly(message: Message): unknown {
    return message.kind === "response" ? { ...message, requested: "" } : message;
}

/** ActionStatus and ThingValue have no message id and say nothing of senders. */
function januaryOnly(message: Message): unknown {
    if (message.kind === "response") return { ...message, ...NOT_SENT, output: message.output ?? undefined };
    return { ...message, ...NOT_SENT, correlationId: "" };
}

function withoutMadeUp(message: Message): Message {
    const forget = (inner: Message): unknown => ({ ...inner, ...NOT_SENT });
    if (message.kind === "response") return { ...message, output: inside(message.output, forget) };
    if (message.kind === "notification") return { ...message, value: inside(message.value, forget) };
    return message;
}

for (const converter of [rrn, rrn2025]) {
    const loss = LOSSES[converter.name];
    const expected = (message: Message): Message => {
        const kept = loss?.of(message) ?? message;
        return converter.name === "rrn-2025" ? withoutMadeUp(kept) : kept;
    };
    const read = (message: Message): Message => {
        const again = roundTrip(converter, message);
        return converter.name === "rrn-2025" ? withoutMadeUp(again) : again;
    };

    describe(`${converter.name} with any input`, () => {
        it("round-trips requests", () => {
            fc.assert(
                fc.property(requests, (message) => {
                    expect(roundTrip(converter, message)).to.deep.equal(message);
                }),
                { numRuns: 300 }
            );
        });

        it("round-trips responses of every operation", () => {
            fc.assert(
                fc.property(soundResponses, (message) => {
                    expect(read(message)).to.deep.equal(expected(message));
                }),
                { numRuns: 800 }
            );
        });

        it("round-trips notifications, progress included", () => {
            fc.assert(
                fc.property(notifications, (message) => {
                    expect(read(message)).to.deep.equal(expected(message));
                }),
                { numRuns: 300 }
            );
        });

        it("is total: any JSON is read or refused with INVALID_ENVELOPE", () => {
            const input = fc.oneof(
                { weight: 3, arbitrary: nearlyEnvelopes },
                fc.json({ maxDepth: 5 }).map((text) => JSON.parse(text) as unknown)
            );
            fc.assert(
                fc.property(input, fc.constantFrom(...KINDS), (json, kind) => {
                    const result = decode(converter, kind, json);
                    expect(result.ok || result.error.code === "INVALID_ENVELOPE").to.equal(true);
                    expect(converter.recognizes?.(json)).to.be.a("boolean");
                }),
                { numRuns: 3000 }
            );
        });

        it("encodes again whatever it has read, even from a peer that imitates our own model", () => {
            fc.assert(
                fc.property(nearlyEnvelopes, fc.constantFrom(...KINDS), (json, kind) => {
                    const result = decode(converter, kind, json);
                    if (!result.ok) return;
                    for (const other of [rrn, rrn2025]) expect(other.encode(result.value)).to.match(/^\{.*\}$/u);
                }),
                { numRuns: 1000 }
            );
        });

        it("copies nothing that the model does not name, at any level", () => {
            const noData: fc.Arbitrary<Message> = fc.oneof(
                requests.map((request) => ({ ...request, input: undefined })),
                soundResponses.filter(({ operation }) => /^(query|readevent|readallevents)/.test(operation)),
                soundResponses.map((response) => ({ ...response, output: undefined })),
                notifications
            );
            const clean = (message: Message): Message => withoutData(message);
            fc.assert(
                fc.property(noData, (message) => {
                    const text = withExtras(JSON.parse(converter.encode(clean(message))));
                    const result = decode(converter, message.kind, JSON.parse(text));
                    if (!result.ok) throw result.error;
                    expectNamed(result.value);
                }),
                { numRuns: 500 }
            );
            expect(({} as Record<string, unknown>)["polluted"]).to.equal(undefined);
        });

        it("stays on one line whatever the values hold", () => {
            fc.assert(
                fc.property(fc.oneof(requests, anyResponses, notifications), (message) => {
                    expect(converter.encode(message)).to.not.match(/[\r\n]/);
                }),
                { numRuns: 500 }
            );
        });
    });
}

const EXTRAS = ["__proto__", "constructor", "extra", "polluted", "kind"].map(
    (name) => `${JSON.stringify(name)}:{"polluted":1}`
);

/** The JSON text of a value, with more members in each object at every level. */
function withExtras(value: unknown): string {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return JSON.stringify(value);
    const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${withExtras(member)}`);
    return `{${[...members, ...EXTRAS].join(",")}}`;
}

/** Takes out of a message what belongs to applications: in it anything may stand. */
function withoutData(message: Message): Message {
    const strip = (inner: Message): unknown => withoutData(inner);
    switch (message.kind) {
        case "request":
            return { ...message, input: undefined };
        case "response": {
            const output = inside(message.output, strip);
            return {
                ...message,
                output: /^(query|readevent|readallevents)/.test(message.operation) ? output : undefined,
            };
        }
        case "notification":
            return { ...message, value: message.affordance === "action" ? inside(message.value, strip) : 5 };
    }
}

const NAMED: Readonly<Record<Message["kind"], readonly string[]>> = {
    request: "kind operation thingId name input query correlationId messageId senderId created".split(" "),
    response: (
        "kind operation thingId name status output error correlationId messageId senderId consumerId timestamp " +
        "requested"
    ).split(" "),
    notification: "kind affordance thingId name value correlationId messageId senderId timestamp".split(" "),
};

/** Checks that a message and those inside it have the members of the model, no others, and ordinary prototypes. */
function expectNamed(message: Message): void {
    expect(Object.getPrototypeOf(message)).to.equal(Object.prototype);
    expect(Object.keys(message).filter((name) => !NAMED[message.kind].includes(name))).to.deep.equal([]);
    if (message.kind === "response" && message.error !== undefined) {
        expect(Object.keys(message.error)).to.satisfy((names: string[]) =>
            names.every((name) => ["status", "type", "title", "detail"].includes(name))
        );
    }
    const inner =
        message.kind === "response" ? message.output : message.kind === "notification" ? message.value : undefined;
    inside(inner, (each) => {
        expectNamed(each);
        return each;
    });
}

describe("rrn-2025 for clients in Go", () => {
    it("gives them no response that they cannot decode, whatever the response is", () => {
        fc.assert(
            fc.property(anyResponses, (response) => {
                checkJanuaryResponse(JSON.parse(rrn2025.encode(response)));
            }),
            { numRuns: 2000 }
        );
    });

    it("tells them of every failure in the response's own error", () => {
        fc.assert(
            fc.property(anyResponses, (response: ResponseMessage) => {
                const json = JSON.parse(rrn2025.encode(response)) as Record<string, unknown>;
                if (response.status === "failed" || response.error !== undefined)
                    expect(json["error"]).to.be.an("object");
            }),
            { numRuns: 500 }
        );
    });

    it("gives them no notification that they cannot decode, bare progress of other dialects included", () => {
        const bare: NotificationMessage[] = [5, null, undefined, { percent: 5 }, { state: 7 }, "x"].map((value) =>
            createNotification({ affordance: "action", thingId: "t", name: "a", value })
        );
        for (const message of bare) checkJanuaryNotification(JSON.parse(rrn2025.encode(message)));
        fc.assert(
            fc.property(notifications, (message) => {
                checkJanuaryNotification(JSON.parse(rrn2025.encode(message)));
            }),
            { numRuns: 500 }
        );
    });

    it("checks by types that refuse what breaks them", () => {
        const response = { messageType: "response", operation: "readproperty", name: "p", senderID: "", error: null };
        const bad: readonly unknown[] = [
            { ...response, value: 5 },
            { ...response, value: { name: 5 } },
            { ...response, operation: "writeproperty", value: "x" },
            { ...response, operation: "queryallactions", value: { a: { state: 1 } } },
            { ...response, error: { status: "400" }, value: null },
            { ...response, thingID: 1, value: {} },
            { messageType: "response", operation: "ping", value: "pong" },
        ];
        for (const each of bad)
            expect(() => {
                checkJanuaryResponse(each);
            }).to.throw();
        checkJanuaryResponse({ ...response, value: { data: 5, name: "p" } });
    });
});
