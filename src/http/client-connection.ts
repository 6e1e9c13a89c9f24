/**
 * One connection of the client side: a channel, the peer on it, the transport under it and the tokens that it shows. There is one
 * per (origin, stream path, account).
 */
import type { MessageConverter } from "../../lib/converters/converter";
import type { SseScError } from "../../lib/errors";
import { Peer, type PathListener, type RequestHandler } from "../../lib/peer";
import type { ConnectOptions, TransportResponse } from "./client-transport";
import { connectTransport } from "./connect-transport";
import type { Credentials } from "./credentials";
import { DialledChannel } from "./dialled-channel";
import type { ReconnectOptions } from "./back-off";
import type { ServerFeatures } from "./features";
import { basePathOf } from "./server-paths";
import { SharedTransport } from "./shared-transport";
import { TokenSession } from "./token-session";

/** Options that all connections of a client share; times in milliseconds. */
export interface ClientConnectionOptions extends ConnectOptions {
    readonly converter: MessageConverter;
    readonly requestTimeout: number;
    readonly idleTimeout: number;
    readonly reconnect: ReconnectOptions;
    /** Of silence after which a server that announces no heartbeats is asked for a sign of life. */
    readonly pingInterval: number;
    readonly tokenRefreshInterval: number;
    readonly maxDepth: number | undefined;
    /** Takes a line for the log. */
    readonly log: (line: string) => void;
    /** Hears how the connection fares once it was open. */
    readonly path?: PathListener | undefined;
    /** What makes an agent of this side; without it, it is a consumer only. */
    readonly agent?: AgentOptions | undefined;
}

/** What an agent needs of its connection: it answers requests, publishes, and never gives up. */
export interface AgentOptions {
    readonly onRequest: RequestHandler;
    /** Called whenever the connection is open, before anything is sent on it. */
    readonly onOpen: (features: ServerFeatures) => void;
    /** Hears why an attempt to connect failed; another one follows. */
    readonly onAttemptFailed: (error: SseScError) => void;
}

/** What a connection leads to. */
export interface ConnectionTarget {
    /** http(s) origin. */
    readonly origin: string;
    readonly streamPath: string;
    /** Whom to be there; nobody if absent. */
    readonly credentials: Credentials | undefined;
}

/** Most characters of a body that `get` takes: TDs of hubs are large. */
const MAX_DOCUMENT = 16 * 1024 * 1024;

/** A connection; it opens when something is sent, and rests when it is not used. */
export class ClientConnection {
    /** The end point that requests go through. */
    readonly peer: Peer;
    readonly #options: ClientConnectionOptions;
    readonly #transport: SharedTransport;
    readonly #session: TokenSession | undefined;
    readonly #channel: DialledChannel;
    #keptOpen = false;

    constructor({ origin, streamPath, credentials }: ConnectionTarget, options: ClientConnectionOptions) {
        this.#options = options;
        const { agent } = options;
        const log = (line: string): void => {
            options.log(`${origin}: ${line}`);
        };
        const identity = identityOf(credentials);
        const transport = new SharedTransport((signal) => connectTransport(origin, { ...options, identity }, signal));
        this.#transport = transport;
        const basePath = basePathOf(streamPath);
        this.#session =
            credentials === undefined
                ? undefined
                : new TokenSession(credentials, {
                      request: (request) => transport.request({ ...request, path: basePath + request.path }),
                      refreshInterval: options.tokenRefreshInterval,
                      timeout: options.connectTimeout,
                      loginMember: options.converter.conventions?.loginMember ?? "username",
                      isActive: () => this.#channel.active,
                      onRefreshFailed: (error) => {
                          log(`the token could not be refreshed: ${error.message}`);
                      },
                  });
        this.#channel = new DialledChannel({
            transport,
            session: this.#session,
            converter: options.converter,
            streamPath,
            connectTimeout: options.connectTimeout,
            postTimeout: options.requestTimeout > 0 ? options.requestTimeout : DEFAULT_POST_TIMEOUT,
            idleTimeout: options.idleTimeout,
            reconnect: options.reconnect,
            pingInterval: options.pingInterval,
            ping: () => this.peer.ping({ timeout: options.connectTimeout }),
            maxDepth: options.maxDepth,
            isInUse: () => this.#keptOpen || this.peer.inUse,
            keepTrying: agent !== undefined,
            askForBatches: agent !== undefined,
            onOpen: agent?.onOpen,
            onAttemptFailed: agent?.onAttemptFailed,
            onEnd: () => {
                this.#session?.close();
                void this.#transport.close();
            },
            log,
        });
        this.peer = new Peer(this.#channel, {
            requestTimeout: options.requestTimeout,
            onListenerError: (error) => {
                log(`a listener threw: ${String(error)}`);
            },
            path: options.path,
            ...(agent === undefined ? {} : { onRequest: agent.onRequest }),
        });
    }

    /** True once it was given up for good: another one has to take its place. */
    get closed(): boolean {
        return this.#channel.closed;
    }

    /** GETs a document, showing who we are. @throws SseScError if no reply came */
    async get(path: string, accept: string): Promise<TransportResponse> {
        const release = this.#transport.hold(); // a log-in on the way goes over the same transport
        try {
            for (let first = true; ; first = false) {
                const authorization = await this.#session?.authorize();
                const response = await this.#transport.request({
                    method: "GET",
                    path,
                    headers: { ...authorization?.headers, accept },
                    timeout: this.#options.connectTimeout,
                    maxBody: MAX_DOCUMENT,
                });
                const refused = response.status === 401 && first ? authorization?.token : undefined;
                if (refused === undefined || (await this.#session?.recover(refused)) !== true) return response;
            }
        } finally {
            release();
        }
    }

    /**
     * Opens the connection; from then on it stays open, used or not, until it is closed or refused for good.
     * @throws SseScError why the first attempt failed: it is to be closed then
     */
    async open(): Promise<void> {
        this.#keptOpen = true;
        await this.#channel.open();
    }

    /** Opens the connection and keeps it open for ever, however often it fails. For agents. */
    keepOpen(): void {
        this.#keptOpen = true;
        this.#channel.keepOpen();
    }

    /**
     * POSTs notifications that are encoded already; several as one batch, where the server takes those.
     * @throws SseScError see `DialledChannel.postNotifications`
     */
    postNotifications(lines: readonly string[], signal: AbortSignal): Promise<void> {
        return this.#channel.postNotifications(lines, signal);
    }

    /** Ends everything at once: what waits fails, timers are gone. @returns what resolves when the sockets are gone too */
    async close(): Promise<void> {
        await this.#channel.leave();
        await this.#transport.close();
    }
}

/** Milliseconds for a POST where requests may take for ever: its reply says only that it was taken. */
const DEFAULT_POST_TIMEOUT = 60_000;

/** What TLS shows: to this connection's server alone. */
function identityOf(credentials: Credentials | undefined): ConnectOptions["identity"] {
    return credentials !== undefined && "clientCert" in credentials
        ? { cert: credentials.clientCert, key: credentials.clientKey }
        : undefined;
}
