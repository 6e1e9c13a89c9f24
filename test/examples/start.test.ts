/** `npm start`, as a stranger uses it. */
import { expect } from "chai";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { sideBySide } from "../support/side-by-side";
import { TestProcess } from "./process";

/** A port that is taken until `release` is called. */
async function takePort(): Promise<{ port: number; release: () => Promise<unknown> }> {
    const holder = createServer().listen(0, "127.0.0.1").unref(); // a test that fails does not release it
    await once(holder, "listening");
    return { port: (holder.address() as AddressInfo).port, release: () => once(holder.close(), "close") };
}

describe("npm start", function () {
    this.timeout(60_000);
    after(() => TestProcess.endAll());
    const aside = sideBySide(2); // all of it is work for other processes

    describe("--once", () => {
        it(
            "shows log-in, reading, writing, invoking, progress, observing and subscribing, and exits with 0",
            aside(async () => {
                const { port, release } = await takePort();
                // It takes a free port, so this one, which is not, does not matter
                const demo = TestProcess.example("start", ["--once"], { PORT: String(port) });
                expect(await demo.exit, demo.stderr).to.deep.equal({ code: 0, signal: null });
                await release();
                const lines = demo.stdout.split("\n");
                for (const line of [
                    "consumer  logs in as demo",
                    "consumer  read count = 42",
                    "consumer  wrote count = 48",
                    "consumer  increment(1) = 49",
                    "consumer  heard progress of countTo: 50",
                    "consumer  countTo(52) = 52",
                    "consumer  progress heard = [50,51,52]",
                    "consumer  counts heard = [48,49,50,51,52]",
                    "consumer  milestones heard = [50]",
                ]) {
                    expect(lines).to.include(line);
                }
                expect(demo.stdout).to.match(/^server {4}exposes urn:demo:counter on 127\.0\.0\.1:\d+ over TLS$/m);
                expect(demo.stdout).not.to.include("The server stays up");
            })
        );

        it(
            "uses two processes",
            aside(async () => {
                const demo = TestProcess.example("start", ["--once"], { DEMO_WRONG: "hang" });
                const [, consumer] = await demo.printed(/^server {4}started the consumer as process (\d+)$/m);
                expect(Number(consumer)).not.to.equal(demo.pid);
                await demo.printed(/increment is invoked with 1/);
                process.kill(Number(consumer), "SIGKILL");
                expect(await demo.exit).to.deep.equal({ code: 1, signal: null });
                expect(demo.stderr).to.equal("The demonstration failed: the consumer was ended by SIGKILL\n");
            })
        );

        it(
            "fails at the step that gives a wrong value, and says which",
            aside(async () => {
                const failures = {
                    count: "read count = 43, but expected 42",
                    increment: "increment(1) = 50, but expected 49",
                    progress: "progress heard = [51,52,53], but expected [50,51,52]",
                    milestone: "milestones heard = [51], but expected [50]",
                };
                const runs = Object.entries(failures).map(async ([fault, line]) => {
                    const demo = TestProcess.example("start", ["--once"], { DEMO_WRONG: fault });
                    expect(await demo.exit, fault).to.deep.equal({ code: 1, signal: null });
                    expect(demo.stderr).to.equal(
                        `consumer  failed: ${line}\nThe demonstration failed: see the consumer's last line\n`
                    );
                });
                await Promise.all(runs);
            })
        );

        it(
            "does not exit with 0 when it is interrupted",
            aside(async () => {
                const demo = TestProcess.example("start", ["--once"], { DEMO_WRONG: "hang" });
                await demo.printed(/increment is invoked with 1/);
                demo.signalGroup("SIGINT");
                expect((await demo.exit).code).to.equal(1);
                await demo.groupGone();
            })
        );
    });

    it(
        "names a busy port in one line and exits with 1",
        aside(async () => {
            const { port, release } = await takePort();
            const demo = TestProcess.example("start", [], { PORT: String(port) });
            expect(await demo.exit).to.deep.equal({ code: 1, signal: null });
            expect(demo.stderr).to.equal(`Port ${port} is in use; take another one: PORT=8555 npm start\n`);
            expect(demo.stdout).to.equal("");
            await release();
        })
    );

    it(
        "says in one line that PORT is not a port",
        aside(async () => {
            const demo = TestProcess.example("start", [], { PORT: "high" });
            expect(await demo.exit).to.deep.equal({ code: 1, signal: null });
            expect(demo.stderr).to.equal("PORT is not a port: high\n");
        })
    );

    it(
        "ends by Ctrl-C within the demonstration, with exit code 0 and no process left",
        aside(async () => {
            const demo = new TestProcess("npm", ["start"], { PORT: "0", DEMO_WRONG: "hang" });
            await demo.printed(/increment is invoked with 1/);
            demo.signalGroup("SIGINT");
            expect(await demo.exit).to.deep.equal({ code: 0, signal: null });
            await demo.groupGone();
        })
    );

    it(
        "ends by SIGTERM with exit code 0, though a client has a stream open, and no second one ends it sooner",
        aside(async () => {
            const demo = TestProcess.example("start", [], { PORT: "0" });
            const [, pasted = ""] = await demo.printed(/paste this .*:\n\n([^]+?)\n\n/);
            const shell = new TestProcess("bash", ["-e", "-c", pasted]);
            await shell.printed(/^event: response$/m);
            process.kill(demo.pid, "SIGTERM");
            process.kill(demo.pid, "SIGTERM");
            expect(await demo.exit, demo.stderr).to.deep.equal({ code: 0, signal: null });
            await shell.exit;
        })
    );

    it(
        "stays up on PORT, prints curl lines that work as pasted, and ends by Ctrl-C with exit code 0",
        aside(async () => {
            const { port, release } = await takePort();
            await release();
            const demo = new TestProcess("npm", ["start"], { PORT: String(port) });
            await demo.printed(new RegExp(`^  URL {11}https://127\\.0\\.0\\.1:${port}$`, "m"));
            const [, caFile = ""] = await demo.printed(/^ {2}certificate {3}(.+)$/m);
            expect(existsSync(caFile)).to.be.true;
            const [, pasted = ""] = await demo.printed(/paste this .*:\n\n([^]+?)\n\n/);

            const shell = new TestProcess("bash", ["-e", "-c", pasted]);
            const [, data = ""] = await shell.printed(/^event: response\ndata: (.+)$/m);
            expect(JSON.parse(data)).to.include({ operation: "readproperty", output: 52, status: "completed" });
            const second = new TestProcess("bash", ["-e", "-c", pasted]);
            await second.printed(/^event: response$/m);
            expect(await shell.exit).to.deep.equal({ code: 0, signal: null });
            expect(shell.stderr).to.equal("");

            // The second stream is still open: Ctrl-C does not wait for it
            demo.signalGroup("SIGINT");
            expect(await demo.exit).to.deep.equal({ code: 0, signal: null });
            await demo.groupGone();
            expect(existsSync(caFile)).to.be.false;
            await second.exit;
        })
    );
});
