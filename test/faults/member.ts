/**
 * A server, a hub or an agent in a process of its own, to be killed, stopped or stalled. Started by `fork` with its `MemberOptions` as
 * JSON; tells its ports, or that its Thing is registered, and does what it is told by IPC. What it emits and executes stands in its file of facts
 * before anybody can hear of it.
 */
import { Servient } from "@node-wot/core";
import { SseScAgent, SseScServer, type SseScServerConfig } from "../../src/index";
import { FactFile } from "./facts";
import { ACCOUNTS, CREDENTIALS, FAST, THING, type MemberOptions, type Order, type Report } from "./members";

/** What travels as an event, a property value, or the input of an action. */
interface Numbered {
    readonly scenario: string;
    readonly n?: number;
    readonly id?: string;
    readonly padding?: string;
}

const options = JSON.parse(process.argv[2] ?? "{}") as MemberOptions;
const facts = new FactFile(options.facts);

function tell(report: Report): void {
    process.send?.(report);
}

/** The Thing of the suite: an event, a property, an action and a property to write. */
class NumberedThing {
    #level: Numbered = { scenario: "none", n: 0 };

    private constructor(readonly thing: WoT.ExposedThing) {}

    static async produce(wot: typeof WoT): Promise<NumberedThing> {
        const object = { type: "object" } as const;
        const thing = await wot.produce({
            id: THING,
            title: "Numbers what it does",
            properties: { level: { ...object, observable: true, readOnly: true }, target: { ...object } },
            actions: { act: { input: object, output: object } },
            events: { tick: { data: object } },
        });
        const numbered = new NumberedThing(thing);
        thing.setPropertyReadHandler("level", async () => numbered.#level as WoT.InteractionInput);
        thing.setPropertyReadHandler("target", async () => ({}));
        thing.setPropertyWriteHandler("target", async (value) => {
            execute((await value.value()) as Numbered);
        });
        thing.setActionHandler("act", async (input) => execute((await input.value()) as Numbered));
        return numbered;
    }

    emit(scenario: string, stream: "tick" | "level", n: number, padding: string): void {
        const value: Numbered = { scenario, n, ...(padding !== "" && { padding }) };
        facts.write(scenario, { fact: "emitted", stream, n, conflates: stream === "level" });
        if (stream === "tick") {
            this.thing.emitEvent("tick", value as WoT.InteractionInput);
            return;
        }
        this.#level = value;
        this.thing.emitPropertyChange("level");
    }
}

function execute(input: Numbered): WoT.InteractionInput {
    const { scenario, id = "" } = input;
    facts.write(scenario, { fact: "executed", id });
    tell({ report: "executed", id });
    return { id };
}

/** Carries out what the test orders. */
function obey(numbered: NumberedThing, agent?: SseScAgent): void {
    const obeyed = async (order: Order): Promise<void> => {
        switch (order.order) {
            case "emit": {
                const { scenario, from, count, every, size = 0, levels = true } = order;
                const padding = "x".repeat(size);
                for (let n = from; n < from + count; n++) {
                    numbered.emit(scenario, "tick", n, padding);
                    if (levels) numbered.emit(scenario, "level", n, "");
                    if (every > 0) await new Promise((resolve) => setTimeout(resolve, every));
                    else if (n % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
                    if (agent?.status.queued === 0) facts.write(scenario, { fact: "delivered", stream: "tick", n });
                }
                tell({ report: "emitted", scenario, last: from + count - 1 });
                return;
            }
            case "stall": {
                const until = Date.now() + order.time;
                while (Date.now() < until);
                tell({ report: "stalled" });
                return;
            }
            case "memory":
                globalThis.gc?.();
                tell({ report: "memory", rss: process.memoryUsage.rss() });
        }
    };
    // One after the other: numbers are emitted in order
    let busy: Promise<void> = Promise.resolve();
    process.on("message", (order: Order) => {
        if (order.order === "stall") void obeyed(order);
        else busy = busy.then(() => obeyed(order));
    });
}

async function serve(): Promise<void> {
    const servient = new Servient();
    const { keyFile, certFile, store, hub = false, heartbeat = 30_000 } = options;
    const common: SseScServerConfig = {
        address: "127.0.0.1",
        accounts: ACCOUNTS,
        heartbeatInterval: heartbeat,
        hub,
        ...(store !== undefined && { store }),
        ...options.server,
    };
    const ports: { plain?: number; secure?: number } = {};
    const servers: [keyof typeof ports, SseScServer][] = [];
    if (options.plain !== undefined) servers.push(["plain", new SseScServer({ ...common, port: options.plain })]);
    if (options.secure !== undefined) {
        const tls = { serverKey: keyFile, serverCert: certFile };
        servers.push(["secure", new SseScServer({ ...common, ...tls, port: options.secure })]);
    }
    for (const [, server] of servers) servient.addServer(server);
    const wot = await servient.start();
    if (hub === false) {
        const numbered = await NumberedThing.produce(wot);
        await numbered.thing.expose();
        obey(numbered);
    }
    for (const [name, server] of servers) ports[name] = server.getPort();
    tell({ report: "ports", ...ports });
}

async function act(hub: string): Promise<void> {
    const tls = hub.startsWith("sse:") ? { caCert: options.certFile, httpVersion: options.httpVersion ?? 2 } : {};
    const agent = new SseScAgent({ hub, credentials: CREDENTIALS.agent, reconnect: FAST, ...tls });
    agent.on("registered", () => tell({ report: "registered" }));
    agent.on("dropped", (total) => tell({ report: "outbox full", total }));
    const servient = new Servient();
    servient.addServer(agent);
    const numbered = await NumberedThing.produce(await servient.start());
    await numbered.thing.expose();
    obey(numbered, agent);
}

void (options.agentOf === undefined ? serve() : act(options.agentOf));
process.on("disconnect", () => process.exit());
