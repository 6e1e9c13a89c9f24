/** A tenth of the crowd of crowd.long.ts. */
import { expect } from "chai";
import { Crowd } from "./crowd";

describe("a hub with 20 agents of 5 Things each and 20 consumers", () => {
    it("brings every event to every consumer that subscribed to it once, in order per Thing", async function () {
        this.timeout(60_000);
        const crowd = await Crowd.start({ agents: 20, things: 5, consumers: 20, listenersEvery: 5 });
        try {
            expect(crowd.hub.server.directory.size).to.equal(100);
            expect(crowd.hub.server.status.sessions).to.equal(40);
            await crowd.tell(10);
            expect(crowd.actual()).to.deep.equal(crowd.expected());
            expect(crowd.dropped).to.equal(0);
        } finally {
            await crowd.stop();
        }
    });
});
