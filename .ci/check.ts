/**
 * The checks beside the tests: one line for each, the output of those that fail, exit code 1 if one did.
 * `npm run check -- lint types` runs only the steps named.
 */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(__dirname, "..");

/** Each step is a list of command lines; those of the second list look at what `build` made. */
const SOURCE_STEPS: Record<string, string[]> = {
    lint: ["eslint --max-warnings 0 ."],
    format: ["prettier --check --log-level warn ."],
    types: ["tsc -p tsconfig.json", "tsc -p tsconfig.lib.json"],
    knip: ["knip --config .ci/knip.jsonc --no-progress"],
    build: ["npm run --silent build"],
};
const PACKAGE_STEPS: Record<string, string[]> = {
    publint: ["publint run --strict"],
    attw: ["attw --pack . --profile node16 --no-definitely-typed"],
    package: ["tsx .ci/package.ts"],
};

/** Runs one command line; the programs are found because npm puts node_modules/.bin on the path. */
function run(commandLine: string): Promise<{ ok: boolean; output: string }> {
    return new Promise((done) => {
        const [command = "", ...args] = commandLine.split(" ");
        const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
        const chunks: Buffer[] = [];
        const keep = (chunk: Buffer) => void chunks.push(chunk);
        child.stdout.on("data", keep);
        child.stderr.on("data", keep);
        child.on("error", (error) => done({ ok: false, output: `${commandLine}: ${error.message}\n` }));
        child.on("close", (code) => done({ ok: code === 0, output: Buffer.concat(chunks).toString() }));
    });
}

/** Runs the command lines of one step, up to the first that fails, and prints the step's line. */
async function step(name: string, commandLines: string[]): Promise<boolean> {
    const from = performance.now();
    let result = { ok: true, output: "" };
    for (const commandLine of commandLines) if (result.ok) result = await run(commandLine);
    const seconds = ((performance.now() - from) / 1000).toFixed(1);
    console.log(`${result.ok ? "ok  " : "FAIL"}  ${name.padEnd(8)} ${seconds.padStart(6)} s`);
    if (!result.ok) console.log(result.output.trim().replace(/^/gm, "      "));
    return result.ok;
}

async function main(): Promise<void> {
    const wanted = process.argv.slice(2);
    const unknown = wanted.filter((name) => !(name in SOURCE_STEPS || name in PACKAGE_STEPS));
    if (unknown.length > 0) throw new Error(`no such step: ${unknown.join(", ")}`);

    const failed: string[] = [];
    const runAll = async (steps: Record<string, string[]>) => {
        for (const [name, commandLines] of Object.entries(steps)) {
            if (wanted.length > 0 && !wanted.includes(name)) continue;
            // A file that is gone from the sources must not stay in the package
            if (name === "build") rmSync(join(root, "dist"), { recursive: true, force: true });
            if (!(await step(name, commandLines))) failed.push(name);
        }
    };
    await runAll(SOURCE_STEPS);
    if (failed.includes("build")) console.log("No build, so the steps that look at the package do not run");
    else await runAll(PACKAGE_STEPS);
    if (failed.length > 0) {
        console.log(`failed: ${failed.join(", ")}`);
        process.exitCode = 1;
    }
}

void main();
