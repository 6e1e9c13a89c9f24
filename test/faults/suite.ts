/** All scenarios, in their short form or their long one. */
import { agentCut, agentKilled, hubKilled, outcomeUnknown, serverKilled } from "./kills";
import type { Verdict } from "./ledger";
import { LedgerProcess } from "./ledger-process";
import { stalledReaders, stalls } from "./load";
import type { Member } from "./members";
import { away, cuts, halves, rawCuts, reconnects, repeats, silence, type Served } from "./network";
import { Random, SEED } from "./random";
import { freshFolder, Scenario, startMember, type Run } from "./scenario";
import { isSecure, TRANSPORTS, type Transport } from "../support/set-ups";

/** Declares the tests. */
export function declareSuite(long: boolean): void {
    let run: Run;
    let shared: { readonly member: Member; readonly port: number; readonly securePort: number };

    before(async function () {
        this.timeout(60_000);
        console.log(`    fault suite, SEED=${SEED}`);
        run = { ledger: LedgerProcess.start(), folder: freshFolder("faults-"), long };
        const ports = { plain: 0, secure: 0 };
        let started: Member | undefined;
        shared = await startMember(run, { ...ports, heartbeat: 1_000 }, (member) => (started = member));
        members.push(started!);
    });
    const members: Member[] = [];
    after(async () => {
        for (const member of members) await member.kill();
        await run.ledger.stop();
    });

    /** One test, on a transport by chance out of the possible ones; in the long form one on each of all. */
    function scenario(
        name: string,
        title: string,
        body: (scenario: Scenario, served: Served) => Promise<Verdict>,
        possible: readonly Transport[] = TRANSPORTS
    ): void {
        for (const transport of long ? TRANSPORTS : [new Random(SEED, name).pick(possible)]) {
            it(`${title} (${transport})`, async function () {
                this.timeout(long ? 300_000 : 60_000);
                const scenario = new Scenario(long ? `${name}-${transport.replace(" ", "-")}` : name, run, transport);
                const port = isSecure(transport) ? shared.securePort : shared.port;
                try {
                    await body(scenario, { member: shared.member, port });
                } finally {
                    await scenario.end();
                }
            });
        }
    }

    scenario("cuts", "when connections are cut all the time", cuts);
    scenario("raw-cuts", "when connections of clients that only know Last-Event-ID are cut", rawCuts);
    scenario("halves", "when writes come late and in halves", halves);
    scenario("silence", "when connections fall silent", silence);
    scenario("away", "when a consumer is away for longer than the server keeps what it misses", away);
    scenario("repeats", "when what a client sends comes twice", repeats, ["plain h1"]);
    scenario("reconnects", "when all connections break in one moment", reconnects);
    scenario("stalls", "when the event loop of the server stands still", stalls);
    scenario("stalled-readers", "when readers do not read", stalledReaders);
    scenario("server-killed", "when the server is killed", serverKilled);
    scenario("outcome-unknown", "when a POST is cut behind its execution and the server is killed", outcomeUnknown);
    scenario("agent-cut", "when an agent is cut from its hub all the time", agentCut);
    scenario("hub-killed", "when a hub is killed", hubKilled);
    scenario("agent-killed", "when an agent is killed", agentKilled);
}
