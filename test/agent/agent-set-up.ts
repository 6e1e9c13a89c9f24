/** An agent with Things, for the tests of this folder. */
import { Servient } from "@node-wot/core";
import { SseScAgent, type SseScAgentConfig, type SseScError } from "../../src/index";
import { RawHub, type RawHubOptions } from "../conformance/raw/raw-hub";
import { onEnd } from "../hub/harness";
import { certificate } from "../support/certificates";
import { eventually } from "../support/eventually";
import { type Transport } from "../support/set-ups";
import { COUNTER_ID, TestThing } from "../support/things";

/** Short waiting: the tests drop connections all the time. */
export const FAST = { min: 1, max: 40 } as const;

/** A raw hub that is reached by this transport. */
export async function startHub(transport: Transport, options: RawHubOptions = {}): Promise<RawHub> {
    const { key, cert } = await certificate();
    const tls = transport === "plain h1" ? undefined : { key, cert };
    return RawHub.start({ ...options, tls, http1Only: transport === "TLS h1" });
}

/** The same; it stops when the test ends. */
export async function hubOf(transport: Transport, options: RawHubOptions = {}): Promise<RawHub> {
    const hub = await startHub(transport, options);
    onEnd(() => hub.stop());
    return hub;
}

/** The options of an agent that reaches a hub by this transport. */
export async function agentConfig(transport: Transport, hub: string): Promise<SseScAgentConfig> {
    const { cert } = await certificate();
    const tls = { caCert: cert, httpVersion: transport === "TLS h2" ? 2 : 1 } as const;
    return { hub, reconnect: FAST, ...(transport === "plain h1" ? {} : tls) };
}

/** What an agent told, as text, in order. */
export function eventsOf(agent: SseScAgent): string[] {
    const events: string[] = [];
    agent.on("connected", () => events.push("connected"));
    agent.on("disconnected", ({ code }) => events.push(`disconnected ${code}`));
    agent.on("registered", (thingId) => events.push(`registered ${thingId}`));
    agent.on("dropped", (total) => events.push(`dropped ${String(total)}`));
    agent.on("error", ({ code }, thingId) => events.push(`error ${code} ${thingId ?? ""}`.trim()));
    return events;
}

/** The next event of that name: its first parameter. */
export function nextEvent(agent: SseScAgent, event: "connected" | "registered"): Promise<unknown> {
    return new Promise((resolve) => {
        agent.once(event, (...parameters: readonly unknown[]) => {
            resolve(parameters[0]);
        });
    });
}

/** The next error that an agent tells. */
export function nextError(agent: SseScAgent): Promise<{ error: SseScError; thingId: string | undefined }> {
    return new Promise((resolve) => {
        agent.once("error", (error, thingId) => {
            resolve({ error, thingId });
        });
    });
}

/** A servient with one agent. */
export class AgentSetUp {
    private constructor(
        readonly servient: Servient,
        readonly agent: SseScAgent,
        readonly wot: typeof WoT,
        readonly things: ReadonlyMap<string, TestThing>
    ) {}

    static async start(config: SseScAgentConfig, ids: readonly string[] = [COUNTER_ID]): Promise<AgentSetUp> {
        const servient = new Servient();
        const agent = new SseScAgent(config);
        servient.addServer(agent);
        const wot = await servient.start();
        const things = new Map<string, TestThing>();
        for (const id of ids) {
            const thing = await TestThing.produce(wot, id);
            things.set(id, thing);
            await thing.thing.expose();
        }
        return new AgentSetUp(servient, agent, wot, things);
    }

    get counter(): TestThing {
        return this.thing(COUNTER_ID);
    }

    thing(id: string): TestThing {
        const thing = this.things.get(id);
        if (thing === undefined) throw new Error(`No Thing ${id} was exposed`);
        return thing;
    }

    async stop(): Promise<void> {
        await this.servient.shutdown();
    }
}

/** An agent that stops when the test ends. */
export async function agentOf(config: SseScAgentConfig, ids?: readonly string[]): Promise<AgentSetUp> {
    const setUp = await AgentSetUp.start(config, ids);
    onEnd(() => setUp.stop());
    return setUp;
}

/** An agent at this hub. It stops when the test ends. */
export async function agentAt(
    hub: RawHub,
    transport: Transport,
    config: Partial<SseScAgentConfig> = {},
    ids?: readonly string[]
): Promise<AgentSetUp> {
    return agentOf({ ...(await agentConfig(transport, hub.url)), ...config }, ids);
}

/** The same, and the hub knows its Things. */
export async function registeredAgent(
    hub: RawHub,
    transport: Transport,
    config: Partial<SseScAgentConfig> = {},
    ids: readonly string[] = [COUNTER_ID]
): Promise<AgentSetUp> {
    const setUp = await agentAt(hub, transport, config, ids);
    await eventually("registered", () => setUp.agent.status.registered.length === ids.length);
    return setUp;
}
