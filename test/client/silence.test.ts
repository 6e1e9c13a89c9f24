/** A client whose server falls silent: nothing tells, it has to find out (design.md, "Delivery"). */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "chai";
import { connect, type Connection, type ConnectionOptions } from "../../src/index";
import { FaultProxy } from "../faults/proxy";
import { onEnd } from "../hub/harness";
import { certificate } from "../support/certificates";
import { eventually } from "../support/eventually";
import { isSecure, passwordOf, TRANSPORTS, usernameOf, type Transport } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";
import { RawServer } from "./raw-server";

const FAST = { reconnect: { min: 1, max: 20 } } satisfies ConnectionOptions;

async function tlsOf(transport: Transport): Promise<ConnectionOptions> {
    if (!isSecure(transport)) return {};
    return { caCert: (await certificate()).cert, httpVersion: transport === "TLS h2" ? 2 : 1 };
}

describe("a server that announces no heartbeats", () => {
    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            let server: RawServer;
            let proxy: FaultProxy;
            let connection: Connection;

            async function start(options: ConnectionOptions): Promise<void> {
                const { key, cert } = await certificate();
                server = await RawServer.start(isSecure(transport) ? { tls: { key, cert } } : {});
                onEnd(() => server.stop());
                proxy = await FaultProxy.start(server.port);
                onEnd(() => proxy.stop());
                const scheme = isSecure(transport) ? "sse" : "sse-plain";
                const url = `${scheme}://127.0.0.1:${String(proxy.port)}`;
                connection = await connect(url, undefined, { ...FAST, ...(await tlsOf(transport)), ...options });
                onEnd(() => connection.close());
            }

            const asked = (): number => (transport === "TLS h2" ? server.pings : server.seenAt("ping").length);

            it("is asked for a sign of life when it is silent, and left in peace when it gives one", async () => {
                await start({ pingInterval: 5 });
                await server.until(() => asked() >= 5);
                expect([server.opened, server.connections <= 3]).to.deep.equal([1, true]);
            });

            it("is connected to anew when it gives none, over another TCP connection", async () => {
                await start({ pingInterval: 20, connectTimeout: 300 });
                const heard: unknown[] = [];
                await connection.subscribeEvent("t", "e", { onNotification: ({ value }) => heard.push(value) });
                proxy.endAll("silence");
                await server.until(() => server.opened === 2 && server.seenAt("subscribeevent").length === 2);
                server.notify("t", "e", 1);
                await eventually("heard", () => heard.length === 1);
            });

            if (transport !== "TLS h2") {
                it("is left in peace when it answers that it does not know the question", async () => {
                    await start({ pingInterval: 5 });
                    server.answer = () => ({ status: "failed", error: { status: 400, title: "no" } });
                    await server.until(() => asked() >= 5);
                    expect(server.opened).to.equal(1);
                });
            }
        });
    }
});

describe("a server process that announces a heartbeat each second", () => {
    let child: ChildProcess;
    let connection: Connection;

    let url: string;
    let caCert: string;

    before(async () => {
        const options = JSON.stringify({ heartbeatInterval: 1_000, lingerTime: 60_000 });
        child = fork(join(__dirname, "../support/child-server.ts"), ["secure", "0", options], {
            execArgv: ["--import", "tsx"],
            stdio: ["ignore", "ignore", "ignore", "ipc"],
        });
        const [{ port, cert }] = (await once(child, "message")) as [{ port: number; cert: string }];
        url = `sse://127.0.0.1:${String(port)}`;
        caCert = cert;
    });

    beforeEach(async () => {
        const account = { username: usernameOf("admin"), password: passwordOf("admin") };
        connection = await connect(url, account, { ...FAST, caCert });
    });

    afterEach(() => connection.close());

    after(async () => {
        const exit = once(child, "exit");
        child.kill("SIGKILL");
        await exit;
    });

    it("is left when it is frozen, and resumed when it thaws: what was open is answered, and done once", async () => {
        const disconnected = new Promise((resolve) => connection.once("disconnected", resolve));
        const back = new Promise<{ readonly gap: boolean }>((resolve) => connection.once("connected", resolve));
        await connection.writeProperty(COUNTER_ID, "count", 5);
        child.kill("SIGSTOP");
        const open = connection.invokeAction(COUNTER_ID, "increment", 2);
        await disconnected;
        child.kill("SIGCONT");
        expect(await open).to.equal(7);
        expect(await back).to.deep.equal({ gap: false });
        expect(await connection.readProperty(COUNTER_ID, "count")).to.equal(7);
    });

    it("is not left by a client that has stood still itself", async () => {
        let disconnects = 0;
        connection.on("disconnected", () => disconnects++);
        await connection.ping();
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_700); // the heartbeats wait in the socket
        await connection.ping();
        expect(disconnects).to.equal(0);
    });
});
