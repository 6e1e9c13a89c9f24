/** Who sends a request: the hot path. A token is verified once; whether it still counts is asked on every request. */
import { SseScError } from "../../lib/errors";
import type { Identity } from "../../lib/identity";
import { isClientId } from "./account-config";
import type { Account, AccountStore } from "./accounts";
import { bearerToken, claimedClientId, type AuthRequest } from "./request";
import type { Credential, Strategies } from "./strategies";
import type { Tokens } from "./tokens";

/**
 * Finds out who sends a request. Answers without a promise where nothing has to be waited for.
 * @throws SseScError `UNAUTHORIZED`: thrown or, where there is a promise, by rejection
 */
export type Authenticate = (request: AuthRequest) => Identity | Promise<Identity>;

/** Most verified tokens that are remembered; at about 500 bytes each. */
const MAX_CACHED_TOKENS = 10_000;

/** What an authenticator is made of. */
export interface AuthenticatorParts {
    strategies: Pick<Strategies, "verifyRequest">;
    accounts: AccountStore;
    tokens: Pick<Tokens, "isRevoked">;
    /** Default: 10,000. */
    maxCachedTokens?: number;
}

/** Authenticates requests with the Passport strategies and remembers verified tokens until they end. */
export class Authenticator {
    readonly #parts: AuthenticatorParts;
    readonly #maxCached: number;
    readonly #verified = new Map<string, Credential>();
    #verifications = 0;

    constructor(parts: AuthenticatorParts) {
        this.#parts = parts;
        this.#maxCached = parts.maxCachedTokens ?? MAX_CACHED_TOKENS;
    }

    /** How many times the strategies ran: what the cache spares. */
    get verifications(): number {
        return this.#verifications;
    }

    /** How many verified tokens are remembered. */
    get cachedTokens(): number {
        return this.#verified.size;
    }

    /**
     * The sender of a request. It is no promise if the token was verified before and the account store answers at once.
     * @throws SseScError `UNAUTHORIZED`: thrown or, where there is a promise, by rejection
     */
    readonly authenticate: Authenticate = (request) => {
        const token = bearerToken(request);
        if (token === undefined) throw new SseScError("UNAUTHORIZED");
        const credential = this.#verified.get(token);
        if (credential !== undefined) return this.#admit(credential, request);
        return this.#verify(request);
    };

    async #verify(request: AuthRequest): Promise<Identity> {
        this.#verifications += 1;
        const credential = await this.#parts.strategies.verifyRequest(request);
        const identity = await this.#admit(credential, request);
        this.#remember(credential);
        return identity;
    }

    /** Everything that may change while a token lives. */
    #admit(credential: Credential, request: AuthRequest): Identity | Promise<Identity> {
        const { clientId, sessionId, issuedAt = 0, expiresAt, cacheKey } = credential;
        if (expiresAt !== undefined && expiresAt <= Date.now()) {
            if (cacheKey !== undefined) this.#verified.delete(cacheKey);
            throw new SseScError("UNAUTHORIZED", "The credential has ended");
        }
        if (sessionId !== undefined && this.#parts.tokens.isRevoked({ clientId, sessionId, issuedAt })) {
            throw new SseScError("UNAUTHORIZED", "The session was logged out");
        }
        if ((claimedClientId(request) ?? clientId) !== clientId) {
            throw new SseScError("UNAUTHORIZED", "The clientID header is not that of the token");
        }
        const account = this.#parts.accounts.get(clientId);
        return account instanceof Promise
            ? account.then((found) => toIdentity(credential, found))
            : toIdentity(credential, account);
    }

    #remember(credential: Credential): void {
        const { cacheKey, expiresAt } = credential;
        if (cacheKey === undefined || expiresAt === undefined) return;
        const [oldest] = this.#verified.keys();
        if (oldest !== undefined && this.#verified.size >= this.#maxCached) this.#verified.delete(oldest);
        this.#verified.set(cacheKey, credential);
    }
}

function toIdentity(credential: Credential, account: Account | undefined): Identity {
    const { clientId, sessionId, issuedAt, expiresAt } = credential;
    if (account === undefined) throw new SseScError("UNAUTHORIZED", "The account is gone");
    if (issuedAt !== undefined && issuedAt < (account.tokensFrom ?? 0)) {
        throw new SseScError("UNAUTHORIZED", "The token is older than the account or its password");
    }
    return {
        clientId,
        role: account.role,
        ...(sessionId !== undefined && { sessionId }),
        ...(expiresAt !== undefined && { expiresAt }),
    };
}

/**
 * Believes the `clientID` header and makes everybody an administrator: for development on loopback only, which the server enforces.
 * @throws SseScError `UNAUTHORIZED` if the header holds what cannot be a client id
 */
export function authenticateNobody(request: AuthRequest): Identity {
    const clientId = claimedClientId(request) ?? "anonymous";
    if (!isClientId(clientId)) throw new SseScError("UNAUTHORIZED", "The clientID header is not a client id");
    return { clientId, role: "admin" };
}
