/** The ledger is to be trusted: it sees what is wrong, sees nothing where nothing is, and knows nothing of the product. */
import { expect } from "chai";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/certificates";
import type { Fact, Verdict } from "./ledger";
import { LedgerProcess } from "./ledger-process";

const STREAM = "tick";
const CONSUMER = "consumer";
const SUBSCRIBED: Fact = { fact: "subscribed", consumer: CONSUMER, stream: STREAM, after: 0 };

function emitted(...numbers: readonly number[]): Fact[] {
    return numbers.map((n) => ({ fact: "emitted", stream: STREAM, n }));
}

function heard(...numbers: readonly number[]): Fact[] {
    return numbers.map((n) => ({ fact: "heard", consumer: CONSUMER, stream: STREAM, n }));
}

function told(fact: "dropped" | "resumed" | "gap"): Fact {
    return { fact, consumer: CONSUMER };
}

describe("the ledger of the fault suite", () => {
    let ledger: LedgerProcess;
    let number = 0;

    before(() => {
        ledger = LedgerProcess.start(true);
    });
    after(() => ledger.stop());

    /** What it says to facts of the test and those in the files of two processes. */
    async function verdictOn(facts: readonly Fact[], ...files: readonly (readonly Fact[])[]): Promise<Verdict> {
        const scenario = `self-test-${++number}`;
        const folder = mkdtempSync(join(temporaryFolder(), "facts-"));
        for (const [index, written] of files.entries()) {
            const lines = written.map((fact) => `${JSON.stringify({ scenario, ...fact })}\n`);
            const other = `${JSON.stringify({ scenario: "another", fact: "emitted", stream: STREAM, n: 99 })}\n`;
            writeFileSync(join(folder, `${index}.facts`), `${other}${lines.join("")}{"scenario":"half a li`);
        }
        ledger.tell(scenario, facts);
        return ledger.close(scenario, 7, folder);
    }

    async function lineOn(facts: readonly Fact[], ...files: readonly (readonly Fact[])[]): Promise<string> {
        const { line, scenario } = await verdictOn(facts, ...files);
        expect(line).to.match(new RegExp(`^ledger ${scenario} seed=7: `));
        return line.slice(line.indexOf(":") + 2);
    }

    const CLEAN = "lost 0, doubled 0, out of order 0";

    it("imports nothing but what Node brings", () => {
        const source = readFileSync(join(__dirname, "ledger.ts"), "utf8");
        const specifiers = [...source.matchAll(/\bfrom\s+"([^"]*)"|\bimport\s*\(?\s*"([^"]*)"|\brequire\b/g)];
        expect(specifiers).to.not.be.empty;
        for (const [text, from, imported] of specifiers) expect(from ?? imported ?? text).to.match(/^node:/);
    });

    it("finds nothing where everything came once and in order", async () => {
        expect(await lineOn([SUBSCRIBED, ...heard(1, 2, 3)], emitted(1, 2, 3))).to.equal(CLEAN);
    });

    it("sees an event that was lost", async () => {
        const verdict = await verdictOn([SUBSCRIBED, ...heard(1, 3)], emitted(1, 2, 3));
        expect(verdict).to.include({ lost: 1, doubled: 0, outOfOrder: 0, missing: 0 });
        expect(verdict.line).to.contain("lost 1, doubled 0, out of order 0");
        expect(verdict.problems).to.deep.equal(["consumer never heard tick 2"]);
        expect(await lineOn([SUBSCRIBED, ...heard(1)], emitted(1, 2)), "the last one").to.contain("lost 1,");
        expect(await lineOn([SUBSCRIBED], emitted(1), emitted(2)), "all").to.contain("lost 2,");
    });

    it("sees an event that was doubled", async () => {
        expect(await lineOn([SUBSCRIBED, ...heard(1, 2, 2, 3)], emitted(1, 2, 3))).to.equal(
            "lost 0, doubled 1, out of order 0"
        );
    });

    it("sees an event that was out of order", async () => {
        expect(await lineOn([SUBSCRIBED, ...heard(1, 3, 2)], emitted(1, 2, 3))).to.equal(
            "lost 0, doubled 0, out of order 1"
        );
    });

    it("asks of a consumer only what was emitted after its subscription", async () => {
        expect(await lineOn([{ ...SUBSCRIBED, after: 2 }, ...heard(3)], emitted(1, 2, 3))).to.equal(CLEAN);
    });

    it("counts apart what is missing where a gap was signalled, and there alone", async () => {
        const around = [SUBSCRIBED, ...heard(1), told("dropped"), told("gap"), ...heard(4)];
        expect(await lineOn(around, emitted(1, 2, 3, 4))).to.equal(`${CLEAN}, gap signalled 1 missing 2`);
        const early = [SUBSCRIBED, ...heard(1), told("dropped"), ...heard(4), told("gap")];
        expect(await lineOn(early, emitted(1, 2, 3, 4))).to.equal(`${CLEAN}, gap signalled 1 missing 2`);
        const elsewhere = [SUBSCRIBED, told("dropped"), told("gap"), ...heard(1, 2, 4)];
        expect(await lineOn(elsewhere, emitted(1, 2, 3, 4))).to.contain("lost 1,");
        const resumed = [SUBSCRIBED, ...heard(1), told("dropped"), told("resumed"), ...heard(3)];
        expect(await lineOn(resumed, emitted(1, 2, 3))).to.contain("lost 1,");
        const twice = [...resumed, told("dropped"), told("gap"), ...heard(5)];
        expect(await lineOn(twice, emitted(1, 2, 3, 4, 5))).to.equal(
            "lost 1, doubled 0, out of order 0, gap signalled 1 missing 1"
        );
    });

    it("counts apart what a killed process took along", async () => {
        const facts = [SUBSCRIBED, ...heard(1, 2, 5), { fact: "died", file: "0.facts" } as const];
        const delivered = [...emitted(1, 2), { fact: "delivered", stream: STREAM, n: 2 } as const, ...emitted(3, 4)];
        expect(await lineOn(facts, delivered, emitted(5))).to.equal(`${CLEAN}, unsent 2`);
        expect(await lineOn([SUBSCRIBED, ...heard(1, 2, 5)], delivered, emitted(5))).to.contain("lost 2,");
        const before = [...facts.slice(0, 2), ...heard(5), facts.at(-1)!];
        expect(await lineOn(before, delivered, emitted(5)), "what was delivered").to.contain("lost 1,");
    });

    it("asks of property values that the last one comes, and none that is older", async () => {
        const values = emitted(1, 2, 3).map((fact) => ({ ...fact, conflates: true }) as Fact);
        const verdict = await verdictOn([SUBSCRIBED, ...heard(1, 3, 3)], values);
        expect(verdict).to.include({ lost: 0, doubled: 0, outOfOrder: 0, conflated: 1 });
        expect(await lineOn([SUBSCRIBED, ...heard(1, 2)], values), "not the last one").to.contain("lost 1,");
        expect(await lineOn([SUBSCRIBED, ...heard(3, 2)], values), "an older one").to.contain("out of order 1");
        expect(await lineOn([SUBSCRIBED, ...heard(2, 3, 2)], values), "an older one again").to.contain(
            "out of order 1"
        );
    });

    it("asks of actions that they are executed once at most, and that callers know", async () => {
        const call = (id: string, code: string): Fact[] => [
            { fact: "invoked", id },
            { fact: "outcome", id, code },
        ];
        const executed: Fact = { fact: "executed", id: "a" };
        expect(await lineOn(call("a", "ok"), [executed])).to.equal(CLEAN);
        expect(await lineOn(call("a", "OUTCOME_UNKNOWN"), [executed])).to.equal(CLEAN);
        expect(await lineOn(call("a", "OUTCOME_UNKNOWN"))).to.equal(CLEAN);
        expect(await lineOn(call("a", "CONNECT_FAILED"))).to.equal(CLEAN);
        expect(await lineOn(call("a", "ok"), [executed], [executed]), "twice").to.contain("lost 0, doubled 1");
        expect(await lineOn(call("a", "ok")), "never, and said to be").to.contain("lost 1, doubled 0");
        expect(await lineOn(call("a", "CONNECT_FAILED"), [executed]), "said not to be").to.contain("lost 1, doubled 0");
        expect(await lineOn([{ fact: "invoked", id: "a" }]), "no outcome").to.contain("lost 1, doubled 0");
        expect((await verdictOn(call("a", "ok"), [executed])).outcomes).to.deep.equal({ ok: 1 });
    });
});
