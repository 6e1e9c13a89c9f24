/** The node-wot ProtocolServer that accepts connections and exposes the servient's Things over HiveOT SSE-SC. */
import { inspect } from "node:util";
import { createLoggers, type ExposedThing, type ProtocolServer, type Servient } from "@node-wot/core";
import type { DialectConventions } from "../lib/converters/converter";
import { SseScError } from "../lib/errors";
import { newId, now } from "../lib/messages";
import type { PeerOptions } from "../lib/peer";
import { announcementOf } from "./announcement";
import { Answering } from "./answering";
import { createAuth, LevelAccounts, type AccountRegistry, type Auth } from "./auth";
import { isLoopback, parseServerConfig, type ServerSettings, type SseScServerConfig } from "./config";
import { Descriptions } from "./descriptions";
import { Announcer } from "./discovery/announcer";
import { baseUriPath, Endpoints } from "./endpoints";
import { Exposure, type ExposureOptions } from "./exposure";
import { ClientRequests } from "./http/client-requests";
import type { Gate } from "./http/draining";
import { splitTarget, type Site } from "./http/exchange";
import { Listener } from "./http/listener";
import { Mount, type MountedHandler } from "./http/mount";
import { REQUEST_PATH } from "./http/routes";
import { Sessions } from "./http/sessions";
import { Hub } from "./hub";
import { HubDirectory } from "./hub-directory";
import type { LocalConnection } from "./local-connection";
import { packageVersion } from "./package-version";
import { ServerConnections } from "./server-connections";
import { drain, gateOf } from "./server-shutdown";
import { createSite } from "./server-site";
import { ServerThing, type ServerReadings } from "./server-thing";
import { openStore, storedId, type Store } from "./store";
import { pushForms } from "./things/forms";
import { normalizeThingDescription, type ThingDescription as ConsumableDescription } from "./things/normalizer";
import { watchServient } from "./things/subscribe-handlers";
import type { ThingDescription } from "./things/thing-description";

const { debug, warn } = createLoggers("binding-hiveot", "sse-sc-server");

/** What a server holds at this moment; for monitoring and tests. */
export interface SseScServerStatus {
    /** TCP connections of the server's own port. */
    readonly connections: number;
    /** Open event streams. */
    readonly sessions: number;
    /** Sessions without a stream, which wait to be resumed. */
    readonly lingering: number;
    /** Bytes that wait for clients, or are kept for those who may resume; bounded by `maxOutboxBytes`. */
    readonly outboxBytes: number;
    /** Requests that wait for their answer. */
    readonly openRequests: number;
    /** Sessions that are subscribed to something; those that watch the server's own Thing too count twice. */
    readonly subscribers: number;
    /** Listeners that the server has in node-wot. */
    readonly listeners: number;
    /** How many times a token, a certificate or what a strategy looks at was verified rather than found in the cache. */
    readonly tokenVerifications: number;
}

/** What exists only between start and stop. */
interface Running {
    /** What listens; absent where others do. */
    readonly listener: Listener | undefined;
    readonly store: Store;
    readonly auth: Auth | undefined;
    /** Absent where the server is none. */
    readonly hub: Hub | undefined;
    readonly endpoints: Endpoints;
    readonly descriptions: Descriptions;
    /** Absent if the server does not announce itself. */
    readonly announcer: Announcer | undefined;
    readonly started: string;
}

/**
 * Exposes Things over HiveOT SSE-SC (not a WoT standard): `servient.addServer(new SseScServer({ … }))`.
 *
 * Speaks HTTP/1.1 and HTTP/2 over TLS on one port, or plain HTTP/1.1 on loopback if it has no certificate. With `listen: false` it
 * has no port: `handler()` or `router()` is mounted on an HTTP server of yours.
 */
export class SseScServer implements ProtocolServer {
    /** `sse` over TLS, `sse-plain` without. */
    readonly scheme: "sse" | "sse-plain";
    /** The connections that clients have opened: who is there, events when they come and go, and ways to talk to them. */
    readonly connections: ServerConnections;
    readonly #settings: ServerSettings;
    readonly #options: ExposureOptions;
    readonly #exposure: Exposure;
    readonly #ownThing: ServerThing;
    readonly #answering: Answering;
    readonly #sessions: Sessions;
    readonly #requests = new ClientRequests();
    readonly #templates = new WeakMap<ExposedThing, unknown>();
    readonly #mount: Mount;
    readonly #gate: Gate;
    #running: Running | undefined;
    #stopping: Promise<void> | undefined;

    /** @throws SseScError INVALID_CONFIG naming the option that is unknown, wrong, or contradicts another */
    constructor(config: SseScServerConfig) {
        this.#settings = parseServerConfig(config);
        this.scheme = this.#settings.scheme;
        this.#mount = new Mount(
            // Whatever address the host has bound.
            ({ socket }) => this.#settings.security !== "nosec" || isLoopback(socket.remoteAddress ?? "")
        );
        this.#gate = gateOf(this.#settings.dialects);
        this.#options = {
            mayPerform: (role, operation) => this.#running?.auth?.roles.mayPerform(role, operation) ?? true,
            maxSubscriptions: this.#settings.maxSubscriptions,
            onError: warnOf,
        };
        this.#exposure = new Exposure(this.#options);
        this.#ownThing = new ServerThing({
            ...this.#options,
            id: this.#settings.id ?? `urn:uuid:${newId()}`,
            readings: this.#readings(),
            isTaken: (thingId) => this.#exposure.things.get(thingId) !== undefined,
        });
        this.#answering = new Answering(this.#exposure, this.#ownThing, () => this.#running?.hub);
        this.connections = new ServerConnections({
            requests: this.#requests,
            subscriptionsOf: (session) => this.#answering.subscriptionsOf(session),
            onError: warnOf,
        });
        this.#sessions = new Sessions(
            { ...this.#settings, onError: warnOf },
            {
                onRequest: (session, request, context) => this.#answering.carryOut(session, request, context),
                answersAs: ({ thingId }) => this.#answering.agentOf(thingId),
                onOpened: (session) => {
                    this.#requests.opened(session);
                    this.connections.opened(session);
                    this.#ownThing.connectionsChanged();
                },
                onStreamLost: (session) => {
                    if (this.#stopping !== undefined) this.#answering.abandon(session); // no stream is opened any more
                    this.#ownThing.connectionsChanged();
                },
                onResumed: (session) => {
                    this.#requests.resumed(session);
                    this.#ownThing.connectionsChanged();
                },
                onClosed: (session) => {
                    this.#answering.left(session);
                    this.#requests.closed(session);
                    this.connections.ended(session);
                    this.#ownThing.connectionsChanged();
                },
            }
        );
    }

    /** What the server holds at this moment. */
    get status(): SseScServerStatus {
        return {
            connections: this.#running?.listener?.connections ?? 0,
            sessions: this.#sessions.size,
            lingering: this.#sessions.lingering,
            outboxBytes: this.#sessions.outboxBytes,
            openRequests: this.#sessions.openRequests,
            subscribers: this.#answering.subscribers,
            listeners: this.#exposure.listeners + this.#ownThing.listeners,
            tokenVerifications: this.#running?.auth?.verifications ?? 0,
        };
    }

    /**
     * The accounts of a running server: add, change and remove them here; `store` keeps them. A client whose account is removed, or
     * whose role or password changes, loses its streams.
     * @throws SseScError ALREADY_CLOSED if the server is not running; INVALID_CONFIG if the accounts are in a store of your own, or
     * nobody logs in
     */
    get accounts(): AccountRegistry {
        const accounts = this.#requireRunning().auth?.accounts;
        if (accounts instanceof LevelAccounts) return accounts;
        throw new SseScError("INVALID_CONFIG", "The accounts of this server are not its own");
    }

    /**
     * Replaces the key that signs tokens, as the server does by itself after `signingKeyLifetime`. Tokens issued so far go on to their
     * end; with `overlap: false`, for a key that somebody may have seen, all of them are refused at once and all streams end: clients
     * have to log in anew.
     * @param options `overlap`. Default: true
     * @throws SseScError ALREADY_CLOSED if the server is not running; INVALID_CONFIG if it issues no tokens
     */
    async rotateSigningKey({ overlap = true }: { overlap?: boolean } = {}): Promise<void> {
        const { auth } = this.#requireRunning();
        if (auth === undefined) throw new SseScError("INVALID_CONFIG", 'A server with "nosec" issues no tokens');
        await auth.rotateSigningKey(overlap);
    }

    /**
     * The directory of a hub that is running.
     * @throws SseScError ALREADY_CLOSED if the server is not running; INVALID_CONFIG if it is no hub
     */
    get directory(): HubDirectory {
        const { hub } = this.#requireRunning();
        if (hub === undefined) throw new SseScError("INVALID_CONFIG", 'Option "hub" is missing: the server is no hub');
        return new HubDirectory(hub.store);
    }

    /**
     * The id of the server's own Thing, whose properties tell what the server holds (`nrConnections`, …).
     * @throws SseScError ALREADY_CLOSED if the server is not running
     */
    get thingId(): string {
        this.#requireRunning();
        return this.#ownThing.id;
    }

    /** The port that is bound, or with `listen: false` that of `baseUri`; -1 while the server does not run. */
    getPort(): number {
        if (this.#running === undefined) return -1;
        return this.#running.listener?.port ?? portOf(this.#settings.baseUri);
    }

    /**
     * The server as a handler for an HTTP server of yours whose requests have their whole URL: `http.createServer(server.handler())`,
     * `https`, `http2`, and the `middleware` of node-wot's binding-http. The path of `baseUri` is taken off. Requests that are not
     * ours go to `next`; where there is none, they get 404. While the server does not run, everything goes to `next`.
     *
     * It may be taken before the start.
     */
    handler(): MountedHandler {
        const { baseUri } = this.#settings;
        return this.#mount.handler(baseUri === undefined ? "" : baseUriPath(baseUri));
    }

    /**
     * The server as a router for Express or Connect, which take the base path off themselves: `app.use("/wot", server.router())`, with
     * the same path in `baseUri`. For the rest it is as `handler()`.
     */
    router(): MountedHandler {
        return this.#mount.handler("");
    }

    /**
     * Binds the port, if there is one. Called by the servient.
     * @throws SseScError INVALID_CONFIG if the store cannot be opened, or a Thing has the server's id; Node's error if the port cannot be bound
     */
    async start(servient: Servient): Promise<void> {
        await this.#stopping;
        if (this.#running !== undefined) return;
        this.#gate.open();
        watchServient(servient);
        const store = await openStore(this.#settings.store);
        let auth: Auth | undefined;
        let hub: Hub | undefined;
        try {
            const id = this.#settings.id ?? (await storedId(store, this.#ownThing.id));
            for (const thing of this.#exposure.things.values()) refuseId(thing.id, id);
            auth = await this.#openAuth(store);
            hub = await this.#openHub(store, id);
            const site = this.#gate.guard(await this.#createSite(auth, hub));
            const listener = this.#settings.listen ? listenerFor(site, this.#settings) : undefined;
            await listener?.start();
            const paths = { streamPath: this.#settings.streamPath, requestPath: REQUEST_PATH };
            const endpoints = new Endpoints(this.#settings, paths, listener?.port ?? -1);
            this.#ownThing.start(servient, id, endpoints.default);
            await hub?.deleteStale((thingId) => this.#answering.isOwn(thingId));
            const { things } = this.#exposure;
            const descriptions = new Descriptions(
                things,
                this.#ownThing,
                endpoints,
                this.#settings.security,
                hub?.store
            );
            const announcer = announcerFor(this.#settings, endpoints);
            this.#running = { listener, store, auth, hub, endpoints, descriptions, announcer, started: now() };
            this.#mount.start(site);
        } catch (error) {
            await auth?.close();
            await hub?.close();
            await store.close();
            throw error;
        }
        await Promise.all([...this.#exposure.things.values()].map((thing) => this.#publish(thing)));
        this.#running.announcer?.start();
        debug(`SseScServer is reached on port ${this.getPort()}`);
    }

    /**
     * Withdraws the announcement, refuses new streams and requests (503), waits for the answers that are under way, ends all streams (more
     * than 100 of them one after the other), gives the port back and passes by what comes to mounted handlers. It takes
     * `shutdownTimeout` at most: answers that come later become errors, connections that are still busy are cut. Who calls it again
     * meanwhile waits for the same. Called by the servient.
     */
    stop(): Promise<void> {
        this.#stopping ??= this.#stop().finally(() => {
            this.#stopping = undefined;
        });
        return this.#stopping;
    }

    async #stop(): Promise<void> {
        const running = this.#running;
        if (running === undefined) return;
        this.#gate.shut();
        running.hub?.closeStreams();
        const [grace] = await Promise.all([
            drain(this.#answering, this.#sessions, this.#settings.shutdownTimeout),
            running.announcer?.stop(),
        ]);
        const unmounted = this.#mount.stop(grace);
        this.#exposure.clear();
        this.#ownThing.stop();
        this.#sessions.endAll();
        this.#answering.closeLocal();
        await Promise.all([unmounted, running.listener?.stop(grace)]);
        this.#running = undefined;
        await running.auth?.close();
        await running.hub?.close();
        await running.store.close();
    }

    /**
     * Exposes a Thing: pushes our forms and hears it. Exposing it again is allowed. Called by the servient.
     * @throws SseScError INVALID_CONFIG if its id is that of the server's own Thing
     */
    async expose(thing: ExposedThing, tdTemplate?: unknown): Promise<void> {
        refuseId(thing.id, this.#ownThing.id);
        const previous = this.#exposure.things.get(thing.id);
        if (previous !== undefined && previous !== thing) this.#exposure.remove(previous);
        this.#exposure.things.set(thing);
        this.#templates.set(thing, tdTemplate);
        if (this.#running !== undefined) await this.#publish(thing);
    }

    /** Ends the exposure of a Thing; false if there is none of that id. Called by the servient. */
    async destroy(thingId: string): Promise<boolean> {
        const thing = this.#exposure.things.get(thingId);
        if (thing === undefined) return false;
        this.#exposure.remove(thing);
        const deleted = this.#exposure.things.delete(thingId);
        await this.#running?.hub?.deleteOwn(thingId);
        return deleted;
    }

    /**
     * The TD of an exposed Thing, of the server's own or, on a hub, of one of an agent, as this server serves it and ready for
     * `wot.consume`.
     * @throws SseScError UNKNOWN_THING; ALREADY_CLOSED if the server is not running
     */
    getThingDescription(thingId: string): ConsumableDescription {
        const td: unknown = JSON.parse(this.#requireRunning().descriptions.of(thingId, undefined));
        // Agents' TDs may have what node-wot does not take, such as ids that are no URIs.
        return this.#answering.isOwn(thingId) ? (td as ConsumableDescription) : normalizeThingDescription(td);
    }

    /**
     * Connects a script of this process, for `new SseScClientFactory({ hub: server })`.
     * @internal
     * @throws SseScError ALREADY_CLOSED if the server is not running
     */
    connectLocally(options: PeerOptions): LocalConnection {
        this.#requireRunning();
        return this.#answering.connectLocally(options);
    }

    /**
     * True if an http(s) origin leads to this server, so that a script of this process need not go by the network.
     * @internal
     */
    reaches(origin: string): boolean {
        return this.#running?.endpoints.reaches(origin) === true;
    }

    /**
     * The text of the TD at a path of this server, whatever access over HTTP demands.
     * @internal
     * @throws SseScError NOT_FOUND, UNKNOWN_THING; ALREADY_CLOSED if the server is not running
     */
    describePath(path: string): string {
        const { descriptions, endpoints } = this.#requireRunning();
        return descriptions.at(path.slice(endpoints.default.basePath.length));
    }

    #openHub(store: Store, serverId: string): Promise<Hub> | undefined {
        const { hub: settings, maxDepth } = this.#settings;
        if (settings === undefined) return undefined;
        return Hub.open(store, {
            ...this.#options,
            settings,
            serverId,
            isDurable: this.#settings.store !== undefined,
            maxDepth,
            isReserved: (thingId) => this.#answering.isOwn(thingId),
            subscribers: this.#exposure.subscribers,
            agents: this.#requests,
            render: (record) => this.#requireRunning().descriptions.ofRecord(record, undefined),
            ownDescription: () => this.#requireRunning().descriptions.ofDirectory(undefined),
            log: debug,
        });
    }

    /** The forms are there at once; a hub's directory has the TD when it resolves. */
    async #publish(thing: ExposedThing): Promise<void> {
        const { endpoints, hub, descriptions } = this.#requireRunning();
        pushForms(this.#exposure.things, thing, endpoints.default, this.#templates.get(thing));
        this.#exposure.add(thing);
        try {
            await hub?.writeOwn(thing.id, JSON.parse(descriptions.of(thing.id, undefined)) as ThingDescription);
        } catch (error) {
            warnOf(`the TD of ${thing.id} in the directory`, error);
        }
    }

    #clientIds(): Set<string> {
        return new Set([...this.#sessions.values()].map(({ identity }) => identity.clientId));
    }

    async #openAuth(store: Store): Promise<Auth | undefined> {
        if (this.#settings.security === "nosec") return undefined;
        return createAuth(this.#settings.auth, store, {
            endStreams: (clientId, sessionId) => {
                const clientIds = clientId === undefined ? this.#clientIds() : [clientId];
                for (const each of clientIds) this.#sessions.endOf(each, sessionId);
                this.#running?.hub?.endStreams(clientId, sessionId);
            },
            onStrategyError: (strategy, error) => {
                warn(`${strategy} failed: ${inspect(error)}`);
            },
        });
    }

    #createSite(auth: Auth | undefined, hub: Hub | undefined): Promise<Site> {
        return createSite({
            settings: this.#settings,
            auth,
            hub,
            sessions: this.#sessions,
            descriptions: () => this.#requireRunning().descriptions,
            hasThing: (thingId) => this.#exposure.things.get(thingId) !== undefined,
            onError: warnOf,
            onResponse: ({ clientId }, response) => {
                this.#requests.responded(clientId, response);
            },
            onNotification: (identity, notification) => {
                hub?.notified(identity, notification);
            },
            stored: () => hub?.stored(),
        });
    }

    #readings(): ServerReadings {
        return {
            nrConnections: () => this.#sessions.size,
            clients: () => this.#sessions.clients,
            connections: () => this.status.connections,
            openRequests: () => this.#sessions.openRequests,
            subscribers: () => this.#answering.subscribers,
            started: () => this.#requireRunning().started,
            version: packageVersion,
        };
    }

    #requireRunning(): Running {
        if (this.#running === undefined) throw new SseScError("ALREADY_CLOSED", "The server is not running");
        return this.#running;
    }
}

function listenerFor(site: Site, settings: ServerSettings): Listener {
    const conventionsOf = (url: string): DialectConventions | undefined =>
        settings.dialects.get(splitTarget(url).path)?.conventions;
    return new Listener({ ...settings, conventionsOf }, (request, response) => {
        site.handle(request, response, request.url ?? "");
    });
}

function announcerFor(settings: ServerSettings, endpoints: Endpoints): Announcer | undefined {
    const type = settings.hub === undefined ? "Thing" : "Directory"; // what the well-known path answers with
    const announcement = announcementOf(settings, endpoints.default, type);
    if (announcement === undefined) return undefined;
    return new Announcer(announcement, (error) => {
        warnOf("Announcing on the local network", error);
    });
}

function portOf(baseUri: URL | undefined): number {
    if (baseUri === undefined) return -1;
    return baseUri.port === "" ? (baseUri.protocol === "https:" ? 443 : 80) : Number(baseUri.port);
}

function refuseId(thingId: string, own: string | undefined): void {
    if (thingId !== own) return;
    throw new SseScError("INVALID_CONFIG", `The server itself is the Thing ${thingId}: give one of them another id`);
}

/** Tells the log what clients are not told. */
function warnOf(what: string, error: unknown): void {
    warn(`${what} failed: ${inspect(error)}`);
}
