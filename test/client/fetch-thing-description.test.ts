import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import {
    fetchThingDescription,
    SseScClientFactory,
    SseScPlainClientFactory,
    type FetchDescriptionOptions,
} from "../../src/index";
import { certificate } from "../support/certificates";
import { eventually } from "../support/eventually";
import { isSecure, passwordOf, sharedSetUps, type Transport, TRANSPORTS, usernameOf } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";
import { RawServer } from "./raw-server";
import { failure as failureOf } from "../support/failures";

const VIEWER = { username: usernameOf("viewer"), password: passwordOf("viewer") };
const ADMIN = { username: usernameOf("admin"), password: passwordOf("admin") };
const PATH = `/things/${encodeURIComponent(COUNTER_ID)}`;
const RECORDED = readFileSync(join(__dirname, "../fixtures/hivekit-2026-08/server-counter.td.json"), "utf8");

describe("fetchThingDescription", () => {
    const setUps = sharedSetUps({ server: { tdAccess: "authenticated" } });

    async function optionsFor(transport: Transport): Promise<FetchDescriptionOptions> {
        if (!isSecure(transport)) return {};
        return { caCert: (await certificate()).cert, httpVersion: transport === "TLS h2" ? 2 : 1 };
    }

    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            it("logs in, gets a TD that can be consumed, and leaves nothing open", async () => {
                const setUp = await setUps(transport);
                const td = await fetchThingDescription(
                    setUp.origin + PATH,
                    isSecure(transport) ? VIEWER : ADMIN,
                    await optionsFor(transport)
                );
                expect(td).to.include({ id: COUNTER_ID, title: "Counter" });
                await eventually("all connections closed", () => setUp.server.status.connections === 0);

                const credentials = { [setUp.origin]: ADMIN };
                const servient = new Servient();
                servient.addClientFactory(
                    isSecure(transport)
                        ? new SseScClientFactory({ credentials, caCert: setUp.certificate.cert })
                        : new SseScPlainClientFactory({ credentials })
                );
                const thing = await (await servient.start()).consume(td);
                expect(await (await thing.readProperty("limit")).value()).to.equal(20);
                await servient.shutdown();
            });

            it("takes the schemes of forms, and a token", async () => {
                const setUp = await setUps(transport);
                const url = `${setUp.scheme}://${setUp.authority}/.well-known/wot`;
                const token = await setUp.token("viewer");
                const td = await fetchThingDescription(url, { token }, await optionsFor(transport));
                expect(td.id).to.equal(setUp.server.thingId);
            });

            it("is refused without credentials, and with wrong ones", async () => {
                const { origin } = await setUps(transport);
                const options = await optionsFor(transport);
                expect(await failureOf(fetchThingDescription(origin + PATH, undefined, options))).to.include({
                    code: "UNAUTHORIZED",
                });
                const wrong = { ...VIEWER, password: "wrong" };
                expect(await failureOf(fetchThingDescription(origin + PATH, wrong, options))).to.include({
                    code: "INVALID_CREDENTIALS",
                });
                expect(await failureOf(fetchThingDescription(`${origin}/things/x`, VIEWER, options))).to.include({
                    code: "UNKNOWN_THING",
                });
            });
        });
    }

    it("does not trust a certificate unless it is told to", async () => {
        const { origin } = await setUps("TLS h2");
        expect(await failureOf(fetchThingDescription(origin + PATH, VIEWER))).to.include({ code: "CONNECT_FAILED" });
        const td = await fetchThingDescription(origin + PATH, VIEWER, { allowSelfSigned: true });
        expect(td).to.include({ id: COUNTER_ID });
    });

    it("names the option that is not right", async () => {
        const url = "http://127.0.0.1:1/td";
        const wrong: readonly (readonly [string, unknown, object])[] = [
            ["caCert", undefined, { caCert: "x" }],
            ["idleTimeout", undefined, { idleTimeout: 5 }],
            ["credentials", undefined, { credentials: {} }],
            ["connectTimeout", undefined, { connectTimeout: -1 }],
            ["verbose", undefined, { verbose: true }],
            ["none of { username, password }, { token } and { clientCert, clientKey }", { username: "alice" }, {}],
        ];
        for (const [what, credentials, options] of wrong) {
            const failure = await failureOf(fetchThingDescription(url, credentials as never, options));
            expect(failure).to.include({ code: "INVALID_CONFIG" });
            expect(failure.message).to.include(what);
        }
    });

    it("takes no address of another kind", async () => {
        for (const url of ["", "td.json", "ftp://h/td", "coap://h/td", "https:td", "data:application/json,{}"]) {
            expect(await failureOf(fetchThingDescription(url)), url).to.include({ code: "INVALID_TD" });
        }
    });

    describe("from a foreign server", () => {
        let server: RawServer;
        let elsewhere: RawServer;

        beforeEach(async () => {
            [server, elsewhere] = [await RawServer.start(), await RawServer.start()];
        });

        afterEach(async () => {
            await Promise.all([server.stop(), elsewhere.stop()]);
        });

        function serve(body: string, status = 200, headers: Record<string, string> = {}): string {
            server.handlers.set("GET /td", (_, reply) => {
                reply.writeHead(status, headers);
                reply.end(body);
            });
            return `${server.origin}/td?a=1`;
        }

        it("takes a TD, a TD in a JSON string, and one with a byte order mark", async () => {
            const plain = await fetchThingDescription(serve(RECORDED));
            expect(plain).to.include({ id: COUNTER_ID });
            expect(server.seen[0]).to.include({ path: "/td?a=1" });
            expect(await fetchThingDescription(serve(JSON.stringify(RECORDED)))).to.deep.equal(plain);
            expect(await fetchThingDescription(serve(`\uFEFF${RECORDED}`))).to.deep.equal(plain);
        });

        const BAD: readonly (readonly [string, string])[] = [
            ["no JSON", "<html>"],
            ["a list, as the directory answers", JSON.stringify([RECORDED])],
            ["a text within a text", JSON.stringify(JSON.stringify(RECORDED))],
            ["too deep", "[".repeat(100)],
            ["too deep within a text", JSON.stringify(`{"title":"x","a":${"[".repeat(30)}${"]".repeat(30)}}`)],
        ];
        for (const [what, body] of BAD) {
            it(`fails with INVALID_TD when what comes is ${what}`, async () => {
                const fetched = fetchThingDescription(serve(body), undefined, { maxDepth: 25 });
                expect(await failureOf(fetched)).to.include({ code: "INVALID_TD" });
            });
        }

        it("has a limit of size", async () => {
            const url = serve(JSON.stringify({ title: "x".repeat(17 * 1024 * 1024) }));
            expect(await failureOf(fetchThingDescription(url))).to.include({ code: "TOO_LARGE" });
        });

        it("shows credentials to that server alone: a redirect is not followed", async () => {
            server.tokens.add("t");
            for (const location of [`${elsewhere.origin}/td`, `${server.origin}/other`]) {
                const url = serve("", 302, { location });
                const failure = await failureOf(fetchThingDescription(url, { token: "t" }));
                expect(failure).to.include({ code: "PEER_FAILED" });
            }
            expect(server.seen.map(({ path }) => path)).to.deep.equal(["/td?a=1", "/td?a=1"]);
            expect(elsewhere.connections).to.equal(0);
        });

        it("does not keep a token alive when it is done", async () => {
            const expiresAt = Date.now() + 700;
            const claims = Buffer.from(JSON.stringify({ sub: "alice", exp: expiresAt / 1000 })).toString("base64url");
            await fetchThingDescription(serve(RECORDED), { token: `e30.${claims}.x` });
            await eventually("the token is over", () => Date.now() > expiresAt);
            expect(server.seen.map(({ path }) => path)).to.deep.equal(["/td?a=1"]);
        });

        it("sends nobody's name without credentials", async () => {
            await fetchThingDescription(serve(RECORDED));
            expect(server.seen[0]?.headers).to.not.have.any.keys("authorization", "clientid", "cid");
        });

        it("gives up when asked to: while the answer is awaited, and ahead of all", async () => {
            const giveUp = new AbortController();
            server.handlers.set("GET /td", () => {
                giveUp.abort(new Error("enough"));
            });
            const failure = await failureOf(
                fetchThingDescription(`${server.origin}/td`, undefined, { signal: giveUp.signal })
            );
            expect(failure).to.include({ code: "ABORTED", cause: giveUp.signal.reason });
            await eventually("closed", () => server.openSockets === 0);
            const { signal } = giveUp;
            const again = fetchThingDescription(`${server.origin}/td`, undefined, { signal });
            expect(await failureOf(again)).to.include({ code: "ABORTED" });
            expect(server.connections).to.equal(1);
        });
    });

    for (const scheme of ["https", "http"]) {
        it(`gives up on a server that never answers over ${scheme}: at once when asked to, else in time`, async () => {
            const sockets = new Set<Socket>();
            const mute = createServer((socket) => {
                sockets.add(socket.on("error", () => undefined).on("close", () => sockets.delete(socket)));
                socket.resume();
            }).listen(0, "127.0.0.1");
            await once(mute, "listening");
            const url = `${scheme}://127.0.0.1:${String((mute.address() as AddressInfo).port)}/td`;
            const giveUp = new AbortController();
            mute.once("connection", () => {
                giveUp.abort();
            });
            const options = { signal: giveUp.signal, connectTimeout: 60_000 };
            expect(await failureOf(fetchThingDescription(url, undefined, options))).to.include({ code: "ABORTED" });
            await eventually("closed", () => sockets.size === 0);
            const late = await failureOf(fetchThingDescription(url, undefined, { connectTimeout: 50 }));
            expect(late.code).to.be.oneOf(["TIMEOUT", "CONNECT_FAILED"]);
            await eventually("closed", () => sockets.size === 0);
            mute.close();
        });
    }
});
