/** Who is in, and for how long: streams and tokens when accounts change, keys are replaced, and the process is killed. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { SseScServer, type SseScServerConfig } from "../../src/index";
import { Http1Wire, RawClient } from "../conformance/raw/raw-client";
import type { Order } from "../support/stored-server";

const ACCOUNTS = ["alice", "bob"].map((username) => ({ username, password: "wonder", role: "viewer" }));
const PING = { operation: "ping" } as const;

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(config: SseScServerConfig = { accounts: ACCOUNTS }): Promise<SseScServer> {
    const server = new SseScServer({ port: 0, ...config });
    const servient = new Servient();
    servient.addServer(server);
    await servient.start();
    cleanups.push(() => servient.shutdown());
    return server;
}

function clientAt(port: number): RawClient {
    const client = new RawClient(new Http1Wire({ origin: `http://127.0.0.1:${String(port)}` }));
    cleanups.push(() => client.close());
    return client;
}

async function connected(server: SseScServer, username: string): Promise<RawClient> {
    const client = clientAt(server.getPort());
    await client.connect(username, "wonder");
    return client;
}

/** The status that a POST of this client gets. */
async function statusOf(client: RawClient): Promise<number> {
    return (await client.request("GET", "/authn/profile", { headers: client.headers() })).status;
}

async function expectPong(client: RawClient): Promise<void> {
    expect((await client.call(PING)).envelope).to.include({ output: "pong" });
}

describe("the streams of an account", () => {
    it("end with another role, and its client comes back in that role", async () => {
        const server = await start();
        const [alice, bob] = [await connected(server, "alice"), await connected(server, "bob")];
        await server.accounts.put({ username: "alice", role: "operator" });
        await alice.stream?.closed;
        await alice.openStream();
        await expectPong(alice);
        await expectPong(bob);
        expect(bob.stream?.ended).to.equal(false);
    });

    it("end with another password, and its tokens with them", async () => {
        const server = await start();
        const [alice, bob] = [await connected(server, "alice"), await connected(server, "bob")];
        await server.accounts.setPassword("alice", "another");
        await alice.stream?.closed;
        expect(await statusOf(alice)).to.equal(401);
        expect(await alice.openStream()).to.include({ status: 401 });
        expect(bob.stream?.ended).to.equal(false);
    });

    it("go on with another name for people, and with another token of the same session", async () => {
        const server = await start();
        const alice = await connected(server, "alice");
        await server.accounts.put({ username: "alice", role: "viewer", displayName: "Alice" });
        const refreshed = await alice.request("POST", "/authn/refresh", {
            headers: alice.headers(),
            body: JSON.stringify(alice.token),
        });
        expect(refreshed.status).to.equal(200);
        await expectPong(alice);
        alice.token = JSON.parse(refreshed.body) as string;
        await expectPong(alice);
        expect(alice.stream?.ended).to.equal(false);
    });

    it("all end when one token of the session that opened them logs out", async () => {
        const server = await start();
        const first = await connected(server, "alice");
        const second = clientAt(server.getPort());
        second.token = first.token;
        second.clientId = "alice";
        await second.openStream();
        const other = await connected(server, "alice");
        expect(await first.post("/authn/logout", "")).to.include({ status: 204 });
        await Promise.all([first.stream?.closed, second.stream?.closed]);
        expect(await statusOf(second)).to.equal(401);
        await expectPong(other);
    });

    it("end with the session of tokens that resumed them, not with the one that opened them", async () => {
        const server = await start({ accounts: ACCOUNTS, lingerTime: 60_000 });
        const headers = { "hiveot-features": "resume" };
        const [first, second] = [clientAt(server.getPort()), clientAt(server.getPort())];
        for (const client of [first, second]) await client.login("alice", "wonder");
        const stream = await first.openStream({ cid: "c", headers });
        const { id = "" } = await stream.next(({ event }) => event === "sse-ping");
        const resumed = await second.openStream({ cid: "c", headers: { ...headers, "last-event-id": id } });
        expect(resumed.headers["hiveot-resume"]).to.equal("resumed");
        await stream.closed;
        expect(await first.post("/authn/logout", "")).to.include({ status: 204 });
        await expectPong(second);
        expect(await second.post("/authn/logout", "")).to.include({ status: 204 });
        await resumed.closed;
    });
});

describe("SseScServer#rotateSigningKey", () => {
    it("leaves streams and tokens alone", async () => {
        const server = await start();
        const alice = await connected(server, "alice");
        await server.rotateSigningKey();
        await expectPong(alice);
        const late = await connected(server, "alice");
        expect(late.token?.split(".")[0]).to.not.equal(alice.token?.split(".")[0]);
        expect(alice.stream?.ended).to.equal(false);
    });

    it("without overlap ends all streams and all tokens at once, those of the directory of a hub too", async () => {
        const server = await start({ accounts: ACCOUNTS, hub: true });
        const [alice, bob] = [await connected(server, "alice"), await connected(server, "bob")];
        const events = await clientOf(bob).openStream({ path: "/events" });
        expect(events).to.include({ status: 200 });
        await server.rotateSigningKey({ overlap: false });
        await Promise.all([alice.stream?.closed, bob.stream?.closed, events.closed]);
        expect([await statusOf(alice), await statusOf(bob)]).to.deep.equal([401, 401]);
        await alice.connect("alice", "wonder");
        await expectPong(alice);
    });

    it("needs a server that runs and issues tokens", async () => {
        const config: SseScServerConfig = { port: 0, security: [{ scheme: "nosec" }] };
        const idle = await new SseScServer(config).rotateSigningKey().catch((thrown: unknown) => thrown);
        expect(idle).to.have.property("code", "ALREADY_CLOSED");
        const open = await (await start(config)).rotateSigningKey().catch((thrown: unknown) => thrown);
        expect(open).to.have.property("code", "INVALID_CONFIG");
    });

    /** Another client with the same token. */
    function clientOf({ wire, token, clientId }: RawClient): RawClient {
        return Object.assign(new RawClient(wire), { token, clientId });
    }
});

describe("a server whose process is killed", function () {
    this.timeout(60_000);
    let folder: string;

    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), "token-life-"));
        cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    });

    /** Starts one, lets it do something, and kills it at the moment when that was acknowledged. */
    async function life(act: (port: number, tell: (order: Order) => Promise<void>) => Promise<void>): Promise<void> {
        const child = fork(join(__dirname, "../support/stored-server.ts"), [folder], {
            execArgv: ["--import", "tsx"],
            stdio: ["ignore", "ignore", "inherit", "ipc"],
        });
        const gone = once(child, "exit");
        try {
            const [port] = (await once(child, "message")) as [number];
            await act(port, async (order) => {
                const done = once(child, "message");
                child.send(order);
                await done;
            });
        } finally {
            child.kill("SIGKILL");
        }
        expect((await gone)[1]).to.equal("SIGKILL");
    }

    it("still refuses who was logged out, removed or given another password, and knows everybody else", async () => {
        const tokens: Record<string, string | undefined> = {};
        await life(async (port, tell) => {
            for (const name of ["out", "other", "removed", "changed", "kept"]) {
                const username = name === "other" ? "out" : name;
                if (username === name) await tell({ put: { username, password: "wonder", role: "viewer" } });
                const client = clientAt(port);
                await client.login(username, "wonder");
                tokens[name] = client.token;
            }
            await tell({ remove: "removed" });
            await tell({ setPassword: { username: "changed", password: "another" } });
            await tell({ rotateSigningKey: { overlap: true } });
            const leaving = clientAt(port);
            leaving.token = tokens["out"];
            expect(await leaving.post("/authn/logout", "")).to.include({ status: 204 });
        });

        const server = await start({ store: folder });
        const statuses: Record<string, number> = {};
        for (const [name, token] of Object.entries(tokens)) {
            const client = clientAt(server.getPort());
            client.token = token;
            statuses[name] = await statusOf(client);
        }
        expect(statuses).to.deep.equal({ out: 401, other: 200, removed: 401, changed: 401, kept: 200 });
        const client = clientAt(server.getPort());
        expect(await client.login("changed", "wonder")).to.include({ status: 401 });
        expect(await client.login("changed", "another")).to.include({ status: 200 });
        expect(await client.login("removed", "wonder")).to.include({ status: 401 });
    });

    it("keeps a key that was replaced without overlap from coming back", async () => {
        const old = { token: "" };
        await life(async (port, tell) => {
            await tell({ put: { username: "alice", password: "wonder", role: "viewer" } });
            const client = clientAt(port);
            await client.login("alice", "wonder");
            old.token = client.token ?? "";
            await tell({ rotateSigningKey: { overlap: false } });
        });
        const server = await start({ store: folder });
        const client = clientAt(server.getPort());
        client.token = old.token;
        expect(await statusOf(client)).to.equal(401);
        expect(await client.login("alice", "wonder")).to.include({ status: 200 });
    });
});
