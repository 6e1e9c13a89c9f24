/**
 * A batch of writes to the directory on its way to the disk: each sees those ahead of it, nobody else sees any of them, and if the disk
 * fails it is dropped as a whole.
 */
import { SseScError } from "../../lib/errors";
import type { DirectoryIndex } from "./directory-index";
import type { DirectoryLimits } from "./directory-options";
import type { DirectoryChange, DirectoryRecord, Entry, Json } from "./directory-records";

/** An entry and its TD as JSON text; `undefined` where it was deleted. */
type Staged = { readonly entry: Entry; readonly text: string } | undefined;

interface Delta {
    things: number;
    bytes: number;
}

/** The state of the directory with a batch of writes in it. */
export class Staging {
    /** What is to be written, by id. */
    readonly staged = new Map<string, Staged>();
    readonly changes: DirectoryChange[] = [];
    readonly #total: Delta = { things: 0, bytes: 0 };
    readonly #owners = new Map<string, Delta>();

    /**
     * @param read gets the text of a TD that is committed
     * @param now milliseconds since the epoch
     */
    constructor(
        private readonly index: DirectoryIndex,
        private readonly read: (id: string) => string,
        private readonly limits: DirectoryLimits,
        readonly now: number
    ) {
        for (const { id } of index.expired(now)) this.delete(id);
    }

    /** The entry of this id, as the writes so far have left it. */
    get(id: string): Entry | undefined {
        return this.staged.has(id) ? this.staged.get(id)?.entry : this.index.get(id);
    }

    /** The record of this id, as the writes so far have left it. */
    record(id: string): DirectoryRecord | undefined {
        const entry = this.get(id);
        return entry && recordOf(entry, JSON.parse(this.staged.get(id)?.text ?? this.read(id)) as Json);
    }

    /** @throws SseScError TOO_MANY_THINGS if it does not fit */
    put(entry: Entry, text: string): DirectoryChange {
        const { id } = entry;
        const before = this.record(id);
        const old = this.get(id);
        this.#refuseExcess(entry, old);
        if (old !== undefined) this.#count(old, -1);
        this.#count(entry, 1);
        const after = recordOf(entry, JSON.parse(text) as Json);
        this.staged.set(id, { entry, text });
        const change: DirectoryChange =
            before === undefined ? { type: "created", id, before, after } : { type: "updated", id, before, after };
        this.changes.push(change);
        return change;
    }

    /** Deletes what is there; does nothing where nothing is. */
    delete(id: string): void {
        const before = this.record(id);
        const old = this.get(id);
        if (before === undefined || old === undefined) return;
        this.#count(old, -1);
        this.staged.set(id, undefined);
        this.changes.push({ type: "deleted", id, before, after: undefined });
    }

    #refuseExcess(entry: Entry, old: Entry | undefined): void {
        const { maxThings, maxThingsPerClient, maxBytes, maxBytesPerClient } = this.limits;
        const things = old === undefined ? 1 : 0;
        const bytes = entry.bytes - (old?.bytes ?? 0);
        const total = this.#usage();
        const own = this.#usage(entry.owner);
        const excess =
            (things > 0 && (total.things >= maxThings || own.things >= maxThingsPerClient)) ||
            (bytes > 0 && (total.bytes + bytes > maxBytes || own.bytes + bytes > maxBytesPerClient));
        if (excess) throw new SseScError("TOO_MANY_THINGS");
    }

    #usage(owner?: string): Delta {
        const { things, bytes } = this.index.usage(owner);
        const delta = owner === undefined ? this.#total : this.#owners.get(owner);
        return { things: things + (delta?.things ?? 0), bytes: bytes + (delta?.bytes ?? 0) };
    }

    #count({ owner, bytes }: Entry, sign: 1 | -1): void {
        const own = this.#owners.get(owner) ?? { things: 0, bytes: 0 };
        this.#owners.set(owner, own);
        for (const delta of [this.#total, own]) {
            delta.things += sign;
            delta.bytes += sign * bytes;
        }
    }
}

/** A record of an entry and its TD. */
export function recordOf({ id, owner, registration }: Entry, td: Json): DirectoryRecord {
    return { id, td, owner, registration };
}
