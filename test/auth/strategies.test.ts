import { expect } from "chai";
import type { Account, Strategy, StrategyUser } from "../../src/auth";
import { CredentialCache } from "../../src/auth/credential-cache";
import { openStrategies, type StrategyOptions } from "../../src/auth/strategies";
import { validateAuthOptions } from "../../src/auth";
import { Tokens } from "../../src/auth/tokens";
import { errorOf, expectCode, memoryStore, onEnd, openAuth } from "./harness";

/** A strategy that calls everybody the same. */
function calling(user: unknown): Strategy {
    return {
        authenticate() {
            this.success(user as StrategyUser);
        },
    };
}

const ACCOUNTS: { get(clientId: string): Account } = {
    get: (clientId) => ({ clientId, role: "viewer", updated: "2026-01-01T00:00:00Z" }),
};

async function open(options: StrategyOptions) {
    const tokens = await Tokens.open(memoryStore(), 60_000);
    onEnd(() => tokens.close());
    return openStrategies(tokens, ACCOUNTS, options);
}

describe("strategies of the user's", () => {
    it("may be asynchronous, and see the request without what Passport adds to it", async () => {
        const headers = { "x-key": "k" };
        const request = { headers, method: "GET", url: "/a?b=1&b=2&c=%20" };
        let seen: object = {};
        const strategy: Strategy = {
            async authenticate(asked) {
                seen = { ...asked };
                await Promise.resolve();
                this.success({ clientId: "ann" });
            },
        };
        const strategies = await open({ strategies: [strategy] });
        expect(await strategies.verifyRequest(request)).to.include({ clientId: "ann", strategy: 0 });
        expect(seen).to.deep.include({ headers, method: "GET", url: request.url });
        expect(seen).to.have.deep.property("query", Object.assign(Object.create(null), { b: ["1", "2"], c: " " }));
        expect(request).to.have.all.keys("headers", "method", "url");
    });

    it("fail when they do not answer in time, and whoever hears of errors learns which", async () => {
        const heard: unknown[] = [];
        const strategies = await open({
            strategies: [{ authenticate: () => undefined }],
            deadline: 20,
            onError: (name, error) => heard.push([name, String(error)]),
        });
        const error = await errorOf(() => strategies.verifyRequest({ headers: {} }));
        expect(error).to.include({ code: "INTERNAL" });
        expect(heard).to.have.length(1);
        expect(String(heard[0])).to.match(/^strategies\[0\],.*No answer within 20 ms/);
    });

    it("count once, however often they answer", async () => {
        const twice: Strategy = {
            authenticate() {
                this.success({ clientId: "ann" });
                this.success({ clientId: "bob" });
                this.error(new Error("late"));
            },
        };
        const strategies = await open({ strategies: [twice] });
        expect(await strategies.verifyRequest({ headers: {} })).to.include({ clientId: "ann" });
    });

    it("cannot claim a session or a moment of issue: those are for our own tokens", async () => {
        const user = { clientId: "ann", sessionId: "s", issuedAt: 5, role: "admin" };
        const strategies = await open({ strategies: [calling(user)] });
        const credential = await strategies.verifyRequest({ headers: {} });
        expect(credential).to.include({ clientId: "ann" }).and.not.have.any.keys("sessionId", "issuedAt", "role");
    });

    const NONSENSE: readonly (readonly [string, unknown])[] = [
        ["a text", "ann"],
        ["an object without a clientId", {}],
        ["a clientId that no header can carry", { clientId: "a\nb" }],
        ["an end that is no number", { clientId: "ann", expiresAt: "tomorrow" }],
        ["an end that never comes", { clientId: "ann", expiresAt: Infinity }],
        ["a key that is no text", { clientId: "ann", cacheKey: 5 }],
    ];
    for (const [what, user] of NONSENSE) {
        it(`fail when they call the user ${what}`, async () => {
            const strategies = await open({ strategies: [calling(user)] });
            await expectCode("INTERNAL", () => strategies.verifyRequest({ headers: {} }));
        });
    }

    it("must not let in whom the clientID header contradicts, or who has no account, or whose time is over", async () => {
        const accounts = { get: (clientId: string) => (clientId === "ann" ? ACCOUNTS.get("ann") : undefined) };
        const admit = async (user: object, headers = {}): Promise<unknown> => {
            const auth = await openAuth({ accounts, strategies: [calling(user)] });
            return auth.authenticate({ headers });
        };
        expect(await admit({ clientId: "ann" }, { clientid: "ann" })).to.include({ clientId: "ann", role: "viewer" });
        await expectCode("UNAUTHORIZED", () => admit({ clientId: "ann" }, { clientid: "bob" }));
        await expectCode("UNAUTHORIZED", () => admit({ clientId: "bob" }));
        await expectCode("UNAUTHORIZED", () => admit({ clientId: "ann", expiresAt: Date.now() - 1 }));
    });

    it("are checked where the options are read, and named", async () => {
        for (const [strategies, name] of [
            ["x", "strategies"],
            [[{ authenticate: () => undefined }, {}], "strategies[1]"],
        ] as const) {
            const error = await errorOf(() => validateAuthOptions({ strategies }));
            expect(error).to.include({ code: "INVALID_CONFIG" });
            expect(error.message).to.include(`"${name}"`);
        }
        const accounts = [{ username: "ann", role: "viewer" }];
        expect(validateAuthOptions({ accounts, strategies: [calling({})] }).needsPasswords).to.equal(false);
    });
});

describe("what a user's strategies found out", () => {
    const found = (cacheKey: string | undefined, expiresAt = Date.now() + 60_000, strategy = 0) => ({
        clientId: "ann",
        cacheKey,
        expiresAt,
        strategy,
    });

    it("is remembered by the whole header that holds the key, alone or behind a scheme", () => {
        for (const value of ["secret", "ApiKey secret", "ApiKey   secret"]) {
            const cache = new CredentialCache(10);
            cache.add({ "x-key": value }, found("secret"));
            expect(cache.find({ "x-key": value })).to.include({ header: "x-key", strategy: 0 });
            for (const other of ["secret2", "Other secret", "", undefined]) {
                expect(cache.find({ "x-key": other }), String(other)).to.equal(undefined);
            }
            expect(cache.find({ "x-other": value })).to.equal(undefined);
        }
    });

    it("is not remembered where it is not clear which header holds the key, or where one never does", () => {
        const cache = new CredentialCache(10);
        cache.add({ "x-key": "secret", "x-copy": "secret" }, found("secret"));
        cache.add({ "x-key": "other" }, found("secret"));
        for (const name of ["clientid", "cid", "host", "origin", "referer", "user-agent", ":path"]) {
            cache.add({ [name]: "secret" }, found("secret"));
        }
        expect(cache.size).to.equal(0);
    });

    it("is not remembered without a key, an end or a strategy", () => {
        const cache = new CredentialCache(10);
        const headers = { "x-key": "secret" };
        cache.add(headers, found(undefined));
        cache.add({ "x-key": "" }, found(""));
        cache.add(headers, { clientId: "ann", cacheKey: "secret", strategy: 0 });
        cache.add(headers, { clientId: "ann", cacheKey: "secret", expiresAt: Date.now() + 60_000 });
        expect(cache.size).to.equal(0);
    });

    it("is forgotten at its end, and the oldest when there is no room", () => {
        const cache = new CredentialCache(2);
        cache.add({ "x-key": "old" }, found("old", Date.now() - 1));
        expect(cache.find({ "x-key": "old" })).to.equal(undefined);
        expect(cache.size).to.equal(0);
        for (const key of ["one", "two", "three"]) cache.add({ "x-key": key }, found(key));
        expect(cache.size).to.equal(2);
        expect(cache.find({ "x-key": "one" })).to.equal(undefined);
        expect(cache.find({ "x-key": "three" })).to.not.equal(undefined);
    });

    it("is looked for in 8 headers at most", () => {
        const cache = new CredentialCache(10);
        for (let i = 0; i < 20; i++) cache.add({ [`x-${String(i)}`]: "secret" }, found("secret"));
        expect(cache.size).to.equal(8);
    });

    it("is that of the strategy that comes first, where a request holds several", () => {
        const cache = new CredentialCache(10);
        cache.add({ "x-one": "a" }, found("a", undefined, 1));
        cache.add({ "x-two": "b" }, found("b", undefined, 0));
        expect(cache.find({ "x-one": "a", "x-two": "b" })).to.include({ header: "x-two", strategy: 0 });
    });
});
