/** Reading JSON that comes from outside: parse, bound the depth, pick members by name. */
import { SseScError } from "./errors";

/** Default of `maxDepth`: how deep arrays and objects may be nested in a message (design.md, "Limits and defaults"). */
export const DEFAULT_MAX_DEPTH = 64;

/**
 * Parses JSON text whose nesting is at most `maxDepth`.
 *
 * The depth is counted on the text, before anything is built, because a deep value overflows the stack of whoever walks it.
 * @throws SseScError INVALID_ENVELOPE if the text is not JSON or nested deeper
 */
export function parseJson(text: string, maxDepth: number = DEFAULT_MAX_DEPTH): unknown {
    if (isDeeperThan(text, maxDepth)) throw tooDeep(maxDepth);
    try {
        return JSON.parse(text) as unknown;
    } catch (cause) {
        throw new SseScError("INVALID_ENVELOPE", undefined, { title: "The body is not JSON", cause });
    }
}

/**
 * Bounds the nesting of a JSON value that somebody else has parsed, as `parseJson` does that of a text. It takes one level after
 * the other, so that no depth overflows the stack.
 * @returns the value
 * @throws SseScError INVALID_ENVELOPE if it is nested deeper
 */
export function checkDepth(value: unknown, maxDepth: number = DEFAULT_MAX_DEPTH): unknown {
    let containers = [value].filter(isContainer);
    for (let depth = 0; containers.length > 0; depth++) {
        if (depth === maxDepth) throw tooDeep(maxDepth);
        containers = containers.flatMap((container): unknown[] => Object.values(container)).filter(isContainer);
    }
    return value;
}

function isContainer(value: unknown): value is object {
    return typeof value === "object" && value !== null;
}

function tooDeep(maxDepth: number): SseScError {
    return new SseScError("INVALID_ENVELOPE", undefined, {
        title: `The JSON is nested deeper than ${String(maxDepth)}`,
    });
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function isDeeperThan(text: string, maxDepth: number): boolean {
    // A text with fewer opening marks than the limit cannot exceed it; most messages end here, at the speed of indexOf.
    if (countUpTo(text, "{", maxDepth) + countUpTo(text, "[", maxDepth) <= maxDepth) return false;
    let depth = 0;
    for (let i = 0; i < text.length; i++) {
        const char = text.charCodeAt(i);
        if (char === QUOTE) i = endOfString(text, i);
        else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
            if (++depth > maxDepth) return true;
        } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) depth--;
    }
    return false;
}

function countUpTo(text: string, mark: string, limit: number): number {
    let count = 0;
    for (let at = text.indexOf(mark); at !== -1 && count <= limit; at = text.indexOf(mark, at + 1)) count++;
    return count;
}

function endOfString(text: string, start: number): number {
    for (let i = start + 1; i < text.length; i++) {
        const char = text.charCodeAt(i);
        if (char === BACKSLASH) i++;
        else if (char === QUOTE) return i;
    }
    return text.length;
}

/** True for what JSON calls an object: no array, no null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A record without a prototype, so that names such as `__proto__` are ordinary members. */
export function createRecord<T>(): Record<string, T> {
    return Object.create(null) as Record<string, T>;
}
