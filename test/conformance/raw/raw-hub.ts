/**
 * A hub that plays what HiveKit's gateway is recorded to do towards an agent (gateway-plain.jsonl, agent-role-device.jsonl; January:
 * 07-agent.jsonl), and whatever else a test asks for. It asks the agent by bytes on the stream and keeps what comes back.
 */
import { randomUUID } from "node:crypto";
import { type Envelope, PATIENCE, type ReplyHeaders } from "./event-stream";
import {
    on,
    ScriptedServer,
    type ScriptedReply,
    type ScriptedServerOptions,
    type SeenRequest,
} from "./scripted-server";

export interface RawHubOptions extends ScriptedServerOptions {
    /** Dialect of the stream. Default: `rrn`. */
    dialect?: "rrn" | "rrn-2025";
    /** Confirms what the agent asks for in `hiveot-features`. */
    batches?: boolean;
    /** Password of the agent. Without one, nobody need log in. */
    password?: string;
}

const STREAM_PATH = { rrn: "/hiveot/ssesc", "rrn-2025": "/hiveot/sse" } as const;

/** The headers of the recorded stream. */
const STREAM_HEADERS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "Content-Type",
    "cache-control": "private, no-cache, no-store, must-revalidate, max-age=0, no-transform",
    "content-encoding": "none",
    "content-type": "text/event-stream",
} as const;

export class RawHub {
    /** TDs by Thing, as the agent wrote them. */
    readonly tds = new Map<string, Envelope>();
    /** Requests to the directory, oldest first: action and input. */
    readonly writes: { readonly action: string; readonly input: string }[] = [];
    /** Notifications that were taken, oldest first. */
    readonly notifications: Envelope[] = [];
    /** Answers of the agent, oldest first. */
    readonly responses: Envelope[] = [];
    /** Tokens that count. */
    readonly tokens = new Set<string>();
    /** What the directory refuses a write with. */
    refuse: (action: string, input: string) => object | undefined = () => undefined;
    /** How POSTs of notifications are answered; those with another status than 2xx are not taken. */
    onNotifications: (lines: Envelope[], request: SeenRequest) => ScriptedReply | undefined = () => undefined;
    /** Directory requests get no answer. */
    directoryIsSilent = false;

    private constructor(
        readonly server: ScriptedServer,
        private readonly options: RawHubOptions
    ) {
        const { dialect = "rrn" } = options;
        server
            .when((request) => (request.method === "POST" ? this.#post(request) : undefined))
            .when(on("GET", STREAM_PATH[dialect], (request) => this.#open(request)))
            .when(on("POST", "/authn/login", ({ body }) => this.#login(body)))
            .when((request) =>
                options.password === undefined || request.path === "/authn/login" || this.#knows(request)
                    ? undefined
                    : {
                          status: 401,
                          headers: { "www-authenticate": "Bearer", "content-type": "text/plain" },
                          body: "Unauthorized",
                      }
            );
    }

    static async start(options: RawHubOptions = {}): Promise<RawHub> {
        return new RawHub(await ScriptedServer.start(options), options);
    }

    get port(): number {
        return this.server.port;
    }

    /** What an agent is given as `hub`. */
    get url(): string {
        const { tls, dialect = "rrn" } = this.options;
        return `${tls === undefined ? "sse-plain" : "sse"}://${this.server.authority}${STREAM_PATH[dialect]}`;
    }

    /** Sends a request on the newest stream and waits for its answer. */
    async ask(
        operation: string,
        thingID: string,
        name?: string,
        input?: unknown,
        rest: Envelope = {}
    ): Promise<Envelope> {
        const correlationID = typeof rest["correlationID"] === "string" ? rest["correlationID"] : randomUUID();
        this.send("request", {
            messageType: "request",
            operation,
            thingID,
            name,
            input,
            correlationID,
            messageID: randomUUID(),
            senderID: "consumer1",
            created: new Date().toISOString(),
            ...rest,
        });
        return this.answer(correlationID);
    }

    /** The answer with this correlation id. */
    async answer(correlationID: string): Promise<Envelope> {
        const { envelope } = await this.server.request(
            (request) => request.path === "/hiveot/response" && request.envelope?.["correlationID"] === correlationID
        );
        return envelope ?? {};
    }

    /** Sends an event on the newest stream. */
    send(event: string, data: unknown): void {
        this.server.send(`event: ${event}\ndata: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
    }

    /** Waits until something holds that requests of the agent may change. */
    async until(what: string, condition: () => boolean): Promise<void> {
        try {
            await this.server.request(() => condition(), PATIENCE);
        } catch (cause) {
            throw new Error(`Never came true: ${what}`, { cause });
        }
    }

    /** Notifications about one affordance that were taken: their values. */
    values(thingID: string, name: string): unknown[] {
        return this.notifications
            .filter((notification) => notification["thingID"] === thingID && notification["name"] === name)
            .map((notification) => notification["value"]);
    }

    async stop(): Promise<void> {
        await this.server.stop();
    }

    #open(request: SeenRequest): ScriptedReply {
        const asked = request.headers["hiveot-features"];
        const agreed: ReplyHeaders =
            this.options.batches === true && typeof asked === "string" ? { "hiveot-features": asked } : {};
        return {
            status: 200,
            headers: { ...STREAM_HEADERS, ...agreed },
            blocks: ["event: sse-ping\ndata: \n\n"],
        };
    }

    #login(body: string): ScriptedReply {
        const { username, login, password } = JSON.parse(body) as Record<string, unknown>;
        const member = this.options.dialect === "rrn-2025" ? login : username;
        if (typeof member !== "string" || password !== this.options.password) return { status: 401, body: "no" };
        const token = `token-${randomUUID()}`;
        this.tokens.add(token);
        return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(token) };
    }

    #knows({ headers }: SeenRequest): boolean {
        return this.tokens.has((headers.authorization ?? "").replace(/^bearer /, ""));
    }

    #post(request: SeenRequest): ScriptedReply | undefined {
        const taken = { status: this.options.dialect === "rrn-2025" ? 200 : 204 };
        switch (request.path) {
            case "/hiveot/request":
                return this.#request(request.envelope ?? {});
            case "/hiveot/response":
                this.responses.push(request.envelope ?? {});
                return taken;
            case "/hiveot/notification": {
                const lines = request.body.split("\n").map((line) => JSON.parse(line) as Envelope);
                const reply = this.onNotifications(lines, request) ?? taken;
                if (reply.status < 300) this.notifications.push(...lines);
                return reply;
            }
            default:
                return undefined;
        }
    }

    /** The directory, and `ping`; the response goes ahead of the 201, as recorded. */
    #request(envelope: Envelope): ScriptedReply {
        const { operation, name, thingID, correlationID } = envelope;
        if (operation === "ping") return this.#answered({ operation, correlationID, output: "pong" });
        const action = String(name);
        const input = String(envelope["input"]);
        this.writes.push({ action, input });
        if (this.directoryIsSilent) return { status: 201 };
        const error = this.refuse(action, input);
        const answer = { operation, name, thingID, correlationID };
        if (error !== undefined) return this.#answered({ ...answer, status: "failed", error });
        if (action === "deleteThing") this.tds.delete(input);
        else {
            const td = JSON.parse(input) as Envelope;
            this.tds.set(String(td["id"]), td);
        }
        return this.#answered({ ...answer, status: "completed" });
    }

    #answered(members: Envelope): ScriptedReply {
        const timestamp = new Date().toISOString();
        const envelope = { messageType: "response", messageID: randomUUID(), senderID: "", timestamp, ...members };
        const { output, ...rest } = envelope as Envelope;
        const january = { ...rest, error: rest["error"] ?? null, value: output ?? null };
        const block = this.options.dialect === "rrn-2025" ? january : { ...envelope, consumerID: "" };
        return {
            status: 201,
            blocks: [`event: response\ndata: ${JSON.stringify(block)}\n\n`],
            blocksFirst: true,
        };
    }
}
