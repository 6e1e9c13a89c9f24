/** How a server stops: `stop()` drains, and `shutdownTimeout` bounds it (design.md, "Delivery"). */
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { expect } from "chai";
import type { Envelope } from "../conformance/raw/event-stream";
import { RawAgent } from "../conformance/raw/raw-agent";
import type { RawClient, RawStream } from "../conformance/raw/raw-client";
import { onEnd, tdOf } from "../hub/harness";
import { eventually } from "../support/eventually";
import { isSecure, type Role, SetUp, type StartOptions, type Transport, TRANSPORTS } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";

type ServerOptions = NonNullable<StartOptions["server"]>;

const REQUEST = "/hiveot/request";
const LAMP = "urn:lamp-1";
/** Long enough that nothing here may take it, save where it is said. */
const LONG = 20_000;

async function start(transport: Transport, server: ServerOptions): Promise<SetUp> {
    const setUp = await SetUp.start({ secure: isSecure(transport), things: [COUNTER_ID], server });
    onEnd(() => setUp.stop());
    return setUp;
}

async function connected(setUp: SetUp, transport: Transport, role?: Role, dialect?: "rrn-2025"): Promise<RawClient> {
    const client = await setUp.connected(transport, role, dialect);
    onEnd(() => client.close());
    return client;
}

/** Posts a request without waiting for its answer, which is returned as a function. */
async function ask(
    client: RawClient,
    operation: string,
    name: string,
    input?: unknown
): Promise<() => Promise<Envelope>> {
    const correlationID = `c-${operation}-${name}`;
    const request = { messageType: "request", operation, thingID: COUNTER_ID, name, input, correlationID };
    expect((await client.post(REQUEST, request)).status).to.equal(201);
    return async () => (await streamOf(client).response(correlationID)).json ?? {};
}

function streamOf({ stream }: RawClient): RawStream {
    if (stream === undefined) throw new Error("No stream is open");
    return stream;
}

function codeOf(envelope: Envelope): unknown {
    return (envelope["error"] as Envelope | undefined)?.["type"];
}

async function timed(work: Promise<unknown>): Promise<number> {
    const from = performance.now();
    await work;
    return performance.now() - from;
}

for (const transport of TRANSPORTS) {
    describe(`a server that stops, over ${transport}`, () => {
        it("waits for the answers that are under way, sends them, and ends the streams then", async () => {
            const setUp = await start(transport, { shutdownTimeout: LONG });
            const client = await connected(setUp, transport);
            const idle = await connected(setUp, transport, "viewer");
            const answer = await ask(client, "invokeaction", "later", 7);
            await setUp.counter.invoked("later");
            setUp.counter.tick("before the end");
            const stopped = setUp.server.stop();
            let isStopped = false;
            void stopped.then(() => (isStopped = true));
            const refused = await client.post(REQUEST, {
                operation: "readproperty",
                thingID: COUNTER_ID,
                name: "count",
            });
            expect(refused.status).to.equal(503);
            expect([isStopped, streamOf(idle).ended]).to.deep.equal([false, false]);
            setUp.counter.later[0]?.();
            expect(await answer()).to.include({ status: "completed", output: 7 });
            await Promise.all([streamOf(client).closed, streamOf(idle).closed, stopped]);
        });

        it("answers with errors what is not answered in time: OUTCOME_UNKNOWN where that is so", async () => {
            const setUp = await start(transport, { shutdownTimeout: 400 });
            setUp.counter.thing.setPropertyReadHandler("limit", () => new Promise(() => undefined));
            const client = await connected(setUp, transport);
            const action = await ask(client, "invokeaction", "never");
            const reading = await ask(client, "readproperty", "limit");
            await setUp.counter.invoked("never");
            const took = await timed(setUp.server.stop());
            expect(codeOf(await action())).to.match(/:OUTCOME_UNKNOWN$/);
            expect(codeOf(await reading())).to.match(/:CONNECTION_LOST$/);
            await streamOf(client).closed;
            expect(took).to.be.within(300, 2_000);
        });

        it("refuses new streams and requests with 503 and Retry-After, and closes January's without a status", async () => {
            const setUp = await start(transport, { shutdownTimeout: LONG });
            const client = await connected(setUp, transport);
            const late = await setUp.client(transport);
            const january = await setUp.client(transport, "admin", "rrn-2025");
            onEnd(() => Promise.all([late.close(), january.close()]));
            await ask(client, "invokeaction", "later", 1);
            await setUp.counter.invoked("later");
            const stopped = setUp.server.stop();
            const stream = await late.openStream();
            expect(stream.status).to.equal(503);
            expect(Number(stream.headers["retry-after"])).to.be.within(1, 60);
            expect(JSON.parse(stream.body)).to.include({ title: "The server is stopping" });
            const refused = await january.openStream().catch((error: unknown) => error);
            expect(refused).to.be.instanceOf(Error);
            const request = await client.post(REQUEST, { operation: "ping", thingID: COUNTER_ID });
            expect([request.status, request.headers["retry-after"]]).to.deep.equal([
                503,
                stream.headers["retry-after"],
            ]);
            setUp.counter.later[0]?.();
            await stopped;
        });

        it("hears of a client that leaves, and waits for its answers no longer", async () => {
            const setUp = await start(transport, { shutdownTimeout: LONG, lingerTime: LONG });
            const client = await connected(setUp, transport);
            await ask(client, "invokeaction", "never");
            await setUp.counter.invoked("never");
            const stopped = setUp.server.stop();
            const { status } = await client.request("DELETE", "/hiveot/ssesc", { headers: client.headers() });
            expect(status).to.equal(204);
            await stopped;
        });

        it("ends few streams at once, after all that was told on them", async () => {
            const setUp = await start(transport, { shutdownTimeout: LONG });
            const clients = await Promise.all([1, 2, 3].map(() => connected(setUp, transport)));
            for (const client of clients) await client.call({ operation: "subscribeallevents" });
            for (let number = 1; number <= 50; number++) setUp.counter.tick(String(number));
            const took = await timed(setUp.server.stop());
            for (const client of clients) {
                await streamOf(client).closed;
                const told = streamOf(client).notifications();
                expect(told.map(({ value }) => value)).to.deep.equal(
                    Array.from({ length: 50 }, (_, n) => String(n + 1))
                );
            }
            expect(took).to.be.below(2_000);
        });

        it("cuts readers that stall and connections that ask for nothing, within shutdownTimeout", async () => {
            const setUp = await start(transport, { shutdownTimeout: 1_000 });
            const stalled = await Promise.all([1, 2, 3].map(() => connected(setUp, transport)));
            for (const client of stalled) {
                await client.call({ operation: "subscribeallevents" });
                streamOf(client).pause();
            }
            for (let number = 0; number < 60; number++) setUp.counter.tick("x".repeat(100_000));
            const { port } = setUp;
            const silent = isSecure(transport)
                ? connectTls({ port, host: "127.0.0.1", ca: setUp.certificate.cert })
                : connectTcp(port, "127.0.0.1");
            silent.on("error", () => undefined);
            await once(silent, isSecure(transport) ? "secureConnect" : "connect");
            const cut = once(silent, "close");
            silent.resume();
            expect(await timed(setUp.server.stop())).to.be.below(2_000);
            await cut;
            expect(setUp.server.status).to.include({ connections: 0, sessions: 0, openRequests: 0 });
        });
    });
}

describe("a server that stops", () => {
    it("ends 300 streams one after the other, the last of them well before shutdownTimeout", async function () {
        this.timeout(20_000);
        const setUp = await start("TLS h2", { shutdownTimeout: 2_000 });
        // Several connections, each with many streams
        const clients = await Promise.all([1, 2, 3].map(() => connected(setUp, "TLS h2")));
        const streams: RawStream[] = [];
        for (let number = 0; number < 297; number++) streams.push(await clients[number % 3]!.openStream());
        streams.push(...clients.map(streamOf));
        await streams.at(-4)?.next(({ event }) => event === "sse-ping");
        expect(setUp.server.status.sessions).to.equal(300);
        const from = performance.now();
        const closed = streams.map(async (stream) => {
            await stream.closed;
            return performance.now() - from;
        });
        const took = await timed(setUp.server.stop());
        const times = (await Promise.all(closed)).sort((a, b) => a - b);
        expect(times.at(-1)! - times[0]!).to.be.above(500);
        // Neither half of them in one lot
        expect(times[150]! - times[0]!).to.be.above(100);
        expect(times.at(-1)! - times[150]!).to.be.above(100);
        expect(took).to.be.below(3_000);
    });

    it("takes the answers of a hub's agents that come in time, and fails the requests that get none", async () => {
        const setUp = await start("plain h1", { hub: true, shutdownTimeout: 600 });
        const agent = new RawAgent(await connected(setUp, "plain h1", "device"));
        const td = tdOf(LAMP, { properties: { hue: {} }, actions: { fade: {} } });
        await setUp.server.directory.put(td, "device1");
        const consumer = await connected(setUp, "plain h1");
        const asked = ["readproperty hue", "invokeaction fade"].map(async (request) => {
            const [operation, name] = request.split(" ");
            return (await consumer.call({ operation, thingID: LAMP, name })).envelope;
        });
        const reading = await agent.request({ operation: "readproperty" });
        await agent.request({ operation: "invokeaction" });
        const stopped = setUp.server.stop();
        expect((await agent.respond(reading, { output: 120 })).status).to.equal(204);
        const [read, faded] = await Promise.all(asked);
        expect(read).to.include({ output: 120 });
        expect(codeOf(faded ?? {})).to.match(/:OUTCOME_UNKNOWN$/);
        await stopped;
    });

    for (const lingerTime of [0, LONG]) {
        it(`waits for no answer that nobody can hear any more, with a lingerTime of ${String(lingerTime)}`, async () => {
            const setUp = await start("plain h1", { shutdownTimeout: LONG, lingerTime });
            const [before, after] = [await connected(setUp, "plain h1"), await connected(setUp, "plain h1", "viewer")];
            setUp.counter.thing.setPropertyReadHandler("limit", () => new Promise(() => undefined));
            for (const client of [before, after]) await ask(client, "readproperty", "limit");
            await before.close();
            await eventually("one stream is left", () => setUp.server.status.sessions === 1);
            const stopped = timed(setUp.server.stop());
            await after.close();
            expect(await stopped).to.be.below(2_000);
        });
    }

    it("stops once: who calls stop() again meanwhile waits for the same, and start() waits for the end of it", async () => {
        const setUp = await start("plain h1", { shutdownTimeout: LONG });
        const client = await connected(setUp, "plain h1");
        await ask(client, "invokeaction", "later", 1);
        await setUp.counter.invoked("later");
        const ended: string[] = [];
        const all = [
            setUp.server.stop().then(() => ended.push("first")),
            setUp.server.stop().then(() => ended.push("second")),
            setUp.server.start(setUp.servient).then(() => ended.push("start")),
        ];
        await delay(0);
        expect(ended).to.deep.equal([]);
        setUp.counter.later[0]?.();
        await Promise.all(all);
        expect(ended).to.deep.equal(["first", "second", "start"]);
        const reply = await fetch(`${setUp.origin}/.well-known/wot`);
        expect(reply.status).to.equal(200);
        await setUp.server.stop();
        await setUp.server.stop();
    });
});
