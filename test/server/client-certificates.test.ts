/** Clients that show who they are by TLS certificate. */
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { connect, fetchThingDescription, SseScClientFactory, type SseScClientConfig } from "../../src/index";
import { Http1Wire, Http2Wire, RawClient, type RudeWire } from "../conformance/raw/raw-client";
import { certificate, certificateAuthority, clientCertificate, type TestCertificate } from "../support/certificates";
import { eventually } from "../support/eventually";
import { passwordOf, SetUp, usernameOf } from "../support/set-ups";
import { sideBySide, type OnEnd } from "../support/side-by-side";
import { COUNTER_ID } from "../support/things";

const PING = { operation: "ping" };
const READ = { operation: "readproperty", thingID: COUNTER_ID, name: "count" };

/** Accounts without a password, and one with. */
const ACCOUNTS = [
    { username: "device-1", role: "viewer" },
    { username: "device-2", role: "viewer" },
    { username: usernameOf("admin"), password: passwordOf("admin"), role: "admin" },
];

/** Waits for a moment that a credential ends at, in milliseconds since the epoch. */
function at(time: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, Math.max(time - Date.now(), 0) + 1));
}

/** A server that knows this authority. */
function serverOf(ca: TestCertificate): Promise<SetUp> {
    const server = { accounts: ACCOUNTS, clientCaCert: ca.cert, tdAccess: "authenticated" } as const;
    return SetUp.start({ secure: true, things: [COUNTER_ID], server });
}

async function wireTo(
    setUp: SetUp,
    transport: "TLS h1" | "TLS h2",
    identity: TestCertificate | undefined
): Promise<RudeWire> {
    const { cert } = await certificate();
    const options = { origin: setUp.origin, ca: cert, identity };
    return transport === "TLS h1" ? new Http1Wire(options) : new Http2Wire(options);
}

/** What `/authn/profile` answers over a TLS connection of HTTP/1.1, and the TLS session for another one. */
function profileOver(
    port: number,
    options: ConnectionOptions
): Promise<{ status: string; resumed: boolean; session: Buffer | undefined }> {
    return new Promise((resolve, reject) => {
        const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
        let session: Buffer | undefined;
        let text = "";
        socket.on("session", (made: Buffer) => (session = made));
        socket.on("error", reject);
        socket.on("data", (bytes) => (text += String(bytes)));
        socket.on("close", () => {
            resolve({ status: text.slice(9, 12), resumed, session });
        });
        let resumed = false;
        socket.on("secureConnect", () => {
            resumed = socket.isSessionReused();
            socket.write("GET /authn/profile HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        });
    });
}

describe("TLS client certificates that end", () => {
    const aside = sideBySide();

    async function start(onEnd: OnEnd): Promise<{ readonly setUp: SetUp; readonly ca: TestCertificate }> {
        const ca = await certificateAuthority();
        const setUp = await serverOf(ca);
        onEnd(() => setUp.stop());
        return { setUp, ca };
    }

    for (const transport of ["TLS h1", "TLS h2"] as const) {
        describe(`over ${transport}`, () => {
            it(
                "end their streams when they end themselves, and count no longer on the same connection",
                aside(async (onEnd) => {
                    const { setUp, ca } = await start(onEnd);
                    const opened = Date.now();
                    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000);
                    const identity = await clientCertificate(ca, "device-1", { notAfter });
                    const client = new RawClient(await wireTo(setUp, transport, identity));
                    onEnd(() => client.close());
                    const stream = await client.openStream();
                    await client.call(PING);
                    await stream.closed;
                    const ended = Date.now();
                    expect(ended)
                        .to.be.above((opened + notAfter.getTime()) / 2)
                        .and.below(notAfter.getTime() + 100);
                    await at(notAfter.getTime());
                    expect((await client.post("/hiveot/request", PING)).status).to.equal(401);
                })
            );
        });
    }

    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
        describe(`in a session of ${version} that is resumed`, () => {
            it(
                "are nobody once they have ended",
                aside(async (onEnd) => {
                    const { setUp, ca } = await start(onEnd);
                    const only = { minVersion: version, maxVersion: version } as const;
                    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000);
                    const short = await clientCertificate(ca, "device-1", { notAfter });
                    const { session, status } = await profileOver(setUp.port, {
                        ...only,
                        key: short.key,
                        cert: short.cert,
                    });
                    expect(status).to.equal("200");
                    await at(notAfter.getTime());
                    const again = await profileOver(setUp.port, { ...only, key: short.key, cert: short.cert, session });
                    expect(again).to.include({ status: "401", resumed: true });
                })
            );
        });
    }
});

describe("TLS client certificates", () => {
    let ca: TestCertificate;
    let own: TestCertificate;
    let setUp: SetUp;
    const clients: RawClient[] = [];
    const consumers: Servient[] = [];

    before(async () => {
        ca = await certificateAuthority();
        own = await clientCertificate(ca, "device-1");
    });

    beforeEach(async () => {
        setUp = await serverOf(ca);
    });

    afterEach(async () => {
        for (const client of clients.splice(0)) await client.close();
        for (const servient of consumers.splice(0)) await servient.shutdown();
        await setUp.stop();
    });

    async function clientWith(
        transport: "TLS h1" | "TLS h2",
        identity: TestCertificate | undefined = own
    ): Promise<RawClient> {
        const client = new RawClient(await wireTo(setUp, transport, identity));
        clients.push(client);
        return client;
    }

    async function profile(client: RawClient): Promise<unknown> {
        const { body } = await client.request("GET", "/authn/profile", { headers: client.headers() });
        const { clientID, status } = JSON.parse(body) as Record<string, unknown>;
        return clientID ?? status;
    }

    for (const transport of ["TLS h1", "TLS h2"] as const) {
        describe(`over ${transport}`, () => {
            it("are the account of their common name, everywhere and without a log-in", async () => {
                const client = await clientWith(transport);
                expect((await client.openStream()).status).to.equal(200);
                expect((await client.call(READ)).envelope).to.include({ output: 0, status: "completed" });
                expect(await profile(client)).to.equal("device-1");
                for (const path of ["/.well-known/wot", `/things/${encodeURIComponent(COUNTER_ID)}`]) {
                    expect((await client.request("GET", path)).status, path).to.equal(200);
                }
            });

            it("have the role that their account has now", async () => {
                const client = await clientWith(transport);
                await client.openStream();
                const write = { operation: "writeproperty", thingID: COUNTER_ID, name: "count", input: 3 };
                expect((await client.call(write)).envelope["error"]).to.include({ status: 403 });
                await setUp.server.accounts.put({ username: "device-1", role: "manager" });
                await client.openStream(); // another role ends the stream
                expect((await client.call(write)).envelope).to.include({ status: "completed" });
            });

            it("are read once per connection", async () => {
                const client = await clientWith(transport);
                await client.openStream();
                for (let i = 0; i < 10; i++) await client.call(PING);
                const connections = transport === "TLS h1" ? 2 : 1;
                expect(setUp.server.status).to.include({ connections, tokenVerifications: connections });
            });

            it("count for nothing beside an Authorization header", async () => {
                const client = await clientWith(transport);
                client.token = await setUp.token("admin");
                expect(await profile(client)).to.equal(usernameOf("admin"));
                client.clientId = undefined;
                for (const token of ["badtoken", await setUp.token("admin").then((good) => `${good}x`)]) {
                    client.token = token;
                    expect(await profile(client)).to.equal(401);
                }
                const headers = { authorization: "Basic eA==" };
                expect((await client.request("GET", "/authn/profile", { headers })).status).to.equal(401);
            });

            it("count beside a header that shows nothing, as HiveOT's JavaScript client sends it", async () => {
                const client = await clientWith(transport);
                for (const token of ["", undefined]) {
                    client.token = token;
                    expect(await profile(client)).to.equal("device-1");
                }
            });

            it("must not come with the clientID of somebody else", async () => {
                const client = await clientWith(transport);
                client.clientId = "device-1";
                expect(await profile(client)).to.equal("device-1");
                client.clientId = "device-2";
                expect(await profile(client)).to.equal(401);
                expect((await client.openStream()).status).to.equal(401);
            });

            it("are not demanded: a token alone will do, and nothing at all is 401", async () => {
                const client = await clientWith(transport, await foreign("device-1"));
                expect((await client.openStream()).status).to.equal(401);
                client.token = await setUp.token("admin");
                expect((await client.openStream()).status).to.equal(200);
            });

            const REFUSED: Record<string, () => Promise<TestCertificate>> = {
                "signed by another authority": () => foreign("device-1"),
                "that have ended": () => clientCertificate(ca, "device-1", { notBefore: days(-2), notAfter: days(-1) }),
                "that have not begun": () =>
                    clientCertificate(ca, "device-1", { notBefore: days(1), notAfter: days(2) }),
                "made for servers": () => clientCertificate(ca, "device-1", { usage: "server" }),
                "of somebody without an account": () => clientCertificate(ca, "device-9"),
                "with two common names": () => clientCertificate(ca, ["device-1", "device-2"]),
                "with the same common name twice": () => clientCertificate(ca, ["device-1", "device-1"]),
                "with a name that no account can have": () => clientCertificate(ca, "device-1 "),
            };
            for (const [title, make] of Object.entries(REFUSED)) {
                it(`are as good as none ${title}`, async () => {
                    const client = await clientWith(transport, await make());
                    expect((await client.openStream()).status).to.equal(401);
                    expect(await profile(client)).to.equal(401);
                });
            }

            it("get nothing if forged in the name of the authority, and harm nobody else", async () => {
                const honest = await clientWith(transport);
                await honest.openStream();
                const forged = await clientCertificate(await certificateAuthority(), "device-1");
                for (let i = 0; i < 5; i++) {
                    const client = await clientWith(transport, forged);
                    // OpenSSL's error about the signature may cost the connection (Node leaves it in the queue)
                    const status = await client.request("GET", "/authn/profile").then(
                        (reply) => reply.status,
                        () => 400
                    );
                    expect(status).to.be.oneOf([400, 401]);
                    expect((await honest.call(PING)).envelope).to.include({ output: "pong" });
                }
            });

            it("end their streams when their account is removed", async () => {
                const client = await clientWith(transport);
                const stream = await client.openStream();
                const other = await clientWith(transport, await clientCertificate(ca, "device-2"));
                await other.openStream();
                await setUp.server.accounts.remove("device-1");
                await stream.closed;
                expect((await client.post("/hiveot/request", PING)).status).to.equal(401);
                expect((await other.call(PING)).envelope).to.include({ output: "pong" });
            });

            it("have no session that could be refreshed or logged out", async () => {
                const client = await clientWith(transport);
                const stream = await client.openStream();
                for (const [path, body] of [
                    ["/authn/refresh", '"x"'],
                    ["/authn/refresh", ""],
                    ["/authn/logout", ""],
                ] as const) {
                    const reply = await client.post(path, body);
                    expect(reply.status, path).to.equal(400);
                    expect(JSON.parse(reply.body)).to.include({ type: "urn:hiveot-ssesc:problem:INVALID_REQUEST" });
                }
                expect(stream.ended).to.be.false;
            });
        });
    }

    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
        describe(`in a session of ${version} that is resumed`, () => {
            const only = { minVersion: version, maxVersion: version } as const;

            it("still are who they were", async () => {
                const { session, status } = await profileOver(setUp.port, { ...only, key: own.key, cert: own.cert });
                expect(status).to.equal("200");
                const again = await profileOver(setUp.port, { ...only, key: own.key, cert: own.cert, session });
                expect(again).to.include({ status: "200", resumed: true });
            });

            it("are nobody where there was no certificate", async () => {
                const { session, status } = await profileOver(setUp.port, only);
                expect(status).to.equal("401");
                expect(await profileOver(setUp.port, { ...only, session })).to.include({
                    status: "401",
                    resumed: true,
                });
            });
        });
    }

    for (const httpVersion of [1, 2] as const) {
        describe(`of node-wot's consumers over HTTP/${httpVersion}`, () => {
            async function consumer(config: SseScClientConfig): Promise<Servient> {
                const servient = new Servient();
                const { cert } = await certificate();
                servient.addClientFactory(new SseScClientFactory({ caCert: cert, httpVersion, ...config }));
                consumers.push(servient);
                return servient;
            }

            async function read(wot: Awaited<ReturnType<Servient["start"]>>, origin: string): Promise<unknown> {
                const td = await wot.requestThingDescription(`${origin}/things/${encodeURIComponent(COUNTER_ID)}`);
                const thing = await wot.consume(td);
                return (await thing.readProperty("count")).value();
            }

            function origin({ authority }: SetUp): string {
                return `sse://${authority}`;
            }

            it("open the TD and the Thing without a log-in", async () => {
                const credentials = { [setUp.origin]: { clientCert: own.certFile, clientKey: own.key } };
                const wot = await (await consumer({ credentials })).start();
                expect(await read(wot, origin(setUp))).to.equal(0);
                expect(setUp.server.status).to.include({ sessions: 1 });
            });

            it("serve connect() and fetchThingDescription() too", async () => {
                const credentials = { clientCert: own.cert, clientKey: own.key };
                const options = { caCert: (await certificate()).cert, httpVersion };
                const path = `/things/${encodeURIComponent(COUNTER_ID)}`;
                const td = await fetchThingDescription(setUp.origin + path, credentials, options);
                expect(td).to.include({ id: COUNTER_ID });
                const connection = await connect(setUp.origin, credentials, options);
                try {
                    expect(await connection.readProperty(COUNTER_ID, "count")).to.equal(0);
                } finally {
                    await connection.close();
                }
            });

            it("are shown to their own server alone", async () => {
                const server = { accounts: ACCOUNTS, clientCaCert: ca.cert };
                const other = await SetUp.start({ secure: true, things: [COUNTER_ID], server });
                try {
                    const credentials = { [setUp.origin]: { clientCert: own.cert, clientKey: own.key } };
                    const wot = await (await consumer({ credentials })).start();
                    const refused = await read(wot, origin(other)).catch((thrown: unknown) => thrown);
                    expect(refused).to.have.property("code", "UNAUTHORIZED");
                    expect(await read(wot, origin(setUp))).to.equal(0);
                    expect(other.server.status.tokenVerifications).to.equal(0);
                } finally {
                    await other.stop();
                }
            });

            it("come with credentials of a Thing too: each has a connection of its own", async () => {
                const second = await clientCertificate(ca, "device-2");
                const servient = await consumer({
                    credentials: { [setUp.origin]: { clientCert: second.cert, clientKey: second.key } },
                });
                servient.addCredentials({ [COUNTER_ID]: { clientCert: own.cert, clientKey: own.key } });
                const wot = await servient.start();
                expect(await read(wot, origin(setUp))).to.equal(0);
                await setUp.server.accounts.remove("device-2"); // who fetched the TD
                expect(setUp.server.status).to.include({ sessions: 1 });
                await setUp.server.accounts.remove("device-1");
                await eventually("the stream ends", () => setUp.server.status.sessions === 0);
            });
        });
    }

    it("leave an account without a password closed to log-in", async () => {
        const client = await clientWith("TLS h1", undefined);
        for (const password of ["", "undefined", "null", "device-1"]) {
            expect((await client.login("device-1", password)).status).to.be.oneOf([400, 401]);
        }
        expect((await client.login(usernameOf("admin"), passwordOf("admin"))).status).to.equal(200);
    });
});

async function foreign(name: string): Promise<TestCertificate> {
    return clientCertificate(await certificateAuthority("Another authority"), name);
}

function days(count: number): Date {
    return new Date(Date.now() + count * 86_400_000);
}
