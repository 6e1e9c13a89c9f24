/**
 * A hybrid: a server that agents dial into, with a Thing of its own, whose script uses the agents' Things with node-wot's ordinary
 * API. A heating that is controlled by a thermometer somewhere behind a firewall.
 */
import { Servient } from "@node-wot/core";
import {
    connect,
    createDevelopmentCertificate,
    SseScAgent,
    SseScClientFactory,
    SseScServer,
} from "node-wot-binding-hiveot";
import { strict as assert } from "node:assert";
import { EventEmitter, once } from "node:events";

const DEVICE = { username: "thermometer", password: "a good password" };
const USER = { username: "alice", password: "another good password" };
const THERMOMETER = "urn:example:thermometer";
const HEATING = "urn:example:heating";

async function main(): Promise<void> {
    // The hybrid: a hub with a Thing of its own, and a factory that reaches what is at the hub without a network
    const { key, cert } = await createDevelopmentCertificate();
    const server = new SseScServer({
        hub: true,
        port: 0,
        address: "127.0.0.1",
        serverKey: key,
        serverCert: cert,
        accounts: [
            { ...DEVICE, role: "device" },
            { ...USER, role: "operator" },
        ],
    });
    const servient = new Servient();
    servient.addServer(server);
    servient.addClientFactory(new SseScClientFactory({ hub: server }));
    const wot = await servient.start();
    const heating = await wot.produce({
        id: HEATING,
        title: "Heating",
        properties: { on: { type: "boolean", observable: true, readOnly: true } },
    });
    let on = false;
    heating.setPropertyReadHandler("on", () => Promise.resolve(on));
    await heating.expose();

    // Somewhere else: a thermometer that dials in
    const url = `sse://127.0.0.1:${server.getPort()}`;
    const device = new Servient();
    const agent = new SseScAgent({ hub: url, credentials: DEVICE, caCert: cert });
    device.addServer(agent);
    const thermometer = await (
        await device.start()
    ).produce({
        id: THERMOMETER,
        title: "Thermometer",
        properties: { temperature: { type: "number", readOnly: true } },
        events: { changed: { data: { type: "number" } } },
    });
    thermometer.setPropertyReadHandler("temperature", () => Promise.resolve(21));
    const registered = new Promise<void>((resolve) => agent.once("registered", () => resolve()));
    await thermometer.expose();
    await registered;

    // The hybrid's script uses the agent's Thing, and tells what it does by its own
    const consumed = await wot.consume(server.getThingDescription(THERMOMETER));
    assert.equal(await (await consumed.readProperty("temperature")).value(), 21);
    await consumed.subscribeEvent("changed", (data) => {
        void data.value().then((temperature) => {
            on = Number(temperature) < 20;
            heating.emitPropertyChange("on");
        });
    });

    // A user elsewhere reaches both by the one connection
    const user = await connect(url, USER, { caCert: cert });
    const heard = new EventEmitter();
    await user.observeProperty(HEATING, "on", { onNotification: ({ value }) => heard.emit("on", value) });
    const switched = once(heard, "on");
    thermometer.emitEvent("changed", 17);
    assert.deepEqual(await switched, [true]);
    assert.equal(await user.readProperty(HEATING, "on"), true);
    assert.equal(await user.readProperty(THERMOMETER, "temperature"), 21);

    await user.close();
    await device.shutdown();
    await servient.shutdown();
    console.log("all as expected");
}

void main();
