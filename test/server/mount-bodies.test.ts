/** Bodies that a parser of the host has read ahead of a mounted server: never a request that hangs, and the same limits. */
import { expect } from "chai";
import express5, { type Express, type RequestHandler } from "express";
import express4 from "express4";
import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { Http1Wire, RawClient, type RawResponse } from "../conformance/raw/raw-client";
import { checkConsumer, Mounted } from "../support/mounts";
import { passwordOf, usernameOf } from "../support/set-ups";
import { checkProblem, PROBLEM } from "../conformance/raw-consumer";

const ANY = () => true;
const FORM = "application/x-www-form-urlencoded"; // what curl -d says unless told otherwise
const LOGIN = JSON.stringify({ username: usernameOf("admin"), password: passwordOf("admin") });

interface Framework {
    (): Express;
    json: typeof express5.json;
    text: typeof express5.text;
    raw: typeof express5.raw;
    urlencoded: typeof express5.urlencoded;
}

/** Parsers that leave something that can be used, by the media type that a client sends. */
function goodParsers({ json, text, raw, urlencoded }: Framework): Record<string, RequestHandler[]> {
    return {
        "json()": [json()],
        "json({ strict: false }) of every type": [json({ strict: false, type: ANY })],
        "text() of every type": [text({ type: ANY })],
        "raw() of every type": [raw({ type: ANY })],
        "json() and urlencoded()": [json(), urlencoded({ extended: true })],
        "no parser that fits": [text({ type: "text/never" }), json({ type: "text/never" })],
        "a middleware that takes its time": [(_request, _response, next) => setImmediate(next)],
        "a middleware that pauses": [
            (request, _response, next) => {
                request.pause();
                next();
            },
        ],
        "a middleware that sets an encoding": [
            (request, _response, next) => {
                request.setEncoding("utf8");
                next();
            },
        ],
    };
}

function expectProblem(reply: RawResponse, status: number, code: string): void {
    expect(reply).to.include({ status });
    const problem = JSON.parse(reply.body) as Record<string, unknown>;
    checkProblem(problem);
    expect(problem).to.include({ type: PROBLEM + code });
}

function nested(depth: number): string {
    return "[".repeat(depth) + "]".repeat(depth);
}

describe("A body that the host has read", () => {
    let mounted: Mounted;
    let client: RawClient;

    async function start(framework: Framework, ...parsers: RequestHandler[]): Promise<void> {
        mounted = await Mounted.start({
            server: { maxDepth: 8, maxMessageSize: 1000 },
            mount: (server) => framework().use(...parsers, server.handler()),
        });
        client = new RawClient(new Http1Wire({ origin: mounted.origin }));
    }

    afterEach(async () => {
        await client.close();
        await mounted.stop();
    });

    function post(path: string, body: string, contentType: string): Promise<RawResponse> {
        return client.request("POST", path, { headers: { ...client.headers(), "content-type": contentType }, body });
    }

    for (const [name, framework] of Object.entries({ "Express 4": express4, "Express 5": express5 })) {
        for (const [what, parsers] of Object.entries(goodParsers(framework))) {
            it(`is understood behind ${what} of ${name}`, async () => {
                await start(framework, ...parsers);
                await checkConsumer(mounted.url, mounted.counter);
                await client.connect(usernameOf("admin"), passwordOf("admin"));
                const deep = `{"operation":"ping","input":${nested(8)}}`;
                expectProblem(await post("/hiveot/request", deep, "application/json"), 400, "INVALID_ENVELOPE");
                expect(await post("/hiveot/request", deep.replace("[[]]", "[]"), "application/json")).to.include({
                    status: 201,
                });
                expectProblem(await post("/hiveot/request", "[1]", "application/json"), 400, "INVALID_ENVELOPE");
            });
        }

        it(`is refused as a form behind urlencoded() of ${name}, and taken without that`, async () => {
            for (const extended of [true, false]) {
                await start(framework, framework.urlencoded({ extended }));
                await client.connect(usernameOf("admin"), passwordOf("admin"));
                expectProblem(await post("/authn/login", LOGIN, FORM), 400, "INVALID_REQUEST");
                const request = await post("/hiveot/request", '{"operation":"ping"}', FORM);
                expectProblem(request, 400, "INVALID_REQUEST");
                expect(request.body).to.contain("application/json");
                await client.close();
                await mounted.stop();
            }
            await start(framework, framework.json());
            expect(await post("/authn/login", LOGIN, FORM)).to.include({ status: 200 });
        });

        it(`is refused if nothing is left of it, behind ${name}`, async () => {
            await start(framework, (request, _response, next) => {
                request.resume().on("end", () => {
                    next();
                });
            });
            const reply = await post("/authn/login", LOGIN, "application/json");
            expectProblem(reply, 400, "INVALID_REQUEST");
            expect(reply.body).to.contain("nothing is left");
        });

        it(`is understood in parts that are text already, behind ${name}`, async () => {
            await start(framework, (request, _response, next) => {
                request.setEncoding("utf8");
                next();
            });
            const headers = { "content-length": LOGIN.length };
            const request = httpRequest(`${mounted.origin}/authn/login`, { method: "POST", headers });
            request.write(LOGIN.slice(0, 10));
            await once(mounted.host, "request");
            request.end(LOGIN.slice(10));
            const [response] = (await once(request, "response")) as [IncomingMessage];
            expect(response).to.include({ statusCode: 200 });
            await once(response.resume(), "end");
        });

        it(`has its limit of size where its bytes are left, behind ${name}`, async () => {
            for (const parser of [framework.text({ type: ANY }), framework.raw({ type: ANY })]) {
                await start(framework, parser);
                await client.connect(usernameOf("admin"), passwordOf("admin"));
                const large = JSON.stringify({ operation: "ping", input: "x".repeat(1000) });
                expectProblem(await post("/hiveot/request", large, "application/json"), 413, "TOO_LARGE");
                await client.close();
                await mounted.stop();
            }
            await start(framework);
        });

        it(`may be a token where the parser takes JSON strings, behind ${name}`, async () => {
            await start(framework, framework.json({ strict: false }));
            await client.connect(usernameOf("admin"), passwordOf("admin"));
            const refreshed = await post("/authn/refresh", JSON.stringify(client.token), "application/json");
            expect(refreshed).to.include({ status: 200 });
            expectProblem(await post("/authn/refresh", '"other"', "application/json"), 400, "INVALID_REQUEST");
        });

        it(`is refused by a strict parser itself if it is a token, behind ${name}`, async () => {
            await start(framework, framework.json());
            await client.connect(usernameOf("admin"), passwordOf("admin"));
            const refused = await post("/authn/refresh", JSON.stringify(client.token), "application/json");
            expect(refused).to.include({ status: 400 });
            expect(refused.headers["content-type"]).to.contain("text/html"); // the host's answer
        });
    }
});
