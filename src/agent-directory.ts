/**
 * Keeps the TDs of an agent's Things in the directory of its hub, which may have forgotten them whenever the connection opens, unless the
 * hub says that the connection is the one of before.
 */
import { SseScError, toSseScError, type ErrorCode } from "../lib/errors";
import { backOff, type ReconnectOptions } from "./http/back-off";

/** Writes under way at once: a hub takes only so many open requests of one connection. */
const WRITES_AT_ONCE = 20;
/** Attempts on one connection while the hub gives no answer. */
const ATTEMPTS = 5;

/** Failures that are no answer. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
    "ABORTED",
    "CONNECTION_LOST",
    "CONNECT_FAILED",
    "NO_SESSION",
    "OUTCOME_UNKNOWN",
    "TIMEOUT",
    "TOO_MANY_REQUESTS",
]);

/** Actions of a directory (protocol.md, "Directory"). */
type DirectoryAction = "createThing" | "updateThing" | "deleteThing";

export interface AgentDirectoryOptions {
    /** Invokes an action of the directory; rejects with a SseScError. */
    readonly invoke: (action: DirectoryAction, input: string) => Promise<unknown>;
    /** Waiting before another attempt. */
    readonly retry: ReconnectOptions;
    /** The directory has the TD of a Thing. */
    readonly onWritten: (thingId: string) => void;
    /** The directory refuses the TD of a Thing, or to remove it; it is tried again on the next connection. */
    readonly onRefused: (thingId: string, error: SseScError) => void;
    /** An attempt to write the TD of a Thing has ended, whichever way. */
    readonly onTried: (thingId: string) => void;
}

interface Entry {
    /** The TD that the directory should have; `undefined` if it should have none. */
    wanted: string | undefined;
    /** The TD that it has taken on this connection. */
    written: string | undefined;
    /** What it has refused on this connection; `null` if it was the removal. */
    refused: string | null | undefined;
    /** The connection that a write is under way on. */
    writing: AbortSignal | undefined;
    /** Called when nothing is left to be done, or the connection is gone. */
    readonly waiting: Set<() => void>;
}

/** The entries of one agent in the directory of its hub. */
export class AgentDirectory {
    readonly #entries = new Map<string, Entry>();
    /** Things whose turn has not come. */
    readonly #queue = new Set<string>();
    /** The connection, also while it is interrupted; absent before the first one, and after the end. */
    #connection: AbortController | undefined;
    /** The connection is interrupted: nothing is begun, and no failure counts. */
    #away = false;
    #running = 0;

    constructor(private readonly options: AgentDirectoryOptions) {}

    /** Ids of the Things whose TDs the directory has. */
    get written(): string[] {
        if (this.#away) return [];
        return [...this.#entries].filter(([, { written }]) => written !== undefined).map(([thingId]) => thingId);
    }

    /** A new connection is open: everything is written anew. */
    opened(): void {
        this.close();
        this.#away = false;
        this.#connection = new AbortController();
        for (const [thingId, entry] of this.#entries) {
            entry.written = entry.refused = entry.writing = undefined;
            this.#enqueue(thingId);
        }
    }

    /** The connection is interrupted: `resumed`, `opened` or `close` follows. */
    dropped(): void {
        this.#away = true;
        for (const entry of this.#entries.values()) resolveAll(entry);
    }

    /** The connection is open again, and the hub has forgotten nothing: what is not done goes on. */
    resumed(): void {
        this.#away = false;
        for (const [thingId, entry] of this.#entries) if (isOpen(entry)) this.#enqueue(thingId);
    }

    /** The connection is gone for good. */
    close(): void {
        this.#connection?.abort();
        this.#connection = undefined;
        this.#queue.clear();
        this.#running = 0;
        for (const entry of this.#entries.values()) {
            entry.written = undefined;
            resolveAll(entry);
        }
    }

    /** Sees to it that the directory has this TD. */
    put(thingId: string, td: string): void {
        const entry = this.#entries.get(thingId);
        if (entry !== undefined) entry.wanted = td;
        else this.#entries.set(thingId, newEntry(td));
        if (entry === undefined || entry.writing !== undefined || isOpen(entry)) this.#enqueue(thingId);
        else this.options.onTried(thingId); // it is there, or was refused, as it is
    }

    /** Leaves the entry of a Thing as it is from now on. */
    forget(thingId: string): void {
        const entry = this.#entries.get(thingId);
        this.#entries.delete(thingId);
        if (entry !== undefined) resolveAll(entry);
    }

    /**
     * Sees to it that the directory has no TD of a Thing, now or on the next connection.
     * @returns what resolves when it has none, has refused, or there is no connection
     */
    remove(thingId: string): Promise<void> {
        let entry = this.#entries.get(thingId);
        if (entry === undefined) this.#entries.set(thingId, (entry = newEntry(undefined)));
        entry.wanted = undefined;
        if (this.#connection === undefined || this.#away) return Promise.resolve();
        const removing = entry;
        return new Promise((resolve) => {
            removing.waiting.add(resolve);
            this.#enqueue(thingId);
        });
    }

    #enqueue(thingId: string): void {
        if (this.#connection === undefined) return;
        this.#queue.add(thingId);
        this.#next(this.#connection.signal);
    }

    #next(connection: AbortSignal): void {
        for (const thingId of this.#queue) {
            if (this.#away) return;
            if (this.#running >= WRITES_AT_ONCE) return;
            this.#queue.delete(thingId);
            const entry = this.#entries.get(thingId);
            if (entry === undefined || entry.writing === connection) continue;
            this.#running++;
            entry.writing = connection;
            void this.#write(thingId, entry, connection).finally(() => {
                if (connection.aborted) return;
                entry.writing = undefined;
                this.#running--;
                // Something else may be wanted by now.
                if (this.#entries.get(thingId) === entry && isOpen(entry)) this.#queue.add(thingId);
                else resolveAll(entry);
                this.#next(connection);
            });
        }
    }

    /** Writes until the directory has what is wanted, or has refused it. Never rejects. */
    async #write(thingId: string, entry: Entry, connection: AbortSignal): Promise<void> {
        let failures = 0;
        while (this.#mayWrite() && this.#entries.get(thingId) === entry && isOpen(entry)) {
            const { wanted } = entry;
            try {
                if (wanted === undefined) await this.#delete(thingId);
                else await this.options.invoke(entry.written === undefined ? "createThing" : "updateThing", wanted);
                if (connection.aborted) return;
                failures = 0;
                entry.written = wanted;
                entry.refused = undefined;
                if (wanted !== undefined) this.options.onWritten(thingId);
                else if (entry.wanted === undefined) this.#entries.delete(thingId);
            } catch (thrown) {
                if (connection.aborted || !this.#mayWrite()) return;
                const error = toSseScError(thrown);
                if (++failures < ATTEMPTS && mayPass(error)) {
                    this.options.onTried(thingId);
                    const wait = (error.retryAfter ?? 0) * 1000;
                    await backOff(failures, this.options.retry, wait, connection).catch(() => undefined);
                    continue;
                }
                failures = 0;
                entry.refused = wanted ?? null;
                this.options.onRefused(thingId, error);
            }
            this.options.onTried(thingId);
        }
    }

    #mayWrite(): boolean {
        return !this.#away;
    }

    /** What is not there needs no removal. */
    async #delete(thingId: string): Promise<void> {
        try {
            await this.options.invoke("deleteThing", thingId);
        } catch (error) {
            if (toSseScError(error).status !== 404) throw error;
        }
    }
}

function newEntry(wanted: string | undefined): Entry {
    return { wanted, written: undefined, refused: undefined, writing: undefined, waiting: new Set() };
}

/** True if there is something to be done. */
function isOpen({ wanted, written, refused }: Entry): boolean {
    if (wanted === undefined) return refused !== null;
    return wanted !== written && wanted !== refused;
}

function mayPass({ code, status }: SseScError): boolean {
    return PASSING.has(code) || status === 429 || status === 503;
}

function resolveAll({ waiting }: Entry): void {
    for (const resolve of waiting) resolve();
    waiting.clear();
}
