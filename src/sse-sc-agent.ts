/** The node-wot ProtocolServer that dials: it connects to a hub, and exposes the servient's Things there. */
import { inspect } from "node:util";
import { createLoggers, type ExposedThing, type ProtocolServer, type Servient } from "@node-wot/core";
import { SseScError, toSseScError } from "../lib/errors";
import type { MessageContext } from "../lib/channel";
import { createProgress, type RequestMessage } from "../lib/messages";
import { isOperation, operationInfo } from "../lib/operations";
import type { PeerOperations } from "../lib/peer-operations";
import { readAgentConfig, type AgentSettings, type SseScAgentConfig } from "./agent-config";
import type { AgentEvent, AgentEventMap, AgentListener, AgentState, SseScAgentStatus } from "./agent-events";
import { AgentLink } from "./agent-link";
import { EventListeners } from "./event-listeners";
import { REQUEST_PATH } from "./http/routes";
import { basePathOf } from "./http/server-paths";
import { publishedDescription } from "./things/published-description";
import { Dispatcher } from "./things/dispatcher";
import { ExposedThings } from "./things/exposed-things";
import { pushForms, type Endpoint } from "./things/forms";
import { Notifier } from "./things/notifier";
import { watchServient } from "./things/subscribe-handlers";

const { warn } = createLoggers("binding-hiveot", "sse-sc-agent");

/** Requests of the hub that may wait for their answer. */
const MAX_OPEN_REQUESTS = 1_000;

/**
 * Exposes Things at a hub over HiveOT SSE-SC (not a WoT standard), from behind a firewall: it needs no port, the hub is dialled.
 * `servient.addServer(new SseScAgent({ hub: "sse://hub:8444", credentials: { … } }))`
 *
 * It writes the TD of each Thing to the hub's directory, answers the requests that come from there, and publishes events, property
 * changes and the progress of actions. While the hub is away it keeps trying, and what happens meanwhile waits in a bounded queue.
 * One servient may have several, to different hubs, beside servers of any kind.
 */
export class SseScAgent implements ProtocolServer {
    /** That of the forms: `sse` over TLS, `sse-plain` without. */
    readonly scheme: "sse" | "sse-plain";
    readonly #settings: AgentSettings;
    readonly #endpoint: Endpoint;
    readonly #things = new ExposedThings();
    readonly #notifier: Notifier;
    readonly #dispatcher: Dispatcher;
    readonly #listeners = new EventListeners<AgentEventMap>((error) => {
        warn(`a listener threw: ${inspect(error)}`);
    });
    #link: AgentLink | undefined;

    /** @throws SseScError INVALID_CONFIG naming the option that is missing, unknown, wrong, or contradicts another */
    constructor(config: SseScAgentConfig) {
        this.#settings = readAgentConfig(config);
        this.#endpoint = endpointOf(this.#settings);
        this.scheme = this.#endpoint.scheme;
        this.#notifier = new Notifier(
            this.#things,
            () => true, // who is subscribed to what only the hub knows
            (notification) => this.#link?.publish(notification),
            (error) => {
                this.#failed("a notification", error, undefined);
            }
        );
        this.#dispatcher = new Dispatcher(this.#things, this.#notifier);
    }

    /** `connected`, `connecting` or `stopped`. */
    get state(): AgentState {
        if (this.#link === undefined) return "stopped";
        return this.#link.connected ? "connected" : "connecting";
    }

    /** How the agent stands at this moment. */
    get status(): SseScAgentStatus {
        const { queued = 0, dropped = 0, openRequests = 0, registered = [] } = this.#link ?? {};
        return { state: this.state, queued, dropped, openRequests, registered };
    }

    /**
     * The hub and the Things that it knows, for requests of our own: an agent may be a consumer too, over the same connection.
     * Requests wait for the connection until their deadline.
     * @throws SseScError ALREADY_CLOSED if the agent is not running
     */
    get peer(): PeerOperations {
        if (this.#link === undefined) throw new SseScError("ALREADY_CLOSED", "The agent is not running");
        return this.#link.peer;
    }

    /** Calls `listener` at each event of that name; what it throws harms nobody. The same listener counts once. */
    on<E extends AgentEvent>(event: E, listener: AgentListener<E>): this {
        this.#listeners.add(event, listener, false);
        return this;
    }

    /** Calls `listener` at the next event of that name only. */
    once<E extends AgentEvent>(event: E, listener: AgentListener<E>): this {
        this.#listeners.add(event, listener, true);
        return this;
    }

    /** Calls `listener` no more; one that is not there is no error. */
    off<E extends AgentEvent>(event: E, listener: AgentListener<E>): this {
        this.#listeners.remove(event, listener);
        return this;
    }

    /** The port of the hub; -1 while the agent does not run. It binds none itself. */
    getPort(): number {
        if (this.#link === undefined) return -1;
        const { port, protocol } = new URL(this.#settings.target.origin);
        return port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
    }

    /** Starts to connect, and does not wait for the hub. Called by the servient. */
    async start(servient: Servient): Promise<void> {
        if (this.#link !== undefined) return Promise.resolve();
        watchServient(servient);
        this.#link = new AgentLink(this.#settings, {
            onRequest: (request, context) => this.#answer(request, context),
            onConnected: () => {
                this.#listeners.emit("connected");
            },
            onDisconnected: (error) => {
                this.#listeners.emit("disconnected", error);
            },
            onRegistered: (thingId) => {
                this.#listeners.emit("registered", thingId);
            },
            onDropped: (total) => {
                this.#listeners.emit("dropped", total);
            },
            onError: (error, thingId) => {
                this.#listeners.emit("error", error, thingId);
            },
        });
        for (const thing of this.#things.values()) this.#publish(this.#link, thing);
        this.#link.open();
        return Promise.resolve();
    }

    /** Ends the connection and whatever waits; running actions are cancelled. Called by the servient. */
    async stop(): Promise<void> {
        const link = this.#link;
        if (link === undefined) return;
        this.#link = undefined;
        this.#notifier.removeAll();
        this.#dispatcher.invocations.forgetAll();
        await link.close();
    }

    /** Exposes a Thing: pushes forms that lead to the hub, hears it, and writes its TD to the hub's directory. Called by the servient. */
    async expose(thing: ExposedThing, tdTemplate?: unknown): Promise<void> {
        const previous = this.#things.get(thing.id);
        if (previous !== undefined && previous !== thing) this.#notifier.remove(previous);
        this.#things.set(thing);
        pushForms(this.#things, thing, this.#endpoint, tdTemplate);
        if (this.#link !== undefined) this.#publish(this.#link, thing);
        return Promise.resolve();
    }

    /**
     * Ends the exposure of a Thing; false if there is none of that id. With `removeOnDestroy` it waits for the hub's answer, if the hub is
     * there. Called by the servient.
     */
    async destroy(thingId: string): Promise<boolean> {
        const thing = this.#things.get(thingId);
        if (thing === undefined) return false;
        this.#notifier.remove(thing);
        this.#dispatcher.invocations.forget(thingId);
        this.#things.delete(thingId);
        await this.#link?.remove(thingId, this.#settings.removeOnDestroy);
        return true;
    }

    #publish(link: AgentLink, thing: ExposedThing): void {
        link.put(thing.id, JSON.stringify(publishedDescription(this.#things, thing, this.#endpoint)));
        this.#notifier.refresh(thing);
    }

    /** Answers a request of the hub once the hub has what the Thing told before: progress goes ahead of the response. */
    async #answer(request: RequestMessage, context: MessageContext): Promise<unknown> {
        const link = this.#link;
        if (link === undefined) throw new SseScError("ALREADY_CLOSED");
        if (link.openRequests > MAX_OPEN_REQUESTS) throw new SseScError("TOO_MANY_REQUESTS");
        const thing = this.#things.get(request.thingId);
        // Core lets a stream that a handler returns flow at the next tick, and what has ended is never read: in a microtask we come first.
        await Promise.resolve();
        try {
            return await this.#perform(request, context);
        } finally {
            if (thing !== undefined) {
                await this.#notifier.published(thing);
                await link.delivered(thing.id);
            }
        }
    }

    /** Whether the caller may do this was the hub's to decide. */
    async #perform(request: RequestMessage, context: MessageContext): Promise<unknown> {
        const { operation, thingId, name } = request;
        if (!isOperation(operation)) throw new SseScError("UNKNOWN_OPERATION");
        const { affordance, scope, subscription } = operationInfo(operation);
        if (affordance !== undefined && subscription !== undefined) {
            // We publish everything anyway, but who subscribes to nothing should hear of it.
            this.#notifier.check({ affordance, thingId, name: scope === "one" ? name : "" });
            return undefined;
        }
        try {
            return await this.#dispatcher.dispatch(operation, request, {
                query: context.query ?? request.query ?? "",
                onProgress: (value) => this.#link?.publish(createProgress(request, value)),
            });
        } catch (thrown) {
            const error = toSseScError(thrown);
            if (error.status >= 500) this.#failed(`${operation} ${name}`, error, thingId);
            throw error;
        }
    }

    #failed(what: string, thrown: unknown, thingId: string | undefined): void {
        warn(`${what} failed: ${inspect(thrown)}`);
        this.#listeners.emit("error", toSseScError(thrown, "HANDLER_FAILED"), thingId);
    }
}

/** The hub as it stands in forms. */
function endpointOf({ target: { origin, streamPath } }: AgentSettings): Endpoint {
    const basePath = basePathOf(streamPath);
    return {
        scheme: origin.startsWith("https:") ? "sse" : "sse-plain",
        authority: new URL(origin).host,
        basePath,
        streamPath,
        requestPath: basePath + REQUEST_PATH,
    };
}
