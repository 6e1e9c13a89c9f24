/**
 * A hub on a store, in a process of its own, to be killed while it writes. Argument: the folder. It tells its port; for each account
 * that it is told of by message it adds one of that name with the password that all have, and tells the name when that is done.
 */
import { Servient } from "@node-wot/core";
import { SseScServer } from "../../src/index";
import { PASSWORD_HASH } from "./members";

const [, , store = ""] = process.argv;

async function main(): Promise<void> {
    const server = new SseScServer({ port: 0, address: "127.0.0.1", hub: true, store });
    const servient = new Servient();
    servient.addServer(server);
    await servient.start();
    process.on("message", (username: string) => {
        void server.accounts
            .put({ username, passwordHash: PASSWORD_HASH, role: username.startsWith("agent") ? "device" : "operator" })
            .then(() => process.send?.({ added: username, accounts: server.accounts.list().length }));
    });
    process.send?.({ port: server.getPort() });
}

void main();
