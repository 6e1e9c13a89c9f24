/**
 * A small server for the tests of the client side: HTTP/1.1 or HTTP/2, plain or TLS, with log-in, stream and requests. It shares no
 * code with the product.
 */
import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** A request as it came. */
export interface Seen {
    readonly method: string;
    readonly path: string;
    readonly headers: http.IncomingHttpHeaders;
    readonly body: string;
    /** Number of the TCP connection, from 1. */
    readonly connection: number;
}

interface Envelope {
    readonly operation: string;
    readonly messageID?: string;
    readonly thingID?: string;
    readonly name?: string;
    readonly input?: unknown;
    readonly correlationID: string;
}

/** The part of both APIs that is used here. */
interface Reply {
    writeHead(status: number, headers?: Record<string, string>): unknown;
    write(chunk: string | Buffer): unknown;
    end(chunk?: string): unknown;
    on(event: "close" | "error", listener: () => void): unknown;
    readonly stream?: http2.ServerHttp2Stream;
    readonly socket: Socket | null;
}

export interface RawServerOptions {
    readonly tls?: { readonly key: string; readonly cert: string };
    readonly http1Only?: boolean;
    readonly port?: number;
    /** Numbers its frames, keeps all of them, and resumes streams. */
    readonly resumes?: boolean;
    /** Seconds that it announces between heartbeats; it sends none. */
    readonly heartbeat?: number;
}

/** What it knows of one cid, if it resumes. */
interface Session {
    readonly frames: { readonly sequence: number; readonly text: string }[];
}

export type Handler = (seen: Seen, reply: Reply) => void;

/** Answers a request envelope: the members of the response, or undefined for silence. */
export type Answer = (envelope: Envelope) => Record<string, unknown> | undefined;

export class RawServer {
    readonly seen: Seen[] = [];
    connections = 0;
    /** PING frames of HTTP/2 that came. */
    pings = 0;
    /** Streams that are open, oldest first. */
    streams: { readonly seen: Seen; readonly reply: Reply }[] = [];
    /** How often a stream was opened. */
    opened = 0;
    /** Valid tokens; none means that everybody may do everything. */
    readonly tokens = new Set<string>();
    answer: Answer = ({ input }) => ({ output: input });
    readonly handlers = new Map<string, Handler>();
    /** Requests as they were carried out: without those that it knew to be repeats. */
    readonly executed: Envelope[] = [];
    readonly #sessions = new Map<string, Session>();
    readonly #messageIds = new Set<string>();
    #epoch = "aaaaaaaa";
    #sequence = 0;
    readonly #sockets = new Map<number, Socket>();
    readonly #server: http.Server | https.Server | http2.Http2SecureServer;
    #waiting: (() => void)[] = [];

    private constructor(readonly options: RawServerOptions) {
        const { tls, http1Only = false } = options;
        const listener = (request: http.IncomingMessage, reply: http.ServerResponse): void => {
            this.#take(request, reply, request.socket.remotePort);
        };
        if (tls === undefined) this.#server = http.createServer(listener);
        else if (http1Only) this.#server = https.createServer(tls, listener);
        else {
            this.#server = http2.createSecureServer({ ...tls, allowHTTP1: true }, (request, reply) => {
                this.#take(request, reply as Reply, request.socket.remotePort);
            });
            this.#server.on("sessionError", () => undefined);
            this.#server.on("session", (session) => {
                session.on("ping", () => {
                    this.pings++;
                    this.#tell();
                });
            });
            this.#server.on("tlsClientError", () => undefined);
        }
        const connected = (socket: Socket): void => {
            this.connections++;
            const port = socket.remotePort ?? 0;
            this.#numbers.set(port, this.connections);
            this.#sockets.set(port, socket);
            socket.on("close", () => this.#sockets.delete(port));
            socket.on("error", () => undefined);
        };
        if (tls === undefined) this.#server.on("connection", connected);
        else this.#server.on("secureConnection", (socket: TLSSocket) => connected(socket));
        this.handlers.set("POST /authn/login", (seen, reply) => this.#login(seen, reply));
        this.handlers.set("POST /hiveot/request", (seen, reply) => this.#request(seen, reply));
        for (const path of ["/hiveot/ssesc", "/hiveot/sse"]) {
            this.handlers.set(`GET ${path}`, (seen, reply) => this.#open(seen, reply));
        }
    }

    static async start(options: RawServerOptions = {}): Promise<RawServer> {
        const server = new RawServer(options);
        await new Promise<void>((resolve) => server.#server.listen(options.port ?? 0, "127.0.0.1", resolve));
        return server;
    }

    get port(): number {
        return (this.#server.address() as AddressInfo).port;
    }

    get authority(): string {
        return `127.0.0.1:${String(this.port)}`;
    }

    get origin(): string {
        return `${this.options.tls === undefined ? "http" : "https"}://${this.authority}`;
    }

    /** Requests to a path, or with an operation. */
    seenAt(what: string): Seen[] {
        return this.seen.filter(({ path, body }) => path === what || body.includes(`"operation":"${what}"`));
    }

    /** Waits until a condition holds; looks after each request, stream and end of a connection. */
    async until(condition: () => boolean): Promise<void> {
        while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }

    /** Writes on the newest stream. */
    push(text: string | Buffer): void {
        const stream = this.streams.at(-1);
        if (stream === undefined) throw new Error("no stream is open");
        stream.reply.write(text);
    }

    /** Notifies on the newest stream; one that resumes notes it for every cid, whether its stream is there or not. */
    notify(thingID: string, name: string, value: unknown, affordanceType = "event", rest: object = {}): void {
        const envelope = { messageType: "notification", affordanceType, thingID, name, value, ...rest };
        if (this.options.resumes !== true) this.push(`event: notification\ndata: ${JSON.stringify(envelope)}\n\n`);
        else for (const cid of this.#sessions.keys()) this.#send(cid, "notification", envelope);
    }

    /** What was framed last for the only cid. */
    get lastFrame(): string {
        const [session] = this.#sessions.values();
        return session?.frames.at(-1)?.text ?? "";
    }

    /** Forgets all sessions and what it has carried out, as a server does that is started anew. */
    forget(): void {
        this.#sessions.clear();
        this.#messageIds.clear();
        this.#epoch = (parseInt(this.#epoch, 16) + 1).toString(16);
        this.#sequence = 0;
    }

    /** Ends all streams; the connections under them stay (h2) or go (h1). */
    dropStreams(): void {
        for (const { reply } of this.streams) {
            if (reply.stream === undefined) reply.socket?.destroy();
            else reply.stream.close(http2.constants.NGHTTP2_CANCEL);
        }
    }

    /** Cuts one exchange: its connection on HTTP/1.1, its stream on HTTP/2. */
    cutExchange(reply: Reply): void {
        if (reply.stream === undefined) reply.socket?.destroy();
        else reply.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    }

    /** Cuts all TCP connections. */
    cut(): void {
        for (const socket of this.#sockets.values()) socket.destroy();
    }

    get openSockets(): number {
        return this.#sockets.size;
    }

    async stop(): Promise<void> {
        const closed = new Promise<void>((resolve) => {
            this.#server.close(() => {
                resolve();
            });
        });
        this.cut();
        await closed;
    }

    readonly #numbers = new Map<number, number>();

    #take(request: http.IncomingMessage | http2.Http2ServerRequest, reply: Reply, port: number | undefined): void {
        let body = "";
        request.setEncoding("utf8");
        request.on("data", (text: string) => (body += text));
        request.on("error", () => undefined);
        reply.on("error", () => undefined);
        request.on("end", () => {
            const [path = ""] = (request.url ?? "").split("?", 1);
            const seen = {
                method: request.method ?? "",
                path: request.url ?? "",
                headers: request.headers,
                body,
                connection: this.#numbers.get(port ?? 0) ?? 0,
            };
            this.seen.push(seen);
            const handler = this.handlers.get(`${seen.method} ${path}`);
            if (handler === undefined) (reply.writeHead(404, {}), reply.end());
            else if (path.startsWith("/hiveot/") && !this.#permits(seen)) {
                reply.writeHead(401, { "www-authenticate": "Bearer" });
                reply.end("Invalid bearer token\n");
            } else handler(seen, reply);
            this.#tell();
        });
    }

    #permits({ headers: { authorization } }: Seen): boolean {
        return this.tokens.size === 0 || this.tokens.has((authorization ?? "").replace(/^bearer /, ""));
    }

    #login({ body }: Seen, reply: Reply): void {
        const { username, password } = JSON.parse(body) as Record<string, string>;
        if (password !== "secret") {
            reply.writeHead(401, {});
            reply.end("invalid login\n");
            return;
        }
        const token = `token-${username ?? ""}-${String(this.tokens.size + 1)}`;
        this.tokens.add(token);
        reply.writeHead(200, { "content-type": "text/plain" });
        reply.end(JSON.stringify(token));
    }

    #open(seen: Seen, reply: Reply): void {
        const { resumes = false, heartbeat } = this.options;
        const { headers, ping, missed } = resumes ? this.#resume(seen) : { headers: {}, ping: "", missed: [] };
        reply.writeHead(200, {
            "content-type": "text/event-stream",
            "content-encoding": "none",
            ...(heartbeat === undefined ? {} : { "hiveot-heartbeat": String(heartbeat) }),
            ...headers,
        });
        reply.write(`${ping}event: sse-ping\ndata: \n\n`);
        for (const text of missed) reply.write(text);
        const stream = { seen, reply };
        this.streams.push(stream);
        this.opened++;
        reply.on("close", () => {
            this.streams = this.streams.filter((other) => other !== stream);
            this.#tell();
        });
    }

    /** Finds or makes the session of a stream (PROTOCOL.md, "Resume"). */
    #resume({ headers }: Seen): { headers: Record<string, string>; ping: string; missed: string[] } {
        const cid = String(headers["cid"]);
        const lastId = headers["last-event-id"];
        const [epoch, position] = typeof lastId === "string" ? lastId.split("-") : [];
        const known = this.#sessions.get(cid);
        const agreed = { "hiveot-features": "resume" };
        if (known !== undefined && epoch === this.#epoch) {
            const missed = known.frames.filter(({ sequence }) => sequence > Number(position)).map(({ text }) => text);
            return { headers: { ...agreed, "hiveot-resume": "resumed" }, ping: `id: ${String(lastId)}\n`, missed };
        }
        this.#sessions.set(cid, { frames: [] });
        const gap: Record<string, string> = lastId === undefined ? {} : { "hiveot-resume": "gap" };
        return { headers: { ...agreed, ...gap }, ping: `id: ${this.#epoch}-${String(this.#sequence)}\n`, missed: [] };
    }

    /** Sends a frame to a cid; if it resumes, the frame is numbered, and kept for a cid without a stream. */
    #send(cid: string, event: string, envelope: object): void {
        let text = `event: ${event}\ndata: ${JSON.stringify(envelope)}\n\n`;
        const session = this.#sessions.get(cid);
        if (session !== undefined) {
            const sequence = ++this.#sequence;
            text = `id: ${this.#epoch}-${String(sequence)}\n${text}`;
            session.frames.push({ sequence, text });
        }
        this.streams.findLast(({ seen }) => seen.headers["cid"] === cid)?.reply.write(text);
    }

    #request({ body, headers }: Seen, reply: Reply): void {
        const cid = String(headers["cid"]);
        if (this.options.resumes === true && !this.#sessions.has(cid)) {
            reply.writeHead(400, { "content-type": "application/problem+json" });
            reply.end(JSON.stringify({ status: 400, type: "urn:hiveot-ssesc:problem:NO_SESSION", title: "x" }));
            return;
        }
        reply.writeHead(201);
        reply.end();
        this.execute(body, cid);
    }

    /** Carries a request out unless it is known, and sends the response. */
    execute(body: string, cid: string): void {
        const envelope = JSON.parse(body) as Envelope;
        const { operation, messageID = "" } = envelope;
        if (this.options.resumes === true && !operation.startsWith("read")) {
            if (this.#messageIds.has(messageID)) return;
            this.#messageIds.add(messageID);
        }
        this.executed.push(envelope);
        this.respond(body, cid);
    }

    /** Sends the response to a request that was carried out. */
    respond(body: string, cid: string): void {
        const envelope = JSON.parse(body) as Envelope;
        const answer = this.answer(envelope);
        if (answer === undefined) return;
        const { operation, correlationID } = envelope;
        const response = { messageType: "response", status: "completed", operation, correlationID, ...answer };
        this.#send(cid, "response", response);
    }

    #tell(): void {
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const resolve of waiting) resolve();
    }
}

/** A TD whose affordances are those of a small counter, as our server would render it. */
export function counterTd(
    server: { readonly authority: string },
    scheme: "sse" | "sse-plain",
    id = "urn:counter"
): Record<string, unknown> {
    const form = (name: string, ...op: string[]): object => ({
        href: `${scheme}://${server.authority}/hiveot/request`,
        subprotocol: "sse-sc",
        op,
        "hiveot:thingID": id,
        "hiveot:name": name,
        "hiveot:stream": "/hiveot/ssesc",
    });
    return {
        "@context": "https://www.w3.org/2022/wot/td/v1.1",
        id,
        title: "Counter",
        securityDefinitions: { bearer: { scheme: "bearer" } },
        security: ["bearer"],
        properties: {
            count: {
                type: "integer",
                observable: true,
                forms: [form("count", "readproperty", "writeproperty", "observeproperty", "unobserveproperty")],
            },
        },
        actions: {
            increment: {
                input: { type: "integer" },
                output: { type: "integer" },
                forms: [form("increment", "invokeaction")],
            },
        },
        events: {
            overflow: { data: { type: "integer" }, forms: [form("overflow", "subscribeevent", "unsubscribeevent")] },
        },
    };
}
