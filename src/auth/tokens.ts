/** Bearer tokens: JSON Web Tokens signed with ES256, and the end of the sessions that they belong to. */
import { randomUUID, type KeyObject } from "node:crypto";
import type * as JsonWebToken from "jsonwebtoken";
import { SseScError } from "../../lib/errors";
import type { Identity } from "../../lib/identity";
import { isRecord } from "../../lib/json";
import { parseJson } from "./parse";
import { Revocations, type RevocableToken } from "./revocations";
import { SigningKeys } from "./signing-keys";
import type { AuthStore } from "./store";
import { TokenClock } from "./token-clock";

/** The one algorithm that tokens are signed with and that is accepted. */
export const ALGORITHM = "ES256";

/** What a verified token says. */
export interface TokenClaims extends RevocableToken {
    /** When it ends, in milliseconds since the epoch. */
    readonly expiresAt: number;
}

/** Reads the claims of a token whose signature was checked; `undefined` if it is not one of ours. */
export function parseClaims(payload: unknown): TokenClaims | undefined {
    if (!isRecord(payload)) return undefined;
    const { sub, sid, iat, exp } = payload;
    if (typeof sub !== "string" || typeof sid !== "string") return undefined;
    if (typeof iat !== "number" || typeof exp !== "number") return undefined;
    return { clientId: sub, sessionId: sid, issuedAt: Math.round(iat * 1000), expiresAt: exp * 1000 };
}

/** Id of the key that a token names in its header, whether it is true or not; `undefined` if it names none. */
export function keyIdOf(token: string): string | undefined {
    const header = parseJson(Buffer.from(token.slice(0, token.indexOf(".")), "base64url").toString());
    return isRecord(header) && typeof header["kid"] === "string" ? header["kid"] : undefined;
}

/** What tokens are made and checked with, besides the store. */
export interface TokensOptions {
    /** How long a key signs, in milliseconds. Default: no limit. */
    keyLifetime?: number;
    /** What the accounts go by too. Default: one of their own. */
    clock?: TokenClock;
}

/** The token that says who asked for what: what of it may have been ended since it was issued. */
interface EndableToken extends RevocableToken {
    /** Id of the key that has signed it; absent where the token names none. */
    readonly keyId?: string | undefined;
}

/** Issues, refreshes and revokes tokens. Checking them is the work of the Passport strategy. */
export class Tokens {
    readonly #library: typeof JsonWebToken;
    readonly #keys: SigningKeys;
    readonly #revocations: Revocations;
    readonly #lifetime: number;
    readonly #clock: TokenClock;

    private constructor(
        library: typeof JsonWebToken,
        keys: SigningKeys,
        revocations: Revocations,
        lifetime: number,
        clock: TokenClock
    ) {
        this.#library = library;
        this.#keys = keys;
        this.#revocations = revocations;
        this.#lifetime = lifetime;
        this.#clock = clock;
    }

    /**
     * Opens keys and revocations of a store, making a key if there is none.
     * @param lifetime of the tokens issued from now on, in milliseconds
     * @throws SseScError `INTERNAL` naming the record if one is damaged
     */
    static async open(
        store: AuthStore,
        lifetime: number,
        { keyLifetime, clock = new TokenClock() }: TokensOptions = {}
    ): Promise<Tokens> {
        const { default: library } = await import("jsonwebtoken"); // 40 ms that a mere client need not wait for
        const keys = await SigningKeys.open(store, lifetime, keyLifetime);
        return new Tokens(library, keys, await Revocations.open(store, { clock }), lifetime, clock);
    }

    /**
     * What the signature of a token is checked with; `undefined` if there is no such key.
     * @param keyId what the header of the token names
     */
    publicKey(keyId: string | undefined): KeyObject | undefined {
        return this.#keys.publicKey(keyId);
    }

    /** Ids of the keys that check tokens, the one that signs included. */
    get keyIds(): readonly string[] {
        return this.#keys.ids;
    }

    /** This moment, as tokens are dated: not before any token, password or log-out that was seen. */
    now(): number {
        return this.#clock.now();
    }

    /** Takes note of a token that was verified: where the clock was set back, it may be of later than now. */
    saw({ issuedAt, expiresAt }: TokenClaims): void {
        this.#clock.saw(issuedAt);
        this.#keys.saw(expiresAt);
    }

    /** Replaces the key that signs if it is old enough; to be called ahead of `issue` and `refresh`. */
    async renewKey(): Promise<void> {
        await this.#keys.renew();
    }

    /**
     * Replaces the key that signs.
     * @param overlap false if all tokens issued so far are to be refused from now on. Default: true, they go on to their end
     */
    async rotateKey(overlap = true): Promise<void> {
        await this.#keys.rotate(overlap);
    }

    /**
     * Issues the first token of a new session.
     * @param issuedAt moment of the `iat` claim in milliseconds since the epoch: when the credentials were looked up (`now()`).
     * Default: now.
     */
    issue(clientId: string, issuedAt = this.now()): string {
        return this.#sign(clientId, randomUUID(), issuedAt);
    }

    /**
     * Issues another token of the same session; the old one stays valid until its `exp`.
     * @param issuedAt as of `issue`: when the old one was looked at, so that a change of password since then counts for both
     * @throws SseScError `UNAUTHORIZED` if the identity came by other means than a token of ours
     */
    refresh({ clientId, sessionId }: Identity, issuedAt = this.now()): string {
        if (sessionId === undefined) throw new SseScError("UNAUTHORIZED", "This identity has no session to refresh");
        return this.#sign(clientId, sessionId, issuedAt);
    }

    /**
     * Revokes a session: all of its tokens, also those that were issued after the one at hand. They are refused at once, and for
     * good when the promise resolves.
     * @returns true if all sessions of the client were revoked, because it had too many to remember
     */
    async revoke(clientId: string, sessionId: string): Promise<boolean> {
        return this.#revocations.add(clientId, sessionId, this.#keys.lastEnd());
    }

    /** True if the session of this token was revoked, or the key that has signed it is gone. */
    isRevoked({ keyId, ...token }: EndableToken): boolean {
        return (keyId !== undefined && !this.#keys.has(keyId)) || this.#revocations.has(token);
    }

    /** Gives the sublevels back; the store itself belongs to the caller. */
    async close(): Promise<void> {
        await this.#keys.close();
        await this.#revocations.close();
    }

    #sign(clientId: string, sessionId: string, issuedAt: number): string {
        const claims = {
            sub: clientId,
            sid: sessionId,
            jti: randomUUID(),
            // Milliseconds count: whole seconds could not tell a token from before a change of password from one after it
            iat: issuedAt / 1000,
            // By the machine's clock, even if `iat` is ahead of it: a clock that was wrong once must not make tokens for years
            exp: Math.ceil((Math.min(issuedAt, Date.now()) + this.#lifetime) / 1000),
        };
        this.#keys.saw(claims.exp * 1000);
        const { id, privateKey } = this.#keys.newest;
        return this.#library.sign(claims, privateKey, { algorithm: ALGORITHM, keyid: id });
    }
}
