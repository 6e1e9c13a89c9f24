import { expect } from "chai";
import { SseScError } from "../../lib/errors";
import { readClaims } from "../../src/http/bearer-token";
import type { TransportRequest, TransportResponse } from "../../src/http/client-transport";
import { TokenSession, type Credentials, type TokenSessionOptions } from "../../src/http/token-session";

const HOUR = 3_600_000;

function jwt(claims: object): string {
    const part = (json: object): string => Buffer.from(JSON.stringify(json)).toString("base64url");
    return `${part({ alg: "ES256" })}.${part(claims)}.c2ln`;
}

function paseto(claims: object): string {
    const payload = Buffer.concat([Buffer.from(JSON.stringify(claims)), Buffer.alloc(64, 7)]);
    return `v4.public.${payload.toString("base64url")}.footer`;
}

/** A server in a function: what it was asked, and what it answers. */
class FakeServer {
    readonly asked: TransportRequest[] = [];
    next = 1;
    refusesRefresh = false;
    refusesLogin: number | undefined;
    token: (n: number) => string = (n) => `opaque-${String(n)}`;
    onRequest: () => void = () => undefined;

    request = async (request: TransportRequest): Promise<TransportResponse> => {
        this.asked.push(request);
        this.onRequest();
        await Promise.resolve();
        const reply = (status: number, body: string): TransportResponse => ({
            status,
            headers: {},
            body,
            complete: true,
        });
        if (request.path === "/authn/refresh" && this.refusesRefresh) return reply(401, "Invalid bearer token");
        if (request.path === "/authn/login" && this.refusesLogin !== undefined) return reply(this.refusesLogin, "");
        return reply(200, JSON.stringify(this.token(this.next++)));
    };

    get paths(): string[] {
        return this.asked.map(({ path }) => path);
    }
}

describe("TokenSession", () => {
    let server: FakeServer;
    let session: TokenSession;
    const failures: string[] = [];

    function open(credentials: Credentials, options: Partial<TokenSessionOptions> = {}): TokenSession {
        session = new TokenSession(credentials, {
            request: server.request,
            refreshInterval: HOUR,
            timeout: 1_000,
            loginMember: "username",
            isActive: () => true,
            onRefreshFailed: ({ code }) => failures.push(code),
            ...options,
        });
        return session;
    }

    beforeEach(() => {
        server = new FakeServer();
        failures.length = 0;
    });

    afterEach(() => {
        session.close();
    });

    const alice = { username: "alice", password: "secret" };

    it("names the user as the dialect of its server wants it", async () => {
        const { username, password } = alice;
        await open(alice).authorize();
        session.close();
        await open(alice, { loginMember: "login" }).authorize();
        const bodies = server.asked.map(({ body }) => JSON.parse(String(body)) as unknown);
        expect(bodies).to.deep.equal([
            { username, password },
            { login: username, password },
        ]);
    });

    it("logs in once for all who ask at once", async () => {
        open(alice);
        const all = await Promise.all([session.authorize(), session.authorize(), session.authorize()]);
        expect(all.map(({ token }) => token)).to.deep.equal(["opaque-1", "opaque-1", "opaque-1"]);
        expect(server.asked).to.have.length(1);
        expect(all[0].headers).to.deep.equal({ authorization: "bearer opaque-1", clientID: "alice" });
    });

    it("logs in with the body of protocol.md and without a cid", async () => {
        await open(alice).authorize();
        expect(server.asked[0]).to.deep.include({ method: "POST", path: "/authn/login" });
        expect(JSON.parse(server.asked[0]?.body ?? "")).to.deep.equal(alice);
        expect(server.asked[0]?.headers).to.have.all.keys("content-type", "accept");
    });

    it("calls the username login where January's server wants it", async () => {
        await open(alice, { loginMember: "login" }).authorize();
        expect(JSON.parse(server.asked[0]?.body ?? "")).to.deep.equal({ login: "alice", password: "secret" });
    });

    it("makes no request for who has a certificate, and names it in the clientID header", async () => {
        open({ clientCert: "cert", clientKey: "key", clientId: "device-1" });
        expect(await session.authorize()).to.deep.equal({ token: undefined, headers: { clientID: "device-1" } });
        expect(server.asked).to.have.length(0);
    });

    it("takes { token } as January's hub sends it", async () => {
        server.request = async () => ({ status: 200, headers: {}, body: '{"token":"abc"}', complete: true });
        expect((await open(alice).authorize()).token).to.equal("abc");
    });

    for (const body of ["", "5", "{}", '"two words"', '"line\\nbreak"', "null", '[""]']) {
        it(`refuses a log-in reply of ${JSON.stringify(body)}`, async () => {
            server.request = async () => ({ status: 200, headers: {}, body, complete: true });
            const error = await open(alice)
                .authorize()
                .catch((thrown: unknown) => thrown);
            expect(error).to.be.instanceOf(SseScError).with.property("code", "PEER_FAILED");
        });
    }

    it("says which of password and rate was the trouble", async () => {
        for (const [status, code] of [
            [401, "INVALID_CREDENTIALS"],
            [429, "TOO_MANY_REQUESTS"],
            [404, "NOT_FOUND"],
            [500, "PEER_FAILED"],
        ] as const) {
            server.refusesLogin = status;
            const error = await open(alice)
                .authorize()
                .catch((thrown: unknown) => thrown);
            expect(error).to.have.property("code", code);
        }
    });

    it("uses a given token as it is", async () => {
        open({ token: "given", clientId: "bob" });
        expect((await session.authorize()).headers).to.deep.equal({ authorization: "bearer given", clientID: "bob" });
        expect(await session.recover("given")).to.equal(false);
        expect(server.asked).to.have.length(0);
    });

    for (const [name, token] of [
        ["a JWT", jwt({ sub: "carol" })],
        ["a JWT of HiveOT", jwt({ clientID: "carol", sub: "x" })],
        ["a PASETO", paseto({ sub: "carol" })],
        ["a PASETO without a footer, as HiveKit's", paseto({ sub: "carol" }).replace(".footer", "")],
    ] as const) {
        it(`finds the client id in ${name}`, async () => {
            expect((await open({ token }).authorize()).headers["clientID"]).to.equal("carol");
        });
    }

    it("sends no clientID that it does not know", async () => {
        expect((await open({ token: "opaque" }).authorize()).headers).to.have.all.keys("authorization");
    });

    it("sends a clientID in UTF-8", async () => {
        const { headers } = await open({ token: "opaque", clientId: "Jürgen 日本" }).authorize();
        expect(Buffer.from(headers["clientID"] ?? "", "latin1").toString("utf8")).to.equal("Jürgen 日本");
    });

    it("reads the end of JWT and PASETO, and nothing from what is opaque", () => {
        expect(readClaims(jwt({ exp: 1_700_000_000 })).expiresAt).to.equal(1_700_000_000_000);
        expect(readClaims(paseto({ exp: "2026-01-02T03:04:05Z" })).expiresAt).to.equal(Date.UTC(2026, 0, 2, 3, 4, 5));
        for (const token of [
            "x",
            "a.b.c",
            "v4.public.",
            "v4.local.abc",
            jwt({ exp: "soon" }),
            "..",
            `a.${"A".repeat(9)}.c`,
        ]) {
            expect(readClaims(token).expiresAt, token).to.equal(undefined);
        }
    });

    it("refreshes with the old token at four fifths of its life", async () => {
        server.token = (n) => jwt({ sub: "alice", n, exp: (Date.now() + 500) / 1000 });
        const started = Date.now();
        const refreshed = new Promise<void>((resolve) => {
            server.onRequest = () => {
                if (server.paths.includes("/authn/refresh")) resolve();
            };
        });
        const { token } = await open(alice).authorize();
        await refreshed;
        expect(Date.now() - started).to.be.within(380, 495);
        expect(server.asked[1]).to.deep.include({ path: "/authn/refresh", body: JSON.stringify(token) });
        expect(server.asked[1]?.headers).to.include({ authorization: `bearer ${token}`, clientID: "alice" });
        expect((await session.authorize()).token).to.not.equal(token);
    });

    it("refreshes an opaque token by time", async () => {
        const refreshed = new Promise<void>((resolve) => {
            server.onRequest = () => {
                if (server.paths.includes("/authn/refresh")) resolve();
            };
        });
        await open(alice, { refreshInterval: 20 }).authorize();
        await refreshed;
        expect(server.paths).to.deep.equal(["/authn/login", "/authn/refresh"]);
    });

    for (const [name, token] of [
        ["a PASETO", paseto({ sub: "carol", exp: new Date(Date.now() + HOUR).toISOString() }).replace(".footer", "")],
        ["an opaque token", "s3cr3t/+=~."],
    ] as const) {
        it(`shows ${name} as it is, and refreshes it with itself`, async () => {
            server.token = (n) => `${token.slice(0, 10)}${String(n)}`;
            const refreshed = new Promise<void>((resolve) => {
                server.onRequest = resolve;
            });
            open({ token, clientId: "carol" }, { refreshInterval: 20 });
            expect((await session.authorize()).headers).to.deep.equal({
                authorization: `bearer ${token}`,
                clientID: "carol",
            });
            if (name === "a PASETO") return; // it shows an end that is an hour away
            await refreshed;
            expect(server.asked[0]).to.deep.include({ path: "/authn/refresh", body: JSON.stringify(token) });
            expect(server.asked[0]?.headers).to.include({ authorization: `bearer ${token}`, clientID: "carol" });
        });
    }

    it("refreshes a PASETO when it says", async () => {
        const token = paseto({ sub: "carol", exp: new Date(Date.now() + 300).toISOString() });
        const refreshed = new Promise<void>((resolve) => {
            server.onRequest = resolve;
        });
        const started = Date.now();
        open({ token });
        await refreshed;
        expect(Date.now() - started).to.be.within(200, 299);
        expect(server.asked[0]).to.deep.include({ path: "/authn/refresh", body: JSON.stringify(token) });
    });

    it("logs in again when the refresh is refused", async () => {
        server.refusesRefresh = true;
        const relogin = new Promise<void>((resolve) => {
            server.onRequest = () => {
                if (server.asked.length === 3) resolve();
            };
        });
        await open(alice, { refreshInterval: 20 }).authorize();
        await relogin;
        expect(server.paths).to.deep.equal(["/authn/login", "/authn/refresh", "/authn/login"]);
        expect((await session.authorize()).token).to.equal("opaque-2");
    });

    it("goes on with a given token whose refresh is refused, and says so", async () => {
        server.refusesRefresh = true;
        const told = new Promise<string>((resolve) => {
            open({ token: "given" }, { refreshInterval: 20, onRefreshFailed: ({ code }) => resolve(code) });
        });
        expect(await told).to.equal("UNAUTHORIZED");
        expect((await session.authorize()).token).to.equal("given");
    });

    it("leaves a password's token alone while the connection rests, and refreshes it for the next request", async () => {
        let asleep = true;
        const slept = new Promise<void>((resolve) => {
            open(alice, {
                refreshInterval: 20,
                isActive: () => {
                    resolve();
                    return !asleep;
                },
            });
        });
        await session.authorize();
        await slept;
        expect(server.paths).to.deep.equal(["/authn/login"]);
        asleep = false;
        expect((await session.authorize()).token).to.equal("opaque-2");
        expect(server.paths).to.deep.equal(["/authn/login", "/authn/refresh"]);
    });

    it("does not take a clock that is ahead for the end of every token", async () => {
        server.token = (n) => jwt({ n, exp: 1 });
        open(alice);
        await session.authorize();
        await session.authorize();
        expect(server.asked).to.have.length(1);
    });

    it("logs in once for all who met a 401", async () => {
        open(alice);
        const { token = "" } = await session.authorize();
        expect(await Promise.all([session.recover(token), session.recover(token)])).to.deep.equal([true, true]);
        expect(await session.recover(token), "a late one").to.equal(true);
        expect(server.paths).to.deep.equal(["/authn/login", "/authn/login"]);
    });

    it("does nothing more once it is closed", async () => {
        open(alice);
        const { token = "" } = await session.authorize();
        session.close();
        expect(await session.recover(token)).to.equal(false);
        const error = await session.authorize().catch((thrown: unknown) => thrown);
        expect(error).to.have.property("code", "ALREADY_CLOSED");
        expect(server.asked).to.have.length(1);
    });
});
