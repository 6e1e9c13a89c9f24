/** How frames leave: no faster than the reader takes them, soon or at the end of the turn, and none behind the end. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { FrameBudget, Outbox, type Frame } from "../../lib/outbox";
import { FlushScheduler, StreamWriter } from "../../src/http/stream-writer";
import { onEnd } from "../hub/harness";
import { eventually } from "../support/eventually";

const KIB = 1024;
const MIB = KIB * KIB;
/** What a stream is handed at once, with what HTTP/1.1 puts around it. */
const HANDED = 65 * KIB;
const HEARTBEAT = Buffer.from(":\n\n");

describe("StreamWriter", () => {
    let response: ServerResponse;
    let reader: Socket;
    let outbox: Outbox;
    let sequence: number;

    beforeEach(async () => {
        const server = createServer().listen(0, "127.0.0.1");
        await once(server, "listening");
        reader = connect((server.address() as AddressInfo).port, "127.0.0.1");
        onEnd(() => {
            reader.destroy();
            server.close();
        });
        reader.write("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        [, response] = (await once(server, "request")) as [unknown, ServerResponse];
        const budget = new FrameBudget(1_000 * MIB, () => undefined);
        outbox = new Outbox({ maxStreamBacklog: 1_000 * MIB, outboxFrames: 10 }, budget, 0);
        outbox.resumeAfter(0);
        sequence = 0;
    });

    function add(text: string): Frame {
        const frame = { sequence: ++sequence, bytes: Buffer.from(text), topic: undefined, holders: 0 };
        outbox.add(frame);
        return frame;
    }

    const written = (): StreamWriter => new StreamWriter(response, new FlushScheduler(), outbox, Buffer.from("first "));

    /** Reads on. @returns the text so far, at any time */
    function reads(): () => string {
        const texts: string[] = [];
        reader.setEncoding("latin1").on("data", (text: string) => texts.push(text));
        return () => texts.join("").replace(/\r\n[\da-f]+\r\n/g, "");
    }

    /** Adds more than the sockets between us and a reader that does not read can take. @returns the number of frames */
    async function stall(): Promise<number> {
        const frames = 2_000;
        for (let n = 0; n < frames; n++) add(`${" ".repeat(16 * KIB - 1)}>`);
        add("last");
        for (let same = 0, before = -1; same < 100; before = outbox.backlog) {
            await turn();
            expect(response.writableLength).to.be.at.most(HANDED);
            same = outbox.backlog === before && response.writableNeedDrain ? same + 1 : 0;
        }
        expect(outbox.backlog).to.be.greaterThan(MIB);
        return frames;
    }

    it("hands over 64 KiB at most until they are gone, and goes on by itself when the reader does", async () => {
        const writer = written();
        writer.wake(false);
        const pending = stall();
        writer.wake(false);
        const frames = await pending;
        const { backlog } = outbox;
        for (const soon of [true, false]) {
            writer.wake(soon);
            await turn();
        }
        writer.flush();
        expect(outbox.backlog).to.equal(backlog);
        const text = reads();
        await eventually("all has left", () => outbox.isEmpty);
        await eventually("all has come", () => text().includes("last"));
        expect(text().match(/>/g)).to.have.length(frames);
    });

    it("sends no heartbeat to a reader that has not taken what it has, nor ahead of what waits", async () => {
        const writer = written();
        const pending = stall();
        writer.wake(false);
        await pending;
        const { writableLength } = response;
        for (let n = 0; n < 100; n++) writer.heartbeat(HEARTBEAT);
        expect(response.writableLength).to.equal(writableLength);
        outbox.clear();
        for (let n = 0; n < 100; n++) writer.heartbeat(HEARTBEAT);
        expect(response.writableLength, "though nothing waits").to.equal(writableLength);
        const text = reads();
        await eventually("it was taken", () => response.writableLength === 0);
        await turn();
        add("waits");
        writer.heartbeat(HEARTBEAT);
        expect(response.writableLength).to.equal(0);
        writer.flush();
        writer.heartbeat(HEARTBEAT);
        await eventually("it came", () => text().includes("waits:\n\n"));
        expect(text().match(/:\n\n/g)).to.have.length(1);
    });

    const tick = (): Promise<void> =>
        new Promise((resolve) => {
            process.nextTick(resolve);
        });

    it("sends responses at the end of the tick, with what waits, and all else at the end of the turn", async () => {
        const writer = written();
        add("event");
        writer.wake(false);
        await tick();
        expect(outbox.isEmpty).to.equal(false);
        await turn();
        expect(outbox.isEmpty).to.equal(true);
        for (let round = 0; round < 2; round++) {
            add("event");
            writer.wake(false);
            add("response");
            writer.wake(true);
            expect(outbox.isEmpty).to.equal(false);
            await tick();
            expect(outbox.isEmpty).to.equal(true);
        }
    });

    it("ends a stream behind all that waits, and leaves in the outbox what comes then", async () => {
        const errors: unknown[] = [];
        response.on("error", (error) => errors.push(error));
        const text = reads();
        const writer = written();
        for (let n = 0; n < 10; n++) add("x".repeat(16 * KIB));
        add("last");
        writer.wake(false);
        writer.wake(true);
        writer.end();
        expect(outbox.isEmpty).to.equal(true);
        add("late");
        writer.wake(true);
        writer.wake(false);
        writer.flush();
        writer.end();
        await once(reader, "end");
        expect(text().match(/x/g)).to.have.length(160 * KIB);
        expect(text()).to.include("last").and.not.include("late");
        expect([outbox.backlog, errors]).to.deep.equal([4, []]);
    });

    it("writes nothing to a stream that somebody else has ended, nor when it is stopped", async () => {
        const writer = written();
        add("stays");
        writer.stop();
        writer.flush();
        writer.wake(true);
        writer.wake(false);
        await turn();
        expect(outbox.backlog).to.equal(5);
        const another = written();
        response.end();
        another.flush();
        await turn();
        expect(outbox.backlog).to.equal(5);
    });
});
