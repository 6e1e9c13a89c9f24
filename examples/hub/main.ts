/**
 * Hub, agent and consumer as three processes: the consumer uses a Thing that only the hub can reach. The agent is killed and
 * comes back, and nobody has to do anything about it.
 */
import { fork, type ChildProcess } from "node:child_process";
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "hiveot-hub-"));
const running = new Set<ChildProcess>();

function start(name: string, port: number): ChildProcess {
    const env = { ...process.env, PORT: String(port) };
    const child = fork(join(__dirname, `${name}.ts`), [join(folder, "certificate.pem")], { env });
    running.add(child.once("exit", () => running.delete(child)));
    return child;
}

/** The first thing that a process tells us; rejects if it ends without. */
async function told(child: ChildProcess): Promise<unknown> {
    const ended = once(child, "exit").then(() => Promise.reject(new Error("A process has ended too soon")));
    const [message] = (await Promise.race([once(child, "message"), ended])) as [unknown];
    ended.catch(() => undefined);
    return message;
}

/** Sends a signal; resolves with the exit code, which is `null` for a process that the signal itself ended. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    child.kill(signal);
    const [code] = (await once(child, "exit")) as [number | null];
    return code;
}

async function consume(port: number): Promise<void> {
    const [code] = (await once(start("consumer", port), "exit")) as [number | null];
    assert.equal(code, 0);
}

async function main(): Promise<void> {
    const hub = start("hub", 0);
    const port = Number(await told(hub));

    const agent = start("agent", port);
    assert.equal(await told(agent), "registered");
    await consume(port);

    await end(agent, "SIGKILL");
    const restarted = start("agent", port);
    assert.equal(await told(restarted), "registered");
    await consume(port);

    assert.equal(await end(restarted, "SIGTERM"), 0);
    assert.equal(await end(hub, "SIGTERM"), 0);
    console.log("all as expected");
}

main()
    .catch((error: unknown) => {
        console.error(error);
        process.exitCode = 1;
    })
    .finally(() => {
        for (const child of running) child.kill("SIGKILL");
        rmSync(folder, { recursive: true, force: true });
    });
