/**
 * The latest events of the Things of a hub's agents, kept on its disk.
 *
 * They are written behind: all names that changed in one turn of the event loop in one batch, and one batch at a time; what changes
 * while the disk is busy waits with its newest value alone. Nothing is synced, which a process that is killed needs not: what LevelDB
 * has taken is the operating system's then. `written` tells when that is so.
 */
import type { AbstractLevel, AbstractSublevel } from "abstract-level";
import { setImmediate as endOfTurn } from "node:timers/promises";
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import { isMessage, type NotificationMessage } from "../../lib/messages";
import { ChangedNames } from "./changed-names";
import { LatestValues } from "./latest-values";

/** A database of strings, such as a `ClassicLevel`. */
type Level = AbstractLevel<string | Buffer | Uint8Array>;
type Sublevel = AbstractSublevel<Level, string | Buffer | Uint8Array, string, string>;
type Write = { type: "put"; key: string; value: string } | { type: "del"; key: string };

/** Characters of JSON, keys included, that one batch has at most, beside its last event: making it stops everything else. */
const MAX_BATCH = 1024 * 1024;

/** What is needed to know of the Things, and who hears of faults. */
export interface LatestValueStoreOptions {
    /** True if the Thing is there, and its events are this client's. */
    readonly isOwner: (clientId: string, thingId: string) => boolean;
    /** Hears of records that are damaged, and of a disk that fails: once, until it works again. */
    readonly onError: (what: string, error: unknown) => void;
}

/** The latest events of a hub with a disk. */
export class LatestValueStore {
    readonly values = new LatestValues(undefined, (thingId, name) => {
        this.#changed(thingId, name);
    });
    #waiting = new ChangedNames();
    #writing: ChangedNames | undefined;
    /** What a failing disk did not take goes with the next changes. */
    #refused = new ChangedNames();
    #working: Promise<void> | undefined;
    #isLoading = true;
    #isFailing = false;

    private constructor(
        private readonly level: Sublevel,
        private readonly options: LatestValueStoreOptions
    ) {}

    /**
     * Loads what is stored: of Things that are there, within the bounds of `LatestValues`. The store stays the caller's.
     * @throws what the store throws if it cannot be read
     */
    static async open(level: Level, options: LatestValueStoreOptions): Promise<LatestValueStore> {
        const sublevel = level.sublevel("latest", { keyEncoding: "utf8", valueEncoding: "utf8" });
        await sublevel.open();
        const store = new LatestValueStore(sublevel, options);
        await store.#load();
        return store;
    }

    /**
     * Resolves when the store has taken what has changed up to now: from then on a process that is killed loses none of it. On a
     * disk that fails it resolves too, since nobody could do anything about it. `undefined` if nothing waits.
     */
    written(): Promise<void> | undefined {
        return this.#waiting.size > 0 ? this.#waiting.done : this.#writing?.done;
    }

    /** Writes what waits. */
    async close(): Promise<void> {
        await this.#working;
    }

    async #load(): Promise<void> {
        const found: Stored[] = [];
        const useless: Write[] = [];
        for await (const [key, text] of this.level.iterator()) {
            const stored = parseStored(key, text);
            if (stored === undefined) {
                this.options.onError("Reading a latest event", new SseScError("INTERNAL", `${key} is damaged`));
            }
            if (stored !== undefined && this.options.isOwner(stored.event.senderId, stored.event.thingId)) {
                found.push(stored);
            } else useless.push({ type: "del", key });
        }
        // Those that changed last stay if there are too many.
        found.sort((a, b) => a.storedAt - b.storedAt);
        for (const { event } of found) this.values.set(event);
        this.#isLoading = false;
        await this.#write(useless, new ChangedNames());
    }

    #changed(thingId: string, name: string): void {
        // What is being loaded is stored already, unless there is no room for it.
        if (this.#isLoading && this.values.get(thingId, name) !== undefined) return;
        if (this.#waiting.add(thingId, name)) this.#working ??= this.#work();
        else this.#failed(new SseScError("INTERNAL", "The store is too slow: events go unstored"));
    }

    async #work(): Promise<void> {
        await endOfTurn();
        while (this.#waiting.size > 0) {
            const changes = this.#waiting;
            this.#waiting = new ChangedNames();
            this.#writing = changes;
            const refused = this.#refused;
            this.#refused = new ChangedNames();
            for (const [thingId, name] of refused) changes.add(thingId, name);
            await this.#writeAll(changes);
            this.#writing = undefined;
            changes.finish();
        }
        this.#working = undefined;
    }

    async #writeAll(changes: ChangedNames): Promise<void> {
        let batch: Write[] = [];
        let names = new ChangedNames();
        let size = 0;
        for (const [thingId, name] of changes) {
            const key = keyOf(thingId, name);
            const event = this.values.get(thingId, name);
            const value = event === undefined ? undefined : JSON.stringify({ storedAt: Date.now(), ...event });
            batch.push(value === undefined ? { type: "del", key } : { type: "put", key, value });
            names.add(thingId, name);
            size += key.length + (value?.length ?? 0);
            if (size < MAX_BATCH) continue;
            await this.#write(batch, names);
            [batch, names, size] = [[], new ChangedNames(), 0];
        }
        await this.#write(batch, names);
    }

    async #write(batch: Write[], names: ChangedNames): Promise<void> {
        if (batch.length === 0) return;
        try {
            await this.level.batch(batch);
            this.#isFailing = false;
        } catch (error) {
            this.#failed(error);
            for (const [thingId, name] of names) this.#refused.add(thingId, name);
        }
    }

    #failed(error: unknown): void {
        if (!this.#isFailing) this.options.onError("Storing the latest events", error);
        this.#isFailing = true;
    }
}

/** An event as it is stored. */
interface Stored {
    readonly event: NotificationMessage;
    /** Milliseconds since the epoch. */
    readonly storedAt: number;
}

function keyOf(thingId: string, name: string): string {
    return JSON.stringify([thingId, name]);
}

/** Reads what `LatestValueStore` wrote; `undefined` if it is something else. */
function parseStored(key: string, text: string): Stored | undefined {
    let json: unknown;
    try {
        json = JSON.parse(text);
    } catch {
        return undefined;
    }
    if (!isRecord(json) || !isMessage(json, "notification") || json.affordance !== "event") return undefined;
    const { affordance, thingId, name, value, correlationId, messageId, senderId, timestamp } = json;
    const storedAt: unknown = json["storedAt"];
    if (typeof storedAt !== "number" || keyOf(thingId, name) !== key) return undefined;
    return {
        event: {
            kind: "notification",
            affordance,
            thingId,
            name,
            value,
            correlationId,
            messageId,
            senderId,
            timestamp,
        },
        storedAt,
    };
}
