/**
 * HTTP/1.1: the stream has a connection of its own, POSTs share a pool.
 *
 * undici, because `fetch` costs ten times as much and `node:http` agents have no pool that is bounded and fair. It is loaded when
 * the first HTTP/1.1 server is met: most clients never need it.
 */
import { setMaxListeners } from "node:events";
import { StringDecoder } from "node:string_decoder";
import type { TLSSocket } from "node:tls";
import type { buildConnector, Client, Pool } from "undici";
import { SseScError } from "../../lib/errors";
import { connectFailed, DEFAULT_MAX_BODY, tooLarge, watch } from "./client-transport";
import type {
    ClientTransport,
    ConnectOptions,
    StreamHandlers,
    StreamRequest,
    TransportRequest,
    TransportResponse,
    TransportStream,
} from "./client-transport";

/** Connections for POSTs: more than 50 gained nothing (http2-and-sse.md, "Existing SSE libraries"). */
const MAX_CONNECTIONS = 50;

type Undici = Pick<typeof import("undici"), "Client" | "Pool" | "buildConnector">;
type Dispatched = Awaited<ReturnType<Client["request"]>>;

/** A transport over HTTP/1.1, with or without TLS. */
export class Http1Transport implements ClientTransport {
    readonly #undici: Undici;
    readonly #origin: string;
    readonly #connect: buildConnector.connector;
    readonly #pool: Pool;
    readonly #streams = new Set<Client>();
    /** Failures of the connector: what they ended was never sent. */
    readonly #connectErrors = new WeakSet();
    /** The socket that asked for the version of HTTP; the first one who needs a connection gets it. */
    #spare: TLSSocket | undefined;
    /** Ends what is still connecting: undici would wait for it. */
    readonly #connecting = new AbortController();
    /** What was destroyed and has sockets yet. */
    readonly #going = new Set<Promise<void>>();
    #closed = false;

    /** @param socket connected, over which the server has agreed on HTTP/1.1 */
    static async create(origin: string, options: ConnectOptions, socket?: TLSSocket): Promise<Http1Transport> {
        const { default: undici } = await import("undici");
        return new Http1Transport(undici, origin, options, socket);
    }

    private constructor(undici: Undici, origin: string, options: ConnectOptions, socket?: TLSSocket) {
        this.#undici = undici;
        this.#origin = origin;
        this.#spare = socket;
        socket?.on("error", () => undefined);
        const connect = undici.buildConnector({
            ...(options.ca === undefined ? {} : { ca: [...options.ca] }),
            ...options.identity,
            rejectUnauthorized: options.rejectUnauthorized ?? true,
            timeout: options.connectTimeout,
            signal: this.#connecting.signal,
        });
        setMaxListeners(0, this.#connecting.signal); // one for each socket
        this.#connect = (target, callback) => {
            const spare = this.#spare;
            this.#spare = undefined;
            if (spare !== undefined && !spare.destroyed) {
                // undici does not look at its queue again where the answer comes within the call
                queueMicrotask(() => {
                    callback(null, spare);
                });
                return;
            }
            connect(target, (error, connected) => {
                if (error === null) callback(null, connected);
                else {
                    this.#connectErrors.add(error);
                    callback(error, null);
                }
            });
        };
        this.#pool = new undici.Pool(origin, {
            connect: this.#connect,
            connections: MAX_CONNECTIONS,
            headersTimeout: 0, // `watch` has the timer
            bodyTimeout: 0,
        });
    }

    get usable(): boolean {
        return !this.#closed;
    }

    get closed(): boolean {
        return this.#closed;
    }

    async request(request: TransportRequest): Promise<TransportResponse> {
        const { dispatched, failure, stop } = await this.#dispatch(this.#pool, request.method, request);
        try {
            return await readReply(dispatched, failure, request.maxBody);
        } finally {
            stop();
        }
    }

    async openStream(request: StreamRequest, handlers: StreamHandlers): Promise<TransportStream> {
        const client = new this.#undici.Client(this.#origin, {
            connect: this.#connect,
            headersTimeout: 0,
            bodyTimeout: 0,
        });
        this.#streams.add(client);
        const discard = (): void => {
            this.#streams.delete(client);
            this.#destroy(client);
        };
        try {
            const { dispatched, failure, stop } = await this.#dispatch(client, "GET", request);
            if (dispatched.statusCode !== 200) {
                try {
                    const reply = await readReply(dispatched, failure);
                    return { ...reply, destroy: () => undefined };
                } finally {
                    stop();
                    discard();
                }
            }
            stop();
            return handOver(dispatched, handlers, discard);
        } catch (error) {
            discard();
            throw error;
        }
    }

    async close(): Promise<void> {
        this.#closed = true;
        this.#spare?.destroy();
        this.#connecting.abort();
        for (const client of [this.#pool, ...this.#streams]) this.#destroy(client);
        this.#streams.clear();
        await Promise.all(this.#going);
    }

    #destroy(client: Client | Pool): void {
        const going = client
            .destroy()
            .catch(() => undefined)
            .then(() => {
                this.#going.delete(going);
            });
        this.#going.add(going);
    }

    /** Sends a request. `failure` tells why the reply was cut short, if we did it; `stop` ends the watching. */
    async #dispatch(
        dispatcher: Client | Pool,
        method: TransportRequest["method"],
        request: StreamRequest & { readonly body?: string }
    ): Promise<{ dispatched: Dispatched; failure: () => SseScError | undefined; stop: () => void }> {
        const controller = new AbortController();
        let failure: SseScError | undefined;
        const stop = watch(request, (reason) => {
            failure = reason;
            controller.abort();
        });
        const { path, headers, body = null } = request;
        try {
            const dispatched = await dispatcher.request({
                method,
                path,
                headers,
                body,
                signal: controller.signal,
            });
            return { dispatched, failure: () => failure, stop };
        } catch (cause) {
            stop();
            throw failure ?? this.#failure(cause);
        }
    }

    #failure(cause: unknown): SseScError {
        const unsent = cause instanceof Error && (this.#connectErrors.has(cause) || isRefusedLocally(cause));
        if (unsent) return connectFailed(this.#origin, cause);
        return new SseScError("CONNECTION_LOST", `The connection to ${this.#origin} broke`, { cause });
    }
}

/** Errors with which undici refuses a request before it sends anything. */
function isRefusedLocally(error: Error): boolean {
    const code = "code" in error ? error.code : undefined;
    return code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_CONNECT_TIMEOUT";
}

function headersOf({ headers }: Dispatched): Record<string, string> {
    const result: Record<string, string> = {};
    for (const [name, value] of Object.entries(headers)) {
        const first = Array.isArray(value) ? value[0] : value;
        if (first !== undefined) result[name] = first;
    }
    return result;
}

function toBuffer(chunk: unknown): Buffer {
    return Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
}

async function readReply(
    dispatched: Dispatched,
    failure: () => SseScError | undefined,
    maxBody = DEFAULT_MAX_BODY
): Promise<TransportResponse> {
    const head = { status: dispatched.statusCode, headers: headersOf(dispatched) };
    // undici's own setEncoding cuts characters that lie across two chunks.
    const decoder = new StringDecoder("utf8");
    let body = "";
    try {
        for await (const chunk of dispatched.body) {
            body += decoder.write(toBuffer(chunk));
            if (body.length > maxBody) throw tooLarge();
        }
        return { ...head, body, complete: true };
    } catch (error) {
        if (error instanceof SseScError && failure() === undefined) throw error;
        return { ...head, body, complete: false };
    }
}

function handOver(dispatched: Dispatched, handlers: StreamHandlers, discard: () => void): TransportStream {
    const { body } = dispatched;
    let destroyed = false;
    let cause: unknown;
    const decoder = new StringDecoder("utf8");
    body.on("data", (chunk: unknown) => {
        if (!destroyed) handlers.onText(decoder.write(toBuffer(chunk)));
    });
    body.on("error", (error: unknown) => {
        cause = error;
    });
    body.once("close", () => {
        discard();
        if (!destroyed) handlers.onClose(cause);
    });
    return {
        status: 200,
        headers: headersOf(dispatched),
        body: "",
        destroy: () => {
            destroyed = true;
            discard();
        },
    };
}
