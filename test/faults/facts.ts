/** Facts of a process that may be killed: written to a file at once, so that they outlive it. */
import { openSync, writeSync } from "node:fs";
import type { Fact } from "./ledger";

/** Appends facts to a file. */
export class FactFile {
    readonly #file: number;

    constructor(path: string) {
        this.#file = openSync(path, "a");
    }

    /** Returns when the system has it: a killed process takes nothing with it. */
    write(scenario: string, fact: Fact): void {
        writeSync(this.#file, `${JSON.stringify({ scenario, ...fact })}\n`);
    }
}
