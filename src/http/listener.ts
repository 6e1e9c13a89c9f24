/** The port of a server: HTTP/1.1 and HTTP/2 over TLS, or plain HTTP/1.1; survives whatever peers send. */
import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { HttpHandler } from "./exchange";

/** Milliseconds for the headers of a request, and for the whole of it (HTTP/1.1). */
const HEADERS_TIMEOUT = 20_000;
const REQUEST_TIMEOUT = 30_000;
/** Milliseconds between two requests on one connection (HTTP/1.1). */
const KEEP_ALIVE_TIMEOUT = 65_000;
/** Requests that one HTTP/2 connection may have under way, and MB that it may hold (design.md, "Delivery"). */
const HTTP2_LIMITS = { settings: { maxConcurrentStreams: 1_000 }, maxSessionMemory: 64 };

interface ListenerTls {
    readonly key: string;
    readonly cert: string;
    /** Authorities of clients' certificates (PEM). With them clients are asked for one; without one they are let in all the same. */
    readonly clientCa?: readonly string[] | undefined;
}

export interface ListenerOptions {
    readonly port: number;
    /** Address to bind; `undefined` binds all. */
    readonly address: string | undefined;
    /** Key and certificate (PEM). Without them the port speaks plain HTTP/1.1. */
    readonly tls: ListenerTls | undefined;
}

/** One listening port. */
export class Listener {
    readonly #server: http.Server | http2.Http2SecureServer;
    readonly #sockets = new Set<Socket>();
    readonly #sessions = new Set<http2.ServerHttp2Session>();

    constructor(
        private readonly options: ListenerOptions,
        handler: HttpHandler
    ) {
        const { tls } = options;
        if (tls === undefined) {
            this.#server = http.createServer({ noDelay: true }, handler);
        } else {
            const { key, cert, clientCa } = tls;
            const clients = clientCa && { ca: [...clientCa], requestCert: true, rejectUnauthorized: false };
            this.#server = http2.createSecureServer(
                { key, cert, ...clients, ...HTTP2_LIMITS, allowHTTP1: true, noDelay: true },
                handler
            );
            this.#server.on("session", (session) => {
                this.#sessions.add(session);
                session.once("close", () => this.#sessions.delete(session));
            });
            this.#server.on("tlsClientError", (_error: Error, socket: Socket) => {
                socket.destroy();
            });
        }
        // The secure server ignores these as options (measured: http2-and-sse.md), so they are set as properties.
        Object.assign(this.#server, {
            headersTimeout: HEADERS_TIMEOUT,
            requestTimeout: REQUEST_TIMEOUT,
            keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
        });
        this.#server.on("connection", (socket: Socket) => {
            this.#sockets.add(socket);
            socket.once("close", () => this.#sockets.delete(socket));
        });
        this.#server.on("clientError", (_error: Error, socket: Duplex) => {
            if (socket.writable)
                socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            else socket.destroy();
        });
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
        for (const session of this.#sessions) session.close();
        if ("closeIdleConnections" in this.#server) this.#server.closeIdleConnections();
        const cut = setTimeout(() => {
            for (const session of this.#sessions) session.destroy();
            for (const socket of this.#sockets) socket.destroy();
        }, grace);
        await closed;
        clearTimeout(cut);
    }

    #address(): AddressInfo | undefined {
        const address = this.#server.address();
        return typeof address === "object" && address !== null ? address : undefined;
    }
}

function ignore(): void {
    // An error listener keeps Node from ending the process; what follows from the error is handled at `close`.
}
