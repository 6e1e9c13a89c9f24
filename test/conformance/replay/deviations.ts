/**
 * What differs from the recordings on purpose: `test/conformance/deviations.json`, and what a deviation may be.
 *
 * It may change the status or the body of an error, a header, or a member that one side leaves out. It never makes an error of what was
 * recorded to succeed, nor the reverse, and never changes a value, except where protocol.md names what the reference does there a
 * weakness, or one state of HiveOT contradicts the other: such an entry cites it. What a hub passes on, and what it answers itself, follows
 * lib/PROTOCOL.md, "A hub": cited likewise. The directory's HTTP API follows WoT Discovery instead of the recording, in all: an entry
 * about that recording names the rule, and may be of any kind.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Difference } from "./comparison";

/** One entry of the list. `recorded` or `ours` is absent where that side has nothing. */
export interface Deviation {
    /** Recording below test/fixtures. */
    readonly file: string;
    /** Number of the request. */
    readonly n: number;
    /** Where they differ; see `Difference`. */
    readonly at: string;
    readonly recorded?: unknown;
    readonly ours?: unknown;
    /** Our agent sends it, replayed to a gateway's side. Otherwise our server answers so. */
    readonly of?: "agent";
    /** To convince the author of the other side. */
    readonly reason: string;
    /** Key of `WEAKNESSES`, where the entry needs one. */
    readonly cites?: string;
}

/** What protocol.md says of the reference that excuses more than a different error. */
export const WEAKNESSES: Readonly<Record<string, string>> = {
    "january-silence": "Known weaknesses: a handler error in January: 201 and silence until the time-out",
    "response-crash": "Known weaknesses: a POST to /hiveot/response without a live stream crashes the handler (500)",
    "late-response":
        "Endpoints: POST /hiveot/response: 204; Known weaknesses: a slow agent's answer (> 3 s) is dropped",
    "one-cid-twice":
        "Stream: a second stream with the same (client, cid): ours replaces the old one (the reference kills both)",
    "log-in": 'Endpoints: POST /authn/login: 200, public; {"username","password"}, in January {"login","password"}',
    "log-out": "Endpoints: POST /authn/logout: 204 (January: 200); the reference leaves streams open, ours closes them",
    "js-client":
        "Endpoints: January's JavaScript client expects {token} of a log-in and sends {clientID, oldToken} to refresh",
    "january-paths": "Endpoints: GET /authn/profile, /ping, /.well-known/wot: 200 (January: absent)",
    "no-cid": "Endpoints: cid on the stream and on all POSTs, it ties them together; Known weaknesses: streams leak",
    roles: "Roles: ours, wider where the reference seems an oversight: a viewer reads events",
    "bare-value": "Envelopes, January 2026: readproperty must answer a ThingValue (a bare value breaks the Go client)",
    "subscription-without-id":
        "Envelopes, August 2026: a subscription without correlationID is acknowledged and delivers nothing; ours subscribes",
    "unsubscribe-all":
        "Envelopes, August 2026: unsubscribe all ends single subscriptions too (not so in the reference)",
    "progress-to-all":
        "Envelopes: the reference sends progress to every connection. Ours: to the caller and to observers of that action",
    "forged-response":
        "Known weaknesses: any client can answer any correlation id; equal correlation ids of two clients collide",
    "hub-answers":
        "lib/PROTOCOL.md, A hub: what the hub answers itself, and what it asks the agent; it makes no digital twins that hold values",
    "td-once": "lib/PROTOCOL.md, Agents: createThing whenever the stream opens, updateThing when the TD changes",
    "agent-subscriptions":
        "lib/PROTOCOL.md, Agents: a request to subscribe is checked and acknowledged; everything is published anyway",
    "test-program":
        "hivekit-2026-01/README.md: the Things' values come from a test program and prove only that such values pass",
    "thing-created":
        "lib/PROTOCOL.md, The directory of a hub: a first write is told by thingCreated and by thingUpdated",
};

/** The one recording whose statuses may turn by a rule of WoT Discovery, which the entry names: `TDD-` and a number (wot-http.md). */
const DIRECTORY_OVER_HTTP = "hivekit-2026-08/directory-http.jsonl";

/** The list. */
export function readDeviations(): Deviation[] {
    return JSON.parse(readFileSync(join(__dirname, "../deviations.json"), "utf8")) as Deviation[];
}

/** Why an entry is not allowed, or `undefined`. */
export function fault({ file, at, recorded, ours, reason, cites }: Deviation): string | undefined {
    if (reason.length < 20) return "gives no reason";
    if (file === DIRECTORY_OVER_HTTP) {
        if (cites !== undefined) return "cites a weakness, where WoT Discovery rules";
        return /\bTDD-\d\d\b/.test(reason) ? undefined : "names no rule of WoT Discovery";
    }
    if (cites !== undefined && WEAKNESSES[cites] === undefined) return `cites ${cites}, which is nothing`;
    const needed = needsCitation(at, recorded, ours);
    if (needed === undefined) return cites === undefined ? undefined : "cites a weakness without need";
    return cites === undefined ? `${needed}, and cites no weakness` : undefined;
}

function needsCitation(at: string, recorded: unknown, ours: unknown): string | undefined {
    if (at === "status" || succeeded(at, recorded) !== succeeded(at, ours)) return "turns success into failure or back";
    if (at === "error" || at.endsWith(".error")) return undefined;
    if (["content-type", "allow", "www-authenticate"].includes(at)) return undefined;
    if (at === "response" || at === "notification" || at === "request") return "adds or drops a whole message";
    if (/^(response\.(output|value)|notification\.value|body)$/.test(at) && isNothing(ours) && !isNothing(recorded))
        return "drops what was asked for";
    return isNothing(recorded) || isNothing(ours) ? undefined : "changes a value";
}

/** A status or error inside a response tells success from failure as an HTTP status does. */
function succeeded(at: string, value: unknown): boolean | undefined {
    if (/^response(\.(value|output)(\.\w+)?)?\.error$/.test(at)) return isNothing(value);
    if (/\.(status|state)$/.test(at)) return value !== "failed";
    return undefined;
}

/** Go leaves out what is empty, or sends it empty: both say that nothing is there. */
function isNothing(value: unknown): boolean {
    return value === undefined || value === null || value === "";
}

/** The list at work: takes out of the differences of one exchange what it allows, and remembers what it needed. */
export class Allowance {
    readonly #deviations: readonly Deviation[];
    readonly #used = new Set<Deviation>();

    /** @param of whose deviations count: our server's by default */
    constructor(of?: "agent", deviations: readonly Deviation[] = readDeviations()) {
        this.#deviations = deviations.filter((each) => each.of === of);
    }

    /** What of the differences is not on the list. */
    unlisted(file: string, n: number, differences: readonly Difference[]): readonly Difference[] {
        return differences.filter((difference) => {
            const entry = this.#deviations.find(
                (each) =>
                    each.file === file &&
                    each.n === n &&
                    each.at === difference.at &&
                    isDeepStrictEqual(each.recorded, difference.recorded) &&
                    isDeepStrictEqual(each.ours, difference.ours)
            );
            if (entry !== undefined) this.#used.add(entry);
            return entry === undefined;
        });
    }

    /** Entries about a recording that nothing needed. */
    unused(file: string): readonly Deviation[] {
        return this.#deviations.filter((each) => each.file === file && !this.#used.has(each));
    }
}
