/**
 * The keys that sign the tokens and check them, in the sublevel `keys` of a store. The newest one signs. An older one goes on checking
 * until the last token that it has signed has ended, so that nobody has to log in anew for a change of keys.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import { MAX_CLOCK_TOLERANCE } from "./options";
import { parseJson } from "./parse";
import { openSublevel, SYNC, type AuthStore, type AuthSublevel } from "./store";

/** One key. */
export interface SigningKey {
    /** Goes into the header of the tokens (`kid`, RFC 7515, section 4.1.4): a decimal number, that of a newer key is larger. */
    readonly id: string;
    readonly privateKey: KeyObject;
    readonly publicKey: KeyObject;
    /** When it was made, in milliseconds since the epoch. */
    readonly created: number;
    /** No token that it has signed is valid after this moment. Absent while it signs. */
    readonly until?: number;
}

/** How a key is kept. */
interface StoredKey {
    /** PKCS8. */
    readonly pem: string;
    readonly created: number;
    readonly until?: number;
}

/** Tokens without a `kid` are from the time when there was one key, which the store kept under this name. */
const FIRST_KEY = { record: "signing", id: "0" } as const;
const PREFIX = "key.";
const KEY_ID = /^\d{1,15}$/;

const generate = promisify(generateKeyPair);

async function makePem(): Promise<string> {
    const { privateKey } = await generate("ec", { namedCurve: "P-256" });
    return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** No cause: it may show the key. */
function damaged(id: string): SseScError {
    return new SseScError("INTERNAL", `The stored signing key "${id}" is damaged`);
}

function parsePem(id: string, pem: string): KeyObject {
    let key: KeyObject;
    try {
        key = createPrivateKey(pem);
    } catch {
        throw damaged(id);
    }
    if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw damaged(id);
    return key;
}

function toKey(id: string, { pem, created, until }: StoredKey): SigningKey {
    const privateKey = parsePem(id, pem);
    const publicKey = createPublicKey(privateKey);
    return { id, privateKey, publicKey, created, ...(until !== undefined && { until }) };
}

function parseRecord(id: string, text: string): SigningKey {
    const value = parseJson(text);
    const { pem, created, until } = isRecord(value) ? value : {};
    if (typeof pem !== "string" || typeof created !== "number") throw damaged(id);
    if (until !== undefined && typeof until !== "number") throw damaged(id);
    return toKey(id, { pem, created, ...(until !== undefined && { until }) });
}

function toRecord({ privateKey, created, until }: SigningKey): string {
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    return JSON.stringify({ pem, created, until });
}

/** The keys of a store. Changes are made one after the other, and count when they are on the disk. */
export class SigningKeys {
    readonly #records: AuthSublevel;
    readonly #lifetime: number;
    #longestLifetime = 0;
    #latestEnd = 0;
    #keys: ReadonlyMap<string, SigningKey> = new Map();
    #newest: SigningKey | undefined;
    #lastChange: Promise<unknown> = Promise.resolve();

    private constructor(records: AuthSublevel, lifetime: number) {
        this.#records = records;
        this.#lifetime = lifetime;
    }

    /**
     * Opens the keys of a store, making one if there is none or if the newest is too old.
     * @param tokenLifetime what tokens are given from now on, in milliseconds
     * @param lifetime how long a key signs, in milliseconds. Default: no limit
     * @throws SseScError `INTERNAL` naming the record if one is damaged
     */
    static async open(store: AuthStore, tokenLifetime: number, lifetime = Infinity): Promise<SigningKeys> {
        const keys = new SigningKeys(await openSublevel(store, "keys"), lifetime);
        await keys.#load(tokenLifetime);
        await keys.renew();
        return keys;
    }

    /** The key that signs. */
    get newest(): SigningKey {
        if (this.#newest === undefined) throw new SseScError("INTERNAL", "There is no signing key");
        return this.#newest;
    }

    /** Ids of the keys that check tokens. */
    get ids(): string[] {
        return [...this.#keys.keys()];
    }

    /** What checks a token whose header names this key; `undefined` if there is no such key. */
    publicKey(id: string = FIRST_KEY.id): KeyObject | undefined {
        return this.#keys.get(id)?.publicKey;
    }

    /** True if there is a key of this id. */
    has(id: string): boolean {
        return this.#keys.has(id);
    }

    /** Takes note of the end of a token, in milliseconds since the epoch: `lastEnd` must not come before it. */
    saw(expiresAt: number): void {
        this.#latestEnd = Math.max(this.#latestEnd, expiresAt);
    }

    /**
     * When the last of the tokens that were signed so far has ended, in milliseconds since the epoch, allowance for clocks included. It
     * also holds if the clock was set back since a token was signed, as far as that token was seen.
     */
    lastEnd(): number {
        // Tokens end on whole seconds
        return Math.max(Date.now() + this.#longestLifetime + 1000, this.#latestEnd) + MAX_CLOCK_TOLERANCE;
    }

    /**
     * Makes a new key if the newest one is too old, and drops those that are no longer needed. Costs nothing if there is nothing to do.
     * A key whose age cannot be told, because the clock was set back, is not too old.
     */
    async renew(): Promise<void> {
        if (!this.#isDue() && this.#outdated().length === 0) return;
        await this.#inTurn(async () => {
            if (this.#isDue()) await this.#replace(true);
            else await this.#write({ drop: this.#outdated() });
        });
    }

    /**
     * Makes a new key, which signs from now on.
     * @param overlap false if tokens of all older keys are to be refused from now on
     */
    async rotate(overlap: boolean): Promise<void> {
        await this.#inTurn(() => this.#replace(overlap));
    }

    /** Waits for open changes and gives the sublevel back; the store itself belongs to the caller. */
    async close(): Promise<void> {
        await this.#lastChange;
        await this.#records.close();
    }

    #isDue(): boolean {
        return this.#newest === undefined || Date.now() - this.#newest.created >= this.#lifetime;
    }

    #outdated(): string[] {
        const now = Date.now();
        const outdated: string[] = [];
        for (const { id, until } of this.#keys.values()) if (until !== undefined && until <= now) outdated.push(id);
        return outdated;
    }

    async #replace(overlap: boolean): Promise<void> {
        const created = Date.now();
        const before = this.#newest;
        const id = String(Number(before?.id ?? FIRST_KEY.id) + 1);
        const key = toKey(id, { pem: await makePem(), created });
        if (!overlap) return this.#write({ put: [key], drop: this.ids });
        const retired = before === undefined ? [] : [{ ...before, until: this.lastEnd() }];
        await this.#write({ put: [...retired, key], drop: this.#outdated() });
    }

    /** A token must never be signed with a key that a crash can take away: first the disk, then memory. */
    async #write({ put = [], drop }: { put?: readonly SigningKey[]; drop: readonly string[] }): Promise<void> {
        await this.#records.batch(
            [
                ...drop.map((id) => ({ type: "del", key: PREFIX + id }) as const),
                ...put.map((key) => ({ type: "put", key: PREFIX + key.id, value: toRecord(key) }) as const),
            ],
            SYNC
        );
        const keys = new Map(this.#keys);
        for (const id of drop) keys.delete(id);
        for (const key of put) keys.set(key.id, key);
        this.#keep(keys);
    }

    #keep(keys: ReadonlyMap<string, SigningKey>): void {
        this.#keys = keys;
        this.#newest = [...keys.values()].reduce<SigningKey | undefined>(
            (newest, key) => (Number(key.id) > Number(newest?.id ?? -1) ? key : newest),
            undefined
        );
    }

    async #load(tokenLifetime: number): Promise<void> {
        const keys = new Map<string, SigningKey>();
        for await (const [name, text] of this.#records.iterator({ gte: PREFIX, lt: `${PREFIX}:` })) {
            const id = name.slice(PREFIX.length);
            if (!KEY_ID.test(id)) throw damaged(id);
            keys.set(id, parseRecord(id, text));
        }
        this.#keep(keys);
        const stored = Number((await this.#records.get("longestLifetime")) ?? 0);
        if (!Number.isFinite(stored)) throw new SseScError("INTERNAL", "The stored lifetime of tokens is damaged");
        this.#longestLifetime = Math.max(stored, tokenLifetime);
        if (this.#longestLifetime !== stored) {
            await this.#records.put("longestLifetime", String(this.#longestLifetime), SYNC);
        }
        await this.#takeFirstKey();
    }

    /** The one key of a store of earlier. How old it is nobody knows: its time begins now. */
    async #takeFirstKey(): Promise<void> {
        const pem = await this.#records.get(FIRST_KEY.record);
        if (pem === undefined) return;
        const { id, record } = FIRST_KEY;
        const created = Date.now();
        // There is a newer one if a store that has several was used by us of earlier
        const key = toKey(id, { pem, created, ...(this.#newest !== undefined && { until: this.lastEnd() }) });
        await this.#records.batch(
            [
                { type: "put", key: PREFIX + id, value: toRecord(key) },
                { type: "del", key: record },
            ],
            SYNC
        );
        this.#keep(new Map(this.#keys).set(id, key));
    }

    #inTurn(change: () => Promise<void>): Promise<void> {
        const result = this.#lastChange.then(change);
        this.#lastChange = result.catch(() => undefined); // the caller gets the error; the next change goes on
        return result;
    }
}
