/**
 * A hub on a store, in a process of its own, to be killed while it writes. Argument: the folder. It tells its port. A message is the
 * name of an account to be added, with the password that all have, or `*` where the signing key is to be replaced; it tells the same when
 * that is done.
 */
import { Servient } from "@node-wot/core";
import { SseScServer } from "../../src/index";
import { PASSWORD_HASH, ROTATE } from "./members";

const [, , store = ""] = process.argv;

async function main(): Promise<void> {
    const server = new SseScServer({ port: 0, address: "127.0.0.1", hub: true, store });
    const servient = new Servient();
    servient.addServer(server);
    await servient.start();
    process.on("message", (order: string) => {
        const role = order.startsWith("agent") ? "device" : "operator";
        const done =
            order === ROTATE
                ? server.rotateSigningKey()
                : server.accounts.put({ username: order, passwordHash: PASSWORD_HASH, role });
        void done.then(() => process.send?.({ done: order, accounts: server.accounts.list().length }));
    });
    process.send?.({ port: server.getPort() });
}

void main();
