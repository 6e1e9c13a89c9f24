/** The factories that a servient is given, so that its scripts can consume Things over SSE-SC. */
import { ConsumedThing, type Form, type ProtocolClientFactory } from "@node-wot/core";
import { SseScError } from "../lib/errors";
import { isRecord } from "../lib/json";
import type { Peer } from "../lib/peer";
import { readClientConfig, type SseScClientConfig, type SseScPlainClientConfig } from "./client-config";
import { ClientConnections } from "./client-connections";
import { SseScClient } from "./sse-sc-client";
import { normalizeThingDescription, type ThingDescription } from "./things/normalizer";

/** What `wot.consume` gives, or the TD that it was given. */
export type ConsumedThingOrDescription =
    Pick<ConsumedThing, "getThingDescription"> | ThingDescription | Readonly<Record<string, unknown>>;

/** What both factories have in common. */
abstract class ClientFactory implements ProtocolClientFactory {
    abstract readonly scheme: "sse" | "sse-plain";
    readonly #connections: ClientConnections;

    /** @internal */
    constructor(connections: ClientConnections) {
        this.#connections = connections;
    }

    /** A client for one Thing; all clients of a factory share their connections. */
    getClient(): SseScClient {
        return new SseScClient(this.#connections);
    }

    /** Called by the servient when it starts. */
    init(): boolean {
        this.#connections.init();
        return true;
    }

    /** Called by the servient when it shuts down: closes all connections at once, so that the process can exit. */
    destroy(): boolean {
        this.#connections.destroy();
        return true;
    }

    /**
     * The peer at the other end of a Thing's first SSE-SC form, for what node-wot's API lacks: progress, `queryAction`, `cancelAction`,
     * `readEvent`, `readAllProperties`, `ping`, … It shares the connection of the Thing's clients. A peer whose connection was
     * refused for good stays closed: ask for it again then.
     *
     * For a `ConsumedThing` node-wot's own credentials are used. For a bare TD they are those that the factory has met, or has in
     * its configuration.
     * @throws SseScError INVALID_TD if no form of the Thing is for this factory
     */
    peerFor(thing: ConsumedThingOrDescription): Peer {
        const description = isConsumed(thing) ? thing.getThingDescription() : thing;
        const form = firstForm(normalizeThingDescription(description), `${this.scheme}:`);
        if (form === undefined) throw new SseScError("INVALID_TD", `The Thing has no form for ${this.scheme}:`);
        const client = this.getClient();
        if (thing instanceof ConsumedThing) thing.ensureClientSecurity(client, form);
        return client.peerOf(form);
    }
}

/** Consumes Things over SSE-SC with TLS: forms whose scheme is `sse`. */
export class SseScClientFactory extends ClientFactory {
    override readonly scheme = "sse";

    /** @throws SseScError INVALID_CONFIG naming the option that is not right */
    constructor(config: SseScClientConfig = {}) {
        super(new ClientConnections("sse", readClientConfig(config, true)));
    }
}

/** Consumes Things over SSE-SC without TLS, for development: forms whose scheme is `sse-plain`. */
export class SseScPlainClientFactory extends ClientFactory {
    override readonly scheme = "sse-plain";

    /** @throws SseScError INVALID_CONFIG naming the option that is not right */
    constructor(config: SseScPlainClientConfig = {}) {
        super(new ClientConnections("sse-plain", readClientConfig(config, false)));
    }
}

function isConsumed(thing: ConsumedThingOrDescription): thing is Pick<ConsumedThing, "getThingDescription"> {
    return "getThingDescription" in thing && typeof thing.getThingDescription === "function";
}

function firstForm(description: object, scheme: string): Form | undefined {
    const members: ReadonlyMap<string, unknown> = new Map(Object.entries(description));
    const affordances = ["properties", "actions", "events"].flatMap((kind) => {
        const container = members.get(kind);
        return isRecord(container) ? Object.values(container) : [];
    });
    for (const affordance of [...affordances, { forms: members.get("forms") }]) {
        const forms: unknown = isRecord(affordance) ? affordance["forms"] : undefined;
        if (!Array.isArray(forms)) continue;
        const form: unknown = forms.find((one) => isForm(one) && one.href.toLowerCase().startsWith(scheme));
        if (isForm(form)) return form;
    }
    return undefined;
}

function isForm(value: unknown): value is Form {
    return isRecord(value) && typeof value["href"] === "string";
}
