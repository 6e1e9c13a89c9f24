/** One HTTP request and its response, whichever protocol they came by: what the handlers of this room know of Node. */
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { SseScError, toErrorResponse } from "../../lib/errors";

/** A request over HTTP/1.1 or HTTP/2, as far as we need it. */
export interface HttpRequest extends Readable {
    readonly method?: string | undefined;
    readonly url?: string | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly httpVersionMajor: number;
    readonly complete: boolean;
    readonly socket: { readonly remoteAddress?: string | undefined };
}

/** A response over HTTP/1.1 or HTTP/2, as far as we need it. */
export interface HttpResponse {
    readonly headersSent: boolean;
    readonly writableEnded: boolean;
    /** The stream of an HTTP/2 response. */
    readonly stream?: { readonly destroyed: boolean; destroy(): void };
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

/**
 * Reads a body as text.
 * @param limit largest number of bytes
 * @throws SseScError TOO_LARGE; INVALID_REQUEST if the peer goes away before the end or the bytes are no UTF-8
 */
export function readBody(request: HttpRequest, limit: number): Promise<string> {
    return new Promise((resolve, reject) => {
        const announced = Number(header(request, "content-length") ?? 0);
        if (announced > limit) {
            reject(new SseScError("TOO_LARGE"));
            return;
        }
        const chunks: Buffer[] = [];
        let size = 0;
        let whole = false;
        request.on("data", (chunk: Buffer) => {
            size += chunk.length;
            if (size > limit) {
                chunks.length = 0;
                reject(new SseScError("TOO_LARGE"));
            } else chunks.push(chunk);
        });
        request.on("end", () => {
            whole = true;
            const [first] = chunks;
            const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
            resolve(bytes.toString("utf8"));
        });
        const gone = (): void => {
            if (whole) return; // `close` follows each body, and an error costs more than all the rest of it
            reject(new SseScError("INVALID_REQUEST", "The request ended before its body did"));
        };
        request.on("error", gone);
        request.on("aborted", gone);
        request.on("close", gone);
    });
}
