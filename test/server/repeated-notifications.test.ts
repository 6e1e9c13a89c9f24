/** Notifications that an agent of ours repeats, because it does not know whether they were taken, are heard once. */
import { expect } from "chai";
import { RecentNotifications } from "../../src/http/recent-notifications";
import { RawAgent } from "../conformance/raw/raw-agent";
import type { RawClient } from "../conformance/raw/raw-client";
import { onEnd, tdOf } from "../hub/harness";
import { SetUp, usernameOf } from "../support/set-ups";

const LAMP = "lamp-1";
const OURS = { "hiveot-features": "batch, resume" };

describe("a notification that comes again", () => {
    let setUp: SetUp;
    let consumer: RawClient;

    beforeEach(async () => {
        setUp = await SetUp.start({ secure: false, server: { hub: true }, things: [] });
        onEnd(() => setUp.stop());
        await setUp.server.directory.put(tdOf(LAMP, { events: { failed: {} } }), usernameOf("device"));
        consumer = await setUp.connected("plain h1", "viewer");
        onEnd(() => consumer.close());
        await consumer.call({ operation: "subscribeallevents" });
    });

    async function agent(cid: string, headers: Record<string, string>): Promise<RawAgent> {
        const client = await setUp.client("plain h1", "device");
        onEnd(() => client.close());
        await (await client.openStream({ cid, headers })).next(({ event }) => event === "sse-ping");
        return new RawAgent(client);
    }

    /** Publishes with this message id, by a batch or by itself. */
    async function publish({ client }: RawAgent, value: string, messageID: string, batch = false): Promise<void> {
        const text = JSON.stringify({ affordanceType: "event", thingID: LAMP, name: "failed", value, messageID });
        const headers = batch ? { "content-type": "application/x-ndjson" } : {};
        expect(await client.post("/hiveot/notification", text, headers)).to.include({ status: 204 });
    }

    async function heard(by: RawAgent): Promise<unknown[]> {
        await publish(by, "last", "last");
        await consumer.stream!.notification({ value: "last" });
        return consumer.stream!.notifications().map(({ value }) => value);
    }

    it("on a connection that negotiated features is heard once, by whichever POST it comes", async () => {
        const lamp = await agent("one", OURS);
        await publish(lamp, "first", "m1");
        await publish(lamp, "again", "m1");
        await publish(lamp, "in a batch", "m1", true);
        await publish(lamp, "another", "m2", true);
        expect(await heard(lamp)).to.deep.equal(["first", "another", "last"]);
    });

    it("is known after the stream was dropped and opened again", async () => {
        const before = await agent("one", OURS);
        await publish(before, "first", "m1");
        before.client.stream!.destroy();
        const after = await agent("one", OURS);
        await publish(after, "again", "m1");
        expect(await heard(after)).to.deep.equal(["first", "last"]);
    });

    it("is another one on another connection, and from HiveOT's clients, which use ids again", async () => {
        await publish(await agent("one", OURS), "first", "m1");
        await publish(await agent("two", OURS), "second", "m1");
        const theirs = await agent("three", {});
        await publish(theirs, "third", "m1");
        await publish(theirs, "fourth", "m1");
        expect(await heard(theirs)).to.deep.equal(["first", "second", "third", "fourth", "last"]);
    });

    it("is remembered within bounds: the last 1,000 of a connection, and those of connections that spoke last", () => {
        const recent = new RecentNotifications(2_500);
        for (let n = 0; n < 1_100; n++) expect(recent.isRepeat("a", "1", `m${n}`)).to.equal(false);
        expect(recent.size).to.equal(1_000);
        expect(recent.isRepeat("a", "1", "m1099")).to.equal(true);
        expect(recent.isRepeat("a", "1", "m99")).to.equal(false);
        for (const cid of ["2", "3"]) for (let n = 0; n < 1_000; n++) recent.isRepeat("a", cid, `m${n}`);
        expect(recent.size).to.equal(2_000); // the first one is gone
        expect(recent.isRepeat("a", "1", "m1099")).to.equal(false);
        expect(recent.isRepeat("a", "3", "m999")).to.equal(true);
    });

    it("is another one of another client, whatever its connection id; who speaks is not forgotten", () => {
        const recent = new RecentNotifications(3);
        expect([recent.isRepeat("a", "1", "m"), recent.isRepeat("b", "1", "m")]).to.deep.equal([false, false]);
        recent.isRepeat("a", "1", "n");
        recent.isRepeat("c", "1", "m"); // one too many: "b" was silent for the longest time
        expect([recent.isRepeat("a", "1", "m"), recent.isRepeat("c", "1", "m")]).to.deep.equal([true, true]);
        expect(recent.size).to.equal(3);
    });

    it("is not known by ids that are longer than any of ours", () => {
        const recent = new RecentNotifications();
        const [long, longest] = ["x".repeat(129), "x".repeat(128)];
        for (const [cid, id] of [
            [long, "m"],
            ["1", long],
        ] as const) {
            for (let time = 0; time < 2; time++) expect(recent.isRepeat("a", cid, id)).to.equal(false);
        }
        expect(recent.size).to.equal(0);
        expect([recent.isRepeat("a", longest, longest), recent.isRepeat("a", longest, longest)]).to.deep.equal([
            false,
            true,
        ]);
    });
});
