/**
 * A node-wot script as in node-wot's own documentation, with its HTTP binding. Two lines make its Thing reachable over SSE-SC too,
 * and let it consume Things that speak it; nothing else changes.
 */
import { HttpClientFactory, HttpServer } from "@node-wot/binding-http";
import { Servient } from "@node-wot/core";
import { SseScClientFactory, SseScServer } from "node-wot-binding-hiveot"; // what the two lines need
import { strict as assert } from "node:assert";
import { accounts, readCertificate } from "./settings";

async function script(servient: Servient, serverKey: string, serverCert: string): Promise<typeof WoT> {
    servient.addServer(new HttpServer({ port: 0 }));
    servient.addClientFactory(new HttpClientFactory(null));
    servient.addServer(new SseScServer({ port: 0, serverKey, serverCert, accounts })); // <- the first line
    servient.addClientFactory(new SseScClientFactory({ caCert: serverCert })); // <- the second line

    const wot = await servient.start();
    const thing = await wot.produce({
        id: "urn:example:counter",
        title: "MyCounter",
        properties: { count: { type: "integer", observable: true } },
        actions: { increment: { output: { type: "integer" } } },
    });
    let count = 0;
    thing.setPropertyReadHandler("count", async () => count);
    thing.setPropertyWriteHandler("count", async (input) => {
        count = Number(await input.value());
        thing.emitPropertyChange("count");
    });
    thing.setActionHandler("increment", async () => {
        count++;
        thing.emitPropertyChange("count");
        return count;
    });
    await thing.expose();
    return wot;
}

async function main(): Promise<void> {
    const { serverKey, serverCert } = await readCertificate();
    const servient = new Servient();
    const wot = await script(servient, serverKey, serverCert);
    const [http, sseSc] = servient.getServers();
    assert.ok(http !== undefined && sseSc instanceof SseScServer);

    // It works over HTTP as before …
    const overHttp = await wot.consume(
        await wot.requestThingDescription(`http://127.0.0.1:${http.getPort()}/mycounter`)
    );
    assert.equal(await (await overHttp.invokeAction("increment"))?.value(), 1);
    assert.equal(sseSc.status.sessions, 0);
    console.log("over HTTP: increment() = 1");

    // … and now over SSE-SC, for those who have an account; credentials are given as for any Thing
    const [account] = accounts;
    servient.addCredentials({ "urn:example:counter": account });
    const overSseSc = await wot.consume(
        await wot.requestThingDescription(`sse://localhost:${sseSc.getPort()}/.well-known/wot`)
    );
    const heard = new Promise<WoT.InteractionOutput>((resolve, reject) => {
        overSseSc.observeProperty("count", resolve, reject).then(() => overHttp.invokeAction("increment"), reject);
    });
    assert.equal(await (await heard).value(), 2);
    assert.equal(sseSc.status.sessions, 1);
    console.log("over SSE-SC: observed count = 2");

    await servient.shutdown();
    console.log("all as expected");
}

void main();
