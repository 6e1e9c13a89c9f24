/** `SseScAgent` towards a raw hub that behaves as HiveKit's gateway is recorded to. */
import { expect } from "chai";
import { SseScAgent, SseScServer } from "../../src/index";
import { onEnd } from "../hub/harness";
import { eventually } from "../support/eventually";
import { TRANSPORTS } from "../support/set-ups";
import { COUNTER_ID, TestThing, TWIN_ID } from "../support/things";
import {
    agentAt,
    agentConfig,
    AgentSetUp,
    eventsOf,
    hubOf,
    nextError,
    nextEvent,
    registeredAgent,
} from "./agent-set-up";

/** What these tests look at in a TD. */
interface TestDescription {
    readonly title: string;
    readonly "@context": readonly unknown[];
    readonly forms: readonly object[];
    readonly properties: Readonly<Record<"count" | "picture", { readonly forms: readonly object[] }>>;
}

describe("SseScAgent", () => {
    for (const transport of TRANSPORTS) {
        for (const dialect of ["rrn", "rrn-2025"] as const) {
            describe(`over ${transport}, in ${dialect}`, () => {
                const output = dialect === "rrn" ? "output" : "value";
                const january = dialect === "rrn-2025";

                it("logs in, writes the TD of its Thing and answers what is asked", async () => {
                    const hub = await hubOf(transport, { dialect, password: "secret" });
                    const credentials = { username: "agent1", password: "secret" };
                    const { counter } = await registeredAgent(hub, transport, { credentials });
                    expect(hub.writes.map(({ action }) => action)).to.deep.equal(["createThing"]);
                    const directory = january ? "directory" : "thingDirectory";
                    expect(hub.server.seen.find(({ path }) => path === "/hiveot/request")?.envelope).to.include({
                        operation: "invokeaction",
                        thingID: directory,
                        name: "createThing",
                    });
                    const written = await hub.ask("writeproperty", COUNTER_ID, "count", 7);
                    expect(written["error"] ?? null).to.equal(null);
                    expect(written[output] ?? null).to.equal(null);
                    expect(counter.count).to.equal(7);
                    const read = await hub.ask("readproperty", COUNTER_ID, "count");
                    if (january) expect(read["value"]).to.include({ data: 7, thingID: COUNTER_ID, name: "count" });
                    else expect(read["output"]).to.equal(7);
                    const invoked = await hub.ask("invokeaction", COUNTER_ID, "increment", 2);
                    if (january) expect(invoked["value"]).to.include({ output: 9, state: "completed" });
                    else expect(invoked["output"]).to.equal(9);
                });

                it("publishes events, property changes and progress, progress ahead of the response", async () => {
                    const hub = await hubOf(transport, { dialect });
                    const { counter } = await registeredAgent(hub, transport);
                    const correlationID = "action-1";
                    await hub.ask("invokeaction", COUNTER_ID, "slow", 4, { correlationID });
                    const progress = hub.notifications.filter(({ name }) => name === "slow");
                    expect(progress.map(({ correlationID: id }) => id)).to.deep.equal(Array(3).fill(correlationID));
                    const outputs = progress.map(({ value }) => (value as Record<string, unknown>)["output"]);
                    expect(outputs).to.deep.equal([25, 50, 75]);
                    const kinds = january ? { operation: "invokeaction" } : { affordanceType: "action" };
                    expect(progress[0]).to.include(kinds);
                    counter.tick("hello");
                    await counter.setCount(5);
                    await hub.until("both came", () => hub.values(COUNTER_ID, "count").includes(5));
                    expect(hub.values(COUNTER_ID, "tick")).to.deep.equal(["hello"]);
                    const order = hub.notifications.map(({ name }) => name);
                    expect(order.slice(-2)).to.deep.equal(["tick", "count"]);
                });
            });
        }
    }

    describe("Things", () => {
        it("gets forms that lead to the hub as soon as it is exposed, hub or no hub", async () => {
            const agent = new SseScAgent({ hub: "https://hub.example:8444/base/hiveot/ssesc" });
            const setUp = await AgentSetUp.start({ hub: "sse://localhost:1", allowSelfSigned: true });
            onEnd(() => setUp.stop());
            const td = setUp.counter.thing.getThingDescription() as unknown as TestDescription;
            const form = {
                href: "sse://localhost:1/hiveot/request",
                subprotocol: "sse-sc",
                "hiveot:thingID": COUNTER_ID,
                "hiveot:stream": "/hiveot/ssesc",
            };
            expect(td.forms[0]).to.deep.include(form);
            expect(td.properties.count.forms[0]).to.deep.include({ ...form, "hiveot:name": "count" });
            expect(agent.scheme).to.equal("sse");
            expect(setUp.agent.getPort()).to.equal(1);
            const plain = new SseScAgent({ hub: "http://127.0.0.1:80" });
            expect([plain.scheme, plain.getPort(), plain.state]).to.deep.equal(["sse-plain", -1, "stopped"]);
        });

        it("writes TDs without forms and base, whose security is the hub's to say, but says which values are no JSON", async () => {
            const hub = await hubOf("plain h1");
            await registeredAgent(hub, "plain h1");
            const td = hub.tds.get(COUNTER_ID) as unknown as TestDescription;
            expect(td).to.not.have.any.keys("forms", "base");
            expect(td).to.deep.include({
                security: "nosec_sc",
                securityDefinitions: { nosec_sc: { scheme: "nosec" } },
            });
            expect(td["@context"][0]).to.equal("https://www.w3.org/2022/wot/td/v1.1");
            expect(td.title).to.equal("Counter");
            expect(td.properties.count).to.deep.equal({ type: "integer", observable: true });
            expect(td.properties.picture.forms).to.deep.equal([
                { href: hub.url, contentType: "image/png", subprotocol: "sse-sc" },
            ]);
        });

        it("updates the TD when the Thing is exposed again with another one, and only then", async () => {
            const hub = await hubOf("plain h1");
            const { counter, agent } = await registeredAgent(hub, "plain h1");
            await counter.thing.expose();
            counter.thing.title = "Another title";
            const updated = nextEvent(agent, "registered");
            await counter.thing.expose();
            expect(await updated).to.equal(COUNTER_ID);
            expect(hub.writes.map(({ action }) => action)).to.deep.equal(["createThing", "updateThing"]);
            expect(hub.tds.get(COUNTER_ID)?.["title"]).to.equal("Another title");
            counter.tick("once");
            await hub.until("tick", () => hub.values(COUNTER_ID, "tick").length > 0);
            await hub.ask("ping", "");
            expect(hub.values(COUNTER_ID, "tick")).to.deep.equal(["once"]);
        });

        it("takes its TD out of the directory when destroyed, if so configured, behind what it told last", async () => {
            const hub = await hubOf("plain h1");
            const { counter, agent } = await registeredAgent(hub, "plain h1", { removeOnDestroy: true });
            const { thing } = counter;
            counter.tick("last");
            await hub.until("tick", () => hub.values(COUNTER_ID, "tick").length > 0);
            await thing.destroy();
            expect(hub.tds.size).to.equal(0);
            expect(agent.status.registered).to.deep.equal([]);
            const answer = await hub.ask("readproperty", COUNTER_ID, "count");
            expect(answer["error"]).to.include({ status: 404 });
        });

        it("leaves its TD in the directory when destroyed otherwise, and after a restart of the hub it is gone", async () => {
            const hub = await hubOf("plain h1");
            const { counter, agent } = await registeredAgent(hub, "plain h1");
            await counter.thing.destroy();
            expect(hub.tds.has(COUNTER_ID)).to.equal(true);
            const back = nextEvent(agent, "connected");
            hub.server.cut();
            await back;
            await agent.peer.ping();
            expect(hub.writes).to.have.length(1);
        });

        it("tells the application what the directory refuses, and goes on with the others", async () => {
            const hub = await hubOf("plain h1");
            hub.refuse = (_action, input) =>
                input.includes(TWIN_ID) ? { status: 409, type: "", title: "It belongs to somebody else" } : undefined;
            const setUp = await agentAt(hub, "plain h1", {}, []);
            const told = nextError(setUp.agent);
            for (const id of [TWIN_ID, COUNTER_ID]) {
                const { thing } = await TestThing.produce(setUp.wot, id);
                await thing.expose();
            }
            const { error, thingId } = await told;
            expect([error.status, thingId]).to.deep.equal([409, TWIN_ID]);
            await eventually("the other one", () => setUp.agent.status.registered.includes(COUNTER_ID));
            expect(setUp.agent.state).to.equal("connected");
            const answer = await hub.ask("readproperty", TWIN_ID, "count");
            expect(answer["output"]).to.equal(0);
        });

        it("publishes what a role may that may not write its TD, as a device at HiveKit", async () => {
            const hub = await hubOf("plain h1");
            hub.refuse = () => ({ status: 400, type: "Bad request", title: "Insufficient permissions" });
            const setUp = await agentAt(hub, "plain h1");
            await nextError(setUp.agent);
            setUp.counter.tick("hello");
            await hub.until("tick", () => hub.values(COUNTER_ID, "tick").length > 0);
        });

        it("tells nothing of a Thing before the directory has its TD", async () => {
            const hub = await hubOf("plain h1");
            hub.directoryIsSilent = true;
            const setUp = await agentAt(hub, "plain h1", { connectTimeout: 300 });
            await hub.until("asked", () => hub.writes.length > 0);
            setUp.counter.tick("early");
            await setUp.agent.peer.ping();
            expect(hub.notifications).to.deep.equal([]);
            hub.directoryIsSilent = false;
            await nextEvent(setUp.agent, "registered");
            await hub.until("tick", () => hub.values(COUNTER_ID, "tick").length > 0);
        });

        it("writes no TDs where the hub knows them by its configuration", async () => {
            const hub = await hubOf("plain h1");
            const setUp = await agentAt(hub, "plain h1", { directory: false });
            await nextEvent(setUp.agent, "connected");
            setUp.counter.tick("hello");
            await hub.until("tick", () => hub.values(COUNTER_ID, "tick").length > 0);
            expect(hub.writes).to.deep.equal([]);
        });

        it("are exposed at several hubs and at a server of the same servient", async () => {
            const first = await hubOf("plain h1");
            const second = await hubOf("TLS h2");
            const setUp = await registeredAgent(first, "plain h1");
            const { servient, wot } = setUp;
            const other = new SseScAgent(await agentConfig("TLS h2", second.url));
            const server = new SseScServer({ port: 0, security: [{ scheme: "nosec" }] });
            servient.addServer(other);
            servient.addServer(server);
            await other.start(servient);
            await server.start(servient);
            const thing = await TestThing.produce(wot, "urn:everywhere");
            await thing.thing.expose();
            await eventually("urn:everywhere", () =>
                [setUp.agent, other].every(({ status }) => status.registered.includes("urn:everywhere"))
            );
            const forms = thing.thing.getThingDescription().forms ?? [];
            expect(forms.map(({ href }) => new URL(href).host)).to.have.members([
                first.server.authority,
                second.server.authority,
                `127.0.0.1:${String(server.getPort())}`,
            ]);
            thing.tick("to all");
            for (const hub of [first, second]) {
                await hub.until("tick", () => hub.values("urn:everywhere", "tick").length > 0);
                expect((await hub.ask("readproperty", "urn:everywhere", "count"))["output"]).to.equal(0);
            }
        });
    });

    describe("requests", () => {
        it("acknowledges subscriptions, and refuses those to what is not there", async () => {
            const hub = await hubOf("plain h1");
            await registeredAgent(hub, "plain h1");
            const asked = async (operation: string, thingID: string, name?: string): Promise<unknown> =>
                (await hub.ask(operation, thingID, name))["status"];
            expect(await asked("subscribeevent", COUNTER_ID, "tick")).to.equal("completed");
            expect(await asked("observeallproperties", COUNTER_ID)).to.equal("completed");
            expect(await asked("unsubscribeevent", COUNTER_ID, "tick")).to.equal("completed");
            expect(await asked("subscribeevent", COUNTER_ID, "nothing")).to.equal("failed");
            expect(await asked("observeproperty", "urn:nothing", "count")).to.equal("failed");
            expect(await asked("observeproperty", COUNTER_ID, "limit")).to.equal("failed");
        });

        it("cancels, queries and reads events", async () => {
            const hub = await hubOf("plain h1");
            const { counter } = await registeredAgent(hub, "plain h1");
            const release = counter.hold();
            const running = hub.ask("invokeaction", COUNTER_ID, "slow", 1, { correlationID: "one" });
            await counter.invoked("slow");
            const status = await hub.ask("queryaction", COUNTER_ID, "slow", "one");
            expect(status["output"]).to.include({ status: "running", correlationID: "one" });
            await hub.ask("cancelaction", COUNTER_ID, "slow", "one");
            expect((await running)["error"]).to.include({ status: 409 });
            release();
            counter.tick("latest");
            await hub.until("tick", () => hub.values(COUNTER_ID, "tick").length > 0);
            const event = (await hub.ask("readevent", COUNTER_ID, "tick"))["output"] as Record<string, unknown>;
            expect(event["value"]).to.equal("latest");
        });

        it("cancels what runs when it stops", async () => {
            const hub = await hubOf("plain h1");
            const setUp = await registeredAgent(hub, "plain h1");
            setUp.counter.hold();
            hub.ask("invokeaction", COUNTER_ID, "slow", 1).catch(() => undefined);
            const { data } = await setUp.counter.invoked("slow");
            await setUp.agent.stop();
            expect(data?.signal.aborted).to.equal(true);
        });

        it("answers with an error where an output cannot be sent, or is larger than the hub takes", async () => {
            const hub = await hubOf("plain h1");
            const { counter } = await registeredAgent(hub, "plain h1");
            counter.thing.setActionHandler("later", async () => "x".repeat(2_000));
            hub.server.when(({ path, body }) =>
                path === "/hiveot/response" && body.length > 1_000 ? { status: 413, body: "too large" } : undefined
            );
            hub.send("request", {
                operation: "invokeaction",
                thingID: COUNTER_ID,
                name: "later",
                correlationID: "big",
            });
            await hub.until("an answer", () => hub.responses.length > 0);
            expect(hub.responses[0]?.["error"]).to.include({ type: "urn:hiveot-ssesc:problem:RESPONSE_TOO_LARGE" });
        });

        it("sends an answer again that may have got lost, as often as it takes", async () => {
            const hub = await hubOf("plain h1");
            await registeredAgent(hub, "plain h1");
            let cut = 0;
            hub.server.when(({ path }) => {
                if (path !== "/hiveot/response" || cut++ > 4) return undefined;
                setImmediate(() => hub.server.cut());
                return { status: 204, hang: true };
            });
            hub.send("request", {
                operation: "readproperty",
                thingID: COUNTER_ID,
                name: "count",
                correlationID: "again",
            });
            await hub.until("the answer", () => hub.responses.length > 0);
            expect(hub.responses[0]).to.include({ correlationID: "again", output: 0 });
        });

        it("may ask on the same connection", async () => {
            const hub = await hubOf("TLS h2");
            const { agent } = await registeredAgent(hub, "TLS h2");
            await agent.peer.ping();
            expect(hub.server.connections).to.equal(1);
            await agent.stop();
            expect(() => agent.peer)
                .to.throw()
                .with.property("code", "ALREADY_CLOSED");
        });

        it("survives a hub that sends anything at all", async () => {
            const hub = await hubOf("plain h1");
            const { agent } = await registeredAgent(hub, "plain h1");
            const events = eventsOf(agent);
            const target = { thingID: COUNTER_ID, name: "count" };
            const deep = "[".repeat(5_000) + "]".repeat(5_000);
            for (const data of [
                "no JSON",
                "null",
                "[]",
                "{}",
                '{"operation":7}',
                `{"operation":"readproperty","thingID":"${COUNTER_ID}","name":"count","input":${deep}}`,
                {
                    operation: "writeproperty",
                    thingID: COUNTER_ID,
                    name: "settings",
                    input: { unit: "x".repeat(2_000_000) },
                },
                '{"operation":"invokeaction","thingID":"urn:counter","name":"echo","correlationID":"p","input":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}',
                { ...target, operation: "readproperty", thingID: "__proto__" },
                { ...target, operation: "readproperty", name: "__proto__" },
                { ...target, operation: "constructor" },
                { ...target, operation: "readproperty", correlationID: "" },
            ]) {
                hub.send("request", data);
            }
            hub.send("response", { operation: "ping", correlationID: "nobody's" });
            hub.send("notification", { affordanceType: "event", thingID: "x", name: "y", value: 1 });
            hub.send("gibberish", "x");
            expect((await hub.ask("frobnicate", COUNTER_ID))["error"]).to.include({ status: 400 });
            expect((await hub.ask("readproperty", COUNTER_ID, "count"))["output"]).to.equal(0);
            expect(({} as Record<string, unknown>)["polluted"]).to.equal(undefined);
            expect(events).to.deep.equal(["error TOO_LARGE urn:counter"]); // the new value of settings
            expect(agent.state).to.equal("connected");
        });
    });
});
