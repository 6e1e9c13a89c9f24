import { mock } from "node:test";
import { expect } from "chai";
import { Revocations } from "../../src/auth/revocations";
import { expectCode, memoryStore, onEnd } from "./harness";

const START = Date.UTC(2026, 7, 20);

function stored(store: ReturnType<typeof memoryStore>): Promise<string[]> {
    return store.sublevel("revocations").keys().all();
}

function of(clientId: string, sessionId: string, issuedAt = START) {
    return { clientId, sessionId, issuedAt };
}

describe("revocations", () => {
    beforeEach(() => {
        mock.timers.enable({ apis: ["Date"], now: START });
        onEnd(async () => mock.timers.reset());
    });

    it("hold at once, before they are written", async () => {
        const revocations = await Revocations.open(memoryStore());
        const written = revocations.add("ann", "s1", START + 1000);
        expect(revocations.has(of("ann", "s1"))).to.be.true;
        expect(await written).to.be.false;
    });

    it("are about one session of one client", async () => {
        const revocations = await Revocations.open(memoryStore());
        await revocations.add("ann", "s1", START + 1000);
        expect(revocations.has(of("ann", "s2"))).to.be.false;
        expect(revocations.has(of("bob", "s1"))).to.be.false;
    });

    it("are forgotten with the next one when the last token has ended, in memory and in the store", async () => {
        const store = memoryStore();
        const revocations = await Revocations.open(store);
        await revocations.add("ann", "s1", START + 1000);
        await revocations.add("ann", "s2", START + 1001);
        mock.timers.setTime(START + 1000);
        await revocations.add("bob", "s3", START + 2000);
        expect(revocations.size).to.equal(2);
        expect(await stored(store)).to.deep.equal(["session:s2:ann", "session:s3:bob"]);
    });

    it("are forgotten at the start when the last token has ended", async () => {
        const store = memoryStore();
        const before = await Revocations.open(store);
        await before.add("ann", "s1", START + 2000);
        await before.add("ann", "s2", START + 1000);
        await before.close();
        mock.timers.setTime(START + 1000);
        const after = await Revocations.open(store);
        expect(after.size).to.equal(1);
        expect(after.has(of("ann", "s1"))).to.be.true;
        expect(await stored(store)).to.deep.equal(["session:s1:ann"]);
    });

    describe("of a client with too many of them", () => {
        it("become one that is about all of its sessions so far", async () => {
            const store = memoryStore();
            const revocations = await Revocations.open(store, { maxPerClient: 2 });
            await revocations.add("bob", "b1", START + 1000);
            await revocations.add("ann", "s1", START + 1000);
            await revocations.add("ann", "s2", START + 1000);
            mock.timers.setTime(START + 5);
            expect(await revocations.add("ann", "s3", START + 1000)).to.be.true;
            expect(await stored(store)).to.deep.equal(["client:ann", "session:b1:bob"]);
            expect(revocations.size).to.equal(2);
            for (const session of ["s1", "s2", "s3", "s4"]) expect(revocations.has(of("ann", session))).to.be.true;
            expect(revocations.has(of("ann", "s5", START + 5))).to.be.true;
            expect(revocations.has(of("ann", "s5", START + 6))).to.be.false;
            expect(revocations.has(of("bob", "b2"))).to.be.false;
        });

        it("hold after a restart", async () => {
            const store = memoryStore();
            const before = await Revocations.open(store, { maxPerClient: 1 });
            await before.add("ann", "s1", START + 1000);
            await before.add("ann", "s2", START + 1000);
            await before.close();
            const after = await Revocations.open(store, { maxPerClient: 1 });
            expect(after.has(of("ann", "s1"))).to.be.true;
            expect(after.has(of("ann", "s1", START + 1))).to.be.false;
        });

        it("do not count what is forgotten already", async () => {
            const revocations = await Revocations.open(memoryStore(), { maxPerClient: 1 });
            await revocations.add("ann", "s1", START + 1000);
            mock.timers.setTime(START + 1000);
            expect(await revocations.add("ann", "s2", START + 2000)).to.be.false;
        });
    });

    it("refuse to open with a damaged record", async () => {
        const store = memoryStore();
        await store.sublevel("revocations").put("session:s1:ann", "{}");
        await expectCode("INTERNAL", () => Revocations.open(store));
    });
});
