/**
 * A web application with Express, as anybody may have one. Its own routes stay as they are; below `/wot` it serves a Thing over
 * SSE-SC, and lets go of it again.
 */
import { Servient } from "@node-wot/core";
import express from "express";
import { SseScPlainClientFactory, SseScServer } from "node-wot-binding-hiveot";
import { strict as assert } from "node:assert";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

const LAMP_ID = "urn:example:lamp";
const ACCOUNT = { username: "alice", password: "a good password", role: "manager" };

/** The application, as it was. */
function createApplication(): express.Express {
    const app = express();
    app.use(express.json()); // a body parser ahead of everything does no harm
    app.get("/hello", (_request, response) => void response.send("hello"));
    app.post("/echo", (request, response) => void response.json(request.body));
    return app;
}

async function exposeLamp(wot: typeof WoT): Promise<void> {
    const thing = await wot.produce({
        id: LAMP_ID,
        title: "Lamp",
        properties: { on: { type: "boolean", observable: true } },
        actions: { toggle: { output: { type: "boolean" } } },
    });
    let on = false;
    thing.setPropertyReadHandler("on", async () => on);
    thing.setActionHandler("toggle", async () => {
        on = !on;
        thing.emitPropertyChange("on");
        return on;
    });
    await thing.expose();
}

/** A consumer knows nothing of all this: the TD says where things are. */
async function consumeLamp(origin: string): Promise<void> {
    const servient = new Servient();
    servient.addClientFactory(new SseScPlainClientFactory());
    servient.addCredentials({ [LAMP_ID]: ACCOUNT });
    const wot = await servient.start();
    const td = await wot.requestThingDescription(`${origin.replace("http:", "sse-plain:")}/wot/.well-known/wot`);
    const lamp = await wot.consume(td);
    const heard = new Promise<WoT.InteractionOutput>((resolve, reject) => {
        lamp.observeProperty("on", resolve, reject).then(() => lamp.invokeAction("toggle"), reject);
    });
    assert.equal(await (await heard).value(), true);
    assert.equal(await (await lamp.readProperty("on")).value(), true);
    console.log("the lamp is on, over SSE-SC below /wot");
    await servient.shutdown();
}

/** The routes of the application itself. */
async function checkOwnRoutes(origin: string): Promise<void> {
    assert.equal(await (await fetch(`${origin}/hello`)).text(), "hello");
    const headers = { "content-type": "application/json" };
    const echo = await fetch(`${origin}/echo`, { method: "POST", headers, body: '{"a":1}' });
    assert.deepEqual(await echo.json(), { a: 1 });
    assert.equal((await fetch(`${origin}/nothing`)).status, 404);
    console.log("the application's own routes work");
}

async function main(): Promise<void> {
    const app = createApplication();
    const host = app.listen(0, "127.0.0.1"); // the application listens; the binding does not
    await once(host, "listening");
    const origin = `http://127.0.0.1:${(host.address() as AddressInfo).port}`;

    const server = new SseScServer({ listen: false, baseUri: `${origin}/wot`, accounts: [ACCOUNT] });
    app.use("/wot", server.router()); // the same path as in baseUri
    const servient = new Servient();
    servient.addServer(server);
    await exposeLamp(await servient.start());

    await checkOwnRoutes(origin);
    await consumeLamp(origin);

    // Without the servient, nothing is left below /wot, and the application goes on
    await servient.shutdown();
    assert.equal((await fetch(`${origin}/wot/.well-known/wot`)).status, 404);
    await checkOwnRoutes(origin);
    host.close();
    host.closeIdleConnections();
    console.log("all as expected");
}

void main();
