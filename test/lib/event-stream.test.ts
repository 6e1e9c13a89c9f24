import { expect } from "chai";
import fc from "fast-check";
import { createEventStreamReader, encodeEvent, encodePing, HEARTBEAT } from "../../lib/event-stream";

interface Seen {
    events: [string, string][];
    comments: string[];
}

function read(pieces: Iterable<string>, limit?: number): Seen {
    const seen: Seen = { events: [], comments: [] };
    const reader = createEventStreamReader(
        {
            onEvent: (type, data) => seen.events.push([type, data]),
            onComment: (comment) => seen.comments.push(comment),
        },
        limit
    );
    for (const piece of pieces) reader.feed(piece);
    return seen;
}

const PING_EVENT = encodePing("e-0");

describe("event stream", () => {
    it("frames an envelope as one block with a name and one line of data", () => {
        expect(encodeEvent("response", '{"a":1}', "e-1")).to.equal('id: e-1\nevent: response\ndata: {"a":1}\n\n');
    });

    it("reads sse-ping, whose data is empty", () => {
        expect(read([PING_EVENT]).events).to.deep.equal([["sse-ping", ""]]);
    });

    it("skips heartbeats", () => {
        expect(read([HEARTBEAT, HEARTBEAT]).events).to.deep.equal([]);
    });

    it("reads comments, ids, retry, CRLF and data of several lines", () => {
        const text = ': hello\r\nid: 7\r\nretry: 10\r\nevent: notification\r\ndata: {"a":\r\ndata: 1}\r\n\r\n';
        expect(read([text])).to.deep.equal({ events: [["notification", '{"a":\n1}']], comments: ["hello"] });
    });

    it("reads the same wherever the bytes are cut", () => {
        const text =
            PING_EVENT + HEARTBEAT + encodeEvent("request", '{"x":"ü"}', "e-1") + encodeEvent("response", "{}", "e-2");
        const whole = read([text]);
        fc.assert(
            fc.property(fc.array(fc.nat(text.length)), (cuts) => {
                const at = [0, ...cuts.sort((a, b) => a - b), text.length];
                const pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
                expect(read(pieces)).to.deep.equal(whole);
            })
        );
    });

    it("refuses an event that is larger than the limit, and everything after it", () => {
        const reader = createEventStreamReader({ onEvent: () => undefined }, 1_000);
        const feed = (text: string) => () => {
            reader.feed(text);
        };
        feed(`data: ${"x".repeat(900)}\n\n`)();
        expect(feed(`data: ${"x".repeat(2_000)}`))
            .to.throw()
            .with.property("code", "TOO_LARGE");
        expect(feed(PING_EVENT)).to.throw().with.property("code", "TOO_LARGE");
    });
});
