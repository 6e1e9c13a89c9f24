/** `connect()`: the operations of HiveOT SSE-SC without node-wot. */
import { createLoggers } from "@node-wot/core";
import { SseScError } from "../lib/errors";
import { isRecord } from "../lib/json";
import { readClientConfig, type SseScClientConfig } from "./client-config";
import { Connection } from "./connection";
import { ConnectionEvents } from "./connection-events";
import { createConnection } from "./create-connection";
import type { Credentials } from "./http/credentials";
import { readServerUrl } from "./server-url";

const { info } = createLoggers("binding-hiveot", "client");

/** Options of `connect()`: those of a `SseScClientFactory` that concern one connection; times in milliseconds. */
export interface ConnectionOptions extends Omit<SseScClientConfig, "credentials" | "idleTimeout" | "hub"> {
    /** Gives up connecting: `connect()` rejects with `ABORTED`. Later it means nothing: use `close()`. */
    signal?: AbortSignal;
}

/** Options of a factory that mean nothing here. */
const NOT_HERE = ["credentials", "idleTimeout", "hub"];

/**
 * Connects to a server, and stays connected until `close()`.
 * @param url `sse://host:port` or `https://host:port` with TLS, `sse-plain://…` or `http://…` without; a path is that of the
 * event stream, by default `/hiveot/ssesc`
 * @param credentials whom to be there; nobody by default, for servers with `nosec`. They are sent to that host only
 * @throws SseScError INVALID_CONFIG naming what is not right; CONNECT_FAILED, INVALID_CREDENTIALS, UNAUTHORIZED, NOT_FOUND, ABORTED, …
 * if it does not succeed at once: then nothing is left behind
 */
export async function connect(
    url: string,
    credentials?: Credentials,
    options: ConnectionOptions = {}
): Promise<Connection> {
    const { origin, streamPath } = readServerUrl("url", url);
    const { signal, config } = readOptions(options);
    const known = credentials === undefined ? {} : { credentials: { [origin]: credentials } };
    const settings = readClientConfig({ ...config, ...known }, origin.startsWith("https:"));
    throwIfAborted(signal);

    const events = new ConnectionEvents((error) => {
        info(`${origin}: a listener threw: ${String(error)}`);
    });
    const target = { origin, streamPath, credentials: settings.credentials.get(origin) };
    const connection = createConnection(target, settings, events.path);
    const giveUp = (): void => void connection.close();
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
        await connection.open();
        throwIfAborted(signal);
    } catch (error) {
        await connection.close();
        throwIfAborted(signal);
        throw error;
    } finally {
        signal?.removeEventListener("abort", giveUp);
    }
    return new Connection(connection, events);
}

function readOptions(options: unknown): {
    readonly signal: AbortSignal | undefined;
    readonly config: Readonly<Record<string, unknown>>;
} {
    if (!isRecord(options)) throw invalid("The options are not an object");
    const { signal, ...config } = options;
    if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid("signal is not an AbortSignal");
    const wrong = NOT_HERE.find((name) => name in config);
    if (wrong !== undefined) throw invalid(`${wrong} is not an option of connect()`);
    return { signal, config };
}

function throwIfAborted(signal: AbortSignal | undefined): void {
    if (signal?.aborted === true) throw new SseScError("ABORTED", undefined, { cause: signal.reason });
}

function invalid(message: string): SseScError {
    return new SseScError("INVALID_CONFIG", message);
}
