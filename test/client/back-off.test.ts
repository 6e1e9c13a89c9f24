/** How long a client waits before it dials again. */
import { expect } from "chai";
import { connect } from "../../src/index";
import { onEnd } from "../hub/harness";
import { eventually } from "../support/eventually";
import { RawServer } from "./raw-server";

const RECONNECT = { min: 20, max: 200 };
/** Timers may be early by a part of a millisecond, and what chance takes off the longest wait. */
const EARLY = 3;

describe("a client whose stream drops", () => {
    let server: RawServer;
    /** Milliseconds from the end of each stream, or refusal, to the next attempt. */
    let waits: number[];
    let ended: number;

    beforeEach(async () => {
        const { random } = Math;
        Math.random = () => 0.999; // the longest waits that chance allows
        onEnd(() => {
            Math.random = random;
        });
        server = await RawServer.start();
        onEnd(() => server.stop());
        const connection = await connect(`sse-plain://${server.authority}`, undefined, { reconnect: RECONNECT });
        onEnd(() => connection.close());
        waits = [];
    });

    function drop(): void {
        ended = performance.now();
        server.dropStreams();
    }

    /** Waits for the next stream. */
    async function back(): Promise<void> {
        const { opened } = server;
        drop();
        await server.until(() => server.opened > opened);
        waits.push(performance.now() - ended);
    }

    it("waits twice as long each time, until a stream has lived for longer than the longest wait", async () => {
        for (let round = 0; round < 3; round++) await back();
        for (const [index, wait] of [40, 80, 160].entries()) expect(waits[index]).to.be.at.least(wait - EARLY);
        // The machine may make any wait longer, but not all of them.
        for (let round = 0; round < 5 && (waits.at(-1) ?? 0) > RECONNECT.max / 2; round++) {
            const opened = performance.now();
            await eventually("it has lived", () => performance.now() - opened > 1.2 * RECONNECT.max);
            await back();
        }
        expect(waits.at(-1)).to.be.within(RECONNECT.min - EARLY, RECONNECT.max / 2);
    });

    it("waits as long as a server asks that refuses it, but no longer than it ever does", async () => {
        const open = server.handlers.get("GET /hiveot/ssesc")!;
        server.handlers.set("GET /hiveot/ssesc", (_, reply) => {
            server.handlers.set("GET /hiveot/ssesc", open);
            reply.writeHead(503, { "retry-after": "60" });
            reply.end();
            ended = performance.now();
        });
        await back();
        expect(waits[0]).to.be.at.least(RECONNECT.max - EARLY);
    });
});
