/**
 * Benchmarks: our server beside a bare one of the same shape, in one run (design.md, "Aims for speed and size").
 * `npx tsx test/bench/main.ts` prints a table; nothing is asserted.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import { join } from "node:path";

interface Ready {
    port: number;
    cert: string;
    token: string;
}

const SECONDS = 3;
const IN_FLIGHT = 50;
const STREAMS = 200;

type Send = (
    method: string,
    path: string,
    cid: string,
    body: string | undefined,
    onText: (text: string) => void
) => void;

interface Peer {
    child: ChildProcess;
    send: Send;
    close(): void;
}

async function start(which: string, transport: "plain" | "h1" | "h2"): Promise<Peer> {
    const child = fork(join(__dirname, "server.ts"), [which, transport], { execArgv: ["--import", "tsx"] });
    const [{ port, cert, token }] = (await once(child, "message")) as [Ready];
    const headers = (cid: string) => ({ authorization: `bearer ${token}`, cid });
    if (transport === "h2") {
        const session = http2.connect(`https://127.0.0.1:${String(port)}`, {
            ca: cert,
            settings: { initialWindowSize: 1 << 20 },
        });
        await once(session, "connect");
        return {
            child,
            close: () => {
                session.destroy();
            },
            send: (method, path, cid, body, onText) => {
                const stream = session.request(
                    { ":method": method, ":path": path, ...headers(cid) },
                    { endStream: body === undefined }
                );
                stream.setEncoding("utf8");
                stream.on("data", onText);
                stream.on("error", () => undefined);
                if (body !== undefined) stream.end(body);
            },
        };
    }
    const secure = transport === "h1";
    const agent = secure ? new https.Agent({ keepAlive: true, ca: cert }) : new http.Agent({ keepAlive: true });
    return {
        child,
        close: () => {
            agent.destroy();
        },
        send: (method, path, cid, body, onText) => {
            const options = { port, host: "127.0.0.1", method, path, headers: headers(cid), agent };
            const request = (secure ? https : http).request(options, (response) => {
                response.setEncoding("utf8");
                response.on("data", onText);
                response.on("error", () => undefined);
            });
            request.on("error", () => undefined);
            request.end(body);
        },
    };
}

/** Counts the blocks of one stream that hold `mark`, wherever the chunks are cut. */
function blockCounter(mark: string): (text: string) => number {
    let rest = "";
    return (text) => {
        const blocks = (rest + text).split("\n\n");
        rest = blocks.pop() ?? "";
        return blocks.reduce((found, block) => found + (block.includes(mark) ? 1 : 0), 0);
    };
}

/** Requests answered per second, with so many under way. */
async function roundTrips(peer: Peer, envelope: (id: number) => string): Promise<number> {
    let answered = 0;
    let sent = 0;
    const post = (): void => {
        peer.send("POST", "/hiveot/request", "bench", envelope(++sent), () => undefined);
    };
    await new Promise<void>((resolve) => {
        const responses = blockCounter("event: response");
        peer.send("GET", "/hiveot/ssesc", "bench", undefined, (text) => {
            if (text.includes("sse-ping")) resolve();
            const answers = responses(text);
            answered += answers;
            for (let n = 0; n < answers; n++) post();
        });
    });
    for (let n = 0; n < IN_FLIGHT; n++) post();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const from = answered;
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
    return ((answered - from) / (performance.now() - began)) * 1_000;
}

/** Deliveries per second to many streams, so many events at a time. */
async function fanOut(peer: Peer, burst: number): Promise<number> {
    let received = 0;
    let expected = 0;
    const next = (): void => {
        expected += STREAMS * burst;
        peer.child.send(burst);
    };
    for (let n = 0; n < STREAMS; n++) {
        const cid = `s${String(n)}`;
        const notifications = blockCounter("event: notification");
        await new Promise<void>((resolve) => {
            peer.send("GET", "/hiveot/ssesc", cid, undefined, (text) => {
                if (text.includes("sse-ping") || text.includes("event: response")) resolve();
                received += notifications(text);
                if (received === expected && expected > 0) next();
            });
        });
        await new Promise<void>((resolve) => {
            peer.send("POST", "/hiveot/request", cid, '{"operation":"subscribeallevents"}', () => undefined);
            setImmediate(resolve);
        });
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    received = 0;
    next();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const from = received;
    const began = performance.now();
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
    return ((received - from) / (performance.now() - began)) * 1_000;
}

async function measure(
    which: string,
    transport: "plain" | "h1" | "h2",
    run: (peer: Peer) => Promise<number>
): Promise<number> {
    const peer = await start(which, transport);
    try {
        return await run(peer);
    } finally {
        peer.close();
        const exit = once(peer.child, "exit");
        peer.child.kill("SIGKILL");
        await exit;
    }
}

async function main(): Promise<void> {
    const ping = (id: number): string => `{"messageType":"request","operation":"ping","correlationID":"${String(id)}"}`;
    const read = (id: number): string =>
        `{"messageType":"request","operation":"readproperty","thingID":"urn:counter","name":"count","correlationID":"${String(id)}"}`;
    const rows: [string, (peer: Peer) => Promise<number>][] = [
        ["ping", (peer) => roundTrips(peer, ping)],
        ["readproperty", (peer) => roundTrips(peer, read)],
        [`1 event to ${String(STREAMS)} streams`, (peer) => fanOut(peer, 1)],
        [`16 events to ${String(STREAMS)} streams`, (peer) => fanOut(peer, 16)],
    ];
    for (const transport of ["plain", "h1", "h2"] as const) {
        for (const [name, run] of rows) {
            const ours = await measure("ours", transport, run);
            const bare = await measure("bare", transport, run);
            const line = `${transport.padEnd(6)} ${name.padEnd(24)} ours ${ours.toFixed(0).padStart(8)}/s  bare ${bare.toFixed(0).padStart(8)}/s`;
            console.log(`${line}  ratio ${(ours / bare).toFixed(2)}`);
        }
    }
    process.exit(0);
}

void main();
