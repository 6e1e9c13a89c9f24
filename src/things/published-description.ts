/** The TD of a Thing as an agent writes it to the directory of its hub (protocol.md, "Directory"). */
import type { ExposedThing } from "@node-wot/core";
import { isJsonContent } from "./content";
import { affordancesOf, type ExposedThings } from "./exposed-things";
import { baseOf, forEachAffordance, type Endpoint } from "./forms";
import { contextOf, type ThingDescription } from "./thing-description";

/** TD 1.1 demands a definition; the hub has one of its own. HiveOT's parser wants the name as a string. */
const NO_SECURITY = { securityDefinitions: { nosec_sc: { scheme: "nosec" } }, security: "nosec_sc" } as const;

/**
 * The TD without what is the hub's to say: how it is reached, and by whom. HiveOT's Things send it so, and its hub puts in forms of
 * its own; forms of other servers on the servient lead to where nobody gets behind a firewall. Only where a value is no JSON a form tells
 * the media type, because nothing else in a TD does.
 */
export function publishedDescription(things: ExposedThings, thing: ExposedThing, endpoint: Endpoint): ThingDescription {
    const {
        forms: _forms,
        base: _base,
        security: _security,
        securityDefinitions: _definitions,
        ...td
    } = JSON.parse(JSON.stringify(thing)) as ThingDescription;
    forEachAffordance(thing, (kind, name, affordance) => {
        const copy = affordancesOf(td, kind)[name];
        if (copy === undefined) return;
        delete copy.forms;
        if (kind === "property") copy["observable"] = affordance["observable"] === true; // HiveOT's TDs, where it is absent, mean true
        const contentType = things.contentType(affordance);
        if (contentType === undefined || isJsonContent(contentType)) return;
        copy.forms = [{ href: baseOf(endpoint), contentType, subprotocol: "sse-sc" }];
    });
    return { ...td, "@context": contextOf(td["@context"]), ...NO_SECURITY };
}
