/**
 * Rounds in which a hub on a store is killed in the middle of writes of all kinds, started again, and asked for everything that it
 * had acknowledged: accounts, tokens (that is the signing keys, old and new), logged-out sessions, TDs and latest events.
 */
import { expect } from "chai";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { Envelope } from "../conformance/raw/event-stream";
import { Http1Wire, RawClient, type RawResponse } from "../conformance/raw/raw-client";
import { temporaryFolder } from "../support/certificates";
import { onEnd, tdOf } from "./harness";
import { PASSWORD, ROTATE } from "./members";

const AGENT = "agent1";
const CONSUMER = "consumer1";
/** Things whose events are counted; the first publishes alone, the other in batches. */
const SOURCES = ["urn:source:single", "urn:source:batch"] as const;
const NAMES = ["tick", "tock", "chime"] as const;
const BATCH = 20;
/** All keys are kept as long as tokens of theirs live. */
const TOKENS_PER_KEY = 12;

/** What a run had acknowledged, and what was missing of it afterwards. */
export interface Figures {
    accounts: number;
    tokens: number;
    rotations: number;
    logouts: number;
    tds: number;
    events: number;
    readonly missing: string[];
}

/** A hub in a process of its own. */
class Hub {
    readonly #clients: RawClient[] = [];
    #isKilled = false;

    private constructor(
        readonly child: ChildProcess,
        private readonly origin: string
    ) {}

    static async start(folder: string): Promise<Hub> {
        const child = fork(join(__dirname, "persistent-hub.ts"), [folder], {
            execArgv: ["--import", "tsx"],
            stdio: ["ignore", "inherit", "inherit", "ipc"],
        });
        const [{ port }] = (await once(child, "message")) as [{ port: number }];
        const hub = new Hub(child, `http://127.0.0.1:${String(port)}`);
        onEnd(() => hub.kill());
        return hub;
    }

    client(token?: string): RawClient {
        const client = new RawClient(new Http1Wire({ origin: this.origin }));
        client.token = token;
        this.#clients.push(client);
        return client;
    }

    /** Adds an account of that name, or replaces the signing key; resolves when the hub says that it is done. */
    order(order: string): Promise<void> {
        return new Promise((resolve, reject) => {
            const told = ({ done }: { done?: string }): void => {
                if (done !== order) return;
                this.child.off("exit", reject).off("message", told);
                resolve();
            };
            this.child.on("message", told).once("exit", reject);
            this.child.send(order, (error) => {
                if (error !== null) reject(error);
            });
        });
    }

    /** Repeats a piece of work until the hub is killed. */
    async untilKilled(work: () => Promise<void>): Promise<void> {
        const isKilled = (): boolean => this.#isKilled;
        while (!isKilled()) {
            try {
                await work();
            } catch (error) {
                if (!isKilled()) throw error;
            }
        }
    }

    async kill(): Promise<void> {
        this.#isKilled = true;
        if (this.child.exitCode === null && this.child.signalCode === null) {
            const exit = once(this.child, "exit");
            this.child.kill("SIGKILL");
            await exit;
        }
        await Promise.all(this.#clients.splice(0).map((client) => client.close()));
    }
}

/** All that a hub had acknowledged, over all rounds. */
class Acknowledged {
    readonly accounts = new Set<string>([AGENT, CONSUMER]);
    readonly tokens = new Set<string>();
    readonly loggedOut = new Set<string>();
    /** Version by id. */
    readonly tds = new Map<string, number>();
    /** Number by Thing and name; `sent` may be one further. */
    readonly events = new Map<string, { sent: number; acknowledged: number }>();
    rotations = 0;
    total = 0;
    eventCount = 0;
    #version = 0;

    nextVersion(): number {
        return ++this.#version;
    }

    event(thingId: string, name: string): { sent: number; acknowledged: number } {
        const key = `${thingId} ${name}`;
        const known = this.events.get(key) ?? { sent: 0, acknowledged: 0 };
        this.events.set(key, known);
        return known;
    }
}

function expectStatus(reply: RawResponse, ...statuses: readonly number[]): RawResponse {
    expect(statuses, reply.body).to.include(reply.status);
    return reply;
}

async function logIn(hub: Hub, username: string): Promise<RawClient> {
    const client = hub.client();
    expectStatus(await client.login(username, PASSWORD), 200);
    return client;
}

function putThing(client: RawClient, id: string, title: string): Promise<RawResponse> {
    const events = Object.fromEntries(NAMES.map((name) => [name, { data: { type: "integer" } }]));
    return client.request("PUT", `/things/${id}`, {
        headers: { ...client.headers(), "content-type": "application/td+json" },
        body: JSON.stringify(tdOf(id, { title, events })),
    });
}

function notification(thingID: string, name: string, value: number): Envelope {
    return {
        messageType: "notification",
        affordanceType: "event",
        thingID,
        name,
        value,
        messageID: `${thingID}-${name}-${String(value)}`,
        senderID: AGENT,
        timestamp: new Date().toISOString(),
    };
}

/** Writes of all kinds at once, until so many are acknowledged: then the hub is killed, whatever is under way. */
async function writeAndKill(hub: Hub, known: Acknowledged, round: number, count: number): Promise<void> {
    const agent = await logIn(hub, AGENT);
    const refreshing = await logIn(hub, CONSUMER);
    const kinds = new Set<string>();
    let acknowledged = 0;
    let killing: Promise<void> | undefined;
    const acknowledge = (kind: string): void => {
        known.total++;
        acknowledged++;
        kinds.add(kind);
        if (acknowledged >= count && kinds.size === 7) killing ??= hub.kill();
    };
    await Promise.all([
        hub.untilKilled(async () => {
            const username = `user-${String(round)}-${String(known.accounts.size)}`;
            await hub.order(username);
            known.accounts.add(username);
            acknowledge("account");
        }),
        hub.untilKilled(async () => {
            const reply = expectStatus(await refreshing.post("/authn/refresh", JSON.stringify(refreshing.token)), 200);
            refreshing.token = JSON.parse(reply.body) as string;
            known.tokens.add(refreshing.token);
            acknowledge("token");
            if (known.tokens.size % TOKENS_PER_KEY > 0) return;
            await hub.order(ROTATE);
            known.rotations++;
            acknowledge("rotation");
        }),
        hub.untilKilled(async () => {
            const leaving = await logIn(hub, CONSUMER);
            expectStatus(await leaving.post("/authn/logout", ""), 204);
            known.loggedOut.add(leaving.token!);
            await leaving.close();
            acknowledge("logout");
        }),
        hub.untilKilled(async () => {
            const version = known.nextVersion();
            const id = version % 2 === 0 ? "urn:changing" : `urn:new:${String(version)}`;
            expectStatus(await putThing(agent, id, String(version)), 201, 204);
            known.tds.set(id, version);
            acknowledge("td");
        }),
        ...NAMES.map((name) =>
            hub.untilKilled(async () => {
                const event = known.event(SOURCES[0], name);
                const value = ++event.sent;
                expectStatus(await agent.post("/hiveot/notification", notification(SOURCES[0], name, value)), 204);
                event.acknowledged = value;
                known.eventCount++;
                acknowledge("event");
            })
        ),
        hub.untilKilled(async () => {
            const lines: string[] = [];
            for (let line = 0; line < BATCH; line++) {
                const name = NAMES[line % NAMES.length]!;
                lines.push(JSON.stringify(notification(SOURCES[1], name, ++known.event(SOURCES[1], name).sent)));
            }
            const type = { "content-type": "application/x-ndjson" };
            expectStatus(await agent.post("/hiveot/notification", lines.join("\n"), type), 204);
            for (const name of NAMES) {
                const event = known.event(SOURCES[1], name);
                event.acknowledged = event.sent;
            }
            known.eventCount += BATCH;
            acknowledge("batch");
        }),
    ]);
    await killing;
}

/** Asks a hub that was started again for everything; what is not as it was acknowledged is named. */
async function findMissing(hub: Hub, known: Acknowledged, count: number): Promise<string[]> {
    const missing: string[] = [];
    const expectThat = (what: string, isThere: boolean): void => {
        if (!isThere) missing.push(what);
    };
    const consumer = hub.client();
    await consumer.connect(CONSUMER, PASSWORD);

    expectThat(`all of ${String(known.accounts.size)} accounts`, count >= known.accounts.size);
    const names = [...known.accounts];
    // Each of them would take long: passwords are slow to check
    for (const name of names.slice(-3)) {
        const client = hub.client();
        expectThat(`account ${name}`, (await client.login(name, PASSWORD)).status === 200);
    }
    for (const [tokens, status] of [
        [known.tokens, 200],
        [known.loggedOut, 401],
    ] as const) {
        for (const token of tokens) {
            consumer.token = token;
            const reply = await consumer.request("GET", "/authn/profile", { headers: consumer.headers() });
            expectThat(status === 200 ? "a token" : "a logged-out session", reply.status === status);
        }
    }
    consumer.token = [...known.tokens].at(-1);

    for (const [id, version] of known.tds) {
        const { status, body } = await consumer.request("GET", `/things/${id}`, { headers: consumer.headers() });
        const title = status === 200 ? Number((JSON.parse(body) as Envelope)["title"]) : Number.NaN;
        expectThat(`version ${String(version)} of ${id}`, title >= version);
    }
    for (const thingID of SOURCES) {
        for (const name of NAMES) {
            const { sent, acknowledged } = known.event(thingID, name);
            const { envelope } = await consumer.call({ operation: "readevent", thingID, name });
            const value = Number((envelope["output"] as Envelope | undefined)?.["value"] ?? Number.NaN);
            expectThat(`${thingID} ${name} ${String(acknowledged)}`, value >= acknowledged && value <= sent);
        }
    }
    return missing;
}

/** Runs so many rounds on one store. */
export async function killAndRestart(rounds: number): Promise<Figures> {
    const folder = mkdtempSync(join(temporaryFolder(), "persistence-"));
    const known = new Acknowledged();
    const missing: string[] = [];
    let hub = await Hub.start(folder);
    for (const username of known.accounts) await hub.order(username);
    const agent = await logIn(hub, AGENT);
    for (const id of SOURCES) expectStatus(await putThing(agent, id, "Source"), 201);
    for (let round = 0; round < rounds; round++) {
        // Another moment in each round
        await writeAndKill(hub, known, round, 60 + ((37 * round) % 101));
        hub = await Hub.start(folder);
        // It says how many accounts it has when it is told of one that is there already
        hub.child.send(CONSUMER);
        const [{ accounts }] = (await once(hub.child, "message")) as [{ accounts: number }];
        missing.push(...(await findMissing(hub, known, accounts)).map((what) => `round ${String(round)}: ${what}`));
    }
    await hub.kill();
    return {
        accounts: known.accounts.size,
        tokens: known.tokens.size,
        rotations: known.rotations,
        logouts: known.loggedOut.size,
        tds: known.tds.size,
        events: known.eventCount,
        missing,
    };
}

/** One line of what was acknowledged. */
export function print(rounds: number, { accounts, tokens, rotations, logouts, tds, events, missing }: Figures): void {
    const kinds = [
        `${String(accounts)} accounts`,
        `${String(tokens)} tokens`,
        `${String(rotations)} new keys`,
        `${String(logouts)} log-outs`,
        `${String(tds)} TDs`,
        `${String(events)} events`,
    ];
    console.log(
        `      killed ${String(rounds)} times, acknowledged ${kinds.join(", ")}; missing ${String(missing.length)}`
    );
}
