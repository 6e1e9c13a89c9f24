/** `server.connections`: the sessions of a server as its application sees them. */
import { expect } from "chai";
import { type ServerConnection, SseScError } from "../../src/index";
import { RawAgent } from "../conformance/raw/raw-agent";
import type { RawClient } from "../conformance/raw/raw-client";
import { onEnd } from "../hub/harness";
import { eventually } from "../support/eventually";
import { type Role, SetUp, sharedSetUps, TRANSPORTS, type Transport, usernameOf } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";

const NOTE = { affordance: "event", thingId: "urn:server", name: "notice", value: "hello" } as const;

describe("server.connections", () => {
    const setUps = sharedSetUps({ things: [COUNTER_ID] });
    let clients: RawClient[] = [];

    async function connected(
        transport: Transport,
        role: Role,
        path?: "/hiveot/sse"
    ): Promise<[RawClient, ServerConnection]> {
        const { server } = await setUps(transport);
        const opened = new Promise<ServerConnection>((done) => server.connections.once("opened", done));
        const setUp = await setUps(transport);
        const client = await setUp.connected(transport, role, path === undefined ? "rrn" : "rrn-2025");
        clients.push(client);
        return [client, await opened];
    }

    async function gone(setUp: SetUp): Promise<void> {
        while (setUp.server.connections.size > 0) {
            await new Promise((done) => setUp.server.connections.once("closed", done));
        }
    }

    afterEach(async () => {
        const leaving = clients;
        clients = [];
        for (const client of leaving) await client.close();
        for (const transport of ["TLS h2", "plain h1"] as const) await gone(await setUps(transport));
    });

    for (const transport of TRANSPORTS) {
        it(`tells who is there, since when, from where and how, over ${transport}`, async () => {
            const before = Date.now();
            const [client, connection] = await connected(transport, "operator");
            expect(connection).to.include({
                clientId: usernameOf("operator"),
                role: "operator",
                cid: client.cid,
                address: "127.0.0.1",
                dialect: "rrn",
                httpVersion: transport === "TLS h2" ? 2 : 1,
                subscriptions: 0,
                backlog: 0,
                closed: false,
            });
            expect(connection.since.getTime()).to.be.within(before, Date.now());
            await client.call({ operation: "subscribeallevents" });
            await client.call({ operation: "observeproperty", thingID: COUNTER_ID, name: "count" });
            const { server } = await setUps(transport);
            await client.call({ operation: "observeproperty", thingID: server.thingId, name: "nrConnections" });
            expect(connection.subscriptions).to.equal(3);
            const [, january] = await connected(transport, "viewer", "/hiveot/sse");
            expect(january).to.include({ dialect: "rrn-2025", role: "viewer" });
            expect([...server.connections]).to.have.members([connection, january]);
            expect(server.connections.ofClient(usernameOf("viewer"))).to.deep.equal([january]);
            expect(server.connections.size).to.equal(2);
        });
    }

    it("shows an IPv4 address as such, also where the server listens on all addresses", async () => {
        const setUp = await SetUp.start({ secure: true, server: { address: "::" }, things: [COUNTER_ID] });
        const opened = new Promise<ServerConnection>((done) => setUp.server.connections.once("opened", done));
        const client = await setUp.connected("TLS h2", "viewer");
        expect((await opened).address).to.equal("127.0.0.1");
        await client.close();
        await setUp.stop();
    });

    it("counts an account as a client while it has a stream, not while all of its sessions linger", async () => {
        const setUp = await SetUp.start({ secure: false, server: { lingerTime: 60_000 }, things: [] });
        onEnd(() => setUp.stop());
        const { server } = setUp;
        const [one, two, admin] = [
            await setUp.connected("plain h1", "device"),
            await setUp.connected("plain h1", "device"),
            await setUp.connected("plain h1", "admin"),
        ];
        for (const client of [one, two, admin]) onEnd(() => client.close());
        const clients = async (): Promise<unknown> => {
            const thingID = server.thingId;
            return (await admin.call({ operation: "readproperty", thingID, name: "clients" })).envelope["output"];
        };
        for (const [client, count] of [
            [one, 2],
            [two, 1],
        ] as const) {
            const { lingering } = server.status;
            client.stream!.destroy();
            await eventually("it lingers", () => server.status.lingering > lingering);
            expect(await clients()).to.equal(count);
        }
    });

    it("keeps what the application hangs on a connection until its end has been told", async () => {
        const { server } = await setUps("TLS h2");
        const [client, connection] = await connected("TLS h2", "viewer");
        connection.data["user"] = { name: "Alice" };
        const closed = new Promise<ServerConnection>((done) => server.connections.once("closed", done));
        client.stream!.destroy();
        const ended = await closed;
        expect(ended).to.equal(connection);
        expect(ended.data).to.deep.equal({ user: { name: "Alice" } });
        expect(ended.closed).to.equal(true);
        expect([...server.connections]).to.deep.equal([]);
    });

    it("hears no more who was taken off, and lets listeners throw", async () => {
        const { server } = await setUps("plain h1");
        const heard: string[] = [];
        const listener = (): void => void heard.push("on");
        const failing = (): never => {
            throw new Error("a listener of the test");
        };
        const rejecting = (): Promise<never> => Promise.reject(new Error("a listener of the test"));
        server.connections.on("opened", failing).on("opened", rejecting).on("opened", listener).on("opened", listener);
        await connected("plain h1", "viewer");
        expect(heard).to.deep.equal(["on"]);
        server.connections.off("opened", listener).off("opened", failing).off("opened", rejecting);
        await connected("plain h1", "viewer");
        expect(heard).to.deep.equal(["on"]);
    });

    it("sends a notification to one connection, to one client, or to all, subscribed or not", async () => {
        const { server } = await setUps("TLS h2");
        const [a1, connection] = await connected("TLS h2", "viewer");
        const [a2] = await connected("TLS h1", "viewer", "/hiveot/sse");
        const [b] = await connected("TLS h2", "operator");
        connection.notify({ ...NOTE, value: "one" });
        expect(server.connections.notify({ ...NOTE, value: "client" }, usernameOf("viewer"))).to.equal(2);
        expect(server.connections.notify({ ...NOTE, value: "all" })).to.equal(3);
        expect(server.connections.notify(NOTE, "nobody")).to.equal(0);
        const heard = { a1, a2, b };
        for (const each of Object.values(heard)) await each.stream!.notification({ value: "all" });
        const values = Object.values(heard).map((each) => each.stream!.notifications().map(({ value }) => value));
        expect(values).to.deep.equal([["one", "client", "all"], ["client", "all"], ["all"]]);
        expect(a1.stream!.notifications()[0]).to.include({
            affordanceType: "event",
            thingID: "urn:server",
            name: "notice",
        });
        expect(a2.stream!.faults).to.deep.equal([]);
    });

    for (const transport of TRANSPORTS) {
        it(`asks one connected client and gets its answer, over ${transport}`, async () => {
            const { server } = await setUps(transport);
            const [client, connection] = await connected(transport, "device");
            const agent = new RawAgent(client);
            const init = { operation: "readproperty", thingId: "urn:lamp", name: "hue" } as const;
            for (const ask of [
                () => connection.request(init),
                () => server.connections.request(usernameOf("device"), init),
            ]) {
                const answer = ask();
                await agent.serve({ operation: "readproperty", thingID: "urn:lamp", name: "hue" }, { output: 5 });
                expect(await answer).to.include({ output: 5, status: "completed", senderId: usernameOf("device") });
            }
            const refused = connection.request(init).catch((error: unknown) => error);
            const error = { status: 404, type: "urn:x", title: "No hue" };
            await agent.serve({ operation: "readproperty" }, { status: "failed", error });
            expect(await refused)
                .to.be.instanceOf(SseScError)
                .with.property("problem")
                .that.deep.equals(error);
        });
    }

    it("asks all and collects the answers, the errors among them", async () => {
        const { server } = await setUps("plain h1");
        const [first, one] = await connected("plain h1", "device");
        const [second, two] = await connected("plain h1", "service");
        const [silent, three] = await connected("plain h1", "viewer");
        const asking = server.connections.requestAll({ operation: "ping" });
        await new RawAgent(first).serve({ operation: "ping" }, { output: "pong" });
        const error = { status: 500, type: "urn:x", title: "No" };
        await new RawAgent(second).serve({ operation: "ping" }, { status: "failed", error });
        await new RawAgent(silent).request({ operation: "ping" });
        silent.stream!.destroy();
        const answers = await asking;
        expect([...answers.keys()]).to.have.members([one, two, three]);
        expect(answers.get(one)).to.include({ output: "pong" });
        expect(answers.get(two)).to.be.instanceOf(SseScError).with.property("problem").that.deep.equals(error);
        expect(answers.get(three)).to.be.instanceOf(SseScError).with.property("code", "AGENT_OFFLINE");
    });

    it("gives up a request by a signal or in time, and refuses one to who is not there", async () => {
        const { server } = await setUps("plain h1");
        const [, connection] = await connected("plain h1", "device");
        const failure = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);
        const abort = new AbortController();
        const aborted = failure(connection.request({ operation: "ping" }, { signal: abort.signal }));
        abort.abort();
        expect(await aborted).to.have.property("code", "ABORTED");
        expect(await failure(connection.request({ operation: "ping" }, { timeout: 1 }))).to.have.property(
            "code",
            "TIMEOUT"
        );
        const invoke = { operation: "invokeaction", thingId: "urn:lamp", name: "fade" } as const;
        expect(await failure(connection.request(invoke, { timeout: 1 }))).to.have.property("code", "OUTCOME_UNKNOWN");
        expect(await failure(server.connections.request("nobody", invoke))).to.have.property("code", "AGENT_OFFLINE");
        for (const timeout of [-1, 0.5, NaN]) {
            const wrong = async (): Promise<unknown> => connection.request(invoke, { timeout });
            expect(await failure(wrong())).to.have.property("code", "INVALID_INPUT");
        }
    });

    it("asks the connection that it is to ask, also an older one of a client, and no other when that is closed", async () => {
        const { server } = await setUps("plain h1");
        const [gone, connection] = await connected("plain h1", "device");
        const [other] = await connected("plain h1", "device");
        const answer = connection.request({ operation: "ping" }, { timeout: 2_000 });
        await new RawAgent(gone).serve({ operation: "ping" }, { output: "old" });
        expect(await answer).to.include({ output: "old" });
        const closed = new Promise((done) => server.connections.once("closed", done));
        gone.stream!.destroy();
        await closed;
        const request = connection.request({ operation: "ping" }, { timeout: 2_000 });
        const refusal = await request.catch((error: unknown) => error);
        expect(refusal).to.be.instanceOf(SseScError).with.property("code", "AGENT_OFFLINE");
        await other.call({ operation: "ping" });
        expect(other.stream!.blocks.filter(({ event }) => event === "request")).to.deep.equal([]);
    });

    it("refuses a request that cannot be said in the client's dialect, and goes on", async () => {
        const { server } = await setUps("plain h1");
        const [client, connection] = await connected("plain h1", "device");
        const write = { operation: "writeproperty", thingId: "urn:lamp", name: "hue", input: 1n } as const;
        for (const ask of [
            () => connection.request(write, { timeout: 2_000 }),
            () => server.connections.request(usernameOf("device"), write, { timeout: 2_000 }),
        ]) {
            const refusal = await ask().catch((error: unknown) => error);
            expect(refusal).to.be.instanceOf(SseScError).with.property("code", "INVALID_INPUT");
        }
        const answer = connection.request({ operation: "ping" });
        await new RawAgent(client).serve({ operation: "ping" }, { output: "pong" });
        expect(await answer).to.include({ output: "pong" });
        expect(client.stream!.blocks.filter(({ event }) => event === "request")).to.have.length(1);
    });

    it("closes one connection, those of one client, or all", async () => {
        const { server } = await setUps("TLS h2");
        const [a1, connection] = await connected("TLS h2", "viewer");
        const [a2] = await connected("TLS h1", "viewer");
        const [b] = await connected("TLS h1", "operator");
        connection.close();
        await a1.stream!.closed;
        expect(server.connections.size).to.equal(2);
        server.connections.close(usernameOf("viewer"));
        await a2.stream!.closed;
        expect(server.connections.size).to.equal(1);
        server.connections.close();
        await b.stream!.closed;
        expect(server.connections.size).to.equal(0);
        connection.notify(NOTE); // of one that is closed: nothing happens
        connection.close();
    });
});
