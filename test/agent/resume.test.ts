/** An agent whose connection to a hub of ours breaks: the hub keeps its session, and nothing begins anew (design.md, "Delivery"). */
import { expect } from "chai";
import { connect, type Connection } from "../../src/index";
import { FaultProxy } from "../faults/proxy";
import { onEnd } from "../hub/harness";
import { eventually } from "../support/eventually";
import { isSecure, passwordOf, SetUp, TRANSPORTS, usernameOf } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";
import { agentConfig, AgentSetUp, eventsOf, nextEvent } from "./agent-set-up";
import { codeOf } from "../support/failures";

const DEVICE = { username: usernameOf("device"), password: passwordOf("device") } as const;
const ADMIN = { username: usernameOf("admin"), password: passwordOf("admin") } as const;

for (const transport of TRANSPORTS) {
    describe(`an agent whose connection breaks, over ${transport}`, () => {
        let hub: SetUp;
        let proxy: FaultProxy;
        let device: AgentSetUp;
        let events: string[];

        async function start(lingerTime: number): Promise<void> {
            hub = await SetUp.start({ secure: isSecure(transport), server: { hub: true, lingerTime }, things: [] });
            onEnd(() => hub.stop());
            proxy = await FaultProxy.start(hub.port);
            onEnd(() => proxy.stop());
            const url = `${hub.scheme}://127.0.0.1:${String(proxy.port)}`;
            device = await AgentSetUp.start({ ...(await agentConfig(transport, url)), credentials: DEVICE });
            onEnd(() => device.stop());
            await nextEvent(device.agent, "registered");
            events = eventsOf(device.agent);
        }

        async function connectConsumer(): Promise<Connection> {
            const { reconnect, hub: url, ...tls } = await agentConfig(transport, `${hub.scheme}://${hub.authority}`);
            const consumer = await connect(url, ADMIN, { ...tls, ...(reconnect === undefined ? {} : { reconnect }) });
            onEnd(() => consumer.close());
            return consumer;
        }

        async function breaks(): Promise<void> {
            const back = nextEvent(device.agent, "connected");
            proxy.endAll("reset");
            await back;
        }

        it("has its TDs there yet when it is resumed, and all that was open and told meanwhile arrives, once", async () => {
            await start(60_000);
            const consumer = await connectConsumer();
            const heard: unknown[] = [];
            await consumer.subscribeEvent(COUNTER_ID, "tick", { onNotification: ({ value }) => heard.push(value) });
            const release = device.counter.hold();
            const open = consumer.invokeAction(COUNTER_ID, "slow", 5);
            await device.counter.invoked("slow", 1);
            const back = breaks();
            const asked = consumer.readProperty(COUNTER_ID, "limit");
            device.counter.tick("one");
            release();
            device.counter.tick("two");
            await back;
            expect(device.agent.status.registered).to.deep.equal([COUNTER_ID]);
            expect(await Promise.all([open, asked])).to.deep.equal([5, 20]);
            await eventually("heard", () => heard.length === 2);
            await breaks();
            device.counter.tick("three");
            await eventually("heard", () => heard.includes("three"));
            expect(heard).to.deep.equal(["one", "two", "three"]);
            expect(device.counter.invocations.filter(({ name }) => name === "slow")).to.have.length(1);
            const dropped = ["disconnected CONNECTION_LOST", "connected"];
            expect(events).to.deep.equal([...dropped, ...dropped]);
        });

        it("writes what has changed meanwhile when it is resumed, and no more", async () => {
            await start(60_000);
            proxy.endAll("reset");
            await eventually("away", () => device.agent.state === "connecting");
            const { thing } = device.counter;
            thing.title = "Another title";
            await thing.expose();
            await nextEvent(device.agent, "registered");
            expect(events).to.deep.equal(["disconnected CONNECTION_LOST", "connected", `registered ${COUNTER_ID}`]);
            expect(hub.server.getThingDescription(COUNTER_ID)).to.have.property("title", "Another title");
        });

        it("is not waited for when it was stopped, and what waited for it fails", async () => {
            await start(60_000);
            const consumer = await connectConsumer();
            const release = device.counter.hold();
            const open = codeOf(consumer.invokeAction(COUNTER_ID, "slow", 5));
            await device.counter.invoked("slow", 1);
            await device.agent.stop();
            expect(await open).to.equal("OUTCOME_UNKNOWN");
            expect(await codeOf(consumer.readProperty(COUNTER_ID, "limit"))).to.equal("AGENT_OFFLINE");
            expect(hub.server.status).to.include({ sessions: 1, lingering: 0 });
            release();
            await consumer.close();
            expect(hub.server.status).to.include({ sessions: 0, lingering: 0 });
        });

        it("writes its TDs anew when the hub has forgotten it", async () => {
            await start(0);
            const registered = nextEvent(device.agent, "registered");
            await breaks();
            await registered;
            expect(events).to.deep.equal(["disconnected CONNECTION_LOST", "connected", `registered ${COUNTER_ID}`]);
        });
    });
}
