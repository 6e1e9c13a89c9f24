/** When a client takes a silent server for gone, and when it does not. */
import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { SseScError } from "../../lib/errors";
import { StreamWatchdog } from "../../src/http/stream-watchdog";
import { onEnd } from "../hub/harness";
import { eventually } from "../support/eventually";

const HEARTBEAT = 20;

describe("StreamWatchdog", () => {
    let left: SseScError[];
    let leftAt: number;
    /** What was asked and waits for its answer. */
    let asked: { answer(): void; fail(code: "TIMEOUT" | "NOT_FOUND"): void }[];
    let watchdog: StreamWatchdog;

    function watch(heartbeatInterval: number): void {
        left = [];
        asked = [];
        watchdog = new StreamWatchdog({
            heartbeatInterval,
            pingInterval: 1,
            ping: () =>
                new Promise((answer, reject) => {
                    asked.push({
                        answer,
                        fail: (code) => {
                            reject(new SseScError(code));
                        },
                    });
                }),
            onSilent: (error) => {
                left.push(error);
                leftAt = performance.now();
            },
        });
        onEnd(() => {
            watchdog.stop();
        });
    }

    const isAsked = (times: number): Promise<void> => eventually("it is asked", () => asked.length === times);

    /** Lets everything come that would come by itself, timers of 1 ms included. */
    async function settles(): Promise<void> {
        const until = performance.now() + 5;
        while (performance.now() < until) await turn();
    }

    it("gives a server 2.5 of the heartbeats that it announces, and asks it nothing", async () => {
        const start = performance.now();
        watch(HEARTBEAT);
        await eventually("it is left", () => left.length > 0);
        expect(performance.now() - start).to.be.at.least(2.5 * HEARTBEAT - 1);
        expect(left.map(({ code }) => code)).to.deep.equal(["CONNECTION_LOST"]);
        expect(asked).to.deep.equal([]);
    });

    it("begins anew with whatever comes", async () => {
        watch(HEARTBEAT);
        const start = performance.now();
        let heard = start;
        while (left.length === 0 && performance.now() - start < 4 * HEARTBEAT) {
            heard = performance.now();
            watchdog.heard();
            await turn();
        }
        await eventually("it is left", () => left.length > 0);
        expect(leftAt - heard).to.be.at.least(2.5 * HEARTBEAT - 1);
    });

    it("leaves a server that announces none when it does not answer in time, once, and asks no more", async () => {
        watch(0);
        await isAsked(1);
        asked[0]!.fail("TIMEOUT");
        await eventually("it is left", () => left.length > 0);
        watchdog.heard();
        await settles();
        expect([left.length, asked.length]).to.deep.equal([1, 1]);
    });

    it("asks again behind an answer, and takes any other failure for one", async () => {
        watch(0);
        await isAsked(1);
        asked[0]!.answer();
        await isAsked(2);
        asked[1]!.fail("NOT_FOUND");
        await isAsked(3);
        expect(left).to.deep.equal([]);
    });

    it("does not leave a server that said something else while it was asked, and asks again", async () => {
        watch(0);
        await isAsked(1);
        watchdog.heard();
        asked[0]!.fail("TIMEOUT");
        await isAsked(2);
        expect(left).to.deep.equal([]);
    });

    it("neither asks nor leaves when it is stopped, also where something comes yet", async () => {
        watch(0);
        watchdog.stop();
        watchdog.heard();
        await settles();
        expect(asked).to.deep.equal([]);
        for (const answer of ["answer", "fail"] as const) {
            watch(0);
            await isAsked(1);
            watchdog.stop();
            asked[0]![answer]("TIMEOUT");
            await settles();
            expect([left.length, asked.length], answer).to.deep.equal([0, 1]);
        }
    });
});
