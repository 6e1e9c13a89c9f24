import { expect } from "chai";
import { validateAuthOptions } from "../../src/auth";
import { hashPassword } from "../../src/auth/passwords";
import { errorOf, PASSWORD } from "./harness";

const ANN = { username: "ann", password: PASSWORD, role: "viewer" };

const INVALID: [title: string, options: unknown, option: string][] = [
    ["options that are no object", null, "auth"],
    ["an unknown option", { acounts: [] }, "acounts"],
    ["accounts that are neither list nor store", { accounts: "ann" }, "accounts"],
    ["an account that is no object", { accounts: ["ann"] }, "accounts[0]"],
    ["an unknown member of an account", { accounts: [{ ...ANN, pasword: "x" }] }, "accounts[0].pasword"],
    ["an account without a password", { accounts: [{ username: "ann", role: "viewer" }] }, "accounts[0].password"],
    ["an empty password", { accounts: [{ ...ANN, password: "" }] }, "accounts[0].password"],
    ["a password that is no text", { accounts: [{ ...ANN, password: 1234 }] }, "accounts[0].password"],
    ["a password that is too long", { accounts: [{ ...ANN, password: "x".repeat(1025) }] }, "accounts[0].password"],
    ["a hash that is not argon2id", { accounts: [{ ...ANN, passwordHash: "x" }] }, "accounts[0].passwordHash"],
    ["an account without a username", { accounts: [{ password: "x", role: "viewer" }] }, "accounts[0].username"],
    ["a username that no header can carry", { accounts: [{ ...ANN, username: "a\nb" }] }, "accounts[0].username"],
    ["a username that is too long", { accounts: [{ ...ANN, username: "a".repeat(129) }] }, "accounts[0].username"],
    ["the same username twice", { accounts: [ANN, ANN] }, "accounts[1].username"],
    ["an unknown role", { accounts: [ANN, { ...ANN, username: "bob", role: "boss" }] }, "accounts[1].role"],
    ["a display name that is no text", { accounts: [{ ...ANN, displayName: 1 }] }, "accounts[0].displayName"],
    ["roles that are no object", { roles: [] }, "roles"],
    ["an unknown operation", { roles: { reader: ["read"] } }, "roles.reader"],
    ["a lifetime of zero", { tokenLifetime: 0 }, "tokenLifetime"],
    ["a lifetime that is no number", { tokenLifetime: "7d" }, "tokenLifetime"],
    ["keys that change too often", { signingKeyLifetime: 3_599_999 }, "signingKeyLifetime"],
    ["keys whose lifetime is no number", { signingKeyLifetime: "90d" }, "signingKeyLifetime"],
    ["an allowance for clocks below zero", { clockTolerance: -1 }, "clockTolerance"],
    ["an allowance for clocks of more than a minute", { clockTolerance: 60_001 }, "clockTolerance"],
    ["limits that are no object", { loginLimits: 5 }, "loginLimits"],
    ["an unknown limit", { loginLimits: { perMinute: 5 } }, "loginLimits.perMinute"],
    ["a limit of zero", { loginLimits: { perAccount: 0 } }, "loginLimits.perAccount"],
    ["a limit that is no number", { loginLimits: { perAddress: "5" } }, "loginLimits.perAddress"],
    ["an endless window", { loginLimits: { window: Infinity } }, "loginLimits.window"],
];

describe("the options of authentication", () => {
    for (const [title, options, option] of INVALID) {
        it(`refuse ${title} and name ${option}`, async () => {
            const error = await errorOf(() => validateAuthOptions(options));
            expect(error.code).to.equal("INVALID_CONFIG");
            expect(error.message).to.include(`"${option}"`);
        });
    }

    it("refuse password and passwordHash together", async () => {
        const account = { ...ANN, passwordHash: await hashPassword(PASSWORD) };
        const error = await errorOf(() => validateAuthOptions({ accounts: [account] }));
        expect(error.message).to.include("accounts[0].password");
    });

    it("never show a password in an error", async () => {
        const error = await errorOf(() => validateAuthOptions({ accounts: [{ ...ANN, role: "boss" }] }));
        expect(error.message).to.not.include(PASSWORD);
    });

    it("have defaults for everything", () => {
        const { accounts, tokenLifetime, signingKeyLifetime, clockTolerance, loginLimits } = validateAuthOptions({});
        expect(accounts).to.equal(undefined);
        expect(tokenLifetime).to.equal(604_800_000);
        expect(signingKeyLifetime).to.equal(7_776_000_000);
        expect(clockTolerance).to.equal(5000);
        expect(loginLimits).to.deep.equal({ perAccount: 10, perAddress: 100, window: 60_000 });
    });

    it("let an account have a role that the options define", () => {
        const { roles } = validateAuthOptions({ accounts: [{ ...ANN, role: "pinger" }], roles: { pinger: ["ping"] } });
        expect(roles.mayPerform("pinger", "ping")).to.be.true;
    });

    it("take a store of accounts as it is", () => {
        const accounts = { get: () => undefined };
        expect(validateAuthOptions({ accounts }).accounts).to.equal(accounts);
    });
});
