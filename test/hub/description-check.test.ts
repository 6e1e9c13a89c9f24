/** What the directory takes for a TD, and what it says of what it does not. */
import { Helpers } from "@node-wot/core";
import { expect } from "chai";
import fc from "fast-check";
import { checkDescription, withoutNulls } from "../../src/hub/description-check";
import type { Json } from "../../src/hub/directory-records";
import { DEFAULT_DIRECTORY_LIMITS } from "../../src/hub/directory-options";
import { readDescription } from "../../src/hub/written-description";
import { fixture, readRecording } from "../conformance/raw/recordings";
import { tdOf } from "./harness";

const RECORDED = [
    "gateway-digitwin-counter",
    "gateway-directory",
    "gateway-plain-counter",
    "server-counter",
    "server-itself",
];

/** The TDs that the recorded agent wrote. */
function writtenTds(recording: string): Json[] {
    return readRecording(`hivekit-2026-08/${recording}`).flatMap(({ envelope }) =>
        ["createThing", "updateThing"].includes(String(envelope?.["name"]))
            ? [JSON.parse(String(envelope?.["input"])) as Json]
            : []
    );
}

describe("a TD in the directory", () => {
    for (const name of RECORDED) {
        it(`may be the recorded ${name}`, () => {
            expect(checkDescription(JSON.parse(fixture(`hivekit-2026-08/${name}.td.json`)) as Json)).to.deep.equal([]);
        });
    }

    for (const recording of ["gateway-plain.jsonl", "gateway-digitwin.jsonl", "agent-role-device.jsonl"]) {
        it(`may be what a recorded agent writes: ${recording}`, () => {
            const tds = writtenTds(recording);
            expect(tds).not.to.be.empty;
            for (const td of tds) expect(checkDescription(td)).to.deep.equal([]);
        });
    }

    it("may have HiveOT's own operations, on any affordance", () => {
        const form = { href: "/hiveot/request", op: ["ping", "readallevents", "readevent", "observeaction"] };
        const td = tdOf("a", { forms: [form], properties: { p: { type: "string", forms: [form] } } });
        expect(checkDescription(td)).to.deep.equal([]);
    });

    it("may name the context of TD 1.1 alone, as a string", () => {
        expect(checkDescription(tdOf("a", { "@context": "https://www.w3.org/2022/wot/td/v1.1" }))).to.deep.equal([]);
    });

    it("is refused as TD 1.1 refuses it when a required member is missing", () => {
        const td = tdOf(undefined);
        for (const name of Object.keys(td)) {
            const { [name]: _left, ...rest } = td;
            expect(checkDescription(rest)).to.deep.equal([{ field: name, description: "is missing" }]);
        }
        expect(checkDescription({}).map(({ field }) => field)).to.deep.equal([
            "@context",
            "title",
            "security",
            "securityDefinitions",
        ]);
    });

    const SCHEMA = { type: "integer", minimum: 0 };
    const FORM = { href: "https://example.org/" };
    /** Members that are wrong, and where the fault is found. */
    const WRONG: readonly (readonly [string, Json])[] = [
        ["@context", { "@context": [] }],
        ["@context", { "@context": "https://example.org/" }],
        ["@context", { "@context": ["https://www.w3.org/2022/wot/td/v1.1", 7] }],
        ["@type", { "@type": 7 }],
        ["@type", { "@type": "tm:ThingModel" }],
        ["title", { title: 7 }],
        ["titles", { titles: ["a"] }],
        ["descriptions", { descriptions: { en: 7 } }],
        ["base", { base: 7 }],
        ["version", { version: "1" }],
        ["created", { created: 7 }],
        ["security", { security: [] }],
        ["security", { security: "other" }],
        ["securityDefinitions", { securityDefinitions: "nosec" }],
        ["securityDefinitions.nosec_sc.scheme", { securityDefinitions: { nosec_sc: {} } }],
        ["links", { links: {} }],
        ["links.0.href", { links: [{ rel: "item" }] }],
        ["forms", { forms: {} }],
        ["forms.0", { forms: ["x"] }],
        ["forms.0.op", { forms: [FORM] }],
        ["forms.0.op", { forms: [{ ...FORM, op: "dance" }] }],
        ["forms.0.href", { forms: [{ op: "readallproperties" }] }],
        ["properties", { properties: [] }],
        ["properties.p", { properties: { p: "x" } }],
        ["properties.p.type", { properties: { p: { type: "money" } } }],
        ["properties.p.type", { properties: { p: { type: ["string", "null"] } } }],
        ["properties.p.observable", { properties: { p: { observable: "yes" } } }],
        ["properties.p.enum", { properties: { p: { enum: "a" } } }],
        ["properties.p.properties.q.minimum", { properties: { p: { properties: { q: { minimum: "0" } } } } }],
        ["properties.p.items.1.maxItems", { properties: { p: { items: [SCHEMA, { maxItems: -1 }] } } }],
        ["properties.p.oneOf.0.required", { properties: { p: { oneOf: [{ required: "a" }] } } }],
        ["properties.p.forms.0.href", { properties: { p: { forms: [{ href: 7 }] } } }],
        ["properties.p.forms.0.security", { properties: { p: { forms: [{ ...FORM, security: 7 }] } } }],
        ["actions.a.input", { actions: { a: { input: "x" } } }],
        ["actions.a.output.type", { actions: { a: { output: { type: 7 } } } }],
        ["actions.a.safe", { actions: { a: { safe: "yes" } } }],
        ["events.e.data.multipleOf", { events: { e: { data: { multipleOf: 0 } } } }],
        ["events.e.subscription", { events: { e: { subscription: [] } } }],
        ["uriVariables.v.type", { uriVariables: { v: { type: 7 } } }],
    ];

    for (const [field, members] of WRONG) {
        it(`is refused for ${JSON.stringify(members)}`, () => {
            expect(checkDescription(tdOf("a", members)).map((fault) => fault.field)).to.deep.equal([field]);
        });
    }

    it("is refused with a bounded report, whatever is wrong with it", () => {
        const properties = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`${"x".repeat(300)}${i}`, 1]));
        const faults = checkDescription(tdOf("a", { properties }));
        expect(faults).to.have.length(20);
        for (const { field } of faults) expect(field.length).to.be.at.most(201);
    });

    it("with a million values is checked in one pass", function () {
        this.timeout(2_000);
        const values = Array.from({ length: 100_000 }, (_, i) => ({ i }));
        expect(checkDescription(tdOf("a", { properties: { p: { enum: values } } }))).to.deep.equal([]);
    });

    it("is taken by node-wot's own schema when it is taken here, save for what is HiveOT's", () => {
        const name = fc.string({ minLength: 1, maxLength: 5 }).filter((text) => text !== "__proto__");
        const rarely = (wrong: unknown): fc.WeightedArbitrary<unknown> => ({
            weight: 1,
            arbitrary: fc.constant(wrong),
        });
        const mostly = (right: fc.Arbitrary<unknown>): fc.WeightedArbitrary<unknown> => ({
            weight: 30,
            arbitrary: right,
        });
        const type = fc.constantFrom("object", "array", "string", "number", "integer", "boolean", "null");
        const schema = fc.record(
            {
                type: fc.oneof(mostly(type), rarely("money"), rarely(7), rarely("")),
                title: fc.oneof(mostly(fc.string()), rarely(7)),
                minimum: fc.oneof(mostly(fc.integer()), rarely("0")),
                maxItems: fc.oneof(mostly(fc.nat()), rarely(-1), rarely(1.5)),
                required: fc.oneof(mostly(fc.array(fc.string())), rarely([7]), rarely("a")),
                readOnly: fc.oneof(mostly(fc.boolean()), rarely("yes")),
            },
            { requiredKeys: [] }
        );
        const forms = fc.constant([{ href: "https://example.org/" }]);
        const property = schema.chain((members) => fc.record({ forms }).map((own) => ({ ...members, ...own })));
        const action = fc.record({ forms, input: schema }, { requiredKeys: ["forms"] });
        const td = fc
            .record({ properties: fc.dictionary(name, property), actions: fc.dictionary(name, action) })
            .map((members) => tdOf("urn:a", members));
        let taken = 0;
        fc.assert(
            fc.property(td, (value) => {
                if (checkDescription(value).length > 0 || JSON.stringify(value).includes('"type":""')) return;
                taken++;
                // An older schema of core may be in force, which knows the context of TD 1.0 only
                const { valid, errors } = Helpers.validateExposedThingInit(
                    structuredClone({ ...value, "@context": "https://www.w3.org/2019/wot/td/v1" })
                );
                expect(valid, errors).to.equal(true);
            }),
            { numRuns: 200 }
        );
        expect(taken).to.be.within(20, 190);
    });

    it("never makes the check throw anything but errors of ours, and pollutes nothing", () => {
        const members = fc.dictionary(
            fc.oneof(
                fc.constantFrom("@context", "id", "title", "forms", "security", "securityDefinitions", "registration"),
                fc.constantFrom("properties", "actions", "events", "__proto__", "constructor", "links", "uriVariables"),
                fc.string()
            ),
            fc.jsonValue({ maxDepth: 5 })
        );
        fc.assert(
            fc.property(members, (value) => {
                const json: unknown = JSON.parse(JSON.stringify({ ...tdOf("a"), ...value }));
                try {
                    readDescription(json, undefined, DEFAULT_DIRECTORY_LIMITS, Date.now());
                } catch (error) {
                    expect(error).to.have.property("code", "INVALID_TD");
                }
                expect({}).not.to.have.property("polluted");
            }),
            { numRuns: 500 }
        );
    });
});

describe("withoutNulls", () => {
    it("leaves out what Go writes for nothing, and keeps null where it is a value", () => {
        const td = {
            title: "T",
            actions: null,
            security: null,
            properties: { p: { forms: null, const: null, default: null, enum: [null] }, q: 7 },
            "ex:own": { inner: null },
        };
        expect(withoutNulls(td)).to.deep.equal({
            title: "T",
            properties: { p: { const: null, default: null, enum: [null] }, q: 7 },
            "ex:own": { inner: null },
        });
    });
});
