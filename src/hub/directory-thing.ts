/** What the directory answers as a Thing (protocol.md, "Directory"): its actions, its property, its events. */
import { SseScError } from "../../lib/errors";
import { isRecord, parseJson } from "../../lib/json";
import { requireReader, requireWriter, type DirectoryCaller } from "./directory-access";
import { DEFAULT_PAGE } from "./directory-description";
import type { DirectoryChange, DirectoryRecord, Json } from "./directory-records";
import type { DirectoryStore } from "./directory-store";
import { invalidTd } from "./written-description";

/** An event of the directory, to be notified to those who subscribed to it. */
export interface DirectoryEvent {
    readonly name: "thingCreated" | "thingUpdated" | "thingDeleted";
    readonly data: string;
}

/** What the Thing is made of. */
export interface DirectoryThingParts {
    readonly store: DirectoryStore;
    /** The TD of a Thing as this hub hands it out: with its own forms and security. */
    readonly render: (record: DirectoryRecord) => Json;
    /** The directory's own TD. */
    readonly ownDescription: () => Json;
    /** How deep JSON may be nested. */
    readonly maxDepth: number;
    /** Most characters of JSON in one answer; quotes in it may double. Default 4 Mi: HiveKit refuses frames of 10 MiB. */
    readonly maxAnswer?: number;
}

const MAX_ANSWER = 4 * 1024 * 1024;

type Action = (input: unknown, caller: DirectoryCaller) => unknown;

/** The directory as a Thing. It knows nothing of servers and sessions. */
export class DirectoryThing {
    readonly #parts: DirectoryThingParts;
    readonly #actions: ReadonlyMap<string, Action>;

    constructor(parts: DirectoryThingParts) {
        this.#parts = parts;
        const write: Action = (input, caller) => this.#write(input, caller);
        this.#actions = new Map<string, Action>([
            ["createThing", write],
            ["updateThing", write],
            ["deleteThing", (input, caller) => this.#delete(input, caller)],
            ["retrieveThing", (input) => this.#retrieve(input)],
            ["retrieveAllThings", (input) => this.#retrieveAll(input)],
            ["retrieveTDD", () => JSON.stringify(parts.ownDescription())],
        ]);
    }

    /** True for an action that only reads: permitted to whoever may read (protocol.md, "Roles and what they may do"). */
    static isReading(action: string): boolean {
        return action.startsWith("retrieve");
    }

    /**
     * Carries out an action.
     * @returns its output; `undefined` where it has none
     * @throws SseScError UNKNOWN_AFFORDANCE, FORBIDDEN, INVALID_INPUT, INVALID_TD, UNKNOWN_THING, NOT_OWNER, TOO_LARGE, TOO_MANY_THINGS,
     * RESPONSE_TOO_LARGE
     */
    async invoke(action: string, input: unknown, caller: DirectoryCaller): Promise<unknown> {
        const carryOut = this.#actions.get(action);
        if (carryOut === undefined) throw new SseScError("UNKNOWN_AFFORDANCE");
        if (DirectoryThing.isReading(action)) requireReader(caller);
        return await carryOut(input, caller);
    }

    /**
     * Reads a property: `things`, the first TDs, at most 100 and as many as fit.
     * @throws SseScError UNKNOWN_AFFORDANCE, FORBIDDEN
     */
    readProperty(name: string, caller: DirectoryCaller): readonly Json[] {
        if (name !== "things") throw new SseScError("UNKNOWN_AFFORDANCE");
        requireReader(caller);
        const things: Json[] = [];
        let left = this.#maxAnswer;
        for (const record of this.#records(0, DEFAULT_PAGE)) {
            const td = this.#parts.render(record);
            left -= JSON.stringify(td).length;
            if (left < 0) break;
            things.push(td);
        }
        return things;
    }

    /** The events that tell of a change. HiveKit tells of every write by `thingUpdated`, the first included (recorded). */
    events({ type, id, after }: DirectoryChange): readonly DirectoryEvent[] {
        if (after === undefined) return [{ name: "thingDeleted", data: id }];
        const updated = { name: "thingUpdated", data: JSON.stringify(this.#parts.render(after)) } as const;
        return type === "created" ? [{ ...updated, name: "thingCreated" }, updated] : [updated];
    }

    get #maxAnswer(): number {
        return this.#parts.maxAnswer ?? MAX_ANSWER;
    }

    async #write(input: unknown, caller: DirectoryCaller): Promise<void> {
        const writer = requireWriter(caller);
        await this.#parts.store.put(typeof input === "string" ? this.#parse(input) : input, writer);
    }

    async #delete(input: unknown, caller: DirectoryCaller): Promise<void> {
        const writer = requireWriter(caller);
        await this.#parts.store.delete(idIn(input), writer);
    }

    #retrieve(input: unknown): string {
        const record = this.#parts.store.get(idIn(input));
        if (record === undefined) throw new SseScError("UNKNOWN_THING");
        return JSON.stringify(this.#parts.render(record));
    }

    /** Never fewer than asked for while there are more: a client would take that for the end. */
    #retrieveAll(input: unknown): string[] {
        const { offset, limit } = pageIn(input);
        const texts: string[] = [];
        let left = this.#maxAnswer;
        for (const record of this.#records(offset, limit)) {
            const text = JSON.stringify(this.#parts.render(record));
            left -= text.length;
            if (left < 0) {
                const title = "The page is too large for one message: ask for fewer Things";
                throw new SseScError("RESPONSE_TOO_LARGE", undefined, { title });
            }
            texts.push(text);
        }
        return texts;
    }

    *#records(offset: number, limit: number): Generator<DirectoryRecord> {
        for (const id of this.#parts.store.page(offset, limit).ids) {
            const record = this.#parts.store.get(id);
            if (record !== undefined) yield record;
        }
    }

    #parse(text: string): unknown {
        try {
            return parseJson(text, this.#parts.maxDepth);
        } catch {
            throw invalidTd([{ field: "", description: `is not JSON, or nested deeper than ${this.#parts.maxDepth}` }]);
        }
    }
}

function idIn(input: unknown): string {
    if (typeof input === "string") return input;
    throw new SseScError("INVALID_INPUT", undefined, { title: "The input is not the id of a Thing" });
}

/** Null counts as absent, and a limit of 0 as the default: Go writes them for what nobody has set. */
function pageIn(input: unknown): { readonly offset: number; readonly limit: number } {
    const members: unknown = input ?? {};
    if (isRecord(members)) {
        const offset = members["offset"] ?? 0;
        const limit = members["limit"] ?? 0;
        if (isCount(offset) && isCount(limit)) return { offset, limit: limit === 0 ? DEFAULT_PAGE : limit };
    }
    throw new SseScError("INVALID_INPUT", undefined, {
        title: "The input is not { offset, limit } with whole numbers",
    });
}

function isCount(value: unknown): value is number {
    return Number.isSafeInteger(value) && Number(value) >= 0;
}
