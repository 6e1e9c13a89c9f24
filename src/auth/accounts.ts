/** Accounts: who may log in, in which role. This file keeps them in memory; level-accounts.ts keeps them in a store too. */
import { SseScError } from "../../lib/errors";
import { parseAccountConfig, type AccountConfig } from "./account-config";
import { invalidOption } from "./parse";
import { hashPassword, verifyPassword } from "./passwords";
import { TokenClock } from "./token-clock";

/** One account. Never carries a plain password. */
export interface Account {
    readonly clientId: string;
    readonly role: string;
    readonly displayName?: string;
    /** PHC string of an argon2id hash; without one nobody can log in with a password. */
    readonly passwordHash?: string;
    /** When the account was last changed (ISO 8601). */
    readonly updated: string;
    /**
     * Tokens issued before this moment (milliseconds since the epoch) are refused. It is the moment when the account was made
     * or its password changed, so that neither an old password nor an earlier account of the same name leaves a way in.
     */
    readonly tokensFrom?: number;
}

/** Where accounts come from. It is asked on every request: an answer that is no promise keeps requests fast. */
export interface AccountStore {
    get(clientId: string): Account | undefined | Promise<Account | undefined>;
}

/** The accounts of a running server, which can be added to, changed and removed; what is done is kept in its store. */
export type AccountRegistry = Pick<MemoryAccounts, "get" | "list" | "put" | "setPassword" | "remove">;

/** What the accounts need to know of the world. */
export interface AccountsOptions {
    /** Tells which roles exist. Default: any. */
    hasRole?: (role: string) => boolean;
    /** False if accounts may be without a password. Default: true. */
    needsPasswords?: boolean;
    /** Called when an account is gone or has another role or password: its streams are to be ended. */
    onChange?: (clientId: string) => void;
    /** What tokens are dated by. Default: one of their own. */
    clock?: TokenClock;
}

/** Accounts in memory. All changes are made one after the other, in the order of the calls. */
export class MemoryAccounts implements AccountStore {
    readonly #accounts = new Map<string, Account>();
    readonly #hasRole: (role: string) => boolean;
    readonly #needsPasswords: boolean;
    readonly #onChange: (clientId: string) => void;
    readonly #clock: TokenClock;
    #lastChange: Promise<unknown> = Promise.resolve();

    constructor(options: AccountsOptions = {}) {
        this.#hasRole = options.hasRole ?? (() => true);
        this.#needsPasswords = options.needsPasswords ?? true;
        this.#onChange = options.onChange ?? (() => undefined);
        this.#clock = options.clock ?? new TokenClock();
    }

    /** The account of that id as it is now. */
    get(clientId: string): Account | undefined {
        return this.#accounts.get(clientId);
    }

    /** All accounts. */
    list(): Account[] {
        return [...this.#accounts.values()];
    }

    /**
     * Adds an account or changes it. Without a password an account keeps the one that it has.
     * @throws SseScError `INVALID_CONFIG` naming the member that is not valid
     */
    async put(config: AccountConfig): Promise<void> {
        await this.putAll([config]);
    }

    /**
     * Adds or changes several accounts; passwords are hashed in parallel.
     * @param keepPasswords false if an account without a password in `configs` shall have none. Default: true
     */
    async putAll(configs: readonly AccountConfig[], keepPasswords = true): Promise<void> {
        const parsed = configs.map((config) => parseAccountConfig(config, "account", this.#hasRole));
        await this.#inTurn(async () => {
            const accounts = await Promise.all(parsed.map((config) => this.#merge(config, keepPasswords)));
            for (const account of accounts) await this.#set(account);
        });
    }

    /**
     * Gives an account another password; tokens issued before are refused from then on.
     * @throws SseScError `NOT_FOUND` if there is no such account
     */
    async setPassword(clientId: string, password: string): Promise<void> {
        const account = this.get(clientId);
        if (account === undefined) throw new SseScError("NOT_FOUND", "There is no such account");
        const { role, displayName } = account;
        await this.put({ username: clientId, role, password, ...(displayName !== undefined && { displayName }) });
    }

    /** Removes an account: its tokens are refused at once. Returns false if there was none. */
    async remove(clientId: string): Promise<boolean> {
        return this.#inTurn(async () => {
            if (!this.#accounts.delete(clientId)) return false;
            this.#onChange(clientId);
            await this.erase(clientId);
            return true;
        });
    }

    /** Resolves when all changes asked for so far are made. */
    async settled(): Promise<void> {
        await this.#lastChange;
    }

    /** Takes an account as it is, without writing it anywhere. */
    protected restore(account: Account): void {
        this.#clock.saw(account.tokensFrom ?? 0);
        this.#accounts.set(account.clientId, account);
    }

    /** Writes an account where it outlives the process; here: nowhere. */
    protected persist(_account: Account): Promise<void> {
        return Promise.resolve();
    }

    /** Removes what `persist` wrote. */
    protected erase(_clientId: string): Promise<void> {
        return Promise.resolve();
    }

    async #set(account: Account): Promise<void> {
        const before = this.get(account.clientId);
        if (account === before) return;
        // Ahead of the disk, which may be slow: a log-in with the old password must not get a token of after the change
        this.restore(account);
        try {
            await this.persist(account);
        } catch (error) {
            if (before === undefined) this.#accounts.delete(account.clientId);
            else this.restore(before);
            throw error;
        }
        if (before === undefined) return;
        if (before.role !== account.role || before.tokensFrom !== account.tokensFrom) this.#onChange(account.clientId);
    }

    /** What the account becomes; the very same object if nothing changes, so that a restart leaves `updated` alone. */
    async #merge(config: AccountConfig, keepPassword: boolean): Promise<Account> {
        const before = this.get(config.username);
        const passwordHash = await nextHash(config, before, keepPassword);
        if (passwordHash === undefined && this.#needsPasswords) {
            throw invalidOption("account.password", "is missing: an account needs a password");
        }
        const { username: clientId, role, displayName } = config;
        const samePassword = before?.passwordHash === passwordHash;
        if (before !== undefined && samePassword && before.role === role && before.displayName === displayName) {
            return before;
        }
        const tokensFrom = before !== undefined && samePassword ? before.tokensFrom : this.#clock.next();
        return {
            clientId,
            role,
            ...(displayName !== undefined && { displayName }),
            ...(passwordHash !== undefined && { passwordHash }),
            updated: new Date().toISOString(),
            ...(tokensFrom !== undefined && { tokensFrom }),
        };
    }

    #inTurn<T>(change: () => Promise<T>): Promise<T> {
        const result = this.#lastChange.then(change);
        this.#lastChange = result.catch(() => undefined); // the caller gets the error; the next change goes on
        return result;
    }
}

/** The hash to keep: the old one while the password is the same, for a new salt would look like a change. */
async function nextHash(
    { password, passwordHash }: AccountConfig,
    before: Account | undefined,
    keepPassword: boolean
): Promise<string | undefined> {
    if (passwordHash !== undefined) return passwordHash;
    const old = before?.passwordHash;
    if (password === undefined) return keepPassword ? old : undefined;
    return old !== undefined && (await verifyPassword(old, password)) ? old : hashPassword(password);
}
