/** HTTP/2: one session over one socket carries the stream and every POST. */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";
import { SseScError } from "../../lib/errors";
import { connectFailed, DEFAULT_MAX_BODY, tooLarge, watch } from "./client-transport";
import type {
    ClientTransport,
    StreamHandlers,
    StreamRequest,
    TransportRequest,
    TransportResponse,
    TransportStream,
} from "./client-transport";

/** Room for what the server sends ahead of our reading it: the default of 64 KiB costs a round trip per window. */
const STREAM_WINDOW = 1024 * 1024;
const SESSION_WINDOW = 4 * 1024 * 1024;

/** A transport over one HTTP/2 session. */
export class Http2Transport implements ClientTransport {
    readonly #origin: string;
    readonly #session: ClientHttp2Session;
    readonly #socket: TLSSocket;
    readonly #gone: Promise<void>;

    /** @param socket connected, with `h2` agreed on */
    constructor(origin: string, socket: TLSSocket) {
        this.#origin = origin;
        this.#session = connect(origin, {
            createConnection: () => socket,
            settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
        });
        this.#session.once("connect", () => {
            this.#session.setLocalWindowSize(SESSION_WINDOW);
        });
        this.#socket = socket;
        this.#gone = new Promise((resolve) => {
            socket.once("close", () => {
                resolve();
            });
        });
        // What breaks the session breaks each of its streams too, and they tell.
        this.#session.on("error", () => undefined);
    }

    get usable(): boolean {
        // Closed is what GOAWAY makes of it, too: nothing new is taken, what runs ends in peace.
        return !this.#session.closed && !this.#session.destroyed;
    }

    get closed(): boolean {
        return this.#session.destroyed;
    }

    request(request: TransportRequest): Promise<TransportResponse> {
        return new Promise((resolve, reject) => {
            const stream = this.#start(request.method, request.path, request.headers, request.body);
            const reply = new Reply(stream, request.maxBody);
            let settled = false;
            const settle = (failure?: SseScError): void => {
                settled = true;
                stop();
                const response = reply.response(failure === undefined);
                if (failure?.code !== "TOO_LARGE" && response !== undefined) resolve(response);
                else reject(failure ?? this.#failure(stream, reply.cause));
                // Only then: servers take a thousand resets for an attack (CVE-2023-44487) and end the session.
                if (failure !== undefined && !stream.closed) stream.close(constants.NGHTTP2_CANCEL);
            };
            const stop = watch(request, settle);
            reply.onEnd = settle;
            stream.once("close", () => {
                if (!settled) settle(this.#failure(stream, reply.cause));
            });
        });
    }

    openStream(request: StreamRequest, handlers: StreamHandlers): Promise<TransportStream> {
        return new Promise((resolve, reject) => {
            const stream = this.#start("GET", request.path, request.headers);
            const reply = new Reply(stream);
            const stop = watch(request, fail);
            function fail(failure: SseScError): void {
                stop();
                reject(failure);
                stream.close(constants.NGHTTP2_CANCEL);
            }
            let destroyed = false;
            const destroy = (): void => {
                destroyed = true;
                stream.close(constants.NGHTTP2_CANCEL);
            };
            const refused = (): void => {
                stop();
                const response = reply.response(true);
                if (response === undefined) reject(this.#failure(stream, reply.cause));
                else resolve({ ...response, destroy });
            };
            reply.onEnd = (failure) => {
                if (failure === undefined) refused();
                else fail(failure);
            };
            stream.once("close", refused);
            stream.once("response", () => {
                if (reply.status !== 200) return;
                stop();
                stream.off("close", refused);
                reply.handOver((text) => {
                    if (!destroyed) handlers.onText(text);
                });
                stream.once("close", () => {
                    if (!destroyed) handlers.onClose(reply.cause);
                });
                resolve({ status: 200, headers: reply.headers, body: "", destroy });
            });
        });
    }

    readonly ping = (timeout: number): Promise<void> =>
        new Promise((resolve, reject) => {
            const timer = setTimeout(() => {
                reject(new SseScError("TIMEOUT", `No answer to a ping within ${String(timeout)} ms`));
            }, timeout);
            timer.unref();
            const answered = (cause: unknown): void => {
                clearTimeout(timer);
                if (cause === null || cause === undefined) resolve();
                else reject(new SseScError("CONNECTION_LOST", `The connection to ${this.#origin} broke`, { cause }));
            };
            try {
                this.#session.ping(answered);
            } catch (cause) {
                answered(cause); // the session is gone
            }
        });

    close(): Promise<void> {
        this.#session.destroy();
        this.#socket.destroy(); // a session that got GOAWAY would wait for the server to close
        return this.#gone;
    }

    #start(method: string, path: string, headers: Readonly<Record<string, string>>, body?: string): ClientHttp2Stream {
        let stream: ClientHttp2Stream;
        try {
            const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
            stream = this.#session.request(
                { ...headers, ...length, ":method": method, ":path": path },
                { endStream: body === undefined }
            );
        } catch (cause) {
            throw connectFailed(this.#origin, cause); // the session is gone, or a header cannot be sent
        }
        if (body !== undefined) stream.end(body);
        return stream;
    }

    /** Why a stream closed without a reply. REFUSED_STREAM, also above GOAWAY's last id: not processed (RFC 9113, 8.7). */
    #failure(stream: ClientHttp2Stream, cause: unknown): SseScError {
        if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM || stream.id === undefined) {
            return connectFailed(this.#origin, cause ?? new Error("the server refused the stream"));
        }
        return new SseScError("CONNECTION_LOST", `The connection to ${this.#origin} broke`, { cause });
    }
}

/** Gathers what comes back on one stream. */
class Reply {
    status: number | undefined;
    headers: Record<string, string> = {};
    cause: unknown;
    /** Called when the body is at its end, or too large. */
    onEnd: (failure?: SseScError) => void = () => undefined;
    #body = "";
    #onText: (text: string) => void;

    constructor(stream: ClientHttp2Stream, maxBody = DEFAULT_MAX_BODY) {
        this.#onText = (text) => {
            this.#body += text;
            if (this.#body.length > maxBody) this.onEnd(tooLarge());
        };
        stream.setEncoding("utf8");
        stream.once("response", (headers) => {
            this.status = headers[":status"] ?? 0;
            for (const [name, value] of Object.entries(headers)) {
                const first: unknown = Array.isArray(value) ? value[0] : value;
                if (typeof first === "string") this.headers[name] = first;
            }
        });
        stream.on("data", (text: string) => {
            this.#onText(text);
        });
        stream.once("end", () => {
            if (this.status !== undefined) this.onEnd(); // else `close` tells why
        });
        stream.on("error", (error) => {
            this.cause ??= error;
        });
    }

    /** From here on the text goes to somebody else. */
    handOver(onText: (text: string) => void): void {
        this.#onText = onText;
        this.onEnd = () => undefined;
    }

    response(complete: boolean): TransportResponse | undefined {
        const { status, headers } = this;
        return status === undefined ? undefined : { status, headers, body: this.#body, complete };
    }
}
