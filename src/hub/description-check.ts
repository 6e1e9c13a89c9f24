/**
 * Checks Thing Descriptions that are written to the directory: what TD 1.1 demands, and the types of what it defines.
 *
 * Written out rather than left to the JSON Schema of TD 1.1: that refuses every recorded TD of HiveOT (operations such as `ping`,
 * affordances and Things whose forms and security are the hub's to fill in, ids that are no URIs), names a fault by the ten branches of a
 * `oneOf`, and demands unique enums, whose check takes hours for one TD of 1 MiB. These checks take one pass.
 */
import type { ValidationError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import { isOperation } from "../../lib/operations";
import { checkDataSchema, LABELS } from "./data-schema-check";
import {
    Faults,
    isBoolean,
    isOneOrMore,
    isString,
    join,
    memberOf,
    type Check,
    type MemberChecks,
} from "./description-faults";
import type { Json } from "./directory-records";

const TD_CONTEXTS: ReadonlySet<unknown> = new Set([
    "https://www.w3.org/2022/wot/td/v1.1",
    "https://www.w3.org/2019/wot/td/v1",
]);
const THING_MODEL = "tm:ThingModel";
const MAX_ID_LENGTH = 1024;

const STRING = [isString, "is not a string"] as const;
const BOOLEAN = [isBoolean, "is not true or false"] as const;
const NAMES = [isOneOrMore, "is neither a string nor an array of strings"] as const;

/** HiveKit gives its forms operations of other affordances, and some that TD 1.1 does not know (protocol.md, "TD conventions"). */
const isOp: Check = (value) =>
    isOneOrMore(value) && (Array.isArray(value) ? value : [value]).every((name: string) => isOperation(name));

const THING: MemberChecks = {
    ...LABELS,
    base: STRING,
    support: STRING,
    created: STRING,
    modified: STRING,
    profile: NAMES,
    version: [isRecord, "is not an object"],
    security: NAMES,
};
const AFFORDANCE: MemberChecks = { ...LABELS };
const PROPERTY: MemberChecks = { observable: BOOLEAN };
const ACTION: MemberChecks = { safe: BOOLEAN, idempotent: BOOLEAN, synchronous: BOOLEAN };
const FORM: MemberChecks = {
    op: [isOp, "is not an operation or an array of operations"],
    contentType: STRING,
    contentCoding: STRING,
    subprotocol: STRING,
    security: NAMES,
    scopes: NAMES,
    response: [isRecord, "is not an object"],
};

/**
 * What is wrong with a TD: nothing if the list is empty; at most 20 faults. Where the members that TD 1.1 demands are null, as HiveKit's
 * agents write them, they are left to the hub, as are all forms.
 */
export function checkDescription(td: Json): readonly ValidationError[] {
    const faults = new Faults();
    checkThing(td, faults);
    const polluted = pathOfProto(td, "");
    if (polluted !== undefined) faults.add(polluted, "is a name that is not taken");
    return faults.found;
}

/** What is wrong with the id of a Thing; `undefined` if nothing is. */
export function faultOfId(id: unknown): string | undefined {
    if (typeof id !== "string" || id === "") return "is not a string with at least one character";
    if (id.length > MAX_ID_LENGTH) return `is longer than ${MAX_ID_LENGTH} characters`;
    // A lone surrogate has no UTF-8: two such ids would be one in the store
    return /[\p{Cc}\p{Cs}]/u.test(id) ? "has a control character or a lone surrogate" : undefined;
}

/** The TD without members that are null where TD 1.1 knows no null: of the Thing and its affordances, but for values of schemas. */
export function withoutNulls(td: Json): Record<string, unknown> {
    const cleaned = notNull(td, []);
    for (const kind of ["properties", "actions", "events"]) {
        const affordances = cleaned[kind];
        if (!isRecord(affordances)) continue;
        cleaned[kind] = Object.fromEntries(
            Object.entries(affordances).map(([name, affordance]) => [
                name,
                isRecord(affordance) ? notNull(affordance, ["const", "default"]) : affordance,
            ])
        );
    }
    return cleaned;
}

function notNull(owner: Json, kept: readonly string[]): Record<string, unknown> {
    return Object.fromEntries(Object.entries(owner).filter(([name, value]) => value !== null || kept.includes(name)));
}

function checkThing(td: Json, faults: Faults): void {
    for (const name of ["@context", "title", "security", "securityDefinitions"]) {
        if (!Object.hasOwn(td, name)) faults.add(name, "is missing");
    }
    if (td["title"] === null) faults.add("title", "is null");
    checkContext(td, faults);
    faults.members(td, "", THING);
    if (isThingModel(td["@type"])) faults.add("@type", "says that this is a Thing Model");
    faults.map(td, "", "securityDefinitions", (scheme, path) => {
        if (!isString(memberOf(scheme, "scheme"))) faults.add(join(path, "scheme"), "is not a string");
    });
    checkSecurityNames(td, faults);
    const schema = (entry: Json, path: string): void => checkDataSchema(entry, path, faults);
    faults.map(td, "", "uriVariables", schema);
    faults.map(td, "", "schemaDefinitions", schema);
    faults.list(td, "", "links", (link, path) => {
        if (!isString(memberOf(link, "href"))) faults.add(join(path, "href"), "is not a string");
    });
    checkForms(td, "", faults);
    checkAffordances(td, faults);
}

function checkContext(td: Json, faults: Faults): void {
    const context = td["@context"];
    if (context === undefined) return;
    const entries: readonly unknown[] = Array.isArray(context) ? context : [context];
    if (!entries.every((entry) => isString(entry) || isRecord(entry))) {
        faults.add("@context", "is neither a URI nor an array of URIs and objects");
    } else if (!entries.some((entry) => TD_CONTEXTS.has(entry))) {
        faults.add("@context", "does not name the context of TD 1.1, https://www.w3.org/2022/wot/td/v1.1");
    }
}

/** HiveKit's directory has the type among others, and is none (recording gateway-directory.td.json). */
function isThingModel(type: unknown): boolean {
    return type === THING_MODEL || (Array.isArray(type) && type.length === 1 && type[0] === THING_MODEL);
}

function checkSecurityNames(td: Json, faults: Faults): void {
    const security = memberOf(td, "security");
    const definitions = memberOf(td, "securityDefinitions");
    if (!isOneOrMore(security) || !isRecord(definitions)) return;
    const names = Array.isArray(security) ? (security as string[]) : [security as string];
    if (names.some((name) => !Object.hasOwn(definitions, name))) {
        faults.add("security", "names a scheme that securityDefinitions does not have");
    }
}

function checkAffordances(td: Json, faults: Faults): void {
    const check = (affordance: Json, path: string, members: MemberChecks, schemas: readonly string[]): void => {
        faults.members(affordance, path, AFFORDANCE);
        faults.members(affordance, path, members);
        faults.map(affordance, path, "uriVariables", (entry, at) => checkDataSchema(entry, at, faults));
        for (const name of schemas) {
            const schema = memberOf(affordance, name);
            if (isRecord(schema)) checkDataSchema(schema, join(path, name), faults);
            else if (schema !== undefined) faults.add(join(path, name), "is not an object");
        }
        checkForms(affordance, path, faults);
    };
    faults.map(td, "", "properties", (property, path) => {
        check(property, path, PROPERTY, []);
        checkDataSchema(property, path, faults);
    });
    faults.map(td, "", "actions", (action, path) => check(action, path, ACTION, ["input", "output"]));
    faults.map(td, "", "events", (event, path) =>
        check(event, path, {}, ["subscription", "data", "dataResponse", "cancellation"])
    );
}

function checkForms(owner: Json, path: string, faults: Faults): void {
    faults.list(owner, path, "forms", (form, at) => {
        if (!isString(memberOf(form, "href"))) faults.add(join(at, "href"), "is not a string");
        if (path === "" && memberOf(form, "op") === undefined) faults.add(join(at, "op"), "is missing");
        faults.members(form, at, FORM);
    });
}

/** Where there is a member called `__proto__`; its depth is that of the JSON, which is bounded. */
function pathOfProto(value: unknown, path: string): string | undefined {
    if (typeof value !== "object" || value === null) return undefined;
    for (const [name, entry] of Object.entries(value)) {
        const at = name === "__proto__" ? join(path, name) : pathOfProto(entry, join(path, name));
        if (at !== undefined) return at;
    }
    return undefined;
}
