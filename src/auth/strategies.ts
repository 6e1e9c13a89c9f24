/**
 * The Passport strategies, on a Passport instance of our own: bearer tokens (passport-jwt), those of the user in their order, and
 * log-in (passport-local).
 */
import { parse as parseQuery } from "node:querystring";
import type { Strategy as PassportStrategy } from "passport";
import { SseScError, toSseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import type { AccountStore } from "./accounts";
import type { KnownCredential } from "./credential-cache";
import { MAX_CLOCK_TOLERANCE } from "./options";
import { verifyPassword } from "./passwords";
import { bearerToken, type AuthRequest } from "./request";
import { guard, runStrategy, type PassportInstance } from "./run-strategy";
import { parseUser, type Credential, type Strategy, type StrategyRequest } from "./strategy";
import { ALGORITHM, keyIdOf, parseClaims, type Tokens } from "./tokens";

/** A password that fits: whose it is, and the moment from which a token made out of it may count. */
interface PasswordLogin {
    readonly clientId: string;
    readonly issuedAt: number;
}

/** Runs the strategies. */
export interface Strategies {
    /** How many strategies the user has added. */
    readonly count: number;
    /**
     * Verifies the credential of a request: our own bearer token where there is one, then the user's strategies in their order; the
     * first that succeeds counts.
     * @param known takes the place of the strategy that it came from; those ahead of that one run
     * @throws SseScError `UNAUTHORIZED` with the challenges of all; `INTERNAL` if a strategy fails
     */
    verifyRequest(request: AuthRequest, known?: KnownCredential): Promise<Credential>;
    /**
     * Checks a log-in; an unknown user takes as long as a wrong password.
     * @throws SseScError `INVALID_CREDENTIALS`
     */
    verifyLogin(username: string, password: string): Promise<PasswordLogin>;
}

/** What the user adds to our own strategies. */
export interface StrategyOptions {
    readonly strategies?: readonly Strategy[];
    /** Hears what a strategy threw or called its error: callers learn nothing of it. */
    readonly onError?: (strategy: string, error: unknown) => void;
    /** Milliseconds until a strategy that does not answer has failed. Default: 10,000. */
    readonly deadline?: number;
}

/** A challenge goes into a header. */
const CHALLENGE = /^[\x21-\x7e][\x20-\x7e]{0,255}$/;

/** `Bearer`, and what the user's strategies ask for (RFC 9110, section 11.6.1). */
function unauthorized(challenges: readonly unknown[]): SseScError {
    const texts = challenges.filter((challenge) => typeof challenge === "string" && CHALLENGE.test(challenge));
    if (texts.length === 0) return new SseScError("UNAUTHORIZED");
    const all = [...new Set(["Bearer", ...texts])].join(", ");
    return new SseScError("UNAUTHORIZED", undefined, { headers: { "www-authenticate": all } });
}

/** A copy: Passport leaves members of its own on the request, and this one may be no Express request. */
function toStrategyRequest({ headers, method, url, socket }: AuthRequest): StrategyRequest {
    const [, query = ""] = /\?(.*)/s.exec(url ?? "") ?? [];
    return { headers, method, url, socket, query: parseQuery(query) };
}

function optionalString(value: unknown): string | undefined {
    return typeof value === "string" ? value : undefined;
}

function optionalNumber(value: unknown): number | undefined {
    return typeof value === "number" ? value : undefined;
}

/** Reads what a strategy of ours calls the user; `undefined` if that is none. */
function parseCredential(user: unknown): Credential | undefined {
    if (!isRecord(user) || typeof user["clientId"] !== "string") return undefined;
    return {
        clientId: user["clientId"],
        sessionId: optionalString(user["sessionId"]),
        keyId: optionalString(user["keyId"]),
        issuedAt: optionalNumber(user["issuedAt"]),
        expiresAt: optionalNumber(user["expiresAt"]),
        cacheKey: optionalString(user["cacheKey"]),
    };
}

/** For how long after its end a token is good for what, the authenticator says; here it is the most that there can be. */
async function bearerStrategy(tokens: Tokens): Promise<PassportStrategy> {
    const { Strategy } = await import("passport-jwt");
    const jwtFromRequest = (request: AuthRequest) => bearerToken(request) ?? null;
    return new Strategy(
        {
            jwtFromRequest,
            secretOrKeyProvider: (_request: AuthRequest, token: string, done) => {
                // 60 times faster than with a text (http2-and-sse.md)
                const key = tokens.publicKey(keyIdOf(token)) as unknown as Buffer; // -- jsonwebtoken takes a KeyObject; the declarations lag behind
                done(null, key);
            },
            algorithms: [ALGORITHM],
            // eslint-disable-next-line @typescript-eslint/no-deprecated -- deprecated for what it repeats; there is no other way to this
            jsonWebTokenOptions: { clockTolerance: MAX_CLOCK_TOLERANCE / 1000 },
            passReqToCallback: true,
        },
        (request: AuthRequest, payload: unknown, done) => {
            const claims = parseClaims(payload);
            const token = bearerToken(request);
            if (claims === undefined || token === undefined) {
                done(null, false);
                return;
            }
            tokens.saw(claims);
            done(null, { ...claims, keyId: keyIdOf(token), cacheKey: token });
        }
    );
}

async function checkPassword(
    accounts: AccountStore,
    tokens: Tokens,
    username: string,
    password: string
): Promise<PasswordLogin | false> {
    const lookedUp = tokens.now();
    const account = await accounts.get(username);
    if (!(await verifyPassword(account?.passwordHash, password)) || account === undefined) return false;
    // Not the moment after the check: a password that was changed during it would get a token that counts. And not before
    // `tokensFrom`, where the clock was set back.
    return { clientId: account.clientId, issuedAt: Math.max(lookedUp, account.tokensFrom ?? 0) };
}

async function loginStrategy(accounts: AccountStore, tokens: Tokens): Promise<PassportStrategy> {
    const { Strategy } = await import("passport-local");
    return new Strategy((username, password, done) => {
        checkPassword(accounts, tokens, username, password).then(
            (login) => done(null, login),
            (error: unknown) => done(error)
        );
    });
}

/** Loads Passport and the strategies: about 40 ms that only a server waits for. */
export async function openStrategies(
    tokens: Tokens,
    accounts: AccountStore,
    { strategies = [], onError = () => undefined, deadline = 10_000 }: StrategyOptions = {}
): Promise<Strategies> {
    const { Passport } = await import("passport");
    const passport: PassportInstance = new Passport();
    passport.use("bearer", await bearerStrategy(tokens));
    passport.use("login", await loginStrategy(accounts, tokens));
    // Names of our own: those of the user's may be missing, or be there twice
    for (const [index, strategy] of strategies.entries()) passport.use(`strategies[${index}]`, guard(strategy));

    async function runOwn(name: "bearer" | "login", request: object): Promise<Credential | undefined> {
        try {
            return parseCredential((await runStrategy(passport, name, request)).user);
        } catch (error) {
            throw toSseScError(error);
        }
    }

    async function runUsers(
        index: number,
        request: StrategyRequest,
        challenges: unknown[]
    ): Promise<Credential | undefined> {
        const name = `strategies[${index}]`;
        try {
            const { user, challenge } = await runStrategy(passport, name, request, deadline);
            if (user !== undefined) return parseUser(user, index);
            challenges.push(challenge);
            return undefined;
        } catch (error) {
            onError(name, error);
            throw new SseScError("INTERNAL", `${name} failed`, { cause: error });
        }
    }

    return {
        count: strategies.length,
        async verifyRequest(request, known) {
            const seen = toStrategyRequest(request);
            // A token that a strategy has taken was refused by us before
            if (bearerToken(request) !== undefined && known?.header !== "authorization") {
                const credential = await runOwn("bearer", seen);
                if (credential !== undefined) return credential;
            }
            const challenges: unknown[] = [];
            for (const index of strategies.keys()) {
                if (index === known?.strategy) return known.credential;
                const credential = await runUsers(index, seen, challenges);
                if (credential !== undefined) return credential;
            }
            throw unauthorized(challenges);
        },
        async verifyLogin(username, password) {
            // No query: credentials in a URL would end up in logs
            const login = await runOwn("login", { headers: {}, body: { username, password }, query: {} });
            if (login?.issuedAt === undefined) throw new SseScError("INVALID_CREDENTIALS");
            return { clientId: login.clientId, issuedAt: login.issuedAt };
        },
    };
}
