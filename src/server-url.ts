/** The URL of a server as a user gives it. */
import { DEFAULT_STREAM_PATH } from "../lib/converters/dialects";
import { SseScError } from "../lib/errors";
import { httpTarget } from "./http/origin";

/** Where a server is. */
export interface ServerAddress {
    /** http(s) origin. */
    readonly origin: string;
    /** Path of the event stream. */
    readonly streamPath: string;
}

/**
 * Reads a URL such as `sse://host:8444`; `https`, `sse-plain` and `http` will do too, and a path is that of the event stream.
 * @param name of the option, for the error
 * @throws SseScError INVALID_CONFIG naming the option
 */
export function readServerUrl(name: string, url: unknown): ServerAddress {
    const target = typeof url === "string" ? httpTarget(url) : undefined;
    if (target === undefined) throw invalid(`${name} is no URL such as sse://host:8444`);
    if (target.query !== "") throw invalid(`${name} has a query`);
    if (/^[^/]*\/\/[^/?#]*@/.test(String(url)))
        throw invalid(`${name} has a user name: credentials are a parameter of their own`);
    return { origin: target.origin, streamPath: target.path === "/" ? DEFAULT_STREAM_PATH : target.path };
}

function invalid(message: string): SseScError {
    return new SseScError("INVALID_CONFIG", message);
}
