/** SSE-SC by hand, with nothing but `fetch`: what travels between a client and a `SseScServer`. */
import { randomUUID } from "node:crypto";

/** A response or a notification, as it stands in the `data` of one block of the stream. */
export interface Envelope {
    readonly messageType: "response" | "notification";
    readonly correlationID?: string;
    readonly affordanceType?: string;
    readonly name?: string;
    readonly status?: string;
    readonly output?: unknown;
    readonly value?: unknown;
    readonly error?: { readonly status: number; readonly title: string };
}

/** One client: its token, its stream, and what came on it. */
export class WireClient {
    readonly #origin: string;
    readonly #headers: Record<string, string>;
    readonly #closing = new AbortController();
    readonly #received: Envelope[] = [];
    #wake: () => void = () => undefined;

    private constructor(origin: string, token: string) {
        this.#origin = origin;
        this.#headers = { authorization: `Bearer ${token}`, cid: randomUUID() };
    }

    /** Logs in and opens the stream. */
    static async open(origin: string, username: string, password: string): Promise<WireClient> {
        const login = await fetch(`${origin}/authn/login`, {
            method: "POST",
            body: JSON.stringify({ username, password }),
        });
        const client = new WireClient(origin, (await login.json()) as string);
        const stream = await fetch(`${origin}/hiveot/ssesc`, {
            headers: client.#headers,
            signal: client.#closing.signal,
        });
        void client.#read(stream);
        return client;
    }

    /** POSTs a request envelope; the server says 201, and answers on the stream. */
    async post(envelope: Record<string, unknown>, query = ""): Promise<string> {
        const correlationID = randomUUID();
        const response = await fetch(`${this.#origin}/hiveot/request${query}`, {
            method: "POST",
            headers: this.#headers,
            body: JSON.stringify({ messageType: "request", correlationID, ...envelope }),
        });
        if (response.status !== 201) throw new Error(`POST ended with ${response.status}`);
        return correlationID;
    }

    /** POSTs a request and resolves with its response. */
    async request(envelope: Record<string, unknown>, query = ""): Promise<Envelope> {
        const id = await this.post(envelope, query);
        return this.next((message) => message.messageType === "response" && message.correlationID === id);
    }

    /** The first message, come or to come, that `isWanted` picks; it is taken out. */
    async next(isWanted: (message: Envelope) => boolean): Promise<Envelope> {
        for (;;) {
            const index = this.#received.findIndex(isWanted);
            const [message] = index < 0 ? [] : this.#received.splice(index, 1);
            if (message !== undefined) return message;
            await new Promise<void>((resolve) => (this.#wake = resolve));
        }
    }

    close(): void {
        this.#closing.abort();
    }

    /** Cuts the stream into blocks (`event: …`, `data: …`, empty line). */
    async #read(stream: Response): Promise<void> {
        let text = "";
        try {
            for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) {
                const blocks = (text + chunk).split("\n\n");
                text = blocks.pop() ?? "";
                for (const block of blocks) {
                    const data = /^data: (\{.*\})$/m.exec(block)?.[1];
                    if (data !== undefined) this.#received.push(JSON.parse(data) as Envelope);
                }
                this.#wake();
            }
        } catch (error) {
            if (!this.#closing.signal.aborted) throw error;
        }
    }
}
