/**
 * A server with its store on disk, in a process of its own. Started by `fork` with the folder as argument; tells its port, then does
 * what it is told about accounts and keys and says when it is done, until it is killed.
 */
import { Servient } from "@node-wot/core";
import { SseScServer, type AccountConfig } from "../../src/index";

/** What it can be told. */
export type Order =
    | { readonly put: AccountConfig }
    | { readonly setPassword: { readonly username: string; readonly password: string } }
    | { readonly remove: string }
    | { readonly rotateSigningKey: { readonly overlap: boolean } };

const server = new SseScServer({ port: 0, store: process.argv[2] ?? "" });
const servient = new Servient();
servient.addServer(server);

async function carryOut(order: Order): Promise<void> {
    if ("put" in order) await server.accounts.put(order.put);
    else if ("remove" in order) await server.accounts.remove(order.remove);
    else if ("setPassword" in order) {
        await server.accounts.setPassword(order.setPassword.username, order.setPassword.password);
    } else await server.rotateSigningKey(order.rotateSigningKey);
}

void servient.start().then(() => {
    process.on("message", (order: Order) => {
        void carryOut(order).then(() => process.send?.("done"));
    });
    process.send?.(server.getPort());
});
