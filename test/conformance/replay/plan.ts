/**
 * What each recording needs to be replayed to a server: who made it, on what Things, in what state they were, and what else happened
 * of which the recording shows only the effect.
 */
import type { RecordedThings, State } from "./recorded-things";

/** An account that a recording shows. */
export interface Account {
    readonly username: string;
    readonly password: string;
    readonly role: string;
}

/** How to replay one recording. */
export interface Part {
    /** Below test/fixtures. */
    readonly file: string;
    /** Whose token `<jwt>` is where the request has no clientID header; the header of others counts. */
    readonly client: string;
    /** Whose token it is in single requests, by number. */
    readonly clients?: Readonly<Record<number, string>>;
    /** What `<password>` stands for in single requests; else that of the account. */
    readonly passwords?: Readonly<Record<number, string>>;
    /** Streams that the recorded server ended, where the recording does not say who did; the others the client ended. */
    readonly endedByServer?: readonly number[];
    /** Numbers of exchanges that belong to agents and hubs (issue 5). */
    readonly issue5?: readonly number[];
    /** What happened on the Things ahead of a request, by its number. */
    readonly before?: Readonly<Record<number, (things: RecordedThings) => void | Promise<void>>>;
    /** What happened on the Things after a request, by its number. */
    readonly after?: Readonly<Record<number, (things: RecordedThings) => void | Promise<void>>>;
    /** Who answered was no HiveKit: only that a request succeeds, and what it is about, is compared. */
    readonly scripted?: boolean;
}

/** Recordings that one server answered, one after the other, so that what happened in one shows in the next. */
export interface Run {
    /** Whose Thing is exposed. */
    readonly state: State;
    readonly parts: readonly Part[];
    readonly accounts: readonly Account[];
    /** Brings the Things into the state in which the recordings found them. */
    readonly prepare?: (things: RecordedThings) => void | Promise<void>;
    /** Requests that had been made before the recording began: they show in what is queried. By whom, and the envelope. */
    readonly earlier?: readonly { readonly client: string; readonly envelope: Readonly<Record<string, unknown>> }[];
}

const AUGUST = "hivekit-2026-08";
const JANUARY = "hivekit-2026-01";

function august(...roles: readonly string[]): Account[] {
    return roles.map((role) => ({ username: `${role}1`, password: `password of ${role}`, role }));
}

const CLIENT1: Account = { username: "client1", password: "pass1", role: "service" };
const CLIENT2: Account = { username: "client2", password: "pass2", role: "service" };
const AGENT1: Account = { username: "agent1", password: "agentpass1", role: "service" };

/** All recordings of servers that expose Things. */
export const RUNS: readonly Run[] = [
    {
        state: "august",
        // At 32:46, 32:49 and 32:57 of the same hour, with the same server.
        parts: [
            { file: `${AUGUST}/consumer-operations.jsonl`, client: "admin1" },
            { file: `${AUGUST}/consumer-errors.jsonl`, client: "admin1" },
            { file: `${AUGUST}/consumer-api.jsonl`, client: "admin1" },
        ],
        accounts: august("admin"),
        prepare: (things) => {
            things.august.count = 3;
        },
    },
    {
        state: "august",
        parts: [{ file: `${AUGUST}/roles.jsonl`, client: "viewer1" }],
        accounts: august("viewer", "operator", "manager", "device"),
    },
    {
        state: "august",
        parts: [
            {
                file: `${AUGUST}/auth.jsonl`,
                client: "manager1",
                clients: { 16: "manager1" },
                passwords: { 11: "wrong" },
            },
            { file: `${AUGUST}/login-as-shipped.jsonl`, client: "manager1" },
        ],
        accounts: august("manager", "viewer"),
    },
    {
        state: "august",
        parts: [{ file: `${AUGUST}/protocol-errors.jsonl`, client: "manager1", clients: { 4: "manager1" } }],
        accounts: august("manager", "admin"),
    },
    {
        state: "august",
        parts: [{ file: `${AUGUST}/client-reconnect.jsonl`, client: "c1", scripted: true }],
        accounts: [{ username: "c1", password: "password of c1", role: "admin" }],
    },
    {
        state: "january",
        // From 32:37 to 32:41 of the same hour, with the same server.
        parts: [
            { file: `${JANUARY}/01-connect-ping.jsonl`, client: "client1" },
            { file: `${JANUARY}/02-properties.jsonl`, client: "client1" },
            {
                file: `${JANUARY}/03-actions.jsonl`,
                client: "client1",
                before: {
                    5: (things) => {
                        things.january.progress = [25, 50, 75];
                    },
                    // It was cancelled a millisecond later, ahead of its first progress.
                    6: (things) => {
                        things.january.progress = [];
                        things.january.held = true;
                    },
                },
            },
            { file: `${JANUARY}/04-events.jsonl`, client: "client1" },
            { file: `${JANUARY}/05-errors.jsonl`, client: "client2" },
        ],
        accounts: [CLIENT1, CLIENT2],
        prepare: (things) => {
            things.january.count = 2;
            things.january.level = 43;
        },
        earlier: [
            {
                client: "client1",
                envelope: {
                    messageType: "request",
                    operation: "invokeaction",
                    thingID: "urn:hk25:thing1",
                    name: "emit",
                    input: 93,
                    correlationID: "61NZpRgdR",
                    created: "2026-11-20T23:32:02.239Z",
                },
            },
        ],
    },
    { state: "january", parts: [{ file: `${JANUARY}/06-auth.jsonl`, client: "client2" }], accounts: [CLIENT2] },
    {
        state: "january",
        // 2 to 9 are the answers of an agent to requests of the hub, 10 to 12 its notifications: the server only takes them here.
        parts: [{ file: `${JANUARY}/08-js-client.jsonl`, client: "agent1" }],
        accounts: [AGENT1],
    },
    {
        state: "january",
        parts: [
            {
                file: `${JANUARY}/09-reconnect.jsonl`,
                client: "client1",
                endedByServer: [1],
                after: {
                    2: (things) => {
                        for (const value of [95, 96, 97, 98, 99]) things.january.emit(value);
                    },
                },
            },
            {
                file: `${JANUARY}/10-quirks.jsonl`,
                client: "client1",
                clients: { 8: "agent1", 10: "client2" },
                endedByServer: [12, 13],
                // A hub hands 9 to the agent of 8, and 10 answers in its place.
                issue5: [8, 9, 10],
            },
        ],
        accounts: [CLIENT1, CLIENT2, AGENT1],
    },
];

/** Recordings of agents and hubs: they are replayed with issue 5. */
export const ISSUE_5: readonly string[] = [
    `${AUGUST}/agent-role-device.jsonl`,
    `${AUGUST}/directory-http.jsonl`,
    `${AUGUST}/gateway-digitwin.jsonl`,
    `${AUGUST}/gateway-plain.jsonl`,
    `${JANUARY}/07-agent.jsonl`,
];
