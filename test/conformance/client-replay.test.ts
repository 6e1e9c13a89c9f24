/** The recorded servers against our client: whatever they sent is understood, and arrives at the API as what it means. */
import { expect } from "chai";
import { TRANSPORTS } from "../support/set-ups";
import { readRecording } from "./raw/recordings";
import { ClientReplay, type Heard } from "./replay/client-replay";
import { type Part, RUNS } from "./replay/plan";
import { playSessions } from "./replay/session-replay";
import { req } from "./requirements";

/** Requests that our client never makes, so that their replies say nothing to it; those for TDs are made like that at /.well-known/wot. */
const NEVER_ASKED = [/^\/authn\/(logout|profile)$/, /^\/ping$/, /^\/nothing$/, /^\/things(\/|\?|$)/];

/** What agents POST: its replies are for them (agent-replay.test.ts). */
const OF_AGENTS = /^\/hiveot\/(response|notification)$/;

/** The exchanges that are an agent's. */
function agentsOf({ file, agents = [], agentCid }: Part): readonly number[] {
    const others = readRecording(file).filter(({ headers }) => agentCid !== undefined && headers["cid"] === agentCid);
    return [...agents, ...others.map(({ n }) => n)];
}

function expectAll(heard: readonly Heard[]): void {
    for (const { n, expected, actual } of heard) expect(actual, `n = ${String(n)}`).to.deep.equal(expected);
}

describe("recordings, replayed to the client", () => {
    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            for (const part of RUNS.flatMap(({ parts }) => parts)) {
                const { file } = part;
                const agents = agentsOf(part);
                req(["REC-client", "REC-all"], `${file}: every stream and reply is understood`, async () => {
                    const heard = await ClientReplay.play(file, transport, agents);
                    const sessions = await playSessions(file, transport);
                    expectAll(heard);
                    expectAll(sessions);
                    const played = new Set([...heard, ...sessions].map(({ n }) => n));
                    const missing = readRecording(file).filter(
                        ({ n, path }) =>
                            !played.has(n) &&
                            !agents.includes(n) &&
                            !OF_AGENTS.test(path) &&
                            !NEVER_ASKED.some((each) => each.test(path))
                    );
                    expect(missing.map(({ n, path }) => `${String(n)} ${path}`)).to.deep.equal([]);
                });
            }
        });
    }
});
