/**
 * What a user does first, in plain JavaScript: expose a small Thing on loopback, log in, consume it, read it, shut down.
 * The two JavaScript consumers differ only in how they get hold of the packages.
 */
const assert = require("node:assert/strict");

const ID = "urn:test:counter";
const ACCOUNT = { username: "alice", password: "correct horse battery staple" };

module.exports = async function scenario({
    Servient,
    SseScServer,
    SseScClientFactory,
    SseScPlainClientFactory,
    SseScError,
}) {
    const server = new SseScServer({ port: 0, address: "127.0.0.1", accounts: [{ ...ACCOUNT, role: "manager" }] });
    const host = new Servient();
    host.addServer(server);
    const thing = await (
        await host.start()
    ).produce({
        id: ID,
        title: "Counter",
        properties: { count: { type: "integer", readOnly: true } },
    });
    thing.setPropertyReadHandler("count", async () => 42);
    await thing.expose();

    const guest = new Servient();
    guest.addClientFactory(new SseScClientFactory({}));
    const factory = new SseScPlainClientFactory({});
    guest.addClientFactory(factory);
    guest.addCredentials({ [ID]: ACCOUNT });
    const wot = await guest.start();
    const td = await wot.requestThingDescription(`sse-plain://127.0.0.1:${server.getPort()}/.well-known/wot`);
    const consumed = await wot.consume(td);
    assert.equal(await (await consumed.readProperty("count")).value(), 42);
    // Both exports hand out the same class
    await assert.rejects(factory.peerFor(consumed).writeProperty(ID, "count", 1), SseScError);

    await guest.shutdown();
    await host.shutdown();
};
