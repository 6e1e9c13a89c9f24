/** Limits of the directory: nobody can fill memory or disk through it. */
import { DEFAULT_MAX_DEPTH } from "../../lib/json";

/** Limits of the directory. */
export interface DirectoryLimits {
    /** TDs in all. Default 100,000. */
    readonly maxThings: number;
    /** TDs of one client. Default 1,000. */
    readonly maxThingsPerClient: number;
    /** Bytes of one TD as JSON. Default 1 MiB. */
    readonly maxThingSize: number;
    /** Bytes of all TDs of one client. Default 64 MiB. */
    readonly maxBytesPerClient: number;
    /** Bytes of all TDs. Default 1 GiB. */
    readonly maxBytes: number;
    /** How deep the JSON of a TD may be nested. Default 64. */
    readonly maxDepth: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_DIRECTORY_LIMITS: DirectoryLimits = {
    maxThings: 100_000,
    maxThingsPerClient: 1_000,
    maxThingSize: MIB,
    maxBytesPerClient: 64 * MIB,
    maxBytes: 1024 * MIB,
    maxDepth: DEFAULT_MAX_DEPTH,
};
