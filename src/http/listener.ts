/** The port of a server: HTTP/1.1 and HTTP/2 over TLS, or plain HTTP/1.1; survives whatever peers send, or do not send. */
import * as http from "node:http";
import * as http2 from "node:http2";
import { Socket, type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { DialectConventions } from "../../lib/converters/converter";
import { SseScError } from "../../lib/errors";
import { BodyDeadlines } from "./body-deadlines";
import { ConnectionLimits, type SocketLimits } from "./connection-limits";
import { CONNECTION_TIMEOUTS, type ConnectionTimeouts } from "./connection-timeouts";
import type { HttpHandler } from "./exchange";
import { Http2Sessions } from "./http2-sessions";
import { refuseStream } from "./refusal";

/** Requests that one HTTP/2 connection may have under way, and MB that it may hold (design.md, "Delivery"). */
const HTTP2_LIMITS = { settings: { maxConcurrentStreams: 1_000 }, maxSessionMemory: 64 };
/** Milliseconds that a connection has to take a last word. */
const LAST_WORD = 500;
/** Seconds after which it makes sense to come again. */
const RETRY_AFTER = 5;

interface ListenerTls {
    readonly key: string;
    readonly cert: string;
    /** Authorities of clients' certificates (PEM). With them clients are asked for one; without one they are let in all the same. */
    readonly clientCa?: readonly string[] | undefined;
}

export interface ListenerOptions extends SocketLimits {
    readonly port: number;
    /** Address to bind; `undefined` binds all. */
    readonly address: string | undefined;
    /** Key and certificate (PEM). Without them the port speaks plain HTTP/1.1. */
    readonly tls: ListenerTls | undefined;
    /** In place of the defaults. */
    readonly timeouts?: Partial<ConnectionTimeouts>;
    /** Conventions of the dialect of an event stream, by the URL of a GET: they say how it is refused. */
    readonly conventionsOf?: (url: string) => DialectConventions | undefined;
}

type NodeHandler = http.RequestListener &
    ((request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void);

/** One listening port. */
export class Listener {
    readonly #server: http.Server | http2.Http2SecureServer;
    readonly #timeouts: ConnectionTimeouts;
    readonly #sockets: ConnectionLimits;
    readonly #sessions: Http2Sessions;
    readonly #bodies: BodyDeadlines;

    constructor(
        private readonly options: ListenerOptions,
        handler: HttpHandler
    ) {
        this.#timeouts = { ...CONNECTION_TIMEOUTS, ...options.timeouts };
        this.#sockets = new ConnectionLimits(options, this.#timeouts);
        this.#sessions = new Http2Sessions(this.#timeouts);
        this.#bodies = new BodyDeadlines(this.#timeouts);
        this.#server = this.#createServer(this.#limited(handler));
        // The secure server ignores these as options (measured: http2-and-sse.md), so they are set as properties.
        Object.assign(this.#server, {
            headersTimeout: this.#timeouts.headers,
            requestTimeout: this.#timeouts.request,
            keepAliveTimeout: this.#timeouts.keepAlive,
            connectionsCheckingInterval: this.#timeouts.check,
            timeout: this.#timeouts.write,
        });
        this.#server.on("connection", (socket: Socket) => {
            this.#sockets.add(socket);
        });
        this.#server.on("timeout", (silent: unknown) => {
            if (silent instanceof Socket) this.#cutIfStalled(silent);
        });
        this.#server.on("clientError", sayGoodbye);
    }

    /** TCP connections that are open now. */
    get connections(): number {
        return this.#sockets.size;
    }

    /** The port that is bound; -1 when none is. */
    get port(): number {
        return this.#address()?.port ?? -1;
    }

    /** Binds the port. @throws what Node throws, such as EADDRINUSE */
    start(): Promise<void> {
        return new Promise((resolve, reject) => {
            this.#server.once("error", reject);
            this.#server.listen({ port: this.options.port, host: this.options.address }, () => {
                this.#server.off("error", reject);
                this.#server.on("error", ignore); // accept errors, such as too many open files, pass by themselves
                resolve();
            });
        });
    }

    /**
     * Gives the port back: idle connections end at once, busy ones when they are done.
     * @param grace milliseconds until they are cut
     */
    async stop(grace: number): Promise<void> {
        if (this.#address() === undefined) return;
        const closed = new Promise<void>((resolve) => {
            this.#server.close(() => {
                resolve();
            });
        });
        this.#sessions.closeAll();
        if ("closeIdleConnections" in this.#server) this.#server.closeIdleConnections();
        const cut = setTimeout(() => {
            this.#sessions.destroyAll();
            this.#sockets.destroyAll();
        }, grace);
        await closed;
        clearTimeout(cut);
    }

    #createServer(handler: NodeHandler): http.Server | http2.Http2SecureServer {
        const { tls } = this.options;
        if (tls === undefined) {
            const { check } = this.#timeouts;
            // Node's own server takes the interval as an option only.
            return http.createServer({ noDelay: true, connectionsCheckingInterval: check }, handler);
        }
        const { key, cert, clientCa } = tls;
        const clients = clientCa && { ca: [...clientCa], requestCert: true, rejectUnauthorized: false };
        const server = http2.createSecureServer(
            {
                key,
                cert,
                ...clients,
                ...HTTP2_LIMITS,
                allowHTTP1: true,
                noDelay: true,
                handshakeTimeout: this.#timeouts.handshake,
            },
            handler
        );
        server.on("session", (session) => {
            const socket = this.#sockets.find(session.socket);
            if (socket === undefined)
                session.destroy(); // it is gone already
            else this.#sessions.add(session, socket);
        });
        server.on("tlsClientError", (_error: Error, socket: Socket) => {
            socket.destroy();
        });
        return server;
    }

    /** Node itself looks after the bodies of HTTP/1.1. */
    #limited(handler: HttpHandler): NodeHandler {
        return (
            request: http.IncomingMessage | http2.Http2ServerRequest,
            response: http.ServerResponse | http2.Http2ServerResponse
        ) => {
            const session = "stream" in request ? request.stream.session : undefined;
            if (session !== undefined) this.#bodies.watch(request, response);
            if (!this.#sockets.refuses(request.socket)) {
                handler(request, response);
                return;
            }
            // The connection is to be gone when it has been told.
            if (session !== undefined) response.on("close", session.close.bind(session));
            else response.setHeader("connection", "close");
            const conventions = request.method === "GET" ? this.options.conventionsOf?.(request.url ?? "") : undefined;
            const error = new SseScError("TOO_MANY_CONNECTIONS", undefined, { retryAfter: RETRY_AFTER });
            refuseStream(request, response, conventions, error);
        };
    }

    /**
     * Of a connection of HTTP/1.1 that neither read nor wrote for a while. Between requests Node gives it the keep-alive time in place of
     * ours; while one is under way it may be a stream on which nothing happens.
     */
    #cutIfStalled(socket: Socket): void {
        if (socket.writableLength > 0 || socket.timeout !== this.#timeouts.write) socket.destroy();
    }

    #address(): AddressInfo | undefined {
        const address = this.#server.address();
        return typeof address === "object" && address !== null ? address : undefined;
    }
}

/** What the parser of HTTP/1.1 cannot go on with: no request, or one that takes too long. */
function sayGoodbye(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (!socket.writable) {
        socket.destroy();
        return;
    }
    const status = error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "408 Request Timeout" : "400 Bad Request";
    const late = setTimeout(() => socket.destroy(), LAST_WORD); // of a peer that reads nothing
    late.unref();
    socket.once("close", () => {
        clearTimeout(late);
    });
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function ignore(): void {
    // An error listener keeps Node from ending the process; what follows from the error is handled at `close`.
}
