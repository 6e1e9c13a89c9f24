/**
 * Compares what came with what was recorded: the status, the members that are there and their types, and the values that do not vary
 * from run to run. What varies is said in the READMEs of the recordings: ids of messages, times, tokens.
 */
import { isDeepStrictEqual } from "node:util";
import type { Block, Envelope, ReplyHeaders } from "../raw/event-stream";

/** One thing that is not as it was recorded. A side that has nothing there is `undefined`. */
export interface Difference {
    /** Where: `status`, `content-type`, `allow`, `error`, `body…`, `response…`, `notification…`, `end`. */
    readonly at: string;
    readonly recorded: unknown;
    readonly ours: unknown;
}

/** An HTTP reply of either side. */
export interface Reply {
    readonly status: number;
    readonly headers: ReplyHeaders;
    readonly body: string;
}

const TIMES = new Set(["timestamp", "created", "updated", "timeRequested", "timeUpdated"]);
/** HiveKit drops the zeros at the end of the fraction. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** What the server says of itself has other values with each server. */
const SERVER_ITSELF = "hiveot-sse";

/** A value without what varies: a time is any time, an id of a message any id. */
function comparable(value: unknown, name = ""): unknown {
    if (Array.isArray(value)) return value.map((each) => comparable(each));
    if (typeof value === "string") {
        if (value.startsWith("{") && value.includes('"@context"')) return comparable(JSON.parse(value));
        if (TIMES.has(name) && TIME.test(value)) return "<time>";
        return name === "messageID" && value !== "" ? "<id>" : value;
    }
    if (typeof value === "number") return name === "nrConnections" ? "<number>" : value;
    if (typeof value !== "object" || value === null) return value;
    if ("@context" in value) return outlineOfTd(value);
    const itself = (value as Envelope)["thingID"] === SERVER_ITSELF;
    return Object.fromEntries(
        Object.entries(value).map(([member, each]) => {
            const reading = itself && (member === "data" || member === "value") && typeof each !== "object";
            return [member, reading ? `<${typeof each}>` : comparable(each, member)];
        })
    );
}

/** Compares two HTTP replies. Two refusals differ as a whole: what a refusal says is each server's own. */
export function compareReplies(recorded: Reply, ours: Reply): Difference[] {
    if (recorded.status >= 400 && ours.status >= 400) {
        const [then, now] = [refusal(recorded), refusal(ours)];
        const same = isDeepStrictEqual(then, now);
        return [...(same ? [] : [{ at: "error", recorded: then, ours: now }]), ...compareHeaders(recorded, ours)];
    }
    const differences: Difference[] = [];
    if (recorded.status !== ours.status) {
        return [{ at: "status", recorded: outcome(recorded), ours: outcome(ours) }];
    }
    const [then, now] = [mediaType(recorded), mediaType(ours)];
    if (then !== now) differences.push({ at: "content-type", recorded: then, ours: now });
    differences.push(...compareHeaders(recorded, ours), ...compareValues(bodyOf(recorded), bodyOf(ours), "body"));
    return differences;
}

function outcome(reply: Reply): unknown {
    return reply.status >= 400 ? refusal(reply) : reply.status;
}

function refusal(reply: Reply): unknown {
    const type = mediaType(reply);
    return { status: reply.status, ...(type === undefined ? {} : { type }), body: bodyOf(reply) };
}

/** Without its parameters: all of it is UTF-8. */
function mediaType({ headers }: Reply): string | undefined {
    return headers["content-type"]?.split(";")[0];
}

function bodyOf(reply: Reply): unknown {
    let body: unknown;
    try {
        body = JSON.parse(reply.body);
    } catch {
        return reply.body;
    }
    return comparable(body);
}

/** What a TD says of its Thing. How it says where to reach it is each server's own (td.test.ts). */
function outlineOfTd({ id, title, base, ...td }: Envelope): unknown {
    const outline = (kind: string): unknown =>
        Object.fromEntries(
            Object.entries((td[kind] ?? {}) as Record<string, Envelope>).map(([name, affordance]) => {
                const { type, input, output, data } = affordance;
                const types = [input, output, data].map((schema) => (schema as Envelope | undefined)?.["type"]);
                return [name, [type, ...types].map((each) => each ?? null)];
            })
        );
    const path = typeof base === "string" ? { path: new URL(base).pathname } : {};
    return {
        id,
        title,
        ...path,
        ...Object.fromEntries(["properties", "actions", "events"].map((kind) => [kind, outline(kind)])),
    };
}

/** `Allow` names at least what was recorded; `WWW-Authenticate` is there or not, with the same scheme. */
function compareHeaders({ headers: then }: Reply, { headers: now }: Reply): Difference[] {
    const differences: Difference[] = [];
    const allowed = methods(now["allow"]);
    if (!methods(then["allow"]).every((method) => allowed.includes(method))) {
        differences.push({ at: "allow", recorded: then["allow"], ours: now["allow"] });
    }
    const [challenge, ourChallenge] = [scheme(then["www-authenticate"]), scheme(now["www-authenticate"])];
    if (challenge !== ourChallenge) {
        differences.push({ at: "www-authenticate", recorded: challenge, ours: ourChallenge });
    }
    return differences;
}

function methods(allow: string | undefined): string[] {
    return allow?.split(/\s*,\s*/) ?? [];
}

function scheme(challenge: string | undefined): string | undefined {
    return challenge?.split(" ")[0];
}

/** The response to a request that had no id: that there is one is compared, not which. */
export function withoutIdOf(block: Block): Block {
    const { json } = block;
    if (json === undefined || block.event !== "response") return block;
    const { value } = json;
    const inner = isObject(value) && isId(value["actionID"]) ? { value: { ...value, actionID: "<made up>" } } : {};
    return {
        ...block,
        json: { ...json, ...inner, ...(isId(json["correlationID"]) ? { correlationID: "<made up>" } : {}) },
    };
}

function isId(value: unknown): boolean {
    return typeof value === "string" && value !== "";
}

/** Compares the blocks that a request caused: the responses, and the notifications in whatever order. */
export function compareBlocks(recorded: readonly Block[], ours: readonly Block[]): Difference[] {
    const rest = [...ours];
    const differences: Difference[] = [];
    for (const block of recorded) {
        const index = closest(block, rest);
        const [found] = index < 0 ? [] : rest.splice(index, 1);
        differences.push(...compareBlock(block, found));
    }
    for (const block of rest) differences.push(...compareBlock(undefined, block));
    return differences;
}

function compareBlock(recorded: Block | undefined, ours: Block | undefined): Difference[] {
    const at = recorded?.event ?? ours?.event ?? "block";
    if (recorded === undefined || ours === undefined) {
        return [{ at, recorded: recorded && contentOf(recorded), ours: ours && contentOf(ours) }];
    }
    const [then, now] = [contentOf(recorded), contentOf(ours)];
    // Success against failure: nothing in them can be compared.
    if (at === "response" && hasFailed(recorded) !== hasFailed(ours)) return [{ at, recorded: then, ours: now }];
    return compareValues(then, now, at);
}

/** In both dialects. */
function hasFailed({ json = {} }: Block): boolean {
    return json["status"] === "failed" || (json["error"] ?? null) !== null;
}

/** The block that says the same as `block`, else the first one about the same. */
function closest(block: Block, among: readonly Block[]): number {
    const same = among.findIndex(
        (other) => other.event === block.event && isDeepStrictEqual(contentOf(other), contentOf(block))
    );
    return same >= 0 ? same : among.findIndex((other) => about(other) === about(block));
}

function about({ event, json = {} }: Block): string {
    return [event, json["operation"], json["affordanceType"], json["thingID"], json["name"]].join("\n");
}

function contentOf({ data, json }: Block): unknown {
    return json === undefined ? data : comparable(json);
}

/** Compares two values member by member. Problems differ as a whole: what an error says is each server's own. */
export function compareValues(recorded: unknown, ours: unknown, at: string): Difference[] {
    if (isDeepStrictEqual(recorded, ours)) return [];
    const both = isObject(recorded) && isObject(ours);
    if (!both || at.endsWith("error")) return [{ at, recorded, ours }];
    const names = new Set([...Object.keys(recorded), ...Object.keys(ours)]);
    return [...names].flatMap((name) => compareValues(recorded[name], ours[name], `${at}.${name}`));
}

function isObject(value: unknown): value is Envelope {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
