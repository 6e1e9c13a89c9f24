import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { expect } from "chai";
import jwt from "jsonwebtoken";
import { LevelAccounts, type AuthStore } from "../../src/auth";
import { openStrategies } from "../../src/auth/strategies";
import { keyIdOf, Tokens } from "../../src/auth/tokens";
import { bearing, expectCode, makeFolder, memoryStore, PASSWORD, withStore } from "./harness";

const HOUR = 3_600_000;

function claimsOf(token: string): jwt.JwtPayload {
    return jwt.decode(token, { json: true })!;
}

function encode(value: unknown): string {
    return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** The only key of a store. */
async function pemIn(store: AuthStore): Promise<string> {
    const { pem } = JSON.parse((await store.sublevel("keys").get("key.1"))!) as { pem: string };
    return pem;
}

async function openStore(store: AuthStore = memoryStore(), lifetime = HOUR) {
    const tokens = await Tokens.open(store, lifetime);
    const accounts = await LevelAccounts.open(store);
    const strategies = await openStrategies(tokens, accounts);
    return {
        tokens,
        accounts,
        verify: (token: string) => strategies.verifyRequest(bearing(token)),
        verifyLogin: (username: string, password: string) => strategies.verifyLogin(username, password),
    };
}

describe("tokens", () => {
    it("carry who, which session, since when and until when", async () => {
        const { tokens } = await openStore();
        const before = Date.now() / 1000;
        const { sub, sid, iat, exp, jti, ...rest } = claimsOf(tokens.issue("ann"));
        expect(sub).to.equal("ann");
        expect(sid).to.match(/^[0-9a-f-]{36}$/);
        expect(jti)
            .to.match(/^[0-9a-f-]{36}$/)
            .and.not.equal(sid);
        expect(iat).to.be.within(before, before + 5);
        expect(exp).to.equal(Math.ceil(iat! + HOUR / 1000));
        expect(rest).to.be.empty;
    });

    it("are signed with ES256, and name the key", async () => {
        const { tokens } = await openStore();
        const { header } = jwt.decode(tokens.issue("ann"), { complete: true })!;
        expect(header).to.deep.equal({ alg: "ES256", typ: "JWT", kid: "1" });
    });

    it("each start a session of their own", async () => {
        const { tokens } = await openStore();
        const [one, two] = [claimsOf(tokens.issue("ann")), claimsOf(tokens.issue("ann"))];
        expect(one["sid"]).to.not.equal(two["sid"]);
    });

    it("are verified to what they carry", async () => {
        const { tokens, verify } = await openStore();
        const issuedAt = Date.now();
        const token = tokens.issue("ann", issuedAt);
        expect(await verify(token)).to.deep.equal({
            clientId: "ann",
            sessionId: claimsOf(token)["sid"],
            keyId: "1",
            issuedAt,
            expiresAt: Math.ceil((issuedAt + HOUR) / 1000) * 1000,
            cacheKey: token,
        });
    });

    it("are refused after their end and the largest allowance for clocks", async () => {
        const { tokens, verify } = await openStore(memoryStore(), -61_000);
        await expectCode("UNAUTHORIZED", () => verify(tokens.issue("ann", Date.now() - 1000)));
    });

    it("keep their session when they are refreshed, and the old one stays valid", async () => {
        const { tokens, verify } = await openStore();
        const old = tokens.issue("ann");
        const { sid, jti } = claimsOf(old);
        const next = tokens.refresh({ clientId: "ann", role: "viewer", sessionId: String(sid) });
        expect(claimsOf(next)).to.include({ sub: "ann", sid });
        expect(claimsOf(next).jti).to.not.equal(jti);
        expect(await verify(old)).to.include({ sessionId: sid });
        expect(await verify(next)).to.include({ sessionId: sid });
    });

    it("are not made for an identity without a session", async () => {
        const { tokens } = await openStore();
        await expectCode("UNAUTHORIZED", () => tokens.refresh({ clientId: "ann", role: "viewer" }));
    });

    describe("that are forged", () => {
        let verify: (token: string) => Promise<unknown>;
        let publicKey: KeyObject;
        let genuine: string;
        let claims: jwt.JwtPayload;

        beforeEach(async () => {
            const opened = await openStore();
            ({ verify } = opened);
            genuine = opened.tokens.issue("ann");
            publicKey = opened.tokens.publicKey(keyIdOf(genuine))!;
            claims = claimsOf(genuine);
        });

        function refuses(title: string, forge: () => string): void {
            it(`are refused ${title}`, () => expectCode("UNAUTHORIZED", () => verify(forge())));
        }

        it("are made of claims that are accepted with the right signature", async () => {
            expect(await verify(genuine)).to.include({ clientId: "ann" });
        });

        refuses("without a signature", () => `${encode({ alg: "none", typ: "JWT" })}.${encode(claims)}.`);
        refuses("with the signature of another token's header", () => {
            const [, payload, signature] = genuine.split(".");
            return `${encode({ alg: "none", typ: "JWT" })}.${payload}.${signature}`;
        });
        for (const type of ["spki PEM", "spki DER"] as const) {
            refuses(`with HS256 and the public key as the secret (${type})`, () => {
                const secret =
                    type === "spki PEM"
                        ? publicKey.export({ type: "spki", format: "pem" })
                        : publicKey.export({ type: "spki", format: "der" });
                const content = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
                return `${content}.${createHmac("sha256", secret).update(content).digest("base64url")}`;
            });
        }
        refuses("with the key of somebody else", () => {
            const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
            return jwt.sign(claims, privateKey, { algorithm: "ES256" });
        });
        refuses("with another client in the claims", () => {
            const [header, , signature] = genuine.split(".");
            return `${header}.${encode({ ...claims, sub: "root" })}.${signature}`;
        });
        refuses("without any structure", () => "badtoken");
    });

    describe("with the right signature but without a claim", () => {
        for (const claim of ["sub", "sid", "iat", "exp"]) {
            it(`${claim} are refused`, async () => {
                const store = memoryStore();
                const { tokens, verify } = await openStore(store);
                const pem = await pemIn(store);
                const { [claim]: _left, ...claims } = claimsOf(tokens.issue("ann"));
                const options = { algorithm: "ES256", keyid: "1", noTimestamp: claim === "iat" } as const;
                await expectCode("UNAUTHORIZED", () => verify(jwt.sign(claims, pem, options)));
                // the same way with all claims: it is the claim that was missed
                expect(
                    await verify(jwt.sign(claimsOf(tokens.issue("ann")), pem, { algorithm: "ES256", keyid: "1" }))
                ).to.include({
                    clientId: "ann",
                });
            });
        }
    });

    describe("across a restart", () => {
        it("stay valid, for the key is kept in the store", async () => {
            const folder = await makeFolder();
            const token = await withStore(folder, async (store) => (await openStore(store)).tokens.issue("ann"));
            await withStore(folder, async (store) => {
                const { verify } = await openStore(store);
                expect(await verify(token)).to.include({ clientId: "ann" });
            });
        });

        it("are refused with a key of another store", async () => {
            const token = (await openStore()).tokens.issue("ann");
            const { verify } = await openStore();
            await expectCode("UNAUTHORIZED", () => verify(token));
        });

        it("stay revoked", async () => {
            const folder = await makeFolder();
            const issuedAt = Date.now();
            await withStore(folder, async (store) => (await openStore(store)).tokens.revoke("ann", "s1"));
            await withStore(folder, async (store) => {
                const { tokens } = await openStore(store);
                expect(tokens.isRevoked({ clientId: "ann", sessionId: "s1", issuedAt })).to.be.true;
                expect(tokens.isRevoked({ clientId: "ann", sessionId: "s2", issuedAt })).to.be.false;
            });
        });

        it("stay revoked for the longest lifetime that the key has seen, whatever the options say now", async () => {
            const store = memoryStore();
            await openStore(store, 24 * HOUR);
            const { tokens } = await openStore(store, HOUR);
            await tokens.revoke("ann", "s1");
            const [text] = await store.sublevel("revocations").values().all();
            expect(JSON.parse(text!).until).to.be.above(Date.now() + 24 * HOUR);
        });
    });

    it("are signed with a P-256 key that the store holds as PKCS8", async () => {
        const store = memoryStore();
        const { tokens } = await openStore(store);
        const pem = await pemIn(store);
        expect(pem).to.match(/^-----BEGIN PRIVATE KEY-----/);
        expect(createPublicKey(pem).equals(tokens.publicKey("1")!)).to.be.true;
        expect(tokens.publicKey("1")!.asymmetricKeyDetails).to.deep.equal({ namedCurve: "prime256v1" });
    });
});

describe("log-in by password", () => {
    it("finds the account whose password fits", async () => {
        const { accounts, verifyLogin } = await openStore();
        await accounts.put({ username: "ann", password: PASSWORD, role: "viewer" });
        expect((await verifyLogin("ann", PASSWORD)).clientId).to.equal("ann");
    });

    it("refuses a wrong password and an unknown user alike", async () => {
        const { accounts, verifyLogin } = await openStore();
        await accounts.put({ username: "ann", password: PASSWORD, role: "viewer" });
        await expectCode("INVALID_CREDENTIALS", () => verifyLogin("ann", "wrong"));
        await expectCode("INVALID_CREDENTIALS", () => verifyLogin("nobody", PASSWORD));
    });

    it("dates a token from before the password was checked, so that a change meanwhile outdates it", async () => {
        const { accounts, verifyLogin } = await openStore();
        await accounts.put({ username: "ann", password: PASSWORD, role: "viewer" });
        const asked = Date.now();
        const login = verifyLogin("ann", PASSWORD);
        const started = Date.now();
        expect((await login).issuedAt).to.be.within(asked, started);
    });

    it("never dates a token from before the account, where the clock was set back", async () => {
        const { accounts } = await openStore();
        await accounts.put({ username: "ann", password: PASSWORD, role: "viewer" });
        const later = Date.now() + HOUR;
        const moved = { get: (clientId: string) => ({ ...accounts.get(clientId)!, tokensFrom: later }) };
        const strategies = await openStrategies(await Tokens.open(memoryStore(), HOUR), moved);
        expect((await strategies.verifyLogin("ann", PASSWORD)).issuedAt).to.equal(later);
    });

    it("passes on what the account store throws", async () => {
        const broken = { get: () => Promise.reject(new Error("disk")) };
        const strategies = await openStrategies(await Tokens.open(memoryStore(), HOUR), broken);
        await expectCode("INTERNAL", () => strategies.verifyLogin("ann", PASSWORD));
    });
});
