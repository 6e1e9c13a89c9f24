/** Scripts in the server's own process: node-wot's API over `new SseScClientFactory({ hub: server })`, without a network. */
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { SseScClientFactory, SseScPlainClientFactory, SseScError } from "../../src/index";
import { RawAgent } from "../conformance/raw/raw-agent";
import { isSecure, SetUp, type Transport, usernameOf } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";
import { onEnd, tdOf } from "./harness";

const LAMP = "urn:lamp-1";
const TD = tdOf(LAMP, {
    properties: { hue: { type: "integer" } },
    actions: { fade: { input: { type: "integer" } } },
    events: { failed: { data: { type: "object" } } },
});

type Factory = SseScClientFactory | SseScPlainClientFactory;

async function start(transport: Transport): Promise<{ setUp: SetUp; factory: Factory; wot: typeof WoT }> {
    const setUp = await SetUp.start({ secure: isSecure(transport), server: { hub: true }, things: [COUNTER_ID] });
    onEnd(() => setUp.stop());
    await setUp.server.directory.put(TD, usernameOf("device"));
    const hub = setUp.server;
    const factory = isSecure(transport) ? new SseScClientFactory({ hub }) : new SseScPlainClientFactory({ hub });
    const servient = new Servient();
    servient.addClientFactory(factory);
    const wot = await servient.start();
    onEnd(() => servient.shutdown());
    return { setUp, factory, wot };
}

async function agentOf(setUp: SetUp, transport: Transport): Promise<RawAgent> {
    const client = await setUp.connected(transport, "device");
    onEnd(() => client.close());
    return new RawAgent(client);
}

for (const transport of ["TLS h2", "plain h1"] as const) {
    describe(`a script beside a hub with ${transport}`, () => {
        it("uses the hub's own Things", async () => {
            const { setUp, wot } = await start(transport);
            const counter = await wot.consume(setUp.server.getThingDescription(COUNTER_ID));
            await counter.writeProperty("count", 4);
            expect(await (await counter.readProperty("count")).value()).to.equal(4);
            expect(await (await counter.invokeAction("increment", 2))?.value()).to.equal(6);
            const heard = new Promise((resolve) => {
                void counter.subscribeEvent("tick", (output) => resolve(output.value()));
            });
            await new Promise<void>((done) => setImmediate(done));
            setUp.counter.tick("now");
            expect(await heard).to.equal("now");
            expect(setUp.server.status.sessions).to.equal(0);
        });

        it("uses the Things of agents", async () => {
            const { setUp, factory, wot } = await start(transport);
            const agent = await agentOf(setUp, transport);
            const td = await wot.requestThingDescription(
                `${setUp.scheme}://${setUp.authority}/things/${encodeURIComponent(LAMP)}`
            );
            const lamp = await wot.consume(td);
            const reading = lamp.readProperty("hue");
            const request = await agent.serve({ operation: "readproperty", name: "hue" }, { output: 9 });
            expect(request["senderID"]).to.equal(setUp.server.thingId);
            expect(await (await reading).value()).to.equal(9);
            const writing = lamp.writeProperty("hue", 8);
            expect(await agent.serve({ operation: "writeproperty" })).to.include({ input: 8 });
            await writing;
            const heard = new Promise((resolve) => {
                void lamp.subscribeEvent("failed", (output) => resolve(output.value()));
            });
            await new Promise<void>((done) => setImmediate(done));
            await agent.notify({ thingID: LAMP, name: "failed", value: { n: 1 } });
            expect(await heard).to.deep.equal({ n: 1 });

            const progress: unknown[] = [];
            const peer = factory.peerFor(lamp);
            const fading = peer.invokeAction(LAMP, "fade", 3, { onProgress: (value) => progress.push(value) });
            const invocation = await agent.request({ operation: "invokeaction", name: "fade", input: 3 });
            const { correlationID } = invocation;
            const value = {
                messageType: "response",
                status: "running",
                output: 50,
                correlationID,
                thingID: LAMP,
                name: "fade",
            };
            await agent.notify({ affordanceType: "action", thingID: LAMP, name: "fade", correlationID, value });
            await agent.respond(invocation, { output: "done" });
            expect(await fading).to.equal("done");
            expect(progress).to.deep.equal([50]);
        });

        it("gets the errors of agents, and AGENT_OFFLINE", async () => {
            const { setUp, wot } = await start(transport);
            const lamp = await wot.consume(setUp.server.getThingDescription(LAMP));
            const offline = await lamp.readProperty("hue").catch((error: unknown) => error);
            expect(offline).to.be.instanceOf(SseScError).with.property("code", "AGENT_OFFLINE");
            const agent = await agentOf(setUp, transport);
            const reading = lamp.readProperty("hue").catch((error: unknown) => error);
            const error = { status: 418, type: "urn:x:teapot", title: "It is a teapot" };
            await agent.serve({ operation: "readproperty" }, { status: "failed", error });
            expect(await reading)
                .to.be.instanceOf(SseScError)
                .with.property("problem")
                .that.deep.includes(error);
        });
    });
}

describe("a script beside a hub", () => {
    it("sees copies: what it gets and gives is nobody else's object", async () => {
        const { setUp, factory } = await start("plain h1");
        const agent = await agentOf(setUp, "plain h1");
        const peer = factory.peerFor(setUp.server.getThingDescription(LAMP));
        const values: { n: number }[] = [];
        for (const each of [1, 2]) {
            const [thing, name] = [LAMP, each === 1 ? "failed" : ""];
            const onNotification = ({ value }: { value: unknown }): unknown => values.push(value as { n: number });
            await (name === ""
                ? peer.subscribeAllEvents(thing, { onNotification })
                : peer.subscribeEvent(thing, name, { onNotification }));
        }
        const other = setUp.server.connectLocally({});
        const heard = new Promise<{ n: number }>((resolve) => {
            void other.peer.subscribeEvent(LAMP, "failed", {
                onNotification: ({ value }) => resolve(value as { n: number }),
            });
        });
        await other.peer.ping();
        await agent.notify({ thingID: LAMP, name: "failed", value: { n: 1 } });
        const theirs = await heard;
        theirs.n = 99;
        expect(values).to.deep.equal([{ n: 1 }, { n: 1 }]);
        expect((await peer.readEvent(LAMP, "failed"))?.value).to.deep.equal({ n: 1 });
    });

    it("consumes Things whose ids are no URIs, as HiveOT's agents have them", async () => {
        const { setUp, wot } = await start("plain h1");
        await setUp.server.directory.put({ ...TD, id: "lamp" }, usernameOf("device"));
        const agent = await agentOf(setUp, "plain h1");
        const lamp = await wot.consume(setUp.server.getThingDescription("lamp"));
        const reading = lamp.readProperty("hue");
        await agent.serve({ operation: "readproperty", thingID: "lamp" }, { output: 3 });
        expect(await (await reading).value()).to.equal(3);
    });

    it("has its subscriptions and requests end with the server, and may go on when it runs again", async () => {
        const { setUp, factory } = await start("plain h1");
        const agent = await agentOf(setUp, "plain h1");
        const description = setUp.server.getThingDescription(LAMP);
        const peer = factory.peerFor(description);
        const ended = new Promise((resolve) => {
            void peer.subscribeEvent(LAMP, "failed", { onNotification: () => undefined, onError: resolve });
        });
        const reading = peer.readProperty(LAMP, "hue").catch((error: unknown) => error);
        await agent.request({ operation: "readproperty" });
        await setUp.server.stop();
        expect(await ended).to.have.property("code", "ALREADY_CLOSED");
        expect(await reading).to.have.property("code", "CONNECTION_LOST");
        await setUp.server.start(setUp.servient);
        await factory.peerFor(setUp.server.getThingDescription(COUNTER_ID)).ping();
        expect(setUp.server.status.subscribers).to.equal(0);
    });

    it("leaves nothing at the server when its servient shuts down", async () => {
        const { setUp, factory } = await start("plain h1");
        await factory
            .peerFor(setUp.server.getThingDescription(LAMP))
            .subscribeAllEvents("", { onNotification: () => undefined });
        expect(setUp.server.status.subscribers).to.equal(1);
        factory.destroy();
        expect(setUp.server.status.subscribers).to.equal(0);
    });

    it("reaches other servers as ever", async () => {
        const { factory } = await start("plain h1");
        const elsewhere = await SetUp.start({
            secure: false,
            server: { security: [{ scheme: "nosec" }], accounts: undefined },
        });
        onEnd(() => elsewhere.stop());
        const peer = factory.peerFor(elsewhere.server.getThingDescription(COUNTER_ID));
        expect(await peer.readProperty(COUNTER_ID, "count")).to.equal(0);
        expect(elsewhere.server.status.sessions).to.equal(1);
    });

    it("needs a server of the factory's own scheme", async () => {
        const { setUp } = await start("plain h1");
        expect(() => new SseScClientFactory({ hub: setUp.server })).to.throw(SseScError, "hub");
        expect(() => new SseScClientFactory({ hub: {} as never })).to.throw(SseScError, "hub is not a SseScServer");
    });
});
