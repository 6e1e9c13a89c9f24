/** The store of the directory: ownership, limits, order, expiry, and what outlives the process. */
import { expect } from "chai";
import { ClassicLevel } from "classic-level";
import fc from "fast-check";
import { MemoryLevel } from "memory-level";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compareCodePoints } from "../../src/hub/code-points";
import { DirectoryIndex } from "../../src/hub/directory-index";
import type { DirectoryChange } from "../../src/hub/directory-records";
import { DirectoryStore } from "../../src/hub/directory-store";
import { ADMIN, ALICE, BOB, onEnd, openDirectory, tdOf } from "./harness";

/** The error of a promise that must reject. */
async function failureOf(promise: Promise<unknown>): Promise<Record<string, unknown>> {
    const failure = await promise.then(
        () => undefined,
        (error: unknown) => error
    );
    expect(failure).to.be.an("error");
    return failure as Record<string, unknown>;
}

describe("DirectoryStore", () => {
    describe("#put", () => {
        it("creates a Thing, which belongs to its writer", async () => {
            const store = await openDirectory();
            const change = await store.put(tdOf("urn:a", { "ex:own": [1, { two: null }] }), ALICE);
            expect(change.type).to.equal("created");
            expect(store.get("urn:a")).to.deep.include({
                id: "urn:a",
                owner: "alice",
                td: tdOf("urn:a", { "ex:own": [1, { two: null }] }),
            });
            expect(store.ownerOf("urn:a")).to.equal("alice");
            expect(store.idsOf("alice")).to.deep.equal(["urn:a"]);
            expect(store.size).to.equal(1);
        });

        it("replaces the TD of its own and keeps when it was created", async () => {
            let now = Date.parse("2026-01-01T00:00:00Z");
            const store = await openDirectory({ now: () => now });
            await store.put(tdOf("a"), ALICE);
            now += 1500;
            const change = await store.put(tdOf("a", { title: "Two" }), ALICE);
            expect(change).to.deep.include({ type: "updated", id: "a" });
            expect(change.before?.td["title"]).to.equal("Thing a");
            expect(store.get("a")?.td["title"]).to.equal("Two");
            expect(store.get("a")?.registration).to.deep.equal({
                created: "2026-01-01T00:00:00.000Z",
                modified: "2026-01-01T00:00:01.500Z",
            });
        });

        it("refuses a second owner of the same id with a conflict, also within one batch", async () => {
            const store = await openDirectory();
            const first = store.put(tdOf("a"), ALICE);
            const failures = await Promise.all([
                failureOf(store.put(tdOf("a", { title: "Mine" }), BOB)),
                first.then(() => failureOf(store.put(tdOf("a", { title: "Mine" }), BOB))),
            ]);
            for (const failure of failures) expect(failure).to.include({ code: "NOT_OWNER", status: 409 });
            expect(store.get("a")).to.deep.include({ owner: "alice", td: tdOf("a") });
        });

        it("lets those write who may write any, and leaves the owner as it was", async () => {
            const store = await openDirectory();
            await store.put(tdOf("a"), ALICE);
            await store.put(tdOf("a", { title: "Administered" }), ADMIN);
            expect(store.get("a")).to.deep.include({ owner: "alice", td: tdOf("a", { title: "Administered" }) });
        });

        it("refuses reserved ids", async () => {
            const store = await openDirectory({ isReserved: (id) => id === "thingDirectory" });
            const failure = await failureOf(store.put(tdOf("thingDirectory"), ADMIN));
            expect(failure).to.include({ code: "NOT_OWNER", status: 409 });
        });

        it("keeps a copy: what the writer does to the TD afterwards changes nothing", async () => {
            const store = await openDirectory();
            const td = tdOf("a");
            const written = store.put(td, ALICE);
            td["title"] = "Changed";
            await written;
            expect(store.get("a")?.td["title"]).to.equal("Thing a");
        });

        for (const [what, id] of [
            ["an empty one", ""],
            ["a number", 7],
            ["one with a line break", "a\nb"],
            ["one with a lone surrogate", "a\ud800"],
            ["one of more than 1,024 characters", "x".repeat(1025)],
        ] as const) {
            it(`refuses as an id ${what}`, async () => {
                const store = await openDirectory();
                const failure = await failureOf(store.put({ ...tdOf("a"), id }, ALICE));
                expect(failure["code"]).to.equal("INVALID_TD");
                expect(failure["validationErrors"]).to.have.nested.property("[0].field", "id");
            });
        }
    });

    describe("limits", () => {
        it("holds so many TDs of one client, and so many in all", async () => {
            const store = await openDirectory({ maxThingsPerClient: 2, maxThings: 3 });
            const outcomes = await Promise.allSettled([
                store.put(tdOf("a1"), ALICE),
                store.put(tdOf("a2"), ALICE),
                store.put(tdOf("a3"), ALICE),
                store.put(tdOf("b1"), BOB),
                store.put(tdOf("b2"), BOB),
                store.put(tdOf("a2", { title: "Again" }), ALICE),
            ]);
            expect(outcomes.map(({ status }) => status === "fulfilled")).to.deep.equal([
                true,
                true,
                false,
                true,
                false,
                true,
            ]);
            expect(outcomes[2]).to.have.nested.property("reason.code", "TOO_MANY_THINGS");
            await store.delete("a1", ALICE);
            await store.put(tdOf("a3"), ALICE);
            expect(store.page().ids).to.deep.equal(["a2", "a3", "b1"]);
        });

        it("holds so many bytes of one client, and so many in all", async () => {
            const size = JSON.stringify(tdOf("a1")).length;
            const store = await openDirectory({ maxBytesPerClient: 2 * size + 10, maxBytes: 3 * size });
            await store.put(tdOf("a1"), ALICE);
            await store.put(tdOf("a2"), ALICE);
            const grown = tdOf("a2", { description: "longer" });
            expect(await failureOf(store.put(grown, ALICE))).to.include({ code: "TOO_MANY_THINGS", status: 507 });
            await store.put(tdOf("b1"), BOB);
            expect((await failureOf(store.put(tdOf("b2"), BOB)))["code"]).to.equal("TOO_MANY_THINGS");
        });

        it("counts within a batch what goes and what is replaced", async () => {
            const size = JSON.stringify(tdOf("a1")).length;
            const store = await openDirectory({ maxThingsPerClient: 2, maxBytes: 4 * size });
            await store.put(tdOf("a1"), ALICE);
            await Promise.all([
                store.put(tdOf("a2"), ALICE), // a batch of its own; the others share the next one
                store.put(tdOf("a2"), ALICE),
                store.put(tdOf("a2"), ALICE),
                store.put(tdOf("b1"), BOB),
                store.delete("a1", ALICE),
                store.put(tdOf("a3"), ALICE),
                store.put(tdOf("b2"), BOB),
            ]);
            expect(store.page().ids).to.deep.equal(["a2", "a3", "b1", "b2"]);
            expect((await failureOf(store.put(tdOf("c1"), ADMIN)))["code"]).to.equal("TOO_MANY_THINGS");
            await store.delete("b1", BOB);
            await store.put(tdOf("c1"), ADMIN);
        });

        it("refuses a TD that is too large, and one nested too deep", async () => {
            const store = await openDirectory({ maxThingSize: 400 });
            expect(await failureOf(store.put(tdOf("a", { description: "ä".repeat(200) }), ALICE))).to.include({
                code: "TOO_LARGE",
                status: 413,
            });
            let deep: unknown = 1;
            for (let i = 0; i < 100_000; i++) deep = [deep];
            expect((await failureOf(store.put({ ...tdOf("a"), deep }, ALICE)))["validationErrors"]).to.deep.equal([
                { field: "", description: "is nested deeper than 64" },
            ]);
            expect(store.size).to.equal(0);
        });
    });

    describe("#patch", () => {
        it("merges as RFC 7396 says, and checks what comes of it", async () => {
            const store = await openDirectory();
            await store.put(tdOf("a", { description: "old", support: "mailto:a@example.org" }), ALICE);
            const change = await store.patch("a", { description: null, title: "New" }, ALICE);
            expect(change.type).to.equal("updated");
            expect(store.get("a")?.td).to.deep.equal(tdOf("a", { title: "New", support: "mailto:a@example.org" }));
            expect(await failureOf(store.patch("a", { title: null }, ALICE))).to.deep.include({
                code: "INVALID_TD",
                validationErrors: [{ field: "title", description: "is missing" }],
            });
            expect((await failureOf(store.patch("a", { id: "b" }, ALICE)))["code"]).to.equal("INVALID_TD");
            expect((await failureOf(store.patch("a", ["x"], ALICE)))["code"]).to.equal("INVALID_TD");
            expect((await failureOf(store.patch("b", {}, ALICE)))["code"]).to.equal("UNKNOWN_THING");
            expect(await failureOf(store.patch("a", {}, BOB))).to.include({ code: "NOT_OWNER", status: 403 });
        });

        it("lets nothing reach a prototype", async () => {
            const store = await openDirectory();
            await store.put(tdOf("a"), ALICE);
            for (const patch of [
                '{"__proto__":{"polluted":1}}',
                '{"properties":{"__proto__":{"polluted":1}}}',
                '{"constructor":{"prototype":{"polluted":1}},"title":null}',
            ]) {
                const failure = await failureOf(store.patch("a", JSON.parse(patch), ALICE));
                expect(failure["code"]).to.equal("INVALID_TD");
            }
            expect(Object.prototype).not.to.have.property("polluted");
            const own = JSON.parse(`{"__proto__":{"polluted":1}}`) as object;
            expect(await failureOf(store.put({ ...tdOf("b"), "ex:x": own }, ALICE))).to.deep.include({
                validationErrors: [{ field: "ex:x.__proto__", description: "is a name that is not taken" }],
            });
        });
    });

    describe("#delete", () => {
        it("removes the owner's TD, nobody else's", async () => {
            const store = await openDirectory();
            await store.put(tdOf("a"), ALICE);
            expect(await failureOf(store.delete("a", BOB))).to.include({ code: "NOT_OWNER", status: 403 });
            await store.delete("a", ALICE);
            expect(store.get("a")).to.equal(undefined);
            expect(store.has("a")).to.equal(false);
            expect((await failureOf(store.delete("a", ALICE)))["code"]).to.equal("UNKNOWN_THING");
            await store.put(tdOf("a"), BOB);
            expect(store.ownerOf("a")).to.equal("bob");
        });
    });

    describe("#page", () => {
        it("lists in the order of code points, not of UTF-16 units", async () => {
            const store = await openDirectory();
            for (const id of ["\u{10000}", "\uffee", "b", "a\u{1f600}", "a", "é"]) await store.put(tdOf(id), ALICE);
            expect(store.page().ids).to.deep.equal(["a", "a\u{1f600}", "b", "é", "\uffee", "\u{10000}"]);
            expect(store.page(1, 2)).to.deep.equal({ ids: ["a\u{1f600}", "b"], total: 6 });
            expect(store.page(6, 2)).to.deep.equal({ ids: [], total: 6 });
        });

        it("has the order that the store has on disk and in memory", async () => {
            const level = new MemoryLevel<string>();
            await fc.assert(
                fc.asyncProperty(
                    fc.uniqueArray(fc.string({ unit: "binary", minLength: 1, maxLength: 4 }), { maxLength: 20 }),
                    async (ids) => {
                        await level.clear();
                        await level.batch(ids.map((key) => ({ type: "put", key, value: "" })));
                        expect(await level.keys().all()).to.deep.equal([...ids].sort(compareCodePoints));
                    }
                ),
                { numRuns: 50 }
            );
        });
    });

    describe("#onChange", () => {
        it("tells of changes in the order of the commits, before their writers hear of it", async () => {
            const errors: string[] = [];
            const store = await openDirectory({ onError: (what) => errors.push(what) });
            const heard: string[] = [];
            const say = ({ type, id, before, after }: DirectoryChange): void => {
                heard.push(`${type} ${id} ${String(before?.td["title"])} ${String(after?.td["title"])}`);
            };
            store.onChange(() => {
                throw new Error("broken");
            });
            const end = store.onChange(say);
            await Promise.all([
                store.put(tdOf("a", { title: "1" }), ALICE).then(() => heard.push("acknowledged")),
                store.put(tdOf("a", { title: "2" }), ALICE),
                store.delete("a", ALICE),
                store.put(tdOf("a", { title: "3" }), BOB),
            ]);
            end();
            await store.delete("a", BOB);
            expect(heard).to.deep.equal([
                "created a undefined 1",
                "acknowledged",
                "updated a 1 2",
                "deleted a 2 undefined",
                "created a undefined 3",
            ]);
            expect(errors).to.have.length(5);
        });
    });

    describe("expiry", () => {
        it("[TDD-25] ttl sets expires, whatever the client says of expires; each write renews it", async () => {
            let now = Date.parse("2026-01-01T00:00:00Z");
            const store = await openDirectory({ now: () => now });
            const registration = { ttl: 60, expires: "2030-01-01T00:00:00Z", created: "1999-01-01T00:00:00Z" };
            await store.put(tdOf("a", { registration }), ALICE);
            expect(store.get("a")).to.deep.include({
                td: tdOf("a"),
                registration: {
                    created: "2026-01-01T00:00:00.000Z",
                    modified: "2026-01-01T00:00:00.000Z",
                    expires: "2026-01-01T00:01:00.000Z",
                    ttl: 60,
                },
            });
            now += 59_000;
            await store.patch("a", {}, ALICE);
            expect(store.get("a")?.registration.expires).to.equal("2026-01-01T00:01:59.000Z");
            await store.patch("a", { registration: { ttl: null } }, ALICE);
            expect(store.get("a")?.registration).not.to.have.any.keys("ttl", "expires");
        });

        it("an expired TD is gone at once, and its id free", async () => {
            let now = Date.parse("2026-01-01T00:00:00Z");
            const store = await openDirectory({ now: () => now, maxThingsPerClient: 1 });
            const heard: string[] = [];
            store.onChange(({ type, after, before }) => heard.push(`${type} ${(after ?? before).owner}`));
            await store.put(tdOf("a", { registration: { ttl: 1 } }), ALICE);
            now += 1000;
            expect(store.get("a")).to.equal(undefined);
            expect(store.page()).to.deep.equal({ ids: [], total: 0 });
            expect(store.idsOf("alice")).to.deep.equal([]);
            await Promise.all([store.put(tdOf("a"), BOB), store.put(tdOf("b"), ALICE)]);
            expect(heard).to.deep.equal(["created alice", "deleted alice", "created bob", "created alice"]);
        });

        it("knows which TD expires next", () => {
            const index = new DirectoryIndex();
            const registration = { created: "", modified: "" };
            for (const [id, expiresAt] of [
                ["a", 10],
                ["b", 20],
                ["c", Infinity],
            ] as const) {
                index.set({ id, owner: "alice", registration, expiresAt, bytes: 1 });
            }
            expect(index.soonest).to.equal(10);
            expect(index.expired(9)).to.deep.equal([]);
            expect(index.expired(10).map(({ id }) => id)).to.deep.equal(["a"]);
            index.delete("a");
            expect(index.expired(10)).to.deep.equal([]);
            expect(index.soonest).to.equal(20);
        });

        it("deletes what expires without anybody asking", async () => {
            const store = await openDirectory();
            const deleted = new Promise<DirectoryChange>((resolve) => {
                store.onChange((change) => {
                    if (change.type === "deleted") resolve(change);
                });
            });
            const expires = new Date(Date.now() + 50).toISOString();
            await store.put(tdOf("a", { registration: { expires } }), ALICE);
            expect((await deleted).id).to.equal("a");
        });

        for (const [what, registration] of [
            ["no object", 7],
            ["a ttl of 0", { ttl: 0 }],
            ["a ttl that is text", { ttl: "60" }],
            ["a ttl of more than ten years", { ttl: 1e10 }],
            ["an expires that is no time", { expires: "tomorrow" }],
            ["an expires in the past", { expires: "2020-01-01T00:00:00Z" }],
        ] as const) {
            it(`refuses as registration ${what}`, async () => {
                const store = await openDirectory();
                const failure = await failureOf(store.put(tdOf("a", { registration }), ALICE));
                expect(failure["code"]).to.equal("INVALID_TD");
            });
        }
    });

    describe("on disk", () => {
        function makeFolder(): string {
            const folder = mkdtempSync(join(tmpdir(), "directory-"));
            onEnd(() => rmSync(folder, { recursive: true, force: true }));
            return folder;
        }

        async function withStore<T>(folder: string, use: (store: DirectoryStore) => Promise<T>): Promise<T> {
            const level = new ClassicLevel<string>(folder);
            const store = await DirectoryStore.open(level);
            try {
                return await use(store);
            } finally {
                await store.close();
                await level.close();
            }
        }

        it("keeps TDs, owners and registrations", async () => {
            const folder = makeFolder();
            const before = await withStore(folder, async (store) => {
                await store.put(tdOf("\u{1f600}", { registration: { ttl: 1000 } }), ALICE);
                await store.put(tdOf("\uffee"), BOB);
                await store.put(tdOf("gone"), BOB);
                await store.delete("gone", BOB);
                return [store.get("\u{1f600}"), store.get("\uffee")];
            });
            const after = await withStore(folder, async (store) => {
                expect(store.page().ids).to.deep.equal(["\uffee", "\u{1f600}"]);
                expect((await failureOf(store.put(tdOf("\uffee"), ALICE)))["code"]).to.equal("NOT_OWNER");
                return [store.get("\u{1f600}"), store.get("\uffee")];
            });
            expect(after).to.deep.equal(before);
        });

        it("#close waits for writes that are under way", async () => {
            const level = new ClassicLevel<string>(makeFolder());
            const store = await DirectoryStore.open(level);
            let acknowledged = 0;
            const writes = ["a", "b", "c"].map(async (id) => {
                await store.put(tdOf(id), ALICE);
                acknowledged++;
            });
            await store.close();
            expect(acknowledged).to.equal(3);
            await Promise.all(writes);
            await level.close();
        });

        it("deletes what expires after a new start, without anybody asking", async () => {
            const folder = makeFolder();
            await withStore(folder, async (store) => {
                await store.put(tdOf("a", { registration: { ttl: 0.2 } }), ALICE);
            });
            await withStore(folder, async (store) => {
                await new Promise<void>((resolve) => store.onChange(() => resolve()));
                expect(store.page().ids).to.deep.equal([]);
            });
        });

        it("rejects a write that the disk refused, and shows nothing of it", async () => {
            const folder = makeFolder();
            const level = new ClassicLevel<string>(folder);
            const store = await DirectoryStore.open(level);
            await level.close();
            const heard: unknown[] = [];
            store.onChange((change) => heard.push(change));
            expect((await failureOf(store.put(tdOf("a"), ALICE)))["code"]).to.equal("INTERNAL");
            expect(store.has("a")).to.equal(false);
            expect(heard).to.deep.equal([]);
        });
    });

    it("after #close takes no more writes", async () => {
        const store = await openDirectory();
        const last = store.put(tdOf("a"), ALICE);
        await store.close();
        expect((await last).type).to.equal("created");
        expect((await failureOf(store.put(tdOf("b"), ALICE)))["code"]).to.equal("ALREADY_CLOSED");
    });
});
