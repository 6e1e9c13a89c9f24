import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Result } from "../../lib/converters/converter";
import { rrn2025 } from "../../lib/converters/rrn-2025";
import {
    createNotification,
    createProgress,
    createRequest,
    createResponse,
    splitNotification,
    type Message,
    type ResponseMessage,
} from "../../lib/messages";
import { decode, KINDS } from "./arbitraries";

type Json = Record<string, unknown>;

function value<T>(result: Result<T>): T {
    if (!result.ok) throw result.error;
    return result.value;
}

function fault(result: Result<unknown>): string {
    if (result.ok) throw new Error("was read");
    expect(result.error.code).to.equal("INVALID_ENVELOPE");
    return result.error.title;
}

function encoded(message: Message): Json {
    return JSON.parse(rrn2025.encode(message)) as Json;
}

interface Recorded {
    readonly file: string;
    readonly n: number;
    readonly json: Json;
    /** What the reference answered to the POST. */
    readonly status: number;
}

interface Line {
    readonly n: number;
    readonly dir: string;
    readonly path?: string;
    readonly body?: string;
    readonly sse?: string;
    readonly status?: number;
}

const FOLDER = join(__dirname, "../fixtures/hivekit-2026-01");

/** Every envelope of the recordings that the reference took or sent. */
function recordedEnvelopes(): Recorded[] {
    return readdirSync(FOLDER)
        .filter((file) => file.endsWith(".jsonl"))
        .flatMap((file) => {
            const text = readFileSync(join(FOLDER, file), "utf8").trim();
            const lines = text.split("\n").map((line) => JSON.parse(line) as Line);
            return lines.flatMap(({ n, dir, path, body, sse }): Recorded[] => {
                const data = sse === undefined ? undefined : /^data: (\{.*)$/m.exec(sse)?.[1];
                if (data !== undefined) return [{ file, n, json: JSON.parse(data) as Json, status: 200 }];
                if (dir !== "c>s" || path?.startsWith("/hiveot/") !== true || !body?.startsWith("{")) return [];
                const status = lines.find((line) => line.n === n && line.status !== undefined)?.status ?? 0;
                return [{ file, n, json: JSON.parse(body) as Json, status }];
            });
        });
}

/** What encoding does not say again, and why: operation and path, with `*` for any name. */
const EXCEPTIONS: readonly { readonly at: string; readonly why: string }[] = [
    {
        at: "invokeaction value.input",
        why: "the outcome of an invocation does not carry its input in the neutral model",
    },
    { at: "queryaction value.input", why: "as above" },
    { at: "queryallactions value.*.input", why: "as above" },
    {
        at: "invokeaction value",
        why: "the reference leaves the ActionStatus out where the action is not known; ours has one",
    },
    { at: "invokeaction value.actionID", why: "it is the correlation id; HiveOT's JavaScript client leaves it empty" },
    { at: "invokeaction value.output", why: "what failed has no output; the JavaScript client gives one" },
    { at: "invokeaction value.thingID", why: "the gateway of the recordings renames Things outside only" },
    { at: "readproperty value.thingID", why: "as above" },
    { at: "readallproperties value.*.thingID", why: "as above" },
    { at: "readproperty value.timestamp", why: "the neutral model has no time of a property's last change" },
    { at: "readallproperties value.*.timestamp", why: "as above" },
    { at: "readmultipleproperties value.*.timestamp", why: "as above" },
    { at: "readproperty value", why: "a bare value: the defect of the reference's own Thing that breaks its client" },
    { at: "readallproperties value.nrConnections", why: "as above" },
    { at: "invokeaction x-extra.a", why: "unknown members are ignored" },
    { at: "readproperty created", why: "it is filled in where it is empty" },
    { at: "readproperty messageID", why: "as above" },
    {
        at: "readallproperties value.*",
        why: "HiveOT's JavaScript client answers with one ThingValue whatever is asked",
    },
    { at: "writeproperty value.*", why: "as above" },
    { at: "queryaction value.*", why: "as above" },
    { at: "subscribeevent value.*", why: "as above" },
];

function differences(recorded: unknown, again: unknown, at = ""): string[] {
    if (typeof recorded === "object" && recorded !== null && !Array.isArray(recorded)) {
        return Object.entries(recorded).flatMap(([name, member]) =>
            differences(member, (again as Json | null | undefined)?.[name], at === "" ? name : `${at}.${name}`)
        );
    }
    if (recorded === "" && again === undefined) return []; // empty and absent are the same
    return JSON.stringify(recorded) === JSON.stringify(again) ? [] : [at];
}

/** What encoding does not say again, each with the operation ahead. */
function lost({ json }: Recorded): string[] {
    const kind = KINDS.find((each) => each === json["messageType"]) ?? "request";
    const again = encoded(value(decode(rrn2025, kind, json)));
    return differences(json, again).map((path) => `${String(json["operation"])} ${path}`);
}

function excepts(at: string, path: string): boolean {
    return new RegExp(`^${at.replace(/\./g, "\\.").replace(/\*/g, "[^.]+")}$`).test(path);
}

describe("rrn-2025", () => {
    describe("the recordings of January 2026", () => {
        const recorded = recordedEnvelopes();
        const kindOf = ({ json }: Recorded): Message["kind"] | undefined =>
            KINDS.find((kind) => kind === json["messageType"]);
        const taken = recorded.filter(({ status }) => status < 300);

        it("are there", () => {
            expect(taken.length).to.be.greaterThan(150);
        });

        it("each envelope that the reference sent or took is read", () => {
            for (const each of taken) {
                const kind = kindOf(each);
                if (kind === undefined) throw new Error(`${each.file} ${String(each.n)} has no type`);
                expect(decode(rrn2025, kind, each.json).ok, JSON.stringify(each)).to.equal(true);
            }
        });

        it("encoding says the same again, but for the exceptions listed", () => {
            for (const each of taken) {
                const found = lost(each).filter((path) => !EXCEPTIONS.some(({ at }) => excepts(at, path)));
                expect(found, `${each.file} ${JSON.stringify(each.json)}`).to.deep.equal([]);
            }
        });

        it("each exception is needed", () => {
            const found = taken.flatMap(lost);
            const needless = EXCEPTIONS.filter(({ at }) => !found.some((path) => excepts(at, path)));
            expect(needless).to.deep.equal([]);
        });

        it("encoding adds no member that the reference's server does not send", () => {
            const sent = taken.filter(({ json }) => json["messageType"] !== "request" && "timestamp" in json);
            expect(sent.length).to.be.greaterThan(80);
            for (const each of sent) {
                const again = encoded(value(decode(rrn2025, kindOf(each) ?? "response", each.json)));
                // Agents in Go leave the correlation id of progress out; it is the action's.
                const ours = each.json["messageType"] === "notification" ? ["correlationID"] : [];
                const added = Object.keys(again).filter((name) => !(name in each.json) && !ours.includes(name));
                expect(added, JSON.stringify(each.json)).to.deep.equal([]);
            }
        });

        it("what the reference refused as an envelope is refused", () => {
            const refused = recorded.filter(({ file, n }) => file.startsWith("05") && [14, 15, 16, 34].includes(n));
            expect(refused).to.have.length(4);
            for (const { json, n } of refused) {
                const kind = n === 34 ? "notification" : "request";
                expect(decode(rrn2025, kind, json).ok, JSON.stringify(json)).to.equal(false);
            }
        });
    });

    describe("responses", () => {
        const at = "2026-01-20T10:00:00.000Z";
        const request = (operation: string, name = "") =>
            createRequest({ operation, thingId: "t", name, correlationId: "c", created: at });
        const say = (operation: string, output: unknown, name?: string): Json =>
            encoded(createResponse(request(operation, name), { output }));

        it("always have value, error, name and senderID; never output, status and consumerID", () => {
            const json = say("ping", "pong");
            expect(json).to.include({ messageType: "response", value: "pong", error: null, name: "", senderID: "" });
            expect(json).to.not.have.any.keys("output", "status", "consumerID");
        });

        it("wrap a property into a ThingValue, alone and in a map, odd names included", () => {
            expect(say("readproperty", 5, "p")["value"]).to.deep.include({
                affordanceType: "property",
                thingID: "t",
                name: "p",
                data: 5,
            });
            const odd = JSON.parse('{"__proto__":1,"b":null}') as Json;
            for (const operation of ["readallproperties", "readmultipleproperties"]) {
                const text = rrn2025.encode(createResponse(request(operation), { output: odd }));
                expect(text).to.contain('"__proto__":{"affordanceType":"property","thingID":"t","name":"__proto__"');
                const { output } = value(rrn2025.decodeResponse(JSON.parse(text)));
                expect(JSON.stringify(output)).to.equal('{"__proto__":1,"b":null}');
            }
        });

        it("answer writes, subscriptions and cancellations with null, whatever the output", () => {
            const without = ["write", "writemultiple", "writeall"].map(
                (verb) => `${verb}propert${verb === "write" ? "y" : "ies"}`
            );
            for (const operation of [...without, "observeproperty", "unsubscribeallevents", "cancelaction"]) {
                expect(say(operation, "something"), operation).to.include({ value: null, error: null });
            }
        });

        it("make an ActionStatus of an invocation, empty members left out", () => {
            const invocation = { ...request("invokeaction", "a"), senderId: "alice" };
            const done = encoded(createResponse(invocation, { output: 2 }))["value"] as Json;
            expect(done).to.deep.include({ actionID: "c", thingID: "t", name: "a", state: "completed", output: 2 });
            expect(done).to.include({ senderID: "alice", timeRequested: at });
            expect(done).to.not.have.any.keys("error", "input");
            expect(say("invokeaction", null)["value"]).to.not.have.any.keys("output", "name");
        });

        it("say a failure in their own error and in the ActionStatus", () => {
            const error = { status: 400, type: "x", title: "no" };
            const failed = encoded(createResponse(request("invokeaction", "a"), { error }));
            expect(failed["error"]).to.deep.equal(error);
            expect(failed["value"]).to.deep.include({ state: "failed", error });
            expect(encoded(createResponse(request("readproperty", "p"), { error }))).to.deep.include({
                value: null,
                error,
            });
        });

        it("make up the error of a failure that has none: nothing else tells of it", () => {
            const silent: ResponseMessage = { ...createResponse(request("ping"), {}), status: "failed" };
            expect(encoded(silent)["error"]).to.include({ status: 500, title: "The request failed" });
        });

        it("carry the status of an invocation in queryaction and queryallactions", () => {
            const outcome = createResponse(request("invokeaction", "a"), { output: 2 });
            expect(say("queryaction", outcome)["value"]).to.include({ actionID: "c", state: "completed", output: 2 });
            const all = say("queryallactions", { a: outcome, b: "nonsense" })["value"] as Json;
            expect(Object.keys(all)).to.deep.equal(["a"]);
            expect(all["a"]).to.include({ actionID: "c", state: "completed" });
        });

        it("carry events as ThingValues; none yet is null", () => {
            const event = createNotification({ affordance: "event", thingId: "t", name: "e", value: 91 });
            expect(say("readevent", event)["value"]).to.deep.equal({
                affordanceType: "event",
                thingID: "t",
                name: "e",
                data: 91,
                timestamp: event.timestamp,
            });
            expect(say("readevent", undefined)["value"]).to.equal(null);
            expect(say("readallevents", { e: event })["value"]).to.have.nested.property("e.data", 91);
        });

        const response = (operation: string, members: Json): ResponseMessage =>
            value(rrn2025.decodeResponse({ messageType: "response", operation, thingID: "t", name: "x", ...members }));

        it("are read: a state inside counts where the response has no error", () => {
            const running = response("invokeaction", { value: { state: "running", output: 5, actionID: "other" } });
            expect(running).to.include({ status: "running", output: 5, correlationId: "" });
            const inner = { state: "failed", error: { status: 404, type: "", title: "gone" } };
            expect(response("invokeaction", { value: inner })).to.include({ status: "failed" });
            expect(response("invokeaction", { value: inner }).error).to.include({ status: 404, title: "gone" });
        });

        it("are read: an error of their own counts for more than the state inside", () => {
            const error = { status: 409, type: "", title: "no" };
            const read = response("invokeaction", { value: { state: "completed", output: 5 }, error });
            expect(read).to.include({ status: "failed", output: undefined });
            expect(read.error).to.include({ status: 409 });
        });

        it("are refused where an ActionStatus has a member of the wrong type, named", () => {
            const bad = { messageType: "response", operation: "invokeaction", value: { state: "running", name: 5 } };
            expect(fault(rrn2025.decodeResponse(bad)))
                .to.contain("value")
                .and.to.contain("name");
            const map = { ...bad, operation: "queryallactions", value: { a: { state: "failed", error: "text" } } };
            expect(fault(rrn2025.decodeResponse(map))).to.contain("error");
        });

        it("of HiveOT's JavaScript client are read", () => {
            const oneValue = { affordanceType: "property", name: "level", thingID: "t", data: 5, timestamp: at };
            expect(response("writeproperty", { value: oneValue }).output, "no output").to.equal(undefined);
            expect(response("subscribeevent", { value: oneValue }).output, "no output").to.equal(undefined);
            expect(response("readproperty", { value: oneValue })).to.include({ output: 5, error: undefined });
            expect(response("readproperty", { value: 5 }), "a bare value").to.include({ output: 5 });
            const invoked = response("invokeaction", { value: { actionID: "", output: 7, state: "completed" } });
            expect(invoked, "an empty action id").to.include({ output: 7, status: "completed", correlationId: "" });
        });
    });

    describe("requests", () => {
        it("need messageType and operation; correlation id and times may be missing", () => {
            const request = value(rrn2025.decodeRequest({ messageType: "request", operation: "ping" }));
            expect(request).to.include({ correlationId: "", thingId: "" });
            expect(Date.parse(request.created)).to.be.closeTo(Date.now(), 5_000);
            expect(fault(rrn2025.decodeRequest({ operation: "ping" }))).to.contain("messageType");
            expect(fault(rrn2025.decodeRequest({ messageType: "request" }))).to.contain("operation");
        });
    });

    describe("notifications", () => {
        const notification = (operation: unknown, members: Json = {}): Json => ({
            messageType: "notification",
            operation,
            thingID: "t",
            value: 1,
            ...members,
        });

        it("name the operation in place of the kind of affordance", () => {
            const say = (affordance: "event" | "property", name: string): unknown =>
                encoded(createNotification({ affordance, thingId: "t", name, value: 1 }))["operation"];
            expect(say("event", "e")).to.equal("subscribeevent");
            expect(say("property", "p")).to.equal("observeproperty");
            expect(say("property", "")).to.equal("observeallproperties");
            const progress = createProgress(createRequest({ operation: "invokeaction", name: "a" }), 50);
            expect(encoded(progress)["operation"]).to.equal("invokeaction");
        });

        it("are read by any operation that is about such affordances, and by no other", () => {
            const kinds = {
                event: ["subscribeevent", "subscribeallevents"],
                property: ["observeproperty", "observemultipleproperties", "observeallproperties"],
                action: ["invokeaction", "observeaction", "observeallactions"],
            };
            for (const [affordance, operations] of Object.entries(kinds)) {
                for (const operation of operations) {
                    const read = value(rrn2025.decodeNotification(notification(operation)));
                    expect(read.affordance, operation).to.equal(affordance);
                }
            }
            for (const operation of ["readproperty", "unsubscribeevent", "ping", "toString", "", 5, undefined]) {
                fault(rrn2025.decodeNotification(notification(operation)));
            }
        });

        it("about several properties stand for one each", () => {
            const json = notification("observeallproperties", { name: "", value: { level: 10, count: 3 } });
            const several = splitNotification(value(rrn2025.decodeNotification(json)));
            expect(several.map(({ name, value: single }) => [name, single])).to.deep.equal([
                ["level", 10],
                ["count", 3],
            ]);
            const one = value(
                rrn2025.decodeNotification(notification("observeproperty", { name: "p", value: { a: 1 } }))
            );
            expect(splitNotification(one)).to.deep.equal([one]);
        });

        it("of progress have the correlation id of the action inside, as agents in Go send none outside", () => {
            const inside = { state: "running", actionID: "the action", output: 30, name: "a" };
            const read = value(rrn2025.decodeNotification(notification("invokeaction", { value: inside })));
            expect(read.correlationId).to.equal("the action");
            expect(read.value).to.include({ kind: "response", status: "running", output: 30 });
        });

        it("of bare progress get an ActionStatus: their readers know nothing else", () => {
            const bare = createNotification({
                affordance: "action",
                thingId: "t",
                name: "a",
                value: 30,
                correlationId: "c",
            });
            expect(encoded(bare)["value"]).to.include({ actionID: "c", name: "a", state: "running", output: 30 });
        });
    });

    it("is recognised by what only it has", () => {
        const yes: readonly unknown[] = [
            { messageType: "notification", operation: "subscribeevent", value: 1 },
            { messageType: "response", operation: "ping", value: null },
        ];
        const no: readonly unknown[] = [
            { messageType: "notification", affordanceType: "event", operation: "subscribeevent" },
            { messageType: "response", operation: "ping", value: null, status: "completed" },
            { messageType: "response", operation: "ping", output: 1 },
            null,
            [],
            "x",
        ];
        for (const json of yes) expect(rrn2025.recognizes?.(json), JSON.stringify(json)).to.equal(true);
        for (const json of no) expect(rrn2025.recognizes?.(json), JSON.stringify(json)).to.equal(false);
    });
});
