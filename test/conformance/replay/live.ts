/** Our own live runs with HiveKit: recordings whose first line says which side was ours (test/fixtures/live). */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Envelope, parseBlock } from "../raw/event-stream";
import { fixture, readRecording, readSteps } from "../raw/recordings";
import type { Difference } from "./comparison";
import type { AgentPart } from "./agent-replay";
import type { Account, Run } from "./plan";

/** What the first line of a live run says of it. */
interface About {
    readonly client: string;
    readonly server: string;
    readonly dialect: string;
    /** Which side is this package: of `hub` and `agent` the consumer was HiveKit's, and so was the other of the two. */
    readonly ours: "client" | "server" | "hub" | "agent";
}

/** A live run. */
export interface LiveRun {
    readonly file: string;
    readonly about: About;
}

const FOLDER = "live";

/** What our server answers otherwise since the runs were made, anywhere in them; empty whenever they have been made again. */
export const CHANGED_SINCE: readonly Difference[] = [];

/** All live runs. */
export function liveRuns(): LiveRun[] {
    return readdirSync(join(__dirname, "../../fixtures", FOLDER))
        .filter((name) => name.endsWith(".jsonl"))
        .map((name) => {
            const file = `${FOLDER}/${name}`;
            const [first = ""] = fixture(file).split("\n", 1);
            return { file, about: (JSON.parse(first) as { about: About }).about };
        });
}

const ACCOUNTS: readonly Account[] = [
    { username: "admin1", password: "password of admin", role: "admin" },
    { username: "agent1", password: "password of agent", role: "device" },
];

/** How to replay a live run to our server or hub, with a wrong password where it was refused. */
export function runOf({ file, about }: LiveRun): Run {
    const refused = readRecording(file).filter(({ path, reply }) => path === "/authn/login" && reply.status === 401);
    const passwords = Object.fromEntries(refused.map(({ n }) => [n, "wrong"]));
    const part = { file, client: "admin1", passwords };
    return {
        state: "august",
        parts: [
            about.ours === "hub" ? { ...part, same: idsOfHops(file), cids: { [agentsCid(file)]: "agent1" } } : part,
        ],
        accounts: ACCOUNTS,
        ...(about.ours === "hub" ? { hub: { ownThings: false } } : {}),
    };
}

/** The agent dials first; January's says nowhere else who it is. */
function agentsCid(file: string): string {
    return (
        readRecording(file).find(({ method, headers }) => method === "GET" && headers["cid"] !== undefined)?.headers[
            "cid"
        ] ?? ""
    );
}

/** The ids that our hub gave its requests to the agent, and those of the consumer's requests that they were for. */
function idsOfHops(file: string): Record<string, string> {
    const asked: Envelope[] = [];
    const ids: Record<string, string> = {};
    for (const step of readSteps(file)) {
        if (step.kind === "request" && step.path === "/hiveot/request") asked.push(JSON.parse(step.body) as Envelope);
        const { event, json } = step.kind === "block" ? parseBlock(step.raw) : {};
        if (event !== "request" || json === undefined) continue;
        const index = asked.findIndex((each) => ["operation", "name"].every((member) => each[member] === json[member]));
        const [request] = index < 0 ? [] : asked.splice(index, 1);
        if (request !== undefined) ids[String(json["correlationID"])] = String(request["correlationID"]);
    }
    return ids;
}

/** How to replay the gateway's side of a live run to our agent. */
export function agentOf({ file, about }: LiveRun): AgentPart {
    return {
        file,
        state: "august", // the Thing was the counter
        dialect: about.dialect === "rrn-2025" ? "rrn-2025" : "rrn",
        hasDirectory: true,
        cid: agentsCid(file),
        prepare: (things) => {
            things.august.count = 0;
        },
    };
}
