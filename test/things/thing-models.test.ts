import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { thingModelToDescription, type ThingModelOptions } from "../../src/index";

const CONTEXT = ["https://www.w3.org/2022/wot/td/v1.1"];

/** A model with one of everything that td-tools stumbles over. */
const MODEL = {
    "@context": CONTEXT,
    "@type": "tm:ThingModel",
    id: "{{ID}}",
    title: "Lamp {{NUMBER}}",
    version: { model: "1.0" },
    "tm:optional": ["/actions/toggle"],
    links: [{ rel: "service-doc", href: "https://example.com/lamp" }],
    properties: {
        label: { type: "string", const: "{{LABEL}}" },
        level: { type: "integer", maximum: "{{MAX}}" },
        mode: { type: "string", enum: ["1", "true", "null", "{}"], default: "1" },
        nothing: { type: "null" },
        strange: { type: "object", const: { type: null, a: [null, "null"] } },
    },
    actions: { toggle: { description: "1{{NUMBER}}" } },
} as const;

const PLACEHOLDERS = { ID: "urn:example:lamp", NUMBER: 7, MAX: 100, LABEL: "5" };

async function failureOf(model: object, options?: ThingModelOptions): Promise<Error> {
    const error = await thingModelToDescription(model, options).then(
        () => undefined,
        (thrown: unknown) => thrown
    );
    expect(error).to.be.an("error").with.property("code", "INVALID_TD");
    return error as Error;
}

describe("thingModelToDescription", () => {
    it("fills in placeholders, in the types given, and leaves all else as it is", async () => {
        const before = structuredClone(MODEL);
        const description = await thingModelToDescription(MODEL, { placeholders: PLACEHOLDERS });
        expect(description).to.deep.equal({
            "@context": CONTEXT,
            "@type": "Thing",
            id: "urn:example:lamp",
            title: "Lamp 7",
            version: { instance: "1.0", model: "1.0" },
            links: MODEL.links,
            properties: {
                ...MODEL.properties,
                label: { type: "string", const: "5" },
                level: { type: "integer", maximum: 100 },
            },
            actions: { toggle: { description: "17" } },
        });
        expect(MODEL).to.deep.equal(before);
    });

    it("makes what node-wot can produce, one Thing after the other", async () => {
        const wot = await new Servient().start();
        for (const ID of ["urn:lamp:1", "urn:lamp:2"]) {
            const placeholders = { ...PLACEHOLDERS, ID };
            const thing = await wot.produce(await thingModelToDescription(MODEL, { placeholders, version: "2.1" }));
            const { id, version } = thing.getThingDescription();
            expect({ id, version }).to.deep.equal({ id: ID, version: { instance: "2.1", model: "1.0" } });
        }
    });

    it("takes in the models that a model extends and imports from", async () => {
        const base = {
            "@context": CONTEXT,
            "@type": "tm:ThingModel",
            title: "Switch",
            properties: { on: { type: "boolean", title: "3" }, code: { type: "string", const: "5" } },
        };
        const model = {
            "@context": CONTEXT,
            "@type": "tm:ThingModel",
            title: "Dimmer",
            links: [{ rel: "tm:extends", href: "https://models.example/switch" }],
            properties: { other: { "tm:ref": "https://models.example/more#/properties/on", title: "Other" } },
        };
        const models = { "https://models.example/switch": base, "https://models.example/more": base };
        const before = structuredClone([base, model]);
        const description = await thingModelToDescription(model, { models });
        expect(description).to.deep.equal({
            "@context": CONTEXT,
            "@type": "Thing",
            title: "Dimmer",
            properties: { ...base.properties, other: { type: "boolean", title: "Other" } },
        });
        expect([base, model]).to.deep.equal(before);
    });

    it("fetches nothing by itself", async () => {
        const links = [{ rel: "tm:extends", href: "http://127.0.0.1:1/model" }];
        const failure = await failureOf({ ...MODEL, links }, { placeholders: PLACEHOLDERS });
        expect(failure.message).to.include('The Thing Model needs http://127.0.0.1:1/model: give it in "models"');
    });

    it("names a placeholder that stands for nothing", async () => {
        const failure = await failureOf(MODEL, { placeholders: { ID: "urn:x", MAX: 1, LABEL: "" } });
        expect(failure.message).to.include("{{NUMBER}}");
        expect((await failureOf({ ...MODEL, id: "{{toString}}" }, { placeholders: PLACEHOLDERS })).message).to.include(
            "{{toString}}"
        );
    });

    it("says what is wrong with a model", async () => {
        expect((await failureOf({ ...MODEL, "@type": "Thing" }, { placeholders: PLACEHOLDERS })).message).to.include(
            "not a Thing Model"
        );
        await failureOf({ a: null });
        const wrong = { ...MODEL, properties: { a: { type: "colour" } } };
        expect((await failureOf(wrong, { placeholders: PLACEHOLDERS })).message).to.include("allowed values");
        const submodel = { ...MODEL, links: [{ rel: "tm:submodel", href: "https://models.example/part" }] };
        expect((await failureOf(submodel, { placeholders: PLACEHOLDERS })).message).to.include("submodels");
    });
});
