/** The bodies of the `/authn` routes. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { SseScError } from "../../lib/errors";

/** Connect-style middleware, in the types of Node. */
export type Middleware = (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void
) => unknown;

/**
 * Reads the JSON body of a request, whether or not a parser of the host has read it already.
 * @throws SseScError INVALID_ENVELOPE if it is not JSON; TOO_LARGE, INVALID_REQUEST
 */
export type ReadJson = (request: IncomingMessage, maxSize: number) => Promise<unknown>;

/** The largest body in bytes. */
const BODY_LIMIT = 16 * 1024;

/** The JSON value of a body; `undefined` if it is not JSON, because who has no token shall hear of that first. */
export async function jsonBody(request: IncomingMessage, read: ReadJson): Promise<unknown> {
    try {
        return await read(request, BODY_LIMIT);
    } catch (error) {
        if (error instanceof SseScError && error.code === "INVALID_ENVELOPE") return undefined;
        throw error;
    }
}
