/** The Passport strategies, on a Passport instance of our own: bearer tokens (passport-jwt) and log-in (passport-local). */
import type { Strategy } from "passport";
import { SseScError, toSseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import type { AccountStore } from "./accounts";
import { verifyPassword } from "./passwords";
import { bearerToken, type AuthRequest } from "./request";
import { ALGORITHM, parseClaims, type Tokens } from "./tokens";

/** What a strategy found out about the sender of a request. */
export interface Credential {
    readonly clientId: string;
    /** Session of a token of ours. */
    readonly sessionId?: string;
    /** When the credential was issued, in milliseconds since the epoch. */
    readonly issuedAt?: number;
    /** When it ends, in milliseconds since the epoch. */
    readonly expiresAt?: number;
    /** The bearer token that stands for this credential until `expiresAt`. Without both it is verified on every request. */
    readonly cacheKey?: string;
}

/** A password that fits: whose it is, and the moment from which a token made out of it may count. */
interface PasswordLogin {
    readonly clientId: string;
    readonly issuedAt: number;
}

/** Runs the strategies. */
export interface Strategies {
    /**
     * Verifies the credential of a request.
     * @throws SseScError `UNAUTHORIZED`
     */
    verifyRequest(request: AuthRequest): Promise<Credential>;
    /**
     * Checks a log-in; an unknown user takes as long as a wrong password.
     * @throws SseScError `INVALID_CREDENTIALS`
     */
    verifyLogin(username: string, password: string): Promise<PasswordLogin>;
}

/** The part of Passport that is used; its own declarations say `any` and ask for Express. */
interface PassportInstance {
    use(name: string, strategy: Strategy): unknown;
    authenticate(
        name: string,
        options: { session: false },
        callback: (error: unknown, user?: unknown) => void
    ): (request: object, response: object, next: (error?: unknown) => void) => void;
}

/** Runs one strategy. Resolves to what it calls the user, `undefined` if it refuses; rejects if it fails. */
function run(passport: PassportInstance, strategy: string, request: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
        const settle = (error?: unknown, user?: unknown) => {
            if (error) reject(toSseScError(error));
            else resolve(user === false ? undefined : user);
        };
        passport.authenticate(strategy, { session: false }, settle)(request, {}, settle);
    });
}

function optionalString(value: unknown): string | undefined {
    return typeof value === "string" ? value : undefined;
}

function optionalNumber(value: unknown): number | undefined {
    return typeof value === "number" ? value : undefined;
}

/** Reads what a strategy calls the user; `undefined` if that is none. */
function parseCredential(user: unknown): Credential | undefined {
    if (!isRecord(user) || typeof user["clientId"] !== "string") return undefined;
    return {
        clientId: user["clientId"],
        sessionId: optionalString(user["sessionId"]),
        issuedAt: optionalNumber(user["issuedAt"]),
        expiresAt: optionalNumber(user["expiresAt"]),
        cacheKey: optionalString(user["cacheKey"]),
    };
}

async function bearerStrategy(tokens: Tokens): Promise<Strategy> {
    const { Strategy } = await import("passport-jwt");
    // 60 times faster than with a text (http2-and-sse.md)
    const secretOrKey = tokens.publicKey as unknown as Buffer; // -- jsonwebtoken takes a KeyObject; the declarations lag behind
    const jwtFromRequest = (request: AuthRequest) => bearerToken(request) ?? null;
    return new Strategy(
        { jwtFromRequest, secretOrKey, algorithms: [ALGORITHM], passReqToCallback: true },
        (request: AuthRequest, payload: unknown, done) => {
            const claims = parseClaims(payload);
            done(null, claims === undefined ? false : { ...claims, cacheKey: bearerToken(request) });
        }
    );
}

async function checkPassword(
    accounts: AccountStore,
    username: string,
    password: string
): Promise<PasswordLogin | false> {
    const lookedUp = Date.now();
    const account = await accounts.get(username);
    if (!(await verifyPassword(account?.passwordHash, password)) || account === undefined) return false;
    // Not the moment after the check: a password that was changed during it would get a token that counts. And not before
    // `tokensFrom`, where the clock was set back.
    return { clientId: account.clientId, issuedAt: Math.max(lookedUp, account.tokensFrom ?? 0) };
}

async function loginStrategy(accounts: AccountStore): Promise<Strategy> {
    const { Strategy } = await import("passport-local");
    return new Strategy((username, password, done) => {
        checkPassword(accounts, username, password).then(
            (login) => done(null, login),
            (error: unknown) => done(error)
        );
    });
}

/** Loads Passport and the strategies: about 40 ms that only a server waits for. */
export async function openStrategies(tokens: Tokens, accounts: AccountStore): Promise<Strategies> {
    const { Passport } = await import("passport");
    const passport: PassportInstance = new Passport();
    passport.use("bearer", await bearerStrategy(tokens));
    passport.use("login", await loginStrategy(accounts));
    return {
        async verifyRequest({ headers, method, url, socket, query = {} }) {
            // A copy: Passport leaves members of its own on the request, and this one may be no Express request
            const user = await run(passport, "bearer", { headers, method, url, socket, query });
            const credential = parseCredential(user);
            if (credential === undefined) throw new SseScError("UNAUTHORIZED");
            return credential;
        },
        async verifyLogin(username, password) {
            // No query: credentials in a URL would end up in logs
            const user = await run(passport, "login", { headers: {}, body: { username, password }, query: {} });
            const login = parseCredential(user);
            if (login?.issuedAt === undefined) throw new SseScError("INVALID_CREDENTIALS");
            return { clientId: login.clientId, issuedAt: login.issuedAt };
        },
    };
}
