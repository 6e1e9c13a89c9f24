/**
 * What differs from the recordings on purpose: `test/conformance/deviations.json`, and what a deviation may be.
 *
 * It may change the status or the body of an error, a header, or a member that one side leaves out. It never makes an error of what was
 * recorded to succeed, nor the reverse, and never changes a value, except where protocol.md names what the reference does there a
 * weakness, or one state of HiveOT contradicts the other: such an entry cites it.
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
};

/** The list. */
export function readDeviations(): Deviation[] {
    return JSON.parse(readFileSync(join(__dirname, "../deviations.json"), "utf8")) as Deviation[];
}

/** Why an entry is not allowed, or `undefined`. */
export function fault({ at, recorded, ours, reason, cites }: Deviation): string | undefined {
    if (reason.length < 20) return "gives no reason";
    if (cites !== undefined && WEAKNESSES[cites] === undefined) return `cites ${cites}, which is nothing`;
    const needed = needsCitation(at, recorded, ours);
    if (needed === undefined) return cites === undefined ? undefined : "cites a weakness without need";
    return cites === undefined ? `${needed}, and cites no weakness` : undefined;
}

function needsCitation(at: string, recorded: unknown, ours: unknown): string | undefined {
    if (at === "status" || succeeded(at, recorded) !== succeeded(at, ours)) return "turns success into failure or back";
    if (at === "error" || at.endsWith(".error")) return undefined;
    if (["content-type", "allow", "www-authenticate"].includes(at)) return undefined;
    if (at === "response" || at === "notification") return "adds or drops a whole message";
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

    constructor(deviations: readonly Deviation[] = readDeviations()) {
        this.#deviations = deviations;
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
