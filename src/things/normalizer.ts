/**
 * Makes foreign Thing Descriptions consumable by node-wot (design.md, "Client side").
 *
 * node-wot hands a client nothing but the form, picks the client by the form's scheme, and refuses a TD as a whole for one member
 * that its schema does not know. HiveKit gives every affordance the same relative form, with operations that TD 1.1 does not
 * have, and ids that are no URIs (protocol.md, "TD conventions").
 */
import type { ConsumedThing } from "@node-wot/core";
import { SseScError } from "../../lib/errors";
import { DEFAULT_MAX_DEPTH, isRecord } from "../../lib/json";
import { tdOperations } from "../../lib/operations";
import { keepAffordanceMembers, keepFormMembers, keepSchemaMembers, keepThingMembers, type Json } from "./td-members";
import { resolveHref, sseScUrl, streamPathOf, withSseScheme } from "./td-urls";

/** A Thing Description in the type that node-wot's `consume` takes. */
export type ThingDescription = ReturnType<ConsumedThing["getThingDescription"]>;

/** The member that says which Thing a form is for. On a TD: the id, where that is no URI. */
export const THING_ID = "hiveot:thingID";
/** The member that says which affordance a form is for. */
export const NAME = "hiveot:name";
/** The member that says where the event stream is opened. */
export const STREAM = "hiveot:stream";

type Kind = "properties" | "actions" | "events";

const KINDS: readonly Kind[] = ["properties", "actions", "events"];

/**
 * Where the `base` of a TD leads by itself, if it is a stream: to the one end point of SSE-SC (protocol.md, "Endpoints"), and all that
 * changes can be heard there, though HiveKit's TDs have no `observable`.
 */
const FORM_OF_BASE: Json = { href: "/hiveot/request", subprotocol: "sse-sc", op: ["subscribeevent"] };

const OPERATIONS: Readonly<Record<Kind | "thing", readonly string[]>> = {
    properties: tdOperations("property"),
    actions: tdOperations("action"),
    events: tdOperations("event"),
    thing: tdOperations("thing"),
};

/** Operations without which core cannot stop what it started. */
const STOP_OPERATION = new Map([
    ["observeproperty", "unobserveproperty"],
    ["subscribeevent", "unsubscribeevent"],
]);

/** Most values in a TD; beyond it is no description but an attack. */
const MAX_VALUES = 500_000;

interface Context {
    /** The id on the wire; need not be a URI. */
    readonly thingId: string;
    readonly base: string | undefined;
}

/**
 * Makes a Thing Description consumable: hrefs absolute, SSE-SC forms first and with scheme `sse` (`sse-plain`), ids in them, only
 * operations that TD 1.1 knows, nothing that core's validation refuses. Forms of other bindings stay. The input stays as it is;
 * a second pass changes nothing.
 *
 * A `id` that is no URI is dropped (it stays in `hiveot:thingID`): credentials of such a Thing go into the configuration of the
 * client factory.
 * @throws SseScError INVALID_TD naming the member that leaves nothing to consume
 */
export function normalizeThingDescription(input: unknown): ThingDescription {
    if (!isRecord(input)) throw invalid("The Thing Description is not a JSON object");
    const td = new Copier().copy(input, 0) as Json;
    if (typeof td["title"] !== "string") throw invalid("title is not a string");
    const own = td[THING_ID];
    const thingId = typeof td["id"] === "string" && td["id"] !== "" ? td["id"] : typeof own === "string" ? own : "";
    const base = typeof td["base"] === "string" ? td["base"] : undefined;
    const context: Context = { thingId, base };
    keepThingMembers(td);
    if (td["id"] === undefined && thingId !== "") td[THING_ID] = thingId;
    const rootForms = normalizeRootForms(td, context);
    for (const kind of KINDS) normalizeAffordances(td, kind, context, rootForms);
    return td as ThingDescription;
}

/**
 * Normalises the forms of the Thing as a whole.
 * @returns the forms for affordances that have none; HiveKit's TDs of January 2026 have none at all, and say no more than their `base`
 */
function normalizeRootForms(td: Json, context: Context): readonly Json[] {
    const given = td["forms"] ?? undefined;
    if (given === undefined) {
        delete td["forms"];
        return isSseSc({ href: context.base }) ? [FORM_OF_BASE] : [];
    }
    const forms = readForms(given, "forms", context);
    for (const form of forms) {
        const operations = operationsOf(form).filter((name) => OPERATIONS.thing.includes(name));
        form["op"] = operations;
        if (isSseSc(form)) addIds(form, context, undefined, "forms");
    }
    const standing = sorted(forms.filter(({ op }) => Array.isArray(op) && op.length > 0));
    if (standing.length > 0) td["forms"] = standing;
    else delete td["forms"];
    return forms.filter(isSseSc).map(({ href, subprotocol }) => ({ href, subprotocol }));
}

function normalizeAffordances(td: Json, kind: Kind, context: Context, rootForms: readonly Json[]): void {
    const affordances = td[kind];
    if (affordances === undefined || affordances === null) {
        Reflect.deleteProperty(td, kind);
        return;
    }
    if (!isRecord(affordances)) throw invalid(`${kind} is not an object`);
    for (const [name, affordance] of Object.entries(affordances)) {
        const path = `${kind}.${name}`;
        if (!isRecord(affordance)) throw invalid(`${path} is not an object`);
        if (kind === "properties") keepSchemaMembers(affordance);
        else keepAffordanceMembers(affordance);
        // TD 1.1 demands forms; where there are none, that of the Thing leads to the same end point.
        const given = affordance["forms"] ?? rootForms.map((form): Json => ({ ...form }));
        const all = readForms(given, `${path}.forms`, context);
        if (all.length === 0) throw invalid(`${path}.forms is empty`);
        const forms = all.filter((form) => {
            const ours = isSseSc(form);
            const known = ours ? sseScOperations(form, kind, affordance) : foreignOperations(form, kind, affordance);
            form["op"] = known;
            if (ours) addIds(form, context, name, path);
            return known.length > 0;
        });
        if (forms.length === 0) Reflect.deleteProperty(affordances, name); // nothing that node-wot could do with it
        affordance["forms"] = sorted(forms);
    }
}

/** Forms with absolute hrefs; those of ours with our scheme. */
function readForms(value: unknown, path: string, { base }: Context): Json[] {
    if (!Array.isArray(value)) throw invalid(`${path} is not an array`);
    return value.map((form: unknown, index) => {
        const place = `${path}[${String(index)}]`;
        if (!isRecord(form)) throw invalid(`${place} is not an object`);
        keepFormMembers(form);
        const { href } = form;
        if (typeof href !== "string" || href === "") throw invalid(`${place}.href is not a string`);
        const absolute = resolveHref(href, base);
        if (absolute === undefined) throw invalid(`${place}.href cannot be resolved against base`);
        form["href"] = form["subprotocol"] === "sse-sc" ? withSseScheme(absolute) : absolute;
        if (isSseSc(form) && sseScUrl(String(form["href"])) === undefined) throw invalid(`${place}.href is not a URL`);
        return form;
    });
}

/** A form of ours: by its scheme, unless it names another sub-protocol. */
function isSseSc({ href, subprotocol }: Json): boolean {
    return /^sse(-plain)?:/i.test(String(href)) && (subprotocol === undefined || subprotocol === "sse-sc");
}

function sorted(forms: readonly Json[]): Json[] {
    return [...forms.filter(isSseSc), ...forms.filter((form) => !isSseSc(form))];
}

function addIds(form: Json, { thingId, base }: Context, name: string | undefined, path: string): void {
    const given = form[THING_ID];
    if (typeof given !== "string" || given === "") {
        if (thingId === "") throw invalid(`id is missing, and ${path} does not say ${THING_ID}`);
        form[THING_ID] = thingId;
    }
    const givenName = form[NAME];
    if (name === undefined) Reflect.deleteProperty(form, NAME);
    else if (typeof givenName !== "string" || givenName === "") form[NAME] = name;
    const stream = form[STREAM];
    if (typeof stream !== "string" || !stream.startsWith("/")) form[STREAM] = streamPathOf(base, String(form["href"]));
}

function operationsOf({ op }: Json): string[] {
    const operations: readonly unknown[] = Array.isArray(op) ? op : [op];
    return [...new Set(operations.filter((name) => typeof name === "string"))];
}

/** What a form of another binding offers, as far as the schema knows it; without `op`, the defaults of TD 1.1 (section 5.4). */
function foreignOperations(form: Json, kind: Kind, affordance: Json): string[] {
    if (form["op"] === undefined) return defaultOperations(kind, affordance);
    return operationsOf(form).filter((name) => OPERATIONS[kind].includes(name));
}

function sseScOperations(form: Json, kind: Kind, affordance: Json): string[] {
    const given = operationsOf(form);
    const known = new Set(given.filter((name) => OPERATIONS[kind].includes(name)));
    if (known.size === 0) for (const name of defaultOperations(kind, affordance)) known.add(name);
    // HiveKit's property forms carry the operations of events: what they can do is observe.
    if (kind === "properties" && given.includes("subscribeevent")) known.add("observeproperty");
    for (const [start, stop] of STOP_OPERATION) if (known.has(start)) known.add(stop);
    return OPERATIONS[kind].filter((name) => known.has(name));
}

function defaultOperations(kind: Kind, { readOnly, writeOnly, observable }: Json): string[] {
    switch (kind) {
        case "properties":
            return [
                ...(writeOnly === true ? [] : ["readproperty"]),
                ...(readOnly === true ? [] : ["writeproperty"]),
                ...(observable === true ? ["observeproperty", "unobserveproperty"] : []),
            ];
        case "actions":
            return ["invokeaction"];
        case "events":
            return ["subscribeevent", "unsubscribeevent"];
    }
}

/** Copies JSON: own members only, and a bounded number of them. */
class Copier {
    #left = MAX_VALUES;

    copy(value: unknown, depth: number): unknown {
        if (typeof value !== "object" || value === null) return value;
        if (depth > DEFAULT_MAX_DEPTH)
            throw invalid(`The Thing Description is nested deeper than ${String(DEFAULT_MAX_DEPTH)}`);
        if (Array.isArray(value)) return value.map((entry) => this.#entry(entry, depth));
        const copied: Json = {};
        for (const [name, entry] of Object.entries(value)) {
            // An affordance of that name could not be consumed either: core would set the prototype with it.
            if (name === "__proto__" || entry === undefined) continue;
            copied[name] = this.#entry(entry, depth);
        }
        return copied;
    }

    #entry(value: unknown, depth: number): unknown {
        if (this.#left-- <= 0) throw invalid("The Thing Description is too large");
        return this.copy(value, depth + 1);
    }
}

function invalid(message: string): SseScError {
    return new SseScError("INVALID_TD", message);
}
