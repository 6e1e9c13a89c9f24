/**
 * The live runs with HiveKit, replayed: its consumers and agents against our server and hub, which must answer as they did then, its
 * servers against our client, and its gateways against our agent.
 */
import { expect } from "chai";
import { isDeepStrictEqual } from "node:util";
import { TRANSPORTS } from "../support/set-ups";
import { playAgent } from "./replay/agent-replay";
import { ClientReplay } from "./replay/client-replay";
import type { Difference } from "./replay/comparison";
import { agentOf, CHANGED_SINCE, liveRuns, runOf } from "./replay/live";
import { ServerReplay, WAYS } from "./replay/server-replay";
import { playSessions } from "./replay/session-replay";
import { req } from "./requirements";

const needed = new Set<Difference>();

function hasChanged(difference: Difference): boolean {
    const entry = CHANGED_SINCE.find((each) => isDeepStrictEqual(each, difference));
    if (entry !== undefined) needed.add(entry);
    return entry !== undefined;
}

describe("live runs, replayed", () => {
    const runs = liveRuns();

    req("REC-live", "are of both states and both sides", () => {
        const kinds = new Set(runs.map(({ about }) => `${about.dialect}, ours: ${about.ours}`));
        expect([...kinds].sort()).to.deep.equal([
            "rrn, ours: agent",
            "rrn, ours: client",
            "rrn, ours: hub",
            "rrn, ours: server",
            "rrn-2025, ours: agent",
            "rrn-2025, ours: client",
            "rrn-2025, ours: hub",
            "rrn-2025, ours: server",
        ]);
    });

    for (const live of runs) {
        if (live.about.ours === "agent") {
            for (const transport of TRANSPORTS) {
                req("REC-live", `${live.file}, over ${transport}: our agent says what it said then`, async () => {
                    const posted = await playAgent(agentOf(live), transport);
                    expect(posted).not.to.have.length(0);
                    const differences = posted.flatMap(({ n, differences: all }) =>
                        all.map((each) => ({ n, ...each }))
                    );
                    expect(differences, JSON.stringify(differences, null, 4)).to.deep.equal([]);
                });
            }
        } else if (live.about.ours === "server" || live.about.ours === "hub") {
            for (const way of WAYS) {
                req("REC-live", `${live.file}, ${way}: our server answers as it did then`, async () => {
                    const run = runOf(live);
                    const replay = await ServerReplay.start(run, way);
                    try {
                        for (const part of run.parts) {
                            const replayed = await replay.play(part);
                            const differences = replayed.flatMap(({ exchange: { n }, differences: all }) =>
                                all.filter((each) => !hasChanged(each)).map((each) => ({ n, ...each }))
                            );
                            expect(differences, JSON.stringify(differences, null, 4)).to.deep.equal([]);
                        }
                    } finally {
                        await replay.stop();
                    }
                });
            }
        } else {
            for (const transport of TRANSPORTS) {
                req("REC-live", `${live.file}, over ${transport}: our client understands all of it`, async () => {
                    const heard = await ClientReplay.play(live.file, transport);
                    const sessions = await playSessions(live.file, transport);
                    expect(heard).not.to.have.length(0);
                    for (const { n, expected, actual } of [...heard, ...sessions]) {
                        expect(actual, `n = ${String(n)}`).to.deep.equal(expected);
                    }
                });
            }
        }
    }

    req("REC-live", "no change is listed that nothing needs", () => {
        expect(CHANGED_SINCE.filter((each) => !needed.has(each))).to.deep.equal([]);
    });
});
