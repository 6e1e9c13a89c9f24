/** An account as the options give it: with a plain password or its hash. */
import { invalidOption, parseOptions } from "./parse";
import { isPasswordHash } from "./passwords";

/** One account of the `accounts` option. */
export interface AccountConfig {
    /** Client id and log-in name: 1 to 128 visible ASCII characters, because it travels in headers. */
    username: string;
    /**
     * Plain password, hashed when the server starts and kept as a hash only. Give either this or `passwordHash`; neither where the
     * client has a certificate or is known to a strategy of your own: then nobody can log in with a password.
     */
    password?: string;
    /** PHC string of an argon2id hash. */
    passwordHash?: string;
    /** A role of the table of roles. */
    role: string;
    /** Name for people. Default: the username. */
    displayName?: string;
}

/** Longest password in characters (UTF-16 code units) that is hashed or checked. */
export const MAX_PASSWORD_LENGTH = 1024;

const CLIENT_ID = /^[\x21-\x7e]{1,128}$/;
const MEMBERS = ["username", "password", "passwordHash", "role", "displayName"];

/** True if an account may have this id. */
export function isClientId(text: string): boolean {
    return CLIENT_ID.test(text);
}

function optionalString(value: unknown, option: string): string | undefined {
    if (value === undefined || (typeof value === "string" && value !== "")) return value;
    throw invalidOption(option, "must be a string that is not empty");
}

function parsePassword(value: unknown, option: string): string | undefined {
    const password = optionalString(value, option);
    if (password !== undefined && password.length > MAX_PASSWORD_LENGTH) throw invalidOption(option, "is too long");
    return password;
}

function parsePasswordHash(value: unknown, option: string): string | undefined {
    const passwordHash = optionalString(value, option);
    if (passwordHash !== undefined && !isPasswordHash(passwordHash)) {
        throw invalidOption(option, "must be an argon2id hash ($argon2id$…)");
    }
    return passwordHash;
}

/**
 * Reads one account.
 * @param path name of the option that holds it, for the error
 * @param hasRole tells which roles exist
 * @throws SseScError `INVALID_CONFIG` naming the option
 */
export function parseAccountConfig(value: unknown, path: string, hasRole: (role: string) => boolean): AccountConfig {
    const config = parseOptions(value, MEMBERS, path);
    const { username, role } = config;
    if (typeof username !== "string" || !isClientId(username)) {
        throw invalidOption(`${path}.username`, "must be 1 to 128 visible ASCII characters");
    }
    if (typeof role !== "string" || !hasRole(role)) throw invalidOption(`${path}.role`, "is not a known role");
    const password = parsePassword(config["password"], `${path}.password`);
    const passwordHash = parsePasswordHash(config["passwordHash"], `${path}.passwordHash`);
    if (password !== undefined && passwordHash !== undefined) {
        throw invalidOption(`${path}.password`, "must not be given together with passwordHash");
    }
    const displayName = optionalString(config["displayName"], `${path}.displayName`);
    return {
        username,
        role,
        ...(password !== undefined && { password }),
        ...(passwordHash !== undefined && { passwordHash }),
        ...(displayName !== undefined && { displayName }),
    };
}

/**
 * Reads the list of accounts.
 * @param needsPasswords true if nobody gets in without one
 * @throws SseScError `INVALID_CONFIG` also for an account without a password where it needs one, and for a username that comes twice
 */
export function parseAccountConfigs(
    value: readonly unknown[],
    hasRole: (role: string) => boolean,
    needsPasswords: boolean
): AccountConfig[] {
    const usernames = new Set<string>();
    return value.map((item, index) => {
        const path = `accounts[${index}]`;
        const config = parseAccountConfig(item, path, hasRole);
        if (needsPasswords && config.password === undefined && config.passwordHash === undefined) {
            throw invalidOption(`${path}.password`, "is missing: an account needs password or passwordHash");
        }
        if (usernames.has(config.username)) throw invalidOption(`${path}.username`, "is there twice");
        usernames.add(config.username);
        return config;
    });
}
