/** What all clients of one factory share: connections, credentials, subscriptions. */
import { createLoggers } from "@node-wot/core";
import { SseScError } from "../lib/errors";
import type { Peer } from "../lib/peer";
import type { ClientSettings } from "./client-config";
import { accountKey, CredentialMemory, type GivenCredentials } from "./client-credentials";
import type { ThingTarget } from "./client-form";
import { ClientSubscriptions } from "./client-subscriptions";
import { createConnection } from "./create-connection";
import { getDescription } from "./description-reply";
import type { ClientConnection, ConnectionTarget } from "./http/client-connection";
import { httpTarget, schemeOf } from "./http/origin";
import { streamPathBeside } from "./http/server-paths";
import type { LocalConnection } from "./local-connection";
import type { SseScServer } from "./sse-sc-server";
import type { ThingDescription } from "./things/normalizer";
import { parseThingDescription } from "./things/td-tools";

const { warn } = createLoggers("binding-hiveot", "client");

/** The connections of one factory: one per (origin, stream path, account). */
export class ClientConnections {
    readonly subscriptions = new ClientSubscriptions();
    readonly #connections = new Map<string, ClientConnection>();
    /** Those that only fetch a TD. */
    readonly #fetching = new Set<ClientConnection>();
    readonly #credentials: CredentialMemory;
    /** To the server of this process. */
    #local: LocalConnection | undefined;
    #destroyed = false;

    /** @param scheme of the forms that lead here */
    constructor(
        readonly scheme: "sse" | "sse-plain",
        private readonly settings: ClientSettings
    ) {
        this.#credentials = new CredentialMemory(settings.credentials, warn);
    }

    /** True from `destroy` to the next `init`. */
    get destroyed(): boolean {
        return this.#destroyed;
    }

    init(): void {
        this.#destroyed = false;
    }

    /** Closes everything at once. */
    destroy(): void {
        this.#destroyed = true;
        for (const connection of [...this.#connections.values(), ...this.#fetching]) void connection.close();
        this.#local?.close();
        this.#connections.clear();
        this.#fetching.clear();
        this.subscriptions.clear();
        this.#credentials.clear();
    }

    /** The peer at the other end of what a form says, as whom the credentials say. */
    peerFor({ origin, streamPath, thingId }: ThingTarget, given: GivenCredentials | undefined): Peer {
        const { hub } = this.settings;
        if (hub?.reaches(origin) === true) return this.#localPeer(hub);
        const credentials = this.#credentials.find(origin, thingId, given);
        return this.#connectionTo({ origin, streamPath, credentials }).peer;
    }

    /**
     * Fetches a TD and makes it consumable.
     * @throws SseScError INVALID_TD, UNAUTHORIZED, NOT_FOUND, CONNECT_FAILED, …
     */
    async fetchThingDescription(url: string): Promise<ThingDescription> {
        const target = schemeOf(url) === this.scheme ? httpTarget(url) : undefined;
        if (target === undefined) throw new SseScError("INVALID_TD", `The address of the TD is no ${this.scheme}: URL`);
        const { hub, maxDepth } = this.settings;
        if (hub?.reaches(target.origin) === true) return parseThingDescription(hub.describePath(target.path), maxDepth);
        const path = target.path + (target.query === "" ? "" : `?${target.query}`);
        const { origin } = target;
        const credentials = this.#credentials.configuredFor(origin);
        const server = { origin, streamPath: streamPathBeside(target.path), credentials };
        if (credentials !== undefined) {
            return getDescription(this.#connectionTo(server), path, this.settings.maxDepth);
        }
        const connection = this.#connect(server);
        this.#fetching.add(connection);
        try {
            return await getDescription(connection, path, this.settings.maxDepth);
        } finally {
            this.#fetching.delete(connection); // its transport is gone: nobody holds it
        }
    }

    /** Somebody gave credentials of a kind that is not known here. */
    warnOfCredentials(): void {
        warn(
            "credentials are none of { username, password }, { token } and { clientCert, clientKey }: they are not used"
        );
    }

    #localPeer(hub: SseScServer): Peer {
        if (this.#destroyed) throw destroyed();
        // One that the server's stop has closed makes room for a new one.
        if (this.#local === undefined || this.#local.closed) {
            this.#local = hub.connectLocally({
                requestTimeout: this.settings.requestTimeout,
                onListenerError: (error) => {
                    warn(`a listener threw: ${String(error)}`);
                },
            });
        }
        return this.#local.peer;
    }

    #connectionTo(target: ConnectionTarget): ClientConnection {
        const key = JSON.stringify([target.origin, target.streamPath, accountKey(target.credentials)]);
        let connection = this.#connections.get(key);
        // One that was refused for good makes room for a new attempt.
        if (connection === undefined || connection.closed) {
            connection = this.#connect(target);
            this.#connections.set(key, connection);
        }
        return connection;
    }

    #connect(target: ConnectionTarget): ClientConnection {
        if (this.#destroyed) throw destroyed();
        return createConnection(target, this.settings);
    }
}

function destroyed(): SseScError {
    return new SseScError("ALREADY_CLOSED", "The client factory was destroyed");
}
