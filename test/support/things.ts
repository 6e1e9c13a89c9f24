/**
 * The Thing that the tests expose: HiveKit's counter as in the recordings, with more affordances for what else must hold.
 *
 * Made with the plain Scripting API, as any node-wot script would make it.
 */
import { type ExposedThing, ProtocolHelpers } from "@node-wot/core";
import { EventEmitter, once } from "node:events";
import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";

/** Id of the Thing in the recordings. */
export const COUNTER_ID = "urn:counter";

/** An id as the Hub makes them for digital twins: colons in it must not trip anybody up. */
export const TWIN_ID = "dtw:a:b";

/** What this binding puts into `options.data` of an action handler (design.md, "Things side"). */
interface ActionData {
    readonly progress: (value: unknown) => void;
    readonly signal: AbortSignal;
}

/** The smallest PNG: one transparent pixel. */
export const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/** A text of several lines and scripts: none of it may disturb the framing of the stream. */
export const NOTE = "first line\r\nsecond: line\n\ndata: no field\n\u2028 €";

/** The progress that the action `slow` reports. */
export const PROGRESS = [25, 50, 75] as const;

/** What no client may ever see. */
const INTERNALS = new Error("internals: /etc/passwd");

/** The Thing as its script wrote it; no forms but those that name a content type. */
export function counterInit(id: string = COUNTER_ID): WoT.ExposedThingInit {
    const factor = { type: "integer", minimum: 1, maximum: 100 } as const;
    return {
        id,
        title: "Counter",
        properties: {
            count: { type: "integer", observable: true },
            limit: { type: "integer", minimum: 1 },
            serial: { type: "string", readOnly: true },
            secret: { type: "string", writeOnly: true },
            settings: {
                type: "object",
                observable: true,
                properties: { unit: { type: "string" }, step: { type: "integer" } },
                required: ["unit"],
            },
            note: { type: "string", forms: [{ href: "", contentType: "text/plain" }] },
            picture: { type: "string", forms: [{ href: "", contentType: "image/png" }] },
            scaled: { type: "integer", readOnly: true, uriVariables: { factor } },
        },
        actions: {
            increment: { input: { type: "integer" }, output: { type: "integer" } },
            stepUp: { output: { type: "integer" }, uriVariables: { step: { type: "integer", minimum: 1 } } },
            slow: { input: { type: "integer" }, output: { type: "integer" } },
            fail: {},
            refuse: {},
            never: {},
            echo: { input: { type: "object" }, output: { type: "object" } },
            later: { input: { type: "integer" }, output: { type: "integer" } },
        },
        events: {
            overflow: { data: { type: "integer" } },
            tick: { data: { type: "string" } },
            alarm: { data: { type: "string" } },
        },
    };
}

const RECORDED = {
    properties: ["count", "limit"],
    actions: ["increment", "slow", "fail", "never"],
    events: ["overflow", "tick"],
} as const;

/** The Thing with the affordances that it has in the recordings, and no others. */
function recordedInit(): WoT.ExposedThingInit {
    const init = counterInit() as unknown as Record<string, Record<string, unknown>>;
    const picked = Object.entries(RECORDED).map(([kind, names]) => [
        kind,
        Object.fromEntries(names.map((name) => [name, init[kind]?.[name]])),
    ]);
    const recorded = { ...init, ...Object.fromEntries(picked) } as WoT.ExposedThingInit;
    const properties = { ...recorded.properties, limit: { ...recorded.properties?.["limit"], observable: true } };
    const input = { type: "object", properties: { count: { type: "integer" }, size: { type: "integer" } } } as const;
    return { ...recorded, properties, actions: { ...recorded.actions, burst: { input, output: { type: "integer" } } } };
}

/** One call of an action handler that has begun. */
export interface Invocation {
    readonly name: string;
    readonly input: unknown;
    readonly data: ActionData | undefined;
}

/** A Thing in the hands of a test. */
export class TestThing {
    count = 0;
    limit = 20;
    settings: Record<string, unknown> = { unit: "pcs", step: 1 };
    note = NOTE;
    /** Base64. */
    picture = PIXEL;
    secret = "";
    /** Every call of an action handler so far. */
    readonly invocations: Invocation[] = [];
    /** Calls of the action `later` that wait: call one to let it answer with its input. */
    readonly later: (() => void)[] = [];
    /** What the action `fail` throws. */
    failure: Error = INTERNALS;
    /** The progress that `slow` reports. */
    progress: readonly number[] = PROGRESS;
    /** Calls of the application's own handlers for the event `alarm`. */
    readonly alarm = { subscribed: 0, unsubscribed: 0 };
    /** Reads of `count`, those for its change notifications included. */
    reads = 0;
    readonly #happened = new EventEmitter();
    #gate: Promise<void> | undefined;

    private constructor(readonly thing: ExposedThing) {}

    /** Produces the Thing and sets its handlers; `expose()` is up to the caller. */
    static async produce(wot: typeof WoT, id: string = COUNTER_ID): Promise<TestThing> {
        const test = new TestThing((await wot.produce(counterInit(id))) as ExposedThing);
        test.#setRecordedHandlers();
        test.#setFurtherHandlers();
        return test;
    }

    /** Produces the Thing as it is in the recordings: few affordances, one value of progress, and `fail` says why. */
    static async produceRecorded(wot: typeof WoT): Promise<TestThing> {
        const test = new TestThing((await wot.produce(recordedInit())) as ExposedThing);
        test.#setRecordedHandlers();
        test.#action("burst", async (input) => {
            const { count, size } = input as { count: number; size: number };
            for (let tick = 0; tick < count; tick++) test.tick("x".repeat(size));
            return count;
        });
        test.progress = [50];
        test.failure = Object.assign(new Error("this action always fails"), { status: 400 });
        return test;
    }

    get id(): string {
        return this.thing.getThingDescription().id ?? "";
    }

    /** Back to the start; nobody is told. */
    reset(): void {
        this.count = 0;
        this.limit = 20;
        this.settings = { unit: "pcs", step: 1 };
        this.note = NOTE;
        this.picture = PIXEL;
        this.secret = "";
        this.invocations.length = 0;
        this.reads = 0;
        this.later.length = 0;
        this.failure = INTERNALS;
        this.progress = PROGRESS;
        this.#gate = undefined;
    }

    /** Sets the counter and tells the observers. */
    async setCount(count: number): Promise<void> {
        this.count = count;
        await this.thing.emitPropertyChange("count");
    }

    tick(text: string): void {
        this.thing.emitEvent("tick", text);
    }

    sound(text: string): void {
        this.thing.emitEvent("alarm", text);
    }

    /** From now on `slow` stops after its last progress, until the function that is returned is called. */
    hold(): () => void {
        let release = (): void => undefined;
        this.#gate = new Promise((resolve) => {
            release = resolve;
        });
        return () => {
            this.#gate = undefined;
            release();
        };
    }

    /** The call number `count` of an action's handler, once there is one. */
    async invoked(name: string, count = 1): Promise<Invocation> {
        for (;;) {
            const call = this.invocations.filter((candidate) => candidate.name === name)[count - 1];
            if (call !== undefined) return call;
            await once(this.#happened, "invoked");
        }
    }

    #setRecordedHandlers(): void {
        const { thing } = this;
        thing.setPropertyReadHandler("count", async () => {
            this.reads += 1;
            return this.count;
        });
        thing.setPropertyWriteHandler("count", async (value) => {
            await this.setCount(Number(await value.value()));
        });
        thing.setPropertyReadHandler("limit", async () => this.limit);
        thing.setPropertyWriteHandler("limit", async (value) => {
            this.limit = Number(await value.value());
        });
        this.#action("increment", async (input) => this.#increment(Number(input)));
        this.#action("slow", async (input, options) => {
            const { progress, signal } = dataOf(options) ?? NOBODY;
            for (const value of this.progress) {
                progress(value);
                await turn();
                signal.throwIfAborted();
            }
            await Promise.race([this.#gate, aborted(signal)]);
            return input;
        });
        this.#action("fail", async () => {
            throw this.failure;
        });
        this.#action("never", () => new Promise<never>(() => undefined));
    }

    #setFurtherHandlers(): void {
        const { thing } = this;
        thing.setPropertyReadHandler("serial", async () => "SN-1");
        thing.setPropertyWriteHandler("secret", async (value) => {
            this.secret = (await value.value()) as string;
        });
        thing.setPropertyReadHandler("settings", async () => this.settings as WoT.InteractionInput);
        thing.setPropertyWriteHandler("settings", async (value) => {
            this.settings = (await value.value()) as Record<string, unknown>;
            await thing.emitPropertyChange("settings");
        });
        // A stream, because core's own codec cuts texts that are not ASCII (Buffer.alloc by the number of characters).
        thing.setPropertyReadHandler("note", async () => streamOf(Buffer.from(this.note)));
        thing.setPropertyWriteHandler("note", async (value) => {
            this.note = (await value.value()) as string;
        });
        thing.setPropertyReadHandler("picture", async () => streamOf(Buffer.from(this.picture, "base64")));
        thing.setPropertyWriteHandler("picture", async (value) => {
            this.picture = Buffer.from(await value.arrayBuffer()).toString("base64");
        });
        thing.setPropertyReadHandler("scaled", async (options) => this.count * variable(options, "factor", 1));
        this.#action("stepUp", async (_input, options) => this.#increment(variable(options, "step", 1)));
        this.#action("refuse", async () => {
            throw Object.assign(new Error("this action always fails"), { status: 400 });
        });
        this.#action("echo", async (input) => input);
        this.#action("later", async (input) => {
            await new Promise<void>((resolve) => this.later.push(resolve));
            return input;
        });
        thing.setEventSubscribeHandler("alarm", async () => {
            this.alarm.subscribed += 1;
        });
        thing.setEventUnsubscribeHandler("alarm", async () => {
            this.alarm.unsubscribed += 1;
        });
    }

    #action(name: string, handler: (input: unknown, options?: WoT.InteractionOptions) => Promise<unknown>): void {
        this.thing.setActionHandler(name, async (params, options) => {
            const input = params.schema === undefined ? undefined : await params.value();
            this.invocations.push({ name, input, data: dataOf(options) });
            this.#happened.emit("invoked");
            return (await handler(input, options)) as WoT.InteractionInput;
        });
    }

    /** As in the recordings: beyond the limit it starts again at 0, and says how far it had come. */
    async #increment(by: number): Promise<number> {
        const reached = this.count + by;
        await this.setCount(reached > this.limit ? 0 : reached);
        if (reached > this.limit) this.thing.emitEvent("overflow", reached);
        return this.count;
    }
}

function streamOf(bytes: Buffer): WoT.InteractionInput {
    return ProtocolHelpers.toWoTStream(Readable.from([bytes], { objectMode: false }));
}

const NOBODY: ActionData = { progress: () => undefined, signal: new AbortController().signal };

function dataOf(options: WoT.InteractionOptions | undefined): ActionData | undefined {
    return options?.data as ActionData | undefined;
}

function variable(options: WoT.InteractionOptions | undefined, name: string, otherwise: number): number {
    const variables = options?.uriVariables as Record<string, unknown> | undefined;
    const value = variables?.[name];
    // What has not been turned into a number must not pass by accident.
    return value === undefined ? otherwise : typeof value === "number" ? value : NaN;
}

function aborted(signal: AbortSignal): Promise<never> {
    return new Promise((_resolve, reject) => {
        signal.addEventListener(
            "abort",
            () => {
                reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
            },
            { once: true }
        );
    });
}
