/** A server on the HTTP server of node-wot's own bindings: binding-http through its `middleware`, with binding-websockets beside it. */
import { HttpClientFactory, HttpServer } from "@node-wot/binding-http";
import { WebSocketServer } from "@node-wot/binding-websockets";
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { WebSocket } from "undici";
import { SseScServer } from "../../src/index";
import { eventually } from "../support/eventually";
import { ACCOUNTS, checkConsumer } from "../support/mounts";
import { TestThing } from "../support/things";

/** binding-http takes its middleware when it is made, and tells its port when it has started: ours needs to know it earlier. */
async function freePort(): Promise<number> {
    const holder = createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    await once(holder.close(), "close");
    return port;
}

interface Running {
    readonly url: string;
    readonly server: SseScServer;
    readonly http: HttpServer;
    readonly servient: Servient;
    readonly counter: TestThing;
}

/** Our server on one of binding-http, in one servient with it. */
async function start(basePath: string, webSockets: boolean): Promise<Running> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}${basePath}`;
    const server = new SseScServer({ listen: false, baseUri: url, accounts: ACCOUNTS });
    const http = new HttpServer({
        port,
        address: "127.0.0.1",
        baseUri: `http://127.0.0.1:${port}`,
        middleware: server.handler(),
    });
    const servient = new Servient();
    for (const one of [http, ...(webSockets ? [new WebSocketServer(http)] : []), server]) servient.addServer(one);
    const counter = await TestThing.produce(await servient.start());
    await counter.thing.expose();
    return { url, server, http, servient, counter };
}

/** Writes and reads with binding-http's own client. */
async function checkHttp({ http }: Running): Promise<void> {
    const consumer = new Servient();
    consumer.addClientFactory(new HttpClientFactory(null));
    const wot = await consumer.start();
    try {
        const td = await wot.requestThingDescription(`http://127.0.0.1:${http.getPort()}/counter`);
        const thing = await wot.consume(td);
        await thing.writeProperty("count", 7);
        expect(await (await thing.readProperty("count")).value()).to.equal(7);
    } finally {
        await consumer.shutdown();
    }
}

describe("A server mounted by binding-http's middleware", () => {
    for (const basePath of ["", "/sse-sc"]) {
        it(`serves a node-wot consumer ${basePath === "" ? "at the root" : "under a base path"}, as binding-http does`, async () => {
            const running = await start(basePath, false);
            try {
                await checkConsumer(running.url, running.counter);
                await checkHttp(running);
            } finally {
                await running.servient.shutdown();
            }
        });
    }

    it("passes everything on to binding-http when it is stopped", async () => {
        const { url, server, servient } = await start("", false);
        try {
            expect(await (await fetch(`${url}/ping`)).text()).to.equal(".");
            await server.stop();
            expect((await fetch(`${url}/ping`)).status).to.equal(404);
            expect(await (await fetch(`${url}/counter/properties/limit`)).json()).to.equal(20);
        } finally {
            await servient.shutdown();
        }
    });
});

describe("A server beside binding-websockets on binding-http's server", () => {
    it("shares one Thing with both: over SSE-SC, HTTP and WebSocket", async () => {
        const running = await start("", true);
        const { url, server, http, counter } = running;
        try {
            await checkConsumer(url, counter);
            await checkHttp(running);
            // The client of binding-websockets 0.9.0 is empty and its server serves nothing but events: so by hand.
            const { events = {} } = counter.thing.getThingDescription();
            const forms = events["tick"]?.forms ?? [];
            const { pathname } = new URL(forms.find(({ href }) => href.startsWith("ws:"))?.href ?? "");
            const socket = new WebSocket(`ws://127.0.0.1:${http.getPort()}${pathname}`);
            const heard: Promise<string>[] = [];
            socket.addEventListener("message", ({ data }: { data: Blob }) => heard.push(data.text()));
            await once(socket, "open");
            counter.tick("over WebSocket");
            await eventually("the event is heard", () => heard.length > 0);
            expect(await Promise.all(heard)).to.include('"over WebSocket"'); // once for each form of the event, that is
            await checkConsumer(url, counter);
            socket.close();
            await once(socket, "close");
        } finally {
            await server.stop(); // the servient would wait for ever: stop() of binding-websockets 0.9.0 never resolves here
            await http.stop();
        }
    });
});
