/** Requests to agents that come and go: which session gets them, when, and how often (design.md, "Hub to agent"). */
import { expect } from "chai";
import type { Envelope } from "../conformance/raw/event-stream";
import { RawAgent } from "../conformance/raw/raw-agent";
import { freshId, type RawClient } from "../conformance/raw/raw-client";
import { eventually } from "../support/eventually";
import { SetUp, usernameOf } from "../support/set-ups";
import { onEnd, tdOf } from "./harness";

const LAMP = "lamp-1";
const OURS = { "hiveot-features": "resume" };
/** Long enough for whoever does answer, however busy the machine is. */
const PATIENT = 30_000;
/** Of the tests in which it runs out. */
const DEADLINE = 200;

for (const transport of ["plain h1", "TLS h2"] as const) {
    describe(`requests to an agent that comes and goes, over ${transport}`, () => {
        let setUp: SetUp;
        let consumer: RawClient;

        async function start({ requestTimeout = PATIENT, lingerTime = 60_000 } = {}): Promise<void> {
            const server = { hub: { requestTimeout }, lingerTime };
            setUp = await SetUp.start({ secure: transport === "TLS h2", server, things: [] });
            onEnd(() => setUp.stop());
            const td = tdOf(LAMP, { properties: { brightness: { type: "integer" } }, actions: { blink: {} } });
            await setUp.server.directory.put(td, usernameOf("device"));
            consumer = await setUp.connected(transport, "operator");
            onEnd(() => consumer.close());
        }

        /** A connection of the agent. */
        async function agent(cid: string): Promise<RawAgent> {
            const client = await setUp.client(transport, "device");
            onEnd(() => client.close());
            const made = new RawAgent(client);
            await open(made, cid);
            return made;
        }

        async function open({ client }: RawAgent, cid: string, lastEventId?: string): Promise<void> {
            const resume: Envelope = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
            const stream = await client.openStream({ cid, headers: { ...OURS, ...resume } });
            await stream.next(({ event }) => event === "sse-ping");
            if (lastEventId !== undefined) expect(stream.headers["hiveot-resume"]).to.equal("resumed");
        }

        const lastOf = ({ client }: RawAgent): string => client.stream!.blocks.at(-1)?.id ?? "";

        async function leaves({ client }: RawAgent): Promise<void> {
            const { lingering } = setUp.server.status;
            client.stream!.destroy();
            await eventually("it lingers", () => setUp.server.status.lingering === lingering + 1);
        }

        /** Asks for something and does not wait for the answer. */
        async function ask(members: Envelope): Promise<string> {
            const correlationID = freshId("c");
            const request = { messageType: "request", thingID: LAMP, ...members, correlationID };
            expect(await consumer.post("/hiveot/request", request)).to.include({ status: 201 });
            return correlationID;
        }

        async function answer(id: string): Promise<Envelope> {
            const { output, error } = (await consumer.stream!.response(id)).json ?? {};
            return (error as Envelope | undefined) ?? { output };
        }

        const read = (name = "brightness"): Envelope => ({ operation: "readproperty", name });
        const blink: Envelope = { operation: "invokeaction", name: "blink" };
        const names = ({ client }: RawAgent): unknown[] =>
            client.stream!.blocks.flatMap(({ event, json }) => (event === "request" ? [json?.["name"]] : []));

        it("go to the one that has a stream, though a newer one lingers", async () => {
            await start();
            const [old, recent] = [await agent("old"), await agent("recent")];
            await leaves(recent);
            const id = await ask(read());
            await old.serve(read(), { output: 1 });
            expect(await answer(id)).to.deep.equal({ output: 1 });
        });

        it("go to the one that was resumed last", async () => {
            await start();
            const [resumed, other] = [await agent("one"), await agent("two")];
            await leaves(resumed);
            await open(resumed, "one", lastOf(resumed));
            const id = await ask(read());
            await resumed.serve(read(), { output: 1 });
            expect(await answer(id)).to.deep.equal({ output: 1 });
            expect(names(other)).to.deep.equal([]);
        });

        it("wait while there is none, and go once to whichever comes first: the one that left, or another", async () => {
            await start();
            const one = await agent("one");
            const last = lastOf(one);
            await leaves(one);
            const first = await ask(read("first"));
            await open(one, "one", last);
            await one.serve({ name: "first" }, { output: 1 });
            expect(await answer(first)).to.deep.equal({ output: 1 });
            const behind = lastOf(one);
            await leaves(one);
            const second = await ask(read("second"));
            const two = await agent("two");
            const request = await two.request({ name: "second" });
            await open(one, "one", behind); // while it waits for its answer
            await two.respond(request, { output: 2 });
            expect(await answer(second)).to.deep.equal({ output: 2 });
            const third = await ask(read("third"));
            await one.serve({ name: "third" }, { output: 3 });
            expect(await answer(third)).to.deep.equal({ output: 3 });
            expect([names(one), names(two)]).to.deep.equal([["third"], ["second"]]);
        });

        it("that it got before it left are answered by a POST without a stream, and come again if they were lost on the way", async () => {
            await start();
            const one = await agent("one");
            const first = await ask(read("first"));
            const request = await one.request({ name: "first" });
            const last = lastOf(one);
            const second = await ask(read("second"));
            await one.request({ name: "second" });
            await leaves(one);
            await one.respond(request, { output: 1 });
            expect(await answer(first)).to.deep.equal({ output: 1 });
            await open(one, "one", last); // as if the second had not come
            await one.serve({ name: "second" }, { output: 2 });
            expect(await answer(second)).to.deep.equal({ output: 2 });
            expect(names(one)).to.deep.equal(["second"]);
        });

        it("fail at once when the last one that they waited for is gone for good", async () => {
            await start({ lingerTime: 50 });
            const one = await agent("one");
            one.client.stream!.destroy();
            await eventually("it has left", () => setUp.server.status.sessions === 1);
            const id = await ask(read());
            expect((await answer(id))["type"]).to.contain("AGENT_OFFLINE");
        });

        it("are asked again elsewhere when a session is gone, unless they were answered, or are not safe", async () => {
            await start({ lingerTime: 0 });
            const [left, gone] = [await agent("left"), await agent("gone")];
            const answered = await ask(read("answered"));
            await gone.serve({ name: "answered" }, { output: 0 });
            await answer(answered);
            const [reading, blinking] = [await ask(read("open")), await ask(blink)];
            await gone.request({ name: "open" });
            await gone.request(blink);
            gone.client.stream!.destroy();
            await left.serve({ name: "open" }, { output: 1 });
            expect(await answer(reading)).to.deep.equal({ output: 1 });
            expect((await answer(blinking))["type"]).to.contain("OUTCOME_UNKNOWN");
            expect(names(left)).to.deep.equal(["open"]);
        });

        it("were never done if they had not left in time, and do not leave later", async () => {
            await start({ requestTimeout: DEADLINE });
            const one = await agent("one");
            const last = lastOf(one);
            await leaves(one);
            const late = await ask(blink);
            expect((await answer(late))["type"]).to.contain("AGENT_OFFLINE");
            await open(one, "one", last);
            await ask(read());
            await one.request();
            expect(names(one)).to.deep.equal(["brightness"]);
        });

        it("are not sent again when nobody waits for them any more, though nobody knows whether they were done", async () => {
            await start({ requestTimeout: DEADLINE });
            const one = await agent("one");
            const last = lastOf(one);
            const late = await ask(blink);
            await one.request(blink);
            await leaves(one);
            expect((await answer(late))["type"]).to.contain("OUTCOME_UNKNOWN");
            await open(one, "one", last);
            await ask(read());
            await one.request();
            expect(names(one)).to.deep.equal(["brightness"]);
        });

        it("are taken back, if they have not left, when whoever asked does not want them any more", async () => {
            await start();
            const one = await agent("one");
            const last = lastOf(one);
            await leaves(one);
            const [connection] = [...setUp.server.connections].filter(({ clientId }) => clientId === "device1");
            const abort = new AbortController();
            const asked = connection!.request({ operation: "ping" }, { signal: abort.signal });
            abort.abort();
            expect(await asked.catch((error: unknown) => error)).to.have.property("code", "ABORTED");
            await open(one, "one", last);
            await ask(read());
            await one.request();
            expect(names(one)).to.deep.equal(["brightness"]);
        });
    });
}
