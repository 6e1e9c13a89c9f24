/** Announces a TD on the local network and answers those who look for it, until it is withdrawn. */
import { setTimeout as pause } from "node:timers/promises";
import type { Answer, Packet } from "dns-packet";
import { goodbye, instanceName, nameKey, numbered, recordsOf, type Announcement } from "./announcement";
import { Multicast, type MulticastPacket } from "./multicast";
import { askedIn, recordKey } from "./questions";

/** Milliseconds between two of the three questions whether a name is taken (RFC 6762, section 8.1). */
const PROBE_INTERVAL = 250;
const PROBES = 3;
/** Milliseconds after which the announcement is repeated, in case a packet was lost (section 8.3). */
const REPEATS = [1_000, 2_000];
/** Milliseconds between two answers, whoever asks how often (section 6); those who ask whether a name is taken cannot wait so long. */
const ANSWER_INTERVAL = 1_000;
/** Milliseconds that an answer waits, at random, so that not all servers answer at once, and one answer serves several who ask. */
const ANSWER_DELAY = { min: 20, max: 120 };
/** Milliseconds between two looks for networks that came or went. */
const REFRESH_INTERVAL = 10_000;
/** Names that are tried before giving up. */
const MAX_NAMES = 10;
/** Different errors that are told. */
const MAX_ERRORS = 16;

/** One announcement. It never keeps the process alive, and no error of the network gets out of it. */
export class Announcer {
    readonly #stopped = new AbortController();
    readonly #told = new Set<string>();
    readonly #asked = new Set<string>();
    #running: Promise<void> | undefined;
    #multicast: Multicast | undefined;
    /** Which of the names is tried or held: `name`, `name (2)`, … */
    #number = 1;
    #state: "probing" | "announced" | "conflict" | "given up" = "probing";
    #onConflict: () => void = ignore;
    #answerTimer: NodeJS.Timeout | undefined;
    #answerAt = Infinity;
    #lastAnswer = -Infinity;
    /** By address of the interface. */
    #records: ReadonlyMap<string, Answer[]> = new Map();
    /** Types and names of all of them, so that a question is looked up at once, whoever asks how many. */
    #keys: ReadonlySet<string> = new Set();
    /** Full name, as it stands now. */
    #instance = "";

    /** @param onError hears of each kind of error once; the announcement goes on as well as it can */
    constructor(
        private readonly announcement: Announcement,
        private readonly onError: (error: unknown) => void
    ) {}

    /** Finds a free name and announces it, in the background. */
    start(): void {
        this.#running ??= this.#run().catch((error: unknown) => {
            if (!this.#isStopped()) this.#tell(error);
        });
    }

    /** Tells the network that the announcement is over; resolves when the sockets are gone. */
    async stop(): Promise<void> {
        this.#stopped.abort();
        this.#cancelAnswer();
        await this.#running;
        if (this.#state === "announced") await this.#send((records) => ({ answers: goodbye(records) }));
        this.#state = "given up";
        await this.#multicast?.close();
    }

    async #run(): Promise<void> {
        this.#multicast = await Multicast.open({
            interface: this.announcement.interface,
            keepAlive: false,
            onPacket: (packet) => {
                this.#receive(packet);
            },
            onError: (error) => {
                this.#tell(error);
            },
        });
        await this.#claim();
        while (this.#state !== "given up") {
            await this.#pauseUnlessConflict(REFRESH_INTERVAL);
            await this.#multicast.refresh();
            if (this.#state === "conflict") await this.#claim();
            else if (this.#makeRecords()) await this.#announce();
        }
    }

    /** Asks whether the name is taken, takes the next one if it is, and announces it (RFC 6762, section 8). */
    async #claim(): Promise<void> {
        await this.#pause(Math.random() * PROBE_INTERVAL);
        for (; this.#number <= MAX_NAMES; this.#number += 1) {
            this.#makeRecords();
            this.#state = "probing";
            for (let probe = 0; probe < PROBES && !this.#hasConflict(); probe += 1) {
                await this.#multicast?.send((on) => ({
                    type: "query",
                    questions: [
                        { name: this.#instance, type: "SRV" },
                        { name: this.#instance, type: "TXT" },
                    ],
                    authorities: this.#recordsOn(on).filter(({ type }) => type === "SRV"),
                }));
                await this.#pause(PROBE_INTERVAL);
            }
            if (this.#hasConflict()) continue;
            this.#state = "announced";
            await this.#announce();
            for (const delay of REPEATS) {
                await this.#pauseUnlessConflict(delay);
                if (this.#hasConflict()) break;
                await this.#announce();
            }
            if (!this.#hasConflict()) return;
        }
        this.#state = "given up";
        this.#tell(new Error(`${this.announcement.name} and ${String(MAX_NAMES - 1)} names like it are taken`));
    }

    #receive(packet: MulticastPacket): void {
        if (this.#state === "conflict" || this.#state === "given up") return;
        if (packet.type === "response") this.#compare(packet.answers, this.#state === "probing");
        // Two who claim one name at the same time: the same of both gives way on both sides
        else if (this.#state === "probing") this.#compare(packet.authorities, false);
        else this.#hear(packet);
    }

    /** @param giveWay whether the other one keeps the name in any case */
    #compare(records: readonly Answer[], giveWay: boolean): void {
        const instance = nameKey(this.#instance);
        const own = claim(this.announcement.host, this.announcement.port);
        for (const record of records) {
            if (record.type !== "SRV" || nameKey(record.name) !== instance || record.ttl === 0) continue;
            const other = claim(record.data.target, record.data.port);
            if (other === own || (!giveWay && own > other)) continue;
            this.#state = "conflict";
            this.#onConflict();
            return;
        }
    }

    #hear(packet: MulticastPacket): void {
        const asked = askedIn(packet, this.#instance, this.#keys);
        if (asked.length === 0) return;
        for (const key of asked) this.#asked.add(key);
        const isProbe = packet.authorities.length > 0;
        this.#answerSoon(isProbe ? PROBE_INTERVAL : ANSWER_INTERVAL);
    }

    #answerSoon(interval: number): void {
        const { min, max } = ANSWER_DELAY;
        const delay = interval === PROBE_INTERVAL ? min : min + Math.random() * (max - min);
        const now = performance.now();
        const at = Math.max(now + delay, this.#lastAnswer + interval);
        if (at >= this.#answerAt) return;
        this.#cancelAnswer();
        this.#answerAt = at;
        this.#answerTimer = setTimeout(() => {
            this.#answerAt = Infinity;
            if (this.#state !== "announced") return;
            const asked = new Set(this.#asked);
            void this.#send((records) => ({
                answers: records.filter((record) => asked.has(recordKey(record))),
                additionals: records.filter((record) => !asked.has(recordKey(record))),
            }));
        }, at - now).unref();
    }

    #cancelAnswer(): void {
        clearTimeout(this.#answerTimer);
        this.#answerAt = Infinity;
    }

    async #announce(): Promise<void> {
        await this.#send((answers) => ({ answers }));
    }

    async #send(packetOf: (records: Answer[]) => Packet): Promise<void> {
        this.#lastAnswer = performance.now();
        this.#asked.clear();
        this.#cancelAnswer(); // this is one
        // AA: every answer of multicast DNS has authority (RFC 6762, section 18.4)
        await this.#multicast?.send((on) => ({ ...packetOf(this.#recordsOn(on)), type: "response", flags: 0x0400 }));
    }

    /** Makes the records for the networks and addresses of this moment. @returns true if they changed */
    #makeRecords(): boolean {
        const name = numbered(this.announcement.name, this.#number);
        const interfaces = this.#multicast?.interfaces ?? [];
        const before = JSON.stringify([...this.#records]);
        this.#instance = instanceName(name);
        this.#records = new Map(interfaces.map((on) => [on, recordsOf(this.announcement, name, on)]));
        this.#keys = new Set([...this.#records.values()].flat().map(recordKey));
        return JSON.stringify([...this.#records]) !== before;
    }

    #recordsOn(address: string): Answer[] {
        return this.#records.get(address) ?? [];
    }

    async #pauseUnlessConflict(milliseconds: number): Promise<void> {
        if (this.#hasConflict()) return;
        const conflict = new Promise<void>((resolve) => {
            this.#onConflict = resolve;
        });
        await Promise.race([this.#pause(milliseconds), conflict]);
    }

    #hasConflict(): boolean {
        return this.#state === "conflict";
    }

    #isStopped(): boolean {
        return this.#stopped.signal.aborted;
    }

    async #pause(milliseconds: number): Promise<void> {
        await pause(milliseconds, undefined, { ref: false, signal: this.#stopped.signal });
    }

    #tell(error: unknown): void {
        const text = String(error);
        if (this.#told.has(text) || this.#told.size >= MAX_ERRORS) return;
        this.#told.add(text);
        this.onError(error);
    }
}

function ignore(): void {
    // Nothing waits for a conflict
}

/** What two who claim one name are compared by. */
function claim(target: string, port: number): string {
    return `${nameKey(target)}:${String(port)}`;
}
