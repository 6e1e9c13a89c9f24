/**
 * The members of a foreign TD that core's JSON schema would refuse the whole TD for: ill-formed ones are left out, because none of
 * them is needed to talk to the Thing.
 */
import { isRecord } from "../../lib/json";

/** JSON as it came, copied: own members only, none called `__proto__`. */
export type Json = Record<string, unknown>;

type Check = (value: unknown) => boolean;

const TD_1_1 = "https://www.w3.org/2022/wot/td/v1.1";
const TD_1_0 = "https://www.w3.org/2019/wot/td/v1";
const THING_MODEL = "tm:ThingModel";

const isString: Check = (value) => typeof value === "string";
const isBoolean: Check = (value) => typeof value === "boolean";
const isNumber: Check = (value) => typeof value === "number";
const isCount: Check = (value) => Number.isInteger(value) && Number(value) >= 0;
const isTexts: Check = (value) => isRecord(value) && Object.values(value).every(isString);
const isStrings: Check = (value) => Array.isArray(value) && value.every(isString);

/** True for a URI (RFC 3986) as core's JSON schema checks it. */
export const isUri: Check = (value) =>
    typeof value === "string" &&
    /^[a-z][a-z0-9+.-]*:(?:[\w\-.~:/?@!$&'()*+,;=]|%[0-9a-f]{2})+(?:#(?:[\w\-.~:/?@!$&'()*+,;=]|%[0-9a-f]{2})*)?$/i.test(
        value
    );

const isTime: Check = (value) =>
    typeof value === "string" &&
    /^\d{4}-\d\d-\d\d[t ]\d\d:\d\d:\d\d(\.\d+)?(z|[+-]\d\d(:?\d\d)?)$/i.test(value) &&
    !Number.isNaN(Date.parse(value));
const isSecurity: Check = (value) => isString(value) || (isStrings(value) && (value as unknown[]).length > 0);
const isLink: Check = (value) =>
    isRecord(value) &&
    isString(value["href"]) &&
    (value["rel"] === undefined || (isString(value["rel"]) && value["rel"] !== "tm:extends")) &&
    (value["type"] === undefined || isString(value["type"])) &&
    (value["sizes"] === undefined || value["rel"] === "icon");

const TEXTS: Readonly<Record<string, Check>> = {
    title: isString,
    titles: isTexts,
    description: isString,
    descriptions: isTexts,
};

const THING: Readonly<Record<string, Check>> = {
    ...TEXTS,
    id: isUri,
    base: isString,
    support: isString,
    created: isTime,
    modified: isTime,
    version: (value) => isRecord(value) && isString(value["instance"]),
    profile: isSecurity,
    security: isSecurity,
    securityDefinitions: isNonEmpty,
    schemaDefinitions: isNonEmpty,
};

const SCHEMA_TYPES: ReadonlySet<unknown> = new Set([
    "boolean",
    "integer",
    "number",
    "string",
    "object",
    "array",
    "null",
]);

const SCHEMA: Readonly<Record<string, Check>> = {
    ...TEXTS,
    type: (value) => SCHEMA_TYPES.has(value),
    unit: isString,
    format: isString,
    contentEncoding: isString,
    contentMediaType: isString,
    readOnly: isBoolean,
    writeOnly: isBoolean,
    observable: isBoolean,
    enum: (value) =>
        Array.isArray(value) && value.length > 0 && new Set(value.map((v) => JSON.stringify(v))).size === value.length,
    required: isStrings,
    minimum: isNumber,
    maximum: isNumber,
    exclusiveMinimum: isNumber,
    exclusiveMaximum: isNumber,
    multipleOf: (value) => isNumber(value) && Number(value) > 0,
    minItems: isCount,
    maxItems: isCount,
    minLength: isCount,
    maxLength: isCount,
};

const ACTION: Readonly<Record<string, Check>> = {
    ...TEXTS,
    safe: isBoolean,
    idempotent: isBoolean,
    synchronous: isBoolean,
};

const FORM: Readonly<Record<string, Check>> = {
    contentType: isString,
    contentCoding: isString,
    subprotocol: isString,
    security: isSecurity,
    scopes: isSecurity,
    response: (value) => isRecord(value) && isString(value["contentType"]),
};

function isNonEmpty(value: unknown): boolean {
    return isRecord(value) && Object.keys(value).length > 0;
}

function keep(json: Json, checks: Readonly<Record<string, Check>>): void {
    for (const [name, check] of Object.entries(checks)) {
        if (Object.hasOwn(json, name) && !check(json[name])) Reflect.deleteProperty(json, name);
    }
}

/** Leaves out the ill-formed members at the top of a TD. `id` is one: HiveOT's ids need not be URIs. */
export function keepThingMembers(td: Json): void {
    keep(td, THING);
    td["@context"] = contextOf(td["@context"]);
    keepTypes(td);
    if (!Object.hasOwn(td, "links")) return;
    const links = Array.isArray(td["links"]) ? td["links"].filter(isLink) : [];
    if (links.length > 0) td["links"] = links;
    else delete td["links"];
}

/** Leaves out the ill-formed members of a property or of any other data schema, and of those within. */
export function keepSchemaMembers(schema: Json): void {
    keep(schema, SCHEMA);
    keepTypes(schema);
    const { items, oneOf, properties, uriVariables } = schema;
    if (isRecord(items)) keepSchemaMembers(items);
    else if (items !== undefined) keepSchemaList(schema, "items");
    if (oneOf !== undefined) keepSchemaList(schema, "oneOf");
    if (properties !== undefined) keepSchemas(schema, "properties");
    if (uriVariables !== undefined) keepSchemas(schema, "uriVariables");
}

/** Leaves out the ill-formed members of an action or event. */
export function keepAffordanceMembers(affordance: Json): void {
    keep(affordance, ACTION);
    keepTypes(affordance);
    for (const name of ["input", "output", "data", "subscription", "cancellation", "dataResponse"]) {
        const schema = affordance[name];
        if (isRecord(schema)) keepSchemaMembers(schema);
        else Reflect.deleteProperty(affordance, name);
    }
    if (affordance["uriVariables"] !== undefined) keepSchemas(affordance, "uriVariables");
}

/** Leaves out the ill-formed members of a form. */
export function keepFormMembers(form: Json): void {
    keep(form, FORM);
}

function keepSchemas(owner: Json, name: string): void {
    const schemas = owner[name];
    if (!isRecord(schemas)) {
        Reflect.deleteProperty(owner, name);
        return;
    }
    for (const [key, schema] of Object.entries(schemas)) {
        if (isRecord(schema)) keepSchemaMembers(schema);
        else Reflect.deleteProperty(schemas, key);
    }
}

function keepSchemaList(owner: Json, name: string): void {
    const list = owner[name];
    const schemas = Array.isArray(list) ? list.filter(isRecord) : [];
    schemas.forEach(keepSchemaMembers);
    if (schemas.length > 0) owner[name] = schemas;
    else Reflect.deleteProperty(owner, name);
}

/** HiveKit's directory calls itself a Thing Model, which it is not. */
function keepTypes(owner: Json): void {
    const type = owner["@type"];
    if (type === undefined || (isString(type) && type !== THING_MODEL)) return;
    const types = Array.isArray(type) ? type.filter((entry) => isString(entry) && entry !== THING_MODEL) : [];
    if (types.length > 0) owner["@type"] = types;
    else delete owner["@type"];
}

/**
 * The contexts of TD 1.0 and 1.1, in the place that the schema demands: first. Both, because core validates with a schema of 2021,
 * which knows 1.0 only, unless the overrides of the README are in force; either schema takes the two.
 */
function contextOf(context: unknown): unknown {
    if (context === TD_1_0) return context;
    const entries = Array.isArray(context) ? context : context === undefined ? [] : [context];
    const has = (uri: string): boolean => entries.includes(uri);
    const first = has(TD_1_0) && !has(TD_1_1) ? [TD_1_0] : [TD_1_0, TD_1_1];
    const others = entries.filter(
        (entry) => entry !== TD_1_0 && entry !== TD_1_1 && (isString(entry) || isRecord(entry))
    );
    return [...first, ...others.map((entry: unknown) => (isRecord(entry) ? onlyTexts(entry) : entry))];
}

function onlyTexts(entry: Json): Json {
    return Object.fromEntries(Object.entries(entry).filter(([, value]) => isString(value)));
}
