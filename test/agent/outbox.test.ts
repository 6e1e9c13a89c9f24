/** What an agent tells its hub: in order, once, and bounded while the hub is away. */
import { expect } from "chai";
import { RawHub } from "../conformance/raw/raw-hub";
import { eventually } from "../support/eventually";
import { TRANSPORTS } from "../support/set-ups";
import { COUNTER_ID, TWIN_ID } from "../support/things";
import { eventsOf, hubOf, nextError, nextEvent, registeredAgent } from "./agent-set-up";

const NDJSON = "application/x-ndjson";

describe("what an agent publishes", () => {
    /** Ends the hub's connections and lets nobody in until the function that is returned is called. */
    function lockOut(hub: RawHub): () => void {
        let locked = true;
        hub.server.when(({ method }) => (locked && method === "GET" ? { status: 503, body: "away" } : undefined));
        hub.server.cut();
        return () => {
            locked = false;
        };
    }

    const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

    for (const transport of TRANSPORTS) {
        for (const batches of [true, false]) {
            it(`comes once and in order over ${transport}, ${batches ? "in batches" : "in single POSTs"}`, async () => {
                const hub = await hubOf(transport, { batches });
                const setUp = await registeredAgent(hub, transport, {}, [COUNTER_ID, TWIN_ID]);
                const told = numbers(120);
                for (const text of told) {
                    setUp.counter.tick(text);
                    setUp.thing(TWIN_ID).tick(text);
                }
                await hub.until("all", () => hub.notifications.length === 240);
                expect(hub.values(COUNTER_ID, "tick")).to.deep.equal(told);
                expect(hub.values(TWIN_ID, "tick")).to.deep.equal(told);
                const posts = hub.server.seen.filter(({ path }) => path === "/hiveot/notification");
                if (batches) expect(posts.length).to.be.lessThan(10);
                else expect(posts.length).to.equal(240);
                const types = new Set(posts.map(({ headers }) => headers["content-type"]));
                expect(types.has(NDJSON)).to.equal(batches);
            });
        }
    }

    it("is never two POSTs at once for one Thing", async () => {
        const hub = await hubOf("TLS h2");
        const open = new Map<string, number>();
        let most = 0;
        const { server } = hub;
        // The reply goes out a turn after the next POST could have come.
        server.when(({ path, envelope }) => {
            if (path !== "/hiveot/notification") return undefined;
            const thing = String(envelope?.["thingID"]);
            open.set(thing, (open.get(thing) ?? 0) + 1);
            most = Math.max(most, open.get(thing) ?? 0);
            setImmediate(() => open.set(thing, (open.get(thing) ?? 0) - 1));
            return undefined;
        });
        const setUp = await registeredAgent(hub, "TLS h2", {}, [COUNTER_ID, TWIN_ID]);
        for (const text of numbers(50)) {
            setUp.counter.tick(text);
            setUp.thing(TWIN_ID).tick(text);
        }
        await hub.until("all", () => hub.notifications.length === 100);
        expect(most).to.equal(1);
        expect(new Set(hub.notifications.map(({ messageID }) => messageID)).size).to.equal(100);
    });

    it("splits batches at 500 lines and 256 KiB", async () => {
        const hub = await hubOf("plain h1", { batches: true });
        const setUp = await registeredAgent(hub, "plain h1", { outbox: { maxNotifications: 2_000, maxBytes: 9e6 } });
        const sizes: number[] = [];
        const bytes: number[] = [];
        hub.onNotifications = (lines, { body }) => {
            sizes.push(lines.length);
            bytes.push(body.length);
            return undefined;
        };
        for (const text of numbers(1_200)) setUp.counter.tick(text);
        await hub.until("all", () => hub.notifications.length === 1_200);
        for (const text of numbers(6)) setUp.counter.tick(text.padEnd(100_000, "x"));
        await hub.until("large ones", () => hub.notifications.length === 1_206);
        expect(Math.max(...sizes)).to.equal(500);
        expect(Math.max(...bytes)).to.be.lessThan(256 * 1024 + 10);
        expect(hub.values(COUNTER_ID, "tick").slice(0, 1_200)).to.deep.equal(numbers(1_200));
    });

    it("goes in ever smaller batches while connections break before a large one has passed, and in large ones again later", async () => {
        const hub = await hubOf("TLS h2", { batches: true });
        const setUp = await registeredAgent(hub, "TLS h2");
        const sizes: number[] = [];
        hub.onNotifications = (lines) => {
            sizes.push(lines.length);
            if (lines.length <= 5 || sizes.length > 10) return undefined;
            setImmediate(() => hub.server.cut());
            return { status: 500, hang: true };
        };
        for (const text of numbers(40)) setUp.counter.tick(text);
        await hub.until("all", () => hub.notifications.length === 40);
        expect(hub.values(COUNTER_ID, "tick")).to.deep.equal(numbers(40));
        expect(sizes).to.deep.equal([40, 20, 10, 5, 10, 5, 10, 5, 10, 5, 10, 10]);
    });

    it("goes line by line where the hub refuses a batch, and only the bad line is lost", async () => {
        const hub = await hubOf("plain h1", { batches: true });
        const setUp = await registeredAgent(hub, "plain h1");
        hub.onNotifications = (lines) =>
            lines.some(({ value }) => value === "3") ? { status: 400, body: "I do not like it" } : undefined;
        const told = nextError(setUp.agent);
        for (const text of numbers(6)) setUp.counter.tick(text);
        await hub.until("the others", () => hub.notifications.length === 5);
        expect(hub.values(COUNTER_ID, "tick")).to.deep.equal(["0", "1", "2", "4", "5"]);
        const { error, thingId } = await told;
        expect([error.status, thingId]).to.deep.equal([400, COUNTER_ID]);
        await eventually("nothing waits", () => setUp.agent.status.queued === 0);
    });

    it("is tried again where the hub fails at it, and given up after three times", async () => {
        const hub = await hubOf("plain h1");
        const setUp = await registeredAgent(hub, "plain h1");
        let tries = 0;
        hub.onNotifications = ([line]) => {
            if (line?.["value"] !== "poison") return undefined;
            tries++;
            return { status: 500, body: "crashed" };
        };
        setUp.counter.tick("poison");
        setUp.counter.tick("after");
        await hub.until("the next", () => hub.values(COUNTER_ID, "tick").includes("after"));
        expect(tries).to.equal(3);
    });

    it("waits as long as a hub that is overloaded asks for", async () => {
        const hub = await hubOf("plain h1");
        const setUp = await registeredAgent(hub, "plain h1");
        let refused = 0;
        hub.onNotifications = () =>
            refused++ < 5 ? { status: 429, headers: { "retry-after": "0" }, body: "slowly" } : undefined;
        setUp.counter.tick("patient");
        await hub.until("it", () => hub.values(COUNTER_ID, "tick").length === 1);
        expect(refused).to.equal(6);
    });

    for (const batches of [true, false]) {
        it(`is sent again with the same messageID when its POST was cut, ${batches ? "in a batch" : "alone"}`, async () => {
            const hub = await hubOf("TLS h2", { batches });
            const setUp = await registeredAgent(hub, "TLS h2");
            const cut: unknown[] = [];
            hub.onNotifications = (lines) => {
                if (cut.length > 0) return undefined;
                cut.push(...lines.map(({ messageID }) => messageID));
                setImmediate(() => hub.server.cut());
                return { status: 500, hang: true };
            };
            for (const text of numbers(4)) setUp.counter.tick(text);
            await hub.until("all", () => hub.notifications.length >= 4);
            expect(hub.values(COUNTER_ID, "tick")).to.deep.equal(numbers(4));
            const ids = hub.notifications.map(({ messageID }) => messageID);
            expect(cut).to.have.length(batches ? 4 : 1);
            expect(ids.slice(0, cut.length)).to.deep.equal(cut);
        });
    }

    it("waits while the hub is away: events all, of properties the newest, in order", async () => {
        const hub = await hubOf("plain h1", { batches: true });
        const { agent, counter } = await registeredAgent(hub, "plain h1");
        const letIn = lockOut(hub);
        await eventually("noticed", () => agent.state === "connecting");
        counter.tick("a");
        await counter.setCount(1);
        counter.tick("b");
        await counter.setCount(2);
        await counter.setCount(3);
        await eventually("queued", () => agent.status.queued === 3);
        letIn();
        await hub.until("all", () => hub.notifications.length === 3);
        expect(hub.notifications.map(({ value }) => value)).to.deep.equal(["a", "b", 3]);
        expect(agent.status.dropped).to.equal(0);
    });

    it("waits in a queue that drops the oldest events when it is full, and says so", async () => {
        const hub = await hubOf("plain h1");
        const { agent, counter } = await registeredAgent(hub, "plain h1", { outbox: { maxNotifications: 5 } });
        const events = eventsOf(agent);
        const letIn = lockOut(hub);
        await eventually("noticed", () => agent.state === "connecting");
        await counter.setCount(7);
        for (const text of numbers(20)) counter.tick(text);
        await eventually("dropped", () => agent.status.dropped === 16);
        await eventually("told", () => events.includes("dropped 16"));
        expect(agent.status.queued).to.equal(5);
        letIn();
        await hub.until("all", () => hub.notifications.length === 5);
        expect(hub.notifications.map(({ value }) => value)).to.deep.equal([7, "16", "17", "18", "19"]);
    });

    it("waits in a queue of so many bytes", async () => {
        const hub = await hubOf("plain h1");
        const { agent, counter } = await registeredAgent(hub, "plain h1", { outbox: { maxBytes: 10_000 } });
        const letIn = lockOut(hub);
        await eventually("noticed", () => agent.state === "connecting");
        for (const text of numbers(10)) counter.tick(text.padEnd(3_000, "."));
        await eventually("dropped", () => agent.status.dropped === 7);
        const told = nextError(agent);
        counter.tick("x".repeat(20_000));
        expect((await told).error.code).to.equal("TOO_LARGE");
        letIn();
        await hub.until("all", () => hub.notifications.length === 3);
        expect(hub.values(COUNTER_ID, "tick").map((text) => String(text)[0])).to.deep.equal(["7", "8", "9"]);
    });

    it("is bounded too while the hub is there but does not answer", async () => {
        const hub = await hubOf("plain h1");
        const { agent, counter } = await registeredAgent(hub, "plain h1", { outbox: { maxNotifications: 10 } });
        hub.onNotifications = () => ({ status: 200, hang: true });
        for (const text of numbers(200)) counter.tick(text);
        await eventually("dropped", () => agent.status.dropped === 190);
        expect(agent.status.queued).to.equal(10);
    });

    it("does not hold up another Thing whose POST is not answered", async () => {
        const hub = await hubOf("plain h1");
        const setUp = await registeredAgent(hub, "plain h1", {}, [COUNTER_ID, TWIN_ID]);
        hub.onNotifications = ([line]) => (line?.["thingID"] === TWIN_ID ? { status: 200, hang: true } : undefined);
        setUp.thing(TWIN_ID).tick("stuck");
        setUp.counter.tick("free");
        await hub.until("the other", () => hub.values(COUNTER_ID, "tick").length === 1);
        expect((await hub.ask("readproperty", COUNTER_ID, "count"))["output"]).to.equal(0);
    });

    it("is not lost when the hub restarts in the middle", async () => {
        const hub = await hubOf("TLS h2", { batches: true });
        const { agent, counter } = await registeredAgent(hub, "TLS h2");
        let count = 0;
        for (let round = 0; round < 5; round++) {
            for (let burst = 0; burst < 20; burst++) counter.tick(String(count++));
            const back = nextEvent(agent, "connected");
            hub.server.cut();
            for (let burst = 0; burst < 20; burst++) counter.tick(String(count++));
            await back;
        }
        await eventually("all gone", () => agent.status.queued === 0);
        const distinct = [...new Set(hub.notifications.map(({ messageID }) => messageID))];
        expect(distinct).to.have.length(count);
        expect([...new Set(hub.values(COUNTER_ID, "tick"))]).to.deep.equal(numbers(count));
    });
});
