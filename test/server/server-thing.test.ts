/** The server as a Thing of its own, as consumers see it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ExposedThing, Helpers, Servient } from "@node-wot/core";
import { expect } from "chai";
import { normalizeThingDescription, SseScClientFactory, SseScPlainClientFactory, SseScServer } from "../../src/index";
import type { RawClient } from "../conformance/raw/raw-client";
import { eventually } from "../support/eventually";
import { isSecure, passwordOf, sharedSetUps, type Transport, TRANSPORTS, usernameOf } from "../support/set-ups";
import { COUNTER_ID, TestThing, TWIN_ID } from "../support/things";

const ALIAS = "hiveot-sse";

type Json = ReturnType<typeof JSON.parse>;

/** A server without accounts, for what needs no client. */
async function start(config: Partial<ConstructorParameters<typeof SseScServer>[0]> = {}): Promise<{
    server: SseScServer;
    wot: typeof WoT;
    stop: () => Promise<void>;
}> {
    const server = new SseScServer({ port: 0, security: [{ scheme: "nosec" }], ...config });
    const servient = new Servient();
    servient.addServer(server);
    const wot = await servient.start();
    return { server, wot, stop: () => servient.shutdown() };
}

describe("the server's own Thing", () => {
    const setUps = sharedSetUps();
    const clients: RawClient[] = [];

    async function connected(transport: Transport, role: "viewer" | "none" | "admin" = "viewer"): Promise<RawClient> {
        const client = await (await setUps(transport)).connected(transport, role);
        clients.push(client);
        return client;
    }

    async function leave(...leaving: RawClient[]): Promise<void> {
        await Promise.all(leaving.map((client) => client.close()));
    }

    afterEach(async () => {
        await leave(...clients.splice(0));
        for (const transport of ["TLS h2", "plain h1"] as const) {
            const { server } = await setUps(transport);
            await eventually("all streams ended", () => server.status.sessions === 0);
        }
    });

    for (const transport of TRANSPORTS) {
        it(`is watched by a node-wot consumer over ${transport}, while others connect and leave`, async () => {
            const setUp = await setUps(transport);
            const servient = new Servient();
            const credentials = {
                [setUp.origin]: { username: usernameOf("viewer"), password: passwordOf("viewer") },
            };
            servient.addClientFactory(
                isSecure(transport)
                    ? new SseScClientFactory({
                          credentials,
                          caCert: setUp.certificate.cert,
                          httpVersion: transport === "TLS h2" ? 2 : 1,
                      })
                    : new SseScPlainClientFactory({ credentials })
            );
            const wot = await servient.start();
            try {
                // Two Things are exposed, so this is the TD of the server
                const url = `${setUp.scheme}://${setUp.authority}/.well-known/wot`;
                const td = await wot.requestThingDescription(url);
                expect(td.id).to.equal(setUp.server.thingId);
                const thing = await wot.consume(td);
                const heard: unknown[] = [];
                await thing.observeProperty("nrConnections", (output) => {
                    void output.value().then((value) => heard.push(value));
                });
                expect(await (await thing.readProperty("nrConnections")).value()).to.equal(1);
                const first = await connected(transport);
                await eventually("the first one heard", () => heard.length === 1);
                const second = await connected(transport);
                await eventually("the second one heard", () => heard.length === 2);
                await leave(first);
                await eventually("the one who left heard", () => heard.length === 3);
                await leave(second);
                await eventually("the other one heard", () => heard.length === 4);
                expect(heard).to.deep.equal([2, 3, 2, 1]);
            } finally {
                await servient.shutdown();
            }
        });
    }

    it("tells observers once of what changes in one turn, and nothing where the number stays", async () => {
        const watcher = await connected("plain h1");
        await watcher.call({ operation: "observeproperty", thingID: ALIAS, name: "nrConnections" });
        const others = await Promise.all([1, 2, 3].map(() => connected("plain h1")));
        await eventually("all heard", () => watcher.stream?.notifications().at(-1)?.["value"] === 4);

        const before = watcher.stream?.notifications().length ?? 0;
        const { server } = await setUps("plain h1");
        // One stream takes the place of another with the same cid: one is closed and one opened, in one turn
        await others[0]?.openStream({ cid: others[0].cid ?? "" });
        expect(server.status.sessions).to.equal(4);
        expect((await watcher.call({ operation: "ping" })).envelope).to.include({ output: "pong" });
        expect(watcher.stream?.notifications()).to.have.length(before);

        await server.accounts.put({ username: "many1", password: "password of many", role: "viewer" });
        const many = await Promise.all([1, 2, 3].map(async () => (await setUps("plain h1")).client("plain h1")));
        clients.push(...many);
        for (const client of many) await client.connect("many1", "password of many");
        await eventually("many heard", () => watcher.stream?.notifications().at(-1)?.["value"] === 7);
        const count = watcher.stream?.notifications().length ?? 0;
        await server.accounts.remove("many1"); // ends its streams in one turn
        await eventually("the end of many heard", () => watcher.stream?.notifications().at(-1)?.["value"] === 4);
        expect(watcher.stream?.notifications()).to.have.length(count + 1);
    });

    it("has properties that tell what the server holds, and none that can be written", async () => {
        const { server } = await setUps("plain h1");
        const client = await connected("plain h1", "admin");
        const { thingId } = server;
        const { envelope } = await client.call({ operation: "readallproperties", thingID: thingId });
        const { version } = JSON.parse(readFileSync(join(__dirname, "../../package.json"), "utf8"));
        expect(envelope["output"]).to.deep.include({ nrConnections: 1, clients: 1, openRequests: 1, version });
        const output = envelope["output"] as Json;
        expect(output).to.have.keys(Object.keys(server.getThingDescription(thingId)["properties"] as object));
        expect(output.connections).to.be.at.least(2); // the stream, and a POST
        expect(Date.parse(output.started)).to.be.within(Date.now() - 60_000, Date.now());
        await client.call({ operation: "observeallproperties", thingID: thingId });
        const read = { operation: "readproperty", thingID: thingId, name: "subscribers" };
        expect((await client.call(read)).envelope).to.include({ output: 1, thingID: thingId });
        for (const name of Object.keys(output)) {
            const write = { operation: "writeproperty", thingID: thingId, name, input: output[name] };
            expect((await client.call(write)).envelope["error"], name).to.include({
                type: "urn:hiveot-ssesc:problem:NOT_WRITABLE",
            });
        }
    });

    it("is for those who may read, and for nobody else", async () => {
        const read = { operation: "readproperty", thingID: ALIAS, name: "nrConnections" };
        expect((await (await connected("plain h1", "viewer")).call(read)).envelope).to.include({ output: 1 });
        expect((await (await connected("plain h1", "none")).call(read)).envelope["error"]).to.include({
            type: "urn:hiveot-ssesc:problem:FORBIDDEN",
        });
    });

    describe("as hiveot-sse, the Thing of HiveOT's module of January 2026", () => {
        it("answers readproperty and readallproperties with the id that was asked for", async () => {
            const client = await connected("TLS h2");
            const one = await client.call({ operation: "readproperty", thingID: ALIAS, name: "nrConnections" });
            expect(one.envelope).to.include({ thingID: ALIAS, name: "nrConnections", output: 1, status: "completed" });
            const all = await client.call({ operation: "readallproperties", thingID: ALIAS });
            expect(all.envelope).to.include({ thingID: ALIAS });
            expect(all.envelope["output"]).to.include({ nrConnections: 1 });
        });

        it("answers January's clients in their dialect", async () => {
            const client = await (await setUps("TLS h2")).client("TLS h2", "viewer");
            clients.push(client);
            const stream = await client.openStream({ path: "/hiveot/sse" });
            await client.call({ operation: "observeproperty", thingID: ALIAS, name: "nrConnections" });
            const all = await client.call({ operation: "readallproperties", thingID: ALIAS });
            expect(all.envelope).to.include({ thingID: ALIAS, error: null });
            const value = all.envelope["value"] as Json;
            expect(value.nrConnections).to.include({ thingID: ALIAS, name: "nrConnections", data: 1 });
            await connected("TLS h2");
            const { json } = await stream.notification();
            expect(json).to.include({ operation: "observeproperty", thingID: ALIAS, name: "nrConnections", value: 2 });
        });

        it("notifies under the id that was subscribed to, both if both were", async () => {
            const { server } = await setUps("plain h1");
            const watcher = await connected("plain h1");
            const target = { operation: "observeproperty", name: "nrConnections" };
            await watcher.call({ ...target, thingID: ALIAS });
            const other = await connected("plain h1");
            await eventually("heard", () => watcher.stream?.notifications().length === 1);
            expect(watcher.stream?.notifications()[0]).to.include({ thingID: ALIAS, value: 2, senderID: ALIAS });
            await watcher.call({ ...target, thingID: server.thingId });
            await leave(other);
            await eventually("heard twice", () => watcher.stream?.notifications().length === 3);
            expect(
                watcher.stream
                    ?.notifications()
                    .slice(1)
                    .map(({ thingID, value }) => [thingID, value])
            ).to.have.deep.members([
                [ALIAS, 1],
                [server.thingId, 1],
            ]);
            await watcher.call({ operation: "unobserveproperty", thingID: ALIAS, name: "nrConnections" });
            await connected("plain h1");
            await eventually("heard once more", () => watcher.stream?.notifications().length === 4);
            await watcher.call({ operation: "ping" });
            expect(watcher.stream?.notifications().slice(3)).to.have.length(1);
        });

        it("stands back for a Thing of that id", async () => {
            const setUp = await setUps("plain h1");
            const client = await connected("plain h1");
            const read = { operation: "readproperty", thingID: ALIAS, name: "count" };
            // As an agent of HiveOT may have it: wot.produce would demand a URI
            const init = { id: ALIAS, title: "Other", properties: { count: { type: "integer" } } } as const;
            const other = new ExposedThing(setUp.servient, structuredClone(init));
            other.setPropertyReadHandler("count", async () => 77);
            setUp.servient.addThing(other);
            await other.expose();
            try {
                expect((await client.call(read)).envelope).to.include({ output: 77 });
                const { envelope } = await client.call({ ...read, name: "nrConnections" });
                expect(envelope["error"]).to.include({ type: "urn:hiveot-ssesc:problem:UNKNOWN_AFFORDANCE" });
            } finally {
                await other.destroy();
            }
            expect((await client.call({ ...read, name: "nrConnections" })).envelope).to.include({ output: 1 });
        });
    });

    it("is not heard by those who subscribe to all Things", async () => {
        const setUp = await setUps("plain h1");
        const watcher = await connected("plain h1");
        await watcher.call({ operation: "observeallproperties", thingID: "" });
        await connected("plain h1");
        await setUp.counter.setCount(5);
        await eventually("the counter heard", () => (watcher.stream?.notifications().length ?? 0) > 0);
        expect(watcher.stream?.notifications().map(({ name }) => name)).to.deep.equal(["count"]);
    });

    it("leaves nothing behind when those who watch it leave", async () => {
        const { server } = await setUps("plain h1");
        const before = server.status.listeners;
        const watcher = await connected("plain h1");
        for (const thingID of [ALIAS, server.thingId])
            await watcher.call({ operation: "observeallproperties", thingID });
        expect(server.status).to.include({ subscribers: 1, listeners: before + 2 });
        await leave(watcher);
        await eventually("forgotten", () => server.status.subscribers === 0);
        expect(server.status.listeners).to.equal(before);
    });

    describe("has a TD that", () => {
        it("is one that HiveKit's parser takes, and node-wot too", async () => {
            const { server, scheme, authority } = await setUps("TLS h2");
            const td = server.getThingDescription(server.thingId) as Json;
            expect(td["@context"]).to.be.an("array");
            expect(td.security).to.equal("bearer");
            expect(td.base).to.equal(`${scheme}://${authority}/hiveot/ssesc`);
            expect(td.forms).to.have.length(1);
            for (const [name, property] of Object.entries<Json>(td.properties)) {
                expect(property.type, name).to.be.a("string");
                expect(property.readOnly, name).to.equal(true);
                expect(property.observable, name).to.equal(name === "nrConnections");
                expect(property.forms[0], name).to.include({ subprotocol: "sse-sc", "hiveot:thingID": server.thingId });
            }
            expect(td).to.not.have.any.keys("actions", "events");
            const normal = normalizeThingDescription(td);
            expect(Helpers.tsSchemaValidator(normal), JSON.stringify(Helpers.tsSchemaValidator.errors)).to.equal(true);
        });

        it("links to those of the other Things, and they to it", async () => {
            const { server, origin } = await setUps("TLS h2");
            const type = "application/td+json";
            const links = (id: string): unknown => server.getThingDescription(id)["links"];
            const href = (id: string): string => `${origin}/things/${encodeURIComponent(id)}`;
            expect(links(server.thingId)).to.deep.equal(
                [COUNTER_ID, TWIN_ID].map((id) => ({ rel: "item", href: href(id), type }))
            );
            expect(links(COUNTER_ID)).to.deep.equal([{ rel: "collection", href: href(server.thingId), type }]);
        });

        it("is at /things/{id}, and at /.well-known/wot unless there is exactly one other Thing", async () => {
            const { server, wot, stop } = await start();
            try {
                const get = async (path: string): Promise<Json> =>
                    (await fetch(`http://127.0.0.1:${String(server.getPort())}${path}`)).json();
                const { thingId } = server;
                expect((await get("/.well-known/wot")).id, "none").to.equal(thingId);
                const first = await TestThing.produce(wot);
                await first.thing.expose();
                expect((await get("/.well-known/wot")).id, "one").to.equal(COUNTER_ID);
                expect(await get(`/things/${encodeURIComponent(thingId)}`)).to.deep.equal(
                    server.getThingDescription(thingId)
                );
                const second = await TestThing.produce(wot, TWIN_ID);
                await second.thing.expose();
                expect((await get("/.well-known/wot")).id, "two").to.equal(thingId);
                expect((await get(`/things/${ALIAS}`)).status, "the alias has none").to.equal(404);
            } finally {
                await stop();
            }
        });
    });

    describe("has an id that", () => {
        it("is a random UUID, and the same after a restart with the same store", async () => {
            const store = mkdtempSync(join(tmpdir(), "sse-sc-"));
            try {
                const ids: string[] = [];
                for (let i = 0; i < 2; i++) {
                    const { server, stop } = await start({ store });
                    ids.push(server.thingId);
                    await stop();
                }
                expect(ids[0]).to.match(/^urn:uuid:[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
                expect(ids[1]).to.equal(ids[0]);
                const { server, stop } = await start();
                expect(server.thingId).to.not.equal(ids[0]);
                await stop();
            } finally {
                rmSync(store, { recursive: true });
            }
        });

        it("is the option id, if there is one", async () => {
            const { server, stop } = await start({ id: "urn:example:server" });
            expect(server.thingId).to.equal("urn:example:server");
            expect(server.getThingDescription("urn:example:server")).to.include({ id: "urn:example:server" });
            await stop();
            expect(() => server.thingId)
                .to.throw()
                .with.property("code", "ALREADY_CLOSED");
        });

        it("must be a URI", () => {
            for (const id of ["", "server", "urn:a b", 5]) {
                expect(() => new SseScServer({ security: [{ scheme: "nosec" }], id: id as string }), String(id))
                    .to.throw('"id"')
                    .with.property("code", "INVALID_CONFIG");
            }
        });

        it("no other Thing may have: it is not exposed", async () => {
            const { server, wot, stop } = await start();
            const thing = await wot.produce({ id: server.thingId, title: "Impostor" });
            const failure = await thing.expose().then(
                () => undefined,
                (error: unknown) => error
            );
            expect(failure).to.have.property("code", "INVALID_CONFIG");
            expect(server.getThingDescription(server.thingId)).to.include({ title: "SSE-SC server" });
            await stop();
        });
    });
});
