/** Thing Descriptions as one server serves them (design.md, "Things side"; protocol.md, "TD conventions"). */
import type { ExposedThing } from "@node-wot/core";
import type { AffordanceType } from "../../lib/operations";
import { affordancesOf, type ExposedThings, type Form } from "./exposed-things";
import { affordanceForm, baseOf, descriptionUrl, httpUrlOf, rootForm, type Endpoint } from "./forms";

/** A Thing Description as JSON. */
export type ThingDescription = Record<string, unknown>;

/** A link of a TD. */
export interface Link {
    readonly rel: string;
    readonly href: string;
    readonly type: string;
}

/** How a server wants its clients to identify themselves. */
export type SecurityMode = "bearer" | "nosec";

const TD_CONTEXT = "https://www.w3.org/2022/wot/td/v1.1";
const TD_1_0_CONTEXT = "https://www.w3.org/2019/wot/td/v1"; // what core puts in beside that of 1.1
const HIVEOT_CONTEXT = { hiveot: "https://www.hiveot.net/vocab/v0.1" };

/**
 * The TD of an exposed Thing, for clients that reach the server at `endpoint`: its own base and security, our forms first,
 * forms of other servers behind them.
 * @param links stand behind those of the Thing itself
 */
export function renderThingDescription(
    things: ExposedThings,
    thing: ExposedThing,
    endpoint: Endpoint,
    security: SecurityMode,
    links: readonly Link[]
): ThingDescription {
    const td = JSON.parse(JSON.stringify(thing)) as ThingDescription;
    const ownLinks = Array.isArray(td["links"]) ? (td["links"] as unknown[]) : [];
    const foreignSecurity = foreignSecurityOf(td);
    for (const kind of ["property", "action", "event"] as const)
        renderAffordances(td, things, thing, kind, endpoint, foreignSecurity);
    const rootForms = thing["forms"] ?? [];
    return {
        ...td,
        "@context": contextOf(td["@context"]),
        base: baseOf(endpoint),
        ...securityOf(endpoint, security, td["securityDefinitions"]),
        forms: [rootForm(endpoint, thing.id), ...foreignForms(things, rootForms, foreignSecurity)],
        links: [...ownLinks, ...links],
    };
}

/** A link to the TD of another Thing of the server. */
export function linkTo(endpoint: Endpoint, thingId: string, rel: "item" | "collection"): Link {
    return { rel, href: descriptionUrl(endpoint, thingId), type: "application/td+json" };
}

/** HiveKit's parser refuses a context that is a string. */
export function contextOf(given: unknown): unknown[] {
    const entries = given === undefined ? [] : Array.isArray(given) ? (given as unknown[]) : [given];
    const others = entries.filter((entry) => entry !== TD_CONTEXT && entry !== TD_1_0_CONTEXT);
    const known = others.some((entry) => typeof entry === "object" && entry !== null && "hiveot" in entry);
    return [TD_CONTEXT, ...(known ? [] : [HIVEOT_CONTEXT]), ...others];
}

/** HiveKit does not understand `security` as an array. Definitions of other servers stay: their forms name them. */
export function securityOf(endpoint: Endpoint, mode: SecurityMode, given: unknown): ThingDescription {
    const own =
        mode === "nosec"
            ? { nosec_sc: { scheme: "nosec" } }
            : {
                  bearer: {
                      scheme: "bearer",
                      format: "jwt",
                      alg: "ES256",
                      in: "header",
                      name: "authorization",
                      authorization: `${httpUrlOf(endpoint)}/authn/login`,
                  },
              };
    const others = typeof given === "object" && given !== null ? given : {};
    return { securityDefinitions: { ...others, ...own }, security: Object.keys(own)[0] };
}

/** Security that other servers' forms have by way of the Thing; ours must not pass for theirs. */
function foreignSecurityOf(td: ThingDescription): string[] | undefined {
    const { security } = td;
    const names = typeof security === "string" ? [security] : Array.isArray(security) ? (security as string[]) : [];
    return names.filter((name) => name !== "").length === 0 ? undefined : names;
}

function foreignForms(things: ExposedThings, forms: readonly Form[], security: string[] | undefined): Form[] {
    return forms
        .filter((form) => !things.isOurs(form))
        .map((form) => (security === undefined || "security" in form ? form : { ...form, security }));
}

function renderAffordances(
    td: ThingDescription,
    things: ExposedThings,
    thing: ExposedThing,
    kind: AffordanceType,
    endpoint: Endpoint,
    foreignSecurity: string[] | undefined
): void {
    const rendered = affordancesOf(td, kind);
    for (const [name, affordance] of Object.entries(affordancesOf(thing, kind))) {
        const copy = rendered[name];
        if (copy === undefined) continue;
        const own = affordanceForm(endpoint, thing, kind, name, affordance, things.contentType(affordance));
        copy.forms = [own, ...foreignForms(things, affordance.forms ?? [], foreignSecurity)];
    }
}
