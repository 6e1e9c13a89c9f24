import { expect } from "chai";
import fc from "fast-check";
import { parseJson } from "../../lib/json";

describe("parseJson", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

    it("reads JSON up to the depth limit", () => {
        expect(parseJson(nested(64), 64)).to.be.an("array");
        expect(() => parseJson(nested(65), 64))
            .to.throw()
            .with.property("code", "INVALID_ENVELOPE");
    });

    it("does not overflow the stack at any depth", () => {
        expect(() => parseJson(nested(500_000), 64))
            .to.throw()
            .with.property("code", "INVALID_ENVELOPE");
    });

    it("counts nesting, not brackets", () => {
        expect(parseJson(`[${Array(200).fill("[{}]").join()}]`, 3)).to.have.length(200);
    });

    it("does not count brackets in strings", () => {
        const text = JSON.stringify(["[[[[{{{{\\", '"[[', "\\"]);
        expect(parseJson(text, 2)).to.deep.equal(JSON.parse(text));
    });

    it("tells what is not JSON without saying what it was", () => {
        expect(() => parseJson("{secret"))
            .to.throw()
            .with.property("title", "The body is not JSON");
    });

    it("agrees with JSON.parse on everything that is shallow enough", () => {
        fc.assert(
            fc.property(fc.json({ maxDepth: 8 }), (text) => {
                expect(parseJson(text, 64)).to.deep.equal(JSON.parse(text));
            })
        );
    });
});
