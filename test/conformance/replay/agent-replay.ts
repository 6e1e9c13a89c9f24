/**
 * Plays the gateway's side of recorded agents to our agent: it is asked what the recorded agent was asked, by the recorded bytes, its
 * Thing does what the recorded one did, and what it POSTs is compared with what that POSTed.
 */
import { Servient } from "@node-wot/core";
import { SseScAgent } from "../../../src/index";
import { certificate } from "../../support/certificates";
import type { Transport } from "../../support/set-ups";
import { type Block, type Envelope, parseBlock } from "../raw/event-stream";
import { RawHub } from "../raw/raw-hub";
import type { Dialect } from "../raw/raw-client";
import { exchangesOf, type Exchange, readSteps } from "../raw/recordings";
import type { SeenRequest } from "../raw/scripted-server";
import { compareBlocks, type Difference } from "./comparison";
import { RecordedThings, type State } from "./recorded-things";

/** How to replay the gateway's side of a recording. */
export interface AgentPart {
    /** Below test/fixtures. */
    readonly file: string;
    readonly state: State;
    /** Default: that of the state. */
    readonly dialect?: Dialect;
    /** The hub has a directory. Default: it has where the state has one. */
    readonly hasDirectory?: boolean;
    /** The `cid` of the agent. */
    readonly cid: string;
    /** The recorded agent's Thing, where its id is no URI: node-wot takes nothing else. As it stands in the file, from the quote on to the backslash. */
    readonly renamed?: Readonly<Record<string, string>>;
    /** Brings the Thing into the state in which the recording found it. */
    readonly prepare: (things: RecordedThings) => void;
    /** What happened on the Thing ahead of what the agent sent, by its number. */
    readonly before?: Readonly<Record<number, (things: RecordedThings) => void | Promise<void>>>;
}

/** What one recorded POST of the agent came to. */
export interface Posted {
    readonly n: number;
    readonly differences: readonly Difference[];
}

/** January's hub has none: the TDs go by its configuration. */
const noDirectory = { directory: false } as const;

/** Milliseconds that a POST may take which was recorded. */
const PATIENCE = 1000;

const KINDS: Readonly<Record<string, string>> = {
    "/hiveot/request": "request",
    "/hiveot/response": "response",
    "/hiveot/notification": "notification",
};

/** Plays one recording; gives what was POSTed in place of each recorded POST, and whatever else was as the last one. */
export async function playAgent(part: AgentPart, transport: Transport): Promise<Posted[]> {
    const steps = readSteps(part.file, part.renamed);
    const exchanges = exchangesOf(steps);
    const stream = exchanges.find(({ headers, method }) => method === "GET" && headers["cid"] === part.cid);
    const { key, cert } = await certificate();
    const tls = transport === "plain h1" ? undefined : { key, cert };
    const { dialect = part.state === "january" ? "rrn-2025" : "rrn" } = part;
    const { hasDirectory = dialect === "rrn" } = part;
    const hub = await RawHub.start({ tls, http1Only: transport === "TLS h1", dialect });
    hub.refuse = (action) => refusalOf(exchanges, stream, action);
    const servient = new Servient();
    const config = { hub: hub.url, reconnect: { min: 1, max: 40 } };
    servient.addServer(
        new SseScAgent({
            ...config,
            ...(hasDirectory ? {} : noDirectory),
            ...(tls === undefined ? {} : { caCert: cert }),
        })
    );
    const posted: Posted[] = [];
    const taken = new Set<SeenRequest>();
    try {
        const things = await RecordedThings.expose(servient, part.state);
        part.prepare(things);
        await hub.server.stream();
        for (const step of steps) {
            if (step.kind === "block" && step.n === stream?.n && step.raw.startsWith("event: request\n")) {
                hub.server.send(step.raw);
            }
            const exchange = exchanges.find(({ n }) => step.kind === "request" && n === step.n);
            const kind = KINDS[exchange?.path ?? ""];
            if (exchange?.headers["cid"] !== part.cid || kind === undefined) continue;
            await part.before?.[exchange.n]?.(things);
            const mine = await hub.server
                .request((seen) => !taken.has(seen) && isTheSame(seen, exchange), isAsked(exchange) ? PATIENCE : 0)
                .catch(() => undefined);
            if (mine !== undefined) taken.add(mine);
            posted.push({
                n: exchange.n,
                differences: compareBlocks([blockOf(exchange)], mine ? [blockOf(mine)] : []),
            });
        }
        const rest = hub.server.seen.filter((seen) => KINDS[seen.path] !== undefined && !taken.has(seen));
        const n = posted.at(-1)?.n ?? 0;
        return [...posted, ...rest.map((each) => ({ n, differences: compareBlocks([], [blockOf(each)]) }))];
    } finally {
        await servient.shutdown();
        await hub.stop();
    }
}

/** Ours writes each TD once, so nobody waits for a second time. */
function isAsked({ envelope }: Exchange): boolean {
    return envelope?.["name"] !== "updateThing";
}

function isTheSame(seen: SeenRequest, { path, envelope }: Exchange): boolean {
    const members =
        path === "/hiveot/response" ? ["correlationID"] : ["operation", "affordanceType", "thingID", "name"];
    return seen.path === path && members.every((member) => seen.envelope?.[member] === envelope?.[member]);
}

/** An id of the agent's own is any id; in what it answers the ids are the gateway's. */
function blockOf({ path, body }: { readonly path: string; readonly body: string }): Block {
    const block = parseBlock(`event: ${KINDS[path] ?? ""}\ndata: ${body}\n\n`);
    const own: Envelope = path === "/hiveot/request" ? { correlationID: "<made up>" } : {};
    return { ...block, json: { ...block.json, ...own } };
}

/** What the recorded directory refused a write with. */
function refusalOf(exchanges: readonly Exchange[], stream: Exchange | undefined, action: string): object | undefined {
    const asked = exchanges.find(
        ({ headers, envelope }) => headers["cid"] === stream?.headers["cid"] && envelope?.["name"] === action
    );
    const answer = asked?.blocks.map(parseBlock).find(({ event }) => event === "response");
    const error = answer?.json?.["error"];
    return typeof error === "object" && error !== null ? error : undefined;
}
