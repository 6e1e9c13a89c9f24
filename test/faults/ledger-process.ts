/** The ledger as a test has it in hand. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Entry, Fact, Verdict } from "./ledger";

export class LedgerProcess {
    private constructor(private readonly child: ChildProcess) {}

    /** @param quiet its lines are not shown: for the tests of the ledger itself */
    static start(quiet = false): LedgerProcess {
        const child = fork(join(__dirname, "ledger.ts"), [], {
            execArgv: ["--import", "tsx"],
            stdio: ["ignore", quiet ? "ignore" : "inherit", "inherit", "ipc"],
        });
        child.setMaxListeners(100);
        return new LedgerProcess(child);
    }

    tell(scenario: string, facts: readonly Fact[]): void {
        this.#send({ scenario, facts });
    }

    /** Closes the books of a scenario. @param folder of the files of facts */
    async close(scenario: string, seed: number, folder: string): Promise<Verdict> {
        this.#send({ scenario, seed, folder });
        for (;;) {
            const [verdict] = (await once(this.child, "message")) as [Verdict];
            if (verdict.scenario === scenario) return verdict;
        }
    }

    async stop(): Promise<void> {
        const exit = once(this.child, "exit");
        this.child.disconnect();
        await exit;
    }

    #send(entry: Entry): void {
        this.child.send(entry);
    }
}
