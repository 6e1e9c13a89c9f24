import { mock } from "node:test";
import { expect } from "chai";
import { authenticateNobody, LevelAccounts, type Account, type Auth } from "../../src/auth";
import { Authenticator } from "../../src/auth/authenticator";
import type { Credential } from "../../src/auth/strategy";
import { bearing, expectCode, memoryStore, onEnd, openAuth, PASSWORD } from "./harness";

const ACCOUNTS = [
    { username: "ann", password: PASSWORD, role: "viewer" },
    { username: "bob", password: PASSWORD, role: "admin" },
];

function levelAccounts({ accounts }: Auth): LevelAccounts {
    if (accounts instanceof LevelAccounts) return accounts;
    throw new Error("These are not stored accounts");
}

function moveClock(milliseconds: number): void {
    mock.timers.enable({ apis: ["Date"], now: Date.now() + milliseconds });
    onEnd(async () => mock.timers.reset());
}

describe("authenticate", () => {
    it("finds out client, role, session and end of the token", async () => {
        const auth = await openAuth({ accounts: ACCOUNTS });
        const identity = await auth.authenticate(bearing(auth.tokens.issue("ann")));
        expect(identity).to.include({ clientId: "ann", role: "viewer" });
        expect(identity.sessionId).to.match(/^[0-9a-f-]{36}$/);
        expect(identity.expiresAt).to.be.within(Date.now() + 604_700_000, Date.now() + 604_801_000);
    });

    for (const scheme of ["bearer", "Bearer", "BEARER"]) {
        it(`takes the scheme "${scheme}"`, async () => {
            const auth = await openAuth({ accounts: ACCOUNTS });
            const authorization = `${scheme} ${auth.tokens.issue("ann")}`;
            expect((await auth.authenticate({ headers: { authorization } })).clientId).to.equal("ann");
        });
    }

    for (const authorization of [undefined, "", "bearer", "bearer ", "Basic YW5uOng=", "bearer badtoken"]) {
        it(`refuses the header ${authorization === undefined ? "that is missing" : `"${authorization}"`}`, async () => {
            const auth = await openAuth({ accounts: ACCOUNTS });
            await expectCode("UNAUTHORIZED", () => auth.authenticate({ headers: { authorization } }));
        });
    }

    it("refuses a good token under another scheme", async () => {
        const auth = await openAuth({ accounts: ACCOUNTS });
        const authorization = `Digest ${auth.tokens.issue("ann")}`;
        await expectCode("UNAUTHORIZED", () => auth.authenticate({ headers: { authorization } }));
    });

    it("refuses the token of a client without an account", async () => {
        const auth = await openAuth({ accounts: ACCOUNTS });
        await expectCode("UNAUTHORIZED", () => auth.authenticate(bearing(auth.tokens.issue("eve"))));
    });

    it("leaves nothing behind on the request", async () => {
        const auth = await openAuth({ accounts: ACCOUNTS });
        const request = bearing(auth.tokens.issue("ann"));
        await auth.authenticate(request);
        expect(request).to.have.all.keys("headers");
    });

    describe("the clientID header", () => {
        let auth: Auth;
        let token: string;

        beforeEach(async () => {
            auth = await openAuth({ accounts: ACCOUNTS });
            token = auth.tokens.issue("ann");
        });

        it("may name the client of the token", async () => {
            expect((await auth.authenticate(bearing(token, { clientid: "ann" }))).clientId).to.equal("ann");
        });

        for (const clientid of ["bob", "", "ann, bob"]) {
            it(`must not be "${clientid}", neither at first nor when the token is cached`, async () => {
                await expectCode("UNAUTHORIZED", () => auth.authenticate(bearing(token, { clientid })));
                await auth.authenticate(bearing(token));
                await expectCode("UNAUTHORIZED", () => auth.authenticate(bearing(token, { clientid })));
            });
        }
    });

    describe("a token that was verified before", () => {
        let auth: Auth;
        let request: ReturnType<typeof bearing>;

        beforeEach(async () => {
            auth = await openAuth({ accounts: ACCOUNTS });
            request = bearing(auth.tokens.issue("ann"));
            await auth.authenticate(request);
        });

        it("is not verified again, and the answer is no promise", () => {
            const identity = auth.authenticate(request);
            expect(identity).to.not.be.instanceOf(Promise);
            expect(identity).to.include({ clientId: "ann" });
            expect(auth.verifications).to.equal(1);
        });

        it("does not spare another token its verification", async () => {
            await auth.authenticate(bearing(auth.tokens.issue("ann")));
            expect(auth.verifications).to.equal(2);
        });

        it("is refused at once when its account is removed", async () => {
            const removed = levelAccounts(auth).remove("ann");
            await removed;
            expect(() => auth.authenticate(request)).to.throw("The account is gone");
        });

        it("stays refused when an account of the same name is made anew", async () => {
            const accounts = levelAccounts(auth);
            await accounts.remove("ann");
            moveClock(10);
            await accounts.put(ACCOUNTS[0]!);
            expect(() => auth.authenticate(request)).to.throw("older than the account");
            expect((await auth.authenticate(bearing(auth.tokens.issue("ann")))).clientId).to.equal("ann");
        });

        it("is refused when the password has changed", async () => {
            moveClock(10);
            await levelAccounts(auth).setPassword("ann", "another");
            expect(() => auth.authenticate(request)).to.throw("older than the account");
        });

        it("is refused before the log-out is written", async () => {
            const { sessionId = "" } = await auth.authenticate(request);
            const written = auth.tokens.revoke("ann", sessionId);
            expect(() => auth.authenticate(request)).to.throw("The session was logged out");
            await written;
        });

        it("gives the role that the account has now", async () => {
            await levelAccounts(auth).put({ username: "ann", role: "manager" });
            expect(auth.authenticate(request)).to.include({ role: "manager" });
        });

        it("is refused when it ends", async () => {
            moveClock(604_801_000);
            await expectCode("UNAUTHORIZED", () => auth.authenticate(request));
        });
    });

    it("refuses a token that has ended", async () => {
        const auth = await openAuth({ accounts: ACCOUNTS, tokenLifetime: 1000 });
        await expectCode("UNAUTHORIZED", () => auth.authenticate(bearing(auth.tokens.issue("ann", Date.now() - 5000))));
    });

    it("refuses a revoked session that it sees for the first time", async () => {
        const auth = await openAuth({ accounts: ACCOUNTS });
        const token = auth.tokens.issue("ann");
        const { sessionId = "" } = await auth.authenticate(bearing(token));
        const next = auth.tokens.refresh({ clientId: "ann", role: "viewer", sessionId });
        await auth.tokens.revoke("ann", sessionId);
        await expectCode("UNAUTHORIZED", () => auth.authenticate(bearing(next)));
    });

    describe("with an account store of the user's own", () => {
        const ann: Account = { clientId: "ann", role: "viewer", updated: "2026-08-20T00:00:00.000Z" };

        it("asks it on every request", async () => {
            let account: Account | undefined = ann;
            const auth = await openAuth({ accounts: { get: () => account } });
            const request = bearing(auth.tokens.issue("ann"));
            expect(await auth.authenticate(request)).to.include({ role: "viewer" });
            account = { ...ann, role: "admin" };
            expect(auth.authenticate(request)).to.include({ role: "admin" });
            account = undefined;
            expect(() => auth.authenticate(request)).to.throw("The account is gone");
        });

        it("waits for one that answers with a promise", async () => {
            const auth = await openAuth({ accounts: { get: () => Promise.resolve(ann) } });
            const request = bearing(auth.tokens.issue("ann"));
            await auth.authenticate(request);
            const again = auth.authenticate(request);
            expect(again).to.be.instanceOf(Promise);
            expect(await again).to.include({ clientId: "ann", role: "viewer" });
            expect(auth.verifications).to.equal(1);
        });
    });

    describe("its cache", () => {
        const endless = memoryStore();

        async function open(credential: (token: string) => Partial<Credential>) {
            const accounts = await LevelAccounts.open(endless);
            await accounts.put({ username: "ann", password: PASSWORD, role: "viewer" });
            return new Authenticator({
                accounts,
                tokens: { isRevoked: () => false },
                strategies: {
                    count: 0,
                    verifyRequest: ({ headers }) =>
                        Promise.resolve({
                            clientId: "ann",
                            ...credential(headers.authorization?.slice("bearer ".length) ?? ""),
                        }),
                },
                maxCachedTokens: 2,
            });
        }

        it("is bounded and lets go of the oldest token", async () => {
            const authenticator = await open((cacheKey) => ({ cacheKey, expiresAt: Date.now() + 60_000 }));
            for (const token of ["one", "two", "three"]) await authenticator.authenticate(bearing(token));
            expect(authenticator.cachedTokens).to.equal(2);
            expect(authenticator.authenticate(bearing("three"))).to.not.be.instanceOf(Promise);
            expect(authenticator.authenticate(bearing("two"))).to.not.be.instanceOf(Promise);
            expect(authenticator.authenticate(bearing("one"))).to.be.instanceOf(Promise);
        });

        it("lets go of a token that has ended", async () => {
            const expiresAt = Date.now() + 60_000;
            const authenticator = await open((cacheKey) => ({ cacheKey, expiresAt }));
            await authenticator.authenticate(bearing("one"));
            moveClock(60_001);
            await expectCode("UNAUTHORIZED", () => authenticator.authenticate(bearing("one")));
            expect(authenticator.cachedTokens).to.equal(0);
        });

        it("takes nothing without a key or without an end", async () => {
            const withoutEnd = await open((cacheKey) => ({ cacheKey }));
            await withoutEnd.authenticate(bearing("one"));
            expect(withoutEnd.cachedTokens).to.equal(0);
            const withoutKey = await open(() => ({ expiresAt: Date.now() + 60_000 }));
            await withoutKey.authenticate(bearing("one"));
            expect(withoutKey.cachedTokens).to.equal(0);
        });

        it("takes no token that was refused", async () => {
            const authenticator = await open((cacheKey) => ({ cacheKey, expiresAt: Date.now() - 1 }));
            await expectCode("UNAUTHORIZED", () => authenticator.authenticate(bearing("one")));
            expect(authenticator.cachedTokens).to.equal(0);
        });
    });
});

describe("authenticateNobody", () => {
    it("believes the clientID header", () => {
        expect(authenticateNobody({ headers: { clientid: "ann" } })).to.deep.equal({ clientId: "ann", role: "admin" });
    });

    it("calls everybody else anonymous", () => {
        expect(authenticateNobody({ headers: {} })).to.deep.equal({ clientId: "anonymous", role: "admin" });
    });

    it("refuses what cannot be a client id", () =>
        expectCode("UNAUTHORIZED", () => authenticateNobody({ headers: { clientid: "a b" } })));
});
