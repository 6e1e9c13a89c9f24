/** Which dialect is spoken on which stream path (protocol.md, "Endpoints"). */
import type { MessageConverter } from "./converter";
import { rrn } from "./rrn";
import { rrn2025 } from "./rrn-2025";

/** Dialects by the path of the event stream that they are spoken on. */
export type Dialects = ReadonlyMap<string, MessageConverter>;

/** Where HiveOT serves streams in its state of August 2026, and where we do unless configured otherwise. */
export const DEFAULT_STREAM_PATH = "/hiveot/ssesc";

/** HiveOT's own dialects: `rrn` on `/hiveot/ssesc`, `rrn-2025` on `/hiveot/sse`. */
export const DEFAULT_DIALECTS: Dialects = new Map([
    [DEFAULT_STREAM_PATH, rrn],
    ["/hiveot/sse", rrn2025],
]);

/** The dialect of a stream path, which may stand under a base path; `rrn` if nothing is known of it. */
export function dialectOf(streamPath: string, dialects: Dialects = DEFAULT_DIALECTS): MessageConverter {
    const exact = dialects.get(streamPath);
    if (exact !== undefined) return exact;
    for (const [path, converter] of dialects) if (streamPath.endsWith(path)) return converter;
    return rrn;
}
