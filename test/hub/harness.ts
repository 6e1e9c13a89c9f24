/** What the tests of the directory share: TDs, writers, stores that are thrown away. */
import { MemoryLevel } from "memory-level";
import type { DirectoryWriter } from "../../src/hub/directory-records";
import { DirectoryStore, type DirectoryLevel, type DirectoryStoreOptions } from "../../src/hub/directory-store";

const cleanups: (() => unknown)[] = [];

/** Runs when the test ends, last one first. */
export function onEnd(cleanup: () => unknown): void {
    cleanups.push(cleanup);
}

afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export const ALICE: DirectoryWriter = { clientId: "alice", mayWriteAny: false };
export const BOB: DirectoryWriter = { clientId: "bob", mayWriteAny: false };
export const ADMIN: DirectoryWriter = { clientId: "admin", mayWriteAny: true };

/** A TD that is valid. */
export function tdOf(id: string | undefined, members: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
        "@context": ["https://www.w3.org/2022/wot/td/v1.1"],
        ...(id !== undefined && { id }),
        title: `Thing ${id ?? "without id"}`,
        security: "nosec_sc",
        securityDefinitions: { nosec_sc: { scheme: "nosec" } },
        ...members,
    };
}

/** Opens a directory, by default in memory. */
export async function openDirectory(
    options: DirectoryStoreOptions = {},
    level: DirectoryLevel = new MemoryLevel<string>()
): Promise<DirectoryStore> {
    const store = await DirectoryStore.open(level, options);
    onEnd(() => store.close());
    return store;
}
