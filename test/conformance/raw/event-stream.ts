/**
 * Reading an event stream for tests: cuts the bytes into blocks, keeps each block as it came, and lets a test wait for one.
 *
 * Shares no code with the product: a mistake in the product's framing must not be able to hide here.
 */

/** One block of an event stream: everything up to and including its blank line. */
export interface Block {
    /** The block as it came, with its blank line. */
    readonly raw: string;
    readonly event: string | undefined;
    /** The data lines, joined by line breaks; `undefined` if there is none. */
    readonly data: string | undefined;
    readonly id: string | undefined;
    readonly retry: string | undefined;
    /** The text of the comment lines, joined by line breaks. */
    readonly comment: string | undefined;
    /** `data` as JSON, in the forms of August 2026 whatever the dialect; `undefined` where it is none. */
    readonly json: Envelope | undefined;
}

/** What a test sees of an envelope: members by name, whatever they are. */
export type Envelope = Record<string, unknown>;

/** HTTP headers of a reply, names in lower case. */
export type ReplyHeaders = Record<string, string>;

const BLANK_LINE = /\r\n\r\n|\n\n|\r\r/;

/** How long `next` waits if the test does not say, in milliseconds. */
export const PATIENCE = 3000;

/** Makes August's envelope of a block in another dialect; throws if whoever speaks that could not read it. */
export type ReadBlock = (block: Block) => Envelope | undefined;

/** Reads one block. */
export function parseBlock(raw: string): Block {
    const fields = new Map<string, string>();
    for (const line of raw.split(/\r\n|\n|\r/)) {
        if (line === "") continue;
        const colon = line.indexOf(":");
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        const before = fields.get(name);
        fields.set(name, before !== undefined && (name === "data" || name === "") ? `${before}\n${value}` : value);
    }
    const data = fields.get("data");
    return {
        raw,
        event: fields.get("event"),
        data,
        id: fields.get("id"),
        retry: fields.get("retry"),
        comment: fields.get(""),
        json: parseEnvelope(data),
    };
}

function parseEnvelope(data: string | undefined): Envelope | undefined {
    if (data === undefined || !data.startsWith("{")) return undefined;
    try {
        return JSON.parse(data) as Envelope;
    } catch {
        return undefined;
    }
}

interface Waiter {
    readonly predicate: (block: Block) => boolean;
    readonly resolve: (block: Block) => void;
    readonly reject: (error: Error) => void;
}

/** A reply to `GET /hiveot/ssesc`: the stream if the status is 200, else the body of the refusal. */
export class RawStream {
    /** Every block since the stream was opened, comments included. */
    readonly blocks: Block[] = [];
    /** Settles when the stream has ended, whoever ended it. */
    readonly closed: Promise<void>;
    /** Blocks that who speaks the dialect could not read, and why. */
    readonly faults: string[] = [];
    /** True once the stream has ended. */
    ended = false;

    readonly #taken = new Set<Block>();
    readonly #kill: () => void;
    #waiters: Waiter[] = [];
    #rest = "";
    #close!: () => void;

    /**
     * @param body of a reply that is no stream
     * @param kill cuts the connection or the HTTP/2 stream below
     */
    constructor(
        readonly status: number,
        readonly headers: ReplyHeaders,
        readonly body: string,
        kill: () => void,
        /** Stops reading: from now on the server writes against a full buffer. */
        readonly pause: () => void = () => undefined,
        private readonly read?: ReadBlock
    ) {
        this.#kill = kill;
        this.closed = new Promise((resolve) => (this.#close = resolve));
    }

    /** What has come since the last whole block. */
    get rest(): string {
        return this.#rest;
    }

    /**
     * The first block for which `predicate` is true and that no earlier call has returned; waits for it if need be.
     *
     * @param timeoutMs after which it rejects, naming what did come
     */
    next(predicate: (block: Block) => boolean, timeoutMs = PATIENCE): Promise<Block> {
        const here = this.blocks.find((block) => !this.#taken.has(block) && predicate(block));
        if (here !== undefined) {
            this.#taken.add(here);
            return Promise.resolve(here);
        }
        if (this.ended) return Promise.reject(this.#disappointment("the stream has ended"));
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => {
                this.#waiters = this.#waiters.filter((other) => other !== waiter);
                reject(this.#disappointment(`nothing for ${String(timeoutMs)} ms`));
            }, timeoutMs);
            const waiter: Waiter = {
                predicate,
                resolve: (block) => {
                    clearTimeout(timer);
                    resolve(block);
                },
                reject: (error) => {
                    clearTimeout(timer);
                    reject(error);
                },
            };
            this.#waiters.push(waiter);
        });
    }

    /** The response to the request with this correlation id. */
    response(correlationId: string, timeoutMs?: number): Promise<Block> {
        return this.next(
            (block) => block.event === "response" && block.json?.["correlationID"] === correlationId,
            timeoutMs
        );
    }

    /** The next notification that fits the members given. */
    notification(members: Envelope = {}, timeoutMs?: number): Promise<Block> {
        return this.next(
            ({ event, json }) =>
                event === "notification" && Object.entries(members).every(([name, value]) => json?.[name] === value),
            timeoutMs
        );
    }

    /** All notifications so far. */
    notifications(): Envelope[] {
        return this.blocks.flatMap(({ event, json }) => (event === "notification" && json !== undefined ? [json] : []));
    }

    /** Cuts the stream from this side. */
    destroy(): void {
        this.#kill();
        this.end();
    }

    /** For the wires: more bytes have come. */
    feed(text: string): void {
        this.#rest += text;
        for (let match = BLANK_LINE.exec(this.#rest); match !== null; match = BLANK_LINE.exec(this.#rest)) {
            const end = match.index + match[0].length;
            const block = this.#translate(parseBlock(this.#rest.slice(0, end)));
            this.#rest = this.#rest.slice(end);
            this.#arrived(block);
        }
    }

    /** For the wires: nothing more will come. */
    end(): void {
        if (this.ended) return;
        this.ended = true;
        const waiters = this.#waiters;
        this.#waiters = [];
        for (const waiter of waiters) waiter.reject(this.#disappointment("the stream has ended"));
        this.#close();
    }

    #translate(block: Block): Block {
        if (this.read === undefined) return block;
        try {
            return { ...block, json: this.read(block) };
        } catch (error) {
            this.faults.push(`A block ${String(error)}: ${block.raw}`);
            return block;
        }
    }

    #arrived(block: Block): void {
        this.blocks.push(block);
        const waiter = this.#waiters.find(({ predicate }) => predicate(block));
        if (waiter === undefined) return;
        this.#taken.add(block);
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        waiter.resolve(block);
    }

    #disappointment(why: string): Error {
        const seen = this.blocks.map(({ raw }) => raw.trim()).join("\n");
        return new Error(
            `Awaited block did not come: ${why}. Blocks so far:\n${seen.slice(-2000)}\nrest: ${this.#rest}`
        );
    }
}
