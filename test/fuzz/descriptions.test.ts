/** Thing Descriptions with anything in them, given to the normaliser and to the directory: taken or refused in words, at once. */
import { expect } from "chai";
import { Servient } from "@node-wot/core";
import fc from "fast-check";
import { MemoryLevel } from "memory-level";
import { SseScError } from "../../lib/errors";
import { DirectoryStore } from "../../src/hub/directory-store";
import { normalizeThingDescription, type ThingDescription } from "../../src/things/normalizer";
import { hostileJson, HOSTILE_NAMES, nearly } from "./json-text";
import { expectPlain, fuzz } from "./runs";
import { NEAR_TDS, THING_IDS } from "./things";

/** Milliseconds for one TD on a busy machine; a regular expression or a walk gone wild takes far more. */
const MAX_TIME = 2_000;

const texts = fc.oneof({ weight: 8, arbitrary: NEAR_TDS }, hostileJson);

/** TDs with very many members of one kind. */
const large = fc
    .tuple(fc.constantFrom("properties", "actions", "events", "forms", "links", "@type", "@context"), hostileJson)
    .map(([member, value]) => {
        const count = Math.min(5_000, Math.floor(200_000 / value.length) + 1);
        const entries = Array.from({ length: count }, (_, n) => `"${n}":${value}`);
        const list = `[${Array<string>(count).fill(value).join(",")}]`;
        const held = ["properties", "actions", "events"].includes(member) ? `{${entries.join(",")}}` : list;
        return `{"@context":"https://www.w3.org/2022/wot/td/v1.1","id":"urn:x","title":"x","${member}":${held}}`;
    });

/** Texts that make a regular expression try again and again. */
const repetitive = fc
    .tuple(
        fc.constantFrom("id", "base", "support", "created", "modified", "@type", "hiveot:thingID", "title", "security"),
        fc.constantFrom("a", "a:", "/", "%", "%41", "{", "}", "{{", "0", "-", "1.", " ", "\\u0000", "sse:", "//", "?#"),
        fc.constantFrom("", "!", "{", "\\ud800", "z"),
        fc.integer({ min: 1_000, max: 50_000 })
    )
    .map(([member, part, end, count]) => {
        const value = `"x:${part.repeat(Math.ceil(count / part.length))}${end}"`;
        const form = `{"href":${value},"op":"readproperty","hiveot:stream":${value}}`;
        return `{"id":"urn:x","title":"x","properties":{"p":{"forms":[${form}]}},"${member}":${value}}`;
    });

function timed<T>(work: () => T): T {
    const from = performance.now();
    const result = work();
    expect(performance.now() - from, "milliseconds").to.be.lessThan(MAX_TIME);
    return result;
}

function normalized(json: unknown): ThingDescription | undefined {
    try {
        return timed(() => normalizeThingDescription(json));
    } catch (error) {
        expect(error).to.be.instanceOf(SseScError).with.property("code", "INVALID_TD");
        expect((error as SseScError).message).to.not.equal("");
        return undefined;
    }
}

describe("a hostile Thing Description", () => {
    it("is normalised or refused with INVALID_TD; a second pass changes nothing", async () => {
        const property = fc.property(texts, (text) => {
            const json: unknown = JSON.parse(text);
            const td = normalized(json);
            expect(json, "the input").to.deep.equal(JSON.parse(text));
            if (td === undefined) return;
            expectPlain(td);
            expect(normalizeThingDescription(td)).to.deep.equal(td);
        });
        await fuzz("normaliser", { short: 800, long: 20_000 }, property);
    });

    it("is normalised or refused in no time, however large and repetitive", async () => {
        const property = fc.property(fc.oneof(large, repetitive), (text) => {
            normalized(JSON.parse(text));
        });
        await fuzz("normaliser, large TDs", { short: 15, long: 1_000 }, property);
    });

    it("can be consumed by node-wot once it is normalised", async () => {
        const servient = new Servient();
        const wot = await servient.start();
        try {
            const property = fc.asyncProperty(NEAR_TDS, async (text) => {
                const td = normalized(JSON.parse(text));
                if (td !== undefined) await wot.consume(td);
            });
            await fuzz("normaliser, then consume", { short: 60, long: 3_000 }, property);
        } finally {
            await servient.shutdown();
        }
    });
});

/** What a client may hear when it writes to the directory. */
const REFUSALS = ["INVALID_TD", "TOO_LARGE", "NOT_OWNER", "UNKNOWN_THING", "TOO_MANY_THINGS"];

interface Write {
    readonly kind: "put" | "patch" | "delete";
    readonly id: string | undefined;
    readonly text: string;
    readonly writer: string;
}

const write: fc.Arbitrary<Write> = fc.record({
    kind: fc.constantFrom("put", "put", "patch", "delete"),
    id: fc.option(fc.constantFrom(...THING_IDS, ...HOSTILE_NAMES), { nil: undefined }),
    text: fc.oneof({ weight: 8, arbitrary: nearly(fc.constant({ title: "x" })) }, { weight: 20, arbitrary: texts }),
    writer: fc.constantFrom("alice", "bob", "__proto__"),
});

describe("a directory with hostile writers", () => {
    it("takes each TD as it is, or refuses it with what is wrong, and forgets none", async () => {
        const store = await DirectoryStore.open(new MemoryLevel<string>(), { maxThings: 50 });
        try {
            const property = fc.asyncProperty(write, async ({ kind, id = "urn:x", text, writer }) => {
                const client = { clientId: writer, mayWriteAny: false };
                const json: unknown = JSON.parse(text);
                try {
                    if (kind === "delete") await store.delete(id, client);
                    else await (kind === "put" ? store.put(json, client, id) : store.patch(id, json, client));
                    expect(store.ownerOf(id)).to.equal(kind === "delete" ? undefined : writer);
                } catch (error) {
                    expect(error).to.be.instanceOf(SseScError).with.property("code").that.is.oneOf(REFUSALS);
                }
                const { ids, total } = store.page();
                expect(ids).to.have.length(total);
                const record = store.get(id);
                if (record === undefined) return;
                expect(record.td["id"]).to.equal(id);
                expectPlain(record.td);
            });
            await fuzz("directory", { short: 500, long: 12_000 }, property);
        } finally {
            await store.close();
        }
    });

    it("judges each TD in no time, however large and repetitive", async () => {
        const store = await DirectoryStore.open(new MemoryLevel<string>());
        try {
            const property = fc.asyncProperty(fc.oneof(large, repetitive), async (text) => {
                const from = performance.now();
                await store
                    .put(JSON.parse(text), { clientId: "alice", mayWriteAny: false }, "urn:x")
                    .catch((error: unknown) => {
                        expect(error).to.be.instanceOf(SseScError).with.property("code").that.is.oneOf(REFUSALS);
                    });
                expect(performance.now() - from, "milliseconds").to.be.lessThan(MAX_TIME);
            });
            await fuzz("directory, large TDs", { short: 15, long: 1_000 }, property);
        } finally {
            await store.close();
        }
    });
});
