/** Envelopes of both dialects with anything in them: read or refused, never more. */
import { expect } from "chai";
import fc from "fast-check";
import { rrn } from "../../lib/converters/rrn";
import { rrn2025 } from "../../lib/converters/rrn-2025";
import { SseScError } from "../../lib/errors";
import { parseJson } from "../../lib/json";
import type { Message } from "../../lib/messages";
import { decode, KINDS, notifications, requests, soundResponses } from "../lib/arbitraries";
import { broken, hostileJson, nearly } from "./json-text";
import { expectPlain, fuzz } from "./runs";

const messages: fc.Arbitrary<Message> = fc.oneof(requests, soundResponses, notifications);

/** Parses as the routes do; `undefined` if the text is refused there. */
function parsed(text: string): unknown {
    try {
        return parseJson(text);
    } catch (error) {
        expect(error).to.be.instanceOf(SseScError).with.property("code", "INVALID_ENVELOPE");
        return undefined;
    }
}

for (const converter of [rrn, rrn2025]) {
    const envelopes = nearly(messages.map((message) => JSON.parse(converter.encode(message)) as unknown));

    describe(`${converter.name} with hostile texts`, () => {
        it("reads each or refuses it with the member that is wrong, and lets no prototype in", async () => {
            const texts = fc.oneof({ weight: 6, arbitrary: envelopes }, hostileJson, broken(envelopes));
            const property = fc.property(texts, fc.constantFrom(...KINDS), (text, kind) => {
                const json = parsed(text);
                if (json === undefined) return;
                expect(converter.recognizes?.(json)).to.be.a("boolean");
                const result = decode(converter, kind, json);
                if (result.ok) {
                    expectPlain(result.value);
                    return;
                }
                const { error } = result;
                expect(error).to.be.instanceOf(SseScError).with.property("code", "INVALID_ENVELOPE");
                expect(error.title).to.have.length.within(1, 200);
            });
            await fuzz(`${converter.name} envelopes`, { short: 1_000, long: 20_000 }, property);
        });

        it("writes what it has read so that it reads the same again", async () => {
            const property = fc.property(envelopes, fc.constantFrom(...KINDS), (text, kind) => {
                // Numbers beyond those of JavaScript become null when they are written: here they are written once ahead of it.
                const first = decode(converter, kind, JSON.parse(JSON.stringify(JSON.parse(text))));
                if (!first.ok) return;
                const again = (text: string): string => {
                    const result = decode(converter, kind, JSON.parse(text));
                    if (!result.ok) throw result.error;
                    return converter.encode(result.value);
                };
                const once = converter.encode(first.value);
                // To rrn-2025 a property without a value, and one that is null, are the same: what it reads of the first is the second.
                const settled = converter === rrn2025 ? again(once) : once;
                expect(withoutIds(JSON.parse(again(settled)))).to.deep.equal(withoutIds(JSON.parse(settled)));
            });
            await fuzz(`${converter.name} round trip`, { short: 600, long: 10_000 }, property);
        });
    });
}

/** Ids and times are made up where a dialect has no place for them: anew each time. */
function withoutIds(json: unknown): unknown {
    return JSON.parse(JSON.stringify(json, (name, value: unknown) => (MADE_UP.has(name) ? undefined : value)));
}

const MADE_UP: ReadonlySet<string> = new Set(["messageID", "created", "timestamp", "timeRequested", "timeUpdated"]);
