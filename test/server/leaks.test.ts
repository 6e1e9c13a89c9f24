import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { Http2Wire } from "../conformance/raw/raw-client";
import { eventually } from "../support/eventually";
import { SetUp, type Transport } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";

const ROUNDS = 500;

/** Kinds that come and go by themselves within a turn. */
const PASSING: ReadonlySet<string> = new Set(["Immediate", "FSReqCallback", "CloseReq"]);

/** What keeps the process alive, by kind. */
function resources(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const kind of process.getActiveResourcesInfo().sort()) {
        if (!PASSING.has(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
}

/** Counts the listeners that an ExposedThing has, from now on: core keeps them to itself. */
function countListeners(thing: object): () => number {
    let count = 0;
    for (const [method, step] of [
        ["handleSubscribeEvent", 1],
        ["handleObserveProperty", 1],
        ["handleUnsubscribeEvent", -1],
        ["handleUnobserveProperty", -1],
    ] as const) {
        const target = thing as Record<string, (...args: unknown[]) => unknown>;
        const original = target[method]?.bind(thing);
        target[method] = (...args) => {
            count += step;
            return original?.(...args);
        };
    }
    return () => count;
}

for (const transport of ["plain h1", "TLS h2"] satisfies Transport[]) {
    describe(`${String(ROUNDS)} connect/disconnect rounds over ${transport}`, () => {
        let setUp: SetUp;

        before(async () => {
            setUp = await SetUp.start({ secure: transport !== "plain h1", things: [COUNTER_ID] });
            await setUp.token("admin");
        });

        after(async () => {
            await setUp.stop();
        });

        /** A client that subscribes, leaves a request unanswered, and goes away in one of three ways. */
        async function round(number: number): Promise<void> {
            const client = await setUp.connected(transport, "admin", number % 2 === 0 ? "rrn" : "rrn-2025");
            await client.call({ operation: "subscribeallevents" });
            await client.call({ operation: "subscribeevent", thingID: COUNTER_ID, name: "alarm" });
            await client.post("/hiveot/request", {
                operation: "invokeaction",
                thingID: COUNTER_ID,
                name: "later",
                input: 1,
            });
            if (number % 3 === 0) client.stream?.destroy();
            if (number % 3 === 1 && client.wire instanceof Http2Wire) await client.wire.close();
            await client.wire.close();
            setUp.counter.later.splice(0).forEach((release) => {
                release();
            });
        }

        it("leave nothing behind", async function () {
            this.timeout(60_000);
            await round(0); // what is made once and stays
            await eventually("all connections closed", () => setUp.server.status.connections === 0);
            const listeners = countListeners(setUp.counter.thing);
            const before = { status: setUp.server.status, resources: resources() };
            for (let n = 0; n < ROUNDS; n += 10) {
                await Promise.all(Array.from({ length: 10 }, (_, index) => round(n + index)));
            }
            await eventually("all connections closed", () => setUp.server.status.connections === 0);
            expect({ status: setUp.server.status, resources: resources() }).to.deep.equal(before);
            expect(setUp.server.status).to.include({ sessions: 0, openRequests: 0, subscribers: 0, connections: 0 });
            expect(listeners()).to.equal(0);
            expect(setUp.counter.alarm.subscribed).to.be.greaterThan(1);
            expect(setUp.counter.alarm.unsubscribed).to.equal(setUp.counter.alarm.subscribed);
        });
    });
}

for (const transport of ["plain h1", "TLS h1", "TLS h2"] satisfies Transport[]) {
    describe(`a reader that stalls over ${transport}`, () => {
        const MAX_BACKLOG = 256 * 1024;
        let setUp: SetUp;

        before(async () => {
            setUp = await SetUp.start({
                secure: transport !== "plain h1",
                things: [COUNTER_ID],
                server: { maxStreamBacklog: MAX_BACKLOG },
            });
        });

        after(async () => {
            await setUp.stop();
        });

        it("loses its stream, while another one gets everything", async function () {
            this.timeout(30_000);
            const stalled = await setUp.connected(transport);
            const healthy = await setUp.connected(transport, "viewer");
            for (const client of [stalled, healthy]) await client.call({ operation: "subscribeallevents" });
            stalled.stream?.pause();
            const text = "x".repeat(64 * 1024);
            let sent = 0;
            // As fast as the healthy one reads, until the kernel's buffers and our backlog of the other one are full.
            while (setUp.server.status.sessions === 2) {
                setUp.counter.tick(`${String(++sent)} ${text}`);
                await healthy.stream?.notification({ name: "tick" });
                if (sent > 2_000) throw new Error("The stalled reader never lost its stream");
            }
            expect(healthy.stream?.notifications()).to.have.length(sent);
            expect((await healthy.call({ operation: "ping" })).envelope).to.include({ output: "pong" });
            stalled.stream?.destroy();
            await Promise.all([stalled.wire.close(), healthy.wire.close()]);
            await eventually("nothing is kept", () => setUp.server.status.outboxBytes === 0);
        });
    });
}

describe("a server that stops", () => {
    it("answers no more, frees its port, and leaves nothing that keeps the process alive", async () => {
        await turn(); // mocha starts its own timer when the test has returned its promise
        const before = resources();
        const setUp = await SetUp.start({ secure: true, things: [COUNTER_ID] });
        const client = await setUp.connected("TLS h2");
        const { port } = setUp;
        await setUp.stop();
        await client.stream?.closed;
        await client.wire.close();
        const { createServer } = await import("node:net");
        const again = createServer().listen(port, "127.0.0.1");
        await once(again, "listening");
        again.close();
        await once(again, "close");
        await eventually("resources as before", () => JSON.stringify(resources()) === JSON.stringify(before));
    });
});
