/** The TDs that a server serves: those of its Things, its own, and on a hub those of agents' Things. */
import { SseScError } from "../lib/errors";
import type { Endpoints } from "./endpoints";
import { OWN_TD_PATH, thingIdIn } from "./http/app";
import type { ServerThing } from "./server-thing";
import { affordancesOf, type ExposedThings } from "./things/exposed-things";
import { httpUrlOf, type Endpoint } from "./things/forms";
import { withoutNulls } from "./hub/description-check";
import { describeDirectory, DIRECTORY_ID, isDirectory } from "./hub/directory-description";
import type { DirectoryRecord } from "./hub/directory-records";
import type { DirectoryStore } from "./hub/directory-store";
import { renderAgentDescription } from "./things/agent-description";
import { serializeThingDescription } from "./things/td-tools";
import { linkTo, renderThingDescription, type SecurityMode, type ThingDescription } from "./things/thing-description";

/** Describes the Things of one server that is running, for clients at whatever host they reach it. */
export class Descriptions {
    constructor(
        private readonly things: ExposedThings,
        private readonly own: ServerThing,
        private readonly endpoints: Endpoints,
        private readonly security: SecurityMode,
        /** Of a hub. */
        private readonly store: DirectoryStore | undefined
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
        if (this.store !== undefined && isDirectory(thingId) && things.get(thingId) === undefined) {
            return serializeThingDescription(this.#ofDirectory(endpoint));
        }
        const record = things.get(thingId) === undefined ? this.store?.get(thingId) : undefined;
        if (record !== undefined) return serializeThingDescription(this.#ofRecord(record, endpoint));
        return serializeThingDescription(this.#ofOwn(thingId, endpoint));
    }

    /** The TD of a Thing of the directory, as clients at this host should see it. */
    ofRecord(record: DirectoryRecord, host: string | undefined): ThingDescription {
        return this.#ofRecord(record, this.endpoints.forHost(host));
    }

    /** The directory's own TD, as clients at this host should see it. */
    ofDirectory(host: string | undefined): ThingDescription {
        return this.#ofDirectory(this.endpoints.forHost(host));
    }

    #ofOwn(thingId: string, endpoint: Endpoint): ThingDescription {
        const { things, own, security } = this;
        const links = [linkTo(endpoint, own.id, "collection")];
        return renderThingDescription(things, things.require(thingId), endpoint, security, links);
    }

    #ofRecord({ id, td }: DirectoryRecord, endpoint: Endpoint): ThingDescription {
        if (this.things.get(id) !== undefined) return this.#ofOwn(id, endpoint);
        return renderAgentDescription(id, withoutNulls(td), endpoint, this.security, [
            linkTo(endpoint, DIRECTORY_ID, "collection"),
        ]);
    }

    /** Its Things can be had over plain HTTP too (WoT Discovery). */
    #ofDirectory(endpoint: Endpoint): ThingDescription {
        const links = [linkTo(endpoint, this.own.id, "item")];
        const td = renderAgentDescription(DIRECTORY_ID, describeDirectory(), endpoint, this.security, links);
        const { things } = affordancesOf(td, "property");
        things?.forms?.push({
            href: `${httpUrlOf(endpoint)}/things`,
            contentType: "application/json",
            op: ["readproperty"],
        });
        return td;
    }

    /** The text of the TD at a path. @throws SseScError NOT_FOUND, UNKNOWN_THING */
    at(path: string): string {
        if (path === OWN_TD_PATH) return this.wellKnown(undefined);
        const thingId = thingIdIn(path);
        if (thingId === undefined) throw new SseScError("NOT_FOUND");
        return this.of(thingId, undefined);
    }

    /** What `/.well-known/wot` answers: a hub's directory; else the one Thing's TD where there is exactly one, else the server's own. */
    wellKnown(host: string | undefined): string {
        if (this.store !== undefined) return this.of(DIRECTORY_ID, host);
        const [only] = this.things.values();
        return this.of(this.things.size === 1 && only !== undefined ? only.id : this.own.id, host);
    }
}
