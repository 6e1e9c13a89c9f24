/** The latest events on the disk of a hub: what they say after the end of the process, and what happens to records that are damaged. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ClassicLevel } from "classic-level";
import type { NotificationMessage } from "../../lib/messages";
import { LatestValueStore } from "../../src/hub/latest-value-store";
import { temporaryFolder } from "../support/certificates";
import { onEnd } from "./harness";

const LAMP = "urn:example:lamp";
const MIB = 1024 * 1024;

function event(name: string, value: unknown, thingId = LAMP): NotificationMessage {
    const ids = { correlationId: "", messageId: `m-${name}`, senderId: "agent" };
    const timestamp = "2026-11-28T06:00:00.000Z";
    return { kind: "notification", affordance: "event", thingId, name, value, ...ids, timestamp };
}

/** A folder that is opened again and again, as by one process after the other. */
class Disk {
    readonly errors: string[] = [];
    readonly #folder = mkdtempSync(join(temporaryFolder(), "latest-"));
    #level: ClassicLevel | undefined;

    constructor(private readonly owner = "agent") {
        onEnd(() => this.#level?.close());
    }

    /** The database itself, in which others may have written. */
    async level(): Promise<ClassicLevel> {
        await this.#level?.close();
        this.#level = new ClassicLevel(this.#folder);
        return this.#level;
    }

    async open(things: readonly string[] = [LAMP]): Promise<LatestValueStore> {
        return LatestValueStore.open(await this.level(), {
            isOwner: (clientId, thingId) => clientId === this.owner && things.includes(thingId),
            onError: (what, error) => this.errors.push(`${what}: ${String(error)}`),
        });
    }

    /** Keys and values as they are stored. */
    async records(): Promise<[string, string][]> {
        const sublevel = (await this.level()).sublevel("latest", {});
        return sublevel.iterator().all();
    }
}

describe("the latest events on the disk of a hub", () => {
    it("are the newest of each name when the store is opened again, with each member as it was", async () => {
        const disk = new Disk();
        const store = await disk.open();
        const named = '\u0000":__proto__';
        const kept = [
            event("tick", { list: [1, null, "text"], ["__proto__"]: { a: true } }),
            event("bare", undefined),
            event(named, "ö\n"),
        ];
        store.values.set(event("tick", "older"));
        for (const each of kept) store.values.set(each);
        await store.written();
        const again = await disk.open();
        expect(again.values.get(LAMP, "tick")).to.deep.equal(kept[0]);
        expect(again.values.get(LAMP, "bare")).to.deep.equal(kept[1]);
        expect(again.values.get(LAMP, named)).to.deep.equal(kept[2]);
        expect(Object.keys(again.values.all(LAMP))).to.have.length(3);
        expect(disk.errors).to.deep.equal([]);
    });

    it("are written one batch at a time, each name once with its newest event", async () => {
        const disk = new Disk();
        const level = await disk.level();
        const batches: number[] = [];
        level.on("write", (operations: readonly unknown[]) => void batches.push(operations.length));
        const store = await LatestValueStore.open(level, { isOwner: () => true, onError: () => undefined });
        for (let value = 0; value < 1_000; value++) store.values.set(event("tick", value));
        store.values.set(event("tock", 0));
        const first = store.written();
        // While the first batch is on its way
        level.once("write", () => {
            for (let value = 0; value < 1_000; value++) store.values.set(event("tick", `later ${String(value)}`));
        });
        await first;
        await store.close();
        expect(batches).to.deep.equal([2, 1]);
        expect(store.written()).to.equal(undefined);
        expect((await disk.open()).values.get(LAMP, "tick")?.value).to.equal("later 999");
    });

    it("are all there after many megabytes, which go in several batches", async () => {
        const disk = new Disk();
        const store = await disk.open();
        for (let name = 0; name < 12; name++) store.values.set(event(String(name), "x".repeat(MIB / 2)));
        await store.close();
        expect(Object.keys((await disk.open()).values.all(LAMP))).to.have.length(12);
    });

    it("go with their Thing, also if it went while the hub was away, or is another's now", async () => {
        const disk = new Disk();
        const other = "urn:example:other";
        let store = await disk.open([LAMP, other]);
        store.values.set(event("tick", 1));
        store.values.set(event("tick", 1, other));
        await store.written();
        store.values.forget(LAMP);
        await store.close();
        expect((await disk.records()).map(([key]) => key)).to.deep.equal([JSON.stringify([other, "tick"])]);

        store = await disk.open([LAMP]);
        expect(store.values.bytes).to.equal(0);
        expect(await disk.records()).to.deep.equal([]);

        store = await disk.open();
        store.values.set({ ...event("tick", 1), senderId: "its owner before" });
        await store.close();
        expect((await disk.open()).values.bytes).to.equal(0);
    });

    it("are skipped where they are damaged, with a line for the log that names the record; the others are there", async () => {
        const disk = new Disk();
        const store = await disk.open();
        for (const name of ["good", "moved", "torn", "typed", "other"]) store.values.set(event(name, 1));
        await store.close();
        const records = new Map(await disk.records());
        const key = (name: string): string => JSON.stringify([LAMP, name]);
        const sublevel = (await disk.level()).sublevel("latest", {});
        const torn = records.get(key("torn"))!;
        await sublevel.batch([
            { type: "put", key: key("torn"), value: torn.slice(0, -5) },
            { type: "put", key: key("moved"), value: torn },
            { type: "put", key: key("typed"), value: torn.replace('"m-torn"', "17") },
            { type: "put", key: key("other"), value: torn.replace('"event"', '"property"') },
            { type: "put", key: "no key", value: "null" },
        ]);
        expect(Object.keys((await disk.open()).values.all(LAMP))).to.deep.equal(["good"]);
        expect(disk.errors).to.have.length(5);
        for (const name of ["torn", "moved", "typed", "other"]) {
            expect(disk.errors.filter((line) => line.includes(`${key(name)} is damaged`))).to.have.length(1);
        }
        await disk.open();
        expect(disk.errors, "they are told of once").to.have.length(5);
    });

    it("are within the bounds again after a start: those that changed last stay", async () => {
        const disk = new Disk();
        const store = await disk.open();
        for (let name = 0; name < 40; name++) store.values.set(event(String(name), "x".repeat(MIB)));
        await store.close();
        const names = Object.keys(store.values.all(LAMP));
        expect(names).to.include("39").and.not.include("0");
        const again = await disk.open();
        expect(Object.keys(again.values.all(LAMP))).to.have.members(names);
        expect(await disk.records()).to.have.length(names.length);
    });

    it("wait for the next change where the disk refuses them, and the log has one line until it works again", async () => {
        const disk = new Disk();
        const level = await disk.level();
        let isFull = true;
        level.hooks.prewrite.add(() => {
            if (isFull) throw new Error("no space left");
        });
        const errors: string[] = [];
        const store = await LatestValueStore.open(level, {
            isOwner: () => true,
            onError: (what) => void errors.push(what),
        });
        for (const name of ["one", "two"]) {
            store.values.set(event(name, name));
            await store.written();
        }
        expect(errors).to.deep.equal(["Storing the latest events"]);
        isFull = false;
        store.values.set(event("three", "three"));
        await store.close();
        expect(Object.keys((await disk.open()).values.all(LAMP))).to.have.members(["one", "two", "three"]);
    });

    it("take no more memory for what a disk that stands still does not take than a bound", async () => {
        const disk = new Disk();
        const level = await disk.level();
        const errors: string[] = [];
        const store = await LatestValueStore.open(level, {
            isOwner: () => true,
            onError: (what, error) => void errors.push(`${what}: ${String(error)}`),
        });
        for (let name = 0; name < 20; name++) {
            store.values.set({ ...event("n".repeat(MIB) + String(name), 1), messageId: "short" });
        }
        expect(errors).to.deep.equal([
            "Storing the latest events: SseScError: The store is too slow: events go unstored",
        ]);
        await store.close();
        expect(await disk.records()).to.have.length(8);
    });
});
