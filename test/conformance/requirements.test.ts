/** Every requirement has a test, every test cites requirements that exist, and the raw peers know nothing of the product. */
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { OPERATION_RULES, REQUIREMENTS } from "./requirements";

const TEST_FOLDER = join(__dirname, "..");

/** Where ids are defined, and where they are looked for: neither cites anything. */
const NOT_CITING = new Set(["conformance/requirements.ts", "conformance/requirements.test.ts"]);

const PREFIXES = [...new Set([...REQUIREMENTS.keys()].map((id) => id.slice(0, id.indexOf("-"))))];

/** `[ID]` in a title, or `"ID"` or `` `ID` `` in a list of ids; `${…}` in it stands for any letters and digits. */
const CITATION = new RegExp(`[\\["\`]((?:${PREFIXES.join("|")})-(?:[A-Za-z0-9-]|\\$\\{[^}]*\\})+)[\\]"\`]`, "g");

interface Source {
    readonly file: string;
    readonly text: string;
}

function sources(folder: string): Source[] {
    return readdirSync(folder, { withFileTypes: true, recursive: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => ({
            file: relative(TEST_FOLDER, path).split(sep).join("/"),
            text: readFileSync(path, "utf8"),
        }));
}

/** The ids that a text cites; a template is a pattern. */
function citations(text: string): string[] {
    return [...text.matchAll(CITATION)].map(([, id = ""]) => id);
}

/** The ids that a citation stands for. */
function idsOf(citation: string): string[] {
    if (!citation.includes("${")) return REQUIREMENTS.has(citation) ? [citation] : [];
    const pattern = new RegExp(`^${citation.replace(/\$\{[^}]*\}/g, "[A-Za-z0-9]+")}$`);
    return [...REQUIREMENTS.keys()].filter((id) => pattern.test(id));
}

/** Modules that a source imports, in whatever way. */
function imports(text: string): string[] {
    const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["'`]([^"'`]+)["'`]/g;
    return [...text.matchAll(pattern)].map(([, name = ""]) => name);
}

/** Titles of all tests that mocha has loaded. */
function titles(suite: Mocha.Suite): string[] {
    return [...suite.tests.map(({ title }) => title), ...suite.suites.flatMap(titles)];
}

function files(suite: Mocha.Suite): string[] {
    return [...(suite.file === undefined ? [] : [suite.file]), ...suite.suites.flatMap(files)];
}

describe("requirements", () => {
    const citing = sources(TEST_FOLDER).filter(({ file }) => !NOT_CITING.has(file));

    it("each one has a test that cites it", () => {
        const cited = new Set(citing.flatMap(({ text }) => citations(text).flatMap(idsOf)));
        expect([...REQUIREMENTS.keys()].filter((id) => !cited.has(id))).to.deep.equal([]);
    });

    it("each one that a test cites exists", () => {
        const unknown = citing.flatMap(({ file, text }) =>
            citations(text)
                .filter((citation) => idsOf(citation).length === 0)
                .map((citation) => `${file}: ${citation}`)
        );
        expect(unknown).to.deep.equal([]);
    });

    it("each one is in the title of a test that runs, where the whole suite is loaded", function () {
        let root = this.test?.parent;
        while (root?.parent !== undefined) root = root.parent;
        if (root === undefined) throw new Error("No root suite");
        const loaded = new Set(files(root));
        const all = sources(__dirname).filter(({ file }) => file.endsWith(".test.ts"));
        if (!all.every(({ file }) => loaded.has(join(TEST_FOLDER, file)))) return; // somebody runs a part of it
        const cited = new Set(
            titles(root).flatMap((title) => [...title.matchAll(/\[([A-Za-z0-9-]+)\]/g)].map(([, id]) => id))
        );
        expect([...REQUIREMENTS.keys()].filter((id) => !cited.has(id))).to.deep.equal([]);
    });

    it("cover each operation of protocol.md × {success, unknown target, refused role}", () => {
        expect(Object.keys(OPERATION_RULES)).to.have.length(25);
        for (const operation of Object.keys(OPERATION_RULES)) {
            for (const aspect of ["success", "unknown", "refused"]) {
                expect([...REQUIREMENTS.keys()]).to.include(`OP-${operation}-${aspect}`);
            }
        }
    });

    it("name their source and say what they mean", () => {
        for (const { id, source, text } of REQUIREMENTS.values()) {
            expect(source, id).to.match(/^(protocol\.md, |design\.md, |wot-http\.md, |issue [3-6], |fixtures\/)/);
            expect(text, id).not.to.equal("");
        }
    });

    it("finds citations in titles, lists and templates, and imports of every kind", () => {
        const text = 'it("[TD-base] [HTTP-x] t"); req(["BAD-role", `OP-${row.operation}-refused`]); "TD-base"';
        expect(citations(text)).to.deep.equal([
            "TD-base",
            "HTTP-x",
            "BAD-role",
            "OP-${row.operation}-refused",
            "TD-base",
        ]);
        expect(idsOf("OP-${row.operation}-refused")).to.have.length(25);
        expect(idsOf("HTTP-x")).to.deep.equal([]);
        expect(
            imports('import a from "./a"; import "b"; export * from \'c\'; require("d"); await import(`e`);')
        ).to.deep.equal(["./a", "b", "c", "d", "e"]);
    });
});

describe("raw peers", () => {
    const raw = sources(join(__dirname, "raw"));

    it("are there", () => {
        const names = raw.map(({ file }) => file);
        expect(names).to.include.members([
            "conformance/raw/raw-client.ts",
            "conformance/raw/curl.ts",
            "conformance/raw/scripted-server.ts",
        ]);
    });

    it("import nothing but each other and modules of Node", () => {
        const foreign = raw.flatMap(({ file, text }) =>
            imports(text)
                .filter((name) => !isNode(name) && !isRaw(file, name))
                .map((name) => `${file}: ${name}`)
        );
        expect(foreign).to.deep.equal([]);
    });
});

function isNode(name: string): boolean {
    return name.startsWith("node:") && builtinModules.includes(name.slice("node:".length).split("/")[0] ?? "");
}

function isRaw(file: string, name: string): boolean {
    return name.startsWith("./") && join(dirname(file), name).startsWith(join("conformance", "raw") + sep);
}
