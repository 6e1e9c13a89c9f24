/** Event streams of any bytes, cut anywhere: the same events, and no more memory than the limit. */
import { expect } from "chai";
import fc from "fast-check";
import { SseScError } from "../../lib/errors";
import { createEventStreamReader } from "../../lib/event-stream";
import { fuzz } from "./runs";

type Event = readonly [type: string, data: string];

const text = fc.oneof(
    fc.string({ maxLength: 12, unit: "binary" }),
    fc.constantFrom("", " ", "  x", ":", "\u{1f600}", "\ufeff", "\ud800", "{}", "x".repeat(300), "sse-ping")
);
const line = fc.oneof(
    {
        weight: 5,
        arbitrary: fc
            .tuple(fc.constantFrom("data", "event", "id", "retry", "", "Data", "unknown", "__proto__"), text)
            .chain(([name, value]) => fc.constantFrom(`${name}:${value}`, `${name}: ${value}`, name)),
    },
    { weight: 3, arbitrary: fc.constant("") },
    text
);
const streams = fc
    .array(fc.tuple(line, fc.constantFrom("\n", "\n", "\r\n", "\r")), { maxLength: 30 })
    .map((lines) => lines.map(([each, end]) => each + end).join(""));

/** The text in pieces, cut at any of those places. */
const pieces = (whole: fc.Arbitrary<string>): fc.Arbitrary<{ whole: string; cut: string[] }> =>
    fc.tuple(whole, fc.array(fc.nat(2_000), { maxLength: 12 })).map(([stream, places]) => {
        const at = [...new Set(places.map((place) => place % (stream.length + 1)))].sort((a, b) => a - b);
        return { whole: stream, cut: [0, ...at].map((from, index) => stream.slice(from, at[index])) };
    });

function read(parts: readonly string[], limit?: number): { events: Event[]; overflow: boolean } {
    const events: Event[] = [];
    const reader = createEventStreamReader({ onEvent: (type, data) => void events.push([type, data]) }, limit);
    try {
        for (const part of parts) reader.feed(part);
        return { events, overflow: false };
    } catch (error) {
        expect(error).to.be.instanceOf(SseScError).with.property("code", "TOO_LARGE");
        return { events, overflow: true };
    }
}

/** What WHATWG HTML, section 9.2.6, makes of a stream, without anything that makes it fast. */
function expected(stream: string): Event[] {
    const events: Event[] = [];
    let type = "";
    let data: string[] = [];
    const lines = stream.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
    for (const each of lines.slice(0, -1)) {
        if (each === "") {
            if (data.length > 0) events.push([type, data.join("\n")]);
            type = "";
            data = [];
            continue;
        }
        const colon = each.indexOf(":");
        const name = colon === -1 ? each : each.slice(0, colon);
        const value = colon === -1 ? "" : each.slice(colon + 1).replace(/^ /, "");
        if (name === "event") type = value;
        if (name === "data") data.push(value);
    }
    return events;
}

describe("an event stream of anything", () => {
    it("gives the events that the standard demands, wherever it is cut", async () => {
        const property = fc.property(pieces(streams), ({ whole, cut }) => {
            // A line end that may yet become CRLF is the parser's to wait for: the end of a stream settles nothing.
            const events = expected(whole.endsWith("\r") ? whole.slice(0, -1) : whole);
            const settled = (found: readonly Event[]): readonly Event[] => found.slice(0, events.length);
            expect(settled(read([whole]).events)).to.deep.equal(events);
            expect(settled(read(cut).events)).to.deep.equal(events);
            expect(settled(read(Array.from(whole)).events)).to.deep.equal(events);
        });
        await fuzz("event streams", { short: 600, long: 20_000 }, property);
    });

    it("throws nothing but TOO_LARGE, and keeps no more than the limit", async () => {
        const property = fc.property(pieces(streams), fc.integer({ min: 1, max: 400 }), ({ whole, cut }, limit) => {
            const events = expected(whole.endsWith("\r") ? whole.slice(0, -1) : whole);
            for (const parts of [[whole], cut, Array.from(whole)]) {
                const found = read(parts, limit).events.slice(0, events.length);
                expect(found).to.deep.equal(events.slice(0, found.length));
            }
            expect(read(Array(limit + 1).fill("x") as string[], limit).overflow).to.equal(true);
            const lines = Array(limit + 1).fill("data: x\n") as string[];
            expect(read(lines, limit).overflow).to.equal(true);
        });
        await fuzz("event streams with a limit", { short: 200, long: 5_000 }, property);
    });
});
