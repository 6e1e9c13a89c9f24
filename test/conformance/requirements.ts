/**
 * What the binding must do, one line per rule: id → where the rule stands → what it says.
 *
 * A test cites the rules that it checks in brackets in its title: `it("[STREAM-ping] begins with …")`, or by way of `req`.
 * `requirements.test.ts` fails when a rule has no test, or when a test cites an id that is not here.
 */

/** One rule. */
export interface Requirement {
    readonly id: string;
    /** Document and section, or recording. */
    readonly source: string;
    readonly text: string;
}

type Rules = Readonly<Record<string, string>>;

function rules(source: string, prefix: string, texts: Rules): Requirement[] {
    return Object.entries(texts).map(([id, text]) => ({ id: `${prefix}-${id}`, source, text }));
}

/** The operations of protocol.md, "Envelopes, August 2026", and what success means for each. */
export const OPERATION_RULES: Rules = {
    ping: 'output is "pong"',
    readproperty: "output is the value",
    readallproperties: "output is {name: value}",
    readmultipleproperties: "input [names], output {name: value}",
    writeproperty: "input is the value, no output",
    writemultipleproperties: "input {name: value}, no output",
    writeallproperties: "input {name: value}, no output",
    observeproperty: "no output; changes of the property are notified from now on",
    unobserveproperty: "no output; changes of the property are not notified any more",
    observeallproperties: "no output; changes of every property are notified from now on",
    unobserveallproperties: "no output; no change is notified any more, single observations included",
    invokeaction: "input is the action's input, output its output",
    queryaction: "output is a response envelope: the action's latest status",
    queryallactions: "output is {name: response envelope}",
    cancelaction: "input is an action id or nothing, no output; the invocation ends",
    observeaction: "no output; progress of the action is notified from now on, whoever invoked it",
    unobserveaction: "no output; progress is not notified any more",
    observeallactions: "no output; progress of every action is notified from now on",
    unobserveallactions: "no output; no progress is notified any more, single observations included",
    subscribeevent: "no output; the event is notified from now on",
    unsubscribeevent: "no output; the event is not notified any more",
    subscribeallevents: "no output; every event is notified from now on",
    unsubscribeallevents: "no output; no event is notified any more, single subscriptions included",
    readevent: "output is a notification envelope: the latest event; without output if there was none yet",
    readallevents: "output is {name: notification envelope}",
};

const OPERATIONS = Object.entries(OPERATION_RULES).flatMap(([operation, success]) =>
    rules("protocol.md, Envelopes, August 2026", `OP-${operation}`, {
        success,
        unknown:
            operation === "ping"
                ? "a ping is to the server: it names no Thing, and one that it does name changes nothing"
                : "an unknown Thing, or an unknown affordance where one is named, is answered with a failed response",
        refused: "a role that may not is answered with a failed response: 403, FORBIDDEN",
    })
);

const ENDPOINTS = [
    ...rules("protocol.md, Endpoints: GET /hiveot/ssesc", "HTTP-stream", {
        "200": "text/event-stream: opens the return channel",
        "400": "without a cid: MISSING_CID",
        "401": "without a valid token: UNAUTHORIZED, WWW-Authenticate: Bearer",
        "405": "another method: Allow names GET",
        "503": "too many streams of one client: TOO_MANY_CONNECTIONS, Retry-After; other clients are served (design.md, Limits)",
    }),
    ...rules("protocol.md, Endpoints: POST /hiveot/request", "HTTP-request", {
        "201": "empty; the response follows on the stream, perhaps before the 201",
        "400": "not an envelope, no cid, no stream: INVALID_ENVELOPE, MISSING_CID, NO_SESSION",
        "401": "without a valid token: UNAUTHORIZED, WWW-Authenticate: Bearer",
        "405": "another method: Allow names POST",
        "413": "a body over the limit: TOO_LARGE",
        "429": "too many open requests: TOO_MANY_REQUESTS, Retry-After",
    }),
    ...rules("protocol.md, Endpoints: POST /hiveot/response", "HTTP-response", {
        "204": "taken; dropped when nobody waits for it (the reference crashes there)",
        "400": "not a response envelope: INVALID_ENVELOPE",
        "401": "without a valid token: UNAUTHORIZED",
        "405": "another method: Allow names POST",
        "413": "a body over the limit: TOO_LARGE",
    }),
    ...rules("protocol.md, Endpoints: POST /hiveot/notification", "HTTP-notification", {
        "204": "taken; dropped when nobody listens",
        "400": "not a notification envelope: INVALID_ENVELOPE",
        "401": "without a valid token: UNAUTHORIZED",
        "405": "another method: Allow names POST",
        "413": "a body over the limit: TOO_LARGE",
    }),
    ...rules("protocol.md, Endpoints: POST /authn/login", "HTTP-login", {
        "200": "the token as a JSON string",
        "400": "a body that is not {username, password}",
        "401": "an unknown user or a wrong password: the same answer for both",
        "405": "another method: Allow names POST",
        "413": "a body over the limit: TOO_LARGE",
        "429": "too many failed attempts: TOO_MANY_REQUESTS, Retry-After (design.md, Security)",
    }),
    ...rules("protocol.md, Endpoints: POST /authn/refresh", "HTTP-refresh", {
        "200": "a new token as a JSON string; the old one stays valid (design.md, Security)",
        "400": "a body that is not the old token",
        "401": "without a valid token: UNAUTHORIZED",
        "405": "another method: Allow names POST",
    }),
    ...rules("protocol.md, Endpoints: POST /authn/logout", "HTTP-logout", {
        "204": "the token is revoked and the streams of its session are closed, those of another log-in are not",
        "401": "without a valid token: UNAUTHORIZED",
        "405": "another method: Allow names POST",
    }),
    ...rules("protocol.md, Endpoints: GET /authn/profile", "HTTP-profile", {
        "200": "{clientID, displayName, role, …}",
        "401": "without a valid token: UNAUTHORIZED",
        "405": "another method: Allow names GET",
    }),
    ...rules("protocol.md, Endpoints: GET /ping", "HTTP-ping", {
        "200": "text/plain, one dot, as recorded (protocol-errors.jsonl)",
        "405": "another method: Allow names GET",
    }),
    ...rules("design.md, HTTP side: GET /.well-known/wot", "HTTP-wot", {
        "200": "application/td+json: the TD of the one Thing",
        "200-several": "with several Things: the TD of the server's own Thing, with links of rel item",
        "401": "with tdAccess: authenticated and no valid token",
        "405": "another method: Allow names GET",
    }),
    ...rules("design.md, HTTP side: GET /things/{id}", "HTTP-thing", {
        "200": "application/td+json: the TD of that Thing, its id percent-encoded in the path",
        "401": "with tdAccess: authenticated and no valid token",
        "404": "no such Thing: a problem",
        "405": "another method: Allow names GET",
    }),
    ...rules("issue 3, Behaviour that must hold", "HTTP-other", { "404": "any other path: NOT_FOUND" }),
];

const HTTP_RULES = [
    ...rules("protocol.md, Endpoints", "HTTP", {
        "bearer-case": "the scheme of Authorization is matched whatever its case",
        "client-id-absent": "a request without a clientID header is served: the token says who it is",
        problem: "errors are application/problem+json with status, type and title; a type is stable",
        "created-filled": "a request without created, messageID and messageType is served (recorded; issue 3, item 4)",
        "any-content-type": "a POST is read whatever its Content-Type (issue 3, item 4)",
    }),
    ...rules("issue 3, item 4", "HTTP", {
        "no-stream-needed": "log-in, refresh, profile and TDs work without a stream",
        "h2-one-connection": "on HTTP/2 the server counts one TCP connection for the stream and 100 POSTs",
    }),
    ...rules("design.md, HTTP side", "HTTP", {
        "both-versions": "one TLS port answers HTTP/1.1 and HTTP/2",
        "stream-headers": "Cache-Control: no-cache, no-transform; X-Accel-Buffering: no; hiveot-heartbeat in seconds",
        heartbeat: "comments go out on a stream on which nothing else happens",
        "td-access": "TDs are public unless tdAccess is authenticated",
        "nothing-echoed": "an error carries neither the input nor internals (design.md, Security)",
    }),
];

const BAD_INPUT = rules("issue 3, Behaviour that must hold", "BAD", {
    "not-json": "not JSON: 400 INVALID_ENVELOPE",
    "member-types": "a member of the wrong type: 400 INVALID_ENVELOPE",
    "no-operation": "a request without an operation: 400 INVALID_ENVELOPE (recorded)",
    "unknown-operation": "an unknown operation: failed response, 400 UNKNOWN_OPERATION",
    "unknown-thing": "an unknown Thing: failed response, 404 UNKNOWN_THING",
    "unknown-affordance": "an unknown affordance: failed response, 404 UNKNOWN_AFFORDANCE",
    method: "a wrong method: 405 with Allow",
    path: "a wrong path: 404",
    "no-cid": "no cid: 400 MISSING_CID",
    "no-stream": "no stream for the cid: 400 NO_SESSION",
    "no-token": "no token: 401 UNAUTHORIZED",
    "bad-token": "a bad token: 401 UNAUTHORIZED",
    "expired-token": "an expired token: 401 UNAUTHORIZED",
    "client-id": "a clientID that is not the token's: 401 UNAUTHORIZED",
    role: "a role that may not: failed response, 403 FORBIDDEN",
    "too-large": "a body over the limit: 413 TOO_LARGE",
    "read-only": "writing what is read-only: failed response, 400 NOT_WRITABLE",
    "write-only": "reading what is write-only: failed response, 400 NOT_READABLE",
    schema: "input against the schema: failed response, 400 INVALID_INPUT; no handler is called",
    "foreign-cid": "another client's cid: 400 NO_SESSION, and nothing appears on that client's stream",
    depth: "JSON over the depth limit: 400 INVALID_ENVELOPE",
    "open-requests": "too many open requests: 429 TOO_MANY_REQUESTS with Retry-After; others are served",
    subscriptions: "too many subscriptions: failed response, 429 TOO_MANY_SUBSCRIPTIONS",
});

const SURVIVAL = rules("issue 3, Behaviour that must hold", "SURVIVE", {
    "throwing-handler":
        "a handler that throws fails its request alone: 500 HANDLER_FAILED with a title that tells nothing",
    "refusing-handler": "a handler that throws an error with a status from 400 to 499 gives its message as the title",
    "silent-handler": "a handler that never answers holds up nobody",
    "vanishing-client": "a client that vanishes mid-request harms nobody",
    "bad-input": "after every bad input the server and every other client go on",
    "reverse-order": "100 requests in flight, answered in reverse order: each caller gets its own answer (item 4)",
    "own-answers": "two connections of one client get only their own answers (item 4)",
});

// What the page says of January's client, of Last-Event-ID and of resuming belongs to later issues.
const STREAM = rules("protocol.md, Stream", "STREAM", {
    ping: "the first block is an sse-ping with a data line, and comes at once",
    events: "event is request, response, notification or sse-ping; nothing else is ever sent",
    "one-line": "data is one JSON envelope on one line, whatever line breaks a value holds",
    "no-bare-blocks": "never a block with only id or retry, an event name without data, or data without an event name",
    "no-content-encoding": "we send no Content-Encoding",
    "size-limit": "a response over 8 MiB is never sent: the caller gets RESPONSE_TOO_LARGE (design.md, Delivery)",
    "new-cid": "a redial with a new cid and the old correlation and message ids is served like any other",
    "same-cid":
        "a second stream with the same (client, cid) replaces the old one, which ends with the comment `replaced`",
    "same-cid-other-client": "the key is (client, cid): equal cids of two clients are two sessions",
    "end-forgets": "subscriptions live with the connection: a stream that is gone gets nothing, and a new one has none",
    "token-end": "a stream ends when the token that opened it expires (design.md, Delivery)",
    shutdown: "a server that shuts down closes its streams and sockets",
});

const ENVELOPES = rules("protocol.md, Envelopes, August 2026", "ENV", {
    response:
        "a response has messageType, operation, thingID, name, output, status, ids, timestamp as on the page, no more",
    failed: "a failed response has status failed, and error with status, type and title",
    notification: "a notification has messageType, affordanceType, thingID, name, value, messageID, timestamp",
    "unknown-members": "unknown members of a request are ignored (recorded)",
    "null-members": "input, name and thingID of a request may be null",
    "no-correlation": "a request without correlationID is answered with one that the server made up (recorded)",
    "no-correlation-subscribe": "a subscription without correlationID is acknowledged without one, and subscribes",
    sender: "senderID of a request is replaced by the authenticated client; responses of own Things have an empty one",
    "unique-ids": "ids that the server makes are never the same twice",
    "equal-ids": "equal correlation ids of two clients do not collide (Known weaknesses of the reference)",
    progress:
        "progress is a notification with affordanceType action, the correlation id, and a response envelope with status running as value",
    "progress-audience": "progress goes to the caller and to observers of the action, to nobody else",
    "action-id": "the action id is the correlation id of invokeaction; queryaction and cancelaction take it as input",
    "own-latest": "queryaction and cancelaction without input mean the caller's own latest invocation",
    "cancelled-invocation": "the invocation that was cancelled is answered with a failed response: CANCELLED",
    wildcard: "thingID and name select, and empty or absent means all: without both a subscription covers all Things",
    "not-observable": "observing a property that is not observable: failed response, 400 NOT_OBSERVABLE",
    "all-ends-single": "unsubscribe all and unobserve all end single subscriptions too",
    "once-per-stream": "overlapping subscriptions of one stream deliver a notification once",
    "two-clients": "each subscriber gets each notification, in the order in which they were made",
    "non-json": "content that is no JSON travels as a string (text) or as base64 (issue 3, item 4)",
    "uri-variables": "uriVariables travel as the query of the POST",
    "json-values": "every kind of JSON value comes back as it went: null, numbers, nesting, odd names",
});

const JANUARY = [
    ...rules("protocol.md, Envelopes, January 2026", "JAN", {
        response:
            "a response has value in place of output, no status, no consumerID; error, value, name and senderID always",
        "action-id":
            "actionID is the action's id in both dialects: an invocation of one is queried and cancelled in the other",
        decodable: "nothing comes on a stream of January that its Go client cannot decode (issue 4, deliverable 1)",
        "message-type": "messageType is required (recorded, 05-errors n = 16)",
        value: "a member of the wrong type inside value: 400 INVALID_ENVELOPE",
    }),
    ...rules("protocol.md, Endpoints", "JAN", {
        accepted: "a response or notification is answered with 200",
        "without-stream": "a POST without a session is read by what its envelope shows (design.md, One message model)",
        td: "streamPath decides which dialect the TDs name",
        "js-client":
            "HiveOT's JavaScript client logs in, opens its stream over HTTP/1.1, POSTs over HTTP/2, and refreshes",
    }),
    ...rules("issue 6, Resume", "JAN", {
        resume: "its Go client resumes with its cid and Last-Event-ID, though it knows nothing of features",
    }),
    ...rules("issue 4, deliverable 1", "JAN", {
        "side-by-side": "a consumer of one dialect and a consumer of the other use the same Things at the same time",
        replaces: "a stream of another dialect with the same (client, cid) ends the old session (design.md, Delivery)",
    }),
    ...rules("issue 4, deliverable 2", "DIALECT", {
        third: "a converter of a user is spoken in server and client, beside the other dialects",
        harmless: "a converter that throws harms its own dialect alone, and no client hears of internals",
        lines: "text of several lines is framed and read",
        "encoded-once": "a notification is encoded once for all streams of a dialect",
        gone: "a request in a dialect of one's own, without a stream: 400 NO_SESSION",
    }),
];

const RECORDED = rules("issue 4, deliverable 3", "REC", {
    server: "every recorded request gets the recorded answer, save for what deviations.json lists",
    client: "every recorded stream and reply is understood by our client",
    hub: "issue 5, 8: every recorded request of agents and consumers gets the recorded answer from our hub, save for what is listed",
    agent: "issue 5, 8: asked by a recorded gateway, our agent sends what the recorded one sent, save for what is listed",
    deviations: "a deviation is of a kind that may be, gives a reason, and is needed",
    all: "every recording is replayed, both ways",
    live: "our live runs with HiveKit are replayed, both ways",
    td: "the recorded TDs are normalised, valid for core, and consumed with the Scripting API as recorded",
});

const TD = rules("protocol.md, TD conventions", "TD", {
    context: "@context is an array: the TD 1.1 URI and the hiveot prefix",
    base: "base is the full stream URL with scheme sse (sse-plain without TLS)",
    security:
        "one bearer scheme (jwt, header authorization, log-in URL as authorization), named by security as a string",
    "root-forms": "there is a root-level SSE-SC form with the operations on the whole Thing",
    resolved: "every SSE-SC form resolves to an sse URL of the request path, subprotocol sse-sc",
    "plain-shapes": "no descriptions as an object, no type or items as an array, where the Thing has none",
    ops: "the forms of an affordance name its own operations: properties no event operations",
    colons: "Thing ids with colons work in envelopes and, percent-encoded, in /things/{id}",
    valid: "the TD is valid, and node-wot consumes it",
});

/** TXT as TDD-05 of wot-http.md has it. */
const DISCOVERY = rules("protocol.md, Discovery", "DNSSD", {
    announced: "a server that is told to announces _wot._tcp with TXT td (absolute path), type and scheme",
    directory: "a directory is announced as _directory._sub._wot._tcp as well",
    withdrawn: "what stops is withdrawn",
    found: "what is announced is found; TXT type is Thing and scheme http where they are left out",
});

const THINGS = rules("design.md, Things side", "THINGS", {
    "absolute-forms": "expose() pushes absolute forms before it first awaits, and leaves thing.base alone",
    "shared-servient": "several servers share one servient, and each serves its own forms",
    "own-td": "each server renders its own TD: its own base, and its own SSE-SC forms first",
    "root-form": "every TD has at least one root-level SSE-SC form",
    "td-operations": "a TD names only operations that TD 1.1 knows",
    "one-form": "one SSE-SC form per affordance and server",
    "host-bound": "without baseUri the host of a form is the address bound",
    "host-all":
        "bound to all interfaces, the host is the first of the machine's addresses that the certificate covers, else localhost",
    "host-base-uri": "with baseUri the forms start with it",
    "host-request": "a TD over HTTP names the Host of the request if the certificate covers it, else not",
    "not-sse": "no SSE-SC form says subprotocol sse",
    "form-members":
        "a form has href without a query, subprotocol, op as array, hiveot:thingID, hiveot:name, hiveot:stream",
    "form-variables": "the href of an affordance with uriVariables ends in {?names}",
    "uri-variables": "uriVariables arrive as strings and are parsed and checked by their schema",
    "one-listener": "one node-wot listener per affordance, however many subscribe",
    eager: "readevent knows the latest event though nobody ever subscribed",
    lazy: "an event with a subscribe handler of its own is subscribed with the first subscriber, and released after the last",
    order: "notifications keep the order in which the script made them",
    "action-data": "an action handler finds progress(value) and signal in options.data",
});

const CLIENT = [
    ...rules("protocol.md, Stream", "CLIENT", {
        comments: "comments on the stream are skipped",
        "id-retry": "id and retry lines, with data or without, change nothing",
        crlf: "CRLF line ends are read",
        "multi-line": "data on several lines is one envelope",
        "repeated-ping": "a second sse-ping changes nothing",
        "content-encoding": "Content-Encoding: none on the stream is tolerated",
        split: "blocks may come in any number of pieces, cut anywhere",
        "unknown-event": "an unknown event type, and data that is no envelope, are skipped",
        early: "a response before the reply to its POST is taken",
        reordered: "responses in another order than the requests find their own",
    }),
    ...rules("protocol.md, Endpoints", "CLIENT", {
        headers: "every request carries Authorization: bearer, cid and clientID; the cid is that of the stream",
        login: "log-in sends {username, password} and takes the token as a JSON string",
        "opaque-token": "a token that is no JWT is used as it is",
        jwt: "a JWT is used as it is",
        "given-token": "with a token in place of a password nobody logs in",
        relogin: "after a 401 the client logs in again once, and the request is made",
        "relogin-fails": "a wrong password is reported as UNAUTHORIZED or INVALID_CREDENTIALS, and ends it",
        "any-2xx": "any 2xx reply to a POST is success",
    }),
    ...rules("protocol.md, Envelopes, August 2026", "CLIENT", {
        operations: "every recorded operation succeeds with the recorded output",
        errors: "a failed response rejects with its status and title, whatever its type",
        "progress-without-id": "progress without a correlation id reaches the invocation",
        "filled-consumer": "a filled consumerID, unknown members and a short timestamp are tolerated",
        "unique-ids": "correlation ids and message ids are never the same twice",
    }),
    ...rules("protocol.md, TD conventions", "CLIENT", {
        "foreign-td": "a TD of the reference (relative hrefs, all forms alike, foreign operations) is consumed",
        "form-members": "a TD of ours is consumed by what its forms say",
    }),
    ...rules("design.md, Client side", "CLIENT", {
        "one-connection": "one stream serves all Things of a factory; on HTTP/2 one TCP connection carries everything",
        http1: "a server that speaks HTTP/1.1 only is served as well",
        reconnect: "a stream that ends is opened again, and what was subscribed is subscribed again",
        "lost-requests":
            "an open request on a dropped stream is repeated if it is safe, else it fails with OUTCOME_UNKNOWN",
        destroy: "after servient.shutdown() the stream is closed",
        "foreign-origin": "credentials go to no other origin than theirs",
        untrusted: "a certificate that is not trusted, for another host or expired is refused before anything is sent",
    }),
];

/** The ids are those of wot-http.md; what is about the server as a whole (TDD-01, -02, -05, -06) is not here. */
const DIRECTORY = [
    ...rules("wot-http.md, Discovery", "TDD", {
        "01": "the URL that a directory gives out answers with its TD",
        "02": "/.well-known/wot has the TD of whoever answers there",
        "06": "without credentials: 401 with WWW-Authenticate",
        "03": "a TD: GET 200 application/td+json or json; HEAD",
        "04": "the directory's TD: @type ThingDirectory, the discovery context, property things",
        "10": "errors are Problem Details in UTF-8",
        "11": "HEAD wherever GET",
        "12": "writes are guarded",
        "13": "PUT /things/{id}: new 201, existing 204; json is taken; another id inside: 400",
        "14": "POST /things without id: 201, Location with the new id",
        "15": "that id appears in the TD",
        "16": "GET /things/{id}: 200; unknown 404",
        "17": "PATCH with a merge patch: 204; {} renews the ttl",
        "18": "DELETE: 204",
        "19": "GET /things: 200, an array, application/ld+json or json",
        "20": "ascending by id in code points, not UTF-16",
        "21": "more left: Link with rel next, all arguments kept",
        "22": "each page: Link with rel canonical and etag",
        "23": "a TD with registration has the discovery context",
        "24": "times are RFC 3339",
        "25": "ttl sets expires, the client's is ignored",
        "26": "an invalid TD: 400 Problem Details with validationErrors",
        "30": "events as an event stream at /events",
        "31": "event is thing_created, thing_updated or thing_deleted",
        "32": "/events/{type} filters",
        "33": "data is JSON with id at least",
        "34": "events have ids, and are replayed after Last-Event-ID",
        "35": "diff=true: created carries the TD, updated a merge patch with id",
        "36": "diff=true is ignored for thing_deleted",
    }),
    ...rules("design.md, Hub", "DIR", {
        durable: "what was acknowledged survives a killed process, and nothing is half-written",
        owner: "a TD belongs to the client that wrote it; a second owner of the same id gets a 409",
        "own-operations": "TDs with HiveOT's own operations are accepted (issue 5, deliverable 3)",
        recorded: "what HiveKit's agents write is accepted (fixtures/hivekit-2026-08)",
        limits: "10,000 TDs, a TD of 50 MB, prototype-polluting members: errors and limits (issue 5)",
    }),
];

const HUB: readonly Requirement[] = rules("issue 5, deliverable 8", "HUB", {
    scenarios: "what holds for a Thing of the server holds for one of an agent, end to end",
});

/** Every rule, by id. */
export const REQUIREMENTS: ReadonlyMap<string, Requirement> = new Map(
    [
        ...OPERATIONS,
        ...ENDPOINTS,
        ...HTTP_RULES,
        ...BAD_INPUT,
        ...SURVIVAL,
        ...STREAM,
        ...ENVELOPES,
        ...JANUARY,
        ...RECORDED,
        ...TD,
        ...DISCOVERY,
        ...THINGS,
        ...CLIENT,
        ...DIRECTORY,
        ...HUB,
    ].map((rule) => [rule.id, rule])
);

/** A title that cites requirements. */
export function cite(ids: readonly string[], title: string): string {
    return `${ids.map((id) => `[${id}]`).join(" ")} ${title}`;
}

/** A test that cites requirements. */
export function req(ids: string | readonly string[], title: string, test: Mocha.AsyncFunc | Mocha.Func): Mocha.Test {
    return it(cite(typeof ids === "string" ? [ids] : ids, title), test);
}
