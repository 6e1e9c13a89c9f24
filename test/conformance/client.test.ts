/**
 * Our client against a server that plays literal bytes: what the reference sent when it was recorded, and what else a stream may
 * hold. The server shares no code with the product.
 */
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { once } from "node:events";
import { SseScClientFactory, SseScPlainClientFactory } from "../../src/index";
import { certificate, expiredCertificate, otherHostCertificate, type TestCertificate } from "../support/certificates";
import { type Transport, TRANSPORTS } from "../support/set-ups";
import { Inbox } from "./consumers";
import type { Envelope } from "./raw/event-stream";
import { type Exchange, fixture, readRecording } from "./raw/recordings";
import { on, ScriptedServer, type ScriptedReply, type SeenRequest } from "./raw/scripted-server";
import { req } from "./requirements";
import { failure } from "../support/failures";

const OPERATIONS = readRecording("hivekit-2026-08/consumer-operations.jsonl");
const ERRORS = readRecording("hivekit-2026-08/consumer-errors.jsonl");
const AUTH = readRecording("hivekit-2026-08/auth.jsonl");

/** Log-in and stream as recorded, and everything that the recorded consumer did. */
const SCRIPT: readonly Exchange[] = [...AUTH.slice(0, 1), ...OPERATIONS, ...ERRORS.slice(1)];
const [STREAM] = OPERATIONS;
const READ = OPERATIONS.find(({ envelope }) => envelope?.["operation"] === "readproperty");
const UNAUTHORIZED = AUTH.find(({ reply }) => reply.status === 401);
if (STREAM === undefined || READ === undefined || UNAUTHORIZED === undefined) throw new Error("Recordings are missing");

const ID = "urn:counter";
const ACCOUNT = { username: "admin1", password: "secret" } as const;
const TD_PATH = "/.well-known/wot";

/** A token that anybody can read, and one that nobody can. */
const JWT = ['{"alg":"ES256"}', JSON.stringify({ sub: "admin1", exp: 4102444800 }), "signature"]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");
const OPAQUE = "v9.local.opaque-token";

const ACCEPTED: ScriptedReply = { status: 201, headers: { "content-length": "0" } };

function schemeOf(transport: Transport): "sse" | "sse-plain" {
    return transport === "plain h1" ? "sse-plain" : "sse";
}

/** A recorded TD as `server` would have it. */
function recordedTd(server: ScriptedServer, transport: Transport, name = "server-counter.td.json"): string {
    return fixture(`hivekit-2026-08/${name}`)
        .replaceAll(/sse:\/\/localhost:\d+/g, `${schemeOf(transport)}://${server.authority}`)
        .replaceAll(/https:\/\/localhost:\d+/g, server.origin);
}

interface Options {
    readonly transport?: Transport;
    readonly token?: string;
    /** What the servient knows of the Thing. */
    readonly credentials?: Readonly<Record<string, string>>;
    readonly script?: readonly Exchange[];
    /** The TD to serve; default: the recorded counter. */
    readonly td?: (server: ScriptedServer) => string;
    readonly certificate?: TestCertificate;
    /** Rules of the server, set before the client comes. */
    readonly rules?: (server: ScriptedServer) => void;
}

type Factory = SseScClientFactory | SseScPlainClientFactory;

/** A servient that has consumed the Thing of a scripted server. */
interface World {
    readonly server: ScriptedServer;
    readonly servient: Servient;
    readonly wot: typeof WoT;
    readonly factory: Factory;
    readonly thing: WoT.ConsumedThing;
    readonly peer: ReturnType<Factory["peerFor"]>;
}

async function read(thing: WoT.ConsumedThing, name = "count"): Promise<unknown> {
    return await (await thing.readProperty(name)).value();
}

/** A listener that puts the values it hears into `inbox`. */
function into(inbox: Inbox<unknown>): WoT.WotListener {
    return (output) => {
        void output.value().then((value) => {
            inbox.push(value);
        });
    };
}

function isOperation(operation: string): (request: SeenRequest) => boolean {
    return ({ envelope }) => envelope?.["operation"] === operation;
}

/** A block that answers `request` with `members`. */
function responseTo({ envelope = {} }: SeenRequest, members: Envelope): string {
    const { operation, thingID, name, correlationID } = envelope;
    const response = {
        messageType: "response",
        operation,
        thingID,
        name,
        correlationID,
        status: "completed",
        ...members,
    };
    return `event: response\ndata: ${JSON.stringify(response)}\n\n`;
}

describe("client", () => {
    const running: { servers: ScriptedServer[]; servients: Servient[] } = { servers: [], servients: [] };

    afterEach(async () => {
        await Promise.all(running.servients.splice(0).map((servient) => servient.shutdown()));
        await Promise.all(running.servers.splice(0).map((server) => server.stop()));
    });

    async function serve(options: Options = {}): Promise<ScriptedServer> {
        const { transport = "TLS h2", token = OPAQUE, script = SCRIPT, td, rules } = options;
        const server = await ScriptedServer.start({
            tls: transport === "plain h1" ? undefined : (options.certificate ?? (await certificate())),
            http1Only: transport === "TLS h1",
            script,
            token,
        });
        running.servers.push(server);
        const text = td?.(server) ?? recordedTd(server, transport);
        server.when(
            on("GET", TD_PATH, () => ({ status: 200, headers: { "content-type": "application/td+json" }, body: text }))
        );
        rules?.(server);
        return server;
    }

    async function servientFor(transport: Transport): Promise<Pick<World, "servient" | "factory" | "wot">> {
        const servient = new Servient();
        running.servients.push(servient);
        const reconnect = { min: 1, max: 10 };
        const factory =
            transport === "plain h1"
                ? new SseScPlainClientFactory({ reconnect })
                : new SseScClientFactory({ reconnect, caCert: (await certificate()).cert });
        servient.addClientFactory(factory);
        return { servient, factory, wot: await servient.start() };
    }

    async function consume(options: Options = {}): Promise<World> {
        const { transport = "TLS h2", credentials = ACCOUNT } = options;
        const server = await serve(options);
        const consumer = await servientFor(transport);
        const url = `${schemeOf(transport)}://${server.authority}${TD_PATH}`;
        const td = await consumer.wot.requestThingDescription(url);
        consumer.servient.addCredentials({ [td.id ?? ""]: credentials });
        const thing = await consumer.wot.consume(td);
        return { ...consumer, server, thing, peer: consumer.factory.peerFor(thing) };
    }

    for (const transport of TRANSPORTS) {
        for (const { id, token } of [
            { id: "CLIENT-opaque-token", token: OPAQUE },
            { id: "CLIENT-jwt", token: JWT },
        ]) {
            req(
                [id, "CLIENT-operations", "CLIENT-content-encoding"],
                `does every recorded operation over ${transport} with the token ${token.slice(0, 8)}…`,
                async () => {
                    const { server, peer } = await consume({ transport, token });
                    for (const { envelope = {}, blocks } of OPERATIONS.slice(1)) {
                        const { operation, thingID, name, input } = envelope as Record<string, string | undefined>;
                        const answer = peer.request({
                            operation: operation ?? "",
                            ...(thingID === undefined ? {} : { thingId: thingID }),
                            ...(name === undefined ? {} : { name }),
                            ...(input === undefined ? {} : { input }),
                        });
                        const recorded = JSON.parse(blocks.at(-1)?.split("data: ")[1] ?? "") as Envelope;
                        expect(recorded["operation"]).to.equal(operation);
                        if (recorded["status"] === "failed") {
                            expect((await failure(answer)).problem).to.deep.equal(recorded["error"]);
                        } else {
                            expect(essence((await answer).output)).to.deep.equal(essence(recorded["output"]));
                        }
                        const sent = server.seen.at(-1)?.envelope;
                        expect(withoutIds(sent)).to.deep.equal(withoutIds(envelope));
                    }
                    expect(server.unmatched).to.deep.equal([]);
                    expect(STREAM.reply.headers).to.include({ "content-encoding": "none" });
                    const posts = server.seen.filter(({ path }) => path === "/hiveot/request");
                    expect(posts).to.have.length(28);
                    for (const { headers } of posts) expect(headers.authorization).to.equal(`bearer ${token}`);
                }
            );
        }

        req(["CLIENT-headers", "CLIENT-login", "CLIENT-http1"], `shows who it is over ${transport}`, async () => {
            const { server, thing } = await consume({ transport });
            expect(await read(thing)).to.equal(3);
            const login = await server.request(({ path }) => path === "/authn/login");
            expect(JSON.parse(login.body)).to.deep.equal(ACCOUNT);
            const stream = await server.request(({ path }) => path === "/hiveot/ssesc");
            const post = await server.request(({ path }) => path === "/hiveot/request");
            expect(stream.headers["cid"]).to.be.a("string").and.not.equal("");
            for (const { headers, httpVersion } of [stream, post]) {
                expect(headers).to.include({
                    authorization: `bearer ${OPAQUE}`,
                    clientid: ACCOUNT.username,
                    cid: stream.headers["cid"],
                });
                expect(httpVersion).to.equal(transport === "TLS h2" ? "2.0" : "1.1");
            }
            expect(stream.headers.accept).to.contain("text/event-stream");
        });

        req("CLIENT-one-connection", `uses one stream for all Things over ${transport}`, async () => {
            const { server, servient, wot, thing } = await consume({ transport });
            const other = recordedTd(server, transport).replaceAll(ID, "urn:other");
            servient.addCredentials({ "urn:other": ACCOUNT });
            const td = JSON.parse(other) as WoT.ThingDescription;
            server.when(on("GET", "/other", () => ({ status: 200, body: JSON.stringify(td) })));
            const url = `${schemeOf(transport)}://${server.authority}/other`;
            const second = await wot.consume(await wot.requestThingDescription(url));
            server.when((request) =>
                request.envelope?.["thingID"] === "urn:other"
                    ? { ...ACCEPTED, blocks: [responseTo(request, { output: 44 })] }
                    : undefined
            );
            const values = await Promise.all([read(thing), read(second), read(thing), read(second)]);
            expect(values).to.deep.equal([3, 44, 3, 44]);
            expect(server.streams).to.have.length(1);
            expect(server.seen.filter(({ path }) => path === "/authn/login")).to.have.length(1);
            const posts = server.seen.filter(({ path }) => path === "/hiveot/request");
            const connections = new Set(posts.map(({ connection }) => connection));
            connections.add(server.streams[0]?.request.connection ?? 0);
            if (transport === "TLS h2") expect(connections.size).to.equal(1);
        });

        req(
            ["CLIENT-reconnect", "STREAM-new-cid"],
            `opens the stream again, and subscribes again, over ${transport}`,
            async () => {
                const { server, thing } = await consume({ transport });
                const heard = new Inbox<unknown>();
                await thing.subscribeEvent("overflow", into(heard));
                server.endStream();
                await server.stream(2);
                await server.request(
                    (request) =>
                        isOperation("subscribeevent")(request) &&
                        server.seen.filter(isOperation("subscribeevent")).length === 2
                );
                const [overflow] = OPERATIONS.flatMap(({ blocks }) => blocks).filter((raw) =>
                    raw.includes('"overflow","sender')
                );
                server.send(overflow ?? "");
                expect(await heard.next(3000)).to.equal(106);
                expect(await read(thing)).to.equal(3);
            }
        );
    }

    describe("on the stream", () => {
        const text = "first\nsecond: €\r\n";
        /** What the response to a read may look like; `raw` is one block with LF line ends. */
        const shapes: readonly { id: string; title: string; shape: (raw: string) => readonly (string | Buffer)[] }[] = [
            {
                id: "CLIENT-comments",
                title: "skips comments, on their own and inside a block",
                shape: (raw) => [":\n\n: hello\n\n", raw.replace("data:", ": inside\ndata:")],
            },
            {
                id: "CLIENT-id-retry",
                title: "takes id and retry, with data and without",
                shape: (raw) => ["id: 5\nretry: 1\n\n", `id: 6\nretry: 1\n${raw}`, "id\n\nretry: x\n\n"],
            },
            { id: "CLIENT-crlf", title: "takes CRLF", shape: (raw) => [raw.replaceAll("\n", "\r\n")] },
            {
                id: "CLIENT-multi-line",
                title: "joins several data lines",
                shape: (raw) => [raw.replaceAll(',"', ',\ndata: "')],
            },
            {
                id: "CLIENT-repeated-ping",
                title: "takes a second sse-ping",
                shape: (raw) => ["event: sse-ping\ndata: \n\n", raw, "event: sse-ping\ndata:\n\n"],
            },
            {
                id: "CLIENT-unknown-event",
                title: "skips what it does not know",
                shape: (raw) => [
                    "event: unknown\ndata: {}\n\n",
                    "data: no event name\n\n",
                    "event: response\n\n",
                    "event: response\ndata: {nojson\n\n",
                    "event: response\ndata: []\n\n",
                    "event: notification\ndata: {}\n\n",
                    "unknown: field\n\n",
                    raw,
                ],
            },
            {
                id: "CLIENT-split",
                title: "takes a block in single bytes",
                shape: (raw) => [...Buffer.from(raw)].map((byte) => Buffer.from([byte])),
            },
            {
                id: "CLIENT-filled-consumer",
                title: "takes a filled consumerID, unknown members and short times",
                shape: (raw) => [
                    raw.replace(
                        '"status"',
                        '"consumerID":"admin1","senderID":"agent1","timestamp":"2026-11-20T23:32:49.2Z","future":{"a":[1]},"status"'
                    ),
                ],
            },
        ];
        for (const { id, title, shape } of shapes) {
            for (const transport of ["TLS h2", "plain h1"] as const) {
                req(id, `${title} over ${transport}`, async () => {
                    const { server, peer } = await consume({ transport });
                    server.when(
                        on(
                            "POST",
                            "/hiveot/request",
                            (request) => {
                                for (const piece of shape(responseTo(request, { output: text }))) server.send(piece);
                                return ACCEPTED;
                            },
                            "readproperty"
                        )
                    );
                    expect(await peer.readProperty(ID, "count")).to.equal(text);
                    expect(await peer.readProperty(ID, "count")).to.equal(text);
                    await peer.ping();
                    expect(server.streams).to.have.length(1);
                });
            }
        }

        req("CLIENT-early", "takes a response ahead of the reply to its POST", async () => {
            const { server, thing } = await consume();
            server.when((request) =>
                isOperation("readproperty")(request) ? { ...server.play(READ, request), blocksFirst: true } : undefined
            );
            expect(await read(thing)).to.equal(3);
        });

        req("CLIENT-early", "needs no reply to the POST to take the response", async () => {
            const { server, thing } = await consume();
            server.when((request) =>
                isOperation("readproperty")(request) ? { ...server.play(READ, request), hang: true } : undefined
            );
            expect(await read(thing)).to.equal(3);
        });

        req(["CLIENT-reordered", "CLIENT-unique-ids"], "finds the request of each response", async () => {
            const { server, peer } = await consume();
            const waiting: SeenRequest[] = [];
            server.when((request) => {
                if (!isOperation("invokeaction")(request)) return undefined;
                waiting.push(request);
                return ACCEPTED;
            });
            const inputs = Array.from({ length: 20 }, (_each, n) => n);
            const outputs = Promise.all(inputs.map((input) => peer.invokeAction(ID, "increment", input)));
            await server.request(() => waiting.length === inputs.length);
            for (const request of waiting.toReversed()) {
                server.send(responseTo(request, { output: Number(request.envelope?.["input"]) * 2 }));
            }
            expect(await outputs).to.deep.equal(inputs.map((input) => input * 2));
            for (const id of ["correlationID", "messageID"]) {
                const ids = new Set(waiting.map(({ envelope }) => envelope?.[id]));
                expect(ids).to.have.property("size", inputs.length);
                for (const each of ids)
                    expect(each)
                        .to.be.a("string")
                        .and.match(/^[A-Za-z0-9_-]+$/);
            }
        });

        req("CLIENT-progress-without-id", "hands on progress that has no correlation id", async () => {
            const { server, peer } = await consume();
            const progress: unknown[] = [];
            const options = { onProgress: (value: unknown) => progress.push(value) };
            expect(await peer.invokeAction(ID, "slow", 7, options)).to.equal(7);
            expect(progress).to.deep.equal([50]);
            expect(server.unmatched).to.deep.equal([]);
        });
    });

    describe("through the Scripting API", () => {
        req(["CLIENT-operations", "CLIENT-foreign-td"], "reads, writes, invokes, observes and subscribes", async () => {
            const { server, thing } = await consume();
            expect(await read(thing)).to.equal(3);
            const heard = new Inbox<unknown>();
            const observation = await thing.observeProperty("count", into(heard));
            await thing.writeProperty("count", 3);
            expect(await heard.next(3000)).to.equal(3);
            const output = await thing.invokeAction("increment", 2);
            expect(await output?.value()).to.equal(6);
            expect(await heard.next(3000)).to.equal(6);
            await observation.stop();
            const subscription = await thing.subscribeEvent("overflow", into(heard));
            const overflow = await thing.invokeAction("increment", 100);
            expect(await overflow?.value()).to.equal(0);
            expect(await heard.next(3000)).to.equal(106);
            await subscription.stop();
            await server.request(isOperation("unsubscribeevent"));
            expect(server.unmatched).to.deep.equal([]);
        });

        for (const name of [
            "server-counter.td.json",
            "server-itself.td.json",
            "gateway-digitwin-counter.td.json",
            "gateway-plain-counter.td.json",
            "gateway-directory.td.json",
        ]) {
            req("CLIENT-foreign-td", `consumes ${name}`, async () => {
                const { thing } = await consume({ td: (server) => recordedTd(server, "TLS h2", name) });
                const { id } = JSON.parse(fixture(`hivekit-2026-08/${name}`)) as { id: string };
                const td = thing.getThingDescription();
                // An id that is no URI would fail node-wot's validation; it stands beside.
                expect(td.id ?? (td as Envelope)["hiveot:thingID"]).to.equal(id);
                const kinds = [td.properties, td.actions, td.events] as (
                    Record<string, { forms: Envelope[] }> | undefined
                )[];
                for (const { forms } of kinds.flatMap((each) => Object.values(each ?? {}))) {
                    expect(forms[0]).to.include({ subprotocol: "sse-sc", "hiveot:thingID": id });
                    expect(forms[0]?.["href"]).to.match(/^sse:\/\/127\.0\.0\.1:\d+\/hiveot\/request/);
                }
            });
        }

        req("CLIENT-form-members", "asks for what a form of ours says", async () => {
            const { server, thing } = await consume({
                td: (scripted) =>
                    JSON.stringify({
                        "@context": "https://www.w3.org/2022/wot/td/v1.1",
                        id: "urn:ours",
                        title: "Ours",
                        security: "bearer",
                        securityDefinitions: { bearer: { scheme: "bearer", in: "header", name: "authorization" } },
                        properties: {
                            shown: {
                                type: "integer",
                                uriVariables: { unit: { type: "string" } },
                                forms: [
                                    {
                                        href: `sse://${scripted.authority}/hiveot/request{?unit}`,
                                        subprotocol: "sse-sc",
                                        op: ["readproperty"],
                                        "hiveot:thingID": "dtw:a:b",
                                        "hiveot:name": "real",
                                        "hiveot:stream": "/elsewhere/stream",
                                    },
                                ],
                            },
                        },
                    }),
                rules: (scripted) => {
                    scripted.when(on("GET", "/elsewhere/stream", (request) => scripted.play(STREAM, request)));
                    scripted.when((request) =>
                        request.path.startsWith("/hiveot/request")
                            ? { ...ACCEPTED, blocks: [responseTo(request, { output: 9 })] }
                            : undefined
                    );
                },
            });
            const output = await thing.readProperty("shown", { uriVariables: { unit: "°C" } });
            expect(await output.value()).to.equal(9);
            expect(server.streams[0]?.request.path).to.equal("/elsewhere/stream");
            const post = await server.request(isOperation("readproperty"));
            expect(post.path).to.equal("/hiveot/request?unit=%C2%B0C");
            expect(post.envelope).to.include({ thingID: "dtw:a:b", name: "real" });
        });
    });

    describe("when something goes wrong", () => {
        for (const { envelope = {}, blocks } of ERRORS.slice(1).filter((each) => each.blocks.length > 0)) {
            const { operation, thingID, name, input } = envelope as Record<string, string>;
            req("CLIENT-errors", `${operation ?? ""} ${thingID ?? ""} ${name ?? ""}: rejects as recorded`, async () => {
                const { peer } = await consume();
                const recorded = JSON.parse(blocks[0]?.split("data: ")[1] ?? "") as { error: Envelope };
                const error = await failure(
                    peer.request({ operation: operation ?? "", thingId: thingID ?? "", name: name ?? "", input })
                );
                expect(error).to.include({ code: "PEER_FAILED", status: 400, title: recorded.error["title"] });
                expect(error.problem).to.deep.equal(recorded.error);
            });
        }

        for (const status of [200, 201, 202, 204]) {
            req("CLIENT-any-2xx", `takes ${String(status)} as success of a POST`, async () => {
                const { server, thing } = await consume();
                server.when((request) =>
                    isOperation("readproperty")(request) ? { ...server.play(READ, request), status } : undefined
                );
                expect(await read(thing)).to.equal(3);
            });
        }

        req("CLIENT-relogin", "logs in again after a 401, once for all who met it", async () => {
            const { server, thing } = await consume({
                rules: (scripted) => {
                    scripted.when((request) =>
                        request.path.startsWith("/hiveot/") &&
                        request.headers.authorization !== `bearer ${scripted.token}`
                            ? scripted.play(UNAUTHORIZED, request)
                            : undefined
                    );
                },
            });
            expect(await read(thing)).to.equal(3);
            server.token = "opaque-token-2";
            expect(await Promise.all([read(thing), read(thing)])).to.deep.equal([3, 3]);
            expect(server.seen.filter(({ path }) => path === "/authn/login")).to.have.length(2);
        });

        req("CLIENT-relogin-fails", "gives up when the password is not taken", async () => {
            const { server, thing } = await consume({
                rules: (scripted) => {
                    const refusal = AUTH.find(({ path, reply }) => path === "/authn/login" && reply.status === 401);
                    scripted.when((request) =>
                        request.path === "/authn/login" && refusal !== undefined
                            ? scripted.play(refusal, request)
                            : undefined
                    );
                },
            });
            const error = await failure(read(thing));
            expect(error.code).to.be.oneOf(["UNAUTHORIZED", "INVALID_CREDENTIALS"]);
            expect(error.status).to.equal(401);
            expect(server.seen.filter(({ path }) => path === "/authn/login")).to.have.length(1);
            expect(server.streams).to.deep.equal([]);
        });

        req("CLIENT-given-token", "with a token in place of a password never logs in", async () => {
            const { server, thing } = await consume({ credentials: { token: JWT }, token: JWT });
            expect(await read(thing)).to.equal(3);
            const post = await server.request(({ path }) => path === "/hiveot/request");
            expect(post.headers).to.include({ authorization: `bearer ${JWT}`, clientid: "admin1" });
            server.when((request) =>
                request.path === "/hiveot/request" ? server.play(UNAUTHORIZED, request) : undefined
            );
            expect(await failure(read(thing))).to.include({ code: "UNAUTHORIZED", status: 401 });
            expect(server.seen.filter(({ path }) => path.startsWith("/authn/"))).to.deep.equal([]);
        });

        req("CLIENT-lost-requests", "repeats what is safe when the stream drops, and fails the rest", async () => {
            const { server, peer } = await consume();
            let silent = true;
            server.when((request) => (silent && request.path === "/hiveot/request" ? ACCEPTED : undefined));
            const reading = peer.readProperty(ID, "count");
            const failures = Promise.all([
                failure(peer.invokeAction(ID, "increment", 1)),
                failure(peer.writeProperty(ID, "count", 1)),
            ]);
            await server.request(() => server.seen.filter(({ path }) => path === "/hiveot/request").length === 3);
            silent = false;
            server.cut();
            expect((await failures).map(({ code }) => code)).to.deep.equal(["OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"]);
            expect(await reading).to.equal(3);
            expect(server.seen.filter(isOperation("invokeaction"))).to.have.length(1);
        });

        req("CLIENT-destroy", "closes its stream when the servient shuts down", async () => {
            const { server, servient, thing } = await consume();
            await thing.subscribeEvent("overflow", () => undefined);
            const { response } = await server.stream();
            const closed = once(response, "close");
            await servient.shutdown();
            running.servients.splice(running.servients.indexOf(servient), 1);
            await closed;
            const seen = server.seen.length;
            const error = await failure(read(thing));
            expect(error.code).to.be.oneOf(["ALREADY_CLOSED", "CONNECTION_LOST"]);
            expect(server.seen).to.have.length(seen);
        });

        req("CLIENT-foreign-origin", "shows credentials to no other origin", async () => {
            const { server, wot, thing } = await consume();
            expect(await read(thing)).to.equal(3);
            const other = await serve();
            const td = await wot.requestThingDescription(`sse://${other.authority}${TD_PATH}`);
            expect(td.id).to.equal(ID);
            const misled = await wot.consume(td);
            await read(misled).catch(() => undefined);
            const text = JSON.stringify(other.seen);
            for (const secret of [ACCOUNT.password, OPAQUE]) expect(text).not.to.contain(secret);
            expect(JSON.stringify(server.seen)).to.contain(ACCOUNT.password);
        });

        for (const [title, make] of [
            ["for another host", otherHostCertificate],
            ["that has expired", expiredCertificate],
        ] as const) {
            req("CLIENT-untrusted", `sends nothing to a server with a certificate ${title}`, async () => {
                const made = await make();
                const server = await serve({ certificate: made });
                const servient = new Servient();
                running.servients.push(servient);
                servient.addClientFactory(new SseScClientFactory({ caCert: made.cert }));
                const wot = await servient.start();
                const error = await failure(wot.requestThingDescription(`sse://${server.authority}${TD_PATH}`));
                expect(error.code).to.equal("CONNECT_FAILED");
                expect(server.seen).to.deep.equal([]);
            });
        }

        req("CLIENT-untrusted", "sends nothing to a server whose certificate it was not told to trust", async () => {
            const server = await serve();
            const servient = new Servient();
            running.servients.push(servient);
            servient.addClientFactory(new SseScClientFactory({}));
            const wot = await servient.start();
            const error = await failure(wot.requestThingDescription(`sse://${server.authority}${TD_PATH}`));
            expect(error.code).to.equal("CONNECT_FAILED");
            expect(server.seen).to.deep.equal([]);
        });
    });
});

const IDS = ["correlationID", "messageID", "created", "correlationId", "messageId", "timestamp"];

/** A request without what each client makes up anew. */
function withoutIds(envelope: Envelope | undefined): unknown {
    return Object.fromEntries(Object.entries(envelope ?? {}).filter(([name]) => !IDS.includes(name)));
}

/** An output, whether as on the wire or in the neutral model: the same members by the same names, empty ones left out. */
function essence(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(essence);
    const names: Readonly<Record<string, string>> = {
        thingID: "thingId",
        affordanceType: "affordance",
        senderID: "senderId",
        consumerID: "consumerId",
        messageType: "kind",
    };
    return Object.fromEntries(
        Object.entries(value)
            .filter(([name, each]) => !IDS.includes(name) && each !== "" && each !== undefined)
            .map(([name, each]) => [names[name] ?? name, essence(each)])
    );
}
