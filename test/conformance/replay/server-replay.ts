/**
 * Replays recorded requests to our server, in order and each over the HTTP version that it was recorded with, with the streams open that
 * were open then, and collects what comes back.
 */
import { Servient } from "@node-wot/core";
import { setTimeout as delay } from "node:timers/promises";
import { SseScServer } from "../../../src/index";
import { certificate } from "../../support/certificates";
import { type Block, type Envelope, parseBlock, type RawStream, type ReplyHeaders } from "../raw/event-stream";
import { readJanuary } from "../raw/january";
import { Http1Wire, Http2Wire, type RequestHeaders, type Wire } from "../raw/raw-client";
import { type BlockStep, type EndStep, type Exchange, exchangesOf, readSteps, type Step } from "../raw/recordings";
import { type Arrival, attribute, recordedArrivals } from "./attribution";
import { compareBlocks, compareReplies, compareValues, type Difference, type Reply, withoutIdOf } from "./comparison";
import type { Account, Part, Run } from "./plan";
import { RecordedThings } from "./recorded-things";

/** How to reach the server: each request as it was recorded, or all of them by one way. */
export const WAYS = ["as recorded", "TLS h1", "plain h1"] as const;
export type Way = (typeof WAYS)[number];

/** What one exchange came to. */
export interface Replayed {
    readonly exchange: Exchange;
    readonly differences: readonly Difference[];
}

/** Not of the request itself, but of the connection that carried it; or of another body than ours with its token. */
const OF_THE_CONNECTION = new Set(["connection", "content-length", "host", "transfer-encoding", "accept-encoding"]);

const JANUARY_PATH = "/hiveot/sse";

/** How long to wait for a block that was recorded, in milliseconds. */
const PATIENCE = 2000;

/** How long to wait for the end of a stream that the recorded server ended, in milliseconds. */
const END_PATIENCE = 300;

interface OpenStream {
    readonly n: number;
    readonly stream: RawStream;
    readonly headers: RequestHeaders;
    readonly wire: Wire;
    read: number;
}

/** A server with the Things of the recordings, and a client that does what recorded clients did. */
export class ServerReplay {
    readonly #tokens = new Map<string, string>();
    readonly #issued = new Set<string>();
    /** Blocks of ours that a client of January could not decode, and why. */
    readonly faults: string[] = [];
    #fences = 0;

    private constructor(
        private readonly servient: Servient,
        private readonly things: RecordedThings,
        private readonly wires: Readonly<Record<"HTTP/1.1" | "HTTP/2.0", Wire>>,
        private readonly accounts: readonly Account[]
    ) {}

    static async start(run: Run, way: Way): Promise<ServerReplay> {
        const { key, cert } = await certificate();
        const secure = way !== "plain h1";
        const server = new SseScServer({
            port: 0,
            address: "127.0.0.1",
            accounts: [...run.accounts],
            ...(secure ? { serverKey: key, serverCert: cert } : {}),
        });
        const servient = new Servient();
        servient.addServer(server);
        const things = await RecordedThings.expose(servient, run.state);
        const origin = `${secure ? "https" : "http"}://127.0.0.1:${String(server.getPort())}`;
        const h1 = new Http1Wire({ origin, ca: cert });
        const h2 = way === "as recorded" ? new Http2Wire({ origin, ca: cert }) : h1;
        const replay = new ServerReplay(servient, things, { "HTTP/1.1": h1, "HTTP/2.0": h2 }, run.accounts);
        for (const account of run.accounts) await replay.#logIn(account);
        await run.prepare?.(things);
        for (const { client, envelope } of run.earlier ?? []) await replay.#once(client, envelope);
        return replay;
    }

    async stop(): Promise<void> {
        await Promise.all(Object.values(this.wires).map((wire) => wire.close()));
        await this.servient.shutdown();
    }

    /** Replays one recording. */
    async play(part: Part): Promise<Replayed[]> {
        const steps = withoutIssue5(readSteps(part.file), part);
        const exchanges = exchangesOf(steps);
        const replies = new Map<number, Reply>();
        const arrivals: Arrival[] = [];
        const open = new Map<number, OpenStream>();
        const ended = new Map<number, EndStep["by"]>();
        let current: Exchange | undefined;
        for (const [index, step] of steps.entries()) {
            if (step.kind === "request") {
                current = exchanges.find(({ n }) => n === step.n);
                if (current === undefined) continue;
                await part.before?.[step.n]?.(this.things);
                replies.set(step.n, await this.#send(current, part, open));
                await part.after?.[step.n]?.(this.things);
                await settled(expectedAfter(steps, index), open, current);
                for (const each of latest(open)) await this.#fence(each);
                collect(open, step.n, arrivals);
            } else if (step.kind === "end" && !byServer(step, part)) {
                const stream = open.get(step.n);
                if (stream === undefined) continue;
                ended.set(step.n, stream.stream.ended ? "server" : "client");
                stream.stream.destroy();
                open.delete(step.n);
            }
        }
        for (const [n, { stream }] of open) {
            const end = steps.find((step) => step.kind === "end" && step.n === n);
            if (end?.kind === "end" && byServer(end, part)) await Promise.race([stream.closed, delay(END_PATIENCE)]);
            ended.set(n, stream.ended ? "server" : "client");
        }
        for (const { stream } of open.values()) stream.destroy();
        if (exchanges.some(({ path }) => path === JANUARY_PATH)) this.#decode(arrivals);
        const theirs = attribute(exchanges, recordedArrivals(steps));
        const ours = attribute(exchanges, arrivals);
        return exchanges.map((exchange) => {
            const { n } = exchange;
            const replied = this.#masked(replies.get(n) ?? { status: 0, headers: {}, body: "" });
            const [then, now] = [theirs.get(n) ?? [], ours.get(n) ?? []];
            const differences = [
                ...compareReplies(exchange.reply, replied),
                ...compareBlocks(shown(then, exchange, part), shown(now, exchange, part)),
                ...compareEnds(steps, n, ended, part),
            ];
            // Success against failure: the rest follows from it.
            const flip = differences.filter(({ at }) => at === "status");
            return { exchange, differences: flip.length > 0 ? flip : differences };
        });
    }

    #decode(arrivals: readonly Arrival[]): void {
        for (const { block } of arrivals) {
            try {
                readJanuary(block);
            } catch (error) {
                this.faults.push(`A block ${String(error)}: ${block.raw}`);
            }
        }
    }

    async #send(exchange: Exchange, part: Part, open: Map<number, OpenStream>): Promise<Reply> {
        const { n, method, path, proto } = exchange;
        const client = part.clients?.[n] ?? exchange.headers["clientid"] ?? part.client;
        const token = this.#tokens.get(client) ?? "";
        const headers = Object.fromEntries(
            Object.entries(exchange.headers)
                .filter(([name]) => !OF_THE_CONNECTION.has(name))
                .map(([name, value]) => [name, value.replace("<jwt>", token)])
        );
        const wire = this.wires[proto === "HTTP/1.1" ? "HTTP/1.1" : "HTTP/2.0"];
        if (isStreamRequest(exchange)) {
            const stream = await wire.openStream(path, headers);
            if (stream.status === 200) {
                open.set(n, { n, stream, headers, wire, read: 0 });
                await stream.next(({ event }) => event === "sse-ping", PATIENCE);
            }
            return { status: stream.status, headers: stream.headers, body: stream.body };
        }
        const body = this.#bodyOf(exchange, part, token);
        const reply = await wire.request(method, path, { headers, ...(body === "" ? {} : { body }) });
        this.#keepToken(exchange, client, reply);
        return reply;
    }

    #bodyOf({ n, body }: Exchange, part: Part, token: string): string {
        const text = body.replaceAll("<jwt>", token);
        if (!text.includes("<password>")) return text;
        const { username, login } = JSON.parse(text) as Envelope;
        const account = this.accounts.find((each) => each.username === (username ?? login));
        return text.replace("<password>", part.passwords?.[n] ?? account?.password ?? "unknown");
    }

    /** A token that a client was given is the one that it shows from then on. */
    #keepToken({ path, body }: Exchange, client: string, { status, body: given }: Reply): void {
        if (status !== 200 || !/^\/authn\/(login|refresh)$/.test(path)) return;
        const value = JSON.parse(given) as string | { token: string };
        const token = typeof value === "string" ? value : value.token;
        const { username, login } = body.startsWith("{") ? (JSON.parse(body) as Envelope) : {};
        const named = username ?? login;
        this.#tokens.set(typeof named === "string" ? named : client, token);
        this.#issued.add(token);
    }

    #masked(reply: Reply): Reply {
        let { body } = reply;
        for (const token of this.#issued) body = body.replaceAll(token, "<jwt>");
        return { ...reply, body };
    }

    /** What the server had to say when it got a `ping` is on the stream when the answer to that is. */
    async #fence({ stream, headers, wire }: OpenStream): Promise<void> {
        const { accept: _accept, ...rest } = headers;
        if (stream.ended || headers["cid"] === undefined) return;
        const correlationID = `fence-${String(++this.#fences)}`;
        const body = JSON.stringify({ messageType: "request", operation: "ping", correlationID });
        const { status } = await wire.request("POST", "/hiveot/request", { headers: rest, body });
        if (status === 201) await stream.response(correlationID, PATIENCE);
    }

    async #logIn({ username, password }: Account): Promise<void> {
        const body = JSON.stringify({ username, password });
        const reply = await this.wires["HTTP/1.1"].request("POST", "/authn/login", { body });
        this.#keepToken({ path: "/authn/login", body } as Exchange, username, reply);
    }

    /** Makes a request on a stream of its own. */
    async #once(client: string, envelope: Readonly<Record<string, unknown>>): Promise<void> {
        const wire = this.wires["HTTP/1.1"];
        const headers = { authorization: `bearer ${this.#tokens.get(client) ?? ""}`, cid: "earlier" };
        const stream = await wire.openStream("/hiveot/sse", headers);
        await wire.request("POST", "/hiveot/request", { headers, body: JSON.stringify(envelope) });
        await stream.response(String(envelope["correlationID"]), PATIENCE);
        stream.destroy();
    }
}

/** The blocks of an exchange as they are compared. */
function shown(blocks: readonly Block[], { envelope }: Exchange, { scripted }: Part): Block[] {
    const messages = blocks.filter(isMessage);
    if (scripted === true) return messages.map(outline);
    return envelope?.["correlationID"] === undefined ? messages.map(withoutIdOf) : messages;
}

function compareEnds(
    steps: readonly Step[],
    n: number,
    ended: ReadonlyMap<number, EndStep["by"]>,
    part: Part
): Difference[] {
    const end = steps.find((step) => step.kind === "end" && step.n === n);
    if (end?.kind !== "end" || part.scripted === true) return [];
    return compareValues(byServer(end, part) ? "server" : "client", ended.get(n), "end");
}

function isStreamRequest({ method, path, reply }: Exchange): boolean {
    return method === "GET" && (path.startsWith("/hiveot/sse") || isEventStream(reply.headers));
}

function isEventStream(headers: ReplyHeaders): boolean {
    return headers["content-type"]?.startsWith("text/event-stream") === true;
}

function byServer({ n, by }: EndStep, part: Part): boolean {
    return by === "server" ? part.scripted !== true : by === undefined && part.endedByServer?.includes(n) === true;
}

/** Leaves out what needs a hub: the exchanges that the plan names, what belongs to them, and requests to an agent. */
function withoutIssue5(steps: readonly Step[], { issue5 = [] }: Part): Step[] {
    const ids = steps.flatMap((step) => {
        if (step.kind !== "request" || !issue5.includes(step.n) || !step.body.startsWith("{")) return [];
        return [`"correlationID":${JSON.stringify((JSON.parse(step.body) as Envelope)["correlationID"])}`];
    });
    return steps.filter((step) => {
        if (issue5.includes(step.n)) return false;
        return (
            step.kind !== "block" ||
            !(step.raw.startsWith("event: request\n") || ids.some((id) => step.raw.includes(id)))
        );
    });
}

/** The blocks that were recorded between this request and the next one. */
function expectedAfter(steps: readonly Step[], index: number): BlockStep[] {
    const expected: BlockStep[] = [];
    for (const step of steps.slice(index + 1)) {
        if (step.kind === "request") break;
        if (step.kind === "block") expected.push(step);
    }
    return expected;
}

/** Waits for as many messages as were recorded; what does not come is a difference, not an error. */
async function settled(
    expected: readonly BlockStep[],
    open: ReadonlyMap<number, OpenStream>,
    { envelope }: Exchange
): Promise<void> {
    for (const { n, raw } of expected) {
        const stream = open.get(n)?.stream;
        const { event, json } = parseBlock(raw);
        if (stream === undefined || event === undefined || event === "sse-ping") continue;
        const id = json?.["correlationID"];
        const mine = event === "response" && envelope?.["correlationID"] !== undefined;
        await stream
            .next((block) => block.event === event && (!mine || block.json?.["correlationID"] === id), PATIENCE)
            .catch(() => undefined);
    }
}

/** The streams to which an answer can come: of those with the same cid the latest one. */
function latest(open: ReadonlyMap<number, OpenStream>): OpenStream[] {
    const byCid = new Map(
        [...open.values()].map((each) => [
            `${String(each.headers["authorization"])} ${String(each.headers["cid"])}`,
            each,
        ])
    );
    return [...byCid.values()];
}

function collect(open: ReadonlyMap<number, OpenStream>, after: number, arrivals: Arrival[]): void {
    for (const each of open.values()) {
        const { blocks } = each.stream;
        for (const block of blocks.slice(each.read)) arrivals.push({ after, block });
        each.read = blocks.length;
    }
}

/** Comments are nobody's message, and the fences are ours. */
function isMessage({ event, json }: Block): boolean {
    return event !== undefined && !String(json?.["correlationID"]).startsWith("fence-");
}

/** Of a response that a script made up: what it is about, and that it succeeded. */
function outline(block: Block): Block {
    if (block.json === undefined) return { ...block, data: "" };
    const { operation, thingID, name, correlationID, status } = block.json;
    const json = { operation, thingID: thingID ?? "", name: name ?? "", correlationID, status };
    return { ...block, json };
}
