/** `connect()` against real servers: what a caller without node-wot sees. */
import { fork, type ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { connect, SseScError, type Connection, type ConnectionOptions } from "../../src/index";
import { eventually } from "../support/eventually";
import { isSecure, passwordOf, SetUp, sharedSetUps, TRANSPORTS, usernameOf, type Transport } from "../support/set-ups";
import { sideBySide } from "../support/side-by-side";
import { COUNTER_ID, PROGRESS } from "../support/things";
import { RawServer } from "./raw-server";
import { codeOf, failure } from "../support/failures";

const ADMIN = { username: usernameOf("admin"), password: passwordOf("admin") };
const FAST = { reconnect: { min: 1, max: 50 } } satisfies ConnectionOptions;
const NOTHING = { onNotification: () => undefined };

/** What a connection told, as text, in order. */
function eventsOf(connection: Connection): string[] {
    const events: string[] = [];
    connection.on("connected", () => events.push(`connected, ${connection.state}`));
    connection.on("disconnected", ({ code }) => events.push(`disconnected ${code}, ${connection.state}`));
    connection.on("closed", (error) => events.push(`closed ${String(error?.code)}, ${connection.state}`));
    return events;
}

function eventOf(connection: Connection, event: "connected" | "disconnected" | "closed"): Promise<unknown> {
    return new Promise((resolve) => {
        connection.once(event, (...parameters: readonly unknown[]) => {
            resolve(parameters[0]);
        });
    });
}

/** A server in a process of its own, to be killed. */
class Child {
    private constructor(
        private readonly process: ChildProcess,
        readonly port: number
    ) {}

    static async start(secure: boolean, port = 0): Promise<Child> {
        const file = join(__dirname, "../support/child-server.ts");
        const child = fork(file, [secure ? "secure" : "plain", String(port)], {
            execArgv: ["--import", "tsx"],
            stdio: ["ignore", "ignore", "ignore", "ipc"],
        });
        const [ready] = (await once(child, "message")) as [{ port: number }];
        return new Child(child, ready.port);
    }

    async kill(): Promise<void> {
        const exit = once(this.process, "exit");
        if (this.process.exitCode === null && this.process.signalCode === null) {
            this.process.kill("SIGKILL");
            await exit;
        }
    }
}

describe("connect()", () => {
    const setUps = sharedSetUps({ things: [COUNTER_ID] });
    const connections: Connection[] = [];

    afterEach(async () => {
        await Promise.all(connections.splice(0).map((connection) => connection.close()));
    });

    async function open(
        server: SetUp | RawServer,
        transport: Transport,
        options: ConnectionOptions = {},
        credentials: Parameters<typeof connect>[1] | "admin" | "nobody" = "admin"
    ): Promise<Connection> {
        const setUp = await setUps(transport);
        const tls = { caCert: setUp.certificate.cert, httpVersion: transport === "TLS h2" ? 2 : 1 } as const;
        // Each server signs with a key of its own
        const issuer = server instanceof SetUp ? server : setUp;
        const given = credentials === "admin" ? { token: await issuer.token("admin") } : credentials;
        const connection = await connect(
            `${setUp.scheme}://${server.authority}`,
            given === "nobody" ? undefined : given,
            { ...FAST, ...(isSecure(transport) ? tls : {}), ...options }
        );
        connections.push(connection);
        return connection;
    }

    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            let setUp: SetUp;

            beforeEach(async () => {
                setUp = await setUps(transport);
                setUp.reset();
            });

            it("reads and writes properties, one, several and all", async () => {
                const connection = await open(setUp, transport);
                await connection.writeProperty(COUNTER_ID, "count", 3);
                expect(await connection.readProperty(COUNTER_ID, "count")).to.equal(3);
                await connection.writeMultipleProperties(COUNTER_ID, { count: 4, limit: 7 });
                const some = await connection.readMultipleProperties(COUNTER_ID, ["count", "limit"]);
                expect(some).to.deep.equal({ count: 4, limit: 7 });
                const values = { count: 5, limit: 8, secret: "s", settings: { unit: "m" }, note: "n", picture: "AA==" };
                await connection.writeAllProperties(COUNTER_ID, values);
                const { secret, ...readable } = values;
                const all = { ...readable, serial: "SN-1", scaled: 5 };
                expect(await connection.readAllProperties(COUNTER_ID)).to.deep.equal(all);
                expect(setUp.counter.secret).to.equal(secret);
                const scaled = connection.readProperty(COUNTER_ID, "scaled", { uriVariables: { factor: 3 } });
                expect(await scaled).to.equal(15);
                await connection.ping();
            });

            it("hears properties, events and the progress of others, one by one and all", async () => {
                const connection = await open(setUp, transport);
                const heard: string[] = [];
                const hear = (who: string) => ({
                    onNotification: ({ name }: { name: string }) => heard.push(`${who} ${name}`),
                });
                const handles = [
                    await connection.observeProperty(COUNTER_ID, "count", hear("observeProperty")),
                    await connection.observeAllProperties(COUNTER_ID, hear("observeAllProperties")),
                    await connection.observeAction(COUNTER_ID, "slow", hear("observeAction")),
                    await connection.observeAllActions("", hear("observeAllActions")),
                    await connection.subscribeEvent(COUNTER_ID, "overflow", hear("subscribeEvent")),
                    await connection.subscribeAllEvents("", hear("subscribeAllEvents")),
                ];
                setUp.counter.progress = [50];
                const other = await open(setUp, transport);
                await other.invokeAction(COUNTER_ID, "slow", 1);
                await other.invokeAction(COUNTER_ID, "increment", 21);
                await eventually("all heard", () => heard.length >= 6);
                for (const handle of handles) await handle.stop();
                await other.invokeAction(COUNTER_ID, "increment", 1);
                await connection.ping();
                expect(heard.sort()).to.deep.equal([
                    "observeAction slow",
                    "observeAllActions slow",
                    "observeAllProperties count",
                    "observeProperty count",
                    "subscribeAllEvents overflow",
                    "subscribeEvent overflow",
                ]);
            });

            it("reads the latest events, and undefined where there was none", async () => {
                const connection = await open(setUp, transport);
                await connection.invokeAction(COUNTER_ID, "increment", 25);
                const latest = await connection.readEvent(COUNTER_ID, "overflow");
                expect(latest).to.include({ thingId: COUNTER_ID, name: "overflow", value: 25 });
                expect(latest).to.have.all.keys("thingId", "name", "value", "timestamp");
                const all = await connection.readAllEvents(COUNTER_ID);
                expect(all["overflow"]).to.deep.equal(latest);
                expect(await connection.readEvent(COUNTER_ID, "alarm")).to.equal(undefined);
                expect(await codeOf(connection.readEvent(COUNTER_ID, "nothing"))).to.equal("UNKNOWN_AFFORDANCE");
            });

            it("invokes an action and hears its progress", async () => {
                const connection = await open(setUp, transport);
                const progress: unknown[] = [];
                const output = await connection.invokeAction(COUNTER_ID, "slow", 9, {
                    onProgress: (value) => progress.push(value),
                });
                expect(output).to.equal(9);
                expect(progress).to.deep.equal(PROGRESS);
            });

            it("starts an action, then asks for its status by its id, and cancels it", async () => {
                const connection = await open(setUp, transport);
                const first = await connection.startAction(COUNTER_ID, "later", 1);
                const second = await connection.startAction(COUNTER_ID, "later", 2);
                expect(await first.query()).to.include({
                    actionId: first.actionId,
                    thingId: COUNTER_ID,
                    name: "later",
                    status: "running",
                });
                await first.cancel();
                expect(await codeOf(first.result)).to.equal("CANCELLED");
                const { status, error } = await connection.queryAction(COUNTER_ID, "later", first.actionId);
                expect([status, error?.code]).to.deep.equal(["failed", "CANCELLED"]);
                setUp.counter.later[1]?.();
                expect(await second.result).to.equal(2);
                const all = await connection.queryAllActions(COUNTER_ID);
                expect(all["later"]).to.include({ actionId: second.actionId, status: "completed", output: 2 });
                expect(all["later"]?.error).to.equal(undefined);
                expect(await codeOf(connection.queryAction(COUNTER_ID, "stepUp"))).to.equal("NO_INVOCATION");
            });

            it("sends nothing when it is aborted before, and cancels the action when it is aborted later", async () => {
                const connection = await open(setUp, transport);
                const signal = AbortSignal.abort(new Error("too late"));
                const { code, cause } = await failure(connection.invokeAction(COUNTER_ID, "later", 1, { signal }));
                expect([code, cause]).to.deep.equal(["ABORTED", signal.reason]);
                expect(await codeOf(connection.startAction(COUNTER_ID, "later", 1, { signal }))).to.equal("ABORTED");
                await connection.ping();
                expect(setUp.counter.invocations).to.deep.equal([]);

                const giveUp = new AbortController();
                const invocation = connection.invokeAction(COUNTER_ID, "later", 1, { signal: giveUp.signal });
                const { data } = await setUp.counter.invoked("later");
                giveUp.abort();
                expect(await codeOf(invocation)).to.equal("ABORTED");
                await eventually("cancelled on the server", () => data?.signal.aborted === true);
            });

            it("fails when the time is up, which progress starts anew", async () => {
                const connection = await open(setUp, transport);
                const timeout = 100;
                expect(await codeOf(connection.invokeAction(COUNTER_ID, "never", undefined, { timeout }))).to.equal(
                    "OUTCOME_UNKNOWN"
                );
                const deadline = { signal: AbortSignal.timeout(timeout) };
                expect(await codeOf(connection.invokeAction(COUNTER_ID, "never", undefined, deadline))).to.equal(
                    "ABORTED"
                );
            });

            it("gives each of 200 requests of several callers its own answer", async () => {
                const connection = await open(setUp, transport);
                const answers = Array.from({ length: 200 }, async (_, number) => {
                    switch (number % 4) {
                        case 0:
                            return connection.invokeAction(COUNTER_ID, "echo", { number });
                        case 1:
                            return { number: Number(await connection.readProperty(COUNTER_ID, "count")) + number };
                        case 2:
                            await connection.ping();
                            return { number };
                        default: {
                            const error = await failure(connection.readProperty(COUNTER_ID, `none ${String(number)}`));
                            return { number: error.code === "UNKNOWN_AFFORDANCE" ? number : error.code };
                        }
                    }
                });
                const expected = answers.map((_, number) => ({ number }));
                expect(await Promise.all(answers)).to.deep.equal(expected);
                expect(setUp.counter.invocations).to.have.length(50);
            });

            it("shares a subscription of two callers on the wire; one that stops does not stop the other", async () => {
                const connection = await open(setUp, transport);
                const heard: string[] = [];
                const subscribe = (who: string): ReturnType<Connection["subscribeEvent"]> =>
                    connection.subscribeEvent(COUNTER_ID, "tick", {
                        onNotification: ({ value }) => heard.push(`${who} ${String(value)}`),
                    });
                const [first, second] = await Promise.all([subscribe("first"), subscribe("second")]);
                expect(setUp.server.status.subscribers).to.equal(1);
                setUp.counter.tick("a");
                await eventually("both heard", () => heard.length === 2);
                await first.stop();
                setUp.counter.tick("b");
                await eventually("one heard", () => heard.length === 3);
                expect(heard).to.deep.equal(["first a", "second a", "second b"]);
                await second.stop();
                expect(setUp.server.status.subscribers).to.equal(0);
            });

            it("rejects with INVALID_CREDENTIALS and leaves nothing behind when the password is wrong", async () => {
                const wrong = { username: ADMIN.username, password: "wrong" };
                expect(await codeOf(open(setUp, transport, {}, wrong))).to.equal("INVALID_CREDENTIALS");
                expect(await codeOf(open(setUp, transport, {}, { token: "wrong" }))).to.equal("UNAUTHORIZED");
                expect(await codeOf(open(setUp, transport, {}, "nobody"))).to.equal("UNAUTHORIZED");
                await eventually("no connection left", () => setUp.server.status.connections === 0);
            });

            it("is closed with the reason when the server refuses it for good, and fails what comes then", async () => {
                const { accounts } = setUp.server;
                await accounts.put({ username: "guest", password: "a guest's password", role: "viewer" });
                const guest = { username: "guest", password: "a guest's password" };
                const connection = await open(setUp, transport, {}, guest);
                const events = eventsOf(connection);
                const ended: string[] = [];
                const onError = ({ code }: SseScError): unknown => ended.push(code);
                await connection.subscribeEvent(COUNTER_ID, "tick", { ...NOTHING, onError });
                const closed = eventOf(connection, "closed");
                const dropped = eventOf(connection, "disconnected");
                await accounts.remove("guest");
                await dropped;
                const waiting = codeOf(connection.writeProperty(COUNTER_ID, "count", 1));
                expect(((await closed) as SseScError).code).to.equal("INVALID_CREDENTIALS");
                expect(events).to.deep.equal([
                    "disconnected CONNECTION_LOST, reconnecting",
                    "closed INVALID_CREDENTIALS, closed",
                ]);
                expect(ended).to.deep.equal(["INVALID_CREDENTIALS"]);
                expect(await waiting, "it was never sent").to.equal("INVALID_CREDENTIALS");
                expect(await codeOf(connection.ping())).to.equal("INVALID_CREDENTIALS");
                await connection.close();
                expect(events).to.have.length(2);
            });

            it("fails what is open when it is closed, tells so once, and is closed then", async () => {
                const connection = await open(setUp, transport);
                const events = eventsOf(connection);
                const ended: string[] = [];
                const onError = ({ code }: SseScError): unknown => ended.push(code);
                await connection.subscribeEvent(COUNTER_ID, "tick", { ...NOTHING, onError });
                const started = await connection.startAction(COUNTER_ID, "later", 1);
                const outcomes = [
                    started.result,
                    connection.readProperty(COUNTER_ID, "count"),
                    connection.subscribeEvent(COUNTER_ID, "alarm", NOTHING),
                    connection.writeProperty(COUNTER_ID, "count", 1),
                ].map(codeOf);
                await Promise.all([connection.close(), connection.close()]);
                const codes = await Promise.all(outcomes);
                expect(codes[0]).to.equal("OUTCOME_UNKNOWN");
                for (const code of codes) expect(code).to.be.oneOf(["OUTCOME_UNKNOWN", "CONNECTION_LOST"]);
                expect(ended).to.deep.equal(["ALREADY_CLOSED"]);
                expect(events).to.deep.equal(["closed undefined, closed"]);
                expect(await codeOf(connection.ping())).to.equal("ALREADY_CLOSED");
                expect(await codeOf(connection.subscribeEvent(COUNTER_ID, "tick", NOTHING))).to.equal("ALREADY_CLOSED");
                await connection.close();
                await eventually("no connection left", () => setUp.server.status.connections === 0);
            });

            it("is opened again when it drops while nobody uses it", async () => {
                const raw = await RawServer.start(isSecure(transport) ? { tls: setUp.certificate } : {});
                try {
                    const connection = await open(raw, transport, {}, "nobody");
                    const events = eventsOf(connection);
                    for (let round = 0; round < 3; round++) {
                        const back = eventOf(connection, "connected");
                        raw.cut();
                        await back;
                    }
                    const [dropped, restored] = ["disconnected CONNECTION_LOST, reconnecting", "connected, connected"];
                    expect(events).to.deep.equal([dropped, restored, dropped, restored, dropped, restored]);
                    expect(raw.opened).to.equal(4);
                } finally {
                    await raw.stop();
                }
            });

            it("tells that it is back only when each subscription was made anew", async () => {
                const raw = await RawServer.start(isSecure(transport) ? { tls: setUp.certificate } : {});
                try {
                    const connection = await open(raw, transport, {}, "nobody");
                    const events = eventsOf(connection);
                    await connection.subscribeEvent("t", "a", NOTHING);
                    await connection.subscribeEvent("t", "b", NOTHING);
                    raw.answer = ({ name }) => (name === "b" ? undefined : {});
                    raw.dropStreams();
                    await raw.until(() => raw.seenAt("subscribeevent").length === 4);
                    await connection.ping(); // answered while it is not all back
                    expect(events).to.deep.equal(["disconnected CONNECTION_LOST, reconnecting"]);
                    expect(connection.state).to.equal("reconnecting");
                    raw.answer = () => ({});
                    const back = eventOf(connection, "connected");
                    raw.dropStreams();
                    await back;
                    expect(events.slice(1)).to.deep.equal(["connected, connected"]);
                } finally {
                    await raw.stop();
                }
            });
        });
    }

    describe("a server that is killed and started again", function () {
        this.timeout(30_000);
        const aside = sideBySide();

        for (const transport of TRANSPORTS) {
            describe(`over ${transport}`, () => {
                it(
                    "is connected to again, subscriptions revive, requests made meanwhile are answered",
                    aside(async (onEnd) => {
                        const secure = isSecure(transport);
                        const child = await Child.start(secure);
                        onEnd(() => child.kill());
                        const url = `${secure ? "https" : "http"}://127.0.0.1:${String(child.port)}/hiveot/ssesc`;
                        // Each process has a certificate and a signing key of its own
                        const tls = { allowSelfSigned: true, httpVersion: transport === "TLS h2" ? 2 : 1 } as const;
                        const connection = await connect(url, ADMIN, { ...FAST, ...(secure ? tls : {}) });
                        onEnd(() => connection.close());
                        const events = eventsOf(connection);
                        const changes = new EventEmitter();
                        await connection.observeProperty(COUNTER_ID, "count", {
                            onNotification: ({ value }) => changes.emit("count", value),
                        });
                        const invocation = codeOf(connection.invokeAction(COUNTER_ID, "never"));
                        await connection.queryAction(COUNTER_ID, "never").catch(() => undefined);

                        const dropped = eventOf(connection, "disconnected");
                        const back = eventOf(connection, "connected");
                        await child.kill();
                        await dropped;
                        const timeout = 20;
                        expect(await codeOf(connection.writeProperty(COUNTER_ID, "count", 1, { timeout }))).to.equal(
                            "TIMEOUT"
                        );
                        const waiting = connection.readProperty(COUNTER_ID, "count");
                        const next = await Child.start(secure, child.port);
                        onEnd(() => next.kill());
                        await back;
                        expect(await invocation).to.equal("OUTCOME_UNKNOWN");
                        expect(await waiting).to.equal(0);
                        const change = once(changes, "five");
                        changes.on("count", (count) => count === 5 && changes.emit("five", count)); // behind the value read again
                        await connection.invokeAction(COUNTER_ID, "increment", 5);
                        expect(await change).to.deep.equal([5]);
                        expect(events).to.deep.equal([
                            "disconnected CONNECTION_LOST, reconnecting",
                            "connected, connected",
                        ]);
                    })
                );
            });
        }
    });

    describe("connecting", () => {
        let silent: Server;
        let sockets: Socket[];

        beforeEach(async () => {
            sockets = [];
            silent = createServer((socket) => {
                sockets.push(socket);
                socket.on("error", () => undefined).resume();
            }).listen(0, "127.0.0.1");
            await once(silent, "listening");
        });

        afterEach(() => {
            for (const socket of sockets) socket.destroy();
            silent.close();
        });

        const silentPort = (): string => String((silent.address() as AddressInfo).port);

        for (const scheme of ["sse", "sse-plain"]) {
            it(`is given up by its signal, with nothing left behind (${scheme})`, async () => {
                const giveUp = new AbortController();
                const connecting = failure(
                    connect(`${scheme}://127.0.0.1:${silentPort()}`, ADMIN, { signal: giveUp.signal })
                );
                await once(silent, "connection");
                const closed = once(sockets[0]!, "close");
                giveUp.abort(new Error("no more"));
                const { code, cause } = await connecting;
                expect([code, cause]).to.deep.equal(["ABORTED", giveUp.signal.reason]);
                await closed;
            });

            it(`fails with CONNECT_FAILED when the server is silent, with nothing left behind (${scheme})`, async () => {
                const url = `${scheme}://127.0.0.1:${silentPort()}`;
                const connecting = codeOf(connect(url, ADMIN, { connectTimeout: 100 }));
                await once(silent, "connection");
                const closed = once(sockets[0]!, "close");
                expect(await connecting).to.equal("CONNECT_FAILED");
                await closed;
            });
        }

        it("is not even tried when the signal is raised already", async () => {
            const signal = AbortSignal.abort();
            expect(await codeOf(connect(`http://127.0.0.1:${silentPort()}`, ADMIN, { signal }))).to.equal("ABORTED");
            expect(sockets).to.deep.equal([]);
        });

        it("fails with CONNECT_FAILED when there is no server", async () => {
            const port = silentPort();
            silent.close();
            await once(silent, "close");
            for (const scheme of ["https", "http"]) {
                expect(await codeOf(connect(`${scheme}://127.0.0.1:${port}`, ADMIN))).to.equal("CONNECT_FAILED");
            }
        });

        it("fails with NOT_FOUND where there is no such stream", async () => {
            const setUp = await setUps("plain h1");
            const token = await setUp.token("admin");
            expect(await codeOf(connect(`${setUp.origin}/elsewhere`, { token }))).to.equal("NOT_FOUND");
        });

        it("does not go on refreshing a token for a connection that did not come about", async () => {
            const raw = await RawServer.start();
            const refreshed: (string | undefined)[] = [];
            raw.handlers.set("POST /authn/refresh", ({ headers, body }, reply) => {
                refreshed.push(headers.authorization);
                reply.writeHead(200);
                reply.end(body);
            });
            try {
                const options = { tokenRefreshInterval: 1 };
                expect(await codeOf(connect(`${raw.origin}/elsewhere`, { token: "lost" }, options))).to.equal(
                    "NOT_FOUND"
                );
                const until = refreshed.length;
                const witness = await open(raw, "plain h1", options, { token: "kept" });
                await raw.until(() => refreshed.filter((token) => token === "bearer kept").length > 5);
                await witness.close();
                expect(refreshed.slice(until)).to.not.include("bearer lost");
            } finally {
                await raw.stop();
            }
        });

        it("refuses what is not right, naming it", async () => {
            const refused: readonly [string, ...unknown[]][] = [
                ["url", "localhost:8444"],
                ["url", "mqtt://localhost"],
                ["url", 5],
                ["query", "https://localhost/hiveot/ssesc?a=1"],
                ["user name", "https://me@localhost"],
                ["credentials", "https://localhost", { username: "me" }],
                ["credentials", "https://localhost", { token: "t", password: "p", username: "u" }],
                ["caCert has no use", "http://localhost", ADMIN, { caCert: "x" }],
                ["httpVersion has no use", "sse-plain://localhost", ADMIN, { httpVersion: 1 }],
                ["idleTimeout", "https://localhost", ADMIN, { idleTimeout: 1 }],
                ["credentials", "https://localhost", ADMIN, { credentials: {} }],
                ["signal", "https://localhost", ADMIN, { signal: {} }],
                ["requestTimeout", "https://localhost", ADMIN, { requestTimeout: -1 }],
                ["speed", "https://localhost", ADMIN, { speed: 1 }],
                ["options", "https://localhost", ADMIN, 5],
            ];
            for (const [name, ...args] of refused) {
                const error = await failure(connect(...(args as Parameters<typeof connect>)));
                expect(error.code, JSON.stringify(args)).to.equal("INVALID_CONFIG");
                expect(error.message).to.include(name);
            }
        });
    });

    describe("to a server of January 2026, by the path of its stream", () => {
        const now = "2026-01-20T10:00:00.000Z";
        let raw: RawServer;

        beforeEach(async () => {
            raw = await RawServer.start();
        });

        afterEach(async () => {
            await raw.stop();
        });

        async function openJanuary(): Promise<Connection> {
            const connection = await connect(`${raw.origin}/hiveot/sse`, undefined, FAST);
            connections.push(connection);
            return connection;
        }

        /** Answers with a value, as that server does. */
        function answering(value: unknown, error: unknown = null): void {
            raw.answer = () => ({ value, error, status: undefined, name: "", senderID: "", timestamp: now });
        }

        it("gives the same results as ever", async () => {
            const connection = await openJanuary();
            answering({ affordanceType: "property", thingID: "t", name: "p", data: 5, timestamp: now });
            expect(await connection.readProperty("t", "p")).to.equal(5);
            const read = (name: string, data: unknown) => ({ affordanceType: "property", thingID: "t", name, data });
            answering({ p: read("p", 5), q: read("q", null) });
            expect(await connection.readAllProperties("t")).to.deep.equal({ p: 5, q: null });
            answering(null);
            await connection.writeProperty("t", "p", 6);
            expect(await connection.readEvent("t", "e")).to.equal(undefined);
            answering({ actionID: "a1", name: "a", thingID: "t", state: "completed", output: 7 });
            expect(await connection.invokeAction("t", "a", 1)).to.equal(7);
            expect(await connection.queryAction("t", "a")).to.include({ status: "completed", output: 7 });
            answering(null, { status: 409, type: "", title: "not now" });
            const error = await failure(connection.invokeAction("t", "a", 1));
            expect([error.code, error.problem?.title]).to.deep.equal(["PEER_FAILED", "not now"]);
            const heard: unknown[] = [];
            answering(null);
            await connection.subscribeEvent("t", "e", { onNotification: ({ value }) => heard.push(value) });
            const notification = { messageType: "notification", operation: "subscribeevent", thingID: "t", name: "e" };
            raw.push(`event: notification\ndata: ${JSON.stringify({ ...notification, value: 91 })}\n\n`);
            await eventually("it is heard", () => heard.length === 1);
            expect(heard).to.deep.equal([91]);
        });

        it("is not harmed by what makes no sense", async () => {
            const connection = await openJanuary();
            const nonsense: readonly unknown[] = [
                5,
                null,
                [],
                { messageType: "response" },
                { messageType: "response", operation: "readproperty", correlationID: "nobody", value: 5, error: null },
                { messageType: "response", operation: "invokeaction", value: { state: 5 }, error: null },
                { messageType: "notification", operation: "readproperty", value: 1 },
                { messageType: "notification", operation: "invokeaction", value: "no status" },
                { messageType: "notification", operation: "observeallproperties", name: "", value: "no map" },
                { messageType: "notification", affordanceType: "event", value: 1 },
            ];
            for (const event of ["response", "notification", "request"]) {
                for (const json of nonsense) raw.push(`event: ${event}\ndata: ${JSON.stringify(json)}\n\n`);
            }
            for (const wrong of [
                { state: "completed", name: 5 },
                { state: "failed", error: "text" },
            ]) {
                answering(wrong);
                const refused = connection.invokeAction("t", "a", 1, { timeout: 50 });
                expect(await codeOf(refused)).to.be.oneOf(["PEER_FAILED", "OUTCOME_UNKNOWN"]);
            }
            answering([1]);
            for (const read of [connection.readAllProperties("t"), connection.queryAction("t", "a")]) {
                expect(await codeOf(read)).to.equal("PEER_FAILED");
            }
            answering("pong");
            await connection.ping();
            expect(raw.opened).to.equal(1);
        });
    });

    describe("listeners", () => {
        let own: SetUp | undefined;

        afterEach(async () => {
            await own?.stop();
            own = undefined;
        });

        it("may throw or reject, may be called once, and may be removed", async () => {
            const connection = await open(await setUps("plain h1"), "plain h1");
            const called: string[] = [];
            const removed = (): unknown => called.push("removed");
            connection
                .on("closed", () => {
                    throw new Error("a listener that throws");
                })
                .on("closed", async () => {
                    throw new Error("a listener that rejects");
                })
                .on("closed", removed)
                .off("closed", removed)
                .off("closed", removed)
                .once("closed", () => called.push("last"));
            await connection.close();
            expect(called).to.deep.equal(["last"]);
        });

        it("may close the connection when they hear that it broke", async () => {
            own = await SetUp.start({ secure: false, things: [COUNTER_ID] });
            const connection = await open(own, "plain h1");
            const events = eventsOf(connection);
            const closed = eventOf(connection, "closed");
            connection.once("disconnected", () => connection.close());
            await own.stop();
            own = undefined;
            await closed;
            expect(events).to.deep.equal(["disconnected CONNECTION_LOST, reconnecting", "closed undefined, closed"]);
        });
    });

    it("closes at the end of a block with `await using`", async () => {
        const connection = await open(await setUps("plain h1"), "plain h1");
        await connection[Symbol.asyncDispose]();
        expect(connection.state).to.equal("closed");
    });
});
