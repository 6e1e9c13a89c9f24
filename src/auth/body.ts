/** Reads the body of a request as JSON, whether or not a parser in front of us has read it already. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { SseScError, toSseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import { parseJson } from "./parse";

/** A request as a body parser leaves it. */
export type ParsedRequest = IncomingMessage & { body?: unknown };

/** Connect-style middleware, in the types of Node. */
export type Middleware = (request: ParsedRequest, response: ServerResponse, next: (error?: unknown) => void) => unknown;

/** The largest body of the `/authn` routes in bytes. */
const BODY_LIMIT = 16 * 1024;

/** Any content type and charset: what these routes take is JSON, which is UTF-8 (RFC 8259, section 8.1). */
const PARSER_OPTIONS = { type: () => true, limit: BODY_LIMIT, skipCharset: true } as const;

/** Turns an error of body-parser into one of ours; its message may show the input and goes no further. */
function toBodyError(thrown: unknown): SseScError {
    if (thrown instanceof SseScError || !isRecord(thrown)) return toSseScError(thrown);
    const { status } = thrown;
    if (status === 413) return new SseScError("TOO_LARGE", undefined, { cause: thrown });
    if (typeof status === "number" && status < 500)
        return new SseScError("INVALID_REQUEST", undefined, { cause: thrown });
    return toSseScError(thrown);
}

/** Middleware that reads the raw body into `request.body`; it passes by where a parser was there before. */
export async function bodyReader(): Promise<Middleware> {
    const { default: express } = await import("express");
    const read: Middleware = express.raw(PARSER_OPTIONS);
    return (request, response, next) =>
        read(request, response, (error) => {
            if (error === undefined) next();
            else next(toBodyError(error));
        });
}

/**
 * The JSON value of a body: bytes and text are parsed, anything else was parsed by someone else. A text that is not JSON stands
 * for itself: it is a JSON string that was parsed already. Bytes that are not JSON give `undefined`, as no body does.
 */
export function jsonBody({ body }: ParsedRequest): unknown {
    if (typeof body === "string") return parseJson(body) ?? body;
    return body instanceof Uint8Array ? parseJson(new TextDecoder().decode(body)) : body;
}
