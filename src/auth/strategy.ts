/** A Passport strategy of the user's own: its type, as far as it is needed, and the check of the option that brings it. */
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import { isClientId } from "./account-config";
import { invalidOption } from "./parse";

/** What a strategy sees of a request: the same for event streams, POSTs, `/authn` and TDs, over HTTP/1.1 and HTTP/2. */
export interface StrategyRequest {
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly method?: string | undefined;
    /** Path and query as they came. */
    readonly url?: string | undefined;
    readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
    /** The query, parsed; empty if there is none. */
    readonly query: Readonly<Record<string, unknown>>;
}

/** Whom a strategy has found. */
export interface StrategyUser {
    /** Id of an account. */
    readonly clientId: string;
    /** When the credential ends, in milliseconds since the epoch. Streams end then too. */
    readonly expiresAt?: number | undefined;
    /**
     * The secret itself as it stands in a header, alone or behind a scheme. With `expiresAt` beside it the strategy does not run again
     * for that value of that header until then; without, it runs for every request.
     */
    readonly cacheKey?: string | undefined;
}

/** What Passport gives a strategy as `this`. It calls one of these, once; what comes later counts for nothing. */
export interface StrategyActions {
    /** The sender is known. */
    success(user: StrategyUser, info?: object): void;
    /** The sender is not; a challenge, such as `ApiKey realm="things"`, goes into `WWW-Authenticate` if nobody else knows them. */
    fail(challenge?: string | number, status?: number): void;
    /** As `fail()`. */
    pass(): void;
    /** As `fail()`: there is no browser. */
    redirect(url: string, status?: number): void;
    /** The strategy itself has failed: the request is answered with 500, and clients learn no more. */
    error(error: unknown): void;
}

/**
 * A Passport strategy: any that needs neither a session nor a browser, and calls the user a `StrategyUser`.
 *
 * Passport calls `authenticate` on an object that is derived from the strategy, one for each request: members that it sets are gone
 * with the request, and `#private` ones are not there.
 */
export interface Strategy {
    readonly name?: string | undefined;
    authenticate(this: StrategyActions, request: StrategyRequest, options?: unknown): unknown;
}

/** What a strategy found out about the sender of a request. */
export interface Credential {
    readonly clientId: string;
    /** Session of a token of ours. */
    readonly sessionId?: string | undefined;
    /** Key that has signed a token of ours. */
    readonly keyId?: string | undefined;
    /** When the credential was issued, in milliseconds since the epoch. */
    readonly issuedAt?: number | undefined;
    /** When it ends, in milliseconds since the epoch. */
    readonly expiresAt?: number | undefined;
    /** The secret that stands for this credential until `expiresAt`. Without both it is verified on every request. */
    readonly cacheKey?: string | undefined;
    /** Position of the user's strategy that found it out; absent where it was our own. */
    readonly strategy?: number;
}

function isStrategy(value: unknown): value is Strategy {
    return isRecord(value) && typeof value["authenticate"] === "function";
}

/**
 * Reads the `strategies` option.
 * @throws SseScError `INVALID_CONFIG` naming the strategy that is none
 */
export function parseStrategies(value: unknown = []): readonly Strategy[] {
    if (!Array.isArray(value)) throw invalidOption("strategies", "must be an array of Passport strategies");
    return value.map((strategy: unknown, index) => {
        if (isStrategy(strategy)) return strategy;
        throw invalidOption(`strategies[${index}]`, "must have a method authenticate(request)");
    });
}

/**
 * Reads what a user's strategy calls the user. A session and the moment of issue it cannot claim: those are for our own tokens.
 * @throws SseScError `INTERNAL` if it is nothing of the kind, which is a defect of the strategy
 */
export function parseUser(user: unknown, strategy: number): Credential {
    const { clientId, expiresAt, cacheKey } = isRecord(user) ? user : {};
    const fault = (problem: string) =>
        new SseScError("INTERNAL", `What strategies[${strategy}] calls the user ${problem}`);
    if (typeof clientId !== "string" || !isClientId(clientId))
        throw fault("has no clientId that an account could have");
    if (expiresAt !== undefined && !Number.isFinite(expiresAt)) throw fault("has an expiresAt that is no number");
    if (cacheKey !== undefined && typeof cacheKey !== "string") throw fault("has a cacheKey that is no text");
    return { clientId, expiresAt: typeof expiresAt === "number" ? expiresAt : undefined, cacheKey, strategy };
}
