import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Helpers, Servient } from "@node-wot/core";
import { expect } from "chai";
import { SseScError } from "../../lib/errors";
import { normalizeThingDescription } from "../../src/things/normalizer";
import { parseThingDescription, serializeThingDescription } from "../../src/things/td-tools";

const FOLDER = join(__dirname, "../fixtures/hivekit-2026-08");
const RECORDED = readdirSync(FOLDER).filter((name) => name.endsWith(".td.json"));

type Json = ReturnType<typeof JSON.parse>;

/** The defaults that parsing fills in (TD 1.1, section 5.4). */
const DEFAULTS: Readonly<Record<string, readonly string[]>> = {
    properties: ["readOnly", "writeOnly", "observable"],
    actions: ["safe", "idempotent"],
};

describe("parseThingDescription", () => {
    it("finds all recorded TDs", () => {
        expect(RECORDED).to.have.length.at.least(5);
    });

    for (const name of RECORDED) {
        it(`loses nothing of ${name} and adds nothing but defaults`, async () => {
            const text = readFileSync(join(FOLDER, name), "utf8");
            const normal: Json = normalizeThingDescription(JSON.parse(text));
            const parsed: Json = parseThingDescription(text, 64);
            for (const [kind, members] of Object.entries(DEFAULTS)) {
                for (const affordance of Object.values<Json>(normal[kind] ?? {}))
                    for (const member of members) affordance[member] ??= false;
            }
            const types = [...new Set<unknown>(["Thing", normal["@type"] ?? []].flat())];
            const expected = {
                ...{ properties: {}, actions: {}, events: {} },
                ...normal,
                "@type": types.length === 1 ? "Thing" : types,
                security: [normal.security].flat(),
            };
            expect(parsed).to.deep.equal(expected);
            expect(Helpers.tsSchemaValidator(parsed), JSON.stringify(Helpers.tsSchemaValidator.errors)).to.equal(true);
            expect(normalizeThingDescription(parsed)).to.deep.equal(parsed);
            await (await new Servient().start()).consume(parsed);
        });
    }

    it("takes affordances that leave their forms to the root, and templates", () => {
        const td = {
            title: "X",
            id: "urn:x",
            base: "sse://h:1/hiveot/ssesc",
            forms: [{ href: "/r", subprotocol: "sse-sc", op: ["readallproperties"] }],
            properties: { a: {}, b: { forms: [{ href: "/r{?x}", subprotocol: "sse-sc" }] } },
        };
        const { properties } = parseThingDescription(JSON.stringify(td), 64) as Json;
        expect(properties.a.forms[0].href).to.equal("sse://h:1/r");
        expect(properties.b.forms[0].href).to.equal("sse://h:1/r{?x}");
    });

    it("does not say that texts are English when the TD does not", () => {
        const context = ["https://www.w3.org/2022/wot/td/v1.1", { "@language": "nl" }];
        const td = { title: "X", id: "urn:x" };
        const contextOf = (json: object): unknown => parseThingDescription(JSON.stringify(json), 64)["@context"];
        expect(JSON.stringify(contextOf(td))).to.not.include("@language");
        expect(contextOf({ ...td, "@context": context })).to.deep.include({ "@language": "nl" });
    });

    for (const [what, text] of [
        ["is not JSON", "{"],
        ["is no object", "5"],
        ["lacks a title", "{}"],
        ["has null in place of a property", '{"title":"x","properties":{"p":null}}'],
    ] as const) {
        it(`throws INVALID_TD for a TD that ${what}`, () => {
            expect(() => parseThingDescription(text, 64))
                .to.throw(SseScError)
                .with.property("code", "INVALID_TD");
        });
    }
});

describe("serializeThingDescription", () => {
    it("keeps everything, writes defaults out, and leaves out what is empty", () => {
        const form = { href: "sse://h/r", subprotocol: "sse-sc", op: ["readproperty"], "hiveot:name": "p" };
        const td = {
            "@context": ["https://www.w3.org/2022/wot/td/v1.1", { hiveot: "https://h" }],
            id: "urn:x",
            title: "Grüße",
            base: "sse://h/hiveot/ssesc",
            security: "bearer",
            securityDefinitions: { bearer: { scheme: "bearer" } },
            forms: [form],
            properties: { p: { type: "integer", readOnly: true, forms: [form] } },
            "x:y": [1, null],
        };
        const given = structuredClone(td);
        const written = JSON.parse(serializeThingDescription({ ...td, actions: {}, events: {} }));
        const p = { ...td.properties.p, writeOnly: false, observable: false };
        expect(written).to.deep.equal({ ...td, properties: { p } });
        expect(td).to.deep.equal(given);
        const links = [{ rel: "item", href: "https://h" }];
        expect(JSON.parse(serializeThingDescription({ ...td, links }))).to.deep.include({ links });
    });
});

describe("the binding", () => {
    it("does not compile the schema of Thing Models until it needs it: that takes longer than all else", async () => {
        const script = `
            require(${JSON.stringify(join(__dirname, "../../src/index.ts"))});
            process.stdout.write(JSON.stringify(Object.keys(require.cache).filter((file) => file.includes("td-tools"))));
        `;
        const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", "-e", script]);
        const loaded = (JSON.parse(stdout) as string[]).map((file) => file.replace(/.*[\\/]/, ""));
        expect(loaded).to.include("td-parser.js");
        expect(loaded).to.not.include("thing-model-helpers.js");
    });
});
