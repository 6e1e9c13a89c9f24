import { expect } from "chai";
import type { Answer } from "dns-packet";
import { Collector } from "../../src/discovery/collector";
import { pointer, recordsOf } from "./raw-multicast";

const SOURCE = "192.0.2.1";

function packetOf(answers: Answer[]) {
    return { type: "response", questions: [], authorities: [], answers } as const;
}

describe("Collector", () => {
    it("tells no more than its limit, however many come", () => {
        const collector = new Collector(undefined, 3, () => false);
        const told = Array.from({ length: 10 }, (_, index) =>
            collector.add(packetOf(recordsOf({ name: `n${String(index)}`, addresses: ["192.0.2.2"] })), SOURCE)
        ).flat();
        expect(told.map(({ name }) => name)).to.deep.equal(["n0", "n1", "n2"]);
    });

    it("asks for what is missing once, in small portions, and remembers a bounded number", () => {
        const collector = new Collector(undefined, 10_000, () => false);
        collector.add(packetOf(Array.from({ length: 2_000 }, (_, index) => pointer(`n${String(index)}`))), SOURCE);
        const asked = new Set<string>();
        let rounds = 0;
        while (collector.hasGaps) {
            const questions = collector.questions();
            expect(questions).to.have.length(32); // SRV and TXT of 16
            for (const { name } of questions) asked.add(name);
            rounds += 1;
        }
        expect(rounds).to.equal(32);
        expect(asked.size).to.equal(512);
        expect(collector.questions()).to.deep.equal([]);
    });

    it("has room again when what it remembers says goodbye", () => {
        const collector = new Collector(undefined, 10_000, () => false);
        const names = Array.from({ length: 512 }, (_, index) => `n${String(index)}`);
        collector.add(packetOf(names.map((name) => pointer(name))), SOURCE);
        const late = packetOf(recordsOf({ name: "late", addresses: ["192.0.2.2"] }));
        expect(collector.add(late, SOURCE)).to.deep.equal([]);
        collector.add(packetOf([pointer("n7", 0)]), SOURCE);
        expect(collector.add(late, SOURCE)).to.have.length(1);
    });

    it("remembers a bounded number of addresses, and gives eight", () => {
        const collector = new Collector(undefined, 10, () => false);
        const addresses = Array.from({ length: 200 }, (_, index) => `192.0.2.${String(index + 1)}`);
        const [found] = collector.add(packetOf(recordsOf({ name: "n", addresses })), SOURCE);
        expect(found?.addresses).to.deep.equal(addresses.slice(0, 8));
    });
});
