import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as http2 from "node:http2";
import * as net from "node:net";
import { join } from "node:path";
import * as tls from "node:tls";
import { expect } from "chai";
import { Http1Wire, Http2Wire, RawClient, type Wire } from "../conformance/raw/raw-client";
import { eventually } from "../support/eventually";
import { passwordOf, usernameOf } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";

/** What node-wot's core itself says when it starts (node-wot.md, "Small things that cost hours"). */
const CORE_NOISE = /unknown format "[^"]+" ignored in schema/;

interface Ready {
    port: number;
    cert: string;
}

/** A server in a process of its own. */
class Child {
    errors = "";

    private constructor(
        readonly process: ChildProcess,
        readonly port: number,
        readonly cert: string | undefined
    ) {
        process.stderr?.on("data", (chunk: Buffer) => (this.errors += chunk.toString()));
    }

    static async start(mode: "secure" | "plain", env: NodeJS.ProcessEnv = {}): Promise<Child> {
        const child = fork(join(__dirname, "../support/child-server.ts"), [mode], {
            execArgv: ["--import", "tsx"],
            stdio: ["ignore", "ignore", "pipe", "ipc"],
            env: { ...process.env, ...env },
        });
        const [{ port, cert }] = (await once(child, "message")) as [Ready];
        return new Child(child, port, mode === "secure" ? cert : undefined);
    }

    wire(version: 1 | 2 = 1): Wire {
        const origin = `${this.cert === undefined ? "http" : "https"}://127.0.0.1:${String(this.port)}`;
        return version === 2 ? new Http2Wire({ origin, ca: this.cert }) : new Http1Wire({ origin, ca: this.cert });
    }

    /** A socket on which any bytes can be sent: TLS where the server has it. */
    async socket(protocols = ["http/1.1"]): Promise<{ socket: net.Socket; tcp: net.Socket }> {
        const tcp = net.connect({ port: this.port, host: "127.0.0.1" });
        await once(tcp, "connect");
        tcp.on("error", () => undefined);
        if (this.cert === undefined) return { socket: tcp, tcp };
        const socket = tls.connect({ socket: tcp, ca: this.cert, ALPNProtocols: protocols, servername: "localhost" });
        await once(socket, "secureConnect");
        socket.on("error", () => undefined);
        return { socket, tcp };
    }

    async stop(): Promise<void> {
        const exit = once(this.process, "exit");
        this.process.kill("SIGKILL");
        await exit;
    }
}

/** Sends bytes, then closes in the way given, and waits until the socket is gone. */
async function send(child: Child, bytes: string | Buffer, end: "fin" | "reset"): Promise<void> {
    const { socket, tcp } = await child.socket();
    const closed = once(tcp, "close");
    socket.resume();
    await new Promise((resolve) => socket.write(bytes, resolve));
    if (end === "fin") socket.end();
    else tcp.resetAndDestroy();
    await closed;
}

for (const mode of ["plain", "secure"] as const) {
    describe(`a ${mode} server process under abuse`, () => {
        let child: Child;
        let client: RawClient;
        const post = (rest: string): string =>
            `POST /hiveot/request HTTP/1.1\r\nHost: x\r\nAuthorization: bearer ${client.token ?? ""}\r\ncid: c\r\n${rest}`;

        before(async () => {
            child = await Child.start(mode);
            client = new RawClient(child.wire());
            await client.connect(usernameOf("admin"), passwordOf("admin"));
        });

        after(async () => {
            expect(child.process.exitCode).to.equal(null);
            const lines = child.errors.split("\n").filter((line) => line !== "" && !CORE_NOISE.test(line));
            await client.wire.close();
            await child.stop();
            expect(lines).to.deep.equal([]);
        });

        afterEach(async () => {
            const wire = child.wire();
            expect(await wire.request("GET", "/ping")).to.include({ status: 200, body: "." });
            await wire.close();
            // Those who were there before notice nothing.
            expect((await client.call({ operation: "ping" })).envelope).to.include({ output: "pong" });
        });

        it("lives through a reset in mid-body", async () => {
            await send(child, post("Content-Length: 1000\r\n\r\n{"), "reset");
        });

        it("lives through a body that ends too soon", async () => {
            await send(child, post("Content-Length: 1000\r\n\r\n{"), "fin");
        });

        it("lives through chunks that are cut or broken", async () => {
            await send(child, post("Transfer-Encoding: chunked\r\n\r\n5\r\nab"), "fin");
            await send(child, post("Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n"), "fin");
            await send(child, post("Transfer-Encoding: chunked\r\n\r\n5\r\nab"), "reset");
        });

        it("lives through what is no HTTP", async () => {
            await send(child, Buffer.alloc(3_000, 0xfe), "fin");
            await send(child, "GET\r\n\r\n", "fin");
            await send(child, `GET / HTTP/1.1\r\nX: ${"x".repeat(100_000)}\r\n\r\n`, "fin");
        });

        it("lives through a stream that is reset while events go out", async () => {
            const victim = new RawClient(child.wire());
            victim.token = client.token;
            victim.clientId = client.clientId;
            const stream = await victim.openStream();
            await victim.call({ operation: "subscribeallevents" });
            await victim.call({ operation: "observeallproperties" });
            stream.destroy();
            const write = { operation: "writeproperty", thingID: COUNTER_ID, name: "count", input: 1 };
            for (let n = 0; n < 20; n++) await client.call(write);
            await victim.wire.close();
        });

        it("lives through a handler that rejects, and a listener that throws", async () => {
            const invoke = { operation: "invokeaction", thingID: COUNTER_ID, name: "fail" };
            expect((await client.call(invoke)).envelope["error"]).to.include({ status: 500 });
        });

        if (mode === "plain") return;

        it("lives through plain HTTP and garbage on the TLS port", async () => {
            for (const bytes of [
                "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                Buffer.from([22, 3, 1, 255, 255, 1, 2, 3]),
                Buffer.alloc(500, 7),
            ]) {
                const tcp = net.connect({ port: child.port, host: "127.0.0.1" });
                tcp.on("error", () => undefined);
                tcp.resume();
                const closed = once(tcp, "close");
                tcp.end(bytes);
                await closed;
            }
        });

        it("lives through RST_STREAM, before, in and after a body", async () => {
            const session = http2.connect(`https://127.0.0.1:${String(child.port)}`, { ca: child.cert });
            session.on("error", () => undefined);
            const headers = { authorization: `bearer ${client.token ?? ""}`, cid: "h2" };
            for (const path of ["/hiveot/ssesc", "/hiveot/request", "/authn/login", "/ping"]) {
                for (const sent of [0, 1, 2]) {
                    const method = path.endsWith("ssesc") || path === "/ping" ? "GET" : "POST";
                    const stream = session.request(
                        { ":method": method, ":path": path, ...headers },
                        { endStream: false }
                    );
                    stream.on("error", () => undefined);
                    const closed = once(stream, "close");
                    if (sent > 0) await new Promise((resolve) => stream.write("{", resolve));
                    if (sent > 1) stream.end("}");
                    stream.close(http2.constants.NGHTTP2_CANCEL);
                    await closed;
                }
            }
            session.destroy();
        });

        it("lives through GOAWAY and frames that are none", async () => {
            const polite = http2.connect(`https://127.0.0.1:${String(child.port)}`, { ca: child.cert });
            polite.on("error", () => undefined);
            await once(polite, "connect");
            const stream = polite.request({
                ":path": "/hiveot/ssesc",
                authorization: `bearer ${client.token ?? ""}`,
                cid: "g",
            });
            await once(stream, "response");
            polite.goaway(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
            const gone = once(polite, "close");
            polite.destroy();
            await gone;

            const { socket, tcp } = await child.socket(["h2"]);
            const closed = once(tcp, "close");
            socket.resume();
            socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            socket.write(Buffer.alloc(2_000, 0xaa));
            socket.on("end", () => socket.end());
            await closed;
        });

        it("lives through a session that is cut with requests and a stream on it", async () => {
            const victim = new RawClient(child.wire(2));
            victim.token = client.token;
            victim.clientId = client.clientId;
            await victim.openStream();
            const never = { operation: "invokeaction", thingID: COUNTER_ID, name: "never" };
            for (let n = 0; n < 5; n++) await victim.post("/hiveot/request", never);
            await victim.wire.close();
        });
    });
}

describe("a handler that fails", () => {
    it("shows its error to the developer of the server who asks for it, and to nobody else", async () => {
        const child = await Child.start("plain", { DEBUG: "node-wot:binding-hiveot*" });
        const client = new RawClient(child.wire());
        try {
            await client.connect(usernameOf("admin"), passwordOf("admin"));
            const invoke = { operation: "invokeaction", thingID: COUNTER_ID, name: "fail" };
            expect(JSON.stringify(await client.call(invoke))).to.not.contain("a listener that throws");
            await eventually("the log tells of it", () => child.errors.includes("a listener that throws"));
            expect(child.errors).to.contain("invokeaction fail failed");
        } finally {
            await client.wire.close();
            await child.stop();
        }
    });
});
