/** An agent that means harm gets errors and limits; an agent and a consumer beside it notice nothing. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { connect, type Connection } from "../../src/index";
import { AgentSetUp } from "../agent/agent-set-up";
import type { Envelope } from "../conformance/raw/event-stream";
import { RawAgent } from "../conformance/raw/raw-agent";
import { RawClient, type RawResponse, type RequestHeaders } from "../conformance/raw/raw-client";
import { eventually } from "../support/eventually";
import { SetUp } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";
import { tdOf } from "./harness";

const MIB = 1024 * 1024;
const PASSWORD = "password";
const OWN = "urn:hostile";
const NDJSON = { "content-type": "application/x-ndjson" };

/** Objects that the language gives a say over others, as no literal can write them. */
const POLLUTION = `"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}`;

function polluted(td: object): string {
    return `{${POLLUTION},${JSON.stringify(td).slice(1)}`;
}

/** What is in use once the garbage is gone. */
function heapUsed(): number {
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
    return process.memoryUsage().heapUsed;
}

describe("beside a hostile agent", () => {
    let hub: SetUp;
    let healthy: AgentSetUp;
    let consumer: Connection;
    let hostile: RawAgent;
    let client: RawClient;
    let heapBefore: number;
    const heard: unknown[] = [];
    const told: unknown[] = [];
    /** What came of the hostile agent's Things. */
    const others: { thingId: string; senderId: string; value: unknown }[] = [];

    before(async () => {
        const accounts = Object.entries({ healthy: "device", hostile: "device", consumer: "operator" }).map(
            ([username, role]) => ({ username, password: PASSWORD, role })
        );
        hub = await SetUp.start({ secure: false, server: { hub: true, accounts }, things: [] });
        const url = `sse-plain://${hub.authority}`;
        const credentials = { username: "healthy", password: PASSWORD };
        healthy = await AgentSetUp.start({ hub: url, credentials });
        await eventually("registered", () => healthy.agent.status.registered.length === 1);
        consumer = await connect(url, { username: "consumer", password: PASSWORD });
        await consumer.subscribeAllEvents("", {
            onNotification: ({ thingId, senderId, value }) => {
                if (thingId === COUNTER_ID) heard.push(value);
                else others.push({ thingId, senderId, value });
            },
        });
        client = new RawClient(hub.wire("plain h1"));
        await client.connect("hostile", PASSWORD);
        hostile = new RawAgent(client);
        expect(await write(tdOf(OWN, { properties: { p: {} }, events: { e: {} } }))).to.include({
            status: "completed",
        });
        heapBefore = heapUsed();
    });

    beforeEach(() => {
        healthy.counter.tick("before");
        told.push("before");
        others.length = 0;
    });

    afterEach(async () => {
        healthy.counter.tick("after");
        told.push("after");
        await eventually("the events came", () => heard.length >= told.length);
        expect(heard).to.deep.equal(told);
        expect(await consumer.readProperty(COUNTER_ID, "limit")).to.equal(20);
        expect(consumer.state).to.equal("connected");
        expect(healthy.agent.status).to.include({ state: "connected", dropped: 0 });
        const wire = hub.wire("plain h1");
        expect(await wire.request("GET", "/ping")).to.include({ status: 200, body: "." });
        await wire.close();
        expect({}).not.to.have.property("polluted");
    });

    after(async () => {
        await client.close();
        await consumer.close();
        await healthy.stop();
        await hub.stop();
    });

    /** Sends what may be refused, but never breaks the hub. */
    async function post(path: string, body: Envelope | string, headers: RequestHeaders = {}): Promise<RawResponse> {
        const reply = await client.post(path, body, headers);
        expect(reply.status, reply.body).to.be.lessThan(500);
        return reply;
    }

    const notify = (body: Envelope | string, headers?: RequestHeaders): Promise<RawResponse> =>
        post("/hiveot/notification", body, headers);

    function eventOf(thingID: string, name: string, value: unknown, rest: Envelope = {}): Envelope {
        return { messageType: "notification", affordanceType: "event", thingID, name, value, ...rest };
    }

    async function invoke(name: string, input: string): Promise<Envelope> {
        const request = { operation: "invokeaction", thingID: "thingDirectory", name, input };
        return (await client.call(request)).envelope;
    }

    function write(td: object | string): Promise<Envelope> {
        return invoke("createThing", typeof td === "string" ? td : JSON.stringify(td));
    }

    /** Waits until what it told has come to the consumer or been dropped. */
    async function settled(): Promise<void> {
        await client.call({ operation: "ping" });
        await consumer.ping();
    }

    it("Things stay with their agent: no TD, no event, no property value and no removal of another counts", async () => {
        const before = hub.server.directory.get(COUNTER_ID);
        const td = tdOf(COUNTER_ID, { title: "Mine" });
        expect((await write(td))["error"]).to.include({ status: 409 });
        expect((await invoke("updateThing", JSON.stringify(td)))["error"])
            .to.have.property("status")
            .within(400, 499);
        expect((await invoke("deleteThing", COUNTER_ID))["error"])
            .to.have.property("status")
            .within(400, 499);
        const headers = { ...client.headers(), "content-type": "application/td+json" };
        for (const [method, id, body] of [
            ["PUT", COUNTER_ID, td],
            ["PUT", OWN, td], // another's id inside
            ["PATCH", COUNTER_ID, { title: "Mine" }],
            ["DELETE", COUNTER_ID, undefined],
        ] as const) {
            const path = `/things/${encodeURIComponent(id)}`;
            const request = body === undefined ? { headers } : { headers, body: JSON.stringify(body) };
            expect((await client.request(method, path, request)).status, `${method} ${id}`).to.be.within(400, 499);
        }
        for (const id of [COUNTER_ID, "thingDirectory", hub.server.thingId, "urn:nobody"]) {
            await notify(eventOf(id, "tick", "forged", { senderID: "healthy" }));
            await notify(eventOf(id, "count", 9, { affordanceType: "property", senderID: "healthy" }));
        }
        await notify(eventOf(COUNTER_ID, "tick", "in a batch"), NDJSON);
        await settled();
        expect(others).to.deep.equal([]);
        expect(hub.server.directory.get(COUNTER_ID)).to.deep.equal(before);
    });

    it("the sender is who it is, whatever the message says", async () => {
        await notify(eventOf(OWN, "e", 1, { senderID: "healthy" }));
        await eventually("it came", () => others.length > 0);
        expect(others).to.deep.equal([{ thingId: OWN, senderId: "hostile", value: 1 }]);
    });

    it("TDs have no forms that lead elsewhere, and pollute no prototypes", async () => {
        const forms = [{ href: "https://evil.example/", op: ["readproperty"], contentType: "application/json" }];
        const p = { type: "integer", forms };
        const td = tdOf(OWN, { base: "https://evil.example", forms: [], properties: { p }, events: { e: {} } });
        for (const input of [
            polluted(td),
            polluted({ ...td, properties: { p, "%": p } }).replace('"%":', '"__proto__":'),
        ]) {
            await write(input); // taken or refused
            const shown = JSON.stringify(hub.server.getThingDescription(OWN));
            expect(shown).not.to.contain("evil.example");
            expect(Object.getPrototypeOf(hub.server.directory.get(OWN)?.td)).to.be.oneOf([null, Object.prototype]);
        }
        const event = JSON.stringify(eventOf(OWN, "e", 1));
        await notify(`{${POLLUTION},${event.slice(1)}`);
        await notify(event.replace('"value":1', `"value":{${POLLUTION}}`));
        await notify(event.replace('"e"', '"__proto__"'));
        await settled();
        const reading = consumer.readProperty(OWN, "p");
        const { correlationID } = await hostile.request({ operation: "readproperty" });
        const answer = JSON.stringify({
            messageType: "response",
            operation: "readproperty",
            thingID: OWN,
            correlationID,
        });
        await post(
            "/hiveot/response",
            `${answer.slice(0, -1)},"name":"p","status":"completed","output":{${POLLUTION}}}`
        );
        expect(await reading).not.to.have.property("polluted");
        await consumer.request({ operation: "readallevents", thingId: OWN });
    });

    it("bodies that are too large, too deep or no JSON are refused", async () => {
        const large = Buffer.alloc(50 * MIB, " ");
        const refused = await client
            .request("POST", "/hiveot/request", { headers: { ...client.headers() }, body: large })
            .then(
                ({ status }) => status,
                () => "cut while it was sent"
            );
        expect(refused).to.be.oneOf([413, "cut while it was sent"]);
        const deep = "[".repeat(100_000) + "]".repeat(100_000);
        for (const body of ["", "{", deep, `{"messageType":"request","input":${deep}}`, "null", "[]", '"text"']) {
            for (const path of ["/hiveot/request", "/hiveot/response", "/hiveot/notification"]) {
                expect((await post(path, body)).status, `${path} ${body.slice(0, 20)}`).to.be.within(400, 499);
            }
        }
        expect((await write("{"))["error"])
            .to.have.property("status")
            .within(400, 499);
        expect((await write(`{"a":${deep}}`))["error"])
            .to.have.property("status")
            .within(400, 499);
    });

    it("bad lines of batches are left out, and too many refused", async () => {
        const good = JSON.stringify(eventOf(OWN, "e", "good"));
        const deep = JSON.stringify(eventOf(OWN, "e", 0)).replace(":0", `:${"[".repeat(99)}${"]".repeat(99)}`);
        const lines = ["{", deep, "null", JSON.stringify(eventOf(COUNTER_ID, "tick", "forged")), good];
        expect(await notify(lines.join("\n"), NDJSON)).to.include({ status: 204 });
        expect(await notify(Array(1_001).fill(good).join("\n"), NDJSON)).to.include({ status: 413 });
        expect(await notify(Array(400).fill(good.padEnd(3_000)).join("\n"), NDJSON)).to.include({ status: 413 });
        await settled();
        expect(others.map(({ value }) => value)).to.deep.equal(["good"]);
    });

    it("nobody is answered for, and no progress is made, by another", async () => {
        const progress: unknown[] = [];
        const started = await consumer.startAction(COUNTER_ID, "later", 5, {
            onProgress: (value) => progress.push(value),
        });
        const { counter } = healthy;
        await counter.invoked("later");
        const forged = {
            operation: "invokeaction",
            thingID: COUNTER_ID,
            name: "later",
            correlationID: started.actionId,
        };
        const response = { messageType: "response", ...forged, output: 6, senderID: "healthy" };
        for (const status of ["completed", "failed", "running"]) {
            await post("/hiveot/response", { ...response, status });
            const value = { ...response, status };
            await notify(eventOf(COUNTER_ID, "later", value, { ...forged, affordanceType: "action" }));
        }
        await settled();
        for (const answer of counter.later.splice(0)) answer();
        expect(await started.result).to.equal(5);
        expect(progress).to.deep.equal([]);
    });

    it("1,000 TDs are taken of one agent, and no more", async () => {
        const outcomes = new Map<unknown, number>();
        for (let at = 0; at < 10_000; at += 200) {
            const writes = Array.from({ length: 200 }, (_, n) => write(tdOf(`urn:flood:${String(at + n)}`)));
            for (const { status, error } of await Promise.all(writes)) {
                const outcome = (error as Envelope | undefined)?.["status"] ?? status;
                outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
            }
        }
        expect(Object.fromEntries(outcomes)).to.deep.equal({ completed: 999, 507: 9_001 });
        expect(hub.server.directory.size).to.equal(1_001);
    }).timeout(60_000);

    it("names without end and of any length take bounded memory", async () => {
        const long = "n".repeat(900_000);
        for (let n = 0; n < 200; n++) {
            await notify(eventOf(OWN, `${String(n)}${long}`, 1, { messageID: String(n) }));
        }
        for (let n = 0; n < 20; n++) {
            const lines = Array.from({ length: 500 }, (_, line) =>
                eventOf(OWN, `e-${String(n)}-${String(line)}`, line)
            );
            await notify(lines.map((line) => JSON.stringify(line)).join("\n"), NDJSON);
        }
        await settled();
        others.length = 0;
        expect(heapUsed() - heapBefore).to.be.lessThan(120 * MIB);
    }).timeout(30_000);
});
