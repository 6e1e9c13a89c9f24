/** What the directory knows of a Thing: its TD as it was written, who owns it, since when and until when. */
import { isRecord } from "../../lib/json";

/** A JSON object that is not to be changed. */
export type Json = Readonly<Record<string, unknown>>;

/** Registration information (WoT Discovery, "Registration Information"): times are RFC 3339, in UTC. */
export interface Registration {
    readonly created: string;
    readonly modified: string;
    /** After this moment the TD is gone. */
    readonly expires?: string;
    /** Seconds from each write until `expires`; what the client asked for. */
    readonly ttl?: number;
}

/** A TD in the directory. */
export interface DirectoryRecord {
    readonly id: string;
    /** As its owner wrote it, forms included, without `registration`. */
    readonly td: Json;
    /** The client that the Thing belongs to: the one that wrote it first. */
    readonly owner: string;
    readonly registration: Registration;
}

/** Who writes. */
export interface DirectoryWriter {
    readonly clientId: string;
    /** True for those who may write TDs of other clients, which stay the owners. */
    readonly mayWriteAny: boolean;
    /** True for the hub itself: it may write ids that no client may have, and owns what it writes. */
    readonly isHub?: boolean;
}

/** What was committed. */
export type DirectoryChange =
    | { readonly type: "created"; readonly id: string; readonly before: undefined; readonly after: DirectoryRecord }
    | {
          readonly type: "updated";
          readonly id: string;
          readonly before: DirectoryRecord;
          readonly after: DirectoryRecord;
      }
    | { readonly type: "deleted"; readonly id: string; readonly before: DirectoryRecord; readonly after: undefined };

/** What is kept in memory of each TD: everything but the TD. */
export interface Entry {
    readonly id: string;
    readonly owner: string;
    readonly registration: Registration;
    /** Milliseconds since the epoch; `Infinity` if it does not expire. */
    readonly expiresAt: number;
    /** UTF-8 bytes of its JSON. */
    readonly bytes: number;
}

/** Makes the entry of a TD. */
export function createEntry(id: string, owner: string, registration: Registration, bytes: number): Entry {
    const { expires } = registration;
    return { id, owner, registration, expiresAt: expires === undefined ? Infinity : Date.parse(expires), bytes };
}

/** An entry as it is stored. */
export function serializeEntry({ owner, registration, bytes }: Entry): string {
    return JSON.stringify({ owner, ...registration, bytes });
}

/** Reads what `serializeEntry` wrote; `undefined` if it is something else. */
export function parseEntry(id: string, text: string): Entry | undefined {
    const value = parsed(text);
    if (!isRecord(value)) return undefined;
    const { owner, created, modified, expires, ttl, bytes } = value;
    if (typeof owner !== "string" || typeof bytes !== "number") return undefined;
    if (typeof created !== "string" || typeof modified !== "string") return undefined;
    if (expires !== undefined && (typeof expires !== "string" || Number.isNaN(Date.parse(expires)))) return undefined;
    if (ttl !== undefined && typeof ttl !== "number") return undefined;
    const registration: Registration = {
        created,
        modified,
        ...(expires === undefined ? {} : { expires }),
        ...(ttl === undefined ? {} : { ttl }),
    };
    return createEntry(id, owner, registration, bytes);
}

function parsed(text: string): unknown {
    try {
        return JSON.parse(text) as unknown;
    } catch {
        return undefined;
    }
}
