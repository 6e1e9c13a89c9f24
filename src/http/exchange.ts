/** One HTTP request and its response, whichever protocol they came by: what the handlers of this room know of Node. */
import type { IncomingHttpHeaders } from "node:http";
import { SseScError, toErrorResponse } from "../../lib/errors";

/** What an HTTP/2 stream of a server knows of the headers of its request. */
interface BodyStream {
    readonly headRequest?: boolean;
    /** True if no body follows them. */
    readonly endAfterHeaders?: boolean;
    once?(event: "finish", listener: () => void): unknown;
}

/** A request over HTTP/1.1 or HTTP/2, as far as we need it: that of `node:http`, `node:http2`, Express or Connect. */
export interface HttpRequest {
    readonly method?: string | undefined;
    /** Express and Connect take the path from it at which they mount a handler. */
    url?: string | undefined;
    /** The URL as it came, where `url` was changed. */
    originalUrl?: string | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly httpVersionMajor: number;
    readonly complete: boolean;
    readonly destroyed: boolean;
    readonly readableEnded: boolean;
    readonly socket: { readonly remoteAddress?: string | undefined };
    /** What a body parser made of the body. */
    readonly body?: unknown;
    on(event: "data", listener: (chunk: Buffer | string) => void): unknown;
    on(event: "end" | "close" | "aborted", listener: () => void): unknown;
    on(event: "error", listener: (error: Error) => void): unknown;
    resume(): unknown;
}

/** A response over HTTP/1.1 or HTTP/2, as far as we need it. */
export interface HttpResponse {
    readonly headersSent: boolean;
    readonly statusCode?: number;
    readonly writableEnded: boolean;
    /** The stream of an HTTP/2 response. */
    readonly stream?: {
        readonly destroyed: boolean;
        /** Bytes that have been written and not sent. */
        readonly writableLength?: number;
        /** The connection. */
        readonly session?: { close(): void } | null | undefined;
        destroy(): void;
        close(code?: number): void;
    } & BodyStream;
    /** Of an HTTP/1 response; HTTP/2 has it at the stream. */
    readonly destroyed?: boolean;
    writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
    write(chunk: Uint8Array | string, written?: () => void): boolean;
    end(body: string): unknown;
    destroy(): unknown;
    on(event: "drain" | "close", listener: () => void): unknown;
    on(event: "error", listener: (error: Error) => void): unknown;
}

/** A framework-free handler. It answers every request itself and neither throws nor rejects. */
export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

/** All that a server serves. URLs begin with the path that we know, whatever base path the host has ahead of it. */
export interface Site {
    /** True if this URL is one of ours. */
    owns(url: string): boolean;
    /** Answers a request, whether its URL is ours or not; neither throws nor rejects. */
    handle(request: HttpRequest, response: HttpResponse, url: string): void;
}

/** One header as text; several values of one name count as their first. */
export function header(request: HttpRequest, name: string): string | undefined {
    const value = request.headers[name];
    return typeof value === "string" ? value : value?.[0];
}

/** Path and query of the request target, without interpreting either. */
export function splitTarget(target: string | undefined): { path: string; query: string } {
    if (target === undefined) return { path: "", query: "" };
    const mark = target.indexOf("?");
    return mark === -1 ? { path: target, query: "" } : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/** True if the peer is gone: `close` has been emitted, or is about to be. */
export function isGone({ destroyed, stream }: HttpResponse): boolean {
    return stream?.destroyed ?? destroyed ?? false;
}

/** Cuts a response: over HTTP/1.1 its connection, over HTTP/2 its stream. */
export function cut(response: HttpResponse): void {
    if (response.stream === undefined) response.destroy();
    else response.stream.destroy();
}

/** Writes a whole response; does nothing where headers are out or the peer is gone. */
export function respond(
    response: HttpResponse,
    status: number,
    headers: Readonly<Record<string, string>> = {},
    body = ""
): void {
    if (response.headersSent || response.writableEnded) return;
    const length: Record<string, string> = status === 204 ? {} : { "content-length": String(Buffer.byteLength(body)) };
    response.writeHead(status, { ...headers, ...length });
    response.end(body);
}

/**
 * Writes an error as problem details. A request whose body was not read to its end costs the connection (HTTP/1.1) or the
 * stream (HTTP/2), because nobody will read the rest.
 */
export function respondWithError(request: HttpRequest, response: HttpResponse, error: unknown): void {
    const { status, headers, body } = toErrorResponse(error);
    const unread = !request.complete && request.method !== "GET" && request.method !== "HEAD";
    if (unread && request.httpVersionMajor === 1) headers["connection"] = "close";
    respond(response, status, headers, request.method === "HEAD" ? "" : body);
    if (unread) request.resume();
}

/** The status whose replies have no body; we answer with no other that has none. */
const NO_CONTENT = 204;

/**
 * Sees to it that no request on HTTP/2 outlives its reply because of a body that nobody reads. Node ends such a stream by itself, but not
 * where the reply has no body: the stream would stay for as long as its client wants. With HEAD that shows ahead of the reply, so such
 * a request is refused: its body has no meaning (RFC 9110, section 9.3.2).
 * @returns true if the request was refused
 */
export function endUnread(request: HttpRequest, response: HttpResponse): boolean {
    const { stream } = response;
    if (stream?.endAfterHeaders !== false) return false;
    if (stream.headRequest !== true) {
        stream.once?.("finish", () => {
            // Not within the event: Node is not done with the end of the stream
            setImmediate(() => {
                if (response.statusCode === NO_CONTENT && !request.complete) stream.close();
            });
        });
        return false;
    }
    const title = "A HEAD request has no body";
    respondWithError(request, response, new SseScError("INVALID_REQUEST", undefined, { title }));
    stream.close();
    return true;
}
