/** Finds TDs that are announced on the local network: `for await (const found of discover({ type: "Directory" })) …`. */
import { isIPv4 } from "node:net";
import type { Question } from "dns-packet";
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import { DIRECTORY_SERVICE, SERVICE } from "./announcement";
import { Collector } from "./collector";
import type { FoundService } from "./found-service";
import { ownAddresses } from "./interfaces";
import { Multicast, type MulticastPacket } from "./multicast";

/** What to look for, and how long; times in milliseconds. */
export interface DiscoverOptions {
    /** Only Things, or only directories. Default: both. */
    type?: FoundService["type"];
    /** How long to look; 0 looks until `signal`, or until the loop is left. Default: 3,000. */
    timeout?: number;
    /** Ends the search, as the timeout does. */
    signal?: AbortSignal;
    /** IPv4 address of the network interface to look on. Default: all. */
    interface?: string;
    /** How many to find at most: anybody on the network can announce any number. Default: 256. */
    limit?: number;
}

const OPTIONS = ["type", "timeout", "signal", "interface", "limit"] as const satisfies (keyof DiscoverOptions)[];
const DEFAULT_TIMEOUT = 3_000;
const DEFAULT_LIMIT = 256;
const MAX_LIMIT = 10_000;
/** `setTimeout` takes no more. */
const MAX_TIME = 2 ** 31 - 1;

/** Milliseconds until the question is asked again; doubled each time (RFC 6762, section 5.2). */
const FIRST_INTERVAL = 1_000;
const MAX_INTERVAL = 60_000;
/** Milliseconds until records that a packet lacked are asked for, and until they are asked for no more. */
const MISSING_DELAY = 100;
const MISSING_INTERVAL = 500;

interface Settings {
    readonly type: FoundService["type"] | undefined;
    readonly timeout: number;
    readonly signal: AbortSignal | undefined;
    readonly interface: string | undefined;
    readonly limit: number;
}

/**
 * Looks for Things and directories that are announced by DNS-SD (WoT Discovery, "DNS-Based Service Discovery"). Each is given once,
 * again only if it moved. What is not announced as it must be is passed over. The search begins with the first step of the loop, and
 * nothing of it stays open after the last.
 *
 * Nothing that is found is proved by it: anybody on the network can announce anything. Who the other side is shows its certificate.
 * @throws SseScError INVALID_CONFIG at once, naming the option that is not right; in the loop CONNECT_FAILED if no network can be used
 */
export function discover(options: DiscoverOptions = {}): AsyncGenerator<FoundService, void, undefined> {
    return search(readOptions(options));
}

async function* search(settings: Settings): AsyncGenerator<FoundService, void, undefined> {
    if (settings.signal?.aborted === true) return;
    const running = new Search(settings);
    try {
        await running.start();
        for (let given = 0; given < settings.limit; given += 1) {
            const next = await running.next();
            if (next === undefined) return;
            yield next;
        }
    } finally {
        await running.stop();
    }
}

/** One search: asks, collects, and hands out one after the other. */
class Search {
    readonly #collector: Collector;
    readonly #found: FoundService[] = [];
    #multicast: Multicast | undefined;
    #isOver = false;
    #wake: () => void = ignore;
    #againTimer: NodeJS.Timeout | undefined;
    #missingTimer: NodeJS.Timeout | undefined;
    #endTimer: NodeJS.Timeout | undefined;

    constructor(private readonly settings: Settings) {
        const own = ownAddresses();
        this.#collector = new Collector(settings.type, settings.limit, (address) => own.has(address));
    }

    /** @throws SseScError CONNECT_FAILED if no network interface can be used */
    async start(): Promise<void> {
        const { signal, timeout } = this.settings;
        if (timeout > 0) this.#endTimer = setTimeout(this.#end, timeout);
        signal?.addEventListener("abort", this.#end, { once: true });
        let cause: unknown;
        this.#multicast = await Multicast.open({
            interface: this.settings.interface,
            keepAlive: true,
            onPacket: (packet, source) => {
                if (packet.type === "response") this.#receive(packet, source);
            },
            onError: (error) => {
                cause = error;
            },
        });
        if (this.#multicast.interfaces.length === 0) {
            throw new SseScError("CONNECT_FAILED", "No network interface can be used", { cause });
        }
        this.#ask(FIRST_INTERVAL);
    }

    /** The next one found; `undefined` when the search is over. */
    async next(): Promise<FoundService | undefined> {
        while (this.#found.length === 0 && !this.#isOver) {
            await new Promise<void>((resolve) => {
                this.#wake = resolve;
            });
        }
        return this.#found.shift();
    }

    async stop(): Promise<void> {
        for (const timer of [this.#againTimer, this.#missingTimer, this.#endTimer]) clearTimeout(timer);
        this.settings.signal?.removeEventListener("abort", this.#end);
        await this.#multicast?.close();
    }

    readonly #end = (): void => {
        this.#add(this.#collector.settle(true));
        this.#isOver = true;
        this.#wake();
    };

    #add(services: readonly FoundService[]): void {
        this.#found.push(...services);
        if (services.length > 0) this.#wake();
    }

    #receive(packet: MulticastPacket, source: string): void {
        if (this.#isOver) return;
        this.#add(this.#collector.add(packet, source));
        if (this.#missingTimer === undefined && this.#collector.hasGaps) {
            this.#missingTimer = setTimeout(this.#askMissing, MISSING_DELAY);
        }
    }

    #ask(interval: number): void {
        const names = this.settings.type === "Directory" ? [SERVICE, DIRECTORY_SERVICE] : [SERVICE];
        this.#send(names.map((name) => ({ name, type: "PTR" })));
        this.#againTimer = setTimeout(() => {
            this.#ask(Math.min(2 * interval, MAX_INTERVAL));
        }, interval);
    }

    readonly #askMissing = (): void => {
        this.#missingTimer = undefined;
        this.#add(this.#collector.settle());
        const questions = this.#collector.questions();
        if (questions.length === 0) return;
        this.#send(questions);
        this.#missingTimer = setTimeout(this.#askMissing, MISSING_INTERVAL);
    };

    #send(questions: Question[]): void {
        void this.#multicast?.send(() => ({ type: "query", questions }));
    }
}

function readOptions(options: unknown): Settings {
    if (!isRecord(options)) throw invalid("The options of discover are not an object");
    for (const name of Object.keys(options)) {
        if (!(OPTIONS as readonly string[]).includes(name)) throw invalid(`${name} is not an option of discover`);
    }
    const { type, timeout = DEFAULT_TIMEOUT, signal, interface: address, limit = DEFAULT_LIMIT } = options;
    if (type !== undefined && type !== "Thing" && type !== "Directory") throw invalid("type is not Thing or Directory");
    if (!isInteger(timeout, 0, MAX_TIME)) throw invalid(`timeout is not an integer from 0 to ${String(MAX_TIME)}`);
    if (!isInteger(limit, 1, MAX_LIMIT)) throw invalid(`limit is not an integer from 1 to ${String(MAX_LIMIT)}`);
    if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid("signal is not an AbortSignal");
    if (address !== undefined && !(typeof address === "string" && isIPv4(address))) {
        throw invalid("interface is not an IPv4 address of this machine");
    }
    return { type, timeout, signal, interface: address, limit };
}

function isInteger(value: unknown, min: number, max: number): value is number {
    return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}

function invalid(message: string): SseScError {
    return new SseScError("INVALID_CONFIG", message);
}

function ignore(): void {
    // Nobody waits
}
