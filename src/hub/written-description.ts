/** TDs as they come to be written: copied, checked, their registration taken out. */
import { SseScError, type ValidationError } from "../../lib/errors";
import { checkDepth, isRecord } from "../../lib/json";
import { checkDescription, faultOfId } from "./description-check";
import type { DirectoryLimits } from "./directory-options";
import type { Json } from "./directory-records";
import { splitRegistration, type RequestedRegistration } from "./registration";

/** A TD that may be stored. */
export interface WrittenDescription {
    readonly id: string;
    /** The TD as JSON, without `registration`. */
    readonly text: string;
    readonly requested: RequestedRegistration;
}

/**
 * Reads a TD; what its writer does to it afterwards changes nothing.
 * @param id the id that it must have, or gets if it has none
 * @param now milliseconds since the epoch
 * @throws SseScError INVALID_TD with `validationErrors`; TOO_LARGE
 */
export function readDescription(
    given: unknown,
    id: string | undefined,
    limits: DirectoryLimits,
    now: number
): WrittenDescription {
    const object = requireObject(given, limits.maxDepth);
    const { td: bare, requested } = splitRegistration(object);
    const td = id === undefined || bare["id"] !== undefined ? bare : { ...bare, id };
    const text = JSON.stringify(td);
    if (Buffer.byteLength(text) > limits.maxThingSize) throw new SseScError("TOO_LARGE");
    const faults = [...checkDescription(td)];
    const own = td["id"];
    const fault = faultOfId(own) ?? (id === undefined || own === id ? undefined : "is another one");
    if (fault !== undefined) faults.unshift({ field: "id", description: fault });
    const { expires } = requested;
    if (expires !== undefined && Date.parse(expires) <= now) {
        faults.push({ field: "registration.expires", description: "is in the past" });
    }
    if (typeof own !== "string" || faults.length > 0) throw invalidTd(faults);
    return { id: own, text, requested };
}

/** A JSON object whose nesting is bounded. @throws SseScError INVALID_TD */
export function requireObject(given: unknown, maxDepth: number): Json {
    if (!isRecord(given)) throw invalidTd([{ field: "", description: "is not a JSON object" }]);
    try {
        checkDepth(given, maxDepth);
    } catch {
        throw invalidTd([{ field: "", description: `is nested deeper than ${maxDepth}` }]);
    }
    return given;
}

/** The error for a TD with these faults. */
export function invalidTd(validationErrors: readonly ValidationError[]): SseScError {
    const [first] = validationErrors;
    const message = first === undefined ? undefined : `${first.field} ${first.description}`.trim();
    return new SseScError("INVALID_TD", message, { validationErrors });
}
