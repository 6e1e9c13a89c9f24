/** The key-value store behind accounts, signing key and revocations: any abstract-level database, owned by the caller. */
import type {
    AbstractBatchOptions,
    AbstractDelOptions,
    AbstractLevel,
    AbstractPutOptions,
    AbstractSublevel,
} from "abstract-level";

/** A database of strings, for example a `MemoryLevel` or `ClassicLevel` or a sublevel of one. */
export type AuthStore = AbstractLevel<string | Buffer | Uint8Array>;

/** A part of the store under a name of its own. */
export type AuthSublevel = AbstractSublevel<AuthStore, string | Buffer | Uint8Array, string, string>;

type WriteOptions = AbstractPutOptions<string, string> &
    AbstractDelOptions<string> &
    AbstractBatchOptions<string, string>;

/**
 * What is written with it is on the disk when the write is acknowledged; a store that knows no `sync` ignores it.
 */
export const SYNC: WriteOptions & { readonly sync: true } = { sync: true };

/** Opens the part of `store` that has this name. */
export async function openSublevel(store: AuthStore, name: string): Promise<AuthSublevel> {
    const sublevel = store.sublevel(name, { keyEncoding: "utf8", valueEncoding: "utf8" });
    await sublevel.open();
    return sublevel;
}
