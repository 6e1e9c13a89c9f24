/** Authentication and authorisation: accounts, tokens, roles, Passport strategies and the `/authn` routes. */
import type { AccountStore } from "./accounts";
import { Authenticator, type Authenticate } from "./authenticator";
import { ClientCertificates } from "./client-certificates";
import { LevelAccounts } from "./level-accounts";
import { LoginThrottle } from "./login-throttle";
import { validateAuthOptions, type AuthOptions, type AuthSettings } from "./options";
import type { Roles } from "./roles";
import type { ReadJson } from "./body";
import { createRoutes, type RouteHandler } from "./routes";
import type { AuthStore } from "./store";
import { openStrategies } from "./strategies";
import { TokenClock } from "./token-clock";
import { Tokens } from "./tokens";

export type { AccountConfig } from "./account-config";
export type { Account, AccountRegistry, AccountStore } from "./accounts";
export { authenticateNobody } from "./authenticator";
export { LevelAccounts } from "./level-accounts";
export type { LoginLimits } from "./login-throttle";
export { AUTH_OPTIONS, validateAuthOptions, type AuthOptions } from "./options";
export { AUTHN_PATHS } from "./routes";
export { Roles, type RoleTable } from "./roles";
export type { AuthStore } from "./store";
export type { Strategy, StrategyActions, StrategyRequest, StrategyUser } from "./strategy";

/** What authentication asks of the server. */
export interface AuthHooks {
    /**
     * Called when streams are to be ended: those of a session that logged out, or without a session id all of a client whose
     * account is gone or has another role or password, without a client those of everybody. A client that is still welcome
     * reconnects by itself.
     */
    endStreams?: (clientId?: string, sessionId?: string) => void;
    /** Hears why a strategy of the user's failed: clients learn nothing of it. */
    onStrategyError?: (strategy: string, error: unknown) => void;
}

/** Everything that the server needs of this room. */
export interface Auth {
    /** Finds out who sends a request. */
    readonly authenticate: Authenticate;
    /** What each role may do. */
    readonly roles: Roles;
    /** The accounts: a `LevelAccounts`, unless the options brought a store of their own. */
    readonly accounts: AccountStore;
    readonly tokens: Tokens;
    /** How many times a credential was really verified rather than found in the cache. */
    readonly verifications: number;
    /**
     * Replaces the key that signs tokens.
     * @param overlap false if all tokens issued so far are refused from now on, and all streams end
     */
    rotateSigningKey(overlap: boolean): Promise<void>;
    /** Makes the handler of the `/authn` routes; loads Express. */
    router(readJson: ReadJson): Promise<RouteHandler>;
    /** Gives back what was opened in the store; the store itself belongs to the caller. */
    close(): Promise<void>;
}

type EndStreams = NonNullable<AuthHooks["endStreams"]>;

async function openAccounts(
    { accounts, roles, needsPasswords }: AuthSettings,
    store: AuthStore,
    endStreams: EndStreams,
    clock: TokenClock
): Promise<AccountStore> {
    if (accounts !== undefined && "get" in accounts) return accounts;
    const stored = await LevelAccounts.open(store, {
        hasRole: (role) => roles.has(role),
        needsPasswords,
        onChange: (clientId) => endStreams(clientId),
        clock,
    });
    if (accounts !== undefined) await stored.applyConfig(accounts);
    return stored;
}

/**
 * Opens authentication over a store, making the signing key if there is none and hashing the passwords of the options. Loads
 * Passport and jsonwebtoken; argon2 is loaded with the first password, Express with the first router.
 * @throws SseScError `INVALID_CONFIG` naming the option that is not valid
 */
export async function createAuth(options: AuthOptions, store: AuthStore, hooks: AuthHooks = {}): Promise<Auth> {
    const settings = validateAuthOptions(options);
    const endStreams: EndStreams = hooks.endStreams ?? (() => undefined);
    const clock = new TokenClock();
    const [accounts, tokens, throttle] = await Promise.all([
        openAccounts(settings, store, endStreams, clock),
        Tokens.open(store, settings.tokenLifetime, { keyLifetime: settings.signingKeyLifetime, clock }),
        LoginThrottle.open(settings.loginLimits),
    ]);
    const strategies = await openStrategies(tokens, accounts, {
        strategies: settings.strategies,
        ...(hooks.onStrategyError !== undefined && { onError: hooks.onStrategyError }),
    });
    const authenticator = new Authenticator({
        strategies,
        accounts,
        tokens,
        clockTolerance: settings.clockTolerance,
        ...(settings.clientCertificates && { certificates: new ClientCertificates() }),
    });
    const { authenticate } = authenticator;
    return {
        authenticate,
        roles: settings.roles,
        accounts,
        tokens,
        get verifications() {
            return authenticator.verifications;
        },
        async rotateSigningKey(overlap) {
            await tokens.rotateKey(overlap);
            if (!overlap) endStreams();
        },
        router: (readJson) =>
            createRoutes({ authenticate, strategies, accounts, tokens, throttle, readJson, endStreams }),
        async close() {
            await tokens.close();
            if (accounts instanceof LevelAccounts) await accounts.close();
        },
    };
}
