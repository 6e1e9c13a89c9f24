/** The raw peers against each other: what the conformance suite measures with must itself be right. */
import { expect } from "chai";
import { certificate, type TestCertificate } from "../support/certificates";
import { CurlWire, curlHas } from "./raw/curl";
import { RawStream } from "./raw/event-stream";
import { Http1Wire, Http2Wire, RawClient, type Wire } from "./raw/raw-client";
import { readRecording } from "./raw/recordings";
import { ScriptedServer } from "./raw/scripted-server";

interface Way {
    readonly name: string;
    readonly secure: boolean;
    readonly version: string;
    readonly wire: (origin: string, certificate: TestCertificate) => Wire;
    readonly available?: () => boolean;
}

const WAYS: readonly Way[] = [
    { name: "plain h1", secure: false, version: "1.1", wire: (origin) => new Http1Wire({ origin }) },
    { name: "TLS h1", secure: true, version: "1.1", wire: (origin, { cert }) => new Http1Wire({ origin, ca: cert }) },
    { name: "TLS h2", secure: true, version: "2.0", wire: (origin, { cert }) => new Http2Wire({ origin, ca: cert }) },
    {
        name: "curl over plain h1",
        secure: false,
        version: "1.1",
        wire: (origin) => new CurlWire({ origin, version: "--http1.1" }),
        available: () => curlHas("--http1.1"),
    },
    {
        name: "curl over TLS h1",
        secure: true,
        version: "1.1",
        wire: (origin, { certFile }) => new CurlWire({ origin, version: "--http1.1", caFile: certFile }),
        available: () => curlHas("--http1.1"),
    },
    {
        name: "curl over TLS h2",
        secure: true,
        version: "2.0",
        wire: (origin, { certFile }) => new CurlWire({ origin, version: "--http2", caFile: certFile }),
        available: () => curlHas("--http2"),
    },
];

const LOGIN = readRecording("hivekit-2026-08/auth.jsonl").slice(0, 1);
const ERRORS = readRecording("hivekit-2026-08/protocol-errors.jsonl");

describe("raw peers", () => {
    // A curl that knows no HTTP/2 has one way less.
    const ways = WAYS.filter(({ available = () => true }) => available());
    for (const { name, secure, version, wire } of ways) {
        describe(`over ${name}`, () => {
            let server: ScriptedServer;
            let client: RawClient;

            before(async () => {
                const tls = await certificate();
                server = await ScriptedServer.start({
                    tls: secure ? tls : undefined,
                    script: [
                        ...LOGIN,
                        ...readRecording("hivekit-2026-08/consumer-operations.jsonl"),
                        ...ERRORS.slice(12, 13),
                    ],
                });
                client = new RawClient(wire(server.origin, tls));
                await client.connect("admin1", "secret");
            });

            after(async () => {
                await (client as RawClient | undefined)?.close();
                await (server as ScriptedServer | undefined)?.stop();
            });

            it("logs in, opens a stream and sends the headers of protocol.md", async () => {
                const { headers, httpVersion } = await server.request(({ path }) => path === "/hiveot/ssesc");
                expect(httpVersion).to.equal(version);
                expect(headers).to.include({
                    authorization: "bearer opaque-token-1",
                    cid: client.cid,
                    clientid: "admin1",
                    accept: "text/event-stream",
                });
                expect(client.stream?.headers).to.include({ "content-encoding": "none" });
                expect(client.stream?.blocks[0]?.raw).to.equal("event: sse-ping\ndata: \n\n");
            });

            it("plays a recorded operation with the correlation id of the client", async () => {
                const { reply, block } = await client.call({
                    operation: "readproperty",
                    thingID: "urn:counter",
                    name: "count",
                    correlationID: "mine",
                });
                expect(reply).to.include({ status: 201, body: "" });
                expect(block.raw).to.equal(
                    'event: response\ndata: {"correlationID":"mine","consumerID":"","messageID":"qY-GpRROR",' +
                        '"messageType":"response","name":"count","operation":"readproperty","output":3,"senderID":"",' +
                        '"status":"completed","thingID":"urn:counter","timestamp":"2026-11-20T23:32:46.398Z"}\n\n'
                );
            });

            it("plays the notifications that a request causes, ahead of its response", async () => {
                const { block } = await client.call({
                    operation: "invokeaction",
                    thingID: "urn:counter",
                    name: "increment",
                    input: 100,
                });
                const overflow = await client.stream?.notification({ affordanceType: "event", name: "overflow" });
                expect(overflow?.json).to.include({ value: 106 });
                const blocks = client.stream?.blocks ?? [];
                expect(blocks.indexOf(overflow as (typeof blocks)[0])).to.be.lessThan(blocks.indexOf(block));
            });

            it("puts the ids of earlier requests into later responses", async () => {
                const { envelope } = await client.call({
                    operation: "queryaction",
                    thingID: "urn:counter",
                    name: "increment",
                });
                const invocation = server.seen.find(
                    (request) => request.envelope?.["operation"] === "invokeaction"
                )?.envelope;
                expect(envelope["output"]).to.include({
                    operation: "invokeaction",
                    correlationID: invocation?.["correlationID"],
                });
            });

            it("gives back a refusal as it is", async () => {
                const { status, headers, body } = await client.request("GET", "/hiveot/nothing");
                expect({ status, body }).to.deep.equal({ status: 404, body: "404 page not found\n" });
                expect(headers["content-type"]).to.equal("text/plain; charset=utf-8");
                const stream = await client.wire.openStream("/nothing", {});
                expect({ status: stream.status, body: stream.body }).to.deep.equal({
                    status: 404,
                    body: "404 page not found\n",
                });
                await stream.closed;
            });

            it("carries a body of 2 MB and a text beyond ASCII", async () => {
                const body = "€".repeat(700_000);
                const { status } = await client.request("POST", "/big", { body });
                expect(status).to.equal(404);
                const seen = await server.request(({ path }) => path === "/big");
                expect(seen.body).to.equal(body);
            });

            it("sees the end of a stream", async () => {
                const stream = await client.openStream();
                server.send("event: x\ndata: last");
                server.endStream();
                await stream.closed;
                expect(stream.rest).to.equal("event: x\ndata: last");
                const failure = await stream
                    .next(() => true, 1)
                    .then(
                        () => undefined,
                        (error: unknown) => error
                    );
                // The ping is still there to be taken; after it there is nothing.
                expect(failure).to.equal(undefined);
                const second = await stream.next(() => true).catch((error: unknown) => error);
                expect(second).to.be.instanceOf(Error).with.property("message").that.contains("has ended");
            });
        });
    }
});

describe("raw event stream", () => {
    function stream(): RawStream {
        return new RawStream(200, {}, "", () => undefined);
    }

    it("cuts blocks at every kind of line break and joins data lines", () => {
        const raw = stream();
        raw.feed("event: a\r\ndata: 1\r\ndata: 2\r");
        raw.feed("\n\r\n: hello\n:world\n\nid: 7\nretry: 5\ndata:x\n");
        raw.feed("\nrest");
        expect(raw.blocks.map(({ raw: text }) => text)).to.deep.equal([
            "event: a\r\ndata: 1\r\ndata: 2\r\n\r\n",
            ": hello\n:world\n\n",
            "id: 7\nretry: 5\ndata:x\n\n",
        ]);
        const [first, second, third] = raw.blocks;
        expect(first).to.include({ event: "a", data: "1\n2" });
        expect(second).to.include({ event: undefined, data: undefined, comment: "hello\nworld" });
        expect(third).to.include({ id: "7", retry: "5", data: "x" });
        expect(raw.rest).to.equal("rest");
    });

    it("hands out each block once, and waits for one that is still to come", async () => {
        const raw = stream();
        raw.feed('data: {"a":1}\n\n');
        const later = raw.next(({ json }) => json?.["a"] === 1).then(() => raw.next(({ json }) => json?.["a"] === 1));
        await Promise.resolve();
        raw.feed('data: {"a":1,"b":2}\n\n');
        expect((await later).json).to.deep.equal({ a: 1, b: 2 });
    });

    it("rejects after its time, naming what came", async () => {
        const raw = stream();
        raw.feed("data: other\n\n");
        const failure: unknown = await raw.next(({ data }) => data === "mine", 1).catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(Error).with.property("message").that.contains("data: other");
    });
});
