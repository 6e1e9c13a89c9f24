/** What two peers of ours may do beyond HiveOT, if both say so when the stream is opened (design.md, "Order", "Delivery"). */

/** The header of the stream's request and reply: features, separated by commas. A peer that knows nothing of it ignores it. */
export const FEATURES_HEADER = "hiveot-features";

/** Notifications of an agent travel several in one POST, one on each line. */
export const BATCH_FEATURE = "batch";

/** Streams are resumed with a word on whether anything is missing, and requests that come again are recognised. */
export const RESUME_FEATURE = "resume";

/** The header of a reply that says what became of the stream that was to be resumed: `resumed` or `gap`. */
export const RESUME_HEADER = "hiveot-resume";

/** Media type of a batch: JSON texts, one on each line. */
export const BATCH_TYPE = "application/x-ndjson";

/** Seconds between heartbeats that are taken seriously: timers must be able to count them. */
const MAX_HEARTBEAT = 100_000;

/** What a server shows of itself when it opens a stream. */
export interface ServerFeatures {
    /** It takes notifications in batches. */
    readonly batches: boolean;
    /** It announces heartbeats, which HiveOT's own server does not. */
    readonly heartbeats: boolean;
    /** Milliseconds between them; 0 if it announces none. */
    readonly heartbeatInterval: number;
    /** It keeps what a client misses, and recognises requests that come again. */
    readonly resumes: boolean;
    /** The stream goes on where the one before ended: nothing is missing, subscriptions stand. */
    readonly resumed: boolean;
}

/** The features that a header names, in lower case. */
export function readFeatures(header: string | undefined): ReadonlySet<string> {
    return new Set((header ?? "").split(",").map((feature) => feature.trim().toLowerCase()));
}

/** What the reply to a request for a stream shows. @param headers names in lower case */
export function serverFeatures(headers: Readonly<Record<string, string>>): ServerFeatures {
    const features = readFeatures(headers[FEATURES_HEADER]);
    const heartbeat = Number(headers["hiveot-heartbeat"] ?? 0);
    const resumes = features.has(RESUME_FEATURE);
    return {
        batches: features.has(BATCH_FEATURE),
        heartbeats: headers["hiveot-heartbeat"] !== undefined,
        heartbeatInterval: heartbeat > 0 && heartbeat < MAX_HEARTBEAT ? heartbeat * 1000 : 0,
        resumes,
        resumed: resumes && headers[RESUME_HEADER] === "resumed",
    };
}
