/** The whole crowd: `npm run test:long`. It says how long it took and how much memory the one process has with all of it in it. */
import { expect } from "chai";
import { Crowd } from "./crowd";

describe("a hub with 200 agents of 5 Things each and 200 consumers", () => {
    it("brings every event to every consumer that subscribed to it once, in order per Thing", async () => {
        const from = performance.now();
        const crowd = await Crowd.start({ agents: 200, things: 5, consumers: 200, listenersEvery: 20 });
        try {
            const ready = performance.now();
            expect(crowd.hub.server.directory.size).to.equal(1_000);
            expect(crowd.hub.server.status.sessions).to.equal(400);
            await crowd.tell(20);
            const told = performance.now();
            expect(crowd.actual()).to.deep.equal(crowd.expected());
            expect(crowd.dropped).to.equal(0);
            const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
            const mib = Math.round(process.memoryUsage.rss() / 1024 / 1024);
            console.log(
                `      ready in ${seconds(ready - from)}, ${String(crowd.heard)} events heard in ${seconds(told - ready)}, ${String(mib)} MiB`
            );
        } finally {
            await crowd.stop();
        }
    });
});
