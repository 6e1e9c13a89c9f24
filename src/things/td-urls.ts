/** URLs in a TD: relative ones made absolute, those of SSE-SC given its schemes. URI templates in them stay as they are. */

import { DEFAULT_STREAM_PATH } from "../../lib/converters/dialects";
import { parseUrl } from "../../lib/urls";

const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

const SSE_SCHEME = new Map([
    ["https:", "sse:"],
    ["http:", "sse-plain:"],
]);

/** An href in absolute form. @returns `undefined` if it is relative and `base` is no help */
export function resolveHref(href: string, base: string | undefined): string | undefined {
    if (SCHEME.test(href)) return href;
    if (base === undefined || parseUrl(base) === undefined) return undefined;
    // A URL would percent-encode the braces of a template: only what stands ahead of it is resolved.
    const template = href.search(/[{]/);
    const [plain, rest] = template === -1 ? [href, ""] : [href.slice(0, template), href.slice(template)];
    const url = parseUrl(plain, base);
    return url && url.href + rest;
}

/** The same URL with scheme `sse` in place of `https`, and `sse-plain` in place of `http`. */
export function withSseScheme(url: string): string {
    const scheme = SCHEME.exec(url)?.[0] ?? "";
    return (SSE_SCHEME.get(scheme.toLowerCase()) ?? scheme) + url.slice(scheme.length);
}

/** A URL whose scheme is `sse` or `sse-plain`, template aside, with the rest of it parsed. */
export function sseScUrl(url: string): URL | undefined {
    const plain = url
        .replace(/\{[^]*$/, "")
        .replace(/^sse:/i, "https:")
        .replace(/^sse-plain:/i, "http:");
    return /^https?:\/\/[^/]/i.test(plain) ? parseUrl(plain) : undefined;
}

/** The path of the event stream: that of `base`, if `base` is the URL of a stream on the same host (protocol.md, "TD conventions"). */
export function streamPathOf(base: string | undefined, href: string): string {
    const stream = base === undefined ? undefined : sseScUrl(withSseScheme(base));
    const target = sseScUrl(href);
    if (stream === undefined || stream.origin !== target?.origin) return DEFAULT_STREAM_PATH;
    // A base that ends with a slash is a folder for relative hrefs, no stream.
    return stream.pathname.endsWith("/") || stream.pathname === target.pathname ? DEFAULT_STREAM_PATH : stream.pathname;
}
