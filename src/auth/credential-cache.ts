/**
 * What the user's strategies found out, by the header that holds the secret and its whole value: the very text that a strategy saw, so
 * that nothing else is taken for it.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Credential } from "./strategy";

/** A remembered credential, and where its secret stands. */
export interface KnownCredential {
    readonly header: string;
    /** Position of the strategy that found it out. */
    readonly strategy: number;
    readonly credential: Credential;
}

/** Headers that never hold a secret: who took one for a key by mistake would let in everybody who knows it. */
const NO_SECRETS: ReadonlySet<string> = new Set(["clientid", "cid", "host", "origin", "referer", "user-agent"]);

/** Most headers in which secrets are looked for. */
const MAX_HEADERS = 8;

/** True if a header holds this secret, alone or behind a scheme (RFC 9110, section 11.4). */
function holds(value: string | string[] | undefined, secret: string): boolean {
    if (typeof value !== "string") return false;
    return value === secret || value.slice(value.indexOf(" ") + 1).trimStart() === secret;
}

/** The one header that holds a secret. If several do, nobody knows which of them the strategy has read. */
function headerOf(headers: IncomingHttpHeaders, secret: string): string | undefined {
    const names = Object.keys(headers).filter((name) => !name.startsWith(":") && holds(headers[name], secret));
    const [name] = names;
    return names.length === 1 && name !== undefined && !NO_SECRETS.has(name) ? name : undefined;
}

/** Bounded in headers, and in values of each. */
export class CredentialCache {
    /** By header, then by value; a value that was remembered first goes first. */
    readonly #byHeader = new Map<string, Map<string, KnownCredential>>();

    /** @param maxPerHeader values of one header that are remembered */
    constructor(private readonly maxPerHeader: number) {}

    /** How many credentials are remembered. */
    get size(): number {
        let size = 0;
        for (const values of this.#byHeader.values()) size += values.size;
        return size;
    }

    /** Remembers a credential that has an end and a key, if the key stands in a header. */
    add(headers: IncomingHttpHeaders, credential: Credential): void {
        const { cacheKey = "", expiresAt, strategy } = credential;
        if (cacheKey === "" || expiresAt === undefined || strategy === undefined) return;
        const header = headerOf(headers, cacheKey);
        const value = header === undefined ? undefined : headers[header];
        if (header === undefined || typeof value !== "string") return;
        const values = this.#valuesOf(header);
        if (values === undefined) return;
        const [oldest] = values.keys();
        if (oldest !== undefined && values.size >= this.maxPerHeader) values.delete(oldest);
        values.set(value, { header, strategy, credential });
    }

    /** What is known of a request: of several credentials the one whose strategy comes first. */
    find(headers: IncomingHttpHeaders): KnownCredential | undefined {
        let first: KnownCredential | undefined;
        for (const [header, values] of this.#byHeader) {
            const value = headers[header];
            const known = typeof value === "string" ? values.get(value) : undefined;
            if (known === undefined || typeof value !== "string") continue;
            if ((known.credential.expiresAt ?? 0) <= Date.now()) values.delete(value);
            else if (first === undefined || known.strategy < first.strategy) first = known;
        }
        return first;
    }

    #valuesOf(header: string): Map<string, KnownCredential> | undefined {
        let values = this.#byHeader.get(header);
        if (values === undefined && this.#byHeader.size < MAX_HEADERS) {
            this.#byHeader.set(header, (values = new Map<string, KnownCredential>()));
        }
        return values;
    }
}
