/** The options of authentication: their type, their defaults and their check. */
import { isRecord } from "../../lib/json";
import { parseAccountConfigs, type AccountConfig } from "./account-config";
import type { AccountStore } from "./accounts";
import { parseLoginLimits, type LoginLimits } from "./login-throttle";
import { invalidOption, parseOptions, parsePositive } from "./parse";
import { Roles, type RoleTable } from "./roles";

/** Who may log in and what for. */
export interface AuthOptions {
    /** The accounts, or a store of your own that knows them. Default: those in the server's store. */
    accounts?: readonly AccountConfig[] | AccountStore;
    /** Roles that are added to the default ones; one of the same name replaces the default one as a whole. */
    roles?: RoleTable;
    /** How long a token is valid, in milliseconds. Default: 7 days. */
    tokenLifetime?: number;
    /** Limits of failed log-ins. */
    loginLimits?: LoginLimits;
}

/** The options after their check, with all defaults. */
export interface AuthSettings {
    readonly accounts: readonly AccountConfig[] | AccountStore | undefined;
    readonly roles: Roles;
    readonly tokenLifetime: number;
    readonly loginLimits: Required<LoginLimits>;
}

const OPTION_NAMES = ["accounts", "roles", "tokenLifetime", "loginLimits"] as const satisfies (keyof AuthOptions)[];

const SEVEN_DAYS = 7 * 24 * 60 * 60 * 1000;

function isAccountStore(value: unknown): value is AccountStore {
    return isRecord(value) && typeof value["get"] === "function";
}

function parseAccounts(value: unknown, roles: Roles): AuthSettings["accounts"] {
    if (value === undefined || isAccountStore(value)) return value;
    if (Array.isArray(value)) return parseAccountConfigs(value, (role) => roles.has(role));
    throw invalidOption("accounts", "must be an array of accounts or have a method get(clientId)");
}

/**
 * Checks the options and fills in the defaults, without waiting for anything: a constructor can call it.
 * @throws SseScError `INVALID_CONFIG` naming the option that is not known or not valid
 */
export function validateAuthOptions(options: unknown): AuthSettings {
    const { accounts, roles, tokenLifetime, loginLimits } = parseOptions(options, OPTION_NAMES, "");
    const table = new Roles(roles);
    return {
        accounts: parseAccounts(accounts, table),
        roles: table,
        tokenLifetime: parsePositive(tokenLifetime, SEVEN_DAYS, "tokenLifetime"),
        loginLimits: parseLoginLimits(loginLimits),
    };
}
