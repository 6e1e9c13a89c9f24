/** Peers that are slow, silent or too many, at a port of ours with short deadlines, and on servers of others. */
import { expect } from "chai";
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { SseScError } from "../../lib/errors";
import { readText } from "../../src/http/body";
import { respond, respondWithError, type HttpHandler } from "../../src/http/exchange";
import { Listener, type ListenerOptions } from "../../src/http/listener";
import { Mount } from "../../src/http/mount";
import { Http1Wire, Http2Wire, RawClient, STREAM_PATHS } from "../conformance/raw/raw-client";
import { certificate } from "../support/certificates";
import { eventually } from "../support/eventually";
import { FLAG, FRAME, frame, headerBlock, PREFACE, RawSocket } from "../support/frames";
import { isSecure, SetUp, TRANSPORTS, type Transport } from "../support/set-ups";
import { sideBySide, type OnEnd } from "../support/side-by-side";

const SHORT = {
    handshake: 300,
    headers: 300,
    request: 300,
    keepAlive: 300,
    write: 300,
    ping: 200,
    busyPing: 150,
    pingAnswer: 200,
    goodbye: 200,
    check: 25,
};
/** Where sessions must live on: client and server share a process here, and one that stalls answers pings and asks again too late. */
const UNHURRIED = { ...SHORT, headers: 60_000, ping: 60_000, busyPing: 60_000 };
/** Far above the sum of any of those. */
const SOON = 3_000;

const GET = { ":method": "GET", ":scheme": "https", ":path": "/stream", ":authority": "localhost" };
/** The beginning of a frame that goes on with a header block; so many small frames Node itself would not take. */
const LONG_BLOCK = frame(FRAME.continuation, 0, 1, Buffer.alloc(10_000)).subarray(0, 9);
const POST = { ":method": "POST", ":scheme": "https", ":path": "/body", ":authority": "localhost" };

/** `/stream` stays open, `/flood` writes without end, `/body` answers what it was sent, `/ignore` refuses without reading. */
const answer: HttpHandler = (request, response) => {
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    if (request.url === "/stream" || request.url === "/flood") {
        response.writeHead(200, { "content-type": "text/event-stream" });
        const chunk = Buffer.alloc(256 * 1024, 46);
        const more = (): void => {
            while (response.write(chunk));
        };
        response.on("drain", more);
        if (request.url === "/flood") more();
        else response.write(": \n\n");
    } else if (request.url === "/ignore") {
        respondWithError(request, response, new SseScError("UNAUTHORIZED"));
    } else {
        readText(request, 1_000_000).then(
            (text) => {
                respond(response, 200, {}, text);
            },
            (error: unknown) => {
                respondWithError(request, response, error);
            }
        );
    }
};

async function start(secure: boolean, options: Partial<ListenerOptions> = {}): Promise<Listener> {
    const { key, cert } = await certificate();
    const limits = { maxSockets: 100, maxSocketsPerAddress: 100, timeouts: SHORT };
    const tls = secure ? { key, cert } : undefined;
    const listener = new Listener({ port: 0, address: "127.0.0.1", tls, ...limits, ...options }, answer);
    await listener.start();
    return listener;
}

async function connect({ port }: Listener, transport: Transport): Promise<RawSocket> {
    if (!isSecure(transport)) return RawSocket.connect(port);
    const { cert: ca } = await certificate();
    return RawSocket.connect(port, { alpn: transport === "TLS h2" ? "h2" : "http/1.1", ca });
}

describe("A port under connections that take their time", () => {
    const aside = sideBySide();

    async function listen(onEnd: OnEnd, secure: boolean): Promise<Listener> {
        const listener = await start(secure);
        onEnd(() => listener.stop(500));
        return listener;
    }

    it(
        "cuts a TLS handshake that never ends",
        aside(async (onEnd) => {
            const listener = await listen(onEnd, true);
            const silent = await RawSocket.connect(listener.port);
            expect(await silent.closed()).to.be.within(250, SOON);
            const slow = await RawSocket.connect(listener.port);
            slow.socket.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]));
            expect(await slow.trickle(Buffer.from([0]))).to.be.within(250, SOON);
        })
    );

    for (const transport of ["TLS h1", "plain h1"] as const) {
        describe(`over ${transport}`, () => {
            it(
                "cuts a connection that never sends anything",
                aside(async (onEnd) => {
                    const peer = await connect(await listen(onEnd, isSecure(transport)), transport);
                    expect(await peer.closed()).to.be.within(250, SOON);
                })
            );

            it(
                "cuts slow headers with 408",
                aside(async (onEnd) => {
                    const peer = await connect(await listen(onEnd, isSecure(transport)), transport);
                    peer.socket.write("GET / HTTP/1.1\r\nHost: x\r\n");
                    expect(await peer.trickle("x: y\r\n")).to.be.within(250, SOON);
                    expect(peer.text).to.match(/^HTTP\/1\.1 408 /);
                })
            );

            it(
                "cuts a slow body with 408",
                aside(async (onEnd) => {
                    const peer = await connect(await listen(onEnd, isSecure(transport)), transport);
                    peer.socket.write("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
                    expect(await peer.trickle("x")).to.be.within(250, SOON);
                    expect(peer.text).to.match(/^HTTP\/1\.1 408 /);
                })
            );

            it(
                "cuts a slow body that nobody wants",
                aside(async (onEnd) => {
                    const peer = await connect(await listen(onEnd, isSecure(transport)), transport);
                    peer.socket.write("POST /ignore HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
                    expect(await peer.trickle("x")).to.be.below(SOON);
                    expect(peer.text).to.match(/^HTTP\/1\.1 401 /);
                })
            );

            it(
                "closes a connection between two requests",
                aside(async (onEnd) => {
                    const peer = await connect(await listen(onEnd, isSecure(transport)), transport);
                    peer.socket.write("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx");
                    expect(await peer.closed()).to.be.within(250, SOON);
                    expect(peer.text).to.match(/^HTTP\/1\.1 200 /);
                })
            );

            it(
                "cuts a reader that takes nothing of what waits, and no stream that is only quiet",
                aside(async (onEnd) => {
                    const listener = await listen(onEnd, isSecure(transport));
                    const quiet = await connect(listener, transport);
                    quiet.socket.write("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
                    await once(quiet.socket, "data");
                    const stalled = await connect(listener, transport);
                    stalled.socket.write("GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
                    await once(stalled.socket, "data");
                    stalled.socket.pause();
                    // It reads nothing, so it does not see the end either; the port does.
                    const before = performance.now();
                    await eventually("the stalled reader is gone", () => listener.connections === 1);
                    expect(performance.now() - before).to.be.above(250);
                    stalled.socket.destroy();
                    expect(quiet.socket.closed).to.equal(false);
                })
            );
        });
    }
});

describe("A port under hostile connections", () => {
    const open: Listener[] = [];

    async function listen(secure: boolean, options: Partial<ListenerOptions> = {}): Promise<Listener> {
        const listener = await start(secure, options);
        open.push(listener);
        return listener;
    }

    async function session({ port }: Listener): Promise<http2.ClientHttp2Session> {
        const { cert } = await certificate();
        const client = http2.connect(`https://127.0.0.1:${String(port)}`, { ca: cert });
        client.on("error", () => undefined);
        await once(client, "remoteSettings");
        return client;
    }

    async function wire(listener: Listener, transport: Transport): Promise<Http1Wire | Http2Wire> {
        const { cert } = await certificate();
        const origin = `${isSecure(transport) ? "https" : "http"}://127.0.0.1:${String(listener.port)}`;
        return transport === "TLS h2" ? new Http2Wire({ origin, ca: cert }) : new Http1Wire({ origin, ca: cert });
    }

    afterEach(async () => {
        for (const listener of open.splice(0)) await listener.stop(500);
    });

    describe("over TLS h2", () => {
        it("closes a session that never begins", async () => {
            const peer = await connect(await listen(true), "TLS h2");
            expect(await peer.closed()).to.be.within(250, SOON);
        });

        it("closes a session that never opens a stream, with GOAWAY", async () => {
            const peer = await connect(await listen(true), "TLS h2");
            peer.socket.write(PREFACE);
            expect(await peer.closed()).to.be.within(250, SOON);
            expect(peer.frames).to.include(FRAME.goAway);
        });

        it("cuts a header block that never ends", async () => {
            const peer = await connect(await listen(true), "TLS h2");
            peer.socket.write(
                Buffer.concat([PREFACE, frame(FRAME.headers, FLAG.endStream, 1, headerBlock(GET)), LONG_BLOCK])
            );
            expect(await peer.trickle("x")).to.be.within(250, SOON);
        });

        it("cuts a header block that never ends beside an open stream, be it slow or silent", async () => {
            const listener = await listen(true, { timeouts: { ...SHORT, ping: 60_000, keepAlive: 60_000 } });
            const peers = [await connect(listener, "TLS h2"), await connect(listener, "TLS h2")];
            for (const { socket } of peers) {
                const whole = frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 1, headerBlock(GET));
                const begun = frame(FRAME.headers, FLAG.endStream, 3, Buffer.alloc(10_000)).subarray(0, 9);
                socket.write(Buffer.concat([PREFACE, whole, begun]));
            }
            const [slow, silent] = peers as [RawSocket, RawSocket];
            const times = await Promise.all([slow.trickle(headerBlock({ x: "y" })), silent.closed()]);
            for (const time of times) expect(time).to.be.within(300, SOON);
            expect(slow.frames).to.include(FRAME.headers);
        });

        it("ends a slow body with 408 and leaves its session alone", async () => {
            const client = await session(await listen(true, { timeouts: { ...UNHURRIED, keepAlive: 60_000 } }));
            const slow = client.request(POST);
            slow.on("error", () => undefined);
            const timer = setInterval(() => slow.writable && slow.write("x"), 20);
            const [headers] = (await once(slow, "response")) as [http2.IncomingHttpHeaders];
            expect(headers[":status"]).to.equal(408);
            slow.resume();
            if (!slow.closed) await once(slow, "close");
            clearInterval(timer);
            const next = client.request(POST);
            next.end("hello");
            const [reply] = (await once(next, "response")) as [http2.IncomingHttpHeaders];
            expect(reply[":status"]).to.equal(200);
            client.destroy();
        });

        it("resets a stream whose body nobody wants", async () => {
            const client = await session(await listen(true, { timeouts: { ...UNHURRIED, keepAlive: 60_000 } }));
            const slow = client.request({ ...POST, ":path": "/ignore" });
            slow.on("error", () => undefined);
            slow.resume();
            const timer = setInterval(() => slow.writable && slow.write("x"), 20);
            const [headers] = (await once(slow, "response")) as [http2.IncomingHttpHeaders];
            expect(headers[":status"]).to.equal(401);
            if (!slow.closed) await once(slow, "close");
            clearInterval(timer);
            client.destroy();
        });

        it("closes a session between two requests, and none that has a stream", async () => {
            const listener = await listen(true, { timeouts: UNHURRIED });
            const idle = await session(listener);
            const busy = await session(listener);
            const stream = busy.request(GET);
            await once(stream, "response");
            const once1 = idle.request(POST);
            once1.end("x");
            once1.resume();
            await once(once1, "close");
            const began = performance.now();
            await once(idle, "close");
            expect(performance.now() - began).to.be.within(250, SOON);
            expect(busy.destroyed).to.equal(false);
            expect(stream.closed).to.equal(false);
            busy.destroy();
        });

        it("lets go of the socket of a peer that does not answer GOAWAY", async () => {
            const listener = await listen(true);
            const peer = await connect(listener, "TLS h2");
            peer.socket.write(PREFACE);
            peer.socket.pause();
            await eventually("the port has let go", () => listener.connections === 0);
            peer.socket.destroy();
        });

        it("cuts a session whose peer answers no ping, and none that does", async () => {
            const listener = await listen(true, { timeouts: { ...SHORT, pingAnswer: 1_000 } });
            const healthy = await session(listener);
            const stream = healthy.request(GET);
            await once(stream, "response");
            const frozen = await connect(listener, "TLS h2");
            const whole = frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 1, headerBlock(GET));
            frozen.socket.write(Buffer.concat([PREFACE, whole]));
            expect(await frozen.closed()).to.be.within(300, SOON);
            expect(frozen.frames).to.include(FRAME.ping);
            expect(healthy.destroyed).to.equal(false);
            healthy.destroy();
        });

        it("pings a peer that is quiet no more often than it must", async () => {
            const listener = await listen(true, { timeouts: { ...SHORT, ping: 60_000, busyPing: 50 } });
            const quiet = await session(listener);
            const other = await session(listener);
            let pings = 0;
            quiet.on("ping", () => pings++);
            await once(quiet.request(GET), "response");
            await once(other, "close"); // never used: some times the interval of one that sends
            expect(pings).to.be.within(1, 2);
            quiet.destroy();
        });

        it("takes 1,000 streams of a session at once", async () => {
            const client = await session(await listen(true, { timeouts: UNHURRIED }));
            expect(client.remoteSettings.maxConcurrentStreams).to.equal(1_000);
            client.destroy();
        });

        it("says GOAWAY to a session that opens and resets streams without end, and serves it no more", async () => {
            const listener = await listen(true, { timeouts: {} });
            const peer = await connect(listener, "TLS h2");
            peer.socket.write(PREFACE);
            const block = headerBlock(GET);
            const cancel = Buffer.from([0, 0, 0, 8]);
            const burst = Array.from({ length: 3_000 }, (_, n) =>
                Buffer.concat([
                    frame(FRAME.headers, FLAG.endStream | FLAG.endHeaders, 2 * n + 1, block),
                    frame(FRAME.reset, 0, 2 * n + 1, cancel),
                ])
            );
            peer.socket.write(Buffer.concat(burst));
            // Node's own limit; on Node 20 the connection itself is left to our deadlines.
            await eventually("it is told", () => peer.frames.includes(FRAME.goAway));
            peer.socket.destroy();
        });
    });

    for (const transport of TRANSPORTS) {
        for (const limit of ["maxSockets", "maxSocketsPerAddress"] as const) {
            it(`answers connections over ${limit} with 503 and Retry-After, over ${transport}`, async () => {
                const listener = await listen(isSecure(transport), {
                    [limit]: 2,
                    timeouts: { ...SHORT, headers: 60_000, keepAlive: 60_000 },
                });
                const kept = [await connect(listener, transport), await connect(listener, transport)];
                const late = await wire(listener, transport);
                const reply = await late.request("POST", "/body", { body: "hello" });
                expect(reply.status).to.equal(503);
                expect(reply.headers["retry-after"]).to.equal("5");
                expect(reply.body).to.contain("TOO_MANY_CONNECTIONS");
                expect(listener.connections).to.equal(2);
                kept[0]?.socket.destroy();
                await eventually("there is room again", () => listener.connections === 1);
                await late.close();
                const next = await wire(listener, transport);
                expect(await next.request("POST", "/body", { body: "hello" })).to.include({
                    status: 200,
                    body: "hello",
                });
                await next.close();
                kept[1]?.socket.destroy();
            });
        }

        it(`closes a stream of January's dialect without a status where it is over a limit, over ${transport}`, async () => {
            const setUp = await SetUp.start({ secure: isSecure(transport), server: { maxConnectionsPerClient: 1 } });
            const first = await setUp.connected(transport, "viewer");
            const august = await setUp.client(transport, "viewer");
            const january = new RawClient(setUp.wire(transport), "rrn-2025");
            try {
                const refused = await august.openStream();
                expect(refused.status).to.equal(503);
                expect(refused.headers["retry-after"]).to.equal("5");
                const headers = { authorization: `bearer ${String(first.token)}`, cid: "january" };
                const outcome = await january.wire.openStream(STREAM_PATHS["rrn-2025"], headers).catch(String);
                expect(outcome).to.match(/socket hang up|ECONNRESET|without a reply/);
                if (transport !== "TLS h2") return;
                // The session itself is as good as before.
                expect(await january.wire.request("GET", "/ping")).to.include({ status: 200 });
            } finally {
                for (const client of [first, august, january]) await client.wire.close();
                await setUp.stop();
            }
        });

        it(`closes a stream of January's dialect without a status where there are too many sockets, over ${transport}`, async () => {
            const setUp = await SetUp.start({ secure: isSecure(transport), server: { maxSockets: 1 } });
            const holder = await RawSocket.connect(setUp.port);
            const [january, august] = [setUp.wire(transport), setUp.wire(transport)];
            try {
                const outcome = await january.openStream(STREAM_PATHS["rrn-2025"], { cid: "j" }).catch(String);
                expect(outcome).to.match(/socket hang up|ECONNRESET|without a reply/);
                const refused = await august.openStream(STREAM_PATHS.rrn, { cid: "a" });
                expect(refused.status).to.equal(503);
            } finally {
                holder.socket.destroy();
                await january.close();
                await august.close();
                await setUp.stop();
            }
        });
    }

    it("lets go of refused connections that ask nothing", async () => {
        const listener = await listen(true, { maxSockets: 1, timeouts: { ...SHORT, handshake: 60_000 } });
        const kept = await connect(listener, "TLS h1");
        const refused = await RawSocket.connect(listener.port);
        expect(await refused.closed()).to.be.within(250, SOON);
        kept.socket.destroy();
    });

    it("closes connections at once that are far over the limit", async () => {
        const listener = await listen(false, { maxSockets: 1, timeouts: { ...SHORT, headers: 60_000 } });
        const peers: RawSocket[] = [];
        for (let n = 0; n < 258; n++) peers.push(await connect(listener, "plain h1"));
        await peers.at(-1)?.closed();
        expect(listener.connections).to.equal(1);
        expect(peers[0]?.socket.closed).to.equal(false);
        for (const { socket } of peers) socket.destroy();
    });
});

describe("A slow body at a mounted server", () => {
    for (const version of ["h1", "h2"] as const) {
        it(`is cut with 408 over ${version}`, async () => {
            const mount = new Mount(() => true, SHORT);
            mount.start({
                owns: () => true,
                handle: answer,
            });
            const handler = mount.handler("");
            const host =
                version === "h1"
                    ? http.createServer((request, response) => void handler(request, response))
                    : http2.createServer((request, response) => void handler(request, response));
            host.listen(0, "127.0.0.1");
            await once(host, "listening");
            const { port } = host.address() as AddressInfo;
            const peer = await RawSocket.connect(port);
            if (version === "h1") {
                peer.socket.write("POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
                expect(await peer.trickle("x")).to.be.within(250, SOON);
                expect(peer.text).to.match(/^HTTP\/1\.1 408 /);
            } else {
                const head = frame(FRAME.headers, FLAG.endHeaders, 1, headerBlock({ ...POST, ":scheme": "http" }));
                peer.socket.write(Buffer.concat([PREFACE, head]));
                const reset = eventually("its stream is reset", () => peer.frames.includes(FRAME.reset));
                await reset;
                expect(peer.frames).to.include(FRAME.headers);
                expect(performance.now() - peer.since).to.be.within(250, SOON);
                peer.socket.destroy();
            }
            await mount.stop(500);
            await new Promise((resolve) => host.close(resolve));
        });
    }
});
