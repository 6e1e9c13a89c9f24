/** A process that is killed in the middle of its writes to the directory (design.md, "Hub"). */
import { expect } from "chai";
import { ClassicLevel } from "classic-level";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DirectoryStore } from "../../src/hub/directory-store";
import { req } from "../conformance/requirements";
import { onEnd } from "./harness";

const ROUNDS = 4;
/** Acknowledged writes after which the process is killed; another number in each round. */
const ACKNOWLEDGED = 60;

/** Lets a writer write, kills it, and returns what it said it had written: the last version by id. */
async function writeUntilKilled(folder: string, first: number, count: number): Promise<Map<string, number>> {
    const child = fork(join(__dirname, "directory-writer.ts"), [folder, String(first)], {
        execArgv: ["--import", "tsx"],
        silent: true,
    });
    const acknowledged = new Map<string, number>();
    let rest = "";
    let lines = 0;
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
        const parts = (rest + text).split("\n");
        rest = parts.pop() ?? "";
        for (const line of parts) {
            const [id = "", version = ""] = line.split(" ");
            acknowledged.set(id, Number(version));
        }
        lines += parts.length;
        if (lines >= count) child.kill("SIGKILL");
    });
    let errors = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (errors += text));
    const [, signal] = (await once(child, "close")) as [number | null, string | null];
    expect(signal, errors).to.equal("SIGKILL");
    return acknowledged;
}

describe("a directory whose process is killed while it writes", function () {
    this.timeout(60_000);

    req("DIR-durable", "has lost nothing that was acknowledged, and nothing is half-written", async () => {
        const folder = mkdtempSync(join(tmpdir(), "directory-kill-"));
        onEnd(() => rmSync(folder, { recursive: true, force: true }));
        const acknowledged = new Map<string, number>();
        for (let round = 0; round < ROUNDS; round++) {
            const first = round * 10_000;
            for (const [id, version] of await writeUntilKilled(folder, first, ACKNOWLEDGED + 7 * round)) {
                acknowledged.set(id, version);
            }
            const level = new ClassicLevel<string>(folder);
            const store = await DirectoryStore.open(level);
            for (const [id, version] of acknowledged) {
                const record = store.get(id);
                // Deleted by the writer, or about to be when it was killed
                if (id.startsWith("urn:new:") && version % 5 === 0 && record === undefined) continue;
                expect(Number(record?.td["title"]), `${id} in round ${round}`).to.be.at.least(version);
            }
            for (const id of store.page().ids) {
                const { td, owner } = store.get(id)!;
                expect(td["description"], id).to.equal(`${String(td["title"])} `.repeat(2_000));
                expect(owner).to.equal("writer");
            }
            expect(store.size).to.be.above(20 * (round + 1));
            await store.close();
            expect(await level.keys().all(), "each TD has its registration").to.have.length(2 * store.size);
            await level.close();
        }
    });
});
