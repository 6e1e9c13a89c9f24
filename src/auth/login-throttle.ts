/** Limits failed log-ins, per account and address and per address. */
import type { RateLimiterMemory } from "rate-limiter-flexible";
import { addressKey } from "../../lib/address-key";
import { SseScError } from "../../lib/errors";
import { parseOptions, parsePositive } from "./parse";

/** How many log-ins may fail before further ones are refused unseen. */
export interface LoginLimits {
    /** Failures of one account from one address within the window. Default: 10. */
    perAccount?: number;
    /** Failures from one address within the window, whatever the accounts. Default: 100. */
    perAddress?: number;
    /** Length of the window in milliseconds, from its first failure. Default: 60,000. */
    window?: number;
}

/** Reads the `loginLimits` option. */
export function parseLoginLimits(value: unknown = {}): Required<LoginLimits> {
    const options = parseOptions(value, ["perAccount", "perAddress", "window"], "loginLimits");
    return {
        perAccount: parsePositive(options["perAccount"], 10, "loginLimits.perAccount"),
        perAddress: parsePositive(options["perAddress"], 100, "loginLimits.perAddress"),
        window: parsePositive(options["window"], 60_000, "loginLimits.window"),
    };
}

/**
 * Counts failures. Attempts from one address are made one after the other: otherwise as many passwords as fit into one moment
 * could be tried before the first failure counts, and one address could keep all threads busy with hashing.
 */
export class LoginThrottle {
    readonly #perAccount: RateLimiterMemory;
    readonly #perAddress: RateLimiterMemory;
    /** Last attempt of each address that has one under way. */
    readonly #lastAttempt = new Map<string, Promise<unknown>>();

    private constructor(perAccount: RateLimiterMemory, perAddress: RateLimiterMemory) {
        this.#perAccount = perAccount;
        this.#perAddress = perAddress;
    }

    /** Loads the limiter. Its timers do not keep the process alive. */
    static async open({ perAccount, perAddress, window }: Required<LoginLimits>): Promise<LoginThrottle> {
        const { RateLimiterMemory } = await import("rate-limiter-flexible");
        const duration = window / 1000;
        return new LoginThrottle(
            new RateLimiterMemory({ points: perAccount, duration, keyPrefix: "account" }),
            new RateLimiterMemory({ points: perAddress, duration, keyPrefix: "address" })
        );
    }

    /**
     * Makes an attempt and counts it if it fails with `INVALID_CREDENTIALS`.
     * @throws SseScError `TOO_MANY_REQUESTS` with `retryAfter`, without making the attempt; else what the attempt throws
     */
    async attempt<T>(username: string, remoteAddress: string | undefined, verify: () => Promise<T>): Promise<T> {
        const address = addressKey(remoteAddress);
        const before = this.#lastAttempt.get(address) ?? Promise.resolve();
        const result = before.then(() => this.#attemptNow(`${address} ${username}`, address, verify));
        const settled = result.catch(() => undefined);
        this.#lastAttempt.set(address, settled);
        try {
            return await result;
        } finally {
            if (this.#lastAttempt.get(address) === settled) this.#lastAttempt.delete(address);
        }
    }

    async #attemptNow<T>(pair: string, address: string, verify: () => Promise<T>): Promise<T> {
        await this.#check(this.#perAddress, address);
        await this.#check(this.#perAccount, pair);
        try {
            const result = await verify();
            await this.#perAccount.delete(pair);
            return result;
        } catch (error) {
            if (error instanceof SseScError && error.code === "INVALID_CREDENTIALS") {
                await this.#perAddress.penalty(address);
                await this.#perAccount.penalty(pair);
            }
            throw error;
        }
    }

    async #check(limiter: RateLimiterMemory, key: string): Promise<void> {
        const state = await limiter.get(key);
        if (state === null || state.consumedPoints < limiter.points || state.msBeforeNext <= 0) return;
        const retryAfter = Math.max(1, Math.ceil(state.msBeforeNext / 1000));
        throw new SseScError("TOO_MANY_REQUESTS", undefined, { title: "Too many failed log-ins", retryAfter });
    }
}
