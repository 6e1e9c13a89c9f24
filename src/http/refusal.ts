/** How a request is turned away that is over a limit. */
import { constants } from "node:http2";
import type { DialectConventions } from "../../lib/converters/converter";
import { respondWithError, type HttpRequest, type HttpResponse } from "./exchange";

/** Ends a request without a status: on HTTP/1.1 by its connection, on HTTP/2 by its stream. What was written still goes out there. */
export function endWithoutStatus(response: HttpResponse): void {
    if (response.stream === undefined) response.destroy();
    else response.stream.close(response.writableEnded ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_CANCEL);
}

/**
 * Refuses an event stream: with a status, or without one where clients of the dialect would never come again after a status.
 * @param conventions those of the dialect of the stream; `undefined` if it is none
 */
export function refuseStream(
    request: HttpRequest,
    response: HttpResponse,
    conventions: DialectConventions | undefined,
    error: unknown
): void {
    if (conventions?.refusal === "close") endWithoutStatus(response);
    else respondWithError(request, response, error);
}
