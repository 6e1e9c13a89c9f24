/**
 * What the client side needs of HTTP: single exchanges and one long stream to one origin.
 *
 * Over TLS with HTTP/2 one TCP connection carries all of it; with HTTP/1.1 the stream has one of its own. Two things that are
 * told apart matter to whoever sends something that must not happen twice: `CONNECT_FAILED` proves that the request was not
 * processed, `CONNECTION_LOST` and `TIMEOUT` say that nobody knows.
 */
import { SseScError } from "../../lib/errors";

/** One request. */
export interface TransportRequest {
    readonly method: "GET" | "POST" | "DELETE";
    /** Path and query. */
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
    /** Milliseconds until it fails with `TIMEOUT`. */
    readonly timeout: number;
    /** Gives up with `ABORTED`. */
    readonly signal?: AbortSignal | undefined;
    /** Most characters that the body of the reply may have. Default 1 Mi. */
    readonly maxBody?: number;
}

/** The reply to a request: it exists as soon as its headers came. */
export interface TransportResponse {
    readonly status: number;
    /** Names in lower case; the first value of a header that came several times. */
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    /** False if the connection broke, or time ran out, within the body. */
    readonly complete: boolean;
}

/** A request for a stream. */
export interface StreamRequest {
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    /** Milliseconds until the headers must have come. */
    readonly timeout: number;
    /** Ends the waiting for the headers; later it means nothing. */
    readonly signal?: AbortSignal | undefined;
}

/** Hears what comes on a stream; only called once the status is 200. */
export interface StreamHandlers {
    /** A piece of text, cut anywhere but within a character. */
    onText(text: string): void;
    /** The stream ended; called once, with what broke it if anything did. Not called after `destroy`. */
    onClose(cause: unknown): void;
}

/** A stream, or the refusal to open one. */
export interface TransportStream {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    /** What came instead of a stream; empty if the status is 200. */
    readonly body: string;
    /** Ends the stream at once. */
    destroy(): void;
}

/** HTTP to one origin. */
export interface ClientTransport {
    /** False once it is of no use for anything new. */
    readonly usable: boolean;
    /** True once nothing runs on it any more. */
    readonly closed: boolean;
    /** Makes one request; rejects with a SseScError unless the headers of a reply came. */
    request(request: TransportRequest): Promise<TransportResponse>;
    /** Opens a stream; rejects with a SseScError unless the headers of a reply came. */
    openStream(request: StreamRequest, handlers: StreamHandlers): Promise<TransportStream>;
    /**
     * Asks the server for a sign of life, without a request; absent where the protocol has nothing for it.
     * @param timeout milliseconds
     * @throws SseScError TIMEOUT if it gave none in time; CONNECTION_LOST if the connection broke
     */
    readonly ping?: (timeout: number) => Promise<void>;
    /** Cuts everything at once. Calling it again does no harm. @returns what resolves when its sockets are gone */
    close(): Promise<void>;
}

/** How connections to servers are made. */
export interface ConnectOptions {
    /** Certificates (PEM) of the authorities to trust in place of the usual ones. */
    readonly ca?: readonly string[] | undefined;
    /** False accepts every certificate. Default true. */
    readonly rejectUnauthorized?: boolean | undefined;
    /** Certificate and private key (PEM) that show who the client is. */
    readonly identity?: { readonly cert: string; readonly key: string } | undefined;
    /** Take this version of HTTP only. Default: HTTP/2 if the server offers it. */
    readonly httpVersion?: 1 | 2 | undefined;
    /** Milliseconds for TCP and TLS. */
    readonly connectTimeout: number;
}

/** Default of `maxBody`: replies to POSTs and refusals are short. */
export const DEFAULT_MAX_BODY = 1024 * 1024;

/** The error of what could not reach the server, and hence did nothing there. */
export function connectFailed(origin: string, cause: unknown): SseScError {
    const reason = cause instanceof Error ? cause.message : "unknown reason";
    return new SseScError("CONNECT_FAILED", `No connection to ${origin}: ${reason}`, { cause });
}

/** The error of a reply whose body is larger than `maxBody`. */
export function tooLarge(): SseScError {
    return new SseScError("TOO_LARGE", "The reply is larger than the limit");
}

/**
 * Calls `fail` when time runs out or the caller gives up.
 * @returns what stops the watching
 * @throws SseScError ABORTED if the caller has given up already
 */
export function watch(
    { timeout, signal }: { readonly timeout: number; readonly signal?: AbortSignal | undefined },
    fail: (failure: SseScError) => void
): () => void {
    const aborted = (): SseScError => new SseScError("ABORTED", undefined, { cause: signal?.reason });
    if (signal?.aborted === true) throw aborted();
    const timer = setTimeout(() => {
        fail(new SseScError("TIMEOUT", `No reply within ${String(timeout)} ms`));
    }, timeout);
    const abort = (): void => {
        fail(aborted());
    };
    signal?.addEventListener("abort", abort, { once: true });
    return () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
    };
}
