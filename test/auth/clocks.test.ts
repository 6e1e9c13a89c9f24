/** What holds when clocks differ, or are set back: order goes by what was seen, ends go by the clock. */
import { mock } from "node:test";
import { expect } from "chai";
import jwt from "jsonwebtoken";
import { LevelAccounts, type Auth } from "../../src/auth";
import { Revocations } from "../../src/auth/revocations";
import { TokenClock } from "../../src/auth/token-clock";
import { bearing, expectCode, memoryStore, onEnd, openAuth, PASSWORD, send, serve, tokenOf } from "./harness";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 28);
const ACCOUNTS = [{ username: "ann", password: PASSWORD, role: "viewer" }];

function setClock(now: number): void {
    mock.timers.reset();
    mock.timers.enable({ apis: ["Date"], now });
}

function accountsOf({ accounts }: Auth): LevelAccounts {
    if (accounts instanceof LevelAccounts) return accounts;
    throw new Error("These are not stored accounts");
}

describe("clocks", () => {
    let auth: Auth;

    beforeEach(async () => {
        setClock(START);
        onEnd(async () => mock.timers.reset());
        auth = await openAuth({ accounts: ACCOUNTS, tokenLifetime: HOUR });
    });

    describe("of clients that are behind", () => {
        const post = (token: string) => ({ ...bearing(token), method: "POST" });
        const get = (token: string) => ({ ...bearing(token), method: "GET" });

        for (const seen of [true, false]) {
            it(`are allowed for: 5 s after its end a token is still good for requests (${seen ? "known" : "new"})`, async () => {
                const token = auth.tokens.issue("ann");
                if (seen) await auth.authenticate(post(token));
                setClock(START + HOUR + 4999);
                expect(await auth.authenticate(post(token))).to.include({ clientId: "ann", expiresAt: START + HOUR });
                setClock(START + HOUR + 5000);
                await expectCode("UNAUTHORIZED", () => auth.authenticate(post(token)));
            });

            it(`are not allowed for where a stream may open: its end is that of the token (${seen ? "known" : "new"})`, async () => {
                const token = auth.tokens.issue("ann");
                if (seen) await auth.authenticate(get(token));
                setClock(START + HOUR);
                await expectCode("UNAUTHORIZED", () => auth.authenticate(get(token)));
                expect(await auth.authenticate(post(token))).to.include({ clientId: "ann" });
                await expectCode("UNAUTHORIZED", () => auth.authenticate(get(token)));
            });
        }

        it("are allowed for as the option says", async () => {
            for (const [clockTolerance, late] of [
                [0, 0],
                [60_000, 60_000],
            ] as const) {
                setClock(START);
                const own = await openAuth({ accounts: ACCOUNTS, tokenLifetime: HOUR, clockTolerance });
                const token = own.tokens.issue("ann");
                setClock(START + HOUR + late - 1);
                expect(await own.authenticate(post(token))).to.include({ clientId: "ann" });
                setClock(START + HOUR + late);
                await expectCode("UNAUTHORIZED", () => own.authenticate(post(token)));
            }
        });

        it("let a token that has just ended be refreshed", async () => {
            const url = await serve(auth);
            const token = await tokenOf(url, "ann");
            setClock(START + HOUR + 3000);
            const answer = await send(`${url}/authn/refresh`, "POST", { token, body: JSON.stringify(token) });
            expect(answer.status).to.equal(200);
            expect((await auth.authenticate(get(String(answer.body)))).expiresAt).to.be.above(START + 2 * HOUR);
        });

        it("do not bring back a session that was logged out", async () => {
            const store = memoryStore();
            const first = await openAuth({ accounts: ACCOUNTS, tokenLifetime: HOUR }, {}, store);
            const token = first.tokens.issue("ann");
            const { sessionId = "" } = await first.authenticate(post(token));
            await first.tokens.revoke("ann", sessionId);
            await first.close();
            setClock(START + HOUR + 59_000);
            const options = { accounts: ACCOUNTS, tokenLifetime: HOUR, clockTolerance: 60_000 };
            const second = await openAuth(options, {}, store);
            await second.tokens.revoke("ann", "another");
            await expectCode("UNAUTHORIZED", () => second.authenticate(post(token)));
        });
    });

    describe("of a server that is set back", () => {
        it("lock nobody out: tokens from the future count, and new ones too", async () => {
            const url = await serve(auth);
            const token = await tokenOf(url, "ann");
            setClock(START - 24 * HOUR);
            expect(await auth.authenticate(bearing(token))).to.include({ clientId: "ann" });
            expect(await auth.authenticate(bearing(await tokenOf(url, "ann")))).to.include({ clientId: "ann" });
            const refreshed = await send(`${url}/authn/refresh`, "POST", { token, body: JSON.stringify(token) });
            expect(await auth.authenticate(bearing(String(refreshed.body)))).to.include({ clientId: "ann" });
        });

        it("make no tokens that last longer", async () => {
            auth.tokens.issue("ann");
            setClock(START - 24 * HOUR);
            const { exp } = jwt.decode(auth.tokens.issue("ann"), { json: true })!;
            expect(exp).to.equal((START - 23 * HOUR) / 1000);
        });

        it("leave no token valid when the password changes", async () => {
            const token = auth.tokens.issue("ann");
            setClock(START - 24 * HOUR);
            await accountsOf(auth).setPassword("ann", "another");
            await expectCode("UNAUTHORIZED", () => auth.authenticate(bearing(token)));
        });

        it("leave no token valid for another account of the same name", async () => {
            const token = auth.tokens.issue("ann");
            setClock(START - 24 * HOUR);
            await accountsOf(auth).remove("ann");
            await accountsOf(auth).put(ACCOUNTS[0]!);
            await expectCode("UNAUTHORIZED", () => auth.authenticate(bearing(token)));
            expect(await auth.authenticate(bearing(auth.tokens.issue("ann")))).to.include({ clientId: "ann" });
        });

        it("forget no log-out before the token has ended", async () => {
            const token = auth.tokens.issue("ann");
            const { sessionId = "" } = await auth.authenticate(bearing(token));
            setClock(START - 24 * HOUR);
            await auth.tokens.revoke("ann", sessionId);
            setClock(START - 20 * HOUR);
            await auth.tokens.revoke("ann", "another");
            await expectCode("UNAUTHORIZED", () => auth.authenticate(bearing(token)));
        });

        it("let a client in again whose sessions were all revoked", async () => {
            const clock = new TokenClock();
            const revocations = await Revocations.open(memoryStore(), { maxPerClient: 1, clock });
            await revocations.add("ann", "s1", START + HOUR);
            expect(await revocations.add("ann", "s2", START + HOUR)).to.be.true;
            setClock(START - 24 * HOUR);
            expect(revocations.has({ clientId: "ann", sessionId: "s3", issuedAt: clock.now() })).to.be.false;
            expect(revocations.has({ clientId: "ann", sessionId: "s3", issuedAt: START })).to.be.true;
        });
    });

    it("of the same millisecond tell a token from before a change of password from one of after it", async () => {
        const before = auth.tokens.issue("ann");
        await accountsOf(auth).setPassword("ann", "another");
        const after = auth.tokens.issue("ann");
        await expectCode("UNAUTHORIZED", () => auth.authenticate(bearing(before)));
        expect(await auth.authenticate(bearing(after))).to.include({ clientId: "ann" });
    });
});
