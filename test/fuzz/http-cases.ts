/** HTTP requests that mean harm: what is asked for, with which headers and body, and what a reply may be. */
import { expect } from "chai";
import fc from "fast-check";
import { rrn } from "../../lib/converters/rrn";
import { rrn2025 } from "../../lib/converters/rrn-2025";
import { notifications, requests, soundResponses } from "../lib/arbitraries";
import { broken, hostileJson, nearly } from "./json-text";
import { NEAR_TDS, THING_IDS } from "./things";

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
    ...["/authn/login", "/authn/refresh", "/authn/logout", "/authn/profile", "/things", "/events", "/ping"],
    ...["/.well-known/wot", "/events/thing_created", "/events/nothing"],
    ...THING_IDS.map((id) => `/things/${encodeURIComponent(id)}`),
];
/** Each path with what it expects ahead of all else. */
const METHOD_OF = new Map([
    ["/hiveot/ssesc", "GET"],
    ["/hiveot/sse", "GET"],
    ["/authn/profile", "GET"],
]);
const TAILS = [
    ...[
        "",
        "",
        "",
        "",
        "/",
        "//",
        "/..",
        "/../..",
        "%",
        "%00",
        "%2f",
        "%zz",
        "%ff",
        "?",
        "?diff=maybe",
        "#x",
        ";x",
        "*",
    ],
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
const paths = fc.oneof(
    {
        weight: 9,
        arbitrary: fc.tuple(fc.constantFrom(...PATHS), fc.constantFrom(...TAILS)).map((parts) => parts.join("")),
    },
    fc.constantFrom(
        "/",
        "*",
        "//",
        "http://x/ping",
        "/things/__proto__",
        "/constructor",
        "/%",
        "/\u00ff",
        "ping",
        "x:y"
    ),
    fc.webPath()
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
const CIDS = ["cid1", "cid2", "__proto__"];
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

const credentials = fc.constantFrom(
    ...[
        `Bearer ${TOKEN}`,
        `Bearer ${TOKEN}`,
        `Bearer ${TOKEN}`,
        `bearer ${TOKEN}`,
        `Bearer ${TOKEN}x`,
        `Basic ${TOKEN}`,
    ],
    ...["Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbjEifQ.", "Bearer ", "Bearer null", undefined]
);

const envelopes = nearly(
    fc
        .oneof(requests, soundResponses, notifications)
        .chain((message) =>
            fc.constantFrom(rrn, rrn2025).map((converter): unknown => JSON.parse(converter.encode(message)))
        )
);
const logins = nearly(
    fc.constantFrom(
        { username: "nobody", password: "x" },
        { login: "nobody", password: "x" },
        { clientID: "admin1", oldToken: "x" }
    )
);
const bodies = fc.oneof(
    { weight: 4, arbitrary: envelopes },
    { weight: 2, arbitrary: NEAR_TDS },
    fc.array(envelopes, { maxLength: 5 }).map((lines) => lines.join("\n")),
    logins,
    hostileJson,
    broken(envelopes),
    fc.constantFrom("", " ", "null", JSON.stringify(TOKEN), "a=b&c=d", "\u0000", "\ufeff{}", "[".repeat(50_000))
);

/** Any request, most of them nearly right. */
export const httpCases: fc.Arbitrary<HttpCase> = fc
    .record({
        path: paths,
        method: fc.option(fc.constantFrom(...METHODS), { nil: undefined }),
        cid: fc.option(fc.constantFrom(...CIDS), { nil: undefined }),
        authorization: credentials,
        headers: fc.array(header, { maxLength: 4 }),
        body: bodies,
    })
    .map(({ path, method, cid, authorization, headers, body }) => ({
        path,
        method:
            method ?? METHOD_OF.get(path) ?? (path.startsWith("/hiveot") || path.startsWith("/authn") ? "POST" : "GET"),
        headers: [
            ...(cid === undefined ? [] : [["cid", cid] as const]),
            ...(authorization === undefined ? [] : [["authorization", authorization] as const]),
            ...headers,
        ],
        body,
    }));

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
export function expectCalm(status: number, body: string): void {
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status >= 500) expect(JUSTIFIED.has(status), `status ${status}: ${body.slice(0, 300)}`).to.equal(true);
    if (status >= 400) expect(INTERNALS.exec(body)?.[0], body.slice(0, 500)).to.equal(undefined);
}
