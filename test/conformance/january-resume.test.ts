/**
 * HiveOT's own Go clients on paths that break (issue 6: "A January Go client resumes too. Peers without it are served as before"). They do
 * here what the real ones did at this server, cut by the same proxy.
 */
import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CALM, FaultProxy } from "../faults/proxy";
import { onEnd, tdOf } from "../hub/harness";
import { eventually } from "../support/eventually";
import { type Role, SetUp, wireTo } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";
import { type Envelope, RawStream } from "./raw/event-stream";
import { JanuaryGoClient } from "./raw/january-go";
import { RawAgent } from "./raw/raw-agent";
import { freshId, RawClient, type RequestHeaders, type Wire } from "./raw/raw-client";
import { readRecording, readSteps } from "./raw/recordings";
import { req } from "./requirements";

const LAMP = "urn:lamp";

const INVOKE = { messageType: "request", operation: "invokeaction", thingID: COUNTER_ID, name: "later" };

/** The status that a Go agent of January puts into the answer to an invocation. */
const completed = (output: number): Envelope => ({ error: null, name: "fade", value: { state: "completed", output } });

describe("HiveOT's Go client of January, recorded on a path that was cut three times", () => {
    const FILE = "live/resumed/hivekit-2026-01-consumer.jsonl";

    req("JAN-resume", "dials as the raw client does, and hears each event and each answer once", async () => {
        const dials: { path: string; headers: RequestHeaders }[] = [];
        let stream = new RawStream(0, {}, "", () => undefined);
        const noting: Pick<Wire, "openStream"> = {
            openStream: (path, { clientid: _none, ...headers }, read) => {
                dials.push({ path, headers });
                stream = new RawStream(200, {}, "", () => undefined, undefined, read);
                return Promise.resolve(stream);
            },
        };
        const exchanges = readRecording(FILE);
        const cid = exchanges.find(({ method }) => method === "GET")?.headers["cid"];
        const client = new JanuaryGoClient(noting as Wire, "<jwt>", cid);
        for (const step of readSteps(FILE)) {
            if (step.kind === "block") stream.feed(step.raw);
            if (step.kind !== "request" || step.method !== "GET") continue;
            await client.dial();
            expect(dials.at(-1)).to.deep.equal({ path: step.path, headers: step.headers });
        }
        expect(dials).to.have.length(4);
        expect(client.heard("number")).to.deep.equal(Array.from({ length: 40 }, (_, index) => index + 1));
        const asked = exchanges.filter(({ path, reply }) => path === "/hiveot/request" && reply.status === 201);
        const came = asked.map(({ envelope }) => client.came("response", envelope?.["correlationID"]));
        expect(came).to.deep.equal([1, 1, 1, 1, 1, 1, 1, 1, 0, 0]); // the recording ends ahead of the last two
        expect(client.streams.flatMap(({ faults }) => faults)).to.deep.equal([]);
    });
});

for (const transport of ["TLS h2", "TLS h1"] as const) {
    describe(`HiveOT's Go clients over ${transport}, cut off`, () => {
        let setUp: SetUp;
        let proxy: FaultProxy;
        let stop: (() => Promise<void>)[] = [];

        afterEach(stopAll);

        async function stopAll(): Promise<void> {
            for (const each of stop.splice(0)) await each();
        }

        async function start(server: object = {}): Promise<void> {
            setUp = await SetUp.start({
                secure: true,
                server: { lingerTime: 60_000, ...server },
                things: [COUNTER_ID],
            });
            proxy = await FaultProxy.start(setUp.port);
            stop = [setUp, proxy].map((each) => () => each.stop());
        }

        function wire() {
            const made = wireTo(transport, `https://127.0.0.1:${String(proxy.port)}`, setUp.certificate);
            onEnd(() => made.close());
            return made;
        }

        /** Its stream is open. */
        async function january(role: Role = "operator"): Promise<JanuaryGoClient> {
            const client = new JanuaryGoClient(wire(), await setUp.token(role));
            expect(client.lastEventId).to.equal("");
            await client.connected();
            return client;
        }

        async function cut(end: "reset" | "finish" = "reset"): Promise<void> {
            const { lingering } = setUp.server.status;
            proxy.endAll(end);
            await eventually("the session lingers", () => setUp.server.status.lingering > lingering);
            await eventually("all are cut", () => proxy.open === 0);
        }

        /** A client that reaches the server by a path of its own, which nobody cuts. */
        async function other(role: Role): Promise<RawClient> {
            const client = await setUp.connected(transport, role);
            onEnd(() => client.close());
            return client;
        }

        function emit(from: number, to: number): void {
            for (let n = from; n <= to; n++) setUp.counter.tick(String(n));
        }

        const numbers = (to: number, from = 1): string[] =>
            Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

        describe("consumer of January", () => {
            req(
                "JAN-resume",
                "hears each event once and in order over ten cuts, with what it subscribed to once",
                async () => {
                    await start();
                    const client = await january();
                    await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                    await client.call({ operation: "observeproperty", thingID: COUNTER_ID, name: "count" });
                    for (let round = 0; round < 10; round++) {
                        const first = round * 9 + 1;
                        emit(first, first + 2);
                        await client.stream!.notification({ value: String(first + 2) });
                        if (round % 2 === 1)
                            proxy.change(() => ({ down: 700 })); // ends in the midst of what follows
                        else await cut("finish");
                        emit(first + 3, first + 5);
                        await setUp.counter.setCount(round);
                        emit(first + 6, first + 8);
                        await client.stream!.closed;
                        await eventually("it lingers", () => setUp.server.status.lingering === 1);
                        const last = client.lastEventId;
                        expect(await client.connected()).to.equal(last);
                        await client.stream!.notification({ value: String(first + 8) });
                    }
                    expect(client.heard("tick")).to.deep.equal(numbers(90));
                    expect(client.heard("count")).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
                    expect(setUp.server.status).to.include({ sessions: 1, lingering: 0, subscribers: 1 });
                    expect(client.streams.flatMap(({ faults }) => faults)).to.deep.equal([]);
                    for (const { headers } of client.streams) {
                        expect(headers).to.not.have.any.keys("hiveot-resume", "hiveot-features");
                    }
                }
            );

            req(
                "JAN-resume",
                "has the answers to what was under way, and to what it asked without a stream, once",
                async () => {
                    await start();
                    const client = await january();
                    const ask = async (correlationID: string): Promise<void> => {
                        const reply = await client.post("/hiveot/request", { ...INVOKE, input: 1, correlationID });
                        expect(reply.status).to.equal(201);
                    };
                    await ask("before");
                    await setUp.counter.invoked("later");
                    await cut();
                    await ask("meanwhile");
                    await setUp.counter.invoked("later", 2);
                    for (const release of setUp.counter.later) release();
                    await client.connected();
                    await client.stream!.response("before");
                    await client.stream!.response("meanwhile");
                    await cut();
                    await client.connected();
                    await client.call({ operation: "ping" });
                    for (const id of ["before", "meanwhile"]) expect(client.came("response", id), id).to.equal(1);
                    expect(setUp.counter.invocations).to.have.length(2);
                }
            );

            req("JAN-resume", "takes its stream over where the server has not noticed the cut", async () => {
                await start();
                const client = await january();
                await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                emit(1, 2);
                const old = client.stream!;
                await old.notification({ value: "2" });
                const later = client.by(wire());
                emit(3, 3);
                await old.notification({ value: "3" });
                await later.connected(); // it has not read 3
                await old.closed;
                emit(4, 4);
                await later.stream!.notification({ value: "4" });
                expect(later.heard("tick")).to.deep.equal(["3", "4"]);
                expect([old.blocks.at(-1)?.comment, old.rest]).to.deep.equal(["replaced", ""]);
                expect(setUp.server.status).to.include({ sessions: 1, lingering: 0, subscribers: 1 });
            });

            req(
                "JAN-resume",
                "gets what is left where it was away for too much, and keeps its subscriptions",
                async () => {
                    await start({ outboxFrames: 3 });
                    const client = await january();
                    await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                    emit(1, 1);
                    await client.stream!.notification({ value: "1" });
                    await cut();
                    emit(2, 9);
                    await client.connected();
                    emit(10, 10);
                    await client.stream!.notification({ value: "10" });
                    expect(client.heard("tick")).to.deep.equal(["1", "7", "8", "9", "10"]);
                    expect(client.stream!.headers).to.not.have.property("hiveot-resume");
                    await cut();
                    emit(11, 11);
                    await client.connected();
                    await client.stream!.notification({ value: "11" });
                    expect(client.heard("tick").slice(-2)).to.deep.equal(["10", "11"]);
                }
            );

            req(
                "JAN-resume",
                "has a new session at a server that was started anew, even if it never heard of it",
                async () => {
                    const store = mkdtempSync(join(tmpdir(), "january-"));
                    onEnd(() => {
                        rmSync(store, { recursive: true });
                    });
                    await start({ store });
                    const before = await january();
                    await before.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                    emit(1, 50);
                    await before.stream!.notification({ value: "50" });
                    await stopAll();
                    await start({ store });
                    const unheard = before.by(wire()); // it is cut before anything of this comes through
                    await unheard.connected();
                    await unheard.call({
                        operation: "subscribeallevents",
                        thingID: COUNTER_ID,
                        correlationID: "again",
                    });
                    emit(51, 51);
                    await unheard.stream!.notification({ value: "51" });
                    await cut();
                    emit(52, 52);
                    const client = before.by(wire());
                    expect(await client.connected()).to.equal(beginningOf(unheard.lastEventId));
                    await client.stream!.notification({ value: "52" });
                    expect(client.heard("tick")).to.deep.equal(["51", "52"]);
                    expect(client.came("response", "again")).to.equal(1);
                    await cut();
                    emit(53, 53);
                    await client.connected();
                    await client.stream!.notification({ value: "53" });
                    expect(client.heard("tick")).to.deep.equal(["51", "52", "53"]);
                }
            );
        });

        describe("agent of January", () => {
            let hub: { agent: RawAgent; client: JanuaryGoClient; consumer: RawClient };

            /** It has written the TD of its lamp. */
            async function startAgent(server: object = {}): Promise<void> {
                await start({ hub: true, ...server });
                const client = await january("device");
                const td = JSON.stringify(tdOf(LAMP, { actions: { fade: {} }, events: { dim: {} } }));
                const write = { operation: "invokeaction", thingID: "directory", name: "createThing", input: td };
                expect((await client.call(write)).envelope).to.include({ status: "completed" });
                hub = { client, agent: new RawAgent(client), consumer: await other("operator") };
            }

            function fade(input: number): Promise<Envelope> {
                const invocation = { operation: "invokeaction", thingID: LAMP, name: "fade", input };
                return hub.consumer.call(invocation).then(({ envelope }) => envelope);
            }

            async function answer(request: Envelope): Promise<void> {
                expect((await hub.agent.respond(request, completed(Number(request["input"])))).status).to.equal(200);
            }

            req(
                "JAN-resume",
                "answers requests that were under way at the cut, and those that came meanwhile, once",
                async () => {
                    await startAgent();
                    const { agent, client } = hub;
                    const asked = fade(1);
                    const request = await agent.request({ input: 1 });
                    proxy.change(() => ({ down: 60 })); // in the midst of the next request
                    const halved = fade(2);
                    await client.stream!.closed;
                    await eventually("it lingers", () => setUp.server.status.lingering === 1);
                    proxy.change(() => CALM);
                    const queued = [fade(3), fade(4)];
                    await answer(request); // by a POST, without a stream
                    expect(await asked).to.include({ status: "completed", output: 1 });
                    await client.connected();
                    const requests: Envelope[] = [];
                    for (let n = 2; n <= 4; n++) requests.push(await agent.request());
                    expect(requests.map(({ input }) => input)).to.deep.equal([2, 3, 4]);
                    for (const each of requests) await answer(each);
                    const answers = await Promise.all([halved, ...queued]);
                    expect(answers.map(({ output }) => output)).to.deep.equal([2, 3, 4]);
                    await cut();
                    await client.connected();
                    await client.call({ operation: "ping" });
                    for (const { correlationID } of [request, ...requests]) {
                        expect(client.came("request", correlationID)).to.equal(1);
                    }
                }
            );

            req("JAN-resume", "keeps its Things and its own subscriptions, and is heard again", async () => {
                await startAgent();
                const { client, agent, consumer } = hub;
                await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                await consumer.call({ operation: "subscribeallevents", thingID: LAMP });
                const dim = (value: number): Promise<unknown> =>
                    agent.notify({ operation: "subscribeevent", thingID: LAMP, name: "dim", value });
                await cut();
                emit(1, 3);
                await dim(1); // by a POST, without a stream
                await client.connected();
                await client.stream!.notification({ value: "3" });
                await dim(2);
                await consumer.stream!.notification({ value: 2 });
                expect(client.heard("tick")).to.deep.equal(["1", "2", "3"]);
                expect(consumer.stream!.notifications().map(({ value }) => value)).to.deep.equal([1, 2]);
                expect(setUp.server.getThingDescription(LAMP)).to.include({ id: LAMP });
            });

            req("JAN-resume", "counts with the first answer where it gives two, by two connections", async () => {
                await startAgent();
                const asked = fade(1);
                const request = await hub.agent.request();
                await answer(request);
                await cut(); // before it knows that its answer was taken
                expect(
                    (await hub.agent.respond(request, { error: { status: 500, title: "EOF" }, value: null })).status
                ).to.equal(200);
                expect(await asked).to.include({ status: "completed", output: 1 });
            });

            req(
                "JAN-resume",
                "gets what a hub that was started anew has sent to it, though it names a frame of the old one",
                async () => {
                    const store = mkdtempSync(join(tmpdir(), "january-"));
                    onEnd(() => {
                        rmSync(store, { recursive: true });
                    });
                    await startAgent({ store });
                    const { client } = hub;
                    await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                    emit(1, 50);
                    await client.stream!.notification({ value: "50" });
                    await stopAll();
                    await start({ hub: true, store });
                    const unheard = client.by(wire()); // it is cut before anything of this comes through
                    await unheard.connected();
                    const again = client.by(wire());
                    hub = { client: again, agent: new RawAgent(again), consumer: await other("operator") };
                    const asked = fade(1);
                    await unheard.stream!.next(({ event }) => event === "request");
                    await cut();
                    await again.connected();
                    await answer(await hub.agent.request({ input: 1 }));
                    expect(await asked).to.include({ status: "completed", output: 1 });
                }
            );
        });

        describe("consumer of August", () => {
            it("[STREAM-new-cid] is served each time that it dials anew with a new cid, more often than it may have connections", async () => {
                await start({ maxConnectionsPerClient: 5, hub: true });
                const client = new RawClient(wire());
                [client.token, client.clientId] = [await setUp.token("operator"), "operator1"];
                const subscription = { operation: "subscribeallevents", thingID: COUNTER_ID };
                const ids = { correlationID: freshId("sub"), messageID: freshId("m") };
                const heard: unknown[] = [];
                for (let round = 1; round <= 60; round++) {
                    const stream = await client.openStream();
                    expect(stream.status, `round ${String(round)}`).to.equal(200);
                    await stream.next(({ event }) => event === "sse-ping");
                    await client.call({ ...subscription, ...ids });
                    emit(round, round);
                    await stream.notification({ value: String(round) });
                    await client.call({ operation: "ping" });
                    heard.push(...stream.notifications().map(({ value }) => value));
                    proxy.endAll("reset");
                    await stream.closed;
                    await eventually("it is cut", () => setUp.server.status.sessions === 0 && proxy.open === 0);
                    expect(setUp.server.status.lingering).to.equal(Math.min(round, 5));
                }
                expect(heard).to.deep.equal(numbers(60));
            });
        });
    });
}

/** The id with which the session begins that an id is of. */
function beginningOf(id: string): string {
    return id.replace(/\d+$/, "0");
}
