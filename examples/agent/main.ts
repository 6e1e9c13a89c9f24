/** An agent: a Thing without a port of its own is used through a hub that it dials. It outlives a restart of the hub. */
import { Servient } from "@node-wot/core";
import { connect, createDevelopmentCertificate, SseScAgent, SseScServer } from "node-wot-binding-hiveot";
import { strict as assert } from "node:assert";
import { EventEmitter, once } from "node:events";

const DEVICE = { username: "device1", password: "a good password" };
const USER = { username: "alice", password: "another good password" };

async function main(): Promise<void> {
    const { key, cert } = await createDevelopmentCertificate();
    const hub = await startHub(key, cert, 0);
    const port = hub.server.getPort();
    const url = `sse://127.0.0.1:${port}`;

    const servient = new Servient();
    const agent = new SseScAgent({ hub: url, credentials: DEVICE, caCert: cert, reconnect: { max: 200 } });
    servient.addServer(agent);
    const wot = await servient.start();
    const lamp = await wot.produce({
        id: "urn:lamp-1",
        title: "Lamp",
        properties: { on: { type: "boolean", observable: true } },
        events: { failed: { data: { type: "string" } } },
    });
    let on = false;
    lamp.setPropertyReadHandler("on", () => Promise.resolve(on));
    lamp.setPropertyWriteHandler("on", async (value) => {
        on = (await value.value()) === true;
    });
    const registered = registration(agent);
    await lamp.expose();
    await registered;

    const user = await connect(url, USER, { caCert: cert, reconnect: { max: 200 } });
    await user.writeProperty("urn:lamp-1", "on", true);
    assert.equal(on, true);

    const events = new EventEmitter();
    await user.subscribeEvent("urn:lamp-1", "failed", {
        onNotification: ({ value }) => events.emit("failed", value),
    });
    const failed = once(events, "failed");
    lamp.emitEvent("failed", "the bulb");
    assert.deepEqual(await failed, ["the bulb"]);

    // The hub restarts, and has forgotten everything: agent and user find their way back.
    const back = new Promise((resolve) => user.once("connected", resolve));
    const again = registration(agent);
    await hub.servient.shutdown();
    const restarted = await startHub(key, cert, port);
    await Promise.all([back, again]);
    assert.equal(await user.readProperty("urn:lamp-1", "on"), true);

    await user.close();
    await servient.shutdown();
    await restarted.servient.shutdown();
    console.log("all as expected");
}

/** Resolves when the hub's directory has taken the TD of a Thing. */
function registration(agent: SseScAgent): Promise<void> {
    return new Promise((resolve) => {
        agent.once("registered", () => {
            resolve();
        });
    });
}

async function startHub(
    serverKey: string,
    serverCert: string,
    port: number
): Promise<{ server: SseScServer; servient: Servient }> {
    const accounts = [
        { ...DEVICE, role: "device" },
        { ...USER, role: "manager" },
    ];
    const server = new SseScServer({ port, address: "127.0.0.1", serverKey, serverCert, accounts, hub: true });
    const servient = new Servient();
    servient.addServer(server);
    await servient.start();
    return { server, servient };
}

void main();
