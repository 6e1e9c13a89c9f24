/** The part of an HTTP request that authentication reads, whatever the server and the HTTP version. */
import type { IncomingHttpHeaders } from "node:http";

/** A request of `node:http`, of the compatibility API of `node:http2`, of Express, or just the headers of a stream. */
export interface AuthRequest {
    readonly headers: IncomingHttpHeaders;
    readonly method?: string | undefined;
    readonly url?: string | undefined;
    readonly socket?: AuthSocket | undefined;
    /** Of an HTTP/2 request: its session is the connection. */
    readonly stream?: { readonly session?: object | undefined };
}

/** The connection of a request; the last two are there with TLS. */
interface AuthSocket {
    readonly remoteAddress?: string | undefined;
    /** True if OpenSSL has nothing to say against the client's certificate, and be it that there is none. */
    readonly authorized?: boolean;
    getPeerCertificate?(): unknown;
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

/**
 * True for a request without an `Authorization` header, or with one that holds no token: HTTP/2 drops the empty one that HiveOT's
 * JavaScript client sends (RFC 9113, section 8.2.1), HTTP/1 does not.
 */
export function showsNothing({ headers: { authorization } }: AuthRequest): boolean {
    return authorization === undefined || ["", "bearer"].includes(authorization.trim().toLowerCase());
}
