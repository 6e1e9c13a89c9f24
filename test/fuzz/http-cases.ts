/** HTTP requests that mean harm: what is asked for, with which headers and body, and what a reply may be. */
import { expect } from "chai";
import fc from "fast-check";
import { rrn } from "../../lib/converters/rrn";
import { rrn2025 } from "../../lib/converters/rrn-2025";
import type { Message } from "../../lib/messages";
import { OPERATIONS } from "../../lib/operations";
import { COUNTER_ID } from "../support/things";
import { notifications, requests, soundResponses } from "../lib/arbitraries";
import { broken, hostileJson, nearly } from "./json-text";
import { NEAR_TDS, TD_WITHOUT_ID, THING_IDS } from "./things";

/** Stands for the token in generated texts: there is another one in each run. */
export const TOKEN = "<token>";

export interface HttpCase {
    readonly method: string;
    readonly path: string;
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly body: string;
}

const PATHS = [
    ...["/hiveot/ssesc", "/hiveot/sse", "/hiveot/request", "/hiveot/response", "/hiveot/notification"],
    ...["/authn/login", "/authn/refresh", "/authn/profile", "/things", "/events", "/ping"],
    ...["/.well-known/wot", "/events/thing_created", "/events/nothing"],
    ...THING_IDS.map((id) => `/things/${encodeURIComponent(id)}`),
];
const TAILS = [
    ...["/", "//", "/..", "/../..", "%", "%00", "%2f", "%zz", "%ff", "?", "?diff=maybe", "#x", ";x", "*"],
    ...[
        "?offset=-1&limit=1e9",
        "?limit=0&offset=99999999999999999999",
        "?format=collection",
        "?limit=x",
        "?a=%",
        "?&&=&",
    ],
    ...["?__proto__[x]=1&constructor=2", "?diff=true&diff=false", `?${"a=b&".repeat(500)}`, `/${"x".repeat(6_000)}`],
];
const tails = fc.oneof({ weight: 5, arbitrary: fc.constant("") }, fc.constantFrom(...TAILS));
const ends = fc.tuple(fc.constantFrom(...PATHS), tails).map((parts) => parts.join(""));
const ODD_PATHS = [
    "/",
    "*",
    "//",
    "http://x/ping",
    "/things/__proto__",
    "/constructor",
    "/%",
    "/\u00ff",
    "ping",
    "x:y",
];
/** It ends the token, so it is rare. */
const LOG_OUT = "/authn/logout";
const posts = fc.constantFrom("/hiveot/request", "/hiveot/response", "/hiveot/notification");
const paths = fc.oneof(
    { weight: 60, arbitrary: posts },
    { weight: 80, arbitrary: ends },
    { weight: 1, arbitrary: fc.constant(LOG_OUT) },
    { weight: 5, arbitrary: fc.constantFrom(...ODD_PATHS) },
    { weight: 5, arbitrary: fc.webPath() }
);

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get"];

const GARBAGE = fc.oneof(
    fc.constantFrom(
        "",
        " ",
        "0",
        "-1",
        "1e9",
        ",",
        ", ,",
        "resume",
        "batch, resume",
        "batch;q=0",
        "RESUME,,",
        "__proto__"
    ),
    fc.constantFrom(
        "x".repeat(4_000),
        "a,".repeat(1_500),
        "\u00ff\u00fe",
        "Bearer",
        "identity",
        "gzip",
        "\t",
        "00000000-1"
    ),
    fc.constantFrom("ffffffff-99999999999999999999", "ffffffff--1", "-", "a-b-c", "deadbeef-1e5", "deadbeef-"),
    fc.string({ maxLength: 12 }).map((text) => text.replace(/[^\t\x20-\x7e]/g, ""))
);
/** The cid of the stream that is open all the time. */
export const OPEN_CID = "open";
const CIDS = [OPEN_CID, OPEN_CID, OPEN_CID, "__proto__", undefined];
const header: fc.Arbitrary<readonly [string, string]> = fc.oneof(
    fc.tuple(
        fc.constantFrom(
            ...["last-event-id", "hiveot-features", "cid", "authorization", "accept", "accept-encoding", "if-match"],
            ...[
                "content-encoding",
                "origin",
                "cookie",
                "x-forwarded-for",
                "x-forwarded-host",
                "x-http-method-override",
            ],
            ...["content-type", "if-none-match", "range", "te", "forwarded", "via", "x-forwarded-proto", "max-forwards"]
        ),
        GARBAGE
    ),
    fc.tuple(
        fc.constant("content-type"),
        fc.constantFrom(
            ...["application/json", "application/x-ndjson", "application/merge-patch+json", "application/td+json"],
            ...["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain;charset=utf-16"]
        )
    ),
    fc.tuple(
        fc.stringMatching(/^[a-z-]{1,12}$/).filter((name) => !FRAMING.has(name)),
        GARBAGE
    )
);
/** Headers that say where a message ends: they have their own mutations. */
const FRAMING: ReadonlySet<string> = new Set(["host", "connection", "content-length", "upgrade", "expect", "trailer"]);

const credentials = fc.oneof(
    { weight: 7, arbitrary: fc.constant(`Bearer ${TOKEN}`) },
    fc.constantFrom(
        ...[`bearer ${TOKEN}`, `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, "Bearer a.b.c", "Bearer ", "Bearer null"],
        ...["Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbjEifQ.", undefined]
    )
);

const DIALECTS = fc.constantFrom(rrn, rrn, rrn, rrn2025);

function nearlyEncoded(messages: fc.Arbitrary<Message>): fc.Arbitrary<string> {
    return nearly(
        fc.tuple(messages, DIALECTS).map(([message, dialect]): unknown => JSON.parse(dialect.encode(message)))
    );
}

/** Requests of operations and Things that there are: the hub's own directory among them. */
const soundRequests = fc
    .tuple(
        requests,
        fc.constantFrom(...OPERATIONS),
        fc.constantFrom(COUNTER_ID, "thingDirectory", "", ...THING_IDS),
        fc.constantFrom("count", "things", "createThing", "retrieveThing", "tick", "")
    )
    .map(([request, operation, thingId, name]) => ({ ...request, operation, thingId, name }));

const lines = fc.array(nearlyEncoded(notifications), { maxLength: 5 }).map((each) => each.join("\n"));
const envelopes = nearlyEncoded(fc.oneof(requests, soundResponses, notifications));
const logins = nearly(
    fc.constantFrom(
        { username: "nobody", password: "x" },
        { login: "nobody", password: "x" },
        { clientID: "admin1", oldToken: "x" }
    )
);
const others = fc.oneof(
    envelopes,
    NEAR_TDS,
    hostileJson,
    broken(envelopes),
    fc.constantFrom("", " ", "null", JSON.stringify(TOKEN), "a=b&c=d", "\u0000", "\ufeff{}", "[".repeat(50_000))
);

/** Where a body of that kind, and these methods, are nearly right. */
const FITTING: readonly (readonly [start: string, body: fc.Arbitrary<string>, ...methods: string[]])[] = [
    ["/hiveot/request", nearlyEncoded(fc.oneof(requests, soundRequests, soundRequests)), "POST"],
    ["/hiveot/response", nearlyEncoded(soundResponses), "POST"],
    ["/hiveot/notification", fc.oneof(nearlyEncoded(notifications), lines), "POST"],
    ["/hiveot/s", fc.constant(""), "GET"],
    ["/authn/profile", fc.constant(""), "GET"],
    ["/authn/refresh", fc.constant(JSON.stringify(TOKEN)), "POST"],
    ["/authn", logins, "POST"],
    ["/things/", NEAR_TDS, "PUT", "PUT", "PATCH", "DELETE", "GET"],
    ["/things", nearly(fc.constant(TD_WITHOUT_ID)), "POST", "GET"],
    ["", fc.constant(""), "GET"],
];

function requestsTo(path: string): fc.Arbitrary<HttpCase> {
    const [, body, ...methods] = FITTING.find(([start]) => path.startsWith(start)) ?? ["", others];
    return fc
        .record({
            method: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...methods) }, fc.constantFrom(...METHODS)),
            cid: fc.constantFrom(...CIDS),
            authorization: credentials,
            headers: fc.oneof(
                { weight: 2, arbitrary: fc.constant([]) },
                { weight: 3, arbitrary: fc.array(header, { maxLength: 4 }) }
            ),
            body: fc.oneof({ weight: 4, arbitrary: body }, others),
        })
        .map(({ method, cid, authorization, headers, body: content }) => ({
            path,
            method,
            headers: [
                ...(cid === undefined ? [] : [["cid", path.startsWith("/hiveot/s") ? "other" : cid] as const]),
                ...(authorization === undefined ? [] : [["authorization", authorization] as const]),
                ...headers,
            ],
            body: content,
        }));
}

/** Any request, most of them nearly right. */
export const httpCases: fc.Arbitrary<HttpCase> = paths.chain(requestsTo);

/**
 * 5xx that a client can bring about: what HTTP says of methods and versions that are not known, of limits, and of a full
 * directory.
 */
const JUSTIFIED: ReadonlySet<number> = new Set([501, 503, 505, 507]);

/** What a reply says of our inside: paths, modules, stacks, messages of the language. */
const INTERNALS =
    /node_modules|node:internal|\.[jt]s:\d+|\n\s+at |\b(Type|Syntax|Range|Reference)Error\b|Unexpected token|JSON at position|ENOENT|express|undefined is not|Cannot read|SseScError/;

/** How often each status came, for the long form. */
export const statuses = new Map<number, number>();

/** Checks a reply, whatever was asked. */
export function expectCalm(status: number, body: string, asked: string): void {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const told = `${status} ${body.slice(0, 300)}; asked: ${asked.slice(0, 3_000)}`;
    if (status >= 500) expect(JUSTIFIED.has(status), told).to.equal(true);
    if (status >= 400) expect(INTERNALS.exec(body)?.[0], told).to.equal(undefined);
}
