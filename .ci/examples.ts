/** Runs each folder of examples/, one after the other: a line for each, exit code 0 only if each exits with 0 within a minute. */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { resolve } from "node:path";

const LIMIT_SECONDS = 60;
const root = resolve(__dirname, "..");

/** Runs examples/<name>/main.ts; resolves with what went wrong, or `undefined`. */
function run(name: string): Promise<string | undefined> {
    return new Promise((done) => {
        // The one that `npm start` runs stays up unless told otherwise
        const args = [`examples/${name}/main.ts`, ...(name === "start" ? ["--once"] : [])];
        // A process group of its own, because examples start processes too: what is late is ended as a whole
        const child = spawn("tsx", args, { cwd: root, detached: true, stdio: ["ignore", "pipe", "pipe"] });
        const chunks: Buffer[] = [];
        child.stdout.on("data", (chunk: Buffer) => void chunks.push(chunk));
        child.stderr.on("data", (chunk: Buffer) => void chunks.push(chunk));
        const timer = setTimeout(() => {
            chunks.push(Buffer.from(`still running after ${LIMIT_SECONDS} s`));
            if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
        }, LIMIT_SECONDS * 1000);
        child.on("error", (error) => {
            clearTimeout(timer);
            done(error.message);
        });
        child.on("close", (code) => {
            clearTimeout(timer);
            done(code === 0 ? undefined : `${Buffer.concat(chunks).toString().trimEnd()}\nexit code ${code ?? "none"}`);
        });
    });
}

async function main(): Promise<void> {
    const names = readdirSync(resolve(root, "examples"), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .sort();
    // Nothing to run is nothing shown
    if (names.length === 0) process.exitCode = 1;
    for (const name of names) {
        const from = performance.now();
        const problem = await run(name);
        const seconds = ((performance.now() - from) / 1000).toFixed(1);
        console.log(`${problem === undefined ? "ok  " : "FAIL"}  examples/${name.padEnd(18)} ${seconds.padStart(6)} s`);
        if (problem === undefined) continue;
        console.log(problem.trim().replace(/^/gm, "      "));
        process.exitCode = 1;
    }
}

void main();
