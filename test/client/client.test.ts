/** The client side as a script sees it: through node-wot, over real sockets. */
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { SseScError } from "../../lib/errors";
import type { SseScClientConfig } from "../../src/client-config";
import { SseScClientFactory, SseScPlainClientFactory } from "../../src/sse-sc-client-factory";
import { certificate, type TestCertificate } from "../support/certificates";
import { counterTd, RawServer, type RawServerOptions } from "./raw-server";
import { eventually } from "../support/eventually";
import { codeOf, failure } from "../support/failures";

type Wot = Awaited<ReturnType<Servient["start"]>>;
type Consumed = Awaited<ReturnType<Wot["consume"]>>;

const ACCOUNT = { username: "alice", password: "secret" };
const FAST = { reconnect: { min: 1, max: 20 } };

/** Collects what a listener hears; `next` waits for it. */
class Heard<T> {
    readonly all: T[] = [];
    #waiting: (() => void)[] = [];

    readonly push = (value: T): void => {
        this.all.push(value);
        for (const resolve of this.#waiting.splice(0)) resolve();
    };

    /** The same for a listener of node-wot. */
    readonly hear = (data: { value(): Promise<unknown> }): void => {
        data.value().then(
            (value) => this.push(value as T),
            (error: unknown) => this.push(error as T)
        );
    };

    async count(count: number): Promise<T[]> {
        while (this.all.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        return this.all;
    }
}

describe("client", () => {
    let tls: TestCertificate;
    let server: RawServer;
    let servient: Servient;
    let factory: SseScClientFactory | SseScPlainClientFactory;
    let wot: Wot;

    before(async () => {
        tls = await certificate();
    });

    afterEach(async () => {
        await servient.shutdown();
        await server.stop();
    });

    async function start(
        secure: boolean,
        config: SseScClientConfig = {},
        options: RawServerOptions = {}
    ): Promise<Consumed> {
        server = await RawServer.start({ ...options, ...(secure ? { tls } : {}) });
        servient = new Servient();
        factory = secure
            ? new SseScClientFactory({ caCert: tls.cert, ...FAST, ...config })
            : new SseScPlainClientFactory({ ...FAST, ...config });
        servient.addClientFactory(factory);
        servient.addCredentials({ "urn:counter": ACCOUNT });
        wot = await servient.start();
        return consume();
    }

    function consume(id = "urn:counter", at: { readonly authority: string } = server): Promise<Consumed> {
        return wot.consume(counterTd(at, factory.scheme, id) as never);
    }

    const WAYS = [
        ["plain h1", false, {}],
        ["TLS h1", true, { httpVersion: 1 }],
        ["TLS h2", true, {}],
    ] as const;

    for (const [name, secure, config] of WAYS) {
        describe(`over ${name}`, () => {
            it("reads, writes and invokes", async () => {
                const thing = await start(secure, config);
                let count = 5;
                server.answer = ({ operation, input }) => {
                    if (operation === "writeproperty") count = Number(input);
                    return operation === "invokeaction" ? { output: Number(input) + count } : { output: count };
                };
                expect(await (await thing.readProperty("count")).value()).to.equal(5);
                await thing.writeProperty("count", 7);
                expect(await (await thing.readProperty("count")).value()).to.equal(7);
                expect(await (await thing.invokeAction("increment", 3))?.value()).to.equal(10);
                const [request] = server.seenAt("invokeaction");
                expect(JSON.parse(request?.body ?? "")).to.include({
                    thingID: "urn:counter",
                    name: "increment",
                    input: 3,
                });
            });

            it("sends the headers of protocol.md with the stream and with every POST", async () => {
                const thing = await start(secure, config);
                await thing.readProperty("count");
                const [stream] = server.seenAt("/hiveot/ssesc");
                const [post] = server.seenAt("/hiveot/request");
                for (const seen of [stream, post]) {
                    expect(seen?.headers).to.include({ authorization: "bearer token-alice-1", clientid: "alice" });
                    expect(seen?.headers["cid"]).to.match(/^[0-9a-f-]{36}$/);
                }
                expect(post?.headers["cid"]).to.equal(stream?.headers["cid"]);
                expect(stream?.headers["accept"]).to.equal("text/event-stream");
            });

            it("opens the stream again and makes the subscriptions anew", async () => {
                const thing = await start(secure, config);
                const events = new Heard<unknown>();
                const values = new Heard<unknown>();
                await thing.subscribeEvent("overflow", events.hear);
                await thing.observeProperty("count", values.hear);
                for (let round = 2; round <= 4; round++) {
                    server.dropStreams();
                    await server.until(
                        () =>
                            server.opened === round &&
                            server.seenAt("subscribeevent").length === round &&
                            server.seenAt("observeproperty").length === round
                    );
                    server.notify("urn:counter", "overflow", round);
                    server.notify("urn:counter", "count", round * 10, "property");
                    await events.count(round - 1);
                    await values.count(round - 1);
                }
                expect(events.all).to.deep.equal([2, 3, 4]);
                expect(values.all).to.deep.equal([20, 30, 40]);
                const cids = server.seenAt("/hiveot/ssesc").map(({ headers }) => headers["cid"]);
                expect(new Set(cids).size, "one cid").to.equal(1);
                expect(server.seenAt("/authn/login")).to.have.length(1);
            });

            it("repeats open requests that are safe when the stream drops, and fails the others as unknown", async () => {
                const thing = await start(secure, config);
                server.answer = () => undefined;
                const read = thing.readProperty("count");
                const invoke = failure(thing.invokeAction("increment", 1));
                await server.until(() => server.seenAt("/hiveot/request").length === 2);
                server.answer = () => ({ output: 5 });
                server.dropStreams();
                expect((await invoke).code).to.equal("OUTCOME_UNKNOWN");
                expect(await (await read).value()).to.equal(5);
                expect(server.seenAt("invokeaction")).to.have.length(1);
            });

            it("does not know what became of a POST that was cut, and never hangs", async () => {
                const thing = await start(secure, { ...config, requestTimeout: 1_000 });
                await thing.readProperty("count");
                server.handlers.set("POST /hiveot/request", () => {
                    server.cut();
                });
                expect(await codeOf(thing.invokeAction("increment", 1))).to.equal("OUTCOME_UNKNOWN");
                expect(await codeOf(thing.readProperty("count"))).to.equal("TIMEOUT");
                expect(server.seenAt("invokeaction")).to.have.length(1);
            });

            it("repeats a POST that alone was cut only if that does no harm: the server does not know repeats", async () => {
                const thing = await start(secure, config);
                await thing.readProperty("count");
                const take = server.handlers.get("POST /hiveot/request")!;
                const cutOne = (): void => {
                    server.handlers.set("POST /hiveot/request", (_, reply) => {
                        server.handlers.set("POST /hiveot/request", take);
                        server.cutExchange(reply);
                    });
                };
                server.answer = () => ({ output: 5 });
                cutOne();
                expect(await codeOf(thing.invokeAction("increment", 1))).to.equal("OUTCOME_UNKNOWN");
                cutOne();
                expect(await (await thing.readProperty("count")).value()).to.equal(5);
                const seen = ["invokeaction", "readproperty"].map((operation) => server.seenAt(operation).length);
                expect([...seen, server.opened]).to.deep.equal([1, 3, 1]);
            });

            it("closes everything at once when the servient shuts down", async () => {
                const thing = await start(secure, config);
                server.answer = ({ operation }) => (operation === "readproperty" ? undefined : {});
                await thing.subscribeEvent("overflow", () => undefined);
                const read = codeOf(thing.readProperty("count"));
                await server.until(() => server.seenAt("readproperty").length === 1);
                factory.destroy();
                expect(await read).to.equal("CONNECTION_LOST");
                while (server.openSockets > 0) await new Promise((resolve) => setImmediate(resolve));
                expect(await codeOf(thing.readProperty("count"))).to.equal("ALREADY_CLOSED");
                expect(server.opened).to.equal(1);
            });
        });
    }

    it("has one connection for all Things of an account, whatever they do", async () => {
        const thing = await start(true);
        servient.addCredentials({ "urn:other": { ...ACCOUNT } });
        const other = await consume("urn:other");
        await Promise.all([thing, other].map((one) => one.subscribeEvent("overflow", () => undefined)));
        await Promise.all(Array.from({ length: 100 }, (_, i) => (i % 2 ? thing : other).invokeAction("increment", i)));
        expect(server.connections).to.equal(1);
        expect(server.opened).to.equal(1);
        expect(server.seenAt("/authn/login")).to.have.length(1);
    });

    it("has one connection for each account", async () => {
        const thing = await start(true);
        servient.addCredentials({ "urn:other": { username: "bob", password: "secret" } });
        const other = await consume("urn:other");
        await Promise.all([thing.readProperty("count"), other.readProperty("count")]);
        expect(server.seenAt("/hiveot/ssesc").map(({ headers }) => headers["clientid"])).to.have.members([
            "alice",
            "bob",
        ]);
    });

    describe("subscriptions", () => {
        it("end through a fresh client, with another form object, as node-wot does it", async () => {
            const thing = await start(true);
            const heard = new Heard<unknown>();
            await thing.observeProperty("count", heard.hear);
            const form = { ...thing.getThingDescription()["properties"]?.["count"]?.forms[0] } as never;
            await factory.getClient().unlinkResource(form);
            expect(server.seenAt("unobserveproperty")).to.have.length(1);
            await factory.getClient().unlinkResource(form);
            expect(server.seenAt("unobserveproperty")).to.have.length(1);
            expect(heard.all).to.deep.equal([]);
        });

        it("end by node-wot's own stop(), and can be started again at once", async () => {
            const thing = await start(true);
            const heard = new Heard<unknown>();
            for (const round of [1, 2]) {
                const subscription = await thing.subscribeEvent("overflow", heard.hear);
                server.notify("urn:counter", "overflow", round);
                await heard.count(round);
                await subscription.stop();
            }
            await server.until(() => server.seenAt("unsubscribeevent").length === 2);
            const order = server
                .seenAt("/hiveot/request")
                .map(({ body }) => (JSON.parse(body) as { operation: string }).operation);
            expect(order).to.deep.equal(["subscribeevent", "unsubscribeevent", "subscribeevent", "unsubscribeevent"]);
        });

        it("of two consumers of a Thing are ended one by one", async () => {
            const thing = await start(true);
            const twin = await consume();
            const [mine, its] = [new Heard<unknown>(), new Heard<unknown>()];
            const subscription = await thing.subscribeEvent("overflow", mine.hear);
            await twin.subscribeEvent("overflow", its.hear);
            expect(server.seenAt("subscribeevent"), "one on the wire").to.have.length(1);
            await subscription.stop();
            server.notify("urn:counter", "overflow", 1);
            expect(await its.count(1)).to.deep.equal([1]);
            expect(mine.all).to.deep.equal([]);
            expect(server.seenAt("unsubscribeevent")).to.have.length(0);
        });

        it("never make unlinkResource reject, whatever the form", async () => {
            await start(true);
            for (const form of [
                { href: "x" },
                { href: "sse://h/x" },
                { href: "sse-plain://h/x", "hiveot:thingID": "a" },
            ]) {
                await factory.getClient().unlinkResource(form);
            }
        });

        it("tell of their end when the server will not have them any more", async () => {
            const thing = await start(true);
            const errors = new Heard<SseScError>();
            await thing.subscribeEvent(
                "overflow",
                () => undefined,
                (error) => errors.push(error as SseScError)
            );
            const problem = { status: 403, type: "urn:hiveot-ssesc:problem:FORBIDDEN", title: "No" };
            server.answer = () => ({ status: "failed", error: problem });
            server.dropStreams();
            expect((await errors.count(1))[0]?.code).to.equal("FORBIDDEN");
        });
    });

    describe("a stream that comes to an end for good", () => {
        for (const status of [401, 403, 404]) {
            it(`says so when the server answers ${String(status)} to the reconnect`, async () => {
                const thing = await start(true);
                const errors = new Heard<SseScError>();
                await thing.subscribeEvent(
                    "overflow",
                    () => undefined,
                    (error) => errors.push(error as SseScError)
                );
                const open = server.handlers.get("GET /hiveot/ssesc")!;
                server.handlers.set("GET /hiveot/ssesc", (_, reply) => {
                    reply.writeHead(status);
                    reply.end();
                });
                server.dropStreams();
                const [error] = await errors.count(1);
                expect(error?.code).to.equal({ 401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND" }[status]);
                expect(server.seenAt("/hiveot/ssesc")).to.have.length(status === 401 ? 3 : 2);
                server.handlers.set("GET /hiveot/ssesc", open);
                expect(await (await thing.readProperty("count")).arrayBuffer(), "a new attempt").to.have.length(0);
            });
        }

        it("is not opened again when another one took its place", async () => {
            const thing = await start(true);
            const errors = new Heard<SseScError>();
            await thing.subscribeEvent(
                "overflow",
                () => undefined,
                (error) => errors.push(error as SseScError)
            );
            server.push(": replaced\n\n");
            server.dropStreams();
            expect((await errors.count(1))[0]?.code).to.equal("ALREADY_CLOSED");
            expect(server.opened).to.equal(1);
        });

        it("is tried again while the server is away or says 503", async () => {
            const thing = await start(true);
            const heard = new Heard<unknown>();
            await thing.subscribeEvent("overflow", heard.hear);
            const open = server.handlers.get("GET /hiveot/ssesc")!;
            let refusals = 3;
            server.handlers.set("GET /hiveot/ssesc", (seen, reply) => {
                if (refusals-- > 0) {
                    reply.writeHead(503);
                    reply.end();
                } else open(seen, reply);
            });
            server.cut();
            await server.until(() => server.seenAt("subscribeevent").length === 2);
            expect(server.seenAt("/hiveot/ssesc")).to.have.length(5);
            server.notify("urn:counter", "overflow", 1);
            await heard.count(1);
        });

        it("is dialled once at a time, and with pauses, when a server takes every stream and drops it", async () => {
            const thing = await start(true, { reconnect: { min: 40, max: 10_000 } });
            await thing.subscribeEvent("overflow", () => undefined);
            let open = 0;
            const times: number[] = [];
            server.handlers.set("GET /hiveot/ssesc", (_, reply) => {
                expect(++open).to.equal(1);
                times.push(Date.now());
                reply.on("close", () => open--);
                reply.writeHead(200, { "content-type": "text/event-stream" });
                reply.write("event: sse-ping\ndata: \n\n");
                reply.end();
            });
            server.dropStreams();
            await server.until(() => times.length === 5);
            expect(times[4]! - times[0]!).to.be.greaterThan(40);
        });

        const refusals = {
            problem: {
                type: "application/problem+json",
                body: JSON.stringify({ status: 400, type: "urn:hiveot-ssesc:problem:NO_SESSION", title: "x" }),
            },
            // Recording protocol-errors.jsonl, n = 7.
            text: { type: "text/plain; charset=utf-8", body: "onHttpRequestMessage: no SSE connection\n" },
        };
        for (const [form, { type, body }] of Object.entries(refusals)) {
            it(`is dropped when the server says NO_SESSION in a ${form}, and opened again`, async () => {
                const thing = await start(true);
                await thing.subscribeEvent("overflow", () => undefined);
                const take = server.handlers.get("POST /hiveot/request")!;
                server.handlers.set("POST /hiveot/request", (_, reply) => {
                    server.handlers.set("POST /hiveot/request", take);
                    reply.writeHead(400, { "content-type": type });
                    reply.end(body);
                });
                expect(await codeOf(thing.invokeAction("increment", 1))).to.equal("NO_SESSION");
                await server.until(() => server.opened === 2 && server.seenAt("subscribeevent").length === 2);
            });
        }
    });

    describe("a late sign that an earlier stream was of no use", () => {
        it("does not touch the stream of today", async () => {
            const thing = await start(true);
            await thing.subscribeEvent("overflow", () => undefined);
            const take = server.handlers.get("POST /hiveot/request")!;
            const refuse = new Promise<() => void>((resolve) => {
                server.handlers.set("POST /hiveot/request", (_, reply) => {
                    server.handlers.set("POST /hiveot/request", take);
                    resolve(() => {
                        reply.writeHead(400, { "content-type": "application/problem+json" });
                        reply.end(
                            JSON.stringify({ status: 400, type: "urn:hiveot-ssesc:problem:NO_SESSION", title: "x" })
                        );
                    });
                });
            });
            const lost = codeOf(thing.invokeAction("increment", 1));
            const sendRefusal = await refuse;
            server.dropStreams();
            expect(await lost).to.equal("OUTCOME_UNKNOWN");
            await server.until(() => server.opened === 2 && server.seenAt("subscribeevent").length === 2);
            sendRefusal();
            for (let i = 0; i < 5; i++) await thing.readProperty("count");
            expect(server.opened).to.equal(2);
        });
    });

    describe("connecting", () => {
        it("fails the requests that waited for it, and is tried again by the next one", async () => {
            const thing = await start(true, { connectTimeout: 60 });
            const open = server.handlers.get("GET /hiveot/ssesc")!;
            server.handlers.set("GET /hiveot/ssesc", (_, reply) => {
                reply.writeHead(200, { "content-type": "text/event-stream" });
                reply.write(": no ping\n\n");
            });
            const reads = [thing.readProperty("count"), thing.readProperty("count")];
            expect(await Promise.all(reads.map(codeOf))).to.deep.equal(["CONNECT_FAILED", "CONNECT_FAILED"]);
            expect(server.seenAt("/hiveot/ssesc"), "one dial for both").to.have.length(1);
            server.handlers.set("GET /hiveot/ssesc", open);
            await thing.readProperty("count");
        });

        it("says what the server says", async () => {
            const thing = await start(true);
            server.handlers.set("GET /hiveot/ssesc", (_, reply) => {
                reply.writeHead(503, { "content-type": "application/problem+json", "retry-after": "9" });
                const type = "urn:hiveot-ssesc:problem:TOO_MANY_CONNECTIONS";
                reply.end(JSON.stringify({ status: 503, type, title: "Full", detail: "now" }));
            });
            const error = await failure(thing.readProperty("count"));
            expect(error).to.include({
                code: "TOO_MANY_CONNECTIONS",
                title: "Full",
                message: "Full: now",
                retryAfter: 9,
            });
        });

        it("refuses what is no event stream", async () => {
            const thing = await start(true);
            server.handlers.set("GET /hiveot/ssesc", (_, reply) => {
                reply.writeHead(200, { "content-type": "text/html" });
                reply.end("<p>event: sse-ping");
            });
            expect(await codeOf(thing.readProperty("count"))).to.equal("PEER_FAILED");
        });

        it("fails with INVALID_CREDENTIALS when the password is wrong", async () => {
            const thing = await start(true);
            servient.addCredentials({ "urn:wrong": { username: "alice", password: "guess" } });
            const wrong = await consume("urn:wrong");
            expect(await codeOf(wrong.readProperty("count"))).to.equal("INVALID_CREDENTIALS");
            await thing.readProperty("count");
        });

        it("does not send what nobody waits for any more", async () => {
            const thing = await start(true, { requestTimeout: 50 });
            await thing.subscribeEvent("overflow", () => undefined);
            const open = server.handlers.get("GET /hiveot/ssesc")!;
            server.handlers.set("GET /hiveot/ssesc", (_, reply) => {
                reply.writeHead(503);
                reply.end();
            });
            server.dropStreams();
            await server.until(() => server.seenAt("/hiveot/ssesc").length > 2);
            expect(await codeOf(thing.invokeAction("increment", 1))).to.equal("TIMEOUT");
            server.handlers.set("GET /hiveot/ssesc", open);
            await server.until(() => server.seenAt("subscribeevent").length === 2);
            await thing.readProperty("count");
            expect(server.seenAt("invokeaction")).to.have.length(0);
        });

        it("is ended when nobody uses it, and done again for the next request", async () => {
            const thing = await start(true, { idleTimeout: 30 });
            await thing.readProperty("count");
            while (server.openSockets > 0) await new Promise((resolve) => setImmediate(resolve));
            await thing.readProperty("count");
            expect(server.opened).to.equal(2);
            expect(server.seenAt("/authn/login"), "the token still serves").to.have.length(1);
        });

        it("does not ask for what came by the one that nobody used any more", async () => {
            const thing = await start(true, { idleTimeout: 30 }, { resumes: true });
            await thing.readProperty("count");
            await eventually("it rests", () => server.openSockets === 0);
            await thing.readProperty("count");
            const asked = server.seen.filter(({ method }) => method === "GET").map(({ headers }) => headers);
            expect(asked.map((headers) => headers["last-event-id"])).to.deep.equal([undefined, undefined]);
        });

        it("lasts while a subscription stands", async () => {
            const thing = await start(true, { idleTimeout: 10 });
            const heard = new Heard<unknown>();
            await thing.subscribeEvent("overflow", heard.hear);
            await new Promise((resolve) => setTimeout(resolve, 60)); // six times the idle time
            server.notify("urn:counter", "overflow", 1);
            await heard.count(1);
            expect(server.opened).to.equal(1);
        });
    });

    describe("after a 401", () => {
        it("logs in once for all requests, and repeats each once", async () => {
            const thing = await start(true);
            await thing.readProperty("count");
            server.tokens.clear();
            server.tokens.add("some other");
            server.answer = ({ input }) => ({ output: input });
            const outputs = await Promise.all(
                [1, 2, 3].map(async (i) => (await thing.invokeAction("increment", i))?.value())
            );
            expect(outputs).to.deep.equal([1, 2, 3]);
            expect(server.seenAt("/authn/login")).to.have.length(2);
            expect(server.seenAt("invokeaction")).to.have.length(6);
        });

        it("fails with UNAUTHORIZED when the new token is refused too", async () => {
            const thing = await start(true);
            await thing.readProperty("count");
            server.handlers.set("POST /hiveot/request", (_, reply) => {
                reply.writeHead(401);
                reply.end();
            });
            expect(await codeOf(thing.readProperty("count"))).to.equal("UNAUTHORIZED");
            expect(server.seenAt("/authn/login")).to.have.length(2);
        });

        it("gives up where there is only a token", async () => {
            await start(true);
            servient.addCredentials({ "urn:token": { token: "over" } });
            server.tokens.add("some other");
            const thing = await consume("urn:token");
            expect(await codeOf(thing.readProperty("count"))).to.equal("UNAUTHORIZED");
            expect(server.seenAt("/authn/login")).to.have.length(0);
        });
    });

    describe("credentials", () => {
        let evil: RawServer;

        afterEach(async () => {
            await (evil as RawServer | undefined)?.stop();
        });

        function nothingWasShown(): void {
            expect(evil.seen).to.not.be.empty;
            expect(evil.seenAt("/authn/login")).to.have.length(0);
            for (const { headers, body } of evil.seen) {
                expect(headers).to.not.have.any.keys("authorization", "clientid");
                expect(body).to.not.include("secret");
            }
        }

        it("go to no other host for the same Thing id", async () => {
            const thing = await start(true);
            await thing.readProperty("count");
            evil = await RawServer.start({ tls });
            await (await consume("urn:counter", evil)).readProperty("count");
            nothingWasShown();
            await (await consume()).readProperty("count");
            expect(server.seenAt("/authn/login")).to.have.length(1);
        });

        it("go to no other host by another form of the same TD, whatever Thing id that form says", async () => {
            await start(true);
            evil = await RawServer.start({ tls });
            const td = JSON.parse(JSON.stringify(counterTd(server, "sse")));
            td["properties"].count.forms[0].href = `sse://${evil.authority}/hiveot/request`;
            td["properties"].count.forms[0]["hiveot:thingID"] = "urn:somebody-else";
            const thing = await wot.consume(td as never);
            await thing.invokeAction("increment", 1);
            await thing.readProperty("count");
            nothingWasShown();
        });

        it("go to another host that the configuration names", async () => {
            evil = await RawServer.start({ tls });
            const other = { username: "bob", password: "secret" };
            const thing = await start(true, { credentials: { [`sse://${evil.authority}`]: other } });
            await thing.readProperty("count");
            await (await consume("urn:counter", evil)).readProperty("count");
            expect(evil.seenAt("/hiveot/ssesc")[0]?.headers["clientid"]).to.equal("bob");
        });

        it("never travel readably over a network", async () => {
            // 0.0.0.0 leads to this machine without being a loopback address.
            const thing = await start(false);
            await (await consume("urn:counter", { authority: `0.0.0.0:${String(server.port)}` })).readProperty("count");
            expect(server.seenAt("/authn/login")).to.have.length(0);
            expect(server.seenAt("/hiveot/request")[0]?.headers).to.not.have.any.keys("authorization", "clientid");
            await thing.readProperty("count");
            expect(server.seenAt("/authn/login")).to.have.length(1);
        });

        it("never go to the log-in address that a TD names", async () => {
            await start(true);
            evil = await RawServer.start({ tls });
            const td = JSON.parse(JSON.stringify(counterTd(server, "sse"))) as Record<string, unknown>;
            td["securityDefinitions"] = { bearer: { scheme: "bearer", authorization: `${evil.origin}/authn/login` } };
            await (await wot.consume(td as never)).readProperty("count");
            expect(evil.seen).to.have.length(0);
            expect(server.seenAt("/authn/login")).to.have.length(1);
        });

        it("are remembered for clients that node-wot makes without them", async () => {
            const thing = await start(true);
            await thing.readProperty("count");
            await thing.readProperty("count", { formIndex: 0 });
            const form = thing.getThingDescription()["properties"]?.["count"]?.forms[0] as never;
            await factory.getClient().readResource(form);
            expect(server.opened).to.equal(1);
        });

        it("are not used where the TD says nosec", async () => {
            await start(true);
            const td = {
                ...counterTd(server, "sse"),
                securityDefinitions: { none: { scheme: "nosec" } },
                security: ["none"],
            };
            await (await wot.consume(td as never)).readProperty("count");
            expect(server.seen.map(({ path }) => path)).to.deep.equal(["/hiveot/ssesc", "/hiveot/request"]);
            for (const { headers } of server.seen) expect(headers).to.not.have.any.keys("authorization", "clientid");
        });
    });

    describe("values", () => {
        it("of text and binary media types travel as strings", async () => {
            const thing = await start(true);
            const form = thing.getThingDescription()["properties"]?.["count"]?.forms[0] as object;
            const client = factory.getClient();
            server.answer = () => ({ output: "grüße" });
            const text = await client.readResource({ ...form, contentType: "text/plain" } as never);
            expect([text.type, (await text.toBuffer()).toString()]).to.deep.equal(["text/plain", "grüße"]);
            server.answer = () => ({ output: Buffer.from([0, 255, 1]).toString("base64") });
            const binary = await client.readResource({ ...form, response: { contentType: "image/png" } } as never);
            expect([binary.type, [...(await binary.toBuffer())]]).to.deep.equal(["image/png", [0, 255, 1]]);
        });

        it("of uriVariables go into the query of the POST", async () => {
            await start(true);
            const td = JSON.parse(JSON.stringify(counterTd(server, "sse")));
            td["properties"].count.uriVariables = { step: { type: "integer" }, unit: { type: "string" } };
            td["properties"].count.forms[0].href = `sse://${server.authority}/hiveot/request{?step,unit}`;
            const thing = await wot.consume(td as never);
            await thing.readProperty("count", { uriVariables: { step: 2, unit: "°C" } });
            const [, query] = server.seenAt("readproperty")[0]?.path.split("?") ?? [];
            expect(Object.fromEntries(new URLSearchParams(query))).to.deep.equal({ step: "2", unit: "°C" });
        });

        it("that nobody asked for, or that are no messages, do no harm", async () => {
            const thing = await start(true);
            await thing.readProperty("count");
            for (const block of [
                "event: response\ndata: {\n\n",
                "event: response\ndata: 5\n\n",
                'event: response\ndata: {"operation":"readproperty","correlationID":"nobody"}\n\n',
                'event: notification\ndata: {"affordanceType":"x"}\n\n',
                `event: notification\ndata: ${"[".repeat(100_000)}\n\n`,
                "event: nonsense\ndata: {}\n\n",
                "data: {}\n\n",
                "id: 5\n\n",
                ": comment\n\n",
                "\u0000\u0001\n\n",
                'event: request\ndata: {"operation":"readproperty","thingID":"x","correlationID":"1"}\n\n',
            ]) {
                server.push(block);
            }
            await thing.readProperty("count");
            expect(server.opened).to.equal(1);
        });

        it("that a listener throws at do not keep others from hearing", async () => {
            const thing = await start(true);
            const twin = await consume();
            const heard = new Heard<unknown>();
            await thing.subscribeEvent("overflow", () => {
                throw new Error("listener");
            });
            await twin.subscribeEvent("overflow", heard.hear);
            server.notify("urn:counter", "overflow", 1);
            server.notify("urn:counter", "overflow", 2);
            expect(await heard.count(2)).to.deep.equal([1, 2]);
        });
    });

    describe("a form without the ids", () => {
        it("fails with a hint at normalizeThingDescription", async () => {
            await start(true);
            const td = JSON.parse(JSON.stringify(counterTd(server, "sse")));
            delete td["properties"].count.forms[0]["hiveot:thingID"];
            const error = await failure((await wot.consume(td as never)).readProperty("count"));
            expect(error.code).to.equal("INVALID_TD");
            expect(error.message).to.include("hiveot:thingID").and.include("normalizeThingDescription");
            expect(server.seen).to.have.length(0);
        });
    });

    describe("peerFor", () => {
        it("shares the connection and the credentials of the Thing", async () => {
            const thing = await start(true);
            const peer = factory.peerFor(thing);
            server.answer = ({ operation }) => ({ output: operation === "ping" ? "pong" : 1 });
            await peer.ping();
            await thing.readProperty("count");
            expect(server.seenAt("/hiveot/ssesc").map(({ headers }) => headers["clientid"])).to.deep.equal(["alice"]);
            expect(factory.peerFor(thing.getThingDescription()), "by TD").to.equal(peer);
        });

        it("reports progress", async () => {
            const thing = await start(true);
            server.answer = ({ correlationID }) => {
                const value = { status: "running", output: 50 };
                server.notify("urn:counter", "increment", value, "action", { correlationID });
                return { output: 100 };
            };
            const progress: unknown[] = [];
            const output = await factory.peerFor(thing).invokeAction("urn:counter", "increment", 1, {
                onProgress: (value) => progress.push(value),
            });
            expect([progress, output]).to.deep.equal([[50], 100]);
        });

        it("leads to a Thing that has only a form at its root, too", async () => {
            await start(true);
            const td = { ...counterTd(server, "sse"), properties: {}, actions: {}, events: {} };
            const forms = [
                { href: `sse://${server.authority}/hiveot/request`, subprotocol: "sse-sc", op: ["readallproperties"] },
            ];
            server.answer = () => ({ output: {} });
            expect(await factory.peerFor({ ...td, forms }).readAllProperties("urn:counter")).to.deep.equal({});
        });

        it("throws INVALID_TD where no form is for the factory", async () => {
            await start(true);
            const description = counterTd(server, "sse-plain");
            expect(() => factory.peerFor(description))
                .to.throw(SseScError)
                .with.property("code", "INVALID_TD");
        });
    });

    describe("requestThingDescription", () => {
        function serve(td: unknown, status = 200, headers: Record<string, string> = {}): void {
            server.handlers.set("GET /.well-known/wot", (_, reply) => {
                reply.writeHead(status, headers);
                reply.end(typeof td === "string" ? td : JSON.stringify(td));
            });
        }

        function request(): Promise<object> {
            return wot.requestThingDescription(`${factory.scheme}://${server.authority}/.well-known/wot`);
        }

        it("makes what it fetches consumable, and leaves no connection behind", async () => {
            await start(true);
            const form = { href: "/hiveot/request", subprotocol: "sse-sc", op: ["readevent"] };
            serve({
                "@context": "https://www.w3.org/2022/wot/td/v1.1",
                id: "urn:counter",
                title: "Foreign",
                base: `sse://${server.authority}/hiveot/ssesc`,
                securityDefinitions: { bearer: { scheme: "bearer" } },
                security: "bearer",
                properties: { count: { type: "integer", forms: [form] } },
            });
            const td = await request();
            expect(server.seen[0]?.headers).to.include({ accept: "application/td+json, application/json;q=0.9" });
            expect(server.seen[0]?.headers).to.not.have.any.keys("authorization", "clientid", "cid");
            while (server.openSockets > 0) await new Promise((resolve) => setImmediate(resolve));
            server.answer = () => ({ output: 3 });
            const thing = await wot.consume(td as never);
            expect(await (await thing.readProperty("count")).value()).to.equal(3);
        });

        it("shows the credentials that the configuration has for the origin, after a log-in", async () => {
            await start(true);
            await servient.shutdown();
            servient = new Servient();
            factory = new SseScClientFactory({ caCert: tls.cert, credentials: { [server.origin]: ACCOUNT } });
            servient.addClientFactory(factory);
            wot = await servient.start();
            serve(counterTd(server, "sse"));
            const thing = await wot.consume((await request()) as never);
            expect(server.seenAt("/.well-known/wot")[0]?.headers["authorization"]).to.equal("bearer token-alice-1");
            expect(server.connections, "log-in and TD over one connection").to.equal(1);
            await thing.readProperty("count");
            expect(server.seenAt("/authn/login"), "the token serves for both").to.have.length(1);
        });

        const REFUSALS: readonly (readonly [string, number, string, string])[] = [
            ["401", 401, "", "UNAUTHORIZED"],
            ["404", 404, "", "NOT_FOUND"],
            ["500", 500, "", "PEER_FAILED"],
            ["a redirect", 302, "", "PEER_FAILED"],
            ["no JSON", 200, "<html>", "INVALID_TD"],
            ["JSON that is too deep", 200, "[".repeat(1_000), "INVALID_TD"],
            ["no TD", 200, "[]", "INVALID_TD"],
        ];
        for (const [what, status, body, code] of REFUSALS) {
            it(`fails with ${code} when the answer is ${what}`, async () => {
                await start(false);
                serve(body, status, { location: `http://127.0.0.1:${String(server.port)}/elsewhere` });
                expect(await codeOf(request())).to.equal(code);
                expect(server.seen).to.have.length(1);
            });
        }

        it("takes no address of another scheme", async () => {
            await start(true);
            expect(await codeOf(factory.getClient().requestThingDescription("https://h/td"))).to.equal("INVALID_TD");
        });
    });
});
