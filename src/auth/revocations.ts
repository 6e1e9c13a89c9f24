/**
 * Which sessions were logged out. A session is remembered until the last token that it can have has expired, then forgotten:
 * entries are kept in the order in which they end, so that each new one drops the old ones and no timer is needed.
 */
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import { parseJson } from "./parse";
import { openSublevel, SYNC, type AuthStore, type AuthSublevel } from "./store";
import { TokenClock } from "./token-clock";

/** The members of a token that decide whether it was revoked. */
export interface RevocableToken {
    readonly clientId: string;
    readonly sessionId: string;
    /** Milliseconds since the epoch. */
    readonly issuedAt: number;
}

interface Entry {
    readonly clientId: string;
    /** The session that ended; absent if all tokens of the client that were issued before `at` are revoked. */
    readonly sessionId?: string;
    readonly at: number;
    /** No token that this is about is valid after this moment. */
    readonly until: number;
}

function parseEntry(text: string): Entry | undefined {
    const value = parseJson(text);
    if (!isRecord(value)) return undefined;
    const { clientId, sessionId, at, until } = value;
    if (typeof clientId !== "string" || typeof at !== "number" || typeof until !== "number") return undefined;
    return { clientId, ...(typeof sessionId === "string" && { sessionId }), at, until };
}

function sessionKey(clientId: string, sessionId: string): string {
    return `session:${sessionId}:${clientId}`;
}

function clientKey(clientId: string): string {
    return `client:${clientId}`;
}

function keyOf({ clientId, sessionId }: Entry): string {
    return sessionId === undefined ? clientKey(clientId) : sessionKey(clientId, sessionId);
}

/** Most logged-out sessions of one client that are remembered one by one. */
const MAX_SESSIONS_PER_CLIENT = 10_000;

/** What the revocations go by. */
export interface RevocationsOptions {
    maxPerClient?: number;
    clock?: TokenClock;
}

/** The revoked sessions, in the sublevel `revocations` of a store and in memory. */
export class Revocations {
    readonly #records: AuthSublevel;
    readonly #maxPerClient: number;
    /** By key, in the order of `until`. */
    readonly #entries = new Map<string, Entry>();
    readonly #sessionsOf = new Map<string, Set<string>>();

    readonly #clock: TokenClock;

    private constructor(records: AuthSublevel, maxPerClient: number, clock: TokenClock) {
        this.#records = records;
        this.#maxPerClient = maxPerClient;
        this.#clock = clock;
    }

    /**
     * Opens the revocations of a store and drops what has ended meanwhile.
     * @param options `maxPerClient`: bound of what one client can make us remember; `clock`: what tokens are dated by
     * @throws SseScError `INTERNAL` naming the record if one is damaged
     */
    static async open(
        store: AuthStore,
        { maxPerClient = MAX_SESSIONS_PER_CLIENT, clock = new TokenClock() }: RevocationsOptions = {}
    ): Promise<Revocations> {
        const revocations = new Revocations(await openSublevel(store, "revocations"), maxPerClient, clock);
        await revocations.#load();
        return revocations;
    }

    /** Number of entries in memory. */
    get size(): number {
        return this.#entries.size;
    }

    /** True if the session of this token was logged out. */
    has({ clientId, sessionId, issuedAt }: RevocableToken): boolean {
        if (this.#entries.size === 0) return false;
        if (this.#entries.has(sessionKey(clientId, sessionId))) return true;
        const all = this.#entries.get(clientKey(clientId));
        return all !== undefined && issuedAt <= all.at;
    }

    /**
     * Revokes a session, at once in memory and, when the promise resolves, for good. A client that has logged out of too many
     * sessions to remember loses all of its sessions instead: forgetting one of them would bring its tokens back.
     * @param until when the last token of the session ends, in milliseconds since the epoch
     * @returns true if all sessions of the client were revoked
     */
    async add(clientId: string, sessionId: string, until: number): Promise<boolean> {
        const at = this.#clock.now();
        const expired = this.#dropExpired(Date.now());
        const all = (this.#sessionsOf.get(clientId)?.size ?? 0) >= this.#maxPerClient;
        const dropped = all ? this.#dropSessionsOf(clientId) : [];
        if (all) this.#clock.saw(at + 1); // what is issued from now on is not revoked, also where the clock was set back
        const entry = all ? { clientId, at, until } : { clientId, sessionId, at, until };
        this.#remember(entry);
        const value = JSON.stringify(entry);
        const removals = [...expired, ...dropped].map((key) => ({ type: "del", key }) as const);
        await this.#records.batch([...removals, { type: "put", key: keyOf(entry), value }], SYNC);
        return all;
    }

    /** Gives the sublevel back; the store itself belongs to the caller. */
    async close(): Promise<void> {
        await this.#records.close();
    }

    async #load(): Promise<void> {
        const entries: Entry[] = [];
        for await (const [key, text] of this.#records.iterator()) {
            const entry = parseEntry(text);
            if (entry === undefined || keyOf(entry) !== key) {
                throw new SseScError("INTERNAL", `The stored revocation "${key}" is damaged`);
            }
            entries.push(entry);
        }
        entries.sort((a, b) => a.until - b.until);
        for (const entry of entries) {
            if (entry.sessionId === undefined) this.#clock.saw(entry.at + 1);
            this.#remember(entry);
        }
        const expired = this.#dropExpired(Date.now());
        await this.#records.batch(expired.map((key) => ({ type: "del", key })));
    }

    #remember(entry: Entry): void {
        const { clientId } = entry;
        const key = keyOf(entry);
        this.#entries.delete(key); // so that it goes to the end
        this.#entries.set(key, entry);
        if (entry.sessionId === undefined) return;
        const sessions = this.#sessionsOf.get(clientId);
        if (sessions === undefined) this.#sessionsOf.set(clientId, new Set([key]));
        else sessions.add(key);
    }

    #dropExpired(now: number): string[] {
        const dropped: string[] = [];
        for (const [key, { clientId, until }] of this.#entries) {
            if (until > now) break;
            this.#entries.delete(key);
            const sessions = this.#sessionsOf.get(clientId);
            sessions?.delete(key);
            if (sessions?.size === 0) this.#sessionsOf.delete(clientId);
            dropped.push(key);
        }
        return dropped;
    }

    #dropSessionsOf(clientId: string): string[] {
        const dropped = [...(this.#sessionsOf.get(clientId) ?? [])];
        for (const key of dropped) this.#entries.delete(key);
        this.#sessionsOf.delete(clientId);
        return dropped;
    }
}
