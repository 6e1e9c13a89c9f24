/** The options of authentication: their type, their defaults and their check. */
import { isRecord } from "../../lib/json";
import { parseAccountConfigs, type AccountConfig } from "./account-config";
import type { AccountStore } from "./accounts";
import { parseLoginLimits, type LoginLimits } from "./login-throttle";
import { invalidOption, parseOptions, parsePositive } from "./parse";
import { Roles, type RoleTable } from "./roles";
import { parseStrategies, type Strategy } from "./strategy";

/** Who may log in and what for. */
export interface AuthOptions {
    /** The accounts, or a store of your own that knows them. Default: those in the server's store. */
    accounts?: readonly AccountConfig[] | AccountStore;
    /** Roles that are added to the default ones; one of the same name replaces the default one as a whole. */
    roles?: RoleTable;
    /** How long a token is valid, in milliseconds. Default: 7 days. */
    tokenLifetime?: number;
    /**
     * How long a key signs tokens before another one takes its place, in milliseconds; at least an hour. Tokens that it has signed go on
     * to their end. Default: 90 days.
     */
    signingKeyLifetime?: number;
    /**
     * How long after its end a token is still good for a request (not for a stream), in milliseconds, for clients whose clock is
     * behind; at most 60,000. Default: 5,000.
     */
    clockTolerance?: number;
    /** Limits of failed log-ins. */
    loginLimits?: LoginLimits;
    /**
     * Certificates of the authorities whose clients may show who they are by TLS certificate: each a path, or the PEM text itself. The
     * common name is the account. Needs TLS.
     */
    clientCaCert?: string | readonly string[];
    /** Passport strategies of your own; they are asked after our bearer tokens and after the certificate, in this order. */
    strategies?: readonly Strategy[];
}

/** The options after their check, with all defaults. */
export interface AuthSettings {
    readonly accounts: readonly AccountConfig[] | AccountStore | undefined;
    readonly roles: Roles;
    readonly tokenLifetime: number;
    readonly signingKeyLifetime: number;
    readonly clockTolerance: number;
    readonly loginLimits: Required<LoginLimits>;
    readonly strategies: readonly Strategy[];
    /** True if clients may show who they are by certificate. */
    readonly clientCertificates: boolean;
    /** True if nobody gets in without a password: then an account without one is a mistake. */
    readonly needsPasswords: boolean;
}

/** Names of all options. */
export const AUTH_OPTIONS = [
    "accounts",
    "roles",
    "tokenLifetime",
    "signingKeyLifetime",
    "clockTolerance",
    "loginLimits",
    "clientCaCert",
    "strategies",
] as const satisfies (keyof AuthOptions)[];

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

/** Largest `clockTolerance` in milliseconds. What is remembered of tokens that were ended outlives them by it. */
export const MAX_CLOCK_TOLERANCE = 60_000;

/** Each key is kept until its last token has ended: without a bound of its lifetime there could be one for each log-in. */
function parseSigningKeyLifetime(value: unknown): number {
    const lifetime = parsePositive(value, 90 * DAY, "signingKeyLifetime");
    if (lifetime < HOUR) throw invalidOption("signingKeyLifetime", "must be at least an hour");
    return lifetime;
}

function parseClockTolerance(value: unknown): number {
    if (value === 0) return 0;
    const tolerance = parsePositive(value, 5000, "clockTolerance");
    if (tolerance > MAX_CLOCK_TOLERANCE) throw invalidOption("clockTolerance", "must be at most 60,000");
    return tolerance;
}

function isAccountStore(value: unknown): value is AccountStore {
    return isRecord(value) && typeof value["get"] === "function";
}

function parseAccounts(value: unknown, roles: Roles, needsPasswords: boolean): AuthSettings["accounts"] {
    if (value === undefined || isAccountStore(value)) return value;
    if (Array.isArray(value)) return parseAccountConfigs(value, (role) => roles.has(role), needsPasswords);
    throw invalidOption("accounts", "must be an array of accounts or have a method get(clientId)");
}

/**
 * Checks the options and fills in the defaults, without waiting for anything: a constructor can call it.
 * @throws SseScError `INVALID_CONFIG` naming the option that is not known or not valid
 */
export function validateAuthOptions(options: unknown): AuthSettings {
    const parsed = parseOptions(options, AUTH_OPTIONS, "");
    const roles = new Roles(parsed["roles"]);
    const strategies = parseStrategies(parsed["strategies"]);
    const clientCertificates = parsed["clientCaCert"] !== undefined; // the listener reads it
    const needsPasswords = strategies.length === 0 && !clientCertificates;
    return {
        accounts: parseAccounts(parsed["accounts"], roles, needsPasswords),
        roles,
        tokenLifetime: parsePositive(parsed["tokenLifetime"], 7 * DAY, "tokenLifetime"),
        signingKeyLifetime: parseSigningKeyLifetime(parsed["signingKeyLifetime"]),
        clockTolerance: parseClockTolerance(parsed["clockTolerance"]),
        loginLimits: parseLoginLimits(parsed["loginLimits"]),
        strategies,
        clientCertificates,
        needsPasswords,
    };
}
