/**
 * TDs of agents' Things as their hub serves them: whatever their forms led to, they lead to the hub now. What else the agent wrote
 * stays (design.md, "Hub").
 */
import { isRecord } from "../../lib/json";
import { affordancesOf, type Affordance } from "./exposed-things";
import { AFFORDANCE_KINDS, affordanceForm, baseOf, rootForm, type Endpoint } from "./forms";
import { contextOf, securityOf, type Link, type SecurityMode, type ThingDescription } from "./thing-description";

/**
 * The TD of an agent's Thing, for clients that reach the hub at `endpoint`: base, security and forms are the hub's own, none of the
 * agent's are left.
 * @param td as the agent wrote it; it stays as it is
 * @param links stand behind those of the Thing itself
 */
export function renderAgentDescription(
    id: string,
    td: Readonly<Record<string, unknown>>,
    endpoint: Endpoint,
    security: SecurityMode,
    links: readonly Link[]
): ThingDescription {
    const rendered: ThingDescription = {
        ...td,
        "@context": contextOf(td["@context"]),
        id,
        base: baseOf(endpoint),
        ...securityOf(endpoint, security, undefined), // its own schemes have no form left that uses them
        forms: [rootForm(endpoint, id)],
        links: [...(Array.isArray(td["links"]) ? (td["links"] as unknown[]) : []), ...links],
    };
    const thing = { id, uriVariables: td["uriVariables"] };
    for (const kind of AFFORDANCE_KINDS) {
        const container = CONTAINERS[kind];
        if (!isRecord(td[container])) continue;
        rendered[container] = Object.fromEntries(
            Object.entries(affordancesOf(td, kind)).map(([name, affordance]) => {
                const form = affordanceForm(
                    endpoint,
                    thing,
                    kind,
                    name,
                    readable(kind, affordance),
                    contentTypeOf(affordance)
                );
                return [name, { ...affordance, forms: [form] }];
            })
        );
    }
    return rendered;
}

const CONTAINERS = { property: "properties", action: "actions", event: "events" } as const;

/** Whoever does not say so can be observed: HiveOT's TDs never say so, and its agents publish every change. */
function readable(kind: string, affordance: Affordance): Affordance {
    return kind === "property" ? { observable: true, ...affordance } : affordance;
}

/** Content that is not JSON travels as it does in the agent's own forms. */
function contentTypeOf({ forms }: Affordance): string | undefined {
    if (!Array.isArray(forms)) return undefined;
    return forms.map(({ contentType }) => contentType).find((type) => typeof type === "string");
}
