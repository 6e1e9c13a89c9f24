/**
 * Every endpoint with every status that it may give, and the bad input that is refused by HTTP. Over every transport; what is about
 * streams and envelopes in both dialects.
 */
import { expect } from "chai";
import { passwordOf, type SetUp, sharedSetUps, TRANSPORTS, usernameOf } from "../support/set-ups";
import { COUNTER_ID, TWIN_ID } from "../support/things";
import { checkProblem, PROBLEM } from "./raw-consumer";
import { type Dialect, type Envelope, freshId, type RawClient, type RawResponse, STREAM_PATHS } from "./raw/raw-client";
import { req } from "./requirements";

/** Limits that a test reaches quickly. */
const TIGHT = {
    maxMessageSize: 2000,
    maxPendingRequests: 2,
    maxSubscriptions: 2,
    maxConnectionsPerClient: 3,
    maxDepth: 8,
    heartbeatInterval: 50,
    tdAccess: "authenticated",
} as const;

const PING = { messageType: "request", operation: "ping", correlationID: "p1", messageID: "m1" } as const;
const RESPONSE = { messageType: "response", operation: "invokeaction", correlationID: "nobody-waits" } as const;
const NOTIFICATION = {
    messageType: "notification",
    affordanceType: "event",
    thingID: "urn:elsewhere",
    name: "e",
    value: 1,
} as const;

/** The same in the dialect of January, where it looks different. */
const JANUARY: Readonly<Record<string, Envelope>> = {
    response: { ...RESPONSE, value: null, error: null },
    notification: {
        messageType: "notification",
        operation: "subscribeevent",
        thingID: "urn:elsewhere",
        name: "e",
        value: 1,
    },
};

/** Members of the wrong type that only one dialect has. */
const BAD_MEMBERS: Readonly<Record<Dialect, readonly Envelope[]>> = {
    rrn: [{ status: "nearly" }],
    "rrn-2025": [{ value: { state: "running", name: 5 } }, { value: { state: "failed", error: "text" } }],
};

/** What is taken from agents is answered with. */
const ACCEPTED: Readonly<Record<Dialect, number>> = { rrn: 204, "rrn-2025": 200 };

/** Checks that a reply is the problem with this code (RFC 9457), and nothing else. */
function expectProblem(reply: RawResponse, status: number, code: string): void {
    expect(reply).to.include({ status });
    expect(reply.headers["content-type"]).to.equal("application/problem+json");
    const problem = JSON.parse(reply.body) as Envelope;
    checkProblem(problem);
    expect(problem).to.include({ status, type: PROBLEM + code });
    if (status === 401) expect(reply.headers["www-authenticate"]).to.match(/^Bearer\b/);
    if (status === 429 || status === 503) expect(Number(reply.headers["retry-after"])).to.be.at.least(1);
}

/** Methods that are wrong for a path. */
function expectAllow(reply: RawResponse, method: string): void {
    expectProblem(reply, 405, "METHOD_NOT_ALLOWED");
    expect(reply.headers["allow"]?.split(/, */)).to.include(method);
}

function nested(depth: number): unknown {
    return depth === 0 ? 0 : [nested(depth - 1)];
}

/** Runs `run` at another time of day: tokens expire without anybody waiting for it. */
async function inDays<T>(days: number, run: () => Promise<T>): Promise<T> {
    const now = Date.now;
    Date.now = () => now() + days * 86_400_000;
    try {
        return await run();
    } finally {
        Date.now = now;
    }
}

const ENDPOINTS = [
    { id: "stream", method: "GET", path: STREAM_PATHS.rrn },
    { id: "stream", method: "GET", path: STREAM_PATHS["rrn-2025"] },
    { id: "request", method: "POST", path: "/hiveot/request", envelope: PING },
    { id: "response", method: "POST", path: "/hiveot/response", envelope: RESPONSE },
    { id: "notification", method: "POST", path: "/hiveot/notification", envelope: NOTIFICATION },
    { id: "login", method: "POST", path: "/authn/login" },
    { id: "refresh", method: "POST", path: "/authn/refresh" },
    { id: "logout", method: "POST", path: "/authn/logout" },
    { id: "profile", method: "GET", path: "/authn/profile" },
    { id: "ping", method: "GET", path: "/ping" },
    { id: "wot", method: "GET", path: "/.well-known/wot" },
    { id: "thing", method: "GET", path: `/things/${encodeURIComponent(COUNTER_ID)}` },
] as const;

const DIALECTS = ["rrn", "rrn-2025"] as const;
const PROTECTED = ENDPOINTS.filter(({ id }) => !["login", "ping", "wot", "thing"].includes(id));
const ENVELOPE_ENDPOINTS = ENDPOINTS.flatMap((each) => ("envelope" in each ? [each] : []));

describe("HTTP", () => {
    const setUps = sharedSetUps();
    const tightSetUps = sharedSetUps({ server: TIGHT });
    const singleSetUps = sharedSetUps({ things: [COUNTER_ID] });

    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            const clients: RawClient[] = [];

            function keep(client: RawClient): RawClient {
                clients.push(client);
                return client;
            }

            /** A client with a token; no stream. */
            async function client(
                role: Parameters<SetUp["client"]>[1] = "manager",
                from = setUps,
                dialect?: Dialect
            ): Promise<RawClient> {
                return keep(await (await from(transport)).client(transport, role, dialect));
            }

            /** A client with a token and a stream. */
            async function connected(
                role: Parameters<SetUp["client"]>[1] = "manager",
                from = setUps,
                dialect?: Dialect
            ): Promise<RawClient> {
                return keep(await (await from(transport)).connected(transport, role, dialect));
            }

            afterEach(async () => {
                expect(clients.flatMap(({ stream }) => stream?.faults ?? [])).to.deep.equal([]);
                await Promise.all(clients.splice(0).map((each) => each.close()));
                for (const each of [setUps, tightSetUps]) (await each(transport)).reset();
            });

            for (const dialect of DIALECTS)
                describe(`in ${dialect}`, () => {
                    testDialect(dialect);
                });

            function testDialect(dialect: Dialect): void {
                const endpoints = ENVELOPE_ENDPOINTS.map(
                    (endpoint): { id: string; path: string; envelope: Envelope } =>
                        dialect === "rrn"
                            ? endpoint
                            : { ...endpoint, envelope: JANUARY[endpoint.id] ?? endpoint.envelope }
                );

                describe("the event stream", () => {
                    req(["HTTP-stream-200", "HTTP-stream-headers", "STREAM-no-content-encoding"], "opens", async () => {
                        const consumer = await client("manager", setUps, dialect);
                        const stream = await consumer.openStream({ headers: { "accept-encoding": "gzip, br" } });
                        expect(stream).to.include({ status: 200 });
                        expect(stream.headers["content-type"]).to.match(/^text\/event-stream\b/);
                        expect(stream.headers).to.include({
                            "cache-control": "no-cache, no-transform",
                            "x-accel-buffering": "no",
                            "hiveot-heartbeat": "30",
                        });
                        expect(stream.headers).not.to.have.property("content-encoding");
                        await stream.next(({ event }) => event === "sse-ping");
                    });

                    req(["HTTP-stream-400", "BAD-no-cid"], "is refused without a cid", async () => {
                        const consumer = await client("manager", setUps, dialect);
                        expectProblem(
                            await consumer.request("GET", STREAM_PATHS[dialect], { headers: consumer.headers() }),
                            400,
                            "MISSING_CID"
                        );
                    });

                    req("HTTP-stream-503", "is refused to a client that has too many", async () => {
                        for (let n = 0; n < TIGHT.maxConnectionsPerClient; n++)
                            await connected("device", tightSetUps, dialect);
                        const consumer = await client("device", tightSetUps, dialect);
                        const headers = { ...consumer.headers(), cid: freshId("cid") };
                        const asked = consumer.request("GET", STREAM_PATHS[dialect], { headers });
                        if (dialect === "rrn-2025") {
                            // After any status but 200 its client would never come again.
                            expect(await asked.catch((error: unknown) => error)).to.be.an("error");
                        } else {
                            const reply = await asked;
                            expectProblem(reply, 503, "TOO_MANY_CONNECTIONS");
                            expect(reply.headers["retry-after"]).to.equal("5");
                        }
                        const other = await connected("viewer", tightSetUps, dialect);
                        expect((await other.call(PING)).envelope).to.include({ output: "pong" });
                    });

                    req("HTTP-heartbeat", "is kept alive by comments, announced in whole seconds", async () => {
                        const consumer = await connected("viewer", tightSetUps, dialect);
                        for (let beat = 0; beat < 2; beat++) {
                            const block = await consumer.stream?.next(({ comment }) => comment !== undefined);
                            expect(block).to.include({ event: undefined, data: undefined, raw: ": \n\n" });
                        }
                        expect(consumer.stream?.headers["hiveot-heartbeat"]).to.equal("1");
                    });
                });

                describe("envelopes", () => {
                    req(
                        ["HTTP-request-201", "HTTP-bearer-case", "HTTP-client-id-absent", "HTTP-any-content-type"],
                        "are taken with any content type, spelling of bearer, and without clientID",
                        async () => {
                            const consumer = await connected("manager", setUps, dialect);
                            const variants: readonly Record<string, string | undefined>[] = [
                                {},
                                { authorization: `Bearer ${String(consumer.token)}` },
                                { authorization: `BEARER ${String(consumer.token)}` },
                                { clientid: undefined },
                                { "content-type": undefined },
                                { "content-type": "text/plain" },
                                { "content-type": "application/x-www-form-urlencoded" },
                                { "content-type": "application/json; charset=utf-8" },
                                { "content-type": "nonsense" },
                            ];
                            for (const headers of variants) {
                                const correlationID = freshId("c");
                                const reply = await consumer.post(
                                    "/hiveot/request",
                                    { ...PING, correlationID },
                                    headers
                                );
                                expect(reply).to.include({ status: 201, body: "" });
                                const pong = await consumer.stream?.response(correlationID);
                                expect(pong?.json).to.include({ output: "pong", status: "completed" });
                            }
                        }
                    );

                    req(
                        ["HTTP-created-filled", "JAN-message-type"],
                        "are taken without created and messageID; without messageType in rrn only",
                        async () => {
                            const consumer = await connected("manager", setUps, dialect);
                            const correlationID = freshId("c");
                            const bare = {
                                operation: "readproperty",
                                thingID: COUNTER_ID,
                                name: "count",
                                correlationID,
                            };
                            const typed = { ...bare, messageType: "request" };
                            if (dialect === "rrn-2025")
                                expectProblem(await consumer.post("/hiveot/request", bare), 400, "INVALID_ENVELOPE");
                            const taken = await consumer.post("/hiveot/request", dialect === "rrn" ? bare : typed);
                            expect(taken).to.include({ status: 201 });
                            expect((await consumer.stream?.response(correlationID))?.json).to.include({ output: 0 });
                        }
                    );

                    for (const { id, path, envelope } of endpoints.slice(1)) {
                        req(
                            [`HTTP-${id}-204`, "JAN-accepted"],
                            `${id}: taken and dropped when it is for nobody, even without a stream`,
                            async () => {
                                const consumer = await client("device", setUps, dialect);
                                consumer.cid = freshId("no-stream");
                                expect(await consumer.post(path, envelope)).to.include({
                                    status: ACCEPTED[dialect],
                                    body: "",
                                });
                            }
                        );
                    }

                    for (const { id, path, envelope } of endpoints) {
                        req(
                            [
                                `HTTP-${id}-400`,
                                "BAD-not-json",
                                "BAD-member-types",
                                "BAD-no-operation",
                                "SURVIVE-bad-input",
                                "JAN-value",
                            ],
                            `${id}: what is no envelope is refused`,
                            async () => {
                                const consumer = await connected("manager", setUps, dialect);
                                const bystander = await connected("viewer", setUps, dialect);
                                const { operation: _operation, affordanceType: _affordance, ...nameless } = envelope;
                                const bad: readonly unknown[] = [
                                    "",
                                    "{nojson",
                                    "nul",
                                    '{"messageType":"request","operation":"ping"',
                                    null,
                                    5,
                                    "text",
                                    [],
                                    [envelope],
                                    {},
                                    nameless,
                                    { ...envelope, messageType: "other" },
                                    { ...envelope, messageType: 5 },
                                    { ...envelope, operation: 5, affordanceType: 5 },
                                    { ...envelope, thingID: 5 },
                                    { ...envelope, name: {} },
                                    { ...envelope, correlationID: 5 },
                                    { ...envelope, messageID: [] },
                                    { ...envelope, senderID: 5 },
                                    { ...envelope, thingID: true },
                                    ...(id === "response"
                                        ? BAD_MEMBERS[dialect].map((each) => ({ ...envelope, ...each }))
                                        : []),
                                    id === "response" ? { ...envelope, error: "text" } : { ...envelope, name: false },
                                ];
                                for (const each of bad) {
                                    const text = typeof each === "string" ? each : JSON.stringify(each);
                                    const reply = await consumer.post(path, text);
                                    expect(reply, `body ${text}`).to.include({ status: 400 });
                                    expectProblem(reply, 400, "INVALID_ENVELOPE");
                                }
                                for (const other of [consumer, bystander]) {
                                    expect((await other.call(PING)).envelope).to.include({ output: "pong" });
                                }
                            }
                        );

                        req(
                            ["BAD-depth", `HTTP-${id}-400`],
                            `${id}: JSON over the depth limit is refused`,
                            async () => {
                                const consumer = await connected("manager", setUps, dialect);
                                for (const depth of [100, 50_000]) {
                                    const deep = `${"[".repeat(depth)}${"]".repeat(depth)}`;
                                    const member = id === "request" ? "input" : "value";
                                    const text = `{${JSON.stringify(envelope).slice(1, -1)},"${member}":${deep}}`;
                                    expectProblem(await consumer.post(path, text), 400, "INVALID_ENVELOPE");
                                }
                                const shallow = { ...envelope, correlationID: freshId("c"), future: nested(60) };
                                expect((await consumer.post(path, shallow)).status).to.equal(
                                    id === "request" ? 201 : ACCEPTED[dialect]
                                );
                            }
                        );

                        req(
                            ["BAD-too-large", `HTTP-${id}-413`],
                            `${id}: a body over the limit is refused`,
                            async () => {
                                const consumer = await connected("manager", tightSetUps, dialect);
                                const envelopeOf = (size: number): Envelope => ({
                                    ...envelope,
                                    correlationID: freshId("c"),
                                    input: "x".repeat(size),
                                });
                                expectProblem(await consumer.post(path, envelopeOf(2000)), 413, "TOO_LARGE");
                                expectProblem(await consumer.post(path, envelopeOf(300_000)), 413, "TOO_LARGE");
                                expect((await consumer.post(path, envelopeOf(1000))).status).to.equal(
                                    id === "request" ? 201 : ACCEPTED[dialect]
                                );
                                expect((await consumer.call(PING)).envelope).to.include({ output: "pong" });
                            }
                        );
                    }

                    req(["BAD-no-cid", "HTTP-request-400"], "a request without a cid is refused", async () => {
                        const consumer = await connected("manager", setUps, dialect);
                        expectProblem(
                            await consumer.post("/hiveot/request", PING, { cid: undefined }),
                            400,
                            "MISSING_CID"
                        );
                        expectProblem(await consumer.post("/hiveot/request", PING, { cid: "" }), 400, "MISSING_CID");
                    });

                    req(
                        ["BAD-no-stream", "HTTP-request-400"],
                        "a request without a stream for its cid is refused",
                        async () => {
                            const consumer = await connected("manager", setUps, dialect);
                            const reply = await consumer.post("/hiveot/request", PING, { cid: freshId("none") });
                            expectProblem(reply, 400, "NO_SESSION");
                        }
                    );

                    req(
                        "BAD-foreign-cid",
                        "a request with another client's cid is refused, and nothing comes of it",
                        async () => {
                            const victim = await connected("viewer", setUps, dialect);
                            const thief = await connected("operator", setUps, dialect);
                            const reply = await thief.post("/hiveot/request", PING, { cid: victim.cid });
                            expectProblem(reply, 400, "NO_SESSION");
                            await victim.call({ ...PING, correlationID: "mine" });
                            const ids = victim.stream?.blocks.flatMap(({ json }) => json?.["correlationID"] ?? []);
                            expect(ids).to.deep.equal(["mine"]);
                        }
                    );

                    req(
                        ["BAD-open-requests", "HTTP-request-429"],
                        "too many open requests are refused, others served",
                        async () => {
                            const { counter } = await tightSetUps(transport);
                            const consumer = await connected("operator", tightSetUps, dialect);
                            const other = await connected("operator", tightSetUps, dialect);
                            const messageType = "request";
                            const later = {
                                messageType,
                                operation: "invokeaction",
                                thingID: COUNTER_ID,
                                name: "later",
                            };
                            const answers = [1, 2].map((input) => consumer.call({ ...later, input }));
                            await counter.invoked("later", 2);
                            const refused = await consumer.post("/hiveot/request", { ...later, input: 3 });
                            expectProblem(refused, 429, "TOO_MANY_REQUESTS");
                            expect((await other.call(PING)).envelope).to.include({ output: "pong" });
                            for (const answer of counter.later) answer();
                            const outputs = (await Promise.all(answers)).map(({ envelope }) => envelope["output"]);
                            expect(outputs).to.deep.equal([1, 2]);
                            expect((await consumer.call(PING)).envelope).to.include({ output: "pong" });
                            expect(counter.invocations).to.have.length(2);
                        }
                    );

                    req("BAD-subscriptions", "too many subscriptions fail", async () => {
                        const consumer = await connected("viewer", tightSetUps, dialect);
                        const subscribe = async (name: string, operation = "subscribeevent"): Promise<Envelope> =>
                            (await consumer.call({ operation, thingID: COUNTER_ID, name })).envelope;
                        expect(await subscribe("tick")).to.include({ status: "completed" });
                        expect(await subscribe("tick")).to.include({ status: "completed" });
                        expect(await subscribe("overflow")).to.include({ status: "completed" });
                        const refused = await subscribe("alarm");
                        expect(refused).to.include({ status: "failed" });
                        expect(checkProblem(refused["error"])).to.include({
                            status: 429,
                            code: "TOO_MANY_SUBSCRIPTIONS",
                        });
                        expect(await subscribe("overflow", "unsubscribeevent")).to.include({ status: "completed" });
                        expect(await subscribe("alarm")).to.include({ status: "completed" });
                    });
                });
            }

            describe("identity", () => {
                for (const endpoint of PROTECTED) {
                    const { id, method, path } = endpoint;
                    const body = "envelope" in endpoint ? JSON.stringify(endpoint.envelope) : undefined;
                    req(
                        [`HTTP-${id}-401`, "BAD-no-token", "BAD-bad-token", "BAD-expired-token", "BAD-client-id"],
                        `${path}: without a valid token it is refused`,
                        async () => {
                            const consumer = await connected();
                            const token = String(consumer.token);
                            const forged = `${token.slice(0, -6)}AAAAAA`;
                            const send = (headers: Record<string, string | undefined>): Promise<RawResponse> =>
                                consumer.request(method, path, {
                                    headers: { ...consumer.headers(), ...headers },
                                    ...(body === undefined ? {} : { body }),
                                });
                            const basic = Buffer.from(`manager1:${passwordOf("manager")}`).toString("base64");
                            const bad: readonly Record<string, string | undefined>[] = [
                                { authorization: undefined },
                                { authorization: "bearer" },
                                { authorization: "bearer " },
                                { authorization: "bearer nonsense" },
                                { authorization: `bearer ${forged}` },
                                { authorization: token },
                                { authorization: `Basic ${basic}` },
                                { clientid: usernameOf("admin") },
                                { clientid: "nobody" },
                            ];
                            for (const headers of bad) expectProblem(await send(headers), 401, "UNAUTHORIZED");
                            await inDays(8, async () => {
                                expectProblem(await send({}), 401, "UNAUTHORIZED");
                            });
                        }
                    );
                }

                req(
                    ["HTTP-login-200", "HTTP-profile-200", "HTTP-no-stream-needed"],
                    "log-in gives a token that works",
                    async () => {
                        const setUp = await setUps(transport);
                        const consumer = keep(await setUp.client(transport));
                        const reply = await consumer.login(usernameOf("viewer"), passwordOf("viewer"));
                        expect(reply).to.include({ status: 200 });
                        expect(reply.headers["content-type"]).to.match(/^application\/json\b/);
                        expect(JSON.parse(reply.body))
                            .to.be.a("string")
                            .and.match(/^[\w-]+\.[\w-]+\.[\w-]+$/);
                        const profile = await consumer.request("GET", "/authn/profile", {
                            headers: consumer.headers(),
                        });
                        expect(profile).to.include({ status: 200 });
                        expect(JSON.parse(profile.body)).to.include({
                            clientID: usernameOf("viewer"),
                            displayName: usernameOf("viewer"),
                            role: "viewer",
                        });
                    }
                );

                req(
                    ["HTTP-login-401", "HTTP-nothing-echoed"],
                    "a wrong password and an unknown user get the same answer",
                    async () => {
                        const consumer = await client();
                        const wrong = await consumer.login(usernameOf("admin"), "not the password");
                        expectProblem(wrong, 401, "INVALID_CREDENTIALS");
                        const unknown = await consumer.login("nobody-knows", "not the password");
                        expect(unknown).to.include({ status: 401, body: wrong.body });
                        expect(wrong.body).not.to.match(/admin1|not the password/);
                    }
                );

                req("HTTP-login-400", "a log-in without username and password is refused", async () => {
                    const consumer = await client();
                    const bad = [
                        "{x",
                        "",
                        "null",
                        "[]",
                        "{}",
                        '{"username":"admin1"}',
                        '{"username":5,"password":"x"}',
                    ];
                    for (const body of bad) {
                        const reply = await consumer.request("POST", "/authn/login", { body });
                        expect(reply, `body ${body}`).to.include({ status: 400 });
                        expectProblem(reply, 400, "INVALID_REQUEST");
                    }
                });

                req(["HTTP-login-413", "BAD-too-large"], "a log-in over the limit is refused", async () => {
                    const consumer = await client("viewer");
                    expectProblem(await consumer.login("x".repeat(2 * 1024 * 1024), "x"), 413, "TOO_LARGE");
                });

                req("HTTP-login-429", "too many failed log-ins are refused, others are not", async () => {
                    const consumer = await client("viewer", tightSetUps);
                    let reply = await consumer.login(usernameOf("service"), "wrong");
                    for (let attempt = 1; attempt < 50 && reply.status === 401; attempt++) {
                        reply = await consumer.login(usernameOf("service"), "wrong");
                    }
                    expectProblem(reply, 429, "TOO_MANY_REQUESTS");
                    expectProblem(
                        await consumer.login(usernameOf("service"), passwordOf("service")),
                        429,
                        "TOO_MANY_REQUESTS"
                    );
                    expect(await consumer.login(usernameOf("device"), passwordOf("device"))).to.include({
                        status: 200,
                    });
                });

                req(
                    ["HTTP-refresh-200", "HTTP-no-stream-needed"],
                    "refresh gives a token; the old one stays valid",
                    async () => {
                        const consumer = await client();
                        const old = String(consumer.token);
                        const reply = await consumer.post("/authn/refresh", JSON.stringify(old), { cid: undefined });
                        expect(reply).to.include({ status: 200 });
                        const fresh = JSON.parse(reply.body) as string;
                        for (const token of [fresh, old]) {
                            consumer.token = token;
                            const profile = await consumer.request("GET", "/authn/profile", {
                                headers: consumer.headers(),
                            });
                            expect(profile).to.include({ status: 200 });
                        }
                    }
                );

                req("HTTP-refresh-400", "refresh of something else is refused", async () => {
                    const consumer = await client();
                    for (const body of ["{x", "5", "[]", '""', '"bad"']) {
                        const reply = await consumer.post("/authn/refresh", body);
                        expect(reply, `body ${body}`).to.include({ status: 400 });
                        expectProblem(reply, 400, "INVALID_REQUEST");
                    }
                });

                req("HTTP-logout-204", "log-out ends its own session, and no other one of the account", async () => {
                    const setUp = await setUps(transport);
                    const leaving = keep(await setUp.client(transport, "operator"));
                    await leaving.connect(usernameOf("operator"), passwordOf("operator"));
                    const staying = await connected("operator");
                    const reply = await leaving.post("/authn/logout", "");
                    expect(reply).to.include({ status: 204, body: "" });
                    await leaving.stream?.closed;
                    expectProblem(
                        await leaving.request("GET", "/authn/profile", { headers: leaving.headers() }),
                        401,
                        "UNAUTHORIZED"
                    );
                    expectProblem(await leaving.post("/hiveot/request", PING), 401, "UNAUTHORIZED");
                    expect((await staying.call(PING)).envelope).to.include({ output: "pong" });
                });
            });

            describe("paths and methods", () => {
                for (const { id, method, path } of ENDPOINTS) {
                    req([`HTTP-${id}-405`, "BAD-method"], `${path}: another method is refused`, async () => {
                        const consumer = await client();
                        const others = ["PUT", "PATCH", method === "GET" ? "POST" : "GET"];
                        for (const wrong of id === "stream" ? others : [...others, "DELETE"]) {
                            expectAllow(await consumer.request(wrong, path, { headers: consumer.headers() }), method);
                        }
                    });
                }

                req(["HTTP-other-404", "BAD-path", "HTTP-problem"], "any other path is not found", async () => {
                    const consumer = await client();
                    const paths = [
                        "/",
                        "/hiveot",
                        "/hiveot/nothing",
                        "/hiveot/request/x",
                        "/HIVEOT/nothing",
                        "/authn/nothing",
                        "/nothing?x=1",
                        "/%2e%2e/etc/passwd",
                    ];
                    for (const path of paths) {
                        for (const headers of [consumer.headers(), {}]) {
                            expectProblem(await consumer.request("GET", path, { headers }), 404, "NOT_FOUND");
                        }
                    }
                });

                req("HTTP-ping-200", "a ping is answered with a dot", async () => {
                    const reply = await (await client()).request("GET", "/ping");
                    expect(reply).to.include({ status: 200, body: "." });
                    expect(reply.headers["content-type"]).to.match(/^text\/plain\b/);
                });
            });

            describe("Thing Descriptions", () => {
                req(
                    ["HTTP-wot-200", "HTTP-td-access", "HTTP-no-stream-needed"],
                    "the TD of the one Thing",
                    async () => {
                        const reply = await (await client("viewer", singleSetUps)).request("GET", "/.well-known/wot");
                        expect(reply).to.include({ status: 200 });
                        expect(reply.headers["content-type"]).to.match(/^application\/td\+json\b/);
                        expect(JSON.parse(reply.body)).to.include({ id: COUNTER_ID, title: "Counter" });
                    }
                );

                req("HTTP-wot-200-several", "a TD of the server, with links to its Things", async () => {
                    const setUp = await setUps(transport);
                    const reply = await (await client()).request("GET", "/.well-known/wot");
                    expect(reply).to.include({ status: 200 });
                    expect(reply.headers["content-type"]).to.match(/^application\/td\+json\b/);
                    const td = JSON.parse(reply.body) as Envelope;
                    expect(td).to.include.keys("id", "title", "security", "securityDefinitions", "forms");
                    expect(td["properties"]).to.include.keys("nrConnections");
                    const links = (td["links"] as Envelope[]).map(({ rel, href }) => ({ rel, href }));
                    expect(links).to.have.deep.members(
                        [COUNTER_ID, TWIN_ID].map((id) => ({
                            rel: "item",
                            href: `${setUp.origin}/things/${encodeURIComponent(id)}`,
                        }))
                    );
                });

                req(["HTTP-thing-200", "TD-colons"], "the TD of a Thing, its id percent-encoded", async () => {
                    const consumer = await client();
                    for (const id of [COUNTER_ID, TWIN_ID]) {
                        const reply = await consumer.request("GET", `/things/${encodeURIComponent(id)}`);
                        expect(reply).to.include({ status: 200 });
                        expect(reply.headers["content-type"]).to.match(/^application\/td\+json\b/);
                        expect(JSON.parse(reply.body)).to.include({ id });
                    }
                });

                req("HTTP-thing-404", "an unknown Thing is not found", async () => {
                    const consumer = await client();
                    for (const path of ["/things/nothing", "/things/%E0%A4%A", "/things/%00", "/things/__proto__"]) {
                        const reply = await consumer.request("GET", path);
                        expect(reply.status, path).to.be.oneOf([400, 404]);
                        expect(reply.headers["content-type"]).to.equal("application/problem+json");
                    }
                    expect((await consumer.request("GET", "/things/nothing")).status).to.equal(404);
                });

                for (const id of ["wot", "thing"] as const) {
                    req(
                        [`HTTP-${id}-401`, "HTTP-td-access"],
                        `${id}: needs a token where tdAccess says so`,
                        async () => {
                            const path =
                                id === "wot" ? "/.well-known/wot" : `/things/${encodeURIComponent(COUNTER_ID)}`;
                            const consumer = await client("viewer", tightSetUps);
                            expectProblem(await consumer.request("GET", path), 401, "UNAUTHORIZED");
                            const reply = await consumer.request("GET", path, { headers: consumer.headers() });
                            expect(reply).to.include({ status: 200 });
                        }
                    );
                }
            });
        });
    }

    req(
        ["HTTP-both-versions", "HTTP-h2-one-connection"],
        "one TLS port serves both versions; h2 takes one connection",
        async () => {
            const setUp = await setUps("TLS h2");
            const [first, second] = [await setUp.connected("TLS h1"), await setUp.connected("TLS h2")];
            try {
                expect((await first.call(PING)).envelope).to.include({ output: "pong" });
                const answers = await Promise.all(
                    Array.from({ length: 100 }, () =>
                        second.call({ operation: "ping" }).then(({ reply }) => reply.status)
                    )
                );
                expect(new Set(answers)).to.deep.equal(new Set([201]));
                expect(second.wire).to.include({ connections: 1 });
            } finally {
                await Promise.all([first.close(), second.close()]);
            }
        }
    );
});
