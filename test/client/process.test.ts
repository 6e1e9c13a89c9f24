/** What only a process of its own can show: that it exits by itself, that nothing is unhandled, and what it has loaded. */
import { expect } from "chai";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { certificate } from "../support/certificates";
import { sideBySide, type OnEnd } from "../support/side-by-side";
import { counterTd, RawServer } from "./raw-server";

const ROOT = join(__dirname, "../..");

interface Run {
    readonly code: number | null;
    readonly output: string;
}

/** Runs a script in a fresh process that has no process-wide handlers. */
function run(script: string, environment: Record<string, string> = {}): Promise<Run> {
    return new Promise((resolve, reject) => {
        const child = spawn(process.execPath, ["-r", "tsx/cjs", "-e", script], {
            cwd: ROOT,
            env: { ...process.env, ...environment },
        });
        let output = "";
        child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
        child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
        child.on("error", reject);
        child.on("close", (code) => {
            resolve({ code, output: output.replace(/^.*unknown format.*\n/gm, "") });
        });
    });
}

const CONSUME = `
    const { Servient } = require("@node-wot/core");
    const { SseScClientFactory, SseScPlainClientFactory } = require("./src/sse-sc-client-factory.ts");
    const { SCHEME, CA, TD } = process.env;
    async function main(work) {
        const servient = new Servient();
        const config = { reconnect: { min: 1, max: 20 } };
        servient.addClientFactory(
            SCHEME === "sse" ? new SseScClientFactory({ caCert: CA, ...config }) : new SseScPlainClientFactory(config)
        );
        servient.addCredentials({ "urn:counter": { username: "alice", password: "secret" } });
        const wot = await servient.start();
        const thing = await wot.consume(JSON.parse(TD));
        await thing.subscribeEvent("overflow", () => undefined, () => undefined);
        await work(thing, servient);
    }
`;

describe("a process with a client", function () {
    this.timeout(30_000);
    const aside = sideBySide(2); // all of it is work for other processes

    for (const [name, secure, http1Only] of [
        ["plain h1", false, true],
        ["TLS h1", true, true],
        ["TLS h2", true, false],
    ] as const) {
        async function start(
            onEnd: OnEnd
        ): Promise<{ readonly server: RawServer; readonly environment: Record<string, string> }> {
            const tls = await certificate();
            const server = await RawServer.start(secure ? { tls, http1Only } : {});
            onEnd(() => server.stop());
            const scheme = secure ? "sse" : "sse-plain";
            const environment = { SCHEME: scheme, CA: tls.cert, TD: JSON.stringify(counterTd(server, scheme)) };
            return { server, environment };
        }

        it(
            `exits by itself after servient.shutdown() over ${name}, whatever is under way`,
            aside(async (onEnd) => {
                const { server, environment } = await start(onEnd);
                server.answer = ({ operation }) => (operation === "readproperty" ? undefined : {});
                const shutdown = `main(async (thing, servient) => {
                thing.readProperty("count").catch((error) => console.log(error.code));
                await thing.invokeAction("increment", 1);
                await servient.shutdown();
            })`;
                const { code, output } = await run(CONSUME + shutdown, environment);
                expect(output.trim().split("\n").at(-1)).to.equal("CONNECTION_LOST");
                expect(code).to.equal(0);
            })
        );

        it(
            `has no socket left after connection.close() over ${name}, and exits by itself`,
            aside(async (onEnd) => {
                const { server, environment } = await start(onEnd);
                server.answer = ({ operation }) => (operation === "readproperty" ? undefined : {});
                const script = `
                const { connect } = require("./src/index.ts");
                const { SCHEME, CA, AUTHORITY } = process.env;
                const options = SCHEME === "sse" ? { caCert: CA } : {};
                connect(SCHEME + "://" + AUTHORITY, { username: "alice", password: "secret" }, options).then(async (connection) => {
                    await connection.subscribeEvent("urn:counter", "overflow", { onNotification: () => undefined });
                    const reads = [1, 2, 3].map(() => connection.readProperty("urn:counter", "count").catch(({ code }) => code));
                    await connection.ping();
                    await connection.close();
                    const left = process.getActiveResourcesInfo().filter((kind) => /TCP|TLS|Timeout/.test(kind));
                    console.log(JSON.stringify([await Promise.all(reads), left]));
                });
            `;
                const { code, output } = await run(script, { ...environment, AUTHORITY: server.authority });
                const lost = Array.from({ length: 3 }, () => "CONNECTION_LOST");
                expect(JSON.parse(output.trim().split("\n").at(-1) ?? "")).to.deep.equal([lost, []]);
                expect(code).to.equal(0);
            })
        );

        it(
            `survives cuts, garbage and refusals over ${name}, with nothing unhandled`,
            aside(async (onEnd) => {
                const { server, environment } = await start(onEnd);
                const script = `main(async (thing, servient) => {
                for (let i = 0; i < 5; i++) await thing.invokeAction("increment", i).catch((error) => console.log(error.code));
                await servient.shutdown();
                console.log("done");
            })`;
                let invocations = 0;
                server.answer = ({ operation }) => {
                    if (operation !== "invokeaction") return {};
                    switch (invocations++) {
                        case 0:
                            server.cut();
                            return undefined;
                        case 1:
                            server.push("event: response\ndata: {]\n\n");
                            server.dropStreams();
                            return undefined;
                        case 2:
                            server.streams[0]?.reply.end();
                            return undefined;
                        case 3:
                            server.push(Buffer.from([0xff, 0xfe, 0x00, 0x0a, 0x0a]));
                            return {};
                        default:
                            server.cut();
                            return undefined;
                    }
                };
                const { code, output } = await run(CONSUME + script, environment);
                const unknown = "OUTCOME_UNKNOWN";
                expect(output.trim().split("\n").slice(-5)).to.deep.equal([unknown, unknown, unknown, unknown, "done"]);
                expect(output).to.not.match(/warning|unhandled|    at /i);
                expect(code).to.equal(0);
            })
        );
    }

    it("has loaded nothing of a server, and no undici before an HTTP/1.1 server is met", async () => {
        const script = `
            require("./src/sse-sc-client-factory.ts");
            const packages = Object.keys(require.cache).map((path) => /node_modules\\/((@[^/]+\\/)?[^/]+)(?!.*node_modules)/.exec(path)?.[1]);
            console.log(JSON.stringify([...new Set(packages)]));
        `;
        const { code, output } = await run(script);
        const loaded = JSON.parse(output.trim().split("\n").at(-1) ?? "") as string[];
        expect(code).to.equal(0);
        expect(loaded).to.include("@node-wot/core").and.to.include("eventsource-parser");
        for (const name of [
            "express",
            "passport",
            "@node-rs/argon2",
            "classic-level",
            "jsonwebtoken",
            "undici",
            "selfsigned",
        ]) {
            expect(loaded).to.not.include(name);
        }
    });
});
