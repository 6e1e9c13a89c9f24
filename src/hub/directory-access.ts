/** Who may do what in the directory (protocol.md, "Roles and what they may do"). */
import { SseScError } from "../../lib/errors";
import type { DirectoryWriter } from "./directory-records";

/** What a client may do in the directory. */
export interface DirectoryAccess {
    readonly read: boolean;
    /** TDs of its own, or any. */
    readonly write: "none" | "own" | "any";
}

/** A client that asks something of the directory. */
export interface DirectoryCaller {
    readonly clientId: string;
    readonly access: DirectoryAccess;
}

const ROLES: ReadonlyMap<string, DirectoryAccess> = new Map([
    ["none", { read: false, write: "none" }],
    ["device", { read: true, write: "own" }],
    ["service", { read: true, write: "any" }],
    ["admin", { read: true, write: "any" }],
]);

/**
 * What a role may do in the directory.
 * @param mayRead whether it may read properties: that decides about reading for roles of the configuration, which write nothing
 */
export function directoryAccess(role: string, mayRead: boolean): DirectoryAccess {
    return ROLES.get(role) ?? { read: mayRead, write: "none" };
}

/** @throws SseScError FORBIDDEN if this client may not read */
export function requireReader({ access }: DirectoryCaller): void {
    if (!access.read) throw new SseScError("FORBIDDEN");
}

/** The client as a writer. @throws SseScError FORBIDDEN if it may not write at all */
export function requireWriter({ clientId, access }: DirectoryCaller): DirectoryWriter {
    if (access.write === "none") throw new SseScError("FORBIDDEN");
    return { clientId, mayWriteAny: access.write === "any" };
}
