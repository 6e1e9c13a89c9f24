/**
 * What a user does first, in TypeScript. `.ci/package.ts` compiles and runs it in an empty project, once as CommonJS (`.cts`) and
 * once as an ES module (`.mts`): hence no top-level await.
 */
import { Servient } from "@node-wot/core";
import { SseScClientFactory, SseScPlainClientFactory, SseScServer } from "node-wot-binding-hiveot";
import { isOperation, SseScError, type ErrorCode } from "node-wot-binding-hiveot/protocol";
import { strict as assert } from "node:assert";

const ID = "urn:test:counter";
const ACCOUNT = { username: "alice", password: "correct horse battery staple" };

async function main(): Promise<void> {
    const server = new SseScServer({ port: 0, address: "127.0.0.1", accounts: [{ ...ACCOUNT, role: "manager" }] });
    const host = new Servient();
    host.addServer(server);
    const thing = await (
        await host.start()
    ).produce({
        id: ID,
        title: "Counter",
        properties: { count: { type: "integer" } },
    });
    let count = 42;
    thing.setPropertyReadHandler("count", async () => count);
    thing.setPropertyWriteHandler("count", async (value) => {
        count = Number(await value.value());
    });
    await thing.expose();

    const guest = new Servient();
    guest.addClientFactory(new SseScClientFactory({}));
    guest.addClientFactory(new SseScPlainClientFactory({}));
    guest.addCredentials({ [ID]: ACCOUNT });
    const wot = await guest.start();
    const td = await wot.requestThingDescription(`sse-plain://127.0.0.1:${server.getPort()}/.well-known/wot`);
    const consumed = await wot.consume(td);
    await consumed.writeProperty("count", 43);
    assert.equal(await (await consumed.readProperty("count")).value(), 43);

    await guest.shutdown();
    await host.shutdown();
}

const code: ErrorCode = new SseScError("TIMEOUT").code;
assert.equal(code, "TIMEOUT");
assert.ok(isOperation("readproperty"));
void main();
