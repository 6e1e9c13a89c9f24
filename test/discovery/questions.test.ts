import { expect } from "chai";
import type { Answer } from "dns-packet";
import { askedIn, recordKey } from "../../src/discovery/questions";
import { DIRECTORIES, pointer, recordsOf, SERVICE } from "./raw-multicast";

const NAME = "Kitchen";
const INSTANCE = `${NAME}.${SERVICE}`;
const KEYS = new Set(recordsOf({ name: NAME, target: "host.local" }).map(recordKey));

function asked(questions: { name: string; type: string }[], answers: Answer[] = []): string[] {
    return askedIn({ questions, answers }, INSTANCE, KEYS);
}

// Not over the network, where every process on the machine asks for the same names
describe("Questions", () => {
    it("are for records of their type and name, whatever the case and the dot at the end", () => {
        const questions = [
            { name: `${SERVICE.toUpperCase()}.`, type: "PTR" },
            { name: INSTANCE.toUpperCase(), type: "SRV" },
            { name: INSTANCE, type: "A" },
            { name: DIRECTORIES, type: "PTR" },
            { name: "host.local", type: "A" },
        ];
        expect(asked(questions)).to.deep.equal([`PTR ${SERVICE}`, `SRV ${INSTANCE.toLowerCase()}`, "A host.local"]);
    });

    it("of type ANY are for all records of the name", () => {
        const name = INSTANCE.toLowerCase();
        expect(asked([{ name: INSTANCE, type: "ANY" }])).to.deep.equal([`SRV ${name}`, `TXT ${name}`]);
        expect(asked([{ name: "Other.local", type: "ANY" }])).to.deep.equal([]);
    });

    it("leave out what is known for at least half of its life", () => {
        const question = { name: SERVICE, type: "PTR" };
        expect(asked([question], [pointer(NAME.toUpperCase(), 2_250)])).to.deep.equal([]);
        expect(asked([question], [pointer(NAME, 2_249)])).to.have.length(1);
        expect(asked([question], [pointer("other")])).to.have.length(1);
        expect(asked([question], [{ ...pointer(NAME), name: DIRECTORIES }])).to.have.length(1);
    });
});
