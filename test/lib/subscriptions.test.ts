import { expect } from "chai";
import { SubscriptionIndex, type Topic } from "../../lib/subscriptions";

const topic = (thingId: string, name: string, affordance: Topic["affordance"] = "event"): Topic => ({
    affordance,
    thingId,
    name,
});

function matches(index: SubscriptionIndex<string>, wanted: Topic): string[] {
    const found: string[] = [];
    index.forEachMatch(wanted, (subscriber) => found.push(subscriber));
    return found.sort();
}

describe("SubscriptionIndex", () => {
    let index: SubscriptionIndex<string>;

    beforeEach(() => {
        index = new SubscriptionIndex();
        index.add("one", topic("t", "e"));
        index.add("all of t", topic("t", ""));
        index.add("e of all", topic("", "e"));
        index.add("everything", topic("", ""));
    });

    it("finds those who want this affordance, by name or by wildcard", () => {
        expect(matches(index, topic("t", "e"))).to.deep.equal(["all of t", "e of all", "everything", "one"]);
        expect(matches(index, topic("t", "x"))).to.deep.equal(["all of t", "everything"]);
        expect(matches(index, topic("u", "e"))).to.deep.equal(["e of all", "everything"]);
        expect(matches(index, topic("t", "e", "property"))).to.deep.equal([]);
    });

    it("visits one who has several matching subscriptions once", () => {
        index.add("one", topic("", ""));
        expect(matches(index, topic("t", "e")).filter((found) => found === "one")).to.have.length(1);
    });

    it("takes a second subscription of the same kind for the first one", () => {
        index.add("one", topic("t", "e"));
        expect(index.count("one")).to.equal(1);
        index.delete("one", topic("t", "e"));
        expect(index.has("one", topic("t", "e"))).to.equal(false);
    });

    it("ends single subscriptions too when all of a Thing are ended", () => {
        expect(index.deleteWithin("one", topic("t", ""))).to.equal(true);
        expect(index.count("one")).to.equal(0);
        expect(index.deleteWithin("one", topic("t", ""))).to.equal(false);
        expect(matches(index, topic("t", "e"))).to.not.include("one");
    });

    it("leaves wider subscriptions when a narrow one is ended", () => {
        index.deleteWithin("all of t", topic("t", "e"));
        expect(index.count("all of t")).to.equal(1);
    });

    it("keeps nothing of those who left", () => {
        for (const subscriber of ["one", "all of t", "e of all", "everything"]) index.deleteAll(subscriber);
        expect(index.size).to.equal(0);
        expect(index.hasMatch(topic("t", "e"))).to.equal(false);
    });

    it("does not confuse names that hold separators", () => {
        index.add("odd", topic('t","', "x"));
        expect(matches(index, topic("t", '","x'))).to.deep.equal(["all of t", "everything"]);
    });
});
