/** Who sends a request: the hot path. A credential is verified once; whether it still counts is asked on every request. */
import { SseScError } from "../../lib/errors";
import type { Identity } from "../../lib/identity";
import { isClientId } from "./account-config";
import type { Account, AccountStore } from "./accounts";
import type { ClientCertificates } from "./client-certificates";
import { CredentialCache, type KnownCredential } from "./credential-cache";
import { bearerToken, claimedClientId, showsNothing, type AuthRequest } from "./request";
import type { Strategies } from "./strategies";
import type { Credential } from "./strategy";
import type { Tokens } from "./tokens";

/**
 * Finds out who sends a request. Answers without a promise where nothing has to be waited for.
 * @throws SseScError `UNAUTHORIZED`: thrown or, where there is a promise, by rejection
 */
export type Authenticate = (request: AuthRequest) => Identity | Promise<Identity>;

/** Most verified tokens that are remembered, and most values of a header of the user's; at about 500 bytes each. */
const MAX_CACHED_TOKENS = 10_000;

/** What an authenticator is made of. */
export interface AuthenticatorParts {
    strategies: Pick<Strategies, "count" | "verifyRequest">;
    /** Absent where clients cannot show who they are by certificate. */
    certificates?: ClientCertificates;
    accounts: AccountStore;
    tokens: Pick<Tokens, "isRevoked">;
    /** Default: 10,000. */
    maxCachedTokens?: number;
    /** How long after its end a token of ours is good for a request, in milliseconds. Default: 0. */
    clockTolerance?: number;
}

/**
 * Authenticates requests: by a bearer token of ours, else by the certificate of the connection if there is no `Authorization` header,
 * else by the user's strategies in their order. What is remembered changes nothing about that order.
 */
export class Authenticator {
    readonly #parts: AuthenticatorParts;
    readonly #maxCached: number;
    readonly #tolerance: number;
    readonly #verified = new Map<string, Credential>();
    readonly #ofUser: CredentialCache;
    #verifications = 0;

    constructor(parts: AuthenticatorParts) {
        this.#parts = parts;
        this.#maxCached = parts.maxCachedTokens ?? MAX_CACHED_TOKENS;
        this.#tolerance = parts.clockTolerance ?? 0;
        this.#ofUser = new CredentialCache(this.#maxCached);
    }

    /** How many times the strategies ran, and certificates were read: what the cache spares. */
    get verifications(): number {
        return this.#verifications + (this.#parts.certificates?.reads ?? 0);
    }

    /** How many verified credentials are remembered. */
    get cachedTokens(): number {
        return this.#verified.size + this.#ofUser.size;
    }

    /**
     * The sender of a request. It is no promise if the credential was verified before and the account store answers at once.
     * @throws SseScError `UNAUTHORIZED`: thrown or, where there is a promise, by rejection
     */
    readonly authenticate: Authenticate = (request) => {
        const token = bearerToken(request);
        const credential = token === undefined ? undefined : this.#recall(token);
        if (credential !== undefined) return this.#admit(credential, request);
        const certificate = this.#certificateOf(request);
        return certificate === undefined ? this.#askStrategies(request) : this.#admitOwner(certificate, request);
    };

    #certificateOf(request: AuthRequest): Credential | undefined {
        // Who shows something with the request means that
        return showsNothing(request) ? this.#parts.certificates?.credentialOf(request) : undefined;
    }

    /** A certificate of somebody without an account is as good as none. */
    #admitOwner(certificate: Credential, request: AuthRequest): Identity | Promise<Identity> {
        const admit = (account: Account | undefined): Identity | Promise<Identity> => {
            if (account === undefined) return this.#askStrategies(request);
            checkClaim(certificate, request);
            return toIdentity(certificate, account);
        };
        const account = this.#parts.accounts.get(certificate.clientId);
        return account instanceof Promise ? account.then(admit) : admit(account);
    }

    #askStrategies(request: AuthRequest): Identity | Promise<Identity> {
        const { count } = this.#parts.strategies;
        const token = bearerToken(request);
        if (token === undefined && count === 0) throw new SseScError("UNAUTHORIZED");
        const known = count === 0 ? undefined : this.#ofUser.find(request.headers);
        // Whatever comes ahead of the strategy that it came from has to be asked again: it may know the request by something else
        const isFirst = known?.strategy === 0 && (token === undefined || known.header === "authorization");
        return isFirst ? this.#admit(known.credential, request) : this.#verify(request, known);
    }

    async #verify(request: AuthRequest, known: KnownCredential | undefined): Promise<Identity> {
        this.#verifications += 1;
        const credential = await this.#parts.strategies.verifyRequest(request, known);
        const identity = await this.#admit(credential, request);
        if (credential.strategy === undefined) this.#remember(credential);
        else if (credential !== known?.credential) this.#ofUser.add(request.headers, credential);
        return identity;
    }

    /** Everything that may change while a credential lives. */
    #admit(credential: Credential, request: AuthRequest): Identity | Promise<Identity> {
        const { clientId, sessionId, keyId, issuedAt = 0, expiresAt } = credential;
        if (expiresAt !== undefined && expiresAt + this.#toleranceFor(credential, request) <= Date.now()) {
            throw new SseScError("UNAUTHORIZED", "The credential has ended");
        }
        if (sessionId !== undefined && this.#parts.tokens.isRevoked({ clientId, sessionId, keyId, issuedAt })) {
            throw new SseScError("UNAUTHORIZED", "The session was logged out");
        }
        checkClaim(credential, request);
        const account = this.#parts.accounts.get(clientId);
        return account instanceof Promise
            ? account.then((found) => toIdentity(credential, found))
            : toIdentity(credential, account);
    }

    /** What a GET opens may last: no stream is there after the end of its token. And what others call the end is the end. */
    #toleranceFor({ sessionId }: Credential, { method = "GET" }: AuthRequest): number {
        return sessionId === undefined || method === "GET" ? 0 : this.#tolerance;
    }

    /** What a token was found to say; one that has ended is not known. */
    #recall(token: string): Credential | undefined {
        const credential = this.#verified.get(token);
        const expiresAt = credential?.expiresAt ?? Number.POSITIVE_INFINITY;
        if (expiresAt + this.#tolerance > Date.now()) return credential;
        this.#verified.delete(token);
        return undefined;
    }

    #remember(credential: Credential): void {
        const { cacheKey, expiresAt } = credential;
        if (cacheKey === undefined || expiresAt === undefined) return;
        const [oldest] = this.#verified.keys();
        if (oldest !== undefined && this.#verified.size >= this.#maxCached) this.#verified.delete(oldest);
        this.#verified.set(cacheKey, credential);
    }
}

function checkClaim({ clientId }: Credential, request: AuthRequest): void {
    if ((claimedClientId(request) ?? clientId) !== clientId) {
        throw new SseScError("UNAUTHORIZED", "The clientID header is not that of the credential");
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
