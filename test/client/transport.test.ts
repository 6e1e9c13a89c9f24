import { expect } from "chai";
import * as http2 from "node:http2";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { ClientTransport, ConnectOptions } from "../../src/http/client-transport";
import { connectTransport } from "../../src/http/connect-transport";
import { SharedTransport } from "../../src/http/shared-transport";
import { certificate, otherHostCertificate, type TestCertificate } from "../support/certificates";
import { RawServer, type Handler } from "./raw-server";
import { codeOf } from "../support/failures";

const POST = { method: "POST", path: "/x", headers: {}, body: "{}", timeout: 5_000 } as const;

describe("client transport", () => {
    let tls: TestCertificate;
    let server: RawServer;
    let transport: ClientTransport;

    before(async () => {
        tls = await certificate();
    });

    afterEach(async () => {
        await (transport as ClientTransport | undefined)?.close();
        await (server as RawServer | undefined)?.stop();
    });

    for (const [name, secure, http1Only] of [
        ["plain h1", false, true],
        ["TLS h1", true, true],
        ["TLS h2", true, false],
    ] as const) {
        describe(`over ${name}`, () => {
            async function start(handler: Handler, path = "POST /x"): Promise<ClientTransport> {
                server = await RawServer.start(secure ? { tls, http1Only } : {});
                server.handlers.set(path, handler);
                transport = await connectTransport(server.origin, { ca: [tls.cert], connectTimeout: 5_000 });
                return transport;
            }

            it("hands over status, headers and body", async () => {
                await start((_, reply) => {
                    reply.writeHead(418, { "X-Tea": "yes" });
                    reply.end("ä");
                });
                const response = await transport.request({ ...POST, headers: { "X-Cup": "1" }, path: "/x?a=%20" });
                expect(response).to.deep.include({ status: 418, body: "ä", complete: true });
                expect(response.headers["x-tea"]).to.equal("yes");
                expect(server.seen[0]).to.deep.include({ method: "POST", path: "/x?a=%20", body: "{}" });
                expect(server.seen[0]?.headers["x-cup"]).to.equal("1");
            });

            it("reads characters that are cut between two chunks, in a stream and in a body", async () => {
                const text = "grüße 🙂 日本";
                const write: Handler = (_, reply) => {
                    reply.writeHead(200);
                    const bytes = Buffer.from(text);
                    let at = 0;
                    const next = (): void => {
                        if (at === bytes.length) {
                            reply.end();
                            return;
                        }
                        reply.write(bytes.subarray(at, ++at));
                        setImmediate(next);
                    };
                    next();
                };
                await start(write);
                server.handlers.set("GET /s", write);
                expect((await transport.request(POST)).body).to.equal(text);
                let streamed = "";
                await new Promise<void>((resolve, reject) => {
                    transport
                        .openStream(
                            { path: "/s", headers: {}, timeout: 5_000 },
                            { onText: (piece) => (streamed += piece), onClose: () => resolve() }
                        )
                        .catch(reject);
                });
                expect(streamed).to.equal(text);
            });

            it("does not know the outcome when the connection is cut before the reply", async () => {
                await start(() => {
                    server.cut();
                });
                expect(await codeOf(transport.request(POST))).to.equal("CONNECTION_LOST");
            });

            it("knows the outcome when the headers came, though the body never ends", async () => {
                await start((_, reply) => {
                    reply.writeHead(201, {});
                    reply.write("x");
                });
                const response = transport.request({ ...POST, timeout: 300 });
                expect(await response).to.deep.include({ status: 201, complete: false });
            });

            it("gives up when no reply comes in time", async () => {
                await start(() => undefined);
                expect(await codeOf(transport.request({ ...POST, timeout: 50 }))).to.equal("TIMEOUT");
            });

            it("gives up when told to, before and after it was sent", async () => {
                await start(() => undefined);
                const controller = new AbortController();
                const request = codeOf(transport.request({ ...POST, signal: controller.signal }));
                await server.until(() => server.seen.length === 1);
                controller.abort();
                expect(await request).to.equal("ABORTED");
                expect(await codeOf(transport.request({ ...POST, signal: controller.signal }))).to.equal("ABORTED");
                expect(server.seen).to.have.length(1);
            });

            it("bounds the body", async () => {
                await start((_, reply) => {
                    reply.writeHead(200);
                    reply.end("x".repeat(1_100_000));
                });
                expect(await codeOf(transport.request(POST))).to.equal("TOO_LARGE");
                expect((await transport.request({ ...POST, maxBody: 2_000_000 })).body).to.have.length(1_100_000);
            });

            it("follows no redirect", async () => {
                await start((_, reply) => {
                    reply.writeHead(307, { location: "/elsewhere" });
                    reply.end();
                });
                expect((await transport.request(POST)).status).to.equal(307);
                expect(server.seen).to.have.length(1);
            });

            it("tells why there is no stream", async () => {
                await start((_, reply) => {
                    reply.writeHead(503, { "retry-after": "7" });
                    reply.end("later");
                }, "GET /s");
                const handlers = { onText: () => undefined, onClose: () => undefined };
                const stream = await transport.openStream({ path: "/s", headers: {}, timeout: 5_000 }, handlers);
                expect(stream).to.deep.include({ status: 503, body: "later" });
                expect(stream.headers["retry-after"]).to.equal("7");
            });

            it("says nothing more of a stream that was destroyed", async () => {
                await start((_, reply) => {
                    reply.writeHead(200);
                    reply.write("a");
                    reply.on("close", () => closed.add("stream"));
                }, "GET /s");
                const closed = new Set<string>();
                const heard: string[] = [];
                const stream = await new Promise<{ destroy(): void }>((resolve, reject) => {
                    const opened = transport.openStream(
                        { path: "/s", headers: {}, timeout: 5_000 },
                        {
                            onText: (text) => {
                                heard.push(text);
                                opened.then(resolve, reject);
                            },
                            onClose: () => heard.push("closed"),
                        }
                    );
                });
                stream.destroy();
                while (closed.size === 0) await new Promise((resolve) => setImmediate(resolve));
                expect(heard).to.deep.equal(["a"]);
            });
        });
    }

    it("takes one connection for a stream and 100 POSTs over HTTP/2", async () => {
        server = await RawServer.start({ tls });
        transport = await connectTransport(server.origin, { ca: [tls.cert], connectTimeout: 5_000 });
        const handlers = { onText: () => undefined, onClose: () => undefined };
        await transport.openStream({ path: "/hiveot/ssesc", headers: {}, timeout: 5_000 }, handlers);
        const body = JSON.stringify({ operation: "ping", correlationID: "1" });
        const posts = Array.from({ length: 100 }, () => transport.request({ ...POST, path: "/hiveot/request", body }));
        expect((await Promise.all(posts)).every(({ status }) => status === 201)).to.equal(true);
        expect(server.connections).to.equal(1);
    });

    it("is not taken for a Rapid Reset attack by HTTP/2 servers, however many POSTs it makes", async () => {
        server = await RawServer.start({ tls });
        server.handlers.set("POST /x", (_, reply) => {
            reply.writeHead(201);
            reply.end();
        });
        transport = await connectTransport(server.origin, { ca: [tls.cert], connectTimeout: 5_000 });
        for (let round = 0; round < 30; round++) {
            await Promise.all(Array.from({ length: 100 }, () => transport.request(POST)));
        }
        expect(server.connections).to.equal(1);
    });

    it("speaks the version it was told to", async () => {
        server = await RawServer.start({ tls });
        server.handlers.set("POST /x", (_, reply) => {
            reply.writeHead(reply.stream === undefined ? 201 : 202);
            reply.end();
        });
        const options: ConnectOptions = { ca: [tls.cert], connectTimeout: 5_000 };
        for (const [httpVersion, status] of [
            [1, 201],
            [2, 202],
        ] as const) {
            transport = await connectTransport(server.origin, { ...options, httpVersion });
            expect((await transport.request(POST)).status).to.equal(status);
            await transport.close();
        }
        await server.stop();
        server = await RawServer.start({ tls, http1Only: true });
        expect(await codeOf(connectTransport(server.origin, { ...options, httpVersion: 2 }))).to.equal(
            "CONNECT_FAILED"
        );
    });

    it("takes a server that knows no ALPN for one of HTTP/1.1", async () => {
        const plain = createTlsServer({ key: tls.key, cert: tls.cert }, (socket) => {
            socket.on("error", () => undefined);
            socket.once("data", () => socket.end("HTTP/1.1 204 No Content\r\n\r\n"));
        });
        await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
        const address = plain.address();
        const origin = `https://127.0.0.1:${String(typeof address === "object" ? address?.port : 0)}`;
        const options: ConnectOptions = { ca: [tls.cert], connectTimeout: 5_000 };
        transport = await connectTransport(origin, options);
        expect((await transport.request(POST)).status).to.equal(204);
        expect(await codeOf(connectTransport(origin, { ...options, httpVersion: 2 }))).to.equal("CONNECT_FAILED");
        await transport.close();
        await new Promise((resolve) => plain.close(resolve));
    });

    it("proves that nothing was done when nobody listens", async () => {
        const port = await new Promise<number>((resolve) => {
            const probe = createServer().listen(0, "127.0.0.1", () => {
                const address = probe.address();
                probe.close(() => {
                    resolve(typeof address === "object" ? (address?.port ?? 0) : 0);
                });
            });
        });
        const options = { connectTimeout: 5_000 };
        expect(await codeOf(connectTransport(`https://127.0.0.1:${String(port)}`, options))).to.equal("CONNECT_FAILED");
        transport = await connectTransport(`http://127.0.0.1:${String(port)}`, options);
        expect(await codeOf(transport.request(POST))).to.equal("CONNECT_FAILED");
    });

    it("gives up on a server that never finishes the handshake", async () => {
        const sockets: Socket[] = [];
        const silent = createServer((socket) => sockets.push(socket));
        await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
        const address = silent.address();
        const port = typeof address === "object" ? (address?.port ?? 0) : 0;
        const options = { connectTimeout: 50 };
        expect(await codeOf(connectTransport(`https://127.0.0.1:${String(port)}`, options))).to.equal("CONNECT_FAILED");
        sockets.forEach((socket) => socket.destroy());
        await new Promise((resolve) => silent.close(resolve));
    });

    it("trusts no certificate but those of the authorities that it was given, unless told to", async () => {
        const other = await otherHostCertificate();
        server = await RawServer.start({ tls: other });
        const connect = (options: object): Promise<ClientTransport> =>
            connectTransport(server.origin, { connectTimeout: 5_000, ...options });
        expect(await codeOf(connect({}))).to.equal("CONNECT_FAILED");
        expect(await codeOf(connect({ ca: [tls.cert] }))).to.equal("CONNECT_FAILED");
        expect(await codeOf(connect({ ca: [other.cert] })), "certificate for another host").to.equal("CONNECT_FAILED");
        expect(server.connections).to.equal(0);
        transport = await connect({ rejectUnauthorized: false });
        expect(transport.usable).to.equal(true);
    });

    describe("when an HTTP/2 server refuses a stream", () => {
        it("repeats the request once", async () => {
            server = await RawServer.start({ tls });
            let refusals = 1;
            server.handlers.set("POST /x", (_, reply) => {
                if (refusals-- > 0) reply.stream?.close(http2.constants.NGHTTP2_REFUSED_STREAM);
                else {
                    reply.writeHead(201);
                    reply.end();
                }
            });
            const shared = new SharedTransport(() =>
                connectTransport(server.origin, { ca: [tls.cert], connectTimeout: 5_000 })
            );
            expect((await shared.request(POST)).status).to.equal(201);
            refusals = 2;
            expect(await codeOf(shared.request(POST))).to.equal("CONNECT_FAILED");
            expect(server.seen).to.have.length(4);
        });
    });

    describe("when an HTTP/2 server sends GOAWAY", () => {
        it("leaves what runs in peace and takes a new connection for the next request", async () => {
            server = await RawServer.start({ tls });
            const shared = new SharedTransport(() =>
                connectTransport(server.origin, { ca: [tls.cert], connectTimeout: 5_000 })
            );
            const release = shared.hold();
            const texts: string[] = [];
            await (
                await shared.get()
            ).openStream(
                { path: "/hiveot/ssesc", headers: {}, timeout: 5_000 },
                { onText: (text) => texts.push(text), onClose: () => texts.push("closed") }
            );
            const first = await shared.get();
            server.streams[0]?.reply.stream?.session?.goaway();
            while (first.usable) await new Promise((resolve) => setImmediate(resolve));
            server.handlers.set("POST /x", (_, reply) => {
                reply.writeHead(201);
                reply.end();
                server.push("still here");
            });
            expect((await shared.request(POST)).status).to.equal(201);
            expect(server.connections).to.equal(2);
            while (!texts.includes("still here")) await new Promise((resolve) => setImmediate(resolve));
            expect(texts).to.not.include("closed");
            release();
            await server.until(() => server.streams.length === 0);
        });
    });

    it("is closed when nobody holds it, and made anew for the next one", async () => {
        server = await RawServer.start({ tls });
        const shared = new SharedTransport(() =>
            connectTransport(server.origin, { ca: [tls.cert], connectTimeout: 5_000 })
        );
        const release = shared.hold();
        await Promise.all([shared.request(POST), shared.request(POST)]);
        const first = await shared.get();
        expect(server.connections).to.equal(1);
        release();
        expect(first.usable).to.equal(false);
        expect((await shared.request(POST)).status).to.equal(404);
        expect(server.connections).to.equal(2);
        await shared.close();
        expect(await codeOf(shared.request(POST))).to.equal("ALREADY_CLOSED");
    });
});
