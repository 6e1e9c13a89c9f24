/** The option `hub` of a server. */
import { SseScError } from "../lib/errors";
import { isRecord } from "../lib/json";

/** Options of a hub; times in milliseconds. */
export interface HubConfig {
    /** Until an agent must have answered a request; progress starts the time anew. Default: 30,000. */
    requestTimeout?: number;
}

/** The options of a hub after their check, with all defaults. */
export interface HubSettings {
    readonly requestTimeout: number;
}

const DEFAULTS: HubSettings = { requestTimeout: 30_000 };

/**
 * Checks the option `hub`.
 * @returns `undefined` if the server is no hub
 * @throws SseScError INVALID_CONFIG naming the option
 */
export function readHub(hub: unknown): HubSettings | undefined {
    if (hub === undefined || hub === false) return undefined;
    if (hub === true) return DEFAULTS;
    if (!isRecord(hub)) throw invalid("hub", "must be true, false or an object");
    const settings: Record<keyof HubSettings, number> = { ...DEFAULTS };
    for (const [name, value] of Object.entries(hub)) {
        const option = Object.keys(DEFAULTS).find((known) => known === name) as keyof HubSettings | undefined;
        if (option === undefined) throw invalid(`hub.${name}`, "is not an option of a hub");
        if (value === undefined) continue;
        if (!Number.isInteger(value) || (value as number) <= 0)
            throw invalid(`hub.${name}`, "must be a positive integer");
        settings[option] = value as number;
    }
    return settings;
}

function invalid(option: string, why: string): SseScError {
    return new SseScError("INVALID_CONFIG", `Option "${option}" ${why}`);
}
