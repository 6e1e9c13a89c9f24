/** What the directory keeps in memory is bounded: the last changes, the records that were asked for last. */
import { expect } from "chai";
import { ChangeFeed } from "../../src/hub/change-feed";
import type { DirectoryRecord } from "../../src/hub/directory-records";
import { RecordCache } from "../../src/hub/record-cache";
import { tdOf } from "./harness";

function recordOf(id: string, description = ""): DirectoryRecord {
    return { id, td: tdOf(id, { description }), owner: "alice", registration: { created: "", modified: "" } };
}

function push(feed: ChangeFeed, id: string, description = ""): void {
    feed.push({ type: "created", id, before: undefined, after: recordOf(id, description) });
}

describe("ChangeFeed", () => {
    it("keeps the last 1,000 changes", () => {
        const feed = new ChangeFeed();
        expect([feed.first, feed.last, feed.after(0)]).to.deep.equal([1, 0, undefined]);
        for (let i = 1; i <= 1_500; i++) push(feed, `t${i}`);
        expect([feed.first, feed.last]).to.deep.equal([501, 1_500]);
        expect(feed.after(500)?.change.id).to.equal("t501");
        expect(feed.after(1_499)?.change.id).to.equal("t1500");
        expect(feed.after(1_500)).to.equal(undefined);
    });

    it("keeps 4 Mi characters of TDs, and a larger change alone", () => {
        const feed = new ChangeFeed();
        for (let i = 1; i <= 10; i++) push(feed, `t${i}`, "x".repeat(1024 * 1024));
        expect(feed.first).to.equal(8);
        push(feed, "huge", "x".repeat(5 * 1024 * 1024));
        expect(feed.first).to.equal(11);
    });

    it("goes on behind the event that was seen last, or behind what is gone", () => {
        const feed = new ChangeFeed();
        for (let i = 1; i <= 1_500; i++) push(feed, `t${i}`);
        expect(feed.positionAfter(feed.idOf(700))).to.equal(700);
        expect(feed.positionAfter(feed.idOf(3))).to.equal(500);
        expect(feed.positionAfter(feed.idOf(1_501))).to.equal(1_500);
        expect(feed.positionAfter(new ChangeFeed().idOf(3))).to.equal(1_500);
        expect(feed.positionAfter(undefined)).to.equal(1_500);
    });
});

describe("RecordCache", () => {
    const MIB = 1024 * 1024;

    it("keeps 16 MiB, those that were asked for last", () => {
        const cache = new RecordCache();
        for (let i = 0; i < 16; i++) cache.set(recordOf(`t${i}`), MIB);
        cache.get("t0");
        cache.set(recordOf("one more"), MIB);
        expect(cache.get("t1")).to.equal(undefined);
        expect(cache.get("t0")?.id).to.equal("t0");
        cache.delete("t0");
        cache.delete("unknown");
        cache.set(recordOf("in its place"), MIB);
        expect(cache.get("t2")?.id).to.equal("t2");
        cache.set(recordOf("t2", "new"), 2 * MIB);
        expect(cache.get("t3")).to.equal(undefined);
        expect(cache.get("t2")?.td["description"]).to.equal("new");
    });
});
