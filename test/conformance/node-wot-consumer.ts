/**
 * The scenarios' consumer as a node-wot script has it: a servient with our client factory, a ConsumedThing for what the
 * Scripting API can do, and the factory's peer for the rest.
 */
import { Servient } from "@node-wot/core";
import { SseScClientFactory, SseScError, SseScPlainClientFactory } from "../../src/index";
import { type SetUp, type Role, type Transport, usernameOf } from "../support/set-ups";
import { type Consumer, type Heard, Inbox, type Listening, type Outcome, type Running, type Target } from "./consumers";
import { freshId, PATIENCE } from "./raw/raw-client";

type Factory = SseScClientFactory | SseScPlainClientFactory;
type FactoryOptions = NonNullable<ConstructorParameters<typeof SseScPlainClientFactory>[0]>;
type Peer = ReturnType<Factory["peerFor"]>;
type PeerNotification = Parameters<Parameters<Peer["subscribe"]>[3]["onNotification"]>[0];
export type PeerOperation = Parameters<Peer["subscribe"]>[0];

/** What of a Thing's operations the Scripting API has. */
const KINDS: Readonly<Record<string, "properties" | "actions" | "events">> = {
    readproperty: "properties",
    writeproperty: "properties",
    observeproperty: "properties",
    invokeaction: "actions",
    subscribeevent: "events",
};

export class NodeWotConsumer implements Consumer {
    private constructor(
        readonly clientId: string,
        readonly servient: Servient,
        readonly factory: Factory,
        readonly peer: Peer,
        private readonly things: ReadonlyMap<string, WoT.ConsumedThing>
    ) {}

    static async connect(
        setUp: SetUp,
        transport: Transport,
        role: Role,
        options: FactoryOptions = {},
        change: (td: WoT.ThingDescription) => WoT.ThingDescription = (td) => td
    ): Promise<NodeWotConsumer> {
        const caCert = setUp.certificate.cert;
        const token = await setUp.token(role);
        // The TDs of a hub are not public, and whoever may do nothing cannot read them either.
        const reader = { token: await setUp.token("viewer") };
        const credentials = setUp.agent === undefined ? {} : { credentials: { [setUp.origin]: reader } };
        const given = { ...credentials, ...options };
        const factory = setUp.secure
            ? new SseScClientFactory({ caCert, httpVersion: transport === "TLS h2" ? 2 : 1, ...given })
            : new SseScPlainClientFactory(given);
        return NodeWotConsumer.#consume(setUp, usernameOf(role), factory, token, change);
    }

    /** A script of the server's own process. */
    static async local(setUp: SetUp): Promise<NodeWotConsumer> {
        const hub = setUp.server;
        const factory = setUp.secure ? new SseScClientFactory({ hub }) : new SseScPlainClientFactory({ hub });
        return NodeWotConsumer.#consume(setUp, hub.thingId, factory);
    }

    static async #consume(
        setUp: SetUp,
        clientId: string,
        factory: Factory,
        token?: string,
        change: (td: WoT.ThingDescription) => WoT.ThingDescription = (td) => td
    ): Promise<NodeWotConsumer> {
        const servient = new Servient();
        servient.addClientFactory(factory);
        if (token !== undefined) {
            servient.addCredentials(Object.fromEntries([...setUp.things.keys()].map((id) => [id, { token }])));
        }
        const wot = await servient.start();
        const things = new Map<string, WoT.ConsumedThing>();
        for (const id of setUp.things.keys()) {
            const url = `${setUp.scheme}://${setUp.authority}/things/${encodeURIComponent(id)}`;
            things.set(id, await wot.consume(change(await wot.requestThingDescription(url))));
        }
        const [first] = things.values();
        if (first === undefined) throw new Error("No Thing is exposed");
        return new NodeWotConsumer(clientId, servient, factory, factory.peerFor(first), things);
    }

    async perform(operation: string, target: Target = {}): Promise<Outcome> {
        try {
            return { ok: true, output: await this.#perform(operation, target) };
        } catch (error) {
            return asFailure(error);
        }
    }

    async listen(operation: string, target: Target = {}): Promise<Listening> {
        const inbox = new Inbox<Heard>();
        const stop = await this.#listen(operation, target, (heard) => {
            inbox.push(heard);
        });
        return { heard: inbox.all, next: () => inbox.next(PATIENCE), stop };
    }

    invoke({ thingId = "", name = "", input }: Target): Running {
        const id = freshId("action");
        const progress: unknown[] = [];
        const outcome = this.peer
            .request(
                { operation: "invokeaction", thingId, name, input, correlationId: id },
                { onProgress: (value: unknown) => progress.push(value) }
            )
            .then(({ output }): Outcome => ({ ok: true, output }), asFailure);
        return { id, outcome, progress: () => progress };
    }

    async close(): Promise<void> {
        await this.servient.shutdown();
    }

    async #perform(operation: string, target: Target): Promise<unknown> {
        const { thingId = "", name = "", input, uriVariables } = target;
        const consumed = this.#consumed(operation, target);
        const options = uriVariables === undefined ? undefined : { uriVariables };
        if (operation === "readproperty" && consumed !== undefined) {
            return await valueOf(await consumed.readProperty(name, options));
        }
        if (operation === "writeproperty" && consumed !== undefined) {
            await consumed.writeProperty(name, input as WoT.InteractionInput, options);
            return undefined;
        }
        if (operation === "invokeaction" && consumed !== undefined) {
            const output = await consumed.invokeAction(name, input as WoT.InteractionInput, options);
            return output === undefined ? undefined : await valueOf(output);
        }
        return (await this.peer.request({ operation, thingId, name, input })).output;
    }

    async #listen(operation: string, target: Target, listener: (heard: Heard) => void): Promise<() => Promise<void>> {
        const { thingId = "", name = "" } = target;
        const consumed = this.#consumed(operation, target);
        if (consumed !== undefined) {
            const affordance = operation === "observeproperty" ? "property" : "event";
            // `value()` is asynchronous: one after the other, or the order would be lost on this side.
            let last: Promise<unknown> = Promise.resolve();
            const hear = (output: WoT.InteractionOutput): void => {
                last = last.then(async () => {
                    listener({ affordance, thingId, name, value: await output.value() });
                });
            };
            const subscription =
                affordance === "property"
                    ? await consumed.observeProperty(name, hear)
                    : await consumed.subscribeEvent(name, hear);
            return () => subscription.stop();
        }
        const handle = await this.peer.subscribe(operation as PeerOperation, thingId, name, {
            onNotification: (notification) => {
                listener(asHeard(notification));
            },
        });
        return () => handle.stop();
    }

    /** The Thing, where the Scripting API has the operation and the Thing the affordance. */
    #consumed(operation: string, { thingId = "", name = "" }: Target): WoT.ConsumedThing | undefined {
        const thing = this.things.get(thingId);
        const kind = KINDS[operation];
        if (thing === undefined || kind === undefined) return undefined;
        const affordances = (thing.getThingDescription()[kind] ?? {}) as Record<string, { forms?: { op?: unknown }[] }>;
        const forms = Object.hasOwn(affordances, name) ? affordances[name]?.forms : undefined;
        // Core refuses what no form offers: such a request has to go by way of the peer.
        return forms?.some(({ op }) => Array.isArray(op) && op.includes(operation)) === true ? thing : undefined;
    }
}

async function valueOf(output: WoT.InteractionOutput): Promise<unknown> {
    if (output.form?.["contentType"] === "image/png") return Buffer.from(await output.arrayBuffer()).toString("base64");
    return output.schema === undefined ? undefined : await output.value();
}

export function asHeard({ affordance, thingId, name, value }: PeerNotification): Heard {
    // Progress is a status, and what it tells of is the output in it.
    return {
        affordance,
        thingId,
        name,
        value: affordance === "action" ? (value as { output: unknown }).output : value,
    };
}

export function asFailure(error: unknown): Outcome {
    if (!(error instanceof SseScError)) throw error;
    return { ok: false, status: error.status, code: error.code, title: error.title };
}
