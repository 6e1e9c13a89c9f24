/**
 * What is on the stream, block by block, and what is in the envelopes, member by member. Over every transport, in both dialects: the
 * raw client shows what comes in January's in the forms of August.
 */
import { expect } from "chai";
import { sideBySide } from "../support/side-by-side";
import { SetUp, sharedSetUps, TRANSPORTS, type Role, isSecure } from "../support/set-ups";
import { COUNTER_ID, NOTE, PROGRESS, TWIN_ID } from "../support/things";
import { checkNotification, checkProblem } from "./raw-consumer";
import { type Block, type Envelope, freshId, type RawClient } from "./raw/raw-client";
import { req } from "./requirements";

const EVENTS = ["sse-ping", "request", "response", "notification"];

/** Checks what holds for every block: never an event without data, data without an event, or anything outside the list. */
function checkBlocks(blocks: readonly Block[]): void {
    for (const { raw, event, data, comment } of blocks) {
        if (comment === undefined) {
            expect(event, raw).to.be.oneOf(EVENTS);
            expect(data, raw).to.be.a("string").and.not.include("\n");
        } else expect(raw).to.match(/^:[^\n]*\n\n$/);
    }
}

const on = (name: string, rest: Envelope = {}): Envelope => ({ thingID: COUNTER_ID, name, ...rest });

describe("event stream and envelopes", () => {
    const setUps = sharedSetUps();

    const all = TRANSPORTS.flatMap((transport) =>
        (["rrn", "rrn-2025"] as const).map((dialect) => ({ transport, dialect }))
    );
    // In a describe of its own, so that nothing that stalls the event loop is beside it
    describe("of a token that ends", () => {
        const aside = sideBySide();
        for (const { transport, dialect } of all) {
            describe(`over ${transport} in ${dialect}`, () => {
                req(
                    "STREAM-token-end",
                    "ends with the token that opened it",
                    aside(async (onEnd) => {
                        const server = { tokenLifetime: 1000, clockTolerance: 0 };
                        const setUp = await SetUp.start({ secure: isSecure(transport), things: [COUNTER_ID], server });
                        onEnd(() => setUp.stop());
                        const consumer = await setUp.connected(transport, "admin", dialect);
                        onEnd(() => consumer.close());
                        await consumer.stream?.closed;
                        checkBlocks(consumer.stream?.blocks ?? []);
                        expect(consumer.stream?.faults).to.deep.equal([]);
                        // It ends in the time before its token does, so the token may be good for a moment yet.
                        const late = { operation: "ping", correlationID: "late" };
                        let status = 0;
                        while (status !== 401) {
                            ({ status } = await consumer.post("/hiveot/request", late));
                            expect(status).to.be.oneOf([400, 401]); // there is no session any more
                        }
                    })
                );
            });
        }
    });

    for (const { transport, dialect } of all) {
        describe(`over ${transport} in ${dialect}`, () => {
            const clients: RawClient[] = [];

            async function client(role: Role = "manager"): Promise<RawClient> {
                const made = await (await setUps(transport)).client(transport, role, dialect);
                clients.push(made);
                return made;
            }

            async function connected(role: Role = "manager"): Promise<RawClient> {
                const made = await (await setUps(transport)).connected(transport, role, dialect);
                clients.push(made);
                return made;
            }

            afterEach(async () => {
                for (const { stream } of clients) checkBlocks(stream?.blocks ?? []);
                expect(clients.flatMap(({ stream }) => stream?.faults ?? [])).to.deep.equal([]);
                await Promise.all(clients.splice(0).map((each) => each.close()));
                (await setUps(transport)).reset();
            });

            req("STREAM-ping", "begins with an sse-ping that has a data line", async () => {
                const stream = await (await client()).openStream();
                const first = await stream.next(() => true);
                expect(first.raw.replace(/^id: .*\n/, "")).to.equal("event: sse-ping\ndata: \n\n");
            });

            req(
                ["STREAM-events", "STREAM-no-bare-blocks", "STREAM-one-line"],
                "has nothing but whole events",
                async () => {
                    const { counter } = await setUps(transport);
                    const consumer = await connected();
                    for (const operation of ["observeallproperties", "subscribeallevents", "observeallactions"]) {
                        await consumer.call({ operation, thingID: COUNTER_ID });
                    }
                    await consumer.call({ operation: "readproperty", ...on("note") });
                    await consumer.call({ operation: "nosuchoperation", ...on("a\nb: c\r\n\n") });
                    await consumer.call({ operation: "invokeaction", ...on("slow", { input: 1 }) });
                    counter.tick(NOTE);
                    const tick = await consumer.stream?.notification({ name: "tick" });
                    expect(tick?.json).to.include({ value: NOTE });
                    expect(tick?.raw.split("\n")).to.have.length(tick?.id === undefined ? 4 : 5);
                    const kinds = new Set(consumer.stream?.blocks.map(({ event }) => event));
                    expect(kinds).to.deep.equal(new Set(["sse-ping", "response", "notification"]));
                }
            );

            req("STREAM-size-limit", "never carries a response over 8 MiB", async () => {
                const { counter } = await setUps(transport);
                const consumer = await connected();
                counter.note = "x".repeat(9 * 1024 * 1024);
                const { envelope } = await consumer.call({ operation: "readproperty", ...on("note") });
                expect(envelope).to.include({ status: "failed" });
                expect(checkProblem(envelope["error"])).to.include({ status: 500, code: "RESPONSE_TOO_LARGE" });
                counter.note = "x".repeat(3 * 1024 * 1024);
                const large = await consumer.call({ operation: "readproperty", ...on("note") });
                expect(large.envelope["output"]).to.equal(counter.note);
            });

            req("STREAM-new-cid", "serves a redial with a new cid and the old ids", async () => {
                const { counter } = await setUps(transport);
                const ids = { correlationID: freshId("c"), messageID: freshId("m") };
                const consumer = await connected();
                const subscription = { operation: "subscribeevent", ...on("tick"), ...ids };
                expect((await consumer.call(subscription)).envelope).to.include({ status: "completed" });
                const invocation = { operation: "invokeaction", ...on("increment", { input: 1 }) };
                const again = { correlationID: freshId("c"), messageID: freshId("m") };
                expect((await consumer.call({ ...invocation, ...again })).envelope).to.include({ output: 1 });
                consumer.stream?.destroy();
                await consumer.openStream();
                expect((await consumer.call(subscription)).envelope).to.include({ status: "completed" });
                expect((await consumer.call({ ...invocation, ...again })).envelope).to.include({ output: 2 });
                counter.tick("here");
                expect((await consumer.stream?.notification({ name: "tick" }))?.json).to.include({ value: "here" });
            });

            req("STREAM-same-cid", "is replaced by a second one with the same cid", async () => {
                const consumer = await connected();
                const bystander = await connected("viewer");
                const old = consumer.stream;
                const fresh = await consumer.openStream({ cid: String(consumer.cid) });
                expect((await old?.next(({ comment }) => comment !== undefined))?.raw).to.equal(": replaced\n\n");
                await old?.closed;
                await fresh.next(({ event }) => event === "sse-ping");
                for (const each of [consumer, bystander]) {
                    expect((await each.call({ operation: "ping" })).envelope).to.include({ output: "pong" });
                }
                expect(fresh.ended).to.equal(false);
            });

            req("STREAM-same-cid-other-client", "of two clients with equal cids are two", async () => {
                const [one, two] = [await client("viewer"), await client("operator")];
                const cid = freshId("shared");
                for (const each of [one, two]) await each.openStream({ cid });
                await one.call({ operation: "ping", correlationID: "of one" });
                await two.call({ operation: "ping", correlationID: "of two" });
                for (const [each, id] of [
                    [one, "of one"],
                    [two, "of two"],
                ] as const) {
                    const ids = each.stream?.blocks.flatMap(({ json }) => json?.["correlationID"] ?? []);
                    expect(ids).to.deep.equal([id]);
                }
            });

            req("STREAM-end-forgets", "takes its subscriptions with it", async () => {
                const { counter } = await setUps(transport);
                const [consumer, witness] = [await connected(), await connected()];
                for (const each of [consumer, witness]) await each.call({ operation: "subscribeevent", ...on("tick") });
                consumer.stream?.destroy();
                const fresh = await consumer.openStream();
                counter.tick("unheard");
                await witness.stream?.notification({ name: "tick" });
                await consumer.call({ operation: "ping" });
                expect(fresh.notifications()).to.deep.equal([]);
            });

            req("STREAM-shutdown", "ends when the server shuts down", async () => {
                const setUp = await SetUp.start({ secure: isSecure(transport), things: [COUNTER_ID] });
                const consumer = await setUp.connected(transport, "admin", dialect);
                clients.push(consumer);
                await setUp.stop();
                await consumer.stream?.closed;
                const refused = await consumer.request("GET", "/ping").then(
                    () => "served",
                    () => "refused"
                );
                expect(refused).to.equal("refused");
            });

            req("ENV-unknown-members", "unknown members and a forged sender are ignored", async () => {
                const consumer = await connected("operator");
                const { envelope } = await consumer.call({
                    operation: "invokeaction",
                    ...on("increment", { input: 1 }),
                    senderID: "admin1",
                    future: { a: 1 },
                    ["__proto__"]: { x: 1 },
                });
                expect(envelope).to.include({ status: "completed", output: 1 });
            });

            req("ENV-sender", "a forged senderID is replaced by the client's own", async () => {
                const admin = await connected("admin");
                const forger = await connected("operator");
                await admin.call({
                    operation: "invokeaction",
                    ...on("increment", { input: 1 }),
                    correlationID: "by-admin",
                });
                const forged = { operation: "invokeaction", ...on("increment", { input: 2 }), senderID: "admin1" };
                const { envelope } = await forger.call({ ...forged, correlationID: "by-forger" });
                expect(envelope).to.include({ senderID: "", consumerID: "operator1" });
                const query = { operation: "queryaction", ...on("increment") };
                const latest = (await admin.call(query)).envelope["output"] as Envelope;
                expect(latest).to.include({ correlationID: "by-admin" });
                const write = { operation: "writeproperty", ...on("limit", { input: 5 }), senderID: "admin1" };
                const refused = (await forger.call(write)).envelope;
                expect(checkProblem(refused["error"])).to.include({ code: "FORBIDDEN" });
            });

            req("ENV-null-members", "members that may be absent may be null", async () => {
                const consumer = await connected();
                const nulls = { name: null, input: null, senderID: null, created: null, messageID: null };
                const ping = await consumer.call({ operation: "ping", thingID: null, ...nulls });
                expect(ping.envelope).to.include({ status: "completed", output: "pong" });
                const all = await consumer.call({ operation: "readallproperties", thingID: COUNTER_ID, ...nulls });
                expect(all.envelope["output"]).to.include({ count: 0 });
            });

            req("ENV-no-correlation", "a request without an id is answered with one made up", async () => {
                const consumer = await connected();
                for (const correlationID of [undefined, null, ""]) {
                    const read = { messageType: "request", operation: "readproperty", ...on("count"), correlationID };
                    expect(await consumer.post("/hiveot/request", read)).to.include({ status: 201 });
                    const block = await consumer.stream?.next(({ event }) => event === "response");
                    expect(block?.json).to.include({ operation: "readproperty", output: 0, status: "completed" });
                    expect(block?.json?.["correlationID"]).to.be.a("string").and.not.equal("");
                }
            });

            req(
                "ENV-no-correlation-subscribe",
                "a subscription without an id is acknowledged without one",
                async () => {
                    const { counter } = await setUps(transport);
                    const consumer = await connected();
                    const request = { messageType: "request", operation: "subscribeevent", ...on("tick") };
                    expect(await consumer.post("/hiveot/request", request)).to.include({ status: 201 });
                    const block = await consumer.stream?.next(({ event }) => event === "response");
                    expect(block?.json).to.include({ operation: "subscribeevent", status: "completed" });
                    expect(block?.json).not.to.have.property("correlationID");
                    counter.tick("heard");
                    expect((await consumer.stream?.notification())?.json).to.include({ value: "heard" });
                }
            );

            req("ENV-unique-ids", "ids made by the server are never the same", async () => {
                const { counter } = await setUps(transport);
                const consumer = await connected();
                await consumer.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                for (let n = 0; n < 10; n++) {
                    counter.tick(String(n));
                    await consumer.call({ operation: "ping" });
                }
                await consumer.stream?.notification({ value: "9" });
                const ids = consumer.stream?.blocks.flatMap(({ json }) => json?.["messageID"] ?? []) ?? [];
                expect(ids).to.have.length(21);
                expect(new Set(ids)).to.have.property("size", 21);
            });

            req("ENV-equal-ids", "equal correlation ids of two clients do not collide", async () => {
                const { counter } = await setUps(transport);
                const [one, two] = [await connected("operator"), await connected("manager")];
                const id = freshId("same");
                const release = counter.hold();
                const slow = { operation: "invokeaction", ...on("slow", { input: 1 }), correlationID: id };
                const first = one.call(slow);
                await counter.invoked("slow");
                await one.stream?.notification({ correlationID: id });
                const quick = { operation: "invokeaction", ...on("increment", { input: 5 }), correlationID: id };
                expect((await two.call(quick)).envelope).to.include({ output: 5, consumerID: "manager1" });
                const query = { operation: "queryaction", ...on("slow") };
                expect((await one.call(query)).envelope["output"]).to.include({ status: "running", correlationID: id });
                const own = await two.call({ operation: "queryaction", ...on("increment", { input: id }) });
                expect(own.envelope["output"]).to.include({ status: "completed", consumerID: "manager1" });
                release();
                expect((await first).envelope).to.include({ output: 1, consumerID: "operator1" });
                expect(two.stream?.notifications()).to.deep.equal([]);
            });

            req(
                ["ENV-progress", "ENV-progress-audience"],
                "progress goes to the caller and to observers, once each",
                async () => {
                    const [caller, observer, other] = [
                        await connected("operator"),
                        await connected("viewer"),
                        await connected("manager"),
                    ];
                    for (const each of [observer, caller])
                        await each.call({ operation: "observeaction", ...on("slow") });
                    const { envelope } = await caller.call({ operation: "invokeaction", ...on("slow", { input: 3 }) });
                    const id = envelope["correlationID"];
                    for (const each of [observer, caller]) {
                        for (const output of PROGRESS) {
                            const block = await each.stream?.notification({ affordanceType: "action" });
                            const progress = checkNotification(block as Block);
                            expect(progress).to.include({ thingID: COUNTER_ID, name: "slow", correlationID: id });
                            expect(progress["value"]).to.include({ status: "running", output, correlationID: id });
                        }
                        await each.call({ operation: "ping" });
                        expect(each.stream?.notifications()).to.have.length(PROGRESS.length);
                    }
                    await other.call({ operation: "ping" });
                    expect(other.stream?.notifications()).to.deep.equal([]);
                }
            );

            req(["ENV-once-per-stream", "ENV-wildcard"], "overlapping subscriptions deliver once", async () => {
                const { counter, twin } = await setUps(transport);
                const consumer = await connected();
                const targets: readonly Envelope[] = [
                    { operation: "subscribeevent", ...on("tick") },
                    { operation: "subscribeevent", ...on("tick") },
                    { operation: "subscribeallevents", thingID: COUNTER_ID },
                    { operation: "subscribeallevents", thingID: "" },
                    { operation: "subscribeallevents" },
                ];
                for (const target of targets) await consumer.call(target);
                counter.tick("one");
                twin.tick("two");
                counter.tick("three");
                await consumer.stream?.notification({ value: "three" });
                await consumer.call({ operation: "ping" });
                const heard = consumer.stream?.notifications().map(({ thingID, value }) => ({ thingID, value }));
                expect(heard).to.deep.equal([
                    { thingID: COUNTER_ID, value: "one" },
                    { thingID: TWIN_ID, value: "two" },
                    { thingID: COUNTER_ID, value: "three" },
                ]);
            });

            req(
                "ENV-wildcard",
                "a single subscription without a name covers all of its Thing, without a Thing that name",
                async () => {
                    const { counter, twin } = await setUps(transport);
                    const [ofThing, ofName] = [await connected(), await connected()];
                    await ofThing.call({ operation: "subscribeevent", thingID: COUNTER_ID });
                    await ofName.call({ operation: "subscribeevent", name: "tick" });
                    counter.tick("one");
                    counter.thing.emitEvent("overflow", 2);
                    twin.tick("three");
                    twin.thing.emitEvent("overflow", 4);
                    counter.thing.emitEvent("overflow", 5);
                    twin.tick("six");
                    await ofThing.stream?.notification({ value: 5 });
                    await ofName.stream?.notification({ value: "six" });
                    const heard = [ofThing, ofName].map((each) =>
                        each.stream?.notifications().map(({ value }) => value)
                    );
                    expect(heard).to.deep.equal([
                        ["one", 2, 5],
                        ["one", "three", "six"],
                    ]);
                }
            );

            for (const [one, all, name] of [
                ["subscribeevent", "subscribeallevents", "tick"],
                ["observeproperty", "observeallproperties", "count"],
                ["observeaction", "observeallactions", "slow"],
            ] as const) {
                req("ENV-all-ends-single", `un${all} ends what ${one} began, on that Thing`, async () => {
                    const { counter, twin } = await setUps(transport);
                    const [consumer, witness] = [await connected("operator"), await connected("operator")];
                    for (const each of [consumer, witness]) {
                        await each.call({ operation: one, ...on(name) });
                        await each.call({ operation: one, thingID: TWIN_ID, name });
                    }
                    await consumer.call({ operation: `un${all}`, thingID: COUNTER_ID });
                    for (const thing of [counter, twin]) {
                        if (name === "tick") thing.tick("x");
                        if (name === "count") await thing.setCount(1);
                        const invocation = { operation: "invokeaction", thingID: thing.id, name, input: 1 };
                        if (name === "slow") await (await connected("operator")).call(invocation);
                        await witness.stream?.notification({ thingID: thing.id });
                    }
                    await consumer.stream?.notification({ thingID: TWIN_ID });
                    await consumer.call({ operation: "ping" });
                    const things = new Set(consumer.stream?.notifications().map(({ thingID }) => thingID));
                    expect(things).to.deep.equal(new Set([TWIN_ID]));
                });
            }

            req("SURVIVE-reverse-order", "100 requests answered in reverse order reach their callers", async () => {
                const { counter } = await setUps(transport);
                const consumer = await connected("operator");
                const later = { operation: "invokeaction", thingID: COUNTER_ID, name: "later" };
                const numbers = Array.from({ length: 100 }, (_each, n) => n);
                const answers = numbers.map((input) => consumer.call({ ...later, input }));
                await counter.invoked("later", 100);
                for (const answer of counter.later.splice(0).reverse()) answer();
                const outputs = (await Promise.all(answers)).map(({ envelope }) => envelope["output"]);
                expect(outputs).to.deep.equal(numbers);
                const order = consumer.stream?.blocks.flatMap(({ json }) => json?.["output"] ?? []);
                expect(order).not.to.deep.equal(numbers);
            });

            req("SURVIVE-vanishing-client", "a client that vanishes mid-request harms nobody", async () => {
                const setUp = await setUps(transport);
                const bystander = await connected("operator");
                const release = setUp.counter.hold();
                const vanishing = await connected("operator");
                const ids = { messageType: "request", correlationID: freshId("c") };
                const slow = { operation: "invokeaction", ...on("slow", { input: 1 }), ...ids };
                expect(await vanishing.post("/hiveot/request", slow)).to.include({ status: 201 });
                await setUp.counter.invoked("slow");
                await vanishing.close();
                const wire = setUp.wire(transport);
                await wire.vanish("/hiveot/request", bystander.headers());
                await wire.vanish("/authn/login", {});
                await wire.close();
                release();
                expect((await bystander.call({ operation: "ping" })).envelope).to.include({ output: "pong" });
                expect(await bystander.request("GET", "/ping")).to.include({ status: 200 });
            });
        });
    }
});
