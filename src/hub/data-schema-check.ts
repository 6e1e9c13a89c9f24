/** Checks the data schemas in a Thing Description (TD 1.1, section 5.3.2). */
import { isRecord } from "../../lib/json";
import {
    Faults,
    isBoolean,
    isCount,
    isNumber,
    isString,
    isStrings,
    isTexts,
    join,
    memberOf,
    type Check,
    type MemberChecks,
} from "./description-faults";

/** The empty type is that of HiveOT for "none". */
const TYPES: ReadonlySet<unknown> = new Set(["", "object", "array", "string", "number", "integer", "boolean", "null"]);

const isOneOrMoreTexts: Check = (value) => isString(value) || isStrings(value);

/** What affordances, schemas and Things have in common. */
export const LABELS: MemberChecks = {
    "@type": [isOneOrMoreTexts, "is neither a string nor an array of strings"],
    title: [isString, "is not a string"],
    titles: [isTexts, "is not a map of strings"],
    description: [isString, "is not a string"],
    descriptions: [isTexts, "is not a map of strings"],
};

const NUMBER = [isNumber, "is not a number"] as const;
const COUNT = [isCount, "is not a count"] as const;
const STRING = [isString, "is not a string"] as const;
const BOOLEAN = [isBoolean, "is not true or false"] as const;

const MEMBERS: MemberChecks = {
    ...LABELS,
    type: [(value) => TYPES.has(value), "is no data type of TD 1.1"],
    unit: STRING,
    format: STRING,
    pattern: STRING,
    contentEncoding: STRING,
    contentMediaType: STRING,
    readOnly: BOOLEAN,
    writeOnly: BOOLEAN,
    enum: [(value) => Array.isArray(value), "is not an array"],
    required: [isStrings, "is not an array of strings"],
    minimum: NUMBER,
    maximum: NUMBER,
    exclusiveMinimum: NUMBER,
    exclusiveMaximum: NUMBER,
    multipleOf: [(value) => typeof value === "number" && value > 0, "is not a number above 0"],
    minItems: COUNT,
    maxItems: COUNT,
    minLength: COUNT,
    maxLength: COUNT,
};

/** Checks a data schema and those in it; their depth is that of the JSON, which is bounded. */
export function checkDataSchema(schema: Readonly<Record<string, unknown>>, path: string, faults: Faults): void {
    if (faults.full) return;
    faults.members(schema, path, MEMBERS);
    const check = (entry: Readonly<Record<string, unknown>>, at: string): void => checkDataSchema(entry, at, faults);
    faults.map(schema, path, "properties", check);
    faults.list(schema, path, "oneOf", check);
    const items = memberOf(schema, "items");
    if (isRecord(items)) check(items, join(path, "items"));
    else if (items !== undefined) faults.list(schema, path, "items", check);
}
