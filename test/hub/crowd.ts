/** A hub with a crowd of agents and consumers, all over TLS and real sockets; every event that a consumer hears is kept. */
import { hash } from "@node-rs/argon2";
import { Servient } from "@node-wot/core";
import { connect, SseScAgent, type Connection, type SseScServerConfig } from "../../src/index";
import { certificate } from "../support/certificates";
import { SetUp } from "../support/set-ups";

/** How large it is. */
export interface CrowdSize {
    readonly agents: number;
    /** Things of each agent. */
    readonly things: number;
    readonly consumers: number;
    /** Every so many consumers there is one that subscribes to everything. */
    readonly listenersEvery: number;
}

/** Of agents whose Things a consumer subscribes to. */
const NEIGHBOURS = 5;
/** Rounds of events that are under way at once: what the outboxes and backlogs hold by far. */
const WAVE = 5;
const PASSWORD = "password";

/** One consumer: what it must hear and what it heard, by Thing. */
interface Listener {
    readonly connection: Connection;
    /** Events of one round, by Thing. */
    readonly wanted: ReadonlyMap<string, readonly string[]>;
    readonly heard: Map<string, string[]>;
}

/** Starts everything with the first log-in and knows what was heard. */
export class Crowd {
    /** Events that were heard by anybody. */
    heard = 0;
    readonly #agents: { servient: Servient; agent: SseScAgent; things: WoT.ExposedThing[] }[] = [];
    readonly #listeners: Listener[] = [];
    #rounds = 0;
    #wake = (): void => undefined;

    private constructor(
        readonly hub: SetUp,
        private readonly size: CrowdSize
    ) {}

    static async start(size: CrowdSize): Promise<Crowd> {
        // Cheap on purpose: what is counted here is no passwords.
        const passwordHash = await hash(PASSWORD, { memoryCost: 64, timeCost: 1, parallelism: 1 });
        const accounts: NonNullable<SseScServerConfig["accounts"]> = [
            ...numbers(size.agents).map((n) => ({ username: agentId(n), passwordHash, role: "device" })),
            ...numbers(size.consumers).map((n) => ({ username: consumerId(n), passwordHash, role: "viewer" })),
        ];
        const hub = await SetUp.start({ secure: true, server: { hub: true, accounts }, things: [] });
        const crowd = new Crowd(hub, size);
        try {
            await Promise.all(numbers(size.agents).map((n) => crowd.#startAgent(n)));
            await Promise.all(numbers(size.consumers).map((n) => crowd.#startConsumer(n)));
        } catch (error) {
            await crowd.stop();
            throw error;
        }
        return crowd;
    }

    /** Every Thing tells two events a round; resolves when as many were heard as must be. */
    async tell(rounds: number): Promise<void> {
        for (let round = 0; round < rounds; round++) {
            for (let thing = 0; thing < this.size.things; thing++) {
                for (const { things } of this.#agents) {
                    for (const name of NAMES) things[thing]?.emitEvent(name, this.#rounds);
                }
            }
            this.#rounds++;
            if (this.#rounds % WAVE === 0 || round === rounds - 1) await this.#allHeard();
        }
        // Behind what came on each stream, and what the agents would send again.
        await Promise.all(this.#listeners.map(({ connection }) => connection.ping()));
    }

    /** Events that were dropped by agents on their way out. */
    get dropped(): number {
        return this.#agents.reduce((sum, { agent }) => sum + agent.status.dropped, 0);
    }

    /** What every consumer must have heard, of each Thing in this order. */
    expected(): Record<string, readonly string[]>[] {
        const rounds = numbers(this.#rounds);
        return this.#listeners.map(({ wanted }) =>
            Object.fromEntries(
                [...wanted].map(([id, names]) => [
                    id,
                    rounds.flatMap((n) => names.map((name) => `${name} ${String(n)}`)),
                ])
            )
        );
    }

    /** What every consumer heard. */
    actual(): Record<string, readonly string[]>[] {
        return this.#listeners.map(({ heard }) => Object.fromEntries(heard));
    }

    async stop(): Promise<void> {
        await Promise.all(this.#listeners.map(({ connection }) => connection.close()));
        await Promise.all(this.#agents.map(({ servient }) => servient.shutdown()));
        await this.hub.stop();
    }

    /** True for who subscribes to everything. */
    isListener(consumer: number): boolean {
        return consumer % this.size.listenersEvery === 0;
    }

    async #startAgent(number: number): Promise<void> {
        const servient = new Servient();
        const { cert } = await certificate();
        const agent = new SseScAgent({
            hub: `sse://${this.hub.authority}`,
            credentials: { username: agentId(number), password: PASSWORD },
            caCert: cert,
        });
        const things: WoT.ExposedThing[] = [];
        this.#agents.push({ servient, agent, things });
        servient.addServer(agent);
        const wot = await servient.start();
        const registered = new Set<string>();
        const ready = new Promise<void>((resolve, reject) => {
            agent.on("registered", (id) => {
                if (registered.add(id).size === this.size.things) resolve();
            });
            agent.on("error", reject);
        });
        ready.catch(() => undefined); // it is awaited below
        for (const n of numbers(this.size.things)) {
            const events = Object.fromEntries(NAMES.map((name) => [name, { data: { type: "integer" as const } }]));
            const thing = await wot.produce({ id: thingId(number, n), title: "One of many", events });
            await thing.expose();
            things.push(thing);
        }
        await ready;
    }

    async #startConsumer(number: number): Promise<void> {
        const { cert } = await certificate();
        const credentials = { username: consumerId(number), password: PASSWORD };
        const connection = await connect(`sse://${this.hub.authority}`, credentials, { caCert: cert });
        const { agents, things } = this.size;
        const heard = new Map<string, string[]>();
        const onNotification = ({
            thingId: id,
            name,
            value,
        }: {
            thingId: string;
            name: string;
            value: unknown;
        }): void => {
            let list = heard.get(id);
            if (list === undefined) heard.set(id, (list = []));
            list.push(`${name} ${String(value)}`);
            this.heard++;
            this.#wake();
        };
        const wanted = new Map<string, readonly string[]>();
        this.#listeners.push({ connection, wanted, heard });
        if (this.isListener(number)) {
            for (const agent of numbers(agents)) for (const n of numbers(things)) wanted.set(thingId(agent, n), NAMES);
            await connection.subscribeAllEvents("", { onNotification });
            return;
        }
        for (const next of numbers(NEIGHBOURS)) {
            // One name of the Things of some, all of one Thing that everybody hears.
            const id = next === 0 ? thingId(0, 0) : thingId((number + next) % agents, (number + next) % things);
            if (wanted.has(id)) continue;
            wanted.set(id, next === 0 ? NAMES : ["tick"]);
            if (next === 0) await connection.subscribeAllEvents(id, { onNotification });
            else await connection.subscribeEvent(id, "tick", { onNotification });
        }
    }

    async #allHeard(): Promise<void> {
        let wanted = 0;
        for (const listener of this.#listeners) for (const names of listener.wanted.values()) wanted += names.length;
        wanted *= this.#rounds;
        await new Promise<void>((resolve) => {
            this.#wake = () => {
                if (this.heard >= wanted) resolve();
            };
            this.#wake();
        });
    }
}

const NAMES = ["tick", "tock"] as const;

function numbers(count: number): number[] {
    return [...Array(count).keys()];
}

function agentId(number: number): string {
    return `agent-${String(number)}`;
}

function consumerId(number: number): string {
    return `consumer-${String(number)}`;
}

function thingId(agent: number, thing: number): string {
    return `urn:crowd:${String(agent)}:${String(thing)}`;
}
