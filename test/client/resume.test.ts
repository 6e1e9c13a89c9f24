/** A client whose server resumes, and may forget: nothing is lost, nothing is done twice (PROTOCOL.md, "Resume"). */
import { expect } from "chai";
import { connect, type Connection, type ConnectionOptions } from "../../src/index";
import { certificate } from "../support/certificates";
import { eventually } from "../support/eventually";
import { isSecure, TRANSPORTS, type Transport } from "../support/set-ups";
import { RawServer, type RawServerOptions } from "./raw-server";
import { codeOf } from "../support/failures";

const FAST = { reconnect: { min: 1, max: 20 } } satisfies ConnectionOptions;
const POST = "POST /hiveot/request";
const GET = "GET /hiveot/ssesc";

describe("a client of a server that resumes", () => {
    let server: RawServer;
    let connection: Connection;

    afterEach(async () => {
        await connection.close();
        await server.stop();
    });

    async function start(
        transport: Transport,
        options: RawServerOptions = { resumes: true },
        client: ConnectionOptions = {}
    ): Promise<void> {
        const { key, cert } = await certificate();
        const secure = isSecure(transport);
        server = await RawServer.start({ ...options, ...(secure ? { tls: { key, cert } } : {}) });
        const tls = secure ? ({ caCert: cert, httpVersion: transport === "TLS h2" ? 2 : 1 } as const) : {};
        const url = `${secure ? "sse" : "sse-plain"}://${server.authority}`;
        connection = await connect(url, undefined, { ...FAST, ...tls, ...client });
    }

    /** What an event of a Thing said, in the order in which it was heard. */
    async function hear(): Promise<unknown[]> {
        const heard: unknown[] = [];
        await connection.subscribeEvent("t", "e", { onNotification: ({ value }) => heard.push(value) });
        return heard;
    }

    function backs(): { readonly gap: boolean }[] {
        const all: { readonly gap: boolean }[] = [];
        connection.on("connected", (back) => all.push(back));
        return all;
    }

    const gets = (): (string | string[] | undefined)[] =>
        server.seenAt("/hiveot/ssesc").map(({ headers }) => headers["last-event-id"]);

    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            it("asks for it, and names the last frame that came when it comes back", async () => {
                await start(transport);
                const heard = await hear();
                server.notify("t", "e", 1);
                await eventually("heard", () => heard.length === 1);
                const [, id] = /^id: (.*)$/m.exec(server.lastFrame) ?? [];
                server.cut();
                await server.until(() => server.opened === 2);
                expect(gets()).to.deep.equal([undefined, id]);
                const asked = server.seenAt("/hiveot/ssesc").map(({ headers }) => headers["hiveot-features"]);
                expect(asked).to.deep.equal(["resume", "resume"]);
            });

            it("hears what it missed, once and in order, and does not subscribe again", async () => {
                await start(transport);
                const heard = await hear();
                const back = backs();
                server.notify("t", "e", 1);
                await eventually("heard", () => heard.length === 1);
                const again = server.lastFrame;
                server.cut();
                server.notify("t", "e", 2);
                server.notify("t", "e", 3);
                await eventually("back", () => back.length === 1);
                server.push(again); // a frame that it has
                server.notify("t", "e", 4);
                await eventually("all heard", () => heard.includes(4));
                expect(heard).to.deep.equal([1, 2, 3, 4]);
                expect(back).to.deep.equal([{ gap: false }]);
                expect(server.seenAt("subscribeevent")).to.have.length(1);
            });

            it("gets the responses to requests that were open", async () => {
                await start(transport);
                server.answer = () => undefined;
                const asked = Promise.all([
                    connection.readProperty("t", "p"),
                    connection.invokeAction("t", "a", 1),
                    connection.writeProperty("t", "p", 1),
                ]);
                await server.until(() => server.executed.length === 3);
                server.cut();
                server.answer = ({ operation }) => ({ output: operation });
                const [cid] = server.seenAt("/hiveot/request").map(({ headers }) => String(headers["cid"]));
                for (const { body } of server.seenAt("/hiveot/request")) server.respond(body, cid ?? "");
                expect((await asked).slice(0, 2)).to.deep.equal(["readproperty", "invokeaction"]);
                expect(server.executed).to.have.length(3);
            });

            it("sends a POST again that was cut behind its execution, with the same ids, once the stream is back", async () => {
                await start(transport);
                const take = server.handlers.get(POST)!;
                const open = server.handlers.get(GET)!;
                const order: string[] = [];
                server.handlers.set(GET, (seen, reply) => {
                    order.push("stream");
                    open(seen, reply);
                });
                server.handlers.set(POST, ({ body, headers }) => {
                    server.handlers.set(POST, (seen, reply) => {
                        order.push("POST");
                        take(seen, reply);
                    });
                    server.answer = () => undefined; // it does not come by the replay: the repeat is all there is
                    server.execute(body, String(headers["cid"]));
                    server.answer = ({ input }) => ({ output: input });
                    server.cut();
                });
                const asked = connection.invokeAction("t", "a", 7);
                await server.until(() => server.seenAt("invokeaction").length === 2);
                const [first, second] = server.seenAt("invokeaction");
                expect(second?.body).to.equal(first?.body);
                expect(order).to.deep.equal(["stream", "POST"]);
                server.respond(first?.body ?? "", String(first?.headers["cid"]));
                expect(await asked).to.equal(7);
                expect(server.executed).to.have.length(1);
            });

            it("is content with the response that is replayed while the POST is repeated", async () => {
                await start(transport);
                server.handlers.set(POST, ({ body, headers }) => {
                    server.handlers.set(POST, () => undefined); // the repeat is never answered
                    server.execute(body, String(headers["cid"]));
                    server.cut();
                });
                expect(await connection.invokeAction("t", "a", 7)).to.equal(7);
                expect(server.executed).to.have.length(1);
            });

            it("after a gap subscribes again, repeats what is safe, and does not know of the rest", async () => {
                await start(transport);
                const heard = await hear();
                const back = backs();
                server.answer = () => undefined;
                const read = connection.readProperty("t", "p");
                const codes = Promise.all([
                    codeOf(connection.invokeAction("t", "a", 1)),
                    codeOf(connection.writeProperty("t", "p", 1)),
                ]);
                await server.until(() => server.executed.length === 4);
                server.answer = ({ operation }) => ({ output: operation });
                server.forget();
                server.cut();
                expect(await read).to.equal("readproperty");
                expect(await codes).to.deep.equal(["OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN"]);
                await eventually("back", () => back.length === 1);
                server.notify("t", "e", 1);
                await eventually("heard", () => heard.length === 1);
                expect(back).to.deep.equal([{ gap: true }]);
                const reads = server.seenAt("readproperty"); // a third one if the reply to the first POST was cut too
                expect(reads.length, "repeated").to.be.within(2, 3);
                expect(new Set(reads.map(({ body }) => body)).size, "with the same ids").to.equal(1);
                const seen = ["subscribeevent", "invokeaction", "writeproperty"].map(
                    (operation) => server.seenAt(operation).length
                );
                expect(seen).to.deep.equal([2, 1, 1]);
            });

            it("does not know of a request whose POST was cut before a gap, and does not do it twice", async () => {
                await start(transport);
                const take = server.handlers.get(POST)!;
                server.handlers.set(POST, ({ body, headers }) => {
                    server.handlers.set(POST, take);
                    server.execute(body, String(headers["cid"]));
                    server.forget(); // the response with it
                    server.answer = () => ({ output: "pong" });
                    server.cut();
                });
                server.answer = () => undefined;
                expect(await codeOf(connection.invokeAction("t", "a", 1))).to.equal("OUTCOME_UNKNOWN");
                await connection.ping();
                expect(server.seenAt("invokeaction")).to.have.length(1);
            });

            it("repeats a POST that alone was cut, on the same stream", async () => {
                await start(transport);
                const take = server.handlers.get(POST)!;
                server.handlers.set(POST, (_, reply) => {
                    server.handlers.set(POST, take);
                    server.cutExchange(reply);
                });
                expect(await connection.invokeAction("t", "a", 7)).to.equal(7);
                expect([server.executed.length, server.opened]).to.deep.equal([1, 1]);
            });

            it("does not know of a request whose repeat gets NO_SESSION, because the first attempt may have been taken", async () => {
                await start(transport);
                const take = server.handlers.get(POST)!;
                server.handlers.set(POST, ({ body, headers }, reply) => {
                    server.handlers.set(POST, take);
                    server.execute(body, String(headers["cid"]));
                    server.forget();
                    server.answer = () => ({ output: "pong" });
                    server.cutExchange(reply);
                });
                server.answer = () => undefined;
                expect(await codeOf(connection.invokeAction("t", "a", 7))).to.equal("OUTCOME_UNKNOWN");
                await connection.ping();
                expect(server.executed.map(({ operation }) => operation)).to.deep.equal(["invokeaction", "ping"]);
                expect(server.seenAt("invokeaction"), "it was repeated").to.have.length(2);
            });

            it("sends again what NO_SESSION proves not to have been done", async () => {
                await start(transport);
                server.forget();
                expect(await connection.invokeAction("t", "a", 7)).to.equal(7);
                expect([server.executed.length, server.opened]).to.deep.equal([1, 2]);
            });

            it("keeps a stream that was opened after a POST which then says that there is no session", async () => {
                await start(transport);
                const take = server.handlers.get(POST)!;
                let refuse: (() => void) | undefined;
                server.handlers.set(POST, (_, reply) => {
                    server.handlers.set(POST, take);
                    refuse = () => {
                        reply.writeHead(400, { "content-type": "application/problem+json" });
                        reply.end(JSON.stringify({ status: 400, type: "urn:hiveot-ssesc:problem:NO_SESSION" }));
                    };
                });
                const asked = connection.invokeAction("t", "a", 7);
                await server.until(() => refuse !== undefined);
                server.dropStreams();
                await server.until(() => server.opened === 2);
                await connection.ping();
                refuse?.();
                expect(await asked).to.equal(7);
                expect(server.seenAt("invokeaction")).to.have.length(2);
                await connection.ping();
                expect(server.opened).to.equal(2);
            });

            it("hears a notification once whose id comes again, but of a server that does not resume each", async () => {
                for (const resumes of [true, false]) {
                    await start(transport, { resumes });
                    const heard = await hear();
                    for (const [value, messageID] of [
                        [1, "m"],
                        [2, "m"],
                        [3, ""],
                        [4, ""],
                        [5, "last"],
                    ] as const) {
                        server.notify("t", "e", value, "event", { messageID });
                    }
                    await eventually("heard", () => heard.includes(5));
                    expect(heard).to.deep.equal(resumes ? [1, 3, 4, 5] : [1, 2, 3, 4, 5]);
                    if (!resumes) break;
                    await connection.close();
                    await server.stop();
                }
            });

            it("reads observed properties again after a gap, unless a newer value has come", async () => {
                await start(transport);
                const heard: unknown[] = [];
                await connection.observeProperty("t", "p", { onNotification: ({ value }) => heard.push(value) });
                server.answer = ({ operation }) => ({ output: operation === "readproperty" ? "read" : undefined });
                server.forget();
                server.cut();
                await eventually("read again", () => heard.length === 1);
                expect(heard).to.deep.equal(["read"]);
                server.answer = ({ operation, thingID = "", name = "" }) => {
                    if (operation === "readproperty") server.notify(thingID, name, "newer", "property");
                    return { output: "older" };
                };
                server.forget();
                server.cut();
                await eventually("notified", () => heard.length === 2);
                await connection.ping();
                server.answer = () => ({}); // no value yet
                server.forget();
                server.cut();
                await server.until(() => server.seenAt("readproperty").length === 3);
                await connection.ping();
                expect(heard).to.deep.equal(["read", "newer"]);
            });

            it("says that it does not come back when it is closed, and waits no longer for a reply than for that to a POST", async () => {
                await start(transport, { resumes: true }, { requestTimeout: 50 });
                server.handlers.set("DELETE /hiveot/ssesc", () => undefined);
                await connection.ping();
                await connection.close();
                const seen = server.seenAt("/hiveot/ssesc");
                expect(seen.map(({ method }) => method)).to.deep.equal(["GET", "DELETE"]);
                expect(seen[1]?.headers["cid"]).to.equal(seen[0]?.headers["cid"]);
            });

            it("leaves a server that cannot resume without a word", async () => {
                await start(transport, {});
                await connection.ping();
                await connection.close();
                expect(server.seenAt("/hiveot/ssesc").map(({ method }) => method)).to.deep.equal(["GET"]);
            });

            it("leaves a server that falls silent after 2.5 of its heartbeats, with what goes the same way", async () => {
                await start(transport, { resumes: true, heartbeat: 0.02 });
                server.answer = () => undefined;
                const asked = connection.invokeAction("t", "a", 7);
                await server.until(() => server.executed.length === 1);
                const [first] = server.seenAt("invokeaction");
                await server.until(() => server.opened >= 2);
                server.answer = ({ input }) => ({ output: input });
                server.respond(first?.body ?? "", String(first?.headers["cid"]));
                expect(await asked).to.equal(7);
                expect(server.connections, "over a new TCP connection").to.be.greaterThan(1);
            });
        });
    }
});
