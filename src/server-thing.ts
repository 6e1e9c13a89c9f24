/**
 * The server as a Thing of its own, which any consumer can watch: how many connections it has, and the like.
 *
 * It has an Exposure to itself: it is none of the application's Things, other bindings do not expose it, and who subscribes to all
 * Things does not hear of every connection. It answers under its own id and under the one that HiveOT's module of January 2026
 * has (protocol.md, "Envelopes, January 2026"), unless the application exposes a Thing of that name.
 */
import { ExposedThing, type Servient } from "@node-wot/core";
import type { MessageContext } from "../lib/channel";
import type { RequestMessage } from "../lib/messages";
import { Exposure, type ExposureOptions } from "./exposure";
import type { Caller } from "./subscribers";
import { pushForms, type Endpoint } from "./things/forms";
import {
    renderThingDescription,
    type Link,
    type SecurityMode,
    type ThingDescription,
} from "./things/thing-description";

/** What HiveOT's module of January 2026 calls itself. */
const SERVER_ALIAS = "hiveot-sse";

const COUNT = { type: "integer", minimum: 0, readOnly: true } as const;

const PROPERTIES = {
    nrConnections: { ...COUNT, observable: true, title: "Open event streams" },
    clients: { ...COUNT, title: "Accounts that have an open event stream" },
    connections: { ...COUNT, title: "TCP connections" },
    openRequests: { ...COUNT, title: "Requests that wait for their answer" },
    subscribers: { ...COUNT, title: "Event streams with a subscription" },
    started: { type: "string", format: "date-time", readOnly: true, title: "When the server was started" },
    version: { type: "string", readOnly: true, title: "Version of node-wot-binding-hiveot" },
} as const;

/** Tells the present value of each property. */
export type ServerReadings = { readonly [Name in keyof typeof PROPERTIES]: () => number | string };

/** What the server's Thing needs to know beside what every Exposure does. */
export interface ServerThingOptions extends ExposureOptions {
    /** Its id, until `start` says another one. */
    readonly id: string;
    readonly readings: ServerReadings;
    /** True if the application exposes a Thing of this id. */
    readonly isTaken: (thingId: string) => boolean;
}

/** The server's own Thing. */
export class ServerThing {
    readonly #exposure: Exposure;
    readonly #options: ServerThingOptions;
    #id: string;
    /** The number of connections that observers know of, or could have read. */
    #told = 0;
    #telling: NodeJS.Immediate | undefined;

    constructor(options: ServerThingOptions) {
        this.#options = options;
        this.#exposure = new Exposure(options);
        this.#id = options.id;
    }

    /** Its id, final once the server has been started. */
    get id(): string {
        return this.#id;
    }

    /** Callers that are subscribed to it. */
    get subscribers(): number {
        return this.#exposure.subscribers.size;
    }

    /** Subscriptions of one caller to it. */
    subscriptionsOf(caller: Caller): number {
        return this.#exposure.subscribers.count(caller);
    }

    /** Listeners that it has in node-wot. */
    get listeners(): number {
        return this.#exposure.listeners;
    }

    /** Produces the Thing, and once more under the alias. Nothing of it gets into the servient. */
    start(servient: Servient, id: string, endpoint: Endpoint): void {
        this.#id = id;
        this.#told = 0;
        for (const thingId of [id, SERVER_ALIAS]) {
            const thing = this.#produce(servient, thingId);
            this.#exposure.things.set(thing);
            pushForms(this.#exposure.things, thing, endpoint, undefined);
            this.#exposure.add(thing);
        }
    }

    /** Ends what `start` began. */
    stop(): void {
        clearImmediate(this.#telling);
        this.#telling = undefined;
        this.#exposure.clear();
    }

    /** True if requests for this id are for the server's Thing. */
    answersFor(thingId: string): boolean {
        return this.#exposure.things.get(thingId) !== undefined && !this.#options.isTaken(thingId);
    }

    /** Carries out a request. @throws what `Exposure.handle` throws */
    handle(caller: Caller, request: RequestMessage, context: MessageContext): Promise<unknown> {
        return this.#exposure.handle(caller, request, context);
    }

    /** A caller left: it hears nothing more. */
    closed(caller: Caller): void {
        this.#exposure.closed(caller);
    }

    /** A session was opened or ended. Observers are told once per turn of the event loop, and only if the number is another one. */
    connectionsChanged(): void {
        this.#telling ??= setImmediate(() => {
            this.#telling = undefined;
            this.#tell();
        });
    }

    /**
     * Its TD.
     * @throws SseScError UNKNOWN_THING if it was never started
     */
    describe(endpoint: Endpoint, security: SecurityMode, links: readonly Link[]): ThingDescription {
        const { things } = this.#exposure;
        return renderThingDescription(things, things.require(this.#id), endpoint, security, links);
    }

    #produce(servient: Servient, id: string): ExposedThing {
        const properties = structuredClone(PROPERTIES); // core adds forms to them
        const thing = new ExposedThing(servient, { id, title: "SSE-SC server", "@type": "hiveot:service", properties });
        for (const [name, read] of Object.entries(this.#options.readings)) {
            thing.setPropertyReadHandler(name, () => Promise.resolve(read()));
        }
        return thing;
    }

    #tell(): void {
        const count = Number(this.#options.readings.nrConnections());
        if (count === this.#told) return;
        this.#told = count;
        if (this.#exposure.listeners === 0) return;
        for (const thing of this.#exposure.things.values()) {
            if (this.#options.isTaken(thing.id)) continue;
            thing.emitPropertyChange("nrConnections").catch((error: unknown) => {
                this.#options.onError("the notification of nrConnections", error);
            });
        }
    }
}
