/** The whole client API: node-wot's Scripting API first, then what the peer behind a Thing adds to it. */
import { Servient } from "@node-wot/core";
import { createDevelopmentCertificate, SseScClientFactory, SseScError, SseScServer } from "node-wot-binding-hiveot";
import type { NotificationMessage, Peer } from "node-wot-binding-hiveot/protocol";
import { strict as assert } from "node:assert";
import { once, EventEmitter } from "node:events";
import { exposeKettle, KETTLE_ID } from "../thing/kettle";

const ACCOUNT = { username: "alice", password: "a good password" };

async function main(): Promise<void> {
    const { key, cert } = await createDevelopmentCertificate();
    const server = await startServer(key, cert);

    // --- what a consumer's script has to do ---
    const factory = new SseScClientFactory({ caCert: cert });
    const servient = new Servient();
    servient.addClientFactory(factory);
    servient.addCredentials({ [KETTLE_ID]: ACCOUNT });
    const wot = await servient.start();
    const td = await wot.requestThingDescription(
        `sse://127.0.0.1:${server.port}/things/${encodeURIComponent(KETTLE_ID)}`
    );
    const kettle = await wot.consume(td);

    await useProperties(kettle);
    await useActionsAndEvents(kettle);
    const peer = factory.peerFor(kettle);
    await usePeerForProperties(peer);
    await usePeerForActions(peer);
    await usePeerForEvents(peer);
    await meetErrors(kettle, peer);

    await servient.shutdown(); // closes the connection: nothing keeps the process alive
    await server.stop();
    console.log("all as expected");
}

async function startServer(serverKey: string, serverCert: string): Promise<{ port: number; stop(): Promise<void> }> {
    const server = new SseScServer({
        port: 0,
        address: "127.0.0.1",
        serverKey,
        serverCert,
        accounts: [{ ...ACCOUNT, role: "manager" }],
    });
    const servient = new Servient();
    servient.addServer(server);
    await exposeKettle(await servient.start());
    return { port: server.getPort(), stop: () => servient.shutdown() };
}

async function useProperties(kettle: WoT.ConsumedThing): Promise<void> {
    const temperature = await kettle.readProperty("temperature");
    assert.equal(await temperature.value(), 20);
    const fahrenheit = await kettle.readProperty("temperature", { uriVariables: { unit: "fahrenheit" } });
    assert.equal(await fahrenheit.value(), 68);

    const heard = new EventEmitter();
    const subscription = await kettle.observeProperty("target", (output) => void heard.emit("target", output));
    const change = once(heard, "target") as Promise<[WoT.InteractionOutput]>;
    await kettle.writeProperty("target", 80);
    assert.equal(await (await change)[0].value(), 80);
    await subscription.stop();

    await kettle.writeMultipleProperties(new Map<string, WoT.InteractionInput>([["label", "office"]]));
    const some = await kettle.readMultipleProperties(["target", "label"]);
    assert.equal(await some.get("label")?.value(), "office");
    assert.equal((await kettle.readAllProperties()).size, 3);
    console.log("properties: read, with a uriVariable, observed, written, several at once");
}

async function useActionsAndEvents(kettle: WoT.ConsumedThing): Promise<void> {
    const boiled = new EventEmitter();
    const subscription = await kettle.subscribeEvent("boiling", (output) => void boiled.emit("boiling", output));
    const boiling = once(boiled, "boiling") as Promise<[WoT.InteractionOutput]>;
    await kettle.writeProperty("target", 100);
    const output = await kettle.invokeAction("heat");
    assert.equal(await output?.value(), 100);
    assert.equal(await (await boiling)[0].value(), 100);
    await subscription.stop();
    console.log("actions and events: invoked, subscribed");
}

/** node-wot reads and writes several properties one by one; the peer does it with one request. */
async function usePeerForProperties(peer: Peer): Promise<void> {
    await peer.ping();
    await peer.writeMultipleProperties(KETTLE_ID, { target: 90, label: "garden" });
    assert.deepEqual(await peer.readAllProperties(KETTLE_ID), { temperature: 100, target: 90, label: "garden" });

    const heard = new EventEmitter();
    const observation = await peer.observeAllProperties(KETTLE_ID, {
        onNotification: ({ name, value }) => void heard.emit("change", name, value),
    });
    const change = once(heard, "change");
    await peer.writeProperty(KETTLE_ID, "target", 95);
    assert.deepEqual(await change, ["target", 95]);
    await observation.stop();
    console.log("peer: ping, all properties with one request, all observed");
}

async function usePeerForActions(peer: Peer): Promise<void> {
    // Somebody else may watch
    const watched: NotificationMessage[] = [];
    const watching = await peer.observeAction(KETTLE_ID, "heat", {
        onNotification: (notification) => void watched.push(notification),
    });
    await peer.invokeAction(KETTLE_ID, "cool");
    await peer.writeProperty(KETTLE_ID, "target", 40);

    const progress: unknown[] = [];
    const output = await peer.invokeAction(KETTLE_ID, "heat", undefined, {
        onProgress: (value) => void progress.push(value),
    });
    assert.equal(output, 40);
    assert.deepEqual(progress, [30, 40]);
    assert.equal(watched.length, 2);
    await watching.stop();

    const status = await peer.queryAction(KETTLE_ID, "heat");
    assert.deepEqual([status.status, status.output], ["completed", 40]);
    assert.deepEqual(Object.keys(await peer.queryAllActions(KETTLE_ID)), ["heat", "cool"]);

    // Giving up cancels the action on the other side; cancelAction() does the same for an action whose answer is still wanted
    await peer.writeProperty(KETTLE_ID, "target", 100);
    const giveUp = new AbortController();
    await assert.rejects(
        peer.invokeAction(KETTLE_ID, "heat", undefined, { signal: giveUp.signal, onProgress: () => giveUp.abort() }),
        { code: "ABORTED" }
    );
    const heating = peer.invokeAction(KETTLE_ID, "heat", undefined, {
        onProgress: () => void peer.cancelAction(KETTLE_ID, "heat"),
    });
    await assert.rejects(heating, { code: "CANCELLED" });
    console.log("peer: progress, action observed, queried, given up, cancelled");
}

async function usePeerForEvents(peer: Peer): Promise<void> {
    const latest = await peer.readEvent(KETTLE_ID, "boiling");
    assert.equal(latest?.value, 100);
    assert.deepEqual(Object.keys(await peer.readAllEvents(KETTLE_ID)), ["boiling"]);
    const subscription = await peer.subscribeAllEvents(KETTLE_ID, { onNotification: () => undefined });
    await subscription.stop();
    console.log("peer: latest events read, all subscribed");
}

/** Every error is a SseScError with a code. */
async function meetErrors(kettle: WoT.ConsumedThing, peer: Peer): Promise<void> {
    await assert.rejects(peer.readProperty(KETTLE_ID, "colour"), { code: "UNKNOWN_AFFORDANCE", status: 404 });
    await assert.rejects(peer.writeProperty(KETTLE_ID, "target", 1000), { code: "INVALID_INPUT", status: 400 });
    await assert.rejects(kettle.invokeAction("pour", 5000), (error) => {
        assert.ok(error instanceof SseScError);
        assert.deepEqual([error.code, error.status, error.title], ["HANDLER_FAILED", 409, "The kettle is empty"]);
        return true;
    });
    console.log("errors: unknown, invalid, and the Thing's own");
}

void main();
