/** Checks values against the data schemas of a TD, so that our error codes are ours (node-wot.md: core's are text only). */
import Ajv, { type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";

/** A data schema as it stands in a TD. */
type Schema = Readonly<Record<string, unknown>>;

/** Schemas compiled so far; `null` for one that ajv cannot compile: such a schema checks nothing, as in core. */
const compiled = new WeakMap<object, ValidateFunction | null>();
let ajv: Ajv | undefined;

function validatorOf(schema: Schema): ValidateFunction | null {
    let validator = compiled.get(schema);
    if (validator === undefined) {
        ajv ??= addFormats(new Ajv({ strict: false, addUsedSchema: false, validateFormats: true, logger: false }));
        try {
            validator = ajv.compile(dataSchemaOf(schema));
        } catch {
            validator = null;
        }
        compiled.set(schema, validator);
    }
    return validator;
}

/** A property affordance is its own data schema; these members of it mean something else to JSON Schema or nothing. */
const NOT_SCHEMA: ReadonlySet<string> = new Set([
    "forms",
    "uriVariables",
    "@type",
    "title",
    "titles",
    "description",
    "descriptions",
]);

function dataSchemaOf(schema: Schema): Schema {
    return Object.fromEntries(Object.entries(schema).filter(([key]) => !NOT_SCHEMA.has(key)));
}

/**
 * Checks a value.
 * @throws SseScError INVALID_INPUT if the value does not fit; the message says where, without the value itself
 */
export function checkValue(value: unknown, schema: unknown): void {
    if (!isRecord(schema)) return;
    const validate = validatorOf(schema);
    if (validate === null || validate(value)) return;
    const [first] = validate.errors ?? [];
    const where = first?.instancePath ?? "";
    throw new SseScError(
        "INVALID_INPUT",
        `The value${where === "" ? "" : ` at ${where}`} ${first?.message ?? "does not fit"}`
    );
}

/**
 * Reads uriVariables out of a query: those that are declared, in the types that their schemas say, defaults included.
 * Others are left out: proxies and browsers add their own.
 * @param query text without the question mark
 * @param declarations uriVariables of the affordance and of the Thing; the former win
 * @throws SseScError INVALID_INPUT if one does not fit its schema
 */
export function readUriVariables(
    query: string,
    ...declarations: readonly (Readonly<Record<string, unknown>> | undefined)[]
): Record<string, unknown> {
    const given = new URLSearchParams(query);
    const variables: Record<string, unknown> = {};
    for (const declared of declarations) {
        for (const [name, schema] of Object.entries(declared ?? {})) {
            if (Object.hasOwn(variables, name)) continue;
            const text = given.get(name);
            if (text !== null) {
                const value = parseVariable(text, isRecord(schema) ? schema["type"] : undefined);
                checkValue(value, schema);
                variables[name] = value;
            } else if (isRecord(schema) && "default" in schema) variables[name] = schema["default"];
        }
    }
    return variables;
}

/** A text that is not of the type stays text, and fails the check against the schema. */
function parseVariable(text: string, type: unknown): unknown {
    switch (type) {
        case "integer":
        case "number":
            return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
        case "boolean":
            return text === "true" ? true : text === "false" ? false : text;
        case "null":
            return text === "" || text === "null" ? null : text;
        case "object":
        case "array":
            try {
                return JSON.parse(text) as unknown;
            } catch {
                return text;
            }
        default:
            return text;
    }
}
