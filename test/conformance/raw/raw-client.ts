/**
 * A client of SSE-SC that is nothing but `node:http`, `node:https` and `node:http2`.
 *
 * A `Wire` carries HTTP requests (there is one more, by way of the `curl` program, in `curl.ts`); `RawClient` adds the
 * little that SSE-SC asks of a client: token, `cid`, `clientID`. Imports nothing of the product.
 */
import { randomUUID } from "node:crypto";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import { type Block, type Envelope, RawStream, type ReadBlock, type ReplyHeaders } from "./event-stream";
import { readJanuary } from "./january";

export { type Block, type Envelope, PATIENCE, RawStream, type ReplyHeaders } from "./event-stream";

/** Headers of a request; those that are `undefined` are left out. */
export type RequestHeaders = Record<string, string | undefined>;

export interface RawRequest {
    headers?: RequestHeaders;
    body?: string | Buffer;
}

export interface RawResponse {
    readonly status: number;
    readonly headers: ReplyHeaders;
    readonly body: string;
}

/** Carries HTTP requests, one way or another. */
export interface Wire {
    /** Sends one request and reads the whole reply. */
    request(method: string, path: string, request?: RawRequest): Promise<RawResponse>;
    /** Sends a GET and returns when the headers of the reply are there. */
    openStream(path: string, headers: RequestHeaders, read?: ReadBlock): Promise<RawStream>;
    /** Lets go of every connection. */
    close(): Promise<void>;
}

/** A wire that can also misbehave. */
export interface RudeWire extends Wire {
    /** Begins a POST that announces more body than it sends, then cuts the connection (on HTTP/2 the whole one). */
    vanish(path: string, headers: RequestHeaders): Promise<void>;
}

export interface WireOptions {
    /** `https://host:port` or `http://host:port`, without a path. */
    origin: string;
    /** PEM of the certificate to trust. */
    ca?: string | undefined;
    /** Key and certificate (PEM) of the client itself. */
    identity?: { readonly key: string; readonly cert: string } | undefined;
}

/** HTTP/1.1 over TLS or plain TCP, one socket per request in flight. */
export class Http1Wire implements RudeWire {
    readonly #origin: string;
    readonly #agent: http.Agent;
    readonly #send: typeof http.request;

    constructor({ origin, ca, identity }: WireOptions) {
        this.#origin = origin;
        if (origin.startsWith("https:")) {
            this.#agent = new https.Agent({ keepAlive: true, ca, ...identity, ALPNProtocols: ["http/1.1"] });
            this.#send = https.request;
        } else {
            this.#agent = new http.Agent({ keepAlive: true });
            this.#send = http.request;
        }
    }

    async request(method: string, path: string, { headers = {}, body }: RawRequest = {}): Promise<RawResponse> {
        const { reply } = await this.#begin(method, path, headers, body);
        return { status: reply.statusCode ?? 0, headers: flatten(reply.headers), body: await textOf(reply) };
    }

    async openStream(path: string, headers: RequestHeaders, read?: ReadBlock): Promise<RawStream> {
        const { reply, request } = await this.#begin("GET", path, headers);
        return streamOf(reply.statusCode ?? 0, flatten(reply.headers), reply, () => request.destroy(), read);
    }

    vanish(path: string, headers: RequestHeaders): Promise<void> {
        const { hostname, port } = new URL(this.#origin);
        const announced = { ...present(headers), "content-length": "1000" };
        const request = this.#send({ hostname, port, path, method: "POST", agent: this.#agent, headers: announced });
        return new Promise((resolve) => {
            request.on("error", () => undefined);
            request.on("close", resolve);
            request.write('{"messageType":', () => request.destroy());
        });
    }

    close(): Promise<void> {
        this.#agent.destroy();
        return Promise.resolve();
    }

    #begin(
        method: string,
        path: string,
        headers: RequestHeaders,
        body?: string | Buffer
    ): Promise<{ request: http.ClientRequest; reply: http.IncomingMessage }> {
        return new Promise((resolve, reject) => {
            // The path goes in as it is: a URL object would resolve `..` and the like.
            const { hostname, port } = new URL(this.#origin);
            const options = { hostname: hostname.replace(/^\[|\]$/g, ""), port, path, method, agent: this.#agent };
            const request = this.#send({ ...options, headers: present(headers) });
            request.on("response", (reply) => {
                resolve({ request, reply });
            });
            request.on("error", reject);
            request.end(body);
        });
    }
}

/** HTTP/2 over TLS: one connection for the stream and every request. */
export class Http2Wire implements RudeWire {
    /** How many TCP connections were made. */
    connections = 0;
    /** How many of them the server said that it gives up (GOAWAY). */
    goaways = 0;
    readonly #options: WireOptions;
    #session: http2.ClientHttp2Session | undefined;

    constructor(options: WireOptions) {
        this.#options = options;
    }

    async request(method: string, path: string, { headers = {}, body }: RawRequest = {}): Promise<RawResponse> {
        const { stream, reply } = await this.#begin(method, path, headers, body);
        return { ...reply, body: await textOf(stream) };
    }

    async openStream(path: string, headers: RequestHeaders, read?: ReadBlock): Promise<RawStream> {
        const { stream, reply } = await this.#begin("GET", path, headers);
        const kill = (): void => {
            stream.close(http2.constants.NGHTTP2_CANCEL);
        };
        return streamOf(reply.status, reply.headers, stream, kill, read);
    }

    close(): Promise<void> {
        const session = this.#session;
        this.#session = undefined;
        if (session === undefined || session.destroyed) return Promise.resolve();
        return new Promise((resolve) => {
            session.once("close", resolve);
            session.destroy();
        });
    }

    async vanish(path: string, headers: RequestHeaders): Promise<void> {
        const announced = { ...present(headers), "content-length": "1000" };
        const stream = this.#connection().request({ ":method": "POST", ":path": path, ...announced });
        stream.on("error", () => undefined);
        await new Promise((resolve) => stream.write('{"messageType":', resolve));
        await this.close();
    }

    #connection(): http2.ClientHttp2Session {
        if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) return this.#session;
        const { origin, ca, identity } = this.#options;
        const session = http2.connect(origin, { ...(ca === undefined ? {} : { ca }), ...identity });
        session.on("error", () => undefined); // each request reports it
        session.on("goaway", () => {
            this.goaways += 1;
        });
        this.connections += 1;
        this.#session = session;
        return session;
    }

    #begin(
        method: string,
        path: string,
        headers: RequestHeaders,
        body?: string | Buffer
    ): Promise<{ stream: http2.ClientHttp2Stream; reply: { status: number; headers: ReplyHeaders } }> {
        return new Promise((resolve, reject) => {
            const endStream = body === undefined;
            const stream = this.#connection().request(
                { ":method": method, ":path": path, ...present(headers) },
                { endStream }
            );
            stream.setEncoding("utf8");
            stream.on("response", ({ ":status": status, ...rest }) => {
                resolve({ stream, reply: { status: status ?? 0, headers: flatten(rest) } });
            });
            stream.on("error", reject);
            stream.on("close", () => {
                reject(new Error(`The stream closed without a reply (${String(stream.rstCode)})`));
            });
            if (!endStream) stream.end(body);
        });
    }
}

function present(headers: RequestHeaders): Record<string, string> {
    return Object.fromEntries(
        Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
    );
}

function flatten(headers: http.IncomingHttpHeaders | http2.IncomingHttpHeaders): ReplyHeaders {
    return Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")])
    );
}

type Incoming = http.IncomingMessage | http2.ClientHttp2Stream;

function textOf(incoming: Incoming): Promise<string> {
    return new Promise((resolve, reject) => {
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => (text += chunk));
        incoming.on("end", () => {
            resolve(text);
        });
        incoming.on("error", reject);
        incoming.on("close", () => {
            reject(new Error(`The reply was cut after ${String(text.length)} characters`));
        });
    });
}

async function streamOf(
    status: number,
    headers: ReplyHeaders,
    incoming: Incoming,
    kill: () => void,
    read: ReadBlock | undefined
): Promise<RawStream> {
    if (status !== 200) {
        const refusal = new RawStream(status, headers, await textOf(incoming), () => undefined);
        refusal.end();
        return refusal;
    }
    const pause = (): void => {
        incoming.pause();
    };
    const stream = new RawStream(status, headers, "", kill, pause, read);
    incoming.setEncoding("utf8");
    incoming.on("data", (chunk: string) => {
        stream.feed(chunk);
    });
    incoming.on("error", () => undefined); // `close` follows
    incoming.on("close", () => {
        stream.end();
    });
    return stream;
}

/** What `call` gives back: the HTTP reply to the POST and the response on the stream. */
export interface Answer {
    readonly reply: RawResponse;
    readonly block: Block;
    readonly envelope: Envelope;
}

let counter = 0;

/** A fresh id for `correlationID`, `messageID` or `cid`. */
export function freshId(prefix: string): string {
    counter += 1;
    return `${prefix}-${String(counter)}-${randomUUID().slice(0, 8)}`;
}

/** The dialects of HiveOT, and where each one's streams are. */
export const STREAM_PATHS = { rrn: "/hiveot/ssesc", "rrn-2025": "/hiveot/sse" } as const;
export type Dialect = keyof typeof STREAM_PATHS;

/** Speaks SSE-SC over a wire. Requests are the same in both dialects; what comes on the stream is shown in August's forms. */
export class RawClient {
    token: string | undefined;
    /** Sent as `clientID` header. */
    clientId: string | undefined;
    /** Sent as `cid` header; set by `openStream`. */
    cid: string | undefined;
    /** The stream that `openStream` opened last. */
    stream: RawStream | undefined;

    constructor(
        readonly wire: Wire,
        readonly dialect: Dialect = "rrn"
    ) {}

    /** Logs in; the token is kept and sent from now on. */
    async login(username: string, password: string): Promise<RawResponse> {
        const reply = await this.wire.request("POST", "/authn/login", {
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ username, password }),
        });
        if (reply.status === 200) {
            this.token = JSON.parse(reply.body) as string;
            this.clientId = username;
        }
        return reply;
    }

    /** Sends one request as it is, with no header that the test did not give. */
    request(method: string, path: string, request?: RawRequest): Promise<RawResponse> {
        return this.wire.request(method, path, request);
    }

    /** The headers that every request of one client instance carries (protocol.md, "Endpoints"). */
    headers(): RequestHeaders {
        return {
            authorization: this.token === undefined ? undefined : `bearer ${this.token}`,
            cid: this.cid,
            clientid: this.clientId,
        };
    }

    /** Opens the return channel. The stream is kept for `call`. */
    async openStream({
        cid = freshId("cid"),
        path = STREAM_PATHS[this.dialect],
        headers = {},
    }: { cid?: string; path?: string; headers?: RequestHeaders } = {}): Promise<RawStream> {
        this.cid = cid;
        const sent = { accept: "text/event-stream", ...this.headers(), ...headers };
        const stream = await this.wire.openStream(path, sent, this.dialect === "rrn" ? undefined : readJanuary);
        if (stream.status === 200) this.stream = stream;
        return stream;
    }

    /** Logs in and opens the stream, up to the first `sse-ping`. */
    async connect(username: string, password: string): Promise<RawStream> {
        const reply = await this.login(username, password);
        if (reply.status !== 200) throw new Error(`Login answered ${String(reply.status)} ${reply.body}`);
        const stream = await this.openStream();
        if (stream.status !== 200) throw new Error(`Stream answered ${String(stream.status)} ${stream.body}`);
        await stream.next(({ event }) => event === "sse-ping");
        return stream;
    }

    /** POSTs an envelope (or any text) with the headers of this client. */
    post(path: string, envelope: Envelope | string, headers: RequestHeaders = {}): Promise<RawResponse> {
        return this.wire.request("POST", path, {
            headers: { "content-type": "application/json", ...this.headers(), ...headers },
            body: typeof envelope === "string" ? envelope : JSON.stringify(envelope),
        });
    }

    /**
     * POSTs a request envelope and waits for its response on the stream, which may come before the 201.
     *
     * Without a `correlationID` a fresh one is put in.
     */
    async call(
        envelope: Envelope,
        { query = "", timeoutMs }: { query?: string; timeoutMs?: number } = {}
    ): Promise<Answer> {
        const { stream } = this;
        if (stream === undefined) throw new Error("No stream is open");
        const id = typeof envelope["correlationID"] === "string" ? envelope["correlationID"] : freshId("c");
        const reply = await this.post(`/hiveot/request${query}`, {
            messageType: "request",
            ...envelope,
            correlationID: id,
        });
        if (reply.status !== 201) throw new Error(`POST answered ${String(reply.status)} ${reply.body}`);
        const block = await stream.response(id, timeoutMs);
        return { reply, block, envelope: block.json ?? {} };
    }

    /** Drops the stream and every connection. */
    async close(): Promise<void> {
        this.stream?.destroy();
        await this.wire.close();
    }
}
