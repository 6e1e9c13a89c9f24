import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { rrn } from "../../lib/converters/rrn";
import type { Result } from "../../lib/converters/converter";
import { createProgress, createRequest, createResponse, type Message, type ResponseMessage } from "../../lib/messages";

function value<T>(result: Result<T>): T {
    if (!result.ok) throw result.error;
    return result.value;
}

function fault(result: Result<unknown>): string {
    if (result.ok) throw new Error("was read");
    expect(result.error.code).to.equal("INVALID_ENVELOPE");
    return result.error.title;
}

function decode(kind: Message["kind"], json: unknown): Result<Message> {
    switch (kind) {
        case "request":
            return rrn.decodeRequest(json);
        case "response":
            return rrn.decodeResponse(json);
        case "notification":
            return rrn.decodeNotification(json);
    }
}

/** Every envelope of the recordings, as text. */
function recordedEnvelopes(): { kind: Message["kind"]; text: string }[] {
    const file = join(__dirname, "../fixtures/hivekit-2026-08/consumer-operations.jsonl");
    const found: { kind: Message["kind"]; text: string }[] = [];
    for (const line of readFileSync(file, "utf8").trim().split("\n")) {
        const record = JSON.parse(line) as { body?: string; sse?: { event: string; data: unknown } };
        if (record.body !== undefined) found.push({ kind: "request", text: record.body });
        const event = record.sse?.event;
        if (event === "response" || event === "notification") {
            found.push({ kind: event, text: JSON.stringify(record.sse?.data) });
        }
    }
    return found;
}

describe("rrn", () => {
    describe("decode", () => {
        it("reads every envelope of the recordings, and encoding it says the same again", () => {
            const envelopes = recordedEnvelopes();
            expect(envelopes.length).to.be.greaterThan(50);
            for (const { kind, text } of envelopes) {
                const recorded = JSON.parse(text) as Record<string, unknown>;
                const again = JSON.parse(rrn.encode(value(decode(kind, recorded)))) as Record<string, unknown>;
                for (const [member, expected] of Object.entries(recorded)) {
                    // What is inside an action's notification gains the message type that the reference leaves empty.
                    if (member === "value" && recorded["affordanceType"] === "action") continue;
                    if (expected === "" && again[member] === undefined) continue;
                    expect(again[member], `${kind} ${member}`).to.deep.equal(expected);
                }
            }
        });

        it("fills in a missing messageID and time", () => {
            const request = value(rrn.decodeRequest({ operation: "ping" }));
            expect(request.messageId).to.have.length.greaterThan(8);
            expect(Date.parse(request.created)).to.be.closeTo(Date.now(), 5_000);
        });

        it("takes null for an absent name, id and error", () => {
            const json = { operation: "ping", name: null, correlationID: null, error: null };
            expect(value(rrn.decodeRequest(json)).name).to.equal("");
            expect(value(rrn.decodeResponse(json)).status).to.equal("completed");
        });

        it("names the member that has the wrong type", () => {
            expect(fault(rrn.decodeRequest({ operation: "ping", correlationID: 5 }))).to.contain("correlationID");
            expect(fault(rrn.decodeRequest({ operation: "ping", thingID: {} }))).to.contain("thingID");
            expect(fault(rrn.decodeRequest({ operation: 1 }))).to.contain("operation");
            expect(fault(rrn.decodeRequest({}))).to.contain("operation");
            expect(fault(rrn.decodeRequest({ operation: "ping", messageType: "response" }))).to.contain("messageType");
            expect(fault(rrn.decodeResponse({ operation: "ping", status: "odd" }))).to.contain("status");
            expect(fault(rrn.decodeResponse({ operation: "ping", error: "x" }))).to.contain("error");
            expect(fault(rrn.decodeNotification({ thingID: "x" }))).to.contain("affordanceType");
        });

        it("refuses what is no object", () => {
            for (const json of [null, [], "x", 1, undefined]) fault(rrn.decodeRequest(json));
        });

        it("copies named members only", () => {
            const json = JSON.parse(
                '{"operation":"ping","__proto__":{"polluted":1},"constructor":1,"foo":2}'
            ) as unknown;
            const request = value(rrn.decodeRequest(json));
            expect(request).to.not.have.any.keys("foo", "constructor", "polluted");
            expect(({} as Record<string, unknown>)["polluted"]).to.equal(undefined);
        });

        it("reads the status of an action inside a notification, which has no operation", () => {
            const progress = value(
                rrn.decodeNotification({
                    affordanceType: "action",
                    thingID: "urn:counter",
                    name: "slow",
                    value: { messageType: "", operation: "", output: 50, status: "running", correlationID: "c" },
                })
            );
            expect(progress.value).to.include({ kind: "response", output: 50, status: "running", correlationId: "c" });
        });

        it("leaves a bare progress value as it is", () => {
            const progress = value(rrn.decodeNotification({ affordanceType: "action", value: { percent: 50 } }));
            expect(progress.value).to.deep.equal({ percent: 50 });
        });

        it("is total: any JSON is read or refused", () => {
            fc.assert(
                fc.property(
                    fc.json({ maxDepth: 5 }),
                    fc.constantFrom("request", "response", "notification"),
                    (text, kind) => {
                        const result = decode(kind, JSON.parse(text));
                        expect(result.ok || result.error.code === "INVALID_ENVELOPE").to.equal(true);
                    }
                ),
                { numRuns: 500 }
            );
        });
    });

    describe("encode", () => {
        it("round-trips requests with any ids, names and input", () => {
            fc.assert(
                fc.property(
                    fc.string(),
                    fc.string(),
                    fc.string(),
                    fc.jsonValue(),
                    (thingId, name, correlationId, input) => {
                        const request = createRequest({
                            operation: "invokeaction",
                            thingId,
                            name,
                            correlationId,
                            input,
                        });
                        const read = value(rrn.decodeRequest(JSON.parse(rrn.encode(request))));
                        expect(read).to.deep.equal({ ...request, input: JSON.parse(JSON.stringify(input)) as unknown });
                    }
                ),
                { numRuns: 300 }
            );
        });

        it("stays on one line whatever the values hold", () => {
            const request = createRequest({ operation: "invokeaction", name: "a\nb\rc\u2028d", input: "e\r\nf" });
            expect(rrn.encode(request)).to.not.match(/[\r\n]/);
        });

        it("puts envelopes into the outputs of queryallactions and readallevents, odd names included", () => {
            const invocation = createRequest({ operation: "invokeaction", thingId: "t", name: "__proto__" });
            const statuses = Object.create(null) as Record<string, ResponseMessage>;
            statuses["__proto__"] = createResponse(invocation, { output: 1 });
            const query = createRequest({ operation: "queryallactions", thingId: "t" });
            const text = rrn.encode(createResponse(query, { output: statuses }));
            expect(text).to.contain('"output":{"__proto__":{"messageType":"response"');
            const read = value(rrn.decodeResponse(JSON.parse(text)));
            expect(Object.keys(read.output as object)).to.deep.equal(["__proto__"]);
        });

        it("makes progress a running response with the correlation id outside and inside", () => {
            const invocation = createRequest({
                operation: "invokeaction",
                thingId: "t",
                name: "slow",
                correlationId: "c",
            });
            const json = JSON.parse(rrn.encode(createProgress(invocation, 50))) as Record<string, unknown>;
            expect(json).to.include({ affordanceType: "action", name: "slow", correlationID: "c" });
            expect(json["value"]).to.include({ status: "running", output: 50, correlationID: "c" });
        });
    });
});
