/** The frames of one session: what waits, what has left, what is sent again. */
import { expect } from "chai";
import fc from "fast-check";
import { FrameBudget, Outbox, type Frame } from "../../lib/outbox";

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
