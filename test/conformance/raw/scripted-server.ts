/**
 * A server that plays literal bytes: what was recorded from the reference, or whatever a test makes up.
 *
 * It understands HTTP (TLS with HTTP/2 and HTTP/1.1, or plain HTTP/1.1) and nothing of SSE-SC, except that the ids in what it
 * plays are replaced by those that the client sent: a recorded correlation id means "that of this request". Imports nothing of
 * the product.
 */
import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { type Envelope, PATIENCE, type ReplyHeaders } from "./event-stream";
import type { Exchange } from "./recordings";

/** A request as the client sent it. */
export interface SeenRequest {
    readonly method: string;
    readonly path: string;
    readonly headers: http.IncomingHttpHeaders;
    readonly body: string;
    /** The body, where it is an envelope. */
    readonly envelope: Envelope | undefined;
    /** `2.0` or `1.1`. */
    readonly httpVersion: string;
    /** Number of the TCP connection that it came on, from 1. */
    readonly connection: number;
}

/** What the server does with a request. */
export interface ScriptedReply {
    readonly status: number;
    readonly headers?: ReplyHeaders;
    readonly body?: string;
    /** Go out on the newest stream, each as it is. */
    readonly blocks?: readonly string[];
    /** Send the blocks ahead of the HTTP reply. */
    readonly blocksFirst?: boolean;
    /** Never reply; the blocks go out all the same. */
    readonly hang?: boolean;
}

type Rule = (request: SeenRequest) => ScriptedReply | undefined;

export interface ScriptedServerOptions {
    /** PEM; without it the server is plain HTTP/1.1. */
    tls?: { key: string; cert: string } | undefined;
    /** With TLS: offer HTTP/1.1 only. */
    http1Only?: boolean;
    /** Played for the requests that fit; each one once, the last that fits again and again. */
    script?: readonly Exchange[];
    /** What `<jwt>` in a recording stands for. Default `opaque-token-1`. */
    token?: string;
    host?: string;
    /** Default: a free one. */
    port?: number;
}

interface OpenStream {
    readonly request: SeenRequest;
    readonly response: http.ServerResponse;
}

type AnyServer = http.Server | http2.Http2SecureServer;

/** A server under the thumb of a test. */
export class ScriptedServer {
    /** Everything that was asked, in order. */
    readonly seen: SeenRequest[] = [];
    /** Requests that no rule and no exchange fitted; they were answered 404. */
    readonly unmatched: SeenRequest[] = [];
    /** Every stream that was opened, oldest first. */
    readonly streams: OpenStream[] = [];
    /** What `<jwt>` in a recording stands for from now on. */
    token: string;
    /** TCP connections accepted so far. */
    connections = 0;

    readonly #server: AnyServer;
    readonly #options: ScriptedServerOptions;
    readonly #rules: Rule[] = [];
    readonly #played = new Set<Exchange>();
    readonly #ids = new Map<string, string>();
    readonly #sockets = new Map<Socket, number>();
    #watchers: (() => void)[] = [];

    private constructor(options: ScriptedServerOptions) {
        this.#options = options;
        this.token = options.token ?? "opaque-token-1";
        const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
            void this.#handle(request, response);
        };
        const { tls, http1Only = false } = options;
        // The compat API has the same shape as that of node:http, as far as it is used here.
        const compat = listener as unknown as (
            request: http2.Http2ServerRequest,
            response: http2.Http2ServerResponse
        ) => void;
        if (tls === undefined) this.#server = http.createServer(listener);
        else if (http1Only) this.#server = https.createServer(tls, listener);
        else this.#server = http2.createSecureServer({ ...tls, allowHTTP1: true }, compat);
        const event = tls === undefined ? "connection" : "secureConnection";
        (this.#server as http.Server).on(event, (socket: Socket) => {
            this.connections += 1;
            this.#sockets.set(socket, this.connections);
            socket.on("close", () => this.#sockets.delete(socket));
            socket.on("error", () => undefined);
        });
    }

    /** Starts on loopback. */
    static start(options: ScriptedServerOptions = {}): Promise<ScriptedServer> {
        const scripted = new ScriptedServer(options);
        return new Promise((resolve, reject) => {
            scripted.#server.once("error", reject);
            scripted.#server.listen(options.port ?? 0, options.host ?? "127.0.0.1", () => {
                resolve(scripted);
            });
        });
    }

    get port(): number {
        return (this.#server.address() as AddressInfo).port;
    }

    /** `127.0.0.1:port` */
    get authority(): string {
        return `${this.#options.host ?? "127.0.0.1"}:${String(this.port)}`;
    }

    /** `https://…` or `http://…` */
    get origin(): string {
        return `${this.#options.tls === undefined ? "http" : "https"}://${this.authority}`;
    }

    /** Answers the requests for which `rule` returns something; later rules go first, all of them before the script. */
    when(rule: Rule): this {
        this.#rules.unshift(rule);
        return this;
    }

    /** Sends literal bytes on the newest stream. */
    send(bytes: string | Buffer): void {
        const stream = this.streams.at(-1);
        if (stream === undefined) throw new Error("No stream is open");
        stream.response.write(bytes);
    }

    /** Ends the newest stream as the reference does. */
    endStream(): void {
        this.streams.at(-1)?.response.end();
    }

    /** Cuts every TCP connection. */
    cut(): void {
        for (const socket of this.#sockets.keys()) socket.destroy();
    }

    /** The first request, past or to come, that fits. */
    async request(predicate: (request: SeenRequest) => boolean, timeoutMs = PATIENCE): Promise<SeenRequest> {
        return await this.#until(() => this.seen.find(predicate), timeoutMs);
    }

    /** The stream number `count` (from 1), once it is open. */
    async stream(count = 1, timeoutMs = PATIENCE): Promise<OpenStream> {
        return await this.#until(() => this.streams[count - 1], timeoutMs);
    }

    async stop(): Promise<void> {
        await new Promise<void>((resolve) => {
            this.#server.close(() => {
                resolve();
            });
            this.cut();
        });
    }

    async #until<T>(look: () => T | undefined, timeoutMs: number): Promise<T> {
        const found = look();
        if (found !== undefined) return found;
        return await new Promise<T>((resolve, reject) => {
            const watch = (): void => {
                const now = look();
                if (now === undefined) return;
                clearTimeout(timer);
                this.#watchers = this.#watchers.filter((other) => other !== watch);
                resolve(now);
            };
            const timer = setTimeout(() => {
                this.#watchers = this.#watchers.filter((other) => other !== watch);
                const seen = this.seen.map(({ method, path, body }) => `${method} ${path} ${body}`).join("\n");
                reject(
                    new Error(`Awaited request did not come within ${String(timeoutMs)} ms. Requests so far:\n${seen}`)
                );
            }, timeoutMs);
            this.#watchers.push(watch);
        });
    }

    async #handle(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
        response.on("error", () => undefined);
        incoming.on("error", () => undefined);
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        await new Promise((resolve) => incoming.once("end", resolve));
        const body = Buffer.concat(chunks).toString("utf8");
        const request: SeenRequest = {
            method: incoming.method ?? "",
            path: incoming.url ?? "",
            headers: incoming.headers,
            body,
            envelope: parseEnvelope(body),
            httpVersion: incoming.httpVersion,
            connection: this.#connectionOf(incoming),
        };
        this.seen.push(request);
        this.#reply(request, response);
        for (const watch of this.#watchers) watch();
    }

    #connectionOf(incoming: http.IncomingMessage): number {
        // On HTTP/2 the compat request has a proxy in place of the socket: go by the remote port.
        const port = incoming.socket.remotePort;
        for (const [socket, number] of this.#sockets) if (socket.remotePort === port) return number;
        return 0;
    }

    #reply(request: SeenRequest, response: http.ServerResponse): void {
        const reply = this.#scripted(request);
        if (reply === undefined) {
            this.unmatched.push(request);
            response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found\n");
            return;
        }
        const { status, headers = {}, body = "", blocks = [], blocksFirst = false, hang = false } = reply;
        const stream = headers["content-type"] === "text/event-stream" && status === 200;
        if (stream) {
            this.streams.push({ request, response });
            response.writeHead(status, headers);
            response.write(blocks.join(""));
            return;
        }
        const finish = (): void => {
            if (hang) return;
            const { "content-length": _length, "content-encoding": _encoding, ...rest } = headers;
            response.writeHead(status, rest).end(body);
        };
        if (!blocksFirst) finish();
        for (const block of blocks) this.send(block);
        if (blocksFirst) finish();
    }

    #scripted(request: SeenRequest): ScriptedReply | undefined {
        for (const rule of this.#rules) {
            const reply = rule(request);
            if (reply !== undefined) return reply;
        }
        const fitting = (this.#options.script ?? []).filter((exchange) => fits(exchange, request));
        const exchange = fitting.find((candidate) => !this.#played.has(candidate)) ?? fitting.at(-1);
        if (exchange === undefined) return undefined;
        this.#played.add(exchange);
        return this.play(exchange, request);
    }

    /** A recorded exchange as the reply to a request that a client made now. */
    play(exchange: Exchange, request: SeenRequest): ScriptedReply {
        const recorded = exchange.envelope?.["correlationID"];
        const sent = request.envelope?.["correlationID"];
        if (typeof recorded === "string" && typeof sent === "string") this.#ids.set(recorded, sent);
        const now = (text: string): string => {
            let result = text.replaceAll("<jwt>", this.token);
            for (const [then, id] of this.#ids) result = result.replaceAll(JSON.stringify(then), JSON.stringify(id));
            return result;
        };
        const { status, headers, body } = exchange.reply;
        return { status, headers, body: now(body), blocks: exchange.blocks.map(now) };
    }
}

function parseEnvelope(body: string): Envelope | undefined {
    if (!body.startsWith("{")) return undefined;
    try {
        return JSON.parse(body) as Envelope;
    } catch {
        return undefined; // several, one on each line
    }
}

/** Whether a request asks for the same as a recorded one, ids and times aside. */
function fits(exchange: Exchange, request: SeenRequest): boolean {
    if (exchange.method !== request.method || exchange.path !== request.path) return false;
    if (exchange.envelope === undefined || exchange.path.startsWith("/authn/")) return true;
    const [then, now] = [exchange.envelope, request.envelope ?? {}];
    return (
        then["operation"] === now["operation"] &&
        (then["thingID"] ?? "") === (now["thingID"] ?? "") &&
        (then["name"] ?? "") === (now["name"] ?? "") &&
        isDeepStrictEqual(then["input"] ?? null, now["input"] ?? null)
    );
}

/** A rule that fits a method and path, and an operation if one is given. */
export function on(
    method: string,
    path: string,
    reply: (request: SeenRequest) => ScriptedReply,
    operation?: string
): Rule {
    return (request) =>
        request.method === method &&
        request.path === path &&
        (operation === undefined || request.envelope?.["operation"] === operation)
            ? reply(request)
            : undefined;
}
