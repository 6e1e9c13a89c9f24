import { Helpers, Servient } from "@node-wot/core";
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SseScError } from "../../lib/errors";
import { normalizeThingDescription } from "../../src/things/normalizer";

const FOLDER = join(__dirname, "../fixtures");
const RECORDED = ["hivekit-2026-08", "live"].flatMap((folder) =>
    readdirSync(join(FOLDER, folder))
        .filter((name) => name.endsWith(".td.json"))
        .map((name) => `${folder}/${name}`)
);

type Json = ReturnType<typeof JSON.parse>;

function read(name: string): Json {
    return JSON.parse(readFileSync(join(FOLDER, name), "utf8"));
}

/** A TD with one property. */
function td(rest: object = {}, property: object = {}): Json {
    return {
        "@context": "https://www.w3.org/2022/wot/td/v1.1",
        id: "urn:x",
        title: "X",
        base: "sse://host:8444/hiveot/ssesc",
        securityDefinitions: { nosec: { scheme: "nosec" } },
        security: ["nosec"],
        properties: {
            p: { type: "integer", forms: [{ href: "/hiveot/request", subprotocol: "sse-sc" }], ...property },
        },
        ...rest,
    };
}

describe("normalizeThingDescription", () => {
    it("finds all recorded TDs", () => {
        expect(RECORDED).to.have.length.at.least(7);
    });

    for (const name of RECORDED) {
        describe(`of ${name}`, () => {
            const recorded = read(name);
            const normal = normalizeThingDescription(recorded) as Json;

            it("passes the validation of node-wot's requestThingDescription, which the recording does not", () => {
                expect(Helpers.tsSchemaValidator(recorded)).to.equal(false);
                expect(Helpers.tsSchemaValidator(normal), JSON.stringify(Helpers.tsSchemaValidator.errors)).to.equal(
                    true
                );
            });

            it("can be consumed", async () => {
                const thing = await (await new Servient().start()).consume(normal as never);
                expect(Object.keys(thing.getThingDescription()["properties"] ?? {})).to.deep.equal(
                    Object.keys(recorded["properties"])
                );
            });

            it("has the ids, the scheme and the stream in each form", () => {
                for (const kind of ["properties", "actions", "events"]) {
                    for (const [affordance, { forms }] of Object.entries<Json>(normal[kind] ?? {})) {
                        for (const form of forms) {
                            const [, , host, ...path] = String(recorded["base"]).split("/");
                            expect(form).to.include({
                                href: `sse://${String(host)}/hiveot/request`,
                                "hiveot:thingID": recorded["id"],
                                "hiveot:name": affordance,
                                "hiveot:stream": `/${path.join("/")}`,
                            });
                            expect(form.op).to.be.an("array").that.is.not.empty;
                        }
                    }
                }
            });

            it("stays the same in a second pass, and the input as it was", () => {
                expect(normalizeThingDescription(normal)).to.deep.equal(normal);
                expect(recorded).to.deep.equal(read(name));
            });
        });
    }

    it("gives recorded properties the operations of properties", () => {
        const { properties } = normalizeThingDescription(
            read("hivekit-2026-08/gateway-digitwin-counter.td.json")
        ) as Json;
        expect(properties.count.forms[0].op).to.deep.equal([
            "readproperty",
            "writeproperty",
            "observeproperty",
            "unobserveproperty",
        ]);
        expect(properties.online.forms[0].op).to.deep.equal(["readproperty", "observeproperty", "unobserveproperty"]);
    });

    it("removes operations that TD 1.1 does not know", () => {
        const { forms, events } = normalizeThingDescription(
            read("hivekit-2026-08/gateway-digitwin-counter.td.json")
        ) as Json;
        expect(forms[0].op).to.deep.equal([
            "queryallactions",
            "observeallproperties",
            "unobserveallproperties",
            "readallproperties",
            "subscribeallevents",
            "unsubscribeallevents",
        ]);
        expect(events.tick.forms[0].op).to.deep.equal(["subscribeevent", "unsubscribeevent"]);
    });

    it("keeps an id that is no URI out of node-wot's sight, but in the forms", () => {
        const normal = normalizeThingDescription(read("hivekit-2026-08/gateway-directory.td.json")) as Json;
        expect(normal).to.not.have.property("id");
        expect(normal["hiveot:thingID"]).to.equal("thingDirectory");
        expect(normal["@type"]).to.deep.equal(["ThingDirectory"]);
        expect(normal["actions"].retrieveThing.forms[0]["hiveot:thingID"]).to.equal("thingDirectory");
    });

    const hrefs: readonly (readonly [string, object, object, object])[] = [
        ["https and sse-sc", {}, { href: "https://h:1/r", subprotocol: "sse-sc" }, { href: "sse://h:1/r" }],
        ["http and sse-sc", {}, { href: "HTTP://h:1/r", subprotocol: "sse-sc" }, { href: "sse-plain://h:1/r" }],
        [
            "an https base and sse-sc",
            { base: "https://h:1/my/stream" },
            { href: "/r", subprotocol: "sse-sc" },
            { href: "sse://h:1/r", "hiveot:stream": "/my/stream" },
        ],
        [
            "a base that is a folder",
            { base: "https://h:1/api/" },
            { href: "r", subprotocol: "sse-sc" },
            { href: "sse://h:1/api/r", "hiveot:stream": "/hiveot/ssesc" },
        ],
        [
            "a base on another host",
            { base: "sse://other/my/stream" },
            { href: "sse://h:1/r", subprotocol: "sse-sc" },
            { "hiveot:stream": "/hiveot/ssesc" },
        ],
        ["a template", {}, { href: "/r{?a,b}", subprotocol: "sse-sc" }, { href: "sse://host:8444/r{?a,b}" }],
        ["a template within", {}, { href: "/x/{id}/r", subprotocol: "sse-sc" }, { href: "sse://host:8444/x/{id}/r" }],
        [
            "ids of its own",
            {},
            { href: "/r", subprotocol: "sse-sc", "hiveot:thingID": "t", "hiveot:name": "n", "hiveot:stream": "/s" },
            { "hiveot:thingID": "t", "hiveot:name": "n", "hiveot:stream": "/s" },
        ],
        [
            "https without sse-sc",
            {},
            { href: "https://h/p" },
            { href: "https://h/p", op: ["readproperty", "writeproperty"] },
        ],
        ["op as text", {}, { href: "/r", subprotocol: "sse-sc", op: "readproperty" }, { op: ["readproperty"] }],
    ];
    for (const [what, rest, form, expected] of hrefs) {
        it(`turns a form with ${what} into what node-wot needs`, () => {
            const normal = normalizeThingDescription(td(rest, { forms: [form] })) as Json;
            expect(normal["properties"].p.forms[0]).to.deep.include(expected);
            expect(Helpers.tsSchemaValidator(normal), JSON.stringify(Helpers.tsSchemaValidator.errors)).to.equal(true);
        });
    }

    it("puts SSE-SC forms first and leaves those of other bindings as they are", () => {
        const foreign = { href: "https://h/p", op: ["readproperty"], "htv:methodName": "GET" };
        const { properties } = normalizeThingDescription(
            td({}, { forms: [foreign, { href: "/r", subprotocol: "sse-sc", op: ["readproperty"] }] })
        ) as Json;
        expect(properties.p.forms[0].href).to.equal("sse://host:8444/r");
        expect(properties.p.forms[1]).to.deep.equal(foreign);
    });

    it("says how to stop what a form can start", () => {
        const form = { href: "/r", subprotocol: "sse-sc", op: ["observeproperty"] };
        const { properties } = normalizeThingDescription(td({}, { forms: [form] })) as Json;
        expect(properties.p.forms[0].op).to.deep.equal(["observeproperty", "unobserveproperty"]);
    });

    it("drops an affordance that offers only what TD 1.1 does not know, and keeps the others", () => {
        const strange = { forms: [{ href: "https://h/e", op: ["readevent"] }] };
        const normal = normalizeThingDescription(td({ events: { strange } })) as Json;
        expect(normal["events"]).to.deep.equal({});
        expect(normal["properties"]).to.have.all.keys("p");
    });

    it("takes the form at the root where an affordance has none", () => {
        const root = { href: "/r", subprotocol: "sse-sc", op: ["readallproperties"] };
        const { properties } = normalizeThingDescription(td({ forms: [root] }, { forms: undefined })) as Json;
        expect(properties.p.forms).to.deep.equal([
            {
                href: "sse://host:8444/r",
                subprotocol: "sse-sc",
                op: ["readproperty", "writeproperty"],
                "hiveot:thingID": "urn:x",
                "hiveot:name": "p",
                "hiveot:stream": "/hiveot/ssesc",
            },
        ]);
    });

    it("takes the end point of SSE-SC where a TD has no forms at all, and its base is a stream", () => {
        // As HiveKit's of January 2026, which has none to give.
        const bare = {
            base: "sse://host:8444/hiveot/sse",
            security: null,
            securityDefinitions: {},
            actions: { a: { title: "A" } },
            events: { e: { title: "E", data: { type: "integer" } } },
        };
        const normal = normalizeThingDescription(td({ ...bare, forms: null }, { forms: null, readOnly: true })) as Json;
        const common = {
            href: "sse://host:8444/hiveot/request",
            subprotocol: "sse-sc",
            "hiveot:thingID": "urn:x",
            "hiveot:stream": "/hiveot/sse",
        };
        const op = ["readproperty", "observeproperty", "unobserveproperty"];
        expect(normal["properties"].p.forms).to.deep.equal([{ ...common, op, "hiveot:name": "p" }]);
        expect(normal["actions"].a.forms).to.deep.equal([{ ...common, op: ["invokeaction"], "hiveot:name": "a" }]);
        const events = ["subscribeevent", "unsubscribeevent"];
        expect(normal["events"].e.forms).to.deep.equal([{ ...common, op: events, "hiveot:name": "e" }]);
        expect(normal).not.to.have.any.keys("forms", "security", "securityDefinitions");
        expect(normalizeThingDescription(normal)).to.deep.equal(normal);
    });

    it("makes up no forms where the base is no stream", () => {
        const { properties } = td({ base: "https://host:8444/" }, { forms: undefined });
        expect(() => normalizeThingDescription(td({ base: "https://host:8444/" }, properties.p))).to.throw(
            "forms is empty"
        );
    });

    it("leaves out what node-wot's validation would refuse the TD for", () => {
        const bad = td(
            {
                "@context": ["https://example.org/x", { y: "https://y", z: { "@id": "z" } }],
                "@type": 5,
                id: "no uri",
                support: 5,
                created: "yesterday",
                version: "1",
                titles: { en: 5 },
                links: [{ href: 5 }, { href: "https://ok", rel: "item" }],
                forms: [{ href: "/r", subprotocol: "sse-sc", op: ["ping"] }],
                security: [],
            },
            {
                type: ["integer", "null"],
                readOnly: "no",
                minimum: "0",
                enum: [],
                properties: { a: { type: 5, items: [5, { type: 6 }] } },
                uriVariables: 7,
            }
        );
        const normal = normalizeThingDescription(bad);
        expect(Helpers.tsSchemaValidator(normal), JSON.stringify(Helpers.tsSchemaValidator.errors)).to.equal(true);
        expect(normal["links"]).to.deep.equal([{ href: "https://ok", rel: "item" }]);
        expect(normal).to.not.have.any.keys("id", "created", "support", "version", "forms");
    });

    const faults: readonly (readonly [string, unknown])[] = [
        ["JSON object", null],
        ["JSON object", []],
        ["JSON object", "{}"],
        ["title", td({ title: undefined })],
        ["properties is", td({ properties: [] })],
        ["properties.p is", td({ properties: { p: 5 } })],
        ["properties.p.forms is not", td({}, { forms: {} })],
        ["properties.p.forms is empty", td({}, { forms: [] })],
        ["properties.p.forms[0] is", td({}, { forms: ["/r"] })],
        ["properties.p.forms[0].href", td({}, { forms: [{ op: ["readproperty"] }] })],
        ["properties.p.forms[0].href", td({ base: undefined })],
        ["properties.p.forms[0].href", td({}, { forms: [{ href: "sse://" }] })],
        ["id is missing", td({ id: undefined })],
    ];
    for (const [member, input] of faults) {
        it(`says "${member}" of ${JSON.stringify(input).slice(0, 60)}`, () => {
            expect(() => normalizeThingDescription(input))
                .to.throw(SseScError, member)
                .with.property("code", "INVALID_TD");
        });
    }

    it("is not fooled by __proto__, constructor and toString", () => {
        const text = JSON.stringify(td()).replace(
            '"properties":{',
            '"properties":{"__proto__":{"forms":[{"href":"/evil"}]},"constructor":{"type":"integer","forms":[{"href":"/r","subprotocol":"sse-sc"}]},'
        );
        const normal = normalizeThingDescription(JSON.parse(text)) as Json;
        expect(Object.getPrototypeOf(normal["properties"])).to.equal(Object.prototype);
        expect(Object.keys(normal["properties"])).to.deep.equal(["constructor", "p"]);
        expect(normal["properties"].constructor.forms[0]["hiveot:name"]).to.equal("constructor");
        expect(({} as Json)["forms"]).to.equal(undefined);
    });

    it("bounds its work on values that are deep, cyclic, or huge", () => {
        const cyclic: Json = td();
        cyclic["a"] = { b: cyclic, c: cyclic };
        expect(() => normalizeThingDescription(cyclic)).to.throw(SseScError, /deeper|large/);
        expect(() => normalizeThingDescription(td({ a: new Array(600_000).fill(1) }))).to.throw(
            SseScError,
            "too large"
        );
    });
});
