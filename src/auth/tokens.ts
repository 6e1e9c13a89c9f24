/** Bearer tokens: JSON Web Tokens signed with ES256, and the end of the sessions that they belong to. */
import { randomUUID, type KeyObject } from "node:crypto";
import type * as JsonWebToken from "jsonwebtoken";
import { SseScError } from "../../lib/errors";
import type { Identity } from "../../lib/identity";
import { isRecord } from "../../lib/json";
import { Revocations, type RevocableToken } from "./revocations";
import { openSigningKey, type SigningKey } from "./signing-key";
import type { AuthStore } from "./store";

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

/** Issues, refreshes and revokes tokens. Checking them is the work of the Passport strategy. */
export class Tokens {
    readonly #library: typeof JsonWebToken;
    readonly #key: SigningKey;
    readonly #revocations: Revocations;
    readonly #lifetime: number;

    private constructor(library: typeof JsonWebToken, key: SigningKey, revocations: Revocations, lifetime: number) {
        this.#library = library;
        this.#key = key;
        this.#revocations = revocations;
        this.#lifetime = lifetime;
    }

    /**
     * Opens key and revocations of a store, making the key if there is none.
     * @param lifetime of the tokens issued from now on, in milliseconds
     */
    static async open(store: AuthStore, lifetime: number): Promise<Tokens> {
        const { default: library } = await import("jsonwebtoken"); // 40 ms that a mere client need not wait for
        const key = await openSigningKey(store, lifetime);
        return new Tokens(library, key, await Revocations.open(store), lifetime);
    }

    /** What signatures are checked with. */
    get publicKey(): KeyObject {
        return this.#key.publicKey;
    }

    /**
     * Issues the first token of a new session.
     * @param issuedAt moment of the `iat` claim in milliseconds since the epoch: when the credentials were looked up.
     * Default: now.
     */
    issue(clientId: string, issuedAt = Date.now()): string {
        return this.#sign(clientId, randomUUID(), issuedAt);
    }

    /**
     * Issues another token of the same session; the old one stays valid until its `exp`.
     * @throws SseScError `UNAUTHORIZED` if the identity came by other means than a token of ours
     */
    refresh({ clientId, sessionId }: Identity): string {
        if (sessionId === undefined) throw new SseScError("UNAUTHORIZED", "This identity has no session to refresh");
        return this.#sign(clientId, sessionId, Date.now());
    }

    /**
     * Revokes a session: all of its tokens, also those that were issued after the one at hand. They are refused at once, and for
     * good when the promise resolves.
     * @returns true if all sessions of the client were revoked, because it had too many to remember
     */
    async revoke(clientId: string, sessionId: string): Promise<boolean> {
        return this.#revocations.add(clientId, sessionId, Date.now() + this.#key.longestLifetime + 1000);
    }

    /** True if the session of this token was revoked. */
    isRevoked(token: RevocableToken): boolean {
        return this.#revocations.has(token);
    }

    /** Gives the sublevels back; the store itself belongs to the caller. */
    async close(): Promise<void> {
        await this.#revocations.close();
    }

    #sign(clientId: string, sessionId: string, issuedAt: number): string {
        const claims = {
            sub: clientId,
            sid: sessionId,
            jti: randomUUID(),
            // Milliseconds count: whole seconds could not tell a token from before a change of password from one after it
            iat: issuedAt / 1000,
            exp: Math.ceil((issuedAt + this.#lifetime) / 1000),
        };
        return this.#library.sign(claims, this.#key.privateKey, { algorithm: ALGORITHM });
    }
}
