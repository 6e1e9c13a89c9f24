/** What the parts of the directory's HTTP API share: reading requests and writing replies, with Node's own means. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { SseScError } from "../../lib/errors";
import type { DirectoryCaller } from "./directory-access";
import type { DirectoryRecord, Json } from "./directory-records";

/** A request that Express or Connect has passed on: `url` without the path at which the handler is mounted. */
export type DirectoryRequest = IncomingMessage & { readonly originalUrl?: string };

/** A client that asks over HTTP. */
export interface DirectoryClient extends DirectoryCaller {
    /** Session of its token. */
    readonly sessionId?: string;
    /** When its credential ends, in milliseconds since the epoch: its event streams end then. */
    readonly expiresAt?: number;
}

/** The TD of a Thing as this hub hands it out to whoever sent the request: with its own forms and security. */
export type RenderFor = (record: DirectoryRecord, request: DirectoryRequest) => Json;

/** A query parameter that is a whole number. @throws SseScError INVALID_REQUEST naming it */
export function numberIn(query: URLSearchParams, name: string, least: number, absent: number): number {
    const text = query.get(name);
    if (text === null) return absent;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : -1;
    if (value >= least) return value;
    throw invalidRequest(`${name} is not a whole number from ${least} on`);
}

/** A query parameter that is one of a few words. @throws SseScError INVALID_REQUEST naming it */
export function wordIn<T extends string>(query: URLSearchParams, name: string, words: readonly T[], absent: T): T {
    const text = query.get(name);
    if (text === null) return absent;
    const found = words.find((word) => word === text);
    if (found === undefined) throw invalidRequest(`${name} is none of ${words.join(", ")}`);
    return found;
}

/** The query of a request. */
export function queryOf({ url = "" }: DirectoryRequest): URLSearchParams {
    const mark = url.indexOf("?");
    return new URLSearchParams(mark === -1 ? "" : url.slice(mark + 1));
}

/** The path at which the handler is mounted, for URLs in replies. */
export function mountOf({ url = "", originalUrl = url }: DirectoryRequest): string {
    return originalUrl.endsWith(url) ? originalUrl.slice(0, originalUrl.length - url.length) : "";
}

/** The path of a TD. Colons stay: they are lawful in a path, and the id can be seen in it. */
export function thingPath(id: string): string {
    return `/things/${encodeURIComponent(id).replaceAll("%3A", ":")}`;
}

/**
 * The media type of a reply.
 * @param preferred the one that a client gets unless it names `application/json` and not this one
 */
export function mediaType({ headers }: DirectoryRequest, preferred: string): string {
    const accept = headers.accept?.toLowerCase() ?? "";
    return accept.includes("application/json") && !accept.includes(preferred) ? "application/json" : preferred;
}

/** True if the client is gone: `close` has been emitted, or is about to be. A response of HTTP/2 says so at its stream. */
export function isGone(response: ServerResponse): boolean {
    const { stream } = response as { readonly stream?: { readonly destroyed: boolean } };
    return stream?.destroyed ?? response.destroyed;
}

/** Writes a reply without a body. */
export function sendEmpty(
    response: ServerResponse,
    status: number,
    headers: Readonly<Record<string, string>> = {}
): void {
    response.writeHead(status, { ...headers, ...(status === 204 ? {} : { "content-length": "0" }) });
    response.end();
}

/** Writes a JSON body; it holds what only this client may read, at the host that it used. */
export function sendJson(request: DirectoryRequest, response: ServerResponse, type: string, value: unknown): void {
    const body = JSON.stringify(value);
    response.writeHead(200, {
        "content-type": type,
        "content-length": String(Buffer.byteLength(body)),
        "cache-control": "no-store",
        vary: "accept",
    });
    response.end(request.method === "HEAD" ? "" : body);
}

function invalidRequest(title: string): SseScError {
    return new SseScError("INVALID_REQUEST", undefined, { title });
}
