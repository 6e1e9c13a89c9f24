import { generateKeyPairSync } from "node:crypto";
import { mock } from "node:test";
import { expect } from "chai";
import jwt from "jsonwebtoken";
import type { Auth, AuthHooks, AuthOptions, AuthStore } from "../../src/auth";
import { SigningKeys } from "../../src/auth/signing-keys";
import { Tokens } from "../../src/auth/tokens";
import { bearing, errorOf, expectCode, login, memoryStore, onEnd, openAuth, PASSWORD, serve } from "./harness";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ALLOWANCE = 62_000; // of clocks, and for ends on whole seconds
const ACCOUNTS = [{ username: "ann", password: PASSWORD, role: "viewer" }];
const OPTIONS: AuthOptions = { accounts: ACCOUNTS, tokenLifetime: DAY, signingKeyLifetime: 30 * DAY };

function setClock(now: number): void {
    mock.timers.reset();
    mock.timers.enable({ apis: ["Date"], now });
}

async function open(store: AuthStore, options: AuthOptions = {}, hooks: AuthHooks = {}): Promise<Auth> {
    return openAuth({ ...OPTIONS, ...options }, hooks, store);
}

function keyOf(token: string): string | undefined {
    return jwt.decode(token, { complete: true })?.header.kid;
}

function recordsIn(store: AuthStore): Promise<string[]> {
    return store.sublevel("keys").keys().all();
}

/** The PEM of a key such as the store had when it kept only one. */
function somePem(): string {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

describe("signing keys", () => {
    const START = Date.UTC(2026, 10, 28);

    beforeEach(() => {
        setClock(START);
        onEnd(async () => mock.timers.reset());
    });

    describe("are replaced", () => {
        it("when the newest one is old enough, before the next token is issued", async () => {
            const auth = await open(memoryStore());
            const url = await serve(auth);
            expect(keyOf(String((await login(url, "ann")).body))).to.equal("1");
            setClock(START + 30 * DAY - 1);
            expect(keyOf(String((await login(url, "ann")).body))).to.equal("1");
            setClock(START + 30 * DAY);
            expect(keyOf(String((await login(url, "ann")).body))).to.equal("2");
        });

        it("at a start", async () => {
            const store = memoryStore();
            await (await open(store)).close();
            setClock(START + 30 * DAY);
            expect(keyOf((await open(store)).tokens.issue("ann"))).to.equal("2");
        });

        it("once, by however many log-ins at a time", async () => {
            const { tokens } = await open(memoryStore());
            setClock(START + 30 * DAY);
            await Promise.all(Array.from({ length: 20 }, () => tokens.renewKey()));
            expect(tokens.keyIds).to.deep.equal(["1", "2"]);
        });

        it("not by a clock that was set back", async () => {
            const { tokens } = await open(memoryStore());
            setClock(START - 365 * DAY);
            await tokens.renewKey();
            expect(tokens.keyIds).to.deep.equal(["1"]);
        });

        it("on demand", async () => {
            const auth = await open(memoryStore());
            await auth.rotateSigningKey(true);
            expect(keyOf(auth.tokens.issue("ann"))).to.equal("2");
        });
    });

    describe("that were replaced", () => {
        it("check the tokens that they have signed, also after a restart", async () => {
            const store = memoryStore();
            const auth = await open(store);
            const token = auth.tokens.issue("ann");
            await auth.rotateSigningKey(true);
            expect(await auth.authenticate(bearing(token))).to.include({ clientId: "ann" });
            await auth.close();
            const again = await open(store);
            expect(await again.authenticate(bearing(token))).to.include({ clientId: "ann" });
            expect(await again.authenticate(bearing(again.tokens.issue("ann")))).to.include({ clientId: "ann" });
        });

        it("leave the store when their last token has ended, and not before", async () => {
            const store = memoryStore();
            const auth = await open(store);
            const { tokens } = auth;
            await auth.rotateSigningKey(true);
            setClock(START + DAY + ALLOWANCE - 2000);
            await tokens.renewKey();
            expect(await recordsIn(store)).to.include.members(["key.1", "key.2"]);
            setClock(START + DAY + ALLOWANCE);
            await tokens.renewKey();
            expect(await recordsIn(store)).to.deep.equal(["key.2", "longestLifetime"]);
            expect(tokens.keyIds).to.deep.equal(["2"]);
        });

        it("leave the store at a start", async () => {
            const store = memoryStore();
            const auth = await open(store);
            await auth.rotateSigningKey(true);
            await auth.close();
            setClock(START + 2 * DAY);
            await open(store);
            expect(await recordsIn(store)).to.deep.equal(["key.2", "longestLifetime"]);
        });

        it("stay until the last token of an earlier, longer lifetime has ended", async () => {
            const store = memoryStore();
            const before = await open(store, { tokenLifetime: 10 * DAY });
            const token = before.tokens.issue("ann");
            await before.close();
            const auth = await open(store);
            await auth.rotateSigningKey(true);
            setClock(START + 9 * DAY);
            await auth.tokens.renewKey();
            expect(await auth.authenticate(bearing(token))).to.include({ clientId: "ann" });
        });

        it("stay until a token has ended that was issued before the clock was set back", async () => {
            const auth = await open(memoryStore());
            const token = auth.tokens.issue("ann");
            setClock(START - 10 * DAY);
            await auth.rotateSigningKey(true);
            setClock(START - DAY);
            await auth.tokens.renewKey();
            expect(await auth.authenticate(bearing(token))).to.include({ clientId: "ann" });
        });
    });

    describe("replaced without overlap", () => {
        it("check nothing any more, not even a token that was verified before", async () => {
            const auth = await open(memoryStore());
            const [seen, unseen] = [auth.tokens.issue("ann"), auth.tokens.issue("ann")];
            await auth.authenticate(bearing(seen));
            await auth.rotateSigningKey(false);
            for (const token of [seen, unseen])
                await expectCode("UNAUTHORIZED", () => auth.authenticate(bearing(token)));
            expect(await auth.authenticate(bearing(auth.tokens.issue("ann")))).to.include({ clientId: "ann" });
        });

        it("are gone from the store, and the streams of everybody end", async () => {
            const ended: unknown[] = [];
            const store = memoryStore();
            const auth = await open(store, {}, { endStreams: (...whose) => ended.push(whose) });
            await auth.rotateSigningKey(true);
            expect(ended).to.deep.equal([]);
            await auth.rotateSigningKey(false);
            expect(ended).to.deep.equal([[]]);
            expect(await recordsIn(store)).to.deep.equal(["key.3", "longestLifetime"]);
        });
    });

    it("sign nothing before they are in the store", async () => {
        const store = memoryStore();
        const auth = await open(store);
        const { tokens } = auth;
        const rotated = auth.rotateSigningKey(true);
        expect(keyOf(tokens.issue("ann"))).to.equal("1");
        await rotated;
        expect(await recordsIn(store)).to.include(`key.${keyOf(tokens.issue("ann"))}`);
    });

    it("check only tokens that name them", async () => {
        const store = memoryStore();
        const auth = await open(store);
        const { pem } = JSON.parse((await store.sublevel("keys").get("key.1"))!) as { pem: string };
        const claims = jwt.decode(auth.tokens.issue("ann"), { json: true })!;
        for (const keyid of ["2", "__proto__", "../key.1", ""]) {
            const token = jwt.sign(claims, pem, { algorithm: "ES256", keyid });
            await expectCode("UNAUTHORIZED", () => auth.authenticate(bearing(token)));
        }
        await expectCode("UNAUTHORIZED", () =>
            auth.authenticate(bearing(jwt.sign(claims, pem, { algorithm: "ES256" })))
        );
        const token = jwt.sign(claims, pem, { algorithm: "ES256", keyid: "1" });
        expect(await auth.authenticate(bearing(token))).to.include({ clientId: "ann" });
    });

    describe("of a store of the time when there was one", () => {
        let store: AuthStore;
        let pem: string;
        let token: string;

        beforeEach(async () => {
            store = memoryStore();
            pem = somePem();
            await store.sublevel("keys").batch([
                { type: "put", key: "signing", value: pem },
                { type: "put", key: "longestLifetime", value: String(DAY) },
            ]);
            const seconds = START / 1000;
            const claims = { sub: "ann", sid: "s", iat: seconds + 60, exp: seconds + 3600 };
            token = jwt.sign(claims, pem, { algorithm: "ES256" });
        });

        it("goes on, and checks the tokens that name no key", async () => {
            const auth = await open(store);
            expect(await auth.authenticate(bearing(token))).to.include({ clientId: "ann" });
            expect(keyOf(auth.tokens.issue("ann"))).to.equal("0");
            expect(await recordsIn(store)).to.deep.equal(["key.0", "longestLifetime"]);
        });

        it("is replaced in its time, from now on", async () => {
            await (await open(store)).close();
            setClock(START + 30 * DAY);
            const auth = await open(store);
            expect(keyOf(auth.tokens.issue("ann"))).to.equal("1");
        });

        it("leaves in the end, also where a newer one was there first", async () => {
            const other = memoryStore();
            await (await open(other)).close();
            await other.sublevel("keys").put("signing", pem);
            const auth = await open(other);
            expect(await auth.authenticate(bearing(token))).to.include({ clientId: "ann" });
            expect(keyOf(auth.tokens.issue("ann"))).to.equal("1");
            setClock(START + 2 * DAY);
            await auth.tokens.renewKey();
            expect(auth.tokens.keyIds).to.deep.equal(["1"]);
        });
    });

    describe("that are damaged", () => {
        const rsa = (): string => {
            const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
            return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
        };
        const DAMAGED: [title: string, name: string, value: () => string][] = [
            ["that is no JSON", "key.1", () => "x"],
            ["without a PEM", "key.1", () => JSON.stringify({ created: START })],
            ["without its age", "key.1", () => JSON.stringify({ pem: somePem() })],
            [
                "with an end that is no number",
                "key.1",
                () => JSON.stringify({ pem: somePem(), created: 1, until: "x" }),
            ],
            ["with half a PEM", "key.1", () => JSON.stringify({ pem: somePem().slice(0, 100), created: START })],
            ["of another kind", "key.1", () => JSON.stringify({ pem: rsa(), created: START })],
            ["whose name is no number", "key.1x", () => JSON.stringify({ pem: somePem(), created: START })],
            ["of earlier that is no PEM", "signing", () => "secret-but-damaged"],
        ];
        for (const [title, name, value] of DAMAGED) {
            it(`refuse to open (a key ${title}), and the error does not show them`, async () => {
                const store = memoryStore();
                const text = value();
                await store.sublevel("keys").put(name, text);
                const error = await errorOf(() => SigningKeys.open(store, HOUR));
                expect(error.code).to.equal("INTERNAL");
                expect(error.message).to.match(/^The stored signing key "\w+" is damaged$/);
                expect(error.cause).to.equal(undefined);
                expect(await store.sublevel("keys").get(name)).to.equal(text);
            });
        }

        it("refuse to open with a lifetime that is no number", async () => {
            const store = memoryStore();
            await store.sublevel("keys").put("longestLifetime", "x");
            await expectCode("INTERNAL", () => Tokens.open(store, HOUR));
        });
    });
});
