/**
 * A hub or an agent in a process of its own, to be killed. Started by `fork`: `hub`, a port and a folder for its store, or none; it
 * tells its port. Or `agent` and the hub's URL; it tells when its Thing is registered, and sends an event for each message.
 */
import { Servient } from "@node-wot/core";
import { SseScAgent, SseScServer } from "../../src/index";
import { TestThing } from "../support/things";
import { ACCOUNTS, CREDENTIALS, FAST } from "./members";

async function hub(port: string, store: string): Promise<void> {
    const server = new SseScServer({
        port: Number(port),
        address: "127.0.0.1",
        hub: true,
        accounts: ACCOUNTS,
        ...(store === "" ? {} : { store }),
    });
    const servient = new Servient();
    servient.addServer(server);
    await servient.start();
    process.send?.({ port: server.getPort() });
}

async function agent(url: string): Promise<void> {
    const agent = new SseScAgent({ hub: url, credentials: CREDENTIALS.agent, reconnect: FAST });
    agent.on("registered", (registered) => process.send?.({ registered }));
    const servient = new Servient();
    servient.addServer(agent);
    const counter = await TestThing.produce(await servient.start());
    process.on("message", (text: string) => {
        counter.tick(text);
    });
    await counter.thing.expose();
}

const [, , member = "", first = "", second = ""] = process.argv;
void (member === "hub" ? hub(first, second) : agent(first));
