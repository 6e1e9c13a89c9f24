/** The options of the roles, composed of those of the rooms; their defaults and their check. */
import type { X509Certificate } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { SseScError } from "../lib/errors";
import { DEFAULT_MAX_DEPTH } from "../lib/json";
import { parseUrl } from "../lib/urls";
import { DEFAULT_STREAM_PATH, type Dialects } from "../lib/converters/dialects";
import { AUTH_OPTIONS, validateAuthOptions, type AuthOptions } from "./auth";
import { readDialects, type DialectsConfig } from "./dialects";
import { readHub, type HubConfig, type HubSettings } from "./hub-config";
import { readAnnounce, type AnnounceOptions } from "./discovery/options";
import { parseCertificate, readCertificates, readPem } from "./pem";
import { isUri } from "./things/td-members";

/** Options of a `SseScServer`. Words are those of binding-http where it has one; times are milliseconds, sizes bytes. */
export interface SseScServerConfig extends AuthOptions {
    /** Id of the server's own Thing, a URI. Default: a random one, which `store` keeps. */
    id?: string;
    /**
     * False if the server shall not listen by itself: its `handler()` or `router()` is mounted on an HTTP server of yours. Needs
     * `baseUri`; rules out `port`, `address`, `serverKey` and `serverCert`. Default: true.
     */
    listen?: boolean;
    /** TCP port; 0 takes a free one. Default: 8444. */
    port?: number;
    /** Address to bind. Default: all with TLS, else `127.0.0.1`. */
    address?: string;
    /** Where clients reach the server when that is not its own address, such as `https://example.com`: goes into TDs. */
    baseUri?: string;
    /** Private key: a path, or the PEM text itself. Needs `serverCert`. Without both the server speaks plain HTTP/1.1. */
    serverKey?: string;
    /** Certificate chain: a path, or the PEM text itself. Needs `serverKey`. */
    serverCert?: string;
    /** Permits plain HTTP on other addresses than loopback. Passwords and tokens travel readably then. Default: false. */
    allowInsecure?: boolean;
    /** How clients identify themselves. `nosec` lets everybody do everything, and works on loopback only. Default: bearer. */
    security?: readonly [{ scheme: "bearer" | "nosec" }];
    /**
     * Makes the server a hub: agents dial in, and their Things are used through it like its own. `true`, or options of the hub.
     * Default: false.
     */
    hub?: boolean | HubConfig;
    /** Folder for accounts, signing keys and revocations. Default: in memory, so tokens end with the process. */
    store?: string;
    /** Dialects by stream path, added to HiveOT's own: `rrn` on `/hiveot/ssesc`, `rrn-2025` on `/hiveot/sse`. */
    dialects?: DialectsConfig;
    /** Stream path that TDs name: one of those of `dialects`. Default: `/hiveot/ssesc`. */
    streamPath?: string;
    /** Who may read TDs: everybody, or clients with a token. Default: `public`. */
    tdAccess?: "public" | "authenticated";
    /**
     * Announces the server on the local network by DNS-SD, where `discover()` and others find it; what is reached on loopback alone is
     * announced there alone. Default: false.
     */
    announce?: boolean | AnnounceOptions;
    /** Time between two heartbeats on a stream. Default: 30,000. */
    heartbeatInterval?: number;
    /** Size of one message that comes in; larger ones get 413. Default: 1 MiB. */
    maxMessageSize?: number;
    /** Nesting of one message that comes in; deeper ones get 400. Default: 64. */
    maxDepth?: number;
    /** Requests of one connection that may wait for their answer; more get 429. Default: 1,000. */
    maxPendingRequests?: number;
    /** Subscriptions of one connection. Default: 10,000. */
    maxSubscriptions?: number;
    /** For which the session of a client is kept whose stream has dropped, so that it can resume; 0 keeps none. Default: 60,000. */
    lingerTime?: number;
    /** Messages that are kept for a client, to be sent again when it resumes, 1 MiB at most. Default: 1,000. */
    outboxFrames?: number;
    /** What may be kept for all clients together; beyond it those go first that are away. Default: 256 MiB. */
    maxOutboxBytes?: number;
    /** Streams in total, those included whose sessions are kept; more get 503. Default: 10,000. */
    maxConnections?: number;
    /** Streams of one client; more get 503. Default: 1,000. */
    maxConnectionsPerClient?: number;
    /**
     * TCP connections of the server's own port in total; more get 503. A client of HTTP/1.1 needs one for its stream and others for
     * its requests. Default: 20,000.
     */
    maxSockets?: number;
    /**
     * TCP connections from one IPv4 address, or one IPv6 network of 64 bits; more get 503. Raise it behind a proxy, whose clients
     * all come from one address. Default: 5,000.
     */
    maxSocketsPerAddress?: number;
    /** What may wait for a slow reader before its stream is cut. Default: 8 MiB. */
    maxStreamBacklog?: number;
    /**
     * How long `stop()` waits for answers that are under way, and lets streams end; what is left then is cut. Default: 5,000.
     */
    shutdownTimeout?: number;
    /** Size of one message that goes out; a larger response becomes an error. Default: 8 MiB (HiveKit refuses 10). */
    maxFrameSize?: number;
}

const MIB = 1024 * 1024;

/** Options that are positive integers, with their defaults. */
const NUMBERS = {
    heartbeatInterval: 30_000,
    maxMessageSize: MIB,
    maxDepth: DEFAULT_MAX_DEPTH,
    maxPendingRequests: 1_000,
    maxSubscriptions: 10_000,
    lingerTime: 60_000,
    outboxFrames: 1_000,
    maxOutboxBytes: 256 * MIB,
    maxConnections: 10_000,
    maxConnectionsPerClient: 1_000,
    maxSockets: 20_000,
    maxSocketsPerAddress: 5_000,
    maxStreamBacklog: 8 * MIB,
    maxFrameSize: 8 * MIB,
    shutdownTimeout: 5_000,
} as const;

const OTHER_OPTIONS = [
    "listen",
    "id",
    "port",
    "address",
    "baseUri",
    "serverKey",
    "serverCert",
    "allowInsecure",
    "security",
    "store",
    "tdAccess",
    "dialects",
    "streamPath",
    "hub",
    "announce",
] as const satisfies (keyof SseScServerConfig)[];

/** Options of what listens. */
const LISTENER_OPTIONS = ["port", "address", "serverKey", "serverCert"] as const satisfies (keyof SseScServerConfig)[];

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** True for `localhost` and the addresses of the loopback range. */
export function isLoopback(host: string): boolean {
    const family = isIP(host);
    if (family === 0) return host.toLowerCase() === "localhost";
    return LOOPBACK.check(host, family === 6 ? "ipv6" : "ipv4");
}

/** What TLS needs, as PEM texts. */
interface TlsSettings {
    readonly key: string;
    readonly cert: string;
    readonly certificate: X509Certificate;
    /** Authorities of clients' certificates; clients are not asked for one if absent. */
    readonly clientCa: readonly string[] | undefined;
}

/** The options of a server after their check, with all defaults. */
export interface ServerSettings extends Readonly<Record<keyof typeof NUMBERS, number>> {
    readonly listen: boolean;
    /** Of the URLs that lead to the server itself: `sse` over TLS, `sse-plain` without. */
    readonly scheme: "sse" | "sse-plain";
    readonly id: string | undefined;
    readonly port: number;
    readonly address: string | undefined;
    readonly baseUri: URL | undefined;
    readonly tls: TlsSettings | undefined;
    readonly security: "bearer" | "nosec";
    readonly store: string | undefined;
    readonly tdAccess: "public" | "authenticated";
    readonly auth: AuthOptions;
    readonly dialects: Dialects;
    /** Stream path that TDs name. */
    readonly streamPath: string;
    readonly hub: HubSettings | undefined;
    /** Absent if the server is not to announce itself. */
    readonly announce: AnnounceOptions | undefined;
}

/**
 * Checks the options of a server.
 * @throws SseScError INVALID_CONFIG naming the option that is unknown, wrong, or contradicts another
 */
export function parseServerConfig(config: SseScServerConfig): ServerSettings {
    refuseUnknown(config);
    const security = readSecurity(config);
    const baseUri = readBaseUri(config.baseUri);
    const listen = readListen(config, baseUri, security);
    const tls = readTls(config);
    const address = listen ? readAddress(config, tls !== undefined, security) : undefined;
    const auth = readAuth(config, security);
    const dialects = readDialects(config.dialects);
    return {
        ...readNumbers(config),
        listen,
        scheme: (listen ? tls !== undefined : baseUri?.protocol === "https:") ? "sse" : "sse-plain",
        id: readId(config.id),
        port: readPort(config.port),
        address,
        baseUri,
        tls,
        security,
        store: config.store,
        tdAccess: readTdAccess(config.tdAccess),
        auth,
        dialects,
        streamPath: readStreamPath(config.streamPath, dialects),
        hub: readHub(config.hub),
        announce: readAnnouncement(config, baseUri, address),
    };
}

function invalid(option: string, why: string, cause?: unknown): SseScError {
    return new SseScError("INVALID_CONFIG", `Option "${option}" ${why}`, { cause });
}

function refuseUnknown(config: SseScServerConfig): void {
    const known = new Set<string>([...AUTH_OPTIONS, ...OTHER_OPTIONS, ...Object.keys(NUMBERS)]);
    for (const option of Object.keys(config)) {
        if (!known.has(option)) throw invalid(option, "is not an option of SseScServer");
    }
}

function readNumbers(config: SseScServerConfig): Record<keyof typeof NUMBERS, number> {
    const numbers: Record<keyof typeof NUMBERS, number> = { ...NUMBERS };
    for (const option of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
        const value = config[option] ?? NUMBERS[option];
        const least = option === "lingerTime" ? 0 : 1;
        if (!Number.isInteger(value) || value < least) {
            throw invalid(option, least === 0 ? "must be zero or a positive integer" : "must be a positive integer");
        }
        numbers[option] = value;
    }
    return numbers;
}

function readId(id: string | undefined): string | undefined {
    if (id !== undefined && !isUri(id)) throw invalid("id", "must be a URI, such as urn:example:server");
    return id;
}

function readPort(port = 8444): number {
    if (!Number.isInteger(port) || port < 0 || port > 65535)
        throw invalid("port", "must be an integer from 0 to 65535");
    return port;
}

function readBaseUri(baseUri: string | undefined): URL | undefined {
    if (baseUri === undefined) return undefined;
    const url = parseUrl(baseUri);
    if (url?.protocol !== "https:" && url?.protocol !== "http:") throw invalid("baseUri", "must be an http(s) URL");
    return url;
}

/** Where the server does not listen, `baseUri` shows whom it may be reached by. */
function readListen(config: SseScServerConfig, baseUri: URL | undefined, security: "bearer" | "nosec"): boolean {
    const { listen = true } = config;
    if (typeof listen !== "boolean") throw invalid("listen", "must be true or false");
    if (listen) return true;
    for (const option of LISTENER_OPTIONS) {
        if (config[option] !== undefined) throw invalid(option, "must not be given together with listen: false");
    }
    if (baseUri === undefined) throw invalid("baseUri", "is missing: listen: false needs it");
    const onLoopback = isLoopback(baseUri.hostname.replace(/^\[|\]$/g, ""));
    if (security === "nosec" && !onLoopback) throw invalid("security", "nosec works with a baseUri on loopback only");
    if (baseUri.protocol === "http:" && !onLoopback && config.allowInsecure !== true) {
        throw invalid("baseUri", "is http and not on loopback: that needs https, or allowInsecure");
    }
    return false;
}

/** Where the server is reached decides where it may be announced, and how long its path may be (one TXT string has 255 bytes). */
function readAnnouncement(
    { announce }: SseScServerConfig,
    baseUri: URL | undefined,
    address: string | undefined
): AnnounceOptions | undefined {
    const options = readAnnounce(announce);
    if (options === undefined) return undefined;
    const host = baseUri?.hostname.replace(/^\[|\]$/g, "") ?? address;
    if (options.interface !== undefined && !isLoopback(options.interface) && host !== undefined && isLoopback(host)) {
        throw invalid("announce.interface", "must be on loopback: the server is reached nowhere else");
    }
    if ((baseUri?.pathname.length ?? 0) > 200) throw invalid("baseUri", "has a path that is too long to be announced");
    return options;
}

function readTdAccess(tdAccess: string = "public"): "public" | "authenticated" {
    if (tdAccess !== "public" && tdAccess !== "authenticated")
        throw invalid("tdAccess", "must be public or authenticated");
    return tdAccess;
}

function readStreamPath(path: string = DEFAULT_STREAM_PATH, dialects: Dialects): string {
    if (!dialects.has(path)) throw invalid("streamPath", "must be a path of dialects");
    return path;
}

function readSecurity({ security }: SseScServerConfig): "bearer" | "nosec" {
    if (security === undefined) return "bearer";
    const schemes = Array.isArray(security) ? (security as readonly { scheme?: unknown }[]) : [];
    const scheme = schemes[0]?.scheme;
    if (schemes.length !== 1 || (scheme !== "bearer" && scheme !== "nosec")) {
        throw invalid("security", 'must be [{ scheme: "bearer" }] or [{ scheme: "nosec" }]');
    }
    return scheme;
}

function readAddress(config: SseScServerConfig, hasTls: boolean, security: "bearer" | "nosec"): string | undefined {
    const address = config.address ?? (hasTls && security !== "nosec" ? undefined : "127.0.0.1");
    const onLoopback = address !== undefined && isLoopback(address);
    if (security === "nosec" && !onLoopback) throw invalid("security", "nosec works on a loopback address only");
    if (!hasTls && !onLoopback && config.allowInsecure !== true) {
        throw invalid("address", "is not loopback: that needs serverKey and serverCert, or allowInsecure");
    }
    return address;
}

function readAuth(config: SseScServerConfig, security: "bearer" | "nosec"): AuthOptions {
    const options: Record<string, unknown> = {};
    for (const option of AUTH_OPTIONS) if (config[option] !== undefined) options[option] = config[option];
    for (const option of ["accounts", "clientCaCert", "strategies"] as const) {
        if (security !== "nosec" || config[option] === undefined) continue;
        throw invalid(option, "must not be given together with security nosec: nobody shows who they are");
    }
    if (security === "bearer" && config.accounts === undefined && config.store === undefined) {
        throw invalid(
            "accounts",
            "is missing: nobody could log in. Give accounts, a store that has some, or security nosec"
        );
    }
    validateAuthOptions(options);
    return options;
}

function readTls({ serverKey, serverCert, clientCaCert }: SseScServerConfig): TlsSettings | undefined {
    if (serverKey === undefined && serverCert === undefined) {
        if (clientCaCert !== undefined) throw invalid("clientCaCert", "has no use without serverKey and serverCert");
        return undefined;
    }
    if (serverKey === undefined) throw invalid("serverKey", "is missing: serverCert needs it");
    if (serverCert === undefined) throw invalid("serverCert", "is missing: serverKey needs it");
    const cert = readPem("serverCert", serverCert);
    return {
        key: readPem("serverKey", serverKey),
        cert,
        certificate: parseCertificate("serverCert", cert),
        clientCa: clientCaCert === undefined ? undefined : readCertificates("clientCaCert", clientCaCert),
    };
}
