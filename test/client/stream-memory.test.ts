/** What a client remembers of its stream: where it stands, and what it has heard. */
import { expect } from "chai";
import { createNotification, type NotificationMessage } from "../../lib/messages";
import { HeardNotifications } from "../../src/http/heard-notifications";
import { StreamPosition } from "../../src/http/stream-position";

describe("StreamPosition", () => {
    it("moves forward only within one life of the server, and anew in each", () => {
        const position = new StreamPosition();
        const moves = ["a-7", "a-7", "a-6", "a-10", "b-1", "b-1", "b-2"].map((id) => position.moveTo(id));
        expect(moves).to.deep.equal([true, false, false, true, true, false, true]);
        expect(position.lastId).to.equal("b-2");
    });

    it("takes the first frame of a sequence, and epochs with dashes", () => {
        const position = new StreamPosition();
        expect(["a-b-0", "a-c-0", "a-c-0"].map((id) => position.moveTo(id))).to.deep.equal([true, true, false]);
        expect(position.lastId).to.equal("a-c-0");
    });

    it("names ids of servers that count otherwise, takes all of their frames, and keeps none that is long", () => {
        const position = new StreamPosition();
        for (const id of ["-1", "x", "x", "5", "a-", "a-1x", "a-1234567890123456"]) {
            expect(position.moveTo(id), id).to.equal(true);
            expect(position.lastId, id).to.equal(id);
        }
        for (const id of ["", "x".repeat(257)]) expect(position.moveTo(id)).to.equal(true);
        expect(position.lastId).to.equal("a-1234567890123456");
        expect(position.moveTo("x".repeat(256))).to.equal(true);
        expect(position.lastId).to.have.length(256);
    });

    it("has none after a reset, and takes everything again", () => {
        const position = new StreamPosition();
        position.moveTo("a-7");
        position.reset();
        expect(position.lastId).to.equal(undefined);
        expect(position.moveTo("a-7")).to.equal(true);
    });
});

describe("HeardNotifications", () => {
    function event(messageId: string, name = "e", thingId = "t"): NotificationMessage {
        return { ...createNotification({ affordance: "event", thingId, name, value: 1 }), messageId };
    }

    it("know a notification again by its message id and what it is about; those without an id never", () => {
        const heard = new HeardNotifications();
        const all = [event("m"), event("m", "f"), event("m", "e", "u"), event("m"), event(""), event("")];
        expect(all.map((each) => heard.isRepeat(each))).to.deep.equal([false, false, false, true, false, false]);
        expect(heard.isRepeat({ ...event("m"), affordance: "property" })).to.equal(false);
    });

    it("remember the last 1,000, and none that is long", () => {
        const heard = new HeardNotifications();
        for (let n = 0; n <= 1_000; n++) heard.isRepeat(event(`m${String(n)}`));
        expect([heard.isRepeat(event("m1")), heard.isRepeat(event("m0"))]).to.deep.equal([true, false]);
        const long = event("m".repeat(1_000));
        expect([heard.isRepeat(long), heard.isRepeat(long)]).to.deep.equal([false, false]);
    });
});
