/** Passport strategies of a user's own, on both paths: the hot one (stream and POSTs) and that of Express (`/authn`, TDs). */
import { expect } from "chai";
import { Strategy as PassportStrategy } from "passport";
import { connect, type Strategy, type StrategyUser } from "../../src/index";
import { RawClient, type RequestHeaders } from "../conformance/raw/raw-client";
import { eventually } from "../support/eventually";
import { isSecure, passwordOf, SetUp, type Transport, TRANSPORTS, usernameOf } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";

const READ = { operation: "readproperty", thingID: COUNTER_ID, name: "count" };

/** The keys that the strategies know, and whose they are. */
const OWNERS: Readonly<Record<string, string>> = { "key of reader": "reader", "key of nobody": "nobody" };

/** An API key in a header: verified on every request. */
class ApiKeyStrategy extends PassportStrategy {
    override name = "api-key";
    /** The keys that it was asked about; Passport runs objects derived from this one. */
    readonly asked: unknown[] = [];

    override authenticate({ headers }: { readonly headers: Readonly<Record<string, unknown>> }): void {
        this.asked.push(headers["x-api-key"]);
        const clientId = OWNERS[String(headers["x-api-key"])];
        if (clientId === undefined) this.fail('ApiKey realm="things"', 401);
        else this.success(this.user(clientId, String(headers["x-api-key"])));
    }

    protected user(clientId: string, _key: string): object {
        return { clientId };
    }
}

/** One that says for how long its finding counts. */
class CachingStrategy extends ApiKeyStrategy {
    expiresAt = Date.now() + 60_000;

    protected override user(clientId: string, cacheKey: string): object {
        return { clientId, cacheKey, expiresAt: this.expiresAt };
    }
}

/** One that knows nobody. */
class RefusingStrategy extends ApiKeyStrategy {
    override authenticate(): void {
        this.asked.push("anybody");
        this.fail(401);
    }
}

/** Somebody else's opaque tokens, as bearer tokens. */
const opaqueTokens: Strategy = {
    authenticate({ headers }) {
        if (headers["authorization"] === "bearer v4.public.opaque") this.success({ clientId: "reader" });
        else this.fail(401);
    },
};

/** A client that shows an API key in place of a token. */
class KeyClient extends RawClient {
    key: string | undefined;

    override headers(): RequestHeaders {
        return { ...super.headers(), "x-api-key": this.key };
    }
}

const ACCOUNTS = [
    { username: "reader", role: "viewer" },
    { username: usernameOf("admin"), password: passwordOf("admin"), role: "admin" },
];

/** Waits for a moment that a credential ends at, in milliseconds since the epoch. */
function at(time: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, Math.max(time - Date.now(), 0) + 1));
}

describe("Passport strategies of one's own", () => {
    const setUps: SetUp[] = [];
    const clients: RawClient[] = [];

    afterEach(async () => {
        for (const client of clients.splice(0)) await client.close();
        for (const setUp of setUps.splice(0)) await setUp.stop();
    });

    async function start(transport: Transport, ...strategies: readonly Strategy[]): Promise<SetUp> {
        const server = { accounts: ACCOUNTS, strategies, tdAccess: "authenticated" } as const;
        const setUp = await SetUp.start({ secure: isSecure(transport), things: [COUNTER_ID], server });
        setUps.push(setUp);
        return setUp;
    }

    function keyClient(setUp: SetUp, transport: Transport, key?: string): KeyClient {
        const client = new KeyClient(setUp.wire(transport));
        client.key = key;
        clients.push(client);
        return client;
    }

    /** Statuses on the path of Express: profile and TDs. */
    async function slowPath(client: RawClient): Promise<readonly number[]> {
        const statuses: number[] = [];
        for (const path of ["/authn/profile", "/.well-known/wot", `/things/${encodeURIComponent(COUNTER_ID)}`]) {
            statuses.push((await client.request("GET", path, { headers: client.headers() })).status);
        }
        return statuses;
    }

    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            it("let an API key in on both paths, and are asked for every request", async () => {
                const strategy = new ApiKeyStrategy();
                const client = keyClient(await start(transport, strategy), transport, "key of reader");
                expect(await slowPath(client)).to.deep.equal([200, 200, 200]);
                expect(strategy.asked.length).to.equal(3);
                expect((await client.openStream()).status).to.equal(200);
                for (let i = 0; i < 5; i++) {
                    expect((await client.call(READ)).envelope).to.include({ output: 0, status: "completed" });
                }
                expect(strategy.asked.length).to.equal(9);
                const write = { operation: "writeproperty", thingID: COUNTER_ID, name: "count", input: 1 };
                expect((await client.call(write)).envelope["error"]).to.include({ status: 403 });
            });

            it("are asked once on both paths together where they say how long it counts", async () => {
                const strategy = new CachingStrategy();
                const setUp = await start(transport, strategy);
                const client = keyClient(setUp, transport, "key of reader");
                await client.openStream();
                for (let i = 0; i < 5; i++) expect((await client.call(READ)).envelope).to.include({ output: 0 });
                expect(await slowPath(client)).to.deep.equal([200, 200, 200]);
                expect(strategy.asked.length).to.equal(1);
                expect(setUp.server.status).to.include({ tokenVerifications: 1 });
                client.key = "key of reader!";
                expect(await slowPath(client), "another key is not the one that is remembered").to.deep.equal([
                    401, 401, 401,
                ]);
                expect(strategy.asked.length).to.equal(4);
            });

            it("refuse with the challenges of all, on both paths, and leave tokens of ours alone", async () => {
                const setUp = await start(transport, new ApiKeyStrategy());
                for (const key of [undefined, "", "key of eve", "key of nobody"]) {
                    const client = keyClient(setUp, transport, key);
                    expect(await slowPath(client)).to.deep.equal([401, 401, 401]);
                    const refused = await client.openStream();
                    expect(refused.status).to.equal(401);
                    const all = key === "key of nobody" ? "Bearer" : 'Bearer, ApiKey realm="things"';
                    expect(refused.headers["www-authenticate"]).to.equal(all);
                }
                const admin = await setUp.connected(transport, "admin");
                clients.push(admin);
                expect((await admin.call(READ)).envelope).to.include({ output: 0 });
                expect(await slowPath(admin)).to.deep.equal([200, 200, 200]);
            });

            it("do not keep a stream beyond the end that they gave, nor the key", async () => {
                const strategy = new CachingStrategy();
                strategy.expiresAt = Date.now() + 300;
                const client = keyClient(await start(transport, strategy), transport, "key of reader");
                await (
                    await client.openStream()
                ).closed;
                expect(Date.now()).to.be.within(strategy.expiresAt - 150, strategy.expiresAt + 100);
                await at(strategy.expiresAt);
                expect(await slowPath(client)).to.deep.equal([401, 401, 401]);
            });

            it("harm nobody when they throw, reject, redirect, or say nonsense", async () => {
                const wrong: readonly (readonly [number, Strategy])[] = [
                    [
                        500,
                        {
                            authenticate() {
                                throw new Error("secret");
                            },
                        },
                    ],
                    [500, { authenticate: () => Promise.reject(new Error("secret")) }],
                    [500, { authenticate: authenticateAs("reader") }],
                    [500, { authenticate: authenticateAs({ clientId: 5 }) }],
                    [
                        401,
                        {
                            authenticate() {
                                this.redirect("https://example.com/login");
                            },
                        },
                    ],
                    [
                        401,
                        {
                            authenticate() {
                                this.pass();
                            },
                        },
                    ],
                ];
                for (const [status, strategy] of wrong) {
                    const setUp = await start(transport, strategy);
                    const client = keyClient(setUp, transport, "key of reader");
                    const refused = await client.openStream();
                    expect(refused.status).to.equal(status);
                    expect(refused.body).to.not.include("secret");
                    expect(await slowPath(client)).to.deep.equal([status, status, status]);
                    const admin = await setUp.connected(transport, "admin");
                    clients.push(admin);
                    expect((await admin.call(READ)).envelope).to.include({ output: 0 });
                }
            });

            it("take tokens that are not ours, which our client sends as they are", async () => {
                const setUp = await start(transport, opaqueTokens);
                const options = isSecure(transport)
                    ? { caCert: setUp.certificate.cert, httpVersion: transport === "TLS h2" ? 2 : 1 }
                    : {};
                const credentials = { token: "v4.public.opaque", clientId: "reader" };
                const connection = await connect(setUp.origin, credentials, {
                    ...(options as object),
                    tokenRefreshInterval: 1,
                });
                // The server does not refresh what it did not issue; the client goes on with what it has
                expect(await connection.readProperty(COUNTER_ID, "count")).to.equal(0);
                expect(await connection.readProperty(COUNTER_ID, "count")).to.equal(0);
                await connection.close();
                await eventually("no connection left", () => setUp.server.status.connections === 0);
            });
        });
    }

    it("are asked after our own tokens, in their order, until one succeeds", async () => {
        const first = new RefusingStrategy();
        const second = new CachingStrategy();
        const third = new ApiKeyStrategy();
        first.authenticate = function (this: ApiKeyStrategy) {
            this.asked.length += 1;
            this.fail(401);
        };
        const setUp = await start("plain h1", first, second, third);
        const client = keyClient(setUp, "plain h1", "key of reader");
        expect(await slowPath(client)).to.deep.equal([200, 200, 200]);
        // Whatever comes ahead of what is remembered has to be asked again: it may know the request by something else
        expect([first.asked.length, second.asked.length, third.asked.length]).to.deep.equal([3, 1, 0]);
        client.token = await setUp.token("admin");
        expect(await slowPath(client)).to.deep.equal([200, 200, 200]);
        expect([first.asked.length, second.asked.length, third.asked.length]).to.deep.equal([3, 1, 0]);
    });

    it("lose nobody else when the account is removed whose key is remembered", async () => {
        const setUp = await start("plain h1", new CachingStrategy());
        const client = keyClient(setUp, "plain h1", "key of reader");
        const stream = await client.openStream();
        await setUp.server.accounts.remove("reader");
        await stream.closed;
        expect(await slowPath(client)).to.deep.equal([401, 401, 401]);
    });
});

/** A strategy that calls the user something. */
function authenticateAs(user: unknown): Strategy["authenticate"] {
    return function () {
        this.success(user as StrategyUser);
    };
}
