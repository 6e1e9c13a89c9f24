/** What a hub passes on to agents and back: raw agents and raw consumers, real sockets. */
import { expect } from "chai";
import type { Envelope } from "../conformance/raw/event-stream";
import { RawAgent } from "../conformance/raw/raw-agent";
import { freshId, type RawClient } from "../conformance/raw/raw-client";
import { type Role, SetUp, type Transport, TRANSPORTS, usernameOf } from "../support/set-ups";
import { tdOf } from "./harness";

const LAMP = "lamp-1";
const AGENT: Role = "device";

function lampTd(id = LAMP): Record<string, unknown> {
    return tdOf(id, {
        properties: { brightness: { type: "integer" }, hue: { type: "integer" } },
        actions: { blink: {}, fade: {} },
        events: { failed: {}, warned: {} },
    });
}

/** Long enough for an agent of a test to answer, however busy the machine is. */
const PATIENT = 30_000;
/** Of the tests in which it runs out. */
const DEADLINE = 1_000;

for (const [transport, requestTimeout] of [
    ...TRANSPORTS.map((each) => [each, PATIENT] as const),
    ["plain h1", DEADLINE] as const,
]) {
    const inTime = requestTimeout === PATIENT;
    describe(`a hub over ${transport}${inTime ? "" : ", when time runs out"}`, () => {
        let setUp: SetUp;
        let clients: RawClient[] = [];

        before(async () => {
            setUp = await SetUp.start({
                secure: transport !== "plain h1",
                server: { hub: { requestTimeout } },
                things: [],
            });
            await setUp.server.directory.put(lampTd(), usernameOf(AGENT));
        });

        afterEach(async () => {
            const closed = clients.map(async (client) => {
                await client.close();
                await client.stream?.closed;
            });
            clients = [];
            await Promise.all(closed);
            while (setUp.server.status.sessions > 0)
                await new Promise((done) => setUp.server.connections.once("closed", done));
        });

        after(() => setUp.stop());

        async function connected(role: Role, way: Transport = transport): Promise<RawClient> {
            const client = await setUp.connected(way, role);
            clients.push(client);
            return client;
        }

        async function agent(role: Role = AGENT): Promise<RawAgent> {
            return new RawAgent(await connected(role));
        }

        /** Sends a request of which nothing is awaited but that it was taken. */
        async function send(client: RawClient, members: Envelope): Promise<string> {
            const correlationID = freshId("c");
            const reply = await client.post("/hiveot/request", { messageType: "request", correlationID, ...members });
            expect(reply).to.include({ status: 201 });
            return (members["correlationID"] as string | undefined) ?? correlationID;
        }

        async function responseTo(client: RawClient, id: string): Promise<Envelope> {
            return (await client.stream!.response(id)).json ?? {};
        }

        const read: Envelope = { operation: "readproperty", thingID: LAMP, name: "brightness" };
        const blink: Envelope = { operation: "invokeaction", thingID: LAMP, name: "blink" };

        if (!inTime) {
            it("fails what is not answered in time, and drops what comes late", async () => {
                const lamp = await agent();
                const consumer = await connected("operator");
                const [reading, blinking] = [await send(consumer, read), await send(consumer, blink)];
                expect((await responseTo(consumer, reading))["error"])
                    .to.have.property("type")
                    .that.contains("TIMEOUT");
                expect((await responseTo(consumer, blinking))["error"])
                    .to.have.property("type")
                    .that.contains("OUTCOME_UNKNOWN");
                expect(await lamp.respond(await lamp.request(read), { output: 1 })).to.include({ status: 204 });
                await consumer.call({ operation: "ping" });
                expect(
                    consumer.stream!.blocks.filter(({ json }) => json?.["correlationID"] === reading)
                ).to.have.length(1);
            });

            it("gives actions longer than the deadline as long as they have progress", async () => {
                const lamp = await agent();
                const caller = await connected("operator");
                const id = await send(caller, blink);
                const request = await lamp.request(blink);
                const from = Date.now();
                while (Date.now() - from < 1.2 * DEADLINE) {
                    await lamp.notify({
                        affordanceType: "action",
                        thingID: LAMP,
                        name: "blink",
                        value: { status: "running" },
                    });
                    await caller.stream!.notification({ name: "blink" });
                }
                await lamp.respond(request, { output: "at last" });
                expect(await responseTo(caller, id)).to.include({ status: "completed", output: "at last" });
            });
            return;
        }

        it("passes a request on with an id of its own, and the answer back with that of the caller", async () => {
            const lamp = await agent();
            const consumer = await connected("viewer");
            const id = await send(consumer, { ...read, senderID: "somebody", messageID: "m1" });
            const request = await lamp.request(read);
            expect(request).to.include({ ...read, messageType: "request", senderID: usernameOf("viewer") });
            expect(request["correlationID"]).to.be.a("string").that.is.not.oneOf(["", id]);
            expect(request["messageID"]).to.be.a("string").that.is.not.oneOf(["", "m1"]);
            expect(await lamp.respond(request, { output: 7 })).to.include({ status: 204 });
            expect(await responseTo(consumer, id)).to.include({
                ...read,
                output: 7,
                status: "completed",
                senderID: usernameOf(AGENT),
                consumerID: "", // recorded so, but for invocations
            });
        });

        it("passes input on as it is, and errors back as the agent gave them", async () => {
            const lamp = await agent();
            const consumer = await connected("manager");
            const input = { a: [1, null, { b: "c" }] };
            const id = await send(consumer, { ...blink, input });
            const error = { status: 422, type: "urn:lamp:burnt", title: "The lamp is burnt", detail: "Buy one" };
            const request = await lamp.serve(blink, { status: "failed", error });
            expect(request["input"]).to.deep.equal(input);
            expect(await responseTo(consumer, id)).to.deep.include({
                status: "failed",
                error,
                senderID: usernameOf(AGENT),
            });
        });

        it("keeps apart equal correlation ids of two consumers, and of two connections of one", async () => {
            const lamp = await agent();
            const consumers = [await connected("viewer"), await connected("operator"), await connected("operator")];
            for (const [n, consumer] of consumers.entries()) {
                await send(consumer, { ...read, correlationID: "same", name: `p${n}` });
            }
            for (const n of [2, 0, 1]) await lamp.serve({ name: `p${n}` }, { output: n });
            for (const [n, consumer] of consumers.entries()) {
                expect(await responseTo(consumer, "same")).to.include({ output: n, name: `p${n}` });
            }
        });

        it("answers at once for an agent that is not connected, and reaches one that came back", async () => {
            const consumer = await connected("viewer");
            const { envelope } = await consumer.call(read);
            expect(envelope).to.include({ status: "failed" });
            expect(envelope["error"]).to.include({ status: 503 }).and.property("type").contains("AGENT_OFFLINE");
            const first = await agent();
            const second = await agent();
            first.client.stream!.destroy();
            const id = await send(consumer, read);
            await second.serve(read, { output: 3 });
            expect(await responseTo(consumer, id)).to.include({ output: 3 });
        });

        it("asks the newest connection of an agent, and takes the answer by any of them, or by none", async () => {
            const old = await agent();
            const recent = await agent();
            const consumer = await connected("viewer");
            for (const cid of [old.client.cid, undefined, recent.client.cid]) {
                const id = await send(consumer, read);
                const request = await recent.request(read);
                recent.client.cid = cid;
                expect(await recent.respond(request, { output: String(cid) })).to.include({ status: 204 });
                expect(await responseTo(consumer, id)).to.include({ output: String(cid) });
            }
        });

        it("fails what an agent had been asked when it leaves: unsafe requests with OUTCOME_UNKNOWN", async () => {
            const lamp = await agent();
            const consumer = await connected("operator");
            const [reading, blinking] = [await send(consumer, read), await send(consumer, blink)];
            await lamp.request(read);
            await lamp.request(blink);
            lamp.client.stream!.destroy();
            const codes = [];
            for (const id of [reading, blinking]) {
                codes.push(((await responseTo(consumer, id))["error"] as Envelope)["type"]);
            }
            expect(codes[0]).to.contain("AGENT_OFFLINE");
            expect(codes[1]).to.contain("OUTCOME_UNKNOWN");
        });

        it("drops the answer of another client, and a second one", async () => {
            const lamp = await agent();
            const stranger = await agent("service");
            const consumer = await connected("viewer");
            const id = await send(consumer, read);
            const request = await lamp.request(read);
            expect(await stranger.respond(request, { output: "forged" })).to.include({ status: 204 });
            await lamp.respond(request, { output: "right" });
            await lamp.respond(request, { output: "again" });
            expect(await responseTo(consumer, id)).to.include({ output: "right" });
            await consumer.call({ operation: "ping" });
            expect(consumer.stream!.blocks.filter(({ json }) => json?.["correlationID"] === id)).to.have.length(1);
        });

        it("tells subscribers of events and properties, with the agent as their sender, also those who want all Things", async () => {
            const lamp = await agent();
            const one = await connected("viewer");
            await one.call({ operation: "subscribeevent", thingID: LAMP, name: "failed" });
            await one.call({ operation: "observeproperty", thingID: LAMP, name: "hue" });
            const all = await connected("viewer");
            await all.call({ operation: "subscribeallevents" });
            await all.call({ operation: "observeallproperties" });
            await lamp.notify({ thingID: LAMP, name: "warned", value: 0 });
            await lamp.notify({ thingID: LAMP, name: "failed", value: { n: 1 }, senderID: "forged" });
            await lamp.notify({ thingID: LAMP, name: "hue", value: 5, affordanceType: "property" });
            for (const consumer of [one, all]) {
                const { json } = await consumer.stream!.notification({ name: "failed" });
                expect(json).to.deep.include({ thingID: LAMP, value: { n: 1 }, senderID: usernameOf(AGENT) });
                expect((await consumer.stream!.notification({ name: "hue" })).json).to.include({ value: 5 });
            }
            expect(one.stream!.notifications().map(({ name }) => name)).to.deep.equal(["failed", "hue"]);
            expect(all.stream!.notifications().map(({ name }) => name)).to.deep.equal(["warned", "failed", "hue"]);
        });

        it("passes by what an agent publishes for Things that are not its own", async () => {
            await setUp.server.directory.put(lampTd("lamp-2"), usernameOf("service"));
            const [lamp, stranger] = [await agent(), await agent("service")];
            const consumer = await connected("viewer");
            await consumer.call({ operation: "subscribeallevents" });
            for (const thingID of [LAMP, "unknown", setUp.server.thingId]) {
                expect(await stranger.notify({ thingID, name: "failed", value: "forged" })).to.include({ status: 204 });
            }
            await stranger.notify({ thingID: "lamp-2", name: "failed", value: "own" });
            await consumer.stream!.notification({ thingID: "lamp-2", value: "own" });
            await lamp.notify({ thingID: LAMP, name: "failed", value: "right" });
            await consumer.stream!.notification({ value: "right" });
            expect(consumer.stream!.notifications()).to.have.length(2);
            const { envelope } = await (
                await connected("admin")
            ).call({ operation: "readevent", thingID: LAMP, name: "failed" });
            expect(envelope["output"]).to.include({ value: "right" });
        });

        it("passes by what a client publishes whose role lets it have no Things, though one is its own", async () => {
            await setUp.server.directory.put(lampTd("lamp-3"), usernameOf("operator"));
            await setUp.server.directory.put(lampTd("lamp-2"), usernameOf("service"));
            const consumer = await connected("viewer");
            await consumer.call({ operation: "subscribeallevents" });
            await (await agent("operator")).notify({ thingID: "lamp-3", name: "failed", value: "not heard" });
            await (await agent("service")).notify({ thingID: "lamp-2", name: "failed", value: "heard" });
            await consumer.stream!.notification({ value: "heard" });
            expect(consumer.stream!.notifications()).to.have.length(1);
        });

        it("answers readevent and readallevents itself, whether the agent is there or not", async () => {
            const lamp = await agent();
            for (const value of ["first", "second"]) await lamp.notify({ thingID: LAMP, name: "warned", value });
            lamp.client.stream!.destroy();
            const consumer = await connected("viewer");
            const { envelope } = await consumer.call({ operation: "readevent", thingID: LAMP, name: "warned" });
            expect(envelope["output"]).to.include({ affordanceType: "event", name: "warned", value: "second" });
            const all = await consumer.call({ operation: "readallevents", thingID: LAMP });
            expect(all.envelope["output"]).to.have.property("warned").that.includes({ value: "second" });
            const unknown = await consumer.call({ operation: "readevent", thingID: LAMP, name: "nothing" });
            expect(unknown.envelope["error"]).to.have.property("type").that.contains("UNKNOWN_AFFORDANCE");
        });

        it("refuses subscriptions to what the TD does not have", async () => {
            const consumer = await connected("viewer");
            const { envelope } = await consumer.call({ operation: "subscribeevent", thingID: LAMP, name: "nothing" });
            expect(envelope["error"]).to.have.property("type").that.contains("UNKNOWN_AFFORDANCE");
            const stopping = await consumer.call({ operation: "unobserveproperty", thingID: LAMP, name: "nothing" });
            expect(stopping.envelope["error"]).to.have.property("type").that.contains("UNKNOWN_AFFORDANCE");
            const all = await consumer.call({ operation: "unsubscribeallevents", thingID: LAMP });
            expect(all.envelope).to.include({ status: "completed" });
        });

        it("asks for roles before it passes anything on", async () => {
            const lamp = await agent();
            const consumer = await connected("viewer");
            const { envelope } = await consumer.call(blink);
            expect(envelope["error"]).to.include({ status: 403 });
            await send(consumer, read);
            await lamp.request(); // the first thing that it is asked
            expect(lamp.requests).to.have.length(1);
            expect(lamp.requests[0]).to.include(read);
        });

        describe("actions", () => {
            it("have progress for their caller and for observers, with the caller's id", async () => {
                const lamp = await agent();
                const caller = await connected("operator");
                const observer = await connected("viewer");
                for (const each of [caller, observer]) {
                    await each.call({ operation: "observeaction", thingID: LAMP, name: "fade" });
                }
                const id = await send(caller, { operation: "invokeaction", thingID: LAMP, name: "fade" });
                const request = await lamp.request({ name: "fade" });
                const progress = { messageType: "response", operation: "invokeaction", thingID: LAMP, name: "fade" };
                await lamp.notify({
                    affordanceType: "action",
                    thingID: LAMP,
                    name: "fade",
                    correlationID: request["correlationID"],
                    value: { ...progress, status: "running", output: 50, correlationID: request["correlationID"] },
                });
                await lamp.respond(request, { output: "faded" });
                for (const each of [caller, observer]) {
                    const { json } = await each.stream!.notification({ name: "fade" });
                    expect(json).to.include({ affordanceType: "action", correlationID: id });
                    expect(json!["value"]).to.include({ status: "running", output: 50, correlationID: id });
                }
                expect(await responseTo(caller, id)).to.include({ output: "faded" });
                await observer.call({ operation: "ping" });
                for (const each of [caller, observer]) expect(each.stream!.notifications()).to.have.length(1);
            });

            it("have progress without an id, as the reference's agents send it, for all who wait for that action", async () => {
                const lamp = await agent();
                const callers = [await connected("operator"), await connected("manager")];
                const observer = await connected("viewer");
                await observer.call({ operation: "observeallactions" });
                const ids = [];
                for (const each of callers) ids.push(await send(each, blink));
                const requests = [await lamp.request(blink), await lamp.request(blink)];
                await lamp.notify({
                    affordanceType: "action",
                    thingID: LAMP,
                    name: "blink",
                    value: {
                        messageType: "",
                        operation: "",
                        status: "running",
                        output: 1,
                        thingID: LAMP,
                        name: "blink",
                    },
                });
                for (const [n, each] of callers.entries()) {
                    const { json } = await each.stream!.notification({ name: "blink" });
                    expect(json).to.include({ correlationID: ids[n] });
                }
                await observer.stream!.notification({ name: "blink" });
                for (const request of requests) await lamp.respond(request);
                for (const [n, each] of callers.entries()) await responseTo(each, ids[n]!);
                await observer.call({ operation: "ping" });
                expect(observer.stream!.notifications()).to.have.length(1);
            });

            it("are called by the caller's ids in what he asks of them, and in what comes back", async () => {
                const lamp = await agent();
                const caller = await connected("operator");
                const id = await send(caller, blink);
                const invocation = await lamp.request(blink);
                const agentsId = invocation["correlationID"];
                const status = (name: string): Envelope => ({
                    messageType: "response",
                    operation: "invokeaction",
                    thingID: LAMP,
                    name,
                    status: "running",
                    correlationID: agentsId,
                });
                const query = { operation: "queryaction", thingID: LAMP, name: "blink", input: id };
                const asked = await send(caller, query);
                const queryRequest = await lamp.serve({ operation: "queryaction" }, { output: status("blink") });
                expect(queryRequest).to.include({ input: agentsId });
                expect((await responseTo(caller, asked))["output"]).to.include({
                    correlationID: id,
                    status: "running",
                });

                const askedAll = await send(caller, { operation: "queryallactions", thingID: LAMP });
                await lamp.serve({ operation: "queryallactions" }, { output: { blink: status("blink") } });
                expect((await responseTo(caller, askedAll))["output"]).to.have.nested.property(
                    "blink.correlationID",
                    id
                );

                const cancelling = await send(caller, {
                    operation: "cancelaction",
                    thingID: LAMP,
                    name: "blink",
                    input: id,
                });
                expect(await lamp.serve({ operation: "cancelaction" })).to.include({ input: agentsId });
                await responseTo(caller, cancelling);
                await lamp.respond(invocation);
                await responseTo(caller, id);

                // Also after it has ended, and by somebody else
                const other = await connected("manager");
                const again = await send(other, { ...query });
                expect(await lamp.serve({ operation: "queryaction" }, { output: status("blink") })).to.include({
                    input: agentsId,
                });
                expect((await responseTo(other, again))["output"]).to.include({ correlationID: id });
            });

            it("of two callers with one id are each the caller's own", async () => {
                const lamp = await agent();
                const callers = [await connected("operator"), await connected("manager")];
                const agentsIds = [];
                for (const each of callers) {
                    await send(each, { ...blink, correlationID: "action-1" });
                    agentsIds.push((await lamp.request(blink))["correlationID"]);
                }
                for (const [n, each] of callers.entries()) {
                    const id = await send(each, {
                        operation: "cancelaction",
                        thingID: LAMP,
                        name: "blink",
                        input: "action-1",
                    });
                    expect(await lamp.serve({ operation: "cancelaction" })).to.include({ input: agentsIds[n] });
                    await responseTo(each, id);
                }
            });
        });
    });
}
