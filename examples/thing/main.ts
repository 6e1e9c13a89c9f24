/** Exposes a Thing, made of a Thing Model, over SSE-SC, then checks by hand, with nothing but `fetch`, that each of its affordances works. */
import { Servient } from "@node-wot/core";
import { SseScServer } from "node-wot-binding-hiveot";
import { strict as assert } from "node:assert";
import { exposeKettle, KETTLE_ID } from "./kettle";
import { WireClient } from "./wire";

async function main(): Promise<void> {
    // Without a certificate a server speaks plain HTTP, on 127.0.0.1 only
    const server = new SseScServer({
        port: 0, // a free one; without this it is 8444
        accounts: [{ username: "alice", password: "a good password", role: "manager" }],
    });
    const servient = new Servient();
    servient.addServer(server);
    await exposeKettle(await servient.start());
    const origin = `http://127.0.0.1:${server.getPort()}`;

    await checkDescription(origin);
    const client = await WireClient.open(origin, "alice", "a good password");
    await checkProperties(client);
    await checkActions(client);
    await checkEvents(client);
    await checkRefusals(origin, client);
    client.close();
    await servient.shutdown();
    console.log("all as expected");
}

/** The TD is served to everybody, unless the option `tdAccess` says otherwise. */
async function checkDescription(origin: string): Promise<void> {
    const response = await fetch(`${origin}/things/${encodeURIComponent(KETTLE_ID)}`);
    const td = (await response.json()) as {
        id: string;
        title: string;
        base: string;
        properties: Record<string, { maximum?: number }>;
    };
    assert.equal(td.id, KETTLE_ID);
    assert.equal(td.title, "Kettle in the kitchen");
    assert.equal(td.properties["target"]?.maximum, 100);
    assert.equal(td.base, `${origin.replace("http:", "sse-plain:")}/hiveot/ssesc`);
    assert.deepEqual(Object.keys(td.properties), ["temperature", "target", "label"]);
    console.log(`TD of ${td.id}, base ${td.base}`);
}

async function checkProperties(client: WireClient): Promise<void> {
    const temperature = { operation: "readproperty", thingID: KETTLE_ID, name: "temperature" };
    assert.equal((await client.request(temperature)).output, 20);
    assert.equal((await client.request(temperature, "?unit=fahrenheit")).output, 68);

    const target = { thingID: KETTLE_ID, name: "target" };
    await client.request({ operation: "observeproperty", ...target });
    await client.request({ operation: "writeproperty", ...target, input: 80 });
    const change = await client.next((message) => message.affordanceType === "property");
    assert.deepEqual([change.name, change.value], ["target", 80]);

    const all = await client.request({ operation: "readallproperties", thingID: KETTLE_ID });
    assert.deepEqual(all.output, { temperature: 20, target: 80, label: "kitchen" });
    console.log("properties: read, with a uriVariable, written, observed, all read");
}

async function checkActions(client: WireClient): Promise<void> {
    const heat = { thingID: KETTLE_ID, name: "heat" };
    assert.equal((await client.request({ operation: "invokeaction", ...heat })).output, 80);
    const progress: unknown[] = [];
    while (progress.length < 6) {
        const { value } = await client.next((message) => message.affordanceType === "action");
        progress.push((value as { output: unknown }).output);
    }
    assert.deepEqual(progress, [30, 40, 50, 60, 70, 80]);

    // Cancelled after its first progress: the handler's signal is raised
    await client.request({ operation: "writeproperty", thingID: KETTLE_ID, name: "target", input: 100 });
    const id = await client.post({ operation: "invokeaction", ...heat });
    await client.next((message) => message.affordanceType === "action");
    await client.request({ operation: "cancelaction", ...heat, input: id });
    const cancelled = await client.next((message) => message.correlationID === id && message.status === "failed");
    assert.equal(cancelled.error?.status, 409);
    console.log("actions: invoked, with progress, cancelled");
}

async function checkEvents(client: WireClient): Promise<void> {
    const boiling = { thingID: KETTLE_ID, name: "boiling" };
    await client.request({ operation: "subscribeevent", ...boiling });
    await client.post({ operation: "invokeaction", thingID: KETTLE_ID, name: "heat" });
    assert.equal((await client.next((message) => message.affordanceType === "event")).value, 100);

    const latest = await client.request({ operation: "readevent", ...boiling });
    assert.equal((latest.output as { value: unknown }).value, 100);
    console.log("events: subscribed, heard, read");
}

async function checkRefusals(origin: string, client: WireClient): Promise<void> {
    const tooHot = { operation: "writeproperty", thingID: KETTLE_ID, name: "target", input: 1000 };
    assert.equal((await client.request(tooHot)).error?.status, 400);

    const tooMuch = { operation: "invokeaction", thingID: KETTLE_ID, name: "pour", input: 5000 };
    assert.deepEqual((await client.request(tooMuch)).error?.title, "The kettle is empty");

    const stranger = await fetch(`${origin}/hiveot/ssesc`, { headers: { cid: "1" } });
    assert.equal(stranger.status, 401);
    console.log("refusals: bad input, the Thing's own error, no token");
}

void main();
