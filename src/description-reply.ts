/** TDs as servers hand them out over HTTP. */
import { SseScError } from "../lib/errors";
import type { ClientConnection } from "./http/client-connection";
import { replyError } from "./http/reply-error";
import type { ThingDescription } from "./things/normalizer";
import { parseThingDescription } from "./things/td-tools";

const ACCEPT_TD = "application/td+json, application/json;q=0.9";

/**
 * GETs a TD and makes it consumable. A redirect is not followed.
 * @param path path and query
 * @param maxDepth nesting of the JSON
 * @throws SseScError INVALID_TD, TOO_LARGE, UNAUTHORIZED, NOT_FOUND, CONNECT_FAILED, …
 */
export async function getDescription(
    connection: ClientConnection,
    path: string,
    maxDepth: number
): Promise<ThingDescription> {
    const response = await connection.get(path, ACCEPT_TD);
    if (response.status !== 200) throw replyError(response);
    if (!response.complete) throw new SseScError("CONNECTION_LOST", "The connection broke within the TD");
    return parseThingDescription(response.body, maxDepth);
}
