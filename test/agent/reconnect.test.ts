/** An agent whose hub is away, comes back, forgets or refuses it. */
import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { RawHub } from "../conformance/raw/raw-hub";
import { certificate } from "../support/certificates";
import { onEnd } from "../hub/harness";
import { eventually } from "../support/eventually";
import { TRANSPORTS } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";
import { agentConfig, agentOf, eventsOf, FAST, hubOf, nextError, nextEvent, startHub } from "./agent-set-up";

const CREDENTIALS = { username: "agent1", password: "secret" } as const;

/** A hub in a process of its own. */
class ChildHub {
    readonly notifications: unknown[] = [];
    readonly actions: string[] = [];

    private constructor(
        private readonly process: ChildProcess,
        readonly port: number
    ) {
        process.on("message", (message: { notifications?: unknown[]; action?: string }) => {
            this.notifications.push(...(message.notifications ?? []));
            if (message.action !== undefined) this.actions.push(message.action);
        });
    }

    static async start(secure: boolean, port = 0): Promise<ChildHub> {
        const child = fork(join(__dirname, "child-hub.ts"), [secure ? "secure" : "plain", String(port)], {
            execArgv: ["--import", "tsx"],
            stdio: ["ignore", "ignore", "ignore", "ipc"],
        });
        const [ready] = (await once(child, "message")) as [{ port: number }];
        return new ChildHub(child, ready.port);
    }

    async stop(): Promise<void> {
        if (this.process.exitCode !== null || this.process.signalCode !== null) return;
        const exit = once(this.process, "exit");
        this.process.kill("SIGKILL");
        await exit;
    }
}

async function freePort(): Promise<number> {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    await once(holder.close(), "close");
    return port;
}

describe("an agent whose hub", () => {
    for (const secure of [true, false]) {
        it(`is killed and comes back on its port works on by itself, ${secure ? "with TLS" : "plain"}`, async function () {
            this.timeout(30_000);
            const hub = await ChildHub.start(secure);
            onEnd(() => hub.stop());
            const { agent, counter } = await agentOf({
                hub: `${secure ? "sse" : "sse-plain"}://127.0.0.1:${String(hub.port)}`,
                credentials: CREDENTIALS,
                reconnect: FAST,
                ...(secure ? { allowSelfSigned: true } : {}),
            });
            const events = eventsOf(agent);
            await nextEvent(agent, "registered");
            counter.tick("before");
            await eventually("before", () => hub.notifications.includes("before"));
            await eventually("it is taken", () => agent.status.queued === 0); // or it would rightly come again
            await hub.stop();
            await eventually("noticed", () => agent.state === "connecting");
            counter.tick("meanwhile");
            const back = nextEvent(agent, "registered");
            const again = await ChildHub.start(secure, hub.port);
            onEnd(() => again.stop());
            await back;
            counter.tick("after");
            await eventually("after", () => again.notifications.includes("after"));
            expect(again.notifications).to.deep.equal(["meanwhile", "after"]);
            expect(again.actions).to.deep.equal(["createThing"]);
            expect(events.filter((event) => event.startsWith("disconnected"))).to.deep.equal([
                "disconnected CONNECTION_LOST",
            ]);
        });
    }

    for (const transport of TRANSPORTS) {
        it(`is not there at the start is reached when it comes, over ${transport}`, async () => {
            const port = await freePort();
            const scheme = transport === "plain h1" ? "sse-plain" : "sse";
            const config = await agentConfig(transport, `${scheme}://127.0.0.1:${String(port)}`);
            const { agent, counter } = await agentOf(config); // the servient has started
            const { error } = await nextError(agent);
            expect([error.code, agent.state]).to.deep.equal(["CONNECT_FAILED", "connecting"]);
            const events = eventsOf(agent);
            counter.tick("early");
            const hub = await hubOf(transport, { port });
            await hub.until("it came", () => hub.values(COUNTER_ID, "tick").length === 1);
            // Nobody is told of the same failure twice.
            expect(events).to.deep.equal(["connected", `registered ${COUNTER_ID}`]);
        });
    }

    it("forgot its token logs in again", async () => {
        const hub = await hubOf("TLS h2", { password: "secret" });
        const { agent } = await agentOf({ ...(await agentConfig("TLS h2", hub.url)), credentials: CREDENTIALS });
        await nextEvent(agent, "connected");
        hub.tokens.clear();
        const back = nextEvent(agent, "connected");
        hub.server.cut();
        await back;
        await agent.peer.ping();
        expect(hub.server.seen.filter(({ path }) => path === "/authn/login")).to.have.length(2);
    });

    for (const [status, code] of [
        [401, "UNAUTHORIZED"],
        [403, "FORBIDDEN"],
        [404, "NOT_FOUND"],
        [503, "PEER_FAILED"],
    ] as const) {
        it(`refuses it with ${String(status)} is tried again, and the application is told once`, async () => {
            const hub = await hubOf("plain h1");
            let refusing = true;
            let refused = 0;
            hub.server.when(({ method }) => {
                if (method !== "GET" || !refusing) return undefined;
                refused++;
                return { status, body: "no" };
            });
            const { agent } = await agentOf(await agentConfig("plain h1", hub.url));
            const events = eventsOf(agent);
            await hub.until("tried again", () => refused >= 4);
            refusing = false;
            await nextEvent(agent, "registered");
            expect(events).to.deep.equal([`error ${code}`, "connected", `registered ${COUNTER_ID}`]);
        });
    }

    it("refuses its password is tried again", async () => {
        const hub = await hubOf("plain h1", { password: "another" });
        const { agent } = await agentOf({ ...(await agentConfig("plain h1", hub.url)), credentials: CREDENTIALS });
        const { error } = await nextError(agent);
        expect(error.code).to.equal("INVALID_CREDENTIALS");
        await hub.until("tried again", () => hub.server.seen.filter(({ path }) => path === "/authn/login").length > 2);
        hub.server.when(({ path }) =>
            path === "/authn/login" ? { status: 200, body: JSON.stringify(tokenOf(hub)) } : undefined
        );
        await nextEvent(agent, "connected");
    });

    it("says that another stream took its place is tried again", async () => {
        const hub = await hubOf("plain h1");
        const { agent } = await agentOf(await agentConfig("plain h1", hub.url));
        await nextEvent(agent, "registered");
        const back = nextEvent(agent, "registered");
        hub.server.send(": replaced\n\n");
        await back;
    });

    it("drops each stream at once is not dialled without a pause", async () => {
        const hub = await hubOf("plain h1");
        hub.server.when(({ method }) => {
            if (method === "GET") setImmediate(() => hub.server.endStream());
            return undefined;
        });
        const { agent } = await agentOf({
            ...(await agentConfig("plain h1", hub.url)),
            reconnect: { min: 100, max: 5_000 },
        });
        await hub.until("some", () => hub.server.streams.length === 3);
        const streams = hub.server.streams.length;
        for (let ping = 0; ping < 20; ping++) await new Promise((resolve) => setImmediate(resolve));
        expect(hub.server.streams.length - streams).to.be.lessThan(2);
        expect(agent.state).to.not.equal("stopped");
    });

    it("is away lets requests of the agent wait until their deadline", async () => {
        const { agent } = await agentOf({ hub: `sse-plain://127.0.0.1:${String(await freePort())}`, reconnect: FAST });
        const failed = await agent.peer.ping({ timeout: 60 }).then(
            () => undefined,
            (error: unknown) => error
        );
        expect(failed).to.have.property("code", "TIMEOUT");
    });

    it("is stopped and started again works as before", async () => {
        const hub = await hubOf("TLS h2");
        const { agent, servient, counter } = await agentOf(await agentConfig("TLS h2", hub.url));
        await nextEvent(agent, "registered");
        await agent.stop();
        await agent.stop();
        expect(agent.status).to.deep.equal({
            state: "stopped",
            queued: 0,
            dropped: 0,
            openRequests: 0,
            registered: [],
        });
        counter.tick("to nobody");
        const registered = nextEvent(agent, "registered");
        await agent.start(servient);
        await registered;
        counter.tick("to the hub");
        await hub.until("it came", () => hub.values(COUNTER_ID, "tick").length > 0);
        expect(hub.values(COUNTER_ID, "tick")).to.deep.equal(["to the hub"]);
    });
});

function tokenOf(hub: RawHub): string {
    hub.tokens.add("a-token");
    return "a-token";
}

describe("a process with an agent", function () {
    this.timeout(30_000);

    const SCRIPT = `
        const { Servient } = require("@node-wot/core");
        const { SseScAgent } = require("./src/sse-sc-agent.ts");
        const { HUB, CA, STOP_AT } = process.env;
        async function main() {
            const servient = new Servient();
            const agent = new SseScAgent({ hub: HUB, ...(CA === "" ? {} : { caCert: CA }), reconnect: { min: 500, max: 15000 } });
            servient.addServer(agent);
            const wot = await servient.start();
            const thing = await wot.produce({ id: "urn:t", title: "T", events: { e: {} }, actions: { forever: {} } });
            thing.setActionHandler("forever", () => new Promise(() => undefined));
            await thing.expose();
            await new Promise((resolve) => agent.once(STOP_AT, resolve));
            for (let i = 0; i < 50; i++) thing.emitEvent("e", "x");
            await servient.shutdown();
            console.log("stopped");
        }
        void main();
    `;

    async function run(environment: Record<string, string>): Promise<{ code: unknown; output: string }> {
        const child = spawn(process.execPath, ["-r", "tsx/cjs", "-e", SCRIPT], {
            cwd: join(__dirname, "../.."),
            env: { ...process.env, ...environment },
        });
        let output = "";
        for (const stream of [child.stdout, child.stderr]) {
            stream.setEncoding("utf8").on("data", (text: string) => (output += text));
        }
        const [code] = (await once(child, "close")) as [unknown];
        return { code, output: output.replace(/^.*unknown format.*\n/gm, "") };
    }

    for (const transport of TRANSPORTS) {
        it(`exits by itself after servient.shutdown() over ${transport}, with work under way`, async () => {
            const hub = await startHub(transport);
            hub.onNotifications = () => ({ status: 200, hang: true });
            try {
                const { cert } = await certificate();
                const CA = transport === "plain h1" ? "" : cert;
                const { code, output } = await run({ HUB: hub.url, CA, STOP_AT: "registered" });
                expect(output).to.equal("stopped\n");
                expect(code).to.equal(0);
            } finally {
                await hub.stop();
            }
        });
    }

    it("exits by itself while the hub is away", async () => {
        const port = String(await freePort());
        const { code, output } = await run({ HUB: `sse-plain://127.0.0.1:${port}`, CA: "", STOP_AT: "error" });
        expect(output).to.equal("stopped\n");
        expect(code).to.equal(0);
    });
});
