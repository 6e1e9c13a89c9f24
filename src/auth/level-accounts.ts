/** Accounts in an abstract-level store, with a copy in memory: asking for one is synchronous, changing one is durable. */
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import type { AccountConfig } from "./account-config";
import { MemoryAccounts, type Account, type AccountsOptions } from "./accounts";
import { parseJson } from "./parse";
import { openSublevel, SYNC, type AuthStore, type AuthSublevel } from "./store";

/** Reads an account that was stored as JSON; `undefined` if it is none. */
function parseAccount(value: unknown): Account | undefined {
    if (!isRecord(value)) return undefined;
    const { clientId, role, displayName, passwordHash, updated, tokensFrom } = value;
    if (typeof clientId !== "string" || typeof role !== "string" || typeof updated !== "string") return undefined;
    return {
        clientId,
        role,
        ...(typeof displayName === "string" && { displayName }),
        ...(typeof passwordHash === "string" && { passwordHash }),
        updated,
        // Without it nothing is known about older tokens: none of them counts
        tokensFrom: typeof tokensFrom === "number" ? tokensFrom : Date.now(),
    };
}

/** Accounts that outlive the process, in the sublevel `accounts` of a store. */
export class LevelAccounts extends MemoryAccounts {
    readonly #records: AuthSublevel;
    /** Ids of the accounts that came from the options: they go when the options no longer name them. */
    readonly #configured = new Set<string>();

    private constructor(records: AuthSublevel, options: AccountsOptions) {
        super(options);
        this.#records = records;
    }

    /**
     * Opens the accounts of a store.
     * @throws SseScError `INTERNAL` naming the record if one is damaged
     */
    static async open(store: AuthStore, options: AccountsOptions = {}): Promise<LevelAccounts> {
        const accounts = new LevelAccounts(await openSublevel(store, "accounts"), options);
        await accounts.#load();
        return accounts;
    }

    /**
     * Makes the accounts of the options true: they win over stored ones of the same name, also where they have no password. Accounts
     * that came from the options of an earlier start and are no longer in them are removed; accounts added with `put` remain.
     */
    async applyConfig(configs: readonly AccountConfig[]): Promise<void> {
        const usernames = new Set(configs.map(({ username }) => username));
        for (const clientId of [...this.#configured]) {
            if (!usernames.has(clientId)) await this.remove(clientId);
        }
        for (const username of usernames) this.#configured.add(username);
        await this.putAll(configs, false);
    }

    /** Waits for open changes and gives the sublevel back; the store itself belongs to the caller. */
    async close(): Promise<void> {
        await this.settled();
        await this.#records.close();
    }

    protected override async persist(account: Account): Promise<void> {
        const fromConfig = this.#configured.has(account.clientId);
        await this.#records.put(account.clientId, JSON.stringify({ ...account, fromConfig }), SYNC);
    }

    protected override async erase(clientId: string): Promise<void> {
        await this.#records.del(clientId, SYNC);
        this.#configured.delete(clientId);
    }

    async #load(): Promise<void> {
        for await (const [clientId, text] of this.#records.iterator()) {
            const value = parseJson(text);
            const account = parseAccount(value);
            if (account?.clientId !== clientId) {
                throw new SseScError("INTERNAL", `The stored account "${clientId}" is damaged`);
            }
            this.restore(account);
            if (isRecord(value) && value["fromConfig"] === true) this.#configured.add(clientId);
        }
    }
}
