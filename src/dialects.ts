/** The option `dialects` of servers and clients: what is spoken on which stream path. */
import { DEFAULT_DIALECTS, type Dialects } from "../lib/converters/dialects";
import type { MessageConverter } from "../lib/converters/converter";
import { SseScError } from "../lib/errors";
import { isRecord } from "../lib/json";

/** Converters by stream path, such as `{ "/my/stream": mine }`. They are added to HiveOT's own; the same path replaces one of those. */
export type DialectsConfig = Readonly<Record<string, MessageConverter>>;

const METHODS = ["encode", "decodeRequest", "decodeResponse", "decodeNotification"] as const;
/** The POST paths, which are the same in all dialects. */
const TAKEN = /^\/hiveot\/(request|response|notification)$/;

/**
 * Checks the option and adds HiveOT's own dialects.
 * @throws SseScError INVALID_CONFIG naming the path that is not right
 */
export function readDialects(config: unknown): Dialects {
    if (config === undefined) return DEFAULT_DIALECTS;
    if (!isRecord(config)) throw invalid("dialects", "is not an object of paths and converters");
    const dialects = new Map(DEFAULT_DIALECTS);
    for (const [path, converter] of Object.entries(config)) {
        const option = `dialects[${JSON.stringify(path)}]`;
        if (!/^\/[\x21-\x7e]+$/.test(path) || /[?#]/.test(path))
            throw invalid(option, "is not for a path such as /my/stream");
        if (TAKEN.test(path)) throw invalid(option, "is for the path of a POST");
        if (!isConverter(converter)) throw invalid(option, "is not a MessageConverter");
        dialects.set(path, converter);
    }
    return dialects;
}

function isConverter(value: unknown): value is MessageConverter {
    return (
        typeof value === "object" &&
        value !== null &&
        "name" in value &&
        typeof value.name === "string" &&
        METHODS.every((method) => typeof (value as Record<string, unknown>)[method] === "function")
    );
}

function invalid(option: string, why: string): SseScError {
    return new SseScError("INVALID_CONFIG", `Option "${option}" ${why}`);
}
