/** Discovery by DNS-SD: a server announces itself, and a consumer finds it, knowing nothing but account and certificate. */
import { Servient } from "@node-wot/core";
import {
    createDevelopmentCertificate,
    discover,
    fetchThingDescription,
    SseScClientFactory,
    SseScServer,
    type FoundService,
} from "node-wot-binding-hiveot";
import { strict as assert } from "node:assert";
import { exposeKettle, KETTLE_ID } from "../thing/kettle";

const ACCOUNT = { username: "alice", password: "a good password" };

async function main(): Promise<void> {
    const { key, cert } = await createDevelopmentCertificate();
    const name = `kettle of process ${process.pid}`; // others may run this example too
    const stop = await startServer(key, cert, name);

    const found = await find(name);
    assert.equal(found.type, "Thing");
    assert.equal(found.url, `https://127.0.0.1:${found.port}/.well-known/wot`);
    console.log("found");

    const td = await fetchThingDescription(found.url, ACCOUNT, { caCert: cert });
    assert.equal(td["id"], KETTLE_ID);
    const servient = new Servient();
    servient.addClientFactory(new SseScClientFactory({ caCert: cert }));
    servient.addCredentials({ [KETTLE_ID]: ACCOUNT });
    const kettle = await (await servient.start()).consume(td);
    assert.equal(await (await kettle.readProperty("temperature")).value(), 20);
    console.log("consumed");

    await servient.shutdown();
    await stop();
    console.log("all as expected");
}

/** On loopback, and so announced on loopback alone: no certificate is needed for an address that is not known yet. */
async function startServer(serverKey: string, serverCert: string, name: string): Promise<() => Promise<void>> {
    const server = new SseScServer({
        port: 0,
        address: "127.0.0.1",
        serverKey,
        serverCert,
        accounts: [{ ...ACCOUNT, role: "viewer" }],
        announce: { name },
    });
    const servient = new Servient();
    servient.addServer(server);
    await exposeKettle(await servient.start());
    return () => servient.shutdown();
}

async function find(name: string): Promise<FoundService> {
    for await (const found of discover({ type: "Thing", interface: "127.0.0.1", timeout: 10_000 })) {
        if (found.name === name) return found; // leaving the loop ends the search
    }
    throw new Error(`${name} is not found`);
}

void main();
