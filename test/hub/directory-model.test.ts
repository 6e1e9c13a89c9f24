/** The store of the directory against a model of it that is a Map: any writes, several under way at once, expiry, a new start. */
import { expect } from "chai";
import fc from "fast-check";
import { MemoryLevel } from "memory-level";
import { compareCodePoints } from "../../src/hub/code-points";
import type { DirectoryChange } from "../../src/hub/directory-records";
import { DirectoryStore } from "../../src/hub/directory-store";
import { tdOf } from "./harness";

const MAX_OWN = 3;

interface Step {
    readonly kind: "put" | "patch" | "delete";
    readonly id: string;
    readonly clientId: string;
    readonly mayWriteAny: boolean;
    readonly title: string;
    readonly ttl: number | undefined;
}

const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom("put", "put", "patch", "delete"),
    id: fc.constantFrom("a", "b", "\uffee", "\u{1f600}", "constructor"),
    clientId: fc.constantFrom("alice", "bob"),
    mayWriteAny: fc.boolean(),
    title: fc.string({ maxLength: 3 }),
    ttl: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
});

/** Steps that are begun in one turn; then time passes, and perhaps the process ends. */
const turn = fc.record({
    steps: fc.array(step, { maxLength: 6 }),
    seconds: fc.integer({ min: 0, max: 2 }),
    restart: fc.boolean(),
});

interface Known {
    readonly owner: string;
    readonly title: string;
    readonly ttl: number | undefined;
    readonly expires: number;
}

/** What each step must come to, by the rules alone. */
class Model {
    readonly things = new Map<string, Known>();

    expire(now: number): void {
        for (const [id, { expires }] of this.things) if (expires <= now) this.things.delete(id);
    }

    apply({ kind, id, clientId, mayWriteAny, title, ttl }: Step, now: number): string {
        const known = this.things.get(id);
        if (known === undefined && kind !== "put") return "UNKNOWN_THING";
        if (known !== undefined && known.owner !== clientId && !mayWriteAny) return "NOT_OWNER";
        if (kind === "delete") {
            this.things.delete(id);
            return "done";
        }
        const owner = known?.owner ?? clientId;
        const own = [...this.things.values()].filter((each) => each.owner === owner).length;
        if (known === undefined && own >= MAX_OWN) return "TOO_MANY_THINGS";
        const lasting = ttl ?? (kind === "patch" ? known?.ttl : undefined);
        const expires = lasting === undefined ? Infinity : now + lasting * 1000;
        this.things.set(id, { owner, title, ttl: lasting, expires });
        return "done";
    }
}

function begin(store: DirectoryStore, { kind, id, title, ttl, ...writer }: Step): Promise<string> {
    const registration = ttl === undefined ? {} : { registration: { ttl } };
    const work =
        kind === "put"
            ? store.put(tdOf(id, { title, ...registration }), writer)
            : kind === "patch"
              ? store.patch(id, { title, ...registration }, writer)
              : store.delete(id, writer);
    return work.then(
        () => "done",
        (error: unknown) => String((error as { code?: unknown }).code)
    );
}

describe("DirectoryStore against a model", () => {
    it("agrees with it after any writes, in what it answers, holds, lists and tells", async () => {
        await fc.assert(
            fc.asyncProperty(fc.array(turn, { maxLength: 8 }), async (turns) => {
                let now = Date.parse("2026-01-01T00:00:00Z");
                const level = new MemoryLevel<string>();
                const model = new Model();
                /** What a listener knows. */
                const told = new Map<string, unknown>();
                const open = async (): Promise<DirectoryStore> => {
                    const opened = await DirectoryStore.open(level, { now: () => now, maxThingsPerClient: MAX_OWN });
                    opened.onChange(({ type, id, before, after }: DirectoryChange) => {
                        expect(told.get(id), type).to.deep.equal(before?.td);
                        if (after === undefined) told.delete(id);
                        else told.set(id, after.td);
                    });
                    return opened;
                };
                let store = await open();
                for (const { steps, seconds, restart } of turns) {
                    const outcomes = Promise.all(steps.map((each) => begin(store, each)));
                    expect(await outcomes).to.deep.equal(steps.map((each) => model.apply(each, now)));
                    now += seconds * 1000;
                    model.expire(now);
                    if (restart) {
                        await store.close();
                        store = await open();
                    }
                    const ids = [...model.things.keys()].sort(compareCodePoints);
                    expect(store.page()).to.deep.equal({ ids, total: ids.length });
                    for (const [id, { owner, title, ttl }] of model.things) {
                        const record = store.get(id);
                        expect(record).to.deep.include({ id, owner, td: tdOf(id, { title }) });
                        expect(record?.registration.ttl).to.equal(ttl);
                    }
                }
                await store.put(tdOf("last"), { clientId: "carol", mayWriteAny: false }); // purges
                expect([...told.keys()].sort(compareCodePoints)).to.deep.equal(store.page().ids);
                await store.close();
            }),
            { numRuns: 80 }
        );
    });
});
