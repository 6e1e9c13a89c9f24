/** Registration information of TDs (WoT Discovery, "Registration Information"): what clients ask for, and what they are shown. */
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import type { DirectoryRecord, Json, Registration } from "./directory-records";

const DISCOVERY_CONTEXT = "https://www.w3.org/2022/wot/discovery";
/** Ten years, in seconds. */
const MAX_TTL = 10 * 365 * 24 * 3600;

/** What a client may say of the registration of its TD. */
export interface RequestedRegistration {
    /** Seconds. */
    readonly ttl?: number;
    /** RFC 3339; counts only without `ttl`. */
    readonly expires?: string;
}

/**
 * Takes the registration out of a TD. What only the server may say (`created`, `modified`, `retrieved`) is dropped, so that a TD
 * may be written back as it was read.
 * @throws SseScError INVALID_TD
 */
export function splitRegistration(given: Json): { readonly td: Json; readonly requested: RequestedRegistration } {
    const { registration, ...td } = given;
    if (registration === undefined || registration === null) return { td, requested: {} };
    if (!isRecord(registration)) throw invalid("registration", "is not an object");
    const ttl = registration["ttl"] ?? undefined;
    const expires = registration["expires"] ?? undefined;
    if (ttl !== undefined) {
        if (typeof ttl === "number" && ttl > 0 && ttl <= MAX_TTL) return { td, requested: { ttl } };
        throw invalid("registration.ttl", `is not a number of seconds above 0, at most ${MAX_TTL}`);
    }
    if (expires === undefined) return { td, requested: {} };
    if (typeof expires === "string" && isTime(expires)) return { td, requested: { expires } };
    throw invalid("registration.expires", "is not a time of RFC 3339");
}

/** The registration of a TD that is written now (milliseconds since the epoch). */
export function registrationOf(
    { ttl, expires }: RequestedRegistration,
    now: number,
    created: string | undefined
): Registration {
    const modified = new Date(now).toISOString();
    const until = ttl === undefined ? expires : new Date(now + ttl * 1000).toISOString();
    return {
        created: created ?? modified,
        modified,
        ...(until === undefined ? {} : { expires: until }),
        ...(ttl === undefined ? {} : { ttl }),
    };
}

/** A TD with its registration, as it is served: the discovery context defines the member. */
export function withRegistration(td: Json, { registration }: DirectoryRecord, now: number): Json {
    const context = td["@context"];
    const contexts: readonly unknown[] = Array.isArray(context) ? context : [context];
    return {
        ...td,
        "@context": contexts.includes(DISCOVERY_CONTEXT) ? context : withDiscovery(contexts),
        registration: { ...registration, retrieved: new Date(now).toISOString() },
    };
}

/** Behind the contexts of TD, which must come first, and ahead of objects. */
function withDiscovery(contexts: readonly unknown[]): unknown[] {
    const at = contexts.findIndex((entry) => typeof entry !== "string");
    const split = at === -1 ? contexts.length : at;
    return [...contexts.slice(0, split), DISCOVERY_CONTEXT, ...contexts.slice(split)];
}

function isTime(text: string): boolean {
    return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text) && !Number.isNaN(Date.parse(text));
}

function invalid(field: string, description: string): SseScError {
    return new SseScError("INVALID_TD", `${field} ${description}`, { validationErrors: [{ field, description }] });
}
