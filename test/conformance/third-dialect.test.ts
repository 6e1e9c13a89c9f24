/** A dialect of somebody else's making, in server and client, beside HiveOT's own; and what becomes of one that is broken. */
import { expect } from "chai";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rrn, type MessageConverter } from "node-wot-binding-hiveot/protocol";
import { COUNTER_ID } from "../support/things";
import { sharedSetUps } from "../support/set-ups";
import type { Consumer } from "./consumers";
import { lists } from "./lists-dialect";
import { NodeWotConsumer } from "./node-wot-consumer";
import { RawConsumer } from "./raw-consumer";
import { type Dialect, type Envelope, freshId, type RawClient } from "./raw/raw-client";
import { req } from "./requirements";
import { SCENARIOS } from "./scenarios";

const PATH = "/lists";
const TRANSPORT = "TLS h2";

/** What `broken` and `counting` were asked to encode. */
const encoded: string[] = [];

/** Throws internals at every turn where a message says so. */
const broken: MessageConverter = {
    ...rrn,
    name: "broken",
    recognizes: () => {
        throw new Error("internals: recognizes");
    },
    encode(message) {
        if (message.kind === "notification") throw new Error("internals: encode");
        if (message.kind === "response" && message.output === "pong") throw new Error("internals: encode");
        return rrn.encode(message);
    },
    decodeRequest(json) {
        if (JSON.stringify(json).includes("explode")) throw new Error("internals: decode");
        return rrn.decodeRequest(json);
    },
};

const counting: MessageConverter = {
    ...rrn,
    name: "counting",
    encode(message) {
        encoded.push(message.kind);
        return rrn.encode(message);
    },
};

/** JSON as people like to read it. */
const pretty: MessageConverter = {
    ...rrn,
    name: "pretty",
    encode: (message) => JSON.stringify(JSON.parse(rrn.encode(message)), null, 2).replace(/\n/g, "\r\n"),
};

/** Cannot read some of what comes. */
const deaf: MessageConverter = {
    ...rrn,
    name: "deaf",
    decodeNotification(json) {
        if (JSON.stringify(json).includes("unreadable")) throw new Error("internals: decode");
        return rrn.decodeNotification(json);
    },
};

const DIALECTS = { [PATH]: lists, "/broken": broken, "/counting": counting, "/pretty": pretty };

describe("a dialect of one's own", () => {
    const setUps = sharedSetUps({ server: { dialects: DIALECTS, streamPath: PATH } });
    const consumers: Consumer[] = [];

    async function raw(dialect: Dialect): Promise<RawConsumer> {
        const consumer = new RawConsumer(await (await setUps(TRANSPORT)).connected(TRANSPORT, "manager", dialect));
        consumers.push(consumer);
        return consumer;
    }

    /** A raw client whose stream is in another dialect. */
    async function at(path: string): Promise<RawClient> {
        const client = await (await setUps(TRANSPORT)).client(TRANSPORT, "manager");
        consumers.push(new RawConsumer(client));
        await (await client.openStream({ path })).next(({ event }) => event === "sse-ping");
        return client;
    }

    afterEach(async () => {
        await Promise.all(consumers.splice(0).map((each) => each.close()));
        (await setUps(TRANSPORT)).reset();
        encoded.length = 0;
    });

    it("[DIALECT-third] is documented as it stands in this test", () => {
        const text = readFileSync(join(__dirname, "../../lib/PROTOCOL.md"), "utf8");
        const [, snippet] = /^### A dialect of your own\n[^]*?^```ts\n([^]*?)^```/m.exec(text) ?? [];
        const source = readFileSync(join(__dirname, "lists-dialect.ts"), "utf8");
        expect(snippet).to.equal(source.slice(source.indexOf("import {")));
    });

    describe("in server and client, while the other two are spoken", () => {
        let bystanders: RawConsumer[] = [];

        before(async () => {
            const setUp = await setUps(TRANSPORT);
            bystanders = await Promise.all(
                (["rrn", "rrn-2025"] as const).map(
                    async (dialect) => new RawConsumer(await setUp.connected(TRANSPORT, "manager", dialect))
                )
            );
            for (const each of bystanders) {
                for (const operation of ["observeallproperties", "subscribeallevents", "observeallactions"]) {
                    await each.perform(operation);
                }
            }
        });

        after(async () => {
            for (const each of bystanders) {
                expect(await each.perform("ping")).to.deep.equal({ ok: true, output: "pong" });
                expect(each.client.stream?.notifications().length).to.be.greaterThan(50);
                await each.close();
            }
        });

        for (const scenario of SCENARIOS) {
            req(["DIALECT-third", ...scenario.requirements], scenario.name, async () => {
                const setUp = await setUps(TRANSPORT);
                await scenario.run({
                    counter: setUp.counter,
                    twin: setUp.twin,
                    consumer: async (role = "manager") => {
                        const options = { dialects: { [PATH]: lists } };
                        const consumer = await NodeWotConsumer.connect(setUp, TRANSPORT, role, options);
                        consumers.push(consumer);
                        return consumer;
                    },
                });
            });
        }
    });

    req("DIALECT-third", "is what is on the wire", async () => {
        const client = await at(PATH);
        const request = JSON.stringify(["req", "readproperty", COUNTER_ID, "count", "c1"]);
        expect(await client.post("/hiveot/request", request)).to.include({ status: 201 });
        const block = await client.stream?.next(({ event }) => event === "response");
        const expected = ["res", "readproperty", COUNTER_ID, "count", "c1", "completed", 0, false];
        expect(JSON.parse(String(block?.data))).to.deep.equal(expected);
    });

    req("DIALECT-gone", "a request without a stream is told so", async () => {
        const client = await at(PATH);
        client.cid = freshId("gone");
        const request = JSON.stringify(["req", "ping", "", "", "c1"]);
        const reply = await client.post("/hiveot/request", request);
        expect(reply).to.include({ status: 400 });
        expect(reply.body).to.contain("NO_SESSION");
        const nonsense = await client.post("/hiveot/request", '["nonsense"]');
        expect(nonsense).to.include({ status: 400 });
        expect(nonsense.body).to.contain("INVALID_ENVELOPE");
    });

    req("DIALECT-harmless", "a notification that it cannot say is left out there, and reaches the others", async () => {
        const { counter } = await setUps(TRANSPORT);
        const bad = await at("/broken");
        const listening = await Promise.all(
            (["rrn", "rrn-2025"] as const).map(async (dialect) => {
                const subscribe = { operation: "subscribeevent", thingID: COUNTER_ID, name: "tick" };
                await bad.call(subscribe);
                return await (await raw(dialect)).listen("subscribeevent", { thingId: COUNTER_ID, name: "tick" });
            })
        );
        for (const text of ["one", "two"]) {
            counter.tick(text);
            for (const each of listening) expect(await each.next()).to.include({ value: text });
        }
        const { envelope } = await bad.call({ operation: "readproperty", thingID: COUNTER_ID, name: "count" });
        expect(envelope).to.include({ output: 0 });
        expect(bad.stream?.notifications()).to.deep.equal([]);
    });

    req("DIALECT-harmless", "a response that it cannot say becomes an error", async () => {
        const { envelope } = await (await at("/broken")).call({ operation: "ping" });
        expect(envelope).to.include({ status: "failed" });
        expect((envelope["error"] as Envelope)["type"]).to.contain("INVALID_OUTPUT");
    });

    req("DIALECT-harmless", "a request that makes it throw is a 500 without internals", async () => {
        const bad = await at("/broken");
        const reply = await bad.post("/hiveot/request", { messageType: "request", operation: "explode" });
        expect(reply).to.include({ status: 500 });
        expect(reply.headers["content-type"]).to.equal("application/problem+json");
        expect(reply.body).not.to.contain("internals");
        const { envelope } = await bad.call({ operation: "readproperty", thingID: COUNTER_ID, name: "count" });
        expect(envelope).to.include({ output: 0 });
    });

    req("DIALECT-harmless", "one that throws when asked what it recognises recognises nothing", async () => {
        const client = await at("/hiveot/ssesc");
        const note = { messageType: "notification", operation: "subscribeevent", thingID: "t", name: "e", value: 1 };
        expect(await client.post("/hiveot/notification", note, { cid: undefined })).to.include({ status: 200 });
        const unknown = await client.post("/hiveot/notification", "{}", { cid: undefined });
        expect(unknown).to.include({ status: 400 });
    });

    req("DIALECT-lines", "text of several lines is framed and read, on both sides", async () => {
        const client = await at("/pretty");
        const { block, envelope } = await client.call({ operation: "ping" });
        expect(block.raw.match(/^data: /gm)?.length).to.be.greaterThan(5);
        expect(block.raw).not.to.contain("\r");
        expect(envelope).to.include({ output: "pong" });
        const consumer = await connectedTo("/pretty", pretty);
        const listening = await consumer.listen("subscribeevent", { thingId: COUNTER_ID, name: "tick" });
        (await setUps(TRANSPORT)).counter.tick("a\nb");
        expect(await listening.next()).to.include({ value: "a\nb" });
    });

    req("DIALECT-encoded-once", "a notification is encoded once for all streams", async () => {
        const { counter } = await setUps(TRANSPORT);
        const clients = [await at("/counting"), await at("/counting"), await at("/counting")];
        for (const each of clients) {
            await each.call({ operation: "subscribeevent", thingID: COUNTER_ID, name: "tick" });
        }
        counter.tick("once");
        for (const each of clients) await each.stream?.notification({ value: "once" });
        expect(encoded.filter((kind) => kind === "notification")).to.have.length(1);
    });

    req("DIALECT-harmless", "what a client's own dialect cannot read is dropped, and the rest is heard", async () => {
        const { counter } = await setUps(TRANSPORT);
        const consumer = await connectedTo("/hiveot/ssesc", deaf);
        const listening = await consumer.listen("subscribeevent", { thingId: COUNTER_ID, name: "tick" });
        for (const text of ["heard", "unreadable", "heard too"]) counter.tick(text);
        expect(await listening.next()).to.include({ value: "heard" });
        expect(await listening.next()).to.include({ value: "heard too" });
        expect(await consumer.perform("ping")).to.deep.equal({ ok: true, output: "pong" });
    });

    /** A node-wot consumer at a server whose TDs name `path`. */
    async function connectedTo(path: "/pretty" | "/hiveot/ssesc", converter: MessageConverter): Promise<Consumer> {
        const setUp = await setUps(TRANSPORT);
        const options = { dialects: { [path]: converter } };
        const consumer = await NodeWotConsumer.connect(
            setUp,
            TRANSPORT,
            "manager",
            options,
            (td) => JSON.parse(JSON.stringify(td).replaceAll(`"${PATH}"`, `"${path}"`)) as typeof td
        );
        consumers.push(consumer);
        return consumer;
    }
});
