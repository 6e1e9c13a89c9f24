/** The recorded servers against our client: whatever they sent is understood, and arrives at the API as what it means. */
import { expect } from "chai";
import { TRANSPORTS } from "../support/set-ups";
import { readRecording } from "./raw/recordings";
import { ClientReplay, type Heard } from "./replay/client-replay";
import { type Part, RUNS } from "./replay/plan";
import { playSessions } from "./replay/session-replay";
import { req } from "./requirements";

/** Requests that our client never makes, so that their replies say nothing to it. */
const NEVER_ASKED = [/^\/authn\/(logout|profile)$/, /^\/ping$/, /^\/nothing$/];

/** Requests of agents: their replies are played with issue 5. */
const OF_AGENTS = /^\/hiveot\/(response|notification)$/;

/** What a gateway sent to a consumer: the rest of these recordings is between it and its agents. */
const GATEWAYS = ["gateway-digitwin.jsonl", "gateway-plain.jsonl"].map((name) => {
    const file = `hivekit-2026-08/${name}`;
    const others = readRecording(file).filter(({ headers }) => headers["clientid"] !== "admin1");
    return { file, issue5: others.map(({ n }) => n) };
});

const PARTS: readonly Pick<Part, "file" | "issue5">[] = [...RUNS.flatMap(({ parts }) => parts), ...GATEWAYS];

function expectAll(heard: readonly Heard[]): void {
    for (const { n, expected, actual } of heard) expect(actual, `n = ${String(n)}`).to.deep.equal(expected);
}

describe("recordings, replayed to the client", () => {
    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            for (const { file, issue5 = [] } of PARTS) {
                req(["REC-client", "REC-all"], `${file}: every stream and reply is understood`, async () => {
                    const heard = await ClientReplay.play(file, transport, issue5);
                    const sessions = await playSessions(file, transport);
                    expectAll(heard);
                    expectAll(sessions);
                    const played = new Set([...heard, ...sessions].map(({ n }) => n));
                    const missing = readRecording(file).filter(
                        ({ n, path }) =>
                            !played.has(n) &&
                            !issue5.includes(n) &&
                            !OF_AGENTS.test(path) &&
                            !NEVER_ASKED.some((each) => each.test(path))
                    );
                    expect(missing.map(({ n, path }) => `${String(n)} ${path}`)).to.deep.equal([]);
                });
            }
        });
    }
});
