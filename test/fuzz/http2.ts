/** HTTP/2: requests with pseudo-headers of any kind by way of `node:http2`, and frames of any kind by hand. */
import * as http2 from "node:http2";
import { connect as connectTls } from "node:tls";
import fc from "fast-check";
import type { RawReply } from "./http1";
import { httpCases, TOKEN, type HttpCase } from "./http-cases";

/** Milliseconds within which whatever was sent is answered, or its stream closed. */
const BOUND = 5_000;

export interface Http2Case extends HttpCase {
    readonly pseudo: Readonly<Record<string, string>>;
    /** End the request, leave it without its end and cut it, or take it back at once. */
    readonly ending: "end" | "cut" | "reset";
}

const pseudo = fc.dictionary(
    fc.constantFrom(":scheme", ":authority", ":path", ":method", ":status", ":protocol"),
    fc.constantFrom("", "x", "*", "/ping", "http", "CONNECT", "200", "websocket", "a:b:c", "[::1", "/".repeat(3_000)),
    { maxKeys: 1 }
);

/** Any request of HTTP/2. */
export const http2Cases: fc.Arbitrary<Http2Case> = fc
    .tuple(
        httpCases,
        fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, pseudo),
        fc.constantFrom("end", "end", "end", "cut", "reset")
    )
    .map(([each, changed, ending]) => ({ ...each, pseudo: changed, ending }));

/** One session after another with a server; servers end those that misbehave. */
export class Http2Client {
    #session: http2.ClientHttp2Session | undefined;
    /** Requests that `node:http2` itself refused to send. */
    refused = 0;

    constructor(
        private readonly origin: string,
        private readonly ca: string
    ) {}

    /**
     * Sends a request; an event stream is left as soon as it begins.
     * @returns `undefined` if there was no reply: the stream or the session was closed, or the request never sent
     * @throws Error where nothing comes in time
     */
    exchange(request: Http2Case, token: string): Promise<RawReply | undefined> {
        const headers: Record<string, string> = { ":method": request.method, ":path": request.path };
        for (const [name, value] of request.headers) headers[name] = value.replaceAll(TOKEN, token);
        Object.assign(headers, request.pseudo);
        return new Promise((resolve, reject) => {
            let stream: http2.ClientHttp2Stream;
            try {
                stream = this.#open().request(headers, { endStream: request.body === "" && request.ending === "end" });
            } catch {
                this.refused++;
                resolve(undefined);
                return;
            }
            let status: number | undefined;
            let body = "";
            const timer = setTimeout(() => {
                const { body: sent, ...rest } = request;
                const asked = `${JSON.stringify({ ...rest, length: sent.length })} ${sent.slice(0, 200)}`;
                reject(new Error(`Not over in ${BOUND} ms: ${String(status)} ${body.slice(0, 300)}; asked: ${asked}`));
                stream.close(http2.constants.NGHTTP2_CANCEL);
            }, BOUND);
            stream.setEncoding("utf8");
            stream.on("response", (reply) => {
                status = reply[":status"];
                if (reply["content-type"] === "text/event-stream") stream.close(http2.constants.NGHTTP2_CANCEL);
            });
            stream.on("data", (chunk: string) => {
                body += chunk;
            });
            stream.on("error", () => undefined); // `close` follows
            stream.on("close", () => {
                clearTimeout(timer);
                resolve(status === undefined ? undefined : { status, body });
            });
            const sent = request.body.replaceAll(TOKEN, token);
            if (request.ending === "end") stream.end(sent);
            else if (request.ending === "reset") stream.close(http2.constants.NGHTTP2_CANCEL);
            else stream.write(sent, () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
        });
    }

    close(): void {
        this.#session?.destroy();
    }

    #open(): http2.ClientHttp2Session {
        if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
            this.#session = http2.connect(this.origin, { ca: this.ca });
            this.#session.on("error", () => undefined); // each of its streams tells
        }
        return this.#session;
    }
}

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

interface Frame {
    readonly type: number;
    readonly flags: number;
    readonly stream: number;
    readonly payload: Uint8Array;
    /** Says another length than its payload has. */
    readonly lie: number;
}

const frame: fc.Arbitrary<Frame> = fc.record({
    type: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.nat(255)),
    flags: fc.constantFrom(0, 1, 4, 5, 8, 0x20, 0xff),
    stream: fc.constantFrom(0, 1, 2, 3, 5, 0x7fff_ffff, 0xffff_ffff),
    payload: fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        // Indexed fields: GET, https, "/", and an authority
        fc.constant(Uint8Array.of(0x82, 0x87, 0x84, 0x41, 1, 0x78)),
        fc.constantFrom(4, 6, 8).map((length) => new Uint8Array(length))
    ),
    lie: fc.constantFrom(0, 0, 0, 0, 1, -1, 0x7f_ffff),
});

/** What is sent after the handshake: frames, most of them of a kind that there is. */
export const frames: fc.Arbitrary<Buffer> = fc
    .tuple(fc.boolean(), fc.array(frame, { maxLength: 12 }))
    .map(([isPolite, list]) => {
        const settings: Frame = { type: 4, flags: 0, stream: 0, payload: new Uint8Array(0), lie: 0 };
        return Buffer.concat([PREFACE, ...(isPolite ? [settings, ...list] : list).map(bytesOf)]);
    });

function bytesOf({ type, flags, stream, payload, lie }: Frame): Buffer {
    const head = Buffer.alloc(9);
    head.writeUIntBE(Math.max(0, Math.min(0xff_ffff, payload.length + lie)), 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
}

/** Sends bytes on a connection that has agreed on HTTP/2, ends it, and waits until the server has ended it too. */
export function sendFrames(port: number, ca: string, bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
        const socket = connectTls({ port, host: "127.0.0.1", ca, ALPNProtocols: ["h2"] }, () => socket.end(bytes));
        const timer = setTimeout(() => {
            reject(new Error(`The server did not close the connection in ${BOUND} ms`));
            socket.destroy();
        }, BOUND);
        socket.resume();
        socket.on("error", () => undefined); // reset, or an alert
        socket.on("close", () => {
            clearTimeout(timer);
            resolve();
        });
    });
}
