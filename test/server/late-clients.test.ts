import { hash } from "@node-rs/argon2";
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { SseScServer, type Account } from "../../src/index";
import { Http1Wire, Http2Wire, RawClient } from "../conformance/raw/raw-client";
import { certificate } from "../support/certificates";
import { eventually } from "../support/eventually";

for (const transport of ["plain h1", "TLS h2"] as const) {
    describe(`a client that leaves while the account store thinks, over ${transport}`, () => {
        it("leaves no session behind", async () => {
            const { key, cert } = await certificate();
            const account: Account = {
                clientId: "alice",
                role: "admin",
                updated: new Date(0).toISOString(),
                passwordHash: await hash("wonder", { memoryCost: 1024, timeCost: 1 }),
            };
            let gate: Promise<void> = Promise.resolve();
            let asked = 0;
            const server = new SseScServer({
                port: 0,
                address: "127.0.0.1",
                ...(transport === "TLS h2" ? { serverKey: key, serverCert: cert } : {}),
                accounts: {
                    get: async () => {
                        asked++;
                        await gate;
                        return account;
                    },
                },
            });
            const servient = new Servient();
            servient.addServer(server);
            await servient.start();
            const authority = `127.0.0.1:${String(server.getPort())}`;
            const otherWire = () =>
                transport === "TLS h2"
                    ? new Http2Wire({ origin: `https://${authority}`, ca: cert })
                    : new Http1Wire({ origin: `http://${authority}` });
            const wire = otherWire();
            const client = new RawClient(wire);
            try {
                expect(await client.login("alice", "wonder")).to.include({ status: 200 });
                let open: () => void = () => undefined;
                gate = new Promise((resolve) => (open = resolve));
                const before = asked;
                const opening = client.openStream().catch(() => undefined);
                await eventually("the store is asked", () => asked > before);
                await wire.close();
                await opening;
                await eventually("the connection is gone", () => server.status.connections === 0);
                open();
                await gate;
                const another = new RawClient(otherWire());
                await another.connect("alice", "wonder"); // by then the late one has had its turn
                expect(server.status.sessions).to.equal(1);
                await another.wire.close();
            } finally {
                await servient.shutdown();
            }
        });
    });
}
