/** The part of an HTTP request that authentication reads, whatever the server and the HTTP version. */
import type { IncomingHttpHeaders } from "node:http";

/** A request of `node:http`, of the compatibility API of `node:http2`, of Express, or just the headers of a stream. */
export interface AuthRequest {
    readonly headers: IncomingHttpHeaders;
    readonly method?: string | undefined;
    readonly url?: string | undefined;
    readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
    /** Parsed query, which some Passport strategies want to see. Default: empty. */
    readonly query?: unknown;
}

/** The bearer token of a request (RFC 6750, section 2.1); the scheme is matched without regard to case (RFC 9110, 11.1). */
export function bearerToken({ headers }: AuthRequest): string | undefined {
    const { authorization } = headers;
    if (authorization === undefined || authorization.slice(0, 7).toLowerCase() !== "bearer ") return undefined;
    const token = authorization.slice(7).trim();
    return token === "" ? undefined : token;
}

/** The client id that a request claims; it counts for nothing but comparison with that of the token (protocol.md). */
export function claimedClientId({ headers }: AuthRequest): string | undefined {
    const claimed = headers["clientid"];
    return Array.isArray(claimed) ? claimed.join() : claimed;
}
