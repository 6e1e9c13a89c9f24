/** Frames as a server numbers and encodes them: once for all streams of a dialect. */
import { expect } from "chai";
import { rrn } from "../../lib/converters/rrn";
import { createNotification, type NotificationMessage } from "../../lib/messages";
import { FrameNumbers, parseFrameId, SharedFrames } from "../../src/http/shared-frames";

describe("shared frames", () => {
    const of = (affordance: NotificationMessage["affordance"], name: string): NotificationMessage =>
        createNotification({ affordance, thingId: "t", name, value: 1 });

    it("have a topic for values of one property, and none for events, progress, and values of several", () => {
        const numbers = new FrameNumbers();
        const topics = [of("property", "p"), of("event", "p"), of("action", "p"), of("property", "")].map(
            (message) => numbers.encode(message, rrn).topic !== undefined
        );
        expect(topics).to.deep.equal([true, false, false, false]);
    });

    it("are encoded once, and numbered anew only for a stream that is ahead of them", () => {
        const numbers = new FrameNumbers();
        const frames = new SharedFrames(of("property", "p"), () => undefined);
        const first = frames.frame(rrn, numbers, 0);
        expect(frames.frame(rrn, numbers, 0)).to.equal(first);
        numbers.encode(of("event", "e"), rrn);
        first!.holders = 1;
        const again = frames.frame(rrn, numbers, 1);
        expect(again).to.include({ sequence: 3, topic: first?.topic, holders: 0 });
        const [text, before] = [again, first].map((frame) => Buffer.from(frame!.bytes).toString());
        expect(text).to.equal(before?.replace(/-1\n/, "-3\n"));
    });

    it("tell once of a dialect that cannot say a message", () => {
        const errors: string[] = [];
        const mute = {
            ...rrn,
            name: "mute",
            encode: () => {
                throw new Error("unsaid");
            },
        };
        const frames = new SharedFrames(of("event", "e"), (what) => errors.push(what));
        for (let n = 0; n < 2; n++) expect(frames.frame(mute, new FrameNumbers(), 0)).to.equal(undefined);
        expect(errors).to.have.length(1);
    });

    it("have ids of which nothing else is read", () => {
        expect(parseFrameId("0badbad0-12")).to.deep.equal({ epoch: "0badbad0", sequence: 12 });
        const others = ["", "x0badbad0-1", "0badbad0-1x", "0badbad-1", "0badbad0-", "0badbad0-1234567890123456"];
        for (const id of [...others, undefined]) expect(parseFrameId(id), id).to.equal(undefined);
    });
});
