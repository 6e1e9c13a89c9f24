/**
 * The recorded clients against our server: what they sent gets what it got from the reference, but for what
 * `test/conformance/deviations.json` says.
 */
import { expect } from "chai";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Allowance, fault, readDeviations, WEAKNESSES } from "./replay/deviations";
import { ISSUE_5, RUNS } from "./replay/plan";
import { ServerReplay, WAYS } from "./replay/server-replay";
import { req } from "./requirements";

const FIXTURES = join(__dirname, "../fixtures");

describe("recordings, replayed to the server", () => {
    for (const way of WAYS) {
        describe(way, () => {
            for (const run of RUNS) {
                describe(run.parts.map(({ file }) => file).join(", "), () => {
                    const allowance = new Allowance();
                    let replay: ServerReplay;

                    before(async () => {
                        replay = await ServerReplay.start(run, way);
                    });

                    after(() => replay.stop());

                    for (const part of run.parts) {
                        const january = run.state === "january" ? ["JAN-response", "JAN-decodable"] : [];
                        req(
                            ["REC-server", ...january],
                            `${part.file}: every request gets the recorded answer`,
                            async () => {
                                const replayed = await replay.play(part);
                                expect(replayed).not.to.have.length(0);
                                const unlisted = replayed.flatMap(({ exchange: { n }, differences }) =>
                                    allowance
                                        .unlisted(part.file, n, differences)
                                        .map((each) => ({ file: part.file, n, ...each }))
                                );
                                expect(unlisted, JSON.stringify(unlisted, null, 4)).to.deep.equal([]);
                                expect(replay.faults).to.deep.equal([]);
                                expect(allowance.unused(part.file), "entries that nothing needs").to.deep.equal([]);
                            }
                        );
                    }
                });
            }
        });
    }
});

describe("deviations from the recordings", () => {
    const deviations = readDeviations();

    req("REC-deviations", `${String(deviations.length)} deviations: each one is of a kind that may be`, () => {
        const faults = deviations.flatMap((each) => {
            const why = fault(each);
            return why === undefined ? [] : [`${each.file} ${String(each.n)} ${each.at} ${why}`];
        });
        expect(faults).to.deep.equal([]);
    });

    req("REC-deviations", "cite each weakness that is named", () => {
        const cited = new Set(deviations.map(({ cites }) => cites));
        expect(Object.keys(WEAKNESSES).filter((key) => !cited.has(key))).to.deep.equal([]);
    });

    req("REC-deviations", "are about recordings that are replayed", () => {
        const files = RUNS.flatMap(({ parts }) => parts.map(({ file }) => file));
        expect(deviations.filter(({ file }) => !files.includes(file))).to.deep.equal([]);
    });

    req("REC-all", "every recording is replayed, or belongs to agents and hubs", () => {
        const files = RUNS.flatMap(({ parts }) => parts.map(({ file }) => file));
        const here = ["hivekit-2026-01", "hivekit-2026-08"].flatMap((folder) =>
            readdirSync(join(FIXTURES, folder))
                .filter((name) => name.endsWith(".jsonl"))
                .map((name) => `${folder}/${name}`)
        );
        expect(here.filter((file) => !files.includes(file) && !ISSUE_5.includes(file))).to.deep.equal([]);
        expect(files.filter((file) => !existsSync(join(FIXTURES, file)))).to.deep.equal([]);
    });
});
