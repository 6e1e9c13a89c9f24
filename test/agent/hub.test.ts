/** Our agent at our hub, used by a consumer that connects from elsewhere. */
import { expect } from "chai";
import { connect, SseScError, type Connection } from "../../src/index";
import { onEnd, tdOf } from "../hub/harness";
import { eventually } from "../support/eventually";
import { isSecure, passwordOf, SetUp, usernameOf, type Transport } from "../support/set-ups";
import { COUNTER_ID, PIXEL } from "../support/things";
import { agentConfig, AgentSetUp, nextError } from "./agent-set-up";

const STREAMS = { rrn: "/hiveot/ssesc", "rrn-2025": "/hiveot/sse" } as const;
type Dialect = keyof typeof STREAMS;

/** Every value of each is paired with every value of the others at least once. */
const COMBINATIONS: readonly (readonly [Transport, Dialect, Dialect])[] = [
    ["TLS h1", "rrn", "rrn-2025"],
    ["TLS h1", "rrn-2025", "rrn"],
    ["TLS h2", "rrn", "rrn"],
    ["TLS h2", "rrn-2025", "rrn-2025"],
    ["plain h1", "rrn", "rrn-2025"],
    ["plain h1", "rrn-2025", "rrn"],
];

const DEVICE = { username: usernameOf("device"), password: passwordOf("device") } as const;

describe("an agent at a hub of ours", () => {
    async function hubFor(transport: Transport): Promise<SetUp> {
        const hub = await SetUp.start({ secure: isSecure(transport), server: { hub: true }, things: [] });
        onEnd(() => hub.stop());
        return hub;
    }

    async function agentAt(hub: SetUp, transport: Transport, dialect: Dialect = "rrn"): Promise<AgentSetUp> {
        const url = `${hub.scheme}://${hub.authority}${STREAMS[dialect]}`;
        const setUp = await AgentSetUp.start({ ...(await agentConfig(transport, url)), credentials: DEVICE });
        onEnd(() => setUp.stop());
        await eventually("registered", () => setUp.agent.status.registered.length === 1);
        return setUp;
    }

    async function consumerAt(hub: SetUp, transport: Transport, dialect: Dialect = "rrn"): Promise<Connection> {
        const { reconnect, hub: url, ...tls } = await agentConfig(transport, `${hub.scheme}://${hub.authority}`);
        const connection = await connect(
            url + STREAMS[dialect],
            { username: usernameOf("admin"), password: passwordOf("admin") },
            { ...tls, ...(reconnect === undefined ? {} : { reconnect }) }
        );
        onEnd(() => connection.close());
        return connection;
    }

    for (const [transport, ofAgent, ofConsumer] of COMBINATIONS) {
        it(`serves a consumer over ${transport}, agent in ${ofAgent}, consumer in ${ofConsumer}`, async () => {
            const hub = await hubFor(transport);
            const { counter } = await agentAt(hub, transport, ofAgent);
            const consumer = await consumerAt(hub, transport, ofConsumer);

            await consumer.writeProperty(COUNTER_ID, "count", 3);
            expect(await consumer.readProperty(COUNTER_ID, "count")).to.equal(3);
            expect(await consumer.readMultipleProperties(COUNTER_ID, ["count", "limit"])).to.deep.equal({
                count: 3,
                limit: 20,
            });
            expect(await consumer.readProperty(COUNTER_ID, "picture")).to.equal(PIXEL);

            const seen: unknown[] = [];
            await consumer.observeProperty(COUNTER_ID, "count", { onNotification: ({ value }) => seen.push(value) });
            await consumer.subscribeAllEvents(COUNTER_ID, { onNotification: ({ value }) => seen.push(value) });
            await counter.setCount(4);
            counter.tick("one");
            counter.tick("two");
            await eventually("they came", () => seen.length === 3);
            expect(seen).to.deep.equal([4, "one", "two"]);
            expect((await consumer.readEvent(COUNTER_ID, "tick"))?.value).to.equal("two");

            const progress: unknown[] = [];
            const onProgress = (value: unknown): unknown => progress.push(value);
            const started = await consumer.startAction(COUNTER_ID, "slow", 5, { onProgress });
            expect(await started.result).to.equal(5);
            expect(progress).to.deep.equal([25, 50, 75]);
            expect((await started.query()).status).to.equal("completed");

            const release = counter.hold();
            const held = await consumer.startAction(COUNTER_ID, "slow", 1);
            const failed = held.result.catch((error: unknown) => error);
            await counter.invoked("slow", 2);
            await held.cancel();
            expect(await failed)
                .to.be.instanceOf(SseScError)
                .with.property("code", "CANCELLED");
            release();
            const refused = await consumer.readProperty(COUNTER_ID, "nothing").catch((error: unknown) => error);
            expect(refused).to.have.property("code", "UNKNOWN_AFFORDANCE");
        });
    }

    it("is told when its Thing belongs to somebody else, and its events count for nothing", async () => {
        const hub = await hubFor("plain h1");
        await hub.server.directory.put(tdOf(COUNTER_ID), usernameOf("service"));
        const consumer = await consumerAt(hub, "plain h1");
        const seen: unknown[] = [];
        await consumer.subscribeAllEvents("", { onNotification: ({ value }) => seen.push(value) });
        const url = `${hub.scheme}://${hub.authority}`;
        const setUp = await AgentSetUp.start({ ...(await agentConfig("plain h1", url)), credentials: DEVICE });
        onEnd(() => setUp.stop());
        const { error, thingId } = await nextError(setUp.agent);
        expect([error.status, thingId]).to.deep.equal([409, COUNTER_ID]);
        setUp.counter.tick("forged");
        await eventually("gone", () => setUp.agent.status.queued === 0);
        await consumer.ping();
        expect(seen).to.deep.equal([]);
        expect(setUp.agent.state).to.equal("connected");
    });

    it("takes its Thing out of the directory when it is destroyed, if so configured", async () => {
        const hub = await hubFor("TLS h2");
        const url = `${hub.scheme}://${hub.authority}`;
        const config = { ...(await agentConfig("TLS h2", url)), credentials: DEVICE, removeOnDestroy: true };
        const setUp = await AgentSetUp.start(config);
        onEnd(() => setUp.stop());
        await eventually("registered", () => hub.server.directory.size === 1);
        await setUp.counter.thing.destroy();
        expect(hub.server.directory.size).to.equal(0);
    });

    it("delivers a burst to each of several consumers once and in order", async () => {
        const hub = await hubFor("TLS h2");
        const { agent, counter } = await agentAt(hub, "TLS h2");
        const told = Array.from({ length: 2_000 }, (_, index) => String(index));
        const heard: unknown[][] = [];
        for (const transport of ["TLS h1", "TLS h2", "TLS h2"] as const) {
            const consumer = await consumerAt(hub, transport);
            const values: unknown[] = [];
            heard.push(values);
            await consumer.subscribeEvent(COUNTER_ID, "tick", { onNotification: ({ value }) => values.push(value) });
        }
        for (let at = 0; at < told.length; at += 500) {
            for (const text of told.slice(at, at + 500)) counter.tick(text);
            await eventually("heard", () => heard.every(({ length }) => length === at + 500));
        }
        for (const values of heard) expect(values).to.deep.equal(told);
        expect(agent.status.dropped).to.equal(0);
    });
});
