/** The directory of a hub, as the application uses it. */
import type { DirectoryRecord, Registration } from "./hub/directory-records";
import type { DirectoryStore } from "./hub/directory-store";

/** A Thing in the directory. */
export interface DirectoryEntry {
    readonly id: string;
    /** The TD as its agent wrote it. Not to be changed. */
    readonly td: Readonly<Record<string, unknown>>;
    /** Client id of the agent that it belongs to. */
    readonly owner: string;
    /** When it was written, and until when it stands: RFC 3339 times. */
    readonly registration: Registration;
}

/** Reads and writes the directory in the name of the application, which may do everything. */
export class HubDirectory implements Iterable<DirectoryEntry> {
    readonly #store: DirectoryStore;

    /** @internal */
    constructor(store: DirectoryStore) {
        this.#store = store;
    }

    /** Number of Things. */
    get size(): number {
        return this.#store.size;
    }

    /** All Things in the order of their ids. */
    *[Symbol.iterator](): IterableIterator<DirectoryEntry> {
        for (const id of this.#store.page().ids) {
            const entry = this.get(id);
            if (entry !== undefined) yield entry;
        }
    }

    /** The Thing of that id, if there is one. */
    get(thingId: string): DirectoryEntry | undefined {
        const record = this.#store.get(thingId);
        return record === undefined ? undefined : toEntry(record);
    }

    /**
     * Writes the TD of a Thing for its agent: for agents that do not write it themselves, such as those of HiveOT's state of January
     * 2026. A Thing that is there stays with the agent that it belongs to. Durable when it resolves.
     * @param owner client id of the agent
     * @throws SseScError INVALID_TD (with `validationErrors`), TOO_LARGE, NOT_OWNER if the Thing is another's or the server's own,
     * TOO_MANY_THINGS
     */
    async put(td: Readonly<Record<string, unknown>>, owner: string): Promise<void> {
        await this.#store.put(td, { clientId: owner, mayWriteAny: false });
    }

    /** Removes a Thing. Durable when it resolves. @throws SseScError UNKNOWN_THING */
    async delete(thingId: string): Promise<void> {
        await this.#store.delete(thingId, { clientId: "", mayWriteAny: true });
    }
}

function toEntry({ id, td, owner, registration }: DirectoryRecord): DirectoryEntry {
    return { id, td, owner, registration };
}
