/** What is wrong with a Thing Description, gathered up to a bound, and the checks that all parts of it share. */
import type { ValidationError } from "../../lib/errors";
import { isRecord } from "../../lib/json";

/** A report that names more helps nobody. */
const MAX_FAULTS = 20;
/** Characters of a path: names in it come from outside. */
const MAX_FIELD = 200;

/** Tells whether a value is as it must be. */
export type Check = (value: unknown) => boolean;

export const isString: Check = (value) => typeof value === "string";
export const isBoolean: Check = (value) => typeof value === "boolean";
export const isNumber: Check = (value) => typeof value === "number";
export const isCount: Check = (value) => Number.isInteger(value) && Number(value) >= 0;
export const isStrings: Check = (value) => Array.isArray(value) && value.every(isString);
/** One text or several. */
export const isOneOrMore: Check = (value) => isString(value) || (isStrings(value) && (value as unknown[]).length > 0);
/** Texts by language. */
export const isTexts: Check = (value) => isRecord(value) && Object.values(value).every(isString);

/** Optional members with the check of each and the words for it. */
export type MemberChecks = Readonly<Record<string, readonly [Check, string]>>;

/** Faults by field. */
export class Faults {
    readonly found: ValidationError[] = [];

    /** True if no more can be taken. */
    get full(): boolean {
        return this.found.length >= MAX_FAULTS;
    }

    add(field: string, description: string): void {
        if (this.full) return;
        this.found.push({ field: field.length > MAX_FIELD ? `${field.slice(0, MAX_FIELD)}…` : field, description });
    }

    /** Checks the members that are there; null counts as absent, because Go writes it for what is empty. */
    members(owner: Readonly<Record<string, unknown>>, path: string, checks: MemberChecks): void {
        for (const [name, [check, description]] of Object.entries(checks)) {
            const value = memberOf(owner, name);
            if (value !== undefined && !check(value)) this.add(join(path, name), description);
        }
    }

    /** Checks each entry of a member that is a map of objects; null counts as absent. */
    map(
        owner: Readonly<Record<string, unknown>>,
        path: string,
        name: string,
        check: (entry: Readonly<Record<string, unknown>>, path: string) => void
    ): void {
        const value = memberOf(owner, name);
        if (value === undefined) return;
        if (!isRecord(value)) this.add(join(path, name), "is not an object");
        else this.#each(Object.entries(value), join(path, name), check);
    }

    /** Checks each entry of a member that is an array of objects; null counts as absent. */
    list(
        owner: Readonly<Record<string, unknown>>,
        path: string,
        name: string,
        check: (entry: Readonly<Record<string, unknown>>, path: string) => void
    ): void {
        const value = memberOf(owner, name);
        if (value === undefined) return;
        if (!Array.isArray(value)) this.add(join(path, name), "is not an array");
        else this.#each(Object.entries(value), join(path, name), check);
    }

    #each(
        entries: readonly (readonly [string, unknown])[],
        path: string,
        check: (entry: Readonly<Record<string, unknown>>, path: string) => void
    ): void {
        for (const [name, entry] of entries) {
            if (this.full) return;
            if (isRecord(entry)) check(entry, join(path, name));
            else this.add(join(path, name), "is not an object");
        }
    }
}

/** A member of its own that is not null. */
export function memberOf(owner: Readonly<Record<string, unknown>>, name: string): unknown {
    const value = Object.hasOwn(owner, name) ? owner[name] : undefined;
    return value === null ? undefined : value;
}

/** The path of a member. */
export function join(path: string, name: string): string {
    return path === "" ? name : `${path}.${name}`;
}
