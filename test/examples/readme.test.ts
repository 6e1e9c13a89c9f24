/** The README: its snippets run as they stand there, and its tables are complete. */
import { expect } from "chai";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sideBySide } from "../support/side-by-side";
import { ROOT, TestProcess } from "./process";

const README = readFileSync(join(ROOT, "README.md"), "utf8");

/** The block of code that follows the name of its file. */
function snippet(file: string): string {
    const [, code] = new RegExp(`^\`${file}\`[^]*?^\`\`\`\\w+\\n([^]*?)^\`\`\``, "m").exec(README) ?? [];
    if (code === undefined) throw new Error(`The README has no ${file}`);
    return code;
}

async function freePort(): Promise<number> {
    const holder = createServer().listen(0);
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    await once(holder.close(), "close");
    return port;
}

/** Names of the optional members of an interface, as they stand in the source. */
function optionsIn(file: string, interfaceName: string): string[] {
    const source = readFileSync(join(ROOT, file), "utf8");
    const [, body = ""] =
        new RegExp(`export interface ${interfaceName} [^]*?\\{\\n([^]*?)^\\}`, "m").exec(source) ?? [];
    return [...body.matchAll(/^ {4}(\w+)\?:/gm)].map(([, name = ""]) => name);
}

describe("README", function () {
    this.timeout(60_000);
    after(() => TestProcess.endAll());
    const aside = sideBySide();

    it("names tests and fault scenarios for what users may rely on, and all of them exist", () => {
        const [, section = ""] = /^## What you may rely on\n([^]*?)\n\n\*\*A server that stops/m.exec(README) ?? [];
        const guarantees =
            section
                .split("\n\n")
                .find((paragraph) => paragraph.startsWith("- "))
                ?.split(/^- /m)
                .slice(1) ?? [];
        const scenarios = readFileSync(join(ROOT, "test/faults/README.md"), "utf8");
        expect(guarantees).to.have.length.above(10);
        for (const guarantee of guarantees) {
            const shown = guarantee.slice(guarantee.indexOf("`test/")).matchAll(/`([^`]+)`/g);
            const names = [...shown].map(([, name = ""]) => name);
            expect(names, guarantee).to.not.be.empty;
            for (const name of names) {
                if (name.startsWith("test/")) expect(existsSync(join(ROOT, name)), name).to.equal(true);
                else expect(scenarios).to.include(`| \`${name}\` `);
            }
        }
    });

    for (const language of ["ts", "js"]) {
        it(
            `has a server and a client in .${language} that work when pasted`,
            aside(async (onEnd) => {
                const folder = mkdtempSync(join(tmpdir(), "hiveot-readme-"));
                onEnd(() => {
                    rmSync(folder, { recursive: true, force: true });
                });
                symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
                const port = String(await freePort());
                const run = (name: string): TestProcess => {
                    const file = `${name}.${language}`;
                    writeFileSync(join(folder, file), snippet(file).replaceAll("8444", port));
                    // tsx finds the package itself by the paths of our tsconfig.json; .ci/package.ts tests the real package
                    const env = { TSX_TSCONFIG_PATH: join(ROOT, "tsconfig.json") };
                    return new TestProcess(process.execPath, ["--import", "tsx", file], env, folder);
                };
                const server = run("server");
                onEnd(async () => {
                    if (server.isRunning) server.signalGroup("SIGKILL");
                    await server.exit;
                });
                await server.printed(/^TD: https:/m);
                const client = run("client");
                expect(await client.exit, client.stderr).to.deep.equal({ code: 0, signal: null });
                expect(client.stdout.split("\n")).to.include.members([
                    "count is now 50",
                    "count is now 55",
                    "increment gave 55",
                    "read 55",
                ]);
                if (language === "js") return;
                const connected = run("connect");
                expect(await connected.exit, connected.stderr).to.deep.equal({ code: 0, signal: null });
                expect(connected.stdout.split("\n")).to.include.members([
                    "count is now 50",
                    "count is now 55",
                    "increment gave 55",
                    "all: { count: 55 }",
                    "increment is completed with 55",
                ]);
            })
        );
    }

    it("lists every option", () => {
        const options = [
            ...optionsIn("src/config.ts", "SseScServerConfig"),
            ...optionsIn("src/auth/options.ts", "AuthOptions"),
            ...optionsIn("src/client-config.ts", "SseScPlainClientConfig"),
            ...optionsIn("src/client-config.ts", "SseScClientConfig"),
            ...optionsIn("src/agent-config.ts", "SseScAgentConfig"),
        ];
        expect(options).to.include.members(["port", "accounts", "requestTimeout", "caCert"]);
        const rows = README.split("\n").filter((line) => line.startsWith("| `"));
        const missing = options.filter((name) => !rows.some((row) => row.split("|")[1]?.includes(`\`${name}\``)));
        expect(missing).to.deep.equal([]);
    });

    it("lists every error code", () => {
        const source = readFileSync(join(ROOT, "lib/errors.ts"), "utf8");
        const codes = [...source.matchAll(/^ {4}([A-Z_]+): \[\d/gm)].map(([, code = ""]) => code);
        expect(codes).to.include("OUTCOME_UNKNOWN");
        expect(codes.filter((code) => !README.includes(`\`${code}\``))).to.deep.equal([]);
    });
});
