/**
 * `npm start`: a servient exposes a counter over SSE-SC; a second one, in another process, logs in and uses it. Then the server
 * stays up until Ctrl-C.
 *
 * `npm start -- --once` ends after the demonstration: exit code 0 if every value was right. `PORT` overrides 8444.
 */
import { Servient } from "@node-wot/core";
import { createDevelopmentCertificate, SseScServer } from "node-wot-binding-hiveot";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COUNTER_ID, exposeCounter, parseFault } from "./counter-thing";
import { curlLines } from "./curl-lines";
import type { Assignment, Success } from "./messages";

const HOST = "127.0.0.1"; // everybody knows the demo user's password, so nobody else gets at the port
const USER = { username: "demo", password: "demo" };
const PORT = process.env["PORT"] || "8444";
const PATIENCE = 30_000; // milliseconds for the whole demonstration

const staysUp = !process.argv.includes("--once");

/** Raised by Ctrl-C or SIGTERM. Ctrl-C may come several times: the terminal sends it to all, and npm passes it on. */
const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
        interrupt.abort();
    });
}

function say(line: string): void {
    console.log(`server    ${line}`);
}

function readPort(): number {
    if (!staysUp) return 0;
    if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65535) throw new Error(`PORT is not a port: ${PORT}`);
    return Number(PORT);
}

/** Runs consumer.ts in a process of its own. @throws Error unless it reports success and ends well */
async function runConsumer(assignment: Assignment): Promise<void> {
    const consumer = fork(join(__dirname, "consumer.ts"), { timeout: PATIENCE });
    interrupt.signal.addEventListener("abort", () => consumer.kill());
    say(`started the consumer as process ${consumer.pid ?? "?"}`);
    let success: Success | undefined;
    consumer.once("message", (message: Success) => {
        success = message;
    });
    consumer.send(assignment);
    const [code, signal] = (await once(consumer, "exit")) as [number | null, NodeJS.Signals | null];
    if (signal !== null) throw new Error(`The demonstration failed: the consumer was ended by ${signal}`);
    if (code !== 0 || success === undefined) throw new Error("The demonstration failed: see the consumer's last line");
    console.log(`\nDone: the consumer has checked ${success.checked} values, and all were right.`);
}

/** Prints how to reach the server, and waits for Ctrl-C. */
async function stayUp(origin: string, cert: string): Promise<void> {
    if (interrupt.signal.aborted) return;
    const folder = mkdtempSync(join(tmpdir(), "hiveot-demo-"));
    process.once("exit", () => {
        rmSync(folder, { recursive: true, force: true });
    });
    const caFile = join(folder, "ca.pem");
    writeFileSync(caFile, cert);
    console.log(`
The server stays up until Ctrl-C.
  URL           ${origin}
  TD            ${origin}/.well-known/wot
  user          ${USER.username}, password ${USER.password}
  certificate   ${caFile}

To log in, open a stream for three seconds and send a request on it, paste this into another terminal:

${curlLines({ origin, caFile, ...USER })}
`);
    await once(interrupt.signal, "abort");
}

async function main(): Promise<void> {
    const port = readPort();
    const fault = parseFault(process.env["DEMO_WRONG"]);
    const { key, cert } = await createDevelopmentCertificate();
    const server = new SseScServer({
        port,
        address: HOST,
        serverKey: key,
        serverCert: cert,
        accounts: [{ ...USER, role: "manager" }],
    });
    const servient = new Servient();
    servient.addServer(server);
    const wot = await servient.start();
    try {
        await exposeCounter(wot, say, fault);
        const authority = `${HOST}:${server.getPort()}`;
        say(`exposes ${COUNTER_ID} on ${authority} over TLS`);
        await runConsumer({ tdUrl: `sse://${authority}/.well-known/wot`, caCert: cert, ...USER });
        if (staysUp) await stayUp(`https://${authority}`, cert);
    } finally {
        await servient.shutdown();
    }
}

function explain(error: unknown): string {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") return `Port ${PORT} is in use; take another one: PORT=8555 npm start`;
    if (code === "EACCES") return `Port ${PORT} is not permitted; take another one: PORT=8555 npm start`;
    return message;
}

main()
    .catch((error: unknown) => {
        // Ctrl-C within the demonstration is no failure, unless somebody waits for its outcome
        if (interrupt.signal.aborted && staysUp) return;
        console.error(explain(error));
        process.exitCode = 1;
    })
    .finally(() => {
        // The process ends by itself. Then Node gives signals back their default meaning while it tidies up, so that the second
        // Ctrl-C, which npm passes on, would end it as a failure; by exit() it does not tidy up.
        process.once("exit", () => {
            if (interrupt.signal.aborted) process.exit();
        });
    });
