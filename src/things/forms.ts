/** The forms that a server gives to the affordances of its Things (design.md, "Things side"). */
import type { ExposedThing } from "@node-wot/core";
import { isRecord } from "../../lib/json";
import { tdOperations, type AffordanceType, type Operation } from "../../lib/operations";
import { DEFAULT_CONTENT_TYPE } from "./content";
import { affordancesOf, type Affordance, type ExposedThings, type Form } from "./exposed-things";
import { NAME, STREAM, THING_ID } from "./normalizer";

/** Where a server is reached. */
export interface Endpoint {
    /** `sse` over TLS, `sse-plain` without. */
    readonly scheme: "sse" | "sse-plain";
    /** Host and port, as they stand in a URL. */
    readonly authority: string;
    /** What comes ahead of all paths of the server; empty if nothing does. */
    readonly basePath: string;
    /** Path of the event stream. */
    readonly streamPath: string;
    /** Path for requests. */
    readonly requestPath: string;
}

/** The base of a TD: the URL of the stream, which HiveKit dials (protocol.md, "Transport"). */
export function baseOf(endpoint: Endpoint): string {
    return `${endpoint.scheme}://${endpoint.authority}${endpoint.streamPath}`;
}

/** The `http:` or `https:` URL ahead of all paths of an endpoint; no slash at its end. */
export function httpUrlOf(endpoint: Endpoint): string {
    return `${endpoint.scheme === "sse" ? "https" : "http"}://${endpoint.authority}${endpoint.basePath}`;
}

/** Where the TD of a Thing is served. */
export function descriptionUrl(endpoint: Endpoint, thingId: string): string {
    return `${httpUrlOf(endpoint)}/things/${encodeURIComponent(thingId)}`;
}

export const AFFORDANCE_KINDS: readonly AffordanceType[] = ["property", "action", "event"];

/** What of the operations on a property its flags rule out. */
function isPossible(operation: Operation, property: Affordance): boolean {
    switch (operation) {
        case "readproperty":
            return property["writeOnly"] !== true;
        case "writeproperty":
            return property["readOnly"] !== true;
        default:
            return property["observable"] === true;
    }
}

function operationsOf(kind: AffordanceType, affordance: Affordance): string[] {
    const operations = tdOperations(kind);
    return operations.filter((operation) => kind !== "property" || isPossible(operation, affordance));
}

/** What a form says of its Thing. */
export interface FormThing {
    readonly id: string;
    /** uriVariables of the Thing as a whole. */
    readonly uriVariables?: unknown;
}

function uriTemplate(thing: FormThing, affordance: Affordance): string {
    const names = [affordance.uriVariables, thing.uriVariables].flatMap((each) =>
        isRecord(each) ? Object.keys(each) : []
    );
    return names.length === 0 ? "" : `{?${[...new Set(names)].map(encodeURIComponent).join(",")}}`;
}

/** The form of one affordance. It carries the ids, because node-wot hands a client nothing but the form. */
export function affordanceForm(
    endpoint: Endpoint,
    thing: FormThing,
    kind: AffordanceType,
    name: string,
    affordance: Affordance,
    contentType: string = DEFAULT_CONTENT_TYPE
): Form {
    return {
        href: `${endpoint.scheme}://${endpoint.authority}${endpoint.requestPath}${uriTemplate(thing, affordance)}`,
        contentType,
        subprotocol: "sse-sc",
        op: operationsOf(kind, affordance),
        [THING_ID]: thing.id,
        [NAME]: name,
        [STREAM]: endpoint.streamPath,
    };
}

/** The root-level form of a TD. */
export function rootForm(endpoint: Endpoint, thingId: string): Form {
    return {
        href: `${endpoint.scheme}://${endpoint.authority}${endpoint.requestPath}`,
        contentType: DEFAULT_CONTENT_TYPE,
        subprotocol: "sse-sc",
        op: [...tdOperations("thing")], // HiveKit panics at a TD without a form at the root
        [THING_ID]: thingId,
        [STREAM]: endpoint.streamPath,
    };
}

/** Calls `visit` for each affordance of a Thing. */
export function forEachAffordance(
    thing: ExposedThing,
    visit: (kind: AffordanceType, name: string, affordance: Affordance) => void
): void {
    for (const kind of AFFORDANCE_KINDS) {
        for (const [name, affordance] of Object.entries(affordancesOf(thing, kind))) visit(kind, name, affordance);
    }
}

/**
 * Pushes our forms into a Thing, one per affordance and one at the root; synchronous, and `thing.base` stays untouched.
 * @param template the TD as the application gave it: the media types of its forms are kept
 */
export function pushForms(things: ExposedThings, thing: ExposedThing, endpoint: Endpoint, template: unknown): void {
    forEachAffordance(thing, (kind, name, affordance) => {
        const contentType = templateContentType(template, kind, name);
        things.pushForm(affordance, affordanceForm(endpoint, thing, kind, name, affordance, contentType));
    });
    things.pushForm(thing, rootForm(endpoint, thing.id));
}

function templateContentType(template: unknown, kind: AffordanceType, name: string): string | undefined {
    if (typeof template !== "object" || template === null) return undefined;
    const forms = affordancesOf({ ...template }, kind)[name]?.forms;
    return Array.isArray(forms) ? forms.find((form) => typeof form.contentType === "string")?.contentType : undefined;
}
