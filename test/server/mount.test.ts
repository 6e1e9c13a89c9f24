/** A server on the HTTP servers of others: each of them, each way, and their own routes go on as before. */
import compression from "compression";
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import express5, { type Express } from "express";
import express4 from "express4";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { SseScPlainClientFactory, SseScServer } from "../../src/index";
import { certificate } from "../support/certificates";
import { ACCOUNTS, checkConsumer, type Listener, Mounted, type MountOptions } from "../support/mounts";
import { COUNTER_ID } from "../support/things";
import { Http1Wire, Http2Wire, type RawResponse } from "../conformance/raw/raw-client";

const EXPRESS = { "Express 4": express4, "Express 5": express5 };

/** An application with routes of its own ahead of ours and behind. */
function application(express: () => Express, use: (app: Express) => void): Express {
    const app = express();
    app.get("/theirs/before", (_request, response) => void response.send("theirs"));
    use(app);
    app.get("/theirs/after", (_request, response) => void response.send("theirs"));
    app.get("/things/theirs", (_request, response) => void response.send("theirs"));
    app.get("/wot/theirs", (_request, response) => void response.send("theirs"));
    return app;
}

/** Routes of a host without any framework. */
function answerTheirs(_request: IncomingMessage, response: Parameters<Listener>[1]): void {
    response.end("theirs");
}

const WAYS: Record<string, MountOptions> = {
    "plain http": { mount: (server) => server.handler() },
    "plain http under a base path": { basePath: "/deep/wot", mount: (server) => server.handler() },
    "plain http in the dialect of January 2026": {
        basePath: "/wot",
        server: { streamPath: "/hiveot/sse" },
        mount: (server) => server.handler(),
    },
    "plain https": { host: "https", mount: (server) => server.handler() },
    http2: { host: "http2", mount: (server) => server.handler() },
    "http2 under a base path": { host: "http2", basePath: "/wot", mount: (server) => server.handler() },
};
for (const [name, express] of Object.entries(EXPRESS)) {
    WAYS[`${name}, handler()`] = { mount: (server) => application(express, (app) => app.use(server.handler())) };
    WAYS[`${name}, router() at the root`] = {
        mount: (server) => application(express, (app) => app.use(server.router())),
    };
    WAYS[`${name}, router() under a base path`] = {
        host: "https",
        basePath: "/wot",
        mount: (server) => application(express, (app) => app.use("/wot", server.router())),
    };
    WAYS[`${name}, handler() under a base path`] = {
        basePath: "/wot",
        mount: (server) => application(express, (app) => app.use(server.handler())),
    };
    WAYS[`${name}, behind compression`] = {
        mount: (server) => application(express, (app) => app.use(compression(), server.handler())),
    };
    WAYS[`${name}, behind compression of everything`] = {
        mount: (server) =>
            application(express, (app) => app.use(compression({ filter: () => true }), server.handler())),
    };
}

async function get(mounted: Mounted, path: string, method = "GET"): Promise<RawResponse> {
    const wire = new Http1Wire({ origin: mounted.origin, ca: (await certificate()).cert });
    try {
        return await wire.request(method, path);
    } finally {
        await wire.close();
    }
}

describe("A mounted server", () => {
    let mounted: Mounted;

    async function start(options: MountOptions): Promise<void> {
        mounted = await Mounted.start(options);
    }

    afterEach(async () => {
        await mounted.stop();
    });

    for (const [name, way] of Object.entries(WAYS)) {
        describe(`on ${name}`, () => {
            it("serves a node-wot consumer", async () => {
                await start(way);
                await checkConsumer(mounted.url, mounted.counter, undefined, way.server?.streamPath);
                if (way.host === "http2") await checkConsumer(mounted.url, mounted.counter, 1);
                expect(mounted.server.getPort()).to.equal(Number(new URL(mounted.origin).port));
            });

            it("answers in full, as on its own port", async () => {
                await start(way);
                const { basePath } = mounted;
                const thing = `${basePath}/things/${encodeURIComponent(COUNTER_ID)}`;
                expect(await get(mounted, `${basePath}/ping`)).to.include({ status: 200, body: "." });
                const td = await get(mounted, thing);
                expect(td).to.include({ status: 200 });
                expect(td.headers["content-type"]).to.equal("application/td+json; charset=utf-8");
                expect(td.headers).not.to.have.any.keys("etag", "content-encoding");
                expect(await get(mounted, thing, "HEAD")).to.include({ status: 200, body: "" });
                expect((await get(mounted, `${basePath}/ping`, "POST")).headers).to.include({ allow: "GET, HEAD" });
                expect((await get(mounted, `${basePath}/hiveot/request`)).headers).to.include({ allow: "POST" });
                const stranger = await get(mounted, `${basePath}/hiveot/ssesc`);
                expect(stranger.headers["content-type"]).to.equal("application/problem+json");
                expect(stranger).to.include({ status: 401 });
                if (basePath !== "") expect(await get(mounted, "/ping")).to.include({ status: 404 });
            });
        });
    }

    for (const [name, express] of Object.entries(EXPRESS)) {
        it(`leaves the routes of an ${name} application alone, ahead of it and behind`, async () => {
            await start({ mount: (server) => application(express, (app) => app.use(server.handler())) });
            for (const path of ["/theirs/before", "/theirs/after", "/things/theirs", "/wot/theirs"]) {
                expect(await get(mounted, path)).to.include({ status: 200, body: "theirs" });
            }
            const notFound = await get(mounted, "/things/urn%3Anobody");
            expect(notFound).to.include({ status: 404 });
            expect(notFound.body).to.contain("Cannot GET"); // the application's own answer
        });

        it(`gives way to what an ${name} application has ahead of it`, async () => {
            await start({
                mount: (server) =>
                    application(express, (app) => {
                        app.get("/ping", (_request, response) => void response.send("theirs"));
                        app.use(server.handler());
                    }),
            });
            expect(await get(mounted, "/ping")).to.include({ status: 200, body: "theirs" });
        });

        it(`may be taken away from an ${name} application and come back`, async () => {
            await start({ mount: (server) => application(express, (app) => app.use(server.router())) });
            await checkRemovable(mounted, "Cannot GET");
        });
    }

    it("touches nothing of a request or response that it passes by", async () => {
        const changed: unknown[] = [];
        const own = (object: object) => [Object.getPrototypeOf(object), ...Reflect.ownKeys(object)] as unknown[];
        await start({
            host: "http2",
            basePath: "/wot",
            mount: (server) => (request, response) => {
                const before = [...own(request), ...own(response), request.url, JSON.stringify(request.headers)];
                void server.handler()(request, response, () => {
                    const after = [...own(request), ...own(response), request.url, JSON.stringify(request.headers)];
                    changed.push(...after.filter((one, index) => one !== before[index]));
                    answerTheirs(request, response);
                });
            },
        });
        const wire = new Http2Wire({ origin: mounted.origin, ca: (await certificate()).cert });
        for (const path of [
            "/",
            "/ping",
            "/wot",
            "/wot/",
            "/wotx/ping",
            "/wot/things/%zz",
            "/wot/things/x",
            "/wot/PING",
        ]) {
            expect(await wire.request("GET", path), path).to.include({ status: 200, body: "theirs" });
            expect(await get(mounted, path), path).to.include({ status: 200, body: "theirs" });
        }
        await wire.close();
        expect(changed).to.deep.equal([]);
    });

    it("has a client log in under the base path where even TDs need a token", async () => {
        await start({
            basePath: "/wot",
            server: { tdAccess: "authenticated" },
            mount: (server) => application(express5, (app) => app.use("/wot", server.router())),
        });
        const [{ username, password }] = ACCOUNTS;
        const servient = new Servient();
        servient.addClientFactory(
            new SseScPlainClientFactory({ credentials: { [mounted.origin]: { username, password } } })
        );
        const wot = await servient.start();
        const below = mounted.url.replace("http:", "sse-plain:");
        for (const path of ["/.well-known/wot?a=b", `/things/${encodeURIComponent(COUNTER_ID)}`]) {
            const thing = await wot.consume(await wot.requestThingDescription(below + path));
            expect(await (await thing.readProperty("count")).value()).to.equal(0);
        }
        expect(mounted.server.status.sessions).to.equal(1); // one connection for all of it
        await servient.shutdown();
    });

    it("answers 404 where there is nobody to pass a request to", async () => {
        await start({ basePath: "/wot", mount: (server) => server.handler() });
        for (const path of ["/", "/ping", "/wot/nothing", "/wot/things/x"]) {
            const reply = await get(mounted, path);
            expect(reply).to.include({ status: 404 });
            expect(reply.headers["content-type"]).to.equal("application/problem+json");
        }
    });

    for (const [what, middleware] of Object.entries({
        compression: compression(),
        "compression of everything": compression({ filter: () => true }),
    })) {
        it(`sends events at once behind ${what}, to clients that would take them compressed too`, async () => {
            await start({ mount: (server) => application(express5, (app) => app.use(middleware, server.handler())) });
            const client = await mounted.connected();
            const stream = await client.openStream({ headers: { "accept-encoding": "gzip, br" } });
            expect(stream.headers).not.to.have.property("content-encoding");
            await stream.next(({ event }) => event === "sse-ping");
            await client.call({ operation: "subscribeevent", thingID: COUNTER_ID, name: "tick" });
            mounted.counter.tick("now");
            expect((await stream.notification()).json).to.include({ value: "now" });
            await client.close();
            const td = await fetch(`${mounted.url}/.well-known/wot`);
            expect(td.headers.get("content-encoding")).to.be.oneOf(["gzip", "br"]);
            expect(await td.json()).to.include({ id: COUNTER_ID });
        });
    }

    it("leaves the URL as it came where loggers of the host look for it", async () => {
        const logged: unknown[] = [];
        await start({
            basePath: "/wot",
            mount: (server) => (request, response) => {
                response.on("finish", () => logged.push("originalUrl" in request ? request.originalUrl : request.url));
                void server.handler()(request, response);
            },
        });
        await get(mounted, "/wot/ping?a=b");
        await get(mounted, "/wot/hiveot/ssesc");
        expect(logged).to.deep.equal(["/wot/ping?a=b", "/wot/hiveot/ssesc"]);
    });

    it("may be taken away from a plain server and come back", async () => {
        await start({
            mount: (server) => (request, response) => {
                void server.handler()(request, response, () => {
                    answerTheirs(request, response);
                });
            },
        });
        await checkRemovable(mounted, "theirs");
    });

    it("says when to ask again while it does not run and nobody else is there", async () => {
        await start({ mount: (server) => server.handler() });
        await mounted.server.stop();
        const reply = await get(mounted, "/ping");
        expect(reply).to.include({ status: 503 });
        expect(Number(reply.headers["retry-after"])).to.be.at.least(1);
    });

    it("cuts what is still under way when it stops, and nothing of the host", async () => {
        await start({
            mount: (server) => (request, response) => {
                void server.handler()(request, response, () => {
                    answerTheirs(request, response);
                });
            },
        });
        const wire = new Http1Wire({ origin: mounted.origin });
        expect(await wire.request("GET", "/theirs")).to.include({ body: "theirs" });
        const { port } = new URL(mounted.origin);
        const socket = connect(Number(port), "127.0.0.1");
        socket.write("POST /authn/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
        await once(mounted.host, "request");
        const cut = once(socket, "close");
        await mounted.server.stop();
        await cut;
        expect(await wire.request("GET", "/theirs")).to.include({ body: "theirs" });
        await wire.close();
    });

    it("keeps a stream while the host's time limits for requests run out", async () => {
        await start({ server: { heartbeatInterval: 50 }, mount: (server) => server.handler() });
        Object.assign(mounted.host, { headersTimeout: 40, requestTimeout: 40, keepAliveTimeout: 40 });
        const client = await mounted.connected();
        await client.call({ operation: "subscribeevent", thingID: COUNTER_ID, name: "tick" });
        for (let i = 0; i < 4; i++) await client.stream?.next(({ comment }) => comment !== undefined);
        mounted.counter.tick("still here");
        expect((await client.stream?.notification())?.json).to.include({ value: "still here" });
        await client.close();
    });

    it("lets nobody in from elsewhere with nosec, whatever the host has bound", async () => {
        await start({
            server: { security: [{ scheme: "nosec" }] },
            mount: (server) => (request, response) => {
                if (request.url?.endsWith("?elsewhere") === true) {
                    Object.defineProperty(request.socket, "remoteAddress", { value: "192.0.2.1" });
                }
                void server.handler()(request, response);
            },
        });
        const thing = `/things/${encodeURIComponent(COUNTER_ID)}`;
        expect(await get(mounted, thing)).to.include({ status: 200 });
        for (const path of [thing, "/ping", "/hiveot/ssesc"]) {
            expect(await get(mounted, `${path}?elsewhere`), path).to.include({ status: 403 });
        }
    });

    it("may listen by itself as well", async () => {
        await start({ mount: (server) => server.handler() });
        const both = new SseScServer({ port: 0, accounts: ACCOUNTS });
        const handler = both.handler();
        mounted.host
            .removeAllListeners("request")
            .on("request", (request, response) => void handler(request, response));
        await both.start(mounted.servient);
        try {
            for (const origin of [mounted.origin, `http://127.0.0.1:${both.getPort()}`]) {
                expect(await (await fetch(`${origin}/ping`)).text()).to.equal(".");
            }
        } finally {
            await both.stop();
        }
    });
});

/** Stops the server and starts it again, with a stream open at the first. */
async function checkRemovable(mounted: Mounted, theirs: string): Promise<void> {
    const { host, server, servient } = mounted;
    const client = await mounted.connected();
    const listeners = () => host.eventNames().map((name) => [name, host.listenerCount(name)]);
    const before = listeners();
    await server.stop();
    await client.stream?.closed;
    expect(listeners()).to.deep.equal(before);
    expect(server.getPort()).to.equal(-1);
    expect((await get(mounted, "/ping")).body).to.contain(theirs);
    expect((await get(mounted, "/hiveot/ssesc")).body).to.contain(theirs);
    await client.close();

    await server.start(servient);
    expect(await get(mounted, "/ping")).to.include({ status: 200, body: "." });
    await checkConsumer(mounted.url, mounted.counter);
}
