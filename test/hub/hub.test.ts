/** The hub as a whole over real sockets: directory, own Things, agents' TDs, what is public. */
import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetchThingDescription, normalizeThingDescription, SseScServer } from "../../src/index";
import type { Envelope } from "../conformance/raw/event-stream";
import { RawAgent } from "../conformance/raw/raw-agent";
import { RawClient } from "../conformance/raw/raw-client";
import { req } from "../conformance/requirements";
import { type Role, SetUp, TRANSPORTS, usernameOf } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";
import { onEnd, tdOf } from "./harness";

const LAMP = "urn:lamp-1";

function lampTd(members: Envelope = {}): Envelope {
    return tdOf(LAMP, {
        properties: { hue: { type: "integer", forms: [{ href: "https://evil.example/hue", op: ["readproperty"] }] } },
        actions: { fade: {} },
        events: { failed: {} },
        forms: [{ href: "https://evil.example/", op: ["readallproperties"] }],
        ...members,
    });
}

const write = (td: Envelope): Envelope => ({
    operation: "invokeaction",
    thingID: "thingDirectory",
    name: "createThing",
    input: JSON.stringify(td),
});

async function start(
    server: Partial<ConstructorParameters<typeof SseScServer>[0]> = {},
    secure = false
): Promise<SetUp> {
    const setUp = await SetUp.start({ secure, server: { hub: true, ...server }, things: [COUNTER_ID] });
    onEnd(() => setUp.stop());
    return setUp;
}

async function connected(setUp: SetUp, role: Role, dialect?: "rrn-2025"): Promise<RawClient> {
    const client = await setUp.connected(setUp.secure ? "TLS h2" : "plain h1", role, dialect);
    onEnd(() => client.close());
    return client;
}

/** The TD at a path, as a client of that role gets it. */
async function get(setUp: SetUp, path: string, role?: Role): Promise<Envelope & { status: number }> {
    const client = role === undefined ? undefined : await setUp.client("plain h1", role);
    const wire = client?.wire ?? setUp.wire("plain h1");
    onEnd(() => wire.close());
    const headers = client === undefined ? {} : client.headers();
    const { status, body } = await wire.request("GET", path, { headers });
    return { ...(JSON.parse(body) as Envelope), status };
}

describe("a hub", () => {
    for (const transport of TRANSPORTS) {
        it(`takes the TD of an agent and routes to it, over ${transport}`, async () => {
            const setUp = await start({}, transport !== "plain h1");
            const agent = new RawAgent(await setUp.connected(transport, "device"));
            const consumer = await setUp.connected(transport, "viewer");
            for (const each of [agent.client, consumer]) onEnd(() => each.close());
            await consumer.call({ operation: "subscribeallevents", thingID: "thingDirectory" });
            expect((await agent.client.call(write(lampTd()))).envelope).to.include({ status: "completed" });
            const { json } = await consumer.stream!.notification({ thingID: "thingDirectory", name: "thingUpdated" });
            const told = JSON.parse(String(json!["value"])) as Envelope;
            expect(told).to.include({ id: LAMP });
            expect(JSON.stringify(told)).not.to.contain("evil");
            const reading = consumer.call({ operation: "readproperty", thingID: LAMP, name: "hue" });
            await agent.serve({ operation: "readproperty" }, { output: 5 });
            expect((await reading).envelope).to.include({ output: 5 });
            const td = await fetchThingDescription(
                `${setUp.origin}/things/${encodeURIComponent(LAMP)}`,
                { token: String(consumer.token) },
                setUp.secure ? { caCert: setUp.certificate.cert } : {}
            );
            expect(td).to.include({ id: LAMP, base: `${setUp.scheme}://${setUp.authority}/hiveot/ssesc` });
        });
    }

    it("gives agents' Things forms of its own, and none of theirs", async () => {
        const setUp = await start();
        await setUp.server.directory.put(lampTd(), "device1");
        const td = setUp.server.getThingDescription(LAMP);
        expect(JSON.stringify(td)).not.to.contain("evil");
        const form = {
            href: `sse-plain://${setUp.authority}/hiveot/request`,
            contentType: "application/json",
            subprotocol: "sse-sc",
            "hiveot:thingID": LAMP,
            "hiveot:stream": "/hiveot/ssesc",
        };
        const op = ["readproperty", "writeproperty", "observeproperty", "unobserveproperty"];
        expect(td)
            .to.have.nested.property("properties.hue.forms")
            .that.deep.equals([{ ...form, op, "hiveot:name": "hue" }]);
        expect(td["forms"]).to.be.an("array").of.length(1);
        expect(td).to.have.property("security", "bearer");
        normalizeThingDescription(td);
    });

    req(
        ["TDD-01", "TDD-02", "TDD-06"],
        "shows the directory's own TD to everybody, its content to readers",
        async () => {
            const setUp = await start();
            await setUp.server.directory.put(lampTd(), "device1");
            expect(await get(setUp, "/.well-known/wot")).to.include({
                status: 200,
                id: "thingDirectory",
                "@type": "ThingDirectory",
            });
            const wire = setUp.wire("plain h1");
            onEnd(() => wire.close());
            expect((await wire.request("GET", "/things")).headers["www-authenticate"]).to.match(/^Bearer\b/);
            const own = `/things/${encodeURIComponent(setUp.server.thingId)}`;
            expect(await get(setUp, own)).to.include({ status: 401 });
            expect(await get(setUp, own, "viewer")).to.include({ status: 200 });
            for (const path of [
                "/things",
                `/things/${encodeURIComponent(LAMP)}`,
                `/things/${encodeURIComponent(COUNTER_ID)}`,
                "/events",
            ]) {
                expect(await get(setUp, path), path).to.include({ status: 401 });
                expect(await get(setUp, path, "none"), path).to.include({ status: 403 });
            }
            expect(await get(setUp, `/things/${encodeURIComponent(LAMP)}`, "viewer")).to.include({
                status: 200,
                id: LAMP,
            });
            expect(await get(setUp, `/things/${encodeURIComponent(COUNTER_ID)}`, "viewer")).to.include({
                status: 200,
                id: COUNTER_ID,
            });
            expect(await get(setUp, "/things/nothing", "viewer")).to.include({ status: 404 });
            expect(await get(setUp, "/things/thingDirectory", "viewer")).to.include({
                status: 200,
                id: "thingDirectory",
            });
        }
    );

    it("lists its own Things and those of agents, and tells when they come and go", async () => {
        const setUp = await start();
        await setUp.server.directory.put(lampTd(), "device1");
        expect([...setUp.server.directory].map(({ id }) => id)).to.deep.equal([COUNTER_ID, LAMP].sort());
        const consumer = await connected(setUp, "viewer");
        await consumer.call({ operation: "subscribeallevents", thingID: "thingDirectory" });
        const { envelope } = await consumer.call({
            operation: "invokeaction",
            thingID: "thingDirectory",
            name: "retrieveAllThings",
            input: { offset: 0, limit: 10 },
        });
        const listed = (envelope["output"] as string[]).map((text) => JSON.parse(text) as Envelope);
        expect(listed.map(({ id }) => id)).to.have.members([COUNTER_ID, LAMP]);
        for (const td of listed) expect(td["base"]).to.equal(`sse-plain://${setUp.authority}/hiveot/ssesc`);
        const own = await setUp.wot.produce({ id: "urn:own", title: "Own", properties: {}, actions: {}, events: {} });
        await own.expose();
        await consumer.stream!.notification({ name: "thingCreated" });
        await own.destroy();
        await consumer.stream!.notification({ name: "thingDeleted", value: "urn:own" });
    });

    it("keeps its ids and those of its Things from agents", async () => {
        const setUp = await start();
        const agent = await connected(setUp, "device");
        for (const id of [COUNTER_ID, setUp.server.thingId, "thingDirectory", "directory", "hiveot-sse"]) {
            const { envelope } = await agent.call(write(lampTd({ id })));
            expect(envelope["error"], id).to.include({ status: 409 });
        }
        const service = await connected(setUp, "service");
        expect((await service.call(write(lampTd({ id: COUNTER_ID })))).envelope["error"]).to.include({ status: 409 });
    });

    it("leaves a Thing with the agent that wrote it first", async () => {
        const setUp = await start({
            accounts: ["device1", "device2"].map((username) => ({ username, password: "password", role: "device" })),
        });
        const agents = [];
        for (const username of ["device1", "device2"]) {
            const client = new RawClient(setUp.wire("plain h1"));
            onEnd(() => client.close());
            await client.connect(username, "password");
            agents.push(client);
        }
        const [first, second] = agents;
        expect((await first!.call(write(lampTd()))).envelope).to.include({ status: "completed" });
        const { envelope } = await second!.call(write(lampTd({ title: "Mine" })));
        expect(envelope["error"]).to.include({ status: 409 });
        expect(setUp.server.directory.get(LAMP)).to.include({ owner: "device1" });
        expect(setUp.server.directory.get(LAMP)?.td).not.to.include({ title: "Mine" });
    });

    it("keeps the directory in its store, without Things that are its own no more", async () => {
        const store = mkdtempSync(join(tmpdir(), "hiveot-hub-"));
        onEnd(() => rmSync(store, { recursive: true, force: true }));
        const first = await SetUp.start({
            secure: false,
            server: { hub: true, store },
            things: [COUNTER_ID, "urn:other"],
        });
        await first.server.directory.put(lampTd(), "device1");
        await first.stop();
        const second = await SetUp.start({ secure: false, server: { hub: true, store }, things: [COUNTER_ID] });
        onEnd(() => second.stop());
        expect([...second.server.directory].map(({ id }) => id)).to.have.members([COUNTER_ID, LAMP]);
    });

    for (const [dialect, thingID] of [
        ["rrn-2025", "directory"],
        ["rrn-2025", "dtw:digitwin:ThingDirectory"],
    ] as const) {
        it(`is known as ${thingID} in January's dialect`, async () => {
            const setUp = await start();
            const agent = await connected(setUp, "device", dialect);
            await agent.call({ operation: "subscribeevent", thingID, name: "thingUpdated" });
            await agent.call({ ...write(lampTd()), thingID });
            const { json } = await agent.stream!.notification({ thingID, name: "thingUpdated" });
            expect(JSON.parse(String(json!["value"]))).to.include({ id: LAMP });
            await agent.call({ operation: "ping" });
            expect(agent.stream!.notifications()).to.have.length(1);
            expect(agent.stream!.faults).to.deep.equal([]);
            expect(setUp.server.status.subscribers).to.equal(1);
            const left = new Promise((done) => setUp.server.connections.once("closed", done));
            agent.stream!.destroy();
            await left;
            expect(setUp.server.status.subscribers).to.equal(0);
        });
    }

    it("answers for its directory as for any Thing", async () => {
        const setUp = await start();
        const agent = await connected(setUp, "device");
        await agent.call(write(lampTd()));
        const on = { thingID: "thingDirectory" };
        const read = await agent.call({ ...on, operation: "readevent", name: "thingCreated" });
        expect(read.envelope["output"]).to.include({ name: "thingCreated", thingID: "thingDirectory" });
        const all = await agent.call({ ...on, operation: "readallevents" });
        expect(all.envelope["output"]).to.have.all.keys("thingCreated", "thingUpdated");
        const things = await agent.call({ ...on, operation: "readallproperties" });
        expect(things.envelope["output"]).to.have.property("things").of.length(2);
        const some = await agent.call({ ...on, operation: "readmultipleproperties", input: ["things"] });
        expect(some.envelope["output"]).to.have.property("things").of.length(2);
        const service = await connected(setUp, "service");
        expect((await service.call({ ...on, operation: "queryallactions" })).envelope).to.deep.include({ output: {} });
        const failures: readonly (readonly [Envelope, number])[] = [
            [{ operation: "queryaction", name: "createThing" }, 404],
            [{ operation: "cancelaction", name: "nothing" }, 404],
            [{ operation: "writeproperty", name: "things", input: [] }, 400],
            [{ operation: "writeproperty", name: "nothing", input: [] }, 404],
            [{ operation: "writeallproperties", input: {} }, 400],
            [{ operation: "observeproperty", name: "things" }, 400],
            [{ operation: "subscribeevent", name: "nothing" }, 404],
            [{ operation: "readevent", name: "nothing" }, 404],
            [{ operation: "invokeaction", name: "nothing" }, 404],
            [{ operation: "nothing" }, 400],
        ];
        for (const [request, status] of failures) {
            const { envelope } = await service.call({ ...on, ...request });
            expect(envelope["error"], JSON.stringify(request)).to.include({ status });
        }
        const nobody = await connected(setUp, "none");
        for (const operation of ["ping", "subscribeallevents", "readallproperties", "invokeaction"]) {
            const { envelope } = await nobody.call({ ...on, operation, name: "retrieveTDD" });
            expect(envelope["error"], operation).to.include({ status: 403 });
        }
    });

    it("answers for its own Things as itself", async () => {
        const setUp = await start();
        const { envelope } = await (
            await connected(setUp, "viewer")
        ).call({ operation: "readproperty", thingID: COUNTER_ID, name: "count" });
        expect(envelope).to.include({ output: 0, senderID: "" });
    });

    it("keeps the media type of what is no JSON, and no member that is null", async () => {
        const setUp = await start();
        const forms = [{ href: "sse://h/x", contentType: "text/plain", op: ["readproperty"] }];
        const properties = { label: { type: "string", forms, unit: null } };
        await setUp.server.directory.put(lampTd({ properties, actions: null }), "device1");
        const td = await get(setUp, `/things/${encodeURIComponent(LAMP)}`, "viewer");
        expect(td).to.have.nested.property("properties.label.forms[0].contentType", "text/plain");
        expect(td).not.to.have.property("actions");
        expect(td["properties"]).to.have.property("label").that.does.not.have.property("unit");
    });

    it("forgets the events of a Thing that was deleted", async () => {
        const setUp = await start();
        const agent = new RawAgent(await connected(setUp, "device"));
        await agent.client.call(write(lampTd()));
        await agent.notify({ thingID: LAMP, name: "failed", value: 1 });
        await agent.client.call({
            operation: "invokeaction",
            thingID: "thingDirectory",
            name: "deleteThing",
            input: LAMP,
        });
        await agent.client.call(write(lampTd()));
        const { envelope } = await agent.client.call({ operation: "readevent", thingID: LAMP, name: "failed" });
        expect(envelope).to.include({ status: "completed" }).and.not.have.property("output");
    });

    it("names the option that is wrong", () => {
        const base = { security: [{ scheme: "nosec" }] as [{ scheme: "nosec" }] };
        const wrong: readonly (readonly [unknown, string])[] = [
            [1, "hub"],
            ["yes", "hub"],
            [{ requestTimeout: 0 }, "hub.requestTimeout"],
            [{ x: 1 }, "hub.x"],
        ];
        for (const [hub, name] of wrong) {
            expect(() => new SseScServer({ ...base, hub: hub as never })).to.throw(`"${name}"`);
        }
        expect(() => new SseScServer({ ...base, hub: false })).not.to.throw();
        expect(() => new SseScServer(base).directory).to.throw("not running");
    });

    it("is none without the option", async () => {
        const setUp = await SetUp.start({ secure: false, things: [COUNTER_ID] });
        onEnd(() => setUp.stop());
        expect(() => setUp.server.directory).to.throw('"hub"');
        expect(await get(setUp, "/things", "admin")).to.include({ status: 404 });
        const admin = await connected(setUp, "admin");
        expect((await admin.call(write(lampTd()))).envelope["error"]).to.include({ status: 404 });
        expect(usernameOf("admin")).to.equal(admin.clientId);
    });
});
