/**
 * The Things that a hub knows: their TDs in an abstract-level store, an index of them in memory.
 *
 * A TD belongs to the client that wrote it first (design.md, "Hub"). A write is acknowledged when it is on the disk, and a TD and its
 * registration go there in one batch: nothing that was acknowledged is lost, nothing is half-written, whenever the process is killed.
 * Writes that come while the disk is busy share the next batch. Reading costs no promise.
 */
import type { AbstractBatchOperation, AbstractBatchOptions, AbstractLevel, AbstractSublevel } from "abstract-level";
import { SseScError, toSseScError } from "../../lib/errors";
import { DirectoryIndex } from "./directory-index";
import { DEFAULT_DIRECTORY_LIMITS, type DirectoryLimits } from "./directory-options";
import {
    createEntry,
    parseEntry,
    serializeEntry,
    type DirectoryChange,
    type DirectoryRecord,
    type DirectoryWriter,
    type Entry,
    type Json,
} from "./directory-records";
import { recordOf, Staging } from "./directory-staging";
import { applyMergePatch } from "./merge-patch";
import { RecordCache } from "./record-cache";
import { registrationOf } from "./registration";
import { WriteQueue } from "./write-queue";
import { readDescription, requireObject, type WrittenDescription } from "./written-description";

/** A database of strings, for example a `MemoryLevel` or `ClassicLevel`. */
export type DirectoryLevel = AbstractLevel<string | Buffer | Uint8Array>;

type Sublevel = AbstractSublevel<DirectoryLevel, string | Buffer | Uint8Array, string, string>;

export interface DirectoryStoreOptions extends Partial<DirectoryLimits> {
    /** True for ids that no client may have: those of the hub's own Things. */
    readonly isReserved?: (id: string) => boolean;
    /** Hears what nobody waits for: a listener that throws, TDs that expired and could not be deleted. */
    readonly onError?: (what: string, error: unknown) => void;
    /** Milliseconds since the epoch. Default: `Date.now`. */
    readonly now?: () => number;
}

/** A part of the list of TDs. */
export interface DirectoryPage {
    /** In the order of code points. */
    readonly ids: readonly string[];
    /** How many there are in all. */
    readonly total: number;
}

interface Write {
    readonly apply: (staging: Staging) => DirectoryChange | undefined;
    readonly resolve: (change: DirectoryChange | undefined) => void;
    readonly reject: (error: unknown) => void;
}

type Listener = (change: DirectoryChange) => void;

/** What is written with it is on the disk when the write is acknowledged; a store that knows no `sync` ignores it. */
const SYNC: AbstractBatchOptions<string, string> & { readonly sync: true } = { sync: true };
/** Writes in one batch: it holds their TDs in memory. */
const MAX_BATCH = 64;
const MAX_DELAY = 2 ** 31 - 1;
/** How long after a failure expired TDs are deleted again, in milliseconds. */
const RETRY_DELAY = 60_000;

/** The Things of a hub. */
export class DirectoryStore {
    readonly #index = new DirectoryIndex();
    readonly #cache = new RecordCache();
    readonly #listeners = new Set<Listener>();
    readonly #limits: DirectoryLimits;
    readonly #now: () => number;
    readonly #queue: WriteQueue<Write>;
    #timer: NodeJS.Timeout | undefined;
    #closed = false;
    /** After a failure of the disk expired TDs wait until then, in milliseconds since the epoch. */
    #notBefore = 0;
    #revision = 0;

    private constructor(
        private readonly level: DirectoryLevel,
        private readonly texts: Sublevel,
        private readonly entries: Sublevel,
        private readonly options: DirectoryStoreOptions
    ) {
        const given = Object.entries(options).filter(([, value]) => value !== undefined);
        this.#limits = { ...DEFAULT_DIRECTORY_LIMITS, ...(Object.fromEntries(given) as Partial<DirectoryLimits>) };
        this.#now = options.now ?? Date.now;
        this.#queue = new WriteQueue(
            (writes) => this.#commit(writes),
            MAX_BATCH,
            () => this.#schedule()
        );
    }

    /**
     * Opens the directory in a store, which stays the caller's.
     * @throws SseScError `INTERNAL` naming the record if one is damaged
     */
    static async open(level: DirectoryLevel, options: DirectoryStoreOptions = {}): Promise<DirectoryStore> {
        const [texts, entries] = await Promise.all([
            openSublevel(level, "descriptions"),
            openSublevel(level, "registrations"),
        ]);
        const store = new DirectoryStore(level, texts, entries, options);
        for await (const [id, text] of entries.iterator()) {
            const entry = parseEntry(id, text);
            if (entry === undefined) throw new SseScError("INTERNAL", `The stored registration of "${id}" is damaged`);
            store.#index.set(entry);
        }
        store.#schedule();
        return store;
    }

    /** Number of TDs. */
    get size(): number {
        return this.#index.liveIds(this.#now()).length;
    }

    /** Changes with each commit; starts anew with each process. */
    get revision(): number {
        return this.#revision;
    }

    /** Who owns the Thing of this id, if there is one. */
    ownerOf(id: string): string | undefined {
        return this.#live(id)?.owner;
    }

    /** True if there is a TD of this id. */
    has(id: string): boolean {
        return this.#live(id) !== undefined;
    }

    /** The ids of a client's Things. */
    idsOf(owner: string): string[] {
        return this.#index.ownedBy(owner).filter((id) => this.has(id));
    }

    /** The record of this id, if there is one. It is shared: not to be changed. */
    get(id: string): DirectoryRecord | undefined {
        const entry = this.#live(id);
        if (entry === undefined) return undefined;
        const cached = this.#cache.get(id);
        if (cached !== undefined) return cached;
        const record = recordOf(entry, JSON.parse(this.#read(id)) as Json);
        this.#cache.set(record, entry.bytes);
        return record;
    }

    /**
     * The ids from `offset` on, at most `limit` of them, in the order of code points.
     * @param offset default 0
     * @param limit default: all
     */
    page(offset = 0, limit = Infinity): DirectoryPage {
        const ids = this.#index.liveIds(this.#now());
        return { ids: ids.slice(offset, offset + limit), total: ids.length };
    }

    /**
     * Writes a TD: creates the Thing, which then belongs to the writer, or replaces its TD. Durable when it resolves.
     * @param given the TD; its `registration` may have `ttl` or `expires`
     * @param id the Thing's id, for a TD without one
     * @throws SseScError INVALID_TD (with `validationErrors`), TOO_LARGE, NOT_OWNER, TOO_MANY_THINGS, ALREADY_CLOSED
     */
    async put(given: unknown, writer: DirectoryWriter, id?: string): Promise<DirectoryChange> {
        const written = this.#parse(given, id);
        return this.#changed((staging) => {
            const current = staging.get(written.id);
            this.#refuseStranger(written.id, current, writer, 409);
            return stage(staging, written, current, writer);
        });
    }

    /**
     * Applies a merge patch (RFC 7396) to a TD; `{}` renews its `ttl`. Durable when it resolves.
     * @throws SseScError UNKNOWN_THING, INVALID_TD, TOO_LARGE, NOT_OWNER, TOO_MANY_THINGS, ALREADY_CLOSED
     */
    async patch(id: string, patch: unknown, writer: DirectoryWriter): Promise<DirectoryChange> {
        requireObject(patch, this.#limits.maxDepth);
        return this.#changed((staging) => {
            const current = staging.get(id);
            const record = staging.record(id);
            if (current === undefined || record === undefined) throw new SseScError("UNKNOWN_THING");
            this.#refuseStranger(id, current, writer, 403);
            const { ttl, expires } = record.registration;
            const registration = ttl === undefined ? { expires } : { ttl };
            const written = this.#parse(applyMergePatch({ ...record.td, registration }, patch), id);
            return stage(staging, written, current, writer);
        });
    }

    /**
     * Removes a TD. Durable when it resolves.
     * @throws SseScError UNKNOWN_THING, NOT_OWNER, ALREADY_CLOSED
     */
    async delete(id: string, writer: DirectoryWriter): Promise<void> {
        await this.#write((staging) => {
            const current = staging.get(id);
            if (current === undefined) throw new SseScError("UNKNOWN_THING");
            this.#refuseStranger(id, current, writer, 403);
            staging.delete(id);
            return undefined;
        });
    }

    /**
     * Tells of every change, in the order of the commits, before its writer hears of it.
     * @returns ends it
     */
    onChange(listener: Listener): () => void {
        this.#listeners.add(listener);
        return () => void this.#listeners.delete(listener);
    }

    /** Waits for open writes and gives the sublevels back; the store itself belongs to the caller. */
    async close(): Promise<void> {
        this.#closed = true;
        clearTimeout(this.#timer);
        await this.#queue.idle();
        await Promise.all([this.texts.close(), this.entries.close()]);
    }

    #live(id: string): Entry | undefined {
        const entry = this.#index.get(id);
        return entry === undefined || entry.expiresAt <= this.#now() ? undefined : entry;
    }

    #read(id: string): string {
        const text = this.texts.getSync(id);
        if (text === undefined) throw new SseScError("INTERNAL", `The stored TD of "${id}" is gone`);
        return text;
    }

    #parse(given: unknown, id: string | undefined): WrittenDescription {
        return readDescription(given, id, this.#limits, this.#now());
    }

    /** Who writes a TD of this id claims it: a conflict. Who changes or deletes what is there merely may not. */
    #refuseStranger(id: string, current: Entry | undefined, writer: DirectoryWriter, status: number): void {
        if (writer.isHub === true) return;
        const foreign = current !== undefined && current.owner !== writer.clientId && !writer.mayWriteAny;
        if (foreign || this.options.isReserved?.(id) === true) {
            throw new SseScError("NOT_OWNER", undefined, { status });
        }
    }

    async #changed(apply: (staging: Staging) => DirectoryChange): Promise<DirectoryChange> {
        const change = await this.#write(apply);
        if (change === undefined) throw new SseScError("INTERNAL");
        return change;
    }

    #write(apply: Write["apply"]): Promise<DirectoryChange | undefined> {
        if (this.#closed) return Promise.reject(new SseScError("ALREADY_CLOSED"));
        return new Promise((resolve, reject) => {
            this.#queue.add({ apply, resolve, reject });
        });
    }

    async #commit(writes: readonly Write[]): Promise<void> {
        const accepted: (() => void)[] = [];
        try {
            const staging = new Staging(this.#index, (id) => this.#read(id), this.#limits, this.#now());
            for (const write of writes) {
                try {
                    const change = write.apply(staging);
                    accepted.push(() => write.resolve(change));
                } catch (error) {
                    write.reject(error);
                }
            }
            await this.#save(staging);
            this.#publish(staging);
            this.#notBefore = 0;
            for (const acknowledge of accepted) acknowledge();
        } catch (cause) {
            this.#notBefore = this.#now() + RETRY_DELAY;
            const error = toSseScError(cause);
            for (const write of writes) write.reject(error); // those that were refused have been told already
        }
    }

    async #save({ staged }: Staging): Promise<void> {
        if (staged.size === 0) return;
        const { texts, entries } = this;
        const batch: AbstractBatchOperation<DirectoryLevel, string, string>[] = [];
        for (const [key, value] of staged) {
            if (value === undefined) {
                batch.push({ type: "del", sublevel: texts, key }, { type: "del", sublevel: entries, key });
            } else {
                batch.push({ type: "put", sublevel: texts, key, value: value.text });
                batch.push({ type: "put", sublevel: entries, key, value: serializeEntry(value.entry) });
            }
        }
        await this.level.batch(batch, SYNC);
    }

    #publish({ staged, changes }: Staging): void {
        for (const [id, value] of staged) {
            this.#cache.delete(id);
            if (value === undefined) this.#index.delete(id);
            else this.#index.set(value.entry);
        }
        for (const change of changes) {
            this.#revision++;
            for (const listener of this.#listeners) {
                try {
                    listener(change);
                } catch (error) {
                    this.options.onError?.("a listener of the directory", error);
                }
            }
        }
    }

    /** Sets the timer for the TDs that expire next. */
    #schedule(): void {
        clearTimeout(this.#timer);
        const { soonest } = this.#index;
        if (this.#closed || soonest === Infinity) return;
        const wait = Math.min(Math.max(soonest, this.#notBefore) - this.#now(), MAX_DELAY);
        // A write of nothing: each batch begins with what has expired
        this.#timer = setTimeout(
            () => {
                this.#write(() => undefined).catch((error: unknown) => {
                    this.options.onError?.("the deletion of expired TDs", error);
                });
            },
            Math.max(wait, 0)
        );
        this.#timer.unref();
    }
}

async function openSublevel(level: DirectoryLevel, name: string): Promise<Sublevel> {
    const sublevel = level.sublevel(name, { keyEncoding: "utf8", valueEncoding: "utf8" });
    await sublevel.open();
    return sublevel;
}

function stage(
    staging: Staging,
    { id, text, requested }: WrittenDescription,
    current: Entry | undefined,
    writer: DirectoryWriter
): DirectoryChange {
    const registration = registrationOf(requested, staging.now, current?.registration.created);
    const owner = writer.isHub === true ? writer.clientId : (current?.owner ?? writer.clientId);
    return staging.put(createEntry(id, owner, registration, Buffer.byteLength(text)), text);
}
