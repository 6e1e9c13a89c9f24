import { request as httpRequest } from "node:http";
import { expect } from "chai";
import express from "express";
import jwt from "jsonwebtoken";
import { LevelAccounts, type Auth, type AuthOptions } from "../../src/auth";
import { expectProblem, login, memoryStore, openAuth, PASSWORD, send, serve, tokenOf } from "./harness";

const ACCOUNTS = [
    { username: "ann", password: PASSWORD, role: "viewer", displayName: "Ann" },
    { username: "bob", password: PASSWORD, role: "admin" },
];
const CREDENTIALS = JSON.stringify({ username: "ann", password: PASSWORD });

function sessionOf(token: string): unknown {
    return jwt.decode(token, { json: true })?.["sid"];
}

/** Posts without any header that fetch adds, in particular without a content type. */
function postBare(url: string, body: string): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
        const request = httpRequest(url, { method: "POST" }, (response) => {
            response.resume();
            resolve(response.statusCode);
        });
        request.on("error", reject);
        request.end(body);
    });
}

describe("/authn", () => {
    let auth: Auth;
    let url: string;
    const ended: (string | undefined)[][] = [];

    async function start(options: AuthOptions = {}): Promise<void> {
        ended.length = 0;
        const endStreams = (...who: (string | undefined)[]) => ended.push(who);
        auth = await openAuth({ accounts: ACCOUNTS, ...options }, { endStreams });
        url = await serve(auth);
    }

    beforeEach(() => start());

    describe("POST /authn/login", () => {
        it("answers 200 with the token as a JSON string", async () => {
            const { status, headers, body, text } = await login(url, "ann");
            expect(status).to.equal(200);
            expect(headers.get("content-type")).to.equal("application/json");
            expect(headers.get("cache-control")).to.equal("no-store");
            expect(headers.get("content-length")).to.equal(String(text.length));
            const identity = await auth.authenticate({ headers: { authorization: `bearer ${String(body)}` } });
            expect(identity).to.include({ clientId: "ann", role: "viewer" });
        });

        it("ignores the token that a client sends before it has one", async () => {
            const answer = await send(`${url}/authn/login`, "POST", { token: "no-token-set", body: CREDENTIALS });
            expect(answer.status).to.equal(200);
        });

        it("takes January's { login, password }", async () => {
            const body = JSON.stringify({ login: "ann", password: PASSWORD });
            const answer = await send(`${url}/authn/login`, "POST", { body });
            expect(answer.status).to.equal(200);
            expect(answer.body).to.be.a("string");
            expectProblem(
                await send(`${url}/authn/login`, "POST", { body: body.replace(PASSWORD, "wrong") }),
                401,
                "INVALID_CREDENTIALS"
            );
        });

        for (const authorization of ["bearer ", "bearer undefined"]) {
            it(`answers { token } to HiveOT's JavaScript client, with its cid and "${authorization}"`, async () => {
                const body = JSON.stringify({ login: "ann", password: PASSWORD });
                const headers = { cid: "SerZ2A8zR4r7O1ImRtKuy", authorization, "message-id": "" };
                const answer = await send(`${url}/authn/login`, "POST", { body, headers });
                expect(answer.status).to.equal(200);
                expect(answer.body).to.have.all.keys("token");
                const { token } = answer.body as { token: string };
                expect((await send(`${url}/authn/profile`, "GET", { token })).status).to.equal(200);
            });
        }

        for (const type of ["application/json", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "x"]) {
            it(`takes the content type ${type}`, async () => {
                const headers = { "content-type": type };
                const { status } = await send(`${url}/authn/login`, "POST", { body: CREDENTIALS, headers });
                expect(status).to.equal(200);
            });
        }

        it("takes a body without a content type", async () => {
            expect(await postBare(`${url}/authn/login`, CREDENTIALS)).to.equal(200);
        });

        it("takes JSON for UTF-8 whatever charset is claimed", async () => {
            const headers = { "content-type": "application/json; charset=iso-8859-1" };
            const { status } = await send(`${url}/authn/login`, "POST", { body: CREDENTIALS, headers });
            expect(status).to.equal(200);
        });

        const NOT_VALID: Record<string, string | undefined> = {
            "no body": undefined,
            "an empty body": "",
            "what is not JSON": "{x",
            "a JSON string": '"ann"',
            "a list": "[]",
            null: "null",
            "an empty object": "{}",
            "no password": '{"username":"ann"}',
            "a username that is a number": '{"username":1,"password":"x"}',
            "a password that is an object": '{"username":"ann","password":{}}',
            "an empty username": '{"username":"","password":"x"}',
            "an empty password": '{"username":"ann","password":""}',
            "a username of 257 characters": JSON.stringify({ username: "a".repeat(257), password: "x" }),
            "a password of 1,025 characters": JSON.stringify({ username: "ann", password: "x".repeat(1025) }),
            "a login that is a number": '{"login":1,"password":"x"}',
            "a username that is none, beside a login": JSON.stringify({
                username: 1,
                login: "ann",
                password: PASSWORD,
            }),
        };
        for (const [title, body] of Object.entries(NOT_VALID)) {
            it(`answers 400 to ${title}`, async () => {
                const answer = await send(`${url}/authn/login`, "POST", body === undefined ? {} : { body });
                expectProblem(answer, 400, "INVALID_REQUEST");
            });
        }

        it("answers 415 to a compressed body", async () => {
            const headers = { "content-encoding": "gzip" };
            const answer = await send(`${url}/authn/login`, "POST", { body: CREDENTIALS, headers });
            expectProblem(answer, 415, "INVALID_REQUEST");
            expect(answer.headers.get("accept-encoding")).to.equal("identity");
        });

        it("takes no credentials out of the URL", async () => {
            const query = new URLSearchParams({ username: "ann", password: PASSWORD });
            expectProblem(
                await send(`${url}/authn/login?${query.toString()}`, "POST", { body: "{}" }),
                400,
                "INVALID_REQUEST"
            );
        });

        it("answers 413 to more than 16 KiB", async () => {
            const fill = (length: number) => JSON.stringify({ fill: "x".repeat(length - 11) });
            const limit = await send(`${url}/authn/login`, "POST", { body: fill(16_384) });
            expectProblem(limit, 400, "INVALID_REQUEST");
            const above = await send(`${url}/authn/login`, "POST", { body: fill(16_385) });
            expectProblem(above, 413, "TOO_LARGE");
        });

        it("answers 401 alike to a wrong password and an unknown user, and echoes neither", async () => {
            const wrong = await login(url, "ann", "wrong-password");
            const unknown = await login(url, "nobody", "wrong-password");
            expectProblem(wrong, 401, "INVALID_CREDENTIALS");
            expect(unknown.text).to.equal(wrong.text);
            expect(wrong.text).to.not.include("ann").and.not.include("wrong-password");
        });

        it("answers 429 with Retry-After after 10 failures, even to the right password, not to others", async () => {
            for (let failure = 0; failure < 10; failure += 1) {
                expect((await login(url, "ann", "wrong")).status).to.equal(401);
            }
            const answer = await login(url, "ann");
            expectProblem(answer, 429, "TOO_MANY_REQUESTS");
            expect(Number(answer.headers.get("retry-after"))).to.be.within(50, 60);
            expect((await login(url, "bob")).status).to.equal(200);
        });

        it("counts failures of one address with any accounts", async () => {
            await start({ loginLimits: { perAddress: 2 } });
            await login(url, "x", "wrong");
            await login(url, "y", "wrong");
            expectProblem(await login(url, "ann"), 429, "TOO_MANY_REQUESTS");
        });
    });

    describe("POST /authn/refresh", () => {
        it("answers 200 with another token of the same session, and the old one stays valid", async () => {
            const token = await tokenOf(url, "ann");
            const answer = await send(`${url}/authn/refresh`, "POST", { token, body: JSON.stringify(token) });
            expect(answer.status).to.equal(200);
            expect(answer.headers.get("content-type")).to.equal("application/json");
            expect(answer.headers.get("cache-control")).to.equal("no-store");
            const next = String(answer.body);
            expect(next).to.not.equal(token);
            expect(sessionOf(next)).to.be.a("string").and.equal(sessionOf(token));
            for (const each of [token, next]) {
                expect((await send(`${url}/authn/profile`, "GET", { token: each })).status).to.equal(200);
            }
        });

        it("takes the body of HiveOT's JavaScript client, and answers with a JSON string", async () => {
            const token = await tokenOf(url, "ann");
            const body = JSON.stringify({ clientID: "ann", oldToken: token });
            const answer = await send(`${url}/authn/refresh`, "POST", { token, body, headers: { cid: "c" } });
            expect(answer.status).to.equal(200);
            expect(answer.body).to.be.a("string").and.not.equal(token);
            expect(sessionOf(String(answer.body))).to.equal(sessionOf(token));
        });

        const BODIES: Record<string, (token: string, other: string) => string | undefined> = {
            "another token of the client": (token) => JSON.stringify(`${token}x`),
            "the token of another client": (_token, other) => JSON.stringify(other),
            "the token in an object": (token) => JSON.stringify({ token }),
            "the token under another client's id": (token) => JSON.stringify({ clientID: "bob", oldToken: token }),
            "another client's token under its own id": (_token, other) =>
                JSON.stringify({ clientID: "ann", oldToken: other }),
            "a client id without a token": () => JSON.stringify({ clientID: "ann" }),
            "objects in objects": (token) =>
                JSON.stringify({ clientID: "ann", oldToken: { clientID: "ann", oldToken: token } }),
            "the token without quotes": (token) => token,
            "no body": () => undefined,
        };
        for (const [title, makeBody] of Object.entries(BODIES)) {
            it(`answers 400 to ${title}`, async () => {
                const token = await tokenOf(url, "ann");
                const body = makeBody(token, await tokenOf(url, "bob"));
                const answer = await send(`${url}/authn/refresh`, "POST", {
                    token,
                    ...(body !== undefined && { body }),
                });
                expectProblem(answer, 400, "INVALID_REQUEST");
            });
        }

        it("answers 413 to more than 16 KiB", async () => {
            const token = await tokenOf(url, "ann");
            const body = JSON.stringify("x".repeat(16_384));
            expectProblem(await send(`${url}/authn/refresh`, "POST", { token, body }), 413, "TOO_LARGE");
        });

        it("answers 401 without a token, whatever the body", async () => {
            const answer = await send(`${url}/authn/refresh`, "POST", { body: "{x" });
            expectProblem(answer, 401, "UNAUTHORIZED");
            expect(answer.headers.get("www-authenticate")).to.equal("Bearer");
        });

        it("gives no new token if the session is logged out while the body is on its way", async () => {
            const token = await tokenOf(url, "ann");
            const { port } = new URL(url);
            const body = JSON.stringify(token);
            const headers = { authorization: `bearer ${token}`, "content-length": body.length };
            const request = httpRequest({ port, method: "POST", path: "/authn/refresh", headers });
            request.write(body.slice(0, 10));
            await send(`${url}/authn/profile`, "GET", { token }); // the head of the request has been seen by then
            await send(`${url}/authn/logout`, "POST", { token });
            const status = new Promise((resolve) => request.on("response", (response) => resolve(response.statusCode)));
            request.end(body.slice(10));
            expect(await status).to.equal(401);
        });
    });

    describe("POST /authn/logout", () => {
        it("answers 204, after which all tokens of the session are refused", async () => {
            const token = await tokenOf(url, "ann");
            const refreshed = await send(`${url}/authn/refresh`, "POST", { token, body: JSON.stringify(token) });
            const answer = await send(`${url}/authn/logout`, "POST", { token });
            expect(answer).to.include({ status: 204, text: "" });
            for (const each of [token, String(refreshed.body)]) {
                expectProblem(await send(`${url}/authn/profile`, "GET", { token: each }), 401, "UNAUTHORIZED");
            }
        });

        it("has the streams of the session ended", async () => {
            const token = await tokenOf(url, "ann");
            await send(`${url}/authn/logout`, "POST", { token });
            expect(ended).to.deep.equal([["ann", sessionOf(token)]]);
        });

        it("ends all sessions of an account that has logged out too often to remember each", async () => {
            const store = memoryStore();
            const until = Date.now() + 60_000;
            const records = store.sublevel("revocations");
            await records.batch(
                Array.from({ length: 10_000 }, (_, index) => ({
                    type: "put",
                    key: `session:${index}:ann`,
                    value: JSON.stringify({ clientId: "ann", sessionId: String(index), at: until - 1, until }),
                }))
            );
            const endStreams = (...who: (string | undefined)[]) => ended.push(who);
            const own = await serve(await openAuth({ accounts: ACCOUNTS }, { endStreams }, store));
            const [one, two] = [await tokenOf(own, "ann"), await tokenOf(own, "ann")];
            expect((await send(`${own}/authn/logout`, "POST", { token: one })).status).to.equal(204);
            expect(ended).to.deep.equal([["ann", sessionOf(one)], ["ann"]]);
            expectProblem(await send(`${own}/authn/profile`, "GET", { token: two }), 401, "UNAUTHORIZED");
            expect(await records.keys().all()).to.deep.equal(["client:ann"]);
            expect((await send(`${own}/authn/profile`, "GET", { token: await tokenOf(own, "ann") })).status).to.equal(
                200
            );
        });

        it("leaves the other sessions of the account alone", async () => {
            const [one, two] = [await tokenOf(url, "ann"), await tokenOf(url, "ann")];
            await send(`${url}/authn/logout`, "POST", { token: one });
            expect((await send(`${url}/authn/profile`, "GET", { token: two })).status).to.equal(200);
        });

        it("takes a body for nothing", async () => {
            const token = await tokenOf(url, "ann");
            expect((await send(`${url}/authn/logout`, "POST", { token, body: "{x" })).status).to.equal(204);
        });

        it("answers 401 without a token", async () => {
            expectProblem(await send(`${url}/authn/logout`, "POST"), 401, "UNAUTHORIZED");
            expect(ended).to.be.empty;
        });
    });

    describe("GET /authn/profile", () => {
        it("answers 200 with the account", async () => {
            const token = await tokenOf(url, "ann");
            const { status, headers, body } = await send(`${url}/authn/profile`, "GET", { token });
            expect(status).to.equal(200);
            expect(headers.get("content-type")).to.equal("application/json");
            expect(headers.get("cache-control")).to.equal("no-store");
            const { updated } = (await auth.accounts.get("ann"))!;
            expect(body).to.deep.equal({ clientID: "ann", displayName: "Ann", role: "viewer", updated });
        });

        it("gives the client id for a display name where there is none", async () => {
            const { body } = await send(`${url}/authn/profile`, "GET", { token: await tokenOf(url, "bob") });
            expect(body).to.include({ clientID: "bob", displayName: "bob" });
        });

        it("answers HEAD without a body", async () => {
            const token = await tokenOf(url, "ann");
            expect(await send(`${url}/authn/profile`, "HEAD", { token })).to.include({ status: 200, text: "" });
        });

        it("answers 401 without a token, with a bad one and with another client's id", async () => {
            const token = await tokenOf(url, "ann");
            const forged = { token, headers: { clientID: "bob" } };
            for (const options of [{}, { token: "badtoken" }, forged]) {
                expectProblem(await send(`${url}/authn/profile`, "GET", options), 401, "UNAUTHORIZED");
            }
        });
    });

    describe("a wrong method", () => {
        const ALLOW = { login: "POST", refresh: "POST", logout: "POST", profile: "GET, HEAD" };
        for (const [route, allow] of Object.entries(ALLOW)) {
            for (const method of ["PUT", "OPTIONS", allow === "POST" ? "GET" : "POST"]) {
                it(`${method} /authn/${route} is answered 405 with Allow: ${allow}`, async () => {
                    const answer = await send(`${url}/authn/${route}`, method);
                    expectProblem(answer, 405, "METHOD_NOT_ALLOWED");
                    expect(answer.headers.get("allow")).to.equal(allow);
                });
            }
        }
    });

    it("leaves other paths to whoever comes next", async () => {
        const next = await serve(auth);
        for (const path of ["/authn", "/authn/login/", "/AUTHN/login", "/authn/other"]) {
            expect((await fetch(next + path, { method: "POST" })).status).to.equal(404);
        }
    });

    it("answers 500 without a word of the cause when the account store fails", async () => {
        const broken = await openAuth({ accounts: { get: () => Promise.reject(new Error("disk /secret/path")) } });
        const answer = await login(await serve(broken), "ann");
        expectProblem(answer, 500, "INTERNAL");
        expect(answer.text).to.not.include("secret");
    });

    it("has the streams of an account ended that is removed", async () => {
        if (auth.accounts instanceof LevelAccounts) await auth.accounts.remove("ann");
        expect(ended).to.deep.equal([["ann"]]);
    });

    describe("behind a body parser", () => {
        const PARSERS = {
            "express.json": express.json({ strict: false, type: () => true }),
            "express.text": express.text({ type: () => true }),
            "express.raw": express.raw({ type: () => true }),
        };
        for (const [name, parser] of Object.entries(PARSERS)) {
            it(`takes what ${name} left`, async () => {
                const behind = await serve(auth, parser);
                const token = await tokenOf(behind, "ann");
                const answer = await send(`${behind}/authn/refresh`, "POST", { token, body: JSON.stringify(token) });
                expect(answer.status).to.equal(200);
                expectProblem(await login(behind, "ann", "wrong"), 401, "INVALID_CREDENTIALS");
            });
        }

        it("answers 400 to text that is not JSON", async () => {
            const behind = await serve(auth, PARSERS["express.text"]);
            expectProblem(await send(`${behind}/authn/login`, "POST", { body: "{x" }), 400, "INVALID_REQUEST");
        });
    });
});
