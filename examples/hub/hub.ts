/** The hub: agents and consumers dial in, and it has no Things of its own. `tsx examples/hub/hub.ts [certificate]` */
import { Servient } from "@node-wot/core";
import { createDevelopmentCertificate, SseScServer } from "node-wot-binding-hiveot";
import { writeFileSync } from "node:fs";
import { AGENT, CERTIFICATE, CONSUMER, onInterrupt, PORT } from "./settings";

async function main(): Promise<void> {
    const { key, cert } = await createDevelopmentCertificate();
    writeFileSync(CERTIFICATE, cert);
    const server = new SseScServer({
        hub: true,
        port: PORT,
        address: "127.0.0.1",
        serverKey: key,
        serverCert: cert,
        accounts: [
            { ...AGENT, role: "device" }, // may write its own TDs, and publish for its own Things
            { ...CONSUMER, role: "manager" },
        ],
    });
    server.connections
        .on("opened", ({ clientId, role }) => console.log(`hub       ${clientId} (${role}) is here`))
        .on("closed", ({ clientId }) => console.log(`hub       ${clientId} has left`));
    const servient = new Servient();
    servient.addServer(server);
    await servient.start();
    console.log(`hub       listens on port ${server.getPort()}`);
    process.send?.(server.getPort());
    onInterrupt(() => servient.shutdown());
}

void main();
