/**
 * Plays recorded streams and replies to our client: it asks what the recorded client asked, a server that knows nothing but the
 * recording answers, and what arrives at the API is compared with what an independent reader makes of the recorded bytes.
 */
import { connect, SseScError, type Connection, type ConnectionOptions } from "../../../src/index";
import type { Operation } from "../../../lib/operations";
import { certificate } from "../../support/certificates";
import type { Transport } from "../../support/set-ups";
import { type Block, type Envelope, parseBlock, PATIENCE } from "../raw/event-stream";
import { readJanuary } from "../raw/january";
import { exchangesOf, readSteps, type Exchange } from "../raw/recordings";
import { ScriptedServer, type ScriptedReply, type SeenRequest } from "../raw/scripted-server";
import { attribute, recordedArrivals } from "./attribution";

/** What came of one recorded exchange at the API, and what should have come. */
export interface Heard {
    readonly n: number;
    readonly expected: unknown;
    readonly actual: unknown;
}

/** No recorded server answers after this time where it did not at all, in milliseconds. */
const SILENCE = 100;

const TOKEN = "opaque-token-1";
const STREAM_PATH = /^\/hiveot\/sse(sc)?$/;
const REQUEST_PATH = "/hiveot/request";

/** Paths whose replies no client without an agent asks for, or that are asked for by other means (see the test). */
const SESSION_PATHS = /^\/hiveot\/(request|sse(sc)?|nothing)/;

/** A recorded subscription that stands. */
interface Standing {
    readonly stop: () => Promise<void>;
}

/** One recording, played to our client. */
export class ClientReplay {
    readonly heard: Heard[] = [];
    readonly #outcomes: Promise<void>[] = [];
    readonly #standing = new Map<string, Standing>();
    readonly #notified = new Map<string, Envelope>();
    readonly #looking: (() => void)[] = [];
    /** Notifications of this stream that must have come by now. */
    #awaited = 0;
    /** The id that our client sent, by the number of the exchange. */
    readonly #sent = new Map<number, unknown>();
    #connection: Connection | undefined;
    #stream: Exchange | undefined;
    #playing: { exchange: Exchange; correlationId: string | undefined } | undefined;

    private constructor(
        private readonly server: ScriptedServer,
        private readonly options: ConnectionOptions,
        private readonly exchanges: readonly Exchange[],
        private readonly blocks: ReadonlyMap<number, readonly Block[]>
    ) {}

    /** Plays a recording; gives what was to be heard and what was, one for each exchange that our client can have. */
    static async play(file: string, transport: Transport, without: readonly number[] = []): Promise<Heard[]> {
        const tls = transport === "plain h1" ? undefined : await certificate();
        const server = await ScriptedServer.start({ tls, http1Only: transport === "TLS h1", token: TOKEN });
        const steps = readSteps(file).filter(
            (step) => !without.includes(step.n) && !(step.kind === "block" && step.raw.startsWith("event: request\n"))
        );
        const exchanges = exchangesOf(steps);
        const options = { reconnect: { min: 1, max: 10 }, ...(tls === undefined ? {} : { caCert: tls.cert }) };
        const replay = new ClientReplay(server, options, exchanges, attribute(exchanges, recordedArrivals(steps)));
        server.when((request) => replay.#answer(request));
        try {
            for (const exchange of exchanges) {
                if (STREAM_PATH.test(exchange.path) && exchange.method === "GET") await replay.#open(exchange);
                else if (SESSION_PATHS.test(exchange.path)) await replay.#request(exchange);
            }
            await replay.#hangUp();
            return replay.heard;
        } finally {
            await replay.#connection?.close();
            await server.stop();
        }
    }

    #url(path: string): string {
        return `${this.server.origin}${path}`;
    }

    async #open(exchange: Exchange): Promise<void> {
        await this.#hangUp();
        this.#stream = exchange;
        const actual = await outcomeOf(this.#connect(exchange.path));
        this.#note(exchange, exchange.reply.status < 300 ? { connected: true } : refusal(exchange), actual);
    }

    async #connect(path: string): Promise<{ connected: boolean }> {
        this.#connection = await connect(this.#url(path), { token: TOKEN, clientId: "recorded" }, this.options);
        return { connected: true };
    }

    /** What has been asked is answered, and every notification has come. */
    async #hangUp(): Promise<void> {
        await Promise.all(this.#outcomes.splice(0));
        if (this.#connection === undefined) return;
        this.#compareNotifications();
        await this.#connection.close();
        this.#connection = undefined;
        this.#standing.clear();
        this.#notified.clear();
        this.#awaited = 0;
    }

    async #request(exchange: Exchange): Promise<void> {
        // A refusal came without a stream as well; our client asks nothing without one.
        if (this.#connection === undefined) {
            this.#stream = undefined;
            await this.#connect(this.#dialect === "rrn" ? "/hiveot/ssesc" : "/hiveot/sse");
        }
        const connection = this.#connection;
        if (connection === undefined) return;
        const { n, envelope = {} } = exchange;
        const operation = typeof envelope["operation"] === "string" ? envelope["operation"] : "ping";
        const id = typeof envelope["correlationID"] === "string" ? envelope["correlationID"] : `made-up-${String(n)}`;
        const topic = [operation, text(envelope["thingID"]), text(envelope["name"])].join("\n");
        const progress: unknown[] = [];
        const ask = async (): Promise<Envelope> => {
            const standing = this.#standing.get(topic.replace(/^un/, ""));
            if (operation.startsWith("un") && standing !== undefined) {
                this.#standing.delete(topic.replace(/^un/, ""));
                this.#playing = { exchange, correlationId: undefined };
                await standing.stop();
                return { output: undefined };
            }
            if (/^(subscribe|observe)/.test(operation) && !this.#standing.has(topic)) {
                this.#playing = { exchange, correlationId: undefined };
                const listen = { onNotification: (each: unknown) => this.#notice(each as Envelope) };
                const [thingId, name] = [text(envelope["thingID"]), text(envelope["name"])];
                this.#standing.set(topic, await connection.subscribe(operation as Operation, thingId, name, listen));
                return { output: undefined };
            }
            this.#playing = { exchange, correlationId: id };
            const init = {
                operation,
                thingId: text(envelope["thingID"]),
                name: text(envelope["name"]),
                correlationId: id,
            };
            const answers = (this.blocks.get(n) ?? []).some(({ event }) => event === "response");
            const patience = answers || exchange.reply.status >= 300 ? {} : { timeout: SILENCE };
            const options = { ...patience, onProgress: (value: unknown) => progress.push(value) };
            const { output } = await connection.request({ ...init, input: envelope["input"] }, options);
            return { output: asWire(output) };
        };
        // On such a reply our client gives up its stream and opens another one.
        const again = /no SSE connection/.test(exchange.reply.body)
            ? new Promise<void>((resolve) => connection.once("connected", () => resolve()))
            : undefined;
        const before = this.server.seen.length;
        const outcome = outcomeOf(ask()).then((actual) => {
            const { expected, steps } = this.#expected(exchange);
            this.#note(exchange, { ...expected, progress: steps }, { ...actual, progress });
        });
        this.#outcomes.push(outcome);
        // In the order of the recording; the outcome may come later.
        await Promise.race([this.server.request((seen) => this.server.seen.indexOf(seen) >= before), outcome]);
        if (this.#isAnsweredLater(exchange)) return;
        await outcome;
        await this.#notifiedOf(exchange);
        await again;
    }

    #isAnsweredLater({ n, blocks }: Exchange): boolean {
        const mine = this.blocks.get(n)?.find(({ event }) => event === "response");
        return mine !== undefined && !blocks.includes(mine.raw);
    }

    /** What the recorded answer means, and the progress on the way to it. */
    #expected(exchange: Exchange): { expected: Envelope; steps: unknown[] } {
        const messages = this.blocks.get(exchange.n) ?? [];
        const steps = messages
            .map((block) => this.#read(block))
            .filter((json) => json?.["affordanceType"] === "action")
            .map((json) => (json?.["value"] as Envelope)["output"]);
        if (exchange.reply.status >= 300) return { expected: refusal(exchange), steps };
        const response = messages.find(({ event }) => event === "response");
        if (response === undefined) {
            const unsafe = exchange.envelope?.["operation"] === "invokeaction";
            return { expected: { code: unsafe ? "OUTCOME_UNKNOWN" : "TIMEOUT" }, steps };
        }
        const json = this.#read(response) ?? {};
        const error = json["error"] ?? undefined;
        if (error !== undefined) return { expected: { code: "PEER_FAILED", problem: error }, steps };
        const silent = /^(un)?(subscribe|observe)/.test(String(json["operation"]));
        return { expected: { output: silent ? undefined : withoutNothing(json["output"]) }, steps };
    }

    #read(block: Block): Envelope | undefined {
        if (this.#dialect === "rrn") return block.json;
        try {
            return readJanuary(block);
        } catch {
            // The module's own Thing answers what its client cannot read (10-errors, n = 24): ours takes it as it is.
            return { ...block.json, output: block.json?.["value"] };
        }
    }

    get #dialect(): "rrn" | "rrn-2025" {
        return this.exchanges.some(({ path }) => path === "/hiveot/sse") ? "rrn-2025" : "rrn";
    }

    #notice(notification: Envelope): void {
        this.#notified.set(text(notification["messageId"]), asWire(notification) as Envelope);
        for (const look of this.#looking) look();
    }

    /** What was recorded with an exchange has come, also what came after the response. */
    async #notifiedOf({ n }: Exchange): Promise<void> {
        const count = (this.blocks.get(n) ?? []).filter((block) => this.#isForSubscribers(block)).length;
        this.#awaited += count;
        if (count === 0 || this.#notified.size >= this.#awaited) return;
        await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, PATIENCE);
            this.#looking.push(() => {
                if (this.#notified.size < this.#awaited) return;
                clearTimeout(timer);
                resolve();
            });
        });
        this.#looking.length = 0;
    }

    #isForSubscribers(block: Block): boolean {
        return block.event === "notification" && this.#read(block)?.["affordanceType"] !== "action";
    }

    /** Every recorded notification of the stream has reached a subscriber. */
    #compareNotifications(): void {
        const stream = this.#stream;
        if (stream === undefined) return;
        const next = this.exchanges.find(
            ({ n, path, method }) => n > stream.n && method === "GET" && STREAM_PATH.test(path)
        );
        const recorded = this.exchanges
            .filter(({ n }) => n >= stream.n && n < (next?.n ?? Infinity))
            .flatMap(({ n }) => this.blocks.get(n) ?? [])
            .filter((block) => this.#isForSubscribers(block))
            .map((block) => withoutNothing(this.#read(block)) as Envelope);
        this.#note(stream, recorded.map(sortable).sort(), [...this.#notified.values()].map(sortable).sort());
    }

    #answer(request: SeenRequest): ScriptedReply | undefined {
        if (request.method === "GET") {
            const stream = this.#stream ?? OPENED;
            return { ...stream.reply, blocks: stream.blocks };
        }
        const playing = this.#playing;
        if (playing === undefined || request.path !== REQUEST_PATH) return undefined;
        const sent = request.envelope ?? {};
        if (playing.correlationId !== undefined && sent["correlationID"] !== playing.correlationId) return undefined;
        this.#playing = undefined;
        this.#compareRequest(playing.exchange, sent);
        const reply = this.server.play(playing.exchange, request);
        this.#sent.set(playing.exchange.n, sent["correlationID"]);
        const blocks = (reply.blocks ?? []).map((raw) => this.#withId(raw));
        return { ...reply, blocks, blocksFirst: playing.exchange.blocksFirst };
    }

    /** The response to a request whose recorded client left out the id comes with that of ours. */
    #withId(raw: string): string {
        const asked = this.exchanges.find(
            ({ n, envelope }) =>
                envelope !== undefined &&
                envelope["correlationID"] === undefined &&
                this.blocks.get(n)?.some((block) => block.event === "response" && block.raw === raw)
        );
        if (asked === undefined) return raw;
        const json = { ...parseBlock(raw).json, correlationID: this.#sent.get(asked.n) };
        return `event: response\ndata: ${JSON.stringify(json)}\n\n`;
    }

    /** What is asked is what was asked, where that was a request at all. */
    #compareRequest(exchange: Exchange, sent: Envelope): void {
        const { envelope } = exchange;
        if (envelope?.["operation"] === undefined || exchange.reply.status >= 300) return;
        const asked = (json: Envelope): unknown =>
            ["operation", "thingID", "name", "input"].map((name) => json[name] ?? "");
        this.#note(exchange, asked(envelope), asked(sent));
    }

    #note({ n }: Exchange, expected: unknown, actual: unknown): void {
        this.heard.push({ n, expected, actual });
    }
}

/** A stream on which nothing was recorded, for requests that were refused without one. */
const OPENED = {
    reply: { status: 200, headers: { "content-type": "text/event-stream" }, body: "" },
    blocks: ["event: sse-ping\ndata: \n\n"],
};

/** What a promise comes to: its value, or what tells errors apart. */
async function outcomeOf(promise: Promise<object>): Promise<object> {
    try {
        return await promise;
    } catch (error) {
        if (!(error instanceof SseScError)) throw error;
        const { code, status, problem } = error;
        if (code === "TIMEOUT" || code === "OUTCOME_UNKNOWN") return { code };
        return problem === undefined ? { status, code } : { code, problem };
    }
}

/** What a caller can tell a recorded refusal by, which has a text at most. */
function refusal({ reply: { status, body } }: Exchange): Envelope {
    const code = status === 400 && body.includes("no SSE connection") ? "NO_SESSION" : CODES[status];
    return { status, code: code ?? "PEER_FAILED" };
}

const CODES: Readonly<Record<number, string>> = { 401: "UNAUTHORIZED", 404: "NOT_FOUND" };

function text(value: unknown): string {
    return typeof value === "string" ? value : "";
}

const ON_THE_WIRE: Readonly<Record<string, string>> = {
    thingId: "thingID",
    correlationId: "correlationID",
    senderId: "senderID",
    consumerId: "consumerID",
    affordance: "affordanceType",
};

/** Members that the reader of one dialect knows and that of the other makes up. */
const UNEQUAL = new Set(["kind", "messageType", "messageId", "messageID", "requested"]);

/** A value of the neutral model by the names of the wire. */
function asWire(value: unknown): unknown {
    return renamed(value, (name) => ON_THE_WIRE[name] ?? name);
}

function withoutNothing(value: unknown): unknown {
    return renamed(value ?? undefined, (name) => name);
}

/** Empty members count as absent: each dialect leaves out others. */
function renamed(value: unknown, rename: (name: string) => string): unknown {
    if (Array.isArray(value)) return value.map((each) => renamed(each, rename));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
        Object.entries(value)
            .filter(([name, each]) => !UNEQUAL.has(name) && each !== undefined && each !== null && each !== "")
            .map(([name, each]) => [rename(name), renamed(each, rename)])
    );
}

function sortable(json: Envelope): string {
    return JSON.stringify(Object.entries(json).sort(([one], [other]) => (one < other ? -1 : 1)));
}
