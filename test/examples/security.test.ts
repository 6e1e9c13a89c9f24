/** SECURITY.md names tests; each of them exists. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ROOT } from "./process";

const TEXT = readFileSync(join(ROOT, "SECURITY.md"), "utf8");

/** The last cell of each row of a table whose last column is of tests. */
function cells(text: string): string[] {
    return text
        .split("\n")
        .filter((line) => line.startsWith("|") && line.includes("`test/"))
        .map((line) => line.split(/(?<!\\)\|/).at(-2) ?? "");
}

/** The files of a cell, each with the titles behind it. */
function references(cell: string): { file: string; titles: string[] }[] {
    return [...cell.matchAll(/`(test\/[^`]+)`([^`]*)/g)].map(([, file = "", rest = ""]) => ({
        file,
        titles: [...rest.matchAll(/"((?:[^"\\]|\\.)+)"/g)].map(([, title = ""]) => title.replaceAll('\\"', '"')),
    }));
}

/** True if a source has this text as the title of a test, or of a row that tests are made of. */
function hasTitle(source: string, title: string): boolean {
    return ['"', "`"].some((quote) => source.includes(`${quote}${title}${quote}`));
}

describe("SECURITY.md", () => {
    const all = cells(TEXT).flatMap(references);

    it("names a test for every defence", () => {
        const rows = TEXT.split("### ").slice(1).join("").split("## What is not")[0]?.split("\n") ?? [];
        const defences = rows.filter((line) => line.startsWith("|") && !/^\| *(threat|-+) *\|/.test(line));
        expect(defences).to.have.length.above(20);
        for (const defence of defences) expect(cells(defence).flatMap(references), defence).to.not.be.empty;
    });

    for (const { file, titles } of all) {
        it(`names tests that are in ${file}: ${titles.join("; ")}`, () => {
            expect(titles).to.not.be.empty;
            expect(existsSync(join(ROOT, file))).to.equal(true);
            const source = readFileSync(join(ROOT, file), "utf8");
            expect(titles.filter((title) => !hasTitle(source, title))).to.deep.equal([]);
        });
    }

    it("is found wanting if a title is not there", () => {
        expect(hasTitle('it("is there", () => {});', "is not there")).to.equal(false);
        expect(references('`test/a.test.ts` "one", "two \\"2\\""; `test/b.test.ts` "three"')).to.deep.equal([
            { file: "test/a.test.ts", titles: ["one", 'two "2"'] },
            { file: "test/b.test.ts", titles: ["three"] },
        ]);
    });
});
