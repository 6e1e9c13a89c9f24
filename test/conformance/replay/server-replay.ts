/**
 * Replays recorded requests to our server, in order and each over the HTTP version that it was recorded with, with the streams open that
 * were open then, and collects what comes back.
 */
import { Servient } from "@node-wot/core";
import { setTimeout as delay } from "node:timers/promises";
import { SseScServer } from "../../../src/index";
import { certificate } from "../../support/certificates";
import type { Block, Envelope, ReplyHeaders } from "../raw/event-stream";
import { readJanuary } from "../raw/january";
import { Http1Wire, Http2Wire, type Wire } from "../raw/raw-client";
import { type EndStep, type Exchange, exchangesOf, readSteps, type Step } from "../raw/recordings";
import { type Arrival, attribute, recordedArrivals } from "./attribution";
import { compareBlocks, compareReplies, compareValues, type Difference, type Reply, withoutIdOf } from "./comparison";
import { type Answer, HubSide } from "./hub-side";
import { collect, expectedAfter, latest, type OpenStream, PATIENCE, settled } from "./open-streams";
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

/** How long to wait for the end of a stream that the recorded server ended, in milliseconds. */
const END_PATIENCE = 300;

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
        private readonly accounts: readonly Account[],
        private readonly hub: HubSide
    ) {}

    static async start(run: Run, way: Way): Promise<ServerReplay> {
        const { key, cert } = await certificate();
        const secure = way !== "plain h1";
        const server = new SseScServer({
            port: 0,
            address: "127.0.0.1",
            accounts: [...run.accounts],
            ...(run.hub === undefined ? {} : { hub: true }),
            ...(secure ? { serverKey: key, serverCert: cert } : {}),
        });
        const servient = new Servient();
        servient.addServer(server);
        const things = await RecordedThings.expose(servient, run.state, run.hub?.ownThings ?? true);
        for (const { td, agent } of run.hub?.descriptions ?? []) await server.directory.put(td, agent);
        const origin = `${secure ? "https" : "http"}://127.0.0.1:${String(server.getPort())}`;
        const h1 = new Http1Wire({ origin, ca: cert });
        const h2 = way === "as recorded" ? new Http2Wire({ origin, ca: cert }) : h1;
        const replay = new ServerReplay(
            servient,
            things,
            { "HTTP/1.1": h1, "HTTP/2.0": h2 },
            run.accounts,
            new HubSide(server)
        );
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
        const steps = readSteps(part.file, part.same);
        const exchanges = exchangesOf(steps);
        this.hub.begin(exchanges, steps);
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
                const expected = expectedAfter(steps, index);
                this.hub.askAll(expected, (n) =>
                    clientOf(
                        exchanges.find((each) => each.n === n),
                        part
                    )
                );
                await settled(expected, open, current);
                for (const each of latest(open)) await this.#fence(each);
                collect(open, step.n, arrivals);
                for (const answer of this.hub.pair(
                    expected,
                    arrivals.filter(({ after }) => after === step.n)
                )) {
                    await this.#answer(answer, open);
                    collect(open, step.n, arrivals);
                }
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
        const recorded = recordedArrivals(steps);
        const streams = new Map([...recorded, ...arrivals].map(({ block, stream }) => [block, stream]));
        const onStream = (block: Block): number | undefined => streams.get(block);
        const theirs = attribute(exchanges, recorded);
        const ours = attribute(exchanges, arrivals);
        const replayed: Replayed[] = [];
        for (const exchange of exchanges) {
            const { n } = exchange;
            const replied = this.#masked(replies.get(n) ?? { status: 0, headers: {}, body: "" });
            const then = theirs.get(n) ?? [];
            const now = ours.get(n) ?? [];
            const differences = [
                ...compareReplies(exchange.reply, replied),
                ...[...new Set([...then, ...now].map(onStream))].flatMap((stream) => {
                    const [there, here] = [then, now].map((blocks) =>
                        blocks.filter((each) => onStream(each) === stream)
                    );
                    const own = (here ?? []).map((block) => this.hub.shown(block));
                    return compareBlocks(shown(there ?? [], exchange, part), shown(own, exchange, part));
                }),
                ...compareEnds(steps, n, ended, part),
                ...(await this.hub.differences(exchange)),
            ];
            // Success against failure: the rest follows from it.
            const flip = differences.filter(({ at }) => at === "status");
            replayed.push({ exchange, differences: flip.length > 0 ? flip : differences });
        }
        return replayed;
    }

    /** An agent says what it did not say in the recording. */
    async #answer({ stream, envelope }: Answer, open: ReadonlyMap<number, OpenStream>): Promise<void> {
        const agent = open.get(stream);
        if (agent === undefined) return;
        const { accept: _accept, ...headers } = agent.headers;
        await agent.wire.request("POST", "/hiveot/response", { headers, body: JSON.stringify(envelope) });
        for (const each of latest(open)) await this.#fence(each);
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
        const client = clientOf(exchange, part);
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
        const body = this.hub.bodyOf(exchange, this.#bodyOf(exchange, part, token));
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

/** Who made a request. */
function clientOf(exchange: Exchange | undefined, part: Part): string {
    if (exchange === undefined) return part.client;
    const { n, headers } = exchange;
    return part.clients?.[n] ?? headers["clientid"] ?? part.cids?.[headers["cid"] ?? ""] ?? part.client;
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
