/**
 * The recorded gateways against our agent: what it POSTs is what the recorded agents POSTed, but for what
 * `test/conformance/deviations.json` says.
 */
import { expect } from "chai";
import { TRANSPORTS } from "../support/set-ups";
import { playAgent } from "./replay/agent-replay";
import { Allowance } from "./replay/deviations";
import { AGENTS } from "./replay/plan";
import { req } from "./requirements";

describe("recordings, replayed to the agent", () => {
    for (const transport of TRANSPORTS) {
        for (const part of AGENTS) {
            req(
                "REC-agent",
                `${part.file}, over ${transport}: every answer and notification is the recorded one`,
                async () => {
                    const allowance = new Allowance("agent");
                    const posted = await playAgent(part, transport);
                    expect(posted).not.to.have.length(0);
                    const unlisted = posted.flatMap(({ n, differences }) =>
                        allowance.unlisted(part.file, n, differences).map((each) => ({ file: part.file, n, ...each }))
                    );
                    expect(unlisted, JSON.stringify(unlisted, null, 4)).to.deep.equal([]);
                    expect(allowance.unused(part.file), "entries that nothing needs").to.deep.equal([]);
                }
            );
        }
    }
});
