/** The options of the client factories; their defaults and their check. */
import type { Dialects } from "../lib/converters/dialects";
import { SseScError } from "../lib/errors";
import { DEFAULT_MAX_DEPTH, isRecord } from "../lib/json";
import { DEFAULT_REQUEST_TIMEOUT } from "../lib/peer";
import { isToken } from "./http/bearer-token";
import type { ReconnectOptions } from "./http/back-off";
import type { Credentials } from "./http/credentials";
import { httpTarget } from "./http/origin";
import { DEFAULT_TOKEN_REFRESH_INTERVAL } from "./http/token-session";
import { readDialects, type DialectsConfig } from "./dialects";
import type { SseScServer } from "./sse-sc-server";
import { commonName, parseCertificate, parsePrivateKey, readCertificates, readPem } from "./pem";

/** Options of a `SseScPlainClientFactory`; times in milliseconds. */
export interface SseScPlainClientConfig {
    /**
     * Credentials by origin, such as `{ "https://host:8444": { username, password } }`; `sse://host:8444` says the same. They are
     * used for TDs, and for Things without credentials of their own. With a `token`, `clientId` fills the `clientID` header where
     * the token does not show whose it is. With TLS also `{ clientCert, clientKey }`, each a path or PEM text.
     */
    credentials?: Readonly<Record<string, Credentials>>;
    /** Until a request fails; progress starts the time anew, 0 waits without limit. Default: 60,000. */
    requestTimeout?: number;
    /** Until a connection counts as failed, log-in included. Default: 10,000. */
    connectTimeout?: number;
    /** After which a connection that nobody uses is closed; it opens again by itself. Default: 60,000. */
    idleTimeout?: number;
    /** Bounds of the waiting before a new attempt (full jitter). Default: `{ min: 100, max: 15000 }`. */
    reconnect?: Partial<ReconnectOptions>;
    /**
     * Of silence after which a server that announces no heartbeats is asked for a sign of life, to be given within `connectTimeout`:
     * else the client reconnects. Default: 30,000.
     */
    pingInterval?: number;
    /** After which a token is refreshed that does not show when it ends. Default: 3,600,000. */
    tokenRefreshInterval?: number;
    /**
     * Dialects by stream path, added to HiveOT's own: `rrn` on `/hiveot/ssesc`, `rrn-2025` on `/hiveot/sse`. The stream path is what a form
     * says in `hiveot:stream`.
     */
    dialects?: DialectsConfig;
    /** Nesting of one message that comes in; deeper ones are dropped. Default: 64. */
    maxDepth?: number;
    /**
     * A server of this process, of the same scheme: its Things, and on a hub those of its agents, are reached without a network, and
     * without credentials. All others are reached as ever.
     */
    hub?: SseScServer;
}

/** Options of a `SseScClientFactory`; times in milliseconds. */
export interface SseScClientConfig extends SseScPlainClientConfig {
    /** Certificates of the authorities to trust in place of the usual ones: each a path, or the PEM text itself. */
    caCert?: string | readonly string[];
    /** Accepts every certificate: for development only. Default: false. */
    allowSelfSigned?: boolean;
    /** Take this version of HTTP only. Default: HTTP/2 if the server offers it, else HTTP/1.1. */
    httpVersion?: 1 | 2;
}

/** The options, checked and complete. */
export interface ClientSettings {
    readonly ca: readonly string[] | undefined;
    readonly rejectUnauthorized: boolean;
    readonly httpVersion: 1 | 2 | undefined;
    /** By http(s) origin. */
    readonly credentials: ReadonlyMap<string, Credentials>;
    readonly requestTimeout: number;
    readonly connectTimeout: number;
    readonly idleTimeout: number;
    readonly reconnect: ReconnectOptions;
    readonly pingInterval: number;
    readonly tokenRefreshInterval: number;
    readonly maxDepth: number;
    readonly dialects: Dialects;
    readonly hub: SseScServer | undefined;
}

const COMMON = [
    "credentials",
    "requestTimeout",
    "connectTimeout",
    "idleTimeout",
    "reconnect",
    "pingInterval",
    "tokenRefreshInterval",
    "maxDepth",
    "dialects",
    "hub",
];
const TLS_ONLY = ["caCert", "allowSelfSigned", "httpVersion"];

/** `setTimeout` takes no more. */
const MAX_TIME = 2 ** 31 - 1;

/**
 * Checks options of a client factory and fills in the defaults.
 * @param secure false where the connections are without TLS
 * @throws SseScError INVALID_CONFIG naming the option that is unknown, ill-formed, or contradicts another one
 */
export function readClientConfig(config: SseScClientConfig, secure: boolean): ClientSettings {
    checkNames(config, secure);
    const { allowSelfSigned = false, httpVersion } = config;
    if (typeof allowSelfSigned !== "boolean") throw invalid("allowSelfSigned is not a boolean");
    if (allowSelfSigned && config.caCert !== undefined) {
        throw invalid("caCert has no use with allowSelfSigned, which accepts every certificate");
    }
    if (httpVersion !== undefined && ![1, 2].includes(httpVersion)) throw invalid("httpVersion is not 1 or 2");
    return {
        ca: config.caCert === undefined ? undefined : readCertificates("caCert", config.caCert),
        rejectUnauthorized: !allowSelfSigned,
        httpVersion,
        credentials: readCredentials(config.credentials ?? {}, secure),
        requestTimeout: time("requestTimeout", config.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT, 0),
        connectTimeout: time("connectTimeout", config.connectTimeout ?? 10_000),
        idleTimeout: time("idleTimeout", config.idleTimeout ?? 60_000),
        reconnect: readReconnect(config.reconnect ?? {}),
        pingInterval: time("pingInterval", config.pingInterval ?? 30_000),
        tokenRefreshInterval: time(
            "tokenRefreshInterval",
            config.tokenRefreshInterval ?? DEFAULT_TOKEN_REFRESH_INTERVAL,
            1,
            Number.MAX_SAFE_INTEGER
        ),
        maxDepth: time("maxDepth", config.maxDepth ?? DEFAULT_MAX_DEPTH),
        dialects: readDialects(config.dialects),
        hub: readHub(config.hub, secure),
    };
}

/** Not by its class: that would load the server for every client. */
function readHub(hub: SseScServer | undefined, secure: boolean): SseScServer | undefined {
    if (hub === undefined) return undefined;
    if (!isRecord(hub) || typeof hub["connectLocally"] !== "function") throw invalid("hub is not a SseScServer");
    if ((hub.scheme === "sse") !== secure) {
        throw invalid(`hub is reached ${secure ? "without" : "with"} TLS: it needs the other factory`);
    }
    return hub;
}

function checkNames(config: unknown, secure: boolean): void {
    if (!isRecord(config)) throw invalid("The configuration is not an object");
    for (const name of Object.keys(config)) {
        if (COMMON.includes(name) || (secure && TLS_ONLY.includes(name))) continue;
        throw invalid(TLS_ONLY.includes(name) ? `${name} has no use without TLS` : `${name} is not an option`);
    }
}

function readCredentials(byOrigin: unknown, secure: boolean): Map<string, Credentials> {
    if (!isRecord(byOrigin)) throw invalid("credentials is not an object");
    const result = new Map<string, Credentials>();
    for (const [key, value] of Object.entries(byOrigin)) {
        const name = `credentials[${JSON.stringify(key)}]`;
        const target = httpTarget(key);
        if (target === undefined || target.path !== "/" || target.query !== "") {
            throw invalid(`${name} is not for an origin such as ${secure ? "https" : "http"}://host:8444`);
        }
        if (target.origin.startsWith("https:") !== secure) {
            throw invalid(`${name} would never be used: this factory connects ${secure ? "with" : "without"} TLS`);
        }
        if (result.has(target.origin)) throw invalid(`${name} is for an origin that is named twice`);
        const credentials = readAccount(value);
        if (credentials === undefined || hasSeveralKinds(value)) {
            throw invalid(`${name} is none of { username, password }, { token } and { clientCert, clientKey }`);
        }
        if ("clientCert" in credentials && !secure)
            throw invalid(`${name} needs TLS: clientCert has no use without it`);
        result.set(target.origin, credentials);
    }
    return result;
}

function hasSeveralKinds(value: unknown): boolean {
    return isRecord(value) && ["password", "token", "clientCert"].filter((name) => name in value).length > 1;
}

/**
 * Credentials as a user gives them; `undefined` if they are nothing of that kind.
 * @throws SseScError INVALID_CONFIG if a certificate or its key cannot be read, or do not belong together
 */
export function readAccount(value: unknown): Credentials | undefined {
    if (!isRecord(value)) return undefined;
    const { username, password, token, clientCert, clientKey } = value;
    if (typeof username === "string" && username !== "" && typeof password === "string") return { username, password };
    const clientId = typeof value["clientId"] === "string" && value["clientId"] !== "" ? value["clientId"] : undefined;
    if (typeof clientCert === "string" && typeof clientKey === "string") {
        return readIdentity(clientCert, clientKey, clientId);
    }
    if (!isToken(token)) return undefined;
    return clientId === undefined ? { token } : { token, clientId };
}

function readIdentity(certOrPath: string, keyOrPath: string, clientId: string | undefined): Credentials {
    const clientCert = readPem("clientCert", certOrPath);
    const clientKey = readPem("clientKey", keyOrPath);
    const certificate = parseCertificate("clientCert", clientCert);
    if (!certificate.checkPrivateKey(parsePrivateKey("clientKey", clientKey))) {
        throw invalid("clientKey is not the key of clientCert");
    }
    const id = clientId ?? commonName(certificate);
    return id === undefined ? { clientCert, clientKey } : { clientCert, clientKey, clientId: id };
}

function readReconnect(value: unknown): ReconnectOptions {
    if (!isRecord(value)) throw invalid("reconnect is not an object");
    for (const name of Object.keys(value)) {
        if (name !== "min" && name !== "max") throw invalid(`reconnect.${name} is not an option`);
    }
    const { min = 100, max = 15_000 } = value;
    const bounds = { min: time("reconnect.min", min), max: time("reconnect.max", max) };
    if (bounds.min > bounds.max) throw invalid("reconnect.min is larger than reconnect.max");
    return bounds;
}

function time(name: string, value: unknown, min = 1, max = MAX_TIME): number {
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    throw invalid(`${name} is not an integer from ${String(min)} to ${String(max)}`);
}

function invalid(message: string): SseScError {
    return new SseScError("INVALID_CONFIG", message);
}
