/** What two peers of ours may do beyond HiveOT, if both say so when the stream is opened (design.md, "Order", "Delivery"). */

/** The header of the stream's request and reply: features, separated by commas. A peer that knows nothing of it ignores it. */
export const FEATURES_HEADER = "hiveot-features";

/** Notifications of an agent travel several in one POST, one on each line. */
export const BATCH_FEATURE = "batch";

/** Media type of a batch: JSON texts, one on each line. */
export const BATCH_TYPE = "application/x-ndjson";

/** What a server shows of itself when it opens a stream. */
export interface ServerFeatures {
    /** It takes notifications in batches. */
    readonly batches: boolean;
    /** It announces heartbeats, which HiveOT's own server does not. */
    readonly heartbeats: boolean;
}

/** The features that a header names, in lower case. */
export function readFeatures(header: string | undefined): ReadonlySet<string> {
    return new Set((header ?? "").split(",").map((feature) => feature.trim().toLowerCase()));
}

/** What the reply to a request for a stream shows. @param headers names in lower case */
export function serverFeatures(headers: Readonly<Record<string, string>>): ServerFeatures {
    return {
        batches: readFeatures(headers[FEATURES_HEADER]).has(BATCH_FEATURE),
        heartbeats: headers["hiveot-heartbeat"] !== undefined,
    };
}
