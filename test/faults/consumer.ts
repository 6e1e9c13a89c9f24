/** A consumer of the suite: whatever it hears, invokes and is told goes into the ledger. */
import { EventEmitter, once } from "node:events";
import { connect, SseScError, type Connection, type ConnectionOptions } from "../../src/index";
import type { Fact } from "./ledger";
import { CREDENTIALS, FAST, THING } from "./members";

interface Numbered {
    readonly scenario: string;
    readonly n: number;
}

export interface ConsumerOptions {
    readonly name: string;
    readonly url: string;
    readonly options: ConnectionOptions;
    readonly scenario: string;
    /** Takes its facts. */
    readonly tell: (fact: Fact) => void;
    /** In place of the password. */
    readonly token?: string | undefined;
}

/** A connection of `connect()` that is subscribed to the numbers of a member. */
export class FaultConsumer {
    /** The last number that it heard as an event. */
    last = 0;
    /** The last one that it heard as a value of the property. */
    level = 0;
    /** Times that its connection broke, and that it came back with something missing. */
    drops = 0;
    gaps = 0;
    readonly #heard = new EventEmitter();
    #actions = 0;

    private constructor(
        readonly connection: Connection,
        private readonly options: ConsumerOptions
    ) {
        this.#heard.setMaxListeners(0);
        const { name: consumer, tell } = options;
        connection.on("disconnected", () => {
            this.drops++;
            tell({ fact: "dropped", consumer });
            this.#heard.emit("dropped");
        });
        connection.on("connected", ({ gap }) => {
            if (gap) this.gaps++;
            tell({ fact: gap ? "gap" : "resumed", consumer });
            this.#heard.emit("connected");
        });
    }

    static async connect(options: ConsumerOptions): Promise<FaultConsumer> {
        const credentials = options.token === undefined ? CREDENTIALS.consumer : { token: options.token };
        const connection = await connect(options.url, credentials, { reconnect: FAST, ...options.options });
        return new FaultConsumer(connection, options);
    }

    /** Subscribes to the events and the property. @param after number of the last one that it need not hear */
    async subscribe(after = 0): Promise<void> {
        const { name: consumer, scenario, tell } = this.options;
        const hear = (stream: string) => ({
            onNotification: ({ value }: { value: unknown }) => {
                const { scenario: whose, n } = value as Numbered;
                if (whose !== scenario) return;
                tell({ fact: "heard", consumer, stream, n });
                if (stream !== "tick") {
                    this.level = n;
                    return;
                }
                this.last = Math.max(this.last, n);
                this.#heard.emit("tick");
            },
        });
        await this.connection.subscribeEvent(THING, "tick", hear("tick"));
        await this.connection.observeProperty(THING, "level", hear("level"));
        for (const stream of ["tick", "level"]) tell({ fact: "subscribed", consumer, stream, after });
    }

    /** Resolves when it has heard the event of this number, or a later one; rejects when the signal says so. */
    async hears(n: number, signal?: AbortSignal): Promise<void> {
        while (this.last < n) await once(this.#heard, "tick", { signal });
    }

    /** Resolves once its connection has broken more than so many times. */
    async breaksAgain(drops: number, signal = AbortSignal.timeout(15_000)): Promise<void> {
        while (this.drops <= drops) await once(this.#heard, "dropped", { signal });
    }

    async isConnected(signal?: AbortSignal): Promise<void> {
        while (this.connection.state !== "connected") await once(this.#heard, "connected", { signal });
    }

    /** Invokes the action, or writes the property. @returns `ok`, or the code of its failure */
    async invoke(write = false): Promise<string> {
        const { name, scenario, tell } = this.options;
        const id = `${name}-${++this.#actions}`;
        tell({ fact: "invoked", id });
        const input = { scenario, id };
        const call = write
            ? this.connection.writeProperty(THING, "target", input)
            : this.connection.invokeAction(THING, "act", input);
        const code = await call.then(
            () => "ok",
            (error: unknown) => (error instanceof SseScError ? error.code : String(error))
        );
        tell({ fact: "outcome", id, code });
        return code;
    }

    /** Invokes one after the other until told not to; each call waits for the one before. */
    async invokeUntil(signal: AbortSignal): Promise<void> {
        for (let call = 0; !signal.aborted; call++) await this.invoke(call % 4 === 3);
    }

    close(): Promise<void> {
        return this.connection.close();
    }
}
