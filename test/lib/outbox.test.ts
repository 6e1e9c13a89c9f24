/** The frames of one session: what waits, what has left, what is sent again. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import fc from "fast-check";
import { FrameBudget, Outbox, type Frame } from "../../lib/outbox";
import { eventually } from "../support/eventually";

const MIB = 1024 * 1024;

function frame(sequence: number, length = 10, topic?: string): Frame {
    return { sequence, bytes: new Uint8Array(length), topic, holders: 0 };
}

const sequences = (frames: readonly Frame[]): number[] => frames.map(({ sequence }) => sequence);

describe("Outbox", () => {
    let budget: FrameBudget;
    let exceeded: number;

    beforeEach(() => {
        exceeded = 0;
        budget = new FrameBudget(1_000, () => exceeded++);
    });

    function outbox(bounds: Partial<ConstructorParameters<typeof Outbox>[0]> = {}, streams = true): Outbox {
        const made = new Outbox({ maxStreamBacklog: 100, outboxFrames: 5, ...bounds }, budget, 0);
        if (streams) made.resumeAfter(0);
        return made;
    }

    it("gives frames in order, no more bytes at once than asked for, but one at least", () => {
        const box = outbox();
        for (const [index, length] of [30, 20, 40].entries()) expect(box.add(frame(index + 1, length))).to.equal(true);
        expect(box.backlog).to.equal(90);
        expect(sequences(box.take(50))).to.deep.equal([1, 2]);
        expect(sequences(box.take(1))).to.deep.equal([3]);
        expect([box.isEmpty, box.backlog]).to.deep.equal([true, 0]);
    });

    it("refuses what a slow reader cannot take, and takes a frame of any size when nothing waits", () => {
        const box = outbox();
        expect(box.add(frame(1, 500))).to.equal(true);
        expect(box.add(frame(2))).to.equal(false);
        box.take(1);
        expect(box.add(frame(3))).to.equal(true);
    });

    it("conflates values of one property that have not left, above half of the backlog only", () => {
        const box = outbox();
        box.add(frame(1, 20, "a"));
        box.add(frame(2, 20, "a"));
        box.add(frame(3, 20, "b"));
        box.add(frame(4, 20, "a"));
        box.add(frame(5, 20, "a"));
        expect(sequences(box.take(1_000))).to.deep.equal([1, 3, 5]);
        box.add(frame(6, 60, "a"));
        box.add(frame(7, 20));
        expect(sequences(box.take(1))).to.deep.equal([6]);
        box.add(frame(8, 70, "a")); // what has left stays as it is
        expect(sequences(box.take(1_000))).to.deep.equal([7, 8]);
        box.add(frame(9, 60, "a"));
        box.add(frame(10, 60, "a"));
        expect(sequences(box.take(1_000))).to.deep.equal([10]);
    });

    it("sends again what came behind a frame, and knows when some of it is gone", () => {
        const box = outbox();
        for (let n = 1; n <= 4; n++) box.add(frame(n));
        box.take(1_000);
        box.suspend();
        box.add(frame(5));
        expect(box.reachesBack(2)).to.equal(true);
        expect(box.resumeAfter(2)).to.equal(true);
        expect(sequences(box.take(1_000))).to.deep.equal([3, 4, 5]);
        for (let n = 6; n <= 9; n++) box.add(frame(n));
        box.take(1_000);
        box.suspend();
        expect([3, 4, 9, 10].map((n) => box.reachesBack(n))).to.deep.equal([false, true, true, false]);
    });

    it("keeps no more than its bounds while there is no stream, but the newest frame in any case", () => {
        const box = outbox({}, false);
        for (let n = 1; n <= 8; n++) box.add(frame(n));
        expect([box.reachesBack(2), box.reachesBack(3)]).to.deep.equal([false, true]);
        box.add(frame(9, 2 * 1024 * 1024));
        expect([box.reachesBack(7), box.reachesBack(8)]).to.deep.equal([false, true]);
    });

    it("does not count frames that gave way to newer ones when the stream is gone", () => {
        const box = outbox({ outboxFrames: 3 });
        box.add(frame(1, 60));
        for (let n = 2; n <= 6; n++) box.add(frame(n, 10, "a"));
        box.suspend();
        expect(box.resumeAfter(0)).to.equal(true);
        expect(sequences(box.take(1_000))).to.deep.equal([1, 6]);
    });

    it("takes as much as its reader may be behind, to the byte", () => {
        const box = outbox();
        expect([box.add(frame(1, 50)), box.add(frame(2, 50)), box.add(frame(3, 1))]).to.deep.equal([true, true, false]);
    });

    it("keeps 1 MiB of what has left, and what that is does not depend on what has gone since", () => {
        const box = outbox({ outboxFrames: 1_000 });
        for (let n = 1; n <= 30; n++) {
            box.add(frame(n, MIB / 8));
            box.take(1);
        }
        expect([21, 22].map((n) => box.reachesBack(n))).to.deep.equal([false, true]);
        expect(budget.bytes).to.equal(MIB);
        expect(box.resumeAfter(30)).to.equal(true);
        for (let n = 31; n <= 38; n++) box.add(frame(n));
        box.take(1_000);
        const [taken, last] = [frame(39, MIB), frame(40, MIB - 80)];
        for (const each of [taken, last]) {
            box.add(each);
            box.take(1);
            if (each === taken) box.retract(each);
        }
        expect(box.reachesBack(39)).to.equal(true);
    });

    it("counts what has left and what waits together while there is no stream", () => {
        const box = outbox();
        for (let n = 1; n <= 4; n++) box.add(frame(n));
        box.take(1_000);
        box.suspend();
        for (let n = 5; n <= 8; n++) box.add(frame(n));
        expect([2, 3].map((n) => box.reachesBack(n))).to.deep.equal([false, true]);
        expect(budget.bytes).to.equal(50);
        const large = outbox({ outboxFrames: 100 });
        for (let n = 1; n <= 4; n++) large.add(frame(n));
        large.take(1_000);
        large.suspend();
        large.add(frame(5, MIB - 30));
        expect([0, 1].map((n) => large.reachesBack(n))).to.deep.equal([false, true]);
    });

    it("is bounded as soon as its stream is gone, and does not conflate until there is another one", () => {
        const box = outbox();
        for (let n = 1; n <= 8; n++) box.add(frame(n));
        box.suspend();
        expect([2, 3].map((n) => box.reachesBack(n))).to.deep.equal([false, true]);
        for (const n of [9, 10]) box.add(frame(n, 60, "a"));
        expect(box.resumeAfter(5)).to.equal(true);
        expect(sequences(box.take(1_000))).to.deep.equal([6, 7, 8, 9, 10]);
    });

    it("waits again with what is sent again, conflation included", () => {
        const box = outbox();
        for (let n = 1; n <= 3; n++) box.add(frame(n, 20));
        box.take(1_000);
        for (const n of [4, 5]) box.add(frame(n, 30, "a"));
        box.add(frame(6, 30, "a"));
        expect(box.resumeAfter(2), "another stream took over").to.equal(true);
        expect(box.backlog).to.equal(80);
        box.add(frame(7, 30, "a"));
        expect(box.add(frame(8, 30))).to.equal(false);
        expect(sequences(box.take(1_000))).to.deep.equal([3, 4, 7]);
    });

    it("never claims to have again what it has lost, whatever a stream names", () => {
        const box = outbox();
        for (let n = 1; n <= 8; n++) {
            box.add(frame(n));
            box.take(1_000);
        }
        expect([box.resumeAfter(0), box.reachesBack(1)]).to.deep.equal([false, false]);
        expect(sequences(box.take(1_000))).to.deep.equal([4, 5, 6, 7, 8]);
        expect(box.resumeAfter(99)).to.equal(false);
        box.add(frame(9));
        expect([7, 8].map((n) => box.reachesBack(n))).to.deep.equal([false, true]);
        box.clear();
        expect([8, 9].map((n) => box.reachesBack(n))).to.deep.equal([false, true]);
        box.add(frame(10));
        box.take(1_000);
        box.add(frame(11));
        box.clearKept();
        expect([9, 10].map((n) => box.reachesBack(n))).to.deep.equal([false, true]);
        expect(sequences(box.take(1_000))).to.deep.equal([11]);
    });

    it("lets go of the memory of what it does not keep", async () => {
        const box = outbox();
        setFlagsFromString("--expose-gc");
        const collect = runInNewContext("gc") as () => void;
        const held = (): number => {
            collect();
            return process.memoryUsage().arrayBuffers;
        };
        const before = held();
        for (let n = 1; n <= 60; n++) {
            box.add(frame(n, MIB));
            box.take(1);
        }
        await eventually("60 MiB are let go", () => held() - before < 20 * MIB);
        expect(box.lastSequence).to.equal(60);
    });

    it("takes a frame back, and tells whether it had left", () => {
        const box = outbox();
        const [first, second] = [frame(1), frame(2)];
        box.add(first);
        box.take(1_000);
        box.add(second);
        expect([box.retract(first), box.retract(second), box.retract(second)]).to.deep.equal([false, true, false]);
        expect(box.resumeAfter(0)).to.equal(true);
        expect(box.take(1_000)).to.deep.equal([]);
        expect(budget.bytes).to.equal(0);
    });

    it("counts a frame once, however many hold it, and tells when all hold too much", () => {
        const boxes = [outbox({ maxStreamBacklog: 10_000 }), outbox({ maxStreamBacklog: 10_000 })];
        for (let n = 1; n <= 5; n++) {
            const shared = frame(n, 200);
            for (const box of boxes) box.add(shared);
        }
        expect([budget.bytes, exceeded]).to.deep.equal([1_000, 0]);
        boxes[0]?.add(frame(6, 1));
        expect(exceeded).to.equal(1);
        for (const box of boxes) box.clear();
        expect(budget.bytes).to.equal(0);
    });

    it("loses nothing, doubles nothing and keeps the order, whatever happens, short of a gap that it knows", () => {
        const step = fc.oneof(
            fc.record({ add: fc.nat(40) }),
            fc.record({ take: fc.nat(60) }),
            fc.record({ drop: fc.nat(3) })
        );
        fc.assert(
            fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
                const own = new FrameBudget(1e9, () => undefined);
                const box = new Outbox({ maxStreamBacklog: 1e6, outboxFrames: 6 }, own, 0);
                box.resumeAfter(0);
                let added = 0;
                let heard: number[] = [];
                const rest = (): void => {
                    while (!box.isEmpty) heard.push(...sequences(box.take(25)));
                };
                for (const one of steps) {
                    if ("add" in one) box.add(frame(++added, one.add));
                    else if ("take" in one) heard.push(...sequences(box.take(one.take)));
                    else {
                        heard = heard.slice(0, Math.max(heard.length - one.drop, 0)); // what was on the way is lost
                        box.suspend();
                        const last = heard.at(-1) ?? 0;
                        if (box.reachesBack(last)) expect(box.resumeAfter(last)).to.equal(true);
                        else return; // a gap: it is told
                    }
                }
                rest();
                expect(heard).to.deep.equal(Array.from({ length: added }, (_, index) => index + 1));
                box.clear();
                expect(own.bytes).to.equal(0);
            })
        );
    });
});
