import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { SseScServer, type SseScServerConfig } from "../../src/index";
import { Http1Wire, RawClient } from "../conformance/raw/raw-client";

async function start(config: SseScServerConfig): Promise<{ server: SseScServer; stop: () => Promise<void> }> {
    const server = new SseScServer({ port: 0, ...config });
    const servient = new Servient();
    servient.addServer(server);
    await servient.start();
    return { server, stop: () => servient.shutdown() };
}

function clientOf(server: SseScServer): RawClient {
    return new RawClient(new Http1Wire({ origin: `http://127.0.0.1:${String(server.getPort())}` }));
}

describe("SseScServer#accounts", () => {
    let folder: string;

    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), "sse-sc-"));
    });

    afterEach(() => {
        rmSync(folder, { recursive: true });
    });

    it("keeps accounts, key and tokens in the store over a restart", async () => {
        const first = await start({ store: folder });
        await first.server.accounts.put({ username: "alice", password: "wonder", role: "viewer" });
        const client = clientOf(first.server);
        expect(await client.login("alice", "wonder")).to.include({ status: 200 });
        await client.close();
        await first.stop();

        const second = await start({ store: folder });
        const again = clientOf(second.server);
        again.token = client.token;
        expect((await again.openStream()).status).to.equal(200);
        expect(second.server.accounts.list().map(({ clientId }) => clientId)).to.deep.equal(["alice"]);
        await again.close();
        await second.stop();
    });

    it("ends the streams of an account that is removed, and of no other one", async () => {
        const { server, stop } = await start({ store: folder });
        for (const username of ["alice", "bob"])
            await server.accounts.put({ username, password: "wonder", role: "viewer" });
        const [alice, bob] = [clientOf(server), clientOf(server)];
        const stream = await alice.connect("alice", "wonder");
        await bob.connect("bob", "wonder");
        await server.accounts.remove("alice");
        await stream.closed;
        expect((await alice.post("/hiveot/request", { operation: "ping" })).status).to.equal(401);
        expect((await bob.call({ operation: "ping" })).envelope).to.include({ output: "pong" });
        await Promise.all([alice.close(), bob.close()]);
        await stop();
    });

    it("says that a second server cannot have the same folder, and which", async () => {
        const { stop } = await start({ store: folder });
        const error = await start({ store: folder }).catch((thrown: unknown) => thrown);
        expect(error).to.have.property("code", "INVALID_CONFIG");
        expect(error).to.have.property("message").that.contains(folder);
        await stop();
    });

    it("is refused where the server has none of its own", async () => {
        const server = new SseScServer({ port: 0, security: [{ scheme: "nosec" }] });
        expect(() => server.accounts)
            .to.throw()
            .with.property("code", "ALREADY_CLOSED");
        const servient = new Servient();
        servient.addServer(server);
        await servient.start();
        expect(() => server.accounts)
            .to.throw()
            .with.property("code", "INVALID_CONFIG");
        await servient.shutdown();
    });
});
