/**
 * Where a URL of ours leads over HTTP: the one place that turns the schemes `sse` and `sse-plain` into `https` and `http`.
 *
 * `URL.origin` is the text `null` for every URL with a scheme that WHATWG does not know, and the host keeps its case (design.md,
 * "Client side"). So the scheme is replaced as text first; the origin that comes out keys connections and credentials.
 */
import { parseUrl } from "../../lib/urls";

/** A URL as HTTP sees it. */
export interface HttpTarget {
    /** `https://host:port` or `http://host:port`: host in lower case, no port where it is the scheme's default. */
    readonly origin: string;
    /** Path, starting with a slash. */
    readonly path: string;
    /** Text of the query without `?`; empty if there is none. */
    readonly query: string;
}

const HTTP_SCHEME = new Map([
    ["sse", "https"],
    ["sse-plain", "http"],
    ["https", "https"],
    ["http", "http"],
]);

/** The scheme of an absolute URL in lower case; `undefined` if it has none. */
export function schemeOf(url: string): string | undefined {
    return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
}

/**
 * Where an absolute URL with one of the schemes `sse`, `sse-plain`, `https` and `http` leads over HTTP.
 * @returns `undefined` for every other scheme and for what is no URL
 */
export function httpTarget(url: string): HttpTarget | undefined {
    const scheme = schemeOf(url);
    const httpScheme = scheme === undefined ? undefined : HTTP_SCHEME.get(scheme);
    if (scheme === undefined || httpScheme === undefined) return undefined;
    const text = httpScheme + url.slice(scheme.length);
    // WHATWG repairs a missing `//` in http URLs; nobody should guess at a host.
    const parsed = /^https?:\/\/[^/]/i.test(text) ? parseUrl(text) : undefined;
    if (parsed === undefined) return undefined;
    const { origin, pathname, search } = parsed;
    return { origin, path: pathname, query: search.slice(1) };
}

/** True if the host of an http(s) origin is this machine. */
export function isLoopback(origin: string): boolean {
    const { hostname } = new URL(origin);
    return hostname === "localhost" || hostname.endsWith(".localhost") || /^127(\.\d+){3}$|^\[::1\]$/.test(hostname);
}
