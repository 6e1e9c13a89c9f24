/**
 * A consumer that shares no code with the product: an SSE client with a cid that comes back with `Last-Event-ID`, as a browser's or
 * HiveOT's own would. It shows what the server alone holds to.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Block, type Dialect, RawClient, STREAM_PATHS, type Wire } from "../conformance/raw/raw-client";
import type { Fact } from "./ledger";
import { CREDENTIALS, THING } from "./members";

/** Between two attempts, in milliseconds. */
const PAUSE = 10;
/** Longer than any heartbeat of the suite. */
const SILENCE = 10_000;

export interface RawConsumerOptions {
    readonly name: string;
    /** A new wire to the server: what is left of an old one may be of no use. */
    readonly wire: () => Wire;
    /** August's says that it can resume and hears of gaps; January's does and hears nothing of the kind. */
    readonly dialect: Dialect;
    readonly token: string;
    readonly scenario: string;
    /** Takes its facts. */
    readonly tell: (fact: Fact) => void;
}

export class RawConsumer {
    last = 0;
    drops = 0;
    readonly #cid: string;
    #client: RawClient;
    #position: string | undefined;
    #closed = false;
    #reading: Promise<void> = Promise.resolve();

    private constructor(private readonly options: RawConsumerOptions) {
        this.#cid = `raw-${options.name}`;
        this.#client = this.#newClient();
    }

    /** Opens the stream and subscribes to the events. @param after number of the last one that it need not hear */
    static async connect(options: RawConsumerOptions, after = 0): Promise<RawConsumer> {
        const consumer = new RawConsumer(options);
        await consumer.#open();
        await consumer.#subscribe();
        options.tell({ fact: "subscribed", consumer: options.name, stream: "tick", after });
        consumer.#reading = consumer.#readAll();
        return consumer;
    }

    async close(): Promise<void> {
        this.#closed = true;
        await this.#client.close();
        await this.#reading;
    }

    #newClient(): RawClient {
        const { wire, dialect, token } = this.options;
        const client = new RawClient(wire(), dialect);
        client.token = token;
        client.clientId = CREDENTIALS.consumer.username;
        return client;
    }

    /** @returns the reply header that says whether the session stands */
    async #open(): Promise<string | undefined> {
        const { dialect } = this.options;
        const stream = await this.#client.openStream({
            cid: this.#cid,
            path: STREAM_PATHS[dialect],
            headers: {
                "last-event-id": this.#position,
                "hiveot-features": dialect === "rrn" ? "resume" : undefined,
            },
        });
        if (stream.status !== 200) throw new Error(`The stream was refused: ${stream.status} ${stream.body}`);
        return stream.headers["hiveot-resume"];
    }

    async #subscribe(): Promise<void> {
        await this.#client.call({ operation: "subscribeevent", thingID: THING, name: "tick" }, { timeoutMs: SILENCE });
    }

    async #readAll(): Promise<void> {
        const { name: consumer, tell, dialect } = this.options;
        for (;;) {
            await this.#read();
            if (this.#closed) return;
            this.drops++;
            tell({ fact: "dropped", consumer });
            const resumed = await this.#reopen();
            if (resumed === undefined) return;
            if (dialect === "rrn" && resumed === "gap") await this.#subscribe().catch(() => undefined);
            tell({ fact: dialect === "rrn" && resumed !== "resumed" ? "gap" : "resumed", consumer });
        }
    }

    /** Until the stream ends. */
    async #read(): Promise<void> {
        const { stream } = this.#client;
        try {
            for (;;) this.#take(await stream!.next(() => true, SILENCE));
        } catch {
            stream?.destroy(); // it has ended, or is silent
        }
    }

    /** @returns the reply header, empty if there is none; undefined once closed */
    async #reopen(): Promise<string | undefined> {
        while (!this.#closed) {
            await this.#client.close();
            this.#client = this.#newClient();
            try {
                return (await this.#open()) ?? "";
            } catch {
                await pause(PAUSE);
            }
        }
        return undefined;
    }

    #take({ id, event, json }: Block): void {
        if (id !== undefined) {
            if (this.#isOld(id)) return;
            this.#position = id;
        }
        const value = json?.["value"] as { scenario?: string; n?: number } | undefined;
        if (event !== "notification" || value?.scenario !== this.options.scenario || value.n === undefined) return;
        this.options.tell({ fact: "heard", consumer: this.options.name, stream: "tick", n: value.n });
        this.last = Math.max(this.last, value.n);
    }

    /** A position moves forward only, within one life of the server. */
    #isOld(id: string): boolean {
        if (this.#position === undefined) return false;
        const [epoch, sequence] = id.split("-");
        const [ownEpoch, ownSequence] = this.#position.split("-");
        return epoch === ownEpoch && Number(sequence) <= Number(ownSequence);
    }
}
