/**
 * Which credentials go where.
 *
 * node-wot keeps credentials by Thing id, and a Thing id is only what some TD says. So credentials stay with the first origin
 * that they were used for: a TD with the same id and a form on another host gets nothing (design.md, "Client side"). Origins in the
 * configuration are the user's own word.
 */
import { isLoopback } from "./http/origin";
import type { Credentials } from "./http/credentials";

/** Tells accounts apart. */
export function accountKey(credentials: Credentials | undefined): string {
    if (credentials === undefined) return "";
    if ("token" in credentials) return key("token", credentials.token, credentials.clientId ?? "");
    if ("clientCert" in credentials) return key("certificate", credentials.clientCert, credentials.clientId ?? "");
    return key("password", credentials.username, credentials.password);
}

/** What a client was given by node-wot; it is for one Thing and hence for one origin. */
export interface GivenCredentials {
    readonly credentials: Credentials;
    /** The origin that this client used them for. */
    origin: string | undefined;
}

/** The credentials that a factory knows. */
export class CredentialMemory {
    /** Origin by Thing id and account: the first one. */
    readonly #bound = new Map<string, string>();
    /** Credentials by origin and Thing id, for clients that node-wot makes without them. */
    readonly #remembered = new Map<string, Credentials>();

    constructor(
        private readonly configured: ReadonlyMap<string, Credentials>,
        private readonly warn: (line: string) => void
    ) {}

    /** The credentials for an origin that the configuration names. */
    configuredFor(origin: string): Credentials | undefined {
        return this.configured.get(origin);
    }

    /** The credentials to use for a Thing at an origin; `undefined` if none may be shown there. */
    find(origin: string, thingId: string, given: GivenCredentials | undefined): Credentials | undefined {
        const own = given !== undefined && this.#bind(origin, thingId, given) ? given.credentials : undefined;
        return own ?? this.#remembered.get(key(origin, thingId)) ?? this.configured.get(origin);
    }

    clear(): void {
        this.#bound.clear();
        this.#remembered.clear();
    }

    #bind(origin: string, thingId: string, given: GivenCredentials): boolean {
        const { credentials } = given;
        const owner = key(thingId, accountKey(credentials));
        const bound = given.origin ?? this.#bound.get(owner) ?? origin;
        if (bound !== origin) {
            if (!this.configured.has(origin)) this.#warnOnce(origin, thingId, `they belong to ${bound}`);
            return false;
        }
        const problem = origin.startsWith("https:") ? undefined : withoutTls(origin, credentials);
        if (problem !== undefined) {
            if (!this.configured.has(origin)) this.#warnOnce(origin, thingId, problem);
            return false;
        }
        given.origin = origin;
        this.#bound.set(owner, origin);
        this.#remembered.set(key(origin, thingId), credentials);
        return true;
    }

    #warnOnce(origin: string, thingId: string, reason: string): void {
        const line = `credentials of ${thingId} are not sent to ${origin}: ${reason}; name the origin in the configuration`;
        if (this.#warned.has(line)) return;
        if (this.#warned.size < MAX_WARNINGS) this.#warned.add(line);
        this.warn(`${line} (credentials) if that is meant`);
    }

    readonly #warned = new Set<string>();
}

const MAX_WARNINGS = 1_000;

/** Why credentials are not shown without TLS, if they are not. */
function withoutTls(origin: string, credentials: Credentials): string | undefined {
    if ("clientCert" in credentials) return "a certificate needs TLS";
    return isLoopback(origin) ? undefined : "they would travel readably";
}

function key(...parts: readonly string[]): string {
    return JSON.stringify(parts);
}
