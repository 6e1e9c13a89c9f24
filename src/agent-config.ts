/** The options of an agent; their defaults and their check. */
import { dialectOf } from "../lib/converters/dialects";
import { rrn2025 } from "../lib/converters/rrn-2025";
import { SseScError } from "../lib/errors";
import { isRecord } from "../lib/json";
import { readClientConfig, type ClientSettings, type SseScClientConfig } from "./client-config";
import type { Credentials } from "./http/credentials";
import type { ConnectionTarget } from "./http/client-connection";
import { isLoopback } from "./http/origin";
import type { QueueBounds } from "./http/notification-queue";
import { readServerUrl } from "./server-url";

/** Options of a `SseScAgent`: its own, and those of a client that concern one connection; times in milliseconds. */
export interface SseScAgentConfig extends Omit<SseScClientConfig, "credentials" | "idleTimeout" | "hub"> {
    /**
     * URL of the hub: `sse://host:port` or `https://host:port` with TLS, `sse-plain://…` or `http://…` without; a path is that of the
     * event stream, by default `/hiveot/ssesc`.
     */
    hub: string;
    /** Whom to be at the hub; nobody by default, for hubs with `nosec`. Who has a password logs in again when the hub forgot the token. */
    credentials?: Credentials;
    /** Permits a hub without TLS elsewhere than on this machine. Default: false. */
    allowInsecure?: boolean;
    /**
     * Thing id of the hub's directory; false if there is none, and the hub knows the TDs by its own configuration. Default:
     * `thingDirectory`, in the dialect `rrn-2025` `directory`.
     */
    directory?: string | false;
    /** Takes the TD of a Thing out of the hub's directory when the Thing is destroyed. Default: false. */
    removeOnDestroy?: boolean;
    /**
     * What may wait for the hub: beyond it the oldest events go; of each property only the newest value waits while the hub is away.
     * Default: `{ maxNotifications: 1000, maxBytes: 1048576 }`.
     */
    outbox?: Partial<QueueBounds>;
}

/** The options, checked and complete. */
export interface AgentSettings {
    readonly target: ConnectionTarget;
    readonly client: ClientSettings;
    readonly directory: string | undefined;
    readonly removeOnDestroy: boolean;
    readonly outbox: QueueBounds;
}

/** Options of a factory that mean nothing here. */
const NOT_HERE = ["idleTimeout"];
const DEFAULT_BOUNDS = { maxNotifications: 1_000, maxBytes: 1024 * 1024 };

/**
 * Checks options of an agent and fills in the defaults.
 * @throws SseScError INVALID_CONFIG naming the option that is missing, unknown, ill-formed, or contradicts another one
 */
export function readAgentConfig(config: SseScAgentConfig): AgentSettings {
    if (!isRecord(config)) throw invalid("The configuration is not an object");
    const { hub, credentials, allowInsecure = false, directory, removeOnDestroy = false, outbox, ...client } = config;
    const wrong = NOT_HERE.find((name) => name in client);
    if (wrong !== undefined) throw invalid(`${wrong} is not an option of an agent: it stays connected`);
    if (!("hub" in config)) throw invalid("hub is missing: the URL of the hub");
    const { origin, streamPath } = readServerUrl("hub", hub);
    const secure = origin.startsWith("https:");
    if (typeof allowInsecure !== "boolean") throw invalid("allowInsecure is not a boolean");
    if (allowInsecure && secure) throw invalid("allowInsecure has no use with TLS");
    if (!secure && !allowInsecure && !isLoopback(origin)) {
        throw invalid("hub is without TLS and not on this machine: that needs sse: or https:, or allowInsecure");
    }
    const known = credentials === undefined ? {} : { credentials: { [origin]: credentials } };
    const settings = readClientConfig({ ...client, ...known }, secure);
    if (typeof removeOnDestroy !== "boolean") throw invalid("removeOnDestroy is not a boolean");
    const directoryId = readDirectory(directory, dialectOf(streamPath, settings.dialects) === rrn2025);
    if (removeOnDestroy && directoryId === undefined) throw invalid("removeOnDestroy has no use without directory");
    return {
        target: { origin, streamPath, credentials: settings.credentials.get(origin) },
        client: settings,
        directory: directoryId,
        removeOnDestroy,
        outbox: readBounds(outbox ?? {}),
    };
}

function readDirectory(directory: unknown, january: boolean): string | undefined {
    if (directory === false) return undefined;
    if (directory === undefined) return january ? "directory" : "thingDirectory";
    if (typeof directory === "string" && directory !== "") return directory;
    throw invalid("directory is neither the id of a Thing nor false");
}

function readBounds(outbox: unknown): QueueBounds {
    if (!isRecord(outbox)) throw invalid("outbox is not an object");
    const bounds = { ...DEFAULT_BOUNDS };
    for (const [name, value] of Object.entries(outbox)) {
        if (name !== "maxNotifications" && name !== "maxBytes") throw invalid(`outbox.${name} is not an option`);
        if (value === undefined) continue;
        if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1) {
            throw invalid(`outbox.${name} is not a positive integer`);
        }
        bounds[name] = value;
    }
    return bounds;
}

function invalid(message: string): SseScError {
    return new SseScError("INVALID_CONFIG", message);
}
