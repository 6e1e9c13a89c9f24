/** JSON Merge Patch (RFC 7396): applying one, and making one of two versions. */
import { isDeepStrictEqual } from "node:util";
import { isRecord } from "../../lib/json";

/**
 * Applies a merge patch: members of it replace those of the target, null removes. Neither is changed.
 * @param patch must not have a member called `__proto__`
 */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
    if (!isRecord(patch)) return patch;
    const merged = new Map(isRecord(target) ? Object.entries(target) : []);
    for (const [name, value] of Object.entries(patch)) {
        if (value === null) merged.delete(name);
        else merged.set(name, applyMergePatch(merged.get(name), value));
    }
    return Object.fromEntries(merged);
}

/**
 * Makes the merge patch that turns one object into another. A member that becomes null is lost on the way: in a merge patch that means
 * its removal (RFC 7396, section 1).
 */
export function createMergePatch(
    before: Readonly<Record<string, unknown>>,
    after: Readonly<Record<string, unknown>>
): Record<string, unknown> {
    const patch: [string, unknown][] = [];
    for (const name of Object.keys(before)) if (!Object.hasOwn(after, name)) patch.push([name, null]);
    for (const [name, value] of Object.entries(after)) {
        const old = Object.hasOwn(before, name) ? before[name] : undefined;
        if (isDeepStrictEqual(old, value)) continue;
        patch.push([name, isRecord(old) && isRecord(value) ? createMergePatch(old, value) : value]);
    }
    return Object.fromEntries(patch);
}
