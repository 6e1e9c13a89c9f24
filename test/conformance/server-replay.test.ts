/**
 * The recorded clients against our server, and the recorded agents and consumers against our hub: what they sent gets what it got
 * from the reference, but for what `test/conformance/deviations.json` says. Digital twins of the recorded hub are the agents' Things
 * themselves at ours, so their ids read `counter` where the recording has `dtw:agent1:counter` (`same` in the plan).
 */
import { expect } from "chai";
import { Allowance } from "./replay/deviations";
import { RUNS } from "./replay/plan";
import { ServerReplay, WAYS } from "./replay/server-replay";
import { req } from "./requirements";

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
                            [run.hub === undefined ? "REC-server" : "REC-hub", ...january],
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
