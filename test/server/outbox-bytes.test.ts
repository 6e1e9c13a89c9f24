/** What gives way when all outboxes together hold more than `maxOutboxBytes`, and in which order (design.md, "Delivery"). */
import { expect } from "chai";
import type { RawClient } from "../conformance/raw/raw-client";
import { onEnd } from "../hub/harness";
import { eventually } from "../support/eventually";
import { isSecure, SetUp, TRANSPORTS, type Role } from "../support/set-ups";
import type { TestThing } from "../support/things";

const KIB = 1024;
const MAX_BYTES = 100 * KIB;
/** Relief goes on until so much is left at most: else the next frame would call for it again. */
const RELIEVED = 0.9;
const OURS = { "hiveot-features": "resume" };
const NAMES = ["urn:one", "urn:two", "urn:three"] as const;

for (const transport of TRANSPORTS) {
    describe(`outboxes that hold more than all may together, over ${transport}`, () => {
        let setUp: SetUp;

        async function start(server: object = {}): Promise<TestThing[]> {
            const options = { lingerTime: 60_000, maxOutboxBytes: MAX_BYTES, ...server };
            setUp = await SetUp.start({ secure: isSecure(transport), server: options, things: NAMES });
            onEnd(() => setUp.stop());
            return NAMES.map((name) => setUp.thing(name));
        }

        /** Opens the stream of the one session of this client. @returns what the server says of its resumption */
        async function open(client: RawClient, lastEventId?: string): Promise<string | undefined> {
            const headers = { ...OURS, ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) };
            const stream = await client.openStream({ cid: "c", headers });
            await stream.next(({ event }) => event === "sse-ping");
            return stream.headers["hiveot-resume"];
        }

        /** A client with a stream that hears the events of one Thing. */
        async function hears(role: Role, thingID: string | undefined): Promise<RawClient> {
            const client = await setUp.client(transport, role);
            onEnd(() => client.close());
            await open(client);
            await client.call({ operation: "subscribeallevents", thingID });
            return client;
        }

        async function leaves(client: RawClient): Promise<void> {
            const { lingering } = setUp.server.status;
            client.stream!.destroy();
            await eventually("it lingers", () => setUp.server.status.lingering === lingering + 1);
        }

        /** The id of the last frame that came. */
        const lastOf = ({ stream }: RawClient): string =>
            stream!.blocks.filter(({ id }) => id !== undefined).at(-1)!.id!;
        const sizes = (client: RawClient): number[] =>
            client.stream!.notifications().map(({ value }) => String(value).length);

        it("lose sessions that are away, those first that left first, and no more of them than need be", async () => {
            const [first, second, third] = await start();
            const later = await hears("viewer", second?.id);
            const sooner = await hears("operator", first?.id);
            const healthy = await hears("manager", third?.id);
            const [laterHas, soonerHas, healthyHas] = [lastOf(later), lastOf(sooner), lastOf(healthy)];
            await leaves(sooner);
            await leaves(later);
            first?.tick("x".repeat(45 * KIB));
            second?.tick("x".repeat(40 * KIB));
            third?.tick("x".repeat(5 * KIB));
            await healthy.stream!.notification();
            expect(setUp.server.status).to.include({ lingering: 2 });
            third?.tick("x".repeat(20 * KIB));
            await eventually("one gave way", () => setUp.server.status.lingering === 1);
            expect(setUp.server.status.outboxBytes).to.be.within(65 * KIB, 70 * KIB);
            await healthy.stream!.notification();
            await leaves(healthy);
            expect(await open(healthy, healthyHas)).to.equal("resumed");
            expect(await open(later, laterHas)).to.equal("resumed");
            await later.stream!.notification();
            expect(sizes(later)).to.deep.equal([40 * KIB]);
            expect(await open(sooner, soonerHas)).to.equal("gap");
        });

        it("then lose what has left, as far as need be: who has missed it has a gap, and no stream is cut", async () => {
            const [first, second] = await start();
            const one = await hears("viewer", first?.id);
            const two = await hears("operator", second?.id);
            const [oneHad, twoHad] = [lastOf(one), lastOf(two)];
            first?.tick("x".repeat(60 * KIB));
            await one.stream!.notification();
            const oneHas = lastOf(one);
            second?.tick("x".repeat(50 * KIB));
            await two.stream!.notification();
            await eventually("it was forgotten", () => setUp.server.status.outboxBytes < 60 * KIB);
            for (const [client, thing] of [
                [one, first],
                [two, second],
            ] as const) {
                thing?.tick("last");
                await client.stream!.notification({ value: "last" });
            }
            expect(setUp.server.status).to.include({ sessions: 2, lingering: 0 });
            await leaves(one);
            expect(await open(one, oneHas), "behind what was forgotten").to.equal("resumed");
            await one.stream!.notification({ value: "last" });
            expect(await open(one, oneHad)).to.equal("gap");
            await leaves(two);
            expect(await open(two, twoHad), "no more than need be").to.equal("resumed");
            const value = "y".repeat(60 * KIB);
            second?.tick(value);
            await two.stream!.notification({ value });
            await eventually("it was forgotten again", () => setUp.server.status.outboxBytes < 70 * KIB);
        });

        it("then lose what waits for the slowest reader, and no other one notices", async () => {
            const maxOutboxBytes = 3 * KIB * KIB;
            const [first, second] = await start({ maxOutboxBytes, maxStreamBacklog: 64 * KIB * KIB });
            const healthy = await hears("manager", undefined);
            const slow = await hears("operator", second?.id);
            const slowest = await hears("viewer", undefined);
            const had = lastOf(slowest);
            slowest.stream!.pause();
            slow.stream!.pause();
            const sent: string[] = [];
            const tick = async (thing: TestThing | undefined, size: number): Promise<void> => {
                const value = `${String(sent.length)} ${"x".repeat(size)}`;
                sent.push(value);
                thing?.tick(value);
                await healthy.stream!.notification({ value });
            };
            await tick(second, KIB);
            while (setUp.server.status.lingering === 0) {
                await tick(first, 200 * KIB);
                if (sent.length > 200) throw new Error("Nobody lost a stream");
            }
            expect(setUp.server.status).to.include({ sessions: 2, lingering: 1 });
            expect(setUp.server.status.outboxBytes).to.be.at.most(maxOutboxBytes * RELIEVED);
            await tick(second, KIB);
            expect(healthy.stream!.notifications().map(({ value }) => value)).to.deep.equal(sent);
            expect(healthy.stream!.ended).to.equal(false);
            slowest.stream!.destroy();
            expect(await open(slowest, had)).to.equal("gap");
            expect((await slowest.call({ operation: "ping" })).envelope).to.include({ output: "pong" });
        });

        it("lose what waits for one reader that is behind by more than it may be", async () => {
            const [first] = await start({ maxOutboxBytes: 64 * KIB * KIB, maxStreamBacklog: 256 * KIB });
            const slow = await hears("viewer", first?.id);
            const healthy = await hears("operator", first?.id);
            const had = lastOf(slow);
            slow.stream!.pause();
            let last = 0;
            while (setUp.server.status.lingering === 0) {
                const value = `${String(++last)} ${"x".repeat(64 * KIB)}`;
                first?.tick(value);
                await healthy.stream!.notification({ value });
                if (last > 400) throw new Error("It never lost its stream");
            }
            slow.stream!.destroy();
            expect(await open(slow, had)).to.equal("gap");
        });

        it("have nothing left when their clients are gone", async () => {
            const [first] = await start({ lingerTime: 10 });
            const client = await hears("viewer", first?.id);
            first?.tick("x".repeat(KIB));
            await client.stream!.notification();
            expect(setUp.server.status.outboxBytes).to.be.greaterThan(KIB);
            client.stream!.destroy();
            await eventually("it is gone", () => setUp.server.status.lingering + setUp.server.status.sessions === 0);
            expect(setUp.server.status.outboxBytes).to.equal(0);
        });
    });
}
