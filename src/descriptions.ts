/** The TDs that a server serves: those of its Things, its own, and on a hub those of agents' Things. */
import { SseScError } from "../lib/errors";
import type { Endpoints } from "./endpoints";
import { OWN_TD_PATH, thingIdIn } from "./http/app";
import type { ServerThing } from "./server-thing";
import type { ExposedThings } from "./things/exposed-things";
import { renderAgentDescription } from "./things/agent-description";
import { serializeThingDescription } from "./things/td-tools";
import { linkTo, renderThingDescription, type SecurityMode } from "./things/thing-description";

/** Describes the Things of one server that is running, for clients at whatever host they reach it. */
export class Descriptions {
    constructor(
        private readonly things: ExposedThings,
        private readonly own: ServerThing,
        private readonly endpoints: Endpoints,
        private readonly security: SecurityMode,
        /** The TDs of agents' Things, as they wrote them. */
        private readonly agentDescription: (thingId: string) => Readonly<Record<string, unknown>> | undefined
    ) {}

    /**
     * The text of the TD of a Thing, or of the server's own. They link to each other.
     * @param host value of the Host header or of `:authority`
     * @throws SseScError UNKNOWN_THING
     */
    of(thingId: string, host: string | undefined): string {
        const { things, own, security } = this;
        const endpoint = this.endpoints.forHost(host);
        if (thingId === own.id) {
            const items = [...things.values()].map((thing) => linkTo(endpoint, thing.id, "item"));
            return serializeThingDescription(own.describe(endpoint, security, items));
        }
        const links = [linkTo(endpoint, own.id, "collection")];
        const ofAgent = things.get(thingId) === undefined ? this.agentDescription(thingId) : undefined;
        if (ofAgent !== undefined) {
            return serializeThingDescription(renderAgentDescription(thingId, ofAgent, endpoint, security, links));
        }
        return serializeThingDescription(
            renderThingDescription(things, things.require(thingId), endpoint, security, links)
        );
    }

    /** The text of the TD at a path. @throws SseScError NOT_FOUND, UNKNOWN_THING */
    at(path: string): string {
        if (path === OWN_TD_PATH) return this.wellKnown(undefined);
        const thingId = thingIdIn(path);
        if (thingId === undefined) throw new SseScError("NOT_FOUND");
        return this.of(thingId, undefined);
    }

    /** What `/.well-known/wot` answers: the one Thing's TD where there is exactly one, else the server's own. */
    wellKnown(host: string | undefined): string {
        const [only] = this.things.values();
        return this.of(this.things.size === 1 && only !== undefined ? only.id : this.own.id, host);
    }
}
