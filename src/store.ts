/** The store of a server: accounts, keys, revocations, the server's own id; later TDs and latest values. */
import type { AbstractLevel } from "abstract-level";
import { SseScError } from "../lib/errors";
import { openSublevel, SYNC } from "./auth/store";

/** Any abstract-level database of strings. */
export type Store = AbstractLevel<string | Buffer | Uint8Array>;

/**
 * Opens a store: in memory, or in a folder, which one process at a time can have.
 * @param folder is made if it is not there; without it everything is gone when the process ends
 * @throws SseScError INVALID_CONFIG that names the folder and why it cannot be opened
 */
export async function openStore(folder: string | undefined): Promise<Store> {
    if (folder === undefined) {
        const { MemoryLevel } = await import("memory-level");
        const store = new MemoryLevel<string>();
        await store.open();
        return store;
    }
    const { ClassicLevel } = await import("classic-level");
    const store = new ClassicLevel<string>(folder);
    try {
        await store.open();
    } catch (error) {
        const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new SseScError("INVALID_CONFIG", `store: ${folder} cannot be opened: ${reason}`, { cause: error });
    }
    return store;
}

/**
 * The id of the server's own Thing: that of the store, or `fresh` if it has none, which it keeps from then on.
 * @param fresh a new id
 */
export async function storedId(store: Store, fresh: string): Promise<string> {
    const records = await openSublevel(store, "server");
    const stored: string | undefined = await records.get("id");
    if (stored !== undefined) return stored;
    await records.put("id", fresh, SYNC);
    return fresh;
}
