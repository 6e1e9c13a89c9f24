/** Small parts that turn what comes from outside into typed values, or into an error that names the option. */
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";

/** Parses JSON; `undefined` if the text is none (JSON itself has no such value). */
export function parseJson(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

/** Makes the error for an option that is not valid. The message never carries the value: it may be a password. */
export function invalidOption(option: string, problem: string): SseScError {
    return new SseScError("INVALID_CONFIG", `Option "${option}" ${problem}`);
}

/**
 * Takes `value` for an object of options.
 * @param known the names that it may have
 * @param path the name of the option that holds it; empty for the outermost
 * @throws SseScError `INVALID_CONFIG` if it is none, or naming a member that is not known
 */
export function parseOptions(value: unknown, known: readonly string[], path: string): Record<string, unknown> {
    if (!isRecord(value)) throw invalidOption(path === "" ? "auth" : path, "must be an object");
    for (const name of Object.keys(value)) {
        if (!known.includes(name)) throw invalidOption(path === "" ? name : `${path}.${name}`, "is not known");
    }
    return value;
}

/**
 * Takes `value` for a positive number.
 * @throws SseScError `INVALID_CONFIG` naming the option
 */
export function parsePositive(value: unknown, fallback: number, option: string): number {
    if (value === undefined) return fallback;
    if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) {
        throw invalidOption(option, "must be a positive number");
    }
    return value;
}
