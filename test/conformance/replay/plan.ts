/**
 * What each recording needs to be replayed to a server: who made it, on what Things, in what state they were, and what else happened
 * of which the recording shows only the effect.
 */
import type { AgentPart } from "./agent-replay";
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
    /** Whose token it is in requests with one of these `cid`. */
    readonly cids?: Readonly<Record<string, string>>;
    /**
     * Texts of the recording, and those as which all is replayed: ids of digital twins as those of the agents' Things, because our hub
     * makes no twins; where the hub was ours, the ids of its own requests as those of the consumers', which HiveKit's hub passes on.
     */
    readonly same?: Readonly<Record<string, string>>;
    /** Numbers of exchanges that are an agent's, or in its name, so that no consumer hears the replies. */
    readonly agents?: readonly number[];
    /** The `cid` of an agent, whose exchanges no consumer has. */
    readonly agentCid?: string;
    /** What happened on the Things ahead of a request, by its number. */
    readonly before?: Readonly<Record<number, (things: RecordedThings) => void | Promise<void>>>;
    /** What happened on the Things after a request, by its number. */
    readonly after?: Readonly<Record<number, (things: RecordedThings) => void | Promise<void>>>;
    /** Who answered was no HiveKit: only that a request succeeds, and what it is about, is compared. */
    readonly scripted?: boolean;
}

/** What a hub of the recordings has besides agents. */
interface HubPlan {
    /** It exposes the Thing of the state too. Default: true. */
    readonly ownThings?: boolean;
    /** TDs of agents that write none: January has no directory. */
    readonly descriptions?: readonly { readonly td: Readonly<Record<string, unknown>>; readonly agent: string }[];
}

/** Recordings that one server answered, one after the other, so that what happened in one shows in the next. */
export interface Run {
    /** Whose Thing is exposed. */
    readonly state: State;
    readonly parts: readonly Part[];
    readonly accounts: readonly Account[];
    /** The server is a hub. */
    readonly hub?: HubPlan;
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

/** The agent's Thing of January, whose twin the recorded hub's consumers used. */
const TWIN = { "dtw:agent1:thing1": "thing1" };
const THING1 = {
    td: {
        "@context": ["https://www.w3.org/2022/wot/td/v1.1"],
        id: "thing1",
        title: "Thing 1 of the agent",
        securityDefinitions: { nosec_sc: { scheme: "nosec" } },
        security: "nosec_sc",
        properties: { level: { type: "integer" }, count: { type: "integer" }, label: { type: "string" } },
        actions: { increment: {}, slow: {}, fail: {}, emit: {} },
        events: { overheated: { data: { type: "integer" } } },
    },
    agent: "agent1",
};

/** All recordings of servers. */
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
        // 2 to 9 are the answers of an agent to requests of the hub, 10 to 12 its notifications.
        parts: [{ file: `${JANUARY}/08-js-client.jsonl`, client: "agent1" }],
        accounts: [AGENT1],
        hub: { descriptions: [THING1] },
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
                // The hub hands 9 to the agent of 8, and 10 answers in its place.
                same: TWIN,
                agents: [8, 9, 10],
            },
        ],
        accounts: [CLIENT1, CLIENT2, AGENT1],
        hub: { descriptions: [THING1] },
    },
    {
        state: "january",
        parts: [
            {
                file: `${JANUARY}/07-agent.jsonl`,
                client: "agent1",
                cids: { HScNpRROgz: "client1", y0cNpggdgz: "client1" },
                same: TWIN,
                agentCid: "kmKNpggdgz",
            },
        ],
        accounts: [CLIENT1, AGENT1],
        hub: { descriptions: [THING1] },
    },
    ...(
        [
            ["gateway-plain", {}, "HgimhggdRz"],
            ["gateway-digitwin", { "dtw:agent1:counter": "counter" }, "a4lBpgRORM"],
        ] as const
    ).map(([name, same, agentCid]): Run => ({
        state: "august",
        parts: [{ file: `${AUGUST}/${name}.jsonl`, client: "admin1", same, agentCid }],
        accounts: [...august("admin"), { username: "agent1", password: "password of agent", role: "service" }],
        hub: { ownThings: false },
    })),
    {
        state: "august",
        parts: [{ file: `${AUGUST}/agent-role-device.jsonl`, client: "device1" }],
        accounts: august("device"),
        hub: { ownThings: false },
    },
    {
        state: "august",
        parts: [{ file: `${AUGUST}/directory-http.jsonl`, client: "admin1", same: { "dtw:admin1:http1": "http1" } }],
        accounts: august("admin"),
        hub: { ownThings: false },
    },
];

/** The counter of the recorded agents, as it was found. */
function prepareCounter({ august: counter }: RecordedThings): void {
    counter.count = 1;
    counter.limit = 10;
}

const tellCount =
    (value: number) =>
    ({ august: counter }: RecordedThings): Promise<void> =>
        counter.setCount(value);

const tellLimit = ({ august: counter }: RecordedThings): Promise<void> => counter.thing.emitPropertyChange("limit");

const tellOverflow =
    (value: number) =>
    ({ august: counter }: RecordedThings): void => {
        counter.thing.emitEvent("overflow", value);
    };

/** Recordings of agents, whose gateway's side is played to ours. */
export const AGENTS: readonly AgentPart[] = [
    {
        file: `${AUGUST}/gateway-plain.jsonl`,
        state: "august",
        cid: "HgimhggdRz",
        prepare: prepareCounter,
        before: {
            6: tellCount(1),
            7: tellLimit,
            26: tellCount(1),
            27: tellOverflow(1),
            32: tellCount(2),
            33: tellOverflow(2),
        },
    },
    {
        file: `${AUGUST}/gateway-digitwin.jsonl`,
        state: "august",
        cid: "a4lBpgRORM",
        renamed: { '"counter\\': '"urn:counter\\' },
        prepare: prepareCounter,
        before: {
            5: tellCount(1),
            6: tellLimit,
            26: tellCount(1),
            27: tellOverflow(1),
            31: tellCount(2),
            32: tellOverflow(2),
        },
    },
    {
        file: `${AUGUST}/agent-role-device.jsonl`,
        state: "august",
        cid: "gHgLpRRdgM",
        renamed: { '"dev\\': '"urn:counter\\' },
        prepare: prepareCounter,
        before: { 4: tellCount(1), 5: tellLimit },
    },
    {
        file: `${JANUARY}/07-agent.jsonl`,
        state: "january",
        cid: "kmKNpggdgz",
        renamed: { '"thing1\\': '"urn:hk25:thing1\\' },
        prepare: ({ january: thing }) => {
            Object.assign(thing, { level: 5, label: "agent", progress: [30, 60] });
        },
    },
];
