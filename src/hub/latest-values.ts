/** The latest events of the Things of a hub's agents: what `readevent` and `readallevents` answer, whether the agent is there or not. */
import { createRecord } from "../../lib/json";
import type { NotificationMessage } from "../../lib/messages";

/** Bytes that all values together may take, as far as they can be told; beyond it the one that is longest unchanged goes. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Names of one Thing that are kept: agents may make up names without end. */
const MAX_NAMES = 1_000;
/** What any value takes beside its text and those of its event. */
const OVERHEAD = 200;

interface Latest {
    readonly event: NotificationMessage;
    readonly bytes: number;
}

/** Keeps the latest event of each name of each Thing. */
export class LatestValues {
    readonly #things = new Map<string, Map<string, Latest>>();
    /** All of them, those that changed last at the end. */
    readonly #order = new Set<Latest>();
    #bytes = 0;

    /** @param onChange hears of each name whose event is another one now, or gone; it may not throw */
    constructor(
        private readonly maxBytes = MAX_BYTES,
        private readonly onChange: (thingId: string, name: string) => void = ignore
    ) {}

    /** Bytes that are kept, as far as they can be told. */
    get bytes(): number {
        return this.#bytes;
    }

    /** Keeps an event in place of the one before. */
    set(event: NotificationMessage): void {
        const { thingId, name } = event;
        let events = this.#things.get(thingId);
        if (events === undefined) this.#things.set(thingId, (events = new Map<string, Latest>()));
        if (events.size >= MAX_NAMES && !events.has(name)) return;
        this.#delete(events, name);
        const latest: Latest = { event, bytes: OVERHEAD + textOf(event) + sizeOf(event.value) };
        events.set(name, latest);
        this.#order.add(latest);
        this.#bytes += latest.bytes;
        this.onChange(thingId, name);
        for (const { event: oldest } of this.#order) {
            if (this.#bytes <= this.maxBytes) break;
            this.#remove(oldest.thingId, oldest.name);
        }
    }

    /** The latest event of that name, if there was one. */
    get(thingId: string, name: string): NotificationMessage | undefined {
        return this.#things.get(thingId)?.get(name)?.event;
    }

    /** The latest event of each name. */
    all(thingId: string): Record<string, NotificationMessage> {
        const all = createRecord<NotificationMessage>();
        for (const [name, { event }] of this.#things.get(thingId) ?? []) all[name] = event;
        return all;
    }

    /** The Thing is gone. */
    forget(thingId: string): void {
        for (const name of [...(this.#things.get(thingId)?.keys() ?? [])]) this.#remove(thingId, name);
    }

    #remove(thingId: string, name: string): void {
        const events = this.#things.get(thingId);
        if (events === undefined) return;
        this.#delete(events, name);
        if (events.size === 0) this.#things.delete(thingId);
        this.onChange(thingId, name);
    }

    #delete(events: Map<string, Latest>, name: string): void {
        const latest = events.get(name);
        if (latest === undefined) return;
        events.delete(name);
        this.#order.delete(latest);
        this.#bytes -= latest.bytes;
    }
}

function ignore(): void {
    // nobody keeps them elsewhere
}

/** The bytes of what an agent may make as long as a message can be, names above all. */
function textOf({ thingId, name, messageId, correlationId, timestamp }: NotificationMessage): number {
    return 2 * (thingId.length + name.length + messageId.length + correlationId.length + timestamp.length);
}

/** About how many bytes a value takes in memory. Its depth has been bounded by who read it. */
function sizeOf(value: unknown): number {
    if (typeof value === "string") return 2 * value.length;
    if (typeof value !== "object" || value === null) return 8;
    let size = 16;
    for (const [name, entry] of Object.entries(value)) size += 2 * name.length + 16 + sizeOf(entry);
    return size;
}
