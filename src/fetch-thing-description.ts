/** TDs for scripts, without a servient: node-wot gives no credentials to whoever requests a TD (node-wot.md, "Consuming"). */
import { SseScError } from "../lib/errors";
import { readClientConfig, type SseScClientConfig } from "./client-config";
import { getDescription } from "./description-reply";
import { createConnection } from "./create-connection";
import type { ClientConnection } from "./http/client-connection";
import { httpTarget, type HttpTarget } from "./http/origin";
import { streamPathBeside } from "./http/server-paths";
import type { Credentials } from "./http/credentials";
import type { ThingDescription } from "./things/normalizer";

/** Options that concern what comes after the TD. */
const OF_FACTORIES = [
    "credentials",
    "requestTimeout",
    "idleTimeout",
    "reconnect",
    "pingInterval",
    "tokenRefreshInterval",
    "dialects",
    "hub",
] as const;

/** How a TD is fetched: as the factories connect; times in milliseconds. */
export interface FetchDescriptionOptions extends Omit<SseScClientConfig, (typeof OF_FACTORIES)[number]> {
    /** Gives up: the call rejects with `ABORTED`. */
    signal?: AbortSignal;
}

/**
 * Fetches a TD and makes it ready for `wot.consume`: `https://host:8444/.well-known/wot`, or with the scheme `sse`, `sse-plain` or
 * `http`. Nothing stays open. A TD may also come as a JSON string, as HiveOT's directory sends them.
 *
 * The credentials are shown to the host of `url` alone, by a log-in where they are a password: redirects are not followed, so they
 * go nowhere else. Without them only public TDs can be had.
 * @throws SseScError INVALID_CONFIG naming the option that is not right; INVALID_TD, also for a `url` of another kind; TOO_LARGE
 * beyond 16 Mi characters; INVALID_CREDENTIALS, UNAUTHORIZED, NOT_FOUND, PEER_FAILED, CONNECT_FAILED, TIMEOUT, ABORTED
 */
export async function fetchThingDescription(
    url: string,
    credentials?: Credentials,
    { signal, ...options }: FetchDescriptionOptions = {}
): Promise<ThingDescription> {
    const target = httpTarget(url);
    if (target === undefined) {
        throw new SseScError("INVALID_TD", "The address of the TD has none of the schemes https, sse, http, sse-plain");
    }
    const isAborted = (): boolean => signal?.aborted === true;
    const aborted = (): SseScError => new SseScError("ABORTED", undefined, { cause: signal?.reason });
    if (isAborted()) throw aborted();
    const { connection, maxDepth } = connect(target, credentials, options);
    const close = (): void => void connection.close();
    signal?.addEventListener("abort", close, { once: true });
    try {
        const path = target.path + (target.query === "" ? "" : `?${target.query}`);
        return await getDescription(connection, path, maxDepth);
    } catch (error) {
        throw isAborted() ? aborted() : error;
    } finally {
        signal?.removeEventListener("abort", close);
        close();
    }
}

function connect(
    { origin, path }: HttpTarget,
    credentials: Credentials | undefined,
    options: SseScClientConfig
): { readonly connection: ClientConnection; readonly maxDepth: number } {
    for (const name of OF_FACTORIES) {
        if (options[name] === undefined) continue;
        throw new SseScError("INVALID_CONFIG", `${name} is not an option of fetchThingDescription`);
    }
    const byOrigin = credentials === undefined ? {} : { [origin]: credentials };
    const settings = readClientConfig({ ...options, credentials: byOrigin }, origin.startsWith("https:"));
    const server = { origin, streamPath: streamPathBeside(path), credentials: settings.credentials.get(origin) };
    return { connection: createConnection(server, settings), maxDepth: settings.maxDepth };
}
